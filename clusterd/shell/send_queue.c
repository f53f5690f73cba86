#include "shell/send_queue.h"

#include <stdlib.h>
#include <string.h>

void
ha_send_queue_init(struct ha_send_queue *q, size_t limit_bytes)
{
	for (int i = 0; i < HA_URGENCY_MAX; i++)
		ha_list_init(&q->lanes[i]);
	q->bytes = 0;
	q->limit = limit_bytes;
}

void
ha_send_queue_clear(struct ha_send_queue *q)
{
	struct ha_send_item *item;

	while ((item = ha_send_queue_pop(q)) != NULL)
		free(item);
}

int
ha_send_queue_push(struct ha_send_queue *q, enum ha_urgency urgency,
    const uint8_t *data, size_t len)
{
	struct ha_send_item *item;

	if (len > q->limit - q->bytes)
		return HA_ERR_FULL;
	item = malloc(sizeof(*item) + len);
	if (item == NULL)
		return HA_ERR_NOMEM;
	item->urgency = urgency;
	item->len = len;
	memcpy(item->bytes, data, len);
	ha_list_append(&q->lanes[urgency], &item->node);
	q->bytes += len;
	return HA_OK;
}

struct ha_send_item *
ha_send_queue_pop(struct ha_send_queue *q)
{
	for (int i = 0; i < HA_URGENCY_MAX; i++) {
		struct ha_send_item *item;

		if (ha_list_empty(&q->lanes[i]))
			continue;
		item = HA_LIST_ENTRY(q->lanes[i].next, struct ha_send_item,
		    node);
		ha_list_remove(&item->node);
		q->bytes -= item->len;
		return item;
	}
	return NULL;
}
