#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/secret.h"
#include "proto/keys.h"

#define ONE "SI0PBGxzzUbQGE25UjKgfMy9k8mXwrY3kOXvvl8ggWM="
#define TWO "uJwZTmUxzOfdJVXgqQmPKsGtzFYdz9Vb8rBBgX5ZLGo="
#define ZEROS "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static char directory[] = "/tmp/ha-secret-XXXXXX";
static char path[64];
static struct ha_conf_report report;
static struct ha_secret *secret;

static void
setup(void)
{
	strcpy(directory + sizeof(directory) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/secret", directory);
	ha_conf_report_init(&report);
	secret = NULL;
}

static void
teardown(void)
{
	ha_secret_free(secret);
	ha_conf_report_free(&report);
	unlink(path);
	rmdir(directory);
}

static int
load(const char *text, mode_t mode)
{
	FILE *out = fopen(path, "w");

	ck_assert_ptr_nonnull(out);
	fputs(text, out);
	fclose(out);
	ck_assert_int_eq(chmod(path, mode), 0);
	return ha_secret_load(path, &report, &secret);
}

START_TEST(what_was_created_is_loaded)
{
	struct stat st;

	ck_assert_int_eq(ha_secret_create(path), HA_OK);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(st.st_size, 45);
	ck_assert_int_eq(ha_secret_load(path, &report, &secret), HA_OK);
	ck_assert(!secret->has_next);
}
END_TEST

START_TEST(a_secret_is_never_overwritten)
{
	uint8_t first[HA_SECRET_LEN];

	ck_assert_int_eq(ha_secret_create(path), HA_OK);
	ck_assert_int_eq(ha_secret_load(path, &report, &secret), HA_OK);
	memcpy(first, secret->current, sizeof(first));
	ha_secret_free(secret);
	secret = NULL;
	ck_assert_int_eq(ha_secret_create(path), HA_ERR_EXISTS);
	ck_assert_int_eq(ha_secret_load(path, &report, &secret), HA_OK);
	ck_assert_mem_eq(secret->current, first, sizeof(first));
}
END_TEST

START_TEST(a_rotation_has_two_lines)
{
	uint8_t key[HA_KEY_LEN];

	ck_assert_int_eq(load("# ours\n" ONE "\n\n" TWO "\n", 0600), HA_OK);
	ck_assert(secret->has_next);
	ck_assert_int_eq(ha_key_from_text(key, ONE), HA_OK);
	ck_assert_mem_eq(secret->current, key, HA_KEY_LEN);
	ck_assert_int_eq(ha_key_from_text(key, TWO), HA_OK);
	ck_assert_mem_eq(secret->next, key, HA_KEY_LEN);
}
END_TEST

static void
reload(void)
{
	ha_secret_free(secret);
	secret = NULL;
	ck_assert_int_eq(ha_secret_load(path, &report, &secret), HA_OK);
}

START_TEST(a_secret_is_rotated_and_committed)
{
	uint8_t one[HA_SECRET_LEN], next[HA_SECRET_LEN];
	struct stat st;

	ck_assert_int_eq(load("# ours\n" ONE "\n# end", 0400), HA_OK);
	memcpy(one, secret->current, sizeof(one));
	ck_assert_int_eq(ha_secret_commit(path, &report), HA_ERR_ABSENT);
	ck_assert_int_eq(ha_secret_rotate(path, &report), HA_OK);
	ck_assert_int_eq(ha_secret_rotate(path, &report), HA_ERR_EXISTS);
	reload();
	ck_assert(secret->has_next);
	ck_assert_mem_eq(secret->current, one, sizeof(one));
	memcpy(next, secret->next, sizeof(next));
	ck_assert_int_eq(ha_secret_commit(path, &report), HA_OK);
	reload();
	ck_assert(!secret->has_next);
	ck_assert_mem_eq(secret->current, next, sizeof(next));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0400);
}
END_TEST

static const struct {
	const char *why;
	const char *text;
	unsigned int line;
	const char *message;
} cases[] = {
	{ "empty", "", 0, "has no secret: clusterctl secret init makes one" },
	{ "only a comment", "# " ONE "\n", 0,
	    "has no secret: clusterctl secret init makes one" },
	{ "half a secret", "\nSI0PBGxzzUbQGE25UjKgfMy9\n", 2,
	    "is no secret: 32 bytes in base64, as clusterctl secret init "
	    "writes them" },
	{ "junk", "hunter2\n", 1, "is no secret: 32 bytes in base64, as "
	    "clusterctl secret init writes them" },
	{ "a comment behind it", ONE " # ours\n", 1, "is no secret: 32 bytes "
	    "in base64, as clusterctl secret init writes them" },
	{ "two on one line", ONE " " TWO "\n", 1, "is no secret: 32 bytes in "
	    "base64, as clusterctl secret init writes them" },
	{ "a good one and a bad one", ONE "\nx\n", 2, "is no secret: 32 bytes "
	    "in base64, as clusterctl secret init writes them" },
	{ "three", ONE "\n" TWO "\n" ONE "\n", 3, "a third secret: a file has "
	    "one line, during a rotation two" },
	{ "twice the same", ONE "\n" ONE "\n", 0, "has the same secret twice: "
	    "the second line is the next one, or not there" },
	{ "zeros", ZEROS "\n", 1, "is all zeros, which everybody can guess: "
	    "clusterctl secret init makes a good one" },
};

START_TEST(what_is_no_secret_is_explained)
{
	ck_assert_msg(load(cases[_i].text, 0600) == HA_ERR_CONFIG, "%s",
	    cases[_i].why);
	ck_assert_ptr_null(secret);
	ck_assert_uint_eq(report.n, 1);
	ck_assert_str_eq(report.messages[0].text, cases[_i].message);
	ck_assert_uint_eq(report.messages[0].line, cases[_i].line);
}
END_TEST

START_TEST(a_secret_that_others_can_read_is_refused)
{
	ck_assert_int_eq(load(ONE "\n", 0644), HA_ERR_PERM);
	ck_assert_int_eq(ha_secret_load("/nonexistent/secret", &report,
	    &secret), HA_ERR_ABSENT);
	ck_assert_uint_eq(report.n_errors, 2);
}
END_TEST

START_TEST(every_beginning_of_a_file_is_refused_or_whole)
{
	static const char FULL[] = ONE "\n" TWO "\n";
	char text[sizeof(FULL)];

	for (size_t len = 0; len < sizeof(FULL); len++) {
		int rc;

		memcpy(text, FULL, len);
		text[len] = '\0';
		rc = load(text, 0600);
		ck_assert_msg((rc == HA_OK) == (len == 44 || len == 45 ||
		    len >= 89), "%zu bytes", len);
		teardown();
		setup();
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("secret");
	TCase *tc = tcase_create("secret");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_was_created_is_loaded);
	tcase_add_test(tc, a_secret_is_never_overwritten);
	tcase_add_test(tc, a_rotation_has_two_lines);
	tcase_add_test(tc, a_secret_is_rotated_and_committed);
	tcase_add_loop_test(tc, what_is_no_secret_is_explained, 0,
	    (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tc, a_secret_that_others_can_read_is_refused);
	tcase_add_test(tc, every_beginning_of_a_file_is_refused_or_whole);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
