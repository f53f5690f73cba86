#include <check.h>
#include <stdlib.h>

#include "storage/bootdb.h"
#include "storage/store.h"
#include "tests/unit/store_fixture.h"

static void
setup(void)
{
	fixture_setup();
	fixture_open();
}

static struct ha_boot_row
next(void)
{
	struct ha_boot_row row = { 0 };

	ck_assert_int_eq(ha_bootdb_next(store, &row), HA_OK);
	return row;
}

START_TEST(the_first_start_is_known_as_the_first)
{
	struct ha_boot_row row = next();

	ck_assert_uint_eq(row.counter, 1);
	ck_assert_uint_eq(row.earlier, 0);
}
END_TEST

START_TEST(each_start_has_a_higher_counter)
{
	for (uint64_t i = 1; i <= 5; i++) {
		struct ha_boot_row row = next();

		ck_assert_uint_eq(row.counter, i);
		ck_assert_uint_eq(row.earlier, i - 1);
		fixture_reopen();
	}
}
END_TEST

START_TEST(the_counter_is_on_disk_before_it_is_told)
{
	next();
	next();
	fixture_close();
	ck_assert_int_eq(fixture_sql(fixture_path(),
	    "SELECT counter FROM boot"), 2);
	ck_assert_int_eq(fixture_sql(fixture_with(".good"),
	    "SELECT counter FROM boot"), 2);
}
END_TEST

START_TEST(a_counter_steps_over_what_peers_have_heard)
{
	uint64_t counter = 0;

	next();
	ck_assert_int_eq(ha_bootdb_raise(store, 41, &counter), HA_OK);
	ck_assert_uint_eq(counter, 42);
	fixture_reopen();
	ck_assert_uint_eq(next().counter, 43);
}
END_TEST

START_TEST(a_counter_never_goes_back)
{
	uint64_t counter = 0;

	next();
	ck_assert_int_eq(ha_bootdb_raise(store, 41, &counter), HA_OK);
	ck_assert_int_eq(ha_bootdb_raise(store, 7, &counter), HA_OK);
	ck_assert_uint_eq(counter, 43);
	ck_assert_int_eq(ha_bootdb_raise(store, 43, &counter), HA_OK);
	ck_assert_uint_eq(counter, 44);
}
END_TEST

START_TEST(to_be_raised_is_no_start)
{
	uint64_t counter;

	next();
	ck_assert_int_eq(ha_bootdb_raise(store, 41, &counter), HA_OK);
	ck_assert_uint_eq(next().earlier, 1);
}
END_TEST

static const struct {
	const char *why;
	uint64_t heard;
	int want;
} limits[] = {
	{ "the last that can be followed", HA_BOOT_COUNTER_MAX - 1, HA_OK },
	{ "the last of all", HA_BOOT_COUNTER_MAX, HA_ERR_INVAL },
	{ "beyond 32 bits", HA_BOOT_COUNTER_MAX + UINT64_C(1), HA_ERR_INVAL },
	{ "as high as a number gets", UINT64_MAX, HA_ERR_INVAL },
};

START_TEST(what_no_counter_can_follow_is_refused)
{
	uint64_t counter = 77;

	next();
	ck_assert_msg(ha_bootdb_raise(store, limits[_i].heard, &counter) ==
	    limits[_i].want, "%s", limits[_i].why);
	if (limits[_i].want != HA_OK) {
		ck_assert_uint_eq(counter, 77);
		ck_assert_uint_eq(next().counter, 2);
	}
}
END_TEST

START_TEST(at_its_end_the_counter_stands_still)
{
	struct ha_boot_row row = { .counter = 77 };
	uint64_t counter = 77;

	ck_assert_int_eq(ha_bootdb_raise(store, HA_BOOT_COUNTER_MAX - 1,
	    &counter), HA_OK);
	ck_assert_uint_eq(counter, HA_BOOT_COUNTER_MAX);
	ck_assert_int_eq(ha_bootdb_next(store, &row), HA_ERR_FULL);
	ck_assert_uint_eq(row.counter, 77);
	ck_assert_int_eq(ha_bootdb_raise(store, 3, &counter), HA_ERR_FULL);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("bootdb");
	TCase *tc = tcase_create("bootdb");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, fixture_teardown);
	tcase_add_test(tc, the_first_start_is_known_as_the_first);
	tcase_add_test(tc, each_start_has_a_higher_counter);
	tcase_add_test(tc, the_counter_is_on_disk_before_it_is_told);
	tcase_add_test(tc, a_counter_steps_over_what_peers_have_heard);
	tcase_add_test(tc, a_counter_never_goes_back);
	tcase_add_test(tc, to_be_raised_is_no_start);
	tcase_add_loop_test(tc, what_no_counter_can_follow_is_refused, 0,
	    (int)(sizeof(limits) / sizeof(limits[0])));
	tcase_add_test(tc, at_its_end_the_counter_stands_still);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
