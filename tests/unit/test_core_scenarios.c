/* The core in trouble: three members and what goes wrong between them. */
#include <check.h>
#include <stdlib.h>

#include "core_rig.h"

static void
setup(void)
{
	rig_begin();
}

static void
teardown(void)
{
	rig_end();
}

static void
start_all(void)
{
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++)
		rig_start(m, HA_START_FIRST);
	rig_connect(1, 2);
	rig_connect(1, 3);
	rig_connect(2, 3);
	rig_run_ms(500);
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++)
		ck_assert_int_eq(rig_state(m), HA_STATE_ACTIVE);
}

/* Starts members 1 and 2 and leaves member 3 dead. */
static void
start_two(void)
{
	rig_start(1, HA_START_FIRST);
	rig_start(2, HA_START_FIRST);
	rig_connect(1, 2);
	rig_run_ms(2000);
	ck_assert_int_eq(rig_state(1), HA_STATE_ACTIVE);
	ck_assert_int_eq(rig_state(2), HA_STATE_ACTIVE);
}

static void
end_flow(uint8_t m, uint16_t port, bool has_timeout, uint8_t tcp_state)
{
	struct ha_input in = rig_event(HA_SESSION_END, port);

	in.u.session.has_timeout = has_timeout;
	in.u.session.record.tcp_state = tcp_state;
	rig.m[m].kernel[port] = RIG_NONE;
	rig_feed(m, &in);
}

/* An UPDATE event that says: a packet set the owner bit. */
static void
packet(uint8_t m, uint16_t port)
{
	struct ha_input in = rig_event(HA_SESSION_UPDATE, port);

	if (rig.m[m].kernel[port] == RIG_NONE)
		return;
	rig.m[m].kernel[port] = RIG_CARRIED;
	rig_feed(m, &in);
}

/* Old sessions stay where they are in the list while the floor moves on. */
START_TEST(a_joiner_gets_sessions_that_are_older_than_the_floor)
{
	start_two();
	for (uint16_t port = 1; port <= 300; port++)
		rig_flow(1, port);
	for (uint16_t port = 1000; port < 1400; port++) {
		rig_flow(1, port);
		end_flow(1, port, false, HA_TCP_TIME_WAIT);
	}
	rig_run_ms(500);
	rig_start(3, HA_START_FIRST);
	rig_connect(1, 3);
	rig_run_ms(2000);
	ck_assert_uint_eq(rig_sessions(3), 300);
	ck_assert_int_eq(rig_state(3), HA_STATE_ACTIVE);
}
END_TEST

/* B and C hold what lost A owned and follow each other: each asks the other
 * for everything at the same moment, and neither has anything confirmed. */
START_TEST(two_relays_that_start_over_together_lose_nothing)
{
	struct ha_input in = { .kind = HA_IN_ADMIN,
		.u.admin = { HA_ADMIN_SYNC_FROM, 0 } };
	struct ha_view_session v;

	start_all();
	rig_flow(1, 7);
	rig_run_ms(1500);
	rig_kill(1);
	rig_run_ms(5000);
	rig_feed(2, &in);
	rig_feed(3, &in);
	rig_run_ms(90000);
	for (uint8_t m = 2; m <= 3; m++) {
		ck_assert(rig_find(m, 7, &v));
		ck_assert(!v.limbo);
	}
}
END_TEST

START_TEST(what_ended_while_a_daemon_was_down_stays_ended)
{
	struct ha_view_session v;

	start_two();
	for (uint16_t port = 1; port <= 600; port++)
		rig_flow(1, port);
	rig_run_ms(500);
	rig_kill(1);
	for (uint16_t port = 1; port <= 300; port++)
		rig.m[1].kernel[port] = RIG_NONE;
	rig_run_ms(100);
	rig_start(1, HA_START_RESTART);
	rig_connect(1, 2);
	rig_run_ms(90000);
	ck_assert_uint_eq(rig_sessions(1), 300);
	ck_assert_uint_eq(rig_sessions(2), 300);
	ck_assert(rig_find(2, 301, &v));
	ck_assert_uint_eq(v.version.owner, 1);
	ck_assert_uint_eq(v.version.epoch, 1);
}
END_TEST

START_TEST(a_member_that_booted_alone_gets_its_sessions_back_later)
{
	struct ha_view_session v;

	start_two();
	rig_flow(1, 7);
	rig_run_ms(500);
	rig_kill(1);
	rig.m[1].kernel[7] = RIG_NONE;
	rig_run_ms(5000);
	rig_start(1, HA_START_BOOT);
	rig_run_ms(40000);
	ck_assert_int_eq(rig_state(1), HA_STATE_ACTIVE);
	rig_connect(1, 2);
	rig_run_ms(90000);
	for (uint8_t m = 1; m <= 2; m++) {
		ck_assert(rig_find(m, 7, &v));
		ck_assert(!v.limbo);
		ck_assert_uint_eq(v.version.owner, 1);
		ck_assert_uint_eq(v.version.epoch, 1);
		ck_assert_int_eq(rig.m[m].kernel[7], RIG_REPLICA);
	}
}
END_TEST

static bool
drop_batches_of_2(uint8_t from, uint8_t to, const struct ha_message *m)
{
	(void)to;
	return from == 2 && m->kind == HA_MSG_BATCH;
}

START_TEST(a_source_that_sends_nothing_holds_nobody_back_for_ever)
{
	start_two();
	rig_flow(2, 7);
	rig_run_ms(500);
	rig.drop = drop_batches_of_2;
	rig_start(3, HA_START_FIRST);
	rig_connect(2, 3);
	rig_run_ms(40000);
	ck_assert_int_eq(rig_state(3), HA_STATE_ACTIVE);
}
END_TEST

static bool
drop_grants(uint8_t from, uint8_t to, const struct ha_message *m)
{
	(void)from;
	(void)to;
	return m->kind == HA_MSG_GRANT;
}

/* The answer to an operation is read before the event of the end. */
START_TEST(an_end_that_an_operation_met_first_is_an_end)
{
	start_two();
	rig_flow(1, 7);
	rig_run_ms(500);
	rig.drop = drop_grants;
	packet(2, 7);
	rig.m[1].kernel[7] = RIG_NONE;
	rig_run_ms(50);
	end_flow(1, 7, false, HA_TCP_NONE);
	rig_run_ms(20000);
	ck_assert_uint_eq(rig_sessions(1), 0);
	ck_assert_uint_eq(rig_sessions(2), 0);
}
END_TEST

START_TEST(a_second_touch_does_not_keep_an_ending_session_for_ever)
{
	struct ha_view_session v;

	start_two();
	rig_flow(1, 7);
	rig_run_ms(500);
	rig.drop = drop_grants;
	packet(2, 7);
	for (int i = 0; i < 30; i++) {
		packet(1, 7);
		rig_run_ms(100);
	}
	end_flow(1, 7, false, HA_TCP_NONE);
	for (int i = 0; i < 30; i++) {
		packet(2, 7);
		rig_run_ms(100);
	}
	ck_assert(rig_find(1, 7, &v));
	rig_run_ms(60000);
	ck_assert_uint_eq(rig_sessions(1), 0);
}
END_TEST

START_TEST(what_ends_while_it_is_made_anew_leaves_nothing_behind)
{
	struct ha_view_session v;

	start_two();
	rig_flow(1, 7);
	rig_run_ms(500);
	packet(2, 7);
	rig_run_ms(900);
	rig.m[1].hold_done = true;
	rig_run_ms(1000);
	ck_assert(rig_find(2, 7, &v));
	ck_assert_int_eq(v.role, HA_ROLE_OWNED);
	end_flow(2, 7, false, HA_TCP_TIME_WAIT);
	rig_run_ms(200);
	rig_release_done(1);
	rig_run_ms(5000);
	ck_assert_uint_eq(rig_sessions(1), 0);
	ck_assert_int_eq(rig.m[1].kernel[7], RIG_NONE);
}
END_TEST

/* The other side of a cut had it, for a moment, and saw it idle. */
START_TEST(an_idle_end_elsewhere_does_not_cut_a_flow_that_is_carried)
{
	struct ha_view_session v;

	start_two();
	rig_flow(1, 7);
	rig_run_ms(500);
	rig_disconnect(1, 2);
	rig_run_ms(3000);
	packet(2, 7);
	rig_run_ms(100);
	ck_assert(rig_find(2, 7, &v));
	ck_assert_int_eq(v.role, HA_ROLE_OWNED);
	end_flow(2, 7, false, HA_TCP_NONE);
	rig_run_ms(100);
	rig_connect(1, 2);
	rig_run_ms(5000);
	ck_assert_int_eq(rig.m[1].kernel[7], RIG_CARRIED);
	ck_assert(rig_find(1, 7, &v));
	ck_assert_int_eq(v.role, HA_ROLE_OWNED);
	ck_assert(rig_find(2, 7, &v));
}
END_TEST

static bool
drop_news_to_3(uint8_t from, uint8_t to, const struct ha_message *m)
{
	(void)from;
	return to == 3 && (m->kind == HA_MSG_BATCH || m->kind == HA_MSG_GRANT);
}

/* Member 3 hears of the end by member 2, but not that it was the owner. */
START_TEST(who_lives_on_after_an_end_outdoes_it)
{
	struct ha_view_session v;

	start_all();
	rig_flow(1, 7);
	rig_run_ms(500);
	rig.drop = drop_news_to_3;
	packet(3, 7);
	rig_run_ms(100);
	packet(2, 7); /* who asks last gets it */
	rig_run_ms(2000);
	ck_assert(rig_find(2, 7, &v));
	ck_assert_int_eq(v.role, HA_ROLE_OWNED);
	end_flow(2, 7, false, HA_TCP_NONE);
	rig_run_ms(1000);
	rig.drop = NULL;
	for (int i = 0; i < 30; i++) {
		packet(3, 7);
		rig_run_ms(100);
	}
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++) {
		ck_assert(rig_find(m, 7, &v));
		ck_assert_uint_eq(v.version.owner, 3);
		ck_assert_uint_eq(v.version.epoch, 3);
	}
}
END_TEST

START_TEST(of_two_sessions_with_one_tuple_one_survives_silence)
{
	struct ha_view_session v, w;

	start_two();
	rig_flow(1, 7);
	rig_flow(2, 7);
	rig_run_ms(10000);
	ck_assert_uint_eq(rig_sessions(1), 1);
	ck_assert_uint_eq(rig_sessions(2), 1);
	ck_assert(rig_find(1, 7, &v));
	ck_assert(rig_find(2, 7, &w));
	ck_assert(ha_uid_equal(&v.uid, &w.uid));
	ck_assert_int_ne(rig.m[1].kernel[7], RIG_NONE);
	ck_assert_int_ne(rig.m[2].kernel[7], RIG_NONE);
}
END_TEST

/* Member 1 is about to ask its kernel about a half-open session of its own,
 * when member 2 turns out to own the same flow. */
START_TEST(a_probe_of_what_a_peer_then_named_ends_nothing)
{
	struct ha_input half = rig_event(HA_SESSION_NEW, 7);
	struct ha_input nat = rig_event(HA_SESSION_NEW, 7);
	struct ha_view_session v;

	start_two();
	half.u.session.record.tcp_state = HA_TCP_SYN_RECV;
	nat.u.session.record.reply.dst_port = 9999;
	rig.m[1].kernel[7] = RIG_CARRIED;
	rig_feed(1, &half);
	rig_feed(2, &nat);
	rig.m[1].hold_done = true;
	rig_run_ms(50);
	rig_flow(2, 7);
	rig_run_ms(50);
	rig_release_done(1);
	rig_run_ms(5000);
	ck_assert(rig_find(1, 7, &v));
	ck_assert_uint_eq(v.version.owner, 2);
}
END_TEST

START_TEST(one_survivor_logs_what_ages_out)
{
	struct ha_input in = rig_event(HA_SESSION_NEW, 7);

	start_all();
	in.u.session.record.tcp_state = HA_TCP_FIN_WAIT;
	rig.m[1].kernel[7] = RIG_CARRIED;
	rig_feed(1, &in);
	rig_run_ms(1500);
	rig_kill(1);
	rig_run_ms(130000);
	ck_assert_uint_eq(rig_sessions(2), 0);
	ck_assert_uint_eq(rig_sessions(3), 0);
	ck_assert_uint_eq(rig.m[2].ended + rig.m[3].ended, 1);
}
END_TEST

/* The kernel has removed the replica and begun a new flow with its ports; of
 * the removal nothing was heard yet. */
START_TEST(a_flow_that_follows_a_removal_at_once_is_seen)
{
	struct ha_view_session v;

	start_two();
	rig_flow(1, 7);
	rig_run_ms(500);
	end_flow(1, 7, false, HA_TCP_TIME_WAIT);
	rig_run_ms(10);
	rig.m[2].hold_done = true;
	rig_run_ms(50);
	ck_assert_int_eq(rig.m[2].kernel[7], RIG_NONE);
	rig_flow(2, 7);
	rig_release_done(2);
	rig_run_ms(500);
	ck_assert(rig_find(2, 7, &v));
	ck_assert_int_eq(v.role, HA_ROLE_OWNED);
	ck_assert_int_eq(rig.m[2].kernel[7], RIG_CARRIED);
	ck_assert(rig_find(1, 7, &v));
}
END_TEST

START_TEST(a_flow_that_comes_back_while_it_ends_keeps_its_entry)
{
	struct ha_input again = rig_event(HA_SESSION_NEW, 7);

	again.u.session.record.status = 0;
	again.u.session.record.tcp_state = HA_TCP_SYN_SENT;
	start_two();
	rig_flow(1, 7);
	rig_run_ms(500);
	rig.drop = drop_grants;
	packet(2, 7);
	for (int i = 0; i < 30; i++) {
		packet(1, 7);
		rig_run_ms(100);
	}
	end_flow(1, 7, false, HA_TCP_NONE);
	rig_run_ms(100);
	rig.m[1].kernel[7] = RIG_CARRIED;
	rig_feed(1, &again);
	rig_run_ms(100);
	again = rig_event(HA_SESSION_UPDATE, 7);
	again.u.session.bits_known = false;
	rig_feed(1, &again);
	rig_run_ms(8000);
	ck_assert_int_eq(rig.m[1].kernel[7], RIG_CARRIED);
}
END_TEST

/* Asked to get everything again, and the owner is gone before it comes. */
START_TEST(what_a_broken_walk_did_not_mention_is_handed_on)
{
	struct ha_input in = { .kind = HA_IN_ADMIN };
	struct ha_view_session v;

	start_two();
	rig_flow(2, 7);
	rig_run_ms(1500);
	rig.drop = drop_batches_of_2;
	rig_feed(1, &in);
	rig_run_ms(100);
	rig_kill(2);
	rig.drop = NULL;
	rig.m[2].kernel[7] = RIG_NONE;
	rig_run_ms(5000);
	rig_start(2, HA_START_BOOT);
	rig_connect(1, 2);
	rig_run_ms(90000);
	for (uint8_t m = 1; m <= 2; m++) {
		ck_assert(rig_find(m, 7, &v));
		ck_assert(!v.limbo);
		ck_assert_uint_eq(v.version.owner, 2);
	}
}
END_TEST

START_TEST(a_refused_copy_comes_once_its_place_is_free)
{
	start_two();
	rig.m[2].kernel[7] = RIG_PLAIN;
	rig_flow(1, 7);
	rig_run_ms(12000);
	ck_assert_int_eq(rig.m[2].kernel[7], RIG_PLAIN);
	end_flow(2, 7, false, HA_TCP_TIME_WAIT);
	rig_run_ms(500);
	ck_assert_int_eq(rig.m[2].kernel[7], RIG_REPLICA);
}
END_TEST

/* What happened to the copy was lost; the dump tells. */
START_TEST(what_stands_in_the_place_of_a_copy_is_replaced)
{
	struct ha_input in = { .kind = HA_IN_DUMP };

	start_two();
	rig_flow(1, 7);
	rig_run_ms(40000);
	ck_assert_int_eq(rig.m[2].kernel[7], RIG_REPLICA);
	rig.m[2].kernel[7] = RIG_PLAIN;
	in.u.dump.event = HA_DUMP_LOST;
	rig_feed(2, &in);
	rig_run_ms(1000);
	ck_assert_int_eq(rig.m[2].kernel[7], RIG_REPLICA);
}
END_TEST

/* Member 2 heard nothing of member 1 for longer than a session lives; what
 * member 3 then got from member 2 is not all that member 1 has. */
START_TEST(what_aged_out_at_a_relay_is_got_from_its_owner)
{
	struct ha_view_session v;

	rig.m[2].settings.timeouts.tcp_s[HA_TCP_ESTABLISHED] = 5;
	start_two();
	rig_flow(1, 7);
	rig_run_ms(500);
	rig_disconnect(1, 2);
	rig_run_ms(20000);
	ck_assert(!rig_find(2, 7, &v));
	rig_start(3, HA_START_FIRST);
	rig_connect(2, 3);
	rig_run_ms(3000);
	rig_connect(1, 3);
	rig_run_ms(3000);
	for (uint8_t m = 2; m <= 3; m++) {
		ck_assert(rig_find(m, 7, &v));
		ck_assert_uint_eq(v.version.owner, 1);
	}
}
END_TEST

START_TEST(who_is_lost_or_hangs_on_one_link_is_told)
{
	rig.m[1].settings.members[2].present = false;
	start_two();
	rig_run_ms(5000);
	ck_assert_uint_eq(rig.m[1].link_down, 2);
	ck_assert_uint_eq(rig.m[1].member_lost, 0);
	rig_kill(2);
	rig_run_ms(5000);
	ck_assert_uint_eq(rig.m[1].link_down, 0);
	ck_assert_uint_eq(rig.m[1].member_lost, 2);
	rig_start(2, HA_START_RESTART);
	rig_connect(1, 2);
	rig_run_ms(5000);
	ck_assert_uint_eq(rig.m[1].link_down, 2);
	ck_assert_uint_eq(rig.m[1].member_lost, 0);
}
END_TEST

START_TEST(an_offloaded_session_is_not_given_away)
{
	struct ha_input in = rig_event(HA_SESSION_UPDATE, 7);
	struct ha_view_session v;

	start_two();
	rig_flow(1, 7);
	rig_run_ms(500);
	in.u.session.offloaded = true;
	rig_feed(1, &in);
	packet(2, 7);
	rig_run_ms(3000);
	ck_assert(rig_find(1, 7, &v));
	ck_assert_int_eq(v.role, HA_ROLE_OWNED);
}
END_TEST

/* Nobody carries the old session of member 1, so no bit ever tells. */
START_TEST(an_untouched_session_makes_way_for_a_new_one)
{
	struct ha_view_session v;

	start_two();
	rig_flow(1, 7);
	rig_run_ms(500);
	rig_kill(1);
	rig.m[1].kernel[7] = RIG_NONE;
	rig_start(1, HA_START_BOOT);
	rig_connect(1, 2);
	rig_run_ms(3000);
	ck_assert(rig_find(1, 7, &v));
	ck_assert_int_eq(v.role, HA_ROLE_OWNED);
	rig_flow(2, 7);
	rig_run_ms(10000);
	ck_assert_uint_eq(rig_sessions(1), 1);
	ck_assert_uint_eq(rig_sessions(2), 1);
	ck_assert(rig_find(1, 7, &v));
	ck_assert_uint_eq(v.version.owner, 2);
	ck_assert_int_eq(rig.m[1].kernel[7], RIG_REPLICA);
	ck_assert_int_eq(rig.m[2].kernel[7], RIG_CARRIED);
}
END_TEST

/* Member 1 gave its session the protocol's own time, and so did member 2,
 * until packets came again. */
START_TEST(a_copy_lives_as_its_record_says)
{
	rig.m[2].settings.timeouts.tcp_s[HA_TCP_ESTABLISHED] = 300;
	start_two();
	rig_flow(1, 7);
	rig_run_ms(500);
	ck_assert_uint_eq(rig.m[2].lifetime_s[7], 3600);
	rig_kill(1);
	rig.m[1].kernel[7] = RIG_NONE;
	rig_start(1, HA_START_BOOT);
	rig_connect(1, 2);
	rig_run_ms(3000);
	ck_assert_uint_eq(rig.m[2].lifetime_s[7], 300);
	packet(1, 7);
	rig_run_ms(500);
	ck_assert_uint_eq(rig.m[2].lifetime_s[7], 3600);
}
END_TEST

/* Its end is told before the answer to the operation that made it. */
START_TEST(a_copy_that_goes_at_once_comes_again)
{
	start_two();
	rig.m[2].hold_done = true;
	rig_flow(1, 7);
	rig_run_ms(100);
	ck_assert_int_eq(rig.m[2].kernel[7], RIG_REPLICA);
	end_flow(2, 7, true, HA_TCP_ESTABLISHED);
	rig_release_done(2);
	rig_run_ms(500);
	ck_assert_int_eq(rig.m[2].kernel[7], RIG_REPLICA);
}
END_TEST

/* The session ends while member 2 is away; its kernel keeps the copy. */
static void
orphan_at_2(void)
{
	start_two();
	rig_flow(1, 7);
	rig_run_ms(500);
	rig_kill(2);
	end_flow(1, 7, false, HA_TCP_TIME_WAIT);
	rig_start(2, HA_START_RESTART);
	rig_connect(1, 2);
	rig_run_ms(10000);
	ck_assert_uint_eq(rig_sessions(2), 0);
	ck_assert_int_eq(rig.m[2].kernel[7], RIG_REPLICA);
}

START_TEST(a_copy_that_no_feed_knows_makes_way)
{
	struct ha_input in = rig_event(HA_SESSION_NEW, 7);
	struct ha_view_session v;

	orphan_at_2();
	in.u.session.record.tcp_wscale[HA_DIR_REPLY] = 9;
	rig.m[1].kernel[7] = RIG_CARRIED;
	rig_feed(1, &in);
	rig_run_ms(500);
	ck_assert(rig_find(2, 7, &v));
	ck_assert(v.installed);
	ck_assert_uint_eq(rig.m[2].removals, 1);
	ck_assert_int_eq(rig.m[2].kernel[7], RIG_REPLICA);
}
END_TEST

START_TEST(a_copy_that_no_feed_knows_is_published_once_it_has_packets)
{
	struct ha_input in = rig_event(HA_SESSION_UPDATE, 7);
	struct ha_view_session v;

	orphan_at_2();
	in.u.session.record.tcp_state = HA_TCP_NONE; /* nothing new of that */
	rig.m[2].kernel[7] = RIG_CARRIED;
	rig_feed(2, &in);
	rig_run_ms(500);
	ck_assert(rig_find(1, 7, &v));
	ck_assert_uint_eq(v.version.owner, 2);
	ck_assert_int_eq(v.record.tcp_state, HA_TCP_ESTABLISHED);
}
END_TEST

START_TEST(a_copy_that_no_feed_knows_ends_with_its_entry)
{
	struct ha_view_self v;

	orphan_at_2();
	end_flow(2, 7, false, HA_TCP_ESTABLISHED);
	rig_run_ms(500);
	ha_view_self(rig.m[2].core, &v);
	ck_assert_uint_eq(v.table_cached, 0);
	rig_flow(2, 7);
	rig_run_ms(500);
	ck_assert_uint_eq(rig_sessions(1), 1);
	ck_assert_uint_eq(rig_sessions(2), 1);
}
END_TEST

static bool
drop_batches_to_1(uint8_t from, uint8_t to, const struct ha_message *m)
{
	(void)from;
	return to == 1 && m->kind == HA_MSG_BATCH;
}

static bool
has_stream(uint8_t m, const struct ha_boot *boot)
{
	struct ha_view_stream v[64];
	size_t n = ha_view_streams(rig.m[m].core, v, 64);

	for (size_t i = 0; i < n; i++)
		if (v[i].member == m && v[i].status.stream.boot == boot->id)
			return true;
	return false;
}

/* The third start of member 1 relays the stream of its second before it has
 * all of it; member 3 was away and still has that of the first. */
START_TEST(a_relay_that_knows_less_takes_no_take_over_back)
{
	struct ha_boot first;

	start_all();
	rig_flow(1, 7);
	rig_run_ms(500);
	first = rig.m[1].settings.boot;
	rig_disconnect(1, 3);
	rig_disconnect(2, 3);
	rig_kill(1);
	rig_start(1, HA_START_RESTART);
	rig_connect(1, 2);
	rig_run_ms(3000);
	ck_assert(!has_stream(2, &first));
	rig_kill(1);
	rig.drop = drop_batches_to_1;
	rig_start(1, HA_START_RESTART);
	rig_connect(1, 2);
	rig_run_ms(500);
	ck_assert(has_stream(3, &first));
	rig_connect(2, 3);
	rig_run_ms(500);
	ck_assert(!has_stream(2, &first));
}
END_TEST

START_TEST(it_is_known_which_link_carries_walks)
{
	struct ha_view_peer v;

	start_two();
	ck_assert_int_eq(ha_view_peer(rig.m[1].core, 2, &v), HA_OK);
	ck_assert(v.links[HA_LINK_HA4].walks);
	ck_assert(!v.links[HA_LINK_HA4_BACKUP].walks);
	ck_assert_int_eq(ha_view_peer(rig.m[1].core, 3, &v), HA_OK);
	ck_assert(!v.links[HA_LINK_HA4].walks);
}
END_TEST

START_TEST(a_connection_made_anew_loses_nothing_and_nobody_is_away)
{
	const struct ha_counters *n[3];
	uint64_t full[3];

	start_two();
	rig_flow(1, 200);
	rig_flow(2, 201);
	rig_run_ms(100);
	for (uint8_t m = 1; m <= 2; m++) {
		n[m] = ha_view_counters(rig.m[m].core);
		full[m] = n[m]->walks_full;
		rig.m[m].peer_downs = 0; /* member 3 is not there */
	}
	for (uint16_t port = 1; port <= 100; port++) {
		rig_flow((uint8_t)(1 + port % 2), port);
		if (port % 10 != 0)
			continue;
		/* What these put out finds another connection. */
		rig_feed(1, &(struct ha_input){ .kind = HA_IN_TICK });
		rig_feed(2, &(struct ha_input){ .kind = HA_IN_TICK });
		rig_connect(1, 2);
	}
	rig_run_ms(500);
	for (uint8_t m = 1; m <= 2; m++) {
		ck_assert_uint_eq(rig_sessions(m), 102);
		ck_assert_uint_eq(n[m]->links_renewed, 10);
		ck_assert_uint_eq(n[m]->links_up, 1);
		ck_assert_uint_eq(n[m]->links_down, 0);
		ck_assert_uint_eq(n[m]->walks_full, full[m]);
		ck_assert_uint_eq(n[m]->resynchronisations, 0);
		ck_assert_uint_eq(rig.m[m].peer_downs, 0);
	}
}
END_TEST

static bool
is_touch(uint8_t from, uint8_t to, const struct ha_message *m)
{
	(void)from;
	(void)to;
	return m->kind == HA_MSG_TOUCH;
}

/* Member 2 looks whether there is still traffic, has a change under way that
 * has nothing to do with it, and a packet comes. */
START_TEST(a_packet_during_a_probe_counts_whatever_is_under_way)
{
	struct ha_input mark = rig_event(HA_SESSION_UPDATE, 7);
	struct ha_view_session v;

	start_two();
	rig_flow(1, 7);
	rig_run_ms(500);
	rig.drop = is_touch;
	packet(2, 7);
	rig_run_ms(5200);
	ck_assert_int_eq(rig.m[2].kernel[7], RIG_REPLICA);
	rig.m[2].hold_done = true;
	mark.u.session.record.mark = 1;
	rig_feed(1, &mark);
	rig_run_ms(100);
	packet(2, 7);
	rig_run_ms(100);
	rig_release_done(2);
	rig_run_ms(2000);
	ck_assert_uint_eq(rig.m[2].removals, 0);
	ck_assert(rig_find(2, 7, &v));
	ck_assert(v.traffic);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("core scenarios");
	TCase *tc = tcase_create("three members");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc,
	    a_joiner_gets_sessions_that_are_older_than_the_floor);
	tcase_add_test(tc,
	    two_relays_that_start_over_together_lose_nothing);
	tcase_add_test(tc, what_ended_while_a_daemon_was_down_stays_ended);
	tcase_add_test(tc,
	    a_member_that_booted_alone_gets_its_sessions_back_later);
	tcase_add_test(tc,
	    a_source_that_sends_nothing_holds_nobody_back_for_ever);
	tcase_add_test(tc,
	    an_end_that_an_operation_met_first_is_an_end);
	tcase_add_test(tc,
	    a_second_touch_does_not_keep_an_ending_session_for_ever);
	tcase_add_test(tc,
	    what_ends_while_it_is_made_anew_leaves_nothing_behind);
	tcase_add_test(tc,
	    an_idle_end_elsewhere_does_not_cut_a_flow_that_is_carried);
	tcase_add_test(tc, who_lives_on_after_an_end_outdoes_it);
	tcase_add_test(tc,
	    of_two_sessions_with_one_tuple_one_survives_silence);
	tcase_add_test(tc,
	    a_probe_of_what_a_peer_then_named_ends_nothing);
	tcase_add_test(tc,
	    one_survivor_logs_what_ages_out);
	tcase_add_test(tc, a_flow_that_follows_a_removal_at_once_is_seen);
	tcase_add_test(tc,
	    a_flow_that_comes_back_while_it_ends_keeps_its_entry);
	tcase_add_test(tc, what_a_broken_walk_did_not_mention_is_handed_on);
	tcase_add_test(tc, a_refused_copy_comes_once_its_place_is_free);
	tcase_add_test(tc, what_stands_in_the_place_of_a_copy_is_replaced);
	tcase_add_test(tc, what_aged_out_at_a_relay_is_got_from_its_owner);
	tcase_add_test(tc, who_is_lost_or_hangs_on_one_link_is_told);
	tcase_add_test(tc, an_offloaded_session_is_not_given_away);
	tcase_add_test(tc, an_untouched_session_makes_way_for_a_new_one);
	tcase_add_test(tc,
	    a_packet_during_a_probe_counts_whatever_is_under_way);
	tcase_add_test(tc, it_is_known_which_link_carries_walks);
	tcase_add_test(tc,
	    a_connection_made_anew_loses_nothing_and_nobody_is_away);
	tcase_add_test(tc, a_copy_lives_as_its_record_says);
	tcase_add_test(tc, a_copy_that_goes_at_once_comes_again);
	tcase_add_test(tc, a_copy_that_no_feed_knows_makes_way);
	tcase_add_test(tc,
	    a_copy_that_no_feed_knows_is_published_once_it_has_packets);
	tcase_add_test(tc, a_copy_that_no_feed_knows_ends_with_its_entry);
	tcase_add_test(tc, a_relay_that_knows_less_takes_no_take_over_back);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
