/*
 * One connection that holds the file exclusively from opening to closing: two
 * daemons on one state directory would take the same boot counter twice.
 * A rollback journal and synchronous=EXTRA: what was reported as done is on
 * disk, and the journal's end as well.
 *
 * PATH.good is written by VACUUM INTO, which reads every table: of a database
 * that went bad under us no copy replaces the last good one, as a copy page by
 * page would.  It goes to a name of its own first and is renamed when it is on
 * disk, so that PATH.good is whole at any moment.
 */
#include "storage/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "storage/file.h"
#include "storage/row.h"
#include "storage/schema.h"
#include "storage/store_priv.h"

static const char SETTINGS[] =
    "PRAGMA locking_mode = EXCLUSIVE;"
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA cell_size_check = ON;"
    "PRAGMA mmap_size = 0;"
    "PRAGMA temp_store = MEMORY;"
    "BEGIN EXCLUSIVE; COMMIT;"
    "PRAGMA journal_mode = DELETE;"
    "PRAGMA synchronous = EXTRA;";

/* When SQLite blames the system, what did the system say? */
static int
from_system(sqlite3 *sql)
{
	int error = sql == NULL ? 0 : sqlite3_system_errno(sql);
	int rc = error == 0 ? HA_ERR_IO : ha_file_err(error);

	return rc == HA_ERR_ABSENT || rc == HA_ERR_EXISTS ? HA_ERR_IO : rc;
}

/* SQLITE_ERROR: our statements are right, so the tables are wrong. */
int
ha_store_err(sqlite3 *sql, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return HA_OK;
	case SQLITE_NOMEM:
		return HA_ERR_NOMEM;
	case SQLITE_FULL:
		return HA_ERR_FULL;
	case SQLITE_CONSTRAINT:
		return HA_ERR_EXISTS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return HA_ERR_AGAIN;
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_AUTH:
		return HA_ERR_PERM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR:
	case SQLITE_SCHEMA:
	case SQLITE_MISMATCH:
		return HA_ERR_CORRUPT;
	default:
		return from_system(sql);
	}
}

int
ha_store_exec(sqlite3 *sql, const char *text)
{
	return ha_store_err(sql, sqlite3_exec(sql, text, NULL, NULL, NULL));
}

static int
vacuum_into(struct ha_store *store, const char *path)
{
	struct ha_row row;

	ha_row_open(&row, store, "VACUUM INTO ?1");
	ha_row_put_text(&row, path);
	return ha_row_run(&row);
}

static int
renew_good(struct ha_store *store)
{
	char *good = ha_file_name(store->path, HA_STORE_GOOD);
	char *new = ha_file_name(store->path, HA_STORE_GOOD ".new");
	int rc = good == NULL || new == NULL ? HA_ERR_NOMEM : HA_OK;

	if (rc == HA_OK)
		rc = ha_file_remove(new);
	if (rc == HA_OK)
		rc = vacuum_into(store, new);
	if (rc == HA_OK)
		rc = ha_file_sync(new);
	if (rc == HA_OK)
		rc = ha_file_rename(new, good);
	if (rc != HA_OK && new != NULL)
		ha_file_remove(new);
	free(good);
	free(new);
	return rc;
}

/* Is it the disk, and not what was asked for? */
static bool
is_trouble(int rc)
{
	return rc == HA_ERR_FULL || rc == HA_ERR_IO || rc == HA_ERR_PERM ||
	    rc == HA_ERR_CORRUPT || rc == HA_ERR_NOMEM;
}

static int
note_trouble(struct ha_store *store, int rc)
{
	if (is_trouble(rc))
		store->health = rc;
	return rc;
}

int
ha_store_begin(struct ha_store *store)
{
	return note_trouble(store, ha_store_exec(store->sql,
	    "BEGIN IMMEDIATE"));
}

int
ha_store_end(struct ha_store *store, int rc, bool copy)
{
	if (rc == HA_OK)
		rc = ha_store_exec(store->sql, "COMMIT");
	if (rc != HA_OK) {
		/* After some errors SQLite has rolled back by itself. */
		if (sqlite3_get_autocommit(store->sql) == 0)
			sqlite3_exec(store->sql, "ROLLBACK", NULL, NULL, NULL);
		return note_trouble(store, rc);
	}
	if (copy && store->path != NULL)
		store->health = renew_good(store);
	return HA_OK;
}

static bool
in_memory(const char *path)
{
	return strcmp(path, ":memory:") == 0;
}

/* SQLite takes what is missing of the last page for zeros. */
static int
check_size(const struct ha_store *store, const char *path)
{
	int64_t size = 0;
	int rc = ha_row_number(store, "SELECT page_count * page_size "
	    "FROM pragma_page_count, pragma_page_size", &size);

	if (rc == HA_OK && !in_memory(path) && ha_file_size(path) < size)
		rc = HA_ERR_CORRUPT;
	return rc;
}

/* One row with "ok", or with what is wrong. */
static int
check_pages(const struct ha_store *store)
{
	char text[8] = "";
	struct ha_row row;
	int rc;

	ha_row_open(&row, store, "PRAGMA integrity_check(1)");
	if (ha_row_next(&row))
		ha_row_get_text(&row, text, sizeof(text));
	rc = ha_row_close(&row);
	return rc == HA_OK && strcmp(text, "ok") != 0 ? HA_ERR_CORRUPT : rc;
}

static int
check_rows(struct ha_store *store)
{
	int rc = ha_memberdb_verify(store);

	if (rc == HA_OK)
		rc = ha_formerdb_verify(store);
	if (rc == HA_OK)
		rc = ha_bootdb_verify(store);
	if (rc == HA_OK)
		rc = ha_eventdb_verify(store);
	return rc;
}

static int
open_connection(const char *path, sqlite3 **out)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
	    SQLITE_OPEN_NOMUTEX;
	sqlite3 *sql = NULL;
	int rc = sqlite3_open_v2(path, &sql, flags, NULL);

	if (sql == NULL)
		return HA_ERR_NOMEM;
	rc = ha_store_err(sql, rc);
	if (rc == HA_OK) {
		sqlite3_extended_result_codes(sql, 1);
		sqlite3_db_config(sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		rc = ha_store_exec(sql, SETTINGS);
	}
	if (rc != HA_OK) {
		sqlite3_close(sql);
		return rc;
	}
	*out = sql;
	return HA_OK;
}

/* changed: it was of another schema, or is new. */
static int
connect_checked(struct ha_store *store, const char *path, bool *changed)
{
	int version = 0;
	int rc = open_connection(path, &store->sql);

	if (rc == HA_OK)
		rc = ha_schema_version(store->sql, &version);
	if (rc == HA_OK)
		rc = check_size(store, path);
	if (rc == HA_OK)
		rc = check_pages(store);
	if (rc == HA_OK)
		rc = ha_schema_migrate(store->sql, version, HA_SCHEMA_LATEST);
	if (rc == HA_OK)
		rc = check_rows(store);
	*changed = version != HA_SCHEMA_LATEST;
	return rc;
}

static int
open_checked(const char *path, struct ha_store **out, bool *changed)
{
	struct ha_store *store = calloc(1, sizeof(*store));
	int rc;

	if (store == NULL)
		return HA_ERR_NOMEM;
	rc = connect_checked(store, path, changed);
	if (rc != HA_OK) {
		ha_store_close(store);
		return rc;
	}
	*out = store;
	return HA_OK;
}

int
ha_store_open_checked(const char *path, struct ha_store **out)
{
	bool changed;

	return open_checked(path, out, &changed);
}

/* Remember the path, and see to the copy. */
static int
begin_copies(struct ha_store *store, const char *path, bool renew)
{
	char *good = ha_file_name(path, HA_STORE_GOOD);

	store->path = strdup(path);
	if (good == NULL || store->path == NULL) {
		free(good);
		return HA_ERR_NOMEM;
	}
	if (renew || !ha_file_exists(good))
		store->health = renew_good(store);
	free(good);
	return HA_OK;
}

int
ha_store_open_with_copies(const char *path, bool renew, struct ha_store **out)
{
	struct ha_store *store = NULL;
	bool changed;
	int rc = open_checked(path, &store, &changed);

	if (rc == HA_OK)
		rc = begin_copies(store, path, renew || changed);
	if (rc != HA_OK) {
		ha_store_close(store);
		return rc;
	}
	*out = store;
	return HA_OK;
}

static bool
has_beside(const char *path, const char *suffix, int *rc)
{
	char *name = ha_file_name(path, suffix);
	bool has = name != NULL && ha_file_exists(name);

	if (name == NULL)
		*rc = HA_ERR_NOMEM;
	free(name);
	return has;
}

/* SQLite takes a file that is cut down to less than a page for a new one.  It
 * is new only when it is empty, and nothing beside it tells of better days. */
static int
check_not_lost(const char *path)
{
	int64_t size = ha_file_size(path);
	int rc = HA_OK;

	if (size < HA_STORE_SMALLEST &&
	    (size > 0 || has_beside(path, HA_STORE_GOOD, &rc) ||
	    has_beside(path, HA_STORE_NEW, &rc)))
		return HA_ERR_CORRUPT;
	return rc;
}

int
ha_store_open(const char *path, struct ha_store **out)
{
	int rc;

	if (in_memory(path))
		return ha_store_open_checked(path, out);
	rc = check_not_lost(path);
	return rc == HA_OK ? ha_store_open_with_copies(path, false, out) : rc;
}

void
ha_store_close(struct ha_store *store)
{
	if (store == NULL)
		return;
	HA_CHECK(sqlite3_close(store->sql) == SQLITE_OK);
	free(store->path);
	free(store);
}

int
ha_store_health(const struct ha_store *store)
{
	return store->health;
}
