#include "core/zone.h"

#include <string.h>

#include "base/hash.h"

#define NAMED (UINT32_C(1) << 31)

uint32_t
ha_zone_key(const char *name)
{
	return NAMED | (uint32_t)ha_hash_bytes(0, name, strlen(name));
}

bool
ha_zone_is_number(uint32_t key)
{
	return key <= UINT16_MAX;
}

bool
ha_zones_equal(const struct ha_zones *a, const struct ha_zones *b)
{
	if (a->n != b->n)
		return false;
	for (int i = 0; i < a->n; i++)
		if (a->zone[i].key != b->zone[i].key ||
		    a->zone[i].number != b->zone[i].number)
			return false;
	return true;
}

uint32_t
ha_zone_key_of(const struct ha_zones *z, uint16_t number)
{
	for (int i = 0; i < z->n; i++)
		if (z->zone[i].number == number)
			return z->zone[i].key;
	return number;
}

bool
ha_zone_find(const struct ha_zones *z, uint32_t key, uint16_t *number)
{
	for (int i = 0; i < z->n; i++) {
		if (z->zone[i].key == key) {
			*number = z->zone[i].number;
			return true;
		}
	}
	*number = (uint16_t)key;
	return ha_zone_is_number(key) &&
	    ha_zone_key_of(z, *number) == key; /* nobody named it */
}
