/*
 * codec_check: which messages a member can have meant.
 *
 * The one list of what the core may rely on in a message from a peer.  Both
 * directions ask it: what a peer would refuse is not sent.
 *
 * Ownership  nothing is kept.
 */
#ifndef HA_PROTO_CODEC_CHECK_H
#define HA_PROTO_CODEC_CHECK_H

#include <stdbool.h>

#include "core/message.h"

/* All of a message but the entries of a batch. */
bool ha_codec_head_valid(const struct ha_message *m);

/* One entry by itself; of the record only what its kind carries. */
bool ha_codec_entry_valid(const struct ha_entry *e);

/* first and last, the changes of a batch's entries, lie in (from, to]. */
bool ha_codec_span_valid(const struct ha_msg_batch *b, uint64_t first,
    uint64_t last);

#endif /* HA_PROTO_CODEC_CHECK_H */
