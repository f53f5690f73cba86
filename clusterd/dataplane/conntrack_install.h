/*
 * conntrack_install: operations on the kernel's entries, many to a call.
 *
 * Ownership  _open and _close pair; operations are borrowed for the call.
 * Blocking   as long as the kernel works: about 2 us an operation.
 * Errors     of single operations come back as results (core/input.h).
 */
#ifndef HA_DATAPLANE_CONNTRACK_INSTALL_H
#define HA_DATAPLANE_CONNTRACK_INSTALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "dataplane/conntrack_msg.h"

struct ha_ct_install;

struct ha_ct_install_calls {
	void *ctx;
	/* What HA_KERNEL_END ended; before the result of that. */
	void (*on_entry)(void *ctx, const struct ha_ct_entry *e);
	void (*on_done)(void *ctx, uint64_t ticket, int result);
};

HA_MUST_USE int ha_ct_install_open(const struct ha_ct_terms *terms,
    struct ha_dataplane_stats *stats, struct ha_ct_install **out);

void ha_ct_install_close(struct ha_ct_install *in);

/* Of the socket that writes: events that it causes carry it. */
uint32_t ha_ct_install_port_id(const struct ha_ct_install *in);

/* Readable while results wait. */
int ha_ct_install_fd(const struct ha_ct_install *in);

/* Do them all, in order.  HA_ERR_NOMEM: none was done. */
HA_MUST_USE int ha_ct_install_do(struct ha_ct_install *in,
    const struct ha_kernel_op *ops, size_t n);

/* Set the owner bit of these; what fails is of no interest. */
void ha_ct_install_sign(struct ha_ct_install *in,
    const struct ha_tuple *origs, size_t n);

/* Tell all of the entry with this original tuple, as a dump would.
 * HA_ERR_ABSENT: there is none. */
HA_MUST_USE int ha_ct_install_read(struct ha_ct_install *in,
    const struct ha_tuple *orig, struct ha_ct_entry *out);

/* Hand out one slice of results; true: there are more. */
bool ha_ct_install_results(struct ha_ct_install *in,
    const struct ha_ct_install_calls *calls);

#endif /* HA_DATAPLANE_CONNTRACK_INSTALL_H */
