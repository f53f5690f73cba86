#include "tools/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/table.h"

const char *
ha_text_or_dash(const char *text)
{
	return text == NULL || text[0] == '\0' ? "-" : text;
}

const char *
ha_text_duration(uint64_t s, char buf[static HA_TEXT_DURATION])
{
	if (s < 60)
		snprintf(buf, HA_TEXT_DURATION, "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(buf, HA_TEXT_DURATION, "%" PRIu64 "m%02us", s / 60,
		    (unsigned int)(s % 60));
	else if (s < 86400)
		snprintf(buf, HA_TEXT_DURATION, "%" PRIu64 "h%02um", s / 3600,
		    (unsigned int)(s % 3600 / 60));
	else
		snprintf(buf, HA_TEXT_DURATION, "%" PRIu64 "d%02uh", s / 86400,
		    (unsigned int)(s % 86400 / 3600));
	return buf;
}

const char *
ha_text_size(uint64_t bytes, char buf[static HA_TEXT_SIZE])
{
	static const char *const UNITS[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double v = (double)bytes;
	size_t unit = 0;

	while (v >= 1024 && unit + 1 < sizeof(UNITS) / sizeof(UNITS[0])) {
		v /= 1024;
		unit++;
	}
	snprintf(buf, HA_TEXT_SIZE, unit == 0 ? "%.0f %s" : "%.1f %s", v,
	    UNITS[unit]);
	return buf;
}

void
ha_text_line(FILE *stream, const char *what, const char *value)
{
	fprintf(stream, "%-15s %s\n", what, value);
}

void
ha_text_words(FILE *stream, const char *what, size_t n, char *const *words)
{
	fprintf(stream, "%-15s ", what);
	for (size_t i = 0; i < n; i++)
		fprintf(stream, "%s%s", i == 0 ? "" : ", ", words[i]);
	fputs(n == 0 ? "none\n" : "\n", stream);
}

void
ha_text_word(FILE *stream, const char *what, const char *word)
{
	const char *colour = isatty(fileno(stream)) &&
	    getenv("NO_COLOR") == NULL ? ha_table_colour(word) : NULL;

	fprintf(stream, "%-15s %s%s%s\n", what, colour == NULL ? "" : colour,
	    word, colour == NULL ? "" : "\033[0m");
}
