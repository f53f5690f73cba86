/*
 * send_queue: what waits to be sealed and written to one connection.
 *
 * Three lanes in order of urgency, first in first out in each: a keepalive
 * never waits behind a batch.  Frames wait as plain text, since the order of
 * sealing is the order on the wire.
 *
 * Ownership  the queue copies what is pushed.  What ha_send_queue_pop()
 *            returns is the caller's, for free().
 * Units      bytes of plain text.
 * Errors     HA_ERR_FULL: the limit is reached; HA_ERR_NOMEM.
 */
#ifndef HA_SHELL_SEND_QUEUE_H
#define HA_SHELL_SEND_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"

enum ha_urgency {
	HA_URGENCY_KEEPALIVE,
	HA_URGENCY_CONTROL,
	HA_URGENCY_BATCH,
	HA_URGENCY_MAX,
};

struct ha_send_item {
	struct ha_list node;
	enum ha_urgency urgency;
	size_t len;
	uint8_t bytes[];
};

struct ha_send_queue {
	struct ha_list lanes[HA_URGENCY_MAX];
	size_t bytes;
	size_t limit;
};

void ha_send_queue_init(struct ha_send_queue *q, size_t limit_bytes);

/* Drop what waits. */
void ha_send_queue_clear(struct ha_send_queue *q);

HA_MUST_USE int ha_send_queue_push(struct ha_send_queue *q,
    enum ha_urgency urgency, const uint8_t *data, size_t len);

/* The most urgent, the first of those; NULL: none. */
struct ha_send_item *ha_send_queue_pop(struct ha_send_queue *q);

#endif /* HA_SHELL_SEND_QUEUE_H */
