/*
 * map: from three numbers to a pointer, in the order of insertion.
 *
 * Nothing is ever taken out: a run is short, and what was true once is what
 * the oracle wants to know.
 *
 * Ownership  the map owns its keys; values are the caller's.
 */
#ifndef HA_SIM_MAP_H
#define HA_SIM_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_key {
	uint64_t a;
	uint64_t b;
	uint64_t c;
};

struct map_item {
	struct map_key key;
	void *value;
};

/* All zero: empty. */
struct map {
	struct map_item *items; /* [0 .. n - 1], oldest first */
	size_t n;
	size_t room;
	uint32_t *slots; /* index of an item, + 1; 0: free */
	size_t n_slots;  /* a power of two */
};

/* NULL: absent. */
void *map_find(const struct map *m, struct map_key key);

/* key must be absent. */
void map_add(struct map *m, struct map_key key, void *value);

/* Forget everything; values are not touched. */
void map_clear(struct map *m);

/* The same, and free() the values. */
void map_clear_values(struct map *m);

#endif /* HA_SIM_MAP_H */
