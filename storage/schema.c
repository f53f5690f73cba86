#include "storage/schema.h"

#include <stdio.h>

#include "base/check.h"
#include "storage/store_priv.h"

/* Columns named sum: storage/row.h. */
static const char *const STEPS[HA_SCHEMA_LATEST] = {
	/* 1: the membership, and boot counters, the own and heard ones. */
	"PRAGMA application_id = 0x48413464;"
	"CREATE TABLE membership ("
	" id INTEGER PRIMARY KEY CHECK (id = 1),"
	" version INTEGER NOT NULL,"
	" members INTEGER NOT NULL,"
	" rows_sum INTEGER NOT NULL,"
	" sum INTEGER NOT NULL);"
	"CREATE TABLE member ("
	" idx INTEGER PRIMARY KEY CHECK (idx BETWEEN 1 AND 16),"
	" serial TEXT NOT NULL UNIQUE,"
	" name TEXT NOT NULL,"
	" site TEXT NOT NULL,"
	" description TEXT NOT NULL,"
	" ha4_address TEXT NOT NULL,"
	" ha4_backup_address TEXT NOT NULL,"
	" public_key BLOB NOT NULL UNIQUE,"
	" next_public_key BLOB UNIQUE,"
	" enabled INTEGER NOT NULL,"
	" session_synchronization INTEGER NOT NULL,"
	" sum INTEGER NOT NULL);"
	"CREATE TABLE boot ("
	" id INTEGER PRIMARY KEY CHECK (id = 1),"
	" counter INTEGER NOT NULL,"
	" starts INTEGER NOT NULL,"
	" sum INTEGER NOT NULL);"
	"CREATE TABLE boot_seen ("
	" idx INTEGER PRIMARY KEY CHECK (idx BETWEEN 1 AND 16),"
	" counter INTEGER NOT NULL,"
	" sum INTEGER NOT NULL);",

	/* 2: the own last state, and the history. */
	"CREATE TABLE last_state ("
	" id INTEGER PRIMARY KEY CHECK (id = 1),"
	" state TEXT NOT NULL,"
	" reason TEXT NOT NULL,"
	" at_s INTEGER NOT NULL,"
	" sum INTEGER NOT NULL);"
	"CREATE TABLE event ("
	" number INTEGER PRIMARY KEY CHECK (number > 0),"
	" at_ms INTEGER NOT NULL,"
	" name TEXT NOT NULL,"
	" text TEXT NOT NULL,"
	" sum INTEGER NOT NULL);",

	/* 3: what is out of the file: holders of an index, and keys. */
	"CREATE TABLE former ("
	" idx INTEGER PRIMARY KEY CHECK (idx BETWEEN 1 AND 16),"
	" serial TEXT NOT NULL,"
	" forgotten INTEGER NOT NULL,"
	" wall_s INTEGER NOT NULL,"
	" up_s INTEGER NOT NULL,"
	" host_boot BLOB NOT NULL,"
	" sum INTEGER NOT NULL);"
	"CREATE TABLE revoked_key ("
	" number INTEGER PRIMARY KEY CHECK (number > 0),"
	" key BLOB NOT NULL UNIQUE,"
	" serial TEXT NOT NULL,"
	" at_s INTEGER NOT NULL,"
	" sum INTEGER NOT NULL);",
};

static int
read_number(sqlite3 *sql, const char *query, int *out)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(sql, query, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? HA_OK : ha_store_err(sql, rc);
}

/* The number stands in each of the four bytes of user_version, so that no
 * flipped bit makes another number of it.  The first two steps wrote it
 * plainly. */
#define FOUR_TIMES 0x01010101
#define PLAIN_LAST 2

static int
mark_of(int step)
{
	return step <= PLAIN_LAST ? step : step * FOUR_TIMES;
}

/* 0: no step has that mark. */
static int
step_of(int mark)
{
	int step = mark <= PLAIN_LAST ? mark : mark / FOUR_TIMES;

	return step >= 1 && mark_of(step) == mark ? step : 0;
}

int
ha_schema_version(sqlite3 *sql, int *version)
{
	int application = 0;
	int mark = 0;
	int objects = 0;
	int rc;

	rc = read_number(sql, "PRAGMA application_id", &application);
	if (rc == HA_OK)
		rc = read_number(sql, "PRAGMA user_version", &mark);
	if (rc == HA_OK)
		rc = read_number(sql, "SELECT count(*) FROM sqlite_master",
		    &objects);
	if (rc != HA_OK)
		return rc;

	if (objects == 0 && application == 0 && mark == 0) {
		*version = 0;
		return HA_OK;
	}
	if (application != HA_SCHEMA_APPLICATION || step_of(mark) == 0)
		return HA_ERR_CORRUPT;
	if (step_of(mark) > HA_SCHEMA_LATEST)
		return HA_ERR_NEWER;
	*version = step_of(mark);
	return HA_OK;
}

static int
run_step(sqlite3 *sql, int step)
{
	char mark[64];
	int rc;

	snprintf(mark, sizeof(mark), "PRAGMA user_version = %d",
	    mark_of(step));
	rc = ha_store_exec(sql, "BEGIN IMMEDIATE");
	if (rc == HA_OK)
		rc = ha_store_exec(sql, STEPS[step - 1]);
	if (rc == HA_OK)
		rc = ha_store_exec(sql, mark);
	if (rc == HA_OK)
		rc = ha_store_exec(sql, "COMMIT");
	if (rc != HA_OK && sqlite3_get_autocommit(sql) == 0)
		sqlite3_exec(sql, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

int
ha_schema_migrate(sqlite3 *sql, int first, int last)
{
	int rc = HA_OK;

	HA_CHECK(first >= 0 && last <= HA_SCHEMA_LATEST);
	for (int step = first + 1; rc == HA_OK && step <= last; step++)
		rc = run_step(sql, step);
	return rc;
}
