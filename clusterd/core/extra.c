/*
 * What only some sessions have: labels, a helper, shifted sequence numbers,
 * another session that announced them.
 *
 * It is as much a part of the record as the rest, but of a hundred sessions
 * ninety have none of it.  So a session pays for a pointer, and what it
 * points to lies in places of its own.  There are enough of them for all
 * sessions to have the most that they can, and memory that was never touched
 * costs nothing: no session is ever turned away for want of a place here.
 *
 * Nothing of it is NULL, always: a place of zeros never stays.
 */
#include "core/core_priv.h"

#include <stdlib.h>
#include <string.h>

/* One for the record, one for what the own kernel knows better. */
#define PLACES_A_SESSION 2

union extra_place {
	struct ha_extra extra;
	union extra_place *next; /* of those that are free */
};

int
extra_init(struct ha_core *c)
{
	c->extras = calloc((size_t)c->table_size * PLACES_A_SESSION,
	    sizeof(*c->extras));
	return c->extras != NULL ? HA_OK : HA_ERR_NOMEM;
}

void
extra_free(struct ha_core *c)
{
	free(c->extras);
}

static struct ha_extra *
take_place(struct ha_core *c)
{
	union extra_place *p = c->free_extras;

	if (p != NULL) {
		c->free_extras = p->next;
		return &p->extra;
	}
	HA_CHECK(c->n_extras < c->table_size * PLACES_A_SESSION);
	return &c->extras[c->n_extras++].extra;
}

static void
release_place(struct ha_core *c, struct ha_extra *x)
{
	union extra_place *p = (union extra_place *)x;

	p->next = c->free_extras;
	c->free_extras = p;
}

/* *at is x from now on; x may be NULL. */
void
extra_put(struct ha_core *c, struct ha_extra **at, const struct ha_extra *x)
{
	if (!ha_extra_is_nothing(x)) {
		if (*at == NULL)
			*at = take_place(c);
		**at = *x;
	} else if (*at != NULL) {
		release_place(c, *at);
		*at = NULL;
	}
}

struct session *
extra_next_master(const struct ha_core *c, const struct session *s,
    struct session *after)
{
	struct ha_tuple t = s->extra->master;

	t.zone = s->record.orig.zone;
	return table_next_with(c, &t, after);
}

/* ---- received ---- */

static bool
same_label(const struct ha_extra *a, const struct ha_extra *b)
{
	return memcmp(a->label, b->label, sizeof(a->label)) == 0;
}

/* What can be given to a new entry only. */
static bool
same_origin(const struct ha_extra *a, const struct ha_extra *b)
{
	return memcmp(a->helper, b->helper, sizeof(a->helper)) == 0 &&
	    ha_tuple_equal(&a->master, &b->master);
}

static bool
same_shifts(const struct ha_extra *a, const struct ha_extra *b)
{
	return memcmp(a->seq, b->seq, sizeof(a->seq)) == 0 &&
	    memcmp(&a->synproxy, &b->synproxy, sizeof(a->synproxy)) == 0;
}

/* A newer record of s has x: the replica follows. */
void
extra_take_record(struct ha_core *c, struct session *s,
    const struct ha_extra *x)
{
	static const struct ha_extra NOTHING;
	const struct ha_extra *new = x != NULL ? x : &NOTHING;
	const struct ha_extra *old = s->extra != NULL ? s->extra : &NOTHING;

	if (x == NULL && s->extra == NULL)
		return;
	if (s->actual == ACTUAL_PRESENT && !s->bit) {
		if (!same_origin(old, new))
			kernel_want(c, s, WORK_FRESH);
		if (!same_label(old, new))
			kernel_want(c, s, WORK_LABEL);
		if (!same_shifts(old, new))
			kernel_want(c, s, WORK_SEQUENCE);
	}
	extra_put(c, &s->extra, x);
}

/* ---- told by the kernel ---- */

/* What is known, and on top of it what the event tells. */
static struct ha_extra
with_told(const struct ha_extra *known, const struct ha_in_session *in)
{
	bool all = in->event != HA_SESSION_UPDATE;
	struct ha_extra x = { .helper = "" };

	if (known != NULL)
		x = *known;
	memcpy(x.helper, in->extra.helper, sizeof(x.helper));
	if (all || in->label_told)
		memcpy(x.label, in->extra.label, sizeof(x.label));
	if (all || in->seq_told)
		memcpy(x.seq, in->extra.seq, sizeof(x.seq));
	if (all || in->synproxy_told)
		x.synproxy = in->extra.synproxy;
	if (all || in->master_told)
		x.master = in->extra.master;
	return x;
}

/* true: it is news. */
bool
extra_told_own(struct ha_core *c, struct session *s,
    const struct ha_in_session *in)
{
	const struct ha_extra x = with_told(s->extra, in);

	if (ha_extra_equal(&x, s->extra))
		return false;
	extra_put(c, &s->extra, &x);
	return true;
}

/* s is not ours: it counts when it gets ours. */
void
extra_told_other(struct ha_core *c, struct session *s,
    const struct ha_in_session *in)
{
	struct ha_extra **local = &s->local.extra;
	const struct ha_extra x =
	    with_told(*local != NULL ? *local : s->extra, in);

	extra_put(c, local, ha_extra_equal(&x, s->extra) ? NULL : &x);
}
