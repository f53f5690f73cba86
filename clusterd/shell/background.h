/*
 * background: leave the terminal once everything stands.
 *
 * The process that was started stays until the daemon is ready or has
 * failed, so whoever started it gets its messages and its exit status.
 *
 * Errors     HA_ERR_IO.
 */
#ifndef HA_SHELL_BACKGROUND_H
#define HA_SHELL_BACKGROUND_H

#include "base/err.h"

struct ha_background {
	int pipe; /* to the process that waits; -1: nobody does */
};

/* Go on in a child that leads its own session; returns there only. */
HA_MUST_USE int ha_background_begin(struct ha_background *b);

/* Ready: let the other end, and let go of the terminal. */
void ha_background_ready(struct ha_background *b);

#endif /* HA_SHELL_BACKGROUND_H */
