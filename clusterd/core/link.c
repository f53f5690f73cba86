/*
 * Links: is the other end there, both ways?
 *
 * On every link both ends number their keepalives and echo the last number
 * that they heard.  A link is as alive as the newest of our own keepalives
 * that came back, so one that is dead in one direction only is dead at both
 * ends, within the threshold.
 */
#include "core/core_priv.h"

struct link *
link_of_message(struct ha_core *c, const struct ha_in_message *in)
{
	struct link *l;

	if (in->peer < 1 || in->peer > HA_MEMBER_MAX ||
	    in->link >= HA_LINK_MAX)
		return NULL;
	l = &c->peers[in->peer - 1].links[in->link];
	return l->up && l->generation == in->generation ? l : NULL;
}

int
link_wanted(const struct ha_core *c, const struct peer *p)
{
	const struct link *ha4 = &p->links[HA_LINK_HA4];
	const struct link *backup = &p->links[HA_LINK_HA4_BACKUP];

	if (ha4->up && (!backup->up ||
	    ha_time_reached(c->now, ha_time_add(ha4->since, LINK_TRUST))))
		return HA_LINK_HA4;
	if (backup->up)
		return HA_LINK_HA4_BACKUP;
	return -1;
}

static void
take_down(struct ha_core *c, struct peer *p, uint8_t link)
{
	struct link *l = &p->links[link];

	l->up = false;
	l->since = c->now;
	c->counters.links_down++;
	out_trace(c, HA_TRACE_LINK, p->index, link, 0);
	feed_send_link_down(c, p->index, link);
	feed_apply_link_down(c, p->index, link);
	peer_changed(c, p);
}

void
link_close_all(struct ha_core *c, struct peer *p, enum ha_close_reason reason)
{
	for (uint8_t k = 0; k < HA_LINK_MAX; k++) {
		struct ha_output *o;

		if (!p->links[k].up)
			continue;
		o = out_add(c, HA_OUT_CLOSE);
		o->u.close = (struct ha_out_close){ .peer = p->index,
			.link = k, .generation = p->links[k].generation,
			.reason = reason };
		take_down(c, p, k);
	}
}

/* A newer connection with the same start of the peer takes the place of one
 * that is up.  What was on its way on the old one may be lost, so every walk on
 * it is asked for again where it stood; the peer was never away. */
static void
renew(struct ha_core *c, struct peer *p, uint8_t link)
{
	c->counters.links_renewed++;
	feed_send_link_down(c, p->index, link);
	feed_apply_link_down(c, p->index, link);
}

void
link_up(struct ha_core *c, const struct ha_in_link *in)
{
	struct peer *p = peer_at(c, in->peer);
	struct link *l = &p->links[in->link];
	bool same_start = p->boot.id == in->boot.id;
	struct link fresh = { .generation = in->generation, .since = c->now,
		.next_keepalive = c->now, .echoed = c->now, .heard_at = c->now,
		.sent_total = l->sent_total,
		.received_total = l->received_total,
		.lost_total = l->lost_total, .credit = LINK_CREDIT,
		.up = true };

	if (l->up && same_start) {
		renew(c, p, in->link);
		fresh.since = l->since;
	} else {
		if (l->up)
			take_down(c, p, in->link);
		c->counters.links_up++;
	}
	if (!same_start)
		link_close_all(c, p, HA_CLOSE_OLD_BOOT);
	*l = fresh;
	p->state = in->state;
	p->strange_at = HA_TIME_NEVER;
	out_trace(c, HA_TRACE_LINK, p->index, in->link, 1);
	peer_boot(c, p, &in->boot);
	peer_changed(c, p);
}

void
link_down(struct ha_core *c, const struct ha_in_link *in)
{
	struct peer *p = peer_at(c, in->peer);
	struct link *l = &p->links[in->link];

	if (l->up && l->generation == in->generation)
		take_down(c, p, in->link);
}

void
link_room(struct ha_core *c, const struct ha_in_link *in)
{
	struct link *l = &peer_at(c, in->peer)->links[in->link];

	if (l->up && l->generation == in->generation &&
	    l->credit < LINK_CREDIT)
		l->credit++;
}

/* ---- keepalives ---- */

static void
fill_stream(const struct ha_core *c, const struct stream *st,
    struct ha_stream_status *out)
{
	out->stream = st->id;
	out->complete = stream_vouched(c, st);
	out->count = st->n_confirmed;
	out->digest = st->digest;
	out->caught_up = st->own || (feed_caught_up(st) &&
	    !st->follow.below && st->tail == out->complete);
}

static ha_member_set
members_up(const struct ha_core *c)
{
	return (ha_member_set)(peers_up(c) | ha_member_bit(c->settings.self));
}

/* What is told of streams is an offer: nobody asks for what was not. */
static void
fill_keepalive(struct ha_core *c, const struct peer *p, const struct link *l,
    struct ha_msg_keepalive *k)
{
	k->counter = l->counter;
	k->heard = l->heard;
	k->heard_age_ms = (uint32_t)ha_dur_to_ms(
	    ha_time_since(c->now, l->heard_at));
	k->state = (uint8_t)c->state;
	k->up = members_up(c);
	k->table_permille = (uint16_t)((uint64_t)c->n_used * 1000 /
	    c->table_size);
	k->sessions_owned = (uint32_t)c->own->n_confirmed;
	k->n_streams = 0;
	for (int i = 0; i < HA_STREAM_MAX && p->synchronization; i++)
		if (stream_in_use(&c->streams[i]))
			fill_stream(c, &c->streams[i],
			    &k->streams[k->n_streams++]);
}

static void
send_keepalive(struct ha_core *c, struct peer *p, int link)
{
	struct link *l = &p->links[link];
	struct ha_message *m = out_send(c, p, link, HA_MSG_KEEPALIVE);

	if (m == NULL)
		return;
	l->counter++;
	l->sent_total++;
	l->sent_at[l->counter % ECHO_RING] = c->now;
	l->next_keepalive = ha_time_add(c->now, c->interval[link]);
	c->counters.keepalives_sent++;
	fill_keepalive(c, p, l, &m->u.keepalive);
}

static void
take_echo(struct ha_core *c, struct link *l, const struct ha_msg_keepalive *k)
{
	struct ha_time sent;

	if (HA_PLANT(c, HA_PLANT_ECHO_IGNORED)) {
		l->echoed = c->now;
		return;
	}
	if (k->heard <= l->echo || k->heard > l->counter ||
	    l->counter - k->heard >= ECHO_RING)
		return;
	sent = l->sent_at[k->heard % ECHO_RING];
	l->echo = k->heard;
	if (ha_time_before(l->echoed, sent))
		l->echoed = sent;
	l->round_trip.ns = ha_time_since(c->now, sent).ns -
	    ha_dur_ms(k->heard_age_ms).ns;
	if (l->round_trip.ns < 0)
		l->round_trip.ns = 0;
}

static void
take_streams(struct ha_core *c, struct peer *p,
    const struct ha_msg_keepalive *k)
{
	for (int i = 0; i < HA_STREAM_MAX; i++)
		c->streams[i].announced[p->index - 1].known = false;
	if (!p->synchronization)
		return;
	for (int i = 0; i < k->n_streams; i++) {
		const struct ha_stream_status *s = &k->streams[i];
		struct stream *st = stream_find(c, &s->stream);
		struct announced *a;

		if (st == NULL)
			st = peer_new_stream(c, p, s);
		if (st == NULL)
			continue;
		a = &st->announced[p->index - 1];
		a->known = true;
		a->complete = s->complete;
		a->count = s->count;
		a->digest = s->digest;
		a->caught_up = s->caught_up;
	}
}

void
link_keepalive(struct ha_core *c, const struct ha_in_message *in)
{
	const struct ha_msg_keepalive *k = &in->message->u.keepalive;
	struct peer *p = peer_at(c, in->peer);
	struct link *l = &p->links[in->link];

	if (k->counter <= l->heard || k->state >= HA_STATE_MAX) {
		c->counters.drop_invalid++;
		return;
	}
	c->counters.keepalives_received++;
	c->counters.keepalives_lost += k->counter - l->heard - 1;
	l->received_total++;
	l->lost_total += k->counter - l->heard - 1;
	l->heard = k->counter;
	l->heard_at = c->now;
	take_echo(c, l, k);
	p->heard_once = true;
	p->sees = k->up;
	p->sessions_owned = k->sessions_owned;
	if (p->state != k->state) {
		p->state = k->state;
		owner_sweep_again(c);
	}
	take_streams(c, p, k);
}

/* ---- each turn ---- */

static struct ha_time
silent_at(const struct ha_core *c, const struct link *l, int link)
{
	return ha_time_add(l->echoed, c->patience[link]);
}

static void
close_silent(struct ha_core *c, struct peer *p, uint8_t link)
{
	struct ha_output *o = out_add(c, HA_OUT_CLOSE);

	o->u.close = (struct ha_out_close){ .peer = p->index, .link = link,
		.generation = p->links[link].generation,
		.reason = HA_CLOSE_SILENT };
	c->counters.links_silent++;
	take_down(c, p, link);
}

void
link_tick(struct ha_core *c)
{
	for (int i = 0; i < HA_MEMBER_MAX; i++) {
		struct peer *p = &c->peers[i];

		for (int k = 0; k < HA_LINK_MAX; k++) {
			struct link *l = &p->links[k];

			if (!l->up)
				continue;
			if (ha_time_before(silent_at(c, l, k), c->now)) {
				close_silent(c, p, (uint8_t)k);
				continue;
			}
			if (ha_time_reached(c->now, l->next_keepalive))
				send_keepalive(c, p, k);
		}
	}
}

void
link_hurry(struct ha_core *c)
{
	for (int i = 0; i < HA_MEMBER_MAX; i++)
		for (int k = 0; k < HA_LINK_MAX; k++)
			c->peers[i].links[k].next_keepalive = c->now;
}

/* We did not run: what should have come may still wait to be read. */
void
link_stall(struct ha_core *c)
{
	/* The others may have closed their links meanwhile. */
	c->judge_at = ha_time_add(c->now, c->settings.threshold[HA_LINK_HA4]);
	for (int i = 0; i < HA_MEMBER_MAX; i++) {
		for (int k = 0; k < HA_LINK_MAX; k++) {
			struct link *l = &c->peers[i].links[k];
			struct ha_time least = { c->now.ns -
			    c->patience[k].ns +
			    2 * c->interval[k].ns };

			if (l->up && ha_time_before(l->echoed, least))
				l->echoed = least;
		}
	}
}

struct ha_time
link_deadline(const struct ha_core *c)
{
	struct ha_time t = HA_TIME_NEVER;

	for (int i = 0; i < HA_MEMBER_MAX; i++) {
		for (int k = 0; k < HA_LINK_MAX; k++) {
			const struct link *l = &c->peers[i].links[k];

			if (!l->up)
				continue;
			t = ha_time_min(t, l->next_keepalive);
			t = ha_time_min(t, ha_time_add(silent_at(c, l, k),
			    (struct ha_dur){ 1 }));
		}
	}
	return t;
}
