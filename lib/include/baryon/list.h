/* Doubly linked lists whose nodes lie in their elements. No locking of their own. */
#ifndef BARYON_LIST_H
#define BARYON_LIST_H

#include "abi/types.h"

struct list_node {
	struct list_node *next, *previous;
};

/* The head is a node of its own ring; an empty list points to itself. */
struct list {
	struct list_node head;
};

#define CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))

/* Walks; the element may be removed in the body. */
#define LIST_EACH(list, node) \
	for (struct list_node *node = (list)->head.next, *node##_next = node->next; node != &(list)->head; \
		node = node##_next, node##_next = node->next)

static inline void list_start(struct list *list)
{
	list->head.next = list->head.previous = &list->head;
}

static inline bool list_empty(const struct list *list)
{
	return list->head.next == &list->head;
}

static inline void list_insert_before(struct list_node *place, struct list_node *node)
{
	node->next = place;
	node->previous = place->previous;
	place->previous->next = node;
	place->previous = node;
}

static inline void list_append(struct list *list, struct list_node *node)
{
	list_insert_before(&list->head, node);
}

static inline void list_prepend(struct list *list, struct list_node *node)
{
	list_insert_before(list->head.next, node);
}

/* The node's links become null, so that list_linked is false. */
static inline void list_remove(struct list_node *node)
{
	node->previous->next = node->next;
	node->next->previous = node->previous;
	node->next = node->previous = NULL;
}

static inline bool list_linked(const struct list_node *node)
{
	return node->next != NULL;
}

/* Takes the first node off; null when the list is empty. */
static inline struct list_node *list_take_first(struct list *list)
{
	struct list_node *node = list->head.next;

	if (node == &list->head)
		return NULL;
	list_remove(node);
	return node;
}

#endif
