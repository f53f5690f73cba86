/* The states of a member: each move, each timer, and the gate. */
#include <check.h>
#include <stdlib.h>

#include "core_rig.h"

#define HOLD_DOWN_MS 60000
#define HOLD_MS      10000
#define QUIET_MS     (15 * 60 * 1000)

static void
setup(void)
{
	rig_begin();
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++) {
		struct ha_settings *s = &rig.m[m].settings;

		s->monitor_fail_hold_down = ha_dur_ms(HOLD_DOWN_MS);
		s->tentative_hold = ha_dur_ms(HOLD_MS);
		s->flap_max = 3;
	}
}

static void
teardown(void)
{
	rig_end();
}

static void
judge(uint8_t m, uint8_t monitor, enum ha_verdict verdict)
{
	static const char *const NAMES[] = { "link group uplinks",
		"path group far" };
	struct ha_input in = { .kind = HA_IN_MONITOR,
		.u.monitor = { monitor, verdict, NAMES[monitor] } };

	rig_feed(m, &in);
}

/* And the turn in which it counts. */
static void
judge_now(uint8_t m, uint8_t monitor, enum ha_verdict verdict)
{
	judge(m, monitor, verdict);
	rig_run_ms(10);
}

static void
admin(uint8_t m, enum ha_admin_verb verb)
{
	struct ha_input in = { .kind = HA_IN_ADMIN, .u.admin.verb = verb };

	rig_feed(m, &in);
	rig_run_ms(10);
}

/* A link to it came to no handshake: its release is of another age. */
static void
find_strange(uint8_t m, uint8_t peer)
{
	struct ha_input in = { .kind = HA_IN_LINK,
		.u.link = { .event = HA_LINK_STRANGE, .peer = peer } };

	rig_feed(m, &in);
}

/* The file has changed. */
static void
reload(uint8_t m)
{
	struct ha_input in = { .kind = HA_IN_SETTINGS,
		.u.settings = { &rig.m[m].settings, 0 } };

	rig_feed(m, &in);
}

static void
connect_all(void)
{
	rig_connect(1, 2);
	rig_connect(1, 3);
	rig_connect(2, 3);
}

static void
start_all(void)
{
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++)
		rig_start(m, HA_START_FIRST);
	connect_all();
	rig_run_ms(500);
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++)
		ck_assert_int_eq(rig_state(m), HA_STATE_ACTIVE);
}

/* Nobody else is there, or will be. */
static void
start_alone(void)
{
	for (uint8_t m = 2; m <= RIG_MEMBERS; m++)
		rig.m[1].settings.members[m - 1].present = false;
	rig_start(1, HA_START_FIRST);
	rig_run_ms(100);
	ck_assert_int_eq(rig_state(1), HA_STATE_ACTIVE);
}

static void
check_state(uint8_t m, enum ha_state want)
{
	ck_assert_str_eq(ha_state_name(rig_state(m)), ha_state_name(want));
}

static void
check_last_move(
    uint8_t m, enum ha_state from, enum ha_state to, enum ha_cause cause)
{
	const struct rig_member *r = &rig.m[m];
	const struct rig_move *last = &r->moves[r->n_moves - 1];

	ck_assert_uint_gt(r->n_moves, 0);
	ck_assert_str_eq(ha_state_name(last->from), ha_state_name(from));
	ck_assert_str_eq(ha_state_name(last->to), ha_state_name(to));
	ck_assert_str_eq(ha_cause_name(last->cause), ha_cause_name(cause));
}

static struct ha_view_self
view(uint8_t m)
{
	struct ha_view_self v;

	ha_view_self(rig.m[m].core, &v);
	return v;
}

/* What member at last heard of about. */
static enum ha_state
state_heard(uint8_t at, uint8_t about)
{
	struct ha_view_peer v;

	ck_assert_int_eq(ha_view_peer(rig.m[at].core, about, &v), HA_OK);
	return v.state;
}

/* ---- ways into each state ---- */

static void
make_initial(void)
{
	rig_start(1, HA_START_FIRST);
	rig_run_ms(10);
}

static void
make_active(void)
{
	start_all();
}

static void
make_non_functional(void)
{
	start_all();
	judge_now(1, 0, HA_VERDICT_FAILED);
}

static void
make_suspended(void)
{
	start_all();
	admin(1, HA_ADMIN_SUSPEND);
}

static void
make_tentative(void)
{
	make_suspended();
	admin(1, HA_ADMIN_FUNCTIONAL);
}

static void
make_suspended_by_flaps(void)
{
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++)
		rig.m[m].settings.flap_max = 1;
	make_non_functional();
	judge(1, 0, HA_VERDICT_WELL);
	rig_run_ms(HOLD_DOWN_MS + 20);
	judge_now(1, 0, HA_VERDICT_FAILED);
	judge(1, 0, HA_VERDICT_WELL);
}

/* ---- and out of it ---- */

static void
let_pass(void)
{
	rig_run_ms(1200); /* a threshold, and what goes with it */
}

static void
break_down(void)
{
	judge_now(1, 0, HA_VERDICT_FAILED);
}

static void
heal(void)
{
	judge(1, 0, HA_VERDICT_WELL);
	rig_run_ms(HOLD_DOWN_MS + 20);
}

static void
suspend(void)
{
	admin(1, HA_ADMIN_SUSPEND);
}

static void
call_back(void)
{
	admin(1, HA_ADMIN_FUNCTIONAL);
}

static void
hold(void)
{
	rig_run_ms(HOLD_MS + 20);
}

static void
meet_strangers(void)
{
	find_strange(1, 2);
	let_pass();
}

/* Every fourth failure is one too many: three are behind. */
static void
fail_again(void)
{
	for (int i = 0; i < 3; i++) {
		break_down();
		heal();
	}
	check_state(1, HA_STATE_TENTATIVE);
	break_down();
}

static const struct {
	void (*make)(void);
	void (*act)(void);
	enum ha_state from;
	enum ha_state to;
	enum ha_cause cause;
} moves[] = {
	{ make_initial, let_pass, HA_STATE_INITIAL, HA_STATE_ACTIVE,
	    HA_CAUSE_SYNCHRONISED },
	{ make_initial, break_down, HA_STATE_INITIAL, HA_STATE_NON_FUNCTIONAL,
	    HA_CAUSE_MONITOR },
	{ make_initial, suspend, HA_STATE_INITIAL, HA_STATE_SUSPENDED,
	    HA_CAUSE_OPERATOR },
	{ make_initial, meet_strangers, HA_STATE_INITIAL,
	    HA_STATE_NON_FUNCTIONAL, HA_CAUSE_PROTOCOL },
	{ make_active, break_down, HA_STATE_ACTIVE, HA_STATE_NON_FUNCTIONAL,
	    HA_CAUSE_MONITOR },
	{ make_active, suspend, HA_STATE_ACTIVE, HA_STATE_SUSPENDED,
	    HA_CAUSE_OPERATOR },
	{ make_non_functional, heal, HA_STATE_NON_FUNCTIONAL,
	    HA_STATE_TENTATIVE, HA_CAUSE_WELL },
	{ make_non_functional, suspend, HA_STATE_NON_FUNCTIONAL,
	    HA_STATE_SUSPENDED, HA_CAUSE_OPERATOR },
	{ make_tentative, hold, HA_STATE_TENTATIVE, HA_STATE_ACTIVE,
	    HA_CAUSE_HELD },
	{ make_tentative, break_down, HA_STATE_TENTATIVE,
	    HA_STATE_NON_FUNCTIONAL, HA_CAUSE_MONITOR },
	{ make_tentative, suspend, HA_STATE_TENTATIVE, HA_STATE_SUSPENDED,
	    HA_CAUSE_OPERATOR },
	{ make_tentative, fail_again, HA_STATE_TENTATIVE, HA_STATE_SUSPENDED,
	    HA_CAUSE_FLAPS },
	{ make_suspended, call_back, HA_STATE_SUSPENDED, HA_STATE_TENTATIVE,
	    HA_CAUSE_FUNCTIONAL },
	{ make_suspended_by_flaps, call_back, HA_STATE_SUSPENDED,
	    HA_STATE_TENTATIVE, HA_CAUSE_FUNCTIONAL },
	{ make_suspended_by_flaps, suspend, HA_STATE_SUSPENDED,
	    HA_STATE_SUSPENDED, HA_CAUSE_OPERATOR },
};

START_TEST(each_move_of_the_table_is_made)
{
	moves[_i].make();
	check_state(1, moves[_i].from);
	moves[_i].act();
	check_last_move(1, moves[_i].from, moves[_i].to, moves[_i].cause);
	check_state(1, moves[_i].to);
}
END_TEST

START_TEST(a_failure_of_an_active_member_may_be_one_too_many)
{
	start_all();
	rig.m[1].settings.tentative_hold = ha_dur_ms(0);
	reload(1);
	for (int i = 0; i < 3; i++) {
		break_down();
		heal();
		rig_run_ms(20);
		check_state(1, HA_STATE_ACTIVE);
	}
	break_down();
	check_last_move(1, HA_STATE_ACTIVE, HA_STATE_SUSPENDED, HA_CAUSE_FLAPS);
}
END_TEST

static const struct {
	void (*make)(void);
	void (*act)(void);
	const char *why;
} stays[] = {
	{ make_initial, call_back, "nobody took it out" },
	{ make_active, call_back, "nobody took it out" },
	{ make_active, let_pass, "nothing happened" },
	{ make_non_functional, call_back, "a word heals nothing" },
	{ make_non_functional, hold, "it has failed still" },
	{ make_suspended, break_down, "it is out already" },
	{ make_suspended, hold, "only a person calls it back" },
	{ make_suspended_by_flaps, heal, "only a person calls it back" },
};

START_TEST(nothing_else_moves_it)
{
	enum ha_state before;

	stays[_i].make();
	before = rig_state(1);
	stays[_i].act();
	ck_assert_msg(rig_state(1) == before, "%s", stays[_i].why);
}
END_TEST

START_TEST(the_reason_names_what_failed)
{
	start_all();
	judge(1, 1, HA_VERDICT_FAILED);
	judge(1, 0, HA_VERDICT_WELL);
	rig_run_ms(10);
	ck_assert_str_eq(view(1).reason, "failed: path group far");
}
END_TEST

START_TEST(a_called_back_member_that_has_failed_says_so)
{
	make_suspended();
	break_down();
	call_back();
	rig_run_ms(10);
	check_last_move(
	    1, HA_STATE_TENTATIVE, HA_STATE_NON_FUNCTIONAL, HA_CAUSE_MONITOR);
	ck_assert_uint_eq(view(1).flaps, 1);
}
END_TEST

START_TEST(the_others_hear_of_a_move_at_once)
{
	start_all();
	break_down();
	rig_run_ms(20);
	ck_assert_int_eq(state_heard(2, 1), HA_STATE_NON_FUNCTIONAL);
	ck_assert_int_eq(state_heard(3, 1), HA_STATE_NON_FUNCTIONAL);
}
END_TEST

/* ---- a start ---- */

START_TEST(who_is_alone_in_the_file_is_active_at_once)
{
	start_alone();
}
END_TEST

START_TEST(an_unreachable_member_holds_back_for_threshold_and_timeout)
{
	rig.m[1].settings.synchronization_timeout = ha_dur_s(120);
	rig_start(1, HA_START_FIRST);
	rig_run_ms(120900);
	check_state(1, HA_STATE_INITIAL);
	ck_assert_uint_eq(
	    view(1).waiting_for, ha_member_bit(2) | ha_member_bit(3));
	rig_run_ms(200);
	check_state(1, HA_STATE_ACTIVE);
}
END_TEST

static bool
drop_batches(uint8_t from, uint8_t to, const struct ha_message *m)
{
	(void)from;
	(void)to;
	return m->kind == HA_MSG_BATCH;
}

START_TEST(a_member_without_progress_holds_back_for_30_s)
{
	rig_start(2, HA_START_FIRST);
	rig_run_ms(1200);
	rig.drop = drop_batches;
	rig_start(1, HA_START_FIRST);
	rig_connect(1, 2);
	rig_run_ms(29000);
	check_state(1, HA_STATE_INITIAL);
	rig_run_ms(2500);
	check_state(1, HA_STATE_ACTIVE);
	rig.drop = NULL;
}
END_TEST

START_TEST(a_start_waits_for_the_first_word_of_a_monitor)
{
	rig_start(1, HA_START_FIRST);
	judge(1, 0, HA_VERDICT_WELL);
	judge(1, 1, HA_VERDICT_UNKNOWN);
	rig_run_ms(5000);
	check_state(1, HA_STATE_INITIAL);
	judge_now(1, 1, HA_VERDICT_WELL);
	check_state(1, HA_STATE_ACTIVE);
}
END_TEST

START_TEST(a_start_that_was_suspended_by_an_operator_stays_so)
{
	rig.m[1].settings.suspended = true;
	rig_start(1, HA_START_RESTART);
	rig_run_ms(10);
	check_last_move(
	    1, HA_STATE_INITIAL, HA_STATE_SUSPENDED, HA_CAUSE_OPERATOR);
	rig_run_ms(5000);
	check_state(1, HA_STATE_SUSPENDED);
	ck_assert(!view(1).collecting);
}
END_TEST

/* 2 is of another age, 3 is not: 1 is no stranger here. */
START_TEST(one_strange_member_among_others_is_the_stranger)
{
	rig_start(3, HA_START_FIRST);
	rig_run_ms(1200);
	rig_start(1, HA_START_FIRST);
	find_strange(1, 2);
	rig_connect(1, 3);
	rig_run_ms(1200);
	check_state(1, HA_STATE_ACTIVE);
}
END_TEST

START_TEST(strangers_that_turn_up_later_take_nobody_out)
{
	start_alone();
	rig.m[1].settings.members[1].present = true;
	reload(1);
	find_strange(1, 2);
	rig_run_ms(100);
	check_state(1, HA_STATE_ACTIVE);
}
END_TEST

START_TEST(a_stranger_is_one_of_them_when_a_link_comes_up)
{
	make_initial();
	meet_strangers();
	check_state(1, HA_STATE_NON_FUNCTIONAL);
	rig_start(2, HA_START_FIRST);
	rig_connect(1, 2);
	rig_run_ms(HOLD_DOWN_MS + 50);
	check_state(1, HA_STATE_TENTATIVE);
	hold();
	check_state(1, HA_STATE_ACTIVE);
}
END_TEST

START_TEST(a_stranger_that_finds_nobody_any_more_goes_on_alone)
{
	make_initial();
	meet_strangers();
	rig_run_ms(55000);
	find_strange(1, 2);
	rig_run_ms(55000);
	ck_assert(ha_time_is_never(view(1).hold_until));
	rig_run_ms(10000);
	ck_assert(!ha_time_is_never(view(1).hold_until));
}
END_TEST

/* ---- holds ---- */

START_TEST(what_failed_is_well_for_the_whole_hold_down)
{
	make_non_functional();
	judge(1, 0, HA_VERDICT_WELL);
	rig_run_ms(HOLD_DOWN_MS - 20);
	check_state(1, HA_STATE_NON_FUNCTIONAL);
	rig_run_ms(30);
	check_state(1, HA_STATE_TENTATIVE);
}
END_TEST

START_TEST(a_relapse_begins_the_hold_down_anew)
{
	make_non_functional();
	judge(1, 0, HA_VERDICT_WELL);
	rig_run_ms(HOLD_DOWN_MS - 1000);
	judge(1, 0, HA_VERDICT_FAILED); /* for less than a turn */
	judge(1, 0, HA_VERDICT_WELL);
	rig_run_ms(HOLD_DOWN_MS - 20);
	check_state(1, HA_STATE_NON_FUNCTIONAL);
	rig_run_ms(30);
	check_state(1, HA_STATE_TENTATIVE);
	ck_assert_uint_eq(view(1).flaps, 1);
}
END_TEST

START_TEST(all_that_failed_is_well_for_the_hold_down)
{
	make_non_functional();
	judge(1, 1, HA_VERDICT_FAILED);
	judge(1, 0, HA_VERDICT_WELL);
	rig_run_ms(HOLD_DOWN_MS);
	judge(1, 1, HA_VERDICT_WELL);
	rig_run_ms(HOLD_DOWN_MS - 20);
	check_state(1, HA_STATE_NON_FUNCTIONAL);
	rig_run_ms(30);
	check_state(1, HA_STATE_TENTATIVE);
}
END_TEST

START_TEST(a_monitor_that_is_no_more_holds_nothing)
{
	make_non_functional();
	judge(1, 0, HA_VERDICT_NONE);
	rig_run_ms(HOLD_DOWN_MS + 20);
	check_state(1, HA_STATE_TENTATIVE);
}
END_TEST

START_TEST(a_monitor_that_begins_anew_speaks_first)
{
	make_non_functional();
	judge(1, 0, HA_VERDICT_UNKNOWN);
	rig_run_ms(HOLD_DOWN_MS + 20);
	check_state(1, HA_STATE_NON_FUNCTIONAL);
	heal();
	check_state(1, HA_STATE_TENTATIVE);
}
END_TEST

START_TEST(a_tentative_member_waits_for_routing)
{
	make_tentative();
	rig_run_ms(HOLD_MS - 30);
	check_state(1, HA_STATE_TENTATIVE);
	rig_run_ms(50);
	check_state(1, HA_STATE_ACTIVE);
}
END_TEST

START_TEST(a_tentative_member_synchronises_before_it_holds)
{
	make_suspended();
	rig_kill(2);
	rig_start(2, HA_START_BOOT);
	rig.drop = drop_batches;
	rig_connect(1, 2);
	call_back();
	rig_run_ms(5000);
	ck_assert((view(1).waiting_for & ha_member_bit(2)) != 0);
	ck_assert(ha_time_is_never(view(1).hold_until));
	rig.drop = NULL;
	rig_run_ms(2000);
	ck_assert_uint_eq(view(1).waiting_for, 0);
	rig_run_ms(HOLD_MS - 2000);
	check_state(1, HA_STATE_TENTATIVE);
	rig_run_ms(2000);
	check_state(1, HA_STATE_ACTIVE);
}
END_TEST

START_TEST(without_a_hold_it_is_active_at_once)
{
	rig.m[1].settings.tentative_hold = ha_dur_ms(0);
	make_tentative();
	rig_run_ms(60);
	check_state(1, HA_STATE_ACTIVE);
}
END_TEST

/* ---- flaps ---- */

static void
flap(int times)
{
	for (int i = 0; i < times; i++) {
		break_down();
		heal();
	}
}

START_TEST(the_last_that_forwards_is_never_suspended_by_flaps)
{
	start_alone();
	flap(6);
	break_down();
	check_state(1, HA_STATE_NON_FUNCTIONAL);
	ck_assert(rig.m[1].gate_open);
	ck_assert_uint_eq(view(1).flaps, 7);
}
END_TEST

START_TEST(without_a_limit_flaps_are_only_counted)
{
	rig.m[1].settings.flap_max = 0;
	start_all();
	flap(8);
	break_down();
	check_state(1, HA_STATE_NON_FUNCTIONAL);
	ck_assert_uint_eq(view(1).flaps, 9);
}
END_TEST

START_TEST(an_operator_begins_the_count_anew)
{
	start_all();
	flap(3);
	ck_assert_uint_eq(view(1).flaps, 3);
	admin(1, _i == 0 ? HA_ADMIN_FUNCTIONAL : HA_ADMIN_SUSPEND);
	ck_assert_uint_eq(view(1).flaps, 0);
}
END_TEST

START_TEST(what_is_15_minutes_ago_counts_no_more)
{
	start_all();
	flap(3);
	hold();
	rig_run_ms(QUIET_MS - HOLD_DOWN_MS - HOLD_MS - 1000);
	ck_assert_uint_ge(view(1).flaps, 1);
	rig_run_ms(1100);
	ck_assert_uint_eq(view(1).flaps, 0);
	flap(3);
	break_down();
	check_state(1, HA_STATE_SUSPENDED);
}
END_TEST

START_TEST(a_restart_calls_back_who_was_suspended_by_flaps)
{
	make_suspended_by_flaps();
	ck_assert_int_eq(view(1).cause, HA_CAUSE_FLAPS);
	rig_kill(1);
	rig_start(1, HA_START_RESTART);
	connect_all();
	rig_run_ms(500);
	check_state(1, HA_STATE_ACTIVE);
}
END_TEST

/* ---- the gate ---- */

static const struct {
	void (*make)(void);
	bool open;
	const char *why;
} gates[] = {
	{ make_active, true, "active" },
	{ make_non_functional, false, "failed beside active members" },
	{ make_tentative, false, "tentative beside active members" },
	{ make_suspended, false, "suspended" },
	{ make_suspended_by_flaps, false, "suspended by flaps" },
};

START_TEST(the_gate_follows_the_state)
{
	gates[_i].make();
	rig_run_ms(20);
	ck_assert_msg(
	    rig.m[1].gate_open == gates[_i].open, "%s", gates[_i].why);
}
END_TEST

START_TEST(a_start_leaves_the_gate_as_it_is)
{
	rig.m[1].gate_open = _i != 0;
	make_initial();
	ck_assert(rig.m[1].gate_open == (_i != 0));
}
END_TEST

START_TEST(what_fails_everywhere_closes_no_gate)
{
	start_all();
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++)
		judge(m, 0, HA_VERDICT_FAILED);
	rig_run_ms(50);
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++) {
		check_state(m, HA_STATE_NON_FUNCTIONAL);
		ck_assert(rig.m[m].gate_open);
		ck_assert(rig.m[m].alarm);
	}
}
END_TEST

START_TEST(the_gate_opens_when_the_last_active_member_goes)
{
	make_non_functional();
	ck_assert(!rig.m[1].gate_open);
	judge(2, 0, HA_VERDICT_FAILED);
	rig_run_ms(50);
	ck_assert(!rig.m[1].gate_open);
	rig_kill(3);
	rig_run_ms(1500);
	ck_assert(rig.m[1].gate_open);
	ck_assert(rig.m[2].gate_open);
	ck_assert(rig.m[1].alarm);
}
END_TEST

START_TEST(the_gate_closes_when_another_is_active_again)
{
	start_all();
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++)
		judge(m, 0, HA_VERDICT_FAILED);
	rig_run_ms(50);
	judge(2, 0, HA_VERDICT_WELL);
	rig_run_ms(HOLD_DOWN_MS + HOLD_MS - 100);
	check_state(2, HA_STATE_TENTATIVE);
	ck_assert(rig.m[2].gate_open);
	rig_run_ms(300);
	check_state(2, HA_STATE_ACTIVE);
	ck_assert(rig.m[2].gate_open);
	ck_assert(!rig.m[1].gate_open);
	ck_assert(!rig.m[3].gate_open);
	ck_assert(!rig.m[1].alarm);
}
END_TEST

START_TEST(a_suspended_member_forwards_for_nobody)
{
	start_alone();
	suspend();
	rig_run_ms(5000);
	ck_assert(!rig.m[1].gate_open);
}
END_TEST

/* It may hold nothing of what the others have. */
START_TEST(a_boot_that_fails_opens_nothing_before_it_has_looked_around)
{
	rig_start(1, HA_START_BOOT);
	judge(1, 0, HA_VERDICT_FAILED);
	rig_run_ms(500);
	check_state(1, HA_STATE_NON_FUNCTIONAL);
	ck_assert(!rig.m[1].gate_open);
	rig_run_ms(1000);
	ck_assert(rig.m[1].gate_open);
}
END_TEST

START_TEST(a_stranger_opens_nothing)
{
	make_initial();
	meet_strangers();
	rig_run_ms(30000);
	ck_assert(!rig.m[1].gate_open);
}
END_TEST

/* ---- sessions ---- */

static uint8_t
owner_at(uint8_t m, uint16_t port)
{
	struct ha_view_session v;

	return rig_find(m, port, &v) ? v.version.owner : 0;
}

static void
packet(uint8_t m, uint16_t port)
{
	struct ha_input in = rig_event(HA_SESSION_UPDATE, port);

	rig.m[m].kernel[port] = RIG_CARRIED;
	rig_feed(m, &in);
}

START_TEST(who_is_out_goes_on_receiving_and_publishing)
{
	start_all();
	rig_flow(1, 7);
	if (_i == 0)
		suspend();
	else
		break_down();
	rig_flow(2, 8);
	rig_flow(1, 9);
	rig_run_ms(100);
	ck_assert_uint_eq(owner_at(1, 8), 2);
	ck_assert_uint_eq(owner_at(2, 7), 1);
	ck_assert_uint_eq(owner_at(2, 9), 1);
}
END_TEST

START_TEST(what_it_owns_is_claimed_without_asking)
{
	start_all();
	rig_flow(1, 7);
	rig_run_ms(100);
	if (_i == 0)
		suspend();
	else
		break_down();
	rig_run_ms(50);
	packet(2, 7);
	rig_run_ms(20);
	ck_assert_uint_eq(owner_at(2, 7), 2);
	rig_run_ms(50);
	ck_assert_uint_eq(owner_at(1, 7), 2);
	ck_assert_uint_eq(ha_view_counters(rig.m[1].core)->claims_unasked, 0);
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

static TCase *
add_case(Suite *s, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	return tc;
}

static void
add_moves(Suite *s)
{
	TCase *tc = add_case(s, "moves");

	tcase_add_loop_test(tc, each_move_of_the_table_is_made, 0, ROWS(moves));
	tcase_add_test(tc, a_failure_of_an_active_member_may_be_one_too_many);
	tcase_add_loop_test(tc, nothing_else_moves_it, 0, ROWS(stays));
	tcase_add_test(tc, the_reason_names_what_failed);
	tcase_add_test(tc, a_called_back_member_that_has_failed_says_so);
	tcase_add_test(tc, the_others_hear_of_a_move_at_once);

	tc = add_case(s, "start");
	tcase_add_test(tc, who_is_alone_in_the_file_is_active_at_once);
	tcase_add_test(
	    tc, an_unreachable_member_holds_back_for_threshold_and_timeout);
	tcase_add_test(tc, a_member_without_progress_holds_back_for_30_s);
	tcase_add_test(tc, a_start_waits_for_the_first_word_of_a_monitor);
	tcase_add_test(tc, a_start_that_was_suspended_by_an_operator_stays_so);
	tcase_add_test(tc, one_strange_member_among_others_is_the_stranger);
	tcase_add_test(tc, strangers_that_turn_up_later_take_nobody_out);
	tcase_add_test(tc, a_stranger_is_one_of_them_when_a_link_comes_up);
	tcase_add_test(tc, a_stranger_that_finds_nobody_any_more_goes_on_alone);
}

static void
add_timers(Suite *s)
{
	TCase *tc = add_case(s, "holds");

	tcase_add_test(tc, what_failed_is_well_for_the_whole_hold_down);
	tcase_add_test(tc, a_relapse_begins_the_hold_down_anew);
	tcase_add_test(tc, all_that_failed_is_well_for_the_hold_down);
	tcase_add_test(tc, a_monitor_that_is_no_more_holds_nothing);
	tcase_add_test(tc, a_monitor_that_begins_anew_speaks_first);
	tcase_add_test(tc, a_tentative_member_waits_for_routing);
	tcase_add_test(tc, a_tentative_member_synchronises_before_it_holds);
	tcase_add_test(tc, without_a_hold_it_is_active_at_once);

	tc = add_case(s, "flaps");
	tcase_add_test(tc, the_last_that_forwards_is_never_suspended_by_flaps);
	tcase_add_test(tc, without_a_limit_flaps_are_only_counted);
	tcase_add_loop_test(tc, an_operator_begins_the_count_anew, 0, 2);
	tcase_add_test(tc, what_is_15_minutes_ago_counts_no_more);
	tcase_add_test(tc, a_restart_calls_back_who_was_suspended_by_flaps);
}

static void
add_gate(Suite *s)
{
	TCase *tc = add_case(s, "gate");

	tcase_add_loop_test(tc, the_gate_follows_the_state, 0, ROWS(gates));
	tcase_add_loop_test(tc, a_start_leaves_the_gate_as_it_is, 0, 2);
	tcase_add_test(tc, what_fails_everywhere_closes_no_gate);
	tcase_add_test(tc, the_gate_opens_when_the_last_active_member_goes);
	tcase_add_test(tc, the_gate_closes_when_another_is_active_again);
	tcase_add_test(tc, a_suspended_member_forwards_for_nobody);
	tcase_add_test(
	    tc, a_boot_that_fails_opens_nothing_before_it_has_looked_around);
	tcase_add_test(tc, a_stranger_opens_nothing);

	tc = add_case(s, "sessions");
	tcase_add_loop_test(
	    tc, who_is_out_goes_on_receiving_and_publishing, 0, 2);
	tcase_add_loop_test(tc, what_it_owns_is_claimed_without_asking, 0, 2);
}

int
main(void)
{
	Suite *s = suite_create("state");
	SRunner *sr;
	int failed;

	add_moves(s);
	add_timers(s);
	add_gate(s);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
