#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/memberdb.h"
#include "storage/store.h"
#include "tests/unit/store_fixture.h"

static void
setup(void)
{
	fixture_setup();
	fixture_open();
}

static struct ha_member_row
member(unsigned int index)
{
	struct ha_member_row m = {
		.index = (uint8_t)index,
		.enabled = true,
		.session_synchronization = true,
		.site = "dc1",
		.description = "l'\xc3\xa9t\xc3\xa9",
		.ha4_backup_address = "fd00:5::1/64",
	};

	snprintf(m.serial, sizeof(m.serial), "FW-%u", index);
	snprintf(m.name, sizeof(m.name), "fw-%u", index);
	snprintf(m.ha4_address, sizeof(m.ha4_address), "10.4.0.%u/24", index);
	memset(m.public_key, (int)index, sizeof(m.public_key));
	return m;
}

static const struct ha_store_time START = { .wall_s = 1700000000,
	.up_s = 1000, .host_boot = { 1 } };

static uint64_t
replace(const struct ha_member_row *rows, size_t n)
{
	struct ha_replaced done = { 0 };

	ck_assert_int_eq(ha_memberdb_replace(store, rows, n, &START, &done),
	    HA_OK);
	return done.version;
}

START_TEST(a_new_table_is_empty_and_has_no_version)
{
	struct ha_member_row rows[HA_MEMBERDB_MAX];
	uint64_t version = 9;
	size_t n = 9;

	ck_assert_int_eq(ha_memberdb_list(store, rows, &n, &version), HA_OK);
	ck_assert_uint_eq(n, 0);
	ck_assert_uint_eq(version, 0);
}
END_TEST

START_TEST(what_was_stored_comes_back_lowest_index_first)
{
	struct ha_member_row in[3] = { member(7), member(2), member(16) };
	struct ha_member_row out[HA_MEMBERDB_MAX];
	uint64_t version = 0;
	size_t n = 0;

	in[0].enabled = false;
	in[1].session_synchronization = false;
	in[2].has_next_public_key = true;
	memset(in[2].next_public_key, 99, sizeof(in[2].next_public_key));
	ck_assert_uint_eq(replace(in, 3), 1);
	fixture_reopen();

	ck_assert_int_eq(ha_memberdb_list(store, out, &n, &version), HA_OK);
	ck_assert_uint_eq(n, 3);
	ck_assert_uint_eq(version, 1);
	ck_assert_mem_eq(&out[0], &in[1], sizeof(out[0]));
	ck_assert_mem_eq(&out[1], &in[0], sizeof(out[1]));
	ck_assert_mem_eq(&out[2], &in[2], sizeof(out[2]));
}
END_TEST

START_TEST(each_replacement_has_a_new_version)
{
	struct ha_member_row in[2] = { member(1), member(2) };
	struct ha_member_row out[HA_MEMBERDB_MAX];
	uint64_t version = 0;
	size_t n = 0;

	ck_assert_uint_eq(replace(in, 2), 1);
	ck_assert_uint_eq(replace(in, 1), 2);
	ck_assert_uint_eq(replace(in, 0), 3);
	ck_assert_int_eq(ha_memberdb_list(store, out, &n, &version), HA_OK);
	ck_assert_uint_eq(n, 0);
	ck_assert_uint_eq(version, 3);
}
END_TEST

static const struct {
	const char *why;
	unsigned int index;
	const char *serial;
	int key;
	int next_key;
	int want;
} clashes[] = {
	{ "all different", 2, "B", 2, 0, HA_OK },
	{ "the same index", 1, "B", 2, 0, HA_ERR_EXISTS },
	{ "the same serial", 2, "A", 2, 0, HA_ERR_EXISTS },
	{ "the same key", 2, "B", 1, 0, HA_ERR_EXISTS },
	{ "the same next key", 2, "B", 2, 3, HA_ERR_EXISTS },
	{ "index 0", 0, "B", 2, 0, HA_ERR_INVAL },
	{ "index 17", 17, "B", 2, 0, HA_ERR_INVAL },
	{ "no serial", 2, "", 2, 0, HA_ERR_INVAL },
};

START_TEST(a_table_with_a_clash_changes_nothing)
{
	struct ha_member_row rows[HA_MEMBERDB_MAX];
	struct ha_member_row in[2] = { member(1), member(2) };
	struct ha_replaced done;
	uint64_t version = 0;
	size_t n = 0;

	replace(&(struct ha_member_row){ .index = 1, .serial = "A",
	    .site = "old" }, 1);
	strcpy(in[0].serial, "A");
	in[0].has_next_public_key = true;
	memset(in[0].next_public_key, 3, sizeof(in[0].next_public_key));
	in[1].index = (uint8_t)clashes[_i].index;
	strcpy(in[1].serial, clashes[_i].serial);
	memset(in[1].public_key, clashes[_i].key, sizeof(in[1].public_key));
	in[1].has_next_public_key = clashes[_i].next_key != 0;
	memset(in[1].next_public_key, clashes[_i].next_key,
	    sizeof(in[1].next_public_key));
	ck_assert_msg(ha_memberdb_replace(store, in, 2, &START, &done) ==
	    clashes[_i].want, "%s", clashes[_i].why);

	ck_assert_int_eq(ha_memberdb_list(store, rows, &n, &version), HA_OK);
	ck_assert_uint_eq(version, clashes[_i].want == HA_OK ? 2 : 1);
	ck_assert_str_eq(rows[0].site,
	    clashes[_i].want == HA_OK ? "dc1" : "old");
}
END_TEST

START_TEST(a_text_without_end_is_refused)
{
	struct ha_member_row m = member(1);
	struct ha_replaced done;

	memset(m.description, 'x', sizeof(m.description));
	ck_assert_int_eq(ha_memberdb_replace(store, &m, 1, &START, &done),
	    HA_ERR_INVAL);
}
END_TEST

START_TEST(sixteen_fit_and_seventeen_do_not)
{
	struct ha_member_row in[HA_MEMBERDB_MAX + 1];
	struct ha_member_row out[HA_MEMBERDB_MAX];
	struct ha_replaced done;
	uint64_t version = 0;
	size_t n = 0;

	for (unsigned int i = 0; i <= HA_MEMBERDB_MAX; i++)
		in[i] = member(i + 1);
	replace(in, HA_MEMBERDB_MAX);
	ck_assert_int_eq(ha_memberdb_replace(store, in, HA_MEMBERDB_MAX + 1,
	    &START, &done), HA_ERR_FULL);
	ck_assert_int_eq(ha_memberdb_list(store, out, &n, &version), HA_OK);
	ck_assert_uint_eq(n, HA_MEMBERDB_MAX);
}
END_TEST

START_TEST(a_heard_boot_counter_only_rises)
{
	uint64_t boots[HA_MEMBERDB_MAX];

	ck_assert_int_eq(ha_memberdb_boots(store, boots), HA_OK);
	ck_assert_uint_eq(boots[2], 0);
	ck_assert_int_eq(ha_memberdb_raise_boot(store, 3, 10), HA_OK);
	ck_assert_int_eq(ha_memberdb_raise_boot(store, 3, 9), HA_OK);
	ck_assert_int_eq(ha_memberdb_raise_boot(store, 3, 10), HA_OK);
	ck_assert_int_eq(ha_memberdb_raise_boot(store, 16, UINT32_MAX),
	    HA_OK);
	fixture_reopen();
	ck_assert_int_eq(ha_memberdb_boots(store, boots), HA_OK);
	ck_assert_uint_eq(boots[2], 10);
	ck_assert_uint_eq(boots[15], UINT32_MAX);
	ck_assert_uint_eq(boots[0], 0);
}
END_TEST

START_TEST(a_heard_boot_counter_outlives_its_member)
{
	struct ha_member_row m = member(3);
	uint64_t boots[HA_MEMBERDB_MAX];

	replace(&m, 1);
	ck_assert_int_eq(ha_memberdb_raise_boot(store, 3, 10), HA_OK);
	replace(NULL, 0);
	ck_assert_int_eq(ha_memberdb_boots(store, boots), HA_OK);
	ck_assert_uint_eq(boots[2], 10);
}
END_TEST

static const struct {
	const char *why;
	unsigned int index;
	uint64_t boot;
} bad_boots[] = {
	{ "no such index", 0, 1 },
	{ "nor this", 17, 1 },
	{ "more than a counter can be", 1, UINT32_MAX + UINT64_C(1) },
};

START_TEST(a_boot_counter_that_is_none_is_refused)
{
	ck_assert_msg(ha_memberdb_raise_boot(store, bad_boots[_i].index,
	    bad_boots[_i].boot) == HA_ERR_INVAL, "%s", bad_boots[_i].why);
}
END_TEST

START_TEST(the_last_state_is_the_last)
{
	struct ha_last_state s = { "active", "caught-up", 1700000000 };
	struct ha_last_state got = { .at_s = 77 };

	ck_assert_int_eq(ha_memberdb_last_state(store, &got), HA_ERR_ABSENT);
	ck_assert_int_eq(got.at_s, 77);
	ck_assert_int_eq(ha_memberdb_save_state(store, &s), HA_OK);
	strcpy(s.state, "suspended");
	ck_assert_int_eq(ha_memberdb_save_state(store, &s), HA_OK);
	fixture_reopen();
	ck_assert_int_eq(ha_memberdb_last_state(store, &got), HA_OK);
	ck_assert_str_eq(got.state, "suspended");
	ck_assert_str_eq(got.reason, "caught-up");
	ck_assert_int_eq(got.at_s, 1700000000);
}
END_TEST

#define COUNT(cases) ((int)(sizeof(cases) / sizeof((cases)[0])))

int
main(void)
{
	Suite *s = suite_create("memberdb");
	TCase *tc = tcase_create("memberdb");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, fixture_teardown);
	tcase_add_test(tc, a_new_table_is_empty_and_has_no_version);
	tcase_add_test(tc, what_was_stored_comes_back_lowest_index_first);
	tcase_add_test(tc, each_replacement_has_a_new_version);
	tcase_add_loop_test(tc, a_table_with_a_clash_changes_nothing, 0,
	    COUNT(clashes));
	tcase_add_test(tc, a_text_without_end_is_refused);
	tcase_add_test(tc, sixteen_fit_and_seventeen_do_not);
	tcase_add_test(tc, a_heard_boot_counter_only_rises);
	tcase_add_test(tc, a_heard_boot_counter_outlives_its_member);
	tcase_add_loop_test(tc, a_boot_counter_that_is_none_is_refused, 0,
	    COUNT(bad_boots));
	tcase_add_test(tc, the_last_state_is_the_last);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
