/*
 * nft_batch: our nftables table, written out expression by expression.
 *
 *   table inet clusterd {
 *           chain gate {
 *                   type filter hook forward priority -400;
 *                   counter drop                      (only while closed)
 *           }
 *           chain owner {
 *                   type filter hook forward priority 300;
 *                   counter ct label set 126
 *           }
 *           chain untracked_in {
 *                   type filter hook prerouting priority -300;
 *                   ip daddr ADDRESS tcp dport PORT notrack
 *                   ip daddr ADDRESS tcp sport PORT notrack
 *           }
 *           chain untracked_out { ... output, saddr, the same ports ... }
 *   }
 *
 * With the bits in the mark the owner rule is "ct mark set ct mark or BIT".
 * The rule for our own links names the address too: the same port between
 * two strangers that we forward is none of our business.
 */
#include "dataplane/nft_batch.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#define MESSAGE_MAX 4096 /* bytes: room that any one message needs */

enum { PRIORITY_GATE = -400, PRIORITY_RAW = -300, PRIORITY_OWNER = 300 };

static char *
next_message(struct ha_nft_batch *b)
{
	HA_CHECK(b->len + MESSAGE_MAX <= sizeof(b->buf));
	return b->buf + b->len;
}

static void
added(struct ha_nft_batch *b, const struct nlmsghdr *h)
{
	b->len += h->nlmsg_len;
	b->seq++;
	if ((h->nlmsg_flags & NLM_F_ACK) != 0)
		b->n++;
}

static struct nlmsghdr *
header(struct ha_nft_batch *b, uint16_t type, uint16_t flags)
{
	return nftnl_nlmsg_build_hdr(next_message(b), type, NFPROTO_INET,
	    flags | NLM_F_ACK, b->seq);
}

void
ha_nft_batch_begin(struct ha_nft_batch *b, uint32_t seq)
{
	b->seq = seq;
	b->n = 0;
	b->len = 0;
	added(b, nftnl_batch_begin(next_message(b), b->seq));
}

void
ha_nft_batch_end(struct ha_nft_batch *b)
{
	added(b, nftnl_batch_end(next_message(b), b->seq));
}

/* ---- tables and chains ---- */

static void *
have(void *p)
{
	HA_CHECK(p != NULL); /* a few dozen bytes */
	return p;
}

static void
table_message(struct ha_nft_batch *b, uint16_t type, uint16_t flags,
    const char *name, uint32_t table_flags)
{
	struct nftnl_table *t = have(nftnl_table_alloc());
	struct nlmsghdr *h = header(b, type, flags);

	nftnl_table_set_str(t, NFTNL_TABLE_NAME, name);
	if (type == NFT_MSG_NEWTABLE)
		nftnl_table_set_u32(t, NFTNL_TABLE_FLAGS, table_flags);
	nftnl_table_nlmsg_build_payload(h, t);
	nftnl_table_free(t);
	added(b, h);
}

void
ha_nft_put_table(struct ha_nft_batch *b, uint32_t flags)
{
	table_message(b, NFT_MSG_NEWTABLE, NLM_F_CREATE, HA_NFT_TABLE, flags);
}

void
ha_nft_delete_table(struct ha_nft_batch *b, const char *name)
{
	table_message(b, NFT_MSG_DELTABLE, 0, name, 0);
}

static void
put_chain(struct ha_nft_batch *b, const char *name, uint32_t hook,
    int32_t priority)
{
	struct nftnl_chain *c = have(nftnl_chain_alloc());
	struct nlmsghdr *h = header(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE);

	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, HA_NFT_TABLE);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, name);
	nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, "filter");
	nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, hook);
	nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, priority);
	nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	nftnl_chain_nlmsg_build_payload(h, c);
	nftnl_chain_free(c);
	added(b, h);
}

/* ---- expressions ---- */

static struct nftnl_rule *
new_rule(const char *chain)
{
	struct nftnl_rule *r = have(nftnl_rule_alloc());

	nftnl_rule_set_u32(r, NFTNL_RULE_FAMILY, NFPROTO_INET);
	nftnl_rule_set_str(r, NFTNL_RULE_TABLE, HA_NFT_TABLE);
	nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, chain);
	return r;
}

/* Takes r. */
static void
put_rule(struct ha_nft_batch *b, struct nftnl_rule *r)
{
	struct nlmsghdr *h = header(b, NFT_MSG_NEWRULE,
	    NLM_F_CREATE | NLM_F_APPEND);

	nftnl_rule_nlmsg_build_payload(h, r);
	nftnl_rule_free(r);
	added(b, h);
}

static struct nftnl_expr *
add_expr(struct nftnl_rule *r, const char *name)
{
	struct nftnl_expr *e = have(nftnl_expr_alloc(name));

	nftnl_rule_add_expr(r, e);
	return e;
}

static void
add_counter(struct nftnl_rule *r)
{
	struct nftnl_expr *e = add_expr(r, "counter");

	nftnl_expr_set_u64(e, NFTNL_EXPR_CTR_PACKETS, 0);
	nftnl_expr_set_u64(e, NFTNL_EXPR_CTR_BYTES, 0);
}

static void
add_drop(struct nftnl_rule *r)
{
	struct nftnl_expr *e = add_expr(r, "immediate");

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, NF_DROP);
}

static void
add_ct(struct nftnl_rule *r, uint16_t reg_attr, uint32_t key)
{
	struct nftnl_expr *e = add_expr(r, "ct");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(e, reg_attr, NFT_REG_1);
}

/* The kernel adds these bits to what the label has. */
static void
add_label_set(struct nftnl_rule *r, unsigned int bit)
{
	uint8_t label[HA_CT_LABEL_BYTES] = { 0 };
	struct nftnl_expr *e = add_expr(r, "immediate");

	ha_ct_label_set(label, bit);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
	nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, label, sizeof(label));
	add_ct(r, NFTNL_EXPR_CT_SREG, NFT_CT_LABELS);
}

static void
add_mark_or(struct nftnl_rule *r, unsigned int bit)
{
	uint32_t set = UINT32_C(1) << bit;
	uint32_t keep = ~set;
	struct nftnl_expr *e;

	add_ct(r, NFTNL_EXPR_CT_DREG, NFT_CT_MARK);
	e = add_expr(r, "bitwise");
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, sizeof(keep));
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, &keep, sizeof(keep));
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, &set, sizeof(set));
	add_ct(r, NFTNL_EXPR_CT_SREG, NFT_CT_MARK);
}

static void
add_equals(struct nftnl_rule *r, const void *data, uint32_t len)
{
	struct nftnl_expr *e = add_expr(r, "cmp");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, len);
}

static void
add_meta_equals(struct nftnl_rule *r, uint32_t key, uint8_t value)
{
	struct nftnl_expr *e = add_expr(r, "meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, NFT_REG_1);
	add_equals(r, &value, sizeof(value));
}

static void
add_payload_equals(struct nftnl_rule *r, uint32_t base, uint32_t offset,
    const void *data, uint32_t len)
{
	struct nftnl_expr *e = add_expr(r, "payload");

	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
	add_equals(r, data, len);
}

/* ---- our chains ---- */

static void
put_gate_rule(struct ha_nft_batch *b)
{
	struct nftnl_rule *r = new_rule(HA_NFT_GATE);

	add_counter(r);
	add_drop(r);
	put_rule(b, r);
}

void
ha_nft_put_gate(struct ha_nft_batch *b, bool closed)
{
	put_chain(b, HA_NFT_GATE, NF_INET_FORWARD, PRIORITY_GATE);
	if (closed)
		put_gate_rule(b);
}

void
ha_nft_move_gate(struct ha_nft_batch *b, bool closed)
{
	struct nftnl_rule *all = new_rule(HA_NFT_GATE);
	struct nlmsghdr *h = header(b, NFT_MSG_DELRULE, 0);

	nftnl_rule_nlmsg_build_payload(h, all);
	nftnl_rule_free(all);
	added(b, h);
	if (closed)
		put_gate_rule(b);
}

void
ha_nft_put_owner(struct ha_nft_batch *b, bool with_rule,
    const struct ha_ct_bits *bits)
{
	struct nftnl_rule *r;

	put_chain(b, HA_NFT_OWNER, NF_INET_FORWARD, PRIORITY_OWNER);
	if (!with_rule)
		return;
	r = new_rule(HA_NFT_OWNER);
	add_counter(r);
	if (bits->signal == HA_SIGNAL_MARK)
		add_mark_or(r, bits->owner);
	else
		add_label_set(r, bits->owner);
	put_rule(b, r);
}

enum side { SIDE_SRC, SIDE_DST };

static void
put_notrack(struct ha_nft_batch *b, const char *chain,
    const struct ha_untracked *u, enum side own, enum side port_side)
{
	struct nftnl_rule *r = new_rule(chain);
	bool six = u->family == HA_IPV6;
	uint32_t len = six ? 16 : 4;
	uint32_t first = six ? 8 : 12;
	uint16_t port = htons(u->port);

	add_meta_equals(r, NFT_META_NFPROTO, six ? NFPROTO_IPV6 : NFPROTO_IPV4);
	add_payload_equals(r, NFT_PAYLOAD_NETWORK_HEADER,
	    own == SIDE_SRC ? first : first + len, u->address, len);
	add_meta_equals(r, NFT_META_L4PROTO, IPPROTO_TCP);
	add_payload_equals(r, NFT_PAYLOAD_TRANSPORT_HEADER,
	    port_side == SIDE_SRC ? 0 : 2, &port, sizeof(port));
	add_expr(r, "notrack");
	put_rule(b, r);
}

void
ha_nft_put_untracked(struct ha_nft_batch *b, const struct ha_untracked *u,
    size_t n)
{
	put_chain(b, HA_NFT_UNTRACKED_IN, NF_INET_PRE_ROUTING, PRIORITY_RAW);
	put_chain(b, HA_NFT_UNTRACKED_OUT, NF_INET_LOCAL_OUT, PRIORITY_RAW);
	for (size_t i = 0; i < n; i++) {
		put_notrack(b, HA_NFT_UNTRACKED_IN, &u[i], SIDE_DST, SIDE_SRC);
		put_notrack(b, HA_NFT_UNTRACKED_IN, &u[i], SIDE_DST, SIDE_DST);
		put_notrack(b, HA_NFT_UNTRACKED_OUT, &u[i], SIDE_SRC, SIDE_SRC);
		put_notrack(b, HA_NFT_UNTRACKED_OUT, &u[i], SIDE_SRC, SIDE_DST);
	}
}
