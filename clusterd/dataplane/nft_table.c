/*
 * nft_table: the keeper of "inet clusterd".
 *
 * People flush their whole ruleset whenever they reload it.  A table that is
 * owned by our socket and persists is passed over by that, and stays when
 * this process dies; so the socket that writes stays open for as long as the
 * daemon runs.  What a dead daemon left is anybody's, a flush takes it too,
 * and the next daemon makes it its own.  A kernel that knows no such table
 * gives us a plain one.  Then a second socket listens to all changes of
 * tables; after one by somebody else that names ours, the table is compared
 * with what it should be and loaded again if it differs.
 *
 * A load is always whole: the table that stands, whoever left it there and
 * of whatever release, is replaced in the one transaction that brings the
 * new one, so no packet ever sees neither.
 *
 * The kernel works on a transaction while we send it, so answers are there
 * when the send returns, and nothing here waits.
 */
#define _GNU_SOURCE
#include "dataplane/nft_table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_compat.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "dataplane/netlink.h"
#include "dataplane/nft_batch.h"

#define REPLY_BUF   (32 * 1024)
#define LOOKS       5
#define WATCH_READS 64
#define WATCH_BYTES (1024 * 1024)

/* Newer than some systems' headers. */
enum { TABLE_ATTR_OWNER = 7 };

enum standing {
	STANDING_ABSENT,
	STANDING_FREE, /* anybody may change it */
	STANDING_OURS, /* only our socket may */
	STANDING_HELD, /* only another may, and it lives */
};

struct ha_nft_table {
	struct ha_nft_config config;
	struct mnl_socket *nl;    /* writes, and owns */
	struct mnl_socket *watch; /* NULL: not needed */
	uint32_t seq;
	bool owned;
	bool closed; /* where the gate was put last */
	struct ha_nft_batch batch;
	_Alignas(8) char reply[REPLY_BUF];
};

int
ha_nft_table_open(const struct ha_nft_config *config,
    struct ha_nft_table **out)
{
	struct ha_nft_table *t = calloc(1, sizeof(*t));
	int rc;

	if (t == NULL)
		return HA_ERR_NOMEM;
	t->config = *config;
	t->seq = 1;
	rc = ha_netlink_open(&t->nl);
	if (rc != HA_OK) {
		free(t);
		return rc;
	}
	ha_netlink_short_acks(t->nl);
	*out = t;
	return HA_OK;
}

void
ha_nft_table_close(struct ha_nft_table *t)
{
	if (t == NULL)
		return;
	ha_netlink_close(t->watch);
	ha_netlink_close(t->nl);
	free(t);
}

bool
ha_nft_table_owned(const struct ha_nft_table *t)
{
	return t->owned;
}

/* ---- talking ---- */

static ssize_t
receive(struct ha_nft_table *t)
{
	ssize_t n;

	do
		n = recv(mnl_socket_get_fd(t->nl), t->reply, sizeof(t->reply),
		    MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n;
}

/* What an earlier exchange left unread, if it broke off. */
static void
discard_old(struct ha_nft_table *t)
{
	while (receive(t) > 0)
		continue;
}

/* Count good answers; keep the first bad one. */
static void
count_answers(const char *buf, size_t len, size_t *good, int *err)
{
	const struct nlmsghdr *h = (const void *)buf;
	int left = (int)len;

	for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
		int e;

		if (h->nlmsg_type != NLMSG_ERROR)
			continue;
		e = ha_netlink_errno(h);
		if (e == 0)
			(*good)++;
		else if (*err == 0)
			*err = e;
	}
}

static struct ha_nft_batch *
begin(struct ha_nft_table *t)
{
	ha_nft_batch_begin(&t->batch, t->seq);
	return &t->batch;
}

/* All of the batch, or nothing of it. */
static int
commit(struct ha_nft_table *t)
{
	struct ha_nft_batch *b = &t->batch;
	size_t good = 0;
	int err = 0;
	ssize_t n;
	int rc;

	ha_nft_batch_end(b);
	t->seq = b->seq;
	discard_old(t);
	rc = ha_netlink_send(t->nl, b->buf, b->len);
	if (rc != HA_OK)
		return rc;
	while ((n = receive(t)) > 0)
		count_answers(t->reply, (size_t)n, &good, &err);
	if (err != 0)
		return ha_netlink_err(err);
	return good >= b->n ? HA_OK : HA_ERR_IO;
}

/* Ask, and hand every line of the answer to fn. */
static int
query(struct ha_nft_table *t, const struct nlmsghdr *ask,
    mnl_cb_t fn, void *into)
{
	uint32_t port_id = mnl_socket_get_portid(t->nl);
	ssize_t n;
	int more = MNL_CB_OK;
	int rc;

	discard_old(t);
	rc = ha_netlink_send(t->nl, ask, ask->nlmsg_len);
	while (rc == HA_OK && more == MNL_CB_OK) {
		n = receive(t);
		if (n <= 0)
			return HA_ERR_IO;
		more = mnl_cb_run(t->reply, (size_t)n, ask->nlmsg_seq, port_id,
		    fn, into);
		if (more < 0)
			rc = ha_netlink_err(errno);
	}
	return rc;
}

static struct nlmsghdr *
ask_about(struct ha_nft_table *t, char *buf, uint16_t type, uint16_t flags,
    uint16_t name_attr)
{
	struct nlmsghdr *h = nftnl_nlmsg_build_hdr(buf, type, NFPROTO_INET,
	    flags, t->seq++);

	mnl_attr_put_strz(h, name_attr, HA_NFT_TABLE);
	return h;
}

/* ---- what stands there ---- */

struct table_seen {
	uint32_t flags;
	uint32_t owner;
};

static int
see_table_attr(const struct nlattr *a, void *into)
{
	struct table_seen *seen = into;

	if (mnl_attr_get_payload_len(a) < sizeof(uint32_t))
		return MNL_CB_OK;
	if (mnl_attr_get_type(a) == NFTA_TABLE_FLAGS)
		seen->flags = ntohl(mnl_attr_get_u32(a));
	else if (mnl_attr_get_type(a) == TABLE_ATTR_OWNER)
		seen->owner = ntohl(mnl_attr_get_u32(a));
	return MNL_CB_OK;
}

static int
see_table(const struct nlmsghdr *h, void *into)
{
	return mnl_attr_parse(h, sizeof(struct nfgenmsg), see_table_attr,
	    into);
}

static int
look(struct ha_nft_table *t, enum standing *out)
{
	struct table_seen seen = { 0, 0 };
	_Alignas(8) char buf[256];
	struct nlmsghdr *h = ask_about(t, buf, NFT_MSG_GETTABLE, NLM_F_ACK,
	    NFTA_TABLE_NAME);
	int rc = query(t, h, see_table, &seen);

	if (rc == HA_ERR_ABSENT)
		*out = STANDING_ABSENT;
	else if (rc != HA_OK)
		return rc;
	else if ((seen.flags & HA_NFT_F_OWNER) == 0)
		*out = STANDING_FREE;
	else if (seen.owner == mnl_socket_get_portid(t->nl))
		*out = STANDING_OURS;
	else
		*out = STANDING_HELD;
	return HA_OK;
}

/* Rules and counters, chain by chain. */
struct rules_seen {
	size_t gate, owner, untracked;
	struct ha_dataplane_traffic traffic;
};

static int
see_counter(struct nftnl_expr *e, void *into)
{
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);
	uint64_t *packets = into;

	if (name != NULL && strcmp(name, "counter") == 0)
		*packets += nftnl_expr_get_u64(e, NFTNL_EXPR_CTR_PACKETS);
	return 0;
}

static int
see_rule(const struct nlmsghdr *h, void *into)
{
	struct rules_seen *seen = into;
	struct nftnl_rule *r = nftnl_rule_alloc();
	const char *chain;
	uint64_t packets = 0;

	if (r == NULL || nftnl_rule_nlmsg_parse(h, r) < 0)
		goto out;
	chain = nftnl_rule_get_str(r, NFTNL_RULE_CHAIN);
	if (chain == NULL)
		goto out;
	nftnl_expr_foreach(r, see_counter, &packets);
	if (strcmp(chain, HA_NFT_GATE) == 0) {
		seen->gate++;
		seen->traffic.gate_dropped += packets;
	} else if (strcmp(chain, HA_NFT_OWNER) == 0) {
		seen->owner++;
		seen->traffic.owner_signed += packets;
	} else {
		seen->untracked++;
	}
out:
	if (r != NULL)
		nftnl_rule_free(r);
	return MNL_CB_OK;
}

/* A list that somebody changed while it was read is read again. */
static int
look_at_rules(struct ha_nft_table *t, struct rules_seen *out)
{
	_Alignas(8) char buf[256];
	int rc = HA_ERR_AGAIN;

	for (int i = 0; i < LOOKS && rc == HA_ERR_AGAIN; i++) {
		*out = (struct rules_seen){ 0 };
		rc = query(t, ask_about(t, buf, NFT_MSG_GETRULE, NLM_F_DUMP,
		    NFTA_RULE_TABLE), see_rule, out);
	}
	return rc;
}

int
ha_nft_table_find(struct ha_nft_table *t, struct ha_nft_found *out)
{
	enum standing standing;
	struct rules_seen rules = { 0 };
	int rc = look(t, &standing);

	if (rc != HA_OK)
		return rc;
	if (standing == STANDING_HELD)
		return HA_ERR_EXISTS;
	if (standing != STANDING_ABSENT)
		rc = look_at_rules(t, &rules);
	if (rc != HA_OK)
		return rc;
	out->present = standing != STANDING_ABSENT;
	out->gate_closed = rules.gate > 0;
	return HA_OK;
}

int
ha_nft_table_traffic(struct ha_nft_table *t, struct ha_dataplane_traffic *out)
{
	struct rules_seen rules;
	int rc = look_at_rules(t, &rules);

	if (rc == HA_OK)
		*out = rules.traffic;
	return rc;
}

/* ---- loading ---- */

static int
replace(struct ha_nft_table *t, bool standing, uint32_t flags, bool closed)
{
	const struct ha_nft_config *c = &t->config;
	struct ha_nft_batch *b = begin(t);

	if (standing)
		ha_nft_delete_table(b, HA_NFT_TABLE);
	ha_nft_put_table(b, flags);
	if (c->gate)
		ha_nft_put_gate(b, closed);
	ha_nft_put_owner(b, c->rule, &c->bits);
	ha_nft_put_untracked(b, c->untracked, c->n_untracked);
	return commit(t);
}

static int
start_watch(struct ha_nft_table *t)
{
	int group = NFNLGRP_NFTABLES;
	uint32_t got;
	int rc;

	if (t->watch != NULL)
		return HA_OK;
	rc = ha_netlink_open(&t->watch);
	if (rc != HA_OK)
		return rc;
	(void)ha_netlink_receive_buffer(t->watch, WATCH_BYTES, &got);
	if (mnl_socket_setsockopt(t->watch, NETLINK_ADD_MEMBERSHIP, &group,
	    sizeof(group)) < 0) {
		rc = ha_netlink_err(errno);
		ha_netlink_close(t->watch);
		t->watch = NULL;
	}
	return rc;
}

/* A kernel that knows no owned table, or no persistent one, refuses. */
static int
load_owned(struct ha_nft_table *t, bool standing, bool closed)
{
	int rc = HA_ERR_UNSUPPORTED;

	if (!t->config.shared)
		rc = replace(t, standing, HA_NFT_F_OWNER | HA_NFT_F_PERSIST,
		    closed);
	t->owned = rc == HA_OK;
	return rc;
}

int
ha_nft_table_load(struct ha_nft_table *t, bool closed)
{
	enum standing standing;
	bool stands;
	int rc = look(t, &standing);

	if (rc == HA_OK && standing == STANDING_HELD)
		rc = HA_ERR_EXISTS;
	if (rc != HA_OK)
		return rc;

	stands = standing != STANDING_ABSENT;
	closed = closed && t->config.gate;
	if (load_owned(t, stands, closed) != HA_OK) {
		rc = start_watch(t);
		if (rc == HA_OK)
			rc = replace(t, stands, 0, closed);
	}
	if (rc == HA_OK)
		t->closed = closed;
	return rc;
}

int
ha_nft_table_change(struct ha_nft_table *t, const struct ha_nft_config *config)
{
	const struct ha_nft_config before = t->config;
	int rc;

	t->config = *config;
	rc = ha_nft_table_load(t, t->closed);
	if (rc != HA_OK)
		t->config = before;
	return rc;
}

/* A table that was taken away comes back with the gate where it belongs. */
int
ha_nft_table_gate(struct ha_nft_table *t, bool closed)
{
	int rc;

	if (!t->config.gate)
		return closed ? HA_ERR_UNSUPPORTED : HA_OK;
	ha_nft_move_gate(begin(t), closed);
	rc = commit(t);
	if (rc == HA_ERR_ABSENT)
		rc = ha_nft_table_load(t, closed);
	if (rc == HA_OK)
		t->closed = closed;
	return rc;
}

int
ha_nft_table_remove_boot(struct ha_nft_table *t)
{
	int rc;

	ha_nft_delete_table(begin(t), HA_NFT_TABLE_BOOT);
	rc = commit(t);
	return rc == HA_ERR_ABSENT ? HA_OK : rc;
}

/* ---- watching ---- */

int
ha_nft_table_fd(const struct ha_nft_table *t)
{
	return t->watch != NULL && !t->owned ? mnl_socket_get_fd(t->watch) : -1;
}

/* Every kind of message names its table in attribute 1. */
static int
see_name(const struct nlattr *a, void *into)
{
	bool *ours = into;

	if (mnl_attr_get_type(a) != NFTA_TABLE_NAME)
		return MNL_CB_OK;
	*ours = mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0 &&
	    strcmp(mnl_attr_get_str(a), HA_NFT_TABLE) == 0;
	return MNL_CB_STOP;
}

static bool
names_our_table(const struct nlmsghdr *h)
{
	bool ours = false;

	return h->nlmsg_len >= MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg) &&
	    mnl_attr_parse(h, sizeof(struct nfgenmsg), see_name, &ours) >= 0 &&
	    ours;
}

static bool
meddled(const struct ha_nft_table *t, size_t len)
{
	const struct nlmsghdr *h = (const void *)t->reply;
	int left = (int)len;

	for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left))
		if (h->nlmsg_pid != mnl_socket_get_portid(t->nl) &&
		    h->nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES &&
		    names_our_table(h))
			return true;
	return false;
}

/* Events that were lost may have been about our table. */
static bool
somebody_meddled(struct ha_nft_table *t)
{
	bool found = false;

	for (int i = 0; i < WATCH_READS; i++) {
		ssize_t n = recv(mnl_socket_get_fd(t->watch), t->reply,
		    sizeof(t->reply), MSG_DONTWAIT);

		if (n < 0 && errno == ENOBUFS)
			found = true;
		else if (n <= 0)
			break;
		else
			found |= meddled(t, (size_t)n);
	}
	return found;
}

static bool
as_it_should_be(struct ha_nft_table *t)
{
	const struct ha_nft_config *c = &t->config;
	struct rules_seen seen;
	enum standing standing;

	return look(t, &standing) == HA_OK && standing != STANDING_ABSENT &&
	    look_at_rules(t, &seen) == HA_OK &&
	    seen.gate == (t->closed ? 1 : 0) &&
	    seen.owner == (c->rule ? 1 : 0) &&
	    seen.untracked == 4u * c->n_untracked;
}

enum ha_nft_watch
ha_nft_table_watch(struct ha_nft_table *t)
{
	if (t->watch == NULL || !somebody_meddled(t) || as_it_should_be(t))
		return HA_NFT_UNTOUCHED;
	return ha_nft_table_load(t, t->closed) == HA_OK ? HA_NFT_RELOADED :
							  HA_NFT_LOST;
}

/* ---- without a daemon ---- */

static int
open_alone(struct ha_nft_table **out)
{
	static const struct ha_nft_config PLAIN = { .gate = true };
	struct ha_nft_table *t;
	enum standing standing;
	int rc = ha_nft_table_open(&PLAIN, &t);

	if (rc != HA_OK)
		return rc;
	rc = look(t, &standing);
	if (rc == HA_OK && standing == STANDING_ABSENT)
		rc = HA_ERR_ABSENT;
	if (rc == HA_OK && standing == STANDING_HELD)
		rc = HA_ERR_EXISTS;
	if (rc != HA_OK) {
		ha_nft_table_close(t);
		return rc;
	}
	*out = t;
	return HA_OK;
}

int
ha_nft_table_open_gate_alone(void)
{
	struct ha_nft_table *t;
	int rc = open_alone(&t);

	if (rc != HA_OK)
		return rc;
	ha_nft_move_gate(begin(t), false);
	rc = commit(t);
	ha_nft_table_close(t);
	return rc == HA_ERR_ABSENT ? HA_OK : rc; /* no gate: open */
}

int
ha_nft_table_remove_alone(void)
{
	struct ha_nft_table *t;
	int rc = open_alone(&t);

	if (rc != HA_OK)
		return rc;
	ha_nft_delete_table(begin(t), HA_NFT_TABLE);
	rc = commit(t);
	ha_nft_table_close(t);
	return rc;
}
