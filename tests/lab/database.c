/*
 * database PATH: what a cluster.db holds, a line for each thing.
 *
 * Opened as clusterd opens it, so not while one has it open.  Exit 1, with the
 * reason, when clusterd would not open it or would rebuild it.
 */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>

#include "storage/formerdb.h"
#include "storage/memberdb.h"
#include "storage/store.h"

static int
print_members(struct ha_store *store)
{
	struct ha_member_row rows[HA_MEMBERDB_MAX];
	struct ha_former formers[HA_MEMBERDB_MAX];
	uint64_t version;
	size_t n;
	int rc = ha_memberdb_list(store, rows, &n, &version);

	if (rc == HA_OK)
		rc = ha_formerdb_list(store, formers);
	if (rc != HA_OK)
		return rc;
	printf("version %" PRIu64 "\n", version);
	for (size_t i = 0; i < n; i++)
		printf("member %u %s\n", rows[i].index, rows[i].serial);
	for (int i = 0; i < HA_MEMBERDB_MAX; i++)
		if (formers[i].serial[0] != '\0')
			printf("former %d %s\n", i + 1, formers[i].serial);
	return HA_OK;
}

static int
print_past(struct ha_store *store)
{
	uint64_t boots[HA_MEMBERDB_MAX];
	struct ha_last_state last;
	int rc = ha_memberdb_boots(store, boots);

	if (rc != HA_OK)
		return rc;
	for (int i = 0; i < HA_MEMBERDB_MAX; i++)
		if (boots[i] != 0)
			printf("seen %d %" PRIu64 "\n", i + 1, boots[i]);
	rc = ha_memberdb_last_state(store, &last);
	if (rc == HA_OK)
		printf("state %s\n", last.state);
	return rc == HA_ERR_ABSENT ? HA_OK : rc;
}

/* Nothing of ours tells the counter without taking the next one. */
static void
print_boot(const char *path)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *sql = NULL;

	if (sqlite3_open_v2(path, &sql, SQLITE_OPEN_READONLY, NULL) ==
	    SQLITE_OK && sqlite3_prepare_v2(sql, "SELECT counter FROM boot",
	    -1, &stmt, NULL) == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
		printf("boot %lld\n", sqlite3_column_int64(stmt, 0));
	sqlite3_finalize(stmt);
	sqlite3_close(sql);
}

int
main(int argc, char **argv)
{
	struct ha_store *store = NULL;
	int rc;

	if (argc != 2)
		return 2;
	rc = ha_store_open(argv[1], &store);
	if (rc == HA_OK)
		rc = print_members(store);
	if (rc == HA_OK)
		rc = print_past(store);
	ha_store_close(store);
	if (rc != HA_OK) {
		fprintf(stderr, "database: %s\n", ha_err_text(rc));
		return 1;
	}
	print_boot(argv[1]);
	return 0;
}
