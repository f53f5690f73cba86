#include <check.h>
#include <stdlib.h>

#include "dataplane/dataplane.h"

#define MAX(n)     "sysctl -w net.netfilter.nf_conntrack_max=" #n
#define BUCKETS(n) "sysctl -w net.netfilter.nf_conntrack_buckets=" #n
#define STRICT     "sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=0"

static const struct {
	const char *why;
	uint32_t conntrack_max;
	uint32_t buckets;
	bool tcp_liberal;
	uint32_t table_size;
	const char *run[HA_HOST_ADVICE_MAX]; /* up to the first NULL */
} cases[] = {
	{ "a usual host and the usual table", 262144, 65536, false, 262144,
	    { NULL } },
	{ "no limit", 0, 65536, false, 262144, { NULL } },
	{ "as many as the table", 1000, 1000, false, 1000, { NULL } },
	{ "one less", 999, 1000, false, 1000, { MAX(1250) } },
	{ "the largest table", 262144, 4194304, false, 16777216,
	    { MAX(20971520) } },
	{ "four in a bucket", 1000, 250, false, 1000, { NULL } },
	{ "more than that", 1000, 249, false, 1000, { BUCKETS(1000) } },
	{ "a kernel that doesn't tell its buckets", 1000, 0, false, 1000,
	    { NULL } },
	{ "windows that nobody checks", 1000, 1000, true, 1000, { STRICT } },
	{ "everything", 64, 16, true, 4096,
	    { MAX(5120), BUCKETS(4096), STRICT } },
};

START_TEST(the_line_that_would_help_is_told)
{
	const struct ha_host host = {
		.conntrack_max = cases[_i].conntrack_max,
		.buckets = cases[_i].buckets,
		.tcp_liberal = cases[_i].tcp_liberal,
	};
	struct ha_host_advice advice[HA_HOST_ADVICE_MAX];
	size_t wanted = 0;
	size_t n = ha_host_advise(&host, cases[_i].table_size, advice);

	while (wanted < HA_HOST_ADVICE_MAX && cases[_i].run[wanted] != NULL)
		wanted++;
	ck_assert_msg(n == wanted, "%s: %zu", cases[_i].why, n);
	for (size_t i = 0; i < n; i++)
		ck_assert_str_eq(advice[i].run, cases[_i].run[i]);
}
END_TEST

START_TEST(it_says_why)
{
	const struct ha_host host = { .conntrack_max = 65536,
		.buckets = 16384 };
	struct ha_host_advice advice[HA_HOST_ADVICE_MAX];

	ck_assert_uint_eq(ha_host_advise(&host, 16777216, advice), 2);
	ck_assert_str_eq(advice[0].name, "host.conntrack-max");
	ck_assert_str_eq(advice[0].why, "the kernel takes 65536 connections, "
	    "table-size is 16777216");
	ck_assert_str_eq(advice[1].name, "host.buckets");
	ck_assert_str_eq(advice[1].why, "the kernel sorts connections into "
	    "16384 buckets, table-size is 16777216");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("host");
	TCase *tc = tcase_create("advice");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, the_line_that_would_help_is_told, 0,
	    (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tc, it_says_why);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
