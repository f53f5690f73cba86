/*
 * handshake_priv: a handshake and its configuration, examined.
 *
 * Ownership  what is returned by pointer lies in the configuration or in the
 *            handshake.
 */
#ifndef HA_PROTO_HANDSHAKE_PRIV_H
#define HA_PROTO_HANDSHAKE_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/handshake.h"

/* The keys of one handshake, chosen among those that are valid. */
struct ha_handshake_choice {
	const uint8_t *secret;
	const struct ha_keypair *own;
	const uint8_t *peer;
};

/* What this end knows of a handshake, for words. */
struct ha_handshake_facts {
	const struct ha_handshake_config *config;
	const struct ha_hello *hello; /* NULL: none yet */
	bool initiator;
	uint8_t peer_min; /* protocol versions; 0: not told */
	uint8_t peer_max;
};

struct ha_handshake_facts ha_handshake_facts(const struct ha_handshake *h);

bool ha_handshake_config_valid(const struct ha_handshake_config *c,
    bool initiator);

/* The initiator's choice; all of them come up in turn. */
struct ha_handshake_choice ha_handshake_choose(
    const struct ha_handshake_config *c);

/* NULL: none has that id. */
const uint8_t *ha_handshake_find_key(const struct ha_handshake_member *m,
    const uint8_t id[static HA_KEY_ID_LEN]);
const struct ha_keypair *ha_handshake_find_keypair(
    const struct ha_handshake_config *c,
    const uint8_t id[static HA_KEY_ID_LEN]);

#endif /* HA_PROTO_HANDSHAKE_PRIV_H */
