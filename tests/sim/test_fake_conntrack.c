#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/fake_conntrack.h"

static struct fake_conntrack *ct;
static struct ha_in_session last;
static uint64_t last_serial;
static int n_events;
static struct ha_time now;

static void
note_event(void *ctx, uint64_t serial, const struct ha_in_session *e)
{
	(void)ctx;
	last = *e;
	last_serial = serial;
	n_events++;
}

static void
setup(void)
{
	static const struct fake_listener LISTENER = { .event = note_event };
	struct ha_timeouts t = ha_timeouts_default();

	ct = fake_conntrack_new(&t, 4);
	fake_conntrack_listen(ct, &LISTENER);
	n_events = 0;
	now = (struct ha_time){ 1000000000 };
}

static void
teardown(void)
{
	fake_conntrack_free(ct);
}

static struct ha_tuple
tuple(uint8_t protocol, uint16_t port)
{
	return (struct ha_tuple){
		.src = { 10, 0, 0, 1 },
		.dst = { 192, 0, 2, 1 },
		.src_port = port,
		.dst_port = 80,
		.family = HA_IPV4,
		.protocol = protocol,
	};
}

/* A packet of the flow with this port, from the client or to it. */
static enum fake_verdict
packet(enum fake_packet_kind kind, int dir, uint8_t protocol, uint16_t port,
    uint32_t seq, uint32_t ack)
{
	struct ha_tuple orig = tuple(protocol, port);
	struct ha_tuple reply = ha_tuple_invert(&orig);
	struct fake_packet p = {
		.kind = kind,
		.tuple = dir == HA_DIR_ORIGINAL ? orig : reply,
		.seq = seq,
		.ack = ack,
		.may_open = dir == HA_DIR_ORIGINAL,
		.reply = reply,
	};

	return fake_conntrack_packet(ct, now, &p);
}

static void
establish(uint16_t port)
{
	ck_assert_int_eq(packet(FAKE_SYN, HA_DIR_ORIGINAL, 6, port, 0, 0),
	    FAKE_FORWARDED);
	ck_assert_int_eq(packet(FAKE_SYN_ACK, HA_DIR_REPLY, 6, port, 0, 0),
	    FAKE_FORWARDED);
	ck_assert_int_eq(packet(FAKE_DATA, HA_DIR_ORIGINAL, 6, port, 0, 0),
	    FAKE_FORWARDED);
}

static struct ha_record
replica(uint8_t protocol, uint16_t port)
{
	struct ha_record r = {
		.orig = tuple(protocol, port),
		.status = HA_STATUS_SEEN_REPLY | HA_STATUS_ASSURED,
		.tcp_state = protocol == 6 ? HA_TCP_ESTABLISHED : HA_TCP_NONE,
		.tcp_wscale = { FAKE_WSCALE, FAKE_WSCALE },
	};

	r.reply = ha_tuple_invert(&r.orig);
	return r;
}

static int
apply(enum ha_kernel_verb verb, uint8_t change, const struct ha_record *r)
{
	struct ha_kernel_op op = {
		.verb = verb,
		.change = change,
		.lifetime_s = 3600,
		.record = r,
	};

	return fake_conntrack_apply(ct, now, &op);
}

static void
install(uint8_t protocol, uint16_t port)
{
	struct ha_record r = replica(protocol, port);

	ck_assert_int_eq(apply(HA_KERNEL_INSTALL, 0, &r), HA_OK);
}

static struct fake_entry *
entry(uint8_t protocol, uint16_t port)
{
	struct ha_tuple t = tuple(protocol, port);

	return fake_conntrack_find(ct, &t);
}

START_TEST(a_session_that_begins_here_is_signed_in_its_first_event)
{
	packet(FAKE_DATA, HA_DIR_ORIGINAL, 17, 1, 0, 0);

	ck_assert_int_eq(n_events, 1);
	ck_assert_int_eq(last.event, HA_SESSION_NEW);
	ck_assert(last.bits_known && last.owner_bit && !last.replica_bit);
}
END_TEST

START_TEST(a_refresh_tells_nothing)
{
	struct ha_time before;

	establish(1);
	n_events = 0;
	before = entry(6, 1)->expires;
	now = ha_time_add(now, ha_dur_s(10));
	packet(FAKE_DATA, HA_DIR_ORIGINAL, 6, 1, 1, 0);

	ck_assert_int_eq(n_events, 0);
	ck_assert(ha_time_before(before, entry(6, 1)->expires));
}
END_TEST

START_TEST(a_replica_tells_its_first_packet_once)
{
	install(6, 1);
	ck_assert_int_eq(n_events, 0);

	packet(FAKE_DATA, HA_DIR_REPLY, 6, 1, 500, 900);
	ck_assert_int_eq(n_events, 1);
	ck_assert_int_eq(last.event, HA_SESSION_UPDATE);
	ck_assert(last.bits_known && last.owner_bit && last.replica_bit);
	ck_assert_int_eq(last.record.tcp_state, HA_TCP_NONE);

	packet(FAKE_DATA, HA_DIR_ORIGINAL, 6, 1, 900, 500);
	ck_assert_int_eq(n_events, 1);
}
END_TEST

START_TEST(a_probe_is_answered_by_the_next_packet_only)
{
	struct ha_record r = replica(6, 1);

	establish(1);
	n_events = 0;
	ck_assert_int_eq(apply(HA_KERNEL_CHANGE, HA_CHANGE_PROBE, &r), HA_OK);
	ck_assert_int_eq(n_events, 0);

	packet(FAKE_DATA, HA_DIR_ORIGINAL, 6, 1, 1, 0);
	packet(FAKE_DATA, HA_DIR_ORIGINAL, 6, 1, 2, 0);
	ck_assert_int_eq(n_events, 1);
	ck_assert(last.owner_bit);
}
END_TEST

START_TEST(the_first_packet_takes_the_lifetime_of_a_replica_away)
{
	install(17, 1);
	packet(FAKE_DATA, HA_DIR_ORIGINAL, 17, 1, 0, 0);

	ck_assert_int_eq(entry(17, 1)->expires.ns,
	    ha_time_add(now, ha_dur_s(120)).ns);
}
END_TEST

START_TEST(a_handshake_tells_each_of_its_states)
{
	packet(FAKE_SYN, HA_DIR_ORIGINAL, 6, 1, 0, 0);
	ck_assert_int_eq(last.record.tcp_state, HA_TCP_SYN_SENT);
	packet(FAKE_SYN_ACK, HA_DIR_REPLY, 6, 1, 0, 0);
	ck_assert_int_eq(last.record.tcp_state, HA_TCP_SYN_RECV);
	ck_assert(!last.bits_known);
	packet(FAKE_DATA, HA_DIR_ORIGINAL, 6, 1, 0, 0);
	ck_assert_int_eq(last.record.tcp_state, HA_TCP_ESTABLISHED);
	ck_assert((last.record.status & HA_STATUS_ASSURED) != 0);
	packet(FAKE_FIN, HA_DIR_ORIGINAL, 6, 1, 0, 0);
	ck_assert_int_eq(last.record.tcp_state, HA_TCP_FIN_WAIT);
	packet(FAKE_FIN, HA_DIR_REPLY, 6, 1, 0, 0);
	ck_assert_int_eq(last.record.tcp_state, HA_TCP_LAST_ACK);
	packet(FAKE_DATA, HA_DIR_ORIGINAL, 6, 1, 0, 0);
	ck_assert_int_eq(last.record.tcp_state, HA_TCP_TIME_WAIT);
	ck_assert_int_eq(n_events, 6);
}
END_TEST

START_TEST(there_and_back_leaves_a_flow_stuck_in_its_old_entry)
{
	struct ha_record r = replica(6, 1);

	establish(1);
	ck_assert_int_eq(apply(HA_KERNEL_CHANGE, HA_CHANGE_PROBE, &r), HA_OK);
	n_events = 0;

	ck_assert_int_eq(packet(FAKE_DATA, HA_DIR_ORIGINAL, 6, 1, 100, 90),
	    FAKE_INVALID);
	ck_assert_int_eq(n_events, 0);
	ck_assert(!entry(6, 1)->owner_bit);
}
END_TEST

START_TEST(an_entry_that_was_made_anew_takes_the_flow_back)
{
	struct ha_record r = replica(6, 1);

	establish(1);
	ck_assert_int_eq(apply(HA_KERNEL_REMOVE, 0, &r), HA_OK);
	ck_assert_int_eq(apply(HA_KERNEL_INSTALL, 0, &r), HA_OK);

	ck_assert_int_eq(packet(FAKE_DATA, HA_DIR_ORIGINAL, 6, 1, 100, 90),
	    FAKE_FORWARDED);
	ck_assert_int_eq(packet(FAKE_DATA, HA_DIR_REPLY, 6, 1, 90, 100),
	    FAKE_FORWARDED);
}
END_TEST

static void
forget_scale(struct ha_record *r)
{
	r->tcp_wscale[HA_DIR_REPLY] = 0;
}

static void
forget_state(struct ha_record *r)
{
	r->tcp_state = HA_TCP_NONE;
}

static void
forget_reply(struct ha_record *r)
{
	r->status = 0;
}

static const struct {
	const char *why;
	void (*forget)(struct ha_record *r);
} cripples[] = {
	{ "window scale", forget_scale },
	{ "TCP state", forget_state },
	{ "SEEN_REPLY", forget_reply },
};

START_TEST(a_replica_that_lacks_something_gets_stuck)
{
	struct ha_record r = replica(6, 1);

	cripples[_i].forget(&r);
	ck_assert_int_eq(apply(HA_KERNEL_INSTALL, 0, &r), HA_OK);
	ck_assert_msg(packet(FAKE_DATA, HA_DIR_ORIGINAL, 6, 1, 100, 90) ==
	    FAKE_INVALID, "without %s", cripples[_i].why);
}
END_TEST

/* Only the client's packets come by, and they acknowledge more and more
 * that this member never saw. */
static enum fake_verdict
half_a_flow(void)
{
	enum fake_verdict v = FAKE_FORWARDED;

	for (uint32_t i = 0; i < 3 * FAKE_WINDOW && v == FAKE_FORWARDED; i++)
		v = packet(FAKE_DATA, HA_DIR_ORIGINAL, 6, 1, i, i);
	return v;
}

START_TEST(half_a_flow_gets_stuck_where_windows_are_strict)
{
	establish(1);
	ck_assert_int_eq(half_a_flow(), FAKE_INVALID);
}
END_TEST

START_TEST(half_a_flow_goes_on_where_windows_are_liberal)
{
	struct ha_record r = replica(6, 1);

	establish(1);
	ck_assert_int_eq(apply(HA_KERNEL_CHANGE, HA_CHANGE_LIBERAL, &r),
	    HA_OK);
	ck_assert_int_eq(half_a_flow(), FAKE_FORWARDED);
}
END_TEST

START_TEST(strict_windows_come_back_with_what_was_seen_before)
{
	struct ha_record r = replica(6, 1);

	establish(1);
	ck_assert_int_eq(apply(HA_KERNEL_CHANGE, HA_CHANGE_LIBERAL, &r),
	    HA_OK);
	half_a_flow();
	ck_assert_int_eq(apply(HA_KERNEL_CHANGE, HA_CHANGE_STRICT, &r), HA_OK);
	ck_assert_int_eq(packet(FAKE_DATA, HA_DIR_ORIGINAL, 6, 1, 60, 60),
	    FAKE_INVALID);
}
END_TEST

static const struct {
	const char *why;
	bool reversed;
	uint16_t port;
	int want;
} clashes[] = {
	{ "the same session", false, 1, HA_ERR_EXISTS },
	{ "its mirror image", true, 1, HA_ERR_EXISTS },
	{ "another one", false, 2, HA_OK },
};

START_TEST(an_install_never_touches_what_is_there)
{
	struct ha_record r = replica(17, clashes[_i].port);

	if (clashes[_i].reversed) {
		r.reply = r.orig;
		r.orig = ha_tuple_invert(&r.reply);
	}
	packet(FAKE_DATA, HA_DIR_ORIGINAL, 17, 1, 0, 0);
	ck_assert_msg(apply(HA_KERNEL_INSTALL, 0, &r) == clashes[_i].want,
	    "case: %s", clashes[_i].why);
	ck_assert(!entry(17, 1)->replica_bit);
}
END_TEST

START_TEST(an_install_into_a_full_table_is_refused)
{
	struct ha_record r = replica(17, 9);

	for (uint16_t port = 1; port <= 4; port++)
		install(17, port);
	ck_assert_int_eq(apply(HA_KERNEL_INSTALL, 0, &r), HA_ERR_FULL);
}
END_TEST

START_TEST(a_new_session_pushes_out_what_is_not_assured)
{
	for (uint16_t port = 1; port <= 3; port++)
		install(17, port);
	packet(FAKE_DATA, HA_DIR_ORIGINAL, 17, 4, 0, 0);
	ck_assert_int_eq(packet(FAKE_DATA, HA_DIR_ORIGINAL, 17, 5, 0, 0),
	    FAKE_FORWARDED);
	ck_assert_ptr_null(entry(17, 4));
	ck_assert_ptr_nonnull(entry(17, 5));
}
END_TEST

START_TEST(removing_what_is_absent_says_so)
{
	struct ha_record r = replica(17, 1);

	ck_assert_int_eq(apply(HA_KERNEL_REMOVE, 0, &r), HA_ERR_ABSENT);
	ck_assert_int_eq(apply(HA_KERNEL_CHANGE, HA_CHANGE_PROBE, &r),
	    HA_ERR_ABSENT);
}
END_TEST

START_TEST(own_operations_raise_no_event)
{
	struct ha_record r = replica(17, 1);

	ck_assert_int_eq(apply(HA_KERNEL_INSTALL, 0, &r), HA_OK);
	ck_assert_int_eq(apply(HA_KERNEL_CHANGE, HA_CHANGE_LIFETIME, &r),
	    HA_OK);
	ck_assert_int_eq(apply(HA_KERNEL_REMOVE, 0, &r), HA_OK);
	ck_assert_int_eq(n_events, 0);
}
END_TEST

static void
end_by_expiry(void)
{
	now = ha_time_add(entry(6, 1)->expires, ha_dur_s(7));
	fake_conntrack_collect(ct, now);
}

static void
end_by_uplink(void)
{
	entry(6, 1)->masqueraded = true;
	ck_assert_uint_eq(fake_conntrack_uplink_down(ct, now), 1);
}

static void
end_by_person(void)
{
	struct ha_tuple t = tuple(6, 1);

	ck_assert_int_eq(fake_conntrack_delete(ct, now, &t), HA_OK);
}

static const struct {
	const char *why;
	void (*end)(void);
	bool has_timeout;
	bool foreign;
} ends[] = {
	{ "its time is up", end_by_expiry, false, false },
	{ "the uplink is gone", end_by_uplink, true, false },
	{ "a person deletes it", end_by_person, true, true },
};

START_TEST(an_end_tells_its_kind)
{
	establish(1);
	n_events = 0;
	ends[_i].end();

	ck_assert_msg(n_events == 1, "case: %s", ends[_i].why);
	ck_assert_int_eq(last.event, HA_SESSION_END);
	ck_assert_int_eq(last.record.tcp_state, HA_TCP_ESTABLISHED);
	ck_assert(last.has_timeout == ends[_i].has_timeout);
	ck_assert(last.foreign == ends[_i].foreign);
	ck_assert_ptr_null(entry(6, 1));
}
END_TEST

START_TEST(an_uplink_takes_only_what_it_masqueraded_itself)
{
	establish(1);
	install(6, 2);
	ck_assert_uint_eq(fake_conntrack_uplink_down(ct, now), 0);
	ck_assert_uint_eq(fake_conntrack_count(ct), 2);
}
END_TEST

START_TEST(what_has_expired_meets_no_packet)
{
	packet(FAKE_DATA, HA_DIR_ORIGINAL, 17, 1, 0, 0);
	n_events = 0;
	now = ha_time_add(now, ha_dur_s(31));

	ck_assert_int_eq(packet(FAKE_DATA, HA_DIR_REPLY, 17, 1, 0, 0),
	    FAKE_NO_ENTRY);
	ck_assert_int_eq(n_events, 1);
	ck_assert_int_eq(last.event, HA_SESSION_END);
}
END_TEST

START_TEST(a_connection_is_picked_up_by_its_syn_only)
{
	ck_assert_int_eq(packet(FAKE_DATA, HA_DIR_ORIGINAL, 6, 1, 7, 7),
	    FAKE_NO_ENTRY);
	ck_assert_int_eq(packet(FAKE_SYN_ACK, HA_DIR_REPLY, 6, 1, 0, 0),
	    FAKE_NO_ENTRY);
	ck_assert_uint_eq(fake_conntrack_count(ct), 0);
}
END_TEST

START_TEST(a_syn_ends_what_was_closed_and_begins_anew)
{
	establish(1);
	packet(FAKE_RST, HA_DIR_REPLY, 6, 1, 0, 0);
	n_events = 0;

	ck_assert_int_eq(packet(FAKE_SYN, HA_DIR_ORIGINAL, 6, 1, 0, 0),
	    FAKE_FORWARDED);
	ck_assert_int_eq(n_events, 2);
	ck_assert_int_eq(entry(6, 1)->record.tcp_state, HA_TCP_SYN_SENT);
}
END_TEST

START_TEST(udp_is_assured_once_it_has_lasted)
{
	packet(FAKE_DATA, HA_DIR_ORIGINAL, 17, 1, 0, 0);
	packet(FAKE_DATA, HA_DIR_REPLY, 17, 1, 0, 0);
	ck_assert_uint_eq(entry(17, 1)->record.status, HA_STATUS_SEEN_REPLY);
	now = ha_time_add(now, ha_dur_s(3));
	packet(FAKE_DATA, HA_DIR_ORIGINAL, 17, 1, 0, 0);
	ck_assert_uint_eq(entry(17, 1)->record.status,
	    HA_STATUS_SEEN_REPLY | HA_STATUS_ASSURED);
	ck_assert_int_eq(n_events, 3);
}
END_TEST

START_TEST(nobody_is_told_when_nobody_listens)
{
	fake_conntrack_listen(ct, NULL);
	establish(1);
	ck_assert_int_eq(n_events, 0);
	ck_assert_ptr_nonnull(entry(6, 1));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("fake_conntrack");
	TCase *tc = tcase_create("table");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc,
	    a_session_that_begins_here_is_signed_in_its_first_event);
	tcase_add_test(tc, a_refresh_tells_nothing);
	tcase_add_test(tc, a_replica_tells_its_first_packet_once);
	tcase_add_test(tc, a_probe_is_answered_by_the_next_packet_only);
	tcase_add_test(tc,
	    the_first_packet_takes_the_lifetime_of_a_replica_away);
	tcase_add_test(tc, a_handshake_tells_each_of_its_states);
	tcase_add_test(tc, there_and_back_leaves_a_flow_stuck_in_its_old_entry);
	tcase_add_test(tc, an_entry_that_was_made_anew_takes_the_flow_back);
	tcase_add_loop_test(tc, a_replica_that_lacks_something_gets_stuck, 0,
	    (int)(sizeof(cripples) / sizeof(cripples[0])));
	tcase_add_test(tc, half_a_flow_gets_stuck_where_windows_are_strict);
	tcase_add_test(tc, half_a_flow_goes_on_where_windows_are_liberal);
	tcase_add_test(tc, strict_windows_come_back_with_what_was_seen_before);
	tcase_add_loop_test(tc, an_install_never_touches_what_is_there, 0,
	    (int)(sizeof(clashes) / sizeof(clashes[0])));
	tcase_add_test(tc, an_install_into_a_full_table_is_refused);
	tcase_add_test(tc, a_new_session_pushes_out_what_is_not_assured);
	tcase_add_test(tc, removing_what_is_absent_says_so);
	tcase_add_test(tc, own_operations_raise_no_event);
	tcase_add_loop_test(tc, an_end_tells_its_kind, 0,
	    (int)(sizeof(ends) / sizeof(ends[0])));
	tcase_add_test(tc, an_uplink_takes_only_what_it_masqueraded_itself);
	tcase_add_test(tc, what_has_expired_meets_no_packet);
	tcase_add_test(tc, a_connection_is_picked_up_by_its_syn_only);
	tcase_add_test(tc, a_syn_ends_what_was_closed_and_begins_anew);
	tcase_add_test(tc, udp_is_assured_once_it_has_lasted);
	tcase_add_test(tc, nobody_is_told_when_nobody_listens);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
