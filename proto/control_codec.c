/*
 * A client of the control socket is local and had to pass a check of who it
 * is, but what it sends is still only bytes: everything is measured before
 * it is believed.  protobuf-c takes memory in proportion to the frame (no
 * type of a request contains itself), so the limit of the frame is the limit
 * of the memory.
 */
#include "proto/control_codec.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"

static void
put_header(uint8_t header[static HA_CONTROL_HEADER], size_t len)
{
	ha_put_u16(header, (uint16_t)(len & 0xffff));
	ha_put_u16(header + 2, (uint16_t)(len >> 16));
}

int
ha_control_frame_length(const uint8_t header[static HA_CONTROL_HEADER],
    size_t max, size_t *len)
{
	size_t n = (size_t)ha_get_u16(header) |
	    (size_t)ha_get_u16(header + 2) << 16;

	if (n == 0 || n > max)
		return HA_ERR_CORRUPT;
	*len = n;
	return HA_OK;
}

static int
encode(const ProtobufCMessage *message, size_t max, uint8_t *buf,
    size_t buf_len, size_t *len)
{
	size_t n = protobuf_c_message_get_packed_size(message);

	if (n > max || buf_len < HA_CONTROL_HEADER ||
	    n > buf_len - HA_CONTROL_HEADER)
		return HA_ERR_FULL;
	put_header(buf, n);
	HA_CHECK(protobuf_c_message_pack(message, buf + HA_CONTROL_HEADER) ==
	    n);
	*len = HA_CONTROL_HEADER + n;
	return HA_OK;
}

int
ha_control_encode_request(const Ha__Ctl__Request *request, uint8_t *buf,
    size_t buf_len, size_t *len)
{
	return encode(&request->base, HA_CONTROL_REQUEST_MAX, buf, buf_len,
	    len);
}

int
ha_control_encode_answer(const Ha__Ctl__Answer *answer, uint8_t *buf,
    size_t buf_len, size_t *len)
{
	return encode(&answer->base, HA_CONTROL_ANSWER_MAX, buf, buf_len, len);
}

static bool
text_valid(const char *text)
{
	return text == NULL ||
	    (text[0] != '\0' && strlen(text) <= HA_CONTROL_TEXT_MAX);
}

static bool
prefix_valid(const Ha__Ctl__Prefix *p)
{
	if (p == NULL)
		return true;
	return (p->address.len == 4 || p->address.len == 16) &&
	    p->length <= 8 * p->address.len;
}

static bool
filters_valid(const Ha__Ctl__AskSessions *ask)
{
	return text_valid(ask->owner) && text_valid(ask->zone) &&
	    text_valid(ask->state) && ask->protocol <= UINT8_MAX &&
	    prefix_valid(ask->source) && prefix_valid(ask->destination);
}

static bool
uid_valid(const Ha__Ctl__Uid *uid)
{
	return uid->creator >= 1 && uid->creator <= HA_MEMBER_MAX;
}

/* One of the two, and no filter that lets everything pass. */
static bool
end_valid(const Ha__Ctl__AskEnd *ask)
{
	const Ha__Ctl__AskSessions *f = ask->sessions;

	if (f == NULL)
		return ask->session != NULL && uid_valid(ask->session);
	return ask->session == NULL && filters_valid(f) &&
	    (f->owner != NULL || f->has_cached || f->zone != NULL ||
	    f->has_protocol || f->source != NULL || f->destination != NULL ||
	    f->state != NULL);
}

static int
check_request(const Ha__Ctl__Request *r)
{
	if (r->protocol != HA_CONTROL_PROTOCOL)
		return HA_ERR_UNSUPPORTED;
	switch (r->verb_case) {
	case HA__CTL__REQUEST__VERB_MEMBERS:
	case HA__CTL__REQUEST__VERB_STATE:
	case HA__CTL__REQUEST__VERB_LINKS:
	case HA__CTL__REQUEST__VERB_STATISTICS:
	case HA__CTL__REQUEST__VERB_COUNTERS:
	case HA__CTL__REQUEST__VERB_EVENTS:
	case HA__CTL__REQUEST__VERB_STREAMS:
	case HA__CTL__REQUEST__VERB_VERSION:
	case HA__CTL__REQUEST__VERB_RELOAD:
		return HA_OK;
	case HA__CTL__REQUEST__VERB_FORGET:
		return text_valid(r->forget->serial) ? HA_OK : HA_ERR_INVAL;
	case HA__CTL__REQUEST__VERB_SESSIONS:
		return filters_valid(r->sessions) ? HA_OK : HA_ERR_INVAL;
	case HA__CTL__REQUEST__VERB_SESSION:
		return uid_valid(r->session) ? HA_OK : HA_ERR_INVAL;
	case HA__CTL__REQUEST__VERB_END:
		return end_valid(r->end) ? HA_OK : HA_ERR_INVAL;
	case HA__CTL__REQUEST__VERB__NOT_SET:
	case _HA__CTL__REQUEST__VERB__CASE_IS_INT_SIZE:
		break;
	}
	return HA_ERR_UNSUPPORTED;
}

int
ha_control_decode_request(const uint8_t *data, size_t len,
    Ha__Ctl__Request **out)
{
	Ha__Ctl__Request *r;
	int err;

	if (len > HA_CONTROL_REQUEST_MAX)
		return HA_ERR_FULL;
	r = ha__ctl__request__unpack(NULL, len, data);
	if (r == NULL)
		return HA_ERR_CORRUPT;
	err = check_request(r);
	if (err != HA_OK) {
		ha_control_free_request(r);
		return err;
	}
	*out = r;
	return HA_OK;
}

int
ha_control_decode_answer(const uint8_t *data, size_t len,
    Ha__Ctl__Answer **out)
{
	Ha__Ctl__Answer *a;

	if (len > HA_CONTROL_ANSWER_MAX)
		return HA_ERR_FULL;
	a = ha__ctl__answer__unpack(NULL, len, data);
	if (a == NULL)
		return HA_ERR_CORRUPT;
	*out = a;
	return HA_OK;
}

void
ha_control_free_request(Ha__Ctl__Request *request)
{
	ha__ctl__request__free_unpacked(request, NULL);
}

void
ha_control_free_answer(Ha__Ctl__Answer *answer)
{
	ha__ctl__answer__free_unpacked(answer, NULL);
}

void
ha_control_format_uid(const struct ha_uid *uid,
    char out[static HA_CONTROL_UID_TEXT])
{
	snprintf(out, HA_CONTROL_UID_TEXT, "%u-%016" PRIx64 "-%" PRIu64,
	    uid->creator % 100u, uid->boot, uid->number);
}

/* Digits of one base up to stop, which is passed; 0 digits are none. */
static int
parse_number(const char **text, unsigned int base, char stop, uint64_t *out)
{
	static const char DIGITS[] = "0123456789abcdef";
	const char *p = *text;
	uint64_t v = 0;

	for (; *p != '\0' && *p != stop; p++) {
		const char *digit = memchr(DIGITS, *p, base);
		uint64_t d;

		if (digit == NULL)
			return HA_ERR_INVAL;
		d = (uint64_t)(digit - DIGITS);
		if (v > (UINT64_MAX - d) / base)
			return HA_ERR_INVAL;
		v = v * base + d;
	}
	if (p == *text || *p != stop)
		return HA_ERR_INVAL;
	*text = stop == '\0' ? p : p + 1;
	*out = v;
	return HA_OK;
}

int
ha_control_parse_uid(const char *text, struct ha_uid *out)
{
	uint64_t creator, boot, number;

	if (parse_number(&text, 10, '-', &creator) != HA_OK || creator < 1 ||
	    creator > HA_MEMBER_MAX)
		return HA_ERR_INVAL;
	if (parse_number(&text, 16, '-', &boot) != HA_OK)
		return HA_ERR_INVAL;
	if (parse_number(&text, 10, '\0', &number) != HA_OK)
		return HA_ERR_INVAL;
	*out = (struct ha_uid){ .boot = boot, .number = number,
		.creator = (uint8_t)creator };
	return HA_OK;
}
