/*
 * files: the three files that the operator gives to clusterd.
 *
 * Ownership  ha_files_close() takes back what ha_files_load() filled in, and
 *            ha_files_said_free() what was said of it.  Paths are borrowed
 *            from the options.
 * Blocking   reads three small files.
 * Errors     HA_ERR_CONFIG and others; what is wrong has been said, all of it.
 */
#ifndef HA_SHELL_FILES_H
#define HA_SHELL_FILES_H

#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "conf/cluster_conf.h"
#include "conf/conf_report.h"
#include "conf/identity.h"
#include "conf/secret.h"
#include "shell/options.h"
#include "storage/memberdb.h"

struct ha_files {
	struct ha_cluster_conf *conf;
	struct ha_identity *identity;
	struct ha_secret *secret;
	const struct ha_conf_member *self; /* within conf; with prefixes */
	uint8_t digest[HA_CONF_DIGEST_LEN]; /* of conf as it was written */
};

enum ha_file {
	HA_FILE_CONF,
	HA_FILE_IDENTITY,
	HA_FILE_SECRET,
	HA_FILE_MAX,
};

/* Errors and warnings, of each file. */
struct ha_files_said {
	const char *path[HA_FILE_MAX];
	struct ha_conf_report report[HA_FILE_MAX];
};

/* said is filled in, whatever the result. */
HA_MUST_USE int ha_files_load(const struct ha_options *options,
    struct ha_files_said *said, struct ha_files *out);

void ha_files_said_print(const struct ha_files_said *said, FILE *out);

void ha_files_said_free(struct ha_files_said *said);

/* Wipes what is secret. */
void ha_files_close(struct ha_files *files);

/* The members as the membership table has them; returns how many. */
size_t ha_files_rows(const struct ha_files *files,
    struct ha_member_row rows[static HA_MEMBERDB_MAX]);

#endif /* HA_SHELL_FILES_H */
