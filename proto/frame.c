#include "proto/frame.h"

#include <string.h>

#include "base/bytes.h"
#include "base/check.h"

void
ha_frame_init(struct ha_frame_reader *r, uint8_t *buf, size_t limit)
{
	HA_CHECK(limit > 0 && limit <= HA_FRAME_MAX);
	r->buf = buf;
	r->limit = limit;
	r->have = 0;
}

static size_t
min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Copy as much of what is missing as there is. */
static size_t
take(struct ha_frame_reader *r, uint8_t *at, size_t missing,
    const uint8_t *data, size_t len)
{
	size_t n = min_size(missing, len);

	if (n > 0)
		memcpy(at, data, n);
	r->have += n;
	return n;
}

int
ha_frame_feed(struct ha_frame_reader *r, const uint8_t *data, size_t len,
    size_t *used)
{
	size_t body;
	size_t done;

	*used = 0;
	if (r->have < HA_FRAME_HEAD)
		*used = take(r, r->head + r->have, HA_FRAME_HEAD - r->have,
		    data, len);
	if (r->have < HA_FRAME_HEAD)
		return HA_ERR_SHORT;

	body = ha_get_u16(r->head);
	if (body == 0)
		return HA_ERR_CORRUPT;
	if (body > r->limit)
		return HA_ERR_FULL;

	done = r->have - HA_FRAME_HEAD;
	*used += take(r, r->buf + done, body - done, data + *used,
	    len - *used);
	return r->have == HA_FRAME_HEAD + body ? HA_OK : HA_ERR_SHORT;
}

uint8_t *
ha_frame_body(struct ha_frame_reader *r, size_t *len)
{
	HA_CHECK(r->have > HA_FRAME_HEAD);
	*len = r->have - HA_FRAME_HEAD;
	return r->buf;
}

void
ha_frame_next(struct ha_frame_reader *r)
{
	r->have = 0;
}

void
ha_frame_put_head(uint8_t out[static HA_FRAME_HEAD], size_t len)
{
	HA_CHECK(len > 0 && len <= HA_FRAME_MAX);
	ha_put_u16(out, (uint16_t)len);
}
