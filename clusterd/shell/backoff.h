/*
 * backoff: how long to wait before the next attempt.
 *
 * Doubles from the first wait to the longest, and each wait is spread by up
 * to a quarter either way, so that members that lost a link together do not
 * come back in step.
 *
 * Ownership  plain data.
 */
#ifndef HA_SHELL_BACKOFF_H
#define HA_SHELL_BACKOFF_H

#include "base/mono.h"
#include "base/rng.h"

struct ha_backoff {
	struct ha_dur first;
	struct ha_dur longest;
	struct ha_dur next;
};

static inline void
ha_backoff_init(struct ha_backoff *b, struct ha_dur first,
    struct ha_dur longest)
{
	b->first = first;
	b->longest = longest;
	b->next = first;
}

/* It went well: begin anew. */
static inline void
ha_backoff_reset(struct ha_backoff *b)
{
	b->next = b->first;
}

/* It failed: wait for so long. */
static inline struct ha_dur
ha_backoff_next(struct ha_backoff *b, struct ha_rng *rng)
{
	int64_t base = b->next.ns;
	int64_t spread = (int64_t)ha_rng_below(rng, (uint64_t)base / 2 + 1);

	b->next.ns = base * 2 < b->longest.ns ? base * 2 : b->longest.ns;
	return (struct ha_dur){ base - base / 4 + spread };
}

#endif /* HA_SHELL_BACKOFF_H */
