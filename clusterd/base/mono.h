/*
 * mono: monotonic time as two types that do not mix by accident.
 *
 * struct ha_time is a point on some monotonic clock, struct ha_dur a distance.
 * Nothing here reads a clock: the shell does, and hands the time in.
 *
 * Units  nanoseconds, 64 bits.
 */
#ifndef HA_BASE_MONO_H
#define HA_BASE_MONO_H

#include <stdbool.h>
#include <stdint.h>

struct ha_time {
	int64_t ns;
};

struct ha_dur {
	int64_t ns;
};

/* Later than any time that is ever reached; "no deadline". */
#define HA_TIME_NEVER ((struct ha_time){ INT64_MAX })

static inline struct ha_dur
ha_dur_ms(int64_t ms)
{
	return (struct ha_dur){ ms * 1000000 };
}

static inline struct ha_dur
ha_dur_s(int64_t s)
{
	return (struct ha_dur){ s * 1000000000 };
}

static inline int64_t
ha_dur_to_ms(struct ha_dur d)
{
	return d.ns / 1000000;
}

/* NEVER stays NEVER. */
static inline struct ha_time
ha_time_add(struct ha_time t, struct ha_dur d)
{
	return t.ns == INT64_MAX ? t : (struct ha_time){ t.ns + d.ns };
}

static inline struct ha_dur
ha_time_since(struct ha_time later, struct ha_time earlier)
{
	return (struct ha_dur){ later.ns - earlier.ns };
}

static inline bool
ha_time_before(struct ha_time a, struct ha_time b)
{
	return a.ns < b.ns;
}

/* a >= b: the moment b has come when it is a. */
static inline bool
ha_time_reached(struct ha_time now, struct ha_time t)
{
	return now.ns >= t.ns;
}

static inline bool
ha_time_is_never(struct ha_time t)
{
	return t.ns == INT64_MAX;
}

static inline struct ha_time
ha_time_min(struct ha_time a, struct ha_time b)
{
	return a.ns < b.ns ? a : b;
}

static inline bool
ha_dur_less(struct ha_dur a, struct ha_dur b)
{
	return a.ns < b.ns;
}

#endif /* HA_BASE_MONO_H */
