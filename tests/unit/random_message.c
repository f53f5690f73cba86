#include "tests/unit/random_message.h"

#include <string.h>

/* Any number of that many bits; both ends, and small ones, come often. */
static uint64_t
number(struct ha_rng *rng, unsigned int bits)
{
	const uint64_t all = UINT64_MAX >> (64 - bits);

	switch (ha_rng_below(rng, 8)) {
	case 0:
		return 0;
	case 1:
		return 1;
	case 2:
		return all;
	case 3:
		return UINT64_C(1) << ha_rng_below(rng, bits);
	case 4:
		return ha_rng_below(rng, 200) & all;
	default:
		return ha_rng_next(rng) & all;
	}
}

static bool
chance(struct ha_rng *rng, unsigned int percent)
{
	return ha_rng_below(rng, 100) < percent;
}

static uint8_t
member(struct ha_rng *rng)
{
	return (uint8_t)(1 + ha_rng_below(rng, HA_MEMBER_MAX));
}

static uint64_t
above_zero(uint64_t v)
{
	return v == 0 ? 1 : v;
}

static struct ha_stream_id
stream(struct ha_rng *rng)
{
	return (struct ha_stream_id){ number(rng, 64), member(rng) };
}

static void
address(struct ha_rng *rng, uint8_t family, uint8_t out[16])
{
	for (int i = 0; i < (family == HA_IPV4 ? 4 : 16); i++)
		out[i] = (uint8_t)number(rng, 8);
}

/* The parts that translation may change. */
static void
endpoints(struct ha_rng *rng, struct ha_tuple *t)
{
	address(rng, t->family, t->src);
	address(rng, t->family, t->dst);
	t->src_port = (uint16_t)number(rng, 16);
	t->dst_port = (uint16_t)number(rng, 16);
}

static void
tuples(struct ha_rng *rng, struct ha_record *r)
{
	static const uint8_t PROTOCOLS[] = { 6, 17, 1, 58, 132, 0, 255 };
	struct ha_tuple other;

	r->orig.family = chance(rng, 50) ? HA_IPV4 : HA_IPV6;
	r->orig.protocol = PROTOCOLS[ha_rng_below(rng, sizeof(PROTOCOLS))];
	r->orig.zone = (uint32_t)number(rng, 32);
	endpoints(rng, &r->orig);
	r->reply = ha_tuple_invert(&r->orig);
	other = r->reply;
	endpoints(rng, &other);
	if (chance(rng, 20))
		memcpy(r->reply.src, other.src, sizeof(other.src));
	if (chance(rng, 20))
		memcpy(r->reply.dst, other.dst, sizeof(other.dst));
	if (chance(rng, 20))
		r->reply.src_port = other.src_port;
	if (chance(rng, 20))
		r->reply.dst_port = other.dst_port;
}

static void
rest(struct ha_rng *rng, struct ha_record *r)
{
	r->status = (uint32_t)ha_rng_next(rng) & HA_STATUS_MASK;
	r->mark = (uint32_t)number(rng, 32);
	r->flags = chance(rng, 10) ? HA_RECORD_UNTOUCHED : 0;
	r->tcp_state = (uint8_t)ha_rng_below(rng, HA_TCP_STATE_MAX);
	for (int d = 0; d < HA_DIR_MAX; d++) {
		r->tcp_flags[d] = (uint8_t)number(rng, 8);
		r->tcp_wscale[d] = (uint8_t)ha_rng_below(rng, 15);
	}
}

/* One place for each entry of a batch. */
static struct ha_extra extras[HA_BATCH_MAX];

static void
extra(struct ha_rng *rng, struct ha_extra *x)
{
	static const char NAMES[][HA_HELPER_LEN] = { "", "ftp", "sip",
		"netbios-ns", "fifteen-letters" };

	memset(x, 0, sizeof(*x));
	x->label[0] = number(rng, 64);
	x->label[1] = number(rng, 64);
	memcpy(x->helper, NAMES[ha_rng_below(rng, 5)], sizeof(x->helper));
	for (int d = 0; d < HA_DIR_MAX; d++)
		x->seq[d] = (struct ha_seq_adjust){
			(uint32_t)number(rng, 32),
			(int32_t)number(rng, 32),
			(int32_t)number(rng, 32),
		};
	x->synproxy = (struct ha_synproxy){ (uint32_t)number(rng, 32),
		(uint32_t)number(rng, 32), (uint32_t)number(rng, 32) };
	if (chance(rng, 50))
		return;
	x->master.family = chance(rng, 50) ? HA_IPV4 : HA_IPV6;
	x->master.protocol = chance(rng, 50) ? 6 : 17;
	endpoints(rng, &x->master);
}

static void
names(struct ha_rng *rng, const struct ha_stream_id *s, struct ha_uid *u,
    struct ha_version *v)
{
	*u = (struct ha_uid){ s->boot, above_zero(number(rng, 64)), s->owner };
	*v = (struct ha_version){ number(rng, 64), (uint32_t)number(rng, 32),
		s->owner };
	if (chance(rng, 30))
		u->creator = member(rng);
	if (chance(rng, 30))
		u->boot = number(rng, 64);
	if (chance(rng, 30))
		v->owner = member(rng);
}

static void
entry(struct ha_rng *rng, const struct ha_stream_id *s, struct ha_entry *e)
{
	e->kind = (enum ha_entry_kind)ha_rng_below(rng, HA_ENTRY_LEFT + 1);
	names(rng, s, &e->uid, &e->version);
	if (e->kind == HA_ENTRY_END)
		e->end_reason = (uint8_t)ha_rng_below(rng, HA_END_MAX);
	if (e->kind == HA_ENTRY_FULL)
		tuples(rng, &e->record);
	if (e->kind == HA_ENTRY_FULL || e->kind == HA_ENTRY_UPDATE)
		rest(rng, &e->record);
}

/* What some of the entries have beside, as far as a batch has room. */
static void
add_extras(struct ha_rng *rng, struct ha_entry *entries, int n)
{
	int room = HA_BATCH_MAX - n;

	for (int i = 0; i < n && room > 0; i++) {
		if ((entries[i].kind != HA_ENTRY_FULL &&
		    entries[i].kind != HA_ENTRY_UPDATE) || chance(rng, 70))
			continue;
		extra(rng, &extras[i]);
		entries[i].extra = &extras[i];
		room--;
	}
}

static void
batch(struct ha_rng *rng, struct ha_entry *entries, struct ha_msg_batch *b)
{
	static const uint16_t COUNTS[] = { 0, 1, 2, 10, 200, HA_BATCH_MAX };
	const uint64_t room = UINT64_C(1) << ha_rng_below(rng, 54);

	b->walk = above_zero(number(rng, 64));
	b->stream = stream(rng);
	b->from = number(rng, 63);
	b->floor = number(rng, 64);
	b->flags = (uint8_t)ha_rng_below(rng, 4);
	b->complete = number(rng, 64);
	b->count = number(rng, 64);
	b->digest = number(rng, 64);
	b->n_took = (uint8_t)ha_rng_below(rng, HA_BOOTS_MAX + 1);
	for (int i = 0; i < b->n_took; i++)
		b->took[i] =
		    (struct ha_took){ number(rng, 64), number(rng, 64) };

	b->n_entries = COUNTS[ha_rng_below(rng, 6)];
	b->entries = b->n_entries == 0 ? NULL : entries;
	b->to = b->from;
	memset(entries, 0, HA_BATCH_MAX * sizeof(*entries));
	for (int i = 0; i < b->n_entries; i++) {
		b->to += 1 + ha_rng_below(rng, room);
		entries[i].change = b->to;
		entry(rng, &b->stream, &entries[i]);
	}
	add_extras(rng, entries, b->n_entries);
	if (chance(rng, 30))
		b->to += ha_rng_below(rng, room);
}

static void
keepalive(struct ha_rng *rng, struct ha_msg_keepalive *k)
{
	k->counter = above_zero(number(rng, 64));
	k->heard = number(rng, 64);
	k->heard_age_ms = (uint32_t)number(rng, 32);
	k->state = (uint8_t)ha_rng_below(rng, HA_STATE_MAX);
	k->up = (ha_member_set)number(rng, 16);
	k->table_permille = (uint16_t)ha_rng_below(rng, 1001);
	k->sessions_owned = (uint32_t)number(rng, 32);
	k->n_streams = (uint8_t)ha_rng_below(rng, HA_STREAM_MAX + 1);
	for (int i = 0; i < k->n_streams; i++) {
		k->streams[i] = (struct ha_stream_status){
			.stream = stream(rng),
			.complete = number(rng, 64),
			.count = number(rng, 64),
			.digest = number(rng, 64),
			.caught_up = chance(rng, 50),
		};
	}
}

static void
session(struct ha_rng *rng, struct ha_msg_session *s)
{
	const struct ha_stream_id any = stream(rng);

	names(rng, &any, &s->uid, &s->version);
}

void
random_message(struct ha_rng *rng, enum ha_message_kind kind,
    struct ha_entry *entries, struct ha_message *out)
{
	memset(out, 0, sizeof(*out));
	out->kind = kind;
	switch (kind) {
	case HA_MSG_KEEPALIVE:
		keepalive(rng, &out->u.keepalive);
		break;
	case HA_MSG_FEED_REQUEST:
		out->u.feed_request.walk = above_zero(number(rng, 64));
		out->u.feed_request.stream = stream(rng);
		out->u.feed_request.after = number(rng, 64);
		break;
	case HA_MSG_WALK_VOID:
		out->u.walk_void.walk = above_zero(number(rng, 64));
		out->u.walk_void.stream = stream(rng);
		break;
	case HA_MSG_TOUCH:
		session(rng, &out->u.touch);
		break;
	case HA_MSG_GRANT:
		session(rng, &out->u.grant);
		break;
	case HA_MSG_END:
		session(rng, &out->u.end);
		break;
	case HA_MSG_BATCH:
		batch(rng, entries, &out->u.batch);
		break;
	case HA_MSG_MAX:
		break;
	}
}

static bool
same_version(const struct ha_version *a, const struct ha_version *b)
{
	return a->revision == b->revision && a->epoch == b->epoch &&
	    a->owner == b->owner;
}

static bool
same_session(const struct ha_msg_session *a, const struct ha_msg_session *b)
{
	return ha_uid_equal(&a->uid, &b->uid) &&
	    same_version(&a->version, &b->version);
}

static bool
same_record(const struct ha_record *a, const struct ha_record *b)
{
	return ha_tuple_equal(&a->orig, &b->orig) &&
	    ha_tuple_equal(&a->reply, &b->reply) && a->status == b->status &&
	    a->mark == b->mark && a->tcp_state == b->tcp_state &&
	    memcmp(a->tcp_flags, b->tcp_flags, sizeof(a->tcp_flags)) == 0 &&
	    memcmp(a->tcp_wscale, b->tcp_wscale, sizeof(a->tcp_wscale)) == 0 &&
	    a->flags == b->flags;
}

static bool
same_entry(const struct ha_entry *a, const struct ha_entry *b)
{
	return a->kind == b->kind && a->end_reason == b->end_reason &&
	    a->change == b->change && ha_uid_equal(&a->uid, &b->uid) &&
	    same_version(&a->version, &b->version) &&
	    same_record(&a->record, &b->record) &&
	    ha_extra_equal(a->extra, b->extra);
}

static bool
same_batch(const struct ha_msg_batch *a, const struct ha_msg_batch *b)
{
	if (a->walk != b->walk || !ha_stream_equal(&a->stream, &b->stream) ||
	    a->from != b->from || a->to != b->to || a->floor != b->floor ||
	    a->flags != b->flags || a->complete != b->complete ||
	    a->count != b->count || a->digest != b->digest ||
	    a->n_took != b->n_took || a->n_entries != b->n_entries)
		return false;
	for (int i = 0; i < a->n_took; i++) {
		if (a->took[i].boot != b->took[i].boot ||
		    a->took[i].complete != b->took[i].complete)
			return false;
	}
	for (int i = 0; i < a->n_entries; i++) {
		if (!same_entry(&a->entries[i], &b->entries[i]))
			return false;
	}
	return true;
}

static bool
same_keepalive(const struct ha_msg_keepalive *a,
    const struct ha_msg_keepalive *b)
{
	if (a->counter != b->counter || a->heard != b->heard ||
	    a->heard_age_ms != b->heard_age_ms || a->state != b->state ||
	    a->up != b->up || a->table_permille != b->table_permille ||
	    a->sessions_owned != b->sessions_owned ||
	    a->n_streams != b->n_streams)
		return false;
	for (int i = 0; i < a->n_streams; i++) {
		const struct ha_stream_status *x = &a->streams[i];
		const struct ha_stream_status *y = &b->streams[i];

		if (!ha_stream_equal(&x->stream, &y->stream) ||
		    x->complete != y->complete || x->count != y->count ||
		    x->digest != y->digest || x->caught_up != y->caught_up)
			return false;
	}
	return true;
}

bool
same_message(const struct ha_message *a, const struct ha_message *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case HA_MSG_KEEPALIVE:
		return same_keepalive(&a->u.keepalive, &b->u.keepalive);
	case HA_MSG_FEED_REQUEST:
		return a->u.feed_request.walk == b->u.feed_request.walk &&
		    a->u.feed_request.after == b->u.feed_request.after &&
		    ha_stream_equal(&a->u.feed_request.stream,
			&b->u.feed_request.stream);
	case HA_MSG_WALK_VOID:
		return a->u.walk_void.walk == b->u.walk_void.walk &&
		    ha_stream_equal(&a->u.walk_void.stream,
			&b->u.walk_void.stream);
	case HA_MSG_TOUCH:
		return same_session(&a->u.touch, &b->u.touch);
	case HA_MSG_GRANT:
		return same_session(&a->u.grant, &b->u.grant);
	case HA_MSG_END:
		return same_session(&a->u.end, &b->u.end);
	case HA_MSG_BATCH:
		return same_batch(&a->u.batch, &b->u.batch);
	case HA_MSG_MAX:
		break;
	}
	return false;
}
