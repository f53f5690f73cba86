/*
 * clock: the time of this process, and whether it has been running.
 *
 * The one place of the product that reads a clock for the core.  Wall time is
 * for people only.
 *
 * A turn of the loop that starts much later than it was due means that this
 * process did not run (it was stopped, or the host was): what the peers sent
 * meanwhile waits in the sockets and must be heard before anybody is judged
 * for being silent.
 *
 * Units  struct ha_time is CLOCK_MONOTONIC.
 */
#ifndef HA_SHELL_CLOCK_H
#define HA_SHELL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mono.h"

struct ha_time ha_clock_now(void);

/* Milliseconds since the Unix epoch, for people to read. */
int64_t ha_clock_wall_ms(void);

struct ha_stall {
	struct ha_dur limit; /* later than this is a stall */
	struct ha_time due;  /* when the loop is awake at the latest */
};

void ha_stall_init(struct ha_stall *s, struct ha_dur limit,
    struct ha_time now);

/* The loop goes to sleep at now and means to wake at deadline. */
void ha_stall_sleep(struct ha_stall *s, struct ha_time now,
    struct ha_time deadline);

/* The loop is awake at now: has it overslept, or worked too long, since?
 * True once per stall. */
bool ha_stall_wake(struct ha_stall *s, struct ha_time now);

#endif /* HA_SHELL_CLOCK_H */
