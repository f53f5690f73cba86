/*
 * Hand-off: how a session follows its packets.
 *
 * A packet of a session that is not ours has one sign only: the owner bit
 * came up.  Then the owner is asked (TOUCH).  It looks whether it still has
 * packets itself, by clearing its own bit and waiting (a probe), and either
 * keeps the session, which is then asymmetric, or lets go (GRANT); the asker
 * claims as soon as it holds what was granted.  An owner that is lost needs
 * not be asked.
 *
 * Nothing here is acknowledged: who has traffic and does not own looks again
 * after 5 s, then 10, up to 60, and asks again if its own bit comes back.  So
 * any message may get lost.
 */
#include "core/core_priv.h"

static void
send_session_message(struct ha_core *c, uint8_t to, enum ha_message_kind kind,
    const struct ha_uid *uid, const struct ha_version *version)
{
	struct peer *p = peer_at(c, to);
	struct ha_message *m = out_send(c, p, link_wanted(c, p), kind);

	if (m == NULL)
		return;
	m->u.touch.uid = *uid;
	m->u.touch.version = *version;
	if (kind == HA_MSG_TOUCH)
		c->counters.touches_sent++;
	else
		c->counters.grants_sent++;
}

static struct ha_time
rearm_time(const struct ha_core *c, struct session *s)
{
	struct ha_dur d = REARM_FIRST;

	for (int i = 0; i < s->rearms && ha_dur_less(d, REARM_LAST); i++)
		d.ns *= 2;
	if (ha_dur_less(REARM_LAST, d))
		d = REARM_LAST;
	if (s->rearms < 8)
		s->rearms++;
	return ha_time_add(c->now, d);
}

static void
want_liberal(struct ha_core *c, struct session *s)
{
	if (s->liberal || s->record.orig.protocol != 6)
		return;
	s->liberal = true;
	kernel_want(c, s, WORK_LIBERAL);
}

/* s is not ours, and its packets come here. */
void
handoff_touched(struct ha_core *c, struct session *s)
{
	if (s->aging) {
		s->aging = false;
		table_set_life(c, s, HA_TIME_NEVER);
	}
	if (!lifecycle_running(c)) {
		table_set_hand(c, s, HAND_TOUCHED, HA_TIME_NEVER);
		return;
	}
	if ((owner_is_free(c, s) || HA_PLANT(c, HA_PLANT_CLAIM_UNASKED)) &&
	    owner_claim(c, s))
		return;
	want_liberal(c, s);
	if (!owner_is_free(c, s))
		send_session_message(c, s->version.owner, HA_MSG_TOUCH,
		    &s->uid, &s->version);
	table_set_hand(c, s, HAND_TOUCHED, rearm_time(c, s));
}

/* ---- probes ---- */

void
handoff_probe(struct ha_core *c, struct session *s, enum probe why)
{
	s->probe = (uint8_t)why;
	s->bit = false;
	c->counters.probes++;
	/* Should the kernel's answer never come, it counts as silence. */
	table_set_hand(c, s, HAND_PROBING, ha_time_add(c->now, REARM_LAST));
	kernel_want(c, s, WORK_PROBE);
}

/* s is not ours, and nothing of it comes here any more. */
static void
no_traffic(struct ha_core *c, struct session *s)
{
	s->rearms = 0;
	s->asymmetric = false;
	kernel_fresh(c, s);
	owner_settle(c, s);
}

/* Our s is silent and another session has its tuple.  At the other's owner it
 * may be the same the other way round: who ranks lower goes at once, who
 * ranks higher looks again in between, so that not both go. */
static void
replaced(struct ha_core *c, struct session *s)
{
	const struct session *rival = kernel_rival(c, s);

	if (rival == NULL)
		return;
	if (kernel_ranks_above(s, rival) && s->rechecks++ < RECHECKS_MAX)
		handoff_probe(c, s, PROBE_REPLACED);
	else
		owner_end(c, s, HA_END_REPLACED);
}

static void
probe_silent(struct ha_core *c, struct session *s)
{
	table_set_hand(c, s, HAND_NONE, HA_TIME_NEVER);
	switch ((enum probe)s->probe) {
	case PROBE_TOUCHED:
		handoff_grant(c, s, s->asker);
		return;
	case PROBE_REARM:
		no_traffic(c, s);
		return;
	case PROBE_ENDED:
		if (s->place != PLACE_LIMBO) { /* somebody claimed it */
			no_traffic(c, s);
			return;
		}
		c->n_limbo--;
		kernel_bury(c, s);
		return;
	case PROBE_REPLACED:
		replaced(c, s);
		return;
	}
}

/* A packet or two may still have been under way when routing changed: only
 * who sees some again and again has traffic too. */
static void
seen_after_touch(struct ha_core *c, struct session *s)
{
	struct ha_dur pause = { c->settings.handoff_idle.ns / 10 };

	if (s->rechecks == RECHECKS_MAX) {
		s->asymmetric = true;
		return;
	}
	s->rechecks++;
	table_set_hand(c, s, HAND_RECHECK, ha_time_add(c->now, pause));
}

static void
probe_seen(struct ha_core *c, struct session *s)
{
	table_set_hand(c, s, HAND_NONE, HA_TIME_NEVER);
	switch ((enum probe)s->probe) {
	case PROBE_TOUCHED:
		seen_after_touch(c, s);
		return;
	case PROBE_REARM:
		s->asymmetric = true;
		handoff_touched(c, s);
		return;
	case PROBE_ENDED:
		if (!owner_claim(c, s))
			table_set_hand(c, s, HAND_TOUCHED, rearm_time(c, s));
		return;
	case PROBE_REPLACED:
		return;
	}
}

/* The bit was not cleared, so it can't come back: try again later. */
static void
probe_failed(struct ha_core *c, struct session *s)
{
	s->bit = true;
	if (owner_is_self(c, s))
		table_set_hand(c, s, HAND_RECHECK, ha_time_add(c->now,
		    c->settings.handoff_idle));
	else
		table_set_hand(c, s, HAND_TOUCHED, rearm_time(c, s));
}

/* The kernel has cleared the bit, or could not. */
void
handoff_probed(struct ha_core *c, struct session *s, int result)
{
	if (s->hand != HAND_PROBING || s->place == PLACE_DEAD)
		return;
	if (s->bit || s->offloaded)
		probe_seen(c, s);
	else if (result == HA_ERR_ABSENT || result == HA_ERR_UNSUPPORTED)
		probe_silent(c, s);
	else if (result != HA_OK)
		probe_failed(c, s);
	else
		table_set_hand(c, s, HAND_PROBING,
		    ha_time_add(c->now, c->settings.handoff_idle));
}

/* The kernel says that a packet has set the owner bit. */
void
handoff_bit(struct ha_core *c, struct session *s)
{
	if (s->bit || !kernel_keep(c, s))
		return;
	s->bit = true;
	if (s->hand == HAND_PROBING) {
		if ((s->work & WORK_PROBE) == 0 && s->in_flight == 0)
			probe_seen(c, s);
		return;
	}
	if (!owner_is_self(c, s)) {
		handoff_touched(c, s);
		return;
	}
	if ((s->record.flags & HA_RECORD_UNTOUCHED) == 0)
		return;
	s->record.flags &= (uint8_t)~HA_RECORD_UNTOUCHED;
	owner_publish(c, s);
}

/* ---- touch and grant ---- */

/* Has another member asked for s of late? */
bool
handoff_was_asked(const struct ha_core *c, const struct session *s)
{
	return s->touched_s != 0 &&
	    seconds_now(c) - s->touched_s <= TOUCH_MEMORY_S;
}

void
handoff_grant(struct ha_core *c, struct session *s, uint8_t to)
{
	out_trace(c, HA_TRACE_GRANT, to, 0, ha_trace_uid(&s->uid));
	send_session_message(c, to, HA_MSG_GRANT, &s->uid, &s->version);
	table_set_hand(c, s, s->hand == HAND_ENDING ? HAND_ENDING :
	    HAND_GRANTED, ha_time_add(c->now, END_GRACE));
}

static void
touched_by(struct ha_core *c, struct session *s, uint8_t asker)
{
	s->touched_s = seconds_now(c);
	s->asker = asker;
	if ((s->record.flags & HA_RECORD_UNTOUCHED) != 0 ||
	    s->actual == ACTUAL_ABSENT || !s->bit) {
		if (s->hand != HAND_PROBING)
			handoff_grant(c, s, asker);
		return;
	}
	want_liberal(c, s);
	if (s->hand == HAND_PROBING || s->hand == HAND_RECHECK)
		return;
	s->rechecks = 0;
	handoff_probe(c, s, PROBE_TOUCHED);
}

void
handoff_touch_received(struct ha_core *c, const struct ha_in_message *in)
{
	const struct ha_msg_session *t = &in->message->u.touch;
	struct session *s;

	c->counters.touches_received++;
	if (!lifecycle_running(c))
		return; /* what we own is not settled yet */
	s = table_find(c, &t->uid);
	if (s != NULL && s->stream == c->own)
		touched_by(c, s, in->peer);
	else if (s == NULL ? !stream_has_ended(c, &t->uid, &t->version) :
	    s->version.owner == c->settings.self)
		send_session_message(c, in->peer, HA_MSG_GRANT, &t->uid,
		    &t->version);
}

void
handoff_grant_received(struct ha_core *c, const struct ha_in_message *in)
{
	const struct ha_msg_session *g = &in->message->u.grant;
	struct session *s = table_find(c, &g->uid);

	c->counters.grants_received++;
	if (s == NULL || owner_is_self(c, s) || !lifecycle_running(c) ||
	    s->version.owner != in->peer)
		return;
	if (s->hand != HAND_TOUCHED && s->hand != HAND_PROBING)
		return;
	if (ha_version_cmp(&s->version, &g->version) < 0) {
		s->granted = g->version;
		return;
	}
	s->bit = true; /* it was, when we asked */
	if (!owner_claim(c, s))
		table_set_hand(c, s, HAND_TOUCHED, rearm_time(c, s));
}

/* A record has been applied: is it the one that we were granted? */
void
handoff_record_came(struct ha_core *c, struct session *s)
{
	if (s->granted.epoch == 0 || owner_is_self(c, s) ||
	    !lifecycle_running(c) ||
	    ha_version_cmp(&s->version, &s->granted) < 0)
		return;
	if (s->hand != HAND_TOUCHED && s->hand != HAND_PROBING) {
		s->granted = (struct ha_version){ 0 };
		return;
	}
	s->bit = true;
	if (!owner_claim(c, s))
		s->granted = (struct ha_version){ 0 };
}

void
handoff_due(struct ha_core *c, struct session *s)
{
	switch ((enum hand)s->hand) {
	case HAND_NONE:
		table_set_hand(c, s, HAND_NONE, HA_TIME_NEVER);
		return;
	case HAND_TOUCHED:
		if (s->offloaded)
			handoff_touched(c, s);
		else
			handoff_probe(c, s, PROBE_REARM);
		return;
	case HAND_PROBING:
		if (s->bit) /* it came while something else was asked */
			probe_seen(c, s);
		else
			probe_silent(c, s);
		return;
	case HAND_RECHECK:
		handoff_probe(c, s, (enum probe)s->probe);
		return;
	case HAND_GRANTED:
		table_set_hand(c, s, HAND_SETTLING,
		    ha_time_add(c->now, STRICT_AFTER));
		return;
	case HAND_ENDING:
		owner_end(c, s, HA_END_IDLE);
		return;
	case HAND_SETTLING:
		if (s->liberal && !s->asymmetric) {
			s->liberal = false;
			kernel_want(c, s, WORK_STRICT);
		}
		table_set_hand(c, s, HAND_NONE, HA_TIME_NEVER);
		return;
	}
}
