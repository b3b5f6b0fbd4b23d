/* FNV-1a, and a hash table of elements that hold their own link. */
#ifndef BARYON_HASH_H
#define BARYON_HASH_H

#include "abi/types.h"

#define FNV_START 0xcbf29ce484222325ull
#define FNV_PRIME 0x00000100000001b3ull

/* 64-bit FNV-1a of the bytes, going on from `hash` (FNV_START at first). */
static inline uint64_t hash_fnv1a(uint64_t hash, const void *bytes, size_t count)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < count; i++)
		hash = (hash ^ at[i]) * FNV_PRIME;
	return hash;
}

/* Mixes an integer key (finaliser of a multiplicative hash). */
static inline uint64_t hash_word(uint64_t key)
{
	key *= 0x9e3779b97f4a7c15ull;
	return key ^ (key >> 32);
}

struct hash_node {
	struct hash_node *next;
	uint64_t key;
};

/* Buckets are given by the user: `count` (a power of two) zeroed pointers. No locking of its own. */
struct hash_table {
	struct hash_node **buckets;
	uint64_t mask;
};

static inline void hash_table_start(struct hash_table *table, struct hash_node **buckets, uint64_t count)
{
	table->buckets = buckets;
	table->mask = count - 1;
}

static inline struct hash_node **hash_bucket(const struct hash_table *table, uint64_t key)
{
	return &table->buckets[hash_word(key) & table->mask];
}

static inline void hash_insert(struct hash_table *table, struct hash_node *node, uint64_t key)
{
	struct hash_node **bucket = hash_bucket(table, key);

	node->key = key;
	node->next = *bucket;
	*bucket = node;
}

/* The newest element with the key, or null. */
static inline struct hash_node *hash_find(const struct hash_table *table, uint64_t key)
{
	struct hash_node *node = *hash_bucket(table, key);

	while (node && node->key != key)
		node = node->next;
	return node;
}

/* Takes the node out; it must be in the table. */
static inline void hash_remove(struct hash_table *table, struct hash_node *node)
{
	struct hash_node **link = hash_bucket(table, node->key);

	while (*link != node)
		link = &(*link)->next;
	*link = node->next;
}

#endif
