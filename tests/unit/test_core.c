/* The core by itself: two members, their messages passed by hand. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"
#include "core/views.h"

#define MEMBERS 2

static struct ha_core *core[MEMBERS + 1];
static struct ha_time now;
static bool cut;

static struct ha_settings
settings_of(uint8_t self)
{
	struct ha_settings s = { .self = self,
		.boot = { 0x1000u + self, 1 }, .start = HA_START_FIRST,
		.handoff_idle = ha_dur_ms(1000), .table_size = 64,
		.timeouts = ha_timeouts_default() };

	for (int i = 0; i < MEMBERS; i++)
		s.members[i] = (struct ha_member_settings){ true, true, 0 };
	for (int k = 0; k < HA_LINK_MAX; k++) {
		s.threshold[k] = ha_dur_ms(1000);
		s.link_configured[k] = true;
	}
	return s;
}

static void feed(uint8_t m, struct ha_input *in);

/* Messages are copied: a step of the peer may end the life of ours. */
struct parcel {
	struct ha_message message;
	struct ha_entry entries[HA_BATCH_MAX];
	uint8_t from;
	uint8_t link;
	uint64_t generation;
};

static struct parcel queue[64];
static size_t n_queue;

static void
post(uint8_t from, const struct ha_out_send *s)
{
	struct parcel *p = &queue[n_queue++];

	ck_assert_uint_lt(n_queue, 64);
	p->message = *s->message;
	p->from = from;
	p->link = s->link;
	p->generation = s->generation;
	if (p->message.kind == HA_MSG_BATCH) {
		memcpy(p->entries, s->message->u.batch.entries,
		    s->message->u.batch.n_entries * sizeof(p->entries[0]));
		p->message.u.batch.entries = p->entries;
	}
}

static void
perform(uint8_t m)
{
	size_t n;
	const struct ha_output *out = ha_core_outputs(core[m], &n);
	uint64_t tickets[HA_KERNEL_OPS_MAX];
	size_t n_tickets = 0;
	bool dump = false;

	for (size_t i = 0; i < n; i++) {
		if (out[i].kind == HA_OUT_SEND)
			post(m, &out[i].u.send);
		if (out[i].kind == HA_OUT_DUMP)
			dump = true;
		for (int k = 0; out[i].kind == HA_OUT_KERNEL &&
		    k < out[i].u.kernel.n_ops; k++)
			tickets[n_tickets++] = out[i].u.kernel.ops[k].ticket;
	}
	for (size_t i = 0; i < n_tickets; i++)
		feed(m, &(struct ha_input){ .kind = HA_IN_DONE,
			.u.done = { tickets[i], HA_OK } });
	if (dump) {
		feed(m, &(struct ha_input){ .kind = HA_IN_DUMP,
			.u.dump.event = HA_DUMP_BEGIN });
		feed(m, &(struct ha_input){ .kind = HA_IN_DUMP,
			.u.dump.event = HA_DUMP_END });
	}
}

static void
feed(uint8_t m, struct ha_input *in)
{
	in->now = now;
	ck_assert_int_eq(ha_core_step(core[m], in), HA_OK);
	perform(m);
}

static void
deliver(void)
{
	static struct parcel box;

	for (size_t i = 0; i < n_queue; i++) {
		box = queue[i];
		if (box.message.kind == HA_MSG_BATCH)
			box.message.u.batch.entries = box.entries;
		if (cut)
			continue;
		feed(box.from, &(struct ha_input){ .kind = HA_IN_LINK,
			.u.link = { .event = HA_LINK_ROOM,
				.peer = (uint8_t)(3 - box.from),
				.link = box.link,
				.generation = box.generation } });
		feed((uint8_t)(3 - box.from),
		    &(struct ha_input){ .kind = HA_IN_MESSAGE,
			.u.message = { .peer = box.from, .link = box.link,
				.generation = box.generation,
				.message = &box.message } });
	}
	n_queue = 0;
}

static void
run_ms(int ms)
{
	for (int i = 0; i < ms; i += 10) {
		now = ha_time_add(now, ha_dur_ms(10));
		for (uint8_t m = 1; m <= MEMBERS; m++)
			if (core[m] != NULL)
				feed(m, &(struct ha_input){ .kind = HA_IN_TICK });
		deliver();
	}
}

static void
connect_members(void)
{
	for (uint8_t m = 1; m <= MEMBERS; m++)
		feed(m, &(struct ha_input){ .kind = HA_IN_LINK,
			.u.link = { .event = HA_LINK_UP,
				.peer = (uint8_t)(3 - m), .link = HA_LINK_HA4,
				.generation = 1,
				.boot = { 0x1000u + 3u - m, 1 } } });
}

static void
setup(void)
{
	now = (struct ha_time){ 1000 };
	cut = false;
	n_queue = 0;
	for (uint8_t m = 1; m <= MEMBERS; m++) {
		struct ha_settings s = settings_of(m);

		core[m] = ha_core_new(&s, m, now);
		ck_assert_ptr_nonnull(core[m]);
	}
}

static void
teardown(void)
{
	for (int m = 1; m <= MEMBERS; m++)
		ha_core_free(core[m]);
}

static struct ha_input
tcp_event(enum ha_session_event event, uint16_t port)
{
	struct ha_record r = { .status = HA_STATUS_SEEN_REPLY |
		HA_STATUS_ASSURED, .tcp_state = HA_TCP_ESTABLISHED };

	r.orig = (struct ha_tuple){ .src = { 10, 0, 0, 1 },
		.dst = { 10, 0, 1, 1 }, .src_port = port, .dst_port = 80,
		.family = HA_IPV4, .protocol = 6 };
	r.reply = ha_tuple_invert(&r.orig);
	return (struct ha_input){ .kind = HA_IN_SESSION,
		.u.session = { .event = event, .record = r,
			.bits_known = true, .owner_bit = true } };
}

static enum ha_state
state_of(uint8_t m)
{
	struct ha_view_self v;

	ha_view_self(core[m], &v);
	return v.state;
}

/* The only session of m. */
static struct ha_view_session
session_of(uint8_t m)
{
	struct ha_view_session v;
	uint32_t cursor = 0;

	ck_assert(ha_view_next_session(core[m], &cursor, &v));
	return v;
}

static size_t
sessions_of(uint8_t m)
{
	struct ha_view_session v;
	uint32_t cursor = 0;
	size_t n = 0;

	while (ha_view_next_session(core[m], &cursor, &v))
		n++;
	return n;
}

START_TEST(members_that_reach_each_other_become_active)
{
	connect_members();
	run_ms(500);
	ck_assert_int_eq(state_of(1), HA_STATE_ACTIVE);
	ck_assert_int_eq(state_of(2), HA_STATE_ACTIVE);
}
END_TEST

START_TEST(a_member_alone_waits_one_threshold_for_the_others)
{
	run_ms(900);
	ck_assert_int_eq(state_of(1), HA_STATE_INITIAL);
	run_ms(300);
	ck_assert_int_eq(state_of(1), HA_STATE_ACTIVE);
}
END_TEST

START_TEST(an_established_session_is_installed_at_the_other)
{
	struct ha_input in = tcp_event(HA_SESSION_NEW, 1234);
	struct ha_view_session v;

	connect_members();
	run_ms(500);
	feed(1, &in);
	run_ms(200);
	v = session_of(2);
	ck_assert_int_eq(v.role, HA_ROLE_CACHED);
	ck_assert(v.installed);
	ck_assert_uint_eq(v.version.owner, 1);
	ck_assert_uint_eq(v.record.orig.src_port, 1234);
}
END_TEST

START_TEST(a_half_open_session_stays_at_home)
{
	struct ha_input in = tcp_event(HA_SESSION_NEW, 1234);

	in.u.session.record.tcp_state = HA_TCP_SYN_SENT;
	in.u.session.record.status = 0;
	connect_members();
	run_ms(500);
	feed(1, &in);
	run_ms(200);
	ck_assert_uint_eq(sessions_of(1), 1);
	ck_assert_uint_eq(sessions_of(2), 0);
}
END_TEST

START_TEST(an_end_at_the_owner_is_an_end_everywhere)
{
	struct ha_input in = tcp_event(HA_SESSION_NEW, 1234);

	connect_members();
	run_ms(500);
	feed(1, &in);
	run_ms(200);
	in.u.session.event = HA_SESSION_END;
	in.u.session.record.tcp_state = HA_TCP_TIME_WAIT;
	feed(1, &in);
	run_ms(200);
	ck_assert_uint_eq(sessions_of(1), 0);
	ck_assert_uint_eq(sessions_of(2), 0);
}
END_TEST

START_TEST(who_gets_the_packets_of_a_lost_owner_owns_the_session)
{
	struct ha_input in = tcp_event(HA_SESSION_NEW, 1234);
	struct ha_view_session v;

	connect_members();
	run_ms(500);
	feed(1, &in);
	run_ms(200);
	ha_core_free(core[1]);
	core[1] = NULL;
	cut = true;
	in.u.session.event = HA_SESSION_UPDATE;
	feed(2, &in);
	run_ms(500);
	ck_assert_int_eq(session_of(2).role, HA_ROLE_CACHED);
	run_ms(1500);
	v = session_of(2);
	ck_assert_int_eq(v.role, HA_ROLE_OWNED);
	ck_assert_uint_eq(v.version.epoch, 2);
}
END_TEST

START_TEST(a_living_owner_without_packets_grants_its_session)
{
	struct ha_input in = tcp_event(HA_SESSION_NEW, 1234);

	connect_members();
	run_ms(500);
	feed(1, &in);
	run_ms(200);
	in.u.session.event = HA_SESSION_UPDATE;
	feed(2, &in);
	run_ms(500);
	ck_assert_int_eq(session_of(1).role, HA_ROLE_OWNED);
	run_ms(1000);
	ck_assert_int_eq(session_of(1).role, HA_ROLE_CACHED);
	ck_assert_int_eq(session_of(2).role, HA_ROLE_OWNED);
	ck_assert(!session_of(1).traffic);
	ck_assert(session_of(1).installed);
}
END_TEST

static void
ask_for_walk(uint64_t walk)
{
	struct ha_message m = { .kind = HA_MSG_FEED_REQUEST,
		.u.feed_request = { .walk = walk,
			.stream = { .boot = 0x1001, .owner = 1 } } };

	feed(1, &(struct ha_input){ .kind = HA_IN_MESSAGE,
		.u.message = { .peer = 2, .link = HA_LINK_HA4,
			.generation = 1, .message = &m } });
}

/* The walk of the last batch that member 1 put out. */
static uint64_t
last_walk(void)
{
	uint64_t walk = 0;

	for (size_t i = 0; i < n_queue; i++)
		if (queue[i].from == 1 &&
		    queue[i].message.kind == HA_MSG_BATCH)
			walk = queue[i].message.u.batch.walk;
	return walk;
}

START_TEST(a_request_that_was_overtaken_is_not_served)
{
	struct ha_input in = tcp_event(HA_SESSION_NEW, 1234);
	const uint64_t newer = UINT64_C(1) << 60;

	connect_members();
	run_ms(500);
	cut = true;
	ask_for_walk(newer);
	ask_for_walk(newer - 1);
	feed(1, &in);
	feed(1, &(struct ha_input){ .kind = HA_IN_TICK });
	ck_assert_uint_eq(last_walk(), newer);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("core");
	TCase *tc = tcase_create("two members");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, members_that_reach_each_other_become_active);
	tcase_add_test(tc, a_member_alone_waits_one_threshold_for_the_others);
	tcase_add_test(tc, an_established_session_is_installed_at_the_other);
	tcase_add_test(tc, a_half_open_session_stays_at_home);
	tcase_add_test(tc, an_end_at_the_owner_is_an_end_everywhere);
	tcase_add_test(tc, who_gets_the_packets_of_a_lost_owner_owns_the_session);
	tcase_add_test(tc, a_living_owner_without_packets_grants_its_session);
	tcase_add_test(tc, a_request_that_was_overtaken_is_not_served);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
