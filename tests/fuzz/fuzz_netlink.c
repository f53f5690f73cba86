/*
 * A message about a conntrack entry.  The kernel is no enemy, but what is
 * read must be a record that some kernel can have; and one that we wrote
 * from such a record must come back the same.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/conntrack_msg.h"
#include "tests/fuzz/fuzz.h"

static const struct ha_zones ZONES = { 1, { { 0x81234567, 3 } } };

static const struct ha_ct_terms TERMS[] = {
	{ { HA_SIGNAL_LABEL, 126, 127 }, &ZONES, NULL },
	{ { HA_SIGNAL_MARK, 30, 31 }, &ZONES, NULL },
};

static void
must(bool what)
{
	if (!what)
		abort();
}

static void
come_back(const struct ha_record *r, const struct ha_extra *x,
    const struct ha_ct_terms *terms)
{
	_Alignas(8) uint8_t buf[HA_CT_MSG_MAX];
	const struct ha_kernel_op op = { .ticket = 1,
		.verb = HA_KERNEL_INSTALL, .lifetime_s = 60, .record = r,
		.extra = x };
	struct ha_tuple plain = ha_tuple_invert(&r->orig);
	struct ha_ct_entry e;
	size_t len = ha_ct_build(buf, &op, 0, terms, 1);

	must(len <= sizeof(buf));
	must(ha_ct_parse(buf, len, false, terms, &e) == HA_OK);
	must(ha_tuple_equal(&e.session.record.orig, &r->orig));
	must(ha_tuple_equal(&e.session.record.reply, &plain));
	must(e.session.record.mark == r->mark);
	must(ha_extra_equal(&e.session.extra, x));
	must(e.session.replica_bit && !e.session.owner_bit);
}

void
ha_fuzz_one(const uint8_t *data, size_t len)
{
	struct ha_tuple master;

	for (size_t i = 0; i < sizeof(TERMS) / sizeof(TERMS[0]); i++) {
		for (int dumped = 0; dumped < 2; dumped++) {
			struct ha_ct_entry e;

			if (ha_ct_parse(data, len, dumped != 0, &TERMS[i],
			    &e) != HA_OK)
				continue;
			must(ha_record_valid(&e.session.record));
			must(ha_extra_valid(&e.session.extra));
			come_back(&e.session.record, &e.session.extra,
			    &TERMS[i]);
		}
	}
	if (ha_ct_is_expect(data, len) &&
	    ha_ct_parse_expect(data, len, &TERMS[0], &master) == HA_OK)
		must(master.family == HA_IPV4 || master.family == HA_IPV6);
}

static struct ha_record
seed_record(unsigned int i)
{
	static const uint8_t PROTOCOLS[] = { 6, 17, 1, 58, 50 };
	struct ha_record r = { .status = HA_STATUS_MASK, .mark = 0x55 };

	r.orig.protocol = PROTOCOLS[i / 2 % sizeof(PROTOCOLS)];
	r.orig.family = i % 2 == 0 ? HA_IPV4 : HA_IPV6;
	memset(r.orig.src, 1, i % 2 == 0 ? 4 : 16);
	memset(r.orig.dst, 2, i % 2 == 0 ? 4 : 16);
	r.orig.src_port = 512;
	r.orig.dst_port = 8 * 256;
	r.orig.zone = ZONES.zone[0].key;
	r.reply = ha_tuple_invert(&r.orig);
	r.reply.dst[0] = 9; /* source translation */
	r.reply.src[3] = 9; /* and the other */
	r.tcp_state = HA_TCP_ESTABLISHED;
	r.tcp_flags[0] = 0x23;
	r.tcp_wscale[1] = 7;
	return r;
}

size_t
ha_fuzz_seed(unsigned int i, uint8_t *out, size_t cap)
{
	_Alignas(8) uint8_t buf[HA_CT_MSG_MAX];
	struct ha_record r = seed_record(i);
	const struct ha_extra x = { .label = { 1, 1 }, .helper = "ftp",
		.seq = { { 1, 2, 3 }, { 4, 5, 6 } }, .synproxy = { 7, 8, 9 },
		.master = { .src_port = 1, .dst_port = 21, .family = HA_IPV4,
		    .protocol = 6 } };
	const struct ha_kernel_op op = { .ticket = 1,
		.verb = HA_KERNEL_INSTALL, .liberal = i % 3 == 0,
		.lifetime_s = 60, .record = &r,
		.extra = i % 4 < 2 ? &x : NULL };
	size_t len;

	if (i >= 20)
		return 0;
	len = ha_ct_build(buf, &op, 0, &TERMS[i / 10], 1);
	if (len > cap)
		return 0;
	memcpy(out, buf, len);
	return len;
}
