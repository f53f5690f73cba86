#include "conf/conf_report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void
ha_conf_report_init(struct ha_conf_report *report)
{
	memset(report, 0, sizeof(*report));
}

void
ha_conf_report_free(struct ha_conf_report *report)
{
	free(report->messages);
	ha_conf_report_init(report);
}

/* Room for one more message, or NULL. */
static struct ha_conf_message *
extend(struct ha_conf_report *report)
{
	struct ha_conf_message *grown;
	size_t capacity;

	if (report->n == report->capacity) {
		capacity = report->capacity == 0 ? 8 : 2 * report->capacity;
		grown = realloc(report->messages, capacity * sizeof(*grown));
		if (grown == NULL) {
			report->nomem = true;
			return NULL;
		}
		report->messages = grown;
		report->capacity = capacity;
	}
	return &report->messages[report->n++];
}

static void HA_PRINTF(4, 0)
add(struct ha_conf_report *report, enum ha_conf_level level, unsigned int line,
    const char *fmt, va_list ap)
{
	struct ha_conf_message *m = extend(report);

	if (level == HA_CONF_ERROR)
		report->n_errors++;
	if (m == NULL)
		return;
	m->level = level;
	m->line = line;
	vsnprintf(m->text, sizeof(m->text), fmt, ap);
}

void
ha_conf_error(struct ha_conf_report *report, unsigned int line,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(report, HA_CONF_ERROR, line, fmt, ap);
	va_end(ap);
}

void
ha_conf_warning(struct ha_conf_report *report, unsigned int line,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(report, HA_CONF_WARNING, line, fmt, ap);
	va_end(ap);
}

/* Insertion keeps the order of equals, and reports are short. */
void
ha_conf_report_sort(struct ha_conf_report *report)
{
	struct ha_conf_message *m = report->messages;

	for (size_t i = 1; i < report->n; i++) {
		struct ha_conf_message moving = m[i];
		size_t j = i;

		while (j > 0 && m[j - 1].line > moving.line) {
			m[j] = m[j - 1];
			j--;
		}
		m[j] = moving;
	}
}

void
ha_conf_report_print(const struct ha_conf_report *report, const char *file,
    FILE *out)
{
	for (size_t i = 0; i < report->n; i++) {
		const struct ha_conf_message *m = &report->messages[i];
		const char *level = m->level == HA_CONF_ERROR ? "error" :
		    "warning";

		if (m->line == 0)
			fprintf(out, "%s: %s: %s\n", file, level, m->text);
		else
			fprintf(out, "%s:%u: %s: %s\n", file, m->line, level,
			    m->text);
	}
	if (report->nomem)
		fprintf(out, "%s: error: no memory for more messages\n",
		    file);
}

int
ha_conf_report_result(const struct ha_conf_report *report)
{
	if (report->nomem)
		return HA_ERR_NOMEM;
	return report->n_errors == 0 ? HA_OK : HA_ERR_CONFIG;
}
