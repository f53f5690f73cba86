#include <check.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/cluster_conf.h"
#include "conf/conf_rules.h"
#include "tests/unit/random_conf.h"

#define CASES_MAX 256
#define TEXT_MAX  65536

#define KEY_A "CKkoXBLAw2GDz405mYJOz6iF/fslsfG/f1xCv2vdaBs="
#define KEY_B "g2XPe9iYk/SmfGff3qOJcolm9bley+N3tW8eitmzVRo="

static struct ha_conf_report report;
static struct ha_cluster_conf *conf;
static struct ha_cluster_conf *again;

static void
setup(void)
{
	ha_conf_report_init(&report);
	conf = NULL;
	again = NULL;
}

static void
teardown(void)
{
	ha_conf_report_free(&report);
	ha_cluster_conf_free(conf);
	ha_cluster_conf_free(again);
}

static int
parse(const char *text)
{
	return ha_cluster_conf_parse(text, strlen(text), &report, &conf);
}

static const char *
source_path(const char *name)
{
	static char path[1024];
	const char *top = getenv("top_srcdir");

	snprintf(path, sizeof(path), "%s/%s", top == NULL ? "." : top, name);
	return path;
}

/* One case of tests/vectors/conf/cases.txt. */
struct vector {
	char why[128];
	char *text;     /* the file */
	char *messages; /* what is said about it, in the form of the vectors */
};

static struct vector vectors[CASES_MAX];
static size_t n_vectors;

static void
append(char *to, const char *line)
{
	ck_assert_uint_lt(strlen(to) + strlen(line), TEXT_MAX);
	strcat(to, line);
}

static void
load_vectors(void)
{
	FILE *in = fopen(source_path("tests/vectors/conf/cases.txt"), "r");
	struct vector *v = NULL;
	char line[4096];

	ck_assert_ptr_nonnull(in);
	n_vectors = 0;
	while (fgets(line, sizeof(line), in) != NULL) {
		if (strncmp(line, "== ", 3) == 0) {
			ck_assert_uint_lt(n_vectors, CASES_MAX);
			v = &vectors[n_vectors++];
			snprintf(v->why, sizeof(v->why), "%.*s",
			    (int)strcspn(line + 3, "\n"), line + 3);
			v->text = calloc(1, TEXT_MAX);
			v->messages = calloc(1, TEXT_MAX);
		} else if (v != NULL && strncmp(line, "-> ", 3) == 0) {
			append(v->messages, line);
		} else if (v != NULL && v->messages[0] == '\0') {
			append(v->text, line);
		}
	}
	fclose(in);
}

static void
free_vectors(void)
{
	for (size_t i = 0; i < n_vectors; i++) {
		free(vectors[i].text);
		free(vectors[i].messages);
	}
	n_vectors = 0;
}

static void
render(int rc, char *out)
{
	char line[HA_CONF_TEXT_LEN + 64];

	out[0] = '\0';
	for (size_t i = 0; i < report.n; i++) {
		const struct ha_conf_message *m = &report.messages[i];

		snprintf(line, sizeof(line), "-> %u: %s%s\n", m->line,
		    m->level == HA_CONF_WARNING ? "warning: " : "", m->text);
		append(out, line);
	}
	if (rc == HA_OK)
		append(out, "-> accepted\n");
}

START_TEST(every_file_of_the_vectors_gets_its_messages)
{
	char *got = calloc(1, TEXT_MAX);

	load_vectors();
	ck_assert_uint_ge(n_vectors, 100);
	for (size_t i = 0; i < n_vectors; i++) {
		int rc = parse(vectors[i].text);

		ck_assert_msg(rc == HA_OK || rc == HA_ERR_CONFIG,
		    "%s: result %d", vectors[i].why, rc);
		ck_assert_msg((rc == HA_OK) == (conf != NULL), "%s",
		    vectors[i].why);
		render(rc, got);
		ck_assert_msg(strcmp(got, vectors[i].messages) == 0,
		    "%s\nexpected\n%sbut got\n%s", vectors[i].why,
		    vectors[i].messages, got);
		teardown();
		setup();
	}
	free_vectors();
	free(got);
}
END_TEST

static struct ha_cluster_conf *
parse_again(const char *text)
{
	struct ha_cluster_conf *to = NULL;
	struct ha_conf_report said = { 0 };
	int rc = ha_cluster_conf_parse(text, strlen(text), &said, &to);

	ck_assert_msg(rc == HA_OK, "line %u: %s\n%.3000s",
	    said.n > 0 ? said.messages[0].line : 0,
	    said.n > 0 ? said.messages[0].text : "", text);
	ha_conf_report_free(&said);
	return to;
}

static struct ha_cluster_conf *
print_and_parse(const struct ha_cluster_conf *from)
{
	char *text = print_conf(from);
	struct ha_cluster_conf *to = parse_again(text);

	free(text);
	return to;
}

/* The only thing in which a print may differ. */
static void
forget_lines(struct ha_cluster_conf *c)
{
	for (size_t i = 0; i < c->n_members; i++)
		c->members[i].line = 0;
}

START_TEST(what_is_printed_reads_as_the_same)
{
	size_t n_accepted = 0;

	load_vectors();
	for (size_t i = 0; i < n_vectors; i++) {
		if (parse(vectors[i].text) != HA_OK) {
			ha_conf_report_free(&report);
			continue;
		}
		again = print_and_parse(conf);
		forget_lines(conf);
		forget_lines(again);
		ck_assert_msg(memcmp(conf, again, sizeof(*conf)) == 0, "%s",
		    vectors[i].why);
		n_accepted++;
		teardown();
		setup();
	}
	free_vectors();
	ck_assert_uint_ge(n_accepted, 8);
}
END_TEST

#define RANDOM_FILES 200

START_TEST(whatever_can_be_meant_is_printed_and_reads_as_the_same)
{
	for (uint64_t seed = 0; seed < RANDOM_FILES; seed++) {
		struct ha_rng rng = { seed };

		conf = calloc(1, sizeof(*conf));
		random_conf(&rng, conf);
		again = print_and_parse(conf);
		forget_lines(again);
		ck_assert_msg(memcmp(conf, again, sizeof(*conf)) == 0,
		    "seed %u", (unsigned int)seed);
		teardown();
		setup();
	}
}
END_TEST

/* What a print has at the top of the file: blocks, and keys of one line. */
static size_t
split(char *text, char *parts[static 128])
{
	size_t n = 0;

	while (*text != '\0') {
		char *end = strchr(text, '\n') + 1;

		ck_assert_uint_lt(n, 128);
		parts[n++] = text;
		if (end[-2] == '{')
			end = strstr(text, "\n}\n") + 3;
		text = end;
	}
	parts[n] = text;
	return n;
}

static char *
shuffle(struct ha_rng *rng, char *text)
{
	char *parts[128];
	size_t lengths[128];
	size_t n = split(text, parts);
	char *out = calloc(1, strlen(text) + 1);

	for (size_t i = 0; i < n; i++)
		lengths[i] = (size_t)(parts[i + 1] - parts[i]);
	while (n > 0) {
		size_t i = (size_t)ha_rng_below(rng, n--);

		strncat(out, parts[i], lengths[i]);
		parts[i] = parts[n];
		lengths[i] = lengths[n];
	}
	return out;
}

START_TEST(the_order_of_the_file_makes_no_difference)
{
	for (uint64_t seed = 0; seed < RANDOM_FILES; seed++) {
		struct ha_rng rng = { seed };
		uint8_t digest[HA_CONF_DIGEST_LEN];
		uint8_t other[HA_CONF_DIGEST_LEN];
		char *text;
		char *shuffled;

		conf = calloc(1, sizeof(*conf));
		random_conf(&rng, conf);
		text = print_conf(conf);
		shuffled = shuffle(&rng, text);
		again = parse_again(shuffled);
		forget_lines(again);
		ck_assert_msg(memcmp(conf, again, sizeof(*conf)) == 0,
		    "%.3000s", shuffled);
		ck_assert_int_eq(ha_cluster_conf_digest(conf, digest), HA_OK);
		ck_assert_int_eq(ha_cluster_conf_digest(again, other), HA_OK);
		ck_assert_mem_eq(digest, other, sizeof(digest));
		free(shuffled);
		free(text);
		teardown();
		setup();
	}
}
END_TEST

START_TEST(the_worked_example_is_accepted_without_a_warning)
{
	int rc = ha_cluster_conf_load(
	    source_path("tools/packaging/examples/cluster.conf"), &report,
	    &conf);

	ck_assert_msg(report.n == 0, "%s", report.messages[0].text);
	ck_assert_int_eq(rc, HA_OK);
	ck_assert_uint_eq(conf->n_members, 3);
	ck_assert_uint_eq(conf->id, 7);
	ck_assert_uint_eq(conf->link[HA_LINK_HA4].port, 7404);
	ck_assert_uint_eq(conf->link[HA_LINK_HA4_BACKUP].port, 7405);
	ck_assert_uint_eq(conf->members[0].local.table_size, 524288);
	ck_assert_uint_eq(conf->members[2].local.table_size, 262144);
	ck_assert_str_eq(conf->members[1].name, "edge-b");
}
END_TEST

#define MINIMAL                                                               \
	"cluster { id = 7 }\n"                                                \
	"member \"A\" { index = 3 ha4-address = \"10.4.0.1/24\" "            \
	"public-key = \"" KEY_A "\" }\n"

START_TEST(what_is_left_out_has_its_default)
{
	const struct ha_conf_member *a;

	ck_assert_int_eq(parse(MINIMAL), HA_OK);
	ck_assert_uint_eq(conf->synchronization_timeout_min, 0);
	ck_assert_uint_eq(conf->monitor_fail_hold_down_min, 1);
	ck_assert_uint_eq(conf->tentative_hold_s, 60);
	ck_assert_uint_eq(conf->flap_max, 3);
	ck_assert_uint_eq(conf->handoff_idle_ms, 1000);
	ck_assert_uint_eq(conf->link[HA_LINK_HA4].keepalive_threshold_ms,
	    10000);
	ck_assert_uint_eq(conf->sessions.install, HA_CONF_INSTALL_EAGER);
	ck_assert_uint_eq(conf->sessions.signal, HA_CONF_SIGNAL_LABEL);
	ck_assert_uint_eq(conf->sessions.owner_bit, 126);
	ck_assert_uint_eq(conf->sessions.replica_bit, 127);
	ck_assert(conf->sessions.rule);
	ck_assert(conf->sessions.gate);
	ck_assert_uint_eq(conf->sessions.coalesce_us, 1000);
	ck_assert_uint_eq(conf->local.table_size, 262144);
	ck_assert(conf->local.log_traffic);
	ck_assert_str_eq(conf->local.web_listen, "127.0.0.1:7480");
	ck_assert_str_eq(conf->local.notify, "");
	ck_assert_uint_eq(conf->local.n_zones, 1);
	ck_assert_str_eq(conf->local.zones[0].name, "default");
	ck_assert_uint_eq(conf->local.zones[0].conntrack_zone, 0);

	a = ha_cluster_conf_find_index(conf, 3);
	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_eq(a, ha_cluster_conf_find_serial(conf, "A"));
	ck_assert_ptr_null(ha_cluster_conf_find_index(conf, 1));
	ck_assert_ptr_null(ha_cluster_conf_find_serial(conf, "B"));
	ck_assert_str_eq(a->name, "A");
	ck_assert(a->enabled);
	ck_assert(a->session_synchronization);
	ck_assert(!a->has_next_public_key);
	ck_assert_uint_eq(a->address[HA_LINK_HA4].prefix, 24);
	ck_assert_uint_eq(a->address[HA_LINK_HA4_BACKUP].family, 0);
	ck_assert_mem_eq(&a->local, &conf->local, sizeof(a->local));
}
END_TEST

#define TOP                                                                   \
	"cluster { id = 7 synchronization-timeout = 2 handoff-idle = 500 }\n" \
	"ha4 { keepalive-threshold = 2000 }\n"                                \
	"sessions { table-size = 1000 }\n"                                    \
	"zone \"in\" { conntrack-zone = 9 }\n"                                \
	"notify = \"/bin/true\"\n"
#define TWO(extra_a, extra_b)                                                 \
	"member \"B\" { index = 2 ha4-address = \"10.4.0.2/24\" "             \
	"public-key = \"" KEY_B "\" " extra_b " }\n"                          \
	"member \"A\" { index = 1 ha4-address = \"10.4.0.1/24\" "             \
	"ha4-backup-address = \"10.5.0.1\" "                                  \
	"public-key = \"" KEY_A "\" " extra_a " }\n"

START_TEST(a_member_block_wins_over_the_file)
{
	ck_assert_int_eq(parse(TWO("sessions { table-size = 2000 } "
	    "zone \"dmz\" { conntrack-zone = 4 } notify = \"\" "
	    "web { listen = \"\" } log { traffic = off }", "") TOP), HA_OK);

	ck_assert_str_eq(conf->members[0].serial, "A");
	ck_assert_uint_eq(conf->members[0].own, HA_CONF_OWN_TABLE_SIZE |
	    HA_CONF_OWN_ZONES | HA_CONF_OWN_NOTIFY | HA_CONF_OWN_WEB |
	    HA_CONF_OWN_LOG);
	ck_assert_uint_eq(conf->members[0].local.table_size, 2000);
	ck_assert_uint_eq(conf->members[0].local.n_zones, 1);
	ck_assert_str_eq(conf->members[0].local.zones[0].name, "dmz");
	ck_assert_str_eq(conf->members[0].local.notify, "");
	ck_assert_str_eq(conf->members[0].local.web_listen, "");
	ck_assert(!conf->members[0].local.log_traffic);

	ck_assert_uint_eq(conf->members[1].own, 0);
	ck_assert_uint_eq(conf->members[1].local.table_size, 1000);
	ck_assert_str_eq(conf->members[1].local.zones[0].name, "in");
	ck_assert_str_eq(conf->members[1].local.notify, "/bin/true");
}
END_TEST

START_TEST(the_core_gets_its_settings)
{
	struct ha_settings s;

	ck_assert_int_eq(parse(TOP TWO("", "session-synchronization = false")
	    "member \"C\" { index = 16 ha4-address = \"10.4.0.3/24\" "
	    "enabled = false public-key = "
	    "\"kt83g7VEX3Wk6K9yDAr/E4c/etxcpdaUSRC80FCdhWc=\" }"), HA_OK);
	ha_cluster_conf_settings(conf, 1, &s);

	ck_assert_uint_eq(s.self, 1);
	ck_assert(s.members[0].present && s.members[0].synchronization);
	ck_assert(s.members[1].present && !s.members[1].synchronization);
	ck_assert(!s.members[15].present && !s.members[15].synchronization);
	ck_assert(!s.members[2].present);
	ck_assert_int_eq(ha_dur_to_ms(s.threshold[HA_LINK_HA4]), 2000);
	ck_assert_int_eq(ha_dur_to_ms(s.threshold[HA_LINK_HA4_BACKUP]),
	    10000);
	ck_assert(s.link_configured[HA_LINK_HA4]);
	ck_assert(s.link_configured[HA_LINK_HA4_BACKUP]);
	ck_assert_int_eq(ha_dur_to_ms(s.synchronization_timeout), 120000);
	ck_assert_int_eq(ha_dur_to_ms(s.handoff_idle), 500);
	ck_assert_uint_eq(s.table_size, 1000);
	ck_assert_uint_eq(s.timeouts.udp_s, 30);

	ha_cluster_conf_settings(conf, 2, &s);
	ck_assert(!s.link_configured[HA_LINK_HA4_BACKUP]);
}
END_TEST

static const struct {
	const char *why;
	const char *text;
	bool same;
} digest_cases[] = {
	{ "the same again", TOP TWO("", ""), true },
	{ "another order, comments, spelled-out defaults",
	    TWO("enabled = true", "") "# c\n" TOP "ha4-backup { port = 7405 }",
	    true },
	{ "web, log and groups are the business of one member",
	    TOP TWO("link-group \"u\" { interfaces = {\"eth0\"} }",
	    "notify = \"/bin/false\"") "web { listen = \"\" }\n"
	    "log { traffic = false }\n", true },
	{ "another cluster",
	    "cluster { id = 8 synchronization-timeout = 2 handoff-idle = 500 "
	    "}\nha4 { keepalive-threshold = 2000 }\n"
	    "sessions { table-size = 1000 }\n"
	    "zone \"in\" { conntrack-zone = 9 }\n" TWO("", ""), false },
	{ "another threshold", TOP TWO("", "")
	    "ha4-backup { keepalive-threshold = 9999 }\n", false },
	{ "one more zone", TOP TWO("", "")
	    "zone \"out\" { conntrack-zone = 10 }\n", false },
	{ "a member that is disabled", TOP TWO("", "enabled = false"), false },
	{ "a member with a next key", TOP TWO("next-public-key = "
	    "\"kt83g7VEX3Wk6K9yDAr/E4c/etxcpdaUSRC80FCdhWc=\"", ""), false },
	{ "a member with its own table",
	    TOP TWO("sessions { table-size = 2000 }", ""), false },
};

START_TEST(the_digest_tells_what_matters_between_members)
{
	uint8_t base[HA_CONF_DIGEST_LEN];
	uint8_t other[HA_CONF_DIGEST_LEN];

	ck_assert_int_eq(parse(TOP TWO("", "")), HA_OK);
	ck_assert_int_eq(ha_cluster_conf_digest(conf, base), HA_OK);
	ha_cluster_conf_free(conf);
	conf = NULL;

	ck_assert_msg(parse(digest_cases[_i].text) == HA_OK, "%s",
	    digest_cases[_i].why);
	ck_assert_int_eq(ha_cluster_conf_digest(conf, other), HA_OK);
	ck_assert_msg((memcmp(base, other, sizeof(base)) == 0) ==
	    digest_cases[_i].same, "%s", digest_cases[_i].why);
}
END_TEST

/* What a text file of cases can't hold. */
static const struct {
	const char *why;
	const char *text;
	size_t len;
	unsigned int line;
	const char *message;
} byte_cases[] = {
	{ "a zero byte", "\n\0cluster", 9, 2,
	    "a zero byte: this is no text file" },
	{ "a zero byte in a string",
	    "cluster { description = \"a\0b\" }", 30, 1,
	    "control character 0x00 in a string" },
	{ "a tabulator in a string", "notify = \"\t\"", 12, 1,
	    "control character 0x09 in a string" },
	{ "a control character", "\033[1mcluster", 11, 1,
	    "unexpected byte 0x1b: outside of \"quotes\" and comments the "
	    "file is plain ASCII" },
	{ "half a UTF-8 character", "notify = \"/\xc3\"", 13, 1,
	    "notify is no UTF-8 text" },
	{ "a surrogate", "notify = \"/\xed\xa0\x80\"", 15, 1,
	    "notify is no UTF-8 text" },
};

START_TEST(bytes_that_are_no_text_are_refused)
{
	const struct ha_conf_message *m;
	bool found = false;

	ck_assert_int_eq(ha_cluster_conf_parse(byte_cases[_i].text,
	    byte_cases[_i].len, &report, &conf), HA_ERR_CONFIG);
	for (size_t i = 0; i < report.n; i++) {
		m = &report.messages[i];
		found |= m->line == byte_cases[_i].line &&
		    strcmp(m->text, byte_cases[_i].message) == 0;
	}
	ck_assert_msg(found, "%s: %s", byte_cases[_i].why,
	    report.messages[0].text);
}
END_TEST

START_TEST(a_broken_file_leaves_nothing_behind_for_the_next)
{
	static const char *const BROKEN[] = {
		"cluster { description = \"abc",
		"cluster { description = 'abc",
		"/* ",
		"cluster { id = ",
		"cluster { description = \"\\400\" }",
		"member \"A\" { index = 1 index",
	};

	for (size_t i = 0; i < sizeof(BROKEN) / sizeof(BROKEN[0]); i++) {
		ck_assert_int_eq(parse(BROKEN[i]), HA_ERR_CONFIG);
		ck_assert_int_eq(ha_conf_report_result(&report),
		    HA_ERR_CONFIG);
		ck_assert_uint_gt(report.n_errors, 0);
		ha_conf_report_free(&report);
		ck_assert_int_eq(parse(MINIMAL), HA_OK);
		ck_assert_uint_eq(report.n, 0);
		ha_cluster_conf_free(conf);
		conf = NULL;
	}
}
END_TEST

START_TEST(every_beginning_of_a_file_is_refused_or_whole)
{
	static const char FILE_TEXT[] = TOP TWO("link-group \"u\" { "
	    "interfaces = {\"eth0\", 'e1'} }", "") "/* end */ # x";

	for (size_t len = 0; len < sizeof(FILE_TEXT); len++) {
		int rc = ha_cluster_conf_parse(FILE_TEXT, len, &report, &conf);

		ck_assert(rc == HA_OK || rc == HA_ERR_CONFIG);
		ck_assert((rc == HA_OK) == (report.n_errors == 0));
		teardown();
		setup();
	}
}
END_TEST

START_TEST(every_changed_byte_is_refused_or_read)
{
	static const char FILE_TEXT[] = TOP TWO("", "");
	static const char OTHERS[] = "\"'{}=,#/*\\ \n0Z$|+(\x80\t\x01";
	char text[sizeof(FILE_TEXT)];

	for (size_t at = 0; at < sizeof(FILE_TEXT) - 1; at++) {
		for (size_t o = 0; o < sizeof(OTHERS); o++) {
			int rc;

			memcpy(text, FILE_TEXT, sizeof(text));
			text[at] = OTHERS[o];
			rc = ha_cluster_conf_parse(text, sizeof(text) - 1,
			    &report, &conf);
			ck_assert(rc == HA_OK || rc == HA_ERR_CONFIG);
			ck_assert((rc == HA_OK) == (report.n_errors == 0));
			teardown();
			setup();
		}
	}
}
END_TEST

/* --- without memory --- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

static long failing; /* so many allocations on, one fails; 0: none */

static bool
has_memory(void)
{
	return failing == 0 || --failing > 0;
}

void *
__wrap_malloc(size_t size)
{
	return has_memory() ? __real_malloc(size) : NULL;
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return has_memory() ? __real_calloc(n, size) : NULL;
}

void *
__wrap_realloc(void *old, size_t size)
{
	return has_memory() ? __real_realloc(old, size) : NULL;
}

static const struct {
	const char *text;
	int rc;
} memory_cases[] = {
	{ TOP TWO("link-group \"u\" { interfaces = {\"eth0\"} }",
	    "zone \"x\" { conntrack-zone = 3 }"), HA_OK },
	{ TOP TWO("flap-max = 3", ""), HA_ERR_CONFIG },
	{ "cluster { id = 0 } ha4 { port = 0 }", HA_ERR_CONFIG },
	{ "cluster { ", HA_ERR_CONFIG },
};

START_TEST(without_memory_anywhere_nothing_is_taken_over)
{
	const char *text = memory_cases[_i].text;
	bool failed = true;

	for (long n = 1; failed; n++) {
		int rc;

		ck_assert_int_lt(n, 1000);
		failing = n;
		rc = parse(text);
		failed = failing == 0;
		failing = 0;
		ck_assert_int_eq(rc, failed ? HA_ERR_NOMEM :
		    memory_cases[_i].rc);
		ck_assert_int_eq(rc == HA_OK, conf != NULL);
		ck_assert(failed || n > 3);
		teardown();
		setup();
	}
}
END_TEST

START_TEST(a_file_that_is_not_there_is_told_by_its_code)
{
	ck_assert_int_eq(ha_cluster_conf_load("/nonexistent/cluster.conf",
	    &report, &conf), HA_ERR_ABSENT);
	ck_assert_uint_eq(report.n, 1);
	ck_assert_uint_eq(report.messages[0].line, 0);
	ck_assert_str_eq(report.messages[0].text,
	    "can't be read: No such file or directory; cluster.conf(5) shows "
	    "what goes into it");
}
END_TEST

START_TEST(a_directory_is_no_file)
{
	ck_assert_int_eq(ha_cluster_conf_load("/", &report, &conf),
	    HA_ERR_IO);
	ck_assert_uint_eq(report.n, 1);
}
END_TEST

START_TEST(an_endless_file_is_refused)
{
	ck_assert_int_eq(ha_cluster_conf_load("/dev/zero", &report, &conf),
	    HA_ERR_CONFIG);
	ck_assert_str_eq(report.messages[0].text,
	    "is longer than 262144 bytes");
}
END_TEST

/* Whether the line that begins at text has this word. */
static bool
line_has(const char *text, const char *word)
{
	size_t len = strcspn(text, "\n");
	size_t n = strlen(word);

	for (const char *p = text; (p = strstr(p, word)) != NULL &&
	    p < text + len; p++)
		if ((p == text || p[-1] == ' ') &&
		    (p[n] == ' ' || p[n] == '\n'))
			return true;
	return false;
}

/* The part of a manual page from a line with that macro and word up to the
 * next line that begins with one of the ends. */
static char *
cut_part(const char *page, const char *macro, const char *word,
    const char *const ends[])
{
	const char *p = page;
	const char *end;

	while (strncmp(p, macro, strlen(macro)) != 0 || !line_has(p, word)) {
		p = strchr(p, '\n');
		ck_assert_msg(p != NULL, "there is no %s %s", macro, word);
		p++;
	}
	end = p + strlen(p);
	for (size_t i = 0; ends[i] != NULL; i++) {
		const char *e = strstr(p + 1, ends[i]);

		if (e != NULL && e < end)
			end = e;
	}
	return strndup(p, (size_t)(end - p));
}

static void
check_entry(const char *entry, const struct ha_rule *rule)
{
	bool has_default = rule->initial != NULL && rule->initial[0] != '\0';
	char range[64];

	snprintf(range, sizeof(range), "%s%u-%u", rule->or_zero ? "0 , " : "",
	    rule->min, rule->max);
	ck_assert_msg(rule->kind != HA_RULE_NUMBER ||
	    strstr(entry, range) != NULL, "%s has not %s", entry, range);
	ck_assert_msg(!has_default || (strstr(entry, "Default") != NULL &&
	    strstr(entry, rule->initial) != NULL), "%s has not %s", entry,
	    rule->initial);
	ck_assert_msg(rule->initial != NULL ||
	    strstr(entry, "equired") != NULL, "%s is required", entry);
	ck_assert_msg(!rule->restart || strstr(entry, "restart") != NULL,
	    "%s takes a restart", entry);
	for (uint32_t i = 0; rule->words != NULL && rule->words[i] != NULL;
	    i++)
		ck_assert_msg(strstr(entry, rule->words[i]) != NULL,
		    "%s can be %s", entry, rule->words[i]);
}

static void
check_section(const char *page, const char *name, const struct ha_rule *keys)
{
	static const char *const SECTION_ENDS[] = { "\n.Ss", "\n.Sh", NULL };
	static const char *const ENTRY_ENDS[] = { "\n.It", "\n.El", NULL };
	char *section = cut_part(page, ".Ss", name, SECTION_ENDS);

	for (const struct ha_rule *k = keys; k->name != NULL; k++) {
		char *entry = cut_part(section, ".It Cm", k->name, ENTRY_ENDS);

		check_entry(entry, k);
		free(entry);
	}
	free(section);
}

/* What a member block overrides stands with the file's; those of its keys
 * are the member's own. */
static void
check_page(const char *page)
{
	const struct ha_block_rule *member =
	    ha_block_rule_find(HA_CONF_RULES.blocks, "member");
	struct ha_rule own[HA_RULES_MAX + 1] = { { .name = NULL } };
	size_t n = 0;

	check_section(page, "notify", HA_CONF_RULES.keys);
	for (const struct ha_rule *k = member->keys; k->name != NULL; k++)
		if (k->own == 0)
			own[n++] = *k;
	check_section(page, "member", own);
	for (const struct ha_block_rule *b = HA_CONF_RULES.blocks;
	    b->name != NULL; b++)
		if (b->kind != HA_BLOCK_MEMBER)
			check_section(page, b->name, b->keys);
	for (const struct ha_block_rule *b = member->blocks; b->name != NULL;
	    b++)
		if (ha_block_rule_find(HA_CONF_RULES.blocks, b->name) == NULL)
			check_section(page, b->name, b->keys);
}

static char *
read_page(void)
{
	FILE *in = fopen(source_path("doc/man/cluster.conf.5"), "r");
	char *page = calloc(1, TEXT_MAX);

	ck_assert_ptr_nonnull(in);
	ck_assert_uint_gt(fread(page, 1, TEXT_MAX - 1, in), 1000);
	fclose(in);
	return page;
}

START_TEST(the_manual_has_every_key_with_range_and_default)
{
	char *page = read_page();

	check_page(page);
	free(page);
}
END_TEST

START_TEST(the_example_of_the_manual_is_accepted_without_a_warning)
{
	char *page = read_page();
	const char *text = strstr(page, "\n.Sh EXAMPLES\n");
	const char *end;

	ck_assert_ptr_nonnull(text);
	text = strchr(strstr(text, "\n.Bd ") + 1, '\n');
	end = strstr(text, "\n.Ed\n");
	ck_assert_int_eq(ha_cluster_conf_parse(text, (size_t)(end - text),
	    &report, &conf), HA_OK);
	ck_assert_uint_eq(report.n, 0);
	ck_assert_uint_eq(conf->n_members, 2);
	free(page);
}
END_TEST

#define ONE_LOCAL(addresses)                                                  \
	"cluster { id = 7 } member \"A\" { index = 1 public-key = \"" KEY_A   \
	"\" " addresses " }"

/* A build may run where not even the loopback is up. */
static bool
has_loopback(void)
{
	struct ifaddrs *all;
	bool found = false;

	if (getifaddrs(&all) != 0)
		return false;
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next)
		if (i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET &&
		    strcmp(i->ifa_name, "lo") == 0)
			found = true;
	freeifaddrs(all);
	return found;
}

START_TEST(an_address_without_prefix_takes_that_of_its_interface)
{
	if (!has_loopback())
		return;
	ck_assert_int_eq(parse(ONE_LOCAL("ha4-address = \"127.0.0.1\"")),
	    HA_OK);
	ck_assert_uint_eq(conf->members[0].address[HA_LINK_HA4].prefix,
	    HA_CONF_PREFIX_NONE);
	ck_assert_int_eq(ha_cluster_conf_localize(conf, 1, &report), HA_OK);
	ck_assert_uint_eq(conf->members[0].address[HA_LINK_HA4].prefix, 8);
}
END_TEST

START_TEST(an_address_without_prefix_must_be_here)
{
	ck_assert_int_eq(parse(ONE_LOCAL("ha4-address = \"192.0.2.77\"")),
	    HA_OK);
	ck_assert_int_eq(ha_cluster_conf_localize(conf, 1, &report),
	    HA_ERR_CONFIG);
	ck_assert_str_eq(report.messages[0].text, "ha4-address = "
	    "\"192.0.2.77\" of this firewall has no prefix and is on no "
	    "interface: write it as \"192.0.2.77/24\", or give it to an "
	    "interface");
}
END_TEST

START_TEST(a_subnet_that_the_interface_tells_counts)
{
	if (!has_loopback())
		return;
	ck_assert_int_eq(parse(ONE_LOCAL("ha4-address = \"127.0.0.1\" "
	    "ha4-backup-address = \"127.128.0.1/30\"")), HA_OK);
	ck_assert_int_eq(ha_cluster_conf_localize(conf, 1, &report),
	    HA_ERR_CONFIG);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("conf");
	TCase *tc = tcase_create("conf");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, every_file_of_the_vectors_gets_its_messages);
	tcase_add_test(tc, what_is_printed_reads_as_the_same);
	tcase_add_test(tc,
	    whatever_can_be_meant_is_printed_and_reads_as_the_same);
	tcase_add_test(tc, the_order_of_the_file_makes_no_difference);
	tcase_add_test(tc, the_worked_example_is_accepted_without_a_warning);
	tcase_add_test(tc, what_is_left_out_has_its_default);
	tcase_add_test(tc, a_member_block_wins_over_the_file);
	tcase_add_test(tc, the_core_gets_its_settings);
	tcase_add_loop_test(tc, the_digest_tells_what_matters_between_members,
	    0, (int)(sizeof(digest_cases) / sizeof(digest_cases[0])));
	tcase_add_loop_test(tc, bytes_that_are_no_text_are_refused, 0,
	    (int)(sizeof(byte_cases) / sizeof(byte_cases[0])));
	tcase_add_test(tc, a_broken_file_leaves_nothing_behind_for_the_next);
	tcase_add_test(tc, every_beginning_of_a_file_is_refused_or_whole);
	tcase_add_test(tc, every_changed_byte_is_refused_or_read);
	tcase_add_loop_test(tc,
	    without_memory_anywhere_nothing_is_taken_over, 0,
	    (int)(sizeof(memory_cases) / sizeof(memory_cases[0])));
	tcase_add_test(tc, a_file_that_is_not_there_is_told_by_its_code);
	tcase_add_test(tc, a_directory_is_no_file);
	tcase_add_test(tc, an_endless_file_is_refused);
	tcase_add_test(tc, the_manual_has_every_key_with_range_and_default);
	tcase_add_test(tc,
	    the_example_of_the_manual_is_accepted_without_a_warning);
	tcase_add_test(tc,
	    an_address_without_prefix_takes_that_of_its_interface);
	tcase_add_test(tc, an_address_without_prefix_must_be_here);
	tcase_add_test(tc, a_subnet_that_the_interface_tells_counts);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
