/*
 * hello: banner and hello, the two fixed blocks that open a connection.
 *
 * The responder's banner says which protocol versions it speaks and carries a
 * random challenge.  The initiator's hello says who it is, whom it wants, on
 * which link and with which keys.  mac1 ties banner, hello and the first
 * Noise message to the cluster secret: what does not come from a holder of
 * the secret, made for this very banner, costs one hash to turn away.
 *
 * Ownership  plain data, copied freely.
 * Errors     HA_ERR_CORRUPT: bytes that no member can have sent.
 */
#ifndef HA_PROTO_HELLO_H
#define HA_PROTO_HELLO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "proto/keys.h"

/* The versions that this program speaks (proto/README.md). */
#define HA_PROTOCOL_MIN 1
#define HA_PROTOCOL_MAX 1

#define HA_SERIAL_LEN    32 /* bytes, terminator included, zeros behind */
#define HA_CHALLENGE_LEN 16
#define HA_BANNER_LEN    24
#define HA_HELLO_LEN     88 /* without mac1 */
#define HA_MAC1_LEN      32
#define HA_MESSAGE1_LEN  48 /* Noise_KKpsk0, no payload */

struct ha_banner {
	uint8_t protocol_min;
	uint8_t protocol_max;
	uint16_t flags; /* none is known yet; others are ignored */
	uint8_t challenge[HA_CHALLENGE_LEN];
};

struct ha_hello {
	uint8_t protocol;  /* chosen: the highest that both speak */
	uint8_t link;      /* enum ha_link_id */
	uint8_t initiator; /* member index */
	uint8_t responder;
	uint32_t cluster;
	char initiator_serial[HA_SERIAL_LEN];
	char responder_serial[HA_SERIAL_LEN];
	uint8_t initiator_key[HA_KEY_ID_LEN];
	uint8_t responder_key[HA_KEY_ID_LEN];
};

void ha_banner_encode(uint8_t out[static HA_BANNER_LEN],
    const struct ha_banner *b);

/* Can this be the first byte of a banner?  Else it is that of a record. */
bool ha_banner_begins(uint8_t first);

HA_MUST_USE int ha_banner_decode(struct ha_banner *out,
    const uint8_t in[static HA_BANNER_LEN]);

/* The highest version in both ranges; 0: none. */
uint8_t ha_protocol_choose(uint8_t min_a, uint8_t max_a, uint8_t min_b,
    uint8_t max_b);

void ha_hello_encode(uint8_t out[static HA_HELLO_LEN],
    const struct ha_hello *h);

HA_MUST_USE int ha_hello_decode(struct ha_hello *out,
    const uint8_t in[static HA_HELLO_LEN]);

/* Printable ASCII without blanks, 1 to HA_SERIAL_LEN - 1 bytes, then zeros. */
bool ha_serial_valid(const char serial[static HA_SERIAL_LEN]);

/* The keyed hash over all that the responder has before it verifies. */
void ha_mac1(uint8_t out[static HA_MAC1_LEN],
    const uint8_t key[static HA_KEY_LEN],
    const uint8_t banner[static HA_BANNER_LEN],
    const uint8_t hello[static HA_HELLO_LEN],
    const uint8_t message1[static HA_MESSAGE1_LEN]);

#endif /* HA_PROTO_HELLO_H */
