#include <stdlib.h>

#include "base/check.h"
#include "tests/sim/oracle_priv.h"

/*
 * What members say to each other.
 *
 * A member that sends its own stream makes it: that goes into the books.  One
 * that sends another's must not say anything that is not in them.
 */

/* ---- sent ---- */

static void
write_down(struct oracle *o, struct stream *s, struct strand *t,
    const struct ha_entry *e)
{
	if (t->n > 0 && t->said[t->n - 1].change >= e->change)
		return; /* told to somebody before */
	if (t->n == t->room) {
		t->room = t->room == 0 ? 4 : t->room * 2;
		t->said = realloc(t->said, t->room * sizeof(*t->said));
		HA_CHECK(t->said != NULL);
	}
	t->said[t->n++] = (struct said){ .change = e->change,
		.version = e->version, .kind = e->kind,
		.timeout = oracle_timeout(o, t->name, &e->record),
		.reason = e->end_reason, .at = o->now };
	if (e->change > s->tail)
		s->tail = e->change;
	if (e->kind == HA_ENTRY_END || e->kind == HA_ENTRY_LEFT)
		s->tombstones++;
}

/* A member knows from now on that this has ended. */
static void
note_end(struct held *h, const struct stream *s, const struct ha_entry *e)
{
	if (h->ended.epoch == 0 || oracle_compare(&e->version, &h->ended) > 0)
		h->ended = e->version;
	if (e->end_reason != HA_END_CLOSED && e->end_reason != HA_END_DELETED)
		return;
	h->gone_hard = true;
	h->gone_version = e->version;
	h->gone_stream = s;
	h->gone_change = e->change;
	h->gone_tombstones = s->tombstones;
}

/* An end is said by the owner of what ends. */
static void
check_s15_end_by_owner(struct oracle *o, uint8_t member, const struct name *n,
    const struct ha_entry *e)
{
	char uid[48];

	if (e->kind != HA_ENTRY_END || e->version.owner == member)
		return;
	oracle_violate(o, "S15", "member %d ends %s, which member %d owns",
	    member, oracle_uid_text(&n->uid, uid), e->version.owner);
}

/* Did the member own n at this epoch in an earlier start?  Else e is a claim
 * of what another owned, and its kernel had no more than a copy. */
static bool
was_its_own(const struct oracle *o, const struct name *n, uint8_t member,
    const struct ha_entry *e)
{
	for (size_t i = 0; i < n->n_strands; i++) {
		const struct strand *x = n->strands[i];

		if (x->stream->stream.owner == member && x->n > 0 &&
		    x->stream->stream.boot != o->members[member].boot.id &&
		    x->said[x->n - 1].version.epoch == e->version.epoch)
			return true;
	}
	return false;
}

/* What ended while its daemon did not run stays ended. */
static void
check_s9_unseen(struct oracle *o, uint8_t member, const struct name *n,
    const struct ha_entry *e)
{
	const struct member *m = &o->members[member];
	struct map_key key = { ha_tuple_hash(0, &e->record.orig),
		ha_tuple_hash(1, &e->record.orig), 0 };
	char uid[48];

	if (e->kind == HA_ENTRY_FULL && e->uid.boot != m->boot.id &&
	    was_its_own(o, n, member, e) && map_find(&m->unseen, key) != NULL &&
	    map_find(&m->told, key) == NULL)
		oracle_violate(o, "S9", "member %d publishes %s, which had "
		    "ended in its kernel before it started", member,
		    oracle_uid_text(&n->uid, uid));
}

static void
own_entry(struct oracle *o, uint8_t member, struct stream *s,
    const struct ha_entry *e)
{
	struct name *n = oracle_name(o, &e->uid);

	if (e->kind == HA_ENTRY_FULL || e->kind == HA_ENTRY_UPDATE)
		oracle_note_version(o, member, n, &e->version, &e->record,
		    e->kind == HA_ENTRY_FULL);
	check_s15_end_by_owner(o, member, n, e);
	check_s9_unseen(o, member, n, e);
	if (e->kind == HA_ENTRY_END)
		note_end(&n->held[member], s, e);
	write_down(o, s, oracle_strand(o, s, n), e);
}

/* A relay says what the owner said, no more. */
static void
check_s7_relayed(struct oracle *o, uint8_t member, struct stream *s,
    const struct ha_entry *e)
{
	struct name *n = oracle_find_name(o, &e->uid);
	struct strand *t = n == NULL ? NULL : oracle_find_strand(o, s, n);
	const struct said *said = t == NULL ? NULL :
	    oracle_said_at(t, e->change);
	char uid[48];

	if (said != NULL && said->change == e->change &&
	    oracle_compare(&said->version, &e->version) == 0 &&
	    (said->kind == e->kind || (said->kind <= HA_ENTRY_UPDATE &&
	        e->kind <= HA_ENTRY_UPDATE)))
		return;
	oracle_violate(o, "S7", "member %d says of the stream of member %d "
	    "what its owner never said: %s at change %llu", member,
	    s->stream.owner, oracle_uid_text(&e->uid, uid),
	    (unsigned long long)e->change);
}

static void
relayed_entry(struct oracle *o, uint8_t member, struct stream *s,
    const struct ha_entry *e)
{
	check_s7_relayed(o, member, s, e);
	if (e->kind == HA_ENTRY_FULL || e->kind == HA_ENTRY_UPDATE)
		oracle_note_version(o, member, oracle_name(o, &e->uid),
		    &e->version, &e->record, e->kind == HA_ENTRY_FULL);
}

static bool
mentions(const struct ha_msg_batch *b, uint64_t change)
{
	for (int i = 0; i < b->n_entries; i++)
		if (b->entries[i].change == change)
			return true;
	return false;
}

/* A batch tells all that stands between its ends: what stood there and is
 * not told has moved on, or ended so long ago that the end is forgotten. */
static void
note_moved(struct stream *s, const struct ha_msg_batch *b)
{
	if (b->from == b->to)
		return;
	for (size_t i = 0; i < s->n_strands; i++) {
		struct strand *t = s->strands[i];
		struct said *last = &t->said[t->n - 1];

		if (last->change > b->from && last->change <= b->to &&
		    !mentions(b, last->change))
			last->moved = true;
	}
}

/* What an owner says that it has is what it said of each session last. */
static void
check_s23_count(struct oracle *o, uint8_t member, const struct stream *s,
    const struct ha_msg_batch *b)
{
	uint64_t count = 0;

	for (size_t i = 0; i < s->n_strands; i++) {
		const struct said *last = oracle_said_at(s->strands[i],
		    b->complete);

		if (last != NULL && last->kind <= HA_ENTRY_UPDATE &&
		    !last->moved)
			count++;
	}
	if (count != b->count)
		oracle_violate(o, "S23", "member %d counts %llu sessions of "
		    "its own at change %llu, it told of %llu", member,
		    (unsigned long long)b->count,
		    (unsigned long long)b->complete,
		    (unsigned long long)count);
}

static void
check_s10_floor(struct oracle *o, uint8_t member, uint8_t peer,
    const struct ha_msg_batch *b)
{
	struct map_key key = { b->walk, peer, o->members[peer].boot.id };
	struct served *w = map_find(&o->members[member].walks, key);
	bool full = (b->flags & HA_BATCH_FULL) != 0;

	if (w == NULL || w->begun)
		return;
	w->begun = true;
	if (full || w->after == 0 ? b->from == 0 :
	    b->from == w->after && b->floor <= w->after)
		return;
	oracle_violate(o, "S10", "member %d, asked for what comes after "
	    "%llu, begins at %llu with its floor at %llu", member,
	    (unsigned long long)w->after, (unsigned long long)b->from,
	    (unsigned long long)b->floor);
}

static void
note_took(struct oracle *o, uint8_t member, const struct ha_msg_batch *b)
{
	for (int i = 0; i < b->n_took; i++) {
		struct ha_stream_id id = { b->took[i].boot, member };
		struct stream *old = oracle_stream(o, &id);

		old->taken = true;
		if (b->took[i].complete > old->taken_complete)
			old->taken_complete = b->took[i].complete;
	}
}

static void
sent_batch(struct oracle *o, uint8_t member, uint8_t peer,
    const struct ha_msg_batch *b)
{
	struct stream *s = oracle_stream(o, &b->stream);
	bool own = oracle_is_own(o, member, s);

	check_s10_floor(o, member, peer, b);
	for (int i = 0; i < b->n_entries; i++) {
		if (own)
			own_entry(o, member, s, &b->entries[i]);
		else
			relayed_entry(o, member, s, &b->entries[i]);
	}
	if (own) {
		note_moved(s, b);
		s->floor = b->floor;
	}
	if (!own || (b->flags & HA_BATCH_CAUGHT_UP) == 0)
		return;
	if (b->complete > s->tail)
		s->tail = b->complete;
	note_took(o, member, b);
	check_s23_count(o, member, s, b);
}

/* A walk may go on from what its receiver has for certain, or, at the same
 * start of the same source, from where the walk before stood. */
static void
check_s6_resume(struct oracle *o, uint8_t member, uint8_t peer,
    const struct progress *p, const struct ha_msg_feed_request *r)
{
	bool same = p->source == peer &&
	    p->source_boot == o->members[peer].boot.id;

	if (r->after <= p->vouched || (same && r->after <= p->cursor))
		return;
	oracle_violate(o, "S6", "member %d asks member %d for what comes "
	    "after %llu of member %d, has %llu for certain", member, peer,
	    (unsigned long long)r->after, r->stream.owner,
	    (unsigned long long)p->vouched);
}

static void
sent_request(struct oracle *o, uint8_t member, uint8_t peer,
    const struct ha_msg_feed_request *r)
{
	struct progress *p =
	    &oracle_stream(o, &r->stream)->progress[member];

	check_s6_resume(o, member, peer, p, r);
	p->walk = r->walk;
	p->source = peer;
	p->source_boot = o->members[peer].boot.id;
	p->after = r->after;
	p->cursor = r->after;
}

static void
sent_keepalive(struct oracle *o, uint8_t member,
    const struct ha_msg_keepalive *k)
{
	for (int i = 0; i < k->n_streams; i++) {
		struct stream *s = oracle_stream(o, &k->streams[i].stream);

		if (oracle_is_own(o, member, s) &&
		    k->streams[i].complete > s->tail)
			s->tail = k->streams[i].complete;
	}
}

void
oracle_sent(struct oracle *o, uint8_t member, uint8_t peer,
    const struct ha_message *m)
{
	switch (m->kind) {
	case HA_MSG_KEEPALIVE:
		sent_keepalive(o, member, &m->u.keepalive);
		return;
	case HA_MSG_FEED_REQUEST:
		sent_request(o, member, peer, &m->u.feed_request);
		return;
	case HA_MSG_BATCH:
		sent_batch(o, member, peer, &m->u.batch);
		return;
	case HA_MSG_WALK_VOID:
	case HA_MSG_TOUCH:
	case HA_MSG_GRANT:
	case HA_MSG_END:
	case HA_MSG_MAX:
		return;
	}
}

/* ---- delivered ---- */

static void
delivered_batch(struct oracle *o, uint8_t member, uint8_t peer,
    const struct ha_msg_batch *b)
{
	struct member *m = &o->members[member];
	const struct progress *p =
	    &oracle_stream(o, &b->stream)->progress[member];
	bool full = (b->flags & HA_BATCH_FULL) != 0;

	m->pending = b;
	m->pending_from = peer;
	m->pending_fits = p->walk == b->walk && p->source == peer &&
	    b->from == (full ? 0 : p->cursor);
}

static void
delivered_request(struct oracle *o, uint8_t member, uint8_t peer,
    const struct ha_msg_feed_request *r)
{
	struct map *walks = &o->members[member].walks;
	struct map_key key = { r->walk, peer, o->members[peer].boot.id };
	struct served *w;

	if (map_find(walks, key) != NULL)
		return;
	w = calloc(1, sizeof(*w));
	HA_CHECK(w != NULL);
	w->after = r->after;
	map_add(walks, key, w);
}

void
oracle_delivered(struct oracle *o, uint8_t member, uint8_t peer,
    const struct ha_message *m)
{
	switch (m->kind) {
	case HA_MSG_BATCH:
		delivered_batch(o, member, peer, &m->u.batch);
		return;
	case HA_MSG_FEED_REQUEST:
		delivered_request(o, member, peer, &m->u.feed_request);
		return;
	case HA_MSG_GRANT:
		oracle_name(o, &m->u.grant.uid)->held[member].granted =
		    m->u.grant.version;
		return;
	case HA_MSG_WALK_VOID:
	case HA_MSG_KEEPALIVE:
	case HA_MSG_TOUCH:
	case HA_MSG_END:
	case HA_MSG_MAX:
		return;
	}
}

/* ---- applied ---- */

static void
note_caught_up(struct progress *p, uint64_t complete)
{
	if (complete > p->vouched)
		p->vouched = complete;
	if (p->n_caught > 0 && p->caught[p->n_caught - 1] == complete)
		return;
	if (p->n_caught == p->room) {
		p->room = p->room == 0 ? 16 : p->room * 2;
		p->caught = realloc(p->caught,
		    p->room * sizeof(*p->caught));
		HA_CHECK(p->caught != NULL);
	}
	p->caught[p->n_caught++] = complete;
}

static void
applied_batch(struct oracle *o, uint8_t member, const struct ha_msg_batch *b)
{
	struct stream *s = oracle_stream(o, &b->stream);
	struct progress *p = &s->progress[member];

	for (int i = 0; i < b->n_entries; i++) {
		const struct ha_entry *e = &b->entries[i];

		if (e->kind == HA_ENTRY_END)
			note_end(&oracle_name(o, &e->uid)->held[member], s, e);
	}
	if (b->walk == p->walk)
		p->cursor = b->to;
	if ((b->flags & HA_BATCH_CAUGHT_UP) != 0)
		note_caught_up(p, b->complete);
}

static void
check_s6_no_gap(struct oracle *o, uint8_t member)
{
	const struct member *m = &o->members[member];
	const struct ha_msg_batch *b = m->pending;
	const struct progress *p;

	if (m->pending_fits)
		return;
	p = &oracle_stream(o, &b->stream)->progress[member];
	oracle_violate(o, "S6", "member %d, at %llu of walk %llx of member "
	    "%d, applies %llu..%llu of walk %llx", member,
	    (unsigned long long)p->cursor, (unsigned long long)p->walk,
	    p->source, (unsigned long long)b->from,
	    (unsigned long long)b->to, (unsigned long long)b->walk);
}

/* Does anybody know something newer of this name than the stream said? */
static bool
is_changing_hands(const struct oracle *o, const struct strand *t,
    const struct said *said)
{
	const struct name *n = t->name;

	if (n->aged)
		return true;
	for (uint8_t m = 1; m <= o->settings.n_members; m++) {
		const struct held *h = &n->held[m];

		if (h->end_done || (h->present &&
		    (h->limbo || oracle_compare(&h->version,
		        &said->version) > 0)))
			return true;
	}
	for (size_t i = 0; i < n->n_strands; i++) {
		const struct strand *u = n->strands[i];

		if (u != t && oracle_compare(&u->said[u->n - 1].version,
		    &said->version) > 0)
			return true;
	}
	return false;
}

/* A member counts a digest that differs: then something must be changing
 * hands, or have done so just now. */
static void
check_s23_mismatch(struct oracle *o, uint8_t member,
    const struct ha_msg_batch *b)
{
	const struct stream *s = oracle_stream(o, &b->stream);

	if (ha_dur_less(ha_time_since(o->now, o->last_claim), ha_dur_s(5)))
		return;
	for (size_t i = 0; i < s->n_strands; i++) {
		const struct said *said = oracle_said_at(s->strands[i],
		    b->complete);

		if (said != NULL && said->kind <= HA_ENTRY_UPDATE &&
		    !said->moved && is_changing_hands(o, s->strands[i], said))
			return;
	}
	oracle_violate(o, "S23", "member %d finds that it differs from what "
	    "comes of the stream of member %d, up to %llu of %llu", member,
	    s->stream.owner, (unsigned long long)b->complete,
	    (unsigned long long)b->to);
}

void
oracle_stepped(struct oracle *o, uint8_t member,
    const struct ha_counters *counters)
{
	struct member *m = &o->members[member];

	if (m->pending != NULL && counters->batches_received != m->batches) {
		check_s6_no_gap(o, member);
		applied_batch(o, member, m->pending);
		if (counters->digest_mismatches > m->mismatches)
			check_s23_mismatch(o, member, m->pending);
	}
	m->pending = NULL;
	m->batches = counters->batches_received;
	m->refused = counters->sessions_refused;
	m->mismatches = counters->digest_mismatches;
}

/* ---- traced ---- */

static void
check_s13_claims(struct oracle *o, uint8_t member, const struct name *n,
    struct held *h)
{
	char uid[48];
	int oldest = 0;

	for (int i = 1; i < CLAIMS_MAX; i++)
		if (ha_time_is_never(h->claims[i]) ||
		    (!ha_time_is_never(h->claims[oldest]) &&
		        ha_time_before(h->claims[i], h->claims[oldest])))
			oldest = i;
	if (!ha_time_is_never(h->claims[oldest]) &&
	    ha_dur_less(ha_time_since(o->now, h->claims[oldest]),
	        (struct ha_dur){ CLAIM_TIME.ns - ha_dur_s(1).ns }))
		oracle_violate(o, "S13", "member %d claims %s once more",
		    member, oracle_uid_text(&n->uid, uid));
	h->claims[oldest] = o->now;
}

/* The shortest time of all that was said of a name lately: a member may know
 * more of it than it has shown. */
static struct ha_dur
shortest_timeout(const struct oracle *o, const struct name *n,
    const struct held *h)
{
	struct ha_dur least = oracle_timeout(o, n, &h->record);

	for (size_t i = 0; i < n->n_strands; i++) {
		const struct strand *t = n->strands[i];

		for (size_t k = 0; k < t->n; k++)
			if (t->said[k].kind <= HA_ENTRY_UPDATE &&
			    oracle_compare(&t->said[k].version, &h->version) >=
			    0 && ha_dur_less(t->said[k].timeout, least))
				least = t->said[k].timeout;
	}
	return least;
}

static bool
may_age(const struct oracle *o, uint8_t member, const struct name *n,
    const struct held *h)
{
	struct ha_time lost = o->members[member].lost_at[h->version.owner];
	struct ha_dur due = shortest_timeout(o, n, h);

	if (h->version.owner == member)
		return true;
	due.ns -= ha_dur_ms(500).ns;
	return !ha_time_is_never(lost) &&
	    !ha_dur_less(ha_time_since(o->now, lost), due);
}

/* A record without owner goes by its protocol's own time, from the loss. */
static void
check_s15_age(struct oracle *o, uint8_t member, struct name *n, uint8_t owner)
{
	struct held *h = &n->held[member];
	char uid[48];

	if (h->present && h->version.owner == owner && !may_age(o, member, n, h))
		oracle_violate(o, "S15", "member %d lets %s go by age too "
		    "early", member, oracle_uid_text(&n->uid, uid));
	h->aged = true;
	n->aged = true;
}

static void
traced_session(struct oracle *o, uint8_t member,
    const struct ha_out_trace *t, struct name *n)
{
	struct held *h = &n->held[member];

	switch (t->what) {
	case HA_TRACE_CLAIM:
		h->claim_pending = o->now;
		h->claimed_from = (uint8_t)t->a;
		return;
	case HA_TRACE_YIELD:
		h->yielded = o->now;
		return;
	case HA_TRACE_LIMBO:
		h->limbo_at = o->now;
		return;
	case HA_TRACE_END:
		if (t->b == HA_END_OWNER_LOST)
			check_s15_age(o, member, n, (uint8_t)t->a);
		return;
	case HA_TRACE_LINK:
	case HA_TRACE_STATE:
	case HA_TRACE_LOST:
	case HA_TRACE_WALK:
	case HA_TRACE_CAUGHT_UP:
	case HA_TRACE_GRANT:
	case HA_TRACE_DROP:
		return;
	}
}

/* Known here at once, though nobody may hear of it yet. */
void
oracle_ended(struct oracle *o, uint8_t member, const struct ha_uid *uid,
    enum ha_end_reason reason)
{
	struct ha_stream_id id = { o->members[member].boot.id, member };
	struct name *n = oracle_find_name(o, uid);
	struct held *h;

	if (n == NULL || reason == HA_END_OWNER_LOST)
		return;
	h = &n->held[member];
	h->end_done = true;
	if (h->present && (n->ended.epoch == 0 ||
	    oracle_compare(&h->version, &n->ended) > 0))
		n->ended = h->version;
	if (!h->present || h->version.owner != member ||
	    (reason != HA_END_CLOSED && reason != HA_END_DELETED))
		return;
	h->gone_hard = true;
	h->gone_version = h->version;
	h->gone_stream = oracle_stream(o, &id);
	h->gone_change = 0;
	h->gone_tombstones = h->gone_stream->tombstones;
}

void
oracle_traced(struct oracle *o, uint8_t member, const struct ha_out_trace *t)
{
	struct name *n;

	if (t->what == HA_TRACE_LOST) {
		o->members[member].lost_at[t->a] = t->b != 0 ? o->now :
		    HA_TIME_NEVER;
		return;
	}
	if (t->what == HA_TRACE_CLAIM || t->what == HA_TRACE_YIELD ||
	    t->what == HA_TRACE_LIMBO)
		o->last_claim = o->now;
	n = map_find(&o->traced, (struct map_key){ t->c, 0, 0 });
	if (n != NULL)
		traced_session(o, member, t, n);
}

/* S13, by the sweep that shows a claim to be of this name. */
void
oracle_claimed(struct oracle *o, uint8_t member, struct name *n)
{
	check_s13_claims(o, member, n, &n->held[member]);
}
