/*
 * list: an intrusive, circular, doubly linked list.
 *
 * A node is a member of the thing that is listed; a head is a node that
 * belongs to nothing.  A node that is on no list points to itself.
 *
 * Ownership  the list owns nothing.
 */
#ifndef HA_BASE_LIST_H
#define HA_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct ha_list {
	struct ha_list *next;
	struct ha_list *prev;
};

#define HA_LIST_ENTRY(node, type, member)                                     \
	((type *)(void *)((char *)(node) - offsetof(type, member)))

/* Every node from first to last; the body must not take node off. */
#define HA_LIST_FOREACH(node, head)                                           \
	for ((node) = (head)->next; (node) != (head); (node) = (node)->next)

/* The same; the body may take node off, but not tmp. */
#define HA_LIST_FOREACH_SAFE(node, tmp, head)                                 \
	for ((node) = (head)->next, (tmp) = (node)->next; (node) != (head);   \
	    (node) = (tmp), (tmp) = (node)->next)

static inline void
ha_list_init(struct ha_list *node)
{
	node->next = node;
	node->prev = node;
}

static inline bool
ha_list_empty(const struct ha_list *head)
{
	return head->next == head;
}

static inline bool
ha_list_linked(const struct ha_list *node)
{
	return node->next != node;
}

/* Put node, which is on no list, behind at. */
static inline void
ha_list_insert_after(struct ha_list *at, struct ha_list *node)
{
	node->prev = at;
	node->next = at->next;
	at->next->prev = node;
	at->next = node;
}

static inline void
ha_list_append(struct ha_list *head, struct ha_list *node)
{
	ha_list_insert_after(head->prev, node);
}

static inline void
ha_list_prepend(struct ha_list *head, struct ha_list *node)
{
	ha_list_insert_after(head, node);
}

/* Take node off whatever list it is on; on none is allowed. */
static inline void
ha_list_remove(struct ha_list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	ha_list_init(node);
}

/* Move everything from one head to the end of another. */
static inline void
ha_list_splice(struct ha_list *to, struct ha_list *from)
{
	if (ha_list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	ha_list_init(from);
}

#endif /* HA_BASE_LIST_H */
