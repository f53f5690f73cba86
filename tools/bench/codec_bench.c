/*
 * codec_bench: what encoding and decoding cost, in nanoseconds an entry.
 *
 * Batches of 256 TCP sessions, the median of many rounds.  Figures of one
 * machine say little; those of two builds on one machine say something.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "proto/codec.h"

#define ROUNDS  201
#define BATCHES 20 /* in a round */

static struct ha_entry entries[HA_BATCH_MAX];
static struct ha_codec_body body;
static uint8_t frame[HA_CODEC_FRAME_MAX];
static struct ha_codec *codec;

static int64_t
now_ns(void)
{
	struct timespec t;

	timespec_get(&t, TIME_UTC);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static const struct ha_extra FTP = { .label = { 8 }, .helper = "ftp",
	.seq = { { 0x12345678, 2, 4 } } };

static void
fill(struct ha_msg_batch *b, uint8_t family, enum ha_entry_kind kind,
    const struct ha_extra *extra)
{
	const size_t address_len = family == HA_IPV4 ? 4 : 16;

	b->n_entries = HA_BATCH_MAX / (extra == NULL ? 1 : 2);
	for (unsigned int i = 0; i < b->n_entries; i++) {
		struct ha_entry *e = &entries[i];
		struct ha_record *r = &e->record;

		memset(e, 0, sizeof(*e));
		e->kind = kind;
		e->change = b->from + i + 1;
		e->uid = (struct ha_uid){ b->stream.boot, 1000000 + i,
			b->stream.owner };
		e->version = (struct ha_version){ UINT64_C(7) << 32 | i, 1,
			b->stream.owner };
		r->orig = (struct ha_tuple){
			.src_port = (uint16_t)(32768 + i),
			.dst_port = 443,
			.family = family,
			.protocol = 6,
		};
		memset(r->orig.src, 10 + (int)i % 20, address_len);
		memset(r->orig.dst, 203, address_len);
		r->reply = ha_tuple_invert(&r->orig);
		r->status = HA_STATUS_SEEN_REPLY | HA_STATUS_ASSURED;
		r->tcp_state = HA_TCP_ESTABLISHED;
		r->tcp_wscale[0] = r->tcp_wscale[1] = 7;
		r->tcp_flags[0] = r->tcp_flags[1] = 0x23;
		e->extra = extra;
	}
}

static size_t len;

static void
encode_body(const struct ha_message *m)
{
	HA_CHECK(ha_codec_encode_body(&m->u.batch, &body) == HA_OK);
}

static void
encode_with_body(const struct ha_message *m)
{
	HA_CHECK(ha_codec_encode(m, &body, frame, sizeof(frame), &len) ==
	    HA_OK);
}

static void
decode(const struct ha_message *m)
{
	const struct ha_message *out;

	HA_CHECK(ha_codec_decode(codec, frame, len, &out) == HA_OK);
	HA_CHECK(out->u.batch.to == m->u.batch.to);
}

static int
compare(const void *a, const void *b)
{
	const double x = *(const double *)a;
	const double y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Median nanoseconds an entry. */
static double
measure(void (*work)(const struct ha_message *), const struct ha_message *m)
{
	static double took[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		int64_t start = now_ns();

		for (int k = 0; k < BATCHES; k++)
			work(m);
		took[i] = (double)(now_ns() - start) /
		    (BATCHES * m->u.batch.n_entries);
	}
	qsort(took, ROUNDS, sizeof(took[0]), compare);
	return took[ROUNDS / 2];
}

int
main(void)
{
	static const struct {
		const char *what;
		uint8_t family;
		enum ha_entry_kind kind;
		const struct ha_extra *extra;
	} cases[] = {
		{ "whole, IPv4", HA_IPV4, HA_ENTRY_FULL, NULL },
		{ "whole, IPv6", HA_IPV6, HA_ENTRY_FULL, NULL },
		{ "update", HA_IPV4, HA_ENTRY_UPDATE, NULL },
		{ "end", HA_IPV4, HA_ENTRY_END, NULL },
		{ "FTP, IPv4", HA_IPV4, HA_ENTRY_FULL, &FTP },
	};
	struct ha_message m = {
		.kind = HA_MSG_BATCH,
		.u.batch = {
			.walk = 1,
			.stream = { 0x0123456789abcdef, 2 },
			.from = 9000000,
			.to = 9000000 + HA_BATCH_MAX,
			.n_entries = HA_BATCH_MAX,
			.entries = entries,
		},
	};

	codec = ha_codec_new(HA_CODEC_ARENA);
	if (codec == NULL)
		return EXIT_FAILURE;
	printf("%-12s %10s %10s %10s %10s\n", "entry", "bytes", "encode ns",
	    "per peer", "decode ns");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double once, each;

		fill(&m.u.batch, cases[i].family, cases[i].kind,
		    cases[i].extra);
		once = measure(encode_body, &m);
		each = measure(encode_with_body, &m);
		printf("%-12s %10.1f %10.1f %10.2f %10.1f\n", cases[i].what,
		    (double)len / m.u.batch.n_entries, once, each,
		    measure(decode, &m));
	}
	ha_codec_free(codec);
	return EXIT_SUCCESS;
}
