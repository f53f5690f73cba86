/*
 * memberdb: the durable membership table, and what a file can't know.
 *
 * The table is filled from cluster.conf as a whole; the daemon then works
 * from it.  Beside it: the highest boot counter heard of each index, which
 * outlives the member that had the index, and the own last state.
 *
 * Ownership  rows are copied both ways; no pointer is kept or handed out.
 * Units      at_s is wall-clock seconds since the Unix epoch, for people;
 *            wait_s is a distance.
 * Blocking   waits for the disk.
 * Errors     those of storage/store.h; outputs are set only on success.
 */
#ifndef HA_STORAGE_MEMBERDB_H
#define HA_STORAGE_MEMBERDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct ha_store;
struct ha_store_time;

#define HA_MEMBERDB_MAX     16 /* rows, and indexes 1 to 16 */
#define HA_MEMBERDB_KEY_LEN 32

/* Texts are UTF-8 and terminated. */
struct ha_member_row {
	uint8_t index;
	bool enabled;
	bool session_synchronization;
	bool has_next_public_key;
	char serial[64];
	char name[64];
	char site[64];
	char description[256];
	char ha4_address[64];        /* "10.4.0.1/24" */
	char ha4_backup_address[64]; /* "": none */
	uint8_t public_key[HA_MEMBERDB_KEY_LEN];
	uint8_t next_public_key[HA_MEMBERDB_KEY_LEN]; /* zeros without one */
};

struct ha_last_state {
	char state[32];
	char reason[64];
	int64_t at_s;
};

/* A member that comes too early to the index of another. */
struct ha_takeover {
	uint8_t index;
	char serial[64]; /* whose it would be */
	char former[64]; /* whose it is */
	int64_t wait_s;  /* until it may be, when the former one stays out */
};

struct ha_replaced {
	uint64_t version; /* of the new table */
	size_t n_refused;
	struct ha_takeover refused[HA_MEMBERDB_MAX];
};

/* Replace the whole table in one transaction under a new table version, and
 * keep what it no longer says (storage/formerdb.h).  HA_ERR_CONFIG: some rows
 * would take over an index too early; out->refused tells which, the table is
 * as it was, and who is missing in rows counts as out of the file since now,
 * if not for longer.  HA_ERR_EXISTS: two rows share index, serial or key;
 * HA_ERR_FULL: the disk or the table; HA_ERR_INVAL: a row that is no row. */
HA_MUST_USE int ha_memberdb_replace(struct ha_store *store,
    const struct ha_member_row *rows, size_t n,
    const struct ha_store_time *now, struct ha_replaced *out);

/* The file says what the table says: whom a refused file left out, or who was
 * forgotten, is in it. */
HA_MUST_USE int ha_memberdb_confirm(struct ha_store *store);

/* The machine with that serial is gone for good: its index may be taken over
 * at once, unless the next table has it again.  HA_ERR_ABSENT: no index was
 * last in its hands. */
HA_MUST_USE int ha_memberdb_forget(struct ha_store *store, const char *serial,
    const struct ha_store_time *now);

/* Copy every row, lowest index first.  Version 0: never filled. */
HA_MUST_USE int ha_memberdb_list(struct ha_store *store,
    struct ha_member_row rows[static HA_MEMBERDB_MAX], size_t *n,
    uint64_t *version);

/* The highest boot counter heard of each index ([index - 1]); 0: none. */
HA_MUST_USE int ha_memberdb_boots(struct ha_store *store,
    uint64_t boots[static HA_MEMBERDB_MAX]);

/* Remember a higher one; a lower or equal one changes nothing. */
HA_MUST_USE int ha_memberdb_raise_boot(struct ha_store *store,
    unsigned int index, uint64_t boot);

/* The own state.  HA_ERR_ABSENT: none was ever saved. */
HA_MUST_USE int ha_memberdb_save_state(struct ha_store *store,
    const struct ha_last_state *state);
HA_MUST_USE int ha_memberdb_last_state(struct ha_store *store,
    struct ha_last_state *state);

#endif /* HA_STORAGE_MEMBERDB_H */
