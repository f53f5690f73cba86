#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/formerdb.h"
#include "storage/memberdb.h"
#include "storage/store.h"
#include "tests/unit/store_fixture.h"

#define WAIT HA_FORMER_WAIT_S

static struct ha_store_time now;
static struct ha_replaced done;

static void
setup(void)
{
	fixture_setup();
	fixture_open();
	now = (struct ha_store_time){ .wall_s = 1700000000, .up_s = 5000,
		.host_boot = { 1 } };
	memset(&done, 0, sizeof(done));
}

/* A file is a list of "INDEX SERIAL"; each serial has a key of its own. */
static int
try_file(const char *const *members)
{
	struct ha_member_row rows[HA_MEMBERDB_MAX] = { 0 };
	size_t n = 0;

	for (; members[n] != NULL; n++) {
		struct ha_member_row *m = &rows[n];

		m->index = (uint8_t)strtol(members[n], NULL, 10);
		snprintf(m->serial, sizeof(m->serial), "%s",
		    strchr(members[n], ' ') + 1);
		memcpy(m->public_key, m->serial, sizeof(m->public_key));
	}
	return ha_memberdb_replace(store, rows, n, &now, &done);
}

#define TRY(...) try_file((const char *const[]){ __VA_ARGS__, NULL })

static void
check_holders(const char *one, const char *two)
{
	struct ha_member_row rows[HA_MEMBERDB_MAX];
	uint64_t version;
	size_t n;

	ck_assert_int_eq(ha_memberdb_list(store, rows, &n, &version), HA_OK);
	ck_assert_uint_eq(n, two == NULL ? 1 : 2);
	ck_assert_str_eq(rows[0].serial, one);
	if (two != NULL)
		ck_assert_str_eq(rows[1].serial, two);
}

START_TEST(an_index_that_nobody_had_is_free)
{
	ck_assert_int_eq(TRY("1 A", "2 B"), HA_OK);
	ck_assert_int_eq(TRY("1 A", "2 B", "3 C"), HA_OK);
}
END_TEST

START_TEST(an_index_does_not_go_from_hand_to_hand)
{
	ck_assert_int_eq(TRY("1 A", "2 B"), HA_OK);
	ck_assert_int_eq(TRY("1 A", "2 C"), HA_ERR_CONFIG);
	ck_assert_uint_eq(done.n_refused, 1);
	ck_assert_uint_eq(done.refused[0].index, 2);
	ck_assert_str_eq(done.refused[0].serial, "C");
	ck_assert_str_eq(done.refused[0].former, "B");
	ck_assert_int_eq(done.refused[0].wait_s, WAIT);
	check_holders("A", "B");
}
END_TEST

START_TEST(every_refusal_is_told)
{
	ck_assert_int_eq(TRY("1 A", "2 B", "3 C"), HA_OK);
	ck_assert_int_eq(TRY("1 B", "2 A", "3 C"), HA_ERR_CONFIG);
	ck_assert_uint_eq(done.n_refused, 2);
	ck_assert_str_eq(done.refused[1].former, "B");
}
END_TEST

START_TEST(after_a_quarter_of_an_hour_it_goes_to_another)
{
	ck_assert_int_eq(TRY("1 A", "2 B"), HA_OK);
	ck_assert_int_eq(TRY("1 A"), HA_OK);
	now.up_s += WAIT - 1;
	ck_assert_int_eq(TRY("1 A", "2 C"), HA_ERR_CONFIG);
	ck_assert_int_eq(done.refused[0].wait_s, 1);
	check_holders("A", NULL);
	now.up_s += 1;
	ck_assert_int_eq(TRY("1 A", "2 C"), HA_OK);
	check_holders("A", "C");
}
END_TEST

START_TEST(a_refused_file_counts_as_the_file)
{
	ck_assert_int_eq(TRY("1 A", "2 B"), HA_OK);
	ck_assert_int_eq(TRY("1 A", "2 C"), HA_ERR_CONFIG);
	fixture_reopen();
	now.up_s += WAIT;
	ck_assert_int_eq(TRY("1 A", "2 C"), HA_OK);
}
END_TEST

START_TEST(who_comes_back_begins_anew)
{
	ck_assert_int_eq(TRY("1 A", "2 B"), HA_OK);
	ck_assert_int_eq(TRY("1 A"), HA_OK);
	now.up_s += WAIT - 1;
	ck_assert_int_eq(TRY("1 A", "2 B"), HA_OK);
	now.up_s += WAIT;
	ck_assert_int_eq(TRY("1 A", "2 C"), HA_ERR_CONFIG);
	ck_assert_int_eq(done.refused[0].wait_s, WAIT);
}
END_TEST

START_TEST(a_refused_file_brings_nobody_back_who_left)
{
	ck_assert_int_eq(TRY("1 A", "2 B"), HA_OK);
	ck_assert_int_eq(TRY("1 A"), HA_OK);
	now.up_s += WAIT - 1;
	ck_assert_int_eq(TRY("1 X", "2 B"), HA_ERR_CONFIG);
	ck_assert_uint_eq(done.n_refused, 1);
	ck_assert_int_eq(TRY("1 A", "2 C"), HA_ERR_CONFIG);
	now.up_s += 1;
	ck_assert_int_eq(TRY("1 A", "2 C"), HA_OK);
}
END_TEST

START_TEST(who_is_in_a_later_file_did_not_leave)
{
	ck_assert_int_eq(TRY("1 A", "2 B"), HA_OK);
	ck_assert_int_eq(TRY("1 A", "2 C"), HA_ERR_CONFIG);
	now.up_s += WAIT;
	ck_assert_int_eq(TRY("1 X", "2 B"), HA_ERR_CONFIG);
	ck_assert_int_eq(TRY("1 A", "2 C"), HA_ERR_CONFIG);
	ck_assert_int_eq(done.refused[0].wait_s, WAIT);
}
END_TEST

START_TEST(who_is_in_a_file_that_is_confirmed_did_not_leave)
{
	ck_assert_int_eq(TRY("1 A", "2 B", "3 C"), HA_OK);
	ck_assert_int_eq(TRY("1 A", "2 B"), HA_OK);
	ck_assert_int_eq(TRY("1 A", "2 X"), HA_ERR_CONFIG);
	ck_assert_int_eq(ha_memberdb_confirm(store), HA_OK);
	now.up_s += WAIT;
	ck_assert_int_eq(TRY("1 A", "2 X", "3 Y"), HA_ERR_CONFIG);
	ck_assert_uint_eq(done.n_refused, 1);
	ck_assert_str_eq(done.refused[0].former, "B");
	ck_assert_int_eq(done.refused[0].wait_s, WAIT);
}
END_TEST

START_TEST(who_is_in_a_file_that_is_confirmed_was_not_forgotten)
{
	ck_assert_int_eq(TRY("1 A", "2 B"), HA_OK);
	ck_assert_int_eq(ha_memberdb_forget(store, "B", &now), HA_OK);
	ck_assert_int_eq(ha_memberdb_confirm(store), HA_OK);
	ck_assert_int_eq(ha_memberdb_confirm(store), HA_OK);
	fixture_reopen();
	ck_assert_int_eq(TRY("1 A", "2 C"), HA_ERR_CONFIG);
}
END_TEST

START_TEST(the_new_holder_is_protected_like_the_old_one)
{
	ck_assert_int_eq(TRY("1 A", "2 B"), HA_OK);
	ck_assert_int_eq(TRY("1 A"), HA_OK);
	now.up_s += WAIT;
	ck_assert_int_eq(TRY("1 A", "2 C"), HA_OK);
	now.up_s += WAIT;
	ck_assert_int_eq(TRY("1 A", "2 B"), HA_ERR_CONFIG);
	ck_assert_str_eq(done.refused[0].former, "C");
}
END_TEST

START_TEST(one_takeover_too_early_holds_back_the_others)
{
	ck_assert_int_eq(TRY("1 A", "2 B"), HA_OK);
	ck_assert_int_eq(TRY("1 A"), HA_OK);
	now.up_s += WAIT;
	ck_assert_int_eq(TRY("1 X", "2 C"), HA_ERR_CONFIG);
	ck_assert_uint_eq(done.n_refused, 1);
	ck_assert_uint_eq(done.refused[0].index, 1);
	ck_assert_int_eq(TRY("1 A", "2 C"), HA_OK);
}
END_TEST

START_TEST(a_member_that_moves_leaves_its_index_behind)
{
	ck_assert_int_eq(TRY("1 A", "2 B"), HA_OK);
	ck_assert_int_eq(TRY("1 A", "3 B"), HA_OK);
	ck_assert_int_eq(TRY("1 A", "3 B", "2 C"), HA_ERR_CONFIG);
	ck_assert_int_eq(TRY("1 A", "2 B"), HA_OK);
}
END_TEST

static const struct {
	const char *why;
	int64_t left_up_s;
	int64_t later_wall_s;
	int64_t up_s;
	uint8_t host_boot;
	int64_t want_wait_s;
} clocks[] = {
	{ "the wall clock goes on by years", 5000, 300000000, 5000, 1, WAIT },
	{ "it goes back by years", 5000, -300000000, 5000 + WAIT, 1, 0 },
	{ "the host booted just now", 5000, 0, 10, 2, WAIT - 10 },
	{ "it booted long ago", 5000, 0, WAIT, 2, 0 },
	{ "it booted, and has run as long as before", 10, 0, 11, 2,
	    WAIT - 11 },
	{ "a clock that went back in one boot", 5000, 0, 10, 1, WAIT },
};

START_TEST(nobody_bends_the_wait_by_a_clock)
{
	now.up_s = clocks[_i].left_up_s;
	ck_assert_int_eq(TRY("1 A", "2 B"), HA_OK);
	ck_assert_int_eq(TRY("1 A"), HA_OK);
	now.wall_s += clocks[_i].later_wall_s;
	now.up_s = clocks[_i].up_s;
	now.host_boot[0] = clocks[_i].host_boot;
	ck_assert_msg(TRY("1 A", "2 C") == (clocks[_i].want_wait_s == 0 ?
	    HA_OK : HA_ERR_CONFIG), "%s", clocks[_i].why);
	if (clocks[_i].want_wait_s > 0)
		ck_assert_msg(done.refused[0].wait_s == clocks[_i].want_wait_s,
		    "%s: %lld", clocks[_i].why,
		    (long long)done.refused[0].wait_s);
}
END_TEST

START_TEST(a_time_before_the_boot_is_refused)
{
	now.up_s = -1;
	ck_assert_int_eq(TRY("1 A"), HA_ERR_INVAL);
	ck_assert_int_eq(ha_memberdb_forget(store, "A", &now), HA_ERR_INVAL);
}
END_TEST

START_TEST(who_is_forgotten_is_replaced_at_once)
{
	ck_assert_int_eq(TRY("1 A", "2 B"), HA_OK);
	ck_assert_int_eq(TRY("1 A"), HA_OK);
	ck_assert_int_eq(ha_memberdb_forget(store, "B", &now), HA_OK);
	fixture_reopen();
	ck_assert_int_eq(TRY("1 A", "2 C"), HA_OK);
}
END_TEST

START_TEST(a_member_can_be_forgotten_before_it_leaves_the_file)
{
	ck_assert_int_eq(TRY("1 A", "2 B"), HA_OK);
	ck_assert_int_eq(ha_memberdb_forget(store, "B", &now), HA_OK);
	check_holders("A", "B");
	ck_assert_int_eq(TRY("1 A", "2 C"), HA_OK);
}
END_TEST

START_TEST(a_refusal_ends_by_forgetting)
{
	ck_assert_int_eq(TRY("1 A", "2 B"), HA_OK);
	ck_assert_int_eq(TRY("1 A", "2 C"), HA_ERR_CONFIG);
	ck_assert_int_eq(ha_memberdb_forget(store, "B", &now), HA_OK);
	ck_assert_int_eq(TRY("1 A", "2 C"), HA_OK);
}
END_TEST

START_TEST(who_is_in_the_next_file_was_not_forgotten)
{
	ck_assert_int_eq(TRY("1 A", "2 B"), HA_OK);
	ck_assert_int_eq(ha_memberdb_forget(store, "B", &now), HA_OK);
	ck_assert_int_eq(TRY("1 A", "2 B"), HA_OK);
	ck_assert_int_eq(TRY("1 A", "2 C"), HA_ERR_CONFIG);
}
END_TEST

START_TEST(who_has_no_index_can_not_be_forgotten)
{
	ck_assert_int_eq(ha_memberdb_forget(store, "A", &now), HA_ERR_ABSENT);
	ck_assert_int_eq(TRY("1 A"), HA_OK);
	ck_assert_int_eq(ha_memberdb_forget(store, "B", &now), HA_ERR_ABSENT);
}
END_TEST

START_TEST(the_list_tells_who_is_out_and_since_when)
{
	struct ha_former formers[HA_MEMBERDB_MAX];

	ck_assert_int_eq(TRY("1 A", "2 B", "16 P"), HA_OK);
	ck_assert_int_eq(TRY("1 A"), HA_OK);
	ck_assert_int_eq(ha_memberdb_forget(store, "P", &now), HA_OK);
	now.up_s += 5;
	ck_assert_int_eq(TRY("1 A"), HA_OK);
	fixture_reopen();
	ck_assert_int_eq(ha_formerdb_list(store, formers), HA_OK);
	ck_assert_str_eq(formers[0].serial, "");
	ck_assert_str_eq(formers[1].serial, "B");
	ck_assert(!formers[1].forgotten);
	ck_assert_int_eq(formers[1].since.up_s, 5000);
	ck_assert_int_eq(formers[1].since.wall_s, 1700000000);
	ck_assert_uint_eq(formers[1].since.host_boot[0], 1);
	ck_assert_str_eq(formers[15].serial, "P");
	ck_assert(formers[15].forgotten);
}
END_TEST

/* --- keys --- */

/* One member; 0 is no next key. */
static void
set_keys(int key, int next_key)
{
	struct ha_member_row m = { .index = 1, .serial = "A" };

	memset(m.public_key, key, sizeof(m.public_key));
	m.has_next_public_key = next_key != 0;
	memset(m.next_public_key, next_key, sizeof(m.next_public_key));
	ck_assert_int_eq(ha_memberdb_replace(store, &m, 1, &now, &done),
	    HA_OK);
}

static bool
is_revoked(int key, struct ha_revoked_key *out)
{
	uint8_t bytes[HA_MEMBERDB_KEY_LEN];
	int rc;

	memset(bytes, key, sizeof(bytes));
	rc = ha_formerdb_find_key(store, bytes, out);
	ck_assert(rc == HA_OK || rc == HA_ERR_ABSENT);
	return rc == HA_OK;
}

START_TEST(a_key_that_leaves_the_file_is_revoked)
{
	struct ha_revoked_key k;

	set_keys(1, 0);
	ck_assert(!is_revoked(1, &k));
	now.wall_s = 77;
	set_keys(2, 0);
	fixture_reopen();
	ck_assert(is_revoked(1, &k));
	ck_assert_str_eq(k.serial, "A");
	ck_assert_int_eq(k.at_s, 77);
	ck_assert(!is_revoked(2, &k));
}
END_TEST

START_TEST(a_rotation_revokes_the_old_key_when_it_ends)
{
	struct ha_revoked_key k;

	set_keys(1, 0);
	set_keys(1, 2);
	ck_assert(!is_revoked(1, &k));
	set_keys(2, 0);
	ck_assert(is_revoked(1, &k));
	ck_assert(!is_revoked(2, &k));
}
END_TEST

START_TEST(a_rotation_that_is_given_up_revokes_the_next_key)
{
	struct ha_revoked_key k;

	set_keys(1, 2);
	set_keys(1, 0);
	ck_assert(is_revoked(2, &k));
}
END_TEST

START_TEST(a_key_that_comes_back_is_no_longer_revoked)
{
	struct ha_revoked_key k;

	set_keys(1, 0);
	set_keys(2, 0);
	set_keys(1, 0);
	ck_assert(!is_revoked(1, &k));
	ck_assert(is_revoked(2, &k));
	set_keys(3, 2);
	ck_assert(!is_revoked(2, &k));
}
END_TEST

START_TEST(a_refused_file_revokes_nothing)
{
	struct ha_revoked_key k;
	uint8_t key[HA_MEMBERDB_KEY_LEN] = "B";

	ck_assert_int_eq(TRY("1 A", "2 B"), HA_OK);
	ck_assert_int_eq(TRY("1 A", "2 C"), HA_ERR_CONFIG);
	ck_assert_int_eq(ha_formerdb_find_key(store, key, &k), HA_ERR_ABSENT);
}
END_TEST

START_TEST(the_oldest_revoked_keys_go)
{
	struct ha_revoked_key k;
	uint8_t key[HA_MEMBERDB_KEY_LEN] = { 0 };
	struct ha_member_row m = { .index = 1, .serial = "A" };

	fixture_close();
	ck_assert_int_eq(ha_store_open(":memory:", &store), HA_OK);
	for (int i = 0; i < HA_FORMERDB_KEY_MAX + 3; i++) {
		m.public_key[0] = (uint8_t)i;
		m.public_key[1] = (uint8_t)(i >> 8);
		ck_assert_int_eq(ha_memberdb_replace(store, &m, 1, &now,
		    &done), HA_OK);
	}
	key[0] = 1;
	ck_assert_int_eq(ha_formerdb_find_key(store, key, &k), HA_ERR_ABSENT);
	key[0] = 2;
	ck_assert_int_eq(ha_formerdb_find_key(store, key, &k), HA_OK);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("formerdb");
	TCase *tc = tcase_create("formerdb");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, fixture_teardown);
	tcase_add_test(tc, an_index_that_nobody_had_is_free);
	tcase_add_test(tc, an_index_does_not_go_from_hand_to_hand);
	tcase_add_test(tc, every_refusal_is_told);
	tcase_add_test(tc, after_a_quarter_of_an_hour_it_goes_to_another);
	tcase_add_test(tc, a_refused_file_counts_as_the_file);
	tcase_add_test(tc, who_comes_back_begins_anew);
	tcase_add_test(tc, a_refused_file_brings_nobody_back_who_left);
	tcase_add_test(tc, who_is_in_a_later_file_did_not_leave);
	tcase_add_test(tc, who_is_in_a_file_that_is_confirmed_did_not_leave);
	tcase_add_test(tc,
	    who_is_in_a_file_that_is_confirmed_was_not_forgotten);
	tcase_add_test(tc, the_new_holder_is_protected_like_the_old_one);
	tcase_add_test(tc, one_takeover_too_early_holds_back_the_others);
	tcase_add_test(tc, a_member_that_moves_leaves_its_index_behind);
	tcase_add_loop_test(tc, nobody_bends_the_wait_by_a_clock, 0,
	    (int)(sizeof(clocks) / sizeof(clocks[0])));
	tcase_add_test(tc, a_time_before_the_boot_is_refused);
	tcase_add_test(tc, who_is_forgotten_is_replaced_at_once);
	tcase_add_test(tc, a_member_can_be_forgotten_before_it_leaves_the_file);
	tcase_add_test(tc, a_refusal_ends_by_forgetting);
	tcase_add_test(tc, who_is_in_the_next_file_was_not_forgotten);
	tcase_add_test(tc, who_has_no_index_can_not_be_forgotten);
	tcase_add_test(tc, the_list_tells_who_is_out_and_since_when);
	tcase_add_test(tc, a_key_that_leaves_the_file_is_revoked);
	tcase_add_test(tc, a_rotation_revokes_the_old_key_when_it_ends);
	tcase_add_test(tc, a_rotation_that_is_given_up_revokes_the_next_key);
	tcase_add_test(tc, a_key_that_comes_back_is_no_longer_revoked);
	tcase_add_test(tc, a_refused_file_revokes_nothing);
	tcase_add_test(tc, the_oldest_revoked_keys_go);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
