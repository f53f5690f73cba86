/*
 * event_queue: what is going to happen in the simulated world, by time.
 *
 * Events of the same time happen in the order in which they were added, so
 * that a run depends on nothing but its seed.
 *
 * Ownership  data is memory of malloc() or NULL.  Whoever pops an event owns
 *            it; what is never popped is freed with the queue.
 */
#ifndef HA_SIM_EVENT_QUEUE_H
#define HA_SIM_EVENT_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mono.h"

struct sim_event {
	struct ha_time at;
	uint64_t order; /* given by the queue */
	void (*run)(void *ctx, const struct sim_event *e);
	void *ctx;
	uint64_t a; /* of run's own meaning */
	uint64_t b;
	uint64_t c;
	void *data;
};

struct event_queue;

struct event_queue *event_queue_new(void);
void event_queue_free(struct event_queue *q);

void event_queue_add(struct event_queue *q, struct sim_event e);

/* Take the earliest event that is due at now or before; false: none is. */
bool event_queue_pop(struct event_queue *q, struct ha_time now,
    struct sim_event *out);

/* HA_TIME_NEVER: the queue is empty. */
struct ha_time event_queue_next(const struct event_queue *q);

#endif /* HA_SIM_EVENT_QUEUE_H */
