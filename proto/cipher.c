#include "proto/cipher.h"

#include <sodium.h>
#include <string.h>

#include "base/bytes.h"

#define NONCE_LEN crypto_aead_chacha20poly1305_ietf_NPUBBYTES

/* The largest nonce is for rekeying alone. */
#define NONCE_REKEY UINT64_MAX

_Static_assert(HA_CIPHER_TAG == crypto_aead_chacha20poly1305_ietf_ABYTES,
    "the tag's length is the cipher's");
_Static_assert(HA_KEY_LEN == crypto_aead_chacha20poly1305_ietf_KEYBYTES,
    "the key's length is the cipher's");

static void
put_nonce(uint8_t out[static NONCE_LEN], uint64_t n)
{
	memset(out, 0, NONCE_LEN - 8);
	ha_put_u64(out + NONCE_LEN - 8, n);
}

int
ha_cipher_encrypt(struct ha_cipher *c, uint8_t *out, struct ha_cipher_ad ad,
    const uint8_t *plain, size_t len)
{
	uint8_t nonce[NONCE_LEN];

	if (c->n == NONCE_REKEY)
		return HA_ERR_FULL;
	put_nonce(nonce, c->n);
	crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plain, len,
	    ad.data, ad.len, NULL, nonce, c->key);
	c->n++;
	return HA_OK;
}

int
ha_cipher_decrypt(struct ha_cipher *c, uint8_t *out, struct ha_cipher_ad ad,
    const uint8_t *in, size_t len)
{
	uint8_t nonce[NONCE_LEN];

	if (c->n == NONCE_REKEY)
		return HA_ERR_FULL;
	put_nonce(nonce, c->n);
	if (crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, in, len,
	        ad.data, ad.len, nonce, c->key) != 0)
		return HA_ERR_AUTH;
	c->n++;
	return HA_OK;
}

/* Noise, 4.2: the new key is what the old one makes of 32 zeros. */
void
ha_cipher_rekey(struct ha_cipher *c)
{
	static const uint8_t zeros[HA_KEY_LEN];
	uint8_t next[HA_KEY_LEN + HA_CIPHER_TAG];
	uint8_t nonce[NONCE_LEN];

	put_nonce(nonce, NONCE_REKEY);
	crypto_aead_chacha20poly1305_ietf_encrypt(next, NULL, zeros,
	    sizeof(zeros), NULL, 0, NULL, nonce, c->key);
	memcpy(c->key, next, sizeof(c->key));
	sodium_memzero(next, sizeof(next));
}
