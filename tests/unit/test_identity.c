#include <check.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/identity.h"
#include "conf/secret_file.h"
#include "proto/keys.h"

/* Key pairs made for these tests. */
#define PRIVATE_A "SI0PBGxzzUbQGE25UjKgfMy9k8mXwrY3kOXvvl8ggWM="
#define PRIVATE_B "uJwZTmUxzOfdJVXgqQmPKsGtzFYdz9Vb8rBBgX5ZLGo="

static char directory[] = "/tmp/ha-identity-XXXXXX";
static char path[64];
static struct ha_conf_report report;
static struct ha_identity *identity;

static void
setup(void)
{
	ck_assert_int_eq(ha_keys_init(), HA_OK);
	strcpy(directory + sizeof(directory) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/identity", directory);
	ha_conf_report_init(&report);
	identity = NULL;
}

static void
teardown(void)
{
	ha_identity_free(identity);
	ha_conf_report_free(&report);
	unlink(path);
	rmdir(directory);
}

static void
write_file(const char *text, size_t len, mode_t mode)
{
	FILE *out = fopen(path, "w");

	ck_assert_ptr_nonnull(out);
	ck_assert_uint_eq(fwrite(text, 1, len, out), len);
	fclose(out);
	ck_assert_int_eq(chmod(path, mode), 0);
}

static int
load(const char *text)
{
	write_file(text, strlen(text), 0600);
	return ha_identity_load(path, &report, &identity);
}

#define GOOD "serial = \"FW-A\"\nprivate-key = \"" PRIVATE_A "\"\n"

START_TEST(what_was_created_is_what_is_loaded)
{
	uint8_t public_key[HA_KEY_LEN];

	ck_assert_int_eq(ha_identity_create(path, "FW-A", public_key), HA_OK);
	ck_assert_int_eq(ha_identity_load(path, &report, &identity), HA_OK);
	ck_assert_uint_eq(report.n, 0);
	ck_assert_str_eq(identity->serial, "FW-A");
	ck_assert_mem_eq(identity->public_key, public_key, HA_KEY_LEN);
	ck_assert(!identity->has_next);
	ck_assert(ha_public_key_valid(public_key));
}
END_TEST

START_TEST(a_new_identity_is_private_whatever_the_umask)
{
	uint8_t public_key[HA_KEY_LEN];
	mode_t old = umask(0);
	struct stat st;

	ck_assert_int_eq(ha_identity_create(path, "FW-A", public_key), HA_OK);
	umask(old);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
}
END_TEST

START_TEST(an_identity_is_never_overwritten)
{
	uint8_t public_key[HA_KEY_LEN];
	uint8_t untouched[HA_KEY_LEN];

	ck_assert_int_eq(ha_identity_create(path, "FW-A", public_key), HA_OK);
	memset(untouched, 7, sizeof(untouched));
	ck_assert_int_eq(ha_identity_create(path, "FW-B", untouched),
	    HA_ERR_EXISTS);
	ck_assert_uint_eq(untouched[0], 7);
	ck_assert_int_eq(ha_identity_load(path, &report, &identity), HA_OK);
	ck_assert_str_eq(identity->serial, "FW-A");
	ck_assert_mem_eq(identity->public_key, public_key, HA_KEY_LEN);
}
END_TEST

START_TEST(not_even_a_dangling_link_is_followed_to_create)
{
	uint8_t public_key[HA_KEY_LEN];

	ck_assert_int_eq(symlink("/nonexistent/x", path), 0);
	ck_assert_int_eq(ha_identity_create(path, "FW-A", public_key),
	    HA_ERR_EXISTS);
}
END_TEST

START_TEST(two_identities_have_different_keys)
{
	uint8_t a[HA_KEY_LEN];
	uint8_t b[HA_KEY_LEN];

	ck_assert_int_eq(ha_identity_create(path, "FW-A", a), HA_OK);
	unlink(path);
	ck_assert_int_eq(ha_identity_create(path, "FW-A", b), HA_OK);
	ck_assert_mem_ne(a, b, HA_KEY_LEN);
}
END_TEST

static const struct {
	const char *why;
	const char *serial;
	int want;
} serial_cases[] = {
	{ "empty", "", HA_ERR_INVAL },
	{ "a blank", "FW A", HA_ERR_INVAL },
	{ "a line feed", "FW\nprivate-key", HA_ERR_INVAL },
	{ "a quote", "FW\"A", HA_ERR_INVAL },
	{ "not ASCII", "FW-\xc3\xa4", HA_ERR_INVAL },
	{ "32 bytes", "12345678901234567890123456789012", HA_ERR_INVAL },
	{ "31 bytes", "1234567890123456789012345678901", HA_OK },
	{ "what vendors write", "CZ:2101/7#9_x.y", HA_OK },
};

START_TEST(only_a_serial_makes_an_identity)
{
	uint8_t public_key[HA_KEY_LEN];

	ck_assert_msg(ha_identity_create(path, serial_cases[_i].serial,
	    public_key) == serial_cases[_i].want, "%s", serial_cases[_i].why);
	ck_assert((access(path, F_OK) == 0) ==
	    (serial_cases[_i].want == HA_OK));
	if (serial_cases[_i].want == HA_OK)
		ck_assert_int_eq(ha_identity_load(path, &report, &identity),
		    HA_OK);
}
END_TEST

START_TEST(no_directory_means_no_identity)
{
	uint8_t public_key[HA_KEY_LEN];

	ck_assert_int_eq(ha_identity_create("/nonexistent/identity", "FW-A",
	    public_key), HA_ERR_ABSENT);
}
END_TEST

static const struct {
	const char *why;
	mode_t mode;
	int want;
} mode_cases[] = {
	{ "private", 0600, HA_OK },
	{ "private and read-only", 0400, HA_OK },
	{ "others can read", 0604, HA_ERR_PERM },
	{ "others can write", 0602, HA_ERR_PERM },
	{ "the group can read", 0640, HA_ERR_PERM },
	{ "the group can write", 0620, HA_ERR_PERM },
	{ "everybody can do everything", 0777, HA_ERR_PERM },
};

/* Never the group clusterd, whatever that is here. */
static gid_t
some_other_group(void)
{
	const struct group *g = getgrnam("clusterd");

	return g != NULL && g->gr_gid == getegid() ? 0 : getegid();
}

START_TEST(only_a_private_file_is_read)
{
	write_file(GOOD, strlen(GOOD), 0600);
	if (geteuid() == 0)
		ck_assert_int_eq(chown(path, 0, some_other_group()), 0);
	ck_assert_int_eq(chmod(path, mode_cases[_i].mode), 0);
	ck_assert_msg(ha_identity_load(path, &report, &identity) ==
	    mode_cases[_i].want, "%s", mode_cases[_i].why);
	ck_assert_uint_eq(report.n_errors, mode_cases[_i].want != HA_OK);
}
END_TEST

START_TEST(a_file_of_another_user_is_refused)
{
	if (geteuid() != 0)
		return;
	write_file(GOOD, strlen(GOOD), 0600);
	ck_assert_int_eq(chown(path, 12345, 12345), 0);
	ck_assert_int_eq(ha_identity_load(path, &report, &identity),
	    HA_ERR_PERM);
	ck_assert_str_eq(report.messages[0].text, "belongs to user 12345, who "
	    "could read it: chown it to root");
}
END_TEST

START_TEST(the_message_says_what_to_do)
{
	write_file(GOOD, strlen(GOOD), 0644);
	ck_assert_int_eq(ha_identity_load(path, &report, &identity),
	    HA_ERR_PERM);
	ck_assert_str_eq(report.messages[0].text,
	    "is open to everybody (mode 0644): chmod 0600");
}
END_TEST

START_TEST(a_directory_and_nothing_at_all_are_no_identity)
{
	ck_assert_int_eq(ha_identity_load(path, &report, &identity),
	    HA_ERR_ABSENT);
	ck_assert_int_eq(ha_identity_load(directory, &report, &identity),
	    HA_ERR_PERM);
	ck_assert_str_eq(report.messages[1].text, "is no regular file");
}
END_TEST

static const struct {
	const char *why;
	const char *text;
	unsigned int line;
	const char *message; /* NULL: accepted */
} text_cases[] = {
	{ "as it is written", GOOD, 0, NULL },
	{ "no quotes, no blanks, no last line feed",
	    "serial=FW-A\nprivate-key=" PRIVATE_A, 0, NULL },
	{ "comments, empty lines, other order, carriage returns",
	    "# me\r\n\r\n  private-key = " PRIVATE_A " \r\n\tserial = FW-A\r\n",
	    0, NULL },
	{ "an empty next key",
	    GOOD "next-private-key = \"\"\n", 0, NULL },
	{ "empty", "", 0,
	    "has no serial: clusterctl identity init writes it" },
	{ "no serial", "private-key = " PRIVATE_A "\n", 0,
	    "has no serial: clusterctl identity init writes it" },
	{ "no key", "serial = FW-A\n", 0,
	    "has no private-key: clusterctl identity init writes it" },
	{ "a serial twice", GOOD "serial = FW-B\n", 3,
	    "serial is given twice, first on line 1: keep one" },
	{ "a key twice", GOOD "private-key = " PRIVATE_B "\n", 3,
	    "private-key is given twice, first on line 2: keep one" },
	{ "half a key", "serial = FW-A\nprivate-key = SI0PBGxzzUbQGE25\n", 2,
	    "private-key is no key: 32 bytes in base64, as clusterctl "
	    "identity init writes them" },
	{ "more than a key",
	    "serial = FW-A\nprivate-key = " PRIVATE_A PRIVATE_A "\n", 2,
	    "private-key is no key: 32 bytes in base64, as clusterctl "
	    "identity init writes them" },
	{ "a serial with a blank", "serial = \"FW A\"\nprivate-key = "
	    PRIVATE_A "\n", 1, "serial is 1 to 31 printable ASCII characters "
	    "without blanks" },
	{ "a quote that is not closed", "serial = \"FW-A\nprivate-key = "
	    PRIVATE_A "\n", 1, "is no line of the form: key = value" },
	{ "junk", GOOD "junk\n", 3, "is no line of the form: key = value" },
	{ "an unknown key", GOOD "colour = green\n", 3,
	    "unknown key: one of serial, private-key, next-private-key" },
	{ "the next key is the same", GOOD "next-private-key = " PRIVATE_A
	    "\n", 3, "next-private-key is the same as private-key" },
};

START_TEST(the_content_is_understood_or_explained)
{
	int rc = load(text_cases[_i].text);
	const char *want = text_cases[_i].message;

	if (want == NULL) {
		ck_assert_msg(rc == HA_OK, "%s: %s", text_cases[_i].why,
		    report.messages[0].text);
		ck_assert_str_eq(identity->serial, "FW-A");
		return;
	}
	ck_assert_msg(rc == HA_ERR_CONFIG, "%s", text_cases[_i].why);
	ck_assert_ptr_null(identity);
	ck_assert_str_eq(report.messages[0].text, want);
	ck_assert_uint_eq(report.messages[0].line, text_cases[_i].line);
}
END_TEST

START_TEST(no_message_repeats_what_may_be_a_key)
{
	ck_assert_int_eq(load("serial = FW-A\n" PRIVATE_A "\nkey = " PRIVATE_A
	    "\nprivate-key = x" PRIVATE_A "\n"), HA_ERR_CONFIG);
	ck_assert_uint_ge(report.n, 3);
	for (size_t i = 0; i < report.n; i++)
		ck_assert_ptr_null(strstr(report.messages[i].text,
		    "SI0PBGxzz"));
}
END_TEST

START_TEST(a_rotation_has_two_keys)
{
	ck_assert_int_eq(load(GOOD "next-private-key = " PRIVATE_B "\n"),
	    HA_OK);
	ck_assert(identity->has_next);
	ck_assert_mem_ne(identity->public_key, identity->next_public_key,
	    HA_KEY_LEN);
}
END_TEST

static char text_then[HA_SECRET_FILE_MAX + 1];

static const char *
text_of_file(void)
{
	FILE *in = fopen(path, "r");
	size_t len;

	ck_assert_ptr_nonnull(in);
	len = fread(text_then, 1, sizeof(text_then) - 1, in);
	text_then[len] = '\0';
	fclose(in);
	return text_then;
}

static int
rotate(void)
{
	ha_identity_free(identity);
	identity = NULL;
	return ha_identity_rotate(path, &report, &identity);
}

static int
commit(void)
{
	ha_identity_free(identity);
	identity = NULL;
	return ha_identity_commit(path, &report, &identity);
}

START_TEST(a_key_is_rotated_and_committed)
{
	uint8_t old[HA_KEY_LEN], next[HA_KEY_LEN];

	ck_assert_int_eq(load(GOOD), HA_OK);
	memcpy(old, identity->public_key, HA_KEY_LEN);
	ck_assert_int_eq(rotate(), HA_OK);
	ck_assert(identity->has_next);
	ck_assert_mem_eq(identity->public_key, old, HA_KEY_LEN);
	memcpy(next, identity->next_public_key, HA_KEY_LEN);
	ck_assert_int_eq(commit(), HA_OK);
	ck_assert(!identity->has_next);
	ck_assert_mem_eq(identity->public_key, next, HA_KEY_LEN);
	ck_assert_str_eq(identity->serial, "FW-A");
	ck_assert_ptr_null(strstr(text_of_file(), PRIVATE_A));
}
END_TEST

static const struct {
	const char *why;
	const char *text;
	const char *kept; /* of it, when both are done */
} edited[] = {
	{ "comments stay", "# mine\n\n" GOOD "# end\n", "# mine\n\nserial" },
	{ "an unfinished last line", "private-key=" PRIVATE_A "\nserial=FW-A",
	    "serial=FW-A" },
	{ "a next key that is empty", "next-private-key =\n" GOOD "# end\n",
	    "# end\n" },
	{ "no blanks, and quotes", "serial=\"FW-A\"\nprivate-key=\""
	    PRIVATE_A "\"\n", "serial=\"FW-A\"\n" },
};

START_TEST(a_rotation_changes_the_keys_alone)
{
	ck_assert_int_eq(load(edited[_i].text), HA_OK);
	ck_assert_int_eq(rotate(), HA_OK);
	ck_assert_int_eq(commit(), HA_OK);
	ck_assert_msg(strstr(text_of_file(), edited[_i].kept) != NULL,
	    "case: %s: %s", edited[_i].why, text_then);
	ck_assert_ptr_null(strstr(text_then, "next-private-key"));
}
END_TEST

START_TEST(a_rotation_needs_its_turn)
{
	ck_assert_int_eq(load(GOOD), HA_OK);
	ck_assert_int_eq(commit(), HA_ERR_ABSENT);
	ck_assert_ptr_nonnull(strstr(report.messages[0].text, "no next key"));
	ck_assert_str_eq(text_of_file(), GOOD);
	ck_assert_int_eq(rotate(), HA_OK);
	ck_assert_int_eq(rotate(), HA_ERR_EXISTS);
	ck_assert_int_eq(commit(), HA_OK);
}
END_TEST

START_TEST(who_could_read_the_file_can_and_nobody_else)
{
	char link[sizeof(path) + 2];
	struct stat st;

	write_file(GOOD, strlen(GOOD), 0400);
	ck_assert_int_eq(rotate(), HA_OK);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0400);

	snprintf(link, sizeof(link), "%s.l", path);
	ck_assert_int_eq(symlink(path, link), 0);
	ha_identity_free(identity);
	ck_assert_int_eq(ha_identity_commit(link, &report, &identity), HA_OK);
	ck_assert_int_eq(lstat(link, &st), 0);
	ck_assert(S_ISLNK(st.st_mode));
	ck_assert_ptr_null(strstr(text_of_file(), PRIVATE_A));
	unlink(link);
}
END_TEST

START_TEST(a_rotation_that_finds_no_room_changes_nothing)
{
	char text[HA_SECRET_FILE_MAX + 1];

	memset(text, '#', sizeof(text));
	memcpy(text, GOOD, strlen(GOOD));
	text[HA_SECRET_FILE_MAX] = '\0';
	ck_assert_int_eq(load(text), HA_OK);
	ck_assert_int_eq(rotate(), HA_ERR_FULL);
	ck_assert_str_eq(text_of_file(), text);
}
END_TEST

START_TEST(every_beginning_of_a_file_is_refused_or_whole)
{
	static const char FULL[] = GOOD "next-private-key = " PRIVATE_B "\n";

	for (size_t len = 0; len < sizeof(FULL) - 1; len++) {
		int rc;

		write_file(FULL, len, 0600);
		rc = ha_identity_load(path, &report, &identity);
		ck_assert(rc == HA_OK || rc == HA_ERR_CONFIG);
		if (rc == HA_OK)
			ck_assert_str_eq(identity->serial, "FW-A");
		ha_identity_free(identity);
		ha_conf_report_free(&report);
		identity = NULL;
	}
}
END_TEST

START_TEST(a_zero_byte_and_a_flood_are_refused)
{
	static char flood[10000];

	write_file("serial = \0x", 11, 0600);
	ck_assert_int_eq(ha_identity_load(path, &report, &identity),
	    HA_ERR_CONFIG);
	memset(flood, '\n', sizeof(flood));
	write_file(flood, sizeof(flood), 0600);
	ck_assert_int_eq(ha_identity_load(path, &report, &identity),
	    HA_ERR_CONFIG);
	ck_assert_str_eq(report.messages[1].text,
	    "is longer than 4096 bytes");
}
END_TEST

/* A cluster with one member, this firewall or not. */
static struct ha_cluster_conf *
cluster(const char *serial, const uint8_t key[static HA_KEY_LEN], bool next,
    bool enabled)
{
	struct ha_cluster_conf *conf = NULL;
	char key_text[HA_KEY_TEXT_LEN];
	char text[1024];

	ha_key_to_text(key_text, key);
	snprintf(text, sizeof(text), "cluster { id = 1 } member \"%s\" { "
	    "index = 4 ha4-address = \"10.4.0.1/24\" %s = \"%s\" %s "
	    "enabled = %s }", serial, next ? "next-public-key" : "public-key",
	    key_text, next ? "public-key = "
	    "\"CKkoXBLAw2GDz405mYJOz6iF/fslsfG/f1xCv2vdaBs=\"" : "",
	    enabled ? "true" : "false");
	ck_assert_int_eq(ha_cluster_conf_parse(text, strlen(text), &report,
	    &conf), HA_OK);
	return conf;
}

START_TEST(a_firewall_finds_itself_by_serial_and_either_key)
{
	const struct ha_conf_member *self = NULL;
	struct ha_cluster_conf *conf;

	ck_assert_int_eq(load(GOOD "next-private-key = " PRIVATE_B "\n"),
	    HA_OK);
	for (int i = 0; i < 4; i++) {
		conf = cluster("FW-A", i < 2 ? identity->public_key :
		    identity->next_public_key, i % 2 == 0, true);
		ck_assert_int_eq(ha_identity_find(identity, conf, &report,
		    &self), HA_OK);
		ck_assert_uint_eq(self->index, 4);
		ha_cluster_conf_free(conf);
	}
}
END_TEST

START_TEST(a_stranger_is_told_who_is_known)
{
	const struct ha_conf_member *self = NULL;
	struct ha_cluster_conf *conf;

	ck_assert_int_eq(load(GOOD), HA_OK);
	conf = cluster("FW-Z", identity->public_key, false, true);
	ck_assert_int_eq(ha_identity_find(identity, conf, &report, &self),
	    HA_ERR_CONFIG);
	ck_assert_ptr_null(self);
	ck_assert_str_eq(report.messages[0].text, "this firewall, serial "
	    "\"FW-A\", is no member: add its block, or use the identity of "
	    "one of FW-Z");
	ha_cluster_conf_free(conf);
}
END_TEST

START_TEST(another_key_is_told_with_the_line_to_paste)
{
	static const uint8_t OTHER[HA_KEY_LEN] = { 9 };
	const struct ha_conf_member *self = NULL;
	char key[HA_KEY_TEXT_LEN];
	struct ha_cluster_conf *conf;

	ck_assert_int_eq(load(GOOD), HA_OK);
	conf = cluster("FW-A", OTHER, false, true);
	ck_assert_int_eq(ha_identity_find(identity, conf, &report, &self),
	    HA_ERR_CONFIG);
	ha_key_to_text(key, identity->public_key);
	ck_assert_ptr_nonnull(strstr(report.messages[0].text, key));
	ck_assert_uint_eq(report.messages[0].line, 1);
	ha_cluster_conf_free(conf);
}
END_TEST

START_TEST(a_disabled_firewall_takes_no_part)
{
	const struct ha_conf_member *self = NULL;
	struct ha_cluster_conf *conf;

	ck_assert_int_eq(load(GOOD), HA_OK);
	conf = cluster("FW-A", identity->public_key, false, false);
	ck_assert_int_eq(ha_identity_find(identity, conf, &report, &self),
	    HA_ERR_CONFIG);
	ck_assert_str_eq(report.messages[0].text, "this firewall, member "
	    "\"FW-A\", is disabled: enabled = true lets it take part");
	ha_cluster_conf_free(conf);
}
END_TEST

#define COUNT(cases) ((int)(sizeof(cases) / sizeof((cases)[0])))

int
main(void)
{
	Suite *s = suite_create("identity");
	TCase *tc = tcase_create("identity");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_was_created_is_what_is_loaded);
	tcase_add_test(tc, a_new_identity_is_private_whatever_the_umask);
	tcase_add_test(tc, an_identity_is_never_overwritten);
	tcase_add_test(tc, not_even_a_dangling_link_is_followed_to_create);
	tcase_add_test(tc, two_identities_have_different_keys);
	tcase_add_loop_test(tc, only_a_serial_makes_an_identity, 0,
	    COUNT(serial_cases));
	tcase_add_test(tc, no_directory_means_no_identity);
	tcase_add_loop_test(tc, only_a_private_file_is_read, 0,
	    COUNT(mode_cases));
	tcase_add_test(tc, a_file_of_another_user_is_refused);
	tcase_add_test(tc, the_message_says_what_to_do);
	tcase_add_test(tc, a_directory_and_nothing_at_all_are_no_identity);
	tcase_add_loop_test(tc, the_content_is_understood_or_explained, 0,
	    COUNT(text_cases));
	tcase_add_test(tc, no_message_repeats_what_may_be_a_key);
	tcase_add_test(tc, a_rotation_has_two_keys);
	tcase_add_test(tc, a_key_is_rotated_and_committed);
	tcase_add_loop_test(tc, a_rotation_changes_the_keys_alone, 0,
	    COUNT(edited));
	tcase_add_test(tc, a_rotation_needs_its_turn);
	tcase_add_test(tc, who_could_read_the_file_can_and_nobody_else);
	tcase_add_test(tc, a_rotation_that_finds_no_room_changes_nothing);
	tcase_add_test(tc, every_beginning_of_a_file_is_refused_or_whole);
	tcase_add_test(tc, a_zero_byte_and_a_flood_are_refused);
	tcase_add_test(tc,
	    a_firewall_finds_itself_by_serial_and_either_key);
	tcase_add_test(tc, a_stranger_is_told_who_is_known);
	tcase_add_test(tc, another_key_is_told_with_the_line_to_paste);
	tcase_add_test(tc, a_disabled_firewall_takes_no_part);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
