/*
 * seal: one connection's records, encrypted and authenticated.
 *
 * A body is the cipher text and a tag of HA_SEAL_TAG bytes.  Each direction
 * has a key and counts its records; the count is the nonce, so a record that
 * is changed, repeated, left out or out of order does not open.  After every
 * 2^20 records a direction takes a new key that does not lead back to the old
 * one; the count goes on, so that no nonce is ever used twice.
 *
 * Ownership  a handshake makes it, ha_seal_free() takes it back and wipes it.
 *            The keys are in guarded memory.
 * Errors     after HA_ERR_AUTH nothing has changed, and there is nothing to
 *            do but to close the connection.
 */
#ifndef HA_PROTO_SEAL_H
#define HA_PROTO_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "proto/frame.h"

#define HA_SEAL_TAG       16
#define HA_SEAL_PLAIN_MAX (HA_FRAME_MAX - HA_SEAL_TAG)

/* Bytes on the wire of a record with len bytes of plain text. */
#define HA_SEAL_SIZE(len) (HA_FRAME_HEAD + (len) + HA_SEAL_TAG)

struct ha_seal;

/* NULL is allowed. */
void ha_seal_free(struct ha_seal *s);

/* How often a key was replaced, both directions together. */
uint64_t ha_seal_rekeys(const struct ha_seal *s);

/* Write the whole record of plain, head included: HA_SEAL_SIZE(len) bytes to
 * out, which must not overlap plain.  HA_ERR_INVAL: len is above
 * HA_SEAL_PLAIN_MAX.  HA_ERR_FULL: 2^64 - 1 records were sent. */
HA_MUST_USE int ha_seal_seal(struct ha_seal *s, uint8_t *out,
    const uint8_t *plain, size_t len);

/* Open a record's body, of len bytes, where it lies: afterwards the first
 * *plain_len bytes are the plain text.  HA_ERR_AUTH: not what the peer sent
 * as its next record; the body is of no use then. */
HA_MUST_USE int ha_seal_open(struct ha_seal *s, uint8_t *body, size_t len,
    size_t *plain_len);

#endif /* HA_PROTO_SEAL_H */
