/*
 * hash: a 64-bit mix for indexes and digests inside one cluster.
 *
 * Fast and well spread, not a secret: whoever may feed it chosen input must
 * be kept out by other means (an index takes a random seed).
 */
#ifndef HA_BASE_HASH_H
#define HA_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t
ha_hash_mix(uint64_t x)
{
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	x ^= x >> 32;
	return x;
}

/* Fold one more number into h; order matters. */
static inline uint64_t
ha_hash_add(uint64_t h, uint64_t x)
{
	return ha_hash_mix(h ^ ha_hash_mix(x + UINT64_C(0x9e3779b97f4a7c15)));
}

/* The same for bytes, the same on every machine. */
uint64_t ha_hash_bytes(uint64_t h, const void *data, size_t len);

#endif /* HA_BASE_HASH_H */
