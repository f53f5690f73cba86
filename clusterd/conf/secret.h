/*
 * secret: what all members of the cluster know and nobody else.
 *
 * The file has one line, during a rotation two: 32 bytes in base64, the
 * current secret and the next.  '#' begins a comment.  The rule for who may
 * read it is that of the identity.
 *
 * Ownership  the caller owns *out and gives it to ha_secret_free(), which
 *            wipes it.  It lives in guarded memory of libsodium.
 * Errors     as in conf/identity.h.
 */
#ifndef HA_CONF_SECRET_H
#define HA_CONF_SECRET_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf_report.h"

#define HA_SECRET_PATH "/etc/clusterd/secret"
#define HA_SECRET_LEN  32

struct ha_secret {
	uint8_t current[HA_SECRET_LEN];
	uint8_t next[HA_SECRET_LEN]; /* zeros without one */
	bool has_next;
};

HA_MUST_USE int ha_secret_load(const char *path,
    struct ha_conf_report *report, struct ha_secret **out);

/* Wipe and free; NULL is allowed. */
void ha_secret_free(struct ha_secret *secret);

/* Write a new random secret, mode 0600, on disk when this returns.
 * HA_ERR_EXISTS: path is taken, and untouched. */
HA_MUST_USE int ha_secret_create(const char *path);

/* Begin to rotate the secret: a second line.  HA_ERR_EXISTS: there is one.
 * Everything else in the file stays. */
HA_MUST_USE int ha_secret_rotate(const char *path,
    struct ha_conf_report *report);

/* End it: the first line goes.  HA_ERR_ABSENT: there is no second. */
HA_MUST_USE int ha_secret_commit(const char *path,
    struct ha_conf_report *report);

#endif /* HA_CONF_SECRET_H */
