/* Directories: a hashed table of names over the entries that the boot image has.
 *
 * A name in the table wins over the image; an entry without an inode hides the image's. An image name is entered in the
 * table when it is first looked up, so the table is also the cache of names. Entries that the image does not have are on a
 * list by sequence, which is their order in a listing and, with LIST_MEMORY added, their position. */
#include "file/file.h"
#include "file/rootfs.h"

enum { BUCKET_BITS_FIRST = 3, BUCKET_BITS_FLAT = 9, BUCKET_BITS_LIMIT = 18 };
#define LIST_LAYER(layer) ((uint64_t)(layer) << 32)     /* position of a layer's first entry */
#define LIST_MEMORY (1ull << 40)
#define LIST_FIRST 2                                    /* after "." and ".." */

uint32_t name_hash(const char *name, uint32_t bytes)
{
	uint32_t hash = NAME_HASH_START;

	for (uint32_t i = 0; i < bytes; i++)
		hash = name_hash_step(hash, name[i]);
	return hash;
}

static struct entry **bucket_of(void *buckets, uint32_t bits, uint32_t hash)
{
	uint32_t n = (hash ^ hash >> 15) & ((1u << bits) - 1);

	if (bits <= BUCKET_BITS_FLAT)
		return (struct entry **)buckets + n;
	return ((struct entry ***)buckets)[n >> BUCKET_BITS_FLAT] + (n & ((1u << BUCKET_BITS_FLAT) - 1));
}

static struct entry **bucket_nth(struct directory *directory, uint32_t n)
{
	if (directory->bucket_bits <= BUCKET_BITS_FLAT)
		return (struct entry **)directory->buckets + n;
	return ((struct entry ***)directory->buckets)[n >> BUCKET_BITS_FLAT] + (n & ((1u << BUCKET_BITS_FLAT) - 1));
}

static uint32_t bucket_count(const struct directory *directory)
{
	return directory->buckets ? 1u << directory->bucket_bits : 0;
}

static void buckets_free(void *buckets, uint32_t bits)
{
	if (bits > BUCKET_BITS_FLAT && buckets)
		for (uint32_t i = 0; i < 1u << (bits - BUCKET_BITS_FLAT); i++)
			heap_free(((void **)buckets)[i]);
	heap_free(buckets);
}

static void *buckets_make(uint32_t bits)
{
	void **top;

	if (bits <= BUCKET_BITS_FLAT)
		return heap_alloc(sizeof(void *) << bits);
	top = heap_alloc(sizeof(void *) << (bits - BUCKET_BITS_FLAT));
	for (uint32_t i = 0; top && i < 1u << (bits - BUCKET_BITS_FLAT); i++) {
		top[i] = heap_alloc(sizeof(void *) << BUCKET_BITS_FLAT);
		if (!top[i]) {
			buckets_free(top, bits);
			return 0;
		}
	}
	return top;
}

/* Makes room for one more entry. A table that cannot grow for want of memory goes on with longer chains. */
static int table_grow(struct directory *directory)
{
	uint32_t bits = directory->buckets ? directory->bucket_bits + 1 : BUCKET_BITS_FIRST;
	void *buckets;

	if (directory->buckets && (directory->entry_count < 1u << directory->bucket_bits || bits > BUCKET_BITS_LIMIT))
		return 0;
	buckets = buckets_make(bits);
	if (!buckets)
		return directory->buckets ? 0 : -ENOMEM;
	for (uint32_t i = 0; i < bucket_count(directory); i++) {
		struct entry *next;

		for (struct entry *entry = *bucket_nth(directory, i); entry; entry = next) {
			struct entry **to = bucket_of(buckets, bits, entry->hash);

			next = entry->hash_next;
			entry->hash_next = *to;
			*to = entry;
		}
	}
	buckets_free(directory->buckets, directory->bucket_bits);
	directory->buckets = buckets;
	directory->bucket_bits = bits;
	return 0;
}

static inline uint64_t word_at(const char *at, uint64_t bytes)
{
	uint64_t word = 0;

	__builtin_memcpy(&word, at, bytes);
	return word;
}

/* Names are short and mostly the same when their hashes are: they are compared in words that may overlap. */
static inline bool name_same(const char *one, const char *other, uint32_t bytes)
{
	uint32_t i = 0;

	for (; i + 8 <= bytes; i += 8)
		if (word_at(one + i, 8) != word_at(other + i, 8))
			return false;
	if (bytes >= 8)
		return word_at(one + bytes - 8, 8) == word_at(other + bytes - 8, 8);
	if (bytes >= 4)
		return word_at(one, 4) == word_at(other, 4) && word_at(one + bytes - 4, 4) == word_at(other + bytes - 4, 4);
	for (; i < bytes; i++)
		if (one[i] != other[i])
			return false;
	return true;
}

static struct entry *table_find(struct directory *directory, const char *name, uint32_t bytes, uint32_t hash)
{
	struct entry *entry;

	if (!directory->buckets)
		return 0;
	entry = *bucket_of(directory->buckets, directory->bucket_bits, hash);
	while (entry && (entry->hash != hash || entry->bytes != bytes || !name_same(entry->name, name, bytes)))
		entry = entry->hash_next;
	return entry;
}

static struct entry *table_add(struct directory *directory, const char *name, uint32_t bytes, uint32_t hash)
{
	struct entry *entry, **bucket;

	if (table_grow(directory))
		return 0;
	entry = heap_alloc(sizeof(struct entry) + bytes);
	if (!entry)
		return 0;
	memcpy(entry->name, name, bytes);
	entry->bytes = (uint8_t)bytes;
	entry->hash = hash;
	bucket = bucket_of(directory->buckets, directory->bucket_bits, hash);
	entry->hash_next = *bucket;
	*bucket = entry;
	directory->entry_count++;
	return entry;
}

static void table_remove(struct directory *directory, struct entry *entry)
{
	struct entry **bucket = bucket_of(directory->buckets, directory->bucket_bits, entry->hash);

	while (*bucket != entry)
		bucket = &(*bucket)->hash_next;
	*bucket = entry->hash_next;
	directory->entry_count--;
	heap_free(entry);
}

static void list_append(struct directory *directory, struct entry *entry)
{
	entry->sequence = ++directory->sequence;
	entry->next = 0;
	entry->previous = directory->last;
	if (directory->last)
		directory->last->next = entry;
	else
		directory->first = entry;
	directory->last = entry;
	directory->children++;
}

static void list_remove(struct directory *directory, struct entry *entry)
{
	if (entry->previous)
		entry->previous->next = entry->next;
	else
		directory->first = entry->next;
	if (entry->next)
		entry->next->previous = entry->previous;
	else
		directory->last = entry->previous;
	directory->children--;
}

static bool over_image(const struct directory *directory)
{
	return directory->image[LAYER_OVERLAY] || directory->image[LAYER_ROOT];
}

/* Enters an image's name in the table. */
static int image_enter(struct inode *inode, const char *name, uint32_t bytes, uint32_t hash, struct entry **out)
{
	struct inode *found;
	struct entry *entry;
	int status = tree_image_find(inode, name, bytes, &found);

	if (status)
		return status;
	entry = table_add(&inode->directory, name, bytes, hash);
	if (!entry) {
		inode_put(found);
		return -ENOMEM;
	}
	entry->inode = found;
	entry->from_image = entry->shadows = true;
	if (inode_is(found, S_IFDIR))
		found->directory.named_by = entry;
	*out = entry;
	return 0;
}

int directory_entry_locked(struct inode *inode, const char *name, uint32_t bytes, uint32_t hash, struct entry **out)
{
	*out = table_find(&inode->directory, name, bytes, hash);
	if (*out)
		return (*out)->inode ? 0 : -ENOENT;
	return over_image(&inode->directory) ? image_enter(inode, name, bytes, hash, out) : -ENOENT;
}

int directory_find(struct inode *inode, const char *name, uint32_t bytes, uint32_t hash, struct inode **out)
{
	struct entry *entry;
	int status;

	if (bytes > NAME_MAX)
		return -ENAMETOOLONG;
	if (inode->operations)
		return inode->operations->lookup ? inode->operations->lookup(inode, name, bytes, out) : -ENOENT;
	mutex_lock(&inode->lock);
	status = directory_entry_locked(inode, name, bytes, hash, &entry);
	if (status == 0) {
		*out = entry->inode;
		inode_get(*out);
	}
	mutex_unlock(&inode->lock);
	return status;
}

int directory_add_locked(struct inode *inode, const char *name, uint32_t bytes, uint32_t hash, struct entry *hidden,
	struct inode *child)
{
	struct entry *entry = hidden ? hidden : table_add(&inode->directory, name, bytes, hash);

	if (!entry)
		return -ENOMEM;
	inode_get(child);
	entry->inode = child;
	entry->from_image = false;
	list_append(&inode->directory, entry);
	if (inode_is(child, S_IFDIR))
		child->directory.named_by = entry;
	return 0;
}

struct inode *directory_remove_locked(struct inode *inode, struct entry *entry)
{
	struct inode *child = entry->inode;

	if (inode_is(child, S_IFDIR))
		child->directory.named_by = 0;
	if (!entry->from_image)
		list_remove(&inode->directory, entry);
	entry->inode = 0;
	entry->from_image = false;
	if (!entry->shadows)
		table_remove(&inode->directory, entry);
	return child;
}

/* What stands in the table for an image name, or null. */
static struct entry *image_entry(struct inode *inode, const struct rootfs_name *name)
{
	return inode->directory.entry_count == 0 ? NULL :
		table_find(&inode->directory, name->name, name->bytes, name_hash(name->name, name->bytes));
}

/* An image name that is still to be seen: not replaced, not hidden. */
static bool image_visible(struct inode *inode, unsigned layer, const struct rootfs_name *name, const struct entry *entry)
{
	if (entry && !(entry->inode && entry->from_image))
		return false;
	return layer == LAYER_OVERLAY || !tree_image_has(inode, LAYER_OVERLAY, name->name, name->bytes);
}

int directory_empty_locked(struct inode *inode)
{
	struct rootfs_name name;
	int status;

	if (inode->directory.children)
		return -ENOTEMPTY;
	for (unsigned layer = 0; layer < LAYERS; layer++)
		for (uint32_t n = 0; (status = tree_image_entry(inode, layer, n, &name)) != -ENOENT; n++)
			if (status || image_visible(inode, layer, &name, image_entry(inode, &name)))
				return status ? status : -ENOTEMPTY;
	return 0;
}

struct inode *directory_parent(struct inode *inode)
{
	struct inode *parent;

	mutex_lock(&inode->lock);
	parent = inode->directory.parent;
	inode_get(parent);
	mutex_unlock(&inode->lock);
	return parent;
}

struct inode *directory_free(struct inode *inode)
{
	struct directory *directory = &inode->directory;

	for (uint32_t i = 0; i < bucket_count(directory); i++) {
		struct entry **bucket = bucket_nth(directory, i);

		while (*bucket) {
			struct entry *entry = *bucket;

			*bucket = entry->hash_next;
			inode_put(entry->inode);
			heap_free(entry);
		}
	}
	buckets_free(directory->buckets, directory->bucket_bits);
	return directory->parent != inode ? directory->parent : 0;
}

struct inode *directory_install(struct inode *directory, const char *name, struct inode *inode)
{
	uint32_t bytes = (uint32_t)strlen(name), hash = name_hash(name, bytes);
	struct entry *entry = 0;
	int status;

	if (!inode)
		return 0;
	mutex_lock(&directory->lock);
	status = directory_entry_locked(directory, name, bytes, hash, &entry);
	if (status == 0)
		inode_put(directory_remove_locked(directory, entry));
	if (status == 0 && !(entry = table_find(&directory->directory, name, bytes, hash)))
		entry = 0;
	status = directory_add_locked(directory, name, bytes, hash, entry, inode);
	inode->nlink = inode_is(inode, S_IFDIR) ? 2 : 1;
	if (status == 0 && inode_is(inode, S_IFDIR)) {
		inode->directory.parent = directory;
		inode_get(directory);
		directory->nlink++;
	}
	mutex_unlock(&directory->lock);
	inode_put(inode);
	return status ? 0 : inode;
}

/* The directory's lock is held. */
static struct entry *entry_of(struct directory *directory, struct inode *child, uint32_t hash)
{
	struct entry *entry = directory->buckets ? *bucket_of(directory->buckets, directory->bucket_bits, hash) : 0;

	while (entry && (entry->hash != hash || entry->inode != child))
		entry = entry->hash_next;
	for (uint32_t i = 0; i < bucket_count(directory) && !entry; i++)
		for (entry = *bucket_nth(directory, i); entry && entry->inode != child;)
			entry = entry->hash_next;
	return entry;
}

int64_t directory_name_of(struct inode *inode, struct inode *child, uint32_t hash, char *to, uint64_t limit)
{
	struct entry *entry;
	int64_t result = -ENOENT;

	mutex_lock(&inode->lock);
	entry = entry_of(&inode->directory, child, hash);
	if (entry) {
		result = entry->bytes < limit ? entry->bytes : -ERANGE;
		if (result > 0)
			memcpy(to, entry->name, entry->bytes);
	}
	mutex_unlock(&inode->lock);
	return result;
}

/* ---- listing ---- */

static int list_dots(struct inode *inode, struct listing *listing)
{
	int status = 0;

	if (listing->position == 0)
		status = listing_put(listing, ".", 1, inode->number, S_IFDIR >> 12, 1);
	if (status == 0 && listing->position == 1)
		status = listing_put(listing, "..", 2, inode->directory.parent->number, S_IFDIR >> 12, LIST_FIRST);
	return status;
}

static int image_put(struct inode *inode, unsigned layer, const struct rootfs_name *name, struct listing *listing)
{
	const struct entry *entry = image_entry(inode, name);
	uint64_t number = layer == LAYER_OVERLAY ? (1ull << 32) + name->inode : name->inode;
	uint32_t type = name->type;

	if (!image_visible(inode, layer, name, entry)) {
		listing->position++;
		return 0;
	}
	if (entry) {
		number = entry->inode->number;
		type = entry->inode->mode >> 12;
	}
	return listing_put(listing, name->name, name->bytes, number, type, listing->position + 1);
}

static int list_layer(struct inode *inode, unsigned layer, struct listing *listing)
{
	uint64_t base = LIST_FIRST + LIST_LAYER(layer);
	struct rootfs_name name;
	int status = 0;

	if (listing->position < base)
		listing->position = base;
	while (status == 0 && listing->position < base + UINT32_MAX - LIST_FIRST) {
		status = tree_image_entry(inode, layer, (uint32_t)(listing->position - base), &name);
		if (status == 0)
			status = image_put(inode, layer, &name, listing);
	}
	return status == -ENOENT ? 0 : status;
}

static int list_memory(struct inode *inode, struct listing *listing)
{
	int status = 0;

	if (listing->position < LIST_MEMORY)
		listing->position = LIST_MEMORY;
	for (struct entry *entry = inode->directory.first; entry && status == 0; entry = entry->next)
		if (entry->sequence + LIST_MEMORY > listing->position)
			status = listing_put(listing, entry->name, entry->bytes, entry->inode->number, entry->inode->mode >> 12,
				entry->sequence + LIST_MEMORY);
	return status;
}

int directory_list(struct inode *inode, struct listing *listing)
{
	int status;

	if (inode->operations)
		return inode->operations->list ? inode->operations->list(inode, listing) : -ENOTDIR;
	mutex_lock(&inode->lock);
	status = inode->directory.removed ? -ENOENT : list_dots(inode, listing);
	for (unsigned layer = 0; layer < LAYERS && status == 0; layer++)
		if (listing->position < LIST_FIRST + LIST_LAYER(layer + 1))
			status = list_layer(inode, layer, listing);
	if (status == 0)
		status = list_memory(inode, listing);
	mutex_unlock(&inode->lock);
	return status;
}
