/*
 * conntrack_event: the kernel's events of its conntrack table, as they come.
 *
 * Ownership  _open and _close pair; entries are borrowed for the callback.
 * Blocking   never; one call takes a bounded number of events.
 */
#ifndef HA_DATAPLANE_CONNTRACK_EVENT_H
#define HA_DATAPLANE_CONNTRACK_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "dataplane/conntrack_msg.h"

struct ha_ct_event;

struct ha_ct_event_calls {
	void *ctx;
	void (*on_entry)(void *ctx, const struct ha_ct_entry *e);
	void (*on_lost)(void *ctx); /* some could not be delivered */

	/* An expectation of the entry with this original tuple came or
	 * went. */
	void (*on_expect)(void *ctx, const struct ha_tuple *master);
};

/* Listen to all events but those that the socket with this port id causes.
 * The kernel raises none for entries that were made before, so this comes
 * first of all. */
HA_MUST_USE int ha_ct_event_open(const struct ha_ct_terms *terms,
    uint32_t own_port_id, uint32_t buffer_bytes,
    const struct ha_ct_event_calls *calls, struct ha_dataplane_stats *stats,
    struct ha_ct_event **out);

void ha_ct_event_close(struct ha_ct_event *ev);

int ha_ct_event_fd(const struct ha_ct_event *ev);

/* The receive buffer there is; true: as big as was asked. */
bool ha_ct_event_buffer(const struct ha_ct_event *ev, uint32_t *bytes);

/* Take one slice; true: there may be more. */
bool ha_ct_event_read(struct ha_ct_event *ev);

#endif /* HA_DATAPLANE_CONNTRACK_EVENT_H */
