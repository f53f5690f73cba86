#include "base/hash.h"

uint64_t
ha_hash_bytes(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t word = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		word |= (uint64_t)p[i] << (8 * (i % 8));
		if (i % 8 == 7) {
			h = ha_hash_add(h, word);
			word = 0;
		}
	}
	return ha_hash_add(h, word ^ ((uint64_t)len << 56));
}
