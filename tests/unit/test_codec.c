#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/codec.h"
#include "proto/ha4.pb-c.h"
#include "tests/unit/random_message.h"

/* First bytes of frames: part of the wire, so spelled out once more here. */
enum { KEEPALIVE = 16, FEED_REQUEST, WALK_VOID, TOUCH, GRANT, BATCH, END };

#define N(list) (sizeof(list) / sizeof((list)[0]))

static struct ha_codec *codec;
static struct ha_entry *entries;
static struct ha_codec_body *body;
static uint8_t frame[HA_CODEC_FRAME_MAX];
static size_t frame_len;

static void
setup(void)
{
	codec = ha_codec_new(HA_CODEC_ARENA);
	entries = calloc(HA_BATCH_MAX, sizeof(*entries));
	body = calloc(1, sizeof(*body));
	ck_assert_ptr_nonnull(codec);
	ck_assert_ptr_nonnull(entries);
	ck_assert_ptr_nonnull(body);
}

static void
teardown(void)
{
	ha_codec_free(codec);
	free(entries);
	free(body);
}

/* From a buffer of just that size, so that a read behind it is noticed. */
static int
decode(const uint8_t *in, size_t len, const struct ha_message **out)
{
	uint8_t *copy = malloc(len == 0 ? 1 : len);
	int err;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, in, len);
	err = ha_codec_decode(codec, copy, len, out);
	free(copy);
	return err;
}

static void
encode(const struct ha_message *m)
{
	ck_assert_int_eq(ha_codec_encode(m, NULL, frame, sizeof(frame),
	    &frame_len), HA_OK);
}

/* A message that was taken is one that could have been sent. */
static void
check_taken(const struct ha_message *m)
{
	static uint8_t again[HA_CODEC_FRAME_MAX];
	static uint8_t third[HA_CODEC_FRAME_MAX];
	size_t len, third_len;

	ck_assert_int_eq(ha_codec_encode(m, NULL, again, sizeof(again), &len),
	    HA_OK);
	ck_assert_int_eq(decode(again, len, &m), HA_OK);
	ck_assert_int_eq(ha_codec_encode(m, NULL, third, sizeof(third),
	    &third_len), HA_OK);
	ck_assert_uint_eq(third_len, len);
	ck_assert_mem_eq(third, again, len);
}

/* A TCP session as most are. */
static struct ha_entry
plain_entry(uint8_t family, uint64_t change)
{
	struct ha_entry e = {
		.kind = HA_ENTRY_FULL,
		.change = change,
		.uid = { 0x1122334455667788, change / 2, 3 },
		.version = { UINT64_C(41) << 32 | change, 1, 3 },
		.record = {
			.orig = {
				.src_port = 51234,
				.dst_port = 443,
				.family = family,
				.protocol = 6,
			},
			.status = HA_STATUS_SEEN_REPLY | HA_STATUS_ASSURED,
			.mark = 0x10000,
			.tcp_state = HA_TCP_ESTABLISHED,
			.tcp_flags = { 0x23, 0x23 },
			.tcp_wscale = { 7, 8 },
		},
	};

	memset(e.record.orig.src, 0xc0, family == HA_IPV4 ? 4 : 16);
	memset(e.record.orig.dst, 0xac, family == HA_IPV4 ? 4 : 16);
	e.record.reply = ha_tuple_invert(&e.record.orig);
	return e;
}

static struct ha_message
plain_batch(uint8_t family, uint16_t n)
{
	const uint64_t from = 5000000;

	for (int i = 0; i < n; i++)
		entries[i] = plain_entry(family, from + 1 + (uint64_t)i);
	return (struct ha_message){
		.kind = HA_MSG_BATCH,
		.u.batch = {
			.walk = 7,
			.stream = { 0x1122334455667788, 3 },
			.from = from,
			.to = from + n,
			.n_entries = n,
			.entries = entries,
		},
	};
}

/* As many entries as have room in a batch, each with an extra. */
#define LONGEST (HA_BATCH_MAX / 2)

static const struct ha_extra LONGEST_EXTRA = {
	.label = { UINT64_MAX, UINT64_MAX },
	.helper = "fifteen-letters",
	.seq = { { UINT32_MAX, INT32_MIN, INT32_MIN },
	    { UINT32_MAX, INT32_MIN, INT32_MIN } },
	.synproxy = { UINT32_MAX, UINT32_MAX, UINT32_MAX },
	.master = { .src = "sixteen letters", .dst = "sixteen letters",
	    .src_port = UINT16_MAX, .dst_port = UINT16_MAX,
	    .family = HA_IPV6, .protocol = UINT8_MAX },
};

/* Nothing left out, every number as long as it gets. */
static struct ha_message
longest_batch(void)
{
	struct ha_message m = plain_batch(HA_IPV6, LONGEST);
	const uint64_t step = UINT64_MAX / LONGEST;

	m.u.batch = (struct ha_msg_batch){
		.walk = UINT64_MAX,
		.stream = { UINT64_MAX, 16 },
		.from = 1,
		.to = UINT64_MAX,
		.floor = UINT64_MAX,
		.flags = HA_BATCH_FULL | HA_BATCH_CAUGHT_UP,
		.complete = UINT64_MAX,
		.count = UINT64_MAX,
		.digest = UINT64_MAX,
		.n_took = HA_BOOTS_MAX,
		.n_entries = LONGEST,
		.entries = entries,
	};
	for (int i = 0; i < HA_BOOTS_MAX; i++)
		m.u.batch.took[i] = (struct ha_took){ UINT64_MAX, UINT64_MAX };
	for (unsigned int i = 0; i < LONGEST; i++) {
		const uint64_t far = i % 2 == 0 ? UINT64_C(1) << 63 : 1;
		struct ha_entry *e = &entries[i];
		struct ha_record *r = &e->record;

		e->change = (i + 1) * step;
		e->uid = (struct ha_uid){ 1, far, 15 };
		e->version = (struct ha_version){ far, UINT32_MAX, 14 };
		r->orig.zone = i % 2 == 0 ? 0 : UINT32_MAX;
		r->orig.protocol = UINT8_MAX;
		r->reply = r->orig;
		memset(r->reply.src, 0x55, 16);
		memset(r->reply.dst, 0x66, 16);
		r->reply.src_port = 1;
		r->reply.dst_port = 2;
		r->status = HA_STATUS_MASK;
		r->mark = UINT32_MAX;
		r->flags = HA_RECORD_UNTOUCHED;
		r->tcp_state = HA_TCP_STATE_MAX - 1;
		r->tcp_wscale[0] = r->tcp_wscale[1] = 14;
		r->tcp_flags[0] = r->tcp_flags[1] = UINT8_MAX;
		e->extra = &LONGEST_EXTRA;
	}
	return m;
}

START_TEST(every_message_comes_back_as_it_was)
{
	struct ha_rng rng = { (uint64_t)_i };
	const int rounds = _i == HA_MSG_BATCH ? 4000 : 20000;
	const struct ha_message *out;
	struct ha_message m;

	for (int i = 0; i < rounds; i++) {
		random_message(&rng, (enum ha_message_kind)_i, entries, &m);
		encode(&m);
		ck_assert_int_eq(decode(frame, frame_len, &out), HA_OK);
		ck_assert_msg(same_message(&m, out), "round %d", i);
	}
}
END_TEST

START_TEST(an_update_leaves_the_tuples_out)
{
	struct ha_message m = plain_batch(HA_IPV6, 1);
	const struct ha_message *out;
	struct ha_tuple none;

	entries[0].kind = HA_ENTRY_UPDATE;
	encode(&m);
	ck_assert_int_eq(decode(frame, frame_len, &out), HA_OK);

	memset(&none, 0, sizeof(none));
	ck_assert(ha_tuple_equal(&out->u.batch.entries[0].record.orig, &none));
	ck_assert(ha_tuple_equal(&out->u.batch.entries[0].record.reply, &none));
	ck_assert_uint_eq(out->u.batch.entries[0].record.mark, 0x10000);
}
END_TEST

START_TEST(an_end_carries_no_record)
{
	struct ha_message m = plain_batch(HA_IPV4, 1);
	const struct ha_message *out;

	entries[0].kind = HA_ENTRY_END;
	entries[0].end_reason = HA_END_IDLE;
	encode(&m);
	ck_assert_int_eq(decode(frame, frame_len, &out), HA_OK);
	ck_assert_uint_eq(out->u.batch.entries[0].end_reason, HA_END_IDLE);
	ck_assert_uint_eq(out->u.batch.entries[0].record.mark, 0);
	ck_assert_uint_eq(out->u.batch.entries[0].record.orig.family, 0);
}
END_TEST

START_TEST(peers_share_one_body)
{
	struct ha_rng rng = { 11 };
	const struct ha_message *out;
	struct ha_message m;

	for (int i = 0; i < 500; i++) {
		random_message(&rng, HA_MSG_BATCH, entries, &m);
		ck_assert_int_eq(ha_codec_encode_body(&m.u.batch, body),
		    HA_OK);
		for (uint64_t walk = 1; walk <= 3; walk++) {
			m.u.batch.walk = walk;
			m.u.batch.from /= walk;
			m.u.batch.flags = 0;
			ck_assert_int_eq(ha_codec_encode(&m, body, frame,
			    sizeof(frame), &frame_len), HA_OK);
			ck_assert_int_eq(decode(frame, frame_len, &out),
			    HA_OK);
			ck_assert(same_message(&m, out));
		}
	}
}
END_TEST

START_TEST(a_body_makes_the_same_bytes)
{
	static uint8_t shared[HA_CODEC_FRAME_MAX];
	struct ha_message m = plain_batch(HA_IPV4, HA_BATCH_MAX);
	size_t len;

	encode(&m);
	ck_assert_int_eq(ha_codec_encode_body(&m.u.batch, body), HA_OK);
	ck_assert_int_eq(ha_codec_encode(&m, body, shared, sizeof(shared),
	    &len), HA_OK);
	ck_assert_uint_eq(len, frame_len);
	ck_assert_mem_eq(shared, frame, len);
}
END_TEST

START_TEST(a_body_fits_batches_of_the_same_id_only)
{
	struct ha_message m = plain_batch(HA_IPV4, 3);
	struct ha_msg_batch other;

	m.u.batch.body = 9;
	ck_assert_int_eq(ha_codec_encode_body(&m.u.batch, body), HA_OK);
	ck_assert(ha_codec_body_fits(body, &m.u.batch));
	other = m.u.batch;
	other.body = 10;
	ck_assert(!ha_codec_body_fits(body, &other));

	other.body = 0;
	ck_assert_int_eq(ha_codec_encode_body(&other, body), HA_OK);
	ck_assert_msg(!ha_codec_body_fits(body, &other), "0 is like no other");
}
END_TEST

static const struct {
	const char *why;
	struct ha_msg_batch is;
} strange_bodies[] = {
	{ "another stream", { .stream = { 1, 3 }, .from = 5000000,
	    .to = 5000003, .n_entries = 3 } },
	{ "fewer entries", { .stream = { 0x1122334455667788, 3 },
	    .from = 5000000, .to = 5000003, .n_entries = 2 } },
	{ "begins too early", { .stream = { 0x1122334455667788, 3 },
	    .from = 5000001, .to = 5000003, .n_entries = 3 } },
	{ "ends too late", { .stream = { 0x1122334455667788, 3 },
	    .from = 5000000, .to = 5000002, .n_entries = 3 } },
};

START_TEST(a_body_of_another_batch_is_refused)
{
	struct ha_message m = plain_batch(HA_IPV4, 3);

	ck_assert_int_eq(ha_codec_encode_body(&m.u.batch, body), HA_OK);
	m.u.batch = strange_bodies[_i].is;
	m.u.batch.walk = 1;
	ck_assert_msg(ha_codec_encode(&m, body, frame, sizeof(frame),
	    &frame_len) == HA_ERR_INVAL, "case: %s", strange_bodies[_i].why);
}
END_TEST

static const struct {
	const char *what;
	uint8_t family;
	enum ha_entry_kind kind;
	unsigned int at_most;
} sizes[] = {
	{ "IPv4 TCP, whole", HA_IPV4, HA_ENTRY_FULL, 39 },
	{ "IPv6 TCP, whole", HA_IPV6, HA_ENTRY_FULL, 66 },
	{ "update", HA_IPV4, HA_ENTRY_UPDATE, 24 },
	{ "end", HA_IPV4, HA_ENTRY_END, 15 },
	{ "left", HA_IPV4, HA_ENTRY_LEFT, 12 },
};

/* To the byte: whoever makes one longer is told. */
START_TEST(an_entry_is_short)
{
	struct ha_message m = plain_batch(sizes[_i].family, HA_BATCH_MAX);
	unsigned int each;

	for (int i = 0; i < HA_BATCH_MAX; i++) {
		entries[i].kind = sizes[_i].kind;
		entries[i].end_reason = HA_END_IDLE;
	}
	encode(&m);
	each = (unsigned int)((frame_len + HA_BATCH_MAX - 1) / HA_BATCH_MAX);
	printf("%s: %u bytes an entry\n", sizes[_i].what, each);
	ck_assert_uint_le(each, sizes[_i].at_most);
}
END_TEST

START_TEST(a_zone_is_told_once_where_all_are_in_it)
{
	struct ha_message m = plain_batch(HA_IPV4, HA_BATCH_MAX);
	const struct ha_message *out;
	size_t without;

	encode(&m);
	without = frame_len;
	for (int i = 0; i < HA_BATCH_MAX; i++) {
		entries[i].record.orig.zone = 0x87654321;
		entries[i].record.reply.zone = 0x87654321;
	}
	entries[1].kind = HA_ENTRY_END; /* has none, and is in between */
	entries[2].kind = HA_ENTRY_UPDATE;
	encode(&m);
	ck_assert_uint_le(frame_len, without + 6);
	ck_assert_int_eq(decode(frame, frame_len, &out), HA_OK);
	ck_assert_uint_eq(out->u.batch.entries[0].record.orig.zone,
	    0x87654321);
	ck_assert_uint_eq(out->u.batch.entries[3].record.reply.zone,
	    0x87654321);
}
END_TEST

START_TEST(the_longest_batch_fits_one_frame)
{
	struct ha_message m = longest_batch();
	const struct ha_message *out;

	encode(&m);
	printf("longest batch: %zu bytes\n", frame_len);
	ck_assert_uint_le(frame_len, HA_CODEC_FRAME_MAX);
	ck_assert_int_eq(decode(frame, frame_len, &out), HA_OK);
	ck_assert(same_message(&m, out));

	ck_assert_int_eq(ha_codec_encode_body(&m.u.batch, body), HA_OK);
	ck_assert_uint_le(body->len, HA_CODEC_BODY_MAX);
}
END_TEST

static unsigned int
fields_unused(const ProtobufCMessage *w)
{
	const ProtobufCMessageDescriptor *d = w->descriptor;
	unsigned int unused = 0;

	for (unsigned int i = 0; i < d->n_fields; i++) {
		const uint8_t *field =
		    (const uint8_t *)w + d->fields[i].offset;
		const uint32_t none = 0;

		if (memcmp(field, &none, sizeof(none)) == 0)
			unused++;
	}
	return unused;
}

/* Every field that Entry has, at its longest, is in the longest batch: so no
 * entry is longer for its weight than HA_CODEC_ENTRY_MAX. */
START_TEST(the_longest_entry_leaves_no_field_out)
{
	struct ha_message m = longest_batch();
	Ha4__Batch *w;

	encode(&m);
	w = ha4__batch__unpack(NULL, frame_len - 1, frame + 1);
	ck_assert_ptr_nonnull(w);
	/* kind (0 is the whole), reason (of an end), four of IPv4. */
	ck_assert_uint_eq(fields_unused(&w->entries[1]->base), 6);
	/* two of IPv4 */
	ck_assert_uint_eq(fields_unused(&w->entries[1]->extra->base), 2);
	ha4__batch__free_unpacked(w, NULL);
}
END_TEST

START_TEST(a_small_buffer_is_an_error_and_stays_unhurt)
{
	struct ha_rng rng = { 5 };
	struct ha_message m;
	size_t len;

	random_message(&rng, (enum ha_message_kind)_i, entries, &m);
	if (_i == HA_MSG_BATCH)
		m = plain_batch(HA_IPV6, 5);
	encode(&m);
	if (_i == HA_MSG_BATCH)
		ck_assert_int_eq(ha_codec_encode_body(&m.u.batch, body),
		    HA_OK);
	for (size_t cap = 0; cap < frame_len; cap++) {
		uint8_t *small = malloc(cap == 0 ? 1 : cap);

		len = 12345;
		ck_assert_int_eq(ha_codec_encode(&m, NULL, small, cap, &len),
		    HA_ERR_FULL);
		ck_assert_uint_eq(len, 12345);
		if (_i == HA_MSG_BATCH)
			ck_assert_int_eq(ha_codec_encode(&m, body, small, cap,
			    &len), HA_ERR_FULL);
		free(small);
	}
	ck_assert_int_eq(ha_codec_encode(&m, NULL, frame, frame_len, &len),
	    HA_OK);
	ck_assert_uint_eq(len, frame_len);
}
END_TEST

START_TEST(a_small_arena_is_an_error_and_nothing_more)
{
	const struct ha_message *out = NULL;
	struct ha_message m = longest_batch();
	size_t size = 0;
	int err;

	encode(&m);
	ha_codec_free(codec);
	for (;;) {
		codec = ha_codec_new(size);
		ck_assert_ptr_nonnull(codec);
		err = decode(frame, frame_len, &out);
		if (err == HA_OK)
			break;
		ck_assert_int_eq(err, HA_ERR_NOMEM);
		ck_assert_ptr_null(out);
		ha_codec_free(codec);
		size += 1009;
		ck_assert_uint_lt(size, HA_CODEC_ARENA / 2);
	}
	printf("longest batch: %zu bytes of arena\n", size);
	ck_assert(same_message(&m, out));
}
END_TEST

/*
 * What a peer would refuse is not sent.
 */

static void
spoil_end_reason(struct ha_message *m)
{
	(void)m;
	entries[1].kind = HA_ENTRY_END;
	entries[1].end_reason = HA_END_MAX;
}

static void
spoil_entry_kind(struct ha_message *m)
{
	(void)m;
	entries[1].kind = (enum ha_entry_kind)(HA_ENTRY_LEFT + 1);
}

static void
spoil_family(struct ha_message *m)
{
	(void)m;
	entries[1].record.orig.family = 5;
	entries[1].record.reply.family = 5;
}

static void
spoil_reply_zone(struct ha_message *m)
{
	(void)m;
	entries[1].record.reply.zone = 4;
}

static void
spoil_update(struct ha_message *m)
{
	(void)m;
	entries[1].kind = HA_ENTRY_UPDATE;
	entries[1].record.tcp_state = HA_TCP_STATE_MAX;
}

static void
spoil_helper(struct ha_message *m)
{
	static const struct ha_extra BAD = { .helper = "f\ntp" };

	(void)m;
	entries[1].extra = &BAD;
}

static void
spoil_weight(struct ha_message *m)
{
	*m = longest_batch();
	entries[LONGEST] = entries[LONGEST - 1];
	entries[LONGEST].change++;
	m->u.batch.n_entries++;
}

static void
spoil_order(struct ha_message *m)
{
	(void)m;
	entries[2].change = entries[1].change;
}

static void
spoil_first(struct ha_message *m)
{
	m->u.batch.from = entries[0].change;
}

static void
spoil_last(struct ha_message *m)
{
	m->u.batch.to = entries[2].change - 1;
}

static void
spoil_from(struct ha_message *m)
{
	m->u.batch.n_entries = 0;
	m->u.batch.from = m->u.batch.to + 1;
}

static void
spoil_walk(struct ha_message *m)
{
	m->u.batch.walk = 0;
}

static void
spoil_flags(struct ha_message *m)
{
	m->u.batch.flags = 8;
}

static void
spoil_owner(struct ha_message *m)
{
	m->u.batch.stream.owner = 17;
}

static void
spoil_creator(struct ha_message *m)
{
	(void)m;
	entries[1].uid.creator = 0;
}

static void
spoil_number(struct ha_message *m)
{
	(void)m;
	entries[1].uid.number = 0;
}

static void
spoil_writer(struct ha_message *m)
{
	(void)m;
	entries[1].version.owner = 17;
}

static void
spoil_n_entries(struct ha_message *m)
{
	m->u.batch.n_entries = HA_BATCH_MAX + 1;
}

static void
spoil_n_took(struct ha_message *m)
{
	m->u.batch.n_took = HA_BOOTS_MAX + 1;
}

static void
spoil_kind(struct ha_message *m)
{
	m->kind = HA_MSG_MAX;
}

static const struct {
	const char *why;
	void (*spoil)(struct ha_message *m);
} spoils[] = {
	{ "no such reason", spoil_end_reason },
	{ "no such kind of entry", spoil_entry_kind },
	{ "no such family", spoil_family },
	{ "directions in two zones", spoil_reply_zone },
	{ "no such TCP state in an update", spoil_update },
	{ "a name that is none", spoil_helper },
	{ "too heavy", spoil_weight },
	{ "two entries of one change", spoil_order },
	{ "first change not above from", spoil_first },
	{ "last change above to", spoil_last },
	{ "from above to", spoil_from },
	{ "no walk", spoil_walk },
	{ "unknown flag", spoil_flags },
	{ "no such owner", spoil_owner },
	{ "no creator", spoil_creator },
	{ "no number", spoil_number },
	{ "no such writer", spoil_writer },
	{ "too many entries", spoil_n_entries },
	{ "too many boots", spoil_n_took },
	{ "no such kind", spoil_kind },
};

START_TEST(what_a_peer_would_refuse_is_not_sent)
{
	struct ha_message m = plain_batch(HA_IPV4, 3);

	spoils[_i].spoil(&m);
	frame_len = 12345;
	ck_assert_msg(ha_codec_encode(&m, NULL, frame, sizeof(frame),
	    &frame_len) == HA_ERR_INVAL, "case: %s", spoils[_i].why);
	ck_assert_uint_eq(frame_len, 12345);
}
END_TEST

START_TEST(a_bad_body_is_not_made)
{
	struct ha_message m = plain_batch(HA_IPV4, 3);

	m.u.batch.body = 4;
	ck_assert_int_eq(ha_codec_encode_body(&m.u.batch, body), HA_OK);
	entries[2].record.tcp_wscale[0] = 15;
	ck_assert_int_eq(ha_codec_encode_body(&m.u.batch, body),
	    HA_ERR_INVAL);
	ck_assert(!ha_codec_body_fits(body, &m.u.batch));

	m = plain_batch(HA_IPV4, HA_BATCH_MAX);
	m.u.batch.n_entries = HA_BATCH_MAX + 1;
	ck_assert_int_eq(ha_codec_encode_body(&m.u.batch, body),
	    HA_ERR_INVAL);
}
END_TEST

/*
 * What no member can have sent is refused: one field of a good message is
 * given a bad value, as a member that means harm would.
 */

enum target {
	A_FULL,
	AN_UPDATE,
	AN_END,
	AN_EXTRA,
	A_BATCH,
	A_KEEPALIVE,
	A_STREAM,
	A_REQUEST,
	A_VOID,
	A_TOUCH,
	A_GRANT,
	AN_END_BY_HAND,
};

static const struct {
	const char *why;
	enum target target;
	unsigned int field; /* of proto/ha4.proto */
	uint64_t value;
	int want;
} wire_values[] = {
	{ "an entry as it should be", A_FULL, 1, 0, HA_OK },
	{ "kind of entry", A_FULL, 1, 4, HA_ERR_CORRUPT },
	{ "kind of entry, 32 bits", A_FULL, 1, UINT32_MAX, HA_ERR_CORRUPT },
	{ "change 0", A_FULL, 2, 0, HA_ERR_CORRUPT },
	{ "change at from", A_FULL, 2, 10, HA_ERR_CORRUPT },
	{ "change at to", A_FULL, 2, 20, HA_OK },
	{ "change above to", A_FULL, 2, 21, HA_ERR_CORRUPT },
	{ "number 0", A_FULL, 3, 0, HA_ERR_CORRUPT },
	{ "protocol above 255, IPv6", A_FULL, 9, 512, HA_ERR_CORRUPT },
	{ "status bit", A_FULL, 10, 1, HA_ERR_CORRUPT },
	{ "TCP state", A_FULL, 11, 10, HA_ERR_CORRUPT },
	{ "window scale", A_FULL, 11, 0xf0, HA_ERR_CORRUPT },
	{ "window scale, reply", A_FULL, 11, 0xf00, HA_ERR_CORRUPT },
	{ "TCP bits above all", A_FULL, 11, 1 << 28, HA_ERR_CORRUPT },
	{ "TCP state in update", AN_UPDATE, 11, 10, HA_ERR_CORRUPT },
	{ "TCP bits in update", AN_UPDATE, 11, 1 << 28, HA_ERR_CORRUPT },
	{ "addresses in update: passed over", AN_UPDATE, 6, 1, HA_OK },
	{ "any zone", A_FULL, 31, UINT32_MAX, HA_OK },
	{ "record flag", A_FULL, 18, 2, HA_ERR_CORRUPT },
	{ "record flags of 256", A_FULL, 18, 256, HA_ERR_CORRUPT },
	{ "end", AN_END, 19, HA_END_MAX - 1, HA_OK },
	{ "end reason", AN_END, 19, HA_END_MAX, HA_ERR_CORRUPT },
	{ "end reason of 256", AN_END, 19, 256, HA_ERR_CORRUPT },
	{ "writer", A_FULL, 20, 17, HA_ERR_CORRUPT },
	{ "writer of 257", A_FULL, 20, 257, HA_ERR_CORRUPT },
	{ "creator", AN_END, 21, 17, HA_ERR_CORRUPT },
	{ "creator of 257", AN_END, 21, 257, HA_ERR_CORRUPT },

	{ "an extra of one letter", AN_EXTRA, 3, 'f', HA_OK },
	{ "a name that begins with nothing", AN_EXTRA, 3, 'f' << 8,
	    HA_ERR_CORRUPT },
	{ "a name with a control letter", AN_EXTRA, 3, '\n', HA_ERR_CORRUPT },
	{ "a name with a letter of 8 bits", AN_EXTRA, 3, 0xe4,
	    HA_ERR_CORRUPT },
	{ "a name's second half alone", AN_EXTRA, 4, 'f', HA_ERR_CORRUPT },
	{ "any label", AN_EXTRA, 2, UINT64_MAX, HA_OK },
	{ "any shift", AN_EXTRA, 6, UINT32_MAX, HA_OK },
	{ "a master", AN_EXTRA, 14, 6, HA_OK },
	{ "a master's protocol above 255, IPv6", AN_EXTRA, 14, 512,
	    HA_ERR_CORRUPT },
	{ "a master without protocol: passed over", AN_EXTRA, 15, 1, HA_OK },

	{ "a batch as it should be", A_BATCH, 7, 3, HA_OK },
	{ "batch without walk", A_BATCH, 1, 0, HA_ERR_CORRUPT },
	{ "batch without owner", A_BATCH, 2, 0, HA_ERR_CORRUPT },
	{ "owner of batch", A_BATCH, 2, 17, HA_ERR_CORRUPT },
	{ "owner of batch, 257", A_BATCH, 2, 257, HA_ERR_CORRUPT },
	{ "from above to", A_BATCH, 4, 21, HA_ERR_CORRUPT },
	{ "batch flag", A_BATCH, 7, 8, HA_ERR_CORRUPT },
	{ "batch flags of 256", A_BATCH, 7, 256, HA_ERR_CORRUPT },

	{ "a keepalive as it should be", A_KEEPALIVE, 1, 1, HA_OK },
	{ "counter 0", A_KEEPALIVE, 1, 0, HA_ERR_CORRUPT },
	{ "state", A_KEEPALIVE, 4, HA_STATE_MAX, HA_ERR_CORRUPT },
	{ "state of 256", A_KEEPALIVE, 4, 256, HA_ERR_CORRUPT },
	{ "seventeenth member", A_KEEPALIVE, 5, 1 << 16, HA_ERR_CORRUPT },
	{ "fuller than full", A_KEEPALIVE, 6, 1001, HA_ERR_CORRUPT },
	{ "fuller, by 65536", A_KEEPALIVE, 6, 65536, HA_ERR_CORRUPT },
	{ "stream", A_STREAM, 1, 16, HA_OK },
	{ "stream without owner", A_STREAM, 1, 0, HA_ERR_CORRUPT },
	{ "owner of stream, 257", A_STREAM, 1, 257, HA_ERR_CORRUPT },

	{ "request", A_REQUEST, 4, UINT64_MAX, HA_OK },
	{ "request without walk", A_REQUEST, 1, 0, HA_ERR_CORRUPT },
	{ "request without owner", A_REQUEST, 2, 0, HA_ERR_CORRUPT },
	{ "owner of request, 257", A_REQUEST, 2, 257, HA_ERR_CORRUPT },
	{ "void", A_VOID, 2, 16, HA_OK },
	{ "void without walk", A_VOID, 1, 0, HA_ERR_CORRUPT },
	{ "owner of void", A_VOID, 2, 17, HA_ERR_CORRUPT },
	{ "owner of void, 257", A_VOID, 2, 257, HA_ERR_CORRUPT },

	{ "touch", A_TOUCH, 4, UINT32_MAX, HA_OK },
	{ "touch without creator", A_TOUCH, 1, 0, HA_ERR_CORRUPT },
	{ "creator of touch, 257", A_TOUCH, 1, 257, HA_ERR_CORRUPT },
	{ "touch without number", A_TOUCH, 3, 0, HA_ERR_CORRUPT },
	{ "touch without writer", A_TOUCH, 5, 0, HA_ERR_CORRUPT },
	{ "writer of touch, 257", A_TOUCH, 5, 257, HA_ERR_CORRUPT },
	{ "grant", A_GRANT, 6, UINT64_MAX, HA_OK },
	{ "creator of grant", A_GRANT, 1, 17, HA_ERR_CORRUPT },
	{ "writer of grant", A_GRANT, 5, 17, HA_ERR_CORRUPT },
	{ "end by hand", AN_END_BY_HAND, 6, UINT64_MAX, HA_OK },
	{ "its creator", AN_END_BY_HAND, 1, 17, HA_ERR_CORRUPT },
	{ "its writer", AN_END_BY_HAND, 5, 17, HA_ERR_CORRUPT },
};

static void
set(ProtobufCMessage *w, unsigned int number, uint64_t value)
{
	const ProtobufCFieldDescriptor *f =
	    protobuf_c_message_descriptor_get_field(w->descriptor, number);
	uint32_t narrow = (uint32_t)value;

	ck_assert_ptr_nonnull(f);
	if (f->type == PROTOBUF_C_TYPE_UINT32 ||
	    f->type == PROTOBUF_C_TYPE_FIXED32 ||
	    f->type == PROTOBUF_C_TYPE_SINT32)
		memcpy((uint8_t *)w + f->offset, &narrow, sizeof(narrow));
	else
		memcpy((uint8_t *)w + f->offset, &value, sizeof(value));
}

static int
send_wire(uint8_t kind, const ProtobufCMessage *w)
{
	const struct ha_message *out = NULL;
	int err;

	frame[0] = kind;
	frame_len = 1 + protobuf_c_message_pack(w, frame + 1);
	err = decode(frame, frame_len, &out);
	ck_assert((err == HA_OK) == (out != NULL));
	return err;
}

static Ha4__Batch
good_batch(void)
{
	Ha4__Batch w = HA4__BATCH__INIT;

	w.walk = 1;
	w.owner = 1;
	w.from = 10;
	w.to = 20;
	return w;
}

static Ha4__Entry
good_entry(enum ha_entry_kind kind)
{
	Ha4__Entry e = HA4__ENTRY__INIT;

	e.kind = kind;
	e.change = 11;
	e.number = 1;
	e.protocol = 6;
	return e;
}

static int
send_entry(enum ha_entry_kind kind, unsigned int field, uint64_t value)
{
	Ha4__Entry e = good_entry(kind);
	Ha4__Entry *list[1] = { &e };
	Ha4__Batch w = good_batch();

	set(&e.base, field, value);
	w.n_entries = 1;
	w.entries = list;
	return send_wire(BATCH, &w.base);
}

static int
send_extra(unsigned int field, uint64_t value)
{
	Ha4__Extra x = HA4__EXTRA__INIT;
	Ha4__Entry e = good_entry(HA_ENTRY_FULL);
	Ha4__Entry *list[1] = { &e };
	Ha4__Batch w = good_batch();

	set(&x.base, field, value);
	e.extra = &x;
	w.n_entries = 1;
	w.entries = list;
	return send_wire(BATCH, &w.base);
}

static int
send_batch(unsigned int field, uint64_t value)
{
	Ha4__Batch w = good_batch();

	set(&w.base, field, value);
	return send_wire(BATCH, &w.base);
}

static int
send_keepalive(bool in_stream, unsigned int field, uint64_t value)
{
	Ha4__Keepalive w = HA4__KEEPALIVE__INIT;
	Ha4__Stream s = HA4__STREAM__INIT;
	Ha4__Stream *list[1] = { &s };

	w.counter = 1;
	w.n_streams = 1;
	w.streams = list;
	s.owner = 1;
	set(in_stream ? &s.base : &w.base, field, value);
	return send_wire(KEEPALIVE, &w.base);
}

static int
send_walk(uint8_t kind, unsigned int field, uint64_t value)
{
	Ha4__FeedRequest w = HA4__FEED_REQUEST__INIT;

	/* A WalkVoid is the first fields of a FeedRequest. */
	w.walk = 1;
	w.owner = 1;
	set(&w.base, field, value);
	return send_wire(kind, &w.base);
}

static int
send_session(uint8_t kind, unsigned int field, uint64_t value)
{
	Ha4__Session w = HA4__SESSION__INIT;

	w.creator = 1;
	w.number = 1;
	w.owner = 1;
	set(&w.base, field, value);
	return send_wire(kind, &w.base);
}

static int
send_to_target(enum target target, unsigned int field, uint64_t value)
{
	switch (target) {
	case A_FULL:
		return send_entry(HA_ENTRY_FULL, field, value);
	case AN_UPDATE:
		return send_entry(HA_ENTRY_UPDATE, field, value);
	case AN_END:
		return send_entry(HA_ENTRY_END, field, value);
	case AN_EXTRA:
		return send_extra(field, value);
	case A_BATCH:
		return send_batch(field, value);
	case A_KEEPALIVE:
		return send_keepalive(false, field, value);
	case A_STREAM:
		return send_keepalive(true, field, value);
	case A_REQUEST:
		return send_walk(FEED_REQUEST, field, value);
	case A_VOID:
		return send_walk(WALK_VOID, field, value);
	case A_TOUCH:
		return send_session(TOUCH, field, value);
	case A_GRANT:
		return send_session(GRANT, field, value);
	case AN_END_BY_HAND:
		return send_session(END, field, value);
	}
	return 1;
}

START_TEST(a_value_that_no_member_can_have_sent_is_refused)
{
	ck_assert_msg(send_to_target(wire_values[_i].target,
	    wire_values[_i].field, wire_values[_i].value) ==
	    wire_values[_i].want, "case: %s", wire_values[_i].why);
}
END_TEST

START_TEST(changes_of_a_batch_ascend)
{
	static const struct {
		const char *why;
		uint64_t more;
		int want;
	} cases[] = {
		{ "one more", 1, HA_OK },
		{ "the same", 0, HA_ERR_CORRUPT },
		{ "one less, by going round", UINT64_MAX, HA_ERR_CORRUPT },
	};
	Ha4__Entry e[2] = { good_entry(HA_ENTRY_LEFT),
		good_entry(HA_ENTRY_LEFT) };
	Ha4__Entry *list[2] = { &e[0], &e[1] };
	Ha4__Batch w = good_batch();

	w.n_entries = 2;
	w.entries = list;
	for (size_t i = 0; i < N(cases); i++) {
		e[1].change = cases[i].more;
		ck_assert_msg(send_wire(BATCH, &w.base) == cases[i].want,
		    "case: %s", cases[i].why);
	}
}
END_TEST

START_TEST(a_batch_has_256_entries_at_most)
{
	Ha4__Entry e = good_entry(HA_ENTRY_LEFT);
	Ha4__Entry *list[HA_BATCH_MAX + 1];
	Ha4__Batch w = good_batch();

	for (int i = 0; i <= HA_BATCH_MAX; i++)
		list[i] = &e;
	w.to = UINT64_MAX;
	w.entries = list;
	w.n_entries = HA_BATCH_MAX;
	ck_assert_int_eq(send_wire(BATCH, &w.base), HA_OK);
	w.n_entries = HA_BATCH_MAX + 1;
	ck_assert_int_eq(send_wire(BATCH, &w.base), HA_ERR_CORRUPT);
}
END_TEST

START_TEST(what_has_an_extra_weighs_twice)
{
	Ha4__Extra x = HA4__EXTRA__INIT;
	Ha4__Entry e = good_entry(HA_ENTRY_UPDATE);
	Ha4__Entry *list[LONGEST + 1];
	Ha4__Batch w = good_batch();

	for (int i = 0; i <= LONGEST; i++)
		list[i] = &e;
	e.extra = &x;
	w.to = UINT64_MAX;
	w.entries = list;
	w.n_entries = LONGEST;
	ck_assert_int_eq(send_wire(BATCH, &w.base), HA_OK);
	w.n_entries = LONGEST + 1;
	ck_assert_int_eq(send_wire(BATCH, &w.base), HA_ERR_CORRUPT);
}
END_TEST

START_TEST(a_batch_takes_over_4_starts_at_most)
{
	Ha4__Took took = HA4__TOOK__INIT;
	Ha4__Took *list[257];
	Ha4__Batch w = good_batch();

	for (size_t i = 0; i < N(list); i++)
		list[i] = &took;
	w.took = list;
	w.n_took = HA_BOOTS_MAX;
	ck_assert_int_eq(send_wire(BATCH, &w.base), HA_OK);
	w.n_took = HA_BOOTS_MAX + 1;
	ck_assert_int_eq(send_wire(BATCH, &w.base), HA_ERR_CORRUPT);
	w.n_took = 257; /* 1 in eight bits */
	ck_assert_int_eq(send_wire(BATCH, &w.base), HA_ERR_CORRUPT);
}
END_TEST

START_TEST(a_keepalive_tells_of_64_streams_at_most)
{
	Ha4__Stream stream = HA4__STREAM__INIT;
	Ha4__Stream *list[257];
	Ha4__Keepalive w = HA4__KEEPALIVE__INIT;

	for (size_t i = 0; i < N(list); i++)
		list[i] = &stream;
	stream.owner = 1;
	w.counter = 1;
	w.streams = list;
	w.n_streams = HA_STREAM_MAX;
	ck_assert_int_eq(send_wire(KEEPALIVE, &w.base), HA_OK);
	w.n_streams = HA_STREAM_MAX + 1;
	ck_assert_int_eq(send_wire(KEEPALIVE, &w.base), HA_ERR_CORRUPT);
	w.n_streams = 257; /* 1 in eight bits */
	ck_assert_int_eq(send_wire(KEEPALIVE, &w.base), HA_ERR_CORRUPT);
}
END_TEST

/*
 * Bytes that are no message.
 */

START_TEST(a_kind_that_is_not_known_is_told_apart)
{
	const struct ha_message *out;

	for (unsigned int kind = 0; kind < 256; kind++) {
		frame[0] = (uint8_t)kind;
		if (kind < KEEPALIVE || kind > END)
			ck_assert_int_eq(decode(frame, 1, &out),
			    HA_ERR_UNSUPPORTED);
		else
			ck_assert_int_eq(decode(frame, 1, &out),
			    HA_ERR_CORRUPT);
	}
}
END_TEST

START_TEST(an_empty_frame_is_refused)
{
	const struct ha_message *out;

	ck_assert_int_eq(decode(frame, 0, &out), HA_ERR_CORRUPT);
}
END_TEST

/* A good message and one long field that is not known. */
START_TEST(a_frame_is_as_long_as_a_record_at_most)
{
	static uint8_t longer[HA_CODEC_FRAME_MAX + 1];
	struct ha_message m = plain_batch(HA_IPV4, 1);
	const struct ha_message *out;
	size_t at;

	for (size_t len = HA_CODEC_FRAME_MAX; len <= sizeof(longer); len++) {
		encode(&m);
		memcpy(longer, frame, frame_len);
		at = frame_len;
		longer[at++] = 0xa2;
		longer[at++] = 0x06;
		at += 3;
		longer[at - 3] = (uint8_t)((len - at) | 0x80);
		longer[at - 2] = (uint8_t)((len - at) >> 7 | 0x80);
		longer[at - 1] = (uint8_t)((len - at) >> 14);
		ck_assert_int_eq(decode(longer, len, &out),
		    len <= HA_CODEC_FRAME_MAX ? HA_OK : HA_ERR_CORRUPT);
	}
}
END_TEST

START_TEST(a_cut_frame_is_refused_or_is_another_message)
{
	struct ha_rng rng = { 17 };
	const struct ha_message *out;
	struct ha_message m;
	int taken = 0;

	random_message(&rng, (enum ha_message_kind)_i, entries, &m);
	if (_i == HA_MSG_BATCH)
		m = plain_batch(HA_IPV6, 20);
	encode(&m);
	for (size_t len = 0; len < frame_len; len++) {
		if (decode(frame, len, &out) != HA_OK)
			continue;
		check_taken(out);
		taken++;
	}
	ck_assert_int_lt(taken, 100);
}
END_TEST

static void
mutate(struct ha_rng *rng)
{
	const int n = 1 + (int)ha_rng_below(rng, 4);

	for (int i = 0; i < n; i++) {
		uint8_t *at = &frame[ha_rng_below(rng, frame_len)];

		switch (ha_rng_below(rng, 4)) {
		case 0:
			*at ^= (uint8_t)(1u << ha_rng_below(rng, 8));
			break;
		case 1:
			*at = 0xff;
			break;
		case 2:
			*at = (uint8_t)ha_rng_next(rng);
			break;
		default:
			frame_len = (size_t)(at - frame) + 1;
			break;
		}
	}
}

START_TEST(a_changed_frame_is_refused_or_is_another_message)
{
	struct ha_rng rng = { 99 };
	static uint8_t good[HA_CODEC_FRAME_MAX];
	const struct ha_message *out;
	struct ha_message m;
	size_t good_len = 0;
	int taken = 0;

	for (int i = 0; i < 100000; i++) {
		if (i % 50 == 0) {
			random_message(&rng,
			    (enum ha_message_kind)(i / 50 % HA_MSG_MAX),
			    entries, &m);
			if (m.kind == HA_MSG_BATCH && m.u.batch.n_entries > 10)
				m = plain_batch(HA_IPV4, 10);
			encode(&m);
			good_len = frame_len;
			memcpy(good, frame, good_len);
		}
		memcpy(frame, good, good_len);
		frame_len = good_len;
		mutate(&rng);
		if (decode(frame, frame_len, &out) == HA_OK) {
			check_taken(out);
			taken++;
		}
	}
	/* Both ways are walked, else this has shown nothing. */
	ck_assert_int_gt(taken, 1000);
	ck_assert_int_lt(taken, 99000);
}
END_TEST

START_TEST(noise_is_refused_or_is_a_message)
{
	struct ha_rng rng = { 3 };
	const struct ha_message *out;

	for (int i = 0; i < 20000; i++) {
		frame[0] = (uint8_t)(KEEPALIVE + i % HA_MSG_MAX);
		frame_len = 1 + (size_t)ha_rng_below(&rng, 200);
		for (size_t k = 1; k < frame_len; k++)
			frame[k] = (uint8_t)ha_rng_next(&rng);
		if (decode(frame, frame_len, &out) == HA_OK)
			check_taken(out);
	}
}
END_TEST

/* Fields of number 100, of every wire type that can be passed over. */
static const uint8_t UNKNOWN[] = {
	0xa0, 0x06, 0xff, 0xff, 0x03,			 /* varint */
	0xa1, 0x06, 1, 2, 3, 4, 5, 6, 7, 8,		 /* 64 bits */
	0xa2, 0x06, 3, 'n', 'e', 'w',			 /* bytes */
	0xa5, 0x06, 1, 2, 3, 4,				 /* 32 bits */
};

START_TEST(fields_of_a_later_release_are_passed_over)
{
	struct ha_rng rng = { 23 };
	const struct ha_message *out;
	struct ha_message m;

	random_message(&rng, (enum ha_message_kind)_i, entries, &m);
	if (_i == HA_MSG_BATCH)
		m = plain_batch(HA_IPV4, 2);
	encode(&m);
	memcpy(frame + frame_len, UNKNOWN, sizeof(UNKNOWN));
	ck_assert_int_eq(decode(frame, frame_len + sizeof(UNKNOWN), &out),
	    HA_OK);
	ck_assert(same_message(&m, out));

	/* In front is as good as behind. */
	memmove(frame + 1 + sizeof(UNKNOWN), frame + 1, frame_len - 1);
	memcpy(frame + 1, UNKNOWN, sizeof(UNKNOWN));
	ck_assert_int_eq(decode(frame, frame_len + sizeof(UNKNOWN), &out),
	    HA_OK);
	ck_assert(same_message(&m, out));
}
END_TEST

/* Every entry brings fields that this release does not know. */
START_TEST(a_full_batch_of_a_later_release_fits_the_arena)
{
	static const uint8_t text[] = { 3, 'n', 'e', 'w' };
	uint8_t eight[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	ProtobufCMessageUnknownField more[] = {
		{ 100, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED, sizeof(text),
		    (uint8_t *)(uintptr_t)text },
		{ 101, PROTOBUF_C_WIRE_TYPE_64BIT, 8, eight },
		{ 102, PROTOBUF_C_WIRE_TYPE_32BIT, 4, eight },
		{ 103, PROTOBUF_C_WIRE_TYPE_VARINT, 1, eight },
	};
	struct ha_message m = longest_batch();
	const struct ha_message *out;
	Ha4__Batch *w;

	encode(&m);
	w = ha4__batch__unpack(NULL, frame_len - 1, frame + 1);
	ck_assert_ptr_nonnull(w);
	for (size_t i = 0; i < w->n_entries; i++) {
		w->entries[i]->base.unknown_fields = more;
		w->entries[i]->base.n_unknown_fields = N(more);
	}
	ck_assert_int_eq(send_wire(BATCH, &w->base), HA_OK);
	for (size_t i = 0; i < w->n_entries; i++) {
		w->entries[i]->base.unknown_fields = NULL;
		w->entries[i]->base.n_unknown_fields = 0;
	}
	ha4__batch__free_unpacked(w, NULL);

	ck_assert_int_eq(decode(frame, frame_len, &out), HA_OK);
	ck_assert(same_message(&m, out));
}
END_TEST

/* unit, again and again, behind the kind of a frame. */
static int
flood(uint8_t kind, const char *unit, size_t unit_len)
{
	const struct ha_message *out = NULL;
	int err;

	frame[0] = kind;
	for (size_t i = 1; i < sizeof(frame); i++)
		frame[i] = (uint8_t)unit[(i - 1) % unit_len];
	frame_len = sizeof(frame) - (sizeof(frame) - 1) % unit_len;
	err = decode(frame, frame_len, &out);
	ck_assert_ptr_null(out);
	return err;
}

static const struct {
	const char *why;
	uint8_t kind;
	uint8_t len;
	const char *unit;
} floods[] = {
	{ "empty entries", BATCH, 2, "\x7a\x00" },
	{ "entries", BATCH, 8, "\x7a\x06\x10\x01\x18\x02\x48\x06" },
	{ "starts taken over", BATCH, 2, "\x5a\x00" },
	{ "streams", KEEPALIVE, 2, "\x42\x00" },
	{ "streams with an owner", KEEPALIVE, 4, "\x42\x02\x08\x01" },
	{ "one number again and again", BATCH, 2, "\x08\x00" },
	{ "unknown numbers", BATCH, 3, "\xa0\x06\x01" },
	{ "unknown bytes", TOUCH, 3, "\xa2\x06\x00" },
	{ "groups that begin", BATCH, 1, "\x0b" },
	{ "groups that begin, unknown", BATCH, 2, "\xa3\x06" },
	{ "groups that end", BATCH, 1, "\x0c" },
	{ "lengths of all that follows", BATCH, 4, "\x7a\xf8\xff\x03" },
	{ "lengths without end", BATCH, 1, "\xff" },
	{ "tags of field 0", BATCH, 1, "\x00" },
};

START_TEST(a_flood_is_refused_within_the_arena)
{
	int err = flood(floods[_i].kind, floods[_i].unit, floods[_i].len);

	ck_assert_msg(err == HA_ERR_CORRUPT || err == HA_ERR_NOMEM,
	    "case: %s: %d", floods[_i].why, err);
}
END_TEST

/* An entry in an entry in an entry: no type has room for that, so all but
 * the first level are bytes that are passed over. */
START_TEST(nesting_goes_nowhere)
{
	static const uint8_t head[] = { BATCH, 0x08, 1, 0x10, 1, 0x28, 9 };
	static uint8_t bomb[HA_CODEC_FRAME_MAX];
	const struct ha_message *out;
	size_t at = sizeof(bomb);
	size_t len;

	for (int level = 0; level < 10000; level++) {
		len = sizeof(bomb) - at;
		if (len >= 1 << 14)
			bomb[--at] = (uint8_t)(len >> 14);
		if (len >= 1 << 7)
			bomb[--at] = (uint8_t)((len >> 7 & 0x7f) |
			    (len >= 1 << 14 ? 0x80 : 0));
		bomb[--at] = (uint8_t)((len & 0x7f) |
		    (len >= 1 << 7 ? 0x80 : 0));
		bomb[--at] = 15 << 3 | 2;
	}
	at -= sizeof(head);
	memcpy(bomb + at, head, sizeof(head));
	ck_assert_int_eq(decode(bomb + at, sizeof(bomb) - at, &out),
	    HA_ERR_CORRUPT);
}
END_TEST

START_TEST(what_is_wrong_is_told_of_this_frame)
{
	const struct ha_message *out;

	ck_assert_int_eq(flood(BATCH, "\x7a\x00", 2), HA_ERR_NOMEM);
	ck_assert_int_eq(decode(frame, 1, &out), HA_ERR_CORRUPT);
}
END_TEST

/* An error in one frame is nothing to the next. */
START_TEST(a_codec_serves_on_after_errors)
{
	struct ha_message m = plain_batch(HA_IPV4, 9);
	static uint8_t good[HA_CODEC_FRAME_MAX];
	const struct ha_message *out;
	size_t good_len;

	encode(&m);
	memcpy(good, frame, frame_len);
	good_len = frame_len;
	for (int i = 0; i < 200; i++) {
		flood(BATCH, "\x7a\x00", 2);
		ck_assert_int_eq(decode(good, good_len, &out), HA_OK);
		ck_assert(same_message(&m, out));
	}
}
END_TEST

static void
add_bytes_tests(TCase *tc)
{
	tcase_add_test(tc, a_kind_that_is_not_known_is_told_apart);
	tcase_add_test(tc, an_empty_frame_is_refused);
	tcase_add_test(tc, a_frame_is_as_long_as_a_record_at_most);
	tcase_add_loop_test(tc, a_cut_frame_is_refused_or_is_another_message,
	    0, HA_MSG_MAX);
	tcase_add_test(tc, a_changed_frame_is_refused_or_is_another_message);
	tcase_add_test(tc, noise_is_refused_or_is_a_message);
	tcase_add_loop_test(tc, fields_of_a_later_release_are_passed_over, 0,
	    HA_MSG_MAX);
	tcase_add_test(tc, a_full_batch_of_a_later_release_fits_the_arena);
	tcase_add_loop_test(tc, a_flood_is_refused_within_the_arena, 0,
	    N(floods));
	tcase_add_test(tc, nesting_goes_nowhere);
	tcase_add_test(tc, what_is_wrong_is_told_of_this_frame);
	tcase_add_test(tc, a_codec_serves_on_after_errors);
}

static void
add_value_tests(TCase *tc)
{
	tcase_add_loop_test(tc, what_a_peer_would_refuse_is_not_sent, 0,
	    N(spoils));
	tcase_add_test(tc, a_bad_body_is_not_made);
	tcase_add_loop_test(tc,
	    a_value_that_no_member_can_have_sent_is_refused, 0,
	    N(wire_values));
	tcase_add_test(tc, changes_of_a_batch_ascend);
	tcase_add_test(tc, a_batch_has_256_entries_at_most);
	tcase_add_test(tc, what_has_an_extra_weighs_twice);
	tcase_add_test(tc, a_batch_takes_over_4_starts_at_most);
	tcase_add_test(tc, a_keepalive_tells_of_64_streams_at_most);
}

static void
add_round_trip_tests(TCase *tc)
{
	tcase_add_loop_test(tc, every_message_comes_back_as_it_was, 0,
	    HA_MSG_MAX);
	tcase_add_test(tc, an_update_leaves_the_tuples_out);
	tcase_add_test(tc, an_end_carries_no_record);
	tcase_add_test(tc, peers_share_one_body);
	tcase_add_test(tc, a_body_makes_the_same_bytes);
	tcase_add_test(tc, a_body_fits_batches_of_the_same_id_only);
	tcase_add_loop_test(tc, a_body_of_another_batch_is_refused, 0,
	    N(strange_bodies));
	tcase_add_loop_test(tc, an_entry_is_short, 0, N(sizes));
	tcase_add_test(tc, a_zone_is_told_once_where_all_are_in_it);
	tcase_add_test(tc, the_longest_batch_fits_one_frame);
	tcase_add_test(tc, the_longest_entry_leaves_no_field_out);
	tcase_add_loop_test(tc, a_small_buffer_is_an_error_and_stays_unhurt,
	    0, HA_MSG_MAX);
	tcase_add_test(tc, a_small_arena_is_an_error_and_nothing_more);
}

static void
add_case(Suite *s, const char *name, void (*add)(TCase *))
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	add(tc);
	suite_add_tcase(s, tc);
}

int
main(void)
{
	Suite *s = suite_create("codec");
	SRunner *sr;
	int failed;

	add_case(s, "round trip", add_round_trip_tests);
	add_case(s, "values", add_value_tests);
	add_case(s, "bytes", add_bytes_tests);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
