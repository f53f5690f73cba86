/*
 * Intake: what the kernel tells of its entries.
 *
 * An entry is known by its tuples: the kernel's own ids are not the same at
 * two members and do not survive a restart.  Two bits of ours say what it is:
 * the owner bit, that this member carries its packets; the replica bit alone,
 * that it was put there for another member.
 *
 * The end of an entry is not always the end of its session.  A person or a
 * program may delete it; TCP may have closed; its time may have run out; or
 * the kernel may drop a living one, as it does with masqueraded sessions
 * whose uplink goes down.
 *
 * Lost events are healed by one dump, after a quiet moment and never soon
 * after the last one: what it does not show is gone.
 */
#include "core/core_priv.h"

enum { TCP_BE_LIBERAL = 0x08 }; /* a flag that we set ourselves */

static struct ha_record
clean_record(const struct ha_record *r)
{
	struct ha_record out = *r;

	out.status &= HA_STATUS_MASK;
	out.flags = 0;
	out.tcp_flags[0] &= (uint8_t)~TCP_BE_LIBERAL;
	out.tcp_flags[1] &= (uint8_t)~TCP_BE_LIBERAL;
	return out;
}

/* The session that an entry with this original tuple belongs to. */
static struct session *
find_entry(const struct ha_core *c, const struct ha_tuple *orig)
{
	struct session *s = NULL, *best = NULL;

	while ((s = table_next_with(c, orig, s)) != NULL) {
		if (!ha_tuple_equal(&s->record.orig, orig))
			continue;
		if (best == NULL || s->actual > best->actual ||
		    (s->actual == best->actual && best->conflict))
			best = s;
	}
	return best;
}

/* Of what died its removal need not be asked any more. */
static void
forget_dead(struct ha_core *c, struct session *s)
{
	if (s->in_flight > 0)
		return;
	kernel_absent(c, s);
	kernel_unwant(c, s);
	c->n_dead--;
	table_release(c, s);
}

static void
forget_orphan(struct ha_core *c, struct session *s)
{
	kernel_absent(c, s);
	kernel_bury(c, s);
}

/* A new entry has r's tuples: the kernel has none of what had them before. */
static void
forget_entries(struct ha_core *c, const struct ha_tuple *t)
{
	struct session *s = NULL, *next = table_next_with(c, t, NULL);

	while ((s = next) != NULL) {
		next = table_next_with(c, t, s);
		if (s->place == PLACE_DEAD) {
			forget_dead(c, s);
			continue;
		}
		if (s->place == PLACE_ORPHAN) {
			forget_orphan(c, s);
			continue;
		}
		if (s->hand != HAND_ENDING &&
		    (s->actual != ACTUAL_PRESENT || s->in_flight > 0))
			continue;
		kernel_absent(c, s);
		if (owner_is_self(c, s)) {
			owner_end(c, s, HA_END_REPLACED);
			next = table_next_with(c, t, NULL);
		}
	}
}

/* ---- own sessions ---- */

static bool
same_state(const struct ha_record *a, const struct ha_record *b)
{
	return a->status == b->status && a->mark == b->mark &&
	    a->tcp_state == b->tcp_state &&
	    a->tcp_flags[0] == b->tcp_flags[0] &&
	    a->tcp_flags[1] == b->tcp_flags[1] &&
	    a->tcp_wscale[0] == b->tcp_wscale[0] &&
	    a->tcp_wscale[1] == b->tcp_wscale[1];
}

static void
publish_if_worth(struct ha_core *c, struct session *s)
{
	if (s->place == PLACE_PRIVATE && !owner_worth_publishing(s))
		return;
	if (!lifecycle_running(c))
		return; /* the match publishes what is left to publish */
	owner_publish(c, s);
}

/* Most updates of a TCP session are about something else. */
static bool
tells_tcp(const struct ha_record *r)
{
	return r->orig.protocol != 6 || r->tcp_state != HA_TCP_NONE;
}

static void
keep_tcp(struct ha_record *r, const struct ha_record *from)
{
	r->tcp_state = from->tcp_state;
	for (int i = 0; i < HA_DIR_MAX; i++) {
		r->tcp_flags[i] = from->tcp_flags[i];
		r->tcp_wscale[i] = from->tcp_wscale[i];
	}
}

static void
update_own(struct ha_core *c, struct session *s,
    const struct ha_in_session *in, const struct ha_record *r)
{
	struct ha_record new = *r;
	bool changed;

	/* An untouched session's entry is our own copy: no news in it. */
	if ((s->record.flags & HA_RECORD_UNTOUCHED) != 0 &&
	    !(in->bits_known && in->owner_bit))
		return;
	new.orig = s->record.orig;
	new.reply = s->record.reply;
	new.flags = s->record.flags;
	if (!tells_tcp(r))
		keep_tcp(&new, &s->record);
	changed = !same_state(&new, &s->record);
	changed |= extra_told_own(c, s, in);
	s->record = new;
	if (changed && s->place == PLACE_PRIVATE && s->conflict)
		kernel_hold(c, s);
	if (changed)
		publish_if_worth(c, s);
}

/* s, which has a place and a name, is ours as far as anybody knows. */
static void
begin_private(struct ha_core *c, struct session *s)
{
	c->counters.sessions_created++;
	s->place = PLACE_PRIVATE;
	c->n_private++;
	s->version.epoch = 1;
	s->version.owner = c->settings.self;
	s->bit = true;
	kernel_hold(c, s);
	if (s->place == PLACE_PRIVATE)
		publish_if_worth(c, s);
}

static void
create(struct ha_core *c, const struct ha_in_session *in,
    const struct ha_record *r)
{
	struct ha_uid uid = { .boot = c->settings.boot.id,
		.number = c->next_number, .creator = c->settings.self };
	struct session *s = table_take(c, &uid, r);

	if (s == NULL) {
		c->counters.sessions_refused++;
		c->refused_local = true;
		return;
	}
	c->next_number++;
	extra_put(c, &s->extra, &in->extra);
	s->offloaded = in->offloaded;
	s->entry = in->entry;
	kernel_present(c, s);
	begin_private(c, s);
}

static void
create_orphan(struct ha_core *c, const struct ha_in_session *in,
    const struct ha_record *r)
{
	struct ha_uid none = { 0 };
	struct session *s = table_take(c, &none, r);

	if (s == NULL)
		return;
	extra_put(c, &s->extra, &in->extra);
	s->place = PLACE_ORPHAN;
	c->n_orphans++;
	s->entry = in->entry;
	kernel_present(c, s);
}

/* Packets come for a replica that no feed has named yet. */
static void
claim_orphan(struct ha_core *c, struct session *s,
    const struct ha_in_session *in, const struct ha_record *r)
{
	struct ha_uid uid = { .boot = c->settings.boot.id,
		.number = c->next_number++, .creator = c->settings.self };

	table_rename(c, s, &uid);
	c->n_orphans--;
	if (tells_tcp(r))
		s->record = *r;
	(void)extra_told_own(c, s, in);
	begin_private(c, s);
}

/* ---- others' sessions ---- */

static void
update_other(struct ha_core *c, struct session *s,
    const struct ha_in_session *in, const struct ha_record *r)
{
	struct local_view *v = &s->local;

	if (!s->bit && !(in->bits_known && in->owner_bit))
		return;
	v->known = true;
	v->status = r->status;
	v->mark = r->mark;
	extra_told_other(c, s, in);
	if (!tells_tcp(r))
		return;
	v->tcp_known = true;
	v->tcp_state = r->tcp_state;
	for (int i = 0; i < HA_DIR_MAX; i++) {
		v->tcp_flags[i] = r->tcp_flags[i];
		v->tcp_wscale[i] = r->tcp_wscale[i];
	}
}

/* An entry that was to be replaced for want of answers has got one. */
static bool
is_alive(const struct session *s, const struct ha_in_session *in)
{
	return in->event == HA_SESSION_UPDATE && !in->foreign &&
	    kernel_replaces(s) &&
	    (in->record.status & HA_STATUS_SEEN_REPLY) != 0;
}

static void
note_entry(struct session *s, const struct ha_in_session *in)
{
	if (in->entry != 0)
		s->entry = in->entry;
}

/* What stands where our copy should be is none: an event was lost. */
static bool
is_no_copy(const struct ha_core *c, const struct session *s,
    const struct ha_in_session *in)
{
	return in->event == HA_SESSION_DUMPED && in->bits_known &&
	    !in->owner_bit && !in->replica_bit && !owner_is_self(c, s) &&
	    s->place != PLACE_ORPHAN && !s->bit && s->hand == HAND_NONE &&
	    s->in_flight == 0;
}

/* A copy of a session that is no more has the addresses of s: no feed knows
 * it, and the kernel takes no other. */
static void
replace_remnant(struct ha_core *c, struct session *s,
    const struct ha_in_session *in)
{
	if (in->event != HA_SESSION_DUMPED || !in->bits_known ||
	    in->owner_bit || !in->replica_bit || owner_is_self(c, s) ||
	    s->actual == ACTUAL_PRESENT || s->in_flight > 0 || s->conflict)
		return;
	kernel_present(c, s);
	note_entry(s, in);
	kernel_fresh(c, s);
}

static void
present_entry(struct ha_core *c, struct session *s,
    const struct ha_in_session *in, const struct ha_record *r)
{
	bool bit = in->bits_known && in->owner_bit;

	kernel_present(c, s);
	note_entry(s, in);
	s->offloaded = in->offloaded;
	if (s->place == PLACE_ORPHAN) {
		if (bit)
			claim_orphan(c, s, in, r);
		return;
	}
	if (owner_is_self(c, s)) {
		if (bit || is_alive(s, in))
			handoff_bit(c, s);
		update_own(c, s, in, r);
		return;
	}
	update_other(c, s, in, r);
	if (bit || in->offloaded || is_alive(s, in))
		handoff_bit(c, s);
	else if (is_no_copy(c, s, in))
		kernel_fresh(c, s);
}

/* ---- ends ---- */

static bool
tcp_is_closing(const struct ha_record *r)
{
	return r->orig.protocol == 6 && r->tcp_state >= HA_TCP_FIN_WAIT &&
	    r->tcp_state <= HA_TCP_CLOSE;
}

static void
end_idle(struct ha_core *c, struct session *s)
{
	bool asked = handoff_was_asked(c, s);

	if (!asked || s->place == PLACE_PRIVATE) {
		owner_end(c, s, HA_END_IDLE);
		return;
	}
	handoff_grant(c, s, s->asker);
	table_set_hand(c, s, HAND_ENDING, ha_time_add(c->now, END_GRACE));
}

static void
end_own(struct ha_core *c, struct session *s, const struct ha_in_session *in)
{
	kernel_absent(c, s);
	if (in->foreign)
		owner_end(c, s, HA_END_DELETED);
	else if (tcp_is_closing(&s->record) || tcp_is_closing(&in->record))
		owner_end(c, s, HA_END_CLOSED);
	else if (!in->has_timeout)
		end_idle(c, s);
	else if ((s->record.status & HA_STATUS_ASSURED) != 0 &&
	    s->place != PLACE_PRIVATE && lifecycle_running(c))
		owner_release(c, s);
	else
		owner_end(c, s, HA_END_IDLE);
}

/* Somebody removed a replica: it comes back, not at once. */
static void
end_other(struct ha_core *c, struct session *s)
{
	bool probing = s->hand == HAND_PROBING;

	kernel_absent(c, s);
	if (probing)
		handoff_probed(c, s, HA_ERR_ABSENT);
	if (s->place == PLACE_FREE || s->place == PLACE_DEAD ||
	    owner_is_self(c, s))
		return;
	if (HA_PLANT(c, HA_PLANT_END_BY_ANYBODY) && s->place != PLACE_LIMBO) {
		owner_yield(c, s, &s->version);
		kernel_bury(c, s);
		return;
	}
	if (s->hand == HAND_TOUCHED)
		table_set_hand(c, s, HAND_NONE, HA_TIME_NEVER);
	c->counters.kernel_reinstalled++;
	kernel_want(c, s, WORK_INSTALL);
	owner_settle(c, s); /* it may have waited for its packets to end */
}

static void
end_entry(struct ha_core *c, const struct ha_in_session *in)
{
	struct session *s = find_entry(c, &in->record.orig);

	if (s == NULL)
		return;
	kernel_doubt(c, s);
	if (s->actual == ACTUAL_ABSENT) {
		kernel_retry_now(c, s); /* what stood in its way is gone */
		return;
	}
	if (in->entry != 0 && s->entry != 0 && in->entry != s->entry)
		return; /* of an entry before this one */
	if (s->place == PLACE_DEAD) {
		kernel_absent(c, s);
		forget_dead(c, s);
	} else if (s->place == PLACE_ORPHAN) {
		forget_orphan(c, s);
	} else if (owner_is_self(c, s)) {
		end_own(c, s, in);
	} else {
		end_other(c, s);
	}
}

/* ---- events ---- */

void
intake_session(struct ha_core *c, const struct ha_in_session *in)
{
	struct ha_record r = clean_record(&in->record);
	struct session *s;
	bool answered = false;

	c->counters.kernel_events++;
	if (!ha_record_valid(&r) || !ha_extra_valid(&in->extra)) {
		c->counters.drop_invalid++;
		return;
	}
	if (in->event == HA_SESSION_END) {
		end_entry(c, in);
		return;
	}
	if (in->event == HA_SESSION_NEW && in->bits_known && in->owner_bit) {
		forget_entries(c, &r.orig);
		forget_entries(c, &r.reply);
		create(c, in, &r);
		return;
	}
	s = find_entry(c, &r.orig);
	if (s != NULL && s->place == PLACE_DEAD)
		return; /* its removal is on the way */
	if (s != NULL && !ha_tuple_equal(&s->record.reply, &r.reply)) {
		/* The same addresses, translated otherwise. */
		answered = is_alive(s, in);
		replace_remnant(c, s, in);
		s = NULL;
	}
	if (s != NULL)
		present_entry(c, s, in, &r);
	else if ((in->bits_known && in->owner_bit) || answered)
		create(c, in, &r);
	else if (in->event == HA_SESSION_DUMPED && in->bits_known &&
	    in->replica_bit && c->phase == PHASE_COLLECT)
		create_orphan(c, in, &r);
}

/* ---- dumps ---- */

void
intake_dump(struct ha_core *c, const struct ha_in_dump *in)
{
	switch (in->event) {
	case HA_DUMP_BEGIN:
		c->dump_number++;
		c->dump_began = c->now;
		c->dumping = true;
		c->counters.kernel_dumps++;
		return;
	case HA_DUMP_END:
		c->dumping = false;
		c->dump_ended = c->now;
		c->dump_check = true;
		c->dump_pos = 0;
		return;
	case HA_DUMP_LOST:
		c->counters.kernel_lost++;
		c->dump_at = ha_time_add(c->now, DUMP_QUIET);
		return;
	}
}

/* A whole dump did not show s. */
static void
missed(struct ha_core *c, struct session *s)
{
	struct ha_in_session in = { .event = HA_SESSION_END,
		.record = s->record };

	end_entry(c, &in);
}

static void
check_dumped(struct ha_core *c)
{
	uint32_t n = 0;

	while (c->dump_pos < c->high_water && n++ < SLICE &&
	    out_has_room(c)) {
		struct session *s = &c->table[c->dump_pos++];

		if (s->place != PLACE_FREE && s->actual == ACTUAL_PRESENT &&
		    s->in_flight == 0 && s->dump_seen != c->dump_number)
			missed(c, s);
	}
	if (c->dump_pos < c->high_water) {
		c->more = true;
	} else {
		c->dump_check = false;
		c->dumped = true;
	}
}

static struct ha_time
dump_not_before(const struct ha_core *c)
{
	struct ha_dur pause = ha_time_since(c->dump_ended, c->dump_began);

	pause.ns *= 2;
	if (ha_dur_less(pause, DUMP_PAUSE))
		pause = DUMP_PAUSE;
	return ha_time_add(c->dump_ended, pause);
}

void
intake_tick(struct ha_core *c)
{
	if (c->dump_check)
		check_dumped(c);
	if (c->refused_local && ha_time_is_never(c->dump_at) &&
	    c->n_used < c->table_size - c->table_size / 20) {
		c->refused_local = false;
		c->dump_at = c->now;
	}
	if (c->dumping || c->dump_check ||
	    !ha_time_reached(c->now, c->dump_at) ||
	    (c->dumped && !ha_time_reached(c->now, dump_not_before(c))))
		return;
	c->dump_at = HA_TIME_NEVER;
	c->dumping = true;
	out_add(c, HA_OUT_DUMP);
}
