#include <string.h>

#include "tests/sim/oracle_priv.h"

/*
 * What members show.
 *
 * A sweep shows all of one member at one moment.  It is compared with the
 * sweep before, with what everybody said, and, where two members must agree,
 * with the last sweeps of the others.
 */

#define LIMBO_TIME  ha_dur_s(60)
#define SLACK       ha_dur_ms(500)
#define MANY_TOMBS  16 /* a ring may be smaller than it looks */

void
oracle_sweep_begin(struct oracle *o, uint8_t member)
{
	o->members[member].sweep++;
}

void
oracle_sees_peer(struct oracle *o, uint8_t member,
    const struct ha_view_peer *v)
{
	o->members[member].peers[v->index] = *v;
}

/* ---- streams ---- */

static void
check_s3_complete(struct oracle *o, uint8_t member, const struct stream *s,
    const struct progress *p, uint64_t complete)
{
	bool again = p->walk != 0 && complete == p->after;

	if (complete > s->tail)
		oracle_violate(o, "S3", "member %d has member %d up to %llu, "
		    "which made %llu changes", member, s->stream.owner,
		    (unsigned long long)complete,
		    (unsigned long long)s->tail);
	if (p->is_shown && complete < p->shown && !again)
		oracle_violate(o, "S3", "member %d had member %d up to %llu, "
		    "now to %llu", member, s->stream.owner,
		    (unsigned long long)p->shown,
		    (unsigned long long)complete);
}

static void
check_s5_caught_up(struct oracle *o, uint8_t member, const struct stream *s,
    const struct progress *p, uint64_t complete)
{
	if (complete == 0 || (complete == p->after && complete <= p->vouched))
		return;
	for (size_t i = p->n_caught; i-- > 0;)
		if (p->caught[i] == complete)
			return;
	oracle_violate(o, "S5", "member %d says that it has all of member %d "
	    "up to %llu; nobody told it so", member, s->stream.owner,
	    (unsigned long long)complete);
}

void
oracle_sees_stream(struct oracle *o, uint8_t member,
    const struct ha_view_stream *v)
{
	struct stream *s = oracle_stream(o, &v->status.stream);
	struct progress *p = &s->progress[member];

	if (oracle_is_own(o, member, s)) {
		if (v->status.complete > s->tail)
			s->tail = v->status.complete;
	} else {
		check_s3_complete(o, member, s, p, v->status.complete);
		check_s5_caught_up(o, member, s, p, v->status.complete);
	}
	p->shown = v->status.complete;
	p->status = v->status;
	p->sweep = o->members[member].sweep;
	p->is_shown = true;
}

/* ---- sessions ---- */

static void
check_s2_monotone(struct oracle *o, uint8_t member, const struct name *n,
    const struct held *h, const struct ha_version *v)
{
	char uid[48];
	char was[64];
	char is[64];

	if (!h->present || h->limbo || oracle_compare(v, &h->version) >= 0)
		return;
	oracle_violate(o, "S2", "member %d held %s at %s, now %s", member,
	    oracle_uid_text(&n->uid, uid),
	    oracle_version_text(&h->version, was), oracle_version_text(v, is));
}

/* Tombstones that a member keeps of one stream, at least. */
static uint64_t
ring_size(const struct oracle *o)
{
	uint64_t n = o->settings.table_size / 8;

	return n < 64 ? 64 : n > 8192 ? 8192 : n;
}

static void
check_s9_resurrection(struct oracle *o, uint8_t member, const struct name *n,
    const struct held *h, const struct ha_version *v)
{
	const struct stream *s = h->gone_stream;
	char uid[48];

	if (!h->gone_hard || oracle_compare(v, &h->gone_version) > 0 ||
	    s->progress[member].sweep != o->members[member].sweep)
		return; /* or that stream is forgotten */
	if (s->tombstones > h->gone_tombstones + ring_size(o) - MANY_TOMBS ||
	    (h->gone_change != 0 && h->gone_change <= s->floor))
		return; /* its tombstone may be forgotten */
	oracle_violate(o, "S9", "member %d holds %s, which had ended there",
	    member, oracle_uid_text(&n->uid, uid));
}

/* May a member claim from this owner without being asked? */
static bool
is_free_owner(const struct oracle *o, uint8_t member, uint8_t owner,
    const struct held *h)
{
	const struct ha_view_peer *p = &o->members[member].peers[owner];

	if (owner == 0 || owner == member || !p->present || p->lost)
		return true;
	if (p->state == HA_STATE_SUSPENDED ||
	    p->state == HA_STATE_NON_FUNCTIONAL)
		return true;
	return h->version.epoch != 0 && p->boot.id != 0 &&
	    h->version.owner == owner &&
	    h->version.revision >> 32 != p->boot.counter;
}

/* Was what was claimed made by an earlier start of its owner, or by one that
 * a later has replaced?  A relay may tell of that sooner than the handshake. */
static bool
is_of_earlier_start(const struct oracle *o, uint8_t member,
    const struct name *n, uint8_t owner, uint32_t epoch)
{
	const struct ha_boot *boot = &o->members[member].peers[owner].boot;

	for (size_t i = 0; i < n->n_strands; i++) {
		const struct strand *t = n->strands[i];

		for (size_t k = 0; k < t->n; k++)
			if (t->said[k].version.owner == owner &&
			    t->said[k].version.epoch == epoch &&
			    (t->stream->taken ||
			        t->said[k].version.revision >> 32 !=
			            boot->counter))
				return true;
	}
	return false;
}

static void
check_s12_claim(struct oracle *o, uint8_t member, const struct name *n,
    const struct held *h, uint32_t epoch)
{
	char uid[48];

	if (h->granted.epoch != 0 || h->ended.epoch != 0 ||
	    is_free_owner(o, member, h->claimed_from, h) ||
	    is_of_earlier_start(o, member, n, h->claimed_from, epoch - 1))
		return;
	oracle_violate(o, "S12", "member %d claims %s from member %d, which "
	    "lives and did not grant it", member,
	    oracle_uid_text(&n->uid, uid), h->claimed_from);
}

static void
settle_claim(struct oracle *o, uint8_t member, struct name *n,
    struct held *h, const struct ha_view_session *v)
{
	if (ha_time_is_never(h->claim_pending))
		return;
	h->claim_pending = HA_TIME_NEVER;
	if (v->version.owner != member || v->role != HA_ROLE_OWNED ||
	    v->version.epoch < 2 ||
	    (h->present && h->version.owner == member))
		return;
	check_s12_claim(o, member, n, h, v->version.epoch);
	oracle_claimed(o, member, n);
	h->granted = (struct ha_version){ 0 };
}

void
oracle_sees_session(struct oracle *o, uint8_t member,
    const struct ha_view_session *v)
{
	struct name *n;
	struct held *h;

	if (v->role == HA_ROLE_OWNED && !v->published)
		return;
	n = oracle_name(o, &v->uid);
	h = &n->held[member];
	oracle_note_version(o, member, n, &v->version, &v->record, true);
	check_s2_monotone(o, member, n, h, &v->version);
	check_s9_resurrection(o, member, n, h, &v->version);
	settle_claim(o, member, n, h, v);
	if (v->role == HA_ROLE_OWNED) {
		h->lost = HA_TIME_NEVER;
		h->owned_at = o->now;
	} else if (h->present && h->role == HA_ROLE_OWNED) {
		h->lost = o->now;
	}
	h->present = true;
	h->limbo = v->limbo;
	h->role = v->role;
	h->published = v->published;
	h->version = v->version;
	h->record = v->record;
	h->sweep = o->members[member].sweep;
	h->end_done = false;
	h->aged = false;
	if (!v->limbo)
		h->limbo_at = HA_TIME_NEVER;
}

/* ---- what is gone ---- */

static bool
passed_limbo(const struct oracle *o, const struct held *h)
{
	struct ha_dur least = { LIMBO_TIME.ns - SLACK.ns };

	return !ha_time_is_never(h->limbo_at) &&
	    !ha_dur_less(ha_time_since(o->now, h->limbo_at), least);
}

static bool
was_ended(const struct oracle *o, uint8_t member, const struct held *h)
{
	const struct ha_version *v = &h->version;

	if (h->ended.epoch != 0 && (oracle_compare(&h->ended, v) >= 0 ||
	    h->ended.owner == v->owner))
		return true;
	if (v->owner != member && ha_time_is_never(h->claim_pending))
		return false; /* nor claimed and ended in one go */
	return h->end_done || /* what an earlier start owned: */
	    v->revision >> 32 != o->members[member].boot.counter;
}

static bool
owner_lives(const struct oracle *o, const struct ha_version *v)
{
	const struct member *m = &o->members[v->owner];

	return m->running && m->boot.counter == v->revision >> 32;
}

static void
check_s8_s15_gone(struct oracle *o, uint8_t member, const struct name *n,
    const struct held *h)
{
	char uid[48];
	char version[64];

	if (was_ended(o, member, h) || passed_limbo(o, h) ||
	    h->aged)
		return;
	oracle_violate(o, owner_lives(o, &h->version) ? "S8" : "S15",
	    "member %d holds %s no more, it was at %s%s", member,
	    oracle_uid_text(&n->uid, uid),
	    oracle_version_text(&h->version, version),
	    h->limbo ? " in limbo" : "");
}

static void
note_gone(struct oracle *o, uint8_t member)
{
	for (size_t i = 0; i < o->names.n; i++) {
		struct name *n = o->names.items[i].value;
		struct held *h = &n->held[member];

		if (!h->present || h->sweep == o->members[member].sweep)
			continue;
		check_s8_s15_gone(o, member, n, h);
		h->present = false;
		h->limbo = false;
		h->limbo_at = HA_TIME_NEVER;
		h->lost = HA_TIME_NEVER;
		h->granted = (struct ha_version){ 0 };
		for (int k = 0; k < CLAIMS_MAX; k++)
			h->claims[k] = HA_TIME_NEVER;
	}
}

/* ---- complete means complete ---- */

/* Something newer of the name is known elsewhere: on its way to the member,
 * or ended. */
static bool
is_superseded(const struct oracle *o, uint8_t member, const struct name *n,
    const struct strand *self, const struct said *said)
{
	for (size_t i = 0; i < n->n_strands; i++) {
		const struct strand *t = n->strands[i];
		uint64_t complete = oracle_complete(o, member, t->stream);
		const struct said *last = &t->said[t->n - 1];
		const struct said *at = oracle_said_at(t, complete);

		if (t == self || t->n == 0)
			continue;
		if (last->kind == HA_ENTRY_END &&
		    oracle_compare(&last->version, &said->version) >= 0)
			return true; /* who told of it may have forgotten */
		if (last->change > complete &&
		    oracle_compare(&last->version, &said->version) > 0)
			return true;
		if (at != NULL && at->kind >= HA_ENTRY_END &&
		    oracle_compare(&at->version, &said->version) >= 0)
			return true;
	}
	return false;
}

/* Somebody claimed or ended it and could not tell the member yet. */
static bool
is_claimed_unheard(struct oracle *o, uint8_t member, const struct name *n,
    const struct said *said)
{
	for (uint8_t x = 1; x <= o->settings.n_members; x++) {
		const struct held *h = &n->held[x];
		struct ha_stream_id id = { o->members[x].boot.id, x };
		const struct strand *t;
		const struct said *heard;

		if (x == member || !o->members[x].running)
			continue;
		if (h->end_done)
			return true;
		if (!h->present || h->version.owner != x ||
		    oracle_compare(&h->version, &said->version) <= 0)
			continue;
		t = oracle_find_strand(o, oracle_stream(o, &id), n);
		heard = t == NULL ? NULL : oracle_said_at(t,
		    oracle_complete(o, member, t->stream));
		if (heard == NULL ||
		    oracle_compare(&heard->version, &said->version) <= 0)
			return true;
	}
	return false;
}

static void
check_s4_strand(struct oracle *o, uint8_t member, const struct strand *t,
    uint64_t complete)
{
	const struct stream *s = t->stream;
	const struct said *said = oracle_said_at(t, complete);
	const struct held *h = &t->name->held[member];
	char uid[48];
	char version[64];

	if (said == NULL || said->kind >= HA_ENTRY_END || said->moved ||
	    t->name->aged ||
	    h->end_done || (!h->present && s->stream.owner == member) ||
	    (s->taken && said->change <= s->taken_complete))
		return;
	if (h->present && oracle_compare(&h->version, &said->version) >= 0)
		return;
	if (t->name->ended.epoch != 0 &&
	    oracle_compare(&t->name->ended, &said->version) >= 0)
		return;
	if (h->ended.epoch != 0 &&
	    oracle_compare(&h->ended, &said->version) >= 0)
		return;
	if (is_superseded(o, member, t->name, t, said) ||
	    is_claimed_unheard(o, member, t->name, said))
		return;
	oracle_violate(o, "S4", "member %d has all of member %d up to %llu "
	    "and %s %s at %s of change %llu", member, s->stream.owner,
	    (unsigned long long)complete,
	    h->present ? "not" : "lacks",
	    oracle_uid_text(&t->name->uid, uid),
	    oracle_version_text(&said->version, version),
	    (unsigned long long)said->change);
}

static void
check_s4_complete(struct oracle *o, uint8_t member)
{
	const struct member *m = &o->members[member];

	if (m->refused > 0)
		return;
	for (size_t i = 0; i < o->streams.n; i++) {
		const struct stream *s = o->streams.items[i].value;
		const struct progress *p = &s->progress[member];

		if (!p->is_shown || p->sweep != m->sweep ||
		    oracle_is_own(o, member, s))
			continue;
		for (size_t k = 0; k < s->n_strands; k++)
			check_s4_strand(o, member, s->strands[k], p->shown);
	}
}

static void
forget_ends(struct oracle *o, uint8_t member, const struct stream *s)
{
	for (size_t i = 0; i < o->names.n; i++) {
		struct name *n = o->names.items[i].value;

		if (n->held[member].gone_stream == s)
			n->held[member].gone_hard = false;
	}
}

/* A stream that a member has closed it has nothing of, nor of what ended in
 * it; it may begin anew. */
static void
note_closed(struct oracle *o, uint8_t member)
{
	for (size_t i = 0; i < o->streams.n; i++) {
		struct stream *s = o->streams.items[i].value;
		struct progress *p = &s->progress[member];

		if (!p->is_shown || p->sweep == o->members[member].sweep)
			continue;
		p->is_shown = false;
		p->shown = 0;
		forget_ends(o, member, s);
	}
}

void
oracle_sweep_end(struct oracle *o, uint8_t member)
{
	note_gone(o, member);
	note_closed(o, member);
	check_s4_complete(o, member);
}

/* ---- owners ---- */

static bool
owns(const struct oracle *o, uint8_t member, const struct name *n)
{
	const struct held *h = &n->held[member];

	return o->members[member].running && h->present &&
	    h->role == HA_ROLE_OWNED;
}

/* Has the loser all of what the winner said when it claimed?  A relay that
 * has claimed it since leaves it out of the winner's list. */
static void
check_s11_pair(struct oracle *o, const struct name *n, uint8_t loser,
    uint8_t winner)
{
	struct ha_stream_id id = { o->members[winner].boot.id, winner };
	const struct stream *s = oracle_stream(o, &id);
	const struct strand *t = oracle_find_strand(o, s, n);
	const struct said *said;
	char uid[48];

	said = t == NULL ? NULL : oracle_said_at(t,
	    oracle_complete(o, loser, s));
	if (said != NULL && said->kind <= HA_ENTRY_UPDATE &&
	    oracle_compare(&said->version, &n->held[loser].version) > 0 &&
	    !is_claimed_unheard(o, loser, n, said))
		oracle_violate(o, "S11", "member %d still owns %s, and has "
		    "heard that member %d does", loser,
		    oracle_uid_text(&n->uid, uid), winner);
}

void
oracle_check_owners(struct oracle *o)
{
	for (size_t i = 0; i < o->names.n; i++) {
		const struct name *n = o->names.items[i].value;

		for (uint8_t a = 1; a <= o->settings.n_members; a++) {
			for (uint8_t b = 1; b <= o->settings.n_members; b++)
				if (a != b && owns(o, a, n) && owns(o, b, n))
					check_s11_pair(o, n, a, b);
		}
	}
}
