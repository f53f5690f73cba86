#include "tests/sim/event_queue.h"

#include <stdlib.h>

#include "base/check.h"

/* A binary heap; the root is the earliest. */
struct event_queue {
	struct sim_event *heap;
	size_t n;
	size_t room;
	uint64_t next_order;
};

struct event_queue *
event_queue_new(void)
{
	struct event_queue *q = calloc(1, sizeof(*q));

	HA_CHECK(q != NULL);
	return q;
}

void
event_queue_free(struct event_queue *q)
{
	if (q == NULL)
		return;
	for (size_t i = 0; i < q->n; i++)
		free(q->heap[i].data);
	free(q->heap);
	free(q);
}

static bool
is_earlier(const struct sim_event *x, const struct sim_event *y)
{
	if (x->at.ns != y->at.ns)
		return x->at.ns < y->at.ns;
	return x->order < y->order;
}

void
event_queue_add(struct event_queue *q, struct sim_event e)
{
	size_t i = q->n++;

	if (q->n > q->room) {
		q->room = q->room == 0 ? 256 : q->room * 2;
		q->heap = realloc(q->heap, q->room * sizeof(*q->heap));
		HA_CHECK(q->heap != NULL);
	}
	e.order = q->next_order++;
	while (i > 0 && is_earlier(&e, &q->heap[(i - 1) / 2])) {
		q->heap[i] = q->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	q->heap[i] = e;
}

/* Let e, which stands nowhere, find its place from the root down. */
static void
sink(struct event_queue *q, struct sim_event e)
{
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= q->n)
			break;
		if (child + 1 < q->n &&
		    is_earlier(&q->heap[child + 1], &q->heap[child]))
			child++;
		if (!is_earlier(&q->heap[child], &e))
			break;
		q->heap[i] = q->heap[child];
		i = child;
	}
	q->heap[i] = e;
}

bool
event_queue_pop(struct event_queue *q, struct ha_time now,
    struct sim_event *out)
{
	if (q->n == 0 || ha_time_before(now, q->heap[0].at))
		return false;
	*out = q->heap[0];
	q->n--;
	if (q->n > 0)
		sink(q, q->heap[q->n]);
	return true;
}

struct ha_time
event_queue_next(const struct event_queue *q)
{
	return q->n == 0 ? HA_TIME_NEVER : q->heap[0].at;
}
