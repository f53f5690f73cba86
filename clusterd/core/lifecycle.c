/*
 * The life of what a member holds: from its start to when it publishes.
 *
 * What state the member is in is another matter (state.c): it goes through
 * this in every state.
 *
 * A start has three phases.  COLLECT: every stream that can be had is
 * received, also those of this member's own earlier boots, which the others
 * still hold; nothing is published, so that names, epochs and claims made
 * meanwhile are respected.  MATCH: the table is gone through once.  What an
 * earlier boot owned is published again under this one, if the kernel still
 * has it, or ended if not; what was first seen by this kernel is published;
 * what others own and has packets here is asked for.  RUN.
 *
 * With the match the earlier boots are taken over: CAUGHT_UP says so (TOOK),
 * and what the others still hold of them can go.
 */
#include "core/core_priv.h"

bool
lifecycle_running(const struct ha_core *c)
{
	return c->phase != PHASE_COLLECT;
}

/* ---- collect ---- */

static bool
without_progress(const struct ha_core *c, const struct stream *st)
{
	struct ha_time since = st->follow.progress_at;

	if (ha_time_before(since, c->started))
		since = c->started;
	return st->follow.stalled ||
	    ha_time_reached(c->now, ha_time_add(since, STANDSTILL));
}

static bool
is_through(const struct ha_core *c, const struct stream *st)
{
	return st->own || feed_caught_up(st) || without_progress(c, st);
}

/* Is there still something to get that p could have? */
static bool
holds_back(const struct ha_core *c, const struct peer *p)
{
	struct ha_dur wait = c->settings.threshold[HA_LINK_HA4];

	if (!p->present || !p->synchronization ||
	    p->index == c->settings.self)
		return false;
	if (!p->up) {
		wait.ns += c->settings.synchronization_timeout.ns;
		return !ha_time_reached(c->now, ha_time_add(c->started, wait));
	}
	if (!p->heard_once)
		return !ha_time_reached(c->now,
		    ha_time_add(p->since, STANDSTILL));
	for (int i = 0; i < HA_STREAM_MAX; i++) {
		const struct stream *st = &c->streams[i];

		if (stream_in_use(st) &&
		    (st->id.owner == p->index || st->follow.source == p->index) &&
		    (stream_is_current(c, st) || st->follow.source != 0) &&
		    !is_through(c, st))
			return true;
	}
	return false;
}

void
lifecycle_look(struct ha_core *c)
{
	c->waiting_for = 0;
	for (uint8_t i = 1; i <= HA_MEMBER_MAX; i++)
		if (holds_back(c, peer_look(c, i)))
			c->waiting_for |= ha_member_bit(i);
}

/* ---- match ---- */

static void
publish_again(struct ha_core *c, struct session *s)
{
	if (s->bit)
		owner_take_local_view(c, s);
	owner_forget_local_view(c, s);
	if (s->bit)
		s->record.flags &= (uint8_t)~HA_RECORD_UNTOUCHED;
	else
		s->record.flags |= HA_RECORD_UNTOUCHED;
	table_set_hand(c, s, HAND_NONE, HA_TIME_NEVER);
	owner_publish(c, s);
	if (s->bit)
		return;
	kernel_want(c, s, s->actual == ACTUAL_PRESENT ? WORK_LIFETIME :
	    WORK_INSTALL);
}

void
lifecycle_match(struct ha_core *c, struct session *s)
{
	bool alive = s->actual == ACTUAL_PRESENT ||
	    c->settings.start != HA_START_RESTART ||
	    (s->record.flags & HA_RECORD_UNTOUCHED) != 0 ||
	    s->in_flight > 0;

	if ((alive && !s->conflict && !s->zoneless) || HA_PLANT(c, HA_PLANT_RESTART_PUBLISHES))
		publish_again(c, s);
	else
		owner_end_old(c, s);
}

static void
match(struct ha_core *c, struct session *s)
{
	switch ((enum place)s->place) {
	case PLACE_PRIVATE:
		if (owner_worth_publishing(s))
			owner_publish(c, s);
		return;
	case PLACE_ORPHAN:
		kernel_want(c, s, WORK_LIFETIME); /* the last that it gets */
		return;
	case PLACE_CONFIRMED:
	case PLACE_UNCONFIRMED:
		if (s->stream == c->own)
			return;
		if (stream_is_past(c, s->stream))
			lifecycle_match(c, s);
		else if (s->bit && s->hand == HAND_TOUCHED)
			handoff_probe(c, s, PROBE_REARM);
		return;
	case PLACE_LIMBO:
	case PLACE_DEAD:
	case PLACE_FREE:
		return;
	}
}

static void
take_over(struct ha_core *c, struct stream *old)
{
	struct stream *own = c->own;

	if (own->n_took == HA_BOOTS_MAX) {
		for (int i = 1; i < HA_BOOTS_MAX; i++)
			own->took[i - 1] = own->took[i];
		own->n_took--;
	}
	own->took[own->n_took++] = (struct ha_took){ old->id.boot,
		old->complete };
	old->taken = true;
	old->taken_complete = old->complete;
	owner_sweep_again(c);
}

/* Earlier boots of ours that are all here; some may turn up late, and then
 * the sweep matches their sessions. */
static void
take_over_old(struct ha_core *c)
{
	for (int i = 0; i < HA_STREAM_MAX; i++) {
		struct stream *st = &c->streams[i];

		if (stream_in_use(st) && !st->own && !st->taken &&
		    st->id.owner == c->settings.self && is_through(c, st))
			take_over(c, st);
	}
}

static void
match_slice(struct ha_core *c)
{
	uint32_t n = 0;

	while (c->match_pos < c->high_water && n++ < SLICE &&
	    out_has_room(c))
		match(c, &c->table[c->match_pos++]);
	if (c->match_pos < c->high_water) {
		c->more = true;
		return;
	}
	c->phase = PHASE_RUN;
	take_over_old(c);
	owner_sweep_again(c);
}

void
lifecycle_tick(struct ha_core *c)
{
	if (c->phase == PHASE_COLLECT || c->state == HA_STATE_TENTATIVE)
		lifecycle_look(c);
	switch (c->phase) {
	case PHASE_COLLECT:
		if (!c->dumped || c->waiting_for != 0)
			return;
		c->phase = PHASE_MATCH;
		c->match_pos = 0;
		match_slice(c);
		return;
	case PHASE_MATCH:
		match_slice(c);
		return;
	case PHASE_RUN:
		take_over_old(c);
		return;
	}
}
