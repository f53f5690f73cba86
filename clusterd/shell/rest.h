/*
 * rest: let events gather when they come fast.
 *
 * Being woken is what an event costs most.  While turns of the loop follow
 * each other closely, the loop rests a little between them and then takes
 * what has gathered at once; the first events after a pause are never held.
 *
 * Ownership  plain data.
 */
#ifndef HA_SHELL_REST_H
#define HA_SHELL_REST_H

#include <stdbool.h>

#include "base/mono.h"

struct ha_rest {
	struct ha_dur longest; /* 0: never rest */
	struct ha_time ended;  /* the turn before, rest included */
	unsigned int close;    /* turns in a row that came at once */
};

void ha_rest_init(struct ha_rest *r, struct ha_dur longest,
    struct ha_time now);

/* A turn that began and ends so had events in it: how long to rest. */
struct ha_dur ha_rest_after(struct ha_rest *r, struct ha_time began,
    struct ha_time now);

/* The turn, and the rest after it, are over. */
void ha_rest_ended(struct ha_rest *r, struct ha_time now);

#endif /* HA_SHELL_REST_H */
