/*
 * codec: what members say to each other, as bytes and back (doc/wire.md).
 *
 * A frame is the clear text of one record and holds one struct ha_message.
 * The entries of a batch are the same for every peer that stands at the same
 * place: encode them once as a body, then put each peer's head before it.
 *
 *	if (!ha_codec_body_fits(body, &m->u.batch))
 *		err = ha_codec_encode_body(&m->u.batch, body);
 *	err = ha_codec_encode(m, body, frame, sizeof(frame), &len);
 *
 * The same message gives the same bytes on every machine; nothing here does
 * I/O or reads a clock.
 *
 * Ownership  encoding writes only into what the caller passes.  Decoding
 *            takes memory from the codec alone, a block of fixed size: a
 *            decoded message and its entries are borrowed until the next
 *            decode.
 * Errors     0, or a negative HA_ERR_*; out-parameters that tell a result are
 *            set only on success, buffers are scratch on error.
 */
#ifndef HA_PROTO_CODEC_H
#define HA_PROTO_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/message.h"

/* A record is at most 65,535 bytes, 16 of which are its seal. */
#define HA_CODEC_FRAME_MAX (65535 - 16)

/* No entry is longer for its weight, whatever is in it: so a full batch
 * always fits. */
#define HA_CODEC_ENTRY_MAX 192
#define HA_CODEC_BODY_MAX  (HA_BATCH_MAX * HA_CODEC_ENTRY_MAX)

/* Memory that is enough to decode whatever a member can have sent, with room
 * for fields that a later release adds. */
#define HA_CODEC_ARENA (1024 * 1024)

/* The entries of one batch, encoded; for every batch of the same stream that
 * has the same entries. */
struct ha_codec_body {
	uint64_t id; /* ha_msg_batch.body; 0: like no other */
	struct ha_stream_id stream;
	uint64_t first; /* changes of the first and the last entry */
	uint64_t last;
	uint16_t n_entries;
	uint16_t len;
	uint8_t bytes[HA_CODEC_BODY_MAX];
};

struct ha_codec;

/* The memory of one decoder: HA_CODEC_ARENA, or less in a test.  NULL: no
 * memory. */
struct ha_codec *ha_codec_new(size_t arena_bytes);

/* NULL is allowed. */
void ha_codec_free(struct ha_codec *c);

/* Whether body holds the entries of b, since both tell the same id.  Ids are
 * of one step of the core: set body->id to 0 before the next. */
bool ha_codec_body_fits(const struct ha_codec_body *body,
    const struct ha_msg_batch *b);

/* HA_ERR_INVAL: an entry that a peer would refuse. */
HA_MUST_USE int ha_codec_encode_body(const struct ha_msg_batch *b,
    struct ha_codec_body *body);

/* body is for batches only and may be NULL: then the entries are encoded
 * here.  HA_CODEC_FRAME_MAX bytes are always enough.
 *
 * HA_ERR_INVAL: a message that a peer would refuse, or a body that is not of
 * this batch.  HA_ERR_FULL: more than cap bytes. */
HA_MUST_USE int ha_codec_encode(const struct ha_message *m,
    const struct ha_codec_body *body, uint8_t *out, size_t cap, size_t *len);

/* The whole message is examined before any of it is handed out.
 *
 * HA_ERR_CORRUPT: no member can have sent this.  HA_ERR_NOMEM: it would not
 * fit the arena.  HA_ERR_UNSUPPORTED: a kind of frame that is not known. */
HA_MUST_USE int ha_codec_decode(struct ha_codec *c, const uint8_t *in,
    size_t len, const struct ha_message **out);

#endif /* HA_PROTO_CODEC_H */
