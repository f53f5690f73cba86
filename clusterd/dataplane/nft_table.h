/*
 * nft_table: our table in the kernel, from the first load to the last.
 *
 * Ownership  _open and _close pair; the table outlives both.
 * Blocking   as long as the kernel takes for a transaction, milliseconds.
 */
#ifndef HA_DATAPLANE_NFT_TABLE_H
#define HA_DATAPLANE_NFT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "dataplane/conntrack_msg.h"
#include "dataplane/dataplane.h"

struct ha_nft_table;

struct ha_nft_config {
	struct ha_ct_bits bits;
	bool rule;
	bool gate;
	bool shared; /* never ask for a table of our own */
	uint8_t n_untracked;
	struct ha_untracked untracked[HA_UNTRACKED_MAX];
};

HA_MUST_USE int ha_nft_table_open(const struct ha_nft_config *config,
    struct ha_nft_table **out);

void ha_nft_table_close(struct ha_nft_table *t);

struct ha_nft_found {
	bool present;
	bool gate_closed;
};

/* What stands there now.  HA_ERR_EXISTS: a living process holds it. */
HA_MUST_USE int ha_nft_table_find(struct ha_nft_table *t,
    struct ha_nft_found *out);

/* Put the whole table there, in place of what stands, in one transaction. */
HA_MUST_USE int ha_nft_table_load(struct ha_nft_table *t, bool closed);

/* Load another one in its place, the gate where it is, if there is one.  On
 * error nothing has changed. */
HA_MUST_USE int ha_nft_table_change(struct ha_nft_table *t,
    const struct ha_nft_config *config);

/* Nobody else can change it. */
bool ha_nft_table_owned(const struct ha_nft_table *t);

HA_MUST_USE int ha_nft_table_gate(struct ha_nft_table *t, bool closed);

HA_MUST_USE int ha_nft_table_traffic(struct ha_nft_table *t,
    struct ha_dataplane_traffic *out);

/* Remove the table that was there before ours; none is fine. */
HA_MUST_USE int ha_nft_table_remove_boot(struct ha_nft_table *t);

/* Readable when somebody changed tables; -1: nothing to watch. */
int ha_nft_table_fd(const struct ha_nft_table *t);

enum ha_nft_watch {
	HA_NFT_UNTOUCHED,
	HA_NFT_RELOADED, /* it was damaged or gone, and stands again */
	HA_NFT_LOST,     /* and could not be loaded */
};

enum ha_nft_watch ha_nft_table_watch(struct ha_nft_table *t);

/* Without a daemon: ha_dataplane_gate_open_alone() and its kin. */
HA_MUST_USE int ha_nft_table_open_gate_alone(void);
HA_MUST_USE int ha_nft_table_remove_alone(void);

#endif /* HA_DATAPLANE_NFT_TABLE_H */
