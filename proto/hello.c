#include "proto/hello.h"

#include <sodium.h>
#include <string.h>

#include "base/bytes.h"
#include "core/types.h"

/* The first byte is none that the length of a refusal begins with. */
static const uint8_t MAGIC[4] = { 0x9f, 'H', 'A', '4' };

enum banner_offset {
	BANNER_MAGIC = 0,
	BANNER_MIN = 4,
	BANNER_MAX = 5,
	BANNER_FLAGS = 6,
	BANNER_CHALLENGE = 8,
};

enum hello_offset {
	HELLO_PROTOCOL = 0,
	HELLO_LINK = 1,
	HELLO_INITIATOR = 2,
	HELLO_RESPONDER = 3,
	HELLO_CLUSTER = 4,
	HELLO_INITIATOR_SERIAL = 8,
	HELLO_RESPONDER_SERIAL = 40,
	HELLO_INITIATOR_KEY = 72,
	HELLO_RESPONDER_KEY = 80,
};

_Static_assert(BANNER_CHALLENGE + HA_CHALLENGE_LEN == HA_BANNER_LEN,
    "the banner is full");
_Static_assert(HELLO_RESPONDER_KEY + HA_KEY_ID_LEN == HA_HELLO_LEN,
    "the hello is full");

void
ha_banner_encode(uint8_t out[static HA_BANNER_LEN], const struct ha_banner *b)
{
	memcpy(out + BANNER_MAGIC, MAGIC, sizeof(MAGIC));
	out[BANNER_MIN] = b->protocol_min;
	out[BANNER_MAX] = b->protocol_max;
	ha_put_u16(out + BANNER_FLAGS, b->flags);
	memcpy(out + BANNER_CHALLENGE, b->challenge, HA_CHALLENGE_LEN);
}

bool
ha_banner_begins(uint8_t first)
{
	return first == MAGIC[0];
}

int
ha_banner_decode(struct ha_banner *out, const uint8_t in[static HA_BANNER_LEN])
{
	uint8_t min = in[BANNER_MIN];
	uint8_t max = in[BANNER_MAX];

	if (memcmp(in + BANNER_MAGIC, MAGIC, sizeof(MAGIC)) != 0 || min == 0 ||
	    min > max)
		return HA_ERR_CORRUPT;
	out->protocol_min = min;
	out->protocol_max = max;
	out->flags = ha_get_u16(in + BANNER_FLAGS);
	memcpy(out->challenge, in + BANNER_CHALLENGE, HA_CHALLENGE_LEN);
	return HA_OK;
}

uint8_t
ha_protocol_choose(uint8_t min_a, uint8_t max_a, uint8_t min_b, uint8_t max_b)
{
	uint8_t highest = max_a < max_b ? max_a : max_b;
	uint8_t lowest = min_a > min_b ? min_a : min_b;

	return highest >= lowest ? highest : 0;
}

void
ha_hello_encode(uint8_t out[static HA_HELLO_LEN], const struct ha_hello *h)
{
	out[HELLO_PROTOCOL] = h->protocol;
	out[HELLO_LINK] = h->link;
	out[HELLO_INITIATOR] = h->initiator;
	out[HELLO_RESPONDER] = h->responder;
	ha_put_u16(out + HELLO_CLUSTER, (uint16_t)h->cluster);
	ha_put_u16(out + HELLO_CLUSTER + 2, (uint16_t)(h->cluster >> 16));
	memcpy(out + HELLO_INITIATOR_SERIAL, h->initiator_serial,
	    HA_SERIAL_LEN);
	memcpy(out + HELLO_RESPONDER_SERIAL, h->responder_serial,
	    HA_SERIAL_LEN);
	memcpy(out + HELLO_INITIATOR_KEY, h->initiator_key, HA_KEY_ID_LEN);
	memcpy(out + HELLO_RESPONDER_KEY, h->responder_key, HA_KEY_ID_LEN);
}

int
ha_hello_decode(struct ha_hello *out, const uint8_t in[static HA_HELLO_LEN])
{
	struct ha_hello h;

	h.protocol = in[HELLO_PROTOCOL];
	h.link = in[HELLO_LINK];
	h.initiator = in[HELLO_INITIATOR];
	h.responder = in[HELLO_RESPONDER];
	h.cluster = ha_get_u16(in + HELLO_CLUSTER) |
	    (uint32_t)ha_get_u16(in + HELLO_CLUSTER + 2) << 16;
	memcpy(h.initiator_serial, in + HELLO_INITIATOR_SERIAL, HA_SERIAL_LEN);
	memcpy(h.responder_serial, in + HELLO_RESPONDER_SERIAL, HA_SERIAL_LEN);
	memcpy(h.initiator_key, in + HELLO_INITIATOR_KEY, HA_KEY_ID_LEN);
	memcpy(h.responder_key, in + HELLO_RESPONDER_KEY, HA_KEY_ID_LEN);

	if (h.initiator < 1 || h.initiator > HA_MEMBER_MAX ||
	    h.responder < 1 || h.responder > HA_MEMBER_MAX ||
	    !ha_serial_valid(h.initiator_serial) ||
	    !ha_serial_valid(h.responder_serial))
		return HA_ERR_CORRUPT;
	*out = h;
	return HA_OK;
}

bool
ha_serial_valid(const char serial[static HA_SERIAL_LEN])
{
	size_t len = 0;

	while (len < HA_SERIAL_LEN && serial[len] > ' ' && serial[len] <= '~')
		len++;
	if (len == 0 || len == HA_SERIAL_LEN)
		return false;
	while (len < HA_SERIAL_LEN && serial[len] == '\0')
		len++;
	return len == HA_SERIAL_LEN;
}

void
ha_mac1(uint8_t out[static HA_MAC1_LEN], const uint8_t key[static HA_KEY_LEN],
    const uint8_t banner[static HA_BANNER_LEN],
    const uint8_t hello[static HA_HELLO_LEN],
    const uint8_t message1[static HA_MESSAGE1_LEN])
{
	crypto_generichash_state st;

	crypto_generichash_init(&st, key, HA_KEY_LEN, HA_MAC1_LEN);
	crypto_generichash_update(&st, banner, HA_BANNER_LEN);
	crypto_generichash_update(&st, hello, HA_HELLO_LEN);
	crypto_generichash_update(&st, message1, HA_MESSAGE1_LEN);
	crypto_generichash_final(&st, out, HA_MAC1_LEN);
	sodium_memzero(&st, sizeof(st));
}
