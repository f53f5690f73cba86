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
 *		(raise an alarm)
 *		rc = ha_store_set_aside(path, name, sizeof(name));
 *		rc = ha_store_restore(path);       HA_ERR_ABSENT is no error
 *		rc = ha_store_open(path, &store);
 *	}
 *
 * Ownership  the caller owns the store; one process at a time has a database
 *            open, and one thread uses it.
 * Blocking   every change waits for the disk: shell only, never the core.
 * Errors     HA_ERR_CORRUPT  damaged, cut short, or lost while PATH.good is
 *                            there
 *            HA_ERR_NEWER    written by a later release: left alone
 *            HA_ERR_EXISTS   a database of some other program: left alone
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

/* Rename a damaged database (and its journal) to the first free name of
 * PATH.damaged-1, -2 ... and copy that name to aside; nothing there: "". */
HA_MUST_USE int ha_store_set_aside(const char *path, char *aside, size_t size);

/* Copy PATH.good to PATH, where nothing may be.  HA_ERR_ABSENT: no copy;
 * HA_ERR_CORRUPT: the copy is damaged as well and has been renamed to
 * PATH.good.damaged.  After either, opening starts from an empty database. */
HA_MUST_USE int ha_store_restore(const char *path);

/* False while the last copy to PATH.good failed (the change itself stands);
 * the next change tries again. */
bool ha_store_good_is_current(const struct ha_store *store);

#endif /* HA_STORAGE_STORE_H */
