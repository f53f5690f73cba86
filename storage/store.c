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
 *
 * What is hard: a journal belongs to the bytes of one database.  When a
 * damaged one is moved away its journal goes first, since SQLite would play it
 * back into whatever it finds under that name.
 */
#include "storage/store.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "storage/row.h"
#include "storage/schema.h"
#include "storage/store_priv.h"

#define ASIDE_MAX 1000 /* damaged databases that are kept */
#define SMALLEST  512  /* bytes of a database of SQLite with any content */

static const char SETTINGS[] =
    "PRAGMA locking_mode = EXCLUSIVE;"
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA cell_size_check = ON;"
    "PRAGMA mmap_size = 0;"
    "PRAGMA temp_store = MEMORY;"
    "BEGIN EXCLUSIVE; COMMIT;"
    "PRAGMA journal_mode = DELETE;"
    "PRAGMA synchronous = EXTRA;";

static int
from_errno(int error)
{
	switch (error) {
	case ENOENT:
		return HA_ERR_ABSENT;
	case EEXIST:
		return HA_ERR_EXISTS;
	case EACCES:
	case EPERM:
	case EROFS:
		return HA_ERR_PERM;
	case ENOSPC:
	case EDQUOT:
		return HA_ERR_FULL;
	case ENOMEM:
		return HA_ERR_NOMEM;
	default:
		return HA_ERR_IO;
	}
}

/* When SQLite blames the system, what did the system say? */
static int
from_system(sqlite3 *sql)
{
	int error = sql == NULL ? 0 : sqlite3_system_errno(sql);
	int rc = error == 0 ? HA_ERR_IO : from_errno(error);

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

/* PATH and a suffix; NULL: no memory. */
static char *
with_suffix(const char *path, const char *suffix)
{
	size_t size = strlen(path) + strlen(suffix) + 1;
	char *name = malloc(size);

	if (name != NULL)
		snprintf(name, size, "%s%s", path, suffix);
	return name;
}

static int
sync_file(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);
	int rc = HA_OK;

	if (fd < 0)
		return from_errno(errno);
	if (fsync(fd) != 0)
		rc = from_errno(errno);
	close(fd);
	return rc;
}

/* Names are on disk when their directory is. */
static int
sync_directory_of(const char *path)
{
	char *copy = strdup(path);
	int rc;

	if (copy == NULL)
		return HA_ERR_NOMEM;
	rc = sync_file(dirname(copy), O_RDONLY | O_DIRECTORY);
	free(copy);
	return rc;
}

static int
rename_durably(const char *from, const char *to)
{
	if (rename(from, to) != 0)
		return from_errno(errno);
	return sync_directory_of(to);
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
	char *good = with_suffix(store->path, ".good");
	char *new = with_suffix(store->path, ".good.new");
	int rc = good == NULL || new == NULL ? HA_ERR_NOMEM : HA_OK;

	if (rc == HA_OK && unlink(new) != 0 && errno != ENOENT)
		rc = from_errno(errno);
	if (rc == HA_OK)
		rc = vacuum_into(store, new);
	if (rc == HA_OK)
		rc = sync_file(new, O_RDONLY);
	if (rc == HA_OK)
		rc = rename_durably(new, good);
	if (rc != HA_OK && new != NULL)
		unlink(new);
	free(good);
	free(new);
	return rc;
}

int
ha_store_begin(struct ha_store *store)
{
	return ha_store_exec(store->sql, "BEGIN IMMEDIATE");
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
		return rc;
	}
	if (copy && store->path != NULL)
		store->good_is_current = renew_good(store) == HA_OK;
	return HA_OK;
}

static bool
in_memory(const char *path)
{
	return strcmp(path, ":memory:") == 0;
}

/* -1: there is no such file. */
static off_t
size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

/* SQLite takes what is missing of the last page for zeros. */
static int
check_size(const struct ha_store *store, const char *path)
{
	int64_t size = 0;
	int rc = ha_row_number(store, "SELECT page_count * page_size "
	    "FROM pragma_page_count, pragma_page_size", &size);

	if (rc == HA_OK && !in_memory(path) && size_of(path) < size)
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

/* Connect, check everything, bring the schema up to date. */
static int
open_checked(const char *path, struct ha_store **out, bool *changed)
{
	struct ha_store *store = calloc(1, sizeof(*store));
	int version = 0;
	int rc;

	if (store == NULL)
		return HA_ERR_NOMEM;
	rc = open_connection(path, &store->sql);
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
	if (rc != HA_OK) {
		ha_store_close(store);
		return rc;
	}
	*changed = version != HA_SCHEMA_LATEST;
	*out = store;
	return HA_OK;
}

static bool
exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* Remember the path, and see to the copy. */
static int
begin_copies(struct ha_store *store, const char *path, bool changed)
{
	char *good = with_suffix(path, ".good");

	store->path = strdup(path);
	if (good == NULL || store->path == NULL) {
		free(good);
		return HA_ERR_NOMEM;
	}
	store->good_is_current = true;
	if (changed || !exists(good))
		store->good_is_current = renew_good(store) == HA_OK;
	free(good);
	return HA_OK;
}

/* SQLite takes a file that is cut down to less than a page for a new one.  It
 * is new only when it is empty, and no copy tells of better days. */
static int
check_not_lost(const char *path)
{
	char *good = with_suffix(path, ".good");
	off_t size = size_of(path);
	int rc = HA_OK;

	if (good == NULL)
		return HA_ERR_NOMEM;
	if (size < SMALLEST && (size > 0 || exists(good)))
		rc = HA_ERR_CORRUPT;
	free(good);
	return rc;
}

int
ha_store_open(const char *path, struct ha_store **out)
{
	struct ha_store *store = NULL;
	bool changed;
	int rc = in_memory(path) ? HA_OK : check_not_lost(path);

	if (rc == HA_OK)
		rc = open_checked(path, &store, &changed);
	if (rc == HA_OK && !in_memory(path))
		rc = begin_copies(store, path, changed);
	if (rc != HA_OK) {
		ha_store_close(store);
		return rc;
	}
	store->good_is_current |= in_memory(path);
	*out = store;
	return HA_OK;
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

bool
ha_store_good_is_current(const struct ha_store *store)
{
	return store->good_is_current;
}

/* The first free PATH.damaged-N; NULL: none, or no memory. */
static char *
free_name(const char *path)
{
	char suffix[32];

	for (int i = 1; i <= ASIDE_MAX; i++) {
		char *name;

		snprintf(suffix, sizeof(suffix), ".damaged-%d", i);
		name = with_suffix(path, suffix);
		if (name == NULL || !exists(name))
			return name;
		free(name);
	}
	return NULL;
}

static int
move_with_suffix(const char *from, const char *to, const char *suffix)
{
	char *a = with_suffix(from, suffix);
	char *b = with_suffix(to, suffix);
	int rc = HA_OK;

	if (a == NULL || b == NULL)
		rc = HA_ERR_NOMEM;
	else if (rename(a, b) != 0 && errno != ENOENT)
		rc = from_errno(errno);
	free(a);
	free(b);
	return rc;
}

int
ha_store_set_aside(const char *path, char *aside, size_t size)
{
	static const char *const PARTS[] = { "-journal", "-wal", "-shm", "" };
	bool is_there = exists(path);
	char *name = free_name(path);
	int rc = HA_OK;

	if (name == NULL)
		return HA_ERR_FULL;
	for (size_t i = 0; rc == HA_OK && i < sizeof(PARTS) / sizeof(*PARTS);
	    i++)
		rc = move_with_suffix(path, name, PARTS[i]);
	if (rc == HA_OK)
		rc = sync_directory_of(path);
	if (rc == HA_OK)
		snprintf(aside, size, "%s", is_there ? name : "");
	free(name);
	return rc;
}

static int
copy_bytes(int from, int to)
{
	char buffer[16384];
	ssize_t n;

	while ((n = read(from, buffer, sizeof(buffer))) > 0)
		for (ssize_t at = 0; at < n;) {
			ssize_t written = write(to, buffer + at,
			    (size_t)(n - at));

			if (written < 0)
				return from_errno(errno);
			at += written;
		}
	if (n < 0)
		return from_errno(errno);
	return fsync(to) == 0 ? HA_OK : from_errno(errno);
}

/* No connection has either file open: closing one would drop its locks. */
static int
copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out;
	int rc;

	if (in < 0)
		return from_errno(errno);
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (out < 0) {
		rc = from_errno(errno);
		close(in);
		return rc;
	}
	rc = copy_bytes(in, out);
	close(in);
	if (close(out) != 0 && rc == HA_OK)
		rc = from_errno(errno);
	return rc;
}

static int
check_copy(const char *path)
{
	struct ha_store *store = NULL;
	bool changed;
	int rc = open_checked(path, &store, &changed);

	ha_store_close(store);
	return rc;
}

static int
restore_by_way_of(const char *good, const char *new, const char *path)
{
	int rc = copy_file(good, new);

	if (rc == HA_OK)
		rc = size_of(new) < SMALLEST ? HA_ERR_CORRUPT :
		    check_copy(new);
	if (rc == HA_OK)
		rc = rename_durably(new, path);
	if (rc != HA_OK)
		unlink(new);
	return rc;
}

int
ha_store_restore(const char *path)
{
	char *good = with_suffix(path, ".good");
	char *damaged = with_suffix(path, ".good.damaged");
	char *new = with_suffix(path, ".restoring");
	int rc;

	if (good == NULL || damaged == NULL || new == NULL)
		rc = HA_ERR_NOMEM;
	else if (exists(path))
		rc = HA_ERR_EXISTS;
	else
		rc = restore_by_way_of(good, new, path);
	if (rc == HA_ERR_CORRUPT && rename_durably(good, damaged) != HA_OK)
		rc = HA_ERR_IO;
	free(good);
	free(damaged);
	free(new);
	return rc;
}
