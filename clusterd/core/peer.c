/*
 * Peers: up, down, lost.
 *
 * A peer is up while one of its links is.  It is lost when it is down here
 * and no member that can be reached reports it up: only then may others take
 * what it owned.  So a cut between two members alone takes nothing from
 * anybody.  Who is no member, or whose sessions are not synchronised, is lost
 * by the operator's word.
 */
#include "core/core_priv.h"

struct peer *
peer_at(struct ha_core *c, uint8_t index)
{
	HA_CHECK(index >= 1 && index <= HA_MEMBER_MAX);
	return &c->peers[index - 1];
}

const struct peer *
peer_look(const struct ha_core *c, uint8_t index)
{
	HA_CHECK(index >= 1 && index <= HA_MEMBER_MAX);
	return &c->peers[index - 1];
}

ha_member_set
peers_up(const struct ha_core *c)
{
	ha_member_set up = 0;

	for (uint8_t i = 1; i <= HA_MEMBER_MAX; i++)
		if (peer_look(c, i)->up)
			up |= ha_member_bit(i);
	return up;
}

static void
tell(struct ha_core *c, const struct peer *p, enum ha_peer_event event)
{
	struct ha_output *o = out_add(c, HA_OUT_PEER);

	o->u.peer.peer = p->index;
	o->u.peer.event = event;
}

static void
forget_announced(struct ha_core *c, const struct peer *p)
{
	for (int i = 0; i < HA_STREAM_MAX; i++)
		c->streams[i].announced[p->index - 1].known = false;
}

/* One of p's links has come up or gone down. */
void
peer_changed(struct ha_core *c, struct peer *p)
{
	bool up = p->links[HA_LINK_HA4].up || p->links[HA_LINK_HA4_BACKUP].up;

	if (up == p->up)
		return;
	p->up = up;
	p->since = c->now;
	p->heard_once = false;
	p->ever_up = p->ever_up || up;
	if (!up) {
		p->sees = 0;
		forget_announced(c, p);
	}
	tell(c, p, up ? HA_PEER_UP : HA_PEER_DOWN);
}

/* The handshake told p's present start. */
void
peer_boot(struct ha_core *c, struct peer *p, const struct ha_boot *boot)
{
	struct ha_stream_id id = { boot->id, p->index };
	struct ha_output *o;

	if (p->boot.id != boot->id) {
		feed_send_new_boot(c, p->index);
		forget_announced(c, p);
		p->heard_once = false;
	}
	p->boot = *boot;
	if (boot->counter > p->boot_seen) {
		p->boot_seen = boot->counter;
		o = out_add(c, HA_OUT_SAVE);
		o->u.save.member = p->index;
		o->u.save.boot_counter = boot->counter;
	}
	if (p->synchronization)
		(void)stream_open(c, &id, boot->counter);
}

/* Has a later boot of its owner, known here, replaced it? */
static bool
was_taken(struct ha_core *c, const struct ha_stream_id *id)
{
	for (int i = 0; i < HA_STREAM_MAX; i++) {
		const struct stream *st = &c->streams[i];

		if (!stream_in_use(st) || st->id.owner != id->owner)
			continue;
		/* What an earlier boot of ours took over, who was away then
		 * hears of by this one only. */
		if (id->owner == c->settings.self && !st->own)
			continue;
		if (stream_took(st, id->boot))
			return true;
	}
	return false;
}

/* p announces a stream that is not known here: NULL if it is no use. */
struct stream *
peer_new_stream(struct ha_core *c, struct peer *p,
    const struct ha_stream_status *s)
{
	if (s->stream.owner < 1 || s->stream.owner > HA_MEMBER_MAX ||
	    s->stream.boot == 0 || was_taken(c, &s->stream) ||
	    !membership_accepts(c, s->stream.owner))
		return NULL;
	if (s->count == 0 && p->index != s->stream.owner)
		return NULL;
	return stream_open(c, &s->stream, 0);
}

/* ---- lost ---- */

static bool
is_new(const struct ha_core *c, const struct peer *p)
{
	struct ha_dur wait = { 3 * c->interval[HA_LINK_HA4].ns };

	return !ha_time_reached(c->now, ha_time_add(p->since, wait));
}

static bool
somebody_sees(const struct ha_core *c, uint8_t index)
{
	for (uint8_t i = 1; i <= HA_MEMBER_MAX; i++) {
		const struct peer *p = peer_look(c, i);

		if (p->up && (p->heard_once ?
		    (p->sees & ha_member_bit(index)) != 0 :
		    is_new(c, p)))
			return true; /* or may, and has not said so yet */
	}
	return false;
}

/* A link needs a threshold to come up, and so does news of one. */
static bool
had_time(const struct ha_core *c, const struct peer *p)
{
	struct ha_dur wait = c->settings.threshold[HA_LINK_HA4];

	return p->ever_up ||
	    ha_time_reached(c->now, ha_time_add(p->since, wait));
}

static bool
is_lost(const struct ha_core *c, const struct peer *p)
{
	if (!p->synchronization)
		return true;
	if (p->up || somebody_sees(c, p->index))
		return false;
	if (!ha_time_reached(c->now, c->judge_at) || !had_time(c, p))
		return p->lost;
	return true;
}

void
peer_set_lost(struct ha_core *c, struct peer *p, bool lost)
{
	if (p->lost == lost)
		return;
	p->lost = lost;
	out_trace(c, HA_TRACE_LOST, p->index, lost, 0);
	for (int i = 0; i < HA_STREAM_MAX; i++) {
		struct stream *st = &c->streams[i];

		if (!stream_in_use(st) || st->own || st->id.owner != p->index)
			continue;
		st->lost_at = lost ? c->now : HA_TIME_NEVER;
		st->settled = false;
	}
	if (lost && p->synchronization) {
		c->counters.peers_lost++;
		tell(c, p, HA_PEER_LOST);
	}
	owner_sweep_again(c);
}

/* Every reachable member has told, since the loss, how much it has, and we
 * are through with the best of them. */
static bool
is_settled(const struct ha_core *c, const struct stream *st)
{
	struct ha_dur wait = c->interval[HA_LINK_HA4];

	wait.ns *= 3;
	if (!ha_time_reached(c->now, ha_time_add(st->lost_at, wait)))
		return false;
	return st->follow.source == 0 || feed_caught_up(st);
}

static void
settle_streams(struct ha_core *c)
{
	for (int i = 0; i < HA_STREAM_MAX; i++) {
		struct stream *st = &c->streams[i];

		if (!stream_in_use(st) || st->own || st->settled ||
		    ha_time_is_never(st->lost_at) || !is_settled(c, st))
			continue;
		st->settled = true;
		owner_sweep_again(c);
	}
}

/* ---- alarms ---- */

/* One of its links carries everything, since a threshold. */
static bool
is_on_one_link(const struct ha_core *c, const struct peer *p)
{
	for (int k = 0; k < HA_LINK_MAX && p->up; k++) {
		const struct link *l = &p->links[k];
		struct ha_time since = ha_time_before(l->since, p->since) ?
		    p->since : l->since;

		if (c->settings.link_configured[k] && !l->up &&
		    ha_time_reached(c->now,
		        ha_time_add(since, c->settings.threshold[k])))
			return true;
	}
	return false;
}

static void
alarm(struct ha_core *c, struct peer *p)
{
	bool lost = p->lost && !p->up && had_time(c, p);
	bool one_link = is_on_one_link(c, p);

	if (lost != p->lost_told)
		out_alarm(c, "member-lost", p->index, lost);
	if (one_link != p->one_link_told)
		out_alarm(c, "link-down", p->index, one_link);
	p->lost_told = lost;
	p->one_link_told = one_link;
}

void
peer_tick(struct ha_core *c)
{
	for (int i = 0; i < HA_MEMBER_MAX; i++) {
		struct peer *p = &c->peers[i];

		if (!p->present)
			continue;
		peer_set_lost(c, p, is_lost(c, p));
		alarm(c, p);
	}
	settle_streams(c);
}
