/*
 * reload: what became of a changed file, for people and programs.
 *
 * Ownership  filled in by who reloads; ha_reload_free() releases what was said
 *            of the files.
 */
#ifndef HA_SHELL_RELOAD_H
#define HA_SHELL_RELOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "conf/cluster_conf.h"
#include "conf/conf_diff.h"
#include "shell/files.h"

#define HA_RELOAD_KEY_LEN 64

enum ha_reload_fate {
	HA_RELOAD_ADDED,
	HA_RELOAD_REMOVED,
	HA_RELOAD_CHANGED,
};

struct ha_reload_member {
	enum ha_reload_fate fate;
	char serial[HA_CONF_SERIAL_LEN];
};

struct ha_reload {
	bool done;         /* all of it is in force; else nothing has changed */
	const char *code;  /* refused: a word for programs ... */
	char why[512];     /* ... and a sentence */
	uint64_t version;  /* of the membership table now */
	struct ha_files_said said;
	size_t n_members;
	struct ha_reload_member members[2 * HA_MEMBER_MAX];
	size_t n_keys; /* what else is another here: "ha4 port" */
	char keys[HA_CONF_CHANGES_MAX + 2][HA_RELOAD_KEY_LEN];
};

void ha_reload_free(struct ha_reload *reload);

/* A word and a sentence, without its stop. */
void ha_reload_refuse(struct ha_reload *reload, const char *code,
    const char *fmt, ...) HA_PRINTF(3, 4);

/* The same for what was said of the files; false: no error was. */
bool ha_reload_refuse_files(struct ha_reload *reload);

/* "FW-C,FW-D": serials with that fate; "ha4 port,zone": keys. */
void ha_reload_names(const struct ha_reload *reload, enum ha_reload_fate fate,
    char *out, size_t size);
void ha_reload_keys(const struct ha_reload *reload, char *out, size_t size);

#endif /* HA_SHELL_RELOAD_H */
