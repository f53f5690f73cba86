/*
 * log_limit: which of many equal lines are worth a line.
 *
 * The first of a reason passes at once, then at most one in the interval; it
 * tells how many were left out.  The table has a fixed size; when more
 * reasons are alive than it has places, the one that was quiet for longest
 * gives up its own.
 *
 * Ownership  plain data; all zeros is an empty one.
 */
#ifndef HA_SHELL_LOG_LIMIT_H
#define HA_SHELL_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mono.h"

#define HA_LOG_LIMIT_PLACES 64

struct ha_log_limit_place {
	uint64_t reason;
	struct ha_time said; /* when it passed last */
	struct ha_time seen;
	uint64_t left_out; /* since then */
	bool used;
};

struct ha_log_limit {
	struct ha_log_limit_place places[HA_LOG_LIMIT_PLACES];
};

/* May a line of this reason pass now?  If so, *left_out is the number of
 * those that did not since the last that did. */
bool ha_log_limit_pass(struct ha_log_limit *l, uint64_t reason,
    struct ha_time now, struct ha_dur interval, uint64_t *left_out);

#endif /* HA_SHELL_LOG_LIMIT_H */
