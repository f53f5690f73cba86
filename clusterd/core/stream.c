/*
 * Streams: what one start of one member owns, in the order of its changes.
 *
 * The confirmed list is what this member can hand on: it ascends by change,
 * and holds sessions, the tombstones of what ended or left, and the cursors
 * of those who walk over it.  The unconfirmed list holds what was known
 * before the running walk began and has not been mentioned since.
 *
 * The digest is the sum of one hash per confirmed session, so it is the same
 * at two members that hold the same, in whatever order they got there.
 *
 * Tombstones live in a ring per stream.  The floor is the change of the last
 * one that was pushed out: a walk from below it can't learn what ended, and
 * must start over.
 */
#include "core/core_priv.h"

#include <stdlib.h>

static uint32_t
ring_size_of(const struct ha_core *c, bool own)
{
	uint32_t n = c->table_size / 8;

	if (!own && n > TOMBSTONES_MAX)
		n = TOMBSTONES_MAX;
	return n < 64 ? 64 : n;
}

static struct stream *
slots_of(struct ha_core *c, uint8_t owner)
{
	return &c->streams[(owner - 1) * HA_BOOTS_MAX];
}

int
streams_init(struct ha_core *c)
{
	uint32_t own = ring_size_of(c, true), other = ring_size_of(c, false);
	uint32_t n = own + (HA_STREAM_MAX - 1) * other, buckets = 64, at = 0;

	while (buckets < n)
		buckets <<= 1;
	c->n_tombstones = n;
	c->tombstone_mask = buckets - 1;
	c->streams = calloc(HA_STREAM_MAX, sizeof(*c->streams));
	c->tombstones = calloc(n, sizeof(*c->tombstones));
	c->tombstone_by_uid = calloc(buckets, sizeof(uint32_t));
	ha_list_init(&c->walks);
	if (c->streams == NULL || c->tombstones == NULL ||
	    c->tombstone_by_uid == NULL)
		return HA_ERR_NOMEM;

	for (int i = 0; i < HA_STREAM_MAX; i++) {
		struct stream *st = &c->streams[i];

		st->own = st == slots_of(c, c->settings.self);
		st->ring = &c->tombstones[at];
		st->ring_size = st->own ? own : other;
		at += st->ring_size;
	}
	c->own = slots_of(c, c->settings.self);
	return HA_OK;
}

void
streams_free(struct ha_core *c)
{
	free(c->streams);
	free(c->tombstones);
	free(c->tombstone_by_uid);
}

bool
stream_in_use(const struct stream *st)
{
	return st->id.owner != 0;
}

struct stream *
stream_find(struct ha_core *c, const struct ha_stream_id *id)
{
	struct stream *st;

	if (id->owner < 1 || id->owner > HA_MEMBER_MAX)
		return NULL;
	st = slots_of(c, id->owner);
	for (int i = 0; i < HA_BOOTS_MAX; i++)
		if (ha_stream_equal(&st[i].id, id))
			return &st[i];
	return NULL;
}

static void
stream_init(struct ha_core *c, struct stream *st,
    const struct ha_stream_id *id, uint64_t boot_counter)
{
	struct tombstone *ring = st->ring;
	uint32_t ring_size = st->ring_size;
	bool own = st->own;

	*st = (struct stream){ .id = *id, .boot_counter = boot_counter,
		.ring = ring, .ring_size = ring_size, .own = own };
	ha_list_init(&st->confirmed);
	ha_list_init(&st->unconfirmed);
	st->blurred_until = c->now;
	st->moved_until = c->now;
	st->away_serial = ++c->next_away;
	st->lost_at = !own && stream_owner_lost(c, st) ? c->now :
	    HA_TIME_NEVER;
	st->follow.progress_at = c->now;
	st->follow.caught_at = HA_TIME_NEVER;
	st->follow.better_since = HA_TIME_NEVER;
	for (uint8_t i = 0; i < HA_MEMBER_MAX; i++) {
		struct walk *w = &st->walks[i];

		w->stream = st;
		w->peer = (uint8_t)(i + 1);
		w->cursor.kind = NODE_CURSOR;
		ha_list_init(&w->active);
		ha_list_init(&w->cursor.list);
	}
}

void
stream_begin_own(struct ha_core *c, const struct ha_stream_id *id)
{
	stream_init(c, c->own, id, c->settings.boot.counter);
}

/* Which of an owner's streams can make room: the oldest that is not live. */
static struct stream *
pick_slot(struct ha_core *c, uint8_t owner)
{
	struct stream *st = slots_of(c, owner), *oldest = NULL;

	for (int i = 0; i < HA_BOOTS_MAX; i++) {
		if (st[i].own)
			continue;
		if (!stream_in_use(&st[i]))
			return &st[i];
		if (stream_is_current(c, &st[i]))
			continue;
		if (oldest == NULL || st[i].boot_counter < oldest->boot_counter)
			oldest = &st[i];
	}
	if (oldest != NULL)
		stream_close(c, oldest);
	return oldest;
}

/* Find or begin; NULL: no room even after closing the oldest. */
struct stream *
stream_open(struct ha_core *c, const struct ha_stream_id *id,
    uint64_t boot_counter)
{
	struct stream *st = stream_find(c, id);

	if (st != NULL) {
		if (st->boot_counter == 0)
			st->boot_counter = boot_counter;
		return st;
	}
	st = pick_slot(c, id->owner);
	if (st != NULL)
		stream_init(c, st, id, boot_counter);
	return st;
}

/* ---- order ---- */

/* Where in the confirmed list, from hint on, a node with change belongs. */
static struct ha_list *
find_place(struct stream *st, struct ha_list *hint, uint64_t change)
{
	struct ha_list *head = &st->confirmed;

	while (hint != head &&
	    (HA_LIST_ENTRY(hint, struct node, list)->kind == NODE_CURSOR ||
	    HA_LIST_ENTRY(hint, struct node, list)->change > change))
		hint = hint->prev;
	while (hint->next != head &&
	    (HA_LIST_ENTRY(hint->next, struct node, list)->kind ==
	    NODE_CURSOR || HA_LIST_ENTRY(hint->next, struct node, list)
	    ->change <= change))
		hint = hint->next;
	return hint;
}

/* At the tail, unless what was confirmed again stands above change. */
static void
insert(struct stream *st, struct node *n)
{
	ha_list_insert_after(find_place(st, st->confirmed.prev, n->change),
	    &n->list);
}

/* ---- tombstones ---- */

static uint32_t *
tombstone_chain(const struct ha_core *c, const struct ha_uid *uid)
{
	return &c->tombstone_by_uid[ha_uid_hash(c->hash_seed, uid) &
	    c->tombstone_mask];
}

static void
unlink_tombstone(struct ha_core *c, struct tombstone *t)
{
	uint32_t *at = tombstone_chain(c, &t->uid);
	uint32_t me = (uint32_t)(t - c->tombstones) + 1;

	while (*at != me) {
		HA_CHECK(*at != 0);
		at = &c->tombstones[*at - 1].uid_next;
	}
	*at = t->uid_next;
	ha_list_remove(&t->node.list);
	t->stream = NULL;
}

/* Whoever has not passed t yet would never hear of it: starts over. */
static void
restart_walks_before(struct stream *st, uint64_t change)
{
	for (int i = 0; i < HA_MEMBER_MAX; i++) {
		struct walk *w = &st->walks[i];

		if (w->id == 0 || w->at >= change || (w->full && w->at == 0))
			continue;
		w->at = 0;
		w->whole = 0;
		w->full = true;
		w->live = false;
		w->from_start = true;
		ha_list_remove(&w->cursor.list);
		ha_list_prepend(&st->confirmed, &w->cursor.list);
	}
}

/* What ended at or below floor can't be told any more. */
void
stream_raise_floor(struct ha_core *c, struct stream *st, uint64_t floor)
{
	if (floor <= st->floor)
		return;
	st->floor = floor;
	if (!HA_PLANT(c, HA_PLANT_FLOOR_IGNORED))
		restart_walks_before(st, floor);
}

static struct tombstone *
next_in_ring(struct ha_core *c, struct stream *st)
{
	struct tombstone *t = &st->ring[st->ring_next];

	if (t->stream != NULL) {
		uint64_t change = t->node.change;
		bool listed = ha_list_linked(&t->node.list);

		unlink_tombstone(c, t);
		if (listed)
			stream_raise_floor(c, st, change);
	}
	st->ring_next = (st->ring_next + 1) % st->ring_size;
	return t;
}

/* Put the end or the leaving that e tells at the tail. */
void
stream_bury(struct ha_core *c, struct stream *st, const struct ha_entry *e)
{
	struct tombstone *t = next_in_ring(c, st);
	uint32_t *head = tombstone_chain(c, &e->uid);

	t->stream = st;
	t->uid = e->uid;
	t->version = e->version;
	t->kind = (uint8_t)e->kind;
	t->reason = e->end_reason;
	t->node.kind = NODE_TOMBSTONE;
	t->node.change = e->change;
	t->uid_next = *head;
	*head = (uint32_t)(t - c->tombstones) + 1;
	insert(st, &t->node);
}

/* Is an end known of uid at v or later? */
bool
stream_has_ended(const struct ha_core *c, const struct ha_uid *uid,
    const struct ha_version *v)
{
	uint32_t i = *tombstone_chain(c, uid);

	if (HA_PLANT(c, HA_PLANT_RESURRECT))
		return false;
	while (i != 0) {
		const struct tombstone *t = &c->tombstones[i - 1];

		if (t->kind == HA_ENTRY_END && ha_uid_equal(&t->uid, uid) &&
		    ha_version_cmp(&t->version, v) >= 0)
			return true;
		i = t->uid_next;
	}
	return false;
}

/* ---- sessions in lists ---- */

/* Take s off its list; where it goes next is the caller's to say. */
void
stream_detach(struct ha_core *c, struct session *s)
{
	struct stream *st = s->stream;

	(void)c;
	if (st == NULL)
		return;
	if (s->place == PLACE_CONFIRMED) {
		st->n_confirmed--;
		st->digest -= s->hash;
	} else {
		st->n_unconfirmed--;
	}
	ha_list_remove(&s->node.list);
	s->stream = NULL;
}

/* To the confirmed tail, with the record and version that it has now. */
void
stream_confirm(struct stream *st, struct session *s, uint64_t change)
{
	HA_CHECK(s->stream == NULL);
	digest_left(st, s);
	s->stream = st;
	s->place = PLACE_CONFIRMED;
	s->node.change = change;
	s->hash = digest_of(s);
	st->digest += s->hash;
	st->n_confirmed++;
	insert(st, &s->node);
}

static void
unconfirm(struct stream *st, struct session *s)
{
	st->digest -= s->hash;
	st->n_confirmed--;
	st->n_unconfirmed++;
	s->place = PLACE_UNCONFIRMED;
	ha_list_remove(&s->node.list);
	ha_list_prepend(&st->unconfirmed, &s->node.list);
}

/* A walk from after begins: what is above it has to be mentioned again. */
void
stream_unconfirm_above(struct stream *st, uint64_t after)
{
	struct ha_list *l = st->confirmed.prev, *prev;

	for (; l != &st->confirmed; l = prev) {
		struct node *n = HA_LIST_ENTRY(l, struct node, list);

		prev = l->prev;
		if (n->kind == NODE_CURSOR)
			continue;
		if (n->change <= after)
			break;
		if (n->kind == NODE_TOMBSTONE)
			ha_list_remove(l); /* no news, but still known */
		else
			unconfirm(st, HA_LIST_ENTRY(n, struct session, node));
	}
	st->tail = after;
}

/* A walk that began below complete broke off, or its source has less: up to
 * there all is still held and nothing was missing, so it counts as confirmed
 * again. */
void
stream_reconfirm_upto(struct stream *st, uint64_t upto)
{
	struct ha_list *l, *tmp, *hint = &st->confirmed;

	HA_LIST_FOREACH_SAFE (l, tmp, &st->unconfirmed) {
		struct session *s = HA_LIST_ENTRY(l, struct session, node.list);

		if (s->node.change > upto)
			continue;
		hint = find_place(st, hint, s->node.change);
		ha_list_remove(l);
		ha_list_insert_after(hint, l);
		hint = l;
		s->place = PLACE_CONFIRMED;
		s->hash = digest_of(s);
		st->digest += s->hash;
		st->n_confirmed++;
		st->n_unconfirmed--;
	}
}

/* Forget a stream; what it still holds goes to limbo. */
void
stream_close(struct ha_core *c, struct stream *st)
{
	HA_CHECK(!st->own);
	feed_send_void(c, st);
	stream_unconfirm_above(st, 0);
	for (uint32_t i = 0; i < st->ring_size; i++)
		if (st->ring[i].stream == st)
			unlink_tombstone(c, &st->ring[i]);
	while (!ha_list_empty(&st->unconfirmed))
		feed_limbo(c, HA_LIST_ENTRY(st->unconfirmed.next,
		    struct session, node.list));
	HA_CHECK(ha_list_empty(&st->confirmed));
	st->id = (struct ha_stream_id){ 0 };
}

/* ---- who stands where ---- */

/* Of the owner's latest start, as far as known here. */
bool
stream_is_current(const struct ha_core *c, const struct stream *st)
{
	const struct peer *p;

	if (st->own)
		return true;
	if (st->id.owner == c->settings.self || st->taken)
		return false;
	p = peer_look(c, st->id.owner);
	return p->boot.id == 0 || p->boot.id == st->id.boot;
}

/* Has st replaced that earlier boot of its owner, as far as known here? */
bool
stream_took(const struct stream *st, uint64_t boot)
{
	for (int i = 0; i < st->n_took; i++)
		if (st->took[i].boot == boot)
			return true;
	return false;
}

/* Of an earlier start of this member. */
bool
stream_is_past(const struct ha_core *c, const struct stream *st)
{
	return st != NULL && !st->own && st->id.owner == c->settings.self;
}

/* Of a member that was taken out. */
bool
stream_is_left(const struct ha_core *c, const struct stream *st)
{
	return st->id.owner != c->settings.self &&
	    !peer_look(c, st->id.owner)->present;
}

bool
stream_owner_lost(const struct ha_core *c, const struct stream *st)
{
	return !st->own && st->id.owner != c->settings.self &&
	    peer_look(c, st->id.owner)->lost;
}

/* As far as this member tells others that nothing is missing. */
uint64_t
stream_vouched(const struct ha_core *c, const struct stream *st)
{
	if (st->own)
		return st->tail;
	if (HA_PLANT(c, HA_PLANT_CURSOR_AS_COMPLETE))
		return st->tail;
	return st->follow.below ? st->follow.after : st->complete;
}

/* The highest complete of all that can be reached, oneself included. */
uint64_t
stream_best_complete(const struct ha_core *c, const struct stream *st)
{
	uint64_t best = st->complete;

	for (uint8_t i = 1; i <= HA_MEMBER_MAX; i++) {
		const struct announced *a = &st->announced[i - 1];

		if (peer_look(c, i)->up && a->known && a->complete > best)
			best = a->complete;
	}
	return best;
}
