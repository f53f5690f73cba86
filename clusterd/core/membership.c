/*
 * Membership: who belongs to the cluster, from the start and while it runs.
 *
 * The operator adds members, takes them out, and says with whom sessions are
 * synchronised.  A change comes as new settings and is done in one step:
 *
 *   out   Its links are closed and it is forgotten, but for what it owned:
 *         that is as of a lost owner, claimed by who sees packets, else aging.
 *         Its streams stay, and are relayed among those who are left, until
 *         nothing is in them any more.
 *   off   (session-synchronization = false) Its links stay.  Nothing goes to
 *         it, and nothing that it owns comes in, from nobody; what is here of
 *         it is as of a lost owner, too.
 *   in    Nothing is known of it until its first handshake.
 *
 * Zones may come, go and be renamed, too: sessions of one that is gone stay in
 * the cache, those of one that came are installed, and a dump finds the
 * entries that go by another name now.
 *
 * New hardware under the index of old is out and in at once.  Their starts are
 * told apart by their boots, like any two starts of one member; so the new one
 * takes over what the old one owned, as after a boot.
 */
#include "core/core_priv.h"

#define KEEPALIVE_MOST    ha_dur_s(1)
#define THRESHOLDS_SPREAD ha_dur_s(60)

/* ---- thresholds ---- */

static struct ha_dur
interval_of(struct ha_dur threshold)
{
	struct ha_dur d = { threshold.ns / 5 };

	return ha_dur_less(KEEPALIVE_MOST, d) ? KEEPALIVE_MOST : d;
}

static void
set_thresholds(struct ha_core *c)
{
	for (int k = 0; k < HA_LINK_MAX; k++) {
		c->patience[k] = c->settings.threshold[k];
		c->interval[k] = interval_of(c->settings.threshold[k]);
	}
	c->thresholds_at = HA_TIME_NEVER;
}

/* The others get theirs a little earlier or later: until all have them, be as
 * patient as the one and speak as often as the other asks for. */
static void
change_threshold(struct ha_core *c, int link, struct ha_dur threshold)
{
	struct ha_dur interval = interval_of(threshold);

	if (c->settings.threshold[link].ns == threshold.ns)
		return;
	if (ha_dur_less(c->patience[link], threshold))
		c->patience[link] = threshold;
	if (ha_dur_less(interval, c->interval[link]))
		c->interval[link] = interval;
	c->thresholds_at = ha_time_add(c->now, THRESHOLDS_SPREAD);
}

/* Once, however many sessions there are. */
static void
tell_zoneless(struct ha_core *c)
{
	bool any = c->n_zoneless > 0;

	if (any == c->zoneless_told)
		return;
	c->zoneless_told = any;
	out_alarm(c, "zone-missing", 0, any);
}

void
membership_tick(struct ha_core *c)
{
	tell_zoneless(c);
	if (ha_time_reached(c->now, c->thresholds_at))
		set_thresholds(c);
}

/* ---- members ---- */

static bool
synchronizes(const struct ha_settings *s, uint8_t index)
{
	const struct ha_member_settings *m = &s->members[index - 1];

	return m->present && m->synchronization &&
	    s->members[s->self - 1].synchronization;
}

/* May what this member owns come in?  Of one that is out, what is left of it
 * may: others hold it as well. */
bool
membership_accepts(const struct ha_core *c, uint8_t owner)
{
	const struct peer *p = peer_look(c, owner);

	return !p->present || p->synchronization;
}

/* Begin anew with p; its last boot tells its streams apart. */
static void
reset(struct ha_core *c, struct peer *p, bool present)
{
	uint64_t heard = c->settings.members[p->index - 1].boot_seen;

	if (heard < p->boot_seen)
		heard = p->boot_seen;
	*p = (struct peer){ .index = p->index, .present = present,
		.lost = p->lost, .boot = p->boot, .boot_seen = heard,
		.since = c->now, .heard_at = HA_TIME_NEVER,
		.strange_at = HA_TIME_NEVER };
	for (int k = 0; k < HA_LINK_MAX; k++)
		p->links[k].since = c->now;
	for (int i = 0; i < HA_MEMBER_MAX; i++) /* they saw who it was before */
		c->peers[i].sees &= (ha_member_set)~ha_member_bit(p->index);
}

void
membership_init(struct ha_core *c)
{
	const struct ha_settings *s = &c->settings;

	set_thresholds(c);
	for (uint8_t i = 1; i <= HA_MEMBER_MAX; i++) {
		struct peer *p = &c->peers[i - 1];

		p->index = i;
		reset(c, p, s->members[i - 1].present && i != s->self);
		p->synchronization = p->present && synchronizes(s, i);
		p->lost = i != s->self && !p->synchronization;
	}
}

/* The walks between p and us end, and those for what p owns. */
static void
end_walks(struct ha_core *c, const struct peer *p)
{
	for (int i = 0; i < HA_STREAM_MAX; i++) {
		struct stream *st = &c->streams[i];

		if (!stream_in_use(st))
			continue;
		feed_send_stop(c, &st->walks[p->index - 1]);
		st->announced[p->index - 1].known = false;
		if (st->follow.source != p->index && st->id.owner != p->index)
			continue;
		st->follow.walk = 0;
		st->follow.source = 0;
	}
}

static void
set_synchronization(struct ha_core *c, struct peer *p, bool on)
{
	struct ha_stream_id id = { p->boot.id, p->index };

	if (p->synchronization == on)
		return;
	p->synchronization = on;
	if (!on) {
		end_walks(c, p);
		peer_set_lost(c, p, true);
	} else if (p->up) {
		(void)stream_open(c, &id, p->boot.counter);
	}
}

static void
leave(struct ha_core *c, struct peer *p)
{
	link_close_all(c, p, HA_CLOSE_REMOVED);
	set_synchronization(c, p, false);
	reset(c, p, false);
}

static void
change_member(struct ha_core *c, struct peer *p,
    const struct ha_in_settings *in)
{
	bool wanted = in->settings->members[p->index - 1].present;
	bool replaced = (in->replaced & ha_member_bit(p->index)) != 0;

	if (p->present && (replaced || !wanted))
		leave(c, p);
	if (!p->present && wanted)
		reset(c, p, true);
	set_synchronization(c, p, synchronizes(in->settings, p->index));
}

static bool
takes_a_restart(const struct ha_settings *a, const struct ha_settings *b)
{
	return a->self != b->self || a->boot.id != b->boot.id ||
	    a->table_size != b->table_size;
}

void
membership_change(struct ha_core *c, const struct ha_in_settings *in)
{
	HA_CHECK(!takes_a_restart(&c->settings, in->settings));
	for (int k = 0; k < HA_LINK_MAX; k++)
		change_threshold(c, k, in->settings->threshold[k]);
	if (!ha_zones_equal(&c->settings.zones, &in->settings->zones)) {
		owner_sweep_again(c);
		c->dump_at = c->now;
	}
	c->settings = *in->settings;
	for (uint8_t i = 1; i <= HA_MEMBER_MAX; i++)
		if (i != c->settings.self)
			change_member(c, peer_at(c, i), in);
	c->housekeeping_at = c->now;
}
