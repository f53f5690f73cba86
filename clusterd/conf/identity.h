/*
 * identity: who this firewall is: its serial and its private key.
 *
 * The file has lines "serial = NAME" and "private-key = BASE64", during a
 * rotation also "next-private-key = BASE64"; '#' begins a comment.  It is
 * refused when others, or a group but clusterd, can read it.
 *
 * Ownership  the caller owns *out and gives it to ha_identity_free(), which
 *            wipes it.  It lives in guarded memory of libsodium.
 * Blocking   reads or writes one small file.
 * Errors     HA_ERR_CONFIG: content, HA_ERR_PERM: mode, owner or rights,
 *            HA_ERR_ABSENT, HA_ERR_IO; the report says it in a sentence, with
 *            never a byte of a key.
 */
#ifndef HA_CONF_IDENTITY_H
#define HA_CONF_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/cluster_conf.h"
#include "conf/conf_report.h"

#define HA_IDENTITY_PATH "/etc/clusterd/identity"

struct ha_identity {
	uint8_t private_key[HA_KEY_LEN];
	uint8_t next_private_key[HA_KEY_LEN]; /* zeros without one */
	uint8_t public_key[HA_KEY_LEN];       /* of private_key */
	uint8_t next_public_key[HA_KEY_LEN];
	bool has_next;
	char serial[HA_CONF_SERIAL_LEN];
};

HA_MUST_USE int ha_identity_load(const char *path,
    struct ha_conf_report *report, struct ha_identity **out);

/* Wipe and free; NULL is allowed. */
void ha_identity_free(struct ha_identity *identity);

/* Make a key and write a new file, mode 0600, on disk when this returns.
 * HA_ERR_EXISTS: path is taken, and untouched.  HA_ERR_INVAL: not a serial. */
HA_MUST_USE int ha_identity_create(const char *path, const char *serial,
    uint8_t public_key[static HA_KEY_LEN]);

/* Begin to rotate the key: the file gets a next one.  HA_ERR_EXISTS: it has
 * one already.  Everything else in it stays.  *out is what it is then. */
HA_MUST_USE int ha_identity_rotate(const char *path,
    struct ha_conf_report *report, struct ha_identity **out);

/* End it: the next key takes the place of the current one.  HA_ERR_ABSENT:
 * there is none. */
HA_MUST_USE int ha_identity_commit(const char *path,
    struct ha_conf_report *report, struct ha_identity **out);

/* Find this firewall in the cluster: an enabled member with the identity's
 * serial whose public-key or next-public-key is one of its keys.
 * HA_ERR_CONFIG: the report says what differs and what to do. */
HA_MUST_USE int ha_identity_find(const struct ha_identity *identity,
    const struct ha_cluster_conf *conf, struct ha_conf_report *report,
    const struct ha_conf_member **out);

#endif /* HA_CONF_IDENTITY_H */
