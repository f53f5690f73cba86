#include <check.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/bootdb.h"
#include "storage/eventdb.h"
#include "storage/formerdb.h"
#include "storage/memberdb.h"
#include "storage/schema.h"
#include "storage/store.h"
#include "tests/unit/fault_vfs.h"
#include "tests/unit/store_fixture.h"

/* Everything that a database tells, as plain data to compare. */
struct content {
	struct ha_member_row members[HA_MEMBERDB_MAX];
	size_t n_members;
	uint64_t version;
	struct ha_former formers[HA_MEMBERDB_MAX];
	struct ha_revoked_key revoked;
	uint64_t boots[HA_MEMBERDB_MAX];
	struct ha_last_state state;
	struct ha_event_row events[8];
	size_t n_events;
};

static const struct ha_store_time NOW = { .wall_s = 1700000000,
	.up_s = 5, .host_boot = { 7 } };
static const uint8_t REVOKED[HA_MEMBERDB_KEY_LEN] = { 4, 4, 4 };

/* Three members; a fourth one left the file. */
static void
fill_members(void)
{
	struct ha_member_row rows[4] = { 0 };
	struct ha_replaced done;

	for (unsigned int i = 0; i < 4; i++) {
		rows[i].index = (uint8_t)(i + 1);
		snprintf(rows[i].serial, sizeof(rows[i].serial), "FW-%u", i);
		strcpy(rows[i].name, "some name");
		strcpy(rows[i].ha4_address, "10.4.0.1/24");
		memset(rows[i].public_key, (int)i + 1, 32);
	}
	memcpy(rows[3].public_key, REVOKED, sizeof(REVOKED));
	ck_assert_int_eq(ha_memberdb_replace(store, rows, 4, &NOW, &done),
	    HA_OK);
	ck_assert_int_eq(ha_memberdb_replace(store, rows, 3, &NOW, &done),
	    HA_OK);
}

static void
fill(void)
{
	struct ha_last_state state = { "active", "caught-up", 1700000000 };
	struct ha_boot_row boot;

	fill_members();
	ck_assert_int_eq(ha_memberdb_raise_boot(store, 2, 12), HA_OK);
	ck_assert_int_eq(ha_memberdb_save_state(store, &state), HA_OK);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(ha_eventdb_append(store, i, "member.state",
		    "from=initial to=active"), HA_OK);
	ck_assert_int_eq(ha_bootdb_next(store, &boot), HA_OK);
}

static void
read_content(struct content *c)
{
	int rc;

	memset(c, 0, sizeof(*c));
	ck_assert_int_eq(ha_memberdb_list(store, c->members, &c->n_members,
	    &c->version), HA_OK);
	ck_assert_int_eq(ha_formerdb_list(store, c->formers), HA_OK);
	rc = ha_formerdb_find_key(store, REVOKED, &c->revoked);
	ck_assert(rc == HA_OK || rc == HA_ERR_ABSENT);
	ck_assert_int_eq(ha_memberdb_boots(store, c->boots), HA_OK);
	rc = ha_memberdb_last_state(store, &c->state);
	ck_assert(rc == HA_OK || rc == HA_ERR_ABSENT);
	ck_assert_int_eq(ha_eventdb_list(store, c->events, 8, &c->n_events),
	    HA_OK);
}

static struct content before;
static struct content after;

static int
try_open(void)
{
	return ha_store_open(fixture_path(), &store);
}

START_TEST(a_database_survives_being_closed)
{
	fixture_open();
	fill();
	read_content(&before);
	fixture_reopen();
	read_content(&after);
	ck_assert_mem_eq(&before, &after, sizeof(before));
	ck_assert_uint_eq(after.n_members, 3);
	ck_assert_str_eq(after.formers[3].serial, "FW-3");
	ck_assert_str_eq(after.revoked.serial, "FW-3");
	ck_assert_uint_eq(after.n_events, 5);
}
END_TEST

START_TEST(one_process_at_a_time_has_it_open)
{
	struct ha_store *second = NULL;

	fixture_open();
	ck_assert_int_eq(ha_store_open(fixture_path(), &second),
	    HA_ERR_AGAIN);
	ck_assert_ptr_null(second);
	fixture_close();
	fixture_open();
}
END_TEST

START_TEST(a_directory_that_is_not_there_is_no_place)
{
	ck_assert_int_eq(ha_store_open("/nonexistent/cluster.db", &store),
	    HA_ERR_IO);
}
END_TEST

START_TEST(after_each_change_the_copy_is_the_same)
{
	fixture_open();
	ck_assert(fixture_exists(fixture_with(".good")));
	fill();
	ck_assert(ha_store_good_is_current(store));
	read_content(&before);
	fixture_close();
	ck_assert(!fixture_exists(fixture_with(".good.new")));

	ck_assert_int_eq(unlink(fixture_path()), 0);
	ck_assert_int_eq(ha_store_restore(fixture_path()), HA_OK);
	fixture_open();
	read_content(&after);
	ck_assert_mem_eq(&before, &after, sizeof(before));
}
END_TEST

START_TEST(a_copy_that_fails_is_told_and_made_up_for)
{
	struct ha_boot_row boot;
	int rc = HA_ERR_FULL;

	fixture_open();
	ck_assert_int_eq(unlink(fixture_with(".good")), 0);
	fixture_write(fixture_with(".good.new"), "", 0);
	/* The first write that is not one of the row is one of the copy. */
	for (unsigned int number = 1; rc != HA_OK; number++) {
		fault_vfs_arm(number, SQLITE_FULL, true);
		rc = ha_bootdb_next(store, &boot);
		ck_assert_uint_ge(fault_vfs_count(), number);
	}
	ck_assert(!ha_store_good_is_current(store));
	ck_assert_uint_eq(boot.counter, 1);
	fault_vfs_arm(0, SQLITE_OK, false);
	ck_assert_int_eq(ha_bootdb_next(store, &boot), HA_OK);
	ck_assert(ha_store_good_is_current(store));
	ck_assert_uint_eq(boot.counter, 2);
}
END_TEST

/* A database as a release with that schema left it. */
static void
make_old(int version)
{
	sqlite3 *sql;

	ck_assert_int_eq(sqlite3_open(fixture_path(), &sql), SQLITE_OK);
	ck_assert_int_eq(ha_schema_migrate(sql, 0, version), HA_OK);
	sqlite3_close(sql);
}

START_TEST(every_earlier_schema_is_brought_up_to_date)
{
	for (int version = 0; version <= HA_SCHEMA_LATEST; version++) {
		fixture_close();
		fixture_teardown();
		fixture_setup();
		make_old(version);
		fixture_open();
		fill();
		read_content(&before);
		fixture_close();
		ck_assert_int_eq(fixture_sql(fixture_path(),
		    "PRAGMA user_version"), HA_SCHEMA_LATEST);
		ck_assert_int_eq(fixture_sql(fixture_path(),
		    "PRAGMA application_id"), HA_SCHEMA_APPLICATION);
		fixture_open();
		read_content(&after);
		ck_assert_mem_eq(&before, &after, sizeof(before));
	}
}
END_TEST

/* The content of version 1 is that of today without the later tables, which
 * are taken away again. */
START_TEST(what_an_earlier_schema_held_is_kept)
{
	fixture_open();
	fill();
	read_content(&before);
	fixture_close();
	fixture_sql(fixture_path(), "DROP TABLE event; DROP TABLE last_state; "
	    "DROP TABLE former; DROP TABLE revoked_key; PRAGMA user_version = 1");
	fixture_open();
	read_content(&after);
	ck_assert_mem_eq(before.members, after.members,
	    sizeof(before.members));
	ck_assert_mem_eq(before.boots, after.boots, sizeof(before.boots));
	ck_assert_uint_eq(before.version, after.version);
	ck_assert_uint_eq(after.n_events, 0);
}
END_TEST

static void
expect_untouched(int want)
{
	size_t len_before;
	size_t len_after;
	unsigned char *a = fixture_read(fixture_path(), &len_before);
	unsigned char *b;

	ck_assert_int_eq(try_open(), want);
	b = fixture_read(fixture_path(), &len_after);
	ck_assert_uint_eq(len_before, len_after);
	ck_assert_mem_eq(a, b, len_before);
	free(a);
	free(b);
}

START_TEST(a_newer_database_is_left_alone)
{
	fixture_open();
	fill();
	fixture_close();
	fixture_sql(fixture_path(), "PRAGMA user_version = 99");
	expect_untouched(HA_ERR_NEWER);
}
END_TEST

START_TEST(the_database_of_another_program_is_left_alone)
{
	fixture_sql(fixture_path(), "CREATE TABLE bookmark (url TEXT)");
	expect_untouched(HA_ERR_EXISTS);
	fixture_sql(fixture_path(), "PRAGMA application_id = 77");
	expect_untouched(HA_ERR_EXISTS);
}
END_TEST

START_TEST(a_file_that_is_no_database_is_damaged)
{
	static const char TEXT[] = "cluster { id = 7 } # not a database, and "
	    "long enough to be taken for one at first sight, which is "
	    "a hundred bytes";

	fixture_write(fixture_path(), TEXT, sizeof(TEXT));
	expect_untouched(HA_ERR_CORRUPT);
	fixture_write(fixture_path(), TEXT, 5);
	expect_untouched(HA_ERR_CORRUPT);
}
END_TEST

START_TEST(a_database_that_is_lost_beside_its_copy_is_missed)
{
	fixture_open();
	fill();
	fixture_close();
	fixture_write(fixture_path(), "", 0);
	ck_assert_int_eq(try_open(), HA_ERR_CORRUPT);
	ck_assert_int_eq(unlink(fixture_path()), 0);
	ck_assert_int_eq(try_open(), HA_ERR_CORRUPT);
	ck_assert(!fixture_exists(fixture_path()));
}
END_TEST

START_TEST(an_empty_file_without_a_copy_is_a_new_database)
{
	struct ha_boot_row boot;

	fixture_write(fixture_path(), "", 0);
	fixture_open();
	ck_assert_int_eq(ha_bootdb_next(store, &boot), HA_OK);
	ck_assert_uint_eq(boot.earlier, 0);
}
END_TEST

START_TEST(every_truncation_is_found)
{
	unsigned char *data;
	size_t len;

	fixture_open();
	fill();
	fixture_close();
	data = fixture_read(fixture_path(), &len);
	for (size_t cut = 1; cut < len; cut += 509) {
		int rc;

		fixture_write(fixture_path(), data, cut);
		rc = try_open();
		ck_assert_msg(rc == HA_ERR_CORRUPT, "%zu of %zu bytes: %d",
		    cut, len, rc);
	}
	free(data);
}
END_TEST

static void
check_flipped(const unsigned char *data, size_t len, size_t at)
{
	int rc;

	fixture_write(fixture_path(), data, len);
	rc = try_open();
	if (rc == HA_OK) {
		read_content(&after);
		ck_assert_msg(memcmp(&before, &after, sizeof(before)) == 0,
		    "byte %zu", at);
		fixture_close();
		ck_assert_int_eq(fixture_sql(fixture_path(),
		    "SELECT counter FROM boot"), 1);
	} else {
		ck_assert_msg(rc == HA_ERR_CORRUPT || rc == HA_ERR_NEWER ||
		    rc == HA_ERR_EXISTS, "byte %zu: %d", at, rc);
	}
}

START_TEST(a_changed_byte_is_found_or_harms_nothing)
{
	static const unsigned char MASKS[] = { 0x01, 0x80, 0xff };
	unsigned char *data;
	size_t len;

	fixture_open();
	fill();
	read_content(&before);
	fixture_close();
	data = fixture_read(fixture_path(), &len);
	for (size_t at = 0; at < len; at += at % 4096 < 128 ? 1 : 11) {
		unsigned char mask = MASKS[at % sizeof(MASKS)];

		data[at] ^= mask;
		check_flipped(data, len, at);
		data[at] ^= mask;
	}
	free(data);
}
END_TEST

/* What the pages can't tell, the sums of the rows do. */
static const struct {
	const char *why;
	const char *change;
} forgeries[] = {
	{ "a name", "UPDATE member SET name = 'other' WHERE idx = 2" },
	{ "a key", "UPDATE member SET public_key = zeroblob(32) "
	    "WHERE idx = 2" },
	{ "a flag", "UPDATE member SET enabled = 1 WHERE idx = 2" },
	{ "a lost member", "DELETE FROM member WHERE idx = 3" },
	{ "an index", "UPDATE member SET idx = 9 WHERE idx = 2" },
	{ "the version", "UPDATE membership SET version = 7" },
	{ "a lost version", "DELETE FROM membership" },
	{ "who had an index", "UPDATE former SET serial = 'FW-9'" },
	{ "since when it is out", "UPDATE former SET up_s = 0" },
	{ "that it is forgotten", "UPDATE former SET forgotten = 1" },
	{ "whose a revoked key was", "UPDATE revoked_key SET serial = 'X'" },
	{ "a revoked key", "UPDATE revoked_key SET key = zeroblob(32)" },
	{ "the boot counter", "UPDATE boot SET counter = 7" },
	{ "a counter that is a word", "UPDATE boot SET counter = 'x'" },
	{ "a heard counter", "UPDATE boot_seen SET counter = 7" },
	{ "the state", "UPDATE last_state SET state = 'suspended'" },
	{ "an event's time", "UPDATE event SET at_ms = 7 WHERE number = 3" },
	{ "an event's number", "UPDATE event SET number = 99 "
	    "WHERE number = 3" },
	{ "a text with a zero byte", "UPDATE event SET "
	    "text = cast(x'410042' AS TEXT) WHERE number = 3" },
	{ "a text that is too long", "UPDATE member SET "
	    "site = hex(zeroblob(99)) WHERE idx = 2" },
	{ "a lost table", "DROP TABLE boot_seen" },
	{ "a lost column", "ALTER TABLE boot RENAME COLUMN starts TO s" },
};

START_TEST(a_row_that_we_did_not_write_is_found)
{
	fixture_open();
	fill();
	fixture_close();
	fixture_sql(fixture_path(), forgeries[_i].change);
	ck_assert_msg(try_open() == HA_ERR_CORRUPT, "%s", forgeries[_i].why);
}
END_TEST

START_TEST(a_damaged_database_is_set_aside_with_its_journal)
{
	char aside[128] = "";

	fixture_write(fixture_path(), "junk", 4);
	fixture_write(fixture_with("-journal"), "more", 4);
	ck_assert_int_eq(ha_store_set_aside(fixture_path(), aside,
	    sizeof(aside)), HA_OK);
	ck_assert_str_eq(aside, fixture_with(".damaged-1"));
	ck_assert(!fixture_exists(fixture_path()));
	ck_assert(!fixture_exists(fixture_with("-journal")));
	ck_assert(fixture_exists(fixture_with(".damaged-1")));
	ck_assert(fixture_exists(fixture_with(".damaged-1-journal")));

	fixture_write(fixture_path(), "junk", 4);
	ck_assert_int_eq(ha_store_set_aside(fixture_path(), aside,
	    sizeof(aside)), HA_OK);
	ck_assert_str_eq(aside, fixture_with(".damaged-2"));

	ck_assert_int_eq(ha_store_set_aside(fixture_path(), aside,
	    sizeof(aside)), HA_OK);
	ck_assert_str_eq(aside, "");
}
END_TEST

START_TEST(a_damaged_database_is_rebuilt_from_its_copy)
{
	struct ha_boot_row boot;
	char aside[128];

	fixture_open();
	fill();
	read_content(&before);
	fixture_close();
	fixture_write(fixture_path(), "junk", 4);
	ck_assert_int_eq(try_open(), HA_ERR_CORRUPT);
	ck_assert_int_eq(ha_store_set_aside(fixture_path(), aside,
	    sizeof(aside)), HA_OK);
	ck_assert_int_eq(ha_store_restore(fixture_path()), HA_OK);
	fixture_open();
	read_content(&after);
	ck_assert_mem_eq(&before, &after, sizeof(before));
	ck_assert_int_eq(ha_bootdb_next(store, &boot), HA_OK);
	ck_assert_uint_eq(boot.counter, 2);
}
END_TEST

START_TEST(a_copy_is_never_put_over_a_database)
{
	fixture_open();
	fixture_close();
	ck_assert_int_eq(ha_store_restore(fixture_path()), HA_ERR_EXISTS);
}
END_TEST

START_TEST(without_a_good_copy_one_starts_anew)
{
	struct ha_boot_row boot;

	ck_assert_int_eq(ha_store_restore(fixture_path()), HA_ERR_ABSENT);
	fixture_write(fixture_with(".good"), "junk", 4);
	ck_assert_int_eq(ha_store_restore(fixture_path()), HA_ERR_CORRUPT);
	ck_assert(fixture_exists(fixture_with(".good.damaged")));
	ck_assert(!fixture_exists(fixture_with(".restoring")));
	fixture_write(fixture_with(".good"), "", 0);
	ck_assert_int_eq(ha_store_restore(fixture_path()), HA_ERR_CORRUPT);
	fixture_open();
	ck_assert_int_eq(ha_bootdb_next(store, &boot), HA_OK);
	ck_assert_uint_eq(boot.earlier, 0);
}
END_TEST

/* Each kind of change, to be tried with each of its operations failing. */
static int
change_members(void)
{
	struct ha_member_row m = { .index = 9, .serial = "new" };
	struct ha_replaced done;

	return ha_memberdb_replace(store, &m, 1, &NOW, &done);
}

static int
change_holder(void)
{
	return ha_memberdb_forget(store, "FW-3", &NOW);
}

static int
change_boot(void)
{
	struct ha_boot_row boot;

	return ha_bootdb_next(store, &boot);
}

static int
change_heard(void)
{
	return ha_memberdb_raise_boot(store, 2, 99);
}

static int
change_state(void)
{
	struct ha_last_state s = { "tentative", "x", 1 };

	return ha_memberdb_save_state(store, &s);
}

static int
change_events(void)
{
	return ha_eventdb_append(store, 99, "a", "b");
}

static const struct {
	const char *why;
	int (*change)(void);
} changes[] = {
	{ "members", change_members },
	{ "a holder", change_holder },
	{ "boot", change_boot },
	{ "heard boot", change_heard },
	{ "state", change_state },
	{ "events", change_events },
};

/* Start from data, fail operation number; false: there are not so many. */
static bool
change_with_fault(const unsigned char *data, size_t len, int which,
    unsigned int number, int fault, bool for_ever)
{
	bool reached;
	int rc;

	fixture_write(fixture_path(), data, len);
	fixture_open();
	fault_vfs_arm(number, fault, for_ever);
	rc = changes[which].change();
	reached = fault_vfs_count() >= number;
	fault_vfs_arm(0, SQLITE_OK, false);
	ck_assert_msg(rc == HA_OK || rc == HA_ERR_FULL || rc == HA_ERR_IO,
	    "%s, operation %u: %d", changes[which].why, number, rc);
	if (fault == SQLITE_FULL)
		ck_assert_msg(rc == HA_OK || rc == HA_ERR_FULL,
		    "%s, operation %u: %d", changes[which].why, number, rc);
	if (rc == HA_ERR_FULL) {
		read_content(&after);
		ck_assert_msg(memcmp(&before, &after, sizeof(before)) == 0,
		    "%s, operation %u", changes[which].why, number);
	}
	ck_assert_int_eq(changes[which].change(), HA_OK);
	fixture_reopen();
	fixture_close();
	return reached;
}

START_TEST(a_change_that_fails_has_changed_nothing)
{
	static const int FAULTS[] = { SQLITE_FULL, SQLITE_IOERR };
	unsigned char *data;
	unsigned int number;
	size_t len;

	fixture_open();
	fill();
	read_content(&before);
	fixture_close();
	data = fixture_read(fixture_path(), &len);
	for (size_t f = 0; f < 2; f++) {
		number = 1;
		while (change_with_fault(data, len, _i, number, FAULTS[f],
		    false))
			number++;
		ck_assert_uint_gt(number, 3);
	}
	free(data);
}
END_TEST

START_TEST(a_full_disk_while_opening_is_told)
{
	for (unsigned int number = 1;; number++) {
		bool reached;
		int rc;

		fixture_teardown();
		fixture_setup();
		fault_vfs_arm(number, SQLITE_FULL, true);
		rc = try_open();
		reached = fault_vfs_count() >= number;
		fault_vfs_arm(0, SQLITE_OK, false);
		ck_assert_msg(rc == HA_OK || rc == HA_ERR_FULL,
		    "operation %u: %d", number, rc);
		if (rc == HA_OK && reached)
			ck_assert(!ha_store_good_is_current(store));
		if (rc != HA_OK)
			fixture_open();
		if (!reached)
			break;
	}
}
END_TEST

#define COUNT(cases) ((int)(sizeof(cases) / sizeof((cases)[0])))

int
main(void)
{
	Suite *s = suite_create("store");
	TCase *tc = tcase_create("store");
	SRunner *sr;
	int failed;

	fault_vfs_install();
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_add_test(tc, a_database_survives_being_closed);
	tcase_add_test(tc, one_process_at_a_time_has_it_open);
	tcase_add_test(tc, a_directory_that_is_not_there_is_no_place);
	tcase_add_test(tc, after_each_change_the_copy_is_the_same);
	tcase_add_test(tc, a_copy_that_fails_is_told_and_made_up_for);
	tcase_add_test(tc, every_earlier_schema_is_brought_up_to_date);
	tcase_add_test(tc, what_an_earlier_schema_held_is_kept);
	tcase_add_test(tc, a_newer_database_is_left_alone);
	tcase_add_test(tc, the_database_of_another_program_is_left_alone);
	tcase_add_test(tc, a_file_that_is_no_database_is_damaged);
	tcase_add_test(tc,
	    a_database_that_is_lost_beside_its_copy_is_missed);
	tcase_add_test(tc, an_empty_file_without_a_copy_is_a_new_database);
	tcase_add_test(tc, every_truncation_is_found);
	tcase_add_test(tc, a_changed_byte_is_found_or_harms_nothing);
	tcase_add_loop_test(tc, a_row_that_we_did_not_write_is_found, 0,
	    COUNT(forgeries));
	tcase_add_test(tc, a_damaged_database_is_set_aside_with_its_journal);
	tcase_add_test(tc, a_damaged_database_is_rebuilt_from_its_copy);
	tcase_add_test(tc, a_copy_is_never_put_over_a_database);
	tcase_add_test(tc, without_a_good_copy_one_starts_anew);
	tcase_add_loop_test(tc, a_change_that_fails_has_changed_nothing, 0,
	    COUNT(changes));
	tcase_add_test(tc, a_full_disk_while_opening_is_told);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
