/*
 * noise_priv: for tests with known answers, and for nobody else.
 */
#ifndef HA_PROTO_NOISE_PRIV_H
#define HA_PROTO_NOISE_PRIV_H

#include <stdint.h>

#include "proto/noise.h"

/* Use this private key as the ephemeral one, instead of a random one. */
void ha_noise_set_ephemeral(struct ha_noise *n,
    const uint8_t private_key[static HA_KEY_LEN]);

#endif /* HA_PROTO_NOISE_PRIV_H */
