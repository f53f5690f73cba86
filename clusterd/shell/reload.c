#include "shell/reload.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
ha_reload_free(struct ha_reload *r)
{
	ha_files_said_free(&r->said);
}

void
ha_reload_refuse(struct ha_reload *r, const char *code, const char *fmt, ...)
{
	va_list ap;

	r->code = code;
	va_start(ap, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, ap);
	va_end(ap);
}

bool
ha_reload_refuse_files(struct ha_reload *r)
{
	size_t n = 0;
	bool nomem = false;

	for (int i = 0; i < HA_FILE_MAX; i++) {
		n += r->said.report[i].n_errors;
		nomem |= r->said.report[i].nomem;
	}
	if (nomem)
		ha_reload_refuse(r, "no-memory", "clusterd is out of memory");
	else if (n > 0)
		ha_reload_refuse(r, "config", "%zu error%s", n,
		    n == 1 ? "" : "s");
	return nomem || n > 0;
}

static void
add_word(const char *word, char *out, size_t size)
{
	size_t len = strlen(out);

	snprintf(out + len, size - len, "%s%s", len == 0 ? "" : ",", word);
}

void
ha_reload_names(const struct ha_reload *r, enum ha_reload_fate fate,
    char *out, size_t size)
{
	out[0] = '\0';
	for (size_t i = 0; i < r->n_members; i++)
		if (r->members[i].fate == fate)
			add_word(r->members[i].serial, out, size);
}

void
ha_reload_keys(const struct ha_reload *r, char *out, size_t size)
{
	out[0] = '\0';
	for (size_t i = 0; i < r->n_keys; i++)
		add_word(r->keys[i], out, size);
}
