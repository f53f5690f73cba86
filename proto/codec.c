/*
 * A frame is one byte of kind and one protobuf message of ha4.proto.
 *
 * Encoding copies a message into the generated structs, which live on the
 * stack, and packs them: no memory is taken.  A batch is written in two
 * parts, head and entries, since two protobuf encodings put together are one
 * encoding of both: so the entries, which many peers share, are packed once.
 *
 * Decoding unpacks with an allocator that cuts pieces off one block and frees
 * nothing; the next decode begins at the start of the block.  So there is no
 * leak to have, and what a peer can make us take is bounded by the block.
 * The message is examined as it is copied out, and only a whole good one is
 * handed out.
 */
#include "proto/codec.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "proto/codec_check.h"
#include "proto/codec_session.h"
#include "proto/ha4.pb-c.h"

_Static_assert(HA_CODEC_BODY_MAX + 256 <= HA_CODEC_FRAME_MAX,
    "a full batch and its head fit one frame");

struct ha_codec {
	struct ha_message message;
	ProtobufCAllocator allocator;
	size_t size;
	size_t used;
	bool full;
	alignas(max_align_t) uint8_t block[];
};

/*
 * Out.
 */

/* First byte of a frame; 1 to 15 are left to the connection. */
static const uint8_t WIRE_KIND[HA_MSG_MAX] = {
	[HA_MSG_KEEPALIVE] = 16,
	[HA_MSG_FEED_REQUEST] = 17,
	[HA_MSG_WALK_VOID] = 18,
	[HA_MSG_TOUCH] = 19,
	[HA_MSG_GRANT] = 20,
	[HA_MSG_END] = 22,
	[HA_MSG_BATCH] = 21,
};

static int
pack(const ProtobufCMessage *w, uint8_t *out, size_t cap, size_t *len)
{
	if (protobuf_c_message_get_packed_size(w) > cap)
		return HA_ERR_FULL;
	*len = protobuf_c_message_pack(w, out);
	return HA_OK;
}

static int
pack_keepalive(const struct ha_msg_keepalive *k, uint8_t *out, size_t cap,
    size_t *len)
{
	Ha4__Keepalive w = HA4__KEEPALIVE__INIT;
	Ha4__Stream streams[HA_STREAM_MAX];
	Ha4__Stream *list[HA_STREAM_MAX];

	for (int i = 0; i < k->n_streams; i++) {
		const struct ha_stream_status *s = &k->streams[i];

		ha4__stream__init(&streams[i]);
		streams[i].owner = s->stream.owner;
		streams[i].boot = s->stream.boot;
		streams[i].complete = s->complete;
		streams[i].count = s->count;
		streams[i].digest = s->digest;
		streams[i].caught_up = s->caught_up;
		list[i] = &streams[i];
	}
	w.counter = k->counter;
	w.heard = k->heard;
	w.heard_age_ms = k->heard_age_ms;
	w.state = k->state;
	w.up = k->up;
	w.table_permille = k->table_permille;
	w.sessions_owned = k->sessions_owned;
	w.n_streams = k->n_streams;
	w.streams = list;
	return pack(&w.base, out, cap, len);
}

static int
pack_feed_request(const struct ha_msg_feed_request *r, uint8_t *out,
    size_t cap, size_t *len)
{
	Ha4__FeedRequest w = HA4__FEED_REQUEST__INIT;

	w.walk = r->walk;
	w.owner = r->stream.owner;
	w.boot = r->stream.boot;
	w.after = r->after;
	return pack(&w.base, out, cap, len);
}

static int
pack_walk_void(const struct ha_msg_walk_void *v, uint8_t *out, size_t cap,
    size_t *len)
{
	Ha4__WalkVoid w = HA4__WALK_VOID__INIT;

	w.walk = v->walk;
	w.owner = v->stream.owner;
	w.boot = v->stream.boot;
	return pack(&w.base, out, cap, len);
}

static int
pack_session(const struct ha_msg_session *s, uint8_t *out, size_t cap,
    size_t *len)
{
	Ha4__Session w = HA4__SESSION__INIT;

	w.creator = s->uid.creator;
	w.boot = s->uid.boot;
	w.number = s->uid.number;
	w.epoch = s->version.epoch;
	w.owner = s->version.owner;
	w.revision = s->version.revision;
	return pack(&w.base, out, cap, len);
}

static int
pack_batch_head(const struct ha_msg_batch *b, uint8_t *out, size_t cap,
    size_t *len)
{
	Ha4__Batch w = HA4__BATCH__INIT;
	Ha4__Took took[HA_BOOTS_MAX];
	Ha4__Took *list[HA_BOOTS_MAX];

	for (int i = 0; i < b->n_took; i++) {
		ha4__took__init(&took[i]);
		took[i].boot = b->took[i].boot;
		took[i].complete = b->took[i].complete;
		list[i] = &took[i];
	}
	w.walk = b->walk;
	w.owner = b->stream.owner;
	w.boot = b->stream.boot;
	w.from = b->from;
	w.to = b->to;
	w.floor = b->floor;
	w.flags = b->flags;
	w.complete = b->complete;
	w.count = b->count;
	w.digest = b->digest;
	w.n_took = b->n_took;
	w.took = list;
	return pack(&w.base, out, cap, len);
}

static int
pack_head(const struct ha_message *m, uint8_t *out, size_t cap, size_t *len)
{
	switch (m->kind) {
	case HA_MSG_KEEPALIVE:
		return pack_keepalive(&m->u.keepalive, out, cap, len);
	case HA_MSG_FEED_REQUEST:
		return pack_feed_request(&m->u.feed_request, out, cap, len);
	case HA_MSG_WALK_VOID:
		return pack_walk_void(&m->u.walk_void, out, cap, len);
	case HA_MSG_TOUCH:
		return pack_session(&m->u.touch, out, cap, len);
	case HA_MSG_GRANT:
		return pack_session(&m->u.grant, out, cap, len);
	case HA_MSG_END:
		return pack_session(&m->u.end, out, cap, len);
	case HA_MSG_BATCH:
		return pack_batch_head(&m->u.batch, out, cap, len);
	case HA_MSG_MAX:
		break;
	}
	return HA_ERR_INVAL;
}

/* A list of one entry is packed at a time: packed lists join, too. */
static int
pack_entries(const struct ha_msg_batch *b, uint8_t *out, size_t cap,
    size_t *len)
{
	struct ha_codec_chain chain = { .stream = b->stream };
	struct ha_codec_wire wire;
	Ha4__Entry *list[1] = { &wire.entry };
	Ha4__Body body = HA4__BODY__INIT;
	unsigned int weight = 0, w;
	size_t at = 0;
	size_t n;
	int err;

	body.n_entries = 1;
	body.entries = list;
	for (int i = 0; i < b->n_entries; i++) {
		err = ha_codec_session_pack(&chain, &b->entries[i], &wire);
		if (err != HA_OK)
			return err;
		w = ha_entry_weight(&b->entries[i]);
		weight += w;
		if (weight > HA_BATCH_MAX)
			return HA_ERR_INVAL;
		if (cap - at < w * HA_CODEC_ENTRY_MAX &&
		    cap - at < ha4__body__get_packed_size(&body))
			return HA_ERR_FULL;
		n = ha4__body__pack(&body, out + at);
		HA_CHECK(n <= w * HA_CODEC_ENTRY_MAX);
		at += n;
	}
	*len = at;
	return HA_OK;
}

bool
ha_codec_body_fits(const struct ha_codec_body *body,
    const struct ha_msg_batch *b)
{
	return body->id != 0 && body->id == b->body &&
	    body->n_entries == b->n_entries &&
	    ha_stream_equal(&body->stream, &b->stream);
}

int
ha_codec_encode_body(const struct ha_msg_batch *b, struct ha_codec_body *body)
{
	size_t len;
	int err;

	body->id = 0;
	if (b->n_entries > HA_BATCH_MAX)
		return HA_ERR_INVAL;
	err = pack_entries(b, body->bytes, sizeof(body->bytes), &len);
	if (err != HA_OK)
		return err;

	body->id = b->body;
	body->stream = b->stream;
	body->n_entries = b->n_entries;
	body->first = b->n_entries == 0 ? 0 : b->entries[0].change;
	body->last =
	    b->n_entries == 0 ? 0 : b->entries[b->n_entries - 1].change;
	body->len = (uint16_t)len;
	return HA_OK;
}

static int
append_body(const struct ha_msg_batch *b, const struct ha_codec_body *body,
    uint8_t *out, size_t cap, size_t *len)
{
	if (body->n_entries != b->n_entries ||
	    !ha_stream_equal(&body->stream, &b->stream) ||
	    !ha_codec_span_valid(b, body->first, body->last))
		return HA_ERR_INVAL;
	if (body->len > cap)
		return HA_ERR_FULL;
	memcpy(out, body->bytes, body->len);
	*len = body->len;
	return HA_OK;
}

static int
append_entries(const struct ha_msg_batch *b, uint8_t *out, size_t cap,
    size_t *len)
{
	if (b->n_entries != 0 &&
	    !ha_codec_span_valid(b, b->entries[0].change,
		b->entries[b->n_entries - 1].change))
		return HA_ERR_INVAL;
	return pack_entries(b, out, cap, len);
}

int
ha_codec_encode(const struct ha_message *m, const struct ha_codec_body *body,
    uint8_t *out, size_t cap, size_t *len)
{
	size_t head = 0;
	size_t rest = 0;
	int err;

	if (!ha_codec_head_valid(m))
		return HA_ERR_INVAL;
	if (cap > HA_CODEC_FRAME_MAX)
		cap = HA_CODEC_FRAME_MAX;
	if (cap < 1)
		return HA_ERR_FULL;

	out[0] = WIRE_KIND[m->kind];
	err = pack_head(m, out + 1, cap - 1, &head);
	if (err != HA_OK)
		return err;
	head += 1;
	if (m->kind == HA_MSG_BATCH && body != NULL)
		err = append_body(&m->u.batch, body, out + head, cap - head,
		    &rest);
	else if (m->kind == HA_MSG_BATCH)
		err = append_entries(&m->u.batch, out + head, cap - head,
		    &rest);
	if (err != HA_OK)
		return err;
	*len = head + rest;
	return HA_OK;
}

/*
 * In.
 */

static void *
take(struct ha_codec *c, size_t n)
{
	const size_t align = alignof(max_align_t);
	void *p = c->block + c->used;

	if (n > c->size - c->used) {
		c->full = true;
		return NULL;
	}
	n = (n + align - 1) / align * align;
	c->used = n > c->size - c->used ? c->size : c->used + n;
	return p;
}

static void *
arena_alloc(void *data, size_t n)
{
	return take(data, n);
}

static void
arena_free(void *data, void *p)
{
	(void)data;
	(void)p;
}

struct ha_codec *
ha_codec_new(size_t arena_bytes)
{
	struct ha_codec *c = malloc(sizeof(*c) + arena_bytes);

	if (c == NULL)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->size = arena_bytes;
	c->allocator = (ProtobufCAllocator){
		.alloc = arena_alloc,
		.free = arena_free,
		.allocator_data = c,
	};
	return c;
}

void
ha_codec_free(struct ha_codec *c)
{
	free(c);
}

/* A number of the wire in a narrower field; *lost says that it did not fit. */
static uint8_t
narrow8(uint32_t v, bool *lost)
{
	*lost = *lost || v > UINT8_MAX;
	return (uint8_t)v;
}

static uint16_t
narrow16(uint32_t v, bool *lost)
{
	*lost = *lost || v > UINT16_MAX;
	return (uint16_t)v;
}

static int
unpack_keepalive(struct ha_codec *c, const uint8_t *in, size_t len)
{
	const Ha4__Keepalive *w =
	    ha4__keepalive__unpack(&c->allocator, len, in);
	struct ha_msg_keepalive *k = &c->message.u.keepalive;
	bool lost = false;

	if (w == NULL || w->n_streams > HA_STREAM_MAX)
		return HA_ERR_CORRUPT;
	*k = (struct ha_msg_keepalive){
		.counter = w->counter,
		.heard = w->heard,
		.heard_age_ms = w->heard_age_ms,
		.state = narrow8(w->state, &lost),
		.up = narrow16(w->up, &lost),
		.table_permille = narrow16(w->table_permille, &lost),
		.sessions_owned = w->sessions_owned,
		.n_streams = (uint8_t)w->n_streams,
	};
	for (size_t i = 0; i < w->n_streams; i++) {
		const Ha4__Stream *s = w->streams[i];

		k->streams[i] = (struct ha_stream_status){
			.stream = { s->boot, narrow8(s->owner, &lost) },
			.complete = s->complete,
			.count = s->count,
			.digest = s->digest,
			.caught_up = s->caught_up,
		};
	}
	return lost ? HA_ERR_CORRUPT : HA_OK;
}

static int
unpack_feed_request(struct ha_codec *c, const uint8_t *in, size_t len)
{
	const Ha4__FeedRequest *w =
	    ha4__feed_request__unpack(&c->allocator, len, in);
	bool lost = false;

	if (w == NULL)
		return HA_ERR_CORRUPT;
	c->message.u.feed_request = (struct ha_msg_feed_request){
		.walk = w->walk,
		.stream = { w->boot, narrow8(w->owner, &lost) },
		.after = w->after,
	};
	return lost ? HA_ERR_CORRUPT : HA_OK;
}

static int
unpack_walk_void(struct ha_codec *c, const uint8_t *in, size_t len)
{
	const Ha4__WalkVoid *w =
	    ha4__walk_void__unpack(&c->allocator, len, in);
	bool lost = false;

	if (w == NULL)
		return HA_ERR_CORRUPT;
	c->message.u.walk_void = (struct ha_msg_walk_void){
		.walk = w->walk,
		.stream = { w->boot, narrow8(w->owner, &lost) },
	};
	return lost ? HA_ERR_CORRUPT : HA_OK;
}

static int
unpack_session(struct ha_codec *c, struct ha_msg_session *out,
    const uint8_t *in, size_t len)
{
	const Ha4__Session *w = ha4__session__unpack(&c->allocator, len, in);
	bool lost = false;

	if (w == NULL)
		return HA_ERR_CORRUPT;
	*out = (struct ha_msg_session){
		.uid = { w->boot, w->number, narrow8(w->creator, &lost) },
		.version = { w->revision, w->epoch,
		    narrow8(w->owner, &lost) },
	};
	return lost ? HA_ERR_CORRUPT : HA_OK;
}

static int
unpack_entries(struct ha_codec *c, const Ha4__Batch *w,
    struct ha_msg_batch *b)
{
	struct ha_codec_chain chain = { .stream = b->stream };
	struct ha_entry *entries;
	struct ha_extra *extra = NULL;
	unsigned int weight = 0;
	int err;

	if (w->n_entries == 0)
		return HA_OK;
	entries = take(c, w->n_entries * sizeof(*entries));
	if (entries == NULL)
		return HA_ERR_NOMEM;
	for (size_t i = 0; i < w->n_entries; i++) {
		if (w->entries[i]->extra != NULL) {
			extra = take(c, sizeof(*extra));
			if (extra == NULL)
				return HA_ERR_NOMEM;
		}
		err = ha_codec_session_unpack(&chain, w->entries[i], extra,
		    &entries[i]);
		if (err != HA_OK)
			return err;
		weight += ha_entry_weight(&entries[i]);
	}
	if (weight > HA_BATCH_MAX)
		return HA_ERR_CORRUPT;
	b->n_entries = (uint16_t)w->n_entries;
	b->entries = entries;
	return ha_codec_span_valid(b, entries[0].change, chain.change) ?
	    HA_OK : HA_ERR_CORRUPT;
}

static int
unpack_batch(struct ha_codec *c, const uint8_t *in, size_t len)
{
	const Ha4__Batch *w = ha4__batch__unpack(&c->allocator, len, in);
	struct ha_msg_batch *b = &c->message.u.batch;
	bool lost = false;

	if (w == NULL || w->n_entries > HA_BATCH_MAX ||
	    w->n_took > HA_BOOTS_MAX)
		return HA_ERR_CORRUPT;
	*b = (struct ha_msg_batch){
		.walk = w->walk,
		.stream = { w->boot, narrow8(w->owner, &lost) },
		.from = w->from,
		.to = w->to,
		.floor = w->floor,
		.flags = narrow8(w->flags, &lost),
		.complete = w->complete,
		.count = w->count,
		.digest = w->digest,
		.n_took = (uint8_t)w->n_took,
	};
	for (size_t i = 0; i < w->n_took; i++)
		b->took[i] = (struct ha_took){ w->took[i]->boot,
			w->took[i]->complete };
	return lost ? HA_ERR_CORRUPT : unpack_entries(c, w, b);
}

static int
unpack(struct ha_codec *c, const uint8_t *in, size_t len)
{
	switch (c->message.kind) {
	case HA_MSG_KEEPALIVE:
		return unpack_keepalive(c, in, len);
	case HA_MSG_FEED_REQUEST:
		return unpack_feed_request(c, in, len);
	case HA_MSG_WALK_VOID:
		return unpack_walk_void(c, in, len);
	case HA_MSG_TOUCH:
		return unpack_session(c, &c->message.u.touch, in, len);
	case HA_MSG_GRANT:
		return unpack_session(c, &c->message.u.grant, in, len);
	case HA_MSG_END:
		return unpack_session(c, &c->message.u.end, in, len);
	case HA_MSG_BATCH:
		return unpack_batch(c, in, len);
	case HA_MSG_MAX:
		break;
	}
	return HA_ERR_UNSUPPORTED;
}

static enum ha_message_kind
find_kind(uint8_t wire)
{
	for (int i = 0; i < HA_MSG_MAX; i++) {
		if (WIRE_KIND[i] == wire)
			return (enum ha_message_kind)i;
	}
	return HA_MSG_MAX;
}

int
ha_codec_decode(struct ha_codec *c, const uint8_t *in, size_t len,
    const struct ha_message **out)
{
	int err;

	if (len < 1 || len > HA_CODEC_FRAME_MAX)
		return HA_ERR_CORRUPT;
	c->used = 0;
	c->full = false;
	c->message.kind = find_kind(in[0]);
	err = unpack(c, in + 1, len - 1);
	if (err == HA_OK && !ha_codec_head_valid(&c->message))
		err = HA_ERR_CORRUPT;
	if (err != HA_OK)
		return c->full ? HA_ERR_NOMEM : err;
	*out = &c->message;
	return HA_OK;
}
