#include <check.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_diff.h"
#include "conf/conf_rules.h"

#define KEY_A "CKkoXBLAw2GDz405mYJOz6iF/fslsfG/f1xCv2vdaBs="
#define KEY_B "g2XPe9iYk/SmfGff3qOJcolm9bley+N3tW8eitmzVRo="
#define KEY_C "kt83g7VEX3Wk6K9yDAr/E4c/etxcpdaUSRC80FCdhWc="

#define TOP    "cluster { id = 7 }\n"
#define A_HEAD "member \"A\" { index = 1 "
#define A_REST                                                                \
	"ha4-address = \"10.4.0.1/24\" public-key = \"" KEY_A "\" "
#define A  A_HEAD A_REST "}\n"
#define B_WITH(index, address, key, more)                                     \
	"member \"B\" { index = " index " ha4-address = \"" address "\" "     \
	"public-key = \"" key "\" " more " }\n"
#define B B_WITH("2", "10.4.0.2/24", KEY_B, "")

#define REVOKED (HA_CONF_DIFF_KEYS | HA_CONF_DIFF_KEY_REVOKED)

static struct ha_cluster_conf *from;
static struct ha_cluster_conf *to;
static struct ha_conf_diff diff;

static void
setup(void)
{
	from = to = NULL;
}

static void
teardown(void)
{
	ha_cluster_conf_free(from);
	ha_cluster_conf_free(to);
}

static struct ha_cluster_conf *
parse(const char *text)
{
	struct ha_conf_report report = { 0 };
	struct ha_cluster_conf *conf = NULL;
	int rc = ha_cluster_conf_parse(text, strlen(text), &report, &conf);

	ck_assert_msg(rc == HA_OK, "%s\n%s",
	    report.n == 0 ? "" : report.messages[0].text, text);
	ha_conf_report_free(&report);
	return conf;
}

/* As the member with index 1 sees it, or what became of it. */
static void
compare(const char *before, const char *now)
{
	const struct ha_conf_member *self;

	from = parse(before);
	to = parse(now);
	self = ha_cluster_conf_find_serial(to, "A");
	ha_conf_diff(from, ha_cluster_conf_find_index(from, 1), to,
	    self != NULL ? self : &to->members[0], &diff);
}

/* --- what is in force here --- */

static const struct {
	const char *why;
	const char *before;
	const char *now;
	const char *restart;
	const char *others;
} change_cases[] = {
	{ "the same", TOP A, TOP A, "", "" },
	{ "another order, a default that is spelled out",
	    TOP A B, B "ha4 { port = 7404 }\n" A TOP, "", "" },
	{ "another cluster", TOP A, "cluster { id = 8 }" A, "cluster id",
	    "" },
	{ "another index", TOP A, TOP "member \"A\" { index = 2 " A_REST "}",
	    "member index", "" },
	{ "another identity", TOP A,
	    TOP "member \"Z\" { index = 1 " A_REST "}", "member serial", "" },
	{ "everything that needs a restart", TOP A,
	    TOP "sessions { table-size = 4096 install = on-failover "
	    "signal = mark owner-bit = 1 replica-bit = 2 }" A,
	    "sessions table-size, sessions install, sessions signal, "
	    "sessions owner-bit, sessions replica-bit", "" },
	{ "everything that does not", TOP A,
	    "cluster { id = 7 description = x synchronization-timeout = 1 "
	    "monitor-fail-hold-down = 2 tentative-hold = 30 flap-max = 4 "
	    "handoff-idle = 500 } "
	    "ha4 { port = 1 keepalive-threshold = 2000 } "
	    "ha4-backup { port = 2 keepalive-threshold = 3000 } "
	    "sessions { rule = false gate = false coalesce = 0 } "
	    "zone \"x\" { conntrack-zone = 1 } log { traffic = false } "
	    "web { listen = \"\" } notify = \"/bin/true\" " A, "",
	    "notify, cluster description, cluster synchronization-timeout, "
	    "cluster monitor-fail-hold-down, cluster tentative-hold, "
	    "cluster flap-max, cluster handoff-idle, ha4 port, "
	    "ha4 keepalive-threshold, ha4-backup port, "
	    "ha4-backup keepalive-threshold, sessions rule, sessions gate, "
	    "sessions coalesce, zone, log traffic, web listen" },
	{ "some of each", TOP A,
	    "cluster { id = 9 flap-max = 0 }" A, "cluster id",
	    "cluster flap-max" },
	{ "a value of its own", TOP A,
	    TOP A_HEAD A_REST "sessions { table-size = 4096 } "
	    "web { listen = \"\" } zone \"x\" { conntrack-zone = 0 } }",
	    "sessions table-size", "zone, web listen" },
	{ "the file's value, while there is an own one",
	    TOP A_HEAD A_REST "sessions { table-size = 4096 } "
	    "log { traffic = off } notify = \"\" }",
	    TOP "sessions { table-size = 8192 } log { traffic = on } "
	    "notify = \"/x\" " A_HEAD A_REST "sessions { table-size = 4096 } "
	    "log { traffic = off } notify = \"\" }", "", "" },
	{ "a value that moved into the member block",
	    TOP "sessions { table-size = 4096 }" A,
	    TOP A_HEAD A_REST "sessions { table-size = 4096 } }", "", "" },
	{ "a value of another member", TOP A B,
	    TOP A B_WITH("2", "10.4.0.2/24", KEY_B,
	    "sessions { table-size = 4096 }"), "", "" },
	{ "a zone with another number", TOP "zone \"x\" { conntrack-zone = 1 }"
	    A, TOP "zone \"x\" { conntrack-zone = 2 }" A, "", "zone" },
	{ "a zone with another name", TOP "zone \"x\" { conntrack-zone = 1 }"
	    A, TOP "zone \"y\" { conntrack-zone = 1 }" A, "", "zone" },
};

START_TEST(what_changes_here_is_named)
{
	char names[1024];

	compare(change_cases[_i].before, change_cases[_i].now);
	ha_conf_diff_names(&diff, true, names, sizeof(names));
	ck_assert_msg(strcmp(names, change_cases[_i].restart) == 0,
	    "%s: restart for \"%s\"", change_cases[_i].why, names);
	ck_assert_int_eq(ha_conf_diff_needs_restart(&diff), names[0] != '\0');
	ha_conf_diff_names(&diff, false, names, sizeof(names));
	ck_assert_msg(strcmp(names, change_cases[_i].others) == 0,
	    "%s: changed \"%s\"", change_cases[_i].why, names);
}
END_TEST

START_TEST(names_are_cut_off_at_the_end_of_their_room)
{
	char names[16];

	compare(TOP A, TOP "sessions { table-size = 4096 owner-bit = 3 }" A);
	ha_conf_diff_names(&diff, true, names, sizeof(names));
	ck_assert_str_eq(names, "sessions table-");
}
END_TEST

/* --- the other members --- */

static const struct {
	const char *why;
	const char *before; /* of index 2 */
	const char *now;
	enum ha_conf_fate fate;
	unsigned int changed;
} member_cases[] = {
	{ "nobody", "", "", HA_CONF_FATE_FREE, 0 },
	{ "the same", B, B, HA_CONF_FATE_KEPT, 0 },
	{ "it came", "", B, HA_CONF_FATE_ADDED, 0 },
	{ "it went", B, "", HA_CONF_FATE_REMOVED, 0 },
	{ "it moved away", B, B_WITH("3", "10.4.0.2/24", KEY_B, ""),
	    HA_CONF_FATE_REMOVED, 0 },
	{ "new hardware", B, "member \"C\" { index = 2 ha4-address = "
	    "\"10.4.0.2/24\" public-key = \"" KEY_C "\" }",
	    HA_CONF_FATE_REPLACED, 0 },
	{ "another address", B, B_WITH("2", "10.4.0.3/24", KEY_B, ""),
	    HA_CONF_FATE_KEPT, HA_CONF_DIFF_HA4_ADDRESS },
	{ "another prefix", B, B_WITH("2", "10.4.0.2/25", KEY_B, ""),
	    HA_CONF_FATE_KEPT, HA_CONF_DIFF_OTHER },
	{ "a second link", B, B_WITH("2", "10.4.0.2/24", KEY_B,
	    "ha4-backup-address = \"10.5.0.2/24\""), HA_CONF_FATE_KEPT,
	    HA_CONF_DIFF_HA4_BACKUP_ADDRESS },
	{ "another key", B, B_WITH("2", "10.4.0.2/24", KEY_C, ""),
	    HA_CONF_FATE_KEPT, REVOKED },
	{ "a next key", B, B_WITH("2", "10.4.0.2/24", KEY_B,
	    "next-public-key = \"" KEY_C "\""), HA_CONF_FATE_KEPT,
	    HA_CONF_DIFF_KEYS },
	{ "the next key is the key",
	    B_WITH("2", "10.4.0.2/24", KEY_B, "next-public-key = \"" KEY_C
	    "\""), B_WITH("2", "10.4.0.2/24", KEY_C, ""), HA_CONF_FATE_KEPT,
	    REVOKED },
	{ "a next key that is taken back",
	    B_WITH("2", "10.4.0.2/24", KEY_B, "next-public-key = \"" KEY_C
	    "\""), B, HA_CONF_FATE_KEPT, REVOKED },
	{ "both keys, the other way round",
	    B_WITH("2", "10.4.0.2/24", KEY_B, "next-public-key = \"" KEY_C
	    "\""), B_WITH("2", "10.4.0.2/24", KEY_C, "next-public-key = \""
	    KEY_B "\""), HA_CONF_FATE_KEPT, HA_CONF_DIFF_KEYS },
	{ "switched off", B, B_WITH("2", "10.4.0.2/24", KEY_B,
	    "enabled = false"), HA_CONF_FATE_KEPT, HA_CONF_DIFF_ENABLED },
	{ "no sessions", B, B_WITH("2", "10.4.0.2/24", KEY_B,
	    "session-synchronization = off"), HA_CONF_FATE_KEPT,
	    HA_CONF_DIFF_SYNCHRONIZATION },
	{ "another name", B, B_WITH("2", "10.4.0.2/24", KEY_B, "name = b"),
	    HA_CONF_FATE_KEPT, HA_CONF_DIFF_OTHER },
	{ "a table of its own", B, B_WITH("2", "10.4.0.2/24", KEY_B,
	    "sessions { table-size = 4096 }"), HA_CONF_FATE_KEPT,
	    HA_CONF_DIFF_OTHER },
	{ "a zone of its own", B, B_WITH("2", "10.4.0.2/24", KEY_B,
	    "zone \"x\" { conntrack-zone = 0 }"), HA_CONF_FATE_KEPT,
	    HA_CONF_DIFF_OTHER },
	{ "a link group", B, B_WITH("2", "10.4.0.2/24", KEY_B,
	    "link-group \"x\" { interfaces = {\"eth0\"} }"),
	    HA_CONF_FATE_KEPT, HA_CONF_DIFF_OTHER },
	{ "one more interface in it",
	    B_WITH("2", "10.4.0.2/24", KEY_B,
	    "link-group \"x\" { interfaces = {\"eth0\"} }"),
	    B_WITH("2", "10.4.0.2/24", KEY_B,
	    "link-group \"x\" { interfaces = {\"eth0\", \"eth1\"} }"),
	    HA_CONF_FATE_KEPT, HA_CONF_DIFF_OTHER },
	{ "another path group", B_WITH("2", "10.4.0.2/24", KEY_B,
	    "path-group \"x\" { destinations = {\"192.0.2.1\"} }"),
	    B_WITH("2", "10.4.0.2/24", KEY_B,
	    "path-group \"y\" { destinations = {\"192.0.2.1\"} }"),
	    HA_CONF_FATE_KEPT, HA_CONF_DIFF_OTHER },
	{ "groups that stay", B_WITH("2", "10.4.0.2/24", KEY_B,
	    "path-group \"x\" { destinations = {\"192.0.2.1\"} } "
	    "link-group \"x\" { interfaces = {\"eth0\"} }"),
	    B_WITH("2", "10.4.0.2/24", KEY_B,
	    "link-group \"x\" { interfaces = {\"eth0\"} } "
	    "path-group \"x\" { count = 10 destinations = {\"192.0.2.1\"} }"),
	    HA_CONF_FATE_KEPT, 0 },
	{ "much at once", B, B_WITH("2", "10.4.0.9/24", KEY_C,
	    "enabled = false session-synchronization = false site = x"),
	    HA_CONF_FATE_KEPT, HA_CONF_DIFF_HA4_ADDRESS | REVOKED |
	    HA_CONF_DIFF_ENABLED | HA_CONF_DIFF_SYNCHRONIZATION |
	    HA_CONF_DIFF_OTHER },
};

START_TEST(what_became_of_a_member_is_told)
{
	char before[1024] = TOP A;
	char now[1024] = TOP A;
	const struct ha_conf_member_diff *m = &diff.members[1];

	strcat(before, member_cases[_i].before);
	strcat(now, member_cases[_i].now);
	compare(before, now);
	ck_assert_msg(m->fate == member_cases[_i].fate &&
	    m->changed == member_cases[_i].changed, "%s: fate %d changed %x",
	    member_cases[_i].why, (int)m->fate, m->changed);
	ck_assert_int_eq(diff.members[0].fate, HA_CONF_FATE_KEPT);
	ck_assert_uint_eq(diff.members[0].changed, 0);
	ck_assert_uint_eq(diff.n_changes, 0);
	ck_assert_int_eq(ha_conf_diff_empty(&diff),
	    m->changed == 0 && (m->fate == HA_CONF_FATE_FREE ||
	    m->fate == HA_CONF_FATE_KEPT));
}
END_TEST

/* --- no key is forgotten --- */

static void
flip(void *base, const struct ha_rule *rule)
{
	((uint8_t *)base)[rule->at] ^= 1;
}

/* Change the key in the file's part and in the member's, as far as it has
 * one, and compare. */
static void
flip_everywhere(const struct ha_rule *rule)
{
	size_t local = offsetof(struct ha_cluster_conf, local);
	struct ha_rule own = *rule;

	flip(to, rule);
	if (rule->at < local ||
	    rule->at >= local + sizeof(struct ha_conf_local))
		return;
	own.at += offsetof(struct ha_conf_member, local) - local;
	flip(&to->members[0], &own);
}

static void
check_alone(const struct ha_block_rule *block, const struct ha_rule *rule)
{
	from = parse(TOP A);
	to = parse(TOP A);
	flip_everywhere(rule);
	ha_conf_diff(from, &from->members[0], to, &to->members[0], &diff);
	ck_assert_msg(diff.n_changes == 1, "%s %s: %zu", block->name,
	    rule->name, diff.n_changes);
	ck_assert_str_eq(diff.changes[0].block, block->name);
	ck_assert_str_eq(diff.changes[0].key, rule->name);
	ck_assert_int_eq(diff.changes[0].restart, rule->restart);
	teardown();
	setup();
}

static void
check_alone_in_member(const struct ha_rule *rule)
{
	from = parse(TOP A B);
	to = parse(TOP A B);
	flip(&to->members[1], rule);
	ha_conf_diff(from, &from->members[0], to, &to->members[0], &diff);
	ck_assert_msg(diff.members[1].changed != 0 ||
	    diff.members[1].fate != HA_CONF_FATE_KEPT, "%s", rule->name);
	teardown();
	setup();
}

START_TEST(every_key_is_compared)
{
	const struct ha_block_rule *member =
	    ha_block_rule_find(HA_CONF_RULES.blocks, "member");

	for (const struct ha_rule *k = HA_CONF_RULES.keys; k->name != NULL;
	    k++)
		check_alone(&HA_CONF_RULES, k);
	for (const struct ha_block_rule *b = HA_CONF_RULES.blocks;
	    b->name != NULL; b++)
		if (b->kind == HA_BLOCK_PART)
			for (const struct ha_rule *k = b->keys;
			    k->name != NULL; k++)
				check_alone(b, k);
	for (const struct ha_rule *k = member->keys; k->name != NULL; k++)
		if (strcmp(k->name, "index") != 0) /* its place, no fact */
			check_alone_in_member(k);
	for (const struct ha_block_rule *b = member->blocks; b->name != NULL;
	    b++)
		if (b->kind == HA_BLOCK_PART)
			for (const struct ha_rule *k = b->keys;
			    k->name != NULL; k++)
				check_alone_in_member(k);
}
END_TEST

START_TEST(a_change_of_the_file_alone_is_not_empty)
{
	compare(TOP A B, "cluster { id = 7 flap-max = 0 }" A B);
	ck_assert(!ha_conf_diff_empty(&diff));
	ck_assert(!ha_conf_diff_needs_restart(&diff));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("conf_diff");
	TCase *tc = tcase_create("conf_diff");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, what_changes_here_is_named, 0,
	    (int)(sizeof(change_cases) / sizeof(change_cases[0])));
	tcase_add_test(tc, names_are_cut_off_at_the_end_of_their_room);
	tcase_add_loop_test(tc, what_became_of_a_member_is_told, 0,
	    (int)(sizeof(member_cases) / sizeof(member_cases[0])));
	tcase_add_test(tc, every_key_is_compared);
	tcase_add_test(tc, a_change_of_the_file_alone_is_not_empty);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
