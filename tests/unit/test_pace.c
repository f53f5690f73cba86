/* Waiting, resting and oversleeping: everything of the shell about time. */
#include <check.h>
#include <stdlib.h>

#include "shell/backoff.h"
#include "shell/clock.h"
#include "shell/rest.h"

static struct ha_time
at_us(int64_t us)
{
	return (struct ha_time){ us * 1000 };
}

static struct ha_dur
us(int64_t n)
{
	return (struct ha_dur){ n * 1000 };
}

/* --- backoff --- */

START_TEST(waits_double_up_to_the_longest)
{
	static const int64_t MS[] = { 100, 200, 400, 800, 1600, 3000, 3000 };
	struct ha_rng rng = { 1 };
	struct ha_backoff b;

	ha_backoff_init(&b, ha_dur_ms(100), ha_dur_ms(3000));
	for (size_t i = 0; i < sizeof(MS) / sizeof(MS[0]); i++) {
		int64_t wait = ha_backoff_next(&b, &rng).ns;
		int64_t base = ha_dur_ms(MS[i]).ns;

		ck_assert_int_ge(wait, base - base / 4);
		ck_assert_int_le(wait, base + base / 4 + 1);
	}
	ha_backoff_reset(&b);
	ck_assert_int_le(ha_backoff_next(&b, &rng).ns, ha_dur_ms(126).ns);
}
END_TEST

START_TEST(members_that_failed_together_come_back_apart)
{
	int64_t least = INT64_MAX, most = 0;

	for (uint64_t seed = 1; seed <= 16; seed++) {
		struct ha_rng rng = { seed };
		struct ha_backoff b;
		int64_t wait;

		ha_backoff_init(&b, ha_dur_ms(100), ha_dur_ms(3000));
		wait = ha_backoff_next(&b, &rng).ns;
		least = wait < least ? wait : least;
		most = wait > most ? wait : most;
	}
	ck_assert_int_gt(most - least, ha_dur_ms(20).ns);
}
END_TEST

/* --- rest --- */

/* Turns of 10 us, gap_us apart; returns how long the last one rests. */
static int64_t
rest_of_turn(int n_turns, int64_t gap_us)
{
	struct ha_dur rest = { 0 };
	struct ha_time now = at_us(1000000);
	struct ha_rest r;

	ha_rest_init(&r, us(1000), at_us(0));
	for (int i = 0; i < n_turns; i++) {
		struct ha_time began = now;

		now = ha_time_add(now, us(10));
		rest = ha_rest_after(&r, began, now);
		now = ha_time_add(now, rest);
		ha_rest_ended(&r, now);
		now = ha_time_add(now, us(gap_us));
	}
	return rest.ns / 1000;
}

static const struct {
	const char *why;
	int n_turns;
	int64_t gap_us;
	int64_t want_us;
} rest_cases[] = {
	{ "the first event after a pause goes at once", 1, 0, 0 },
	{ "two are no stream", 2, 5, 0 },
	{ "a stream rests for what is left of the time", 5, 5, 990 },
	{ "and goes on resting", 50, 5, 990 },
	{ "events further apart than the time never wait", 50, 1000, 0 },
	{ "events closer than the time do", 50, 900, 990 },
};

START_TEST(only_a_stream_of_events_rests)
{
	ck_assert_msg(rest_of_turn(rest_cases[_i].n_turns,
	    rest_cases[_i].gap_us) == rest_cases[_i].want_us, "case: %s",
	    rest_cases[_i].why);
}
END_TEST

START_TEST(without_a_time_nothing_rests)
{
	struct ha_rest r;

	ha_rest_init(&r, us(0), at_us(0));
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(ha_rest_after(&r, at_us(1), at_us(2)).ns, 0);
		ha_rest_ended(&r, at_us(1));
	}
}
END_TEST

START_TEST(a_turn_longer_than_the_time_does_not_rest)
{
	struct ha_rest r;

	ha_rest_init(&r, us(1000), at_us(0));
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(ha_rest_after(&r, at_us(0), at_us(1500)).ns,
		    0);
		ha_rest_ended(&r, at_us(0));
	}
}
END_TEST

/* --- stall --- */

START_TEST(waking_late_is_a_stall_and_said_once)
{
	struct ha_stall s;

	ha_stall_init(&s, us(250), at_us(0));
	ha_stall_sleep(&s, at_us(0), at_us(1000));
	ck_assert(!ha_stall_wake(&s, at_us(1250)));
	ha_stall_sleep(&s, at_us(1250), at_us(2000));
	ck_assert(ha_stall_wake(&s, at_us(2251)));
	ck_assert(!ha_stall_wake(&s, at_us(2252)));
}
END_TEST

START_TEST(waking_early_for_an_event_is_none)
{
	struct ha_stall s;

	ha_stall_init(&s, us(250), at_us(0));
	ha_stall_sleep(&s, at_us(0), at_us(1000));
	ck_assert(!ha_stall_wake(&s, at_us(10)));
	ck_assert(!ha_stall_wake(&s, at_us(1200)));
}
END_TEST

START_TEST(a_turn_that_takes_too_long_is_one)
{
	struct ha_stall s;

	ha_stall_init(&s, us(250), at_us(0));
	ha_stall_sleep(&s, at_us(0), at_us(0));
	ck_assert(!ha_stall_wake(&s, at_us(1)));
	ck_assert(ha_stall_wake(&s, at_us(300)));
}
END_TEST

START_TEST(a_deadline_in_the_past_means_now)
{
	struct ha_stall s;

	ha_stall_init(&s, us(250), at_us(0));
	ha_stall_sleep(&s, at_us(5000), at_us(1000));
	ck_assert(!ha_stall_wake(&s, at_us(5100)));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("pace");
	TCase *tc = tcase_create("time");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, waits_double_up_to_the_longest);
	tcase_add_test(tc, members_that_failed_together_come_back_apart);
	tcase_add_loop_test(tc, only_a_stream_of_events_rests, 0,
	    (int)(sizeof(rest_cases) / sizeof(rest_cases[0])));
	tcase_add_test(tc, without_a_time_nothing_rests);
	tcase_add_test(tc, a_turn_longer_than_the_time_does_not_rest);
	tcase_add_test(tc, waking_late_is_a_stall_and_said_once);
	tcase_add_test(tc, waking_early_for_an_event_is_none);
	tcase_add_test(tc, a_turn_that_takes_too_long_is_one);
	tcase_add_test(tc, a_deadline_in_the_past_means_now);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
