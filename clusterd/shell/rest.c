#include "shell/rest.h"

/* So many turns close to each other are a stream, not a coincidence. */
#define CLOSE_TURNS 3

void
ha_rest_init(struct ha_rest *r, struct ha_dur longest, struct ha_time now)
{
	*r = (struct ha_rest){ .longest = longest, .ended = now };
}

struct ha_dur
ha_rest_after(struct ha_rest *r, struct ha_time began, struct ha_time now)
{
	struct ha_dur idle = ha_time_since(began, r->ended);
	struct ha_dur took = ha_time_since(now, began);

	if (!ha_dur_less(idle, r->longest)) {
		r->close = 0;
		return (struct ha_dur){ 0 };
	}
	if (r->close < CLOSE_TURNS)
		r->close++;
	if (r->close < CLOSE_TURNS || !ha_dur_less(took, r->longest))
		return (struct ha_dur){ 0 };
	return (struct ha_dur){ r->longest.ns - took.ns };
}

void
ha_rest_ended(struct ha_rest *r, struct ha_time now)
{
	r->ended = now;
}
