/*
 * Digests: does a list here hold what its owner holds?
 *
 * With CAUGHT_UP a source tells how many sessions its list has and the sum of
 * their hashes, at a change at which the receiver then stands exactly.  But a
 * session that somebody claimed leaves the list here as soon as the claim is
 * heard of, and at the owner a little later: until the owner says LEFT it is
 * "away", and counted as the owner still counts it.  So digests can be
 * compared while sessions move, however many.
 *
 * A session is away from one list at a time.  Where that is not enough, or
 * where the session is no more when its LEFT comes, the list is blurred: not
 * compared for a moment.  A relay's list is compared when nothing has left it
 * for a while, since who is away there is not known here.
 */
#include "core/core_priv.h"

static uint64_t
hash_of(const struct ha_uid *uid, const struct ha_version *v,
    const struct ha_record *r, const struct ha_extra *x)
{
	uint64_t h = ha_uid_hash(0, uid);

	h = ha_hash_add(h, (uint64_t)v->epoch << 8 | v->owner);
	h = ha_hash_add(h, v->revision);
	return ha_hash_add(h, ha_record_hash(r) + ha_extra_hash(x));
}

uint64_t
digest_of(const struct session *s)
{
	return hash_of(&s->uid, &s->version, &s->record, s->extra);
}

void
digest_blur(const struct ha_core *c, struct stream *st)
{
	st->blurred_until = ha_time_add(c->now, DIGEST_QUIET);
}

/* ---- away ---- */

static struct stream *
stream_away_from(struct ha_core *c, const struct session *s)
{
	for (int i = 0; i < HA_STREAM_MAX; i++)
		if (stream_in_use(&c->streams[i]) &&
		    c->streams[i].away_serial == s->away)
			return &c->streams[i];
	return NULL; /* all is forgotten since */
}

static void
take_back(struct stream *st, struct session *s)
{
	st->away_digest -= s->away_hash;
	st->n_away--;
	s->away = 0;
}

static void
set_away(struct ha_core *c, struct stream *st, struct session *s,
    uint64_t hash)
{
	if (s->away == st->away_serial)
		take_back(st, s);
	else
		digest_forget(c, s);
	s->away = st->away_serial;
	s->away_hash = hash;
	st->away_digest += hash;
	st->n_away++;
}

/* s is about to leave its list for that of who claimed it. */
void
digest_claimed(struct ha_core *c, struct session *s)
{
	if (s->place != PLACE_CONFIRMED || s->stream == c->own)
		return;
	s->stream->moved_until = ha_time_add(c->now, DIGEST_QUIET);
	set_away(c, s->stream, s, s->hash);
}

/* The owner of st still counts s, as e says. */
void
digest_counted(struct ha_core *c, struct stream *st, struct session *s,
    const struct ha_entry *e)
{
	struct ha_record r = e->record;

	r.orig = s->record.orig;
	r.reply = s->record.reply;
	st->moved_until = ha_time_add(c->now, DIGEST_QUIET);
	set_away(c, st, s, hash_of(&e->uid, &e->version, &r, e->extra));
}

/* The owner of st has let go of s, if that is held, or counts it here. */
void
digest_left(struct stream *st, struct session *s)
{
	if (s != NULL && s->away != 0 && s->away == st->away_serial)
		take_back(st, s);
}

/* s is no more, or away from another list. */
void
digest_forget(struct ha_core *c, struct session *s)
{
	struct stream *st = s->away == 0 ? NULL : stream_away_from(c, s);

	if (st == NULL) {
		s->away = 0;
		return;
	}
	take_back(st, s);
	digest_blur(c, st);
}

/* What is away will be told again, or is not known any more. */
void
digest_restart(struct ha_core *c, struct stream *st)
{
	st->away_serial = ++c->next_away;
	st->away_digest = 0;
	st->n_away = 0;
	digest_blur(c, st);
}

/* ---- compare ---- */

static bool
is_comparable(const struct ha_core *c, const struct stream *st,
    const struct ha_msg_batch *b)
{
	if (b->complete != st->complete || b->to != st->tail)
		return false; /* the source has less */
	if (st->taken || stream_is_past(c, st))
		return false; /* a later boot has what was in it */
	if (st->aged || st->follow.anew || st->overflow ||
	    !ha_time_is_never(st->lost_at))
		return false; /* it is known to differ */
	return ha_time_reached(c->now, st->blurred_until) &&
	    (st->follow.source == st->id.owner ||
	        ha_time_reached(c->now, st->moved_until));
}

void
digest_compare(struct ha_core *c, struct stream *st,
    const struct ha_msg_batch *b)
{
	uint64_t digest = st->digest, n = st->n_confirmed;

	if (!is_comparable(c, st, b))
		return;
	if (st->follow.source == st->id.owner) {
		digest += st->away_digest;
		n += st->n_away;
	}
	if (b->digest == digest && b->count == n) {
		st->mismatches = 0;
		return;
	}
	c->counters.digest_mismatches++;
	st->mismatches++;
	st->blurred_until = ha_time_add(c->now, CAUGHT_UP_EVERY);
}
