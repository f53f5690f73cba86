#include "shell/log_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

static const char CUT[] = "...";

static void
replace_unprintable(char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c == 0x7f)
			*s = '?';
	}
}

/* n is what snprintf() said for size bytes: the length that there is. */
static size_t
fitted(int n, size_t size)
{
	if (n < 0)
		return 0;
	return (size_t)n < size ? (size_t)n : size - 1;
}

size_t
ha_log_line(char *out, size_t size, const char *event, uint64_t left_out,
    const char *fmt, va_list ap)
{
	size_t len;
	int n;

	HA_CHECK(size > sizeof(CUT));
	len = fitted(snprintf(out, size, "%s ", event), size);
	if (left_out > 0)
		len += fitted(snprintf(out + len, size - len,
		    "left-out=%" PRIu64 " ", left_out), size - len);
	n = vsnprintf(out + len, size - len, fmt, ap);
	if (n >= 0 && (size_t)n >= size - len)
		memcpy(out + size - sizeof(CUT), CUT, sizeof(CUT));
	len += fitted(n, size - len);
	while (len > 0 && out[len - 1] == ' ')
		out[--len] = '\0';
	replace_unprintable(out);
	return len;
}

const char *
ha_log_quote(char *out, size_t size, const char *text)
{
	size_t n = 0;

	HA_CHECK(size >= 3);
	out[n++] = '"';
	for (; *text != '\0' && n < size - 2; text++)
		out[n++] = *text == '"' || *text == '\\' ? '\'' : *text;
	out[n++] = '"';
	out[n] = '\0';
	replace_unprintable(out);
	return out;
}
