/*
 * store_priv: what the files of this directory share.
 */
#ifndef HA_STORAGE_STORE_PRIV_H
#define HA_STORAGE_STORE_PRIV_H

#include <sqlite3.h>
#include <stdbool.h>

#include "base/err.h"
#include "storage/formerdb.h"
#include "storage/memberdb.h"

/* Names beside the database. */
#define HA_STORE_GOOD ".good"
#define HA_STORE_NEW  ".restoring"

#define HA_STORE_SMALLEST 512 /* bytes of a database with any content */

struct ha_store {
	sqlite3 *sql;
	char *path; /* NULL: in memory, or without copies */
	int health;
};

/* SQLite's result as one of ours: the one place that knows both. */
int ha_store_err(sqlite3 *sql, int rc);

/* Run statements that have no results. */
HA_MUST_USE int ha_store_exec(sqlite3 *sql, const char *text);

/* Connect, check everything, bring the schema up to date: a store that makes
 * no copies, and one that does, with a first one when that is asked for, or due
 * by itself. */
HA_MUST_USE int ha_store_open_checked(const char *path, struct ha_store **out);
HA_MUST_USE int ha_store_open_with_copies(const char *path, bool renew,
    struct ha_store **out);

/* A transaction.  ha_store_end() commits when rc is HA_OK and rolls back
 * when not, and returns the first error; with copy, a commit renews
 * PATH.good. */
HA_MUST_USE int ha_store_begin(struct ha_store *store);
HA_MUST_USE int ha_store_end(struct ha_store *store, int rc, bool copy);

/* Members, borrowed; serials are terminated. */
struct ha_member_rows {
	const struct ha_member_row *row;
	size_t n;
};

/* The rule of storage/formerdb.h: what becomes of formers when the file
 * replaces the old table at now, and what is refused. */
void ha_formerdb_judge(struct ha_former formers[static HA_MEMBERDB_MAX],
    const struct ha_member_rows *old, const struct ha_member_rows *file,
    const struct ha_store_time *now, struct ha_replaced *out);

/* Who is in the table is no former holder; false: nobody was. */
bool ha_formerdb_confirm(struct ha_former formers[static HA_MEMBERDB_MAX],
    const struct ha_member_rows *table);

/* HA_ERR_ABSENT: that serial has no index. */
HA_MUST_USE int ha_formerdb_forget(
    struct ha_former formers[static HA_MEMBERDB_MAX],
    const struct ha_member_rows *old, const char *serial,
    const struct ha_store_time *now);

/* Within a transaction. */
HA_MUST_USE int ha_formerdb_save(struct ha_store *store,
    const struct ha_former formers[static HA_MEMBERDB_MAX]);
HA_MUST_USE int ha_formerdb_change_keys(struct ha_store *store,
    const struct ha_member_rows *old, const struct ha_member_rows *file,
    int64_t at_s);

/* Other counters may have been taken than this database knows: go on well
 * above. */
HA_MUST_USE int ha_bootdb_skip(struct ha_store *store);

/* Read every row once.  HA_ERR_CORRUPT: one is not as it was written. */
HA_MUST_USE int ha_memberdb_verify(struct ha_store *store);
HA_MUST_USE int ha_formerdb_verify(struct ha_store *store);
HA_MUST_USE int ha_bootdb_verify(struct ha_store *store);
HA_MUST_USE int ha_eventdb_verify(struct ha_store *store);

#endif /* HA_STORAGE_STORE_PRIV_H */
