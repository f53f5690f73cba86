/*
 * secret_file: small files that hold keys.
 *
 * Who may read such a file is one rule for all of them: its owner, which is
 * root or the user that we are, and the group clusterd.
 *
 * Ownership  *out is guarded memory; ha_secret_file_free() wipes it.
 * Blocking   reads or writes one small file.
 */
#ifndef HA_CONF_SECRET_FILE_H
#define HA_CONF_SECRET_FILE_H

#include <stddef.h>

#include "base/err.h"
#include "conf/conf_report.h"

#define HA_SECRET_FILE_MAX 4096 /* bytes */

/* Read the whole file, terminated.  HA_ERR_PERM: it may not be read, or may
 * be by too many; HA_ERR_CONFIG: too long, or a zero byte in it. */
HA_MUST_USE int ha_secret_file_read(const char *path,
    struct ha_conf_report *report, char **out);

/* NULL is allowed. */
void ha_secret_file_free(char *text);

/* Write a new file with mode 0600; it and its name are on disk when this
 * returns.  HA_ERR_EXISTS: path is taken, and untouched. */
HA_MUST_USE int ha_secret_file_create(const char *path, const char *text,
    size_t len);

/* Rewrite a file that is there, whole or not at all; owner, group and mode
 * stay.  edit() looks at each line as ha_secret_file_line() gives it and
 * returns the same pointer to leave it as it is, NULL to take it out, or what
 * stands there instead; more, unless NULL, becomes the last line. */
HA_MUST_USE int ha_secret_file_edit(const char *path,
    struct ha_conf_report *report,
    const char *(*edit)(void *arg, char *line), void *arg, const char *more);

/* Cut the next line off *text and take away blanks around it; a comment is
 * an empty line.  NULL: no more lines. */
char *ha_secret_file_line(char **text);

#endif /* HA_CONF_SECRET_FILE_H */
