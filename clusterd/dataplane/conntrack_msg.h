/*
 * conntrack_msg: the words of ctnetlink, read and written.
 *
 * Knows attributes and nothing else: no socket, no table of entries.
 *
 * Ownership  nothing is kept; what is parsed is copied out.
 * Errors     HA_ERR_CORRUPT: no kernel can have sent this;
 *            HA_ERR_UNSUPPORTED: a kernel can, but it is of no use to us.
 */
#ifndef HA_DATAPLANE_CONNTRACK_MSG_H
#define HA_DATAPLANE_CONNTRACK_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/input.h"
#include "core/output.h"
#include "core/zone.h"
#include "dataplane/dataplane.h"

#define HA_CT_MSG_MAX     1024 /* bytes: no message of ours is longer */
#define HA_CT_LABEL_BYTES 16

/* Where our two bits live. */
struct ha_ct_bits {
	enum ha_signal signal;
	uint8_t owner;
	uint8_t replica;
};

/* What is ours in the kernel's words. */
struct ha_ct_terms {
	struct ha_ct_bits bits;
	const struct ha_zones *zones;

	/* Zones that had other names: what was created in them is found still.
	 * NULL: none. */
	const struct ha_zones *past;
};

/* One entry as the kernel tells it. */
struct ha_ct_entry {
	struct ha_in_session session;
	uint32_t id;  /* the kernel's; 0: not told */
	bool has_room; /* labels were told: it can carry our bits */
};

/* Set one bit of a label as the kernel counts them. */
void ha_ct_label_set(uint8_t label[static HA_CT_LABEL_BYTES],
    unsigned int bit);

/* Parse len bytes that begin with a netlink header: one event, or with dumped
 * one line of a dump.  The header's own length must not exceed len. */
HA_MUST_USE int ha_ct_parse(const void *msg, size_t len, bool dumped,
    const struct ha_ct_terms *terms, struct ha_ct_entry *out);

/* The same for an event of an expectation: which entry it belongs to. */
HA_MUST_USE int ha_ct_parse_expect(const void *msg, size_t len,
    const struct ha_ct_terms *terms, struct ha_tuple *master);

/* Is this message about an expectation?  Its header has to be whole. */
bool ha_ct_is_expect(const void *msg, size_t len);

/* Write what op asks for and return its length; 0: this host has no such zone.
 * For a CHANGE only those of op->change that are in change. */
size_t ha_ct_build(uint8_t buf[static HA_CT_MSG_MAX],
    const struct ha_kernel_op *op, uint16_t change,
    const struct ha_ct_terms *terms, uint32_t seq);

/* The same for setting the owner bit of what has this original tuple. */
size_t ha_ct_build_sign(uint8_t buf[static HA_CT_MSG_MAX],
    const struct ha_tuple *orig, const struct ha_ct_terms *terms,
    uint32_t seq);

/* The same, to ask for the entry that has it. */
size_t ha_ct_build_read(uint8_t buf[static HA_CT_MSG_MAX],
    const struct ha_tuple *orig, const struct ha_ct_terms *terms,
    uint32_t seq);

/* Ask for every entry of both families. */
size_t ha_ct_build_dump(uint8_t buf[static HA_CT_MSG_MAX], uint32_t seq);

#endif /* HA_DATAPLANE_CONNTRACK_MSG_H */
