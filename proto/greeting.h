/*
 * greeting: what two members tell each other before their link is up.
 *
 * Travels sealed: in the responder's Noise message and in the initiator's
 * CONFIRM.  Both sides compare; what differs but does no harm (software
 * version, zones, the cluster file) is for warnings.
 *
 * Ownership  plain data, copied freely.
 * Errors     HA_ERR_CORRUPT: bytes that no member can have sent, or more of
 *            something than the limits allow.
 */
#ifndef HA_PROTO_GREETING_H
#define HA_PROTO_GREETING_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/types.h"
#include "core/zone.h"

#define HA_BOOT_ID_LEN  16
#define HA_DIGEST_LEN   32
#define HA_VERSION_LEN  32 /* bytes, terminator included */
#define HA_ZONE_LEN     32   /* bytes of a name, terminator included */
#define HA_GREETING_MAX 2048 /* bytes encoded */

struct ha_greeting {
	uint8_t boot_id[HA_BOOT_ID_LEN];
	uint64_t boot_counter;
	uint64_t boot_seen;  /* the highest counter known of the other end */
	uint64_t generation; /* of the connection; the initiator decides */
	uint8_t state;       /* enum ha_state */
	uint8_t n_zones;
	char version[HA_VERSION_LEN]; /* of the software */
	char zones[HA_ZONES_MAX][HA_ZONE_LEN];
	uint8_t cluster_digest[HA_DIGEST_LEN]; /* of the cluster file */
};

/* The boot as the core names it: the id's first 8 bytes, and the counter. */
struct ha_boot ha_greeting_boot(const struct ha_greeting *g);

/* HA_ERR_INVAL: a field is not as it must be. */
HA_MUST_USE int ha_greeting_encode(uint8_t out[static HA_GREETING_MAX],
    size_t *len, const struct ha_greeting *g);

HA_MUST_USE int ha_greeting_decode(struct ha_greeting *out,
    const uint8_t *in, size_t len);

#endif /* HA_PROTO_GREETING_H */
