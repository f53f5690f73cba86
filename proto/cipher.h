/*
 * cipher: one key, one counter: ChaCha20-Poly1305 as Noise uses it.
 *
 * Ownership  plain data with a key in it: it lives inside an object that is
 *            in guarded memory.
 * Errors     on an error the counter stands where it stood.
 */
#ifndef HA_PROTO_CIPHER_H
#define HA_PROTO_CIPHER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "proto/keys.h"

#define HA_CIPHER_TAG 16

struct ha_cipher {
	uint8_t key[HA_KEY_LEN];
	uint64_t n; /* messages so far, and nonce of the next */
};

/* Further bytes that the tag vouches for, but that are not encrypted. */
struct ha_cipher_ad {
	const uint8_t *data;
	size_t len;
};

/* Writes len + HA_CIPHER_TAG bytes; out may be plain.  HA_ERR_FULL: the last
 * nonce is used up. */
HA_MUST_USE int ha_cipher_encrypt(struct ha_cipher *c, uint8_t *out,
    struct ha_cipher_ad ad, const uint8_t *plain, size_t len);

/* Writes len - HA_CIPHER_TAG bytes; out may be in.  HA_ERR_AUTH, HA_ERR_FULL;
 * then out is scratch. */
HA_MUST_USE int ha_cipher_decrypt(struct ha_cipher *c, uint8_t *out,
    struct ha_cipher_ad ad, const uint8_t *in, size_t len);

/* Replace the key by one that does not lead back to it. */
void ha_cipher_rekey(struct ha_cipher *c);

#endif /* HA_PROTO_CIPHER_H */
