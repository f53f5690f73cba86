/* Members come, go and stop sharing sessions while the others run. */
#include <check.h>
#include <stdlib.h>

#include "core_rig.h"

static void
setup(void)
{
	rig_begin();
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++)
		rig.m[m].settings.timeouts.tcp_s[HA_TCP_ESTABLISHED] = 60;
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

/* A reload at m. */
static void
tell(uint8_t m, ha_member_set replaced)
{
	rig_feed(m, &(struct ha_input){ .kind = HA_IN_SETTINGS,
		.u.settings = { &rig.m[m].settings, replaced } });
}

static void
set_present(uint8_t m, uint8_t about, bool present)
{
	rig.m[m].settings.members[about - 1].present = present;
	if (rig.m[m].core != NULL)
		tell(m, 0);
}

static void
set_synchronization(uint8_t m, uint8_t about, bool on)
{
	rig.m[m].settings.members[about - 1].synchronization = on;
	if (rig.m[m].core != NULL)
		tell(m, 0);
}

static void
packet(uint8_t m, uint16_t port)
{
	struct ha_input in = rig_event(HA_SESSION_UPDATE, port);

	rig.m[m].kernel[port] = RIG_CARRIED;
	rig_feed(m, &in);
}

static uint8_t
owner_at(uint8_t m, uint16_t port)
{
	struct ha_view_session v;

	return rig_find(m, port, &v) ? v.version.owner : 0;
}

/* Streams of that owner that m holds or hears of. */
static unsigned int
streams_of(uint8_t m, uint8_t owner)
{
	struct ha_view_stream v[HA_STREAM_MAX * 4];
	size_t n = ha_view_streams(rig.m[m].core, v, HA_STREAM_MAX * 4);
	unsigned int found = 0;

	for (size_t i = 0; i < n; i++)
		found += v[i].status.stream.owner == owner;
	return found;
}

static bool
is_up(uint8_t m, uint8_t peer)
{
	struct ha_view_peer v;

	return ha_view_peer(rig.m[m].core, peer, &v) == HA_OK && v.up;
}

/* --- out --- */

START_TEST(what_a_member_owned_that_is_out_is_claimed_without_asking)
{
	struct ha_view_peer v;

	start_all();
	rig_flow(3, 7);
	rig_run_ms(500);
	set_present(1, 3, false);
	set_present(2, 3, false);
	ck_assert_int_eq(ha_view_peer(rig.m[1].core, 3, &v), HA_ERR_ABSENT);
	rig_run_ms(50);
	packet(1, 7);
	rig_run_ms(100);
	ck_assert_uint_eq(owner_at(1, 7), 1);
	ck_assert_uint_eq(owner_at(2, 7), 1);
}
END_TEST

START_TEST(the_rest_of_it_ages_and_leaves_nothing)
{
	start_all();
	for (uint16_t port = 1; port <= 50; port++)
		rig_flow(3, port);
	rig_run_ms(500);
	set_present(1, 3, false);
	set_present(2, 3, false);
	rig_run_ms(55000);
	ck_assert_uint_eq(rig_sessions(1), 50);
	rig_run_ms(10000);
	for (uint8_t m = 1; m <= 2; m++) {
		ck_assert_uint_eq(rig_sessions(m), 0);
		ck_assert_uint_eq(streams_of(m, 3), 0);
		for (uint16_t port = 1; port <= 50; port++)
			ck_assert_int_eq(rig.m[m].kernel[port], RIG_NONE);
	}
}
END_TEST

/* Member 1 has the new file first; member 2 hears more from 3 until then. */
START_TEST(those_who_are_left_share_what_any_of_them_has)
{
	start_all();
	rig_flow(3, 7);
	rig_run_ms(500);
	set_present(1, 3, false);
	rig_flow(3, 8);
	rig_run_ms(500);
	ck_assert_uint_eq(owner_at(2, 8), 3);
	set_present(2, 3, false);
	rig_run_ms(2000);
	ck_assert_uint_ne(owner_at(1, 8), 0);
	ck_assert_uint_eq(owner_at(1, 8), owner_at(2, 8));
}
END_TEST

START_TEST(who_starts_later_gets_what_is_left_of_it)
{
	set_present(2, 3, false);
	rig_start(1, HA_START_FIRST);
	rig_start(3, HA_START_FIRST);
	rig_connect(1, 3);
	rig_run_ms(2000);
	rig_flow(3, 7);
	rig_run_ms(500);
	set_present(1, 3, false);
	rig_run_ms(500);
	rig_start(2, HA_START_FIRST);
	rig_connect(1, 2);
	rig_run_ms(2000);
	ck_assert_uint_eq(owner_at(2, 7), 3);
	packet(2, 7);
	rig_run_ms(100);
	ck_assert_uint_eq(owner_at(1, 7), 2);
}
END_TEST

START_TEST(a_member_that_is_put_back_goes_on_where_it_was)
{
	start_all();
	rig_flow(3, 7);
	rig_flow(3, 8);
	rig_run_ms(500);
	set_present(1, 3, false);
	set_present(2, 3, false);
	rig_run_ms(2000);
	packet(1, 8);
	rig_flow(3, 9);
	rig_flow(1, 10);
	rig_run_ms(5000);
	set_present(1, 3, true);
	set_present(2, 3, true);
	rig_connect(1, 3);
	rig_connect(2, 3);
	rig_run_ms(90000);
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++) {
		ck_assert_uint_eq(rig_sessions(m), 4);
		ck_assert_uint_eq(owner_at(m, 7), 3);
		ck_assert_uint_eq(owner_at(m, 9), 3);
		ck_assert_uint_eq(owner_at(m, 10), 1);
	}
}
END_TEST

START_TEST(a_link_of_a_member_that_is_out_is_closed)
{
	struct ha_input in = { .kind = HA_IN_LINK, .now = { 0 },
		.u.link = { .event = HA_LINK_UP, .peer = 3, .generation = 99,
			.boot = { 77, 7 } } };
	const struct ha_output *out;
	size_t n;

	start_all();
	set_present(1, 3, false);
	in.now = rig.now;
	ck_assert_int_eq(ha_core_step(rig.m[1].core, &in), HA_OK);
	out = ha_core_outputs(rig.m[1].core, &n);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(out[0].kind, HA_OUT_CLOSE);
	ck_assert_int_eq(out[0].u.close.reason, HA_CLOSE_REMOVED);
	ck_assert_uint_eq(out[0].u.close.generation, 99);
}
END_TEST

START_TEST(a_link_that_did_not_change_stays_up)
{
	const struct ha_counters *n;
	uint64_t up;

	start_all();
	n = ha_view_counters(rig.m[1].core);
	up = n->links_up;
	for (int i = 0; i < 200; i++) {
		set_present(1, 3, i % 2 == 1);
		set_present(2, 3, i % 2 == 1);
		if (i % 2 == 1) {
			rig_connect(1, 3);
			rig_connect(2, 3);
		}
		rig_run_ms(100);
	}
	ck_assert(is_up(1, 2));
	ck_assert(is_up(2, 1));
	ck_assert_uint_eq(n->links_up - up, 100);
	ck_assert_uint_eq(streams_of(1, 3), 3);
}
END_TEST

/* --- new hardware --- */

START_TEST(new_hardware_takes_over_what_the_old_one_owned)
{
	start_all();
	rig_flow(3, 7);
	rig_run_ms(500);
	rig_kill(3);
	rig.m[3].kernel[7] = RIG_NONE;
	rig_run_ms(100);
	tell(1, ha_member_bit(3));
	tell(2, ha_member_bit(3));
	rig_run_ms(50);
	packet(1, 7); /* lost at once: nobody waits for a threshold */
	rig_run_ms(50);
	ck_assert_uint_eq(owner_at(1, 7), 1);
	rig_flow(1, 8);
	rig_start(3, HA_START_FIRST);
	rig_connect(1, 3);
	rig_connect(2, 3);
	rig_run_ms(5000);
	ck_assert_int_eq(rig_state(3), HA_STATE_ACTIVE);
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++) {
		ck_assert_uint_eq(rig_sessions(m), 2);
		ck_assert_uint_eq(owner_at(m, 7), 1);
	}
}
END_TEST

/* --- off --- */

static void
set_off(uint8_t about, bool off)
{
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++)
		set_synchronization(m, about, !off);
}

START_TEST(nothing_goes_to_or_comes_from_a_member_that_is_off)
{
	start_all();
	rig_flow(3, 7);
	rig_flow(1, 8);
	rig_run_ms(500);
	set_off(3, true);
	rig_flow(3, 17);
	rig_flow(1, 18);
	rig_run_ms(3000);
	ck_assert(is_up(1, 3));
	ck_assert(is_up(3, 2));
	ck_assert_uint_eq(owner_at(1, 17), 0);
	ck_assert_uint_eq(owner_at(2, 17), 0);
	ck_assert_uint_eq(owner_at(3, 18), 0);
	ck_assert_uint_eq(owner_at(2, 18), 1);
}
END_TEST

/* Member 2 still has the old file and would hand on what it gets. */
START_TEST(nor_does_it_come_by_way_of_another)
{
	start_all();
	set_synchronization(1, 3, false);
	rig_flow(3, 7);
	rig_run_ms(3000);
	ck_assert_uint_eq(owner_at(2, 7), 3);
	ck_assert_uint_eq(owner_at(1, 7), 0);
}
END_TEST

START_TEST(what_is_here_of_a_member_that_is_off_is_claimed)
{
	start_all();
	rig_flow(3, 7);
	rig_run_ms(500);
	set_off(3, true);
	rig_run_ms(500);
	packet(2, 7);
	rig_run_ms(100);
	ck_assert_uint_eq(owner_at(1, 7), 2);
}
END_TEST

START_TEST(a_member_that_is_on_again_is_caught_up_with)
{
	start_all();
	rig_flow(3, 7);
	rig_run_ms(500);
	set_off(3, true);
	rig_flow(3, 17);
	rig_flow(1, 18);
	rig_run_ms(90000); /* what was here of it has aged out */
	ck_assert_uint_eq(owner_at(1, 7), 0);
	set_off(3, false);
	rig_run_ms(5000);
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++) {
		ck_assert_uint_eq(owner_at(m, 7), 3);
		ck_assert_uint_eq(owner_at(m, 17), 3);
		ck_assert_uint_eq(owner_at(m, 18), 1);
	}
}
END_TEST

/* What 3 asks for before the others have the file is not lost. */
START_TEST(those_who_share_again_begin_as_soon_as_both_do)
{
	start_all();
	set_off(3, true);
	rig_flow(3, 7);
	rig_flow(1, 8);
	rig_run_ms(3000);
	set_synchronization(3, 3, true);
	rig_run_ms(3000);
	ck_assert_uint_eq(owner_at(3, 8), 0);
	set_off(3, false);
	rig_run_ms(1000);
	ck_assert_uint_eq(owner_at(3, 8), 1);
	ck_assert_uint_eq(owner_at(1, 7), 3);
	ck_assert_uint_eq(owner_at(2, 7), 3);
}
END_TEST

START_TEST(nobody_waits_for_a_member_that_is_off)
{
	set_synchronization(1, 2, false);
	set_present(1, 3, false);
	rig_start(1, HA_START_FIRST);
	rig_run_ms(200);
	ck_assert_int_eq(rig_state(1), HA_STATE_ACTIVE);
}
END_TEST

/* --- thresholds --- */

static void
set_threshold(uint8_t m, int ms)
{
	for (int k = 0; k < HA_LINK_MAX; k++)
		rig.m[m].settings.threshold[k] = ha_dur_ms(ms);
	if (rig.m[m].core != NULL)
		tell(m, 0);
}

static const struct {
	const char *why;
	int before_ms;
	int after_ms;
} threshold_cases[] = {
	{ "shorter", 10000, 1000 },
	{ "longer", 1000, 10000 },
};

START_TEST(a_threshold_may_change_at_one_before_the_others)
{
	int before = threshold_cases[_i].before_ms;
	int after = threshold_cases[_i].after_ms;

	for (uint8_t m = 1; m <= RIG_MEMBERS; m++)
		set_threshold(m, before);
	start_all();
	set_threshold(1, after);
	rig_run_ms(20000);
	set_threshold(2, after);
	rig_run_ms(20000);
	set_threshold(3, after);
	rig_run_ms(90000);
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++)
		ck_assert_msg(ha_view_counters(rig.m[m].core)->links_down == 0,
		    "%s at %u", threshold_cases[_i].why, m);
	rig_kill(3);
	rig_run_ms(after + after / 2);
	ck_assert(!is_up(1, 3));
	ck_assert(!is_up(2, 3));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("membership");
	TCase *tc = tcase_create("three members");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc,
	    what_a_member_owned_that_is_out_is_claimed_without_asking);
	tcase_add_test(tc, the_rest_of_it_ages_and_leaves_nothing);
	tcase_add_test(tc, those_who_are_left_share_what_any_of_them_has);
	tcase_add_test(tc, who_starts_later_gets_what_is_left_of_it);
	tcase_add_test(tc, a_member_that_is_put_back_goes_on_where_it_was);
	tcase_add_test(tc, a_link_of_a_member_that_is_out_is_closed);
	tcase_add_test(tc, a_link_that_did_not_change_stays_up);
	tcase_add_test(tc, new_hardware_takes_over_what_the_old_one_owned);
	tcase_add_test(tc,
	    nothing_goes_to_or_comes_from_a_member_that_is_off);
	tcase_add_test(tc, nor_does_it_come_by_way_of_another);
	tcase_add_test(tc, what_is_here_of_a_member_that_is_off_is_claimed);
	tcase_add_test(tc, a_member_that_is_on_again_is_caught_up_with);
	tcase_add_test(tc, those_who_share_again_begin_as_soon_as_both_do);
	tcase_add_test(tc, nobody_waits_for_a_member_that_is_off);
	tcase_add_loop_test(tc,
	    a_threshold_may_change_at_one_before_the_others, 0,
	    (int)(sizeof(threshold_cases) / sizeof(threshold_cases[0])));
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
