/*
 * zone: conntrack zones, by the names that the operator gave them.
 *
 * The kernel numbers its zones, and two members may number theirs otherwise.
 * What they have in common is the name.  So wherever a zone stands in clusterd
 * or travels between members it is a *key*: 31 bits of a hash of the name
 * under a set bit, the same at every member, for ever.  Numbers are the
 * kernel's and the operator's, and do not leave the dataplane.
 *
 * A zone that this member's file does not name goes by its number: its key is
 * the number.  So members whose files name no zones agree on numbers.
 *
 * Ownership  plain values, copied freely.
 */
#ifndef HA_CORE_ZONE_H
#define HA_CORE_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#define HA_ZONES_MAX 32

/* What one member calls its zones. */
struct ha_zones {
	uint8_t n;
	struct {
		uint32_t key;
		uint16_t number;
	} zone[HA_ZONES_MAX];
};

uint32_t ha_zone_key(const char *name);

/* The key of the kernel's zone of this number. */
uint32_t ha_zone_key_of(const struct ha_zones *z, uint16_t number);

/* The number of the zone with this key; false: there is none here. */
bool ha_zone_find(const struct ha_zones *z, uint32_t key, uint16_t *number);

bool ha_zones_equal(const struct ha_zones *a, const struct ha_zones *b);

/* A key that some member may give to a zone that goes by its number. */
bool ha_zone_is_number(uint32_t key);

#endif /* HA_CORE_ZONE_H */
