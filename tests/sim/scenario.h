/*
 * scenario: one run of the world, from its seed.
 *
 * Every run draws its own world (members, delays, sizes, traffic) and its own
 * subset and rates of faults: a swarm.  Chaos comes first; then everything is
 * healed; then what remains has time to settle; then all is checked.
 */
#ifndef HA_SIM_SCENARIO_H
#define HA_SIM_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "core/plant.h"

struct scenario_options {
	uint64_t seed;
	uint8_t n_members; /* 0: drawn */
	enum ha_plant plant;
	bool membership; /* members come, go and stop sharing, too */
	bool states;     /* they fail, and are taken out and called back */
	bool ends;       /* sessions are ended by hand */
	bool trace;
};

struct scenario_result {
	bool broken;
	char violation[512];
	uint64_t trace_hash;
	uint64_t steps;
	uint64_t messages;
	int64_t virtual_ns;
};

void scenario_run(const struct scenario_options *options,
    struct scenario_result *result);

#endif /* HA_SIM_SCENARIO_H */
