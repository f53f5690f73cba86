#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "shell/options.h"

#define ARGS_MAX 16

static struct ha_options o;
static char why[HA_OPTIONS_WHY];

/* Words divided by one blank each. */
static int
parse(const char *line)
{
	static char copy[256];
	char *argv[ARGS_MAX + 1] = { NULL };
	int argc = 0;

	ck_assert_uint_lt(strlen(line), sizeof(copy));
	strcpy(copy, line);
	memset(why, 0, sizeof(why));
	for (char *w = strtok(copy, " "); w != NULL && argc < ARGS_MAX;
	    w = strtok(NULL, " "))
		argv[argc++] = w;
	return ha_options_parse(argc, argv, &o, why);
}

START_TEST(without_options_the_usual_paths_are_taken)
{
	ck_assert_int_eq(parse("clusterd"), HA_OK);
	ck_assert_int_eq(o.job, HA_JOB_RUN);
	ck_assert_str_eq(o.conf, "/etc/clusterd/cluster.conf");
	ck_assert_str_eq(o.identity, "/etc/clusterd/identity");
	ck_assert_str_eq(o.secret, "/etc/clusterd/secret");
	ck_assert_str_eq(o.state_dir, "/var/lib/clusterd");
	ck_assert_str_eq(o.run_dir, "/run/clusterd");
	ck_assert_str_eq(o.log_dir, "/var/log/clusterd");
	ck_assert(!o.foreground);
	ck_assert_uint_eq(o.verbose, 0);
}
END_TEST

START_TEST(every_path_has_a_switch)
{
	ck_assert_int_eq(parse("clusterd -c 1 -i 2 -s 3 -d 4 -r 5 -l 6 -fvv"),
	    HA_OK);
	ck_assert_str_eq(o.conf, "1");
	ck_assert_str_eq(o.identity, "2");
	ck_assert_str_eq(o.secret, "3");
	ck_assert_str_eq(o.state_dir, "4");
	ck_assert_str_eq(o.run_dir, "5");
	ck_assert_str_eq(o.log_dir, "6");
	ck_assert(o.foreground);
	ck_assert_uint_eq(o.verbose, 2);
}
END_TEST

static const struct {
	const char *line;
	enum ha_options_job job;
} job_cases[] = {
	{ "clusterd -f", HA_JOB_RUN },
	{ "clusterd -t", HA_JOB_CHECK },
	{ "clusterd -V", HA_JOB_VERSION },
	{ "clusterd -h", HA_JOB_HELP },
};

START_TEST(a_switch_chooses_the_job)
{
	ck_assert_int_eq(parse(job_cases[_i].line), HA_OK);
	ck_assert_int_eq(o.job, job_cases[_i].job);
}
END_TEST

static const struct {
	const char *line;
	const char *want;
} wrong_cases[] = {
	{ "clusterd -x", "option -x is not known" },
	{ "clusterd --long", "option -- is not known" },
	{ "clusterd -c", "option -c needs a value" },
	{ "clusterd start", "\"start\" is too much" },
	{ "clusterd -f -- x", "\"x\" is too much" },
};

START_TEST(wrong_usage_is_told_in_words)
{
	struct ha_options before = o;

	ck_assert_int_eq(parse(wrong_cases[_i].line), HA_ERR_INVAL);
	ck_assert_str_eq(why, wrong_cases[_i].want);
	ck_assert_mem_eq(&o, &before, sizeof(o));
}
END_TEST

START_TEST(an_empty_path_is_wrong)
{
	static char name[] = "clusterd", flag[] = "-c", empty[] = "";
	char *argv[] = { name, flag, empty, NULL };

	ck_assert_int_eq(ha_options_parse(3, argv, &o, why), HA_ERR_INVAL);
	ck_assert_str_eq(why, "option -c is empty");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("options");
	TCase *tc = tcase_create("command line");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, without_options_the_usual_paths_are_taken);
	tcase_add_test(tc, every_path_has_a_switch);
	tcase_add_loop_test(tc, a_switch_chooses_the_job, 0,
	    (int)(sizeof(job_cases) / sizeof(job_cases[0])));
	tcase_add_loop_test(tc, wrong_usage_is_told_in_words, 0,
	    (int)(sizeof(wrong_cases) / sizeof(wrong_cases[0])));
	tcase_add_test(tc, an_empty_path_is_wrong);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
