/* What a handshake may find in its configuration, and which of it to use. */
#include "proto/handshake_priv.h"

#include <string.h>

const uint8_t *
ha_handshake_find_key(const struct ha_handshake_member *m,
    const uint8_t id[static HA_KEY_ID_LEN])
{
	uint8_t have[HA_KEY_ID_LEN];

	for (size_t i = 0; i < m->n_keys; i++) {
		ha_key_id(have, m->public_keys[i]);
		if (memcmp(have, id, sizeof(have)) == 0)
			return m->public_keys[i];
	}
	return NULL;
}

const struct ha_keypair *
ha_handshake_find_keypair(const struct ha_handshake_config *c,
    const uint8_t id[static HA_KEY_ID_LEN])
{
	uint8_t have[HA_KEY_ID_LEN];

	for (size_t i = 0; i < c->n_keypairs; i++) {
		ha_key_id(have, c->keypairs[i].public_key);
		if (memcmp(have, id, sizeof(have)) == 0)
			return &c->keypairs[i];
	}
	return NULL;
}

bool
ha_handshake_has_key(const struct ha_handshake_member *m,
    const uint8_t id[static HA_KEY_ID_LEN])
{
	return ha_handshake_find_key(m, id) != NULL;
}

uint32_t
ha_handshake_choices(const struct ha_handshake_config *c)
{
	const struct ha_handshake_member *peer = &c->members[c->peer - 1];

	return (uint32_t)c->n_secrets * c->n_keypairs * peer->n_keys;
}

/* The choice's number, read as one digit for each kind of key. */
struct ha_handshake_choice
ha_handshake_choose(const struct ha_handshake_config *c)
{
	const struct ha_handshake_member *peer = &c->members[c->peer - 1];
	uint32_t n = c->choice;
	struct ha_handshake_choice chosen;

	chosen.secret = c->secrets[n % c->n_secrets];
	n /= c->n_secrets;
	chosen.own = &c->keypairs[n % c->n_keypairs];
	n /= c->n_keypairs;
	chosen.peer = peer->public_keys[n % peer->n_keys];
	return chosen;
}

static bool
members_valid(const struct ha_handshake_config *c)
{
	for (size_t i = 0; i < HA_MEMBER_MAX; i++) {
		const struct ha_handshake_member *m = &c->members[i];

		if (m->n_keys > HA_KEYS_MAX ||
		    (m->n_keys > 0 && !ha_serial_valid(m->serial)))
			return false;
	}
	return true;
}

static bool
peer_valid(const struct ha_handshake_config *c, bool initiator)
{
	if (c->peer == 0)
		return !initiator;
	if (c->peer > HA_MEMBER_MAX || c->members[c->peer - 1].n_keys == 0)
		return false;
	return initiator ? c->peer > c->self : c->peer < c->self;
}

bool
ha_handshake_config_valid(const struct ha_handshake_config *c, bool initiator)
{
	uint8_t scratch[HA_GREETING_MAX];
	size_t len;

	return c->self >= 1 && c->self <= HA_MEMBER_MAX &&
	    c->link < HA_LINK_MAX && c->protocol_min >= 1 &&
	    c->protocol_min <= c->protocol_max && c->n_secrets >= 1 &&
	    c->n_secrets <= HA_KEYS_MAX && c->n_keypairs >= 1 &&
	    c->n_keypairs <= HA_KEYS_MAX && members_valid(c) &&
	    ha_serial_valid(c->members[c->self - 1].serial) &&
	    peer_valid(c, initiator) &&
	    ha_greeting_encode(scratch, &len, &c->greeting) == HA_OK;
}
