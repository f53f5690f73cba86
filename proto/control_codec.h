/*
 * control_codec: frames and messages of the control socket.
 *
 * A frame is a length of 4 bytes, little endian, and so many bytes of one
 * ha.ctl.Request or ha.ctl.Answer.  Both sides refuse what is longer than
 * its limit before they take memory for it, and a request that decodes has
 * only values that are allowed.
 *
 * Ownership  a decoded message belongs to the caller, who gives it to the
 *            matching free function.
 * Errors     HA_ERR_SHORT   more bytes are needed
 *            HA_ERR_FULL    longer than allowed
 *            HA_ERR_CORRUPT no message of this protocol
 *            HA_ERR_INVAL   a message with a value that is not allowed
 *            HA_ERR_UNSUPPORTED  another protocol, or an unknown verb
 */
#ifndef HA_PROTO_CONTROL_CODEC_H
#define HA_PROTO_CONTROL_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/types.h"
#include "proto/control.pb-c.h"

#define HA_CONTROL_SOCKET      "/run/clusterd/control.sock"
#define HA_CONTROL_GROUP       "clusterd"
#define HA_CONTROL_PROTOCOL    1
#define HA_CONTROL_HEADER      4
#define HA_CONTROL_REQUEST_MAX 4096         /* bytes, without the header */
#define HA_CONTROL_ANSWER_MAX  (256 * 1024) /* bytes, without the header */
#define HA_CONTROL_EVENTS_MAX  1000         /* events of one answer */
#define HA_CONTROL_TEXT_MAX    64           /* bytes of a word in a request */
#define HA_CONTROL_MESSAGES_MAX 256         /* about files, of one answer */

/* "INDEX-BOOTID-NUMBER": 2 + 1 + 16 + 1 + 20 and the terminator. */
#define HA_CONTROL_UID_TEXT 41

/* How long the frame is whose first bytes these are, header excluded.
 * HA_ERR_CORRUPT: 0 or more than max. */
HA_MUST_USE int ha_control_frame_length(
    const uint8_t header[static HA_CONTROL_HEADER], size_t max, size_t *len);

/* Write header and message to buf; *len is what they take together. */
HA_MUST_USE int ha_control_encode_request(const Ha__Ctl__Request *request,
    uint8_t *buf, size_t buf_len, size_t *len);
HA_MUST_USE int ha_control_encode_answer(const Ha__Ctl__Answer *answer,
    uint8_t *buf, size_t buf_len, size_t *len);

/* data: the message alone.  HA_ERR_NOMEM is told as HA_ERR_CORRUPT, since
 * the library does not tell them apart. */
HA_MUST_USE int ha_control_decode_request(const uint8_t *data, size_t len,
    Ha__Ctl__Request **out);
HA_MUST_USE int ha_control_decode_answer(const uint8_t *data, size_t len,
    Ha__Ctl__Answer **out);

/* NULL is allowed. */
void ha_control_free_request(Ha__Ctl__Request *request);
void ha_control_free_answer(Ha__Ctl__Answer *answer);

/* The uid as people see it, and back; HA_ERR_INVAL: not of that form. */
void ha_control_format_uid(const struct ha_uid *uid,
    char out[static HA_CONTROL_UID_TEXT]);
HA_MUST_USE int ha_control_parse_uid(const char *text, struct ha_uid *out);

#endif /* HA_PROTO_CONTROL_CODEC_H */
