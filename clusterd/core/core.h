/*
 * core: everything that a member decides, as one pure state machine.
 *
 * No socket, no clock, no file, no allocation after ha_core_new(): time and
 * events go in, actions come out.  The same inputs give the same outputs, so
 * 16 members run in one process under a simulator.
 *
 *     ha_core_step(c, &input);
 *     out = ha_core_outputs(c, &n);        borrowed until the next step
 *     ... do them ...
 *     when ha_core_deadline(c) has come: step with HA_IN_TICK
 *
 * A caller feeds what it has and then one HA_IN_TICK: batches and kernel
 * operations are put out at a TICK only, so that what gathers in one turn of
 * the loop goes out together.
 *
 * Threads    one; no re-entry.
 * Errors     a step that returns an error has changed nothing but counters.
 *            Wrong input from a peer is never an error: it is a counted drop.
 */
#ifndef HA_CORE_CORE_H
#define HA_CORE_CORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mono.h"
#include "core/input.h"
#include "core/output.h"
#include "core/settings.h"

struct ha_core;

/* All memory is taken here.  seed drives hashing and jitter.  NULL: no
 * memory.  settings must hold to the ranges in settings.h. */
struct ha_core *ha_core_new(const struct ha_settings *settings, uint64_t seed,
    struct ha_time now);

/* NULL is allowed. */
void ha_core_free(struct ha_core *c);

HA_MUST_USE int ha_core_step(struct ha_core *c, const struct ha_input *in);

/* What the last step put out, in order. */
const struct ha_output *ha_core_outputs(const struct ha_core *c, size_t *n);

/* When to step with HA_IN_TICK at the latest; in the past or now: there is
 * more work.  HA_TIME_NEVER does not happen while there are peers. */
struct ha_time ha_core_deadline(const struct ha_core *c);

#endif /* HA_CORE_CORE_H */
