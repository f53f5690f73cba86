/*
 * bootdb: the counter that orders the starts of this member.
 *
 * A counter is on disk before anybody hears of it, so none is used twice.  A
 * database that was rebuilt goes on HA_BOOT_MARGIN higher.  One that was lost
 * or rolled back heals: peers tell the highest counter that they have heard,
 * and ha_bootdb_raise() steps over it.
 *
 * Blocking   waits for the disk.
 * Errors     those of storage/store.h; outputs are set only on success.
 */
#ifndef HA_STORAGE_BOOTDB_H
#define HA_STORAGE_BOOTDB_H

#include <stdint.h>

#include "base/err.h"

struct ha_store;

/* Session revisions carry the counter in 32 bits. */
#define HA_BOOT_COUNTER_MAX UINT32_MAX

/* More starts than a copy of the database can be behind it. */
#define HA_BOOT_MARGIN 1000

struct ha_boot_row {
	uint64_t counter; /* of this start, 1 or more */
	uint64_t earlier; /* starts before this one; 0: first installation */
};

/* Begin a start: take the next counter.  HA_ERR_FULL also when the counter
 * has reached its end. */
HA_MUST_USE int ha_bootdb_next(struct ha_store *store,
    struct ha_boot_row *out);

/* Go on with a counter above both the own one and heard, which some peer has
 * seen of this member.  It is the same start.  HA_ERR_INVAL: heard is too
 * high for any counter to follow. */
HA_MUST_USE int ha_bootdb_raise(struct ha_store *store, uint64_t heard,
    uint64_t *counter);

#endif /* HA_STORAGE_BOOTDB_H */
