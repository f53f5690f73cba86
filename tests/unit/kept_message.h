/*
 * kept_message: a message beyond the step that put it out.
 *
 * Plain data: it may be copied.  What its message points to lies within it,
 * so the message is had by kept_message() alone, anew after each copy.
 */
#ifndef HA_TESTS_UNIT_KEPT_MESSAGE_H
#define HA_TESTS_UNIT_KEPT_MESSAGE_H

#include "core/message.h"

struct kept_message {
	struct ha_message message;
	struct ha_entry entries[HA_BATCH_MAX];
	struct ha_extra extras[HA_BATCH_MAX]; /* of those that have one */
};

void keep_message(struct kept_message *k, const struct ha_message *m);
const struct ha_message *kept_message(struct kept_message *k);

#endif /* HA_TESTS_UNIT_KEPT_MESSAGE_H */
