#include "shell/clock.h"

#include <time.h>

#include "base/check.h"

struct ha_time
ha_clock_now(void)
{
	struct timespec ts;

	HA_CHECK(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
	return (struct ha_time){ (int64_t)ts.tv_sec * 1000000000 +
	    ts.tv_nsec };
}

int64_t
ha_clock_wall_ms(void)
{
	struct timespec ts;

	HA_CHECK(clock_gettime(CLOCK_REALTIME, &ts) == 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
ha_stall_init(struct ha_stall *s, struct ha_dur limit, struct ha_time now)
{
	s->limit = limit;
	s->due = now;
}

void
ha_stall_sleep(struct ha_stall *s, struct ha_time now,
    struct ha_time deadline)
{
	s->due = ha_time_before(deadline, now) ? now : deadline;
}

bool
ha_stall_wake(struct ha_stall *s, struct ha_time now)
{
	bool late = ha_dur_less(s->limit, ha_time_since(now, s->due));

	if (ha_time_before(s->due, now))
		s->due = now;
	return late;
}
