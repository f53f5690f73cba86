#include "proto/greeting.h"

#include <stdalign.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "proto/handshake.pb-c.h"

/* What unpacking may use: several times what an honest greeting needs. */
#define ARENA_LEN 16384

struct arena {
	alignas(max_align_t) uint8_t bytes[ARENA_LEN];
	size_t used;
};

static void *
arena_alloc(void *data, size_t size)
{
	struct arena *a = data;
	size_t room = ARENA_LEN - a->used;
	uint8_t *p = a->bytes + a->used;

	if (size > room - room % alignof(max_align_t))
		return NULL;
	size += alignof(max_align_t) - 1;
	a->used += size - size % alignof(max_align_t);
	return p;
}

/* All of it goes at once, with the arena. */
static void
arena_free(void *data, void *p)
{
	(void)data;
	(void)p;
}

/* Terminated, not empty, and nothing that would disturb a log line. */
static bool
text_valid(const char *text, size_t size)
{
	size_t len = 0;

	while (len < size && (unsigned char)text[len] >= ' ' &&
	    text[len] != 0x7f)
		len++;
	return len > 0 && len < size && text[len] == '\0';
}

static bool
greeting_valid(const struct ha_greeting *g)
{
	if (ha_get_u64(g->boot_id) == 0 || g->boot_counter == 0 ||
	    g->state >= HA_STATE_MAX || g->n_zones > HA_ZONES_MAX ||
	    !text_valid(g->version, sizeof(g->version)))
		return false;
	for (size_t i = 0; i < g->n_zones; i++)
		if (!text_valid(g->zones[i], sizeof(g->zones[i])))
			return false;
	return true;
}

struct ha_boot
ha_greeting_boot(const struct ha_greeting *g)
{
	return (struct ha_boot){ .id = ha_get_u64(g->boot_id),
		.counter = g->boot_counter };
}

int
ha_greeting_encode(uint8_t out[static HA_GREETING_MAX], size_t *len,
    const struct ha_greeting *g)
{
	struct ha_greeting copy = *g; /* protobuf-c wants no const */
	char *zones[HA_ZONES_MAX];
	Ha__Greeting m = HA__GREETING__INIT;

	if (!greeting_valid(g))
		return HA_ERR_INVAL;
	for (size_t i = 0; i < copy.n_zones; i++)
		zones[i] = copy.zones[i];

	m.boot_id.data = copy.boot_id;
	m.boot_id.len = sizeof(copy.boot_id);
	m.boot_counter = copy.boot_counter;
	m.boot_seen = copy.boot_seen;
	m.version = copy.version;
	m.zones = zones;
	m.n_zones = copy.n_zones;
	m.cluster_digest.data = copy.cluster_digest;
	m.cluster_digest.len = sizeof(copy.cluster_digest);
	m.state = copy.state;
	m.generation = copy.generation;

	if (ha__greeting__get_packed_size(&m) > HA_GREETING_MAX)
		return HA_ERR_INVAL;
	*len = ha__greeting__pack(&m, out);
	return HA_OK;
}

/* False: too long for out. */
static bool
copy_text(char *out, size_t size, const char *text)
{
	size_t len = strlen(text);

	if (len >= size)
		return false;
	memcpy(out, text, len + 1);
	return true;
}

static bool
copy_bytes(uint8_t *out, size_t len, ProtobufCBinaryData in)
{
	if (in.len != len)
		return false;
	memcpy(out, in.data, len);
	return true;
}

static bool
from_message(struct ha_greeting *g, const Ha__Greeting *m)
{
	if (!copy_bytes(g->boot_id, sizeof(g->boot_id), m->boot_id) ||
	    !copy_bytes(g->cluster_digest, sizeof(g->cluster_digest),
	        m->cluster_digest) ||
	    !copy_text(g->version, sizeof(g->version), m->version) ||
	    m->n_zones > HA_ZONES_MAX || m->state >= HA_STATE_MAX)
		return false;
	for (size_t i = 0; i < m->n_zones; i++)
		if (!copy_text(g->zones[i], sizeof(g->zones[i]), m->zones[i]))
			return false;
	g->n_zones = (uint8_t)m->n_zones;
	g->boot_counter = m->boot_counter;
	g->boot_seen = m->boot_seen;
	g->generation = m->generation;
	g->state = (uint8_t)m->state;
	return greeting_valid(g);
}

int
ha_greeting_decode(struct ha_greeting *out, const uint8_t *in, size_t len)
{
	struct arena arena = { .used = 0 };
	ProtobufCAllocator allocator = { arena_alloc, arena_free, &arena };
	struct ha_greeting g = { .boot_counter = 0 };
	Ha__Greeting *m = ha__greeting__unpack(&allocator, len, in);

	if (m == NULL || !from_message(&g, m))
		return HA_ERR_CORRUPT;
	*out = g;
	return HA_OK;
}
