#include "tests/sim/oracle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "tests/sim/oracle_priv.h"

/* ---- words ---- */

void
oracle_violate(struct oracle *o, const char *invariant, const char *format,
    ...)
{
	va_list args;
	int n;

	if (o->violation[0] != '\0')
		return;
	n = snprintf(o->violation, sizeof(o->violation), "%s: ", invariant);
	va_start(args, format);
	vsnprintf(o->violation + n, sizeof(o->violation) - (size_t)n, format,
	    args);
	va_end(args);
}

const char *
oracle_violation(const struct oracle *o)
{
	return o->violation[0] == '\0' ? NULL : o->violation;
}

void
oracle_broken(struct oracle *o, const char *what)
{
	if (o->violation[0] == '\0')
		snprintf(o->violation, sizeof(o->violation), "%s", what);
}

const char *
oracle_uid_text(const struct ha_uid *u, char out[48])
{
	snprintf(out, 48, "%d/%llx/%llu", u->creator,
	    (unsigned long long)u->boot & 0xffff,
	    (unsigned long long)u->number);
	return out;
}

const char *
oracle_version_text(const struct ha_version *v, char out[64])
{
	snprintf(out, 64, "(epoch %u, owner %d, revision %llx)", v->epoch,
	    v->owner, (unsigned long long)v->revision);
	return out;
}

int
oracle_compare(const struct ha_version *a, const struct ha_version *b)
{
	if (a->epoch != b->epoch)
		return a->epoch > b->epoch ? 1 : -1;
	if (a->owner != b->owner)
		return a->owner < b->owner ? 1 : -1;
	if (a->revision != b->revision)
		return a->revision > b->revision ? 1 : -1;
	return 0;
}

/* ---- books ---- */

static void *
allocate(size_t size)
{
	void *p = calloc(1, size);

	HA_CHECK(p != NULL);
	return p;
}

struct oracle *
oracle_new(const struct oracle_settings *settings)
{
	struct oracle *o = allocate(sizeof(*o));

	o->settings = *settings;
	return o;
}

static void
free_name(struct name *n)
{
	free(n->strands);
	free(n);
}

static void
free_stream(struct stream *s)
{
	for (int m = 0; m < MEMBERS; m++)
		free(s->progress[m].caught);
	free(s->strands);
	free(s);
}

static void
free_strand(struct strand *s)
{
	free(s->said);
	free(s);
}

void
oracle_free(struct oracle *o)
{
	if (o == NULL)
		return;
	for (size_t i = 0; i < o->names.n; i++)
		free_name(o->names.items[i].value);
	for (size_t i = 0; i < o->streams.n; i++)
		free_stream(o->streams.items[i].value);
	for (size_t i = 0; i < o->strands.n; i++)
		free_strand(o->strands.items[i].value);
	map_clear(&o->names);
	map_clear(&o->traced);
	map_clear(&o->streams);
	map_clear(&o->strands);
	map_clear_values(&o->tuples);
	map_clear_values(&o->versions);
	for (int m = 0; m < MEMBERS; m++) {
		map_clear(&o->members[m].told);
		map_clear(&o->members[m].unseen);
		map_clear_values(&o->members[m].removed);
		map_clear_values(&o->members[m].walks);
	}
	free(o);
}

void
oracle_now(struct oracle *o, struct ha_time now)
{
	o->now = now;
}

static struct map_key
uid_key(const struct ha_uid *u)
{
	return (struct map_key){ u->boot, u->number, u->creator };
}

static struct map_key
trace_key(const struct ha_uid *u)
{
	return (struct map_key){ ha_trace_uid(u), 0, 0 };
}

struct name *
oracle_find_name(struct oracle *o, const struct ha_uid *uid)
{
	return map_find(&o->names, uid_key(uid));
}

static void
reset_held(struct held *h)
{
	*h = (struct held){ .limbo_at = HA_TIME_NEVER,
		.claim_pending = HA_TIME_NEVER, .yielded = HA_TIME_NEVER,
		.lost = HA_TIME_NEVER };
	for (int i = 0; i < CLAIMS_MAX; i++)
		h->claims[i] = HA_TIME_NEVER;
}

struct name *
oracle_name(struct oracle *o, const struct ha_uid *uid)
{
	struct name *n = oracle_find_name(o, uid);

	if (n != NULL)
		return n;
	n = allocate(sizeof(*n));
	n->id = o->names.n + 1;
	n->uid = *uid;
	for (int m = 0; m < MEMBERS; m++)
		reset_held(&n->held[m]);
	map_add(&o->names, uid_key(uid), n);
	if (map_find(&o->traced, trace_key(uid)) == NULL)
		map_add(&o->traced, trace_key(uid), n);
	return n;
}

struct stream *
oracle_find_stream(struct oracle *o, const struct ha_stream_id *id)
{
	return map_find(&o->streams, (struct map_key){ id->boot, id->owner,
		0 });
}

struct stream *
oracle_stream(struct oracle *o, const struct ha_stream_id *id)
{
	struct stream *s = oracle_find_stream(o, id);

	if (s != NULL)
		return s;
	s = allocate(sizeof(*s));
	s->id = o->streams.n + 1;
	s->stream = *id;
	map_add(&o->streams, (struct map_key){ id->boot, id->owner, 0 }, s);
	return s;
}

struct strand *
oracle_find_strand(struct oracle *o, const struct stream *s,
    const struct name *n)
{
	return map_find(&o->strands, (struct map_key){ s->id, n->id, 0 });
}

struct strand *
oracle_strand(struct oracle *o, struct stream *s, struct name *n)
{
	struct strand *t = oracle_find_strand(o, s, n);

	if (t != NULL)
		return t;
	t = allocate(sizeof(*t));
	t->stream = s;
	t->name = n;
	map_add(&o->strands, (struct map_key){ s->id, n->id, 0 }, t);
	n->strands = realloc(n->strands,
	    (n->n_strands + 1) * sizeof(struct strand *));
	HA_CHECK(n->strands != NULL);
	n->strands[n->n_strands++] = t;
	if (s->n_strands == s->room) {
		s->room = s->room == 0 ? 32 : s->room * 2;
		s->strands = realloc(s->strands,
		    s->room * sizeof(struct strand *));
		HA_CHECK(s->strands != NULL);
	}
	s->strands[s->n_strands++] = t;
	return t;
}

const struct said *
oracle_said_at(const struct strand *s, uint64_t change)
{
	const struct said *last = NULL;

	for (size_t i = 0; i < s->n && s->said[i].change <= change; i++)
		last = &s->said[i];
	return last;
}

bool
oracle_is_own(const struct oracle *o, uint8_t member, const struct stream *s)
{
	return s->stream.owner == member &&
	    o->members[member].boot.id == s->stream.boot;
}

uint64_t
oracle_complete(const struct oracle *o, uint8_t member,
    const struct stream *s)
{
	return oracle_is_own(o, member, s) ? UINT64_MAX :
	    s->progress[member].shown;
}

static struct map_key
tuple_key(const struct ha_tuple *t)
{
	return (struct map_key){ ha_tuple_hash(0, t), ha_tuple_hash(1, t), 0 };
}

struct name *
oracle_names_with(const struct oracle *o, const struct ha_tuple *orig)
{
	const struct tuple_names *t = map_find(&o->tuples, tuple_key(orig));

	return t == NULL ? NULL : t->first;
}

static void
set_tuples(struct oracle *o, struct name *n, const struct ha_record *r)
{
	struct tuple_names *t = map_find(&o->tuples, tuple_key(&r->orig));

	if (t == NULL) {
		t = allocate(sizeof(*t));
		map_add(&o->tuples, tuple_key(&r->orig), t);
	}
	n->has_tuples = true;
	n->orig = r->orig;
	n->reply = r->reply;
	n->same = t->first;
	t->first = n;
}

/* ---- versions ---- */

struct version_note {
	uint64_t body;
	uint64_t tuples; /* 0: not seen yet */
	uint8_t first_at;
};

static uint64_t
body_hash(const struct ha_record *r)
{
	struct ha_record body = *r;

	body.orig = (struct ha_tuple){ 0 };
	body.reply = (struct ha_tuple){ 0 };
	return ha_record_hash(&body);
}

static uint64_t
tuples_hash(const struct ha_record *r)
{
	return ha_hash_add(ha_tuple_hash(1, &r->orig),
	    ha_tuple_hash(2, &r->reply)) | 1;
}

static void
check_s1_single_writer(struct oracle *o, uint8_t member, const struct name *n,
    const struct ha_version *v, const struct version_note *have,
    const struct version_note *seen)
{
	char uid[48];
	char version[64];

	if (have->body == seen->body && (have->tuples == 0 ||
	    seen->tuples == 0 || have->tuples == seen->tuples))
		return;
	oracle_violate(o, "S1", "%s at %s is another one at member %d than "
	    "at member %d", oracle_uid_text(&n->uid, uid),
	    oracle_version_text(v, version), member, have->first_at);
}

static void
check_s7_made_by_its_owner(struct oracle *o, uint8_t member,
    const struct name *n, const struct ha_version *v)
{
	char uid[48];
	char version[64];

	if (v->owner == member &&
	    v->revision >> 32 == o->members[member].boot.counter)
		return;
	oracle_violate(o, "S7", "%s at %s is first seen at member %d",
	    oracle_uid_text(&n->uid, uid), oracle_version_text(v, version),
	    member);
}

/* The first sight of a name must be at its creator, of something that this
 * kernel told of. */
static void
check_s7_no_phantom(struct oracle *o, uint8_t member, const struct name *n,
    const struct ha_record *r)
{
	const struct member *m = &o->members[member];
	char uid[48];

	if (n->uid.creator == member && n->uid.boot == m->boot.id &&
	    map_find(&m->told, tuple_key(&r->orig)) != NULL)
		return;
	oracle_violate(o, "S7", "%s comes from nowhere at member %d",
	    oracle_uid_text(&n->uid, uid), member);
}

void
oracle_note_version(struct oracle *o, uint8_t member, struct name *n,
    const struct ha_version *v, const struct ha_record *r, bool tuples)
{
	struct map_key key = { n->id, (uint64_t)v->epoch << 8 | v->owner,
		v->revision };
	struct version_note *have = map_find(&o->versions, key);
	struct version_note seen = { .body = body_hash(r),
		.tuples = tuples ? tuples_hash(r) : 0, .first_at = member };

	if (have != NULL) {
		check_s1_single_writer(o, member, n, v, have, &seen);
		if (have->tuples == 0)
			have->tuples = seen.tuples;
		return;
	}
	check_s7_made_by_its_owner(o, member, n, v);
	have = allocate(sizeof(*have));
	*have = seen;
	map_add(&o->versions, key, have);
	if (!tuples)
		return;
	if (n->has_tuples)
		return;
	check_s7_no_phantom(o, member, n, r);
	set_tuples(o, n, r);
}

struct ha_dur
oracle_timeout(const struct oracle *o, const struct name *n,
    const struct ha_record *r)
{
	const struct ha_timeouts *t = &o->settings.timeouts;

	switch (n->orig.protocol) {
	case 6:
		return ha_dur_s(t->tcp_s[r->tcp_state]);
	case 17:
		return ha_dur_s((r->status & HA_STATUS_ASSURED) != 0 ?
		    t->udp_stream_s : t->udp_s);
	default:
		return ha_dur_s(n->orig.protocol == 1 ? t->icmp_s :
		    t->icmpv6_s);
	}
}

/* ---- members ---- */

void
oracle_started(struct oracle *o, uint8_t member, struct ha_boot boot)
{
	struct member *m = &o->members[member];
	struct ha_stream_id id = { boot.id, member };

	m->running = true;
	m->boot = boot;
	m->batches = 0;
	m->refused = 0;
	m->mismatches = 0;
	m->pending = NULL;
	memset(m->peers, 0, sizeof(m->peers));
	for (int i = 0; i < MEMBERS; i++)
		m->lost_at[i] = HA_TIME_NEVER;
	map_clear(&m->told);
	map_clear_values(&m->removed);
	map_clear_values(&m->walks);
	oracle_stream(o, &id)->boot_counter = boot.counter;
}

void
oracle_powered_off(struct oracle *o, uint8_t member)
{
	map_clear(&o->members[member].unseen);
}

/* What a core knew goes with it. */
void
oracle_stopped(struct oracle *o, uint8_t member)
{
	o->members[member].running = false;
	o->members[member].pending = NULL;
	map_clear(&o->members[member].unseen);
	for (size_t i = 0; i < o->names.n; i++) {
		struct name *n = o->names.items[i].value;

		reset_held(&n->held[member]);
	}
	for (size_t i = 0; i < o->streams.n; i++) {
		struct stream *s = o->streams.items[i].value;

		free(s->progress[member].caught);
		s->progress[member] = (struct progress){ 0 };
	}
}

static void
add_tuple(struct oracle *o, struct map *m, const struct ha_tuple *t)
{
	if (map_find(m, tuple_key(t)) == NULL)
		map_add(m, tuple_key(t), o);
}

void
oracle_kernel_told(struct oracle *o, uint8_t member,
    const struct ha_record *r)
{
	add_tuple(o, &o->members[member].told, &r->orig);
}

void
oracle_ended_unseen(struct oracle *o, uint8_t member,
    const struct ha_record *r)
{
	add_tuple(o, &o->members[member].unseen, &r->orig);
}
