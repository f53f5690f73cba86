/*
 * noise: the Noise Protocol Framework (revision 34) for one suite.
 *
 * Patterns KK, IK, XX and XK with any psk modifiers, over 25519, ChaChaPoly
 * and BLAKE2b.  The product speaks KKpsk0; the others are there because they
 * cost nothing but a row in a table, and so every public test vector of the
 * suite can vouch for the code that KKpsk0 runs on.
 *
 * Ownership  all input is copied.  ha_noise_free() takes the object back and
 *            wipes it; its memory is guarded.
 * Errors     a call that fails has changed nothing: the same message may be
 *            tried again.  HA_ERR_AUTH: it does not verify.
 */
#ifndef HA_PROTO_NOISE_H
#define HA_PROTO_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "proto/cipher.h"
#include "proto/keys.h"

#define HA_NOISE_HASH_LEN 64
#define HA_NOISE_PSKS_MAX 2

/* A message is at most so much longer than its payload. */
#define HA_NOISE_OVERHEAD (HA_KEY_LEN + HA_KEY_LEN + 2 * HA_CIPHER_TAG)

#define HA_NOISE_MESSAGE_MAX 65535
#define HA_NOISE_PAYLOAD_MAX (HA_NOISE_MESSAGE_MAX - HA_NOISE_OVERHEAD)

struct ha_noise;

struct ha_noise_setup {
	const char *protocol; /* "Noise_KKpsk0_25519_ChaChaPoly_BLAKE2b" */
	bool initiator;
	const uint8_t *prologue;
	size_t prologue_len;
	const struct ha_keypair *own; /* static */
	const uint8_t *peer; /* its public static key; NULL: not known */
	const uint8_t (*psks)[HA_KEY_LEN]; /* in order of use */
	size_t n_psks;
};

/* HA_ERR_UNSUPPORTED: no such protocol here.  HA_ERR_INVAL: a key that it
 * needs is missing.  HA_ERR_NOMEM. */
HA_MUST_USE int ha_noise_new(const struct ha_noise_setup *setup,
    struct ha_noise **out);

/* NULL is allowed. */
void ha_noise_free(struct ha_noise *n);

/* Our turn: write the next message around a payload of at most
 * HA_NOISE_PAYLOAD_MAX bytes; out has room for HA_NOISE_OVERHEAD more.
 * HA_ERR_AUTH: the peer's key is of small order. */
HA_MUST_USE int ha_noise_write(struct ha_noise *n, uint8_t *out,
    const uint8_t *payload, size_t payload_len, size_t *out_len);

/* The peer's turn: read its message; payload has room for len bytes, does not
 * overlap message, and is scratch after an error. */
HA_MUST_USE int ha_noise_read(struct ha_noise *n, uint8_t *payload,
    const uint8_t *message, size_t len, size_t *payload_len);

/* All messages went to and fro. */
bool ha_noise_done(const struct ha_noise *n);

/* Once done: the ciphers of what follows. */
void ha_noise_split(const struct ha_noise *n, struct ha_cipher *send,
    struct ha_cipher *receive);

/* Once done: the same at both ends, and of this handshake alone. */
void ha_noise_hash(const struct ha_noise *n,
    uint8_t out[static HA_NOISE_HASH_LEN]);

#endif /* HA_PROTO_NOISE_H */
