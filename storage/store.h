/*
 * store: the one SQLite database of a member, cluster.db.
 *
 * Opening checks the file whole (every page, every row's own check sum) and
 * brings an older schema up to date.  After each change of the membership or
 * of a boot counter a second file, PATH.good, gets a copy, so that a damaged
 * database can be rebuilt:
 *
 *	rc = ha_store_open(path, &store);
 *	if (rc == HA_ERR_CORRUPT) {
 *		rc = ha_store_rebuild(path, &how, &store);
 *		(raise an alarm)
 *	}
 *
 * Ownership  the caller owns the store; one process at a time has a database
 *            open, and one thread uses it.
 * Blocking   every change waits for the disk: shell only, never the core.
 * Errors     HA_ERR_CORRUPT  damaged, cut short, no database of ours, or lost
 *                            while PATH.good is there
 *            HA_ERR_NEWER    written by a later release: left alone
 *            HA_ERR_AGAIN    another process has it open
 *            HA_ERR_FULL     no room on the disk
 *            HA_ERR_PERM, HA_ERR_IO, HA_ERR_NOMEM
 *            After HA_ERR_FULL the state is the one before the change.  After
 *            HA_ERR_IO it is that, or the one after it when the disk failed
 *            in the very last step; it is never between the two.
 */
#ifndef HA_STORAGE_STORE_H
#define HA_STORAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define HA_STORE_FILE "cluster.db" /* in the state directory */

struct ha_store;

/* When something happens: for people, and so that a distance can be told that
 * nobody bends by setting the clock. */
struct ha_store_time {
	int64_t wall_s;        /* since the Unix epoch */
	int64_t up_s;          /* since the host booted, 0 or more */
	uint8_t host_boot[16]; /* which boot of the host that was */
};

/* Open or create; ":memory:" keeps nothing and makes no copies. */
HA_MUST_USE int ha_store_open(const char *path, struct ha_store **out);

/* Close and free; NULL is allowed. */
void ha_store_close(struct ha_store *store);

struct ha_rebuilt {
	bool from_copy; /* else it began empty */
	char aside[32]; /* where the damaged one is: PATH and this; "": none */
};

/* What ha_store_open() found to be damaged is renamed, with its journal, and a
 * new database takes its place: PATH.good, or an empty one when there is none
 * or that is damaged as well (it becomes PATH.good.damaged).  Its boot counter
 * has a good start on what was ever used, and its last state tells that this is
 * no first installation. */
HA_MUST_USE int ha_store_rebuild(const char *path, struct ha_rebuilt *how,
    struct ha_store **out);

/* HA_OK, or why the last change, or its copy in PATH.good, was not written.  A
 * change that was refused is gone; the copy is made up for by the next one. */
int ha_store_health(const struct ha_store *store);

#endif /* HA_STORAGE_STORE_H */
