#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "tests/sim/oracle_priv.h"

/*
 * Kernels, links and packets; and what holds in the end.
 *
 * When everything is healed and had its time, all members must agree on all
 * streams and sessions.  Something may always be on its way at that moment:
 * so a check tells first whether it holds, and complains when asked for the
 * last time.
 */

#define REPLACED_WITHIN ha_dur_s(5)
#define YIELDED_WITHIN  ha_dur_s(10)
#define FRESH_WITHIN    ha_dur_s(10)
#define LINK_SLACK      ha_dur_s(1)

/* ---- S14 ---- */

static bool
is_recent(const struct oracle *o, struct ha_time t, struct ha_dur within)
{
	return !ha_time_is_never(t) &&
	    !ha_dur_less(within, ha_time_since(o->now, t));
}

/* What a member owns and carries it keeps.  An untouched session carries
 * nothing: what stands at its addresses is the entry of another. */
static void
check_s14_own_entry(struct oracle *o, uint8_t member,
    const struct ha_record *r)
{
	const struct name *n = oracle_names_with(o, &r->orig);

	for (; n != NULL; n = n->same) {
		const struct held *h = &n->held[member];

		if (!h->present || h->role != HA_ROLE_OWNED || h->end_done ||
		    (h->record.flags & HA_RECORD_UNTOUCHED) != 0 ||
		    is_recent(o, h->yielded, ha_dur_ms(100)))
			continue;
		oracle_violate(o, "S14", "member %d removes the entry of a "
		    "session that it owns and carries: port %d", member,
		    r->orig.src_port);
	}
}

void
oracle_kernel_removed(struct oracle *o, uint8_t member,
    const struct ha_record *r, bool carries)
{
	struct map *removed = &o->members[member].removed;
	struct map_key key = { ha_tuple_hash(0, &r->orig),
		ha_tuple_hash(1, &r->orig), 0 };
	struct removal *x = map_find(removed, key);

	if (x == NULL) {
		x = calloc(1, sizeof(*x));
		HA_CHECK(x != NULL);
		map_add(removed, key, x);
	}
	x->at = carries ? o->now : HA_TIME_NEVER;
	if (carries)
		check_s14_own_entry(o, member, r);
}

/* Was a session with these addresses lost, or did it end, there? */
static bool
had_reason(struct oracle *o, uint8_t member, const struct ha_tuple *orig)
{
	const struct name *n = oracle_names_with(o, orig);

	for (; n != NULL; n = n->same) {
		const struct held *h = &n->held[member];

		if (is_recent(o, h->yielded, YIELDED_WITHIN) || h->end_done ||
		    h->ended.epoch != 0)
			return true;
	}
	return false;
}

void
oracle_kernel_installed(struct oracle *o, uint8_t member,
    const struct ha_record *r)
{
	struct map_key key = { ha_tuple_hash(0, &r->orig),
		ha_tuple_hash(1, &r->orig), 0 };
	struct removal *x = map_find(&o->members[member].removed, key);

	if (x == NULL || !is_recent(o, x->at, REPLACED_WITHIN) ||
	    had_reason(o, member, &r->orig))
		return;
	oracle_violate(o, "S14", "member %d replaces an entry that carries "
	    "packets by a replica: port %d", member, r->orig.src_port);
}

static void
check_s14_stale(struct oracle *o, uint8_t member, const struct name *n,
    struct ha_time touched)
{
	const struct held *h = &n->held[member];
	char uid[48];

	if (!h->present || ha_time_is_never(h->lost) ||
	    !ha_time_before(touched, h->owned_at) ||
	    is_recent(o, h->lost, FRESH_WITHIN))
		return;
	oracle_violate(o, "S14", "member %d lost %s %lld ms ago and still has "
	    "its old entry: port %d", member, oracle_uid_text(&n->uid, uid),
	    (long long)ha_dur_to_ms(ha_time_since(o->now, h->lost)),
	    n->orig.src_port);
}

void
oracle_kernel_entry(struct oracle *o, uint8_t member,
    const struct ha_record *r, struct ha_time touched)
{
	const struct name *n = oracle_names_with(o, &r->orig);

	for (; n != NULL; n = n->same)
		if (ha_tuple_equal(&n->reply, &r->reply))
			check_s14_stale(o, member, n, touched);
}

/* ---- L1 ---- */

static struct ha_dur
link_patience(const struct oracle *o, uint8_t link)
{
	return (struct ha_dur){ o->settings.threshold[link].ns +
		2 * o->settings.interval[link].ns + LINK_SLACK.ns };
}

void
oracle_link(struct oracle *o, uint8_t member, uint8_t peer, uint8_t link,
    bool up, struct ha_dur broken, struct ha_dur sound)
{
	(void)sound;
	if (up && ha_dur_less(link_patience(o, link), broken))
		oracle_violate(o, "L1", "at member %d link %d to %d is up; "
		    "it is broken for %lld ms", member, link, peer,
		    (long long)ha_dur_to_ms(broken));
}

void
oracle_silent(struct oracle *o, uint8_t member, uint8_t peer, uint8_t link,
    struct ha_dur sound)
{
	if (ha_dur_less(link_patience(o, link), sound))
		oracle_violate(o, "L1", "member %d finds link %d to %d "
		    "silent; it is sound for %lld ms", member, link, peer,
		    (long long)ha_dur_to_ms(sound));
}

/* ---- S27 ---- */

void
oracle_dropped(struct oracle *o, uint8_t member, const struct ha_tuple *orig,
    const char *why)
{
	oracle_violate(o, "S27", "member %d holds the session of port %d and "
	    "drops its packet: %s", member, orig->src_port, why);
}

static bool
is_held_anywhere(const struct oracle *o, const struct ha_tuple *orig,
    const struct ha_tuple *reply)
{
	const struct name *n = oracle_names_with(o, orig);

	for (; n != NULL; n = n->same)
		for (uint8_t m = 1; m <= o->settings.n_members; m++)
			if (o->members[m].running && n->held[m].present &&
			    ha_tuple_equal(&n->reply, reply))
				return true;
	return false;
}

/* How the last session of these addresses ended; NULL: it did not. */
static const struct said *
last_end(const struct oracle *o, const struct ha_tuple *orig)
{
	const struct name *n = oracle_names_with(o, orig);
	const struct said *end = NULL;

	for (size_t k = 0; n != NULL && k < n->n_strands; k++) {
		const struct strand *t = n->strands[k];
		const struct said *last = &t->said[t->n - 1];

		if (last->kind == HA_ENTRY_END)
			end = last;
	}
	return end;
}

void
oracle_stuck(struct oracle *o, uint8_t member, const struct ha_tuple *orig,
    const struct ha_tuple *reply, struct ha_dur since)
{
	const struct said *end;

	if (is_held_anywhere(o, orig, reply)) {
		oracle_violate(o, "S27", "the flow of port %d is stuck at "
		    "member %d for %lld ms; its session is held",
		    orig->src_port, member, (long long)ha_dur_to_ms(since));
		return;
	}
	end = last_end(o, orig);
	if (end != NULL && end->reason != HA_END_DELETED)
		oracle_violate(o, "S27", "the flow of port %d was alive when "
		    "member %d ended it as %d", orig->src_port,
		    end->version.owner, end->reason);
}

/* ---- when all has settled ---- */

struct patience {
	struct oracle *o;
	bool final;
	bool good;
};

/* Something does not hold yet. */
#define NOT_YET(p, ...)                                                       \
	do {                                                                  \
		(p)->good = false;                                            \
		if ((p)->final)                                               \
			oracle_violate((p)->o, __VA_ARGS__);                  \
	} while (0)

static bool
shows(const struct oracle *o, uint8_t member, const struct stream *s)
{
	const struct progress *p = &s->progress[member];

	return p->is_shown && p->sweep == o->members[member].sweep;
}

static void
compare_stream(struct patience *p, const struct stream *s, uint8_t m,
    uint8_t with)
{
	const struct ha_stream_status *a = &s->progress[m].status;
	const struct ha_stream_status *b = &s->progress[with].status;

	if (a->complete != b->complete)
		NOT_YET(p, "L3", "member %d has member %d up to %llu, member "
		    "%d up to %llu", m, s->stream.owner,
		    (unsigned long long)a->complete, with,
		    (unsigned long long)b->complete);
	else if (a->digest != b->digest || a->count != b->count)
		NOT_YET(p, "S23", "of member %d, at change %llu, member %d "
		    "has %llu sessions, member %d %llu; digests %s",
		    s->stream.owner, (unsigned long long)a->complete, m,
		    (unsigned long long)a->count, with,
		    (unsigned long long)b->count,
		    a->digest == b->digest ? "agree" : "differ");
}

/* A stream whose owner lives is everywhere what it is there; one of a dead
 * member is the same everywhere. */
static void
check_l3_stream(struct patience *p, const struct stream *s)
{
	const struct oracle *o = p->o;
	const struct member *owner = &o->members[s->stream.owner];
	uint8_t with = 0;

	if (owner->running && owner->boot.id != s->stream.boot)
		return; /* replaced */
	if (owner->running)
		with = s->stream.owner;
	for (uint8_t m = 1; m <= o->settings.n_members; m++) {
		if (!o->members[m].running || m == with)
			continue;
		if (!shows(o, m, s)) {
			if (owner->running)
				NOT_YET(p, "L3", "member %d does not know "
				    "the stream of member %d", m,
				    s->stream.owner);
			continue;
		}
		if (with != 0)
			compare_stream(p, s, m, with);
		else
			with = m;
	}
}

static void
check_l3_name(struct patience *p, const struct name *n)
{
	const struct oracle *o = p->o;
	uint8_t first = 0;
	uint8_t lacks = 0;
	char uid[48];

	for (uint8_t m = 1; m <= o->settings.n_members; m++) {
		const struct held *h = &n->held[m];

		if (!o->members[m].running)
			continue;
		if (!h->present || h->limbo) {
			lacks = m;
			continue;
		}
		if (first != 0 && oracle_compare(&h->version,
		    &n->held[first].version) != 0)
			NOT_YET(p, "L3", "members %d and %d hold %s at "
			    "different versions", first, m,
			    oracle_uid_text(&n->uid, uid));
		first = m;
	}
	if (first != 0 && lacks != 0)
		NOT_YET(p, "L3", "member %d holds %s, member %d does not%s",
		    first, oracle_uid_text(&n->uid, uid), lacks,
		    n->held[lacks].present ? " but in limbo" : "");
}

static void
check_l4_name(struct patience *p, const struct name *n)
{
	const struct oracle *o = p->o;
	uint8_t owner = 0;
	char uid[48];

	for (uint8_t m = 1; m <= o->settings.n_members; m++) {
		const struct held *h = &n->held[m];

		if (!o->members[m].running || !h->present ||
		    h->role != HA_ROLE_OWNED)
			continue;
		if (owner != 0)
			NOT_YET(p, "L4", "members %d and %d both own %s",
			    owner, m, oracle_uid_text(&n->uid, uid));
		owner = m;
	}
}

bool
oracle_check_settled(struct oracle *o, bool final)
{
	struct patience p = { .o = o, .final = final, .good = true };

	for (size_t i = 0; i < o->streams.n; i++)
		check_l3_stream(&p, o->streams.items[i].value);
	for (size_t i = 0; i < o->names.n; i++) {
		check_l3_name(&p, o->names.items[i].value);
		check_l4_name(&p, o->names.items[i].value);
	}
	return p.good;
}

/* Who has its packets owns it. */
bool
oracle_check_flow(struct oracle *o, uint8_t member,
    const struct ha_tuple *orig, bool final)
{
	struct patience p = { .o = o, .final = final, .good = true };
	const struct name *n = oracle_names_with(o, orig);
	uint8_t owner = 0;

	for (; n != NULL; n = n->same) {
		for (uint8_t m = 1; m <= o->settings.n_members; m++)
			if (o->members[m].running && n->held[m].present &&
			    n->held[m].role == HA_ROLE_OWNED && owner != member)
				owner = m;
	}
	if (owner != member)
		NOT_YET(&p, "L4", "the packets of port %d protocol %d go to "
		    "member %d, its owner is %d", orig->src_port,
		    orig->protocol, member, owner);
	return p.good;
}
