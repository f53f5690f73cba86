/*
 * conntrack_msg: ctnetlink attributes to struct ha_record and back.
 *
 * Reading.  A message is a header, a family, and attributes that nest up to
 * three deep.  A cursor walks them as bytes, so that neither alignment nor a
 * lying length is ever trusted; whatever does not end exactly where its
 * parent ends is damaged.  What a message does not tell stays zero, and the
 * border (dataplane.h) says what zero means then.
 *
 * Writing.  A replica forwards a running connection only if it is created
 * with all of this:
 *   - both tuples.  With translation the reply tuple is the plain inverse of
 *     the original one, and NAT attributes with one address and one port say
 *     what it becomes: only then does the kernel set translation up.
 *   - the status as it was, with CONFIRMED, which the kernel itself sets
 *     first and then wants to see.
 *   - for TCP: state, flags under a full mask, and both window scales, which
 *     the kernel takes only beside the flag that says they were negotiated.
 * Every creation is exclusive: without that, an entry of another session that
 * has our tuple as its reply would be changed in silence.
 */
#include "dataplane/conntrack_msg.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>

#include "base/check.h"

/* Newer than some systems' headers. */
enum {
	STATUS_OFFLOADED = 1 << 14 | 1 << 15, /* by software, by hardware */
};

/* As the kernel has it. */
struct label {
	uint8_t bytes[HA_CT_LABEL_BYTES];
};

/* The kernel keeps a label as an array of long. */
static size_t
label_byte(unsigned int bit)
{
	size_t word = bit / (8 * sizeof(long)) * sizeof(long);
	size_t byte = bit % (8 * sizeof(long)) / 8;
	const uint16_t probe = 1;

	if (*(const uint8_t *)&probe == 0)
		byte = sizeof(long) - 1 - byte;
	return word + byte;
}

void
ha_ct_label_set(uint8_t label[static HA_CT_LABEL_BYTES], unsigned int bit)
{
	label[label_byte(bit)] |= (uint8_t)(1u << bit % 8);
}

static bool
label_has(const struct label *l, unsigned int bit)
{
	return (l->bytes[label_byte(bit)] >> bit % 8 & 1) != 0;
}

/* A label as the core has it. */
static void
label_read(const struct label *l, uint64_t out[2])
{
	for (unsigned int bit = 0; bit < 8 * HA_CT_LABEL_BYTES; bit += 8)
		out[bit / 64] |= (uint64_t)l->bytes[label_byte(bit)] << bit % 64;
}

static void
label_strip(uint64_t label[2], const struct ha_ct_bits *b)
{
	label[b->owner / 64] &= ~(UINT64_C(1) << b->owner % 64);
	label[b->replica / 64] &= ~(UINT64_C(1) << b->replica % 64);
}

static struct label
label_write(const uint64_t in[2])
{
	struct label l;

	for (unsigned int bit = 0; bit < 8 * HA_CT_LABEL_BYTES; bit += 8)
		l.bytes[label_byte(bit)] = (uint8_t)(in[bit / 64] >> bit % 64);
	return l;
}

/* Our bits, where they live in the mark. */
static uint32_t
mark_bits(const struct ha_ct_bits *b)
{
	if (b->signal != HA_SIGNAL_MARK)
		return 0;
	return UINT32_C(1) << b->owner | UINT32_C(1) << b->replica;
}

/* ---- reading ---- */

struct cursor {
	const uint8_t *at;
	size_t left;
};

struct attr {
	uint16_t type;
	size_t len;
	const uint8_t *data;
};

enum step { STEP_ATTR, STEP_END, STEP_DAMAGED };

static enum step
next_attr(struct cursor *c, struct attr *a)
{
	struct nlattr head;
	size_t skip;

	if (c->left == 0)
		return STEP_END;
	if (c->left < sizeof(head))
		return STEP_DAMAGED;
	memcpy(&head, c->at, sizeof(head));
	if (head.nla_len < sizeof(head) || head.nla_len > c->left)
		return STEP_DAMAGED;

	a->type = head.nla_type & NLA_TYPE_MASK;
	a->len = head.nla_len - sizeof(head);
	a->data = c->at + sizeof(head);
	skip = MNL_ALIGN(head.nla_len);
	if (skip > c->left)
		skip = c->left; /* the last one needs no padding */
	c->at += skip;
	c->left -= skip;
	return STEP_ATTR;
}

static struct cursor
inside(const struct attr *a)
{
	return (struct cursor){ a->data, a->len };
}

static bool
read_u8(const struct attr *a, uint8_t *out)
{
	if (a->len < sizeof(*out))
		return false;
	*out = a->data[0];
	return true;
}

static bool
read_be16(const struct attr *a, uint16_t *out)
{
	if (a->len < sizeof(*out))
		return false;
	*out = (uint16_t)(a->data[0] << 8 | a->data[1]);
	return true;
}

static bool
read_be32(const struct attr *a, uint32_t *out)
{
	uint32_t v;

	if (a->len < sizeof(v))
		return false;
	memcpy(&v, a->data, sizeof(v));
	*out = ntohl(v);
	return true;
}

static bool
read_bytes(const struct attr *a, void *out, size_t len)
{
	if (a->len < len)
		return false;
	memcpy(out, a->data, len);
	return true;
}

static bool
is_icmp(uint8_t protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

/* An attribute of one level goes into whatever that level fills. */
typedef bool (*attr_fn)(const struct attr *a, void *into);

static bool
each_attr(struct cursor c, attr_fn fn, void *into)
{
	struct attr a;
	enum step s;

	while ((s = next_attr(&c, &a)) == STEP_ATTR)
		if (!fn(&a, into))
			return false;
	return s == STEP_END;
}

struct tuple_parse {
	struct ha_tuple t;
	uint8_t icmp_type;
	uint8_t icmp_code;
	bool src, dst, proto;
	bool zoned; /* a zone of this direction only */
};

static bool
parse_ip_attr(const struct attr *a, void *into)
{
	struct tuple_parse *p = into;

	switch (a->type) {
	case CTA_IP_V4_SRC:
		p->t.family = HA_IPV4;
		return p->src = read_bytes(a, p->t.src, 4);
	case CTA_IP_V4_DST:
		p->t.family = HA_IPV4;
		return p->dst = read_bytes(a, p->t.dst, 4);
	case CTA_IP_V6_SRC:
		p->t.family = HA_IPV6;
		return p->src = read_bytes(a, p->t.src, 16);
	case CTA_IP_V6_DST:
		p->t.family = HA_IPV6;
		return p->dst = read_bytes(a, p->t.dst, 16);
	default:
		return true;
	}
}

static bool
parse_proto_attr(const struct attr *a, void *into)
{
	struct tuple_parse *p = into;

	switch (a->type) {
	case CTA_PROTO_NUM:
		return p->proto = read_u8(a, &p->t.protocol);
	case CTA_PROTO_SRC_PORT:
	case CTA_PROTO_ICMP_ID:
	case CTA_PROTO_ICMPV6_ID:
		return read_be16(a, &p->t.src_port);
	case CTA_PROTO_DST_PORT:
		return read_be16(a, &p->t.dst_port);
	case CTA_PROTO_ICMP_TYPE:
	case CTA_PROTO_ICMPV6_TYPE:
		return read_u8(a, &p->icmp_type);
	case CTA_PROTO_ICMP_CODE:
	case CTA_PROTO_ICMPV6_CODE:
		return read_u8(a, &p->icmp_code);
	default:
		return true;
	}
}

static bool
parse_tuple_attr(const struct attr *a, void *into)
{
	struct tuple_parse *p = into;

	switch (a->type) {
	case CTA_TUPLE_IP:
		return each_attr(inside(a), parse_ip_attr, p);
	case CTA_TUPLE_PROTO:
		return each_attr(inside(a), parse_proto_attr, p);
	case CTA_TUPLE_ZONE:
		p->zoned = true;
		return true;
	default:
		return true;
	}
}

static bool
parse_tuple(const struct attr *a, struct ha_tuple *out, bool *zoned)
{
	struct tuple_parse p = { .src = false };

	if (!each_attr(inside(a), parse_tuple_attr, &p) || !p.src || !p.dst ||
	    !p.proto)
		return false;
	if (is_icmp(p.t.protocol))
		p.t.dst_port = (uint16_t)(p.icmp_type << 8 | p.icmp_code);
	*out = p.t;
	*zoned |= p.zoned;
	return true;
}

static bool
read_tcp_flags(const struct attr *a, uint8_t *out)
{
	if (!read_u8(a, out))
		return false;
	*out &= (uint8_t)~IP_CT_TCP_FLAG_BE_LIBERAL;
	return true;
}

static bool
parse_tcp_attr(const struct attr *a, void *into)
{
	struct ha_record *r = into;

	switch (a->type) {
	case CTA_PROTOINFO_TCP_STATE:
		return read_u8(a, &r->tcp_state) &&
		    r->tcp_state < HA_TCP_STATE_MAX;
	case CTA_PROTOINFO_TCP_WSCALE_ORIGINAL:
		return read_u8(a, &r->tcp_wscale[HA_DIR_ORIGINAL]);
	case CTA_PROTOINFO_TCP_WSCALE_REPLY:
		return read_u8(a, &r->tcp_wscale[HA_DIR_REPLY]);
	case CTA_PROTOINFO_TCP_FLAGS_ORIGINAL:
		return read_tcp_flags(a, &r->tcp_flags[HA_DIR_ORIGINAL]);
	case CTA_PROTOINFO_TCP_FLAGS_REPLY:
		return read_tcp_flags(a, &r->tcp_flags[HA_DIR_REPLY]);
	default:
		return true;
	}
}

static bool
parse_protoinfo_attr(const struct attr *a, void *into)
{
	if (a->type != CTA_PROTOINFO_TCP)
		return true;
	return each_attr(inside(a), parse_tcp_attr, into);
}

struct entry_parse {
	struct ha_ct_entry e;
	struct label label;
	uint16_t zone;
	bool orig, reply, zoned;
};

static bool
parse_status(const struct attr *a, struct ha_in_session *s)
{
	uint32_t status;

	if (!read_be32(a, &status))
		return false;
	s->record.status = status & HA_STATUS_MASK;
	s->offloaded = (status & STATUS_OFFLOADED) != 0;
	return true;
}

/* A name that is none of those we can hold is none. */
static bool
parse_help_attr(const struct attr *a, void *into)
{
	struct ha_extra x = { .helper = "" };
	const uint8_t *end = memchr(a->data, '\0', a->len);

	if (a->type != CTA_HELP_NAME || end == NULL ||
	    end - a->data >= HA_HELPER_LEN)
		return true;
	memcpy(x.helper, a->data, (size_t)(end - a->data));
	if (ha_extra_valid(&x))
		memcpy(into, x.helper, sizeof(x.helper));
	return true;
}

static bool
parse_seq_attr(const struct attr *a, void *into)
{
	struct ha_seq_adjust *q = into;

	switch (a->type) {
	case CTA_SEQADJ_CORRECTION_POS:
		return read_be32(a, &q->position);
	case CTA_SEQADJ_OFFSET_BEFORE:
		return read_be32(a, (uint32_t *)&q->before);
	case CTA_SEQADJ_OFFSET_AFTER:
		return read_be32(a, (uint32_t *)&q->after);
	default:
		return true;
	}
}

static bool
parse_seq(const struct attr *a, struct ha_in_session *s, int dir)
{
	s->seq_told = true;
	return each_attr(inside(a), parse_seq_attr, &s->extra.seq[dir]);
}

static bool
parse_synproxy_attr(const struct attr *a, void *into)
{
	struct ha_synproxy *p = into;

	switch (a->type) {
	case CTA_SYNPROXY_ISN:
		return read_be32(a, &p->isn);
	case CTA_SYNPROXY_ITS:
		return read_be32(a, &p->its);
	case CTA_SYNPROXY_TSOFF:
		return read_be32(a, &p->tsoff);
	default:
		return true;
	}
}

static bool
parse_synproxy(const struct attr *a, struct ha_in_session *s)
{
	s->synproxy_told = true;
	return each_attr(inside(a), parse_synproxy_attr, &s->extra.synproxy);
}

static bool
parse_labels(const struct attr *a, struct entry_parse *p)
{
	size_t len = a->len < HA_CT_LABEL_BYTES ? a->len :
					      HA_CT_LABEL_BYTES;

	memcpy(p->label.bytes, a->data, len);
	p->e.has_room = true;
	return true;
}

static bool
parse_entry_attr(const struct attr *a, void *into)
{
	struct entry_parse *p = into;
	struct ha_in_session *s = &p->e.session;

	switch (a->type) {
	case CTA_TUPLE_ORIG:
		return p->orig = parse_tuple(a, &s->record.orig, &p->zoned);
	case CTA_TUPLE_REPLY:
		return p->reply = parse_tuple(a, &s->record.reply, &p->zoned);
	case CTA_STATUS:
		return parse_status(a, s);
	case CTA_PROTOINFO:
		return each_attr(inside(a), parse_protoinfo_attr, &s->record);
	case CTA_TIMEOUT:
		return s->has_timeout = a->len >= 4;
	case CTA_MARK:
		return read_be32(a, &s->record.mark);
	case CTA_ID:
		return read_be32(a, &p->e.id);
	case CTA_ZONE:
		return read_be16(a, &p->zone);
	case CTA_LABELS:
		return parse_labels(a, p);
	case CTA_HELP:
		return each_attr(inside(a), parse_help_attr, s->extra.helper);
	case CTA_SEQ_ADJ_ORIG:
		return parse_seq(a, s, HA_DIR_ORIGINAL);
	case CTA_SEQ_ADJ_REPLY:
		return parse_seq(a, s, HA_DIR_REPLY);
	case CTA_SYNPROXY:
		return parse_synproxy(a, s);
	case CTA_TUPLE_MASTER:
		return s->master_told =
		    parse_tuple(a, &s->extra.master, &p->zoned);
	default:
		return true;
	}
}

/* A mark that is zero is not told, so it is always known. */
static void
settle_bits(struct entry_parse *p, const struct ha_ct_bits *bits)
{
	struct ha_in_session *s = &p->e.session;

	s->label_told = p->e.has_room;
	label_read(&p->label, s->extra.label);
	if (bits->signal == HA_SIGNAL_MARK) {
		s->bits_known = true;
		s->owner_bit = (s->record.mark >> bits->owner & 1) != 0;
		s->replica_bit = (s->record.mark >> bits->replica & 1) != 0;
		s->record.mark &= ~mark_bits(bits);
		p->e.has_room = true;
		return;
	}
	s->bits_known = p->e.has_room || s->event == HA_SESSION_NEW;
	s->owner_bit = label_has(&p->label, bits->owner);
	s->replica_bit = label_has(&p->label, bits->replica);
	label_strip(s->extra.label, bits);
}

static bool
event_of(const struct nlmsghdr *h, bool dumped, enum ha_session_event *out)
{
	switch (h->nlmsg_type) {
	case NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW:
		if (dumped)
			*out = HA_SESSION_DUMPED;
		else if ((h->nlmsg_flags & NLM_F_CREATE) != 0)
			*out = HA_SESSION_NEW;
		else
			*out = HA_SESSION_UPDATE;
		return true;
	case NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE:
		*out = HA_SESSION_END;
		return true;
	default:
		return false;
	}
}

/* The header of a message, and a cursor at its attributes. */
static bool
open_message(const void *msg, size_t len, struct nlmsghdr *h,
    struct cursor *c)
{
	const size_t skip = MNL_ALIGN(sizeof(struct nfgenmsg)) +
	    MNL_NLMSG_HDRLEN;

	if (len < skip)
		return false;
	memcpy(h, msg, sizeof(*h));
	if (h->nlmsg_len < skip || h->nlmsg_len > len)
		return false;
	*c = (struct cursor){ (const uint8_t *)msg + skip,
		h->nlmsg_len - skip };
	return true;
}

int
ha_ct_parse(const void *msg, size_t len, bool dumped,
    const struct ha_ct_terms *terms, struct ha_ct_entry *out)
{
	struct entry_parse p = { .zone = 0 };
	struct ha_in_session *s = &p.e.session;
	struct cursor c;
	struct nlmsghdr h;

	if (!open_message(msg, len, &h, &c))
		return HA_ERR_CORRUPT;
	if (!event_of(&h, dumped, &s->event))
		return HA_ERR_UNSUPPORTED;
	if (!each_attr(c, parse_entry_attr, &p) || !p.orig || !p.reply)
		return HA_ERR_CORRUPT;
	if (p.zoned)
		return HA_ERR_UNSUPPORTED;

	s->foreign = !dumped && h.nlmsg_pid != 0;
	s->entry = p.e.id;
	s->record.orig.zone = ha_zone_key_of(terms->zones, p.zone);
	s->record.reply.zone = s->record.orig.zone;
	settle_bits(&p, &terms->bits);
	if (!ha_record_valid(&s->record) || !ha_extra_valid(&s->extra))
		return HA_ERR_CORRUPT;
	*out = p.e;
	return HA_OK;
}

struct expect_parse {
	struct ha_tuple master;
	uint16_t zone;
	bool found, zoned;
};

static bool
parse_expect_attr(const struct attr *a, void *into)
{
	struct expect_parse *p = into;

	switch (a->type) {
	case CTA_EXPECT_MASTER:
		return p->found = parse_tuple(a, &p->master, &p->zoned);
	case CTA_EXPECT_ZONE:
		return read_be16(a, &p->zone);
	default:
		return true;
	}
}

bool
ha_ct_is_expect(const void *msg, size_t len)
{
	struct nlmsghdr h;

	if (len < sizeof(h))
		return false;
	memcpy(&h, msg, sizeof(h));
	return NFNL_SUBSYS_ID(h.nlmsg_type) == NFNL_SUBSYS_CTNETLINK_EXP;
}

int
ha_ct_parse_expect(const void *msg, size_t len,
    const struct ha_ct_terms *terms, struct ha_tuple *master)
{
	struct expect_parse p = { .found = false };
	struct cursor c;
	struct nlmsghdr h;

	if (!open_message(msg, len, &h, &c))
		return HA_ERR_CORRUPT;
	if (!each_attr(c, parse_expect_attr, &p) || !p.found)
		return HA_ERR_CORRUPT;
	if (p.zoned)
		return HA_ERR_UNSUPPORTED;
	*master = p.master;
	master->zone = ha_zone_key_of(terms->zones, p.zone);
	return HA_OK;
}

/* ---- writing ---- */

static struct nlmsghdr *
put_header(uint8_t *buf, uint16_t type, uint16_t flags, uint8_t family,
    uint32_t seq)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = seq;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	return h;
}

static uint8_t
af_of(const struct ha_tuple *t)
{
	return t->family == HA_IPV6 ? AF_INET6 : AF_INET;
}

static void
put_be16(struct nlmsghdr *h, uint16_t type, uint16_t v)
{
	mnl_attr_put_u16(h, type, htons(v));
}

static void
put_be32(struct nlmsghdr *h, uint16_t type, uint32_t v)
{
	mnl_attr_put_u32(h, type, htonl(v));
}

static void
put_icmp(struct nlmsghdr *h, const struct ha_tuple *t)
{
	bool six = t->protocol == IPPROTO_ICMPV6;

	put_be16(h, six ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID,
	    t->src_port);
	mnl_attr_put_u8(h, six ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE,
	    (uint8_t)(t->dst_port >> 8));
	mnl_attr_put_u8(h, six ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE,
	    (uint8_t)t->dst_port);
}

static void
put_tuple(struct nlmsghdr *h, uint16_t type, const struct ha_tuple *t)
{
	bool six = t->family == HA_IPV6;
	size_t len = six ? 16 : 4;
	struct nlattr *tuple = mnl_attr_nest_start(h, type);
	struct nlattr *part;

	part = mnl_attr_nest_start(h, CTA_TUPLE_IP);
	mnl_attr_put(h, six ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, len, t->src);
	mnl_attr_put(h, six ? CTA_IP_V6_DST : CTA_IP_V4_DST, len, t->dst);
	mnl_attr_nest_end(h, part);

	part = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(h, CTA_PROTO_NUM, t->protocol);
	if (is_icmp(t->protocol)) {
		put_icmp(h, t);
	} else {
		put_be16(h, CTA_PROTO_SRC_PORT, t->src_port);
		put_be16(h, CTA_PROTO_DST_PORT, t->dst_port);
	}
	mnl_attr_nest_end(h, part);
	mnl_attr_nest_end(h, tuple);
}

static bool
find_zone(const struct ha_ct_terms *terms, const struct ha_tuple *orig,
    uint16_t *number)
{
	return ha_zone_find(terms->zones, orig->zone, number) ||
	    (terms->past != NULL &&
	    ha_zone_find(terms->past, orig->zone, number));
}

/* The tuple by which the kernel finds an entry, with the number of its zone. */
static void
put_name(struct nlmsghdr *h, const struct ha_tuple *orig, uint16_t zone)
{
	put_tuple(h, CTA_TUPLE_ORIG, orig);
	if (zone != 0)
		put_be16(h, CTA_ZONE, zone);
}

/* One address and one port, each the only choice. */
static void
put_nat(struct nlmsghdr *h, uint16_t type, const struct ha_tuple *t,
    const uint8_t *address, uint16_t port)
{
	bool six = t->family == HA_IPV6;
	size_t len = six ? 16 : 4;
	struct nlattr *nat = mnl_attr_nest_start(h, type);
	struct nlattr *proto;

	mnl_attr_put(h, six ? CTA_NAT_V6_MINIP : CTA_NAT_V4_MINIP, len,
	    address);
	mnl_attr_put(h, six ? CTA_NAT_V6_MAXIP : CTA_NAT_V4_MAXIP, len,
	    address);
	proto = mnl_attr_nest_start(h, CTA_NAT_PROTO);
	put_be16(h, CTA_PROTONAT_PORT_MIN, port);
	put_be16(h, CTA_PROTONAT_PORT_MAX, port);
	mnl_attr_nest_end(h, proto);
	mnl_attr_nest_end(h, nat);
}

/* What differs from the plain inverse is what translation did. */
static void
put_reply(struct nlmsghdr *h, const struct ha_record *r)
{
	struct ha_tuple plain = ha_tuple_invert(&r->orig);
	const struct ha_tuple *real = &r->reply;
	bool icmp = is_icmp(real->protocol);
	uint16_t src = icmp ? real->src_port : real->dst_port;
	bool src_port = icmp ? real->src_port != plain.src_port :
			       real->dst_port != plain.dst_port;
	bool dst_port = !icmp && real->src_port != plain.src_port;

	put_tuple(h, CTA_TUPLE_REPLY, &plain);
	if (src_port || memcmp(real->dst, plain.dst, sizeof(plain.dst)) != 0)
		put_nat(h, CTA_NAT_SRC, real, real->dst, src);
	if (dst_port || memcmp(real->src, plain.src, sizeof(plain.src)) != 0)
		put_nat(h, CTA_NAT_DST, real, real->src, real->src_port);
}

/* What the entry has already has to be said again. */
static void
put_status(struct nlmsghdr *h, const struct ha_record *r, uint32_t has)
{
	put_be32(h, CTA_STATUS, has | IPS_CONFIRMED |
	    (r->status & (HA_STATUS_SEEN_REPLY | HA_STATUS_ASSURED)));
}

static void
put_tcp_flags(struct nlmsghdr *h, uint8_t flags, uint8_t mask)
{
	const struct nf_ct_tcp_flags f = { flags, mask };

	mnl_attr_put(h, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, sizeof(f), &f);
	mnl_attr_put(h, CTA_PROTOINFO_TCP_FLAGS_REPLY, sizeof(f), &f);
}

static void
put_tcp(struct nlmsghdr *h, const struct ha_record *r, bool liberal)
{
	struct nlattr *info = mnl_attr_nest_start(h, CTA_PROTOINFO);
	struct nlattr *tcp = mnl_attr_nest_start(h, CTA_PROTOINFO_TCP);

	mnl_attr_put_u8(h, CTA_PROTOINFO_TCP_STATE, r->tcp_state);
	mnl_attr_put_u8(h, CTA_PROTOINFO_TCP_WSCALE_ORIGINAL,
	    r->tcp_wscale[HA_DIR_ORIGINAL]);
	mnl_attr_put_u8(h, CTA_PROTOINFO_TCP_WSCALE_REPLY,
	    r->tcp_wscale[HA_DIR_REPLY]);
	for (int dir = 0; dir < HA_DIR_MAX; dir++) {
		struct nf_ct_tcp_flags f = { r->tcp_flags[dir], 0xff };

		f.flags &= (uint8_t)~IP_CT_TCP_FLAG_BE_LIBERAL;
		if (liberal)
			f.flags |= IP_CT_TCP_FLAG_BE_LIBERAL;
		mnl_attr_put(h, dir == HA_DIR_ORIGINAL ?
		    CTA_PROTOINFO_TCP_FLAGS_ORIGINAL :
		    CTA_PROTOINFO_TCP_FLAGS_REPLY, sizeof(f), &f);
	}
	mnl_attr_nest_end(h, tcp);
	mnl_attr_nest_end(h, info);
}

static void
put_liberal(struct nlmsghdr *h, bool liberal)
{
	struct nlattr *info = mnl_attr_nest_start(h, CTA_PROTOINFO);
	struct nlattr *tcp = mnl_attr_nest_start(h, CTA_PROTOINFO_TCP);

	put_tcp_flags(h, liberal ? IP_CT_TCP_FLAG_BE_LIBERAL : 0,
	    IP_CT_TCP_FLAG_BE_LIBERAL);
	mnl_attr_nest_end(h, tcp);
	mnl_attr_nest_end(h, info);
}

static void
label_add(uint64_t label[2], unsigned int bit)
{
	label[bit / 64] |= UINT64_C(1) << bit % 64;
}

static void
put_label(struct nlmsghdr *h, uint16_t type, const uint64_t label[2])
{
	struct label l = label_write(label);

	mnl_attr_put(h, type, sizeof(l.bytes), l.bytes);
}

/* The label of a new entry, with the replica bit if it is there. */
static void
put_new_label(struct nlmsghdr *h, const struct ha_extra *x,
    const struct ha_ct_bits *bits)
{
	uint64_t label[2] = { 0 };

	if (x != NULL)
		memcpy(label, x->label, sizeof(label));
	if (bits->signal == HA_SIGNAL_LABEL)
		label_add(label, bits->replica);
	if ((label[0] | label[1]) != 0)
		put_label(h, CTA_LABELS, label);
}

/* Of the bits in mask, those in value are set and the others cleared. */
static void
put_label_under(struct nlmsghdr *h, const uint64_t value[2],
    const uint64_t mask[2])
{
	const uint64_t both[2] = { value[0] & mask[0], value[1] & mask[1] };

	if ((mask[0] | mask[1]) == 0)
		return;
	put_label(h, CTA_LABELS, both);
	put_label(h, CTA_LABELS_MASK, mask);
}

static void
put_helper(struct nlmsghdr *h, const char *name)
{
	struct nlattr *help;

	if (name[0] == '\0')
		return;
	help = mnl_attr_nest_start(h, CTA_HELP);
	mnl_attr_put_strz(h, CTA_HELP_NAME, name);
	mnl_attr_nest_end(h, help);
}

static void
put_seq(struct nlmsghdr *h, uint16_t type, const struct ha_seq_adjust *q)
{
	struct nlattr *seq = mnl_attr_nest_start(h, type);

	put_be32(h, CTA_SEQADJ_CORRECTION_POS, q->position);
	put_be32(h, CTA_SEQADJ_OFFSET_BEFORE, (uint32_t)q->before);
	put_be32(h, CTA_SEQADJ_OFFSET_AFTER, (uint32_t)q->after);
	mnl_attr_nest_end(h, seq);
}

static void
put_sequence(struct nlmsghdr *h, const struct ha_extra *x)
{
	put_seq(h, CTA_SEQ_ADJ_ORIG, &x->seq[HA_DIR_ORIGINAL]);
	put_seq(h, CTA_SEQ_ADJ_REPLY, &x->seq[HA_DIR_REPLY]);
}

static void
put_synproxy(struct nlmsghdr *h, const struct ha_extra *x)
{
	struct nlattr *proxy = mnl_attr_nest_start(h, CTA_SYNPROXY);

	put_be32(h, CTA_SYNPROXY_ISN, x->synproxy.isn);
	put_be32(h, CTA_SYNPROXY_ITS, x->synproxy.its);
	put_be32(h, CTA_SYNPROXY_TSOFF, x->synproxy.tsoff);
	mnl_attr_nest_end(h, proxy);
}

static bool
is_shifted(const struct ha_extra *x)
{
	static const struct ha_seq_adjust NOT[HA_DIR_MAX];

	return memcmp(x->seq, NOT, sizeof(NOT)) != 0;
}

static bool
is_proxied(const struct ha_extra *x)
{
	return (x->synproxy.isn | x->synproxy.its | x->synproxy.tsoff) != 0;
}

static void
put_extra(struct nlmsghdr *h, const struct ha_extra *x, bool bare)
{
	if (!bare)
		put_helper(h, x->helper);
	if (is_shifted(x))
		put_sequence(h, x);
	if (is_proxied(x))
		put_synproxy(h, x);
	if (!bare && x->master.family != 0)
		put_tuple(h, CTA_TUPLE_MASTER, &x->master);
}

/* Of the bits in mask, those in value are set and the others cleared. */
static void
put_mark(struct nlmsghdr *h, uint32_t value, uint32_t mask)
{
	if (mask == 0)
		return;
	put_be32(h, CTA_MARK, value);
	put_be32(h, CTA_MARK_MASK, mask);
}

static void
put_lifetime(struct nlmsghdr *h, uint32_t lifetime_s)
{
	put_be32(h, CTA_TIMEOUT, lifetime_s > 0 ? lifetime_s : 1);
}

static struct nlmsghdr *
build_install(uint8_t *buf, const struct ha_kernel_op *op, uint16_t zone,
    const struct ha_ct_bits *bits, uint32_t seq)
{
	const struct ha_record *r = op->record;
	struct nlmsghdr *h = put_header(buf, IPCTNL_MSG_CT_NEW,
	    NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, af_of(&r->orig), seq);
	uint32_t mark = r->mark & ~mark_bits(bits);

	put_name(h, &r->orig, zone);
	put_reply(h, r);
	put_status(h, r, 0);
	put_lifetime(h, op->lifetime_s);
	if (r->orig.protocol == IPPROTO_TCP)
		put_tcp(h, r, op->liberal);
	if (op->extra != NULL)
		put_extra(h, op->extra, op->bare);
	put_new_label(h, op->extra, bits);
	if (bits->signal == HA_SIGNAL_MARK)
		mark |= UINT32_C(1) << bits->replica;
	put_be32(h, CTA_MARK, mark);
	return h;
}

static struct nlmsghdr *
build_remove(uint8_t *buf, const struct ha_kernel_op *op, uint16_t zone,
    uint32_t seq)
{
	const struct ha_tuple *orig = &op->record->orig;
	uint16_t echo = op->verb == HA_KERNEL_END ? NLM_F_ECHO : 0;
	struct nlmsghdr *h = put_header(buf, IPCTNL_MSG_CT_DELETE,
	    NLM_F_ACK | echo, af_of(orig), seq);

	put_name(h, orig, zone);
	if (op->entry != 0)
		put_be32(h, CTA_ID, op->entry);
	return h;
}

/* Clear the owner bit for a probe, and set what else of the mark changes. */
static void
change_mark(struct nlmsghdr *h, const struct ha_kernel_op *op,
    uint16_t change, const struct ha_ct_bits *bits)
{
	uint32_t mask = 0;

	if ((change & HA_CHANGE_MARK) != 0)
		mask |= ~mark_bits(bits);
	if ((change & HA_CHANGE_PROBE) != 0 && bits->signal == HA_SIGNAL_MARK)
		mask |= UINT32_C(1) << bits->owner;
	put_mark(h, op->record->mark & mask & ~mark_bits(bits), mask);
}

/* The same in the label. */
static void
change_label(struct nlmsghdr *h, const struct ha_kernel_op *op,
    uint16_t change, const struct ha_ct_bits *bits)
{
	bool ours = bits->signal == HA_SIGNAL_LABEL;
	uint64_t value[2] = { 0 }, mask[2] = { 0 };

	if ((change & HA_CHANGE_LABEL) != 0) {
		memset(mask, 0xff, sizeof(mask));
		if (ours)
			label_strip(mask, bits);
		if (op->extra != NULL)
			memcpy(value, op->extra->label, sizeof(value));
	}
	if ((change & HA_CHANGE_PROBE) != 0 && ours)
		label_add(mask, bits->owner);
	put_label_under(h, value, mask);
}

/* It has a master in this kernel. */
static bool
is_expected(const struct ha_kernel_op *op)
{
	return op->extra != NULL && op->extra->master.family != 0 && !op->bare;
}

static void
put_shifts(struct nlmsghdr *h, const struct ha_extra *x)
{
	put_sequence(h, x);
	if (is_proxied(x))
		put_synproxy(h, x);
}

static struct nlmsghdr *
build_change(uint8_t *buf, const struct ha_kernel_op *op, uint16_t zone,
    uint16_t change, const struct ha_ct_bits *bits, uint32_t seq)
{
	const struct ha_record *r = op->record;
	struct nlmsghdr *h = put_header(buf, IPCTNL_MSG_CT_NEW, NLM_F_ACK,
	    af_of(&r->orig), seq);
	static const struct ha_extra NOTHING;

	put_name(h, &r->orig, zone);
	if ((change & HA_CHANGE_LIFETIME) != 0)
		put_lifetime(h, op->lifetime_s);
	if ((change & HA_CHANGE_STATUS) != 0)
		put_status(h, r, is_expected(op) ? IPS_EXPECTED : 0);
	if ((change & (HA_CHANGE_LIBERAL | HA_CHANGE_STRICT)) != 0 &&
	    r->orig.protocol == IPPROTO_TCP)
		put_liberal(h, (change & HA_CHANGE_LIBERAL) != 0);
	if ((change & HA_CHANGE_SEQUENCE) != 0)
		put_shifts(h, op->extra != NULL ? op->extra : &NOTHING);
	change_mark(h, op, change, bits);
	change_label(h, op, change, bits);
	return h;
}

size_t
ha_ct_build(uint8_t buf[static HA_CT_MSG_MAX], const struct ha_kernel_op *op,
    uint16_t change, const struct ha_ct_terms *terms, uint32_t seq)
{
	const struct ha_ct_bits *bits = &terms->bits;
	struct nlmsghdr *h = NULL;
	uint16_t zone;

	if (!find_zone(terms, &op->record->orig, &zone))
		return 0;
	switch (op->verb) {
	case HA_KERNEL_INSTALL:
		h = build_install(buf, op, zone, bits, seq);
		break;
	case HA_KERNEL_REMOVE:
	case HA_KERNEL_END:
		h = build_remove(buf, op, zone, seq);
		break;
	case HA_KERNEL_CHANGE:
		h = build_change(buf, op, zone, change, bits, seq);
		break;
	}
	HA_CHECK(h != NULL && h->nlmsg_len <= HA_CT_MSG_MAX);
	return h->nlmsg_len;
}

size_t
ha_ct_build_sign(uint8_t buf[static HA_CT_MSG_MAX],
    const struct ha_tuple *orig, const struct ha_ct_terms *terms,
    uint32_t seq)
{
	const struct ha_ct_bits *bits = &terms->bits;
	struct nlmsghdr *h = put_header(buf, IPCTNL_MSG_CT_NEW, NLM_F_ACK,
	    af_of(orig), seq);
	uint64_t bit[2] = { 0 };
	uint16_t zone;

	if (!find_zone(terms, orig, &zone))
		return 0;
	put_name(h, orig, zone);
	if (bits->signal == HA_SIGNAL_MARK) {
		put_mark(h, UINT32_C(1) << bits->owner,
		    UINT32_C(1) << bits->owner);
	} else {
		label_add(bit, bits->owner);
		put_label_under(h, bit, bit);
	}
	return h->nlmsg_len;
}

size_t
ha_ct_build_read(uint8_t buf[static HA_CT_MSG_MAX],
    const struct ha_tuple *orig, const struct ha_ct_terms *terms,
    uint32_t seq)
{
	struct nlmsghdr *h = put_header(buf, IPCTNL_MSG_CT_GET, 0,
	    af_of(orig), seq);
	uint16_t zone;

	if (!find_zone(terms, orig, &zone))
		return 0;
	put_name(h, orig, zone);
	return h->nlmsg_len;
}

size_t
ha_ct_build_dump(uint8_t buf[static HA_CT_MSG_MAX], uint32_t seq)
{
	return put_header(buf, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC,
	    seq)->nlmsg_len;
}
