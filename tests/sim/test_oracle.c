#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/oracle.h"

/*
 * Three members; member 1 has made one session and told members 2 and 3 of
 * it, who hold it.  Each test breaks one thing in this story by hand, and the
 * oracle must name what it breaks.
 */

static struct oracle *oracle;
static struct ha_time now;
static struct ha_counters counters[4];
static struct ha_entry entries[4];

static const struct ha_uid UID = { .boot = 11, .number = 1, .creator = 1 };
static const struct ha_version V1 = { .revision = UINT64_C(1) << 32 | 1,
	.epoch = 1, .owner = 1 };
static const struct ha_version V1B = { .revision = UINT64_C(1) << 32 | 2,
	.epoch = 1, .owner = 1 };
static const struct ha_version V2 = { .revision = UINT64_C(1) << 32 | 1,
	.epoch = 2, .owner = 2 };
static const struct ha_version V3 = { .revision = UINT64_C(1) << 32 | 1,
	.epoch = 2, .owner = 3 };

static struct ha_record
record(void)
{
	struct ha_record r = {
		.orig = { .src = { 10, 0, 0, 1 }, .dst = { 192, 0, 2, 1 },
		    .src_port = 1000, .dst_port = 80, .family = HA_IPV4,
		    .protocol = 17 },
		.status = HA_STATUS_SEEN_REPLY,
	};

	r.reply = ha_tuple_invert(&r.orig);
	return r;
}

static void
pass(struct ha_dur d)
{
	now = ha_time_add(now, d);
	oracle_now(oracle, now);
}

static struct ha_stream_id
stream_of(uint8_t owner)
{
	return (struct ha_stream_id){ .boot = owner * 10u + 1, .owner = owner };
}

static struct ha_entry
entry(enum ha_entry_kind kind, uint64_t change, struct ha_version v)
{
	return (struct ha_entry){ .kind = kind, .change = change, .uid = UID,
		.version = v, .record = record() };
}

static struct ha_message
batch(uint8_t owner, uint64_t walk, uint64_t from, uint64_t to,
    const struct ha_entry *e)
{
	struct ha_message m = { .kind = HA_MSG_BATCH };

	m.u.batch = (struct ha_msg_batch){ .walk = walk,
		.stream = stream_of(owner), .from = from, .to = to,
		.flags = HA_BATCH_CAUGHT_UP, .complete = to, .count = 1,
		.n_entries = e == NULL ? 0 : 1, .entries = e };
	return m;
}

static void
ask(uint8_t who, uint8_t whom, uint8_t owner, uint64_t walk, uint64_t after)
{
	struct ha_message m = { .kind = HA_MSG_FEED_REQUEST };

	m.u.feed_request = (struct ha_msg_feed_request){ .walk = walk,
		.stream = stream_of(owner), .after = after };
	oracle_sent(oracle, who, whom, &m);
	oracle_delivered(oracle, whom, who, &m);
	oracle_stepped(oracle, whom, &counters[whom]);
}

/* m arrives and is applied. */
static void
apply(uint8_t who, uint8_t from, const struct ha_message *m)
{
	oracle_delivered(oracle, who, from, m);
	counters[who].batches_received++;
	oracle_stepped(oracle, who, &counters[who]);
}

static void
feed(uint8_t from, uint8_t to, const struct ha_message *m)
{
	oracle_sent(oracle, from, to, m);
	apply(to, from, m);
}

struct shown {
	const struct ha_version *version; /* NULL: no session */
	bool limbo;
	bool owned;
	bool untouched;
	uint8_t owner;     /* of the stream ... */
	uint64_t complete; /* ... up to there; 0: no stream */
	bool peer_lost;    /* member 1, as seen here */
};

static void
sweep(uint8_t who, struct shown s)
{
	struct ha_view_session v = { .uid = UID, .record = record(),
		.role = s.owned ? HA_ROLE_OWNED : HA_ROLE_CACHED,
		.published = s.owned, .limbo = s.limbo };
	struct ha_view_stream st = { .member = who,
		.status = { .stream = stream_of(s.owner),
		    .complete = s.complete, .count = 1, .caught_up = true } };
	struct ha_view_peer p = { .index = 1, .present = true,
		.up = !s.peer_lost, .lost = s.peer_lost,
		.state = HA_STATE_ACTIVE, .boot = { 11, 1 } };

	oracle_sweep_begin(oracle, who);
	if (who != 1)
		oracle_sees_peer(oracle, who, &p);
	if (s.complete != 0)
		oracle_sees_stream(oracle, who, &st);
	if (s.untouched)
		v.record.flags = HA_RECORD_UNTOUCHED;
	if (s.version != NULL) {
		v.version = *s.version;
		oracle_sees_session(oracle, who, &v);
	}
	oracle_sweep_end(oracle, who);
}

static void
trace(uint8_t who, enum ha_trace what, uint32_t a, uint32_t b)
{
	const struct ha_out_trace t = { .what = what, .a = a, .b = b,
		.c = ha_trace_uid(&UID) };

	oracle_traced(oracle, who, &t);
}

static void
setup(void)
{
	struct oracle_settings s = { .n_members = 3, .table_size = 512,
		.timeouts = ha_timeouts_default() };
	struct ha_record r = record();
	struct ha_message m;

	for (int l = 0; l < HA_LINK_MAX; l++) {
		s.threshold[l] = ha_dur_s(2);
		s.interval[l] = ha_dur_ms(400);
	}
	oracle = oracle_new(&s);
	memset(counters, 0, sizeof(counters));
	now = (struct ha_time){ 0 };
	pass(ha_dur_s(100));
	for (uint8_t i = 1; i <= 3; i++)
		oracle_started(oracle, i, (struct ha_boot){ i * 10u + 1, 1 });
	oracle_kernel_told(oracle, 1, &r);
	entries[0] = entry(HA_ENTRY_FULL, 1, V1);
	m = batch(1, 7, 0, 1, &entries[0]);
	for (uint8_t i = 2; i <= 3; i++) {
		ask(i, 1, 1, 7, 0);
		feed(1, i, &m);
		sweep(i, (struct shown){ .version = &V1, .owner = 1,
			.complete = 1 });
	}
	sweep(1, (struct shown){ .version = &V1, .owned = true, .owner = 1,
		.complete = 1 });
}

static void
teardown(void)
{
	oracle_free(oracle);
}

/* Member 2 claims the session after a grant and tells the others. */
static void
hand_over(void)
{
	struct ha_message grant = { .kind = HA_MSG_GRANT };
	struct ha_message m;

	grant.u.grant = (struct ha_msg_session){ .uid = UID, .version = V1 };
	oracle_delivered(oracle, 2, 1, &grant);
	oracle_stepped(oracle, 2, &counters[2]);
	trace(2, HA_TRACE_CLAIM, 1, 0);
	sweep(2, (struct shown){ .version = &V2, .owned = true });
	entries[1] = entry(HA_ENTRY_FULL, 1, V2);
	m = batch(2, 8, 0, 1, &entries[1]);
	ask(1, 2, 2, 8, 0);
	feed(2, 1, &m);
	trace(1, HA_TRACE_YIELD, 2, 0);
}

/* ---- stories that break nothing ---- */

static void
tell_nothing(void)
{
}

static void
tell_hand_over(void)
{
	hand_over();
	sweep(1, (struct shown){ .version = &V2, .owner = 2, .complete = 1 });
	oracle_check_owners(oracle);
}

static void
tell_an_end(void)
{
	struct ha_message m;

	entries[1] = entry(HA_ENTRY_END, 2, V1);
	m = batch(1, 7, 1, 2, &entries[1]);
	m.u.batch.count = 0;
	feed(1, 2, &m);
	sweep(2, (struct shown){ .owner = 1, .complete = 2 });
}

static void
tell_limbo(void)
{
	trace(2, HA_TRACE_LIMBO, 1, 0);
	sweep(2, (struct shown){ .version = &V1, .limbo = true });
	pass(ha_dur_s(61));
	sweep(2, (struct shown){ .version = NULL });
}

static void
tell_age(void)
{
	oracle_stopped(oracle, 1);
	trace(2, HA_TRACE_LOST, 1, 1);
	pass(ha_dur_s(31));
	trace(2, HA_TRACE_END, 1, HA_END_OWNER_LOST);
	sweep(2, (struct shown){ .version = NULL });
}

static void
tell_a_claim_from_the_lost(void)
{
	trace(2, HA_TRACE_CLAIM, 1, 0);
	sweep(2, (struct shown){ .version = &V2, .owned = true,
		.peer_lost = true });
}

/* Whatever stood there: it was none of the session that member 2 claims. */
static void
tell_a_removal_where_nothing_is_carried(void)
{
	struct ha_record r = record();

	trace(2, HA_TRACE_CLAIM, 1, 0);
	sweep(2, (struct shown){ .version = &V2, .owned = true,
		.untouched = true, .peer_lost = true });
	oracle_kernel_removed(oracle, 2, &r, true);
}

static void
tell_a_new_entry_for_a_lost_session(void)
{
	struct ha_record r = record();

	hand_over();
	oracle_kernel_removed(oracle, 1, &r, true);
	oracle_kernel_installed(oracle, 1, &r);
}

static void
tell_a_fresh_entry(void)
{
	struct ha_record r = record();

	hand_over();
	sweep(1, (struct shown){ .version = &V2, .owner = 2, .complete = 1 });
	pass(ha_dur_s(11));
	oracle_kernel_entry(oracle, 1, &r, now);
}

static void
tell_a_short_break(void)
{
	oracle_link(oracle, 1, 2, 0, true, ha_dur_s(2), ha_dur_ms(0));
	oracle_silent(oracle, 1, 2, 0, ha_dur_s(1));
}

static const struct {
	const char *why;
	void (*tell)(void);
} good[] = {
	{ "nothing more", tell_nothing },
	{ "a hand-over", tell_hand_over },
	{ "an end", tell_an_end },
	{ "limbo, and a minute", tell_limbo },
	{ "a loss, and the timeout", tell_age },
	{ "a claim from the lost", tell_a_claim_from_the_lost },
	{ "a removal at an untouched session",
	    tell_a_removal_where_nothing_is_carried },
	{ "an entry made anew", tell_a_new_entry_for_a_lost_session },
	{ "a fresh entry", tell_a_fresh_entry },
	{ "a short break", tell_a_short_break },
};

START_TEST(what_is_right_breaks_nothing)
{
	const char *said;

	good[_i].tell();
	said = oracle_violation(oracle);
	ck_assert_msg(said == NULL, "%s: %s", good[_i].why, said);
}
END_TEST

/* ---- stories that break one invariant ---- */

static void
break_s1(void)
{
	struct ha_message m;

	entries[1] = entry(HA_ENTRY_FULL, 2, V1);
	entries[1].record.mark = 5;
	m = batch(1, 7, 1, 2, &entries[1]);
	oracle_sent(oracle, 1, 2, &m);
}

static void
break_s2(void)
{
	hand_over();
	sweep(1, (struct shown){ .version = &V2, .owner = 2, .complete = 1 });
	sweep(1, (struct shown){ .version = &V1, .owner = 2, .complete = 1 });
}

static void
break_s3_down(void)
{
	tell_an_end();
	sweep(2, (struct shown){ .owner = 1, .complete = 1 });
}

static void
break_s3_beyond(void)
{
	sweep(2, (struct shown){ .version = &V1, .owner = 1, .complete = 9 });
}

static void
break_s4(void)
{
	struct ha_message m;

	entries[1] = entry(HA_ENTRY_FULL, 2, V1B);
	m = batch(1, 7, 1, 2, &entries[1]);
	feed(1, 2, &m);
	sweep(2, (struct shown){ .version = &V1, .owner = 1, .complete = 2 });
}

static void
break_s5(void)
{
	struct ha_message m;

	entries[1] = entry(HA_ENTRY_FULL, 2, V1B);
	m = batch(1, 7, 1, 2, &entries[1]);
	m.u.batch.flags = 0;
	feed(1, 2, &m);
	sweep(2, (struct shown){ .version = &V1B, .owner = 1, .complete = 2 });
}

static void
break_s6_gap(void)
{
	struct ha_message m = batch(1, 7, 5, 6, NULL);

	apply(2, 1, &m);
}

static void
break_s6_walk(void)
{
	struct ha_message m = batch(1, 7, 1, 1, NULL);

	ask(2, 1, 1, 9, 1);
	apply(2, 1, &m);
}

/* From the cursor, of another source. */
static void
break_s6_resume(void)
{
	struct ha_message m;

	entries[1] = entry(HA_ENTRY_FULL, 2, V1B);
	m = batch(1, 7, 1, 2, &entries[1]);
	m.u.batch.flags = 0;
	feed(1, 2, &m);
	ask(2, 3, 1, 9, 2);
}

static void
break_s7_phantom(void)
{
	struct ha_view_session v = { .uid = { 31, 5, 3 }, .published = true,
		.role = HA_ROLE_OWNED, .record = record(),
		.version = { UINT64_C(1) << 32 | 1, 1, 3 } };

	oracle_sweep_begin(oracle, 3);
	oracle_sees_session(oracle, 3, &v);
}

static void
break_s7_owner(void)
{
	sweep(3, (struct shown){ .version = &V2 });
}

static void
break_s7_relay(void)
{
	struct ha_message m;

	entries[1] = entry(HA_ENTRY_END, 2, V1);
	m = batch(1, 9, 1, 2, &entries[1]);
	oracle_sent(oracle, 3, 2, &m);
}

static void
break_s8(void)
{
	sweep(2, (struct shown){ .owner = 1, .complete = 1 });
}

static void
break_s8_limbo_too_short(void)
{
	trace(2, HA_TRACE_LIMBO, 1, 0);
	sweep(2, (struct shown){ .version = &V1, .limbo = true });
	pass(ha_dur_s(50));
	sweep(2, (struct shown){ .version = NULL });
}

static void
break_s9(void)
{
	tell_an_end();
	sweep(2, (struct shown){ .version = &V1, .owner = 1, .complete = 2 });
}

static void
break_s9_unseen(void)
{
	struct ha_record r = record();
	struct ha_message m;

	oracle_stopped(oracle, 1);
	oracle_ended_unseen(oracle, 1, &r);
	oracle_started(oracle, 1, (struct ha_boot){ 12, 2 });
	entries[1] = entry(HA_ENTRY_FULL, 1, V1);
	entries[1].version.revision = UINT64_C(2) << 32 | 1;
	m = batch(1, 9, 0, 1, &entries[1]);
	m.u.batch.stream.boot = 12;
	oracle_sent(oracle, 1, 2, &m);
}

static void
break_s10(void)
{
	struct ha_message m = batch(1, 9, 1, 1, NULL);

	ask(2, 1, 1, 9, 1);
	m.u.batch.floor = 5;
	oracle_sent(oracle, 1, 2, &m);
}

static void
break_s11(void)
{
	struct ha_view_stream st = { .member = 1,
		.status = { .stream = stream_of(2), .complete = 1 } };
	struct ha_view_session v = { .uid = UID, .version = V1,
		.record = record(), .role = HA_ROLE_OWNED, .published = true };

	hand_over();
	oracle_sweep_begin(oracle, 1);
	oracle_sees_stream(oracle, 1, &st);
	oracle_sees_session(oracle, 1, &v);
	oracle_check_owners(oracle);
}

static void
break_s12(void)
{
	trace(2, HA_TRACE_CLAIM, 1, 0);
	sweep(2, (struct shown){ .version = &V2, .owned = true });
}

static void
break_s13(void)
{
	struct ha_version v = V2;
	struct ha_version other = V3;

	for (uint32_t i = 0; i < 4; i++) {
		v.epoch = 2 + 2 * i;
		other.epoch = 3 + 2 * i;
		trace(2, HA_TRACE_CLAIM, i == 0 ? 1 : 3, 0);
		sweep(2, (struct shown){ .version = &v, .owned = true,
			.peer_lost = true });
		sweep(3, (struct shown){ .version = &other, .owned = true });
		sweep(2, (struct shown){ .version = &other });
	}
}

static void
break_s14_replaced(void)
{
	struct ha_record r = record();

	r.orig.src_port = 2000; /* of no session that anybody knows */
	oracle_kernel_removed(oracle, 2, &r, true);
	oracle_kernel_installed(oracle, 2, &r);
}

static void
break_s14_own(void)
{
	struct ha_record r = record();

	oracle_kernel_removed(oracle, 1, &r, true);
}

static void
break_s14_stale(void)
{
	struct ha_record r = record();
	struct ha_time created = { now.ns - 1 };

	hand_over();
	sweep(1, (struct shown){ .version = &V2, .owner = 2, .complete = 1 });
	pass(ha_dur_s(11));
	oracle_kernel_entry(oracle, 1, &r, created);
}

static void
break_s15_end(void)
{
	struct ha_message m;

	entries[1] = entry(HA_ENTRY_END, 1, V1);
	m = batch(2, 9, 0, 1, &entries[1]);
	oracle_sent(oracle, 2, 3, &m);
}

static void
break_s15_age(void)
{
	trace(2, HA_TRACE_LOST, 1, 1);
	pass(ha_dur_s(20));
	trace(2, HA_TRACE_END, 1, HA_END_OWNER_LOST);
}

static void
break_s15_gone(void)
{
	oracle_stopped(oracle, 1);
	sweep(2, (struct shown){ .version = NULL });
}

static void
break_s23_count(void)
{
	struct ha_message m = batch(1, 7, 1, 1, NULL);

	m.u.batch.count = 2;
	oracle_sent(oracle, 1, 2, &m);
}

static void
break_s23_mismatch(void)
{
	struct ha_message m = batch(1, 7, 1, 1, NULL);

	counters[2].digest_mismatches++;
	feed(1, 2, &m);
}

static void
break_s27(void)
{
	struct ha_record r = record();

	oracle_stuck(oracle, 2, &r.orig, &r.reply, ha_dur_s(80));
}

static void
break_s27_ended_alive(void)
{
	struct ha_record r = record();

	tell_an_end();
	oracle_stopped(oracle, 3);
	sweep(1, (struct shown){ .owner = 1, .complete = 2 });
	oracle_stuck(oracle, 2, &r.orig, &r.reply, ha_dur_s(80));
}

static void
break_l1_stays_up(void)
{
	oracle_link(oracle, 1, 2, 0, true, ha_dur_s(4), ha_dur_ms(0));
}

static void
break_l1_goes_down(void)
{
	oracle_silent(oracle, 1, 2, 0, ha_dur_s(4));
}

static void
break_l3_stream(void)
{
	sweep(3, (struct shown){ .version = &V1 });
	oracle_check_settled(oracle, true);
}

static void
break_l3_name(void)
{
	oracle_stopped(oracle, 1);
	trace(3, HA_TRACE_LIMBO, 1, 0);
	pass(ha_dur_s(61));
	sweep(2, (struct shown){ .version = &V1, .owner = 1, .complete = 1 });
	sweep(3, (struct shown){ .version = NULL });
	oracle_check_settled(oracle, true);
}

static void
break_l4(void)
{
	struct ha_record r = record();

	oracle_check_flow(oracle, 3, &r.orig, true);
}

static const struct {
	const char *invariant;
	const char *why;
	void (*tell)(void);
} bad[] = {
	{ "S1", "a version has another mark", break_s1 },
	{ "S2", "an older version", break_s2 },
	{ "S3", "complete goes down", break_s3_down },
	{ "S3", "complete goes too far", break_s3_beyond },
	{ "S4", "the last change is missing", break_s4 },
	{ "S5", "complete is where the cursor is", break_s5 },
	{ "S6", "a gap", break_s6_gap },
	{ "S6", "a walk that was replaced", break_s6_walk },
	{ "S6", "a cursor of another source", break_s6_resume },
	{ "S7", "nobody saw it", break_s7_phantom },
	{ "S7", "its owner did not make it", break_s7_owner },
	{ "S7", "a relay invents an end", break_s7_relay },
	{ "S8", "gone without limbo", break_s8 },
	{ "S8", "gone too early", break_s8_limbo_too_short },
	{ "S9", "closed, and there again", break_s9 },
	{ "S9", "ended unseen, and published", break_s9_unseen },
	{ "S10", "from below the floor", break_s10 },
	{ "S11", "two owners know of each other", break_s11 },
	{ "S12", "nobody granted it", break_s12 },
	{ "S13", "four claims", break_s13 },
	{ "S14", "a replica for what carries packets", break_s14_replaced },
	{ "S14", "removes what it owns and carries", break_s14_own },
	{ "S14", "keeps its old entry", break_s14_stale },
	{ "S15", "an end by somebody else", break_s15_end },
	{ "S15", "aged too early", break_s15_age },
	{ "S15", "gone without its owner", break_s15_gone },
	{ "S23", "a wrong count", break_s23_count },
	{ "S23", "a digest that differs", break_s23_mismatch },
	{ "S27", "stuck", break_s27 },
	{ "S27", "ended alive", break_s27_ended_alive },
	{ "L1", "a broken link stays up", break_l1_stays_up },
	{ "L1", "a sound link goes down", break_l1_goes_down },
	{ "L3", "a stream that is not there", break_l3_stream },
	{ "L3", "a session that is not there", break_l3_name },
	{ "L4", "packets go where nobody owns", break_l4 },
};

START_TEST(what_is_wrong_is_named)
{
	const char *said;
	char want[8];

	bad[_i].tell();
	said = oracle_violation(oracle);
	snprintf(want, sizeof(want), "%s: ", bad[_i].invariant);
	ck_assert_msg(said != NULL && strncmp(said, want, strlen(want)) == 0,
	    "%s %s: %s", bad[_i].invariant, bad[_i].why, said);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("oracle");
	TCase *tc = tcase_create("stories");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, what_is_right_breaks_nothing, 0,
	    (int)(sizeof(good) / sizeof(good[0])));
	tcase_add_loop_test(tc, what_is_wrong_is_named, 0,
	    (int)(sizeof(bad) / sizeof(bad[0])));
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
