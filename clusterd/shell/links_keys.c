/*
 * What handshakes are made with: the members' public keys from the cluster
 * file, the own private keys, and the cluster secret.  While they are rotated
 * there are two of each, now and next, and any of them will do.
 */
#include <sodium.h>
#include <string.h>

#include "shell/links_priv.h"

_Static_assert(HA_SERIAL_LEN == HA_CONF_SERIAL_LEN,
    "a serial of the file goes into a hello");

static void
copy_member(struct ha_handshake_member *out,
    const struct ha_conf_member *m)
{
	memcpy(out->serial, m->serial, sizeof(out->serial));
	memcpy(out->public_keys[0], m->public_key, HA_KEY_LEN);
	out->n_keys = 1;
	if (m->has_next_public_key)
		memcpy(out->public_keys[out->n_keys++], m->next_public_key,
		    HA_KEY_LEN);
}

static void
copy_members(struct ha_handshake_config *h,
    const struct ha_cluster_conf *conf)
{
	memset(h->members, 0, sizeof(h->members));
	for (size_t i = 0; i < conf->n_members; i++) {
		const struct ha_conf_member *m = &conf->members[i];

		if (m->enabled)
			copy_member(&h->members[m->index - 1], m);
	}
}

static void
add_pair(struct ha_handshake_config *h,
    const uint8_t private_key[static HA_KEY_LEN],
    const uint8_t public_key[static HA_KEY_LEN])
{
	struct ha_keypair *pair = &h->keypairs[h->n_keypairs++];

	memcpy(pair->private_key, private_key, HA_KEY_LEN);
	memcpy(pair->public_key, public_key, HA_KEY_LEN);
}

static bool
is_listed(const struct ha_handshake_config *h,
    const uint8_t public_key[static HA_KEY_LEN])
{
	uint8_t id[HA_KEY_ID_LEN];

	ha_key_id(id, public_key);
	return ha_handshake_has_key(&h->members[h->self - 1], id);
}

/* A key of ours that the file does not list is one that nobody takes: the
 * others have the same file. */
static void
copy_identity(struct ha_handshake_config *h, const struct ha_identity *id)
{
	sodium_memzero(h->keypairs, sizeof(h->keypairs));
	h->n_keypairs = 0;
	if (is_listed(h, id->public_key))
		add_pair(h, id->private_key, id->public_key);
	if (id->has_next && is_listed(h, id->next_public_key))
		add_pair(h, id->next_private_key, id->next_public_key);
	if (h->n_keypairs == 0)
		add_pair(h, id->private_key, id->public_key);
}

static void
copy_secret(struct ha_handshake_config *h, const struct ha_secret *secret)
{
	memcpy(h->secrets[0], secret->current, HA_KEY_LEN);
	memcpy(h->secrets[1], secret->next, HA_KEY_LEN);
	h->n_secrets = secret->has_next ? 2 : 1;
}

static void
copy_keys(struct ha_handshake_config *h, const struct ha_cluster_conf *conf,
    const struct ha_identity *identity, const struct ha_secret *secret)
{
	copy_members(h, conf);
	copy_identity(h, identity);
	copy_secret(h, secret);
}

int
links_make_handshake(struct ha_links *links,
    const struct ha_links_config *config)
{
	struct ha_handshake_config *h = sodium_malloc(sizeof(*h));

	if (h == NULL)
		return HA_ERR_NOMEM;
	memset(h, 0, sizeof(*h));
	links->handshake = h;
	h->cluster = config->conf->id;
	h->self = config->self;
	h->protocol_min = HA_PROTOCOL_MIN;
	h->protocol_max = HA_PROTOCOL_MAX;
	h->greeting = config->greeting;
	copy_keys(h, config->conf, config->identity, config->secret);
	return HA_OK;
}

/* --- while links are up --- */

bool
links_has_valid_key(const struct line *l)
{
	const struct ha_handshake_config *h = l->links->handshake;

	return ha_handshake_has_key(&h->members[l->slot->peer - 1],
	    l->peer_key);
}

static bool
has_id(const uint8_t key[static HA_KEY_LEN],
    const uint8_t id[static HA_KEY_ID_LEN])
{
	uint8_t have[HA_KEY_ID_LEN];

	ha_key_id(have, key);
	return memcmp(have, id, sizeof(have)) == 0;
}

bool
links_has_newest_keys(const struct line *l)
{
	const struct ha_handshake_config *h = l->links->handshake;
	const struct ha_handshake_member *m = &h->members[l->slot->peer - 1];

	return has_id(h->keypairs[h->n_keypairs - 1].public_key, l->own_key) &&
	    (m->n_keys == 0 ||
	    has_id(m->public_keys[m->n_keys - 1], l->peer_key));
}

void
ha_links_set_keys(struct ha_links *links,
    const struct ha_cluster_conf *conf, const struct ha_identity *identity,
    const struct ha_secret *secret)
{
	copy_keys(links->handshake, conf, identity, secret);
	for (size_t i = 0; i < HA_MEMBER_MAX; i++) {
		for (size_t link = 0; link < HA_LINK_MAX; link++) {
			struct slot *s = &links->slots[i][link];

			if (!s->present)
				continue;
			s->choice = 0;
			s->refused = 0;
			if (s->up != NULL && !links_has_valid_key(s->up))
				links_revoke(s->up);
		}
	}
}
