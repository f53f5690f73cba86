/*
 * The sending side of the change feed.
 *
 * A peer asks for a stream's changes above a number; from then on it has a
 * walk: a cursor in the stream's list.  What lies between the cursor and the
 * tail is what it still has to get.  A session that changes again moves to the
 * tail, so each goes out once, in its latest state, and a peer that is far
 * behind costs no memory.
 *
 * Walks that have reached the tail once go first, then those that resumed
 * somewhere, then those from the very start.  All that stand at one place
 * share one body, so that it is encoded once.
 *
 * A link takes LINK_CREDIT batches; the shell gives the credit back as each
 * has left (HA_LINK_ROOM).
 */
#include "core/core_priv.h"

void
feed_send_stop(struct ha_core *c, struct walk *w)
{
	(void)c;
	if (w->id == 0)
		return;
	w->id = 0;
	ha_list_remove(&w->active);
	ha_list_remove(&w->cursor.list);
}

/* All who walk over st have to ask again. */
void
feed_send_void(struct ha_core *c, struct stream *st)
{
	for (int i = 0; i < HA_MEMBER_MAX; i++) {
		struct walk *w = &st->walks[i];
		struct ha_message *m;

		if (w->id == 0)
			continue;
		m = out_send(c, peer_at(c, w->peer), w->link, HA_MSG_WALK_VOID);
		if (m != NULL) {
			m->u.walk_void.walk = w->id;
			m->u.walk_void.stream = st->id;
		}
		feed_send_stop(c, w);
	}
}

/* Another start of the peer numbers its walks anew. */
void
feed_send_new_boot(struct ha_core *c, uint8_t peer)
{
	for (int i = 0; i < HA_STREAM_MAX; i++)
		c->streams[i].walks[peer - 1].newest = 0;
}

void
feed_send_link_down(struct ha_core *c, uint8_t peer, uint8_t link)
{
	struct ha_list *l, *tmp;

	HA_LIST_FOREACH_SAFE (l, tmp, &c->walks) {
		struct walk *w = HA_LIST_ENTRY(l, struct walk, active);

		if (w->peer == peer && w->link == link)
			feed_send_stop(c, w);
	}
}

/* The cursor goes behind the last node at or below after. */
static void
place_cursor(struct stream *st, struct walk *w, uint64_t after)
{
	struct ha_list *l = st->confirmed.prev;

	for (; l != &st->confirmed; l = l->prev) {
		struct node *n = HA_LIST_ENTRY(l, struct node, list);

		if (n->kind != NODE_CURSOR && n->change <= after)
			break;
	}
	ha_list_insert_after(l, &w->cursor.list);
}

void
feed_send_request(struct ha_core *c, const struct ha_in_message *in)
{
	const struct ha_msg_feed_request *r = &in->message->u.feed_request;
	struct peer *p = peer_at(c, in->peer);
	struct stream *st = stream_find(c, &r->stream);
	struct walk *w;

	if (!p->synchronization) {
		c->counters.drop_not_member++;
		return;
	}
	if (st == NULL || r->walk == 0) {
		c->counters.drop_unknown_stream++;
		return;
	}
	w = &st->walks[in->peer - 1];
	if (r->walk <= w->newest) {
		c->counters.drop_stale_walk++; /* overtaken on the other link */
		return;
	}
	feed_send_stop(c, w);
	w->id = r->walk;
	w->newest = r->walk;
	w->link = in->link;
	w->generation = in->generation;
	w->at = r->after;
	w->full = false;
	if (r->after < st->floor && !HA_PLANT(c, HA_PLANT_FLOOR_IGNORED)) {
		w->at = 0;
		w->full = true;
	}
	w->whole = 0; /* a walk may resume where it never came to the end */
	w->from_start = w->at == 0;
	w->live = false;
	w->caught_at = c->now;
	place_cursor(st, w, w->at);
	ha_list_append(&c->walks, &w->active);
	c->counters.walks_served++;
}

/* ---- bodies ---- */

/* A session that moved on before a walk came by has never been sent by it:
 * only what is at or below a tail that the walk has reached is known to be
 * there. */
static void
fill_session(struct ha_entry *e, const struct session *s, uint64_t whole)
{
	e->kind = s->full_change > whole ? HA_ENTRY_FULL : HA_ENTRY_UPDATE;
	e->uid = s->uid;
	e->version = s->version;
	e->record = s->record;
	e->extra = s->extra;
	if (e->kind == HA_ENTRY_UPDATE) {
		e->record.orig = (struct ha_tuple){ 0 };
		e->record.reply = (struct ha_tuple){ 0 };
	}
}

static void
fill_tombstone(struct ha_entry *e, const struct tombstone *t)
{
	e->kind = (enum ha_entry_kind)t->kind;
	e->end_reason = t->reason;
	e->uid = t->uid;
	e->version = t->version;
	e->record = (struct ha_record){ 0 };
	e->extra = NULL;
}

static void
fill_body(struct body *b, struct walk *w)
{
	struct ha_list *head = &w->stream->confirmed, *l;
	unsigned int weight = 0;

	b->stream = w->stream;
	b->from = w->at;
	b->to = w->at;
	b->whole = w->whole;
	b->n = 0;
	b->last = &w->cursor.list;
	for (l = w->cursor.list.next; l != head && weight < HA_BATCH_MAX;
	    l = l->next) {
		struct node *n = HA_LIST_ENTRY(l, struct node, list);
		struct ha_entry *e = &b->entries[b->n];

		/* Who asked has more than we had when it asked. */
		if (n->kind == NODE_CURSOR || n->change <= b->from)
			continue;
		e->end_reason = 0;
		e->change = n->change;
		if (n->kind == NODE_SESSION)
			fill_session(e,
			    HA_LIST_ENTRY(n, struct session, node), b->whole);
		else
			fill_tombstone(e,
			    HA_LIST_ENTRY(n, struct tombstone, node));
		weight += ha_entry_weight(e);
		if (weight > HA_BATCH_MAX)
			break;
		b->to = n->change;
		b->last = l;
		b->n++;
	}
	while (l != head &&
	    HA_LIST_ENTRY(l, struct node, list)->kind == NODE_CURSOR)
		l = l->next;
	b->tail = l == head;
	if (b->tail && w->stream->tail > b->to)
		b->to = w->stream->tail;
}

/* What w needs next; NULL: this step has no place for one more. */
static struct body *
body_for(struct ha_core *c, struct walk *w)
{
	struct body *b = c->bodies, *end = b + BODY_MAX;

	for (; b < end && b->stream != NULL; b++)
		if (b->stream == w->stream && b->from == w->at &&
		    b->whole == w->whole)
			return b;
	if (b == end)
		return NULL;
	fill_body(b, w);
	b->id = ++c->next_body;
	return b;
}

static void
vouch(const struct stream *st, struct ha_msg_batch *m)
{
	m->flags |= HA_BATCH_CAUGHT_UP | (st->aged ? HA_BATCH_AGED : 0);
	m->count = st->n_confirmed;
	m->digest = st->digest;
	m->n_took = st->n_took;
	for (int i = 0; i < st->n_took; i++)
		m->took[i] = st->took[i];
}

static void
advance(struct ha_core *c, struct walk *w, const struct body *b)
{
	if (b->last != &w->cursor.list) {
		ha_list_remove(&w->cursor.list);
		ha_list_insert_after(b->last, &w->cursor.list);
	}
	w->at = b->to;
	w->full = false;
	if (b->tail) {
		w->live = true;
		w->whole = b->to;
		w->caught_at = c->now;
	}
}

/* false: nothing was put out. */
static bool
send_batch(struct ha_core *c, struct walk *w, const struct body *b)
{
	struct peer *p = peer_at(c, w->peer);
	struct ha_message *m = out_send(c, p, w->link, HA_MSG_BATCH);
	struct ha_msg_batch *batch;

	if (m == NULL)
		return false;
	batch = &m->u.batch;
	*batch = (struct ha_msg_batch){ .walk = w->id, .stream = w->stream->id,
		.from = b->from, .to = b->to, .floor = w->stream->floor,
		.complete = stream_vouched(c, w->stream),
		.flags = w->full ? HA_BATCH_FULL : 0, .body = b->id,
		.n_entries = b->n, .entries = b->entries };
	if (b->tail)
		vouch(w->stream, batch);
	p->links[w->link].credit--;
	c->counters.batches_sent++;
	c->counters.entries_sent += b->n;
	return true;
}

/* Is there anything to say, or is it time to say that there is nothing? */
static bool
has_news(const struct ha_core *c, const struct walk *w)
{
	return !w->live || w->full || w->at < w->stream->tail ||
	    ha_time_reached(c->now, ha_time_add(w->caught_at, CAUGHT_UP_EVERY));
}

static int
class_of(const struct walk *w)
{
	return w->live ? 0 : w->from_start ? 2 : 1;
}

static void
serve(struct ha_core *c, struct walk *w)
{
	struct link *l = &peer_at(c, w->peer)->links[w->link];
	struct body *b;

	while (l->credit > 0 && has_news(c, w)) {
		b = out_has_room(c) ? body_for(c, w) : NULL;
		if (b == NULL) {
			c->more = true;
			return;
		}
		if (!send_batch(c, w, b))
			return;
		advance(c, w, b);
	}
}

void
feed_send_tick(struct ha_core *c)
{
	struct ha_list *l;

	for (int class = 0; class < 3; class++) {
		HA_LIST_FOREACH (l, &c->walks) {
			struct walk *w = HA_LIST_ENTRY(l, struct walk, active);

			if (class_of(w) == class)
				serve(c, w);
		}
	}
	/* Nobody comes last for ever. */
	if (!ha_list_empty(&c->walks)) {
		l = c->walks.next;
		ha_list_remove(l);
		ha_list_append(&c->walks, l);
	}
}

/* When the next walk wants to be told that all is well. */
struct ha_time
feed_send_deadline(const struct ha_core *c)
{
	struct ha_time t = HA_TIME_NEVER;
	struct ha_list *l;

	HA_LIST_FOREACH (l, &c->walks) {
		struct walk *w = HA_LIST_ENTRY(l, struct walk, active);

		if (c->peers[w->peer - 1].links[w->link].credit == 0)
			continue;
		if (!w->live || w->at < w->stream->tail)
			return c->now;
		t = ha_time_min(t, ha_time_add(w->caught_at, CAUGHT_UP_EVERY));
	}
	return t;
}
