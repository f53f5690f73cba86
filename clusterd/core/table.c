/*
 * The session table: every session that this member knows, its own and the
 * others', in one array of fixed size.
 *
 * A session has a name (uid) and two tuples; each has an index.  Several
 * sessions may have one tuple for a while - its ports were used again while
 * the old session's end is still on its way - so the index by tuple gives all
 * of them, and kernel.c decides which one the kernel shall have.
 *
 * Chains hold slot numbers, not pointers, and a place is never moved: what
 * grows is the part of the array that was ever touched.
 *
 * Timers are a binary heap over the sessions that wait for something, by
 * time and then by slot, so that one seed gives one order.
 */
#include "core/core_priv.h"

#include <stdlib.h>
#include <string.h>

static uint32_t
index_size(uint32_t entries)
{
	uint32_t n = 64;

	while (n < entries)
		n <<= 1;
	return n;
}

int
table_init(struct ha_core *c)
{
	uint32_t n = c->settings.table_size;
	uint32_t buckets = index_size(n);

	c->table_size = n;
	c->index_mask = buckets - 1;
	c->table = calloc(n, sizeof(*c->table));
	c->by_uid = calloc(buckets, sizeof(*c->by_uid));
	c->by_tuple = calloc(buckets, sizeof(*c->by_tuple));
	c->heap = calloc(n, sizeof(struct session *));
	ha_list_init(&c->free);
	if (c->table == NULL || c->by_uid == NULL || c->by_tuple == NULL ||
	    c->heap == NULL)
		return HA_ERR_NOMEM;
	return HA_OK;
}

void
table_free(struct ha_core *c)
{
	free(c->table);
	free(c->by_uid);
	free(c->by_tuple);
	free(c->heap);
}

uint32_t
table_slot(const struct ha_core *c, const struct session *s)
{
	return (uint32_t)(s - c->table);
}

struct session *
table_at(const struct ha_core *c, uint32_t slot)
{
	if (slot >= c->high_water || c->table[slot].place == PLACE_FREE)
		return NULL;
	return &c->table[slot];
}

uint32_t
seconds_now(const struct ha_core *c)
{
	return 1 + (uint32_t)(ha_time_since(c->now, c->started).ns /
	    1000000000);
}

/* ---- by uid ---- */

static uint32_t *
uid_chain(const struct ha_core *c, const struct ha_uid *uid)
{
	return &c->by_uid[ha_uid_hash(c->hash_seed, uid) & c->index_mask];
}

struct session *
table_find(const struct ha_core *c, const struct ha_uid *uid)
{
	uint32_t i = *uid_chain(c, uid);

	while (i != 0) {
		struct session *s = &c->table[i - 1];

		if (ha_uid_equal(&s->uid, uid))
			return s;
		i = s->uid_next;
	}
	return NULL;
}

static void
link_uid(struct ha_core *c, struct session *s)
{
	uint32_t *head = uid_chain(c, &s->uid);

	s->uid_next = *head;
	*head = table_slot(c, s) + 1;
}

/* Nobody finds it by its name any more; allowed twice. */
void
table_forget_uid(struct ha_core *c, struct session *s)
{
	uint32_t *at = uid_chain(c, &s->uid);

	while (*at != 0) {
		if (*at == table_slot(c, s) + 1) {
			*at = s->uid_next;
			return;
		}
		at = &c->table[*at - 1].uid_next;
	}
}

/* What was first seen here turns out to be a session known elsewhere. */
void
table_rename(struct ha_core *c, struct session *s, const struct ha_uid *uid)
{
	table_forget_uid(c, s);
	s->uid = *uid;
	link_uid(c, s);
}

/* ---- by tuple ---- */

static const struct ha_tuple *
tuple_of(const struct session *s, int dir)
{
	return dir == HA_DIR_ORIGINAL ? &s->record.orig : &s->record.reply;
}

static uint32_t *
tuple_chain(const struct ha_core *c, const struct ha_tuple *t)
{
	return &c->by_tuple[ha_tuple_hash(c->hash_seed, t) & c->index_mask];
}

static void
link_tuple(struct ha_core *c, struct session *s, int dir)
{
	uint32_t *head = tuple_chain(c, tuple_of(s, dir));

	s->tuple_next[dir] = *head;
	*head = table_slot(c, s) * 2 + (uint32_t)dir + 1;
}

static void
unlink_tuple(struct ha_core *c, struct session *s, int dir)
{
	uint32_t *at = tuple_chain(c, tuple_of(s, dir));
	uint32_t me = table_slot(c, s) * 2 + (uint32_t)dir + 1;

	while (*at != me) {
		HA_CHECK(*at != 0);
		at = &c->table[(*at - 1) / 2].tuple_next[(*at - 1) % 2];
	}
	*at = s->tuple_next[dir];
}

struct session *
table_next_with(const struct ha_core *c, const struct ha_tuple *t,
    struct session *after)
{
	uint32_t i;

	if (after == NULL)
		i = *tuple_chain(c, t);
	else if (ha_tuple_equal(&after->record.orig, t))
		i = after->tuple_next[HA_DIR_ORIGINAL];
	else
		i = after->tuple_next[HA_DIR_REPLY];

	while (i != 0) {
		struct session *s = &c->table[(i - 1) / 2];
		int dir = (int)((i - 1) % 2);

		if (ha_tuple_equal(tuple_of(s, dir), t))
			return s;
		i = s->tuple_next[dir];
	}
	return NULL;
}

/* ---- places ---- */

static struct session *
take_place(struct ha_core *c)
{
	struct ha_list *first;
	struct session *s;
	uint32_t generation;

	if (ha_list_empty(&c->free)) {
		if (c->high_water == c->table_size)
			return NULL;
		s = &c->table[c->high_water++];
	} else {
		first = c->free.next;
		ha_list_remove(first);
		s = HA_LIST_ENTRY(first, struct session, node.list);
	}
	generation = s->generation;
	memset(s, 0, sizeof(*s));
	s->generation = generation + 1;
	return s;
}

bool
table_check_zone(struct ha_core *c, struct session *s)
{
	uint16_t number;
	bool here = ha_zone_find(&c->settings.zones, s->record.orig.zone,
	    &number);

	if (s->zoneless && here)
		c->n_zoneless--;
	if (!s->zoneless && !here)
		c->n_zoneless++;
	s->zoneless = !here;
	return here;
}

/* NULL: the table is full.  The caller gives it a place other than FREE. */
struct session *
table_take(struct ha_core *c, const struct ha_uid *uid,
    const struct ha_record *r)
{
	struct session *s = take_place(c);

	if (s == NULL)
		return NULL;
	s->uid = *uid;
	s->record = *r;
	s->node.kind = NODE_SESSION;
	ha_list_init(&s->node.list);
	ha_list_init(&s->work_list);
	s->hand_due = HA_TIME_NEVER;
	s->life_due = HA_TIME_NEVER;
	s->created = c->now;
	s->changed = c->now;
	link_uid(c, s);
	link_tuple(c, s, HA_DIR_ORIGINAL);
	if (!ha_tuple_equal(&r->orig, &r->reply))
		link_tuple(c, s, HA_DIR_REPLY);
	c->n_used++;
	if (!table_check_zone(c, s))
		c->counters.sessions_zoneless++;
	return s;
}

static void heap_update(struct ha_core *c, struct session *s);

void
table_release(struct ha_core *c, struct session *s)
{
	HA_CHECK(s->place != PLACE_FREE && s->stream == NULL);
	HA_CHECK(s->in_flight == 0 && !ha_list_linked(&s->node.list));

	table_forget_uid(c, s);
	unlink_tuple(c, s, HA_DIR_ORIGINAL);
	if (!ha_tuple_equal(&s->record.orig, &s->record.reply))
		unlink_tuple(c, s, HA_DIR_REPLY);
	s->hand_due = HA_TIME_NEVER;
	s->life_due = HA_TIME_NEVER;
	heap_update(c, s);
	kernel_unwant(c, s);
	extra_put(c, &s->extra, NULL);
	owner_forget_local_view(c, s);
	if (s->zoneless)
		c->n_zoneless--;
	s->place = PLACE_FREE;
	ha_list_append(&c->free, &s->node.list);
	c->n_used--;
}

/* ---- timers ---- */

static struct ha_time
due_of(const struct session *s)
{
	return ha_time_min(s->hand_due, s->life_due);
}

static bool
earlier(const struct session *a, const struct session *b)
{
	struct ha_time x = due_of(a), y = due_of(b);

	return x.ns != y.ns ? x.ns < y.ns : a < b; /* one array: slot order */
}

static void
heap_put(struct ha_core *c, uint32_t i, struct session *s)
{
	c->heap[i] = s;
	s->heap_pos = i + 1;
}

static void
heap_up(struct ha_core *c, uint32_t i)
{
	struct session *s = c->heap[i];

	while (i > 0 && earlier(s, c->heap[(i - 1) / 2])) {
		heap_put(c, i, c->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_put(c, i, s);
}

static void
heap_down(struct ha_core *c, uint32_t i)
{
	struct session *s = c->heap[i];

	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= c->n_heap)
			break;
		if (child + 1 < c->n_heap &&
		    earlier(c->heap[child + 1], c->heap[child]))
			child++;
		if (!earlier(c->heap[child], s))
			break;
		heap_put(c, i, c->heap[child]);
		i = child;
	}
	heap_put(c, i, s);
}

static void
heap_remove(struct ha_core *c, struct session *s)
{
	uint32_t i = s->heap_pos - 1;
	struct session *last = c->heap[--c->n_heap];

	s->heap_pos = 0;
	if (last == s)
		return;
	heap_put(c, i, last);
	heap_up(c, i);
	heap_down(c, last->heap_pos - 1);
}

static void
heap_update(struct ha_core *c, struct session *s)
{
	if (ha_time_is_never(due_of(s))) {
		if (s->heap_pos != 0)
			heap_remove(c, s);
		return;
	}
	if (s->heap_pos == 0)
		heap_put(c, c->n_heap++, s);
	heap_up(c, s->heap_pos - 1);
	heap_down(c, s->heap_pos - 1);
}

void
table_set_hand(struct ha_core *c, struct session *s, enum hand hand,
    struct ha_time due)
{
	s->hand = (uint8_t)hand;
	s->hand_due = due;
	heap_update(c, s);
}

void
table_set_life(struct ha_core *c, struct session *s, struct ha_time due)
{
	s->life_due = due;
	heap_update(c, s);
}

/* A session whose time has come; the caller moves its timer. */
struct session *
table_due(const struct ha_core *c)
{
	if (c->n_heap == 0 || ha_time_before(c->now, due_of(c->heap[0])))
		return NULL;
	return c->heap[0];
}

struct ha_time
table_deadline(const struct ha_core *c)
{
	return c->n_heap == 0 ? HA_TIME_NEVER : due_of(c->heap[0]);
}
