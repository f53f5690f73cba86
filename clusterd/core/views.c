#include "core/views.h"

#include <string.h>

#include "core/core_priv.h"

static uint32_t
owned(const struct ha_core *c)
{
	return (uint32_t)c->own->n_confirmed + c->n_private;
}

void
ha_view_self(const struct ha_core *c, struct ha_view_self *out)
{
	*out = (struct ha_view_self){ .index = c->settings.self,
		.state = c->state, .since = c->state_since,
		.cause = c->cause, .gate_open = c->gate_open,
		.collecting = c->phase != PHASE_RUN,
		.waiting_for = c->waiting_for,
		.waiting_for_dump = !c->dumped,
		.hold_until = state_hold_until(c), .flaps = state_flaps(c),
		.boot = c->settings.boot, .table_capacity = c->table_size,
		.table_owned = owned(c),
		.table_cached = c->n_used - owned(c) - c->n_orphans -
		    c->n_dead,
		.limbo = c->n_limbo, .kernel_work = c->n_work };
	memcpy(out->reason, c->reason, sizeof(out->reason));
}

int
ha_view_monitor(const struct ha_core *c, unsigned int number,
    struct ha_view_monitor *out)
{
	const struct monitor *m;

	if (number >= HA_MONITOR_MAX ||
	    c->monitors[number].verdict == HA_VERDICT_NONE)
		return HA_ERR_ABSENT;
	m = &c->monitors[number];
	*out = (struct ha_view_monitor){ .verdict = m->verdict,
		.since = m->since };
	memcpy(out->name, m->name, sizeof(out->name));
	return HA_OK;
}

/* The stream of a member's present boot, as held here. */
static const struct stream *
current_stream(const struct ha_core *c, uint8_t index)
{
	for (int i = 0; i < HA_STREAM_MAX; i++) {
		const struct stream *st = &c->streams[i];

		if (stream_in_use(st) && st->id.owner == index &&
		    stream_is_current(c, st))
			return st;
	}
	return NULL;
}

static void
view_sync(const struct ha_core *c, const struct peer *p,
    struct ha_view_peer *out)
{
	const struct stream *st = current_stream(c, p->index);
	const struct announced *a;

	if (!p->synchronization) {
		out->sync = HA_SYNC_OFF;
	} else if (st == NULL || st->follow.walk == 0) {
		out->sync = HA_SYNC_WAITING;
	} else if (feed_caught_up(st) && !st->overflow) {
		out->sync = HA_SYNC_COMPLETE;
		out->sync_percent = 100;
	} else {
		a = &st->announced[st->follow.source - 1];
		out->sync = HA_SYNC_RUNNING;
		if (a->known && a->complete > 0 &&
		    st->follow.cursor < a->complete)
			out->sync_percent = (uint8_t)(st->follow.cursor * 100 /
			    a->complete);
	}
}

static bool
has_walks(const struct ha_core *c, const struct peer *p, int link)
{
	for (int i = 0; i < HA_STREAM_MAX; i++) {
		const struct stream *st = &c->streams[i];
		const struct follow *f = &st->follow;
		const struct walk *w = &st->walks[p->index - 1];

		if (!stream_in_use(st))
			continue;
		if ((f->walk != 0 && f->source == p->index &&
		    f->link == link) || (w->id != 0 && w->link == link))
			return true;
	}
	return false;
}

static void
view_link(const struct ha_core *c, const struct peer *p, int link,
    struct ha_view_link *out)
{
	const struct link *l = &p->links[link];

	*out = (struct ha_view_link){ .up = l->up,
		.walks = l->up && has_walks(c, p, link),
		.configured = c->settings.link_configured[link],
		.generation = l->generation, .since = l->since,
		.round_trip = l->round_trip,
		.keepalives_sent = l->sent_total,
		.keepalives_received = l->received_total,
		.keepalives_lost = l->lost_total };
}

int
ha_view_peer(const struct ha_core *c, uint8_t index, struct ha_view_peer *out)
{
	const struct peer *p;

	if (index < 1 || index > HA_MEMBER_MAX ||
	    !c->peers[index - 1].present)
		return HA_ERR_ABSENT;
	p = peer_look(c, index);
	*out = (struct ha_view_peer){ .index = index, .present = true,
		.up = p->up, .lost = p->lost, .state = p->state,
		.boot = p->boot, .heard = p->heard_at,
		.sessions_owned = p->sessions_owned };
	view_sync(c, p, out);
	for (int k = 0; k < HA_LINK_MAX; k++)
		view_link(c, p, k, &out->links[k]);
	return HA_OK;
}

const struct ha_counters *
ha_view_counters(const struct ha_core *c)
{
	return &c->counters;
}

static struct ha_view_stream
own_view(const struct ha_core *c, const struct stream *st)
{
	return (struct ha_view_stream){ .member = c->settings.self,
		.source = st->follow.source, .tail = st->tail,
		.count_held = st->n_confirmed + st->n_unconfirmed,
		.status = { .stream = st->id,
			.complete = stream_vouched(c, st),
			.count = st->n_confirmed, .digest = st->digest,
			.caught_up = st->own || (feed_caught_up(st) &&
			    st->tail == st->complete) } };
}

size_t
ha_view_streams(const struct ha_core *c, struct ha_view_stream *out,
    size_t max)
{
	size_t n = 0;

	for (int i = 0; i < HA_STREAM_MAX; i++) {
		const struct stream *st = &c->streams[i];

		if (!stream_in_use(st))
			continue;
		if (n < max)
			out[n++] = own_view(c, st);
		for (uint8_t m = 1; m <= HA_MEMBER_MAX && n < max; m++) {
			const struct announced *a = &st->announced[m - 1];

			if (!a->known)
				continue;
			out[n++] = (struct ha_view_stream){ .member = m,
				.status = { .stream = st->id,
					.complete = a->complete,
					.count = a->count,
					.digest = a->digest,
					.caught_up = a->caught_up } };
		}
	}
	return n;
}

/* Members that hold the change that s stands at. */
static uint8_t
copies_of(const struct ha_core *c, const struct session *s)
{
	uint8_t n = 1;

	if (s->stream == NULL)
		return n;
	for (uint8_t i = 1; i <= HA_MEMBER_MAX; i++) {
		const struct announced *a = &s->stream->announced[i - 1];

		if (peer_look(c, i)->up && a->known &&
		    a->complete >= s->node.change)
			n++;
	}
	return n;
}

/* Who announced s. */
static struct ha_uid
master_of(const struct ha_core *c, const struct session *s)
{
	struct session *m = NULL;

	if (s->extra == NULL || s->extra->master.family == 0)
		return (struct ha_uid){ 0 };
	while ((m = extra_next_master(c, s, m)) != NULL)
		if (m != s && m->place != PLACE_DEAD)
			return m->uid;
	return (struct ha_uid){ 0 };
}

static void
view_session(const struct ha_core *c, const struct session *s,
    struct ha_view_session *out)
{
	bool own = owner_is_self(c, s);

	*out = (struct ha_view_session){ .uid = s->uid,
		.version = s->version, .record = s->record,
		.role = own ? HA_ROLE_OWNED : HA_ROLE_CACHED,
		.published = s->stream == c->own,
		.limbo = s->place == PLACE_LIMBO,
		.installed = s->actual == ACTUAL_PRESENT, .traffic = s->bit,
		.conflict = s->conflict, .asymmetric = s->asymmetric,
		.bare = s->bare, .master = master_of(c, s),
		.copies = copies_of(c, s), .owners = s->owners,
		.created = s->created, .changed = s->changed };
	if (s->extra != NULL)
		out->extra = *s->extra;
	out->zone_here = ha_zone_find(&c->settings.zones,
	    s->record.orig.zone, &out->zone_number);
	if (own)
		out->version.owner = c->settings.self;
}

static bool
is_shown(const struct session *s)
{
	return s->place != PLACE_FREE && s->place != PLACE_DEAD &&
	    s->place != PLACE_ORPHAN;
}

bool
ha_view_next_session(const struct ha_core *c, uint32_t *cursor,
    struct ha_view_session *out)
{
	while (*cursor < c->high_water) {
		const struct session *s = &c->table[(*cursor)++];

		if (!is_shown(s))
			continue;
		view_session(c, s, out);
		return true;
	}
	return false;
}

int
ha_view_find_session(const struct ha_core *c, const struct ha_uid *uid,
    struct ha_view_session *out)
{
	const struct session *s = table_find(c, uid);

	if (s == NULL || !is_shown(s))
		return HA_ERR_ABSENT;
	view_session(c, s, out);
	return HA_OK;
}
