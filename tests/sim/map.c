#include "tests/sim/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"

static uint64_t
hash_key(struct map_key k)
{
	return ha_hash_add(ha_hash_add(ha_hash_mix(k.a), k.b), k.c);
}

static size_t
find_slot(const struct map *m, struct map_key k)
{
	size_t i = (size_t)hash_key(k) & (m->n_slots - 1);

	while (m->slots[i] != 0) {
		const struct map_key *have = &m->items[m->slots[i] - 1].key;

		if (have->a == k.a && have->b == k.b && have->c == k.c)
			break;
		i = (i + 1) & (m->n_slots - 1);
	}
	return i;
}

void *
map_find(const struct map *m, struct map_key key)
{
	size_t i;

	if (m->n == 0)
		return NULL;
	i = find_slot(m, key);
	return m->slots[i] == 0 ? NULL : m->items[m->slots[i] - 1].value;
}

static void
grow(struct map *m)
{
	m->room = m->room == 0 ? 64 : m->room * 2;
	m->items = realloc(m->items, m->room * sizeof(*m->items));
	HA_CHECK(m->items != NULL);
	free(m->slots);
	m->n_slots = m->room * 2;
	m->slots = calloc(m->n_slots, sizeof(*m->slots));
	HA_CHECK(m->slots != NULL);
	for (size_t i = 0; i < m->n; i++)
		m->slots[find_slot(m, m->items[i].key)] = (uint32_t)(i + 1);
}

void
map_add(struct map *m, struct map_key key, void *value)
{
	if (m->n == m->room)
		grow(m);
	m->items[m->n] = (struct map_item){ .key = key, .value = value };
	m->slots[find_slot(m, key)] = (uint32_t)(m->n + 1);
	m->n++;
}

void
map_clear(struct map *m)
{
	free(m->items);
	free(m->slots);
	memset(m, 0, sizeof(*m));
}

void
map_clear_values(struct map *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->items[i].value);
	map_clear(m);
}
