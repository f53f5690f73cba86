/*
 * Ends: what the kernel's DESTROY means at the owner and elsewhere, for each
 * of its causes, and the operator's own end of a session.
 */
#include <check.h>
#include <stdlib.h>

#include "core_rig.h"

#define PORT 7

static void
setup(void)
{
	rig_begin();
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++)
		rig_start(m, HA_START_FIRST);
	rig_connect(1, 2);
	rig_connect(1, 3);
	rig_connect(2, 3);
	rig_run_ms(500);
}

static void
teardown(void)
{
	rig_end();
}

/* A session of member 1 that all members have. */
static struct ha_uid
begin_session(bool assured)
{
	struct ha_input in = rig_event(HA_SESSION_NEW, PORT);
	struct ha_view_session v;

	if (!assured)
		in.u.session.record.status &= ~(uint32_t)HA_STATUS_ASSURED;
	rig.m[1].kernel[PORT] = RIG_CARRIED;
	rig_feed(1, &in);
	rig_run_ms(500);
	ck_assert(rig_find(3, PORT, &v));
	ck_assert_int_eq(rig.m[3].kernel[PORT], RIG_REPLICA);
	return v.uid;
}

static void
check_gone(void)
{
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++) {
		if (rig.m[m].core == NULL)
			continue;
		ck_assert_uint_eq(rig_sessions(m), 0);
		ck_assert_int_eq(rig.m[m].kernel[PORT], RIG_NONE);
	}
}

/* Told to the log by that member, and by nobody else. */
static void
check_logged(uint8_t by, enum ha_end_reason reason)
{
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++)
		ck_assert_uint_eq(rig.m[m].ended, m == by ? 1 : 0);
	ck_assert_int_eq(rig.m[by].last_ended.reason, reason);
}

/* ---- what the kernel says ---- */

static const struct cause {
	const char *why;
	bool assured;
	bool foreign;
	bool has_timeout;
	uint8_t tcp_state;
	enum ha_end_reason reason;
	bool released; /* no end at all */
} causes[] = {
	{ "conntrack -D", true, true, true, HA_TCP_ESTABLISHED,
	    HA_END_DELETED, false },
	{ "conntrack -D of one that closes", true, true, true,
	    HA_TCP_TIME_WAIT, HA_END_DELETED, false },
	{ "TCP has closed", true, false, false, HA_TCP_TIME_WAIT,
	    HA_END_CLOSED, false },
	{ "TCP was reset", true, false, false, HA_TCP_CLOSE, HA_END_CLOSED,
	    false },
	{ "the uplink goes while TCP closes", true, false, true,
	    HA_TCP_FIN_WAIT, HA_END_CLOSED, false },
	{ "its time is over", true, false, false, HA_TCP_NONE, HA_END_IDLE,
	    false },
	{ "the uplink goes", true, false, true, HA_TCP_ESTABLISHED,
	    HA_END_MAX, true },
	{ "the kernel makes room", false, false, true, HA_TCP_ESTABLISHED,
	    HA_END_IDLE, false },
};

static struct ha_input
destroy(const struct cause *c)
{
	struct ha_input in = rig_event(HA_SESSION_END, PORT);

	in.u.session.bits_known = false;
	in.u.session.owner_bit = false;
	in.u.session.foreign = c->foreign;
	in.u.session.has_timeout = c->has_timeout;
	in.u.session.record.tcp_state = c->tcp_state;
	return in;
}

START_TEST(a_destroy_at_the_owner_means_what_caused_it)
{
	const struct cause *c = &causes[_i];
	struct ha_input in = destroy(c);
	struct ha_view_session v;

	begin_session(c->assured);
	rig.m[1].kernel[PORT] = RIG_NONE;
	rig_feed(1, &in);
	rig_run_ms(500);
	if (c->released) {
		ck_assert(rig_find(1, PORT, &v));
		ck_assert_int_eq(v.role, HA_ROLE_OWNED);
		ck_assert(v.record.flags & HA_RECORD_UNTOUCHED);
		ck_assert_int_eq(rig.m[1].kernel[PORT], RIG_REPLICA);
		ck_assert_int_eq(rig.m[2].kernel[PORT], RIG_REPLICA);
		ck_assert_uint_eq(rig.m[1].ended, 0);
		return;
	}
	check_gone();
	check_logged(1, c->reason);
}
END_TEST

START_TEST(a_destroy_elsewhere_ends_nothing)
{
	struct ha_input in = destroy(&causes[_i]);
	struct ha_view_session v;

	begin_session(true);
	rig.m[2].kernel[PORT] = RIG_NONE;
	rig_feed(2, &in);
	rig_run_ms(500);
	ck_assert_int_eq(rig.m[2].kernel[PORT], RIG_REPLICA);
	ck_assert(rig_find(1, PORT, &v));
	ck_assert_int_eq(v.role, HA_ROLE_OWNED);
	ck_assert_int_eq(rig.m[1].kernel[PORT], RIG_CARRIED);
	ck_assert_uint_eq(rig.m[1].ended + rig.m[2].ended, 0);
}
END_TEST

/* ---- what the operator says ---- */

static int
ask_end(uint8_t m, const struct ha_uid *uid)
{
	const struct ha_in_admin admin = { .verb = HA_ADMIN_END,
		.uid = *uid };

	return rig_admin(m, &admin);
}

START_TEST(the_operator_ends_a_session_at_its_owner)
{
	struct ha_uid uid = begin_session(true);

	ck_assert_int_eq(ask_end(1, &uid), HA_OK);
	rig_run_ms(500);
	check_gone();
	check_logged(1, HA_END_DELETED);
}
END_TEST

START_TEST(who_does_not_own_it_asks_the_owner)
{
	struct ha_uid uid = begin_session(true);

	ck_assert_int_eq(ask_end(3, &uid), HA_OK);
	rig_run_ms(500);
	check_gone();
	check_logged(1, HA_END_DELETED);
}
END_TEST

START_TEST(a_session_that_is_not_in_the_kernel_ends_too)
{
	struct ha_uid uid = begin_session(true);
	struct ha_input dropped = destroy(&causes[6]);

	rig.m[1].kernel[PORT] = RIG_NONE;
	rig_feed(1, &dropped); /* a replica is to stand for it */
	ck_assert_int_eq(ask_end(1, &uid), HA_OK);
	rig_run_ms(500);
	check_gone();
	check_logged(1, HA_END_DELETED);
}
END_TEST

START_TEST(a_kernel_that_refuses_keeps_no_session_alive)
{
	struct ha_uid uid = begin_session(true);

	rig.m[1].kernel[PORT] = RIG_NONE; /* so it says: absent */
	ck_assert_int_eq(ask_end(1, &uid), HA_OK);
	rig_run_ms(500);
	check_gone();
	check_logged(1, HA_END_DELETED);
}
END_TEST

START_TEST(a_session_of_a_lost_owner_is_ended_by_who_is_asked)
{
	struct ha_uid uid = begin_session(true);

	rig_kill(1);
	rig_run_ms(3000);
	ck_assert_int_eq(ask_end(3, &uid), HA_OK);
	rig_run_ms(500);
	check_gone();
	check_logged(3, HA_END_DELETED);
}
END_TEST

START_TEST(without_a_way_to_the_owner_it_is_refused)
{
	struct ha_uid uid = begin_session(true);
	struct ha_view_session v;

	rig_disconnect(1, 3);
	rig_run_ms(3000);
	ck_assert_int_eq(ask_end(3, &uid), HA_ERR_AGAIN);
	rig_run_ms(500);
	ck_assert(rig_find(3, PORT, &v));
	ck_assert(rig_find(1, PORT, &v));
}
END_TEST

START_TEST(what_is_not_held_is_not_ended)
{
	struct ha_uid uid = begin_session(true);

	uid.number++;
	ck_assert_int_eq(ask_end(1, &uid), HA_ERR_ABSENT);
}
END_TEST

START_TEST(a_member_that_begins_ends_nothing)
{
	struct ha_uid uid = begin_session(true);

	rig_kill(3);
	rig_start(3, HA_START_RESTART);
	rig_connect(2, 3);
	rig.m[3].hold_done = true;
	for (int i = 0; i < 100 && rig_sessions(3) == 0; i++)
		rig_run_ms(10);
	ck_assert_int_eq(rig_state(3), HA_STATE_INITIAL);
	ck_assert_int_eq(ask_end(3, &uid), HA_ERR_AGAIN);
}
END_TEST

static bool
hold_batches(uint8_t from, uint8_t to, const struct ha_message *m)
{
	(void)from;
	return to == 3 && m->kind == HA_MSG_BATCH;
}

/* Member 2 has taken the session over, and member 3 has not heard of it. */
START_TEST(the_word_follows_a_session_that_has_moved_on)
{
	struct ha_uid uid = begin_session(true);
	struct ha_input in = rig_event(HA_SESSION_UPDATE, PORT);
	struct ha_view_session v;

	rig.drop = hold_batches;
	rig.m[2].kernel[PORT] = RIG_CARRIED;
	rig_feed(2, &in);
	rig_run_ms(2000);
	ck_assert(rig_find(2, PORT, &v));
	ck_assert_int_eq(v.role, HA_ROLE_OWNED);
	ck_assert(rig_find(3, PORT, &v));
	ck_assert_uint_eq(v.version.owner, 1);
	ck_assert_int_eq(ask_end(3, &uid), HA_OK);
	rig_run_ms(500);
	rig.drop = NULL;
	rig_run_ms(5000);
	check_gone();
	check_logged(2, HA_END_DELETED);
}
END_TEST

/* A packet brings the owner bit back while the removal waits its turn. */
START_TEST(a_packet_does_not_save_what_the_operator_ends)
{
	struct ha_uid uid = begin_session(true);
	struct ha_input touch = rig_event(HA_SESSION_UPDATE, PORT);

	rig.m[2].kernel[PORT] = RIG_CARRIED;
	rig_feed(2, &touch);
	rig_run_ms(50); /* the owner has cleared its bit: a probe */
	ck_assert_int_eq(rig.m[1].kernel[PORT], RIG_REPLICA);
	ck_assert_int_eq(ask_end(1, &uid), HA_OK);
	rig.m[1].kernel[PORT] = RIG_CARRIED;
	rig_feed(1, &touch);
	rig_run_ms(500);
	check_gone();
	check_logged(1, HA_END_DELETED);
}
END_TEST

int
main(void)
{
	const int n_causes = (int)(sizeof(causes) / sizeof(causes[0]));
	Suite *s = suite_create("core ends");
	TCase *tc = tcase_create("three members");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, a_destroy_at_the_owner_means_what_caused_it, 0,
	    n_causes);
	tcase_add_loop_test(tc, a_destroy_elsewhere_ends_nothing, 0, n_causes);
	tcase_add_test(tc, the_operator_ends_a_session_at_its_owner);
	tcase_add_test(tc, who_does_not_own_it_asks_the_owner);
	tcase_add_test(tc, a_session_that_is_not_in_the_kernel_ends_too);
	tcase_add_test(tc, a_kernel_that_refuses_keeps_no_session_alive);
	tcase_add_test(tc, a_session_of_a_lost_owner_is_ended_by_who_is_asked);
	tcase_add_test(tc, without_a_way_to_the_owner_it_is_refused);
	tcase_add_test(tc, what_is_not_held_is_not_ended);
	tcase_add_test(tc, a_member_that_begins_ends_nothing);
	tcase_add_test(tc, the_word_follows_a_session_that_has_moved_on);
	tcase_add_test(tc, a_packet_does_not_save_what_the_operator_ends);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
