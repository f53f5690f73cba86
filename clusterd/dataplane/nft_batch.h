/*
 * nft_batch: changes of nftables, gathered and made as one transaction.
 *
 * Knows our table's chains and rules and nothing of when to load them.
 *
 * Ownership  a plain value; nothing is kept outside it.
 */
#ifndef HA_DATAPLANE_NFT_BATCH_H
#define HA_DATAPLANE_NFT_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/conntrack_msg.h"
#include "dataplane/dataplane.h"

#define HA_NFT_TABLE         "clusterd"
#define HA_NFT_TABLE_BOOT    "clusterd_boot"
#define HA_NFT_GATE          "gate"
#define HA_NFT_OWNER         "owner"
#define HA_NFT_UNTRACKED_IN  "untracked_in"
#define HA_NFT_UNTRACKED_OUT "untracked_out"

/* Flags of a table that no older header has. */
enum {
	HA_NFT_F_OWNER = 1 << 1,   /* only its socket may change it */
	HA_NFT_F_PERSIST = 1 << 2, /* and it outlives that socket */
};

#define HA_NFT_BATCH_BYTES (64 * 1024)

struct ha_nft_batch {
	uint32_t seq;  /* of the next message */
	size_t n;      /* messages that are answered */
	size_t len;
	_Alignas(8) char buf[HA_NFT_BATCH_BYTES];
};

void ha_nft_batch_begin(struct ha_nft_batch *b, uint32_t seq);
void ha_nft_batch_end(struct ha_nft_batch *b);

void ha_nft_put_table(struct ha_nft_batch *b, uint32_t flags);
void ha_nft_delete_table(struct ha_nft_batch *b, const char *name);

/* Chain and rule.  Closed: drop whatever is forwarded, before any other
 * chain sees it. */
void ha_nft_put_gate(struct ha_nft_batch *b, bool closed);

/* The gate's rule alone, where the chain stands. */
void ha_nft_move_gate(struct ha_nft_batch *b, bool closed);

/* Sign what came through every other chain of the forward hook. */
void ha_nft_put_owner(struct ha_nft_batch *b, bool with_rule,
    const struct ha_ct_bits *bits);

/* Two rules in each of two chains for each. */
void ha_nft_put_untracked(struct ha_nft_batch *b,
    const struct ha_untracked *u, size_t n);

#endif /* HA_DATAPLANE_NFT_BATCH_H */
