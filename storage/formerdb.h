/*
 * formerdb: what cluster.conf no longer says.
 *
 * Who had an index before, and since when that serial is out of the file: the
 * index may go to another serial HA_FORMER_WAIT_S later, or when the former
 * one was forgotten (ha_memberdb_forget()).  And which keys were revoked: were
 * in the file and are not any more.  A key that comes back into the file is no
 * longer revoked; the file is the truth.
 *
 * Written through storage/memberdb.h, together with the table.
 *
 * Ownership  rows are copied both ways; no pointer is kept or handed out.
 * Blocking   waits for the disk.
 * Errors     those of storage/store.h; outputs are set only on success.
 */
#ifndef HA_STORAGE_FORMERDB_H
#define HA_STORAGE_FORMERDB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/memberdb.h"
#include "storage/store.h"

#define HA_FORMER_WAIT_S    900
#define HA_FORMERDB_KEY_MAX 256 /* revoked keys that are kept, the newest */

struct ha_former {
	char serial[64]; /* "": the index is in its holder's hands, or free */
	bool forgotten;
	struct ha_store_time since;
};

struct ha_revoked_key {
	char serial[64]; /* whose it was */
	int64_t at_s;    /* since the Unix epoch, for people */
};

/* The former holder of each index ([index - 1]). */
HA_MUST_USE int ha_formerdb_list(struct ha_store *store,
    struct ha_former formers[static HA_MEMBERDB_MAX]);

/* HA_ERR_ABSENT: that key was never revoked, or is in the file again. */
HA_MUST_USE int ha_formerdb_find_key(struct ha_store *store,
    const uint8_t key[static HA_MEMBERDB_KEY_LEN],
    struct ha_revoked_key *out);

#endif /* HA_STORAGE_FORMERDB_H */
