/*
 * keys: the long-lived secrets of a cluster and their forms.
 *
 * Each member has a static X25519 key pair; all members share one cluster
 * secret of 32 bytes.  During a rotation two of each are valid at once.
 *
 * Ownership  all buffers are the caller's.  Whoever holds a private key or a
 *            secret keeps it in memory from sodium_malloc() and wipes it.
 * Errors     HA_OK or a negative HA_ERR_*; results are set only on success.
 */
#ifndef HA_PROTO_KEYS_H
#define HA_PROTO_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define HA_KEY_LEN      32
#define HA_KEY_TEXT_LEN 45 /* base64 of a key, terminator included */
#define HA_KEY_ID_LEN   8
#define HA_KEYS_MAX     2 /* of a kind valid at once: now and next */

struct ha_keypair {
	uint8_t public_key[HA_KEY_LEN];
	uint8_t private_key[HA_KEY_LEN];
};

/* What is derived from the cluster secret. */
enum ha_secret_use {
	HA_SECRET_PSK,  /* the pre-shared key of the Noise handshake */
	HA_SECRET_MAC1, /* the key of mac1 in the hello */
};

/* Before anything else in proto/; again is harmless.  HA_ERR_UNSUPPORTED:
 * this host has no source of randomness. */
HA_MUST_USE int ha_keys_init(void);

/* A new random key pair. */
void ha_keypair_generate(struct ha_keypair *out);

/* The pair of a private key.  HA_ERR_INVAL: it can't be one. */
HA_MUST_USE int ha_keypair_from_private(struct ha_keypair *out,
    const uint8_t private_key[static HA_KEY_LEN]);

/* A new random cluster secret. */
void ha_secret_generate(uint8_t out[static HA_KEY_LEN]);

/* One secret in, one independent key for each use out. */
void ha_secret_derive(uint8_t out[static HA_KEY_LEN],
    const uint8_t secret[static HA_KEY_LEN], enum ha_secret_use use);

/* A short public name of a public key. */
void ha_key_id(uint8_t out[static HA_KEY_ID_LEN],
    const uint8_t public_key[static HA_KEY_LEN]);

/* Base64 with padding, one line without an end of line. */
void ha_key_to_text(char out[static HA_KEY_TEXT_LEN],
    const uint8_t key[static HA_KEY_LEN]);

/* Exactly what ha_key_to_text() writes.  HA_ERR_INVAL: anything else. */
HA_MUST_USE int ha_key_from_text(uint8_t out[static HA_KEY_LEN],
    const char *text);

/* False for all zeros and for points of small order: with those, everybody
 * knows the result of a key agreement. */
bool ha_public_key_valid(const uint8_t public_key[static HA_KEY_LEN]);

#endif /* HA_PROTO_KEYS_H */
