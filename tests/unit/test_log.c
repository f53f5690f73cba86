#include <check.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "shell/log_limit.h"
#include "shell/log_line.h"

static struct ha_time
at_s(int64_t s)
{
	return (struct ha_time){ s * 1000000000 };
}

static HA_PRINTF(5, 6) size_t
line(char *out, size_t size, const char *event, uint64_t left_out,
    const char *fmt, ...)
{
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	len = ha_log_line(out, size, event, left_out, fmt, ap);
	va_end(ap);
	return len;
}

START_TEST(a_line_begins_with_its_event)
{
	char out[64];

	ck_assert_uint_eq(line(out, sizeof(out), "link.up", 0, "peer=%d", 3),
	    14);
	ck_assert_str_eq(out, "link.up peer=3");
}
END_TEST

START_TEST(an_event_alone_has_no_blank_behind_it)
{
	char out[64];

	line(out, sizeof(out), "daemon.stop", 0, "%s", "");
	ck_assert_str_eq(out, "daemon.stop");
}
END_TEST

START_TEST(a_line_tells_how_many_it_stands_for)
{
	char out[64];

	line(out, sizeof(out), "link.refused", 12, "from=%s", "x");
	ck_assert_str_eq(out, "link.refused left-out=12 from=x");
}
END_TEST

START_TEST(a_peer_cannot_begin_a_line_of_its_own)
{
	char out[64];

	line(out, sizeof(out), "e", 0, "text=%s", "a\nb\tc\033d\x7f");
	ck_assert_str_eq(out, "e text=a?b?c?d?");
}
END_TEST

START_TEST(a_long_line_is_cut_and_says_so)
{
	char out[16];

	ck_assert_uint_eq(line(out, sizeof(out), "event", 0, "%s",
	    "0123456789abcdef"), 15);
	ck_assert_str_eq(out, "event 012345...");
}
END_TEST

static const struct {
	const char *why;
	const char *text;
	const char *want;
} quote_cases[] = {
	{ "plain", "two words", "\"two words\"" },
	{ "nothing", "", "\"\"" },
	{ "a quote ends no value", "a\" b=\"c", "\"a' b='c\"" },
	{ "a backslash hides none", "a\\", "\"a'\"" },
	{ "an end of line", "a\nb", "\"a?b\"" },
	{ "cut", "0123456789abcdefgh", "\"0123456789abc\"" },
};

START_TEST(a_quoted_value_ends_where_it_ends)
{
	char out[16];

	ck_assert_msg(strcmp(ha_log_quote(out, sizeof(out),
	    quote_cases[_i].text), quote_cases[_i].want) == 0,
	    "case %s: %s", quote_cases[_i].why, out);
}
END_TEST

START_TEST(one_line_of_a_reason_passes_in_the_interval)
{
	static struct ha_log_limit l;
	const struct ha_dur interval = ha_dur_s(30);
	uint64_t left_out = 99;

	memset(&l, 0, sizeof(l));
	ck_assert(ha_log_limit_pass(&l, 1, at_s(0), interval, &left_out));
	ck_assert_uint_eq(left_out, 0);
	for (int i = 1; i < 30; i++)
		ck_assert(!ha_log_limit_pass(&l, 1, at_s(i), interval,
		    &left_out));
	ck_assert(ha_log_limit_pass(&l, 2, at_s(29), interval, &left_out));
	ck_assert_uint_eq(left_out, 0);
	ck_assert(ha_log_limit_pass(&l, 1, at_s(30), interval, &left_out));
	ck_assert_uint_eq(left_out, 29);
	ck_assert(!ha_log_limit_pass(&l, 1, at_s(31), interval, &left_out));
}
END_TEST

START_TEST(a_flood_of_reasons_costs_the_quietest_its_place)
{
	static struct ha_log_limit l;
	const struct ha_dur interval = ha_dur_s(1000);
	uint64_t left_out;

	memset(&l, 0, sizeof(l));
	for (uint64_t r = 1; r <= HA_LOG_LIMIT_PLACES; r++)
		ck_assert(ha_log_limit_pass(&l, r, at_s((int64_t)r),
		    interval, &left_out));
	ck_assert(!ha_log_limit_pass(&l, 1, at_s(100), interval, &left_out));
	ck_assert(ha_log_limit_pass(&l, 1000, at_s(101), interval,
	    &left_out));
	ck_assert(!ha_log_limit_pass(&l, 1, at_s(102), interval, &left_out));
	ck_assert(ha_log_limit_pass(&l, 2, at_s(103), interval, &left_out));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("log");
	TCase *tc = tcase_create("lines and limits");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, a_line_begins_with_its_event);
	tcase_add_test(tc, an_event_alone_has_no_blank_behind_it);
	tcase_add_test(tc, a_line_tells_how_many_it_stands_for);
	tcase_add_test(tc, a_peer_cannot_begin_a_line_of_its_own);
	tcase_add_test(tc, a_long_line_is_cut_and_says_so);
	tcase_add_loop_test(tc, a_quoted_value_ends_where_it_ends, 0,
	    (int)(sizeof(quote_cases) / sizeof(quote_cases[0])));
	tcase_add_test(tc, one_line_of_a_reason_passes_in_the_interval);
	tcase_add_test(tc, a_flood_of_reasons_costs_the_quietest_its_place);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
