/*
 * What a session has beside addresses and state, between kernels.
 *
 * An entry is read from the kernel that is there, removed, and created anew
 * from nothing but what was read: what replication would do in the kernel of
 * another member.  Then the kernel has to show the same, and the traffic has
 * to go on.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <check.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rig.h"

#define FTP 21

/* Nothing comes in but by state, and nothing is picked up in the middle.  To
 * the server the client is 10.2.0.100, which makes its PORT commands longer. */
static const char FTP_RULES[] =
    "table inet user {\n"
    "ct helper ftp-helper { type \"ftp\" protocol tcp; }\n"
    "chain p { type filter hook prerouting priority -150;\n"
    "tcp dport 21 ct helper set \"ftp-helper\"\n"
    "}\n"
    "chain f { type filter hook forward priority 0; policy drop;\n"
    "ct state invalid drop\n"
    "ct state established,related accept\n"
    "iifname \"inside\" tcp dport 21 ct label set 5 accept\n"
    "}\n"
    "chain post { type nat hook postrouting priority 100;\n"
    "oifname \"outside\" ip version 4 snat ip to 10.2.0.100\n"
    "}\n"
    "}\n";

static void
ftp_world(void)
{
	world_run(&w, FIREWALL, "echo 0 > /proc/sys/net/netfilter/"
	    "nf_conntrack_tcp_loose");
	world_run(&w, FIREWALL, "ip addr add 10.2.0.100/24 dev outside");
	world_ruleset(&w, FTP_RULES);
}

/* A line from one end, as it arrives at the other. */
static const char *
say(int from, int to, const char *text)
{
	static char line[256];
	struct pollfd p = { to, POLLIN, 0 };
	ssize_t n = -1;

	ck_assert_int_eq(send(from, text, strlen(text), MSG_NOSIGNAL),
	    (ssize_t)strlen(text));
	if (poll(&p, 1, 2000) == 1)
		n = recv(to, line, sizeof(line) - 1, 0);
	ck_assert_msg(n > 0, "stuck: %s", text);
	line[n] = '\0';
	return line;
}

/* The client asks to be called at a port of its own; *port is what the server
 * is told. */
static void
ask_for_call(int client, int server, uint16_t own, uint16_t *told)
{
	unsigned int high, low;
	char text[64];

	(void)snprintf(text, sizeof(text), "PORT 10,1,0,2,%u,%u\r\n",
	    own / 256, own % 256);
	ck_assert_int_eq(sscanf(say(client, server, text),
	    "PORT 10,2,0,100,%u,%u", &high, &low), 2);
	*told = (uint16_t)(high * 256 + low);
	ck_assert_str_eq(say(server, client, "200 yes\r\n"), "200 yes\r\n");
}

/* The entry once the last acknowledgement, which may take its time, has come
 * by: packets that are under way would touch the copy. */
static struct ha_in_session
at_rest(uint16_t port)
{
	for (int i = 0; i < 200; i++) {
		struct ha_in_session s = shown(port);
		const uint8_t *flags = s.record.tcp_flags;

		if (((flags[HA_DIR_ORIGINAL] | flags[HA_DIR_REPLY]) &
		    IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED) == 0)
			return s;
		usleep(10000);
	}
	ck_abort_msg("data is never acknowledged");
}

/* As another member would: from the record alone. */
static int
create_anew(const struct ha_in_session *s)
{
	const struct ha_kernel_op op = { .ticket = 3,
		.verb = HA_KERNEL_INSTALL, .lifetime_s = 3600,
		.record = &s->record, .extra = &s->extra };

	ck_assert_int_eq(remove_entry(&s->record), HA_OK);
	return operate(&op);
}

static void
same(const struct ha_in_session *a, const struct ha_in_session *b)
{
	ck_assert_uint_eq(ha_record_hash(&a->record),
	    ha_record_hash(&b->record));
	ck_assert_uint_eq(a->extra.label[0], b->extra.label[0]);
	ck_assert_uint_eq(a->extra.label[1], b->extra.label[1]);
	ck_assert_str_eq(a->extra.helper, b->extra.helper);
	for (int dir = 0; dir < HA_DIR_MAX; dir++) {
		ck_assert_uint_eq(a->extra.seq[dir].position,
		    b->extra.seq[dir].position);
		ck_assert_int_eq(a->extra.seq[dir].before,
		    b->extra.seq[dir].before);
		ck_assert_int_eq(a->extra.seq[dir].after,
		    b->extra.seq[dir].after);
	}
}

START_TEST(a_shift_is_told_as_soon_as_a_helper_makes_one)
{
	const struct ha_in_session *s;
	uint16_t told;
	int c, srv;

	start();
	ftp_world();
	connect_through(4700, FTP, &c, &srv);
	say(c, srv, "USER x\r\n");
	s = await_event(HA_SESSION_NEW, 4700);
	ck_assert_str_eq(s->extra.helper, "ftp");
	forget();
	ask_for_call(c, srv, 5000, &told);
	s = await_event(HA_SESSION_DUMPED, 4700);
	ck_assert(s->seq_told);
	ck_assert_int_eq(s->extra.seq[HA_DIR_ORIGINAL].before, 0);
	ck_assert_int_eq(s->extra.seq[HA_DIR_ORIGINAL].after, 2);
	ck_assert_int_eq(s->extra.seq[HA_DIR_REPLY].after, 0);
	ck_assert(s->bits_known && s->owner_bit);
	close(c);
	close(srv);
}
END_TEST

START_TEST(a_shifted_connection_goes_on_through_a_copy_of_its_entry)
{
	struct ha_in_session before, after;
	uint16_t told;
	int c, srv;

	start();
	ftp_world();
	connect_through(4701, FTP, &c, &srv);
	say(c, srv, "USER x\r\n");
	ask_for_call(c, srv, 5000, &told);
	ask_for_call(c, srv, 5001, &told);
	before = at_rest(4701);
	ck_assert_str_eq(before.extra.helper, "ftp");
	ck_assert_uint_eq(before.extra.label[0], 1 << 5);
	ck_assert_uint_eq(before.extra.label[1], 0);
	ck_assert_int_eq(before.extra.seq[HA_DIR_ORIGINAL].after, 4);

	ck_assert_int_eq(create_anew(&before), HA_OK);
	after = shown(4701);
	same(&before, &after);
	ck_assert(after.replica_bit && !after.owner_bit);

	forget();
	ask_for_call(c, srv, 5002, &told); /* the helper works on */
	ck_assert(await_event(HA_SESSION_UPDATE, 4701)->owner_bit);
	ck_assert_int_eq(await_event(HA_SESSION_DUMPED, 4701)
	    ->extra.seq[HA_DIR_ORIGINAL].after, 6);
	close(c);
	close(srv);
}
END_TEST

/* The control of the test above. */
START_TEST(without_its_shifts_a_copy_loses_letters)
{
	struct ha_in_session before;
	uint16_t told;
	int c, srv;

	start();
	ftp_world();
	connect_through(4702, FTP, &c, &srv);
	say(c, srv, "USER x\r\n");
	ask_for_call(c, srv, 5000, &told);
	before = at_rest(4702);
	memset(before.extra.seq, 0, sizeof(before.extra.seq));
	ck_assert_int_eq(create_anew(&before), HA_OK);
	ck_assert_str_eq(say(c, srv, "USER y\r\n"), "ER y\r\n");
	close(c);
	close(srv);
}
END_TEST

static int
change_extra(const struct ha_record *r, const struct ha_extra *x,
    uint16_t what)
{
	const struct ha_kernel_op op = { .ticket = 4,
		.verb = HA_KERNEL_CHANGE, .change = what, .record = r,
		.extra = x };

	return operate(&op);
}

START_TEST(what_few_sessions_have_is_changed_in_place)
{
	struct ha_tuple t = tuple("10.1.0.2", 4703, "10.2.0.2", 80,
	    IPPROTO_TCP);
	struct ha_in_session s = { .record = plain(&t) };
	struct ha_in_session now;

	s.record.tcp_state = HA_TCP_ESTABLISHED;
	start();
	ck_assert_int_eq(install(&s.record), HA_OK);
	s.extra.label[0] = UINT64_C(1) << 63 | 1;
	s.extra.label[1] = 1;
	s.extra.seq[1] = (struct ha_seq_adjust){ 100, 3, -70000 };
	ck_assert_int_eq(change_extra(&s.record, &s.extra,
	    HA_CHANGE_LABEL | HA_CHANGE_SEQUENCE), HA_OK);
	s.record.status |= HA_STATUS_SEQ_ADJUST;
	now = shown(4703);
	same(&s, &now);
	ck_assert(now.replica_bit && !now.owner_bit);

	s.extra.label[0] = 2;
	ck_assert_int_eq(change_extra(&s.record, &s.extra,
	    HA_CHANGE_LABEL | HA_CHANGE_PROBE), HA_OK);
	now = shown(4703);
	same(&s, &now);
	ck_assert(now.replica_bit);
}
END_TEST

START_TEST(a_label_is_the_rulesets_own_when_our_bits_are_in_the_mark)
{
	struct ha_in_session s = { .record = udp(4704) };
	struct ha_in_session now;

	config.signal = HA_SIGNAL_MARK;
	config.owner_bit = 30;
	config.replica_bit = 31;
	start();
	world_ruleset(&w, "table inet user { chain f {\n"
	    "type filter hook forward priority 0;\n"
	    "ct label set 9\n}\n}\n");
	s.record.mark = 0x3000001;
	s.extra.label[1] = UINT64_C(3) << 62;
	ck_assert_int_eq(install(&s.record), HA_OK);
	ck_assert_int_eq(change_extra(&s.record, &s.extra, HA_CHANGE_LABEL),
	    HA_OK);
	now = shown(4704);
	same(&s, &now);
	forward(4704);
	now = shown(4704);
	ck_assert_uint_eq(now.extra.label[0], 1 << 9);
	ck_assert_uint_eq(now.extra.label[1], UINT64_C(3) << 62);
	ck_assert(now.owner_bit && now.replica_bit);
	ck_assert_uint_eq(now.record.mark, 0x3000001);
}
END_TEST

static Suite *
make_suite(void)
{
	Suite *s = suite_create("record");
	TCase *tc = tcase_create("kernel");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_test(tc, a_shift_is_told_as_soon_as_a_helper_makes_one);
	tcase_add_test(tc,
	    a_shifted_connection_goes_on_through_a_copy_of_its_entry);
	tcase_add_test(tc, without_its_shifts_a_copy_loses_letters);
	tcase_add_test(tc, what_few_sessions_have_is_changed_in_place);
	tcase_add_test(tc,
	    a_label_is_the_rulesets_own_when_our_bits_are_in_the_mark);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	const char *why;
	SRunner *sr;
	int failed;

	if (!world_possible(&why)) {
		printf("skipped: %s\n", why);
		return 77;
	}
	sr = srunner_create(make_suite());
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
