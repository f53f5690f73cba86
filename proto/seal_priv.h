/*
 * seal_priv: how a seal comes into being; for the handshake and for tests.
 */
#ifndef HA_PROTO_SEAL_PRIV_H
#define HA_PROTO_SEAL_PRIV_H

#include <stdint.h>

#include "proto/cipher.h"
#include "proto/seal.h"

/* Takes over copies of both ciphers; the caller wipes its own.  A direction
 * rekeys after every rekey_every records.  NULL: no memory. */
struct ha_seal *ha_seal_new(const struct ha_cipher *send,
    const struct ha_cipher *receive, uint64_t rekey_every);

#endif /* HA_PROTO_SEAL_PRIV_H */
