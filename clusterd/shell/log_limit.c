#include "shell/log_limit.h"

#include <stddef.h>

/* The place of reason, or the one to give to it. */
static struct ha_log_limit_place *
find_place(struct ha_log_limit *l, uint64_t reason)
{
	struct ha_log_limit_place *best = &l->places[0];

	for (size_t i = 0; i < HA_LOG_LIMIT_PLACES; i++) {
		struct ha_log_limit_place *p = &l->places[i];

		if (p->used && p->reason == reason)
			return p;
		if (!best->used)
			continue;
		if (!p->used || ha_time_before(p->seen, best->seen))
			best = p;
	}
	return best;
}

bool
ha_log_limit_pass(struct ha_log_limit *l, uint64_t reason,
    struct ha_time now, struct ha_dur interval, uint64_t *left_out)
{
	struct ha_log_limit_place *p = find_place(l, reason);

	if (p->used && p->reason == reason) {
		p->seen = now;
		if (ha_dur_less(ha_time_since(now, p->said), interval)) {
			p->left_out++;
			return false;
		}
		*left_out = p->left_out;
	} else {
		*left_out = 0;
	}
	*p = (struct ha_log_limit_place){ .reason = reason, .said = now,
		.seen = now, .used = true };
	return true;
}
