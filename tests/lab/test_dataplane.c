/*
 * The dataplane against the kernel that is really there.
 *
 * Each test runs in a process and in network namespaces of its own; packets
 * are real ones, sent by a client, forwarded by the firewall in the middle
 * and received by a server (world.h).  Where no namespace can be made, all of
 * it is skipped, with the reason.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/conntrack_install.h"
#include "rig.h"

/* ---- the signal ---- */

START_TEST(the_first_packet_of_a_replica_signs_it_once)
{
	struct ha_record r = udp(4000);
	const struct ha_in_session *s;

	start();
	ck_assert_int_eq(install(&r), HA_OK);
	quiet();
	ck_assert_uint_eq(h.n_sessions, 0); /* what we did is no event */

	forward(4000);
	s = await_event(HA_SESSION_UPDATE, 4000);
	ck_assert(s->bits_known && s->owner_bit && s->replica_bit);
	ck_assert(!s->foreign);
	ck_assert(ha_tuple_equal(&s->record.orig, &r.orig));
	ck_assert(ha_tuple_equal(&s->record.reply, &r.reply));
	ck_assert_uint_eq(s->record.status, r.status);

	forward(4000);
	forward(4000);
	quiet();
	ck_assert_uint_eq(h.n_sessions, 1);
}
END_TEST

START_TEST(a_session_of_our_own_is_signed_from_the_start)
{
	const struct ha_in_session *s;

	start();
	forward(4001);
	s = await_event(HA_SESSION_NEW, 4001);
	ck_assert(s->bits_known && s->owner_bit && !s->replica_bit);
	ck_assert(s->has_timeout && !s->foreign);
	quiet();
	ck_assert_uint_eq(h.n_sessions, 1);
}
END_TEST

START_TEST(a_probe_is_answered_by_the_next_packet_only)
{
	struct ha_record r = udp(4002);
	const struct ha_in_session *s;

	start();
	forward(4002);
	await_event(HA_SESSION_NEW, 4002);
	forget();

	ck_assert_int_eq(change(&r, HA_CHANGE_PROBE), HA_OK);
	quiet();
	ck_assert_uint_eq(h.n_sessions, 0);
	forward(4002);
	s = await_event(HA_SESSION_UPDATE, 4002);
	ck_assert(s->bits_known && s->owner_bit);
}
END_TEST

START_TEST(the_hosts_own_traffic_is_not_signed)
{
	int s;
	const struct ha_in_session *e;

	start();
	s = world_socket(&w, FIREWALL, SOCK_DGRAM, "10.2.0.1", 4003);
	world_send_to(s, "mine", "10.2.0.2", 5000);
	e = await_event(HA_SESSION_NEW, 4003);
	ck_assert(e->bits_known && !e->owner_bit && !e->replica_bit);
	close(s);
}
END_TEST

START_TEST(bits_in_the_mark_leave_the_rest_of_it_alone)
{
	struct ha_record r = udp(4004);
	const struct ha_in_session *s;

	config.signal = HA_SIGNAL_MARK;
	config.owner_bit = 30;
	config.replica_bit = 31;
	r.mark = 0x1234;
	start();
	ck_assert_int_eq(install(&r), HA_OK);
	forward(4004);
	s = await_event(HA_SESSION_UPDATE, 4004);
	ck_assert(s->bits_known && s->owner_bit && s->replica_bit);
	ck_assert_uint_eq(s->record.mark, 0x1234);
	forget();

	ck_assert_int_eq(change(&r, HA_CHANGE_PROBE), HA_OK);
	forward(4004);
	s = await_event(HA_SESSION_UPDATE, 4004);
	ck_assert(s->owner_bit && s->replica_bit);
	ck_assert_uint_eq(s->record.mark, 0x1234);
	forget();

	r.mark = 0x77;
	ck_assert_int_eq(change(&r, HA_CHANGE_MARK), HA_OK);
	dump();
	s = find(HA_SESSION_DUMPED, 4004);
	ck_assert_ptr_nonnull(s);
	ck_assert(s->owner_bit && s->replica_bit);
	ck_assert_uint_eq(s->record.mark, 0x77);
}
END_TEST

START_TEST(a_ruleset_that_writes_the_whole_mark_does_not_touch_labels)
{
	start();
	world_ruleset(&w, "table inet user { chain f {\n"
	    "type filter hook forward priority 0;\n"
	    "ct mark set 0x1\n}\n}\n");
	forward(4005);
	await_event(HA_SESSION_NEW, 4005);
	forget();
	for (int i = 0; i < 10; i++)
		forward(4005);
	quiet();
	ck_assert_uint_eq(h.n_sessions, 0);
}
END_TEST

/* ---- installing ---- */

START_TEST(what_is_installed_is_what_a_dump_shows)
{
	struct ha_tuple t = tuple("10.1.0.2", 4100, "10.2.0.2", 80,
	    IPPROTO_TCP);
	struct ha_record r = plain(&t);
	const struct ha_in_session *s;

	r.mark = 0xabcd;
	r.tcp_state = HA_TCP_ESTABLISHED;
	r.tcp_flags[0] = r.tcp_flags[1] = 0x23;
	r.tcp_wscale[0] = 7;
	r.tcp_wscale[1] = 9;
	start();
	ck_assert_int_eq(install(&r), HA_OK);
	dump();
	s = find(HA_SESSION_DUMPED, 4100);
	ck_assert_ptr_nonnull(s);
	ck_assert(s->bits_known && !s->owner_bit && s->replica_bit);
	ck_assert_uint_eq(ha_record_hash(&s->record), ha_record_hash(&r));
	ck_assert_int_eq(h.begins, 1);
}
END_TEST

START_TEST(a_clash_is_refused_in_both_directions)
{
	struct ha_record r = udp(4101);
	struct ha_record back = plain(&r.reply);

	start();
	ck_assert_int_eq(install(&r), HA_OK);
	ck_assert_int_eq(install(&r), HA_ERR_EXISTS);
	ck_assert_int_eq(install(&back), HA_ERR_EXISTS);
}
END_TEST

START_TEST(what_is_not_there_is_absent)
{
	struct ha_record r = udp(4102);

	start();
	ck_assert_int_eq(remove_entry(&r), HA_ERR_ABSENT);
	ck_assert_int_eq(change(&r, HA_CHANGE_PROBE), HA_ERR_ABSENT);
	ck_assert_int_eq(install(&r), HA_OK);
	ck_assert_int_eq(remove_entry(&r), HA_OK);
	ck_assert_int_eq(remove_entry(&r), HA_ERR_ABSENT);
}
END_TEST

START_TEST(status_is_added_and_never_taken)
{
	struct ha_record r = udp(4103);
	const struct ha_in_session *s;

	start();
	r.status = 0;
	ck_assert_int_eq(install(&r), HA_OK);
	r.status = HA_STATUS_SEEN_REPLY | HA_STATUS_ASSURED;
	ck_assert_int_eq(change(&r, HA_CHANGE_STATUS), HA_OK);
	r.status = HA_STATUS_SEEN_REPLY;
	ck_assert_int_eq(change(&r, HA_CHANGE_STATUS), HA_OK);
	r.mark = 5;
	ck_assert_int_eq(change(&r, HA_CHANGE_STATUS | HA_CHANGE_MARK), HA_OK);
	dump();
	s = find(HA_SESSION_DUMPED, 4103);
	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(s->record.status,
	    HA_STATUS_SEEN_REPLY | HA_STATUS_ASSURED);
	ck_assert_uint_eq(s->record.mark, 5);
}
END_TEST

START_TEST(lifetimes_and_windows_are_changed)
{
	struct ha_tuple t = tuple("10.1.0.2", 4104, "10.2.0.2", 80,
	    IPPROTO_TCP);
	struct ha_record r = plain(&t);

	r.tcp_state = HA_TCP_ESTABLISHED;
	start();
	ck_assert_int_eq(install(&r), HA_OK);
	ck_assert_int_eq(change(&r, HA_CHANGE_LIFETIME), HA_OK);
	world_run(&w, FIREWALL, "conntrack -L 2>/dev/null | "
	    "grep -q '^tcp *6 7[67] ESTABLISHED'");
	ck_assert_int_eq(change(&r, HA_CHANGE_LIBERAL), HA_OK);
	ck_assert_int_eq(change(&r, HA_CHANGE_STRICT), HA_OK);
	forget();
	dump();
	ck_assert_uint_eq(find(HA_SESSION_DUMPED, 4104)->record.tcp_flags[0],
	    0);
}
END_TEST

START_TEST(hundreds_of_operations_answer_each_and_raise_no_event)
{
	static struct ha_record records[HA_KERNEL_OPS_MAX];
	static struct ha_kernel_op ops[HA_KERNEL_OPS_MAX];

	start();
	for (size_t i = 0; i < HA_KERNEL_OPS_MAX; i++) {
		records[i] = udp((uint16_t)(10000 + i));
		ops[i] = (struct ha_kernel_op){ i, HA_KERNEL_INSTALL, 0, false,
			600, &records[i] };
	}
	ck_assert_int_eq(ha_dataplane_do(dp, ops, HA_KERNEL_OPS_MAX), HA_OK);
	for (size_t i = 0; i < HA_KERNEL_OPS_MAX; i++)
		ops[i].verb = HA_KERNEL_REMOVE;
	ck_assert_int_eq(ha_dataplane_do(dp, ops, HA_KERNEL_OPS_MAX), HA_OK);
	await(&h.n_done, 2 * HA_KERNEL_OPS_MAX, "results");
	for (size_t i = 0; i < h.n_done; i++) {
		ck_assert_uint_eq(h.done[i].ticket, i % HA_KERNEL_OPS_MAX);
		ck_assert_int_eq(h.done[i].result, HA_OK);
	}
	quiet();
	ck_assert_uint_eq(h.n_sessions, 0);
	ck_assert_uint_eq(ha_dataplane_stats(dp)->events, 0);
}
END_TEST

/* A kernel translates only where a ruleset has some chain of type nat. */
static const char NAT_HOOKS[] =
    "table inet nat { chain post {\n"
    "type nat hook postrouting priority 100;\n}\n}\n";

static const struct {
	const char *why;
	const char *dst; /* what the client sends to */
	uint16_t dst_port;
	const char *seen; /* who the server sees */
	uint16_t seen_port;
	const char *server;
} nat_cases[] = {
	{ "source", "10.2.0.2", 5000, "10.2.0.77", 6001, "10.2.0.2" },
	{ "source: the firewall's own", "10.2.0.2", 5000, "10.2.0.1", 6002,
	    "10.2.0.2" },
	{ "destination", "10.1.0.1", 5055, "10.1.0.2", 4200, "10.2.0.2" },
	{ "both", "10.1.0.1", 5055, "10.2.0.1", 6003, "10.2.0.2" },
	{ "IPv6 source", "fd02::2", 5000, "fd02::1", 6004, "fd02::2" },
	{ "IPv6, none", "fd02::2", 5000, "fd01::2", 4200, "fd02::2" },
};

START_TEST(a_translated_replica_translates)
{
	bool six = strchr(nat_cases[_i].dst, ':') != NULL;
	const char *client = six ? "fd01::2" : "10.1.0.2";
	struct ha_tuple orig = tuple(client, 4200, nat_cases[_i].dst,
	    nat_cases[_i].dst_port, IPPROTO_UDP);
	struct ha_record r = plain(&orig);
	const struct ha_in_session *s;
	char from[64];
	uint16_t port;
	int c, srv;

	r.reply = tuple(nat_cases[_i].server, 5000, nat_cases[_i].seen,
	    nat_cases[_i].seen_port, IPPROTO_UDP);
	start();
	world_ruleset(&w, NAT_HOOKS);
	world_run(&w, FIREWALL, "ip addr add 10.2.0.77/24 dev outside");
	ck_assert_int_eq(install(&r), HA_OK);

	c = world_socket(&w, CLIENT, SOCK_DGRAM, client, 4200);
	srv = world_socket(&w, SERVER, SOCK_DGRAM, nat_cases[_i].server, 5000);
	world_send_to(c, "ask", nat_cases[_i].dst, nat_cases[_i].dst_port);
	ck_assert_str_eq(world_receive(srv, 2000, from, &port), "ask");
	ck_assert_str_eq(from, nat_cases[_i].seen);
	ck_assert_uint_eq(port, nat_cases[_i].seen_port);
	world_send_to(srv, "answer", from, port);
	ck_assert_str_eq(world_receive(c, 2000, from, &port), "answer");
	ck_assert_str_eq(from, nat_cases[_i].dst);
	ck_assert_uint_eq(port, nat_cases[_i].dst_port);

	s = await_event(HA_SESSION_UPDATE, 4200);
	ck_assert(s->owner_bit);
	ck_assert(ha_tuple_equal(&s->record.orig, &r.orig));
	ck_assert(ha_tuple_equal(&s->record.reply, &r.reply));
	close(c);
	close(srv);
}
END_TEST

static void
ping(uint16_t id)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct icmphdr echo = { .type = ICMP_ECHO };
	uint8_t answer[64];
	struct pollfd p = { .events = POLLIN };
	int s;

	world_go(&w, CLIENT);
	s = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	world_go(&w, FIREWALL);
	ck_assert_int_ge(s, 0);
	inet_pton(AF_INET, "10.2.0.2", &to.sin_addr);
	echo.un.echo.id = htons(id);
	echo.checksum = (uint16_t)~(htons(ICMP_ECHO << 8) + htons(id));
	ck_assert_int_eq(sendto(s, &echo, sizeof(echo), 0, (void *)&to,
	    sizeof(to)), sizeof(echo));
	p.fd = s;
	ck_assert_int_eq(poll(&p, 1, 2000), 1);
	ck_assert_int_gt(recv(s, answer, sizeof(answer), 0), 0);
	close(s);
}

START_TEST(an_echo_session_is_installed_as_it_was)
{
	struct ha_record r;
	const struct ha_in_session *s;

	start();
	ping(77);
	r = await_event(HA_SESSION_NEW, 77)->record;
	ck_assert_uint_eq(r.orig.dst_port, ICMP_ECHO * 256);
	ck_assert_uint_eq(r.reply.dst_port, ICMP_ECHOREPLY * 256);
	r.status = HA_STATUS_SEEN_REPLY;
	ck_assert_int_eq(remove_entry(&r), HA_OK);
	ck_assert_int_eq(install(&r), HA_OK);
	dump();
	s = find(HA_SESSION_DUMPED, 77);
	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(ha_record_hash(&s->record), ha_record_hash(&r));
	forget();
	ping(77);
	ck_assert(await_event(HA_SESSION_UPDATE, 77)->owner_bit);
}
END_TEST

/* ---- events ---- */

START_TEST(an_overrun_is_told)
{
	const struct ha_zones zones = { 0 };
	const struct ha_ct_terms terms = { { HA_SIGNAL_LABEL, OWNER,
		REPLICA }, &zones, NULL };
	static struct ha_record records[HA_KERNEL_OPS_MAX];
	static struct ha_kernel_op ops[HA_KERNEL_OPS_MAX];
	struct ha_dataplane_stats stats = { 0 };
	struct ha_ct_install *other;

	config.event_buffer_bytes = 16384;
	start();
	ck_assert_int_eq(ha_ct_install_open(&terms, &stats, &other), HA_OK);
	for (size_t i = 0; i < HA_KERNEL_OPS_MAX; i++) {
		records[i] = udp((uint16_t)(20000 + i));
		ops[i] = (struct ha_kernel_op){ i, HA_KERNEL_INSTALL, 0, false,
			600, &records[i] };
	}
	ck_assert_int_eq(ha_ct_install_do(other, ops, HA_KERNEL_OPS_MAX),
	    HA_OK);
	await_int(&h.losses, 1, "loss");
	quiet();
	ck_assert_int_eq(h.losses, 1);
	ck_assert_uint_gt(h.n_sessions, 0);
	ck_assert_uint_lt(h.n_sessions, HA_KERNEL_OPS_MAX);
	ck_assert(h.sessions[0].foreign);
	forget();
	dump();
	ck_assert_uint_eq(count(HA_SESSION_DUMPED), HA_KERNEL_OPS_MAX);
	ha_ct_install_close(other);
}
END_TEST

START_TEST(an_expired_session_ends_without_a_timeout)
{
	const struct ha_in_session *s;

	start();
	world_run(&w, FIREWALL, "echo 1 > /proc/sys/net/netfilter/"
	    "nf_conntrack_udp_timeout");
	forward(4300);
	await_event(HA_SESSION_NEW, 4300);
	usleep(1200 * 1000);
	/* whoever walks the table collects what has expired */
	world_run(&w, FIREWALL, "conntrack -L >/dev/null 2>&1");
	s = await_event(HA_SESSION_END, 4300);
	ck_assert(!s->has_timeout && !s->foreign);
}
END_TEST

START_TEST(a_person_who_deletes_is_foreign)
{
	const struct ha_in_session *s;

	start();
	forward(4301);
	world_run(&w, FIREWALL, "conntrack -D -p udp --sport 4301 "
	    ">/dev/null 2>&1");
	s = await_event(HA_SESSION_END, 4301);
	ck_assert(s->foreign && s->has_timeout);
}
END_TEST

START_TEST(an_end_that_is_to_be_told_is_told_before_its_result)
{
	struct ha_record r = udp(4303);
	const struct ha_kernel_op op = { .ticket = 10, .verb = HA_KERNEL_END,
		.record = &r };
	const struct ha_in_session *s;

	start();
	forward(4303);
	(void)await_event(HA_SESSION_NEW, 4303);
	ck_assert_int_eq(operate(&op), HA_OK);
	s = find(HA_SESSION_END, 4303);
	ck_assert_ptr_nonnull(s);
	ck_assert(s->foreign && s->has_timeout && s->entry != 0);
	ck_assert_int_eq(operate(&op), HA_ERR_ABSENT);
	quiet();
	ck_assert_uint_eq(count(HA_SESSION_END), 1);
}
END_TEST

START_TEST(hundreds_of_ends_are_all_told)
{
	static struct ha_record records[HA_KERNEL_OPS_MAX];
	static struct ha_kernel_op ops[HA_KERNEL_OPS_MAX];

	start();
	for (size_t i = 0; i < HA_KERNEL_OPS_MAX; i++) {
		struct ha_tuple t = tuple("fd01::2", (uint16_t)(10000 + i),
		    "fd02::2", 5000, IPPROTO_UDP);

		records[i] = plain(&t);
		ops[i] = (struct ha_kernel_op){ i, HA_KERNEL_INSTALL, 0, false,
			600, &records[i] };
	}
	ck_assert_int_eq(ha_dataplane_do(dp, ops, HA_KERNEL_OPS_MAX), HA_OK);
	for (size_t i = 0; i < HA_KERNEL_OPS_MAX; i++)
		ops[i].verb = HA_KERNEL_END;
	ck_assert_int_eq(ha_dataplane_do(dp, ops, HA_KERNEL_OPS_MAX), HA_OK);
	ck_assert_uint_eq(h.n_sessions, 0); /* never from inside the call */
	await(&h.n_done, 2 * HA_KERNEL_OPS_MAX, "results");
	ck_assert_uint_eq(h.n_sessions, HA_KERNEL_OPS_MAX);
	for (size_t i = 0; i < h.n_sessions; i++) {
		ck_assert_int_eq(h.sessions[i].event, HA_SESSION_END);
		ck_assert_uint_eq(h.sessions[i].record.orig.src_port,
		    10000 + i);
	}
}
END_TEST

START_TEST(masquerade_ends_alive_when_its_link_goes_down)
{
	const struct ha_in_session *s;
	char from[64];
	uint16_t port;
	int c, srv;

	start();
	world_ruleset(&w, "table ip nat { chain post {\n"
	    "type nat hook postrouting priority 100;\n"
	    "oifname \"outside\" masquerade\n}\n}\n");
	c = world_socket(&w, CLIENT, SOCK_DGRAM, "10.1.0.2", 4302);
	srv = world_socket(&w, SERVER, SOCK_DGRAM, "10.2.0.2", 5000);
	world_send_to(c, "ask", "10.2.0.2", 5000);
	ck_assert_str_eq(world_receive(srv, 2000, from, &port), "ask");
	s = await_event(HA_SESSION_NEW, 4302);
	ck_assert_uint_eq(s->record.status & HA_STATUS_SRC_NAT,
	    HA_STATUS_SRC_NAT);
	ck_assert(s->owner_bit);
	world_run(&w, FIREWALL, "ip link set outside down");
	s = await_event(HA_SESSION_END, 4302);
	ck_assert(s->has_timeout && !s->foreign);
	close(c);
	close(srv);
}
END_TEST

/* ---- a running connection ---- */

static const char STRICT_RULES[] =
    "table inet user {\n"
    "chain f { type filter hook forward priority 0; policy drop;\n"
    "ct state established,related accept\n"
    "iifname \"inside\" ct state new accept\n"
    "}\n"
    "chain i { type filter hook input priority 0;\n"
    "ct state invalid drop\n"
    "}\n"
    "}\n";

static const char MASQUERADE[] =
    "table ip nat { chain post {\n"
    "type nat hook postrouting priority 100;\n"
    "oifname \"outside\" masquerade\n}\n}\n";

static const struct {
	const char *why;
	bool masquerade;
	bool liberal;
	bool survives;
	bool copied;
} tcp_cases[] = {
	{ "plain", false, false, true, true },
	{ "masqueraded", true, false, true, true },
	{ "plain, liberal", false, true, true, true },
	{ "not installed at all: the control", false, false, false, false },
};

START_TEST(a_running_connection_goes_on_through_a_copy_of_its_entry)
{
	struct ha_record r;
	int c, s;

	world_run(&w, FIREWALL, "echo 0 > /proc/sys/net/netfilter/"
	    "nf_conntrack_tcp_loose");
	start();
	world_ruleset(&w, STRICT_RULES);
	if (tcp_cases[_i].masquerade)
		world_ruleset(&w, MASQUERADE);
	connect_through(4400, 80, &c, &s);
	transfer(c, s, 3000000);
	transfer(s, c, 3000000);

	r = shown(4400).record;
	ck_assert_int_eq(r.tcp_state, HA_TCP_ESTABLISHED);
	ck_assert_int_eq(remove_entry(&r), HA_OK);
	if (tcp_cases[_i].copied) {
		const struct ha_kernel_op op = { 1, HA_KERNEL_INSTALL, 0,
			tcp_cases[_i].liberal, 3600, &r };

		ck_assert_int_eq(operate(&op), HA_OK);
	}
	forget();
	if (!tcp_cases[_i].survives) {
		ck_assert_int_gt(send(c, "x", 1, 0), 0);
		quiet();
		ck_assert_int_lt(recv(s, &r, 1, 0), 0);
		close(c);
		close(s);
		return;
	}
	transfer(c, s, 3000000);
	transfer(s, c, 3000000);
	ck_assert(await_event(HA_SESSION_UPDATE, 4400)->owner_bit);
	close(c);
	close(s);
}
END_TEST

START_TEST(a_closed_connection_tells_its_state)
{
	const struct ha_in_session *s = NULL;
	int c, srv;

	start();
	connect_through(4400, 80, &c, &srv);
	transfer(c, srv, 1000);
	close(c);
	close(srv);
	quiet();
	for (size_t i = 0; i < h.n_sessions; i++)
		if (h.sessions[i].record.tcp_state != HA_TCP_NONE)
			s = &h.sessions[i];
	ck_assert_ptr_nonnull(s);
	ck_assert_int_ge(s->record.tcp_state, HA_TCP_FIN_WAIT);
	world_run(&w, FIREWALL, "conntrack -F >/dev/null 2>&1");
	s = await_event(HA_SESSION_END, 4400);
	ck_assert(s->foreign);
	ck_assert_int_ge(s->record.tcp_state, HA_TCP_LAST_ACK);
}
END_TEST

/* ---- the table ---- */

static void
flush_ruleset(void)
{
	world_run(&w, FIREWALL, "nft flush ruleset");
}

static bool
table_stands(void)
{
	return system("nft list table inet clusterd >/dev/null 2>&1") == 0;
}

START_TEST(a_table_of_our_own_survives_a_flush)
{
	start();
	if (!ha_dataplane_start(dp)->table_owned)
		return; /* an older kernel: the next test is about it */
	flush_ruleset();
	ck_assert(table_stands());
	ck_assert_int_eq(system("nft delete table inet clusterd 2>/dev/null")
	    == 0, 0);
	forward(4500);
	ck_assert(await_event(HA_SESSION_NEW, 4500)->owner_bit);
	stop();
	ck_assert(table_stands());
	start();
	ck_assert(ha_dataplane_start(dp)->table_found);
	ck_assert(ha_dataplane_start(dp)->table_owned);
	flush_ruleset();
	ck_assert(table_stands());
}
END_TEST

START_TEST(a_shared_table_is_loaded_again_after_a_flush)
{
	bool open = true;

	config.table_shared = true;
	config.gate_closed_at_boot = true;
	start();
	ck_assert(!ha_dataplane_start(dp)->table_owned);
	flush_ruleset();
	ck_assert(!table_stands());
	await_int(&h.reloads, 1, "reload");
	ck_assert(table_stands());
	ck_assert_int_eq(h.losses, 1);
	ck_assert_int_eq(ha_dataplane_gate_read(dp, &open), HA_OK);
	ck_assert(!open);

	ck_assert_int_eq(ha_dataplane_gate(dp, true), HA_OK);
	world_run(&w, FIREWALL, "nft flush chain inet clusterd owner");
	await_int(&h.reloads, 2, "second reload");
	forward(4501);
	ck_assert(await_event(HA_SESSION_NEW, 4501)->owner_bit);

	world_run(&w, FIREWALL, "nft add table inet other");
	quiet();
	ck_assert_int_eq(h.reloads, 2);
}
END_TEST

START_TEST(moving_the_gate_of_a_flushed_table_loads_it)
{
	bool open = true;

	config.table_shared = true;
	start();
	flush_ruleset();
	ck_assert_int_eq(ha_dataplane_gate(dp, false), HA_OK);
	ck_assert_int_eq(ha_dataplane_gate_read(dp, &open), HA_OK);
	ck_assert(!open);
}
END_TEST

START_TEST(a_closed_gate_drops_and_an_open_one_passes)
{
	struct ha_dataplane_traffic t;
	char from[64];
	uint16_t port;
	bool open = false;
	int c, s;

	start();
	ck_assert_int_eq(ha_dataplane_gate_read(dp, &open), HA_OK);
	ck_assert(open);
	ck_assert_int_eq(ha_dataplane_gate(dp, false), HA_OK);
	ck_assert_int_eq(ha_dataplane_gate(dp, false), HA_OK);
	ck_assert_int_eq(ha_dataplane_gate_read(dp, &open), HA_OK);
	ck_assert(!open);

	c = world_socket(&w, CLIENT, SOCK_DGRAM, "10.1.0.2", 4502);
	s = world_socket(&w, SERVER, SOCK_DGRAM, "10.2.0.2", 5000);
	world_send_to(c, "no", "10.2.0.2", 5000);
	ck_assert_str_eq(world_receive(s, 200, from, &port), "");
	ck_assert_int_eq(ha_dataplane_traffic(dp, &t), HA_OK);
	ck_assert_uint_eq(t.gate_dropped, 1);
	ck_assert_uint_eq(t.owner_signed, 0);
	quiet();
	ck_assert_uint_eq(h.n_sessions, 0);

	ck_assert_int_eq(ha_dataplane_gate(dp, true), HA_OK);
	world_send_to(c, "yes", "10.2.0.2", 5000);
	ck_assert_str_eq(world_receive(s, 2000, from, &port), "yes");
	ck_assert_int_eq(ha_dataplane_traffic(dp, &t), HA_OK);
	ck_assert_uint_eq(t.owner_signed, 1);
	close(c);
	close(s);
}
END_TEST

START_TEST(the_gate_stays_where_it_was_over_a_restart)
{
	config.gate_closed_at_boot = true;
	start();
	ck_assert(ha_dataplane_start(dp)->gate_closed);
	stop();
	config.gate_closed_at_boot = false;
	start();
	ck_assert(ha_dataplane_start(dp)->table_found);
	ck_assert(ha_dataplane_start(dp)->gate_closed);
	ck_assert_int_eq(ha_dataplane_gate(dp, true), HA_OK);
	stop();
	config.gate_closed_at_boot = true;
	start();
	ck_assert(!ha_dataplane_start(dp)->gate_closed);
}
END_TEST

START_TEST(entries_with_our_bits_tell_a_restart_when_the_table_is_gone)
{
	config.table_shared = true;
	config.gate_closed_at_boot = true;
	start();
	ck_assert(!ha_dataplane_start(dp)->table_found);
	ck_assert(!ha_dataplane_start(dp)->entries_found);
	ck_assert_int_eq(ha_dataplane_gate(dp, true), HA_OK);
	forward(4503);
	stop();
	flush_ruleset();
	start();
	ck_assert(!ha_dataplane_start(dp)->table_found);
	ck_assert(ha_dataplane_start(dp)->entries_found);
	ck_assert(!ha_dataplane_start(dp)->gate_closed);
}
END_TEST

START_TEST(a_gate_is_opened_without_a_daemon_but_not_under_one)
{
	struct ha_why why;
	bool open = false;

	ck_assert_int_eq(ha_dataplane_gate_open_alone(&why), HA_ERR_ABSENT);
	config.gate_closed_at_boot = true;
	start();
	if (ha_dataplane_start(dp)->table_owned) {
		ck_assert_int_eq(ha_dataplane_gate_open_alone(&why),
		    HA_ERR_EXISTS);
		ck_assert_ptr_nonnull(strstr(why.text, "clusterd"));
	}
	stop();
	ck_assert_int_eq(ha_dataplane_gate_open_alone(&why), HA_OK);
	start();
	ck_assert_int_eq(ha_dataplane_gate_read(dp, &open), HA_OK);
	ck_assert(open);
	stop();
	ck_assert_int_eq(ha_dataplane_table_remove_alone(&why), HA_OK);
	ck_assert(!table_stands());
}
END_TEST

START_TEST(two_daemons_cant_hold_one_table)
{
	struct ha_dataplane *second;
	struct ha_why why;

	start();
	if (!ha_dataplane_start(dp)->table_owned)
		return;
	ck_assert_int_eq(ha_dataplane_open(&config, &why, &second),
	    HA_ERR_EXISTS);
	ck_assert_ptr_nonnull(strstr(why.text, "running"));
}
END_TEST

START_TEST(the_table_of_the_boot_goes_when_ours_stands)
{
	world_ruleset(&w, "table inet clusterd_boot { chain gate {\n"
	    "type filter hook forward priority -400; policy drop;\n}\n}\n");
	start();
	ck_assert(!ha_dataplane_start(dp)->table_found);
	ck_assert_int_ne(system("nft list table inet clusterd_boot "
	    ">/dev/null 2>&1"), 0);
	forward(4504);
}
END_TEST

START_TEST(our_own_links_are_not_tracked)
{
	int l, c, fwd;
	struct pollfd p;

	config.n_untracked = 2;
	config.untracked[0] = (struct ha_untracked){ HA_IPV4,
		{ 10, 2, 0, 1 }, 7404 };
	config.untracked[1] = (struct ha_untracked){ HA_IPV6,
		{ 0xfd, 2, [15] = 1 }, 7405 };
	start();
	l = world_socket(&w, FIREWALL, SOCK_STREAM, "10.2.0.1", 7404);
	ck_assert_int_eq(listen(l, 1), 0);
	c = world_socket(&w, SERVER, SOCK_STREAM, "10.2.0.2", 4505);
	world_connect(c, "10.2.0.1", 7404);
	p = (struct pollfd){ l, POLLIN, 0 };
	ck_assert_int_eq(poll(&p, 1, 2000), 1);
	close(l);
	close(c);
	l = world_socket(&w, FIREWALL, SOCK_STREAM, "fd02::1", 7405);
	ck_assert_int_eq(listen(l, 1), 0);
	c = world_socket(&w, SERVER, SOCK_STREAM, "fd02::2", 4505);
	world_connect(c, "fd02::1", 7405);
	p = (struct pollfd){ l, POLLIN, 0 };
	ck_assert_int_eq(poll(&p, 1, 2000), 1);
	close(l);
	close(c);
	quiet();
	ck_assert_uint_eq(h.n_sessions, 0);

	/* the same port between others is tracked as ever */
	c = world_socket(&w, CLIENT, SOCK_STREAM, "10.1.0.2", 4506);
	fwd = world_socket(&w, SERVER, SOCK_STREAM, "10.2.0.2", 7404);
	ck_assert_int_eq(listen(fwd, 1), 0);
	world_connect(c, "10.2.0.2", 7404);
	await_event(HA_SESSION_NEW, 4506);
	close(c);
	close(fwd);
}
END_TEST

START_TEST(a_changed_table_keeps_the_gate_where_it_is)
{
	struct ha_dataplane_config other = config;
	struct ha_dataplane_traffic t;
	struct ha_why why;
	bool open = true;

	start();
	ck_assert_int_eq(ha_dataplane_gate(dp, false), HA_OK);
	other.rule = false;
	ck_assert_int_eq(ha_dataplane_change(dp, &other, &why), HA_OK);
	ck_assert_int_eq(ha_dataplane_gate_read(dp, &open), HA_OK);
	ck_assert(!open);
	ck_assert_int_eq(ha_dataplane_gate(dp, true), HA_OK);
	forward(4507);
	ck_assert_int_eq(ha_dataplane_traffic(dp, &t), HA_OK);
	ck_assert_uint_eq(t.owner_signed, 0);

	other.rule = true;
	ck_assert_int_eq(ha_dataplane_change(dp, &other, &why), HA_OK);
	forward(4508);
	ck_assert_int_eq(ha_dataplane_traffic(dp, &t), HA_OK);
	ck_assert_uint_eq(t.owner_signed, 1);
}
END_TEST

START_TEST(a_gate_that_comes_is_open_and_one_that_goes_closes_nothing)
{
	struct ha_dataplane_config other = config;
	struct ha_why why;
	bool open = false;

	start();
	ck_assert_int_eq(ha_dataplane_gate(dp, false), HA_OK);
	other.gate = false;
	ck_assert_int_eq(ha_dataplane_change(dp, &other, &why), HA_OK);
	forward(4509);
	ck_assert_int_eq(ha_dataplane_gate(dp, false), HA_ERR_UNSUPPORTED);
	other.gate = true;
	ck_assert_int_eq(ha_dataplane_change(dp, &other, &why), HA_OK);
	ck_assert_int_eq(ha_dataplane_gate_read(dp, &open), HA_OK);
	ck_assert(open);
	forward(4510);
	ck_assert_int_eq(ha_dataplane_gate(dp, false), HA_OK);
}
END_TEST

/* ---- older than the rule ---- */

static void
track_without_us(void)
{
	/* by default nothing from before the first listener raises events */
	world_run(&w, FIREWALL, "echo 1 > /proc/sys/net/netfilter/"
	    "nf_conntrack_events");
	world_ruleset(&w, "table inet user { chain f {\n"
	    "type filter hook forward priority 0;\n"
	    "ct state established accept\n}\n}\n");
}

START_TEST(what_was_forwarded_before_the_first_load_is_taken_as_ours)
{
	const struct ha_in_session *s;
	struct ha_record r = udp(4600);
	int own;

	track_without_us();
	forward(4600);
	own = world_socket(&w, FIREWALL, SOCK_DGRAM, "10.2.0.1", 4601);
	world_send_to(own, "mine", "10.2.0.2", 5000);
	start();
	dump();
	s = find(HA_SESSION_DUMPED, 4600);
	ck_assert_ptr_nonnull(s);
	ck_assert(s->bits_known && s->owner_bit && !s->replica_bit);
	s = find(HA_SESSION_DUMPED, 4601);
	ck_assert_ptr_nonnull(s);
	ck_assert(!s->owner_bit);
	ck_assert_uint_eq(ha_dataplane_stats(dp)->adopted, 1);

	/* it has no room for a bit: nobody can tell any more, nor probe */
	forget();
	dump();
	s = find(HA_SESSION_DUMPED, 4600);
	ck_assert_ptr_nonnull(s);
	ck_assert(!s->bits_known);
	ck_assert_int_eq(change(&r, HA_CHANGE_PROBE), HA_ERR_UNSUPPORTED);

	/* and its end is an event all the same */
	world_run(&w, FIREWALL, "conntrack -D -p udp --sport 4600 "
	    ">/dev/null 2>&1");
	await_event(HA_SESSION_END, 4600);
	close(own);
}
END_TEST

START_TEST(in_the_mark_what_is_taken_as_ours_is_signed)
{
	const struct ha_in_session *s;

	config.signal = HA_SIGNAL_MARK;
	config.owner_bit = 30;
	config.replica_bit = 31;
	track_without_us();
	forward(4602);
	start();
	dump();
	ck_assert(find(HA_SESSION_DUMPED, 4602)->owner_bit);
	forget();
	dump();
	s = find(HA_SESSION_DUMPED, 4602);
	ck_assert(s->bits_known && s->owner_bit);
	ck_assert_uint_eq(ha_dataplane_stats(dp)->adopted, 1);
}
END_TEST

START_TEST(a_restart_takes_nothing_that_is_not_signed)
{
	start();
	forward(4603);
	stop();
	forward(4604);
	start();
	forget();
	dump();
	ck_assert(find(HA_SESSION_DUMPED, 4603)->owner_bit);
	ck_assert(find(HA_SESSION_DUMPED, 4604)->owner_bit);
	ck_assert_uint_eq(ha_dataplane_stats(dp)->adopted, 0);
}
END_TEST

/* ---- the host ---- */

START_TEST(the_hosts_settings_are_read)
{
	struct ha_host host;
	struct ha_why why;

	world_run(&w, FIREWALL, "echo 17 > /proc/sys/net/netfilter/"
	    "nf_conntrack_udp_timeout");
	world_run(&w, FIREWALL, "echo 0 > /proc/sys/net/netfilter/"
	    "nf_conntrack_tcp_loose");
	ck_assert_int_eq(ha_host_keep_accounts(&why), HA_OK);
	ck_assert_int_eq(ha_host_read(&host, &why), HA_OK);
	ck_assert_uint_eq(host.timeouts.udp_s, 17);
	ck_assert_uint_gt(host.timeouts.tcp_s[HA_TCP_ESTABLISHED], 3600);
	ck_assert_uint_gt(host.conntrack_max, 0);
	ck_assert_uint_gt(host.buckets, 0);
	ck_assert(host.acct && host.timestamp);
	ck_assert(!host.tcp_loose && !host.tcp_liberal);
}
END_TEST

START_TEST(events_are_switched_on)
{
	start();
	ck_assert(ha_dataplane_start(dp)->events_forced);
	world_run(&w, FIREWALL, "grep -q '^1$' /proc/sys/net/netfilter/"
	    "nf_conntrack_events");
}
END_TEST

START_TEST(bits_out_of_range_are_refused)
{
	struct ha_why why = { "" };

	config.signal = HA_SIGNAL_MARK;
	ck_assert_int_eq(ha_dataplane_open(&config, &why, &dp), HA_ERR_INVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "0 to 31"));
}
END_TEST

static void
add_loop(TCase *tc, const TTest *t, size_t n)
{
	tcase_add_loop_test(tc, t, 0, (int)n);
}

static Suite *
make_suite(void)
{
	Suite *s = suite_create("dataplane");
	TCase *tc = tcase_create("kernel");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_test(tc, the_first_packet_of_a_replica_signs_it_once);
	tcase_add_test(tc, a_session_of_our_own_is_signed_from_the_start);
	tcase_add_test(tc, a_probe_is_answered_by_the_next_packet_only);
	tcase_add_test(tc, the_hosts_own_traffic_is_not_signed);
	tcase_add_test(tc, bits_in_the_mark_leave_the_rest_of_it_alone);
	tcase_add_test(tc,
	    a_ruleset_that_writes_the_whole_mark_does_not_touch_labels);
	tcase_add_test(tc, what_is_installed_is_what_a_dump_shows);
	tcase_add_test(tc, a_clash_is_refused_in_both_directions);
	tcase_add_test(tc, what_is_not_there_is_absent);
	tcase_add_test(tc, status_is_added_and_never_taken);
	tcase_add_test(tc, lifetimes_and_windows_are_changed);
	tcase_add_test(tc,
	    hundreds_of_operations_answer_each_and_raise_no_event);
	add_loop(tc, a_translated_replica_translates,
	    sizeof(nat_cases) / sizeof(nat_cases[0]));
	tcase_add_test(tc, an_echo_session_is_installed_as_it_was);
	tcase_add_test(tc, an_overrun_is_told);
	tcase_add_test(tc, an_expired_session_ends_without_a_timeout);
	tcase_add_test(tc, a_person_who_deletes_is_foreign);
	tcase_add_test(tc, an_end_that_is_to_be_told_is_told_before_its_result);
	tcase_add_test(tc, hundreds_of_ends_are_all_told);
	tcase_add_test(tc, masquerade_ends_alive_when_its_link_goes_down);
	add_loop(tc, a_running_connection_goes_on_through_a_copy_of_its_entry,
	    sizeof(tcp_cases) / sizeof(tcp_cases[0]));
	tcase_add_test(tc, a_closed_connection_tells_its_state);
	tcase_add_test(tc, a_table_of_our_own_survives_a_flush);
	tcase_add_test(tc, a_shared_table_is_loaded_again_after_a_flush);
	tcase_add_test(tc, moving_the_gate_of_a_flushed_table_loads_it);
	tcase_add_test(tc, a_closed_gate_drops_and_an_open_one_passes);
	tcase_add_test(tc, the_gate_stays_where_it_was_over_a_restart);
	tcase_add_test(tc,
	    entries_with_our_bits_tell_a_restart_when_the_table_is_gone);
	tcase_add_test(tc,
	    a_gate_is_opened_without_a_daemon_but_not_under_one);
	tcase_add_test(tc, two_daemons_cant_hold_one_table);
	tcase_add_test(tc, the_table_of_the_boot_goes_when_ours_stands);
	tcase_add_test(tc, our_own_links_are_not_tracked);
	tcase_add_test(tc, a_changed_table_keeps_the_gate_where_it_is);
	tcase_add_test(tc,
	    a_gate_that_comes_is_open_and_one_that_goes_closes_nothing);
	tcase_add_test(tc,
	    what_was_forwarded_before_the_first_load_is_taken_as_ours);
	tcase_add_test(tc, in_the_mark_what_is_taken_as_ours_is_signed);
	tcase_add_test(tc, a_restart_takes_nothing_that_is_not_signed);
	tcase_add_test(tc, the_hosts_settings_are_read);
	tcase_add_test(tc, events_are_switched_on);
	tcase_add_test(tc, bits_out_of_range_are_refused);
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
