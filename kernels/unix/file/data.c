/* The contents of a regular file: pages of M in a tree of 64-way nodes, over the data that the boot image has for it.
 *
 * Invariants, under data.lock:
 *   1. A leaf slot holds 0 or a page of M with one reference of the tree's own.
 *   2. Where the tree has no page, the image's page shows if it begins before image_bytes; bytes of it from image_bytes on
 *      read as zero: image_bytes only shrinks to page boundaries, or the page was copied first.
 *   3. pages is the number of pages in the tree. While it is 0 readers need no lock: the image never goes away. */
#include "file/file.h"

enum { NODE_BITS = 6, NODE_SLOTS = 1 << NODE_BITS, HEIGHT_LIMIT = 9 };

struct data_node {
	uint64_t slot[NODE_SLOTS];
};

static bool height_covers(uint32_t height, uint64_t index)
{
	return height >= HEIGHT_LIMIT || index >> (height * NODE_BITS) == 0;
}

/* The slot of an index, or null if no node is there. */
static uint64_t *slot_find(struct data *data, uint64_t index)
{
	uint64_t *slot = (uint64_t *)&data->root;

	if (!height_covers(data->height, index))
		return 0;
	for (uint32_t height = data->height; height; height--) {
		struct data_node *node = (struct data_node *)*slot;

		if (!node)
			return 0;
		slot = &node->slot[(index >> ((height - 1) * NODE_BITS)) & (NODE_SLOTS - 1)];
	}
	return slot;
}

/* The same, making the nodes on the way. Null: no memory. */
static uint64_t *slot_make(struct data *data, uint64_t index)
{
	uint64_t *slot = (uint64_t *)&data->root;

	while (!height_covers(data->height, index)) {
		if (data->root) {
			struct data_node *node = heap_alloc(sizeof(struct data_node));

			if (!node)
				return 0;
			node->slot[0] = (uint64_t)data->root;
			data->root = node;
		}
		data->height++;
	}
	for (uint32_t height = data->height; height; height--) {
		if (!*slot)
			*slot = (uint64_t)heap_alloc(sizeof(struct data_node));
		if (!*slot)
			return 0;
		slot = &((struct data_node *)*slot)->slot[(index >> ((height - 1) * NODE_BITS)) & (NODE_SLOTS - 1)];
	}
	return slot;
}

static void image_find(const struct data *data, uint64_t index, struct data_page *out)
{
	if (index << PAGE_BITS < __atomic_load_n(&data->image_bytes, __ATOMIC_RELAXED)) {
		out->image = data->image + (index << PAGE_BITS);
		out->image_page = data->image_page + index;
	}
}

void data_find(struct data *data, uint64_t index, struct data_page *out)
{
	uint64_t *slot;

	*out = (struct data_page){0};
	if (__atomic_load_n(&data->pages, __ATOMIC_ACQUIRE) == 0) {
		image_find(data, index, out);
		return;
	}
	mutex_lock(&data->lock);
	slot = slot_find(data, index);
	if (slot && *slot) {
		out->page = (page_index)*slot;
		page_get(out->page);
	} else {
		image_find(data, index, out);
	}
	mutex_unlock(&data->lock);
}

static page_index page_duplicate(const char *from)
{
	page_index page = page_alloc_any();

	if (page)
		page_copy(page_address(page), from);
	return page;
}

page_index data_make(struct data *data, uint64_t index)
{
	struct data_page found;
	page_index page;
	int status;

	do {
		data_find(data, index, &found);
		if (found.page)
			return found.page;
		page = found.image ? page_duplicate(found.image) : page_alloc();
		if (!page)
			return 0;
		page_get(page);
		status = data_insert(data, index, page);
		if (status) {
			page_put(page);
			page_put(page);
		}
	} while (status == -EEXIST);
	return status ? 0 : page;
}

int data_insert(struct data *data, uint64_t index, page_index page)
{
	uint64_t *slot;
	int status = -ENOMEM;

	mutex_lock(&data->lock);
	slot = slot_make(data, index);
	if (slot && *slot) {
		status = -EEXIST;
	} else if (slot) {
		*slot = page;
		__atomic_store_n(&data->pages, data->pages + 1, __ATOMIC_RELEASE);
		status = 0;
	}
	mutex_unlock(&data->lock);
	return status;
}

/* Puts the pages from `first` on in a subtree whose first index is `base`. Returns true if the subtree is now empty and gone. */
static bool subtree_cut(struct data *data, uint64_t slot, uint32_t height, uint64_t base, uint64_t first)
{
	struct data_node *node = (struct data_node *)slot;
	bool empty = true;

	if (!slot)
		return true;
	if (height == 0) {
		if (base < first)
			return false;
		page_put((page_index)slot);
		data->pages--;
		return true;
	}
	for (uint32_t i = 0; i < NODE_SLOTS; i++) {
		uint64_t child = base + ((uint64_t)i << ((height - 1) * NODE_BITS));
		uint64_t last = child + ((1ull << ((height - 1) * NODE_BITS)) - 1);

		if (node->slot[i] && (last < first || !subtree_cut(data, node->slot[i], height - 1, child, first)))
			empty = false;
		else
			node->slot[i] = 0;
	}
	if (empty)
		heap_free(node);
	return empty;
}

void data_cut(struct data *data, uint64_t first)
{
	mutex_lock(&data->lock);
	if (subtree_cut(data, (uint64_t)data->root, data->height, 0, first)) {
		data->root = 0;
		data->height = 0;
	}
	if (data->image_bytes > first << PAGE_BITS)
		__atomic_store_n(&data->image_bytes, first << PAGE_BITS, __ATOMIC_RELAXED);
	mutex_unlock(&data->lock);
}

int data_zero(struct data *data, uint64_t from, uint64_t to)
{
	struct data_page found;
	page_index page;

	if (from >= to)
		return 0;
	data_find(data, from >> PAGE_BITS, &found);
	if (!found.page && !found.image)
		return 0;
	page = found.page ? found.page : data_make(data, from >> PAGE_BITS);
	if (!page)
		return -ENOMEM;
	memset((char *)page_address(page) + (from & (PAGE_BYTES - 1)), 0, to - from);
	page_put(page);
	return 0;
}

static bool page_present(struct data *data, uint64_t index)
{
	uint64_t *slot = slot_find(data, index);

	return (slot && *slot) || index << PAGE_BITS < data->image_bytes;
}

/* Indices from `index` on that no node covers: skipped in one step. */
static uint64_t gap_pages(struct data *data, uint64_t index)
{
	uint64_t *slot = (uint64_t *)&data->root;
	uint32_t height = data->height;

	if (!height_covers(height, index))
		return UINT64_MAX;
	for (; height && *slot; height--)
		slot = &((struct data_node *)*slot)->slot[(index >> ((height - 1) * NODE_BITS)) & (NODE_SLOTS - 1)];
	return (1ull << (height * NODE_BITS)) - (index & ((1ull << (height * NODE_BITS)) - 1));
}

uint64_t data_next(struct data *data, uint64_t index, bool hole)
{
	mutex_lock(&data->lock);
	while (page_present(data, index) == hole) {
		uint64_t step = hole ? 1 : gap_pages(data, index);

		if (step == UINT64_MAX || index + step < index) {
			index = UINT64_MAX;
			break;
		}
		index += step;
	}
	mutex_unlock(&data->lock);
	return index;
}

uint64_t data_pages(const struct data *data)
{
	uint64_t image = (data->image_bytes + PAGE_BYTES - 1) >> PAGE_BITS;

	return data->pages > image ? data->pages : image;
}
