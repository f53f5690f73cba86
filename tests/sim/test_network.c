#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "tests/sim/network.h"

static struct event_queue *queue;
static struct network *net;
static struct ha_time now;

/* What the members were told, one word each: "1>2up " is "member 1 was told
 * that its link to member 2 is up". */
static char heard[4096];
static uint64_t generation[4][4];
static uint64_t peer_counter[4][4];
static int rooms;

static void
hear(const struct network_end *e, const char *what, int detail)
{
	size_t len = strlen(heard);

	if (detail >= 0)
		snprintf(heard + len, sizeof(heard) - len, "%d>%d%s%d ",
		    e->self, e->peer, what, detail);
	else
		snprintf(heard + len, sizeof(heard) - len, "%d>%d%s ",
		    e->self, e->peer, what);
}

static void
on_up(void *ctx, const struct network_end *e, struct ha_boot boot,
    uint8_t state)
{
	(void)ctx;
	(void)state;
	generation[e->self][e->peer] = e->generation;
	peer_counter[e->self][e->peer] = boot.counter;
	hear(e, "up", -1);
}

static void
on_down(void *ctx, const struct network_end *e)
{
	(void)ctx;
	hear(e, "down", -1);
}

static void
on_room(void *ctx, const struct network_end *e)
{
	(void)ctx;
	(void)e;
	rooms++;
}

static void
on_frame(void *ctx, const struct network_end *e, const void *data, size_t len)
{
	const unsigned char *bytes = data;

	(void)ctx;
	ck_assert_uint_gt(len, 0);
	hear(e, "=", bytes[0]);
}

static void
run(int64_t ms)
{
	struct ha_time end = ha_time_add(now, ha_dur_ms(ms));
	struct sim_event e;

	while (event_queue_pop(queue, end, &e)) {
		now = e.at;
		network_now(net, now);
		e.run(e.ctx, &e);
	}
	now = end;
	network_now(net, now);
}

static void
start(uint8_t member, uint64_t counter)
{
	network_start(net, member, (struct ha_boot){
		.id = member * 100 + counter,
		.counter = counter,
	});
}

static struct network_end
end_at(uint8_t self, uint8_t peer)
{
	return (struct network_end){
		.self = self,
		.peer = peer,
		.link = HA_LINK_HA4,
		.generation = generation[self][peer],
	};
}

static void
say(uint8_t from, uint8_t to, enum network_urgency urgency,
    unsigned char number, size_t len)
{
	struct network_end e = end_at(from, to);
	unsigned char data[70000] = { number };

	network_send(net, &e, urgency, data, len);
}

static void
setup(void)
{
	const struct network_calls calls = {
		.up = on_up,
		.down = on_down,
		.room = on_room,
		.frame = on_frame,
	};
	const struct network_settings settings = {
		.seed = 7,
		.n_members = 3,
		.links = { true, false },
		.delay_min = { 1000000 },
		.delay_max = { 9000000 },
		.rate = 10000000,
		.backoff_first = ha_dur_ms(100),
		.backoff_max = ha_dur_s(5),
	};

	queue = event_queue_new();
	net = network_new(queue, &settings, &calls);
	now = (struct ha_time){ 0 };
	network_now(net, now);
	heard[0] = '\0';
	rooms = 0;
	start(1, 1);
	start(2, 1);
	run(1000);
	ck_assert_str_eq(heard, "2>1up 1>2up ");
	heard[0] = '\0';
}

static void
teardown(void)
{
	network_free(net);
	event_queue_free(queue);
}

START_TEST(both_ends_learn_the_boot_of_the_other)
{
	ck_assert_uint_eq(peer_counter[1][2], 1);
	ck_assert_uint_eq(peer_counter[2][1], 1);
	ck_assert_uint_eq(generation[1][2], generation[2][1]);
}
END_TEST

START_TEST(frames_arrive_in_the_order_they_left)
{
	for (unsigned char i = 0; i < 8; i++)
		say(1, 2, NETWORK_BULK, i, 100);
	run(100);
	ck_assert_str_eq(heard,
	    "2>1=0 2>1=1 2>1=2 2>1=3 2>1=4 2>1=5 2>1=6 2>1=7 ");
	ck_assert_int_eq(rooms, 8);
}
END_TEST

START_TEST(an_urgent_frame_passes_what_has_not_left)
{
	say(1, 2, NETWORK_BULK, 1, 60000);
	say(1, 2, NETWORK_BULK, 2, 60000);
	say(1, 2, NETWORK_URGENT, 3, 10);
	run(100);
	ck_assert_str_eq(heard, "2>1=1 2>1=3 2>1=2 ");
	ck_assert_int_eq(rooms, 2);
}
END_TEST

START_TEST(a_blocked_direction_holds_back_and_loses_nothing)
{
	network_block(net, 1, 2, HA_LINK_HA4, true);
	say(1, 2, NETWORK_URGENT, 1, 10);
	say(2, 1, NETWORK_URGENT, 2, 10);
	run(5000);
	ck_assert_str_eq(heard, "1>2=2 ");

	heard[0] = '\0';
	network_block(net, 1, 2, HA_LINK_HA4, false);
	say(1, 2, NETWORK_URGENT, 3, 10);
	run(1000);
	ck_assert_str_eq(heard, "2>1=1 2>1=3 ");
}
END_TEST

START_TEST(order_survives_any_flapping)
{
	struct ha_rng rng = { .state = 1 };
	unsigned char next = 0;
	char want[4096] = "";

	for (int i = 0; i < 200; i++) {
		network_block(net, 1, 2, HA_LINK_HA4,
		    ha_rng_below(&rng, 2) == 0);
		say(1, 2, NETWORK_URGENT, next, 10);
		sprintf(want + strlen(want), "2>1=%d ", next++);
		run((int64_t)ha_rng_below(&rng, 300));
	}
	network_block(net, 1, 2, HA_LINK_HA4, false);
	run(2000);
	ck_assert_str_eq(heard, want);
}
END_TEST

START_TEST(a_buffer_that_is_full_gives_no_room)
{
	network_block(net, 1, 2, HA_LINK_HA4, true);
	for (unsigned char i = 0; i < 8; i++)
		say(1, 2, NETWORK_BULK, i, 40000);
	run(5000);
	ck_assert_int_lt(rooms, 8);
	network_block(net, 1, 2, HA_LINK_HA4, false);
	run(5000);
	ck_assert_int_eq(rooms, 8);
}
END_TEST

START_TEST(a_cut_loses_what_is_in_flight_and_is_mended)
{
	uint64_t before = generation[1][2];

	say(1, 2, NETWORK_URGENT, 1, 10);
	network_cut(net, 1, 2, HA_LINK_HA4);
	run(2000);
	ck_assert_ptr_null(strstr(heard, "="));
	ck_assert_ptr_nonnull(strstr(heard, "1>2down"));
	ck_assert_ptr_nonnull(strstr(heard, "2>1down"));
	ck_assert(network_is_up(net, 1, 2, HA_LINK_HA4));
	ck_assert_uint_gt(generation[1][2], before);
	ck_assert_uint_eq(generation[1][2], generation[2][1]);
}
END_TEST

START_TEST(a_close_is_heard_at_the_other_end)
{
	struct network_end e = end_at(2, 1);

	network_close(net, &e);
	run(90);
	ck_assert_ptr_null(strstr(heard, "2>1down"));
	ck_assert_ptr_nonnull(strstr(heard, "1>2down"));
	run(2000);
	ck_assert(network_is_up(net, 2, 1, HA_LINK_HA4));
}
END_TEST

START_TEST(a_close_is_not_heard_through_a_blocked_direction)
{
	struct network_end e = end_at(2, 1);

	network_block(net, 2, 1, HA_LINK_HA4, true);
	network_close(net, &e);
	run(10000);
	ck_assert_str_eq(heard, "");
	ck_assert(network_is_up(net, 1, 2, HA_LINK_HA4));

	network_block(net, 2, 1, HA_LINK_HA4, false);
	run(2000);
	ck_assert_str_eq(heard, "1>2down 2>1up 1>2up ");
}
END_TEST

START_TEST(whoever_sends_to_a_closed_end_is_told)
{
	struct network_end e = end_at(2, 1);

	network_block(net, 2, 1, HA_LINK_HA4, true);
	network_close(net, &e);
	run(100);
	network_cut(net, 1, 2, HA_LINK_HA4_BACKUP); /* no such link: harmless */
	network_block(net, 2, 1, HA_LINK_HA4, false);
	say(1, 2, NETWORK_URGENT, 1, 10);
	run(2000);
	ck_assert_ptr_nonnull(strstr(heard, "1>2down"));
	ck_assert_ptr_null(strstr(heard, "="));
}
END_TEST

START_TEST(a_daemon_that_is_killed_is_noticed_at_once)
{
	network_stop(net, 2);
	run(1000);
	ck_assert_str_eq(heard, "1>2down ");
}
END_TEST

START_TEST(a_host_without_power_is_noticed_by_nobody)
{
	network_power(net, 2, false);
	say(1, 2, NETWORK_URGENT, 1, 10);
	run(60000);
	ck_assert_str_eq(heard, "");
}
END_TEST

START_TEST(a_host_that_comes_back_refuses_old_connections)
{
	network_power(net, 2, false);
	run(1000);
	start(2, 2);
	say(1, 2, NETWORK_URGENT, 1, 10);
	run(2000);
	ck_assert_str_eq(heard, "1>2down 2>1up 1>2up ");
	ck_assert_uint_eq(peer_counter[1][2], 2);
}
END_TEST

START_TEST(a_restarted_dialler_replaces_its_old_connection)
{
	network_power(net, 1, false);
	run(1000);
	start(1, 2);
	run(2000);
	ck_assert_ptr_nonnull(strstr(heard, "2>1up"));
	ck_assert_ptr_nonnull(strstr(heard, "2>1down"));
	ck_assert_ptr_null(strstr(heard, "1>2down"));
	ck_assert_uint_eq(peer_counter[2][1], 2);
	ck_assert(network_is_up(net, 2, 1, HA_LINK_HA4));
}
END_TEST

START_TEST(no_handshake_passes_a_frozen_daemon)
{
	network_freeze(net, 2, true);
	network_cut(net, 1, 2, HA_LINK_HA4);
	run(20000);
	ck_assert_ptr_null(strstr(heard, "up"));
	network_freeze(net, 2, false);
	run(8000);
	ck_assert(network_is_up(net, 1, 2, HA_LINK_HA4));
	ck_assert(network_is_up(net, 2, 1, HA_LINK_HA4));
}
END_TEST

START_TEST(a_lost_frame_is_lost_alone)
{
	network_lose_one(net, 1, 2, HA_LINK_HA4);
	say(1, 2, NETWORK_URGENT, 1, 10);
	say(1, 2, NETWORK_BULK, 2, 10);
	say(1, 2, NETWORK_BULK, 3, 10);
	run(100);
	ck_assert_str_eq(heard, "2>1=1 2>1=3 ");
}
END_TEST

START_TEST(a_slow_direction_takes_its_time)
{
	network_slow(net, 1, 2, HA_LINK_HA4, 10000);
	say(1, 2, NETWORK_BULK, 1, 10000);
	run(900);
	ck_assert_str_eq(heard, "");
	run(200);
	ck_assert_str_eq(heard, "2>1=1 ");
}
END_TEST

START_TEST(a_third_member_joins_both)
{
	start(3, 1);
	run(9000);
	ck_assert(network_is_up(net, 3, 1, HA_LINK_HA4));
	ck_assert(network_is_up(net, 2, 3, HA_LINK_HA4));
	ck_assert(!network_is_up(net, 1, 3, HA_LINK_HA4_BACKUP));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("network");
	TCase *tc = tcase_create("links");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, both_ends_learn_the_boot_of_the_other);
	tcase_add_test(tc, frames_arrive_in_the_order_they_left);
	tcase_add_test(tc, an_urgent_frame_passes_what_has_not_left);
	tcase_add_test(tc, a_blocked_direction_holds_back_and_loses_nothing);
	tcase_add_test(tc, order_survives_any_flapping);
	tcase_add_test(tc, a_buffer_that_is_full_gives_no_room);
	tcase_add_test(tc, a_cut_loses_what_is_in_flight_and_is_mended);
	tcase_add_test(tc, a_close_is_heard_at_the_other_end);
	tcase_add_test(tc, a_close_is_not_heard_through_a_blocked_direction);
	tcase_add_test(tc, whoever_sends_to_a_closed_end_is_told);
	tcase_add_test(tc, a_daemon_that_is_killed_is_noticed_at_once);
	tcase_add_test(tc, a_host_without_power_is_noticed_by_nobody);
	tcase_add_test(tc, a_host_that_comes_back_refuses_old_connections);
	tcase_add_test(tc, a_restarted_dialler_replaces_its_old_connection);
	tcase_add_test(tc, no_handshake_passes_a_frozen_daemon);
	tcase_add_test(tc, a_lost_frame_is_lost_alone);
	tcase_add_test(tc, a_slow_direction_takes_its_time);
	tcase_add_test(tc, a_third_member_joins_both);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
