#include "tests/sim/flows.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/rng.h"

/*
 * A flow has one event on its way: its next exchange.  Both packets of an
 * exchange pass at the same moment; only when both have, each side's
 * position moves on.  A flow that is over stays in the list as a corpse, so
 * that its place, and with it its ports, is used again by a later one.
 */

#define SHORT_PAUSE ha_dur_s(3) /* what has a short timeout keeps it alive */

enum phase {
	PHASE_OPENING,
	PHASE_OPEN,
	PHASE_CLOSING,
	PHASE_SILENT, /* no packet ever again */
	PHASE_OVER,
};

struct flow {
	uint64_t id; /* distinguishes what used the same place */
	struct ha_tuple orig;
	struct ha_tuple reply; /* as the servers' side sees it */
	uint32_t nat_status;
	bool masquerade;
	bool served; /* UDP: after the first answer only the server speaks */
	bool excused;
	enum phase phase;
	unsigned int prefix;
	uint32_t position[HA_DIR_MAX];
	struct ha_dur pause;
	struct ha_time ends;
	struct ha_time last_ok;
	unsigned int closing_tries;
	bool established;
};

struct route {
	uint8_t member[HA_DIR_MAX];
	struct ha_time moved;
};

struct flows {
	struct event_queue *queue;
	struct flow_settings settings;
	struct flow_calls calls;
	struct ha_rng rng;
	struct ha_time now;
	struct route routes[FLOW_PREFIXES];
	struct flow *flows;
	size_t n;
	uint64_t next_id;
	bool kept; /* none comes to its end */
};

struct flows *
flows_new(struct event_queue *queue, const struct flow_settings *settings,
    const struct flow_calls *calls)
{
	struct flows *f = calloc(1, sizeof(*f));

	HA_CHECK(f != NULL);
	f->flows = calloc(settings->most, sizeof(*f->flows));
	HA_CHECK(f->flows != NULL);
	f->queue = queue;
	f->settings = *settings;
	f->calls = *calls;
	f->rng.state = settings->seed;
	return f;
}

void
flows_free(struct flows *f)
{
	if (f == NULL)
		return;
	free(f->flows);
	free(f);
}

void
flows_now(struct flows *f, struct ha_time now)
{
	f->now = now;
}

static struct ha_dur
between(struct flows *f, struct ha_dur min, struct ha_dur max)
{
	return (struct ha_dur){ min.ns + (int64_t)ha_rng_below(&f->rng,
	    (uint64_t)(max.ns - min.ns) + 1) };
}

static bool
chance(struct flows *f, uint32_t percent)
{
	return ha_rng_below(&f->rng, 100) < percent;
}

/* ---- packets ---- */

static uint8_t
member_of(const struct flows *f, const struct flow *w, int dir)
{
	return f->routes[w->prefix].member[dir];
}

static enum flow_verdict
send_packet(struct flows *f, struct flow *w, int dir,
    enum fake_packet_kind kind)
{
	uint8_t member = member_of(f, w, dir);
	struct fake_packet p = {
		.kind = kind,
		.tuple = dir == HA_DIR_ORIGINAL ? w->orig : w->reply,
		.seq = w->position[dir],
		.ack = w->position[!dir],
		.may_open = dir == HA_DIR_ORIGINAL,
		.masquerade = w->masquerade,
		.nat_status = w->nat_status,
		.reply = w->reply,
	};
	enum flow_verdict v = f->calls.packet(f->calls.ctx, member, &p);

	if (v != FLOW_FORWARDED && w->established && !w->excused &&
	    w->phase == PHASE_OPEN)
		f->calls.dropped(f->calls.ctx, member, &w->orig, &w->reply,
		    v);
	return v;
}

static bool
passes(struct flows *f, struct flow *w, int dir, enum fake_packet_kind kind)
{
	return send_packet(f, w, dir, kind) == FLOW_FORWARDED;
}

/* ---- one exchange ---- */

static void
open_flow(struct flows *f, struct flow *w)
{
	if (w->orig.protocol == 6) {
		if (!passes(f, w, HA_DIR_ORIGINAL, FAKE_SYN) ||
		    !passes(f, w, HA_DIR_REPLY, FAKE_SYN_ACK) ||
		    !passes(f, w, HA_DIR_ORIGINAL, FAKE_DATA))
			return;
	} else if (!passes(f, w, HA_DIR_ORIGINAL, FAKE_DATA) ||
	    !passes(f, w, HA_DIR_REPLY, FAKE_DATA)) {
		return;
	}
	w->phase = PHASE_OPEN;
	w->established = true;
	w->last_ok = f->now;
}

static void
talk(struct flows *f, struct flow *w)
{
	if (!w->served && !passes(f, w, HA_DIR_ORIGINAL, FAKE_DATA))
		return;
	if (!passes(f, w, HA_DIR_REPLY, FAKE_DATA))
		return;
	for (int dir = 0; dir < HA_DIR_MAX; dir++)
		w->position[dir] += (uint32_t)ha_rng_below(&f->rng, 9);
	w->last_ok = f->now;
}

static void
close_flow(struct flows *f, struct flow *w)
{
	if (++w->closing_tries > 5) {
		w->phase = PHASE_OVER;
	} else if (chance(f, 20)) {
		(void)passes(f, w, HA_DIR_REPLY, FAKE_RST);
		w->phase = PHASE_OVER;
	} else if (passes(f, w, HA_DIR_ORIGINAL, FAKE_FIN) &&
	    passes(f, w, HA_DIR_REPLY, FAKE_FIN)) {
		(void)passes(f, w, HA_DIR_ORIGINAL, FAKE_DATA);
		w->phase = PHASE_OVER;
	}
}

static void
end_of_life(struct flows *f, struct flow *w)
{
	if (w->phase == PHASE_OPENING)
		w->phase = PHASE_OVER;
	else if (w->orig.protocol == 6 && chance(f, 85))
		w->phase = PHASE_CLOSING;
	else
		w->phase = PHASE_SILENT;
}

static void next_exchange(struct flows *f, struct flow *w);

static void
exchange(void *ctx, const struct sim_event *e)
{
	struct flows *f = ctx;
	struct flow *w = &f->flows[e->a];

	if (w->id != e->b)
		return;
	if (!f->kept && w->phase <= PHASE_OPEN &&
	    ha_time_reached(f->now, w->ends))
		end_of_life(f, w);
	switch (w->phase) {
	case PHASE_OPENING:
		open_flow(f, w);
		break;
	case PHASE_OPEN:
		talk(f, w);
		break;
	case PHASE_CLOSING:
		close_flow(f, w);
		break;
	case PHASE_SILENT:
	case PHASE_OVER:
		break;
	}
	next_exchange(f, w);
}

static void
next_exchange(struct flows *f, struct flow *w)
{
	struct ha_dur half = { w->pause.ns / 2 };
	struct ha_dur wait = between(f, half, w->pause);

	if (w->phase >= PHASE_SILENT)
		return;
	event_queue_add(f->queue, (struct sim_event){
		.at = ha_time_add(f->now, wait),
		.run = exchange,
		.ctx = f,
		.a = (uint64_t)(w - f->flows),
		.b = w->id,
	});
}

/* ---- beginning ---- */

static struct ha_tuple
make_tuple(const struct flows *f, size_t place, uint8_t protocol)
{
	uint16_t port = (uint16_t)(1024 + place);

	(void)f;
	if (protocol == 1)
		return (struct ha_tuple){
			.src = { 10, 1, 0, 1 },
			.dst = { 192, 0, 2, 9 },
			.src_port = port,
			.dst_port = 8 << 8,
			.family = HA_IPV4,
			.protocol = protocol,
		};
	if (place % 4 == 3)
		return (struct ha_tuple){
			.src = { 0x20, 1, 0xd, 0xb8, [15] = 1 },
			.dst = { 0x20, 1, 0xd, 0xb8, 1, [15] = 9 },
			.src_port = port,
			.dst_port = 443,
			.family = HA_IPV6,
			.protocol = protocol,
		};
	return (struct ha_tuple){
		.src = { 10, 1, 0, 2 },
		.dst = { 192, 0, 2, 9 },
		.src_port = port,
		.dst_port = 443,
		.family = HA_IPV4,
		.protocol = protocol,
	};
}

static void
translate(struct flows *f, struct flow *w)
{
	static const uint8_t OUTSIDE[4] = { 198, 51, 100, 1 };

	w->reply = ha_tuple_invert(&w->orig);
	if (w->orig.family != HA_IPV4 || !chance(f, f->settings.nat_percent))
		return;
	w->nat_status = HA_STATUS_SRC_NAT;
	w->masquerade = chance(f, 50);
	memcpy(w->reply.dst, OUTSIDE, sizeof(OUTSIDE));
}

static struct flow *
free_place(struct flows *f)
{
	size_t start = ha_rng_below(&f->rng, f->settings.most);

	for (size_t i = 0; i < f->settings.most; i++) {
		struct flow *w = &f->flows[(start + i) % f->settings.most];

		if (w->id == 0 || w->phase >= PHASE_SILENT)
			return w;
	}
	return NULL;
}

void
flows_begin(struct flows *f)
{
	struct flow *w = free_place(f);
	uint8_t protocol = chance(f, f->settings.tcp_percent) ? 6 :
	    chance(f, 80) ? 17 : 1;
	size_t place;

	if (w == NULL)
		return;
	place = (size_t)(w - f->flows);
	*w = (struct flow){
		.id = ++f->next_id,
		.orig = make_tuple(f, place, protocol),
		.prefix = (unsigned int)ha_rng_below(&f->rng, FLOW_PREFIXES),
		.pause = between(f, f->settings.pause_min,
		    f->settings.pause_max),
		.last_ok = f->now,
	};
	w->ends = ha_time_add(f->now, between(f, f->settings.life_min,
	    f->settings.life_max));
	w->position[HA_DIR_ORIGINAL] = (uint32_t)(place * 1000);
	w->served = protocol == 17 && chance(f, 30);
	if (protocol != 6 && ha_dur_less(SHORT_PAUSE, w->pause))
		w->pause = SHORT_PAUSE;
	translate(f, w);
	if (place >= f->n)
		f->n = place + 1;
	next_exchange(f, w);
}

void
flows_keep(struct flows *f)
{
	f->kept = true;
}

/* ---- routes and reports ---- */

void
flows_route(struct flows *f, unsigned int prefix, uint8_t original,
    uint8_t reply)
{
	struct route *r = &f->routes[prefix];

	if (r->member[HA_DIR_ORIGINAL] == original &&
	    r->member[HA_DIR_REPLY] == reply)
		return;
	r->member[HA_DIR_ORIGINAL] = original;
	r->member[HA_DIR_REPLY] = reply;
	r->moved = f->now;
}

uint8_t
flows_route_of(const struct flows *f, unsigned int prefix, int dir)
{
	return f->routes[prefix].member[dir];
}

void
flows_excuse(struct flows *f, const struct ha_tuple *orig)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->flows[i].id != 0 &&
		    ha_tuple_equal(&f->flows[i].orig, orig))
			f->flows[i].excused = true;
}

size_t
flows_count(const struct flows *f)
{
	return f->n;
}

struct flow_report
flows_report(const struct flows *f, size_t i)
{
	const struct flow *w = &f->flows[i];

	return (struct flow_report){
		.orig = w->orig,
		.reply = w->reply,
		.member = { member_of(f, w, HA_DIR_ORIGINAL),
		    member_of(f, w, HA_DIR_REPLY) },
		.established = w->id != 0 && w->established &&
		    w->phase == PHASE_OPEN,
		.excused = w->excused,
		.moved = f->routes[w->prefix].moved,
		.last_ok = w->last_ok,
		.pause = w->pause,
	};
}
