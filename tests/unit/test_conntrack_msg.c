#include <arpa/inet.h>
#include <check.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/conntrack_msg.h"

/* Here 77 has a name; it was 78 once, which has none now. */
#define DMZ UINT32_C(0x81234567)

static const struct ha_zones ZONES = { 1, { { DMZ, 77 } } };
static const struct ha_zones PAST = { 2, { { DMZ, 78 },
    { DMZ + 1, 79 } } };

static const struct ha_ct_terms LABEL = { { HA_SIGNAL_LABEL, 126, 127 },
	&ZONES, &PAST };
static const struct ha_ct_terms MARK = { { HA_SIGNAL_MARK, 30, 31 }, &ZONES,
	&PAST };

/* What Linux 6.18 on x86-64 told of one TCP connection through a rule that
 * sets bit 126 of the label: its first packet, and that it is assured. */
static const uint8_t RECORDED_NEW[] = {
	/* header */
	0xd8, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x06, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00,
	/* original tuple: 10.1.0.2:4400 to 10.2.0.2:80 */
	0x34, 0x00, 0x01, 0x80, 0x14, 0x00, 0x01, 0x80, 0x08, 0x00, 0x01, 0x00,
	0x0a, 0x01, 0x00, 0x02, 0x08, 0x00, 0x02, 0x00, 0x0a, 0x02, 0x00, 0x02,
	0x1c, 0x00, 0x02, 0x80, 0x05, 0x00, 0x01, 0x00, 0x06, 0x00, 0x00, 0x00,
	0x06, 0x00, 0x02, 0x00, 0x11, 0x30, 0x00, 0x00, 0x06, 0x00, 0x03, 0x00,
	0x00, 0x50, 0x00, 0x00,
	/* reply tuple */
	0x34, 0x00, 0x02, 0x80, 0x14, 0x00, 0x01, 0x80, 0x08, 0x00, 0x01, 0x00,
	0x0a, 0x02, 0x00, 0x02, 0x08, 0x00, 0x02, 0x00, 0x0a, 0x01, 0x00, 0x02,
	0x1c, 0x00, 0x02, 0x80, 0x05, 0x00, 0x01, 0x00, 0x06, 0x00, 0x00, 0x00,
	0x06, 0x00, 0x02, 0x00, 0x00, 0x50, 0x00, 0x00, 0x06, 0x00, 0x03, 0x00,
	0x11, 0x30, 0x00, 0x00,
	/* id */
	0x08, 0x00, 0x0c, 0x00, 0xc7, 0x5d, 0xee, 0xae,
	/* status */
	0x08, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x08,
	/* timeout */
	0x08, 0x00, 0x07, 0x00, 0x00, 0x00, 0x00, 0x78,
	/* protoinfo */
	0x30, 0x00, 0x04, 0x80, 0x2c, 0x00, 0x01, 0x80, 0x05, 0x00, 0x01, 0x00,
	0x01, 0x00, 0x00, 0x00, 0x05, 0x00, 0x02, 0x00, 0x0a, 0x00, 0x00, 0x00,
	0x05, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x06, 0x00, 0x04, 0x00,
	0x03, 0x00, 0x00, 0x00, 0x06, 0x00, 0x05, 0x00, 0x00, 0x00, 0x00, 0x00,
	/* labels */
	0x14, 0x00, 0x16, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x40,
};

static const uint8_t RECORDED_UPDATE[] = {
	/* header */
	0xc4, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00,
	/* original tuple: 10.1.0.2:4400 to 10.2.0.2:80 */
	0x34, 0x00, 0x01, 0x80, 0x14, 0x00, 0x01, 0x80, 0x08, 0x00, 0x01, 0x00,
	0x0a, 0x01, 0x00, 0x02, 0x08, 0x00, 0x02, 0x00, 0x0a, 0x02, 0x00, 0x02,
	0x1c, 0x00, 0x02, 0x80, 0x05, 0x00, 0x01, 0x00, 0x06, 0x00, 0x00, 0x00,
	0x06, 0x00, 0x02, 0x00, 0x11, 0x30, 0x00, 0x00, 0x06, 0x00, 0x03, 0x00,
	0x00, 0x50, 0x00, 0x00,
	/* reply tuple */
	0x34, 0x00, 0x02, 0x80, 0x14, 0x00, 0x01, 0x80, 0x08, 0x00, 0x01, 0x00,
	0x0a, 0x02, 0x00, 0x02, 0x08, 0x00, 0x02, 0x00, 0x0a, 0x01, 0x00, 0x02,
	0x1c, 0x00, 0x02, 0x80, 0x05, 0x00, 0x01, 0x00, 0x06, 0x00, 0x00, 0x00,
	0x06, 0x00, 0x02, 0x00, 0x00, 0x50, 0x00, 0x00, 0x06, 0x00, 0x03, 0x00,
	0x11, 0x30, 0x00, 0x00,
	/* id */
	0x08, 0x00, 0x0c, 0x00, 0xc7, 0x5d, 0xee, 0xae,
	/* status */
	0x08, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x0e,
	/* timeout */
	0x08, 0x00, 0x07, 0x00, 0x00, 0x06, 0x97, 0x80,
	/* protoinfo */
	0x30, 0x00, 0x04, 0x80, 0x2c, 0x00, 0x01, 0x80, 0x05, 0x00, 0x01, 0x00,
	0x03, 0x00, 0x00, 0x00, 0x05, 0x00, 0x02, 0x00, 0x0a, 0x00, 0x00, 0x00,
	0x05, 0x00, 0x03, 0x00, 0x0a, 0x00, 0x00, 0x00, 0x06, 0x00, 0x04, 0x00,
	0x23, 0x00, 0x00, 0x00, 0x06, 0x00, 0x05, 0x00, 0x23, 0x00, 0x00, 0x00,
};

/* A line of a dump: FTP under source translation, after a PORT command that
 * got two letters longer twice. */
static const uint8_t RECORDED_FTP[] = {
	/* header */
	0x74, 0x01, 0x00, 0x00, 0x00, 0x01, 0x02, 0x00, 0x01, 0x00, 0x00, 0x00,
	0x94, 0x59, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00,
	/* original tuple: 10.1.0.2:55409 to 10.2.0.2:21 */
	0x34, 0x00, 0x01, 0x80, 0x14, 0x00, 0x01, 0x80, 0x08, 0x00, 0x01, 0x00,
	0x0a, 0x01, 0x00, 0x02, 0x08, 0x00, 0x02, 0x00, 0x0a, 0x02, 0x00, 0x02,
	0x1c, 0x00, 0x02, 0x80, 0x05, 0x00, 0x01, 0x00, 0x06, 0x00, 0x00, 0x00,
	0x06, 0x00, 0x02, 0x00, 0xd8, 0x71, 0x00, 0x00, 0x06, 0x00, 0x03, 0x00,
	0x00, 0x15, 0x00, 0x00,
	/* reply tuple: to 10.2.0.100 */
	0x34, 0x00, 0x02, 0x80, 0x14, 0x00, 0x01, 0x80, 0x08, 0x00, 0x01, 0x00,
	0x0a, 0x02, 0x00, 0x02, 0x08, 0x00, 0x02, 0x00, 0x0a, 0x02, 0x00, 0x64,
	0x1c, 0x00, 0x02, 0x80, 0x05, 0x00, 0x01, 0x00, 0x06, 0x00, 0x00, 0x00,
	0x06, 0x00, 0x02, 0x00, 0x00, 0x15, 0x00, 0x00, 0x06, 0x00, 0x03, 0x00,
	0xd8, 0x71, 0x00, 0x00,
	/* status, mark, id, use, timeout */
	0x08, 0x00, 0x03, 0x00, 0x00, 0x00, 0x21, 0xde,
	0x08, 0x00, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x08, 0x00, 0x0c, 0x00, 0x8c, 0x15, 0x75, 0x0a,
	0x08, 0x00, 0x0b, 0x00, 0x00, 0x00, 0x00, 0x02,
	0x08, 0x00, 0x07, 0x00, 0x00, 0x06, 0x97, 0x7f,
	/* protoinfo */
	0x30, 0x00, 0x04, 0x80, 0x2c, 0x00, 0x01, 0x80, 0x05, 0x00, 0x01, 0x00,
	0x03, 0x00, 0x00, 0x00, 0x05, 0x00, 0x02, 0x00, 0x0a, 0x00, 0x00, 0x00,
	0x05, 0x00, 0x03, 0x00, 0x0a, 0x00, 0x00, 0x00, 0x06, 0x00, 0x04, 0x00,
	0x23, 0x00, 0x00, 0x00, 0x06, 0x00, 0x05, 0x00, 0x23, 0x00, 0x00, 0x00,
	/* counters of both directions: 11 and 642, 8 and 474 */
	0x1c, 0x00, 0x09, 0x80, 0x0c, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x0b, 0x0c, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x02, 0x82, 0x1c, 0x00, 0x0a, 0x80, 0x0c, 0x00, 0x01, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x08, 0x0c, 0x00, 0x02, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0xda,
	/* start */
	0x10, 0x00, 0x14, 0x80, 0x0c, 0x00, 0x01, 0x00, 0x18, 0xea, 0x0f, 0xa4,
	0xa7, 0xe8, 0x50, 0xfb,
	/* helper */
	0x0c, 0x00, 0x05, 0x80, 0x08, 0x00, 0x01, 0x00, 0x66, 0x74, 0x70, 0x00,
	/* labels */
	0x14, 0x00, 0x16, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x40,
	/* sequence adjustment of both directions */
	0x1c, 0x00, 0x0f, 0x80, 0x08, 0x00, 0x01, 0x00, 0x88, 0x0c, 0xf0, 0x22,
	0x08, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x02, 0x08, 0x00, 0x03, 0x00,
	0x00, 0x00, 0x00, 0x04, 0x1c, 0x00, 0x10, 0x80, 0x08, 0x00, 0x01, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x08, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x08, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00,
};

static struct ha_tuple
tuple4(uint8_t protocol, uint16_t src_port, uint16_t dst_port)
{
	return (struct ha_tuple){ .src = { 10, 1, 0, 2 },
		.dst = { 10, 2, 0, 2 }, .src_port = src_port,
		.dst_port = dst_port, .family = HA_IPV4,
		.protocol = protocol };
}

static struct ha_tuple
tuple6(uint8_t protocol, uint16_t src_port, uint16_t dst_port)
{
	return (struct ha_tuple){ .src = { 0xfd, 1, [15] = 2 },
		.dst = { 0xfd, 2, [15] = 2 }, .src_port = src_port,
		.dst_port = dst_port, .family = HA_IPV6,
		.protocol = protocol };
}

static struct ha_record
record(struct ha_tuple orig, uint32_t zone)
{
	struct ha_record r = { .orig = orig };

	r.orig.zone = zone;
	r.reply = ha_tuple_invert(&r.orig);
	r.status = HA_STATUS_SEEN_REPLY | HA_STATUS_ASSURED;
	r.mark = 0x1234;
	if (orig.protocol == IPPROTO_TCP) {
		r.tcp_state = HA_TCP_ESTABLISHED;
		r.tcp_flags[0] = 0x23;
		r.tcp_flags[1] = 0x21;
		r.tcp_wscale[0] = 7;
		r.tcp_wscale[1] = 14;
	}
	return r;
}

/* The attribute at a path of types, NULL: not there. */
static const struct nlattr *
dig(const void *msg, const uint16_t *path, size_t n)
{
	const struct nlmsghdr *h = msg;
	const uint8_t *at = (const uint8_t *)msg + MNL_NLMSG_HDRLEN +
	    sizeof(struct nfgenmsg);
	size_t left = h->nlmsg_len - MNL_NLMSG_HDRLEN -
	    sizeof(struct nfgenmsg);
	const struct nlattr *found = NULL;

	for (size_t i = 0; i < n; i++) {
		found = NULL;
		while (left > 0 && found == NULL) {
			const struct nlattr *a = (const void *)at;
			size_t step = MNL_ALIGN(a->nla_len);

			if (mnl_attr_get_type(a) == path[i])
				found = a;
			at += step;
			left -= step < left ? step : left;
		}
		if (found == NULL)
			return NULL;
		at = mnl_attr_get_payload(found);
		left = mnl_attr_get_payload_len(found);
	}
	return found;
}

#define DIG(msg, ...)                                                         \
	dig((msg), (const uint16_t[]){ __VA_ARGS__ },                         \
	    sizeof((const uint16_t[]){ __VA_ARGS__ }) / sizeof(uint16_t))

static uint16_t
dug_port(const void *msg, uint16_t nat, uint16_t which)
{
	const struct nlattr *a = DIG(msg, nat, CTA_NAT_PROTO, which);

	ck_assert_ptr_nonnull(a);
	return ntohs(mnl_attr_get_u16(a));
}

static size_t
build(uint8_t *buf, enum ha_kernel_verb verb, uint8_t change,
    const struct ha_record *r, const struct ha_ct_terms *terms)
{
	const struct ha_kernel_op op = { 1, verb, change, false, 3600, r };

	return ha_ct_build(buf, &op, change, terms, 99);
}

static size_t
build_extra(uint8_t *buf, enum ha_kernel_verb verb, uint16_t change,
    const struct ha_extra *x, const struct ha_ct_terms *terms)
{
	struct ha_record r = record(tuple4(IPPROTO_TCP, 4400, 21), 0);
	const struct ha_kernel_op op = { .ticket = 1, .verb = verb,
		.change = change, .lifetime_s = 60, .record = &r, .extra = x };

	return ha_ct_build(buf, &op, change, terms, 99);
}

static struct ha_in_session
parse(const void *msg, size_t len, bool dumped, const struct ha_ct_terms *terms)
{
	struct ha_ct_entry e;

	ck_assert_int_eq(ha_ct_parse(msg, len, dumped, terms, &e), HA_OK);
	return e.session;
}

static const struct {
	const char *why;
	bool six;
	uint8_t protocol;
	uint16_t src_port, dst_port;
	uint32_t zone;
} trips[] = {
	{ "TCP", false, IPPROTO_TCP, 4400, 80, 0 },
	{ "TCP over IPv6", true, IPPROTO_TCP, 4400, 80, 0 },
	{ "UDP in a zone", false, IPPROTO_UDP, 53, 53, DMZ },
	{ "UDP in a zone without a name", false, IPPROTO_UDP, 53, 53, 76 },
	{ "echo", false, IPPROTO_ICMP, 512, 8 * 256, 0 },
	{ "echo over IPv6", true, IPPROTO_ICMPV6, 512, 128 * 256, 0 },
	{ "ports at their limit", false, IPPROTO_UDP, 65535, 1, 65535 },
	{ "a protocol without ports", true, IPPROTO_ESP, 0, 0, 0 },
};

static const struct {
	const char *why;
	uint32_t key;
	int number; /* -1: there is no such zone */
} zones[] = {
	{ "one with a name", DMZ, 77 },
	{ "one without", 78, 78 },
	{ "one that had a name", DMZ + 1, 79 },
	{ "one that had none, by its number", 77, 77 },
	{ "one that is nowhere", DMZ + 2, -1 },
	{ "the usual one", 0, 0 },
};

START_TEST(the_kernel_is_told_the_number_of_a_zone)
{
	_Alignas(8) uint8_t buf[HA_CT_MSG_MAX];
	struct ha_record r = record(tuple4(IPPROTO_UDP, 1, 2), zones[_i].key);
	const struct ha_kernel_op op = { .verb = HA_KERNEL_REMOVE,
		.record = &r };
	size_t len = ha_ct_build(buf, &op, 0, &LABEL, 1);
	const struct nlattr *a;

	ck_assert_msg((len > 0) == (zones[_i].number >= 0), "case: %s",
	    zones[_i].why);
	ck_assert_uint_eq(ha_ct_build_read(buf, &r.orig, &LABEL, 1) > 0,
	    len > 0);
	ck_assert_uint_eq(ha_ct_build_sign(buf, &r.orig, &LABEL, 1) > 0,
	    len > 0);
	if (len == 0)
		return;
	a = DIG(buf, CTA_ZONE);
	if (zones[_i].number > 0)
		ck_assert_int_eq(ntohs(mnl_attr_get_u16(a)),
		    zones[_i].number);
	else
		ck_assert_ptr_null(a);
}
END_TEST

START_TEST(what_is_built_is_parsed_alike)
{
	_Alignas(8) uint8_t buf[HA_CT_MSG_MAX];
	struct ha_tuple t = trips[_i].six ?
	    tuple6(trips[_i].protocol, trips[_i].src_port, trips[_i].dst_port) :
	    tuple4(trips[_i].protocol, trips[_i].src_port, trips[_i].dst_port);
	struct ha_record r = record(t, trips[_i].zone);
	struct ha_in_session s;
	size_t len = build(buf, HA_KERNEL_INSTALL, 0, &r, &LABEL);

	s = parse(buf, len, false, &LABEL);
	ck_assert_msg(ha_record_hash(&s.record) == ha_record_hash(&r),
	    "case: %s", trips[_i].why);
	ck_assert_int_eq(s.event, HA_SESSION_NEW);
	ck_assert(s.bits_known && s.replica_bit && !s.owner_bit);

	len = build(buf, HA_KERNEL_INSTALL, 0, &r, &MARK);
	s = parse(buf, len, true, &MARK);
	ck_assert_msg(ha_record_hash(&s.record) == ha_record_hash(&r),
	    "case: %s, in the mark", trips[_i].why);
	ck_assert_int_eq(s.event, HA_SESSION_DUMPED);
	ck_assert(s.bits_known && s.replica_bit && !s.owner_bit);
}
END_TEST

static const struct ha_extra EXTRA = {
	.label = { UINT64_C(0x8000000000000001), UINT64_C(0x0123456789abcdef) },
	.helper = "netbios-ns",
	.seq = { { 0x880cf022, 2, 4 }, { 1, -7, INT32_MIN } },
	.synproxy = { 7, UINT32_MAX, 9 },
	.master = { .src = { 10, 1, 0, 2 }, .dst = { 10, 2, 0, 9 },
	    .src_port = 4399, .dst_port = 21, .family = HA_IPV4,
	    .protocol = IPPROTO_TCP },
};

static const struct ha_extra SHIFTED_BACK = { .seq[1] = { 9, 0, -1 } };

static const struct {
	const char *why;
	const struct ha_extra *extra;
} extras[] = {
	{ "nothing", NULL },
	{ "all of it", &EXTRA },
	{ "a shift of the reply alone", &SHIFTED_BACK },
};

START_TEST(what_few_sessions_have_is_parsed_alike)
{
	_Alignas(8) uint8_t buf[HA_CT_MSG_MAX];
	const struct ha_ct_terms *terms[] = { &LABEL, &MARK };
	struct ha_in_session s;

	for (size_t i = 0; i < 2; i++) {
		s = parse(buf, build_extra(buf, HA_KERNEL_INSTALL, 0,
		    extras[_i].extra, terms[i]), false, terms[i]);
		ck_assert_msg(ha_extra_equal(&s.extra, extras[_i].extra),
		    "case: %s", extras[_i].why);
		ck_assert(s.bits_known && s.replica_bit && !s.owner_bit);
		ck_assert_int_eq(s.seq_told, extras[_i].extra != NULL);
	}
}
END_TEST

/* Under the mask, by numbers of bits. */
static bool
label_bit(const void *buf, uint16_t type, unsigned int bit)
{
	uint8_t want[HA_CT_LABEL_BYTES] = { 0 };
	const uint8_t *label = mnl_attr_get_payload(DIG(buf, type));

	ha_ct_label_set(want, bit);
	for (size_t i = 0; i < sizeof(want); i++)
		if (want[i] != 0)
			return (label[i] & want[i]) != 0;
	return false;
}

START_TEST(a_changed_label_leaves_our_bits_alone)
{
	_Alignas(8) uint8_t buf[HA_CT_MSG_MAX];
	const uint16_t both = HA_CHANGE_LABEL | HA_CHANGE_PROBE;

	build_extra(buf, HA_KERNEL_CHANGE, HA_CHANGE_LABEL, &EXTRA, &LABEL);
	ck_assert(label_bit(buf, CTA_LABELS, 63));
	ck_assert(!label_bit(buf, CTA_LABELS, 62));
	ck_assert(label_bit(buf, CTA_LABELS_MASK, 62));
	ck_assert(!label_bit(buf, CTA_LABELS_MASK, LABEL.bits.owner));
	ck_assert(!label_bit(buf, CTA_LABELS_MASK, LABEL.bits.replica));

	build_extra(buf, HA_KERNEL_CHANGE, both, &EXTRA, &LABEL);
	ck_assert(label_bit(buf, CTA_LABELS, 63));
	ck_assert(label_bit(buf, CTA_LABELS_MASK, LABEL.bits.owner));
	ck_assert(!label_bit(buf, CTA_LABELS, LABEL.bits.owner));
	ck_assert(!label_bit(buf, CTA_LABELS_MASK, LABEL.bits.replica));

	build_extra(buf, HA_KERNEL_CHANGE, both, NULL, &MARK);
	ck_assert(!label_bit(buf, CTA_LABELS, 63));
	ck_assert(label_bit(buf, CTA_LABELS_MASK, 126));
	ck_assert(label_bit(buf, CTA_LABELS_MASK, 127));
}
END_TEST

START_TEST(a_changed_shift_is_told_of_both_directions)
{
	_Alignas(8) uint8_t buf[HA_CT_MSG_MAX];
	const struct nlattr *a;

	build_extra(buf, HA_KERNEL_CHANGE, HA_CHANGE_SEQUENCE, &SHIFTED_BACK,
	    &LABEL);
	a = DIG(buf, CTA_SEQ_ADJ_REPLY, CTA_SEQADJ_OFFSET_AFTER);
	ck_assert_uint_eq(ntohl(mnl_attr_get_u32(a)), UINT32_MAX);
	a = DIG(buf, CTA_SEQ_ADJ_ORIG, CTA_SEQADJ_CORRECTION_POS);
	ck_assert_uint_eq(mnl_attr_get_u32(a), 0);
	ck_assert_ptr_null(DIG(buf, CTA_HELP));
	ck_assert_ptr_null(DIG(buf, CTA_LABELS));
}
END_TEST

START_TEST(what_is_bare_has_neither_helper_nor_master)
{
	_Alignas(8) uint8_t buf[HA_CT_MSG_MAX];
	struct ha_record r = record(tuple4(IPPROTO_TCP, 4400, 20), 0);
	struct ha_kernel_op op = { .verb = HA_KERNEL_INSTALL, .bare = true,
		.record = &r, .extra = &EXTRA };

	ha_ct_build(buf, &op, 0, &LABEL, 1);
	ck_assert_ptr_null(DIG(buf, CTA_HELP));
	ck_assert_ptr_null(DIG(buf, CTA_TUPLE_MASTER));
	ck_assert_ptr_nonnull(DIG(buf, CTA_SEQ_ADJ_ORIG));
}
END_TEST

/* An entry that is expected must be told that it is. */
START_TEST(a_status_repeats_what_the_entry_has)
{
	_Alignas(8) uint8_t buf[HA_CT_MSG_MAX];
	struct ha_record r = record(tuple4(IPPROTO_TCP, 4400, 20), 0);
	struct ha_kernel_op op = { .verb = HA_KERNEL_CHANGE, .record = &r,
		.extra = &EXTRA };
	uint32_t all = IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED;

	ha_ct_build(buf, &op, HA_CHANGE_STATUS, &LABEL, 1);
	ck_assert_uint_eq(ntohl(mnl_attr_get_u32(DIG(buf, CTA_STATUS))),
	    all | IPS_EXPECTED);
	op.bare = true;
	ha_ct_build(buf, &op, HA_CHANGE_STATUS, &LABEL, 1);
	ck_assert_uint_eq(ntohl(mnl_attr_get_u32(DIG(buf, CTA_STATUS))), all);
	op.verb = HA_KERNEL_INSTALL;
	op.bare = false;
	ha_ct_build(buf, &op, 0, &LABEL, 1); /* the kernel sets it itself */
	ck_assert_uint_eq(ntohl(mnl_attr_get_u32(DIG(buf, CTA_STATUS))), all);
}
END_TEST

START_TEST(a_creation_is_exclusive_and_asks_for_an_answer)
{
	_Alignas(8) uint8_t buf[HA_CT_MSG_MAX];
	struct ha_record r = record(tuple4(IPPROTO_TCP, 1, 2), 0);
	struct nlmsghdr h;

	build(buf, HA_KERNEL_INSTALL, 0, &r, &LABEL);
	memcpy(&h, buf, sizeof(h));
	ck_assert_uint_eq(h.nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK |
	    NLM_F_CREATE | NLM_F_EXCL);
	ck_assert_uint_eq(h.nlmsg_seq, 99);
	build(buf, HA_KERNEL_CHANGE, HA_CHANGE_PROBE, &r, &LABEL);
	memcpy(&h, buf, sizeof(h));
	ck_assert_uint_eq(h.nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
}
END_TEST

START_TEST(flags_of_tcp_are_under_a_full_mask)
{
	_Alignas(8) uint8_t buf[HA_CT_MSG_MAX];
	struct ha_record r = record(tuple4(IPPROTO_TCP, 1, 2), 0);
	const struct nlattr *a;
	const uint8_t *f;

	build(buf, HA_KERNEL_INSTALL, 0, &r, &LABEL);
	a = DIG(buf, CTA_PROTOINFO, CTA_PROTOINFO_TCP,
	    CTA_PROTOINFO_TCP_FLAGS_ORIGINAL);
	ck_assert_ptr_nonnull(a);
	f = mnl_attr_get_payload(a);
	ck_assert_uint_eq(f[0], 0x23);
	ck_assert_uint_eq(f[1], 0xff);
}
END_TEST

START_TEST(liberal_is_set_and_cleared_alone)
{
	_Alignas(8) uint8_t buf[HA_CT_MSG_MAX];
	struct ha_record r = record(tuple4(IPPROTO_TCP, 1, 2), 0);
	static const uint8_t WHAT[] = { HA_CHANGE_LIBERAL, HA_CHANGE_STRICT };
	static const uint8_t WANT[] = { IP_CT_TCP_FLAG_BE_LIBERAL, 0 };
	const struct ha_kernel_op op = { 1, HA_KERNEL_INSTALL, 0, true, 9, &r };
	struct ha_in_session s;
	const uint8_t *f;

	for (size_t i = 0; i < sizeof(WHAT); i++) {
		build(buf, HA_KERNEL_CHANGE, WHAT[i], &r, &LABEL);
		f = mnl_attr_get_payload(DIG(buf, CTA_PROTOINFO,
		    CTA_PROTOINFO_TCP, CTA_PROTOINFO_TCP_FLAGS_REPLY));
		ck_assert_uint_eq(f[0], WANT[i]);
		ck_assert_uint_eq(f[1], IP_CT_TCP_FLAG_BE_LIBERAL);
		ck_assert_ptr_null(DIG(buf, CTA_PROTOINFO, CTA_PROTOINFO_TCP,
		    CTA_PROTOINFO_TCP_STATE));
	}
	s = parse(buf, ha_ct_build(buf, &op, 0, &LABEL, 1), false, &LABEL);
	ck_assert_uint_eq(s.record.tcp_flags[0], 0x23);
	f = mnl_attr_get_payload(DIG(buf, CTA_PROTOINFO, CTA_PROTOINFO_TCP,
	    CTA_PROTOINFO_TCP_FLAGS_ORIGINAL));
	ck_assert_uint_eq(f[0], 0x23 | IP_CT_TCP_FLAG_BE_LIBERAL);
}
END_TEST

static const struct {
	const char *why;
	uint8_t protocol;
	const char *client, *server; /* of the reply tuple's other ends */
	uint16_t client_port, server_port;
	bool src, dst;
} nats[] = {
	{ "none", IPPROTO_UDP, "10.1.0.2", "10.2.0.2", 4000, 80, false,
	    false },
	{ "source address", IPPROTO_UDP, "10.2.0.1", "10.2.0.2", 4000, 80,
	    true, false },
	{ "source port", IPPROTO_TCP, "10.1.0.2", "10.2.0.2", 4001, 80, true,
	    false },
	{ "destination address", IPPROTO_TCP, "10.1.0.2", "10.9.0.2", 4000,
	    80, false, true },
	{ "destination port", IPPROTO_UDP, "10.1.0.2", "10.2.0.2", 4000, 8080,
	    false, true },
	{ "both", IPPROTO_UDP, "10.2.0.1", "10.9.0.2", 4001, 8080, true,
	    true },
};

START_TEST(translation_is_told_beside_a_plain_reply)
{
	_Alignas(8) uint8_t buf[HA_CT_MSG_MAX];
	struct ha_record r = record(tuple4(nats[_i].protocol, 4000, 80), 0);
	struct ha_in_session s;
	struct ha_tuple plain_reply = ha_tuple_invert(&r.orig);
	const struct nlattr *a;

	inet_pton(AF_INET, nats[_i].server, r.reply.src);
	inet_pton(AF_INET, nats[_i].client, r.reply.dst);
	r.reply.src_port = nats[_i].server_port;
	r.reply.dst_port = nats[_i].client_port;
	s = parse(buf, build(buf, HA_KERNEL_INSTALL, 0, &r, &LABEL), false,
	    &LABEL);
	ck_assert_msg(ha_tuple_equal(&s.record.reply, &plain_reply),
	    "case: %s", nats[_i].why);

	a = DIG(buf, CTA_NAT_SRC, CTA_NAT_V4_MINIP);
	ck_assert_msg((a != NULL) == nats[_i].src, "case: %s", nats[_i].why);
	if (a != NULL) {
		ck_assert_mem_eq(mnl_attr_get_payload(a), r.reply.dst, 4);
		ck_assert_uint_eq(dug_port(buf, CTA_NAT_SRC,
		    CTA_PROTONAT_PORT_MIN), nats[_i].client_port);
		ck_assert_uint_eq(dug_port(buf, CTA_NAT_SRC,
		    CTA_PROTONAT_PORT_MAX), nats[_i].client_port);
	}
	a = DIG(buf, CTA_NAT_DST, CTA_NAT_V4_MAXIP);
	ck_assert_msg((a != NULL) == nats[_i].dst, "case: %s", nats[_i].why);
	if (a != NULL) {
		ck_assert_mem_eq(mnl_attr_get_payload(a), r.reply.src, 4);
		ck_assert_uint_eq(dug_port(buf, CTA_NAT_DST,
		    CTA_PROTONAT_PORT_MIN), nats[_i].server_port);
	}
}
END_TEST

START_TEST(an_echo_keeps_its_translated_identifier)
{
	_Alignas(8) uint8_t buf[HA_CT_MSG_MAX];
	struct ha_record r = record(tuple4(IPPROTO_ICMP, 512, 8 * 256), 0);

	r.reply.src_port = 600;
	build(buf, HA_KERNEL_INSTALL, 0, &r, &LABEL);
	ck_assert_uint_eq(dug_port(buf, CTA_NAT_SRC, CTA_PROTONAT_PORT_MIN),
	    600);
	ck_assert_ptr_null(DIG(buf, CTA_NAT_DST));
}
END_TEST

START_TEST(a_probe_clears_one_bit_and_a_mark_keeps_ours)
{
	_Alignas(8) uint8_t buf[HA_CT_MSG_MAX];
	struct ha_record r = record(tuple4(IPPROTO_UDP, 1, 2), 0);
	uint8_t bit[HA_CT_LABEL_BYTES] = { 0 }, none[HA_CT_LABEL_BYTES] = { 0 };

	ha_ct_label_set(bit, LABEL.bits.owner);
	build(buf, HA_KERNEL_CHANGE, HA_CHANGE_PROBE, &r, &LABEL);
	ck_assert_mem_eq(mnl_attr_get_payload(DIG(buf, CTA_LABELS)), none,
	    sizeof(none));
	ck_assert_mem_eq(mnl_attr_get_payload(DIG(buf, CTA_LABELS_MASK)), bit,
	    sizeof(bit));
	ck_assert_ptr_null(DIG(buf, CTA_MARK));

	build(buf, HA_KERNEL_CHANGE, HA_CHANGE_PROBE, &r, &MARK);
	ck_assert_uint_eq(ntohl(mnl_attr_get_u32(DIG(buf, CTA_MARK))), 0);
	ck_assert_uint_eq(ntohl(mnl_attr_get_u32(DIG(buf, CTA_MARK_MASK))),
	    UINT32_C(1) << 30);
	ck_assert_ptr_null(DIG(buf, CTA_LABELS));

	build(buf, HA_KERNEL_CHANGE, HA_CHANGE_MARK, &r, &MARK);
	ck_assert_uint_eq(ntohl(mnl_attr_get_u32(DIG(buf, CTA_MARK))), 0x1234);
	ck_assert_uint_eq(ntohl(mnl_attr_get_u32(DIG(buf, CTA_MARK_MASK))),
	    UINT32_C(0x3fffffff));
}
END_TEST

START_TEST(a_change_holds_only_what_it_is_asked_for)
{
	_Alignas(8) uint8_t buf[HA_CT_MSG_MAX];
	struct ha_record r = record(tuple4(IPPROTO_UDP, 1, 2), 0);
	const struct ha_kernel_op op = { 1, HA_KERNEL_CHANGE,
		HA_CHANGE_LIFETIME | HA_CHANGE_STATUS | HA_CHANGE_LIBERAL,
		false, 77, &r };

	ha_ct_build(buf, &op, HA_CHANGE_LIFETIME | HA_CHANGE_LIBERAL, &LABEL,
	    1);
	ck_assert_uint_eq(ntohl(mnl_attr_get_u32(DIG(buf, CTA_TIMEOUT))), 77);
	ck_assert_ptr_null(DIG(buf, CTA_STATUS));
	ck_assert_ptr_null(DIG(buf, CTA_PROTOINFO)); /* not TCP */
	ha_ct_build(buf, &op, HA_CHANGE_STATUS, &LABEL, 1);
	ck_assert_uint_eq(ntohl(mnl_attr_get_u32(DIG(buf, CTA_STATUS))),
	    IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED);
	ck_assert_ptr_null(DIG(buf, CTA_TIMEOUT));
}
END_TEST

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
START_TEST(a_recorded_start_is_understood)
{
	struct ha_in_session s = parse(RECORDED_NEW, sizeof(RECORDED_NEW),
	    false, &LABEL);

	ck_assert_int_eq(s.event, HA_SESSION_NEW);
	ck_assert_uint_eq(s.record.status, 0);
	ck_assert_uint_eq(s.record.tcp_state, HA_TCP_SYN_SENT);
	ck_assert(s.bits_known && s.owner_bit && !s.replica_bit);
	ck_assert(s.has_timeout && !s.foreign);
}
END_TEST

START_TEST(a_recorded_update_is_understood)
{
	const struct ha_tuple orig = tuple4(IPPROTO_TCP, 4400, 80);
	struct ha_in_session s = parse(RECORDED_UPDATE,
	    sizeof(RECORDED_UPDATE), false, &LABEL);

	ck_assert_int_eq(s.event, HA_SESSION_UPDATE);
	ck_assert(ha_tuple_equal(&s.record.orig, &orig));
	ck_assert_uint_eq(s.record.reply.src_port, 80);
	ck_assert_uint_eq(s.record.status,
	    HA_STATUS_SEEN_REPLY | HA_STATUS_ASSURED);
	ck_assert_uint_eq(s.record.tcp_state, HA_TCP_ESTABLISHED);
	ck_assert_uint_eq(s.record.tcp_flags[0], 0x23);
	ck_assert_uint_eq(s.record.tcp_wscale[1], 10);
	ck_assert(!s.bits_known && !s.foreign && s.has_timeout);
	ck_assert(!s.offloaded);
}
END_TEST

START_TEST(a_recorded_line_of_ftp_is_understood)
{
	const struct ha_extra want = { .helper = "ftp",
		.seq[0] = { 0x880cf022, 2, 4 } };
	struct ha_in_session s = parse(RECORDED_FTP, sizeof(RECORDED_FTP),
	    true, &LABEL);

	ck_assert_uint_eq(s.record.status, HA_STATUS_SEEN_REPLY |
	    HA_STATUS_ASSURED | HA_STATUS_SRC_NAT | HA_STATUS_SEQ_ADJUST);
	ck_assert(ha_extra_equal(&s.extra, &want));
	ck_assert(s.seq_told && s.label_told);
	ck_assert(s.owner_bit && !s.replica_bit);
}
END_TEST
#endif

/* A message of ours with attributes of the test's choice behind it. */
static struct nlmsghdr *
bare(uint8_t *buf, uint16_t type, uint16_t flags)
{
	struct ha_record r = record(tuple4(IPPROTO_UDP, 1, 2), 0);
	struct nlmsghdr *h = (void *)buf;
	uint8_t made[HA_CT_MSG_MAX];
	const size_t head = MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg);
	const size_t tuple_len = 0x34;

	build(made, HA_KERNEL_INSTALL, 0, &r, &LABEL);
	memcpy(buf, made, head + 2 * tuple_len);
	h->nlmsg_len = (uint32_t)(head + 2 * tuple_len);
	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	h->nlmsg_flags = flags;
	h->nlmsg_pid = 0;
	return h;
}

START_TEST(an_offloaded_entry_has_no_timeout_and_counts_as_busy)
{
	_Alignas(8) uint8_t buf[HA_CT_MSG_MAX];
	struct nlmsghdr *h = bare(buf, IPCTNL_MSG_CT_NEW, NLM_F_MULTI);
	struct ha_in_session s;

	mnl_attr_put_u32(h, CTA_STATUS, htonl(IPS_CONFIRMED | IPS_OFFLOAD));
	s = parse(buf, h->nlmsg_len, true, &LABEL);
	ck_assert(s.offloaded && !s.has_timeout);
	ck_assert_uint_eq(s.record.status, 0);
}
END_TEST

START_TEST(a_dumped_entry_without_a_label_cant_tell_its_bits)
{
	_Alignas(8) uint8_t buf[HA_CT_MSG_MAX];
	struct nlmsghdr *h = bare(buf, IPCTNL_MSG_CT_NEW, NLM_F_MULTI);
	struct ha_ct_entry e;

	ck_assert_int_eq(ha_ct_parse(buf, h->nlmsg_len, true, &LABEL, &e),
	    HA_OK);
	ck_assert(!e.session.bits_known && !e.has_room);
	ck_assert_int_eq(ha_ct_parse(buf, h->nlmsg_len, true, &MARK, &e),
	    HA_OK);
	ck_assert(e.session.bits_known && e.has_room);
}
END_TEST

START_TEST(an_end_tells_who_and_whether_alive)
{
	_Alignas(8) uint8_t buf[HA_CT_MSG_MAX];
	struct nlmsghdr *h = bare(buf, IPCTNL_MSG_CT_DELETE, 0);
	struct ha_in_session s = parse(buf, h->nlmsg_len, false, &LABEL);

	ck_assert_int_eq(s.event, HA_SESSION_END);
	ck_assert(!s.foreign && !s.has_timeout && !s.bits_known);
	h->nlmsg_pid = 4711;
	mnl_attr_put_u32(h, CTA_TIMEOUT, htonl(5));
	s = parse(buf, h->nlmsg_len, false, &LABEL);
	ck_assert(s.foreign && s.has_timeout);
}
END_TEST

START_TEST(a_helper_that_has_no_fit_name_is_none)
{
	_Alignas(8) uint8_t buf[HA_CT_MSG_MAX];
	static const struct {
		const char *name;
		size_t len;
		const char *want;
	} cases[] = {
		{ "ftp", 4, "ftp" },
		{ "fifteen-letters", 16, "fifteen-letters" },
		{ "sixteen--letters", 17, "" },
		{ "no-end", 6, "" },
		{ "two words", 10, "" },
		{ "", 0, "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nlmsghdr *h = bare(buf, IPCTNL_MSG_CT_NEW, 0);
		struct nlattr *help = mnl_attr_nest_start(h, CTA_HELP);
		struct ha_in_session s;

		mnl_attr_put(h, CTA_HELP_NAME, cases[i].len, cases[i].name);
		mnl_attr_nest_end(h, help);
		s = parse(buf, h->nlmsg_len, false, &LABEL);
		ck_assert_str_eq(s.extra.helper, cases[i].want);
	}
}
END_TEST

START_TEST(a_zone_of_one_direction_is_of_no_use)
{
	_Alignas(8) uint8_t buf[HA_CT_MSG_MAX];
	struct nlmsghdr *h = bare(buf, IPCTNL_MSG_CT_NEW, 0);
	struct ha_ct_entry e;
	struct nlattr *t = mnl_attr_nest_start(h, CTA_TUPLE_ORIG), *p;
	const uint8_t any[4] = { 1, 2, 3, 4 };

	p = mnl_attr_nest_start(h, CTA_TUPLE_IP);
	mnl_attr_put(h, CTA_IP_V4_SRC, 4, any);
	mnl_attr_put(h, CTA_IP_V4_DST, 4, any);
	mnl_attr_nest_end(h, p);
	p = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(h, CTA_PROTO_NUM, IPPROTO_UDP);
	mnl_attr_nest_end(h, p);
	mnl_attr_put_u16(h, CTA_TUPLE_ZONE, htons(9));
	mnl_attr_nest_end(h, t);
	ck_assert_int_eq(ha_ct_parse(buf, h->nlmsg_len, false, &LABEL, &e),
	    HA_ERR_UNSUPPORTED);
}
END_TEST

START_TEST(another_subsystem_is_of_no_use)
{
	_Alignas(8) uint8_t buf[HA_CT_MSG_MAX];
	struct nlmsghdr *h = bare(buf, IPCTNL_MSG_CT_NEW, 0);
	struct ha_ct_entry e;

	h->nlmsg_type = NLMSG_ERROR;
	ck_assert_int_eq(ha_ct_parse(buf, h->nlmsg_len, false, &LABEL, &e),
	    HA_ERR_UNSUPPORTED);
}
END_TEST

static bool
ends_an_attribute(size_t len)
{
	static const size_t ENDS[] = { 124, 132, 140, 148 };

	for (size_t i = 0; i < sizeof(ENDS) / sizeof(ENDS[0]); i++)
		if (ENDS[i] == len)
			return true;
	return false;
}

/* Both the buffer and the header's length are cut, at every byte. */
START_TEST(no_truncation_is_read_past)
{
	for (size_t len = 0; len < sizeof(RECORDED_UPDATE); len++) {
		uint8_t *cut = malloc(len > 0 ? len : 1);
		struct ha_ct_entry e;
		uint32_t said = (uint32_t)len;
		int rc;

		ck_assert_ptr_nonnull(cut);
		memcpy(cut, RECORDED_UPDATE, len);
		ck_assert_int_eq(ha_ct_parse(cut, len, false, &LABEL, &e),
		    HA_ERR_CORRUPT); /* the header says more than there is */
		if (len >= sizeof(said))
			memcpy(cut, &said, sizeof(said));
		rc = ha_ct_parse(cut, len, false, &LABEL, &e);
		ck_assert(rc == HA_OK || rc == HA_ERR_CORRUPT);
		if (rc == HA_OK) /* only where an attribute ends */
			ck_assert(ends_an_attribute(len));
		free(cut);
	}
}
END_TEST

/* A byte changed anywhere gives some record that is valid, or an error. */
START_TEST(no_flipped_byte_gives_what_no_kernel_can_have)
{
	uint8_t bent[sizeof(RECORDED_UPDATE)];

	for (size_t i = 0; i < sizeof(bent); i++) {
		for (unsigned int v = 0; v < 256; v++) {
			struct ha_ct_entry e;

			memcpy(bent, RECORDED_UPDATE, sizeof(bent));
			bent[i] = (uint8_t)v;
			if (ha_ct_parse(bent, sizeof(bent), false, &LABEL,
			    &e) == HA_OK)
				ck_assert(ha_record_valid(&e.session.record));
		}
	}
}
END_TEST

#define LOOP(tc, test, rows)                                                  \
	tcase_add_loop_test(tc, test, 0, (int)(sizeof(rows) / sizeof((rows)[0])))

int
main(void)
{
	Suite *s = suite_create("conntrack_msg");
	TCase *tc = tcase_create("messages");
	SRunner *sr;
	int failed;

	LOOP(tc, what_is_built_is_parsed_alike, trips);
	LOOP(tc, the_kernel_is_told_the_number_of_a_zone, zones);
	LOOP(tc, what_few_sessions_have_is_parsed_alike, extras);
	tcase_add_test(tc, a_changed_label_leaves_our_bits_alone);
	tcase_add_test(tc, a_changed_shift_is_told_of_both_directions);
	tcase_add_test(tc, what_is_bare_has_neither_helper_nor_master);
	tcase_add_test(tc, a_status_repeats_what_the_entry_has);
	tcase_add_test(tc, a_creation_is_exclusive_and_asks_for_an_answer);
	tcase_add_test(tc, flags_of_tcp_are_under_a_full_mask);
	tcase_add_test(tc, liberal_is_set_and_cleared_alone);
	LOOP(tc, translation_is_told_beside_a_plain_reply, nats);
	tcase_add_test(tc, an_echo_keeps_its_translated_identifier);
	tcase_add_test(tc, a_probe_clears_one_bit_and_a_mark_keeps_ours);
	tcase_add_test(tc, a_change_holds_only_what_it_is_asked_for);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	tcase_add_test(tc, a_recorded_start_is_understood);
	tcase_add_test(tc, a_recorded_update_is_understood);
	tcase_add_test(tc, a_recorded_line_of_ftp_is_understood);
#endif
	tcase_add_test(tc, an_offloaded_entry_has_no_timeout_and_counts_as_busy);
	tcase_add_test(tc, a_dumped_entry_without_a_label_cant_tell_its_bits);
	tcase_add_test(tc, an_end_tells_who_and_whether_alive);
	tcase_add_test(tc, a_helper_that_has_no_fit_name_is_none);
	tcase_add_test(tc, a_zone_of_one_direction_is_of_no_use);
	tcase_add_test(tc, another_subsystem_is_of_no_use);
	tcase_add_test(tc, no_truncation_is_read_past);
	tcase_add_test(tc, no_flipped_byte_gives_what_no_kernel_can_have);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
