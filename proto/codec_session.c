/*
 * A session on the wire is one flat message of numbers: what is 0 takes no
 * room, so the fields are chosen so that the usual value is 0.
 *
 *   change, number, revision   as differences to the entry before
 *   zone                       exclusive-or with that of the one before
 *   owner, creator, boot       nothing where they are the stream's
 *   reply tuple                exclusive-or with the original one turned
 *                              round: nothing without translation
 *   tcp                        state, scales and flags in one number
 *
 * Since exclusive-or and differences that wrap have an inverse for every
 * value, decoding gives back exactly what was encoded, and there is no bit
 * pattern here that has to be refused: only values are (codec_check).
 */
#include "proto/codec_session.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "proto/codec_check.h"

/* Added to the protocol of an IPv6 session. */
#define WIRE_IPV6 256u

/* Places in Entry.tcp. */
enum {
	TCP_SCALE_ORIGINAL = 4,
	TCP_SCALE_REPLY = 8,
	TCP_FLAGS_ORIGINAL = 12,
	TCP_FLAGS_REPLY = 20,
	TCP_END = 28,
};

/* Both addresses and ports of a tuple as numbers. */
struct flat {
	uint64_t src_high; /* IPv4: the whole address */
	uint64_t src_low;  /* IPv4: 0 */
	uint64_t dst_high;
	uint64_t dst_low;
	uint32_t ports;
};

/* A fixed-width number travels little end first: loaded so, the bytes of an
 * address travel in their own order. */
static uint32_t
load32(const uint8_t *p)
{
	return (uint32_t)ha_get_u16(p) | (uint32_t)ha_get_u16(p + 2) << 16;
}

static void
store32(uint8_t *p, uint32_t v)
{
	ha_put_u16(p, (uint16_t)v);
	ha_put_u16(p + 2, (uint16_t)(v >> 16));
}

static struct flat
flatten(const struct ha_tuple *t)
{
	struct flat f = {
		.ports = (uint32_t)t->src_port << 16 | t->dst_port,
	};

	if (t->family == HA_IPV4) {
		f.src_high = load32(t->src);
		f.dst_high = load32(t->dst);
	} else {
		f.src_high = ha_get_u64(t->src);
		f.src_low = ha_get_u64(t->src + 8);
		f.dst_high = ha_get_u64(t->dst);
		f.dst_low = ha_get_u64(t->dst + 8);
	}
	return f;
}

/* The opposite, into a tuple that has its family and is else zero. */
static void
unflatten(const struct flat *f, struct ha_tuple *t)
{
	if (t->family == HA_IPV4) {
		store32(t->src, (uint32_t)f->src_high);
		store32(t->dst, (uint32_t)f->dst_high);
	} else {
		ha_put_u64(t->src, f->src_high);
		ha_put_u64(t->src + 8, f->src_low);
		ha_put_u64(t->dst, f->dst_high);
		ha_put_u64(t->dst + 8, f->dst_low);
	}
	t->src_port = (uint16_t)(f->ports >> 16);
	t->dst_port = (uint16_t)f->ports;
}

static struct flat
difference(const struct flat *a, const struct flat *b)
{
	return (struct flat){
		.src_high = a->src_high ^ b->src_high,
		.src_low = a->src_low ^ b->src_low,
		.dst_high = a->dst_high ^ b->dst_high,
		.dst_low = a->dst_low ^ b->dst_low,
		.ports = a->ports ^ b->ports,
	};
}

static void
pack_tuples(const struct ha_record *r, Ha4__Entry *w)
{
	struct ha_tuple turned = ha_tuple_invert(&r->orig);
	struct flat plain = flatten(&turned);
	struct flat reply = flatten(&r->reply);
	struct flat orig = flatten(&r->orig);
	struct flat nat = difference(&reply, &plain);

	w->protocol = r->orig.protocol;
	w->ports = orig.ports;
	w->reply_ports = nat.ports;
	if (r->orig.family == HA_IPV4) {
		w->src4 = (uint32_t)orig.src_high;
		w->dst4 = (uint32_t)orig.dst_high;
		w->reply_src4 = (uint32_t)nat.src_high;
		w->reply_dst4 = (uint32_t)nat.dst_high;
		return;
	}
	w->protocol += WIRE_IPV6;
	w->src6_high = orig.src_high;
	w->src6_low = orig.src_low;
	w->dst6_high = orig.dst_high;
	w->dst6_low = orig.dst_low;
	w->reply_src6_high = nat.src_high;
	w->reply_src6_low = nat.src_low;
	w->reply_dst6_high = nat.dst_high;
	w->reply_dst6_low = nat.dst_low;
}

static bool
unpack_tuples(const Ha4__Entry *w, uint32_t zone, struct ha_record *r)
{
	bool v6 = w->protocol >= WIRE_IPV6;
	struct flat orig = {
		.src_high = v6 ? w->src6_high : w->src4,
		.src_low = w->src6_low,
		.dst_high = v6 ? w->dst6_high : w->dst4,
		.dst_low = w->dst6_low,
		.ports = w->ports,
	};
	struct flat nat = {
		.src_high = v6 ? w->reply_src6_high : w->reply_src4,
		.src_low = w->reply_src6_low,
		.dst_high = v6 ? w->reply_dst6_high : w->reply_dst4,
		.dst_low = w->reply_dst6_low,
		.ports = w->reply_ports,
	};
	struct flat plain;

	if (w->protocol >= 2 * WIRE_IPV6)
		return false;
	r->orig.family = v6 ? HA_IPV6 : HA_IPV4;
	r->orig.protocol = (uint8_t)w->protocol;
	r->orig.zone = zone;
	unflatten(&orig, &r->orig);

	r->reply = ha_tuple_invert(&r->orig);
	plain = flatten(&r->reply);
	nat = difference(&nat, &plain);
	unflatten(&nat, &r->reply);
	return true;
}

static void
pack_rest(const struct ha_record *r, Ha4__Entry *w)
{
	w->status = r->status;
	w->mark = r->mark;
	w->flags = r->flags;
	w->tcp = r->tcp_state |
	    (uint32_t)r->tcp_wscale[HA_DIR_ORIGINAL] << TCP_SCALE_ORIGINAL |
	    (uint32_t)r->tcp_wscale[HA_DIR_REPLY] << TCP_SCALE_REPLY |
	    (uint32_t)r->tcp_flags[HA_DIR_ORIGINAL] << TCP_FLAGS_ORIGINAL |
	    (uint32_t)r->tcp_flags[HA_DIR_REPLY] << TCP_FLAGS_REPLY;
}

static bool
unpack_rest(const Ha4__Entry *w, struct ha_record *r)
{
	const uint32_t tcp = w->tcp;

	if (tcp >> TCP_END != 0 || w->flags > UINT8_MAX)
		return false;
	r->status = w->status;
	r->mark = w->mark;
	r->flags = (uint8_t)w->flags;
	r->tcp_state = tcp & 0xf;
	r->tcp_wscale[HA_DIR_ORIGINAL] = tcp >> TCP_SCALE_ORIGINAL & 0xf;
	r->tcp_wscale[HA_DIR_REPLY] = tcp >> TCP_SCALE_REPLY & 0xf;
	r->tcp_flags[HA_DIR_ORIGINAL] = tcp >> TCP_FLAGS_ORIGINAL & 0xff;
	r->tcp_flags[HA_DIR_REPLY] = tcp >> TCP_FLAGS_REPLY & 0xff;
	return true;
}

static void
pack_master(const struct ha_tuple *t, Ha4__Extra *w)
{
	const struct flat f = flatten(t);

	w->master_protocol = t->protocol;
	w->master_ports = f.ports;
	if (t->family == HA_IPV4) {
		w->master_src4 = (uint32_t)f.src_high;
		w->master_dst4 = (uint32_t)f.dst_high;
		return;
	}
	w->master_protocol += WIRE_IPV6;
	w->master_src6_high = f.src_high;
	w->master_src6_low = f.src_low;
	w->master_dst6_high = f.dst_high;
	w->master_dst6_low = f.dst_low;
}

static bool
unpack_master(const Ha4__Extra *w, struct ha_tuple *t)
{
	bool v6 = w->master_protocol >= WIRE_IPV6;
	const struct flat f = {
		.src_high = v6 ? w->master_src6_high : w->master_src4,
		.src_low = w->master_src6_low,
		.dst_high = v6 ? w->master_dst6_high : w->master_dst4,
		.dst_low = w->master_dst6_low,
		.ports = w->master_ports,
	};

	if (w->master_protocol == 0)
		return true;
	t->family = v6 ? HA_IPV6 : HA_IPV4;
	t->protocol = (uint8_t)w->master_protocol;
	unflatten(&f, t);
	return w->master_protocol < 2 * WIRE_IPV6;
}

static void
pack_extra(const struct ha_extra *x, struct ha_codec_wire *out)
{
	const struct ha_seq_adjust *seq = x->seq;
	const uint8_t *name = (const uint8_t *)x->helper;
	Ha4__Extra *w = &out->extra;

	_Static_assert(HA_HELPER_LEN == 16, "a name is two numbers");
	ha4__extra__init(w);
	out->entry.extra = w;
	w->label_low = x->label[0];
	w->label_high = x->label[1];
	w->helper_first = ha_get_u64(name);
	w->helper_last = ha_get_u64(name + 8);
	w->position = seq[HA_DIR_ORIGINAL].position;
	w->before = seq[HA_DIR_ORIGINAL].before;
	w->after = seq[HA_DIR_ORIGINAL].after;
	w->reply_position = seq[HA_DIR_REPLY].position;
	w->reply_before = seq[HA_DIR_REPLY].before;
	w->reply_after = seq[HA_DIR_REPLY].after;
	w->synproxy_isn = x->synproxy.isn;
	w->synproxy_its = x->synproxy.its;
	w->synproxy_tsoff = x->synproxy.tsoff;
	if (x->master.family != 0)
		pack_master(&x->master, w);
}

static bool
unpack_extra(const Ha4__Extra *w, struct ha_extra *x)
{
	uint8_t *name = (uint8_t *)x->helper;

	*x = (struct ha_extra){
		.label = { w->label_low, w->label_high },
		.seq = { { w->position, w->before, w->after },
		    { w->reply_position, w->reply_before, w->reply_after } },
		.synproxy = { w->synproxy_isn, w->synproxy_its,
		    w->synproxy_tsoff },
	};
	ha_put_u64(name, w->helper_first);
	ha_put_u64(name + 8, w->helper_last);
	return unpack_master(w, &x->master);
}

static void
pack_names(const struct ha_codec_chain *chain, const struct ha_entry *e,
    Ha4__Entry *w)
{
	w->change = e->change - chain->change;
	w->number = (int64_t)(e->uid.number - chain->number);
	w->revision = (int64_t)(e->version.revision - chain->revision);
	w->epoch = e->version.epoch;
	if (e->version.owner != chain->stream.owner)
		w->owner = e->version.owner;
	if (e->uid.creator != chain->stream.owner ||
	    e->uid.boot != chain->stream.boot) {
		w->creator = e->uid.creator;
		w->boot = e->uid.boot;
	}
}

static bool
unpack_names(const struct ha_codec_chain *chain, const Ha4__Entry *w,
    struct ha_entry *e)
{
	if (w->owner > UINT8_MAX || w->creator > UINT8_MAX)
		return false;
	e->change = chain->change + w->change;
	e->uid.number = chain->number + (uint64_t)w->number;
	e->version.revision = chain->revision + (uint64_t)w->revision;
	e->version.epoch = w->epoch;
	e->version.owner = w->owner != 0 ? (uint8_t)w->owner :
	    chain->stream.owner;
	e->uid.creator = w->creator != 0 ? (uint8_t)w->creator :
	    chain->stream.owner;
	e->uid.boot = w->creator != 0 ? w->boot : chain->stream.boot;
	return e->change > chain->change;
}

static void
advance(struct ha_codec_chain *chain, const struct ha_entry *e)
{
	chain->change = e->change;
	chain->number = e->uid.number;
	chain->revision = e->version.revision;
	if (e->kind == HA_ENTRY_FULL)
		chain->zone = e->record.orig.zone;
}

int
ha_codec_session_pack(struct ha_codec_chain *chain, const struct ha_entry *e,
    struct ha_codec_wire *out)
{
	Ha4__Entry *w = &out->entry;
	bool state = e->kind == HA_ENTRY_FULL || e->kind == HA_ENTRY_UPDATE;

	if (!ha_codec_entry_valid(e) || e->change <= chain->change)
		return HA_ERR_INVAL;

	ha4__entry__init(w);
	w->kind = e->kind;
	pack_names(chain, e, w);
	if (e->kind == HA_ENTRY_FULL) {
		pack_tuples(&e->record, w);
		w->zone = e->record.orig.zone ^ chain->zone;
	}
	if (state)
		pack_rest(&e->record, w);
	if (state && e->extra != NULL)
		pack_extra(e->extra, out);
	if (e->kind == HA_ENTRY_END)
		w->reason = e->end_reason;
	advance(chain, e);
	return HA_OK;
}

static bool
unpack_kind(const struct ha_codec_chain *chain, const Ha4__Entry *w,
    struct ha_entry *e)
{
	switch (w->kind) {
	case HA_ENTRY_FULL:
		return unpack_tuples(w, w->zone ^ chain->zone, &e->record) &&
		    unpack_rest(w, &e->record);
	case HA_ENTRY_UPDATE:
		return unpack_rest(w, &e->record);
	case HA_ENTRY_END:
		e->end_reason = (uint8_t)w->reason;
		return w->reason < HA_END_MAX;
	case HA_ENTRY_LEFT:
		return true;
	default:
		return false;
	}
}

int
ha_codec_session_unpack(struct ha_codec_chain *chain, const Ha4__Entry *w,
    struct ha_extra *extra, struct ha_entry *out)
{
	memset(out, 0, sizeof(*out));
	if (!unpack_names(chain, w, out) || !unpack_kind(chain, w, out))
		return HA_ERR_CORRUPT;
	out->kind = (enum ha_entry_kind)w->kind;
	if (w->extra != NULL && (out->kind == HA_ENTRY_FULL ||
	    out->kind == HA_ENTRY_UPDATE)) {
		if (!unpack_extra(w->extra, extra))
			return HA_ERR_CORRUPT;
		out->extra = extra;
	}
	if (!ha_codec_entry_valid(out))
		return HA_ERR_CORRUPT;
	advance(chain, out);
	return HA_OK;
}
