#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/eventdb.h"
#include "storage/store.h"
#include "tests/unit/store_fixture.h"

static void
setup(void)
{
	fixture_setup();
	fixture_open();
}

static void
append(unsigned int i)
{
	char text[64];

	snprintf(text, sizeof(text), "n=%u", i);
	ck_assert_int_eq(ha_eventdb_append(store, 1700000000000 + i,
	    "member.state", text), HA_OK);
}

START_TEST(a_new_history_is_empty)
{
	struct ha_event_row row;
	size_t n = 9;

	ck_assert_int_eq(ha_eventdb_list(store, &row, 1, &n), HA_OK);
	ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(the_last_events_come_oldest_first)
{
	struct ha_event_row rows[3];
	size_t n = 0;

	for (unsigned int i = 1; i <= 5; i++)
		append(i);
	ck_assert_int_eq(ha_eventdb_list(store, rows, 3, &n), HA_OK);
	ck_assert_uint_eq(n, 3);
	ck_assert_uint_eq(rows[0].number, 3);
	ck_assert_uint_eq(rows[2].number, 5);
	ck_assert_str_eq(rows[0].text, "n=3");
	ck_assert_str_eq(rows[2].name, "member.state");
	ck_assert_int_eq(rows[2].at_ms, 1700000000005);
}
END_TEST

START_TEST(fewer_than_asked_for_are_all)
{
	struct ha_event_row rows[8];
	size_t n = 0;

	append(1);
	append(2);
	ck_assert_int_eq(ha_eventdb_list(store, rows, 8, &n), HA_OK);
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(rows[0].number, 1);
}
END_TEST

START_TEST(none_asked_for_is_none)
{
	size_t n = 9;

	append(1);
	ck_assert_int_eq(ha_eventdb_list(store, NULL, 0, &n), HA_OK);
	ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(the_history_survives_and_its_numbers_go_on)
{
	struct ha_event_row rows[2];
	size_t n = 0;

	append(1);
	fixture_reopen();
	append(2);
	ck_assert_int_eq(ha_eventdb_list(store, rows, 2, &n), HA_OK);
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(rows[1].number, 2);
}
END_TEST

START_TEST(long_texts_are_cut_between_characters)
{
	struct ha_event_row row;
	char name[200];
	char text[600];
	size_t n = 0;

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	memset(text, 't', sizeof(text));
	memcpy(text + 254, "\xc3\xa4", 2); /* one character, bytes 254, 255 */
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(ha_eventdb_append(store, 1, name, text), HA_OK);
	ck_assert_int_eq(ha_eventdb_list(store, &row, 1, &n), HA_OK);
	ck_assert_uint_eq(strlen(row.name), sizeof(row.name) - 1);
	ck_assert_uint_eq(strlen(row.text), 254);
}
END_TEST

START_TEST(times_before_the_epoch_are_times)
{
	struct ha_event_row row;
	size_t n = 0;

	ck_assert_int_eq(ha_eventdb_append(store, -5, "a", ""), HA_OK);
	ck_assert_int_eq(ha_eventdb_list(store, &row, 1, &n), HA_OK);
	ck_assert_int_eq(row.at_ms, -5);
	ck_assert_str_eq(row.text, "");
}
END_TEST

/* In memory, since ten thousand waits for a disk prove no more. */
START_TEST(the_oldest_events_go)
{
	struct ha_event_row *rows = calloc(HA_EVENTDB_MAX + 5, sizeof(*rows));
	size_t n = 0;

	fixture_close();
	ck_assert_int_eq(ha_store_open(":memory:", &store), HA_OK);
	for (unsigned int i = 1; i <= HA_EVENTDB_MAX + 3; i++)
		append(i);
	ck_assert_int_eq(ha_eventdb_list(store, rows, HA_EVENTDB_MAX + 5, &n),
	    HA_OK);
	ck_assert_uint_eq(n, HA_EVENTDB_MAX);
	ck_assert_uint_eq(rows[0].number, 4);
	ck_assert_uint_eq(rows[n - 1].number, HA_EVENTDB_MAX + 3);
	free(rows);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("eventdb");
	TCase *tc = tcase_create("eventdb");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, fixture_teardown);
	tcase_add_test(tc, a_new_history_is_empty);
	tcase_add_test(tc, the_last_events_come_oldest_first);
	tcase_add_test(tc, fewer_than_asked_for_are_all);
	tcase_add_test(tc, none_asked_for_is_none);
	tcase_add_test(tc, the_history_survives_and_its_numbers_go_on);
	tcase_add_test(tc, long_texts_are_cut_between_characters);
	tcase_add_test(tc, times_before_the_epoch_are_times);
	tcase_add_test(tc, the_oldest_events_go);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
