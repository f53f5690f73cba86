/*
 * codec_session: the sessions of a batch, between struct ha_entry and wire.
 *
 * Entries of one batch lean on each other (differences) and on their stream
 * (names left out), so both directions walk them in order with a chain.
 *
 * Ownership  plain values; nothing is kept but the chain.
 * Errors     0, or a negative HA_ERR_*; *out is scratch on error.
 */
#ifndef HA_PROTO_CODEC_SESSION_H
#define HA_PROTO_CODEC_SESSION_H

#include <stdint.h>

#include "base/err.h"
#include "core/message.h"
#include "proto/ha4.pb-c.h"

/* Where a walk over the entries of one batch stands. */
struct ha_codec_chain {
	struct ha_stream_id stream;
	uint64_t change; /* of the entry before; zeros for the first */
	uint64_t number;
	uint64_t revision;
	uint32_t zone; /* of the last whole entry */
};

/* An entry as the generated code wants it, with all that it points to. */
struct ha_codec_wire {
	Ha4__Entry entry;
	Ha4__Extra extra;
};

/* HA_ERR_INVAL: not valid, or its change is not above the one before. */
HA_MUST_USE int ha_codec_session_pack(struct ha_codec_chain *chain,
    const struct ha_entry *e, struct ha_codec_wire *out);

/* HA_ERR_CORRUPT: the same.  extra is where out->extra goes, if w has one. */
HA_MUST_USE int ha_codec_session_unpack(struct ha_codec_chain *chain,
    const Ha4__Entry *w, struct ha_extra *extra, struct ha_entry *out);

#endif /* HA_PROTO_CODEC_SESSION_H */
