/*
 * conntrack_dump: the kernel's whole conntrack table, a slice at a time.
 *
 * Ownership  _open and _close pair; entries are borrowed for the callback.
 * Blocking   never, but ha_ct_dump_peek().
 */
#ifndef HA_DATAPLANE_CONNTRACK_DUMP_H
#define HA_DATAPLANE_CONNTRACK_DUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "dataplane/conntrack_msg.h"

struct ha_ct_dump;

struct ha_ct_dump_calls {
	void *ctx;
	void (*on_entry)(void *ctx, const struct ha_ct_entry *e);
	void (*on_end)(void *ctx);
	void (*on_broken)(void *ctx); /* no on_end comes after it */
};

HA_MUST_USE int ha_ct_dump_open(const struct ha_ct_terms *terms,
    const struct ha_ct_dump_calls *calls, struct ha_dataplane_stats *stats,
    struct ha_ct_dump **out);

void ha_ct_dump_close(struct ha_ct_dump *d);

int ha_ct_dump_fd(const struct ha_ct_dump *d);

bool ha_ct_dump_running(const struct ha_ct_dump *d);

/* HA_ERR_AGAIN: one is running. */
HA_MUST_USE int ha_ct_dump_start(struct ha_ct_dump *d);

/* Take one slice; true: there may be more. */
bool ha_ct_dump_read(struct ha_ct_dump *d);

/* Tell the dump of an event, so that what it still holds from before does
 * not contradict it. */
void ha_ct_dump_note(struct ha_ct_dump *d, const struct ha_ct_entry *e);

/* Does any entry of this kernel carry one of our bits?  Reads the table until
 * the first that does, and waits for it. */
HA_MUST_USE int ha_ct_dump_peek(const struct ha_ct_terms *terms, bool *found);

#endif /* HA_DATAPLANE_CONNTRACK_DUMP_H */
