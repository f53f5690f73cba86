/*
 * Ownership: who publishes a session.
 *
 * There is one way to become the owner of a session that exists: publish the
 * whole of it in one's own stream with the next epoch.  Whoever sees a higher
 * version than its own has lost the session: it leaves its list, a LEFT node
 * tells the others, and the kernel's entry is made anew as a replica, since
 * its TCP windows are those of the past.
 *
 * The sweep goes through the table in slices after somebody was lost or
 * found, or a boot was replaced, and brings each session into the state that
 * the new situation asks for.  It may pass a session any number of times, and
 * goes on from where it is when it is wanted again: who begins anew each time
 * never comes to the end of the table.
 */
#include "core/core_priv.h"

bool
owner_is_self(const struct ha_core *c, const struct session *s)
{
	return s->stream == c->own || s->place == PLACE_PRIVATE;
}

/* May s be claimed without asking?  Its owner is lost or does not forward. */
bool
owner_is_free(const struct ha_core *c, const struct session *s)
{
	const struct peer *p;

	if (s->version.owner == c->settings.self)
		return lifecycle_running(c);
	p = peer_look(c, s->version.owner);
	if (p->lost)
		return true;
	return p->up && (p->state == HA_STATE_SUSPENDED ||
	    p->state == HA_STATE_NON_FUNCTIONAL);
}

/* TCP: established.  Others: answered once. */
bool
owner_worth_publishing(const struct session *s)
{
	const struct ha_record *r = &s->record;

	if (r->orig.protocol == 6 &&
	    (r->tcp_state < HA_TCP_ESTABLISHED ||
	    r->tcp_state > HA_TCP_TIME_WAIT))
		return false;
	return (r->status & HA_STATUS_SEEN_REPLY) != 0;
}

static uint64_t
next_revision(const struct ha_core *c, const struct session *s)
{
	uint64_t base = c->settings.boot.counter << 32;

	if (s->version.owner == c->settings.self &&
	    s->version.revision >> 32 == c->settings.boot.counter)
		return s->version.revision + 1;
	return base + 1;
}

/* What this member now holds of its own session s is the news. */
void
owner_publish(struct ha_core *c, struct session *s)
{
	bool anew = s->stream != c->own;

	HA_CHECK(lifecycle_running(c));
	stream_detach(c, s);
	if (s->place == PLACE_PRIVATE)
		c->n_private--;
	s->version.revision = next_revision(c, s);
	s->version.owner = c->settings.self;
	s->owners |= ha_member_bit(c->settings.self);
	s->changed = c->now;
	c->own->tail++;
	c->own->complete = c->own->tail;
	if (anew)
		s->full_change = c->own->tail;
	stream_confirm(c->own, s, c->own->tail);
}

static void
bury_in_own(struct ha_core *c, const struct session *s,
    enum ha_entry_kind kind, enum ha_end_reason reason)
{
	struct ha_entry e = { .kind = kind, .end_reason = (uint8_t)reason,
		.uid = s->uid, .version = s->version };

	e.change = ++c->own->tail;
	c->own->complete = c->own->tail;
	stream_bury(c, c->own, &e);
}

/* For the traffic log: one member writes it. */
static void
log_end(struct ha_core *c, const struct session *s, enum ha_end_reason reason)
{
	struct ha_output *o = out_add(c, HA_OUT_ENDED);

	o->u.ended = (struct ha_out_ended){ .uid = s->uid, .reason = reason,
		.owners = s->owners, .record = s->record };
}

/* Own session s is over, everywhere. */
void
owner_end(struct ha_core *c, struct session *s, enum ha_end_reason reason)
{
	out_trace(c, HA_TRACE_END, c->settings.self, reason, ha_trace_uid(&s->uid));
	if (s->stream == c->own) {
		stream_detach(c, s);
		bury_in_own(c, s, HA_ENTRY_END, reason);
	} else {
		c->n_private--;
	}
	c->counters.sessions_ended++;
	log_end(c, s, reason);
	kernel_bury(c, s);
}

/* What an earlier boot of ours owned ended while nobody watched. */
void
owner_end_old(struct ha_core *c, struct session *s)
{
	out_trace(c, HA_TRACE_END, c->settings.self, HA_END_IDLE,
	    ha_trace_uid(&s->uid));
	stream_detach(c, s);
	bury_in_own(c, s, HA_ENTRY_END, HA_END_IDLE);
	c->counters.sessions_ended++;
	log_end(c, s, HA_END_IDLE);
	kernel_bury(c, s);
}

/* ---- claim ---- */

/* At most CLAIMS_MAX in CLAIM_WINDOW_S; the oldest is forgotten. */
static bool
count_claim(struct ha_core *c, struct session *s)
{
	uint32_t now = seconds_now(c), oldest = 0;

	for (uint32_t i = 1; i < CLAIMS_MAX; i++)
		if (s->claims_s[i] < s->claims_s[oldest])
			oldest = i;
	if (s->claims_s[oldest] != 0 &&
	    now - s->claims_s[oldest] <= CLAIM_WINDOW_S) {
		c->counters.claims_limited++;
		return false;
	}
	s->claims_s[oldest] = now;
	return true;
}

/* What the own kernel saw of the session is newer than what was received. */
void
owner_take_local_view(struct ha_core *c, struct session *s)
{
	const struct local_view *v = &s->local;

	if (!v->known)
		return;
	s->record.status |= v->status;
	s->record.mark = v->mark;
	if (v->tcp_known) {
		s->record.tcp_state = v->tcp_state;
		for (int i = 0; i < HA_DIR_MAX; i++) {
			s->record.tcp_flags[i] = v->tcp_flags[i];
			s->record.tcp_wscale[i] = v->tcp_wscale[i];
		}
	}
	if (v->extra != NULL)
		extra_put(c, &s->extra, v->extra);
	owner_forget_local_view(c, s);
}

void
owner_forget_local_view(struct ha_core *c, struct session *s)
{
	extra_put(c, &s->local.extra, NULL);
	s->local = (struct local_view){ .known = false };
}

/* Above what is held of s, and above the end of it that came by. */
static uint32_t
epoch_to_outdo(const struct session *s)
{
	return s->ended_epoch > s->version.epoch ? s->ended_epoch :
	    s->version.epoch;
}

/* Make s our own; false: not now, it was claimed too often, or never, its zone
 * is none of ours. */
bool
owner_claim(struct ha_core *c, struct session *s)
{
	uint32_t epoch = epoch_to_outdo(s);

	HA_CHECK(!owner_is_self(c, s) && lifecycle_running(c));
	if (epoch == UINT32_MAX || s->zoneless || !count_claim(c, s))
		return false;
	out_trace(c, HA_TRACE_CLAIM, s->version.owner, s->bit, ha_trace_uid(&s->uid));
	digest_claimed(c, s);
	if (s->place == PLACE_LIMBO)
		c->n_limbo--;
	stream_detach(c, s);
	owner_take_local_view(c, s);
	if (s->bit)
		s->record.flags &= (uint8_t)~HA_RECORD_UNTOUCHED;
	else
		s->record.flags |= HA_RECORD_UNTOUCHED;
	s->version.epoch = epoch + 1;
	s->ended_epoch = 0;
	s->granted = (struct ha_version){ 0 };
	s->aging = false;
	s->rearms = 0;
	table_set_life(c, s, HA_TIME_NEVER);
	owner_publish(c, s);
	c->counters.claims++;
	if (s->liberal)
		table_set_hand(c, s, HAND_SETTLING,
		    ha_time_add(c->now, STRICT_AFTER));
	else
		table_set_hand(c, s, HAND_NONE, HA_TIME_NEVER);
	if (!s->bit)
		kernel_want(c, s, s->actual == ACTUAL_PRESENT ?
		    WORK_LIFETIME : WORK_INSTALL);
	return true;
}

/* Somebody else had s meanwhile, and it went idle there: not here. */
void
owner_keep(struct ha_core *c, struct session *s,
    const struct ha_version *above)
{
	s->version = *above;
	s->version.epoch++;
	stream_detach(c, s);
	c->counters.claims++;
	out_trace(c, HA_TRACE_CLAIM, above->owner, s->bit, ha_trace_uid(&s->uid));
	owner_publish(c, s);
}

/* A higher version than ours has come: the session is somebody else's.  The
 * caller gives it its new record, version and list. */
void
owner_yield(struct ha_core *c, struct session *s, const struct ha_version *to)
{
	bool was_traffic = s->bit;

	out_trace(c, HA_TRACE_YIELD, to->owner, 0, ha_trace_uid(&s->uid));
	c->counters.yields++;
	if (s->hand != HAND_GRANTED && s->hand != HAND_ENDING && was_traffic &&
	    c->state == HA_STATE_ACTIVE)
		c->counters.claims_unasked++;
	if (s->place == PLACE_PRIVATE) {
		c->n_private--;
		s->place = PLACE_LIMBO;
	} else {
		stream_detach(c, s);
		if (!HA_PLANT(c, HA_PLANT_LEFT_FORGOTTEN))
			bury_in_own(c, s, HA_ENTRY_LEFT, HA_END_CLOSED);
	}
	table_set_hand(c, s, HAND_NONE, HA_TIME_NEVER);
	s->asymmetric = false;
	kernel_fresh(c, s);
}

/* The kernel dropped a living session of ours: whoever gets its packets may
 * have it. */
void
owner_release(struct ha_core *c, struct session *s)
{
	s->bit = false;
	s->record.flags |= HA_RECORD_UNTOUCHED;
	owner_publish(c, s);
	kernel_want(c, s, WORK_INSTALL);
	if (handoff_was_asked(c, s))
		handoff_grant(c, s, s->asker);
}

/* ---- sweep ---- */

void
owner_sweep_again(struct ha_core *c)
{
	c->sweep_left = c->high_water;
}

static void
begin_aging(struct ha_core *c, struct session *s, struct ha_time lost_at)
{
	struct ha_dur timeout = ha_timeouts_of(&c->settings.timeouts,
	    &s->record);

	s->aging = true;
	table_set_life(c, s, ha_time_add(lost_at, timeout));
	if (s->actual == ACTUAL_PRESENT)
		kernel_want(c, s, WORK_LIFETIME);
}

static void
stop_aging(struct ha_core *c, struct session *s)
{
	s->aging = false;
	table_set_life(c, s, HA_TIME_NEVER);
	if (s->actual == ACTUAL_PRESENT && !s->bit)
		kernel_want(c, s, WORK_LIFETIME);
}

static void
settle_taken(struct ha_core *c, struct stream *st, struct session *s)
{
	if (s->node.change <= st->taken_complete) {
		feed_limbo(c, s);
	} else if (!owner_claim(c, s)) {
		feed_limbo(c, s);
	}
}

/* Bring s into the state that its owner's state asks for. */
void
owner_settle(struct ha_core *c, struct session *s)
{
	struct stream *st = s->stream;
	bool lost;

	if (s->place != PLACE_CONFIRMED && s->place != PLACE_UNCONFIRMED &&
	    s->place != PLACE_LIMBO)
		return;
	if (st == c->own || !lifecycle_running(c))
		return;
	if (stream_is_past(c, st)) {
		if (st->taken)
			lifecycle_match(c, s);
		return;
	}
	if (s->bit && (owner_is_free(c, s) || ha_time_is_never(s->hand_due))) {
		if (s->hand == HAND_NONE || s->hand == HAND_TOUCHED)
			handoff_touched(c, s);
		return;
	}
	if (st == NULL)
		return;
	if (st->taken && !s->bit) {
		settle_taken(c, st, s);
		return;
	}
	lost = !ha_time_is_never(st->lost_at);
	if (lost && st->settled && !s->bit &&
	    s->node.change > stream_best_complete(c, st)) {
		if (owner_claim(c, s))
			return;
	}
	if (lost && !s->aging && !s->bit)
		begin_aging(c, s, st->lost_at);
	else if (!lost && s->aging)
		stop_aging(c, s);
}

void
owner_sweep_tick(struct ha_core *c)
{
	uint32_t n = 0;

	if (!lifecycle_running(c))
		return;
	while (c->sweep_left > 0 && n++ < SLICE && out_has_room(c)) {
		struct session *s = &c->table[c->sweep_pos];

		c->sweep_pos = (c->sweep_pos + 1) % c->high_water;
		c->sweep_left--;
		if (s->place == PLACE_FREE)
			continue;
		kernel_check_zone(c, s);
		owner_settle(c, s);
	}
	if (c->sweep_left > 0)
		c->more = true;
}

/* Of those who can be reached the one that has most of st writes the log;
 * the lowest index of several. */
static bool
logs_for_lost(const struct ha_core *c, const struct stream *st)
{
	for (uint8_t i = 1; st != NULL && i <= HA_MEMBER_MAX; i++) {
		const struct announced *a = &st->announced[i - 1];

		if (!peer_look(c, i)->up || !a->known)
			continue;
		if (a->complete > st->complete || (i < c->settings.self &&
		    a->complete == st->complete))
			return false;
	}
	return true;
}

/* A session that nobody owns any more has had its protocol's time. */
void
owner_expired(struct ha_core *c, struct session *s)
{
	if (s->bit) {
		stop_aging(c, s);
		return;
	}
	out_trace(c, HA_TRACE_END, s->version.owner, HA_END_OWNER_LOST,
	    ha_trace_uid(&s->uid));
	if (logs_for_lost(c, s->stream))
		log_end(c, s, HA_END_OWNER_LOST);
	if (s->stream != NULL)
		s->stream->aged = true;
	stream_detach(c, s);
	kernel_bury(c, s);
}
