/*
 * frame: cut a byte stream into records (doc/wire-connection.md).
 *
 * A record is two bytes of length, low byte first, and as many bytes of body;
 * a body is never empty.  The reader takes bytes as they come and holds one
 * record at a time:
 *
 *     while ((rc = ha_frame_feed(&r, data, len, &used)) == HA_OK) {
 *             data += used, len -= used;
 *             ... ha_frame_body(&r, &body_len) ...
 *             ha_frame_next(&r);
 *     }
 *
 * Ownership  the buffer is the caller's and must live as long as the reader.
 *            A body is borrowed until ha_frame_next(); it may be changed, so
 *            a record is opened where it lies.
 * Errors     HA_ERR_SHORT: all bytes taken, the record is not whole yet.
 *            HA_ERR_FULL, HA_ERR_CORRUPT: the stream is of no use any more.
 */
#ifndef HA_PROTO_FRAME_H
#define HA_PROTO_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define HA_FRAME_HEAD 2
#define HA_FRAME_MAX  65535 /* bytes of body */

struct ha_frame_reader {
	uint8_t *buf;
	size_t limit; /* largest body taken */
	size_t have;  /* bytes of head and body so far */
	uint8_t head[HA_FRAME_HEAD];
};

/* buf has room for limit bytes, 1 to HA_FRAME_MAX. */
void ha_frame_init(struct ha_frame_reader *r, uint8_t *buf, size_t limit);

/* Take bytes until a record is whole; *used is set in every case.  HA_OK: it
 * is, and what was not used belongs to what follows.  HA_ERR_FULL: longer
 * than the limit.  HA_ERR_CORRUPT: an empty body. */
HA_MUST_USE int ha_frame_feed(struct ha_frame_reader *r, const uint8_t *data,
    size_t len, size_t *used);

/* The record that is whole. */
uint8_t *ha_frame_body(struct ha_frame_reader *r, size_t *len);

/* Done with that record. */
void ha_frame_next(struct ha_frame_reader *r);

/* Write the head of a record with a body of len bytes. */
void ha_frame_put_head(uint8_t out[static HA_FRAME_HEAD], size_t len);

#endif /* HA_PROTO_FRAME_H */
