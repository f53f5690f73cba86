#include "core/types.h"

#include <string.h>

#include "base/hash.h"

int
ha_version_cmp(const struct ha_version *a, const struct ha_version *b)
{
	if (a->epoch != b->epoch)
		return a->epoch < b->epoch ? -1 : 1;
	if (a->owner != b->owner)
		return a->owner > b->owner ? -1 : 1;
	if (a->revision != b->revision)
		return a->revision < b->revision ? -1 : 1;
	return 0;
}

bool
ha_uid_equal(const struct ha_uid *a, const struct ha_uid *b)
{
	return a->number == b->number && a->boot == b->boot &&
	    a->creator == b->creator;
}

int
ha_uid_cmp(const struct ha_uid *a, const struct ha_uid *b)
{
	if (a->creator != b->creator)
		return a->creator < b->creator ? -1 : 1;
	if (a->boot != b->boot)
		return a->boot < b->boot ? -1 : 1;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return 0;
}

bool
ha_stream_equal(const struct ha_stream_id *a, const struct ha_stream_id *b)
{
	return a->boot == b->boot && a->owner == b->owner;
}

bool
ha_tuple_equal(const struct ha_tuple *a, const struct ha_tuple *b)
{
	return a->src_port == b->src_port && a->dst_port == b->dst_port &&
	    a->zone == b->zone && a->family == b->family &&
	    a->protocol == b->protocol &&
	    memcmp(a->src, b->src, sizeof(a->src)) == 0 &&
	    memcmp(a->dst, b->dst, sizeof(a->dst)) == 0;
}

/* Echo and its kin come in pairs of types that answer each other. */
static uint8_t
invert_icmp_type(uint8_t protocol, uint8_t type)
{
	static const uint8_t V4[][2] = { { 8, 0 }, { 13, 14 }, { 15, 16 },
		{ 17, 18 } };
	static const uint8_t V6[][2] = { { 128, 129 }, { 139, 140 } };
	const uint8_t(*pairs)[2] = protocol == 1 ? V4 : V6;
	size_t n = protocol == 1 ? sizeof(V4) / 2 : sizeof(V6) / 2;

	for (size_t i = 0; i < n; i++) {
		if (pairs[i][0] == type)
			return pairs[i][1];
		if (pairs[i][1] == type)
			return pairs[i][0];
	}
	return type;
}

static bool
is_icmp(const struct ha_tuple *t)
{
	return t->protocol == 1 || t->protocol == 58;
}

struct ha_tuple
ha_tuple_invert(const struct ha_tuple *t)
{
	struct ha_tuple r = *t;

	memcpy(r.src, t->dst, sizeof(r.src));
	memcpy(r.dst, t->src, sizeof(r.dst));
	if (is_icmp(t)) {
		r.dst_port = (uint16_t)(invert_icmp_type(t->protocol,
		    (uint8_t)(t->dst_port >> 8)) << 8 | (t->dst_port & 0xff));
	} else {
		r.src_port = t->dst_port;
		r.dst_port = t->src_port;
	}
	return r;
}

static uint64_t
load64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

uint64_t
ha_tuple_hash(uint64_t seed, const struct ha_tuple *t)
{
	uint64_t h = ha_hash_add(
	    seed ^ ((uint64_t)t->family << 8 | t->protocol),
	    (uint64_t)t->src_port << 48 | (uint64_t)t->dst_port << 32 |
	    t->zone);

	h = ha_hash_add(h, load64(t->src) ^ ha_hash_mix(load64(t->src + 8)));
	h = ha_hash_add(h, load64(t->dst) ^ ha_hash_mix(load64(t->dst + 8)));
	return h;
}

uint64_t
ha_uid_hash(uint64_t seed, const struct ha_uid *u)
{
	return ha_hash_add(ha_hash_add(seed ^ u->creator, u->boot), u->number);
}

uint64_t
ha_record_hash(const struct ha_record *r)
{
	uint64_t h = ha_tuple_hash(1, &r->orig);

	h = ha_tuple_hash(h, &r->reply);
	h = ha_hash_add(h, (uint64_t)r->status << 32 | r->mark);
	h = ha_hash_add(h,
	    (uint64_t)r->tcp_state << 40 |
	    (uint64_t)r->tcp_flags[0] << 32 | (uint64_t)r->tcp_flags[1] << 24 |
	    (uint64_t)r->tcp_wscale[0] << 16 |
	    (uint64_t)r->tcp_wscale[1] << 8 | r->flags);
	return h;
}

static bool
tuple_valid(const struct ha_tuple *t)
{
	static const uint8_t ZERO[12];

	if (t->family == HA_IPV6)
		return true;
	return t->family == HA_IPV4 && memcmp(t->src + 4, ZERO, 12) == 0 &&
	    memcmp(t->dst + 4, ZERO, 12) == 0;
}

bool
ha_record_valid(const struct ha_record *r)
{
	return tuple_valid(&r->orig) && tuple_valid(&r->reply) &&
	    r->orig.family == r->reply.family &&
	    r->orig.protocol == r->reply.protocol &&
	    r->orig.zone == r->reply.zone && r->tcp_state < HA_TCP_STATE_MAX &&
	    (r->status & ~(uint32_t)HA_STATUS_MASK) == 0 &&
	    (r->flags & ~HA_RECORD_UNTOUCHED) == 0 &&
	    r->tcp_wscale[0] <= 14 && r->tcp_wscale[1] <= 14;
}

static bool
same_seq(const struct ha_seq_adjust *a, const struct ha_seq_adjust *b)
{
	return a->position == b->position && a->before == b->before &&
	    a->after == b->after;
}

bool
ha_extra_equal(const struct ha_extra *a, const struct ha_extra *b)
{
	static const struct ha_extra NOTHING;

	if (a == b)
		return true;
	a = a != NULL ? a : &NOTHING;
	b = b != NULL ? b : &NOTHING;
	return a->label[0] == b->label[0] && a->label[1] == b->label[1] &&
	    memcmp(a->helper, b->helper, sizeof(a->helper)) == 0 &&
	    same_seq(&a->seq[0], &b->seq[0]) &&
	    same_seq(&a->seq[1], &b->seq[1]) &&
	    a->synproxy.isn == b->synproxy.isn &&
	    a->synproxy.its == b->synproxy.its &&
	    a->synproxy.tsoff == b->synproxy.tsoff &&
	    ha_tuple_equal(&a->master, &b->master);
}

bool
ha_extra_is_nothing(const struct ha_extra *x)
{
	return ha_extra_equal(x, NULL);
}

uint64_t
ha_extra_hash(const struct ha_extra *x)
{
	uint64_t h;

	if (ha_extra_is_nothing(x))
		return 0;
	h = ha_hash_add(ha_hash_add(1, x->label[0]), x->label[1]);
	h = ha_hash_bytes(h, x->helper, sizeof(x->helper));
	for (int dir = 0; dir < HA_DIR_MAX; dir++) {
		const struct ha_seq_adjust *q = &x->seq[dir];

		h = ha_hash_add(h, q->position);
		h = ha_hash_add(h,
		    (uint64_t)(uint32_t)q->before << 32 | (uint32_t)q->after);
	}
	h = ha_hash_add(h, x->synproxy.isn);
	h = ha_hash_add(h,
	    (uint64_t)x->synproxy.its << 32 | x->synproxy.tsoff);
	return ha_tuple_hash(h, &x->master);
}

/* A name of printable letters that ends, and zeros behind it. */
static bool
helper_valid(const char *name)
{
	size_t n = 0;

	while (n < HA_HELPER_LEN && name[n] > ' ' && name[n] < 127)
		n++;
	if (n == HA_HELPER_LEN)
		return false;
	for (; n < HA_HELPER_LEN; n++)
		if (name[n] != '\0')
			return false;
	return true;
}

static bool
master_valid(const struct ha_tuple *t)
{
	static const struct ha_tuple NONE;

	if (t->family == 0)
		return ha_tuple_equal(t, &NONE);
	return tuple_valid(t) && t->zone == 0;
}

bool
ha_extra_valid(const struct ha_extra *x)
{
	return x == NULL ||
	    (helper_valid(x->helper) && master_valid(&x->master));
}

const char *
ha_state_name(enum ha_state s)
{
	switch (s) {
	case HA_STATE_INITIAL:
		return "initial";
	case HA_STATE_ACTIVE:
		return "active";
	case HA_STATE_TENTATIVE:
		return "tentative";
	case HA_STATE_NON_FUNCTIONAL:
		return "non-functional";
	case HA_STATE_SUSPENDED:
		return "suspended";
	case HA_STATE_MAX:
		break;
	}
	return "unknown";
}

const char *
ha_cause_name(enum ha_cause c)
{
	switch (c) {
	case HA_CAUSE_START:
		return "start";
	case HA_CAUSE_SYNCHRONISED:
		return "synchronised";
	case HA_CAUSE_MONITOR:
		return "monitor";
	case HA_CAUSE_PROTOCOL:
		return "protocol";
	case HA_CAUSE_WELL:
		return "well";
	case HA_CAUSE_HELD:
		return "held";
	case HA_CAUSE_OPERATOR:
		return "operator";
	case HA_CAUSE_FUNCTIONAL:
		return "functional";
	case HA_CAUSE_FLAPS:
		return "flaps";
	case HA_CAUSE_MAX:
		break;
	}
	return "unknown";
}

const char *
ha_end_reason_name(enum ha_end_reason r)
{
	switch (r) {
	case HA_END_CLOSED:
		return "closed";
	case HA_END_DELETED:
		return "deleted";
	case HA_END_IDLE:
		return "idle";
	case HA_END_REPLACED:
		return "replaced";
	case HA_END_OWNER_LOST:
		return "owner-lost";
	case HA_END_MAX:
		break;
	}
	return "unknown";
}

const char *
ha_link_name(enum ha_link_id l)
{
	switch (l) {
	case HA_LINK_HA4:
		return "ha4";
	case HA_LINK_HA4_BACKUP:
		return "ha4-backup";
	case HA_LINK_MAX:
		break;
	}
	return "unknown";
}
