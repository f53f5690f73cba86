/*
 * random_message: every message that a member can mean, for tests.
 *
 * Values are drawn so that the ends of every range come often.
 *
 * Ownership  plain values; a batch borrows the entries it was given.
 */
#ifndef HA_TESTS_RANDOM_MESSAGE_H
#define HA_TESTS_RANDOM_MESSAGE_H

#include <stdbool.h>

#include "base/rng.h"
#include "core/message.h"

/* entries has room for HA_BATCH_MAX and is filled for a batch. */
void random_message(struct ha_rng *rng, enum ha_message_kind kind,
    struct ha_entry *entries, struct ha_message *out);

/* Field by field; ha_msg_batch.body, which does not travel, is left out. */
bool same_message(const struct ha_message *a, const struct ha_message *b);

#endif /* HA_TESTS_RANDOM_MESSAGE_H */
