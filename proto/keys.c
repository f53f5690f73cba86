#include "proto/keys.h"

#include <sodium.h>
#include <string.h>

#define VARIANT sodium_base64_VARIANT_ORIGINAL

_Static_assert(HA_KEY_TEXT_LEN == sodium_base64_ENCODED_LEN(HA_KEY_LEN,
    sodium_base64_VARIANT_ORIGINAL), "base64 of a key fits");
_Static_assert(HA_KEY_LEN == crypto_scalarmult_BYTES, "a key is a point");
_Static_assert(HA_KEY_LEN == crypto_scalarmult_SCALARBYTES,
    "a key is a scalar");

/* One label for each use: from one result nothing leads to another. */
static const char *const LABELS[] = {
	[HA_SECRET_PSK] = "clusterd HA4 psk",
	[HA_SECRET_MAC1] = "clusterd HA4 mac1",
};

int
ha_keys_init(void)
{
	return sodium_init() < 0 ? HA_ERR_UNSUPPORTED : HA_OK;
}

void
ha_keypair_generate(struct ha_keypair *out)
{
	randombytes_buf(out->private_key, sizeof(out->private_key));
	crypto_scalarmult_base(out->public_key, out->private_key);
}

int
ha_keypair_from_private(struct ha_keypair *out,
    const uint8_t private_key[static HA_KEY_LEN])
{
	if (sodium_is_zero(private_key, HA_KEY_LEN))
		return HA_ERR_INVAL;
	memmove(out->private_key, private_key, HA_KEY_LEN);
	crypto_scalarmult_base(out->public_key, out->private_key);
	return HA_OK;
}

void
ha_secret_generate(uint8_t out[static HA_KEY_LEN])
{
	randombytes_buf(out, HA_KEY_LEN);
}

void
ha_secret_derive(uint8_t out[static HA_KEY_LEN],
    const uint8_t secret[static HA_KEY_LEN], enum ha_secret_use use)
{
	const char *label = LABELS[use];

	crypto_generichash(out, HA_KEY_LEN, (const uint8_t *)label,
	    strlen(label), secret, HA_KEY_LEN);
}

/* The first bytes of the hash: a shorter output would be another hash. */
void
ha_key_id(uint8_t out[static HA_KEY_ID_LEN],
    const uint8_t public_key[static HA_KEY_LEN])
{
	uint8_t hash[crypto_generichash_BYTES];

	crypto_generichash(hash, sizeof(hash), public_key, HA_KEY_LEN, NULL, 0);
	memcpy(out, hash, HA_KEY_ID_LEN);
}

void
ha_key_to_text(char out[static HA_KEY_TEXT_LEN],
    const uint8_t key[static HA_KEY_LEN])
{
	sodium_bin2base64(out, HA_KEY_TEXT_LEN, key, HA_KEY_LEN, VARIANT);
}

int
ha_key_from_text(uint8_t out[static HA_KEY_LEN], const char *text)
{
	uint8_t key[HA_KEY_LEN];
	size_t len;
	int rc;

	if (strlen(text) != HA_KEY_TEXT_LEN - 1)
		return HA_ERR_INVAL;
	rc = sodium_base642bin(key, sizeof(key), text, HA_KEY_TEXT_LEN - 1,
	    NULL, &len, NULL, VARIANT);
	if (rc == 0 && len == sizeof(key))
		memcpy(out, key, sizeof(key));
	else
		rc = -1;
	sodium_memzero(key, sizeof(key));
	return rc == 0 ? HA_OK : HA_ERR_INVAL;
}

/* A scalar multiplication answers with an error for the points that make
 * every agreement come out the same; any scalar will do to ask. */
bool
ha_public_key_valid(const uint8_t public_key[static HA_KEY_LEN])
{
	static const uint8_t scalar[HA_KEY_LEN] = { 1 };
	uint8_t point[HA_KEY_LEN];

	return crypto_scalarmult(point, scalar, public_key) == 0;
}
