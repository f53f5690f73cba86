/*
 * loop: the one event loop of the daemon.
 *
 * A thin cover of libevent that fixes what all parts must agree on: precise
 * timers, how to defer to the end of a turn, and how to stop.  Parts take
 * ha_loop_base() and make their own events.
 *
 * Ownership  events belong to who made them and are freed before the loop.
 * Threads    one.
 * Errors     HA_ERR_NOMEM, or HA_ERR_IO of the system.
 */
#ifndef HA_SHELL_LOOP_H
#define HA_SHELL_LOOP_H

#include <sys/time.h>

#include "base/err.h"
#include "base/mono.h"

struct event_base;
struct ha_loop;

/* NULL: no memory, or no kernel support. */
struct ha_loop *ha_loop_new(void);

/* NULL is allowed. */
void ha_loop_free(struct ha_loop *loop);

struct event_base *ha_loop_base(struct ha_loop *loop);

/* Until ha_loop_stop(); returns the code given there. */
int ha_loop_run(struct ha_loop *loop);

/* After the running callback. */
void ha_loop_stop(struct ha_loop *loop, int exit_code);

/* What event_add() takes; below zero is now. */
struct timeval ha_loop_timeval(struct ha_dur d);

#endif /* HA_SHELL_LOOP_H */
