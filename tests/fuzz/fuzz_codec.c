/*
 * A frame from a peer.  What is taken must be a message that a member can
 * mean: it encodes, and comes back the same.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/codec.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/random_message.h"

static void
must(bool what)
{
	if (!what)
		abort();
}

static void
come_back(const struct ha_message *m)
{
	struct ha_codec *other = ha_codec_new(HA_CODEC_ARENA);
	uint8_t *frame = malloc(HA_CODEC_FRAME_MAX);
	const struct ha_message *again;
	size_t len;

	must(other != NULL && frame != NULL);
	must(ha_codec_encode(m, NULL, frame, HA_CODEC_FRAME_MAX, &len) ==
	    HA_OK);
	must(ha_codec_decode(other, frame, len, &again) == HA_OK);
	must(same_message(m, again));
	free(frame);
	ha_codec_free(other);
}

void
ha_fuzz_one(const uint8_t *data, size_t len)
{
	struct ha_codec *codec = ha_codec_new(HA_CODEC_ARENA);
	const struct ha_message *m;

	must(codec != NULL);
	if (ha_codec_decode(codec, data, len, &m) == HA_OK)
		come_back(m);
	ha_codec_free(codec);
}

size_t
ha_fuzz_seed(unsigned int i, uint8_t *out, size_t cap)
{
	struct ha_rng rng = { i };
	struct ha_entry *entries;
	struct ha_message m;
	size_t len;

	if (i >= 10 * HA_MSG_MAX)
		return 0;
	entries = calloc(HA_BATCH_MAX, sizeof(*entries));
	must(entries != NULL);
	random_message(&rng, (enum ha_message_kind)(i % HA_MSG_MAX), entries,
	    &m);
	must(ha_codec_encode(&m, NULL, out, cap, &len) == HA_OK);
	free(entries);
	return len;
}
