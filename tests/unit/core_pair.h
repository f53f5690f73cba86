/*
 * core_pair: two real cores that hear each other, on one link.
 *
 * Every kernel operation succeeds, time is what core_pair_run() makes of it,
 * and messages arrive at the end of each turn.
 *
 * Ownership  core_pair_open() and core_pair_close() pair.
 * Errors     a failed check of the running test.
 */
#ifndef HA_TESTS_UNIT_CORE_PAIR_H
#define HA_TESTS_UNIT_CORE_PAIR_H

#include "core/core.h"
#include "core/views.h"

struct core_pair;

/* settings[0] is of member 1. */
struct core_pair *core_pair_open(const struct ha_settings settings[static 2]);

/* NULL is allowed. */
void core_pair_close(struct core_pair *pair);

/* Of member 1 or 2. */
struct ha_core *core_pair_core(struct core_pair *pair, uint8_t member);

struct ha_time core_pair_now(const struct core_pair *pair);

/* The link comes up at both ends. */
void core_pair_connect(struct core_pair *pair);

/* Let both turn for so long. */
void core_pair_run(struct core_pair *pair, int ms);

/* Let the operator ask member for something: what its core says. */
int core_pair_admin(struct core_pair *pair, uint8_t member,
    const struct ha_in_admin *admin);

/* The kernel of member tells of a session that carries packets there; extra
 * may be NULL. */
void core_pair_session(struct core_pair *pair, uint8_t member,
    const struct ha_record *record, const struct ha_extra *extra);

#endif /* HA_TESTS_UNIT_CORE_PAIR_H */
