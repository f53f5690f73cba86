#include "tests/sim/scenario.h"

#include <stdio.h>

#include "base/check.h"
#include "tests/sim/world.h"

/*
 * A fault is a row of FAULTS: what it does, how often at most, and how often
 * a run has it at all.  What a fault breaks it also plans to mend; healing
 * mends everything that is left.
 */

#define WARM_UP      ha_dur_s(15)
#define SETTLE       ha_dur_s(190)
#define LAST_PATIENCE ha_dur_s(10)
#define QUIET        ha_dur_s(60) /* at the end: no flow begins or ends */

struct scenario {
	struct world *world;
	struct ha_rng rng;
	uint8_t n;
	bool chaos;
	bool begins; /* flows still begin */
	uint64_t on; /* bit for each row of FAULTS */
	struct ha_dur pace[32];
	struct ha_dur flow_pace;
	bool membership;
	bool states;
	bool ends;
	bool both_links;
	bool crowded; /* with sessions */
	bool hasty;   /* flows live so short that ends are soon forgotten */
	uint8_t doomed; /* stays dead after its first power loss; 0: none */
};

/* ---- drawing ---- */

static uint64_t
below(struct scenario *s, uint64_t n)
{
	return ha_rng_below(&s->rng, n);
}

static bool
chance(struct scenario *s, uint32_t percent)
{
	return below(s, 100) < percent;
}

static struct ha_dur
between(struct scenario *s, int64_t min_ms, int64_t max_ms)
{
	return (struct ha_dur){ min_ms * 1000000 +
		(int64_t)below(s, (uint64_t)(max_ms - min_ms) * 1000000 + 1) };
}

static uint8_t
any_member(struct scenario *s)
{
	return (uint8_t)(1 + below(s, s->n));
}

static uint8_t
any_link(struct scenario *s)
{
	return s->both_links ? (uint8_t)below(s, HA_LINK_MAX) : HA_LINK_HA4;
}

static void
after(struct scenario *s, struct ha_dur wait,
    void (*run)(void *, const struct sim_event *), uint64_t a, uint64_t b,
    uint64_t c)
{
	event_queue_add(s->world->queue, (struct sim_event){
		.at = ha_time_add(s->world->now, wait),
		.run = run,
		.ctx = s,
		.a = a,
		.b = b,
		.c = c,
	});
}

/* ---- routes ---- */

/* 0: nobody forwards. */
static uint8_t
any_forwarder(struct scenario *s)
{
	uint8_t start = any_member(s);

	for (uint8_t i = 0; i < s->n; i++) {
		uint8_t m = (uint8_t)(1 + (start + i) % s->n);

		if (world_forwards(s->world, m))
			return m;
	}
	return 0;
}

static void
move_route(struct scenario *s, unsigned int prefix, bool split)
{
	uint8_t m = any_forwarder(s);
	uint8_t other = split ? any_forwarder(s) : m;

	world_note(s->world, 0, "prefix %u goes to %d and %d", prefix, m,
	    other);
	flows_route(s->world->flows, prefix, m, other);
}

static bool
is_dark(struct scenario *s, unsigned int prefix)
{
	for (int dir = 0; dir < HA_DIR_MAX; dir++) {
		uint8_t m = flows_route_of(s->world->flows, prefix, dir);

		if (m == 0 || !world_forwards(s->world, m))
			return true;
	}
	return false;
}

/* The routers around notice, sooner or later, that somebody is gone. */
static void
watch_routes(void *ctx, const struct sim_event *e)
{
	struct scenario *s = ctx;

	(void)e;
	for (unsigned int p = 0; p < FLOW_PREFIXES; p++)
		if (is_dark(s, p) && chance(s, 40))
			move_route(s, p, false);
	after(s, between(s, 50, 800), watch_routes, 0, 0, 0);
}

static void
begin_flow(void *ctx, const struct sim_event *e)
{
	struct scenario *s = ctx;

	(void)e;
	if (!s->begins)
		return;
	flows_begin(s->world->flows);
	after(s, (struct ha_dur){ (int64_t)below(s,
	    (uint64_t)s->flow_pace.ns * 2) + 1 }, begin_flow, 0, 0, 0);
}

/* ---- faults and their ends ---- */

static void
start_again(void *ctx, const struct sim_event *e)
{
	struct scenario *s = ctx;

	if ((uint8_t)e->a != s->doomed || s->world->members[e->a].powered)
		world_start(s->world, (uint8_t)e->a);
}

static void
resume(void *ctx, const struct sim_event *e)
{
	world_resume(((struct scenario *)ctx)->world, (uint8_t)e->a);
}

static void
kill_daemon(struct scenario *s)
{
	uint8_t m = any_member(s);

	world_kill(s->world, m);
	after(s, chance(s, 30) ? between(s, 0, 100) : between(s, 0, 20000),
	    start_again, m, 0, 0);
}

static void
kill_host(struct scenario *s)
{
	uint8_t m = any_member(s);

	world_power_off(s->world, m);
	if (chance(s, 5))
		world_forget_boots(s->world, m);
	if (m != s->doomed)
		after(s, chance(s, 20) ? between(s, 0, 100) :
		    between(s, 1000, 40000), start_again, m, 0, 0);
}

static void
pause_daemon(struct scenario *s)
{
	uint8_t m = any_member(s);

	world_pause(s->world, m);
	after(s, chance(s, 50) ? between(s, 10, 2000) :
	    between(s, 1000, 30000), resume, m, 0, 0);
}

static void
cut_connection(struct scenario *s)
{
	uint8_t a = any_member(s);
	uint8_t b = any_member(s);

	if (a == b)
		return;
	world_note(s->world, a, "connection to %d is cut", b);
	network_cut(s->world->network, a, b, any_link(s));
}

static void
unblock(void *ctx, const struct sim_event *e)
{
	struct scenario *s = ctx;

	world_note(s->world, (uint8_t)e->a, "link %d to %d is open",
	    (int)e->c, (int)e->b);
	network_block(s->world->network, (uint8_t)e->a, (uint8_t)e->b,
	    (uint8_t)e->c, false);
}

static void
block(struct scenario *s, uint8_t from, uint8_t to, uint8_t link,
    struct ha_dur time)
{
	if (from == to)
		return;
	world_note(s->world, from, "link %d to %d is blocked", link, to);
	network_block(s->world->network, from, to, link, true);
	after(s, time, unblock, from, to, link);
}

static struct ha_dur
outage(struct scenario *s)
{
	return chance(s, 30) ? between(s, 1, 1500) : between(s, 500, 30000);
}

static void
block_one_way(struct scenario *s)
{
	block(s, any_member(s), any_member(s), any_link(s), outage(s));
}

/* All between two members: what non-transitive networks are made of. */
static void
block_pair(struct scenario *s)
{
	uint8_t a = any_member(s);
	uint8_t b = any_member(s);
	struct ha_dur time = outage(s);
	bool one_link = chance(s, 40);
	uint8_t link = any_link(s);

	for (uint8_t l = 0; l < HA_LINK_MAX; l++) {
		if (one_link && l != link)
			continue;
		block(s, a, b, l, time);
		block(s, b, a, l, time);
	}
}

static void
partition(struct scenario *s)
{
	uint64_t side = below(s, 1u << s->n);
	struct ha_dur time = outage(s);

	for (uint8_t a = 1; a <= s->n; a++)
		for (uint8_t b = 1; b <= s->n; b++)
			for (uint8_t l = 0; l < HA_LINK_MAX; l++)
				if ((side >> (a - 1) & 1) !=
				    (side >> (b - 1) & 1))
					block(s, a, b, l, time);
}

static void
end_slow(void *ctx, const struct sim_event *e)
{
	struct scenario *s = ctx;

	network_slow(s->world->network, (uint8_t)e->a, (uint8_t)e->b,
	    (uint8_t)e->c, 0);
}

static void
slow_link(struct scenario *s)
{
	uint8_t a = any_member(s);
	uint8_t b = any_member(s);
	uint8_t link = any_link(s);

	if (a == b)
		return;
	network_slow(s->world->network, a, b, link, 200000);
	after(s, outage(s), end_slow, a, b, link);
}

static void
hear_again(void *ctx, const struct sim_event *e)
{
	world_set_deaf(((struct scenario *)ctx)->world, (uint8_t)e->a, false);
}

static void
lose_events(struct scenario *s)
{
	uint8_t m = any_member(s);

	world_set_deaf(s->world, m, true);
	after(s, between(s, 1, 3000), hear_again, m, 0, 0);
}

static void
take_all(void *ctx, const struct sim_event *e)
{
	world_set_refusals(((struct scenario *)ctx)->world, (uint8_t)e->a, 0);
}

static void
refuse_operations(struct scenario *s)
{
	uint8_t m = any_member(s);

	world_set_refusals(s->world, m, (uint32_t)(10 + below(s, 90)));
	after(s, between(s, 10, 5000), take_all, m, 0, 0);
}

/* The routes of a member without uplink are withdrawn, soon. */
static void
leave_member(void *ctx, const struct sim_event *e)
{
	struct scenario *s = ctx;

	for (unsigned int p = 0; p < FLOW_PREFIXES; p++)
		if (flows_route_of(s->world->flows, p, 0) == e->a)
			move_route(s, p, false);
}

static void
lose_uplink(struct scenario *s)
{
	uint8_t m = any_member(s);

	world_uplink_down(s->world, m);
	after(s, between(s, 0, 2000), leave_member, m, 0, 0);
}

static void
delete_session(struct scenario *s)
{
	world_delete_some(s->world, any_member(s));
}

static void
move_flows(struct scenario *s)
{
	move_route(s, (unsigned int)below(s, FLOW_PREFIXES), false);
}

static void
split_flows(struct scenario *s)
{
	move_route(s, (unsigned int)below(s, FLOW_PREFIXES), true);
}

static void
route_back(void *ctx, const struct sim_event *e)
{
	struct scenario *s = ctx;

	if (world_forwards(s->world, (uint8_t)e->b))
		flows_route(s->world->flows, (unsigned int)e->a,
		    (uint8_t)e->b, (uint8_t)e->b);
}

static void
there_and_back(struct scenario *s)
{
	unsigned int p = (unsigned int)below(s, FLOW_PREFIXES);
	uint8_t from = flows_route_of(s->world->flows, p, 0);

	move_route(s, p, false);
	after(s, between(s, 100, 8000), route_back, p, from, 0);
}

/* The member from which m is in the middle of getting a stream; 0: none. */
static uint8_t
running_source(struct scenario *s, uint8_t m)
{
	struct ha_view_stream v[HA_STREAM_MAX];
	size_t n;

	if (!s->world->members[m].running)
		return 0;
	n = ha_view_streams(s->world->members[m].core, v, HA_STREAM_MAX);
	for (size_t i = 0; i < n; i++)
		if (v[i].member == m && v[i].source != 0 &&
		    !v[i].status.caught_up)
			return v[i].source;
	return 0;
}

/* Just when it hurts: in the middle of a walk. */
static void
cut_walk(struct scenario *s)
{
	struct ha_dur time = between(s, 2000, 20000);

	for (uint8_t m = 1; m <= s->n; m++) {
		uint8_t source = running_source(s, m);

		if (source == 0)
			continue;
		for (uint8_t l = 0; l < HA_LINK_MAX; l++) {
			block(s, m, source, l, time);
			block(s, source, m, l, time);
			network_cut(s->world->network, m, source, l);
		}
		return;
	}
}

static void
lose_frame(struct scenario *s)
{
	uint8_t a = any_member(s);
	uint8_t b = any_member(s);

	if (a != b)
		network_lose_one(s->world->network, a, b, any_link(s));
}

static void
ask_for_all(struct scenario *s)
{
	uint8_t m = any_member(s);

	if (s->world->members[m].running)
		world_admin_sync(s->world, m);
}

/* ---- operators at work ---- */

/* Members' files are changed one after the other, within seconds. */
static void
set_member(void *ctx, const struct sim_event *e)
{
	struct scenario *s = ctx;
	const struct world_member *m = &s->world->members[e->a];
	ha_member_set bit = ha_member_bit((unsigned int)e->b);

	world_set_file(s->world, m->index, (ha_member_set)(e->c != 0 ?
	    m->file | bit : m->file & ~bit), m->shares);
}

static void
set_sharing(void *ctx, const struct sim_event *e)
{
	struct scenario *s = ctx;
	const struct world_member *m = &s->world->members[e->a];
	ha_member_set bit = ha_member_bit((unsigned int)e->b);

	world_set_file(s->world, m->index, m->file, (ha_member_set)(e->c != 0 ?
	    m->shares | bit : m->shares & ~bit));
}

static void
end_session(struct scenario *s)
{
	uint8_t m = any_member(s);

	if (s->world->members[m].running)
		world_admin_end(s->world, m);
}

static void
take_out(struct scenario *s)
{
	uint8_t m = any_member(s);
	struct ha_dur time = outage(s);

	for (uint8_t a = 1; a <= s->n; a++) {
		if (a == m)
			continue;
		after(s, between(s, 0, 3000), set_member, a, m, 0);
		after(s, (struct ha_dur){ time.ns + between(s, 3000, 6000).ns },
		    set_member, a, m, 1);
	}
}

static void
stop_sharing(struct scenario *s)
{
	uint8_t m = any_member(s);
	struct ha_dur time = outage(s);

	for (uint8_t a = 1; a <= s->n; a++) {
		after(s, between(s, 0, 3000), set_sharing, a, m, 0);
		after(s, (struct ha_dur){ time.ns + between(s, 3000, 6000).ns },
		    set_sharing, a, m, 1);
	}
}

static void
know_new_hardware(void *ctx, const struct sim_event *e)
{
	struct scenario *s = ctx;

	world_replace(s->world, (uint8_t)e->a, ha_member_bit(
	    (unsigned int)e->b));
}

static void
replace_hardware(struct scenario *s)
{
	uint8_t m = any_member(s);

	world_power_off(s->world, m);
	world_new_hardware(s->world, m);
	for (uint8_t a = 1; a <= s->n; a++)
		if (a != m)
			after(s, between(s, 0, 3000), know_new_hardware, a, m,
			    0);
	if (m != s->doomed)
		after(s, between(s, 0, 40000), start_again, m, 0, 0);
}

/* ---- what takes a member out ---- */

static void
call_back(void *ctx, const struct sim_event *e)
{
	world_call_back(((struct scenario *)ctx)->world, (uint8_t)e->a);
}

static void
suspend_now(void *ctx, const struct sim_event *e)
{
	struct scenario *s = ctx;

	if (s->chaos)
		world_suspend(s->world, (uint8_t)e->a);
}

/* Its routes are withdrawn first, mostly. */
static void
suspend_member(struct scenario *s)
{
	struct sim_event m = { .a = any_member(s) };
	struct ha_dur drained = between(s, 0, 5000);

	if (chance(s, 70))
		leave_member(s, &m);
	else
		drained.ns = 0;
	after(s, drained, suspend_now, m.a, 0, 0);
	after(s, (struct ha_dur){ drained.ns + outage(s).ns }, call_back, m.a,
	    0, 0);
}

static void
set_failed(void *ctx, const struct sim_event *e)
{
	struct scenario *s = ctx;

	if (s->chaos || e->c == 0)
		world_fail(s->world, (uint8_t)e->a, (uint8_t)e->b, e->c != 0);
}

static void
fail_for(struct scenario *s, uint8_t m, uint8_t monitor, struct ha_dur begin,
    struct ha_dur time)
{
	after(s, begin, set_failed, m, monitor, 1);
	after(s, begin, leave_member, m, 0, 0);
	after(s, (struct ha_dur){ begin.ns + time.ns }, set_failed, m, monitor,
	    0);
}

static void
fail_member(struct scenario *s)
{
	fail_for(s, any_member(s), (uint8_t)below(s, WORLD_MONITORS),
	    ha_dur_ms(0), outage(s));
}

/* What all of them watch is dead. */
static void
fail_all(struct scenario *s)
{
	struct ha_dur time = outage(s);
	uint8_t monitor = (uint8_t)below(s, WORLD_MONITORS);

	for (uint8_t m = 1; m <= s->n; m++)
		fail_for(s, m, monitor, between(s, 0, 2000), time);
}

/* Just as long in between as it takes to come back. */
static void
flap_member(struct scenario *s)
{
	const struct world_settings *w = &s->world->settings;
	struct ha_dur round = { w->monitor_fail_hold_down.ns +
		w->tentative_hold.ns + between(s, 500, 2000).ns };
	struct ha_dur at = { 0 };
	uint8_t m = any_member(s);

	for (int i = 0; i < 4; i++) {
		fail_for(s, m, 0, at, ha_dur_ms(200));
		at.ns += round.ns;
	}
}

static const struct {
	void (*strike)(struct scenario *s);
	uint32_t percent;    /* of the runs have it */
	int64_t min_ms;      /* mean time between two, from .. to */
	int64_t max_ms;
	bool membership;     /* only where that is asked for */
	bool states;
	bool ends;
} FAULTS[] = {
	{ kill_daemon, 40, 4000, 40000 },
	{ kill_host, 40, 5000, 40000 },
	{ pause_daemon, 30, 4000, 40000 },
	{ cut_connection, 40, 500, 20000 },
	{ block_one_way, 40, 2000, 30000 },
	{ block_pair, 40, 2000, 30000 },
	{ partition, 30, 5000, 40000 },
	{ slow_link, 20, 5000, 30000 },
	{ lose_events, 25, 5000, 40000 },
	{ refuse_operations, 25, 3000, 30000 },
	{ lose_uplink, 25, 5000, 40000 },
	{ delete_session, 25, 1000, 20000 },
	{ move_flows, 60, 500, 15000 },
	{ split_flows, 30, 3000, 20000 },
	{ there_and_back, 40, 2000, 20000 },
	{ cut_walk, 25, 100, 1000 },
	{ lose_frame, 15, 2000, 20000 },
	{ ask_for_all, 15, 5000, 40000 },
	{ end_session, 60, 500, 20000, .ends = true },
	{ take_out, 60, 5000, 40000, true },
	{ stop_sharing, 40, 5000, 40000, true },
	{ replace_hardware, 40, 10000, 60000, true },
	{ suspend_member, 60, 5000, 40000, .states = true },
	{ fail_member, 60, 5000, 40000, .states = true },
	{ fail_all, 40, 10000, 60000, .states = true },
	{ flap_member, 40, 10000, 60000, .states = true },
};

#define N_FAULTS (sizeof(FAULTS) / sizeof(FAULTS[0]))

static void
strike(void *ctx, const struct sim_event *e)
{
	struct scenario *s = ctx;

	if (!s->chaos)
		return;
	if (e->b != 0)
		FAULTS[e->a].strike(s);
	after(s, (struct ha_dur){ (int64_t)below(s,
	    (uint64_t)s->pace[e->a].ns * 2) + 1 }, strike, e->a, 1, 0);
}

static void
begin_chaos(struct scenario *s)
{
	s->chaos = true;
	for (size_t i = 0; i < N_FAULTS; i++) {
		struct sim_event first = { .a = i };

		if ((FAULTS[i].membership && !s->membership) ||
		    (FAULTS[i].states && !s->states) ||
		    (FAULTS[i].ends && !s->ends))
			continue;
		if (!chance(s, FAULTS[i].percent))
			continue;
		s->pace[i] = between(s, FAULTS[i].min_ms, FAULTS[i].max_ms);
		strike(s, &first);
	}
}

/* ---- healing ---- */

static void
heal(struct scenario *s)
{
	struct world *w = s->world;
	ha_member_set all = (ha_member_set)((1u << s->n) - 1);

	world_note(w, 0, "heal");
	s->chaos = false;
	for (uint8_t a = 1; a <= s->n; a++) {
		world_set_file(w, a, all, all);
		for (uint8_t b = 1; b <= s->n; b++) {
			for (uint8_t l = 0; l < HA_LINK_MAX && a != b; l++) {
				network_block(w->network, a, b, l, false);
				network_slow(w->network, a, b, l, 0);
			}
		}
		world_set_deaf(w, a, false);
		world_set_refusals(w, a, 0);
		world_resume(w, a);
		if (a != s->doomed || w->members[a].powered)
			world_start(w, a);
		for (uint8_t i = 0; i < WORLD_MONITORS; i++)
			world_fail(w, a, i, false);
		if (s->states)
			world_call_back(w, a);
	}
}

static bool
settle(struct scenario *s)
{
	struct world *w = s->world;
	struct ha_time end = ha_time_add(w->now, SETTLE);
	struct ha_time quiet = { end.ns - QUIET.ns };

	while (ha_time_before(w->now, end)) {
		if (s->begins && !ha_time_before(w->now, quiet)) {
			s->begins = false;
			flows_keep(w->flows);
		}
		if (!world_run(w, ha_time_add(w->now, ha_dur_s(1))))
			return false;
		world_sweep_all(w);
	}
	end = ha_time_add(end, LAST_PATIENCE);
	while (!world_check_settled(w, !ha_time_before(w->now, end))) {
		if (oracle_violation(w->oracle) != NULL)
			return false;
		if (!world_run(w, ha_time_add(w->now, ha_dur_ms(50))))
			return false;
	}
	return oracle_violation(w->oracle) == NULL;
}

/* ---- the world of a run ---- */

static uint8_t
draw_members(struct scenario *s)
{
	uint64_t x = below(s, 100);

	return x < 8 ? 2 : x < 55 ? 3 : x < 75 ? 4 : x < 90 ? 5 :
	    x < 96 ? 8 : 16;
}

static struct ha_timeouts
draw_timeouts(struct scenario *s)
{
	struct ha_timeouts t = ha_timeouts_default();

	if (chance(s, 50))
		t.tcp_s[HA_TCP_ESTABLISHED] = 300;
	t.tcp_s[HA_TCP_TIME_WAIT] = (uint32_t)(5 + below(s, 30));
	if (s->hasty)
		t.tcp_s[HA_TCP_TIME_WAIT] = t.tcp_s[HA_TCP_CLOSE] = 1;
	t.udp_s = (uint32_t)(10 + below(s, 20));
	t.udp_stream_s = t.udp_s + (uint32_t)below(s, 60);
	t.icmp_s = (uint32_t)(10 + below(s, 20));
	return t;
}

static struct network_settings
draw_network(struct scenario *s)
{
	struct network_settings n = {
		.seed = ha_rng_next(&s->rng),
		.n_members = s->n,
		.links = { true, s->both_links },
		.delay_min = between(s, 0, 2),
		.rate = 2000000 + below(s, 100000000),
		.loss_permille = chance(s, 40) ? (uint32_t)below(s, 20) : 0,
		.backoff_first = between(s, 10, 500),
		.backoff_max = between(s, 1000, 5000),
		.generations_restart = chance(s, 50),
		.lost_close_percent = chance(s, 30) ? 80 : 0,
	};

	if (s->crowded)
		n.rate = 50000 + below(s, 500000);

	n.delay_max = ha_dur_ms(ha_dur_to_ms(n.delay_min) +
	    (int64_t)below(s, chance(s, 30) ? 60 : 4) + 1);
	return n;
}

/* So many that a walk takes several batches; most of them sleep. */
static struct flow_settings
draw_crowd(struct scenario *s, const struct ha_timeouts *t)
{
	return (struct flow_settings){
		.seed = ha_rng_next(&s->rng),
		.timeouts = *t,
		.most = (uint32_t)(500 + below(s, 600)),
		.tcp_percent = 95,
		.nat_percent = (uint32_t)below(s, 80),
		.pause_min = between(s, 2000, 20000),
		.pause_max = between(s, 20000, 60000),
		.life_min = between(s, 5000, 50000),
		.life_max = between(s, 60000, 600000),
	};
}

static struct flow_settings
draw_haste(struct scenario *s, const struct ha_timeouts *t)
{
	return (struct flow_settings){
		.seed = ha_rng_next(&s->rng),
		.timeouts = *t,
		.most = s->n > 4 ? 12 : (uint32_t)(20 + below(s, 30)),
		.tcp_percent = 95,
		.nat_percent = (uint32_t)below(s, 80),
		.pause_min = between(s, 50, 100),
		.pause_max = between(s, 200, 500),
		.life_min = between(s, 200, 500),
		.life_max = between(s, 1000, 5000),
	};
}

static struct flow_settings
draw_flows(struct scenario *s, const struct ha_timeouts *t)
{
	if (s->crowded)
		return draw_crowd(s, t);
	if (s->hasty)
		return draw_haste(s, t);
	return (struct flow_settings){
		.seed = ha_rng_next(&s->rng),
		.timeouts = *t,
		.most = s->n > 8 ? 12 : (uint32_t)(8 + below(s, 50)),
		.tcp_percent = (uint32_t)(20 + below(s, 80)),
		.nat_percent = (uint32_t)below(s, 80),
		.pause_min = between(s, 50, 300),
		.pause_max = between(s, 500, 3000),
		.life_min = between(s, 500, 5000),
		.life_max = between(s, 6000, chance(s, 40) ? 20000 : 300000),
	};
}

static struct world_settings
draw_world(struct scenario *s, const struct scenario_options *o)
{
	struct world_settings w = {
		.seed = o->seed,
		.n_members = s->n,
		.plant = o->plant,
		.trace = o->trace,
		.timeouts = draw_timeouts(s),
		.synchronization_timeout = between(s, 5000, 20000),
		.table_size = s->crowded ? 4096 : 512,
		.turn_max = between(s, 0, 3),
		.event_delay_max = between(s, 1, chance(s, 20) ? 50 : 3),
		.op_delay_max = between(s, 1, chance(s, 20) ? 20 : 2),
		.dump_is_skewed = chance(s, 50),
		.tells_closed = chance(s, 50),
		.sweep_one_in = s->crowded ? 400 : 40,
	};

	for (int l = 0; l < HA_LINK_MAX; l++)
		w.threshold[l] = between(s, 1500, 5000);
	if (s->states) {
		w.monitor_fail_hold_down = between(s, 0, 5000);
		w.tentative_hold = between(s, 0, 5000);
		w.flap_max = (uint8_t)below(s, 4);
	}
	w.network = draw_network(s);
	w.flows = draw_flows(s, &w.timeouts);
	return w;
}

static void
start_members(struct scenario *s)
{
	uint8_t late = chance(s, 30) ? any_member(s) : 0;

	for (uint8_t m = 1; m <= s->n; m++)
		after(s, m == late ? between(s, 20000, 60000) :
		    between(s, 0, 3000), start_again, m, 0, 0);
}

static bool
run_phases(struct scenario *s)
{
	struct world *w = s->world;
	struct ha_time heal_at = ha_time_add(w->now,
	    between(s, 45000, 120000));
	struct ha_time warm = ha_time_add(w->now, WARM_UP);

	start_members(s);
	after(s, ha_dur_ms(1), watch_routes, 0, 0, 0);
	after(s, ha_dur_ms(1), begin_flow, 0, 0, 0);
	if (!world_run(w, warm))
		return false;
	begin_chaos(s);
	while (ha_time_before(w->now, heal_at)) {
		if (!world_run(w, ha_time_add(w->now, ha_dur_s(1))))
			return false;
		world_sweep_all(w);
	}
	heal(s);
	return settle(s);
}

void
scenario_run(const struct scenario_options *options,
    struct scenario_result *result)
{
	struct scenario s = {
		.rng = { .state = options->seed },
		.begins = true,
		.membership = options->membership,
		.states = options->states,
		.ends = options->ends,
	};
	struct world_settings settings;

	s.n = options->n_members != 0 ? options->n_members : draw_members(&s);
	s.both_links = chance(&s, 80);
	s.doomed = chance(&s, 20) ? any_member(&s) : 0;
	s.crowded = s.n <= 4 && chance(&s, 12);
	s.hasty = !s.crowded && chance(&s, 25);
	s.flow_pace = s.crowded ? between(&s, 5, 20) :
	    s.hasty ? between(&s, 20, 100) : between(&s, 50, 2000);
	settings = draw_world(&s, options);
	s.world = world_new(&settings);

	result->broken = !run_phases(&s);
	if (result->broken && options->trace)
		world_note_all(s.world);
	result->violation[0] = '\0';
	if (result->broken)
		snprintf(result->violation, sizeof(result->violation),
		    "%.3f s: %s", (double)s.world->now.ns / 1e9,
		    oracle_violation(s.world->oracle));
	result->trace_hash = s.world->trace_hash;
	result->steps = s.world->steps;
	result->messages = s.world->messages;
	result->virtual_ns = s.world->now.ns;
	world_free(s.world);
}
