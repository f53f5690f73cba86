/*
 * The receiving side of the change feed.
 *
 * For every stream that exists this member follows one source: its owner, or
 * while that can't be reached the member that has most of it.  It asks for
 * what comes after a number, and takes only batches of the walk that it asked
 * for last, and only where the one before ended.
 *
 * Two numbers say how far it is, and they are not the same.  The cursor is
 * where the running walk stands: it means something to the one source only
 * that is walked.  Complete means that nothing is missing up to there: it
 * moves when a source says CAUGHT_UP, and it is what is told to others and
 * what another source is asked to go on from.
 *
 * What a walk does not mention again is not removed: it goes to limbo, where
 * it stays installed until it is mentioned anywhere, or until every stream
 * has been caught up with since and a minute has passed.
 */
#include "core/core_priv.h"

#include <string.h>

bool
feed_caught_up(const struct stream *st)
{
	return !ha_time_is_never(st->follow.caught_at);
}

/* ---- limbo ---- */

void
feed_limbo(struct ha_core *c, struct session *s)
{
	out_trace(c, HA_TRACE_LIMBO, s->version.owner, 0, ha_trace_uid(&s->uid));
	stream_detach(c, s);
	if (HA_PLANT(c, HA_PLANT_SWEEP_WITHOUT_LIMBO)) {
		kernel_bury(c, s);
		return;
	}
	s->place = PLACE_LIMBO;
	s->aging = false;
	s->limbo_at = c->now;
	c->n_limbo++;
	c->counters.limbo_entered++;
	table_set_life(c, s, ha_time_add(c->now, LIMBO_TIME));
}

static void
leave_limbo(struct ha_core *c, struct session *s)
{
	if (s->place != PLACE_LIMBO)
		return;
	c->n_limbo--;
	table_set_life(c, s, HA_TIME_NEVER);
}

static bool
all_caught_up_since(const struct ha_core *c, struct ha_time t)
{
	for (int i = 0; i < HA_STREAM_MAX; i++) {
		const struct stream *st = &c->streams[i];

		if (!stream_in_use(st) || st->own || st->follow.source == 0)
			continue;
		if (!feed_caught_up(st) ||
		    ha_time_before(st->follow.caught_at, t))
			return false;
	}
	return true;
}

/* Its minute is over. */
void
feed_limbo_due(struct ha_core *c, struct session *s)
{
	if (s->bit || s->hand == HAND_PROBING ||
	    !all_caught_up_since(c, s->limbo_at)) {
		table_set_life(c, s, ha_time_add(c->now, END_GRACE));
		return;
	}
	c->n_limbo--;
	c->counters.limbo_removed++;
	kernel_bury(c, s);
}

/* ---- whom to follow ---- */

static bool
can_serve(const struct ha_core *c, const struct stream *st, uint8_t index)
{
	const struct peer *p = peer_look(c, index);

	return p->up && p->synchronization &&
	    membership_accepts(c, st->id.owner) &&
	    st->announced[index - 1].known;
}

/* Is a a better source than b?  b may be nobody. */
static bool
better_source(const struct ha_core *c, const struct stream *st, uint8_t a,
    uint8_t b)
{
	ha_member_set owner = ha_member_bit(st->id.owner);
	bool sees_a, sees_b;

	if (b == 0)
		return true;
	if (stream_is_current(c, st) &&
	    (a == st->id.owner || b == st->id.owner))
		return a == st->id.owner;
	sees_a = (peer_look(c, a)->sees & owner) != 0;
	sees_b = (peer_look(c, b)->sees & owner) != 0;
	if (sees_a != sees_b)
		return sees_a;
	if (st->announced[a - 1].complete != st->announced[b - 1].complete)
		return st->announced[a - 1].complete >
		    st->announced[b - 1].complete;
	return a < b;
}

static uint8_t
best_source(const struct ha_core *c, const struct stream *st)
{
	uint8_t best = 0;

	for (uint8_t i = 1; i <= HA_MEMBER_MAX; i++)
		if (can_serve(c, st, i) && better_source(c, st, i, best))
			best = i;
	return best;
}

/* ---- walks ---- */

static uint64_t
resume_after(const struct ha_core *c, const struct stream *st,
    const struct peer *source)
{
	const struct follow *f = &st->follow;
	bool resumes = f->cursor_boot == source->boot.id &&
	    f->cursor_boot != 0;

	if (f->anew && !(f->whole && resumes))
		return 0;
	if (resumes)
		return f->cursor;
	if (HA_PLANT(c, HA_PLANT_RESUME_FROM_CURSOR) && f->cursor_boot != 0)
		return f->cursor;
	return st->complete;
}

static bool
is_full(const struct stream *st)
{
	return st->follow.walk != 0 && st->follow.after == 0 &&
	    !st->follow.stalled && !feed_caught_up(st);
}

/* Small ones need no turn. */
static bool
may_begin(const struct ha_core *c, const struct stream *st, uint8_t source,
    uint64_t after)
{
	int running = 0;

	if (after != 0 || st->announced[source - 1].count <= HA_BATCH_MAX)
		return true;
	for (int i = 0; i < HA_STREAM_MAX; i++)
		if (stream_in_use(&c->streams[i]) && !c->streams[i].own &&
		    &c->streams[i] != st && is_full(&c->streams[i]) &&
		    c->streams[i].announced[c->streams[i].follow.source - 1]
		    .count > HA_BATCH_MAX)
			running++;
	return running < FULL_WALKS_MAX;
}

static void
void_if_below_tail(struct ha_core *c, struct stream *st, uint64_t after)
{
	if (after < st->tail) {
		feed_send_void(c, st);
		digest_restart(c, st);
	}
	stream_unconfirm_above(st, after);
}

static void
request(struct ha_core *c, struct stream *st, struct peer *p, int link,
    uint64_t after)
{
	struct follow *f = &st->follow;
	struct ha_message *m;

	m = out_send(c, p, link, HA_MSG_FEED_REQUEST);
	if (m == NULL)
		return; /* no room: the next turn asks */
	void_if_below_tail(c, st, after);
	f->walk = ++c->next_walk;
	f->source = p->index;
	f->link = (uint8_t)link;
	f->generation = p->links[link].generation;
	f->cursor = after;
	f->cursor_boot = p->boot.id;
	f->after = after;
	f->below = after < st->complete;
	f->kept = false;
	f->whole = f->anew && (after == 0 || f->whole);
	f->caught_at = HA_TIME_NEVER;
	f->asked_at = c->now;
	f->progress_at = c->now;
	f->better = 0;
	m->u.feed_request.walk = f->walk;
	m->u.feed_request.stream = st->id;
	m->u.feed_request.after = after;
	c->counters.walks_started++;
	if (after == 0)
		c->counters.walks_full++;
	out_trace(c, HA_TRACE_WALK, p->index, st->id.owner, after);
}

/* The walk began below complete, and nobody goes on with it, or its source
 * has less: what it did not mention stands.  The tombstones among it are
 * gone. */
static void
keep_up_to_complete(struct ha_core *c, struct stream *st)
{
	if (!st->follow.below)
		return;
	st->follow.below = false;
	stream_reconfirm_upto(st, st->complete);
	stream_raise_floor(c, st, st->complete);
	if (st->tail < st->complete)
		st->tail = st->complete;
}

static void
walk_from(struct ha_core *c, struct stream *st, uint8_t source)
{
	struct peer *p = peer_at(c, source);
	uint64_t after = resume_after(c, st, p);
	bool resumes = st->follow.cursor_boot == p->boot.id;
	int link = link_wanted(c, p);

	if (link < 0)
		return;
	if (!may_begin(c, st, source, after)) {
		st->follow.progress_at = c->now; /* to wait is no standstill */
		return;
	}
	st->follow.stalled = false;
	if (!resumes)
		keep_up_to_complete(c, st);
	request(c, st, p, link, after);
}

/* Ask for everything again, from whoever is followed, now or later. */
void
feed_apply_restart(struct ha_core *c, struct stream *st)
{
	st->mismatches = 0;
	st->overflow = false;
	st->follow.anew = true;
	st->follow.whole = false;
	c->counters.resynchronisations++;
}

void
feed_apply_link_down(struct ha_core *c, uint8_t peer, uint8_t link)
{
	for (int i = 0; i < HA_STREAM_MAX; i++) {
		struct follow *f = &c->streams[i].follow;

		if (stream_in_use(&c->streams[i]) && f->source == peer &&
		    f->link == link)
			f->walk = 0;
	}
}

void
feed_apply_void(struct ha_core *c, const struct ha_in_message *in)
{
	const struct ha_msg_walk_void *v = &in->message->u.walk_void;
	struct stream *st = stream_find(c, &v->stream);

	if (st == NULL || st->own || st->follow.walk != v->walk ||
	    st->follow.source != in->peer) {
		c->counters.drop_stale_walk++;
		return;
	}
	st->follow.walk = 0;
	st->follow.cursor_boot = 0; /* go on from complete */
}

static bool
source_gone(const struct ha_core *c, const struct stream *st)
{
	return st->follow.source == 0 || !can_serve(c, st, st->follow.source);
}

/* Has another source been better for long enough? */
static bool
should_change(struct ha_core *c, struct stream *st, uint8_t best)
{
	struct follow *f = &st->follow;

	if (best == 0 || best == f->source) {
		f->better = 0;
		return false;
	}
	if (best == st->id.owner && stream_is_current(c, st))
		return true; /* who relays may follow us in a circle */
	if (f->better != best) {
		f->better = best;
		f->better_since = c->now;
	}
	return ha_time_reached(c->now,
	    ha_time_add(f->better_since, SOURCE_TRUST));
}

static bool
stands_still(const struct ha_core *c, const struct stream *st)
{
	const struct follow *f = &st->follow;

	return st->announced[f->source - 1].complete > f->cursor &&
	    ha_time_reached(c->now, ha_time_add(f->progress_at, STANDSTILL));
}

/* A walk that is through is told so every second. */
static bool
is_silent(const struct ha_core *c, const struct stream *st)
{
	return ha_time_reached(c->now,
	    ha_time_add(st->follow.caught_at, SILENT_WALK));
}

static int
other_link(const struct peer *p, int link)
{
	int other = HA_LINK_MAX - 1 - link;

	return p->links[other].up ? other : link;
}

static void
follow(struct ha_core *c, struct stream *st)
{
	struct follow *f = &st->follow;
	uint8_t best = best_source(c, st);
	struct peer *p;
	int wanted;

	if (source_gone(c, st) || should_change(c, st, best)) {
		f->walk = 0;
		f->source = best;
		if (best == 0) {
			keep_up_to_complete(c, st);
			return;
		}
	}
	if (f->walk == 0 || (f->anew && !f->whole)) {
		walk_from(c, st, f->source);
		return;
	}
	p = peer_at(c, f->source);
	wanted = link_wanted(c, p);
	if (stands_still(c, st)) {
		f->stalled = true;
		request(c, st, p, other_link(p, f->link), f->cursor);
	} else if (wanted >= 0 && feed_caught_up(st) &&
	    (wanted != f->link || is_silent(c, st))) {
		request(c, st, p, wanted, f->cursor);
	}
}

/* ---- what a batch tells ---- */

static bool
entries_ok(struct ha_core *c, const struct stream *st,
    const struct ha_msg_batch *b)
{
	uint64_t last = b->from;

	for (int i = 0; i < b->n_entries; i++) {
		const struct ha_entry *e = &b->entries[i];

		if (e->change <= last || e->change > b->to) {
			c->counters.drop_order++;
			return false;
		}
		if (e->version.owner != st->id.owner) {
			c->counters.drop_invalid++;
			return false;
		}
		last = e->change;
	}
	return true;
}

/* Something between two batches never came: go on from the cursor, though
 * not for every batch that was under way behind it. */
static void
ask_again(struct ha_core *c, struct stream *st)
{
	if (ha_time_reached(c->now, ha_time_add(st->follow.asked_at, GAP_PAUSE)))
		st->follow.walk = 0;
}

static bool
batch_ok(struct ha_core *c, struct stream *st,
    const struct ha_in_message *in)
{
	const struct ha_msg_batch *b = &in->message->u.batch;
	const struct follow *f;
	bool full = (b->flags & HA_BATCH_FULL) != 0;

	if (st == NULL || st->own) {
		c->counters.drop_unknown_stream++;
		return false;
	}
	f = &st->follow;
	if ((f->walk != b->walk || f->source != in->peer ||
	    f->link != in->link) && !HA_PLANT(c, HA_PLANT_STALE_WALK)) {
		c->counters.drop_stale_walk++;
		return false;
	}
	if ((full ? b->from != 0 : b->from != f->cursor) &&
	    !HA_PLANT(c, HA_PLANT_GAP_IGNORED)) {
		c->counters.drop_gap++;
		ask_again(c, st);
		return false;
	}
	if (b->to < b->from) {
		c->counters.drop_order++;
		return false;
	}
	return entries_ok(c, st, b);
}

/* A session found no place: say so, and stand still until there is room. */
static void
overflow(struct ha_core *c, struct stream *st)
{
	c->counters.sessions_refused++;
	if (!st->overflow)
		out_alarm(c, "session-table-full", st->id.owner, true);
	st->overflow = true;
}

/* Somewhere in this kernel is the same flow under no name or another one. */
static struct session *
find_unnamed(const struct ha_core *c, const struct ha_record *r)
{
	struct session *s = NULL;

	while ((s = table_next_with(c, &r->orig, s)) != NULL)
		if ((s->place == PLACE_PRIVATE || s->place == PLACE_ORPHAN) &&
		    ha_tuple_equal(&s->record.orig, &r->orig) &&
		    ha_tuple_equal(&s->record.reply, &r->reply))
			return s;
	return NULL;
}

static void
take_record(struct ha_core *c, struct session *s, const struct ha_entry *e)
{
	struct ha_record r = e->record;
	uint32_t gained = r.status & ~s->record.status;

	if (e->kind == HA_ENTRY_UPDATE || (ha_tuple_equal(&r.orig,
	    &s->record.orig) && ha_tuple_equal(&r.reply, &s->record.reply))) {
		r.orig = s->record.orig;
		r.reply = s->record.reply;
	} else {
		c->counters.drop_invalid++; /* a name's tuples never change */
		r.orig = s->record.orig;
		r.reply = s->record.reply;
	}
	if (s->actual == ACTUAL_PRESENT && !s->bit) {
		if ((gained & (HA_STATUS_SEEN_REPLY | HA_STATUS_ASSURED)) != 0)
			kernel_want(c, s, WORK_STATUS);
		if (r.mark != s->record.mark)
			kernel_want(c, s, WORK_MARK);
		if (r.flags != s->record.flags)
			kernel_want(c, s, WORK_LIFETIME);
	}
	extra_take_record(c, s, e->extra);
	s->record = r;
}

/* Was the entry made for a session before this one, with its addresses?  A
 * copy of this one can't be ahead of it. */
static bool
is_of_another(const struct ha_record *entry, const struct ha_record *r)
{
	return (entry->status & ~r->status) != 0 ||
	    entry->tcp_state > r->tcp_state ||
	    memcmp(entry->tcp_wscale, r->tcp_wscale,
	        sizeof(r->tcp_wscale)) != 0;
}

/* A start has found s in the kernel; now a feed names it. */
static void
name_orphan(struct ha_core *c, struct stream *st, struct session *s,
    const struct ha_entry *e)
{
	c->n_orphans--;
	table_rename(c, s, &e->uid);
	kernel_want(c, s, WORK_LIFETIME);
	if (!stream_is_past(c, st) && is_of_another(&s->record, &e->record))
		kernel_want(c, s, WORK_FRESH);
	take_record(c, s, e);
}

/* The flow that this kernel carries is one that others know already. */
static void
adopt(struct ha_core *c, struct session *s, const struct ha_entry *e)
{
	const struct ha_record *r = &s->record;

	s->local = (struct local_view){ .status = r->status, .mark = r->mark,
		.tcp_state = r->tcp_state,
		.tcp_flags = { r->tcp_flags[0], r->tcp_flags[1] },
		.tcp_wscale = { r->tcp_wscale[0], r->tcp_wscale[1] },
		.known = true, .tcp_known = true, .extra = s->extra };
	s->extra = NULL;
	c->n_private--;
	table_rename(c, s, &e->uid);
	table_set_hand(c, s, HAND_NONE, HA_TIME_NEVER);
	s->record = e->record;
	extra_put(c, &s->extra, e->extra);
}

static void
place_in(struct ha_core *c, struct stream *st, struct session *s,
    const struct ha_entry *e)
{
	if (e->kind == HA_ENTRY_FULL)
		s->full_change = e->change;
	s->owners |= ha_member_bit(e->version.owner);
	s->changed = c->now;
	stream_confirm(st, s, e->change);
	kernel_hold(c, s);
	if (!ha_time_is_never(st->lost_at))
		owner_settle(c, s);
	handoff_record_came(c, s);
}

/* All up to complete was here once: what is not there now is over, and a
 * source that is behind has not heard of it, though the tombstone may be
 * gone. */
static bool
is_outlived(const struct stream *st, const struct ha_msg_batch *b,
    const struct ha_entry *e)
{
	return st->follow.source != st->id.owner &&
	    e->change <= st->complete && b->complete < st->complete;
}

static void
apply_new(struct ha_core *c, struct stream *st, const struct ha_msg_batch *b,
    const struct ha_entry *e)
{
	struct session *s;
	bool half = false; /* carried here, but never answered */

	if (stream_has_ended(c, &e->uid, &e->version) || is_outlived(st, b, e)) {
		digest_blur(c, st);
		return;
	}
	if (e->kind == HA_ENTRY_UPDATE) {
		c->counters.drop_unknown_update++;
		if (!st->overflow)
			st->mismatches = 3;
		return;
	}
	s = find_unnamed(c, &e->record);
	if (s == NULL) {
		s = table_take(c, &e->uid, &e->record);
		if (s == NULL) {
			overflow(c, st);
			return;
		}
		extra_put(c, &s->extra, e->extra);
	} else if (s->place == PLACE_ORPHAN) {
		name_orphan(c, st, s, e);
	} else {
		half = (s->record.status & HA_STATUS_SEEN_REPLY) == 0;
		adopt(c, s, e);
	}
	s->version = e->version;
	s->place = PLACE_LIMBO; /* for a moment: in no list */
	place_in(c, st, s, e);
	c->counters.entries_applied++;
	if (half && (e->record.status & HA_STATUS_SEEN_REPLY) != 0)
		kernel_half(c, s);
	else if (s->bit && !owner_is_self(c, s))
		handoff_touched(c, s);
}

static void
apply_newer(struct ha_core *c, struct stream *st, struct session *s,
    const struct ha_entry *e)
{
	if (e->version.epoch - s->version.epoch > EPOCH_JUMP_MAX) {
		c->counters.drop_epoch++;
		return;
	}
	leave_limbo(c, s);
	if (owner_is_self(c, s)) {
		owner_yield(c, s, &e->version);
	} else {
		if (s->stream != NULL && s->stream != st)
			digest_claimed(c, s);
		stream_detach(c, s);
	}
	if (s->version.owner != e->version.owner)
		s->granted = (struct ha_version){ 0 };
	take_record(c, s, e);
	s->version = e->version;
	if (s->aging) {
		s->aging = false;
		table_set_life(c, s, HA_TIME_NEVER);
		kernel_want(c, s, WORK_LIFETIME);
	}
	place_in(c, st, s, e);
	c->counters.entries_applied++;
}

/* Nothing new of s, but the source has it: it stays. */
static void
mention(struct ha_core *c, struct stream *st, struct session *s,
    const struct ha_entry *e, int cmp)
{
	if (owner_is_self(c, s) || (s->stream != NULL && s->stream != st) ||
	    cmp < 0) {
		if (s->stream != st)
			digest_counted(c, st, s, e);
		if (s->place != PLACE_LIMBO)
			return;
	}
	if (s->place == PLACE_LIMBO && cmp < 0)
		return; /* a claim of it is on its way */
	leave_limbo(c, s);
	stream_detach(c, s);
	place_in(c, st, s, e);
}

static void
apply_record(struct ha_core *c, struct stream *st,
    const struct ha_msg_batch *b, const struct ha_entry *e)
{
	struct session *s = table_find(c, &e->uid);
	int cmp;

	if (s == NULL) {
		apply_new(c, st, b, e);
		return;
	}
	cmp = ha_version_cmp(&e->version, &s->version);
	if (HA_PLANT(c, HA_PLANT_TIE_REVERSED) && c->settings.self % 2 == 1 &&
	    e->version.epoch == s->version.epoch &&
	    e->version.owner != s->version.owner)
		cmp = -cmp;
	if (cmp > 0)
		apply_newer(c, st, s, e);
	else
		mention(c, st, s, e, cmp);
}

static void
apply_end(struct ha_core *c, struct stream *st, const struct ha_entry *e)
{
	struct session *s = table_find(c, &e->uid);

	stream_bury(c, st, e);
	digest_left(st, s);
	if (s == NULL || ha_version_cmp(&s->version, &e->version) > 0)
		return; /* it went on elsewhere, and may have come back */
	if (e->version.epoch > s->version.epoch &&
	    e->version.epoch - s->version.epoch > EPOCH_JUMP_MAX) {
		c->counters.drop_epoch++;
		return;
	}
	if (s->stream == c->own && e->end_reason == HA_END_IDLE && s->bit) {
		owner_keep(c, s, &e->version);
		return;
	}
	leave_limbo(c, s);
	if (owner_is_self(c, s)) /* claimed and ended in one go */
		owner_yield(c, s, &e->version);
	out_trace(c, HA_TRACE_END, st->id.owner, e->end_reason,
	    ha_trace_uid(&s->uid));
	if (e->end_reason == HA_END_IDLE && s->bit &&
	    lifecycle_running(c)) {
		feed_limbo(c, s);
		s->ended_epoch = e->version.epoch;
		handoff_probe(c, s, PROBE_ENDED);
		return;
	}
	stream_detach(c, s);
	kernel_bury(c, s);
}

static void
apply_left(struct ha_core *c, struct stream *st, const struct ha_entry *e)
{
	struct session *s = table_find(c, &e->uid);

	stream_bury(c, st, e);
	digest_left(st, s);
	st->moved_until = ha_time_add(c->now, DIGEST_QUIET);
	if (s != NULL && s->stream == st &&
	    ha_version_cmp(&s->version, &e->version) <= 0)
		feed_limbo(c, s);
}

static void
apply_entry(struct ha_core *c, struct stream *st,
    const struct ha_msg_batch *b, const struct ha_entry *e)
{
	c->counters.entries_received++;
	switch (e->kind) {
	case HA_ENTRY_FULL:
	case HA_ENTRY_UPDATE:
		apply_record(c, st, b, e);
		return;
	case HA_ENTRY_END:
		apply_end(c, st, e);
		return;
	case HA_ENTRY_LEFT:
		apply_left(c, st, e);
		return;
	}
}

/* ---- caught up ---- */

static void
sweep_unmentioned(struct ha_core *c, struct stream *st, uint64_t upto)
{
	struct ha_list *l, *tmp;

	HA_LIST_FOREACH_SAFE (l, tmp, &st->unconfirmed) {
		struct session *s = HA_LIST_ENTRY(l, struct session, node.list);

		if (s->node.change <= upto)
			feed_limbo(c, s);
	}
}

/* The list grows at its end.  A relay may have heard of less than is known
 * here: that takes nothing back. */
static void
learn_took(struct ha_core *c, struct stream *st, const struct ha_msg_batch *b)
{
	if (b->n_took == 0 || stream_took(st, b->took[b->n_took - 1].boot))
		return;
	st->n_took = b->n_took;
	for (int i = 0; i < b->n_took; i++) {
		struct ha_stream_id id = { b->took[i].boot, st->id.owner };
		struct stream *old = stream_find(c, &id);

		st->took[i] = b->took[i];
		if (old == NULL || old->own || old == st || old->taken)
			continue;
		old->taken = true;
		old->taken_complete = b->took[i].complete;
		owner_sweep_again(c);
	}
}

/* What aged out while its owner was lost was no end: it is got again from
 * who has it still, once the owner is there. */
static void
heal_aged(struct ha_core *c, struct stream *st, const struct ha_msg_batch *b)
{
	if ((b->flags & HA_BATCH_AGED) != 0) {
		st->aged = true;
	} else if (st->aged && ha_time_is_never(st->lost_at) &&
	    !st->follow.anew) {
		feed_apply_restart(c, st);
	}
}

static void
caught_up(struct ha_core *c, struct stream *st, const struct ha_msg_batch *b)
{
	if (b->complete >= st->complete && st->follow.kept)
		feed_apply_restart(c, st);
	if (!st->overflow && b->complete > st->complete)
		st->complete = b->complete;
	sweep_unmentioned(c, st, b->complete);
	if (b->complete < st->complete && st->follow.below) {
		keep_up_to_complete(c, st);
		st->follow.kept = true;
	}
	st->follow.below = false;
	if (st->follow.whole && b->complete >= st->complete)
		st->follow.anew = st->follow.whole = st->aged = false;
	if (!feed_caught_up(st))
		out_trace(c, HA_TRACE_CAUGHT_UP, st->follow.source,
		    st->id.owner, st->complete);
	st->follow.caught_at = c->now;
	stream_raise_floor(c, st, b->floor);
	learn_took(c, st, b);
	heal_aged(c, st, b);
	digest_compare(c, st, b);
}

void
feed_apply_batch(struct ha_core *c, const struct ha_in_message *in)
{
	const struct ha_msg_batch *b = &in->message->u.batch;
	struct stream *st = stream_find(c, &b->stream);

	if (!batch_ok(c, st, in))
		return;
	c->counters.batches_received++;
	if ((b->flags & HA_BATCH_FULL) != 0) {
		void_if_below_tail(c, st, 0);
		st->follow.after = 0;
		st->follow.below = st->complete > 0;
		st->follow.caught_at = HA_TIME_NEVER;
	}
	if (b->n_entries > 0)
		st->settled = false; /* somebody has more than was thought */
	for (int i = 0; i < b->n_entries; i++)
		apply_entry(c, st, b, &b->entries[i]);
	if (b->to != st->follow.cursor || b->n_entries > 0) {
		st->follow.progress_at = c->now;
		st->follow.stalled = false;
	}
	st->follow.cursor = b->to;
	if (b->to > st->tail)
		st->tail = b->to;
	if ((b->flags & HA_BATCH_CAUGHT_UP) != 0)
		caught_up(c, st, b);
}

/* ---- each turn ---- */

static void
heal(struct ha_core *c, struct stream *st)
{
	bool room = c->n_used < c->table_size - c->table_size / 20;

	if (st->overflow && room) {
		out_alarm(c, "session-table-full", st->id.owner, false);
		feed_apply_restart(c, st);
	} else if (st->mismatches >= 3) {
		feed_apply_restart(c, st);
	}
}

static bool
is_empty_everywhere(const struct ha_core *c, const struct stream *st)
{
	for (int i = 0; i < HA_MEMBER_MAX; i++)
		if (st->announced[i].known && st->announced[i].count > 0)
			return false;
	return st->n_confirmed == 0 && st->n_unconfirmed == 0;
}

/* A stream that a later boot has replaced, or whose owner is no member any
 * more, and that holds nothing. */
static bool
is_over(const struct ha_core *c, const struct stream *st)
{
	if (stream_is_left(c, st))
		return is_empty_everywhere(c, st);
	return !stream_is_current(c, st) && st->taken &&
	    st->n_confirmed == 0 && st->n_unconfirmed == 0;
}

void
feed_apply_tick(struct ha_core *c)
{
	for (int i = 0; i < HA_STREAM_MAX; i++) {
		struct stream *st = &c->streams[i];

		if (!stream_in_use(st) || st->own)
			continue;
		if (is_over(c, st)) {
			stream_close(c, st);
			continue;
		}
		if (!out_has_room(c)) {
			c->more = true;
			return;
		}
		heal(c, st);
		follow(c, st);
	}
}
