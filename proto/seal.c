#include "proto/seal.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"
#include "config.h"
#include "proto/cipher.h"
#include "proto/seal_priv.h"

_Static_assert(HA_SEAL_TAG == HA_CIPHER_TAG, "the tag is the cipher's");

struct ha_seal {
	struct ha_cipher send;
	struct ha_cipher receive;
	uint64_t rekey_every;
	uint64_t rekeys;
};

#ifdef HA_INSECURE_WIRE

/* A build for one test: what the sealing hides must show without it.  The
 * plain text travels as it is; the tag still vouches for it. */
static int
encrypt(struct ha_cipher *c, uint8_t *out, const uint8_t *plain, size_t len)
{
	struct ha_cipher_ad ad = { plain, len };

	if (len > 0)
		memcpy(out, plain, len);
	return ha_cipher_encrypt(c, out + len, ad, NULL, 0);
}

static int
decrypt(struct ha_cipher *c, uint8_t *body, size_t len)
{
	size_t plain_len = len - HA_SEAL_TAG;
	struct ha_cipher_ad ad = { body, plain_len };
	uint8_t nothing[1];

	return ha_cipher_decrypt(c, nothing, ad, body + plain_len,
	    HA_SEAL_TAG);
}

#else

static int
encrypt(struct ha_cipher *c, uint8_t *out, const uint8_t *plain, size_t len)
{
	return ha_cipher_encrypt(c, out, (struct ha_cipher_ad){ NULL, 0 },
	    plain, len);
}

static int
decrypt(struct ha_cipher *c, uint8_t *body, size_t len)
{
	return ha_cipher_decrypt(c, body, (struct ha_cipher_ad){ NULL, 0 },
	    body, len);
}

#endif /* HA_INSECURE_WIRE */

struct ha_seal *
ha_seal_new(const struct ha_cipher *send, const struct ha_cipher *receive,
    uint64_t rekey_every)
{
	struct ha_seal *s = sodium_malloc(sizeof(*s));

	HA_CHECK(rekey_every > 0);
	if (s == NULL)
		return NULL;
	s->send = *send;
	s->receive = *receive;
	s->rekey_every = rekey_every;
	s->rekeys = 0;
	return s;
}

void
ha_seal_free(struct ha_seal *s)
{
	sodium_free(s); /* wipes; NULL is allowed */
}

uint64_t
ha_seal_rekeys(const struct ha_seal *s)
{
	return s->rekeys;
}

static void
rekey_when_due(struct ha_seal *s, struct ha_cipher *c)
{
	if (c->n % s->rekey_every != 0)
		return;
	ha_cipher_rekey(c);
	s->rekeys++;
}

int
ha_seal_seal(struct ha_seal *s, uint8_t *out, const uint8_t *plain, size_t len)
{
	int rc;

	if (len > HA_SEAL_PLAIN_MAX)
		return HA_ERR_INVAL;
	rc = encrypt(&s->send, out + HA_FRAME_HEAD, plain, len);
	if (rc != HA_OK)
		return rc;
	ha_frame_put_head(out, len + HA_SEAL_TAG);
	rekey_when_due(s, &s->send);
	return HA_OK;
}

int
ha_seal_open(struct ha_seal *s, uint8_t *body, size_t len, size_t *plain_len)
{
	int rc;

	if (len < HA_SEAL_TAG || len > HA_FRAME_MAX)
		return HA_ERR_AUTH;
	rc = decrypt(&s->receive, body, len);
	if (rc != HA_OK)
		return rc;
	rekey_when_due(s, &s->receive);
	*plain_len = len - HA_SEAL_TAG;
	return HA_OK;
}
