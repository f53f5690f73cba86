/*
 * rng: repeatable random numbers for jitter, tests and the simulator.
 *
 * Never for keys, nonces or boot ids: those come from libsodium.
 */
#ifndef HA_BASE_RNG_H
#define HA_BASE_RNG_H

#include <stdint.h>

#include "base/hash.h"

struct ha_rng {
	uint64_t state;
};

static inline uint64_t
ha_rng_next(struct ha_rng *r)
{
	r->state += UINT64_C(0x9e3779b97f4a7c15);
	return ha_hash_mix(r->state);
}

/* 0 to n - 1; n is at least 1. */
static inline uint64_t
ha_rng_below(struct ha_rng *r, uint64_t n)
{
	return ha_rng_next(r) % n;
}

#endif /* HA_BASE_RNG_H */
