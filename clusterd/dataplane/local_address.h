/*
 * local_address: is this an address of the host itself?
 *
 * Ownership  a plain value that holds memory: _load fills, _free releases.
 */
#ifndef HA_DATAPLANE_LOCAL_ADDRESS_H
#define HA_DATAPLANE_LOCAL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/types.h"

struct ha_local_address {
	uint8_t family; /* enum ha_family */
	uint8_t bytes[16];
};

struct ha_local_addresses {
	struct ha_local_address *sorted;
	size_t n;
};

/* All addresses of all interfaces, broadcast addresses too, as of now. */
HA_MUST_USE int ha_local_load(struct ha_local_addresses *out);

void ha_local_free(struct ha_local_addresses *l);

bool ha_local_has(const struct ha_local_addresses *l, uint8_t family,
    const uint8_t address[static 16]);

/* A session that this host forwards: neither end, before or behind any
 * translation, is the host, nor an address that is never routed. */
bool ha_local_forwards(const struct ha_local_addresses *l,
    const struct ha_record *r);

#endif /* HA_DATAPLANE_LOCAL_ADDRESS_H */
