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
fill_others(void)
{
	struct ha_last_state state = { "active", "caught-up", 1700000000 };
	struct ha_boot_row boot;

	ck_assert_int_eq(ha_memberdb_raise_boot(store, 2, 12), HA_OK);
	ck_assert_int_eq(ha_memberdb_save_state(store, &state), HA_OK);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(ha_eventdb_append(store, i, "member.state",
		    "from=initial to=active"), HA_OK);
	ck_assert_int_eq(ha_bootdb_next(store, &boot), HA_OK);
}

static void
fill(void)
{
	fill_members();
	fill_others();
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

/* As if the database had been lost: what does the copy hold? */
static void
read_good(struct content *c)
{
	size_t len;
	unsigned char *data = fixture_read(fixture_with(".good"), &len);

	fixture_close();
	fixture_write(fixture_path(), data, len);
	free(data);
	fixture_open();
	read_content(c);
}

START_TEST(after_each_change_the_copy_is_the_same)
{
	fixture_open();
	ck_assert(fixture_exists(fixture_with(".good")));
	fill();
	ck_assert_int_eq(ha_store_health(store), HA_OK);
	read_content(&before);
	ck_assert(!fixture_exists(fixture_with(".good.new")));
	read_good(&after);
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
	ck_assert_int_eq(ha_store_health(store), HA_ERR_FULL);
	ck_assert_uint_eq(boot.counter, 1);
	fault_vfs_arm(0, SQLITE_OK, false);
	ck_assert_int_eq(ha_bootdb_next(store, &boot), HA_OK);
	ck_assert_int_eq(ha_store_health(store), HA_OK);
	ck_assert_uint_eq(boot.counter, 2);
}
END_TEST

/* --- earlier schemas --- */

/* tests/vectors/db/schema-N.sql: what a release with that schema wrote. */
static char *
read_dump(int version)
{
	const char *source = getenv("top_srcdir");
	char name[512];
	size_t len;
	char *text;

	snprintf(name, sizeof(name), "%s/tests/vectors/db/schema-%d.sql",
	    source == NULL ? "." : source, version);
	text = (char *)fixture_read(name, &len);
	text[len] = '\0';
	return text;
}

static void
load_dump(const char *name, int version)
{
	char *text = read_dump(version);

	fixture_sql(name, text);
	free(text);
}

/* What the dumps hold.  Rows of later steps are missing in earlier ones. */
static void
expect_dumped(int version)
{
	static const struct ha_member_row MEMBERS[] = {
		{ .index = 1, .enabled = true,
		    .session_synchronization = true, .serial = "FW-A",
		    .name = "fw-a", .site = "dc1",
		    .description = "it's the first; l'\xc3\xa9t\xc3\xa9",
		    .ha4_address = "10.4.0.1/24",
		    .ha4_backup_address = "fd00:5::1/64" },
		{ .index = 3, .session_synchronization = true,
		    .serial = "FW-B", .name = "fw-b", .site = "dc1",
		    .ha4_address = "10.4.0.2/24",
		    .ha4_backup_address = "fd00:5::2/64" },
		{ .index = 5, .enabled = true, .has_next_public_key = true,
		    .serial = "FW-C", .name = "fw-c", .site = "dc2",
		    .ha4_address = "10.4.0.3/24" },
	};
	struct content want = { .n_members = 3, .version = 2,
		.boots = { [2] = 12, [4] = UINT32_MAX } };

	for (int i = 0; i < 3; i++) {
		want.members[i] = MEMBERS[i];
		memset(want.members[i].public_key, i + 1, 32);
	}
	memset(want.members[2].next_public_key, 9, 32);
	if (version >= 2) {
		want.state = (struct ha_last_state){ "active", "caught-up",
			1700000000 };
		want.n_events = 3;
	}
	for (size_t i = 0; i < want.n_events; i++) {
		want.events[i] = (struct ha_event_row){ .number = i + 1,
			.at_ms = 1700000000000 + (int64_t)i,
			.name = "member.state" };
		snprintf(want.events[i].text, sizeof(want.events[i].text),
		    "from=initial to=active n=%zu", i);
	}
	read_content(&after);
	ck_assert_mem_eq(after.members, want.members, sizeof(want.members));
	ck_assert_mem_eq(after.events, want.events, sizeof(want.events));
	ck_assert_mem_eq(&after, &want, sizeof(want));
}

/* Loop: each schema before this one. */
START_TEST(what_an_earlier_release_wrote_is_kept)
{
	struct ha_boot_row boot;

	load_dump(fixture_path(), _i);
	fixture_open();
	expect_dumped(_i);
	ck_assert_int_eq(ha_bootdb_next(store, &boot), HA_OK);
	ck_assert_uint_eq(boot.counter, 42);
	ck_assert_uint_eq(boot.earlier, 4);
	fixture_reopen();
	expect_dumped(_i);
}
END_TEST

/* Every table is as if it had been made today, and can be written. */
START_TEST(every_earlier_schema_becomes_the_present_one)
{
	static const char TABLES[] = "ATTACH '%s' AS other; SELECT count(*) "
	    "FROM (SELECT name, sql FROM main.sqlite_master EXCEPT "
	    "SELECT name, sql FROM other.sqlite_master)";
	char query[512];

	load_dump(fixture_path(), _i);
	fixture_open();
	fixture_close();
	ck_assert_int_eq(ha_store_open(fixture_with("2"), &store), HA_OK);
	fixture_close();
	snprintf(query, sizeof(query), TABLES, fixture_path());
	ck_assert_int_eq(fixture_sql(fixture_with("2"), query), 0);
	ck_assert_int_eq(fixture_sql(fixture_path(), "PRAGMA user_version"),
	    fixture_sql(fixture_with("2"), "PRAGMA user_version"));
	fixture_open();
	ck_assert_int_eq(ha_memberdb_forget(store, "FW-A", &NOW), HA_OK);
	fill_others();
	fixture_reopen();
}
END_TEST

/* Killed or out of room in the middle of it: the next opening goes on. */
START_TEST(a_migration_that_fails_is_made_up_for)
{
	static const int FAULTS[] = { SQLITE_FULL, SQLITE_IOERR };

	for (int f = 0; f < 2; f++) {
		bool reached = true;

		for (unsigned int number = 1; reached; number++) {
			fixture_close();
			fixture_teardown();
			fixture_setup();
			load_dump(fixture_path(), _i);
			fault_vfs_arm(number, FAULTS[f], true);
			(void)!try_open();
			fixture_close();
			reached = fault_vfs_count() >= number;
			fault_vfs_arm(0, SQLITE_OK, false);
			fixture_open();
			expect_dumped(_i);
		}
	}
}
END_TEST

/* --- what is refused --- */

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
	fixture_sql(fixture_path(), "PRAGMA user_version = 0x04040404");
	expect_untouched(HA_ERR_NEWER);
	fixture_sql(fixture_path(), "PRAGMA user_version = 0x7f7f7f7f");
	expect_untouched(HA_ERR_NEWER);
}
END_TEST

static const struct {
	const char *why;
	const char *change;
} marks[] = {
	{ "one byte is of a later schema", "user_version = 0x04030303" },
	{ "all of it is 0", "user_version = 0" },
	{ "it is below 0", "user_version = -3" },
	{ "the number stands there plainly", "user_version = 3" },
	{ "it is of another program", "application_id = 77" },
};

START_TEST(a_mark_that_we_did_not_write_is_damage)
{
	char text[64];

	fixture_open();
	fill();
	fixture_close();
	snprintf(text, sizeof(text), "PRAGMA %s", marks[_i].change);
	fixture_sql(fixture_path(), text);
	ck_assert_msg(try_open() == HA_ERR_CORRUPT, "%s", marks[_i].why);
}
END_TEST

START_TEST(the_database_of_another_program_is_none_of_ours)
{
	fixture_sql(fixture_path(), "CREATE TABLE bookmark (url TEXT)");
	expect_untouched(HA_ERR_CORRUPT);
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

/* Loop: with rows, and without: then the last page is zeros almost wholly. */
START_TEST(every_truncation_is_found)
{
	unsigned char *data;
	size_t len;

	fixture_open();
	if (_i == 0)
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
		ck_assert_msg(rc == HA_ERR_CORRUPT, "byte %zu: %d", at, rc);
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

/* --- rebuilding --- */

static struct ha_rebuilt how;

static int
rebuild(void)
{
	fixture_close();
	return ha_store_rebuild(fixture_path(), &how, &store);
}

static uint64_t
next_boot(void)
{
	struct ha_boot_row boot = { 0 };

	ck_assert_int_eq(ha_bootdb_next(store, &boot), HA_OK);
	return boot.counter;
}

START_TEST(a_damaged_database_is_set_aside_with_its_journal)
{
	fixture_write(fixture_path(), "junk", 4);
	fixture_write(fixture_with("-journal"), "more", 4);
	ck_assert_int_eq(rebuild(), HA_OK);
	ck_assert_str_eq(how.aside, ".damaged-1");
	ck_assert(!fixture_exists(fixture_with("-journal")));
	ck_assert(fixture_exists(fixture_with(".damaged-1")));
	ck_assert(fixture_exists(fixture_with(".damaged-1-journal")));

	fixture_close();
	fixture_write(fixture_path(), "junk", 4);
	ck_assert_int_eq(rebuild(), HA_OK);
	ck_assert_str_eq(how.aside, ".damaged-2");

	fixture_close();
	ck_assert_int_eq(unlink(fixture_path()), 0);
	ck_assert_int_eq(rebuild(), HA_OK);
	ck_assert_str_eq(how.aside, "");
}
END_TEST

START_TEST(a_damaged_database_is_rebuilt_from_its_copy)
{
	fixture_open();
	fill();
	read_content(&before);
	fixture_close();
	fixture_write(fixture_path(), "junk", 4);
	ck_assert_int_eq(try_open(), HA_ERR_CORRUPT);
	ck_assert_int_eq(rebuild(), HA_OK);
	ck_assert(how.from_copy);
	ck_assert(!fixture_exists(fixture_with(".restoring")));
	read_content(&after);
	ck_assert_mem_eq(&before, &after, sizeof(before));
	read_good(&after);
	ck_assert_mem_eq(&before, &after, sizeof(before));
}
END_TEST

/* The copy may be some starts behind. */
START_TEST(a_rebuilt_counter_is_above_all_that_were_used)
{
	size_t len;
	unsigned char *old;
	uint64_t used = 0;

	fixture_open();
	fill();
	old = fixture_read(fixture_with(".good"), &len);
	for (int i = 0; i < 20; i++)
		used = next_boot();
	fixture_close();
	fixture_write(fixture_with(".good"), old, len);
	fixture_write(fixture_path(), "junk", 4);
	ck_assert_int_eq(rebuild(), HA_OK);
	ck_assert_uint_gt(next_boot(), used);
	free(old);
}
END_TEST

START_TEST(a_rebuilt_counter_ends_where_counters_end)
{
	struct ha_boot_row boot;
	uint64_t counter;

	fixture_open();
	ck_assert_int_eq(ha_bootdb_raise(store, HA_BOOT_COUNTER_MAX - 5,
	    &counter), HA_OK);
	ck_assert_int_eq(rebuild(), HA_OK);
	ck_assert_int_eq(ha_bootdb_next(store, &boot), HA_ERR_FULL);
}
END_TEST

static const struct {
	const char *why;
	const char *text; /* NULL: none */
	bool is_moved;
} bad_copies[] = {
	{ "there is none", NULL, false },
	{ "it is empty", "", true },
	{ "it is no database", "junk", true },
};

START_TEST(without_a_good_copy_it_begins_empty_but_not_for_the_first_time)
{
	struct ha_last_state state;
	struct ha_boot_row boot;

	fixture_write(fixture_path(), "junk", 4);
	if (bad_copies[_i].text != NULL)
		fixture_write(fixture_with(".good"), bad_copies[_i].text,
		    strlen(bad_copies[_i].text));
	ck_assert_msg(rebuild() == HA_OK, "%s", bad_copies[_i].why);
	ck_assert(!how.from_copy);
	ck_assert(fixture_exists(fixture_with(".good.damaged")) ==
	    bad_copies[_i].is_moved);
	ck_assert_int_eq(ha_memberdb_last_state(store, &state), HA_OK);
	ck_assert_str_eq(state.reason, "database rebuilt");
	ck_assert_int_eq(ha_bootdb_next(store, &boot), HA_OK);
	ck_assert_uint_gt(boot.counter, HA_BOOT_MARGIN);
	ck_assert_uint_gt(boot.earlier, 0);
	read_good(&after);
	ck_assert_str_eq(after.state.reason, "database rebuilt");
}
END_TEST

START_TEST(a_copy_of_a_later_release_is_left_alone)
{
	fixture_open();
	fixture_close();
	fixture_sql(fixture_with(".good"), "PRAGMA user_version = 0x04040404");
	fixture_write(fixture_path(), "junk", 4);
	ck_assert_int_eq(rebuild(), HA_ERR_NEWER);
	ck_assert(fixture_exists(fixture_path()));
	ck_assert(fixture_exists(fixture_with(".good")));
}
END_TEST

/* As a kill leaves it that comes when the damaged one is away already. */
START_TEST(a_rebuilt_database_that_has_no_name_yet_gets_it)
{
	struct ha_last_state state;

	fixture_write(fixture_path(), "junk", 4);
	ck_assert_int_eq(rebuild(), HA_OK);
	fixture_close();
	ck_assert_int_eq(rename(fixture_path(), fixture_with(".restoring")),
	    0);
	ck_assert_int_eq(unlink(fixture_with(".good")), 0);
	ck_assert_int_eq(try_open(), HA_ERR_CORRUPT);
	ck_assert_int_eq(rebuild(), HA_OK);
	ck_assert_str_eq(how.aside, "");
	ck_assert_int_eq(ha_memberdb_last_state(store, &state), HA_OK);
}
END_TEST

/* As one leaves it that comes while the new one is made. */
START_TEST(what_is_left_of_an_earlier_rebuild_does_no_harm)
{
	fixture_open();
	fill();
	read_content(&before);
	fixture_close();
	fixture_write(fixture_path(), "junk", 4);
	fixture_write(fixture_with(".restoring"), "half", 4);
	fixture_write(fixture_with(".restoring-journal"), "half", 4);
	ck_assert_int_eq(rebuild(), HA_OK);
	read_content(&after);
	ck_assert_mem_eq(&before, &after, sizeof(before));
}
END_TEST

START_TEST(a_rebuild_that_fails_is_made_up_for)
{
	static const int FAULTS[] = { SQLITE_FULL, SQLITE_IOERR };
	bool reached = true;

	for (unsigned int number = 1; reached; number++) {
		fixture_close();
		fixture_teardown();
		fixture_setup();
		fixture_open();
		fill();
		read_content(&before);
		fixture_close();
		fixture_write(fixture_path(), "junk", 4);
		fault_vfs_arm(number, FAULTS[_i], true);
		(void)!rebuild();
		fixture_close();
		reached = fault_vfs_count() >= number;
		fault_vfs_arm(0, SQLITE_OK, false);
		if (try_open() == HA_ERR_CORRUPT)
			ck_assert_int_eq(rebuild(), HA_OK);
		read_content(&after);
		ck_assert_msg(memcmp(&before, &after, sizeof(before)) == 0,
		    "operation %u", number);
	}
}
END_TEST

/* --- changes that fail --- */

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

static const struct {
	int rc;
	bool for_ever;
} faults[] = {
	{ SQLITE_FULL, false },
	{ SQLITE_FULL, true },
	{ SQLITE_IOERR, false },
	{ SQLITE_IOERR, true },
	{ SQLITE_IOERR_FSYNC, false },
	{ SQLITE_IOERR_FSYNC, true },
};

static bool
content_is(const struct content *c)
{
	struct content now;

	read_content(&now);
	return memcmp(&now, c, sizeof(now)) == 0;
}

/* Start from data, fail operation number; false: there are not so many. */
static bool
change_with_fault(const unsigned char *data, size_t len, int which,
    unsigned int number, int fault)
{
	bool full = faults[fault].rc == SQLITE_FULL;
	bool reached;
	int rc;

	fixture_write(fixture_path(), data, len);
	fixture_open();
	fault_vfs_arm(number, faults[fault].rc, faults[fault].for_ever);
	rc = changes[which].change();
	reached = fault_vfs_count() >= number;
	if (full && rc != HA_OK && !faults[fault].for_ever)
		ck_assert(content_is(&before));
	fixture_close();
	fault_vfs_arm(0, SQLITE_OK, false);
	ck_assert_msg(rc == HA_OK || rc == (full ? HA_ERR_FULL : HA_ERR_IO),
	    "%s, operation %u: %d", changes[which].why, number, rc);

	fixture_open();
	ck_assert_msg(content_is(&after) || (rc != HA_OK &&
	    content_is(&before)), "%s, operation %u: %d, and neither before "
	    "nor after", changes[which].why, number, rc);
	ck_assert_int_eq(changes[which].change(), HA_OK);
	fixture_close();
	return reached;
}

/* What the change makes of data, without a fault. */
static void
learn_after(const unsigned char *data, size_t len, int which)
{
	fixture_write(fixture_path(), data, len);
	fixture_open();
	ck_assert_int_eq(changes[which].change(), HA_OK);
	read_content(&after);
	fixture_close();
}

/* The power fails at operation number; false: there are not so many. */
static bool
change_without_power(const unsigned char *data, size_t len, int which,
    unsigned int number, unsigned int seed)
{
	bool reached;
	int rc;

	fixture_write(fixture_path(), data, len);
	fault_vfs_settle();
	fixture_open();
	fault_vfs_arm(number, SQLITE_IOERR, true);
	rc = changes[which].change();
	reached = fault_vfs_count() >= number;
	fixture_close();
	fault_vfs_arm(0, SQLITE_OK, false);
	fault_vfs_lose_power(seed);

	ck_assert_msg(try_open() == HA_OK, "%s, operation %u, seed %u",
	    changes[which].why, number, seed);
	ck_assert_msg(content_is(&after) || (rc != HA_OK &&
	    content_is(&before)), "%s, operation %u, seed %u: %d, and neither "
	    "before nor after", changes[which].why, number, seed, rc);
	fixture_close();
	return reached;
}

START_TEST(a_change_whose_power_fails_leaves_the_state_before_or_after)
{
	unsigned char *data;
	unsigned int number = 1;
	bool reached = true;
	size_t len;

	fixture_open();
	fill();
	read_content(&before);
	fixture_close();
	data = fixture_read(fixture_path(), &len);
	learn_after(data, len, _i);
	for (; reached; number++)
		for (unsigned int seed = 0; seed < 8; seed++)
			reached = change_without_power(data, len, _i, number,
			    seed);
	ck_assert_uint_gt(number, 3);
	free(data);
}
END_TEST

START_TEST(the_disk_is_in_good_health_when_a_change_and_its_copy_are_there)
{
	static const int FAULTS[] = { SQLITE_FULL, SQLITE_IOERR };
	static const int WANT[] = { HA_ERR_FULL, HA_ERR_IO };

	fixture_open();
	fill();
	for (int i = 0; i < 2; i++) {
		fault_vfs_arm(1, FAULTS[i], true);
		ck_assert_int_eq(change_events(), WANT[i]);
		ck_assert_int_eq(ha_store_health(store), WANT[i]);
		fault_vfs_arm(0, SQLITE_OK, false);
		ck_assert_int_eq(change_events(), HA_OK);
		ck_assert_int_eq(ha_store_health(store), WANT[i]);
		ck_assert_int_eq(change_state(), HA_OK);
		ck_assert_int_eq(ha_store_health(store), HA_OK);
	}
}
END_TEST

START_TEST(to_be_refused_is_no_matter_of_health)
{
	struct ha_member_row rows[2] = { { .index = 1, .serial = "FW-0" },
		{ .index = 2, .serial = "FW-0" } };
	struct ha_replaced done;

	fixture_open();
	fill();
	ck_assert_int_eq(ha_memberdb_forget(store, "nobody", &NOW),
	    HA_ERR_ABSENT);
	ck_assert_int_eq(ha_memberdb_replace(store, rows, 2, &NOW, &done),
	    HA_ERR_CONFIG);
	rows[1].index = 9;
	ck_assert_int_eq(ha_memberdb_replace(store, rows, 2, &NOW, &done),
	    HA_ERR_EXISTS);
	ck_assert_int_eq(ha_store_health(store), HA_OK);
}
END_TEST

START_TEST(a_change_that_fails_leaves_the_state_before_or_after)
{
	unsigned char *data;
	unsigned int number;
	size_t len;

	fixture_open();
	fill();
	read_content(&before);
	fixture_close();
	data = fixture_read(fixture_path(), &len);
	learn_after(data, len, _i);
	for (size_t f = 0; f < sizeof(faults) / sizeof(faults[0]); f++) {
		number = 1;
		while (change_with_fault(data, len, _i, number, (int)f))
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
			ck_assert_int_eq(ha_store_health(store), HA_ERR_FULL);
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
	tcase_add_loop_test(tc, what_an_earlier_release_wrote_is_kept, 1,
	    HA_SCHEMA_LATEST);
	tcase_add_loop_test(tc, every_earlier_schema_becomes_the_present_one,
	    1, HA_SCHEMA_LATEST);
	tcase_add_loop_test(tc, a_migration_that_fails_is_made_up_for, 1,
	    HA_SCHEMA_LATEST);
	tcase_add_test(tc, a_newer_database_is_left_alone);
	tcase_add_loop_test(tc, a_mark_that_we_did_not_write_is_damage, 0,
	    COUNT(marks));
	tcase_add_test(tc, the_database_of_another_program_is_none_of_ours);
	tcase_add_test(tc, a_file_that_is_no_database_is_damaged);
	tcase_add_test(tc,
	    a_database_that_is_lost_beside_its_copy_is_missed);
	tcase_add_test(tc, an_empty_file_without_a_copy_is_a_new_database);
	tcase_add_loop_test(tc, every_truncation_is_found, 0, 2);
	tcase_add_test(tc, a_changed_byte_is_found_or_harms_nothing);
	tcase_add_loop_test(tc, a_row_that_we_did_not_write_is_found, 0,
	    COUNT(forgeries));
	tcase_add_test(tc, a_damaged_database_is_set_aside_with_its_journal);
	tcase_add_test(tc, a_damaged_database_is_rebuilt_from_its_copy);
	tcase_add_test(tc, a_rebuilt_counter_is_above_all_that_were_used);
	tcase_add_test(tc, a_rebuilt_counter_ends_where_counters_end);
	tcase_add_loop_test(tc,
	    without_a_good_copy_it_begins_empty_but_not_for_the_first_time, 0,
	    COUNT(bad_copies));
	tcase_add_test(tc, a_copy_of_a_later_release_is_left_alone);
	tcase_add_test(tc, a_rebuilt_database_that_has_no_name_yet_gets_it);
	tcase_add_test(tc, what_is_left_of_an_earlier_rebuild_does_no_harm);
	tcase_add_loop_test(tc, a_rebuild_that_fails_is_made_up_for, 0, 2);
	tcase_add_loop_test(tc,
	    a_change_that_fails_leaves_the_state_before_or_after, 0,
	    COUNT(changes));
	tcase_add_loop_test(tc,
	    a_change_whose_power_fails_leaves_the_state_before_or_after, 0,
	    COUNT(changes));
	tcase_add_test(tc,
	    the_disk_is_in_good_health_when_a_change_and_its_copy_are_there);
	tcase_add_test(tc, to_be_refused_is_no_matter_of_health);
	tcase_add_test(tc, a_full_disk_while_opening_is_told);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
