/*
 * file: whole files by their names, and names that last.
 *
 * Ownership  a name that is made is the caller's to free.
 * Blocking   what is called durable waits for the disk.
 * Errors     HA_ERR_ABSENT, HA_ERR_EXISTS, HA_ERR_PERM, HA_ERR_FULL,
 *            HA_ERR_NOMEM, HA_ERR_IO.  What could not be flushed is not there:
 *            nobody flushes the same bytes again and believes the answer.
 */
#ifndef HA_STORAGE_FILE_H
#define HA_STORAGE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* An errno as one of ours. */
int ha_file_err(int error);

/* PATH and a suffix; NULL: no memory. */
char *ha_file_name(const char *path, const char *suffix);

bool ha_file_exists(const char *path);

/* In bytes; -1: there is no such file. */
int64_t ha_file_size(const char *path);

/* Its bytes are on disk. */
HA_MUST_USE int ha_file_sync(const char *path);

/* Durable; what has the new name is replaced. */
HA_MUST_USE int ha_file_rename(const char *from, const char *to);

/* Not being there is no error. */
int ha_file_remove(const char *path);

/* The bytes are durable, the name is not.  Nobody may have either file open as
 * a database: closing it would drop that one's locks. */
HA_MUST_USE int ha_file_copy(const char *from, const char *to);

#endif /* HA_STORAGE_FILE_H */
