/* Page faults of programs: find the page, make it if it is the first touch, copy it at the first write to a shared one, and
 * load the mapping together with neighbours that need no work.
 *
 * The space's lock is held while mappings are loaded, so that nobody takes the pages away meanwhile. What is not of a file, in a
 * space with a single thread, nobody else touches: there the lock is let go first and the loading call resumes the program. */
#include "abi/calls.h"
#include "baryon/calls.h"
#include "baryon/string.h"
#include "process/process.h"
#include "process/space.h"

enum {
	BATCH = 16,                 /* mappings that a fault loads at most */
	AROUND = 2,                /* pages of the window in which neighbours are loaded; a power of two */
	BEHIND = 4,                 /* pages touched before it that make a row */
	AHEAD = 8,                  /* pages made at one fault when a program touches one page after the other */
};

/* The mappings that one fault loads. */
struct batch {
	unsigned count;
	uint64_t access;            /* that faulted */
	bool displaced;             /* the page was loaded before: its neighbours may be displaced as well */
	bool fresh;                 /* the page was not there before: anonymous, made now, or of a file, in place */
	struct file *file;          /* of the region, or null; with -EAGAIN, a reference */
	uint64_t file_index;        /* of the page, in the file */
	uint64_t flags;             /* LOAD_REPLACE when something may be mapped there with fewer rights */
	struct mapping_home homes[BATCH];
};

static void batch_start(struct batch *batch, uint64_t access)
{
	batch->count = 0;
	batch->access = access;
	batch->displaced = batch->fresh = false;
	batch->file = NULL;
	batch->flags = 0;
}

static void batch_add(struct batch *batch, uint64_t address, uint32_t container, uint64_t index, uint64_t rights)
{
	/* W^X is the law: a region that has both is mapped for what it was touched for last */
	if ((rights & RIGHT_WRITE) && (rights & RIGHT_EXECUTE))
		rights &= ~(uint64_t)(batch->access & RIGHT_EXECUTE ? RIGHT_WRITE : RIGHT_EXECUTE);
	batch->homes[batch->count++] = (struct mapping_home) {
		.address = address, .index = index, .container = container, .rights = (uint16_t)rights,
	};
}

static uint64_t slot_rights(const struct region *region, uint64_t slot)
{
	uint64_t rights = region->flags & REGION_RIGHTS;

	if (!(slot & SLOT_SHARED) && page_references(slot_page(slot)) > 1)
		rights &= ~(uint64_t)RIGHT_WRITE;
	return rights;
}

static void batch_add_slot(struct batch *batch, const struct region *region, uint64_t address, uint64_t *slot)
{
	*slot |= SLOT_LOADED;
	batch_add(batch, address, HANDLE_MEMORY, slot_page(*slot), slot_rights(region, *slot));
}

static int slot_fill(struct space *space, uint64_t address, page_index page, uint64_t flags)
{
	uint64_t *slot = page == 0 ? NULL : slot_make(space, address);

	if (slot == NULL) {
		if (page != 0)
			page_put(page);
		return -ENOMEM;
	}
	*slot = (uint64_t)page << PAGE_BITS | flags | SLOT_PRESENT;
	space->resident++;
	return 0;
}

/* A private copy of a page that lies elsewhere. */
static page_index page_copied(const void *from)
{
	page_index page = page_is_short() ? 0 : page_alloc_any();

	if (page != 0)
		page_copy(page_address(page), from);
	return page;
}

static const void *source_address(const struct page_source *source)
{
	return source->handle == HANDLE_MEMORY ? page_address((page_index)source->index) :
		boot_window + source->index * PAGE_BYTES;
}

static void source_put(const struct page_source *source)
{
	if (source->handle == HANDLE_MEMORY)
		page_put((page_index)source->index);
}

/* First touch of a page of a mapped file: in place if it is not about to be written privately. */
static int file_touch(struct space *space, const struct region *region, uint64_t address, uint64_t access,
	struct batch *batch)
{
	uint64_t index = (region->offset + (address - region->start)) / PAGE_BYTES;
	bool shared = region->flags & REGION_SHARED;
	struct page_source source;
	int status = file_page(region->file, index, shared && (region->flags & RIGHT_WRITE), &source);

	batch->file_index = index;
	if (status == -EAGAIN)
		file_get(region->file);
	if (status != 0)
		return status == -EFAULT ? -EIO : status;
	if (!shared && (access & RIGHT_WRITE)) {
		page_index page = page_copied(source_address(&source));

		source_put(&source);
		return slot_fill(space, address, page, 0);
	}
	if (source.handle == HANDLE_MEMORY) {
		batch->fresh = true;
		return slot_fill(space, address, (page_index)source.index, shared ? SLOT_SHARED : 0);
	}
	batch_add(batch, address, source.handle, source.index, region->flags & REGION_RIGHTS & ~(uint64_t)RIGHT_WRITE);
	return 0;
}

/* A write to a private page that others hold too. */
int slot_own(uint64_t *slot)
{
	page_index old = slot_page(*slot), page;

	if ((*slot & SLOT_SHARED) || page_references(old) == 1)
		return 0;
	page = page_copied(page_address(old));
	if (page == 0)
		return -ENOMEM;
	*slot = (uint64_t)page << PAGE_BITS | SLOT_PRESENT;
	page_put(old);
	return 0;
}

/* Makes the page at `address` present with the rights wanted, and puts its mapping first in the batch. */
static int page_touch(struct space *space, const struct region *region, uint64_t address, uint64_t access,
	struct batch *batch)
{
	uint64_t *slot = slot_find(space, address);
	int status = 0;

	if (slot == NULL || *slot == 0) {
		batch->fresh = region->file == NULL;
		status = region->file != NULL ? file_touch(space, region, address, access, batch) :
			slot_fill(space, address, page_is_short() ? 0 : page_alloc(), 0);
		slot = slot_find(space, address);
	} else if (access & RIGHT_WRITE) {
		status = slot_own(slot);
	}
	if (status == 0 && batch->count == 0) {
		batch->displaced = *slot & SLOT_LOADED;
		batch_add_slot(batch, region, address, slot);
	}
	return status;
}

/* A neighbour of a page in the boot image. */
static void image_touch(const struct region *region, uint64_t address, struct batch *batch)
{
	struct page_source source;

	if (file_page(region->file, (region->offset + (address - region->start)) / PAGE_BYTES, false, &source) != 0)
		return;
	if (source.handle == HANDLE_BOOT_IMAGE)
		batch_add(batch, address, source.handle, source.index, batch->homes[0].rights);
	source_put(&source);
}

/* Neighbours that are present but not loaded, or lie in the boot image, are loaded too: each would cost a fault of its own. */
static void touch_around(struct space *space, const struct region *region, uint64_t address, struct batch *batch)
{
	uint64_t start = address & ~(AROUND * PAGE_BYTES - 1), end = start + AROUND * PAGE_BYTES;
	bool in_image = batch->homes[0].container == HANDLE_BOOT_IMAGE;

	if (start < region->start)
		start = region->start;
	if (end > region->end)
		end = region->end;
	for (uint64_t at = start; at < end; at += PAGE_BYTES) {
		uint64_t *slot = at == address ? NULL : slot_find(space, at);

		if (at == address)
			continue;
		if (slot != NULL && *slot != 0) {
			if (batch->displaced || !(*slot & SLOT_LOADED))
				batch_add_slot(batch, region, at, slot);
		} else if (in_image) {
			image_touch(region, at, batch);
		}
	}
}

/* A page that nobody asked for yet: anonymous ones are made, those of a file must be pages of M already. */
static bool page_fill_ahead(struct space *space, const struct region *region, uint64_t address)
{
	struct page_source source;

	if (region->file == NULL)
		return slot_fill(space, address, page_is_short() ? 0 : page_alloc(), 0) == 0;
	if (!file_page_there(region->file, (region->offset + (address - region->start)) / PAGE_BYTES, &source))
		return false;
	return slot_fill(space, address, (page_index)source.index, region->flags & REGION_SHARED ? SLOT_SHARED : 0) == 0;
}

/* A program that touches pages in a row gets the next ones with the first. */
static void touch_ahead(struct space *space, const struct region *region, uint64_t address, struct batch *batch)
{
	uint64_t *slot;

	for (unsigned i = 1; i <= BEHIND; i++) {
		slot = address >= region->start + i * PAGE_BYTES ? slot_find(space, address - i * PAGE_BYTES) : NULL;
		if (slot == NULL || *slot == 0)
			return;
	}
	for (unsigned i = 1; i < AHEAD; i++) {
		uint64_t at = address + i * PAGE_BYTES;

		if (at >= region->end || (slot = slot_make(space, at)) == NULL || *slot != 0)
			return;
		if (!page_fill_ahead(space, region, at))
			return;
		batch_add_slot(batch, region, at, slot);
	}
}

/* The stack region grows down to the address, if it lies above the limit. */
static struct region *stack_grow(struct space *space, uint64_t address)
{
	unsigned i = region_index_after(space, address);
	struct region *region = region_at(space, i);

	if (i == space->region_count || !(region->flags & REGION_STACK) || address < space->stack_limit)
		return NULL;
	if (i > 0 && region_at(space, i - 1)->end > address - 16 * PAGE_BYTES)
		return NULL;
	region->start = address;
	return region;
}

/* Whether the fault is one of rights: a copy at the first write, or a turn between writing and executing. */
static bool may_be_mapped(struct space *space, const struct region *region, uint64_t address, uint64_t access)
{
	uint64_t *slot = slot_find(space, address);

	if ((access & RIGHT_EXECUTE) && (region->flags & RIGHT_WRITE))
		return true;
	if (!(access & RIGHT_WRITE))
		return false;
	return region->file != NULL || (slot != NULL && *slot != 0);
}

static int fault_locked(struct space *space, uint64_t address, uint64_t access, struct batch *batch)
{
	struct region *region = region_find(space, address);
	int status;

	if (region == NULL)
		region = stack_grow(space, address);
	if (region == NULL)
		return -EFAULT;
	if (access & ~region->flags & REGION_RIGHTS)
		return -EACCES;
	batch->file = region->file;
	batch->flags = may_be_mapped(space, region, address, access) ? LOAD_REPLACE : 0;
	status = page_touch(space, region, address, access, batch);
	if (status == 0 && batch->fresh)
		touch_ahead(space, region, address, batch);
	if (status == 0 && batch->count == 1 && batch->flags == 0 && (region->file != NULL || !batch->fresh))
		touch_around(space, region, address, batch);
	return status;
}

static int batch_load(struct space *space, struct batch *batch, uint64_t flags)
{
	long loaded = mapping_load(space->home.header.uid, batch->homes, batch->count, batch->flags | flags);

	if (loaded > 0 || loaded == -BARYON_EEXIST)
		return 0;
	log_line("mapping at %lx: error %ld", batch->homes[0].address, loaded);
	return -ENOMEM;
}

/* Locks the space and makes the page present. What file_page could not do under the space's lock is done without it, and all is
 * looked at again. */
static int fault_lock(struct space *space, uint64_t address, uint64_t access, struct batch *batch)
{
	int status;

	for (;;) {
		batch_start(batch, access);
		mutex_lock(&space->lock);
		status = fault_locked(space, address & ~(PAGE_BYTES - 1), access, batch);
		if (status != -EAGAIN)
			return status;
		mutex_unlock(&space->lock);
		status = file_page_make(batch->file, batch->file_index);
		file_put(batch->file);
		if (status != 0) {
			mutex_lock(&space->lock);
			return status;
		}
	}
}

int space_fault_resume(struct space *space, uint64_t address, uint64_t access, bool may_resume)
{
	struct batch batch;
	int status = fault_lock(space, address, access, &batch);

	if (status == 0 && may_resume && batch.file == NULL) {
		mutex_unlock(&space->lock);
		return batch_load(space, &batch, LOAD_RESUME);
	}
	if (status == 0)
		status = batch_load(space, &batch, 0);
	mutex_unlock(&space->lock);
	return status;
}

int space_fault_in(struct space *space, uint64_t address, uint64_t access)
{
	return space_fault_resume(space, address, access, false);
}

page_index space_own_page(struct space *space, uint64_t address)
{
	page_index page = 0;
	struct batch batch;

	if (fault_lock(space, address, RIGHT_WRITE, &batch) == 0)
		page = slot_page(*slot_find(space, address & ~(PAGE_BYTES - 1)));
	mutex_unlock(&space->lock);
	return page;
}

int space_own_write(struct space *space, uint64_t address, const void *from, uint64_t bytes)
{
	struct batch batch;
	int status = fault_lock(space, address, RIGHT_WRITE, &batch);

	if (status == 0) {
		char *to = (char *)page_address(slot_page(*slot_find(space, address & ~(PAGE_BYTES - 1)))) + address % PAGE_BYTES;

		if (from != NULL)
			memcpy(to, from, bytes);
		else
			memset(to, 0, bytes);
	}
	mutex_unlock(&space->lock);
	return status == 0 ? 0 : -ENOMEM;
}

int space_word_place(struct space *space, uint64_t address, uint64_t *place, uint64_t *offset)
{
	struct region *region;
	int status = 0;

	*place = (uint64_t)space;
	*offset = address;
	mutex_lock(&space->lock);
	region = region_find(space, address);
	if (region == NULL || !(region->flags & RIGHT_READ)) {
		status = -EFAULT;
	} else if (region->flags & REGION_SHARED) {
		*place = file_identity(region->file);
		*offset = region->offset + (address - region->start);
	}
	mutex_unlock(&space->lock);
	return status;
}

/* The word in UNIX's own window, if it may be written there as it is; null: not without a fault. Lock held. */
static uint32_t *word_find(struct space *space, uint64_t address)
{
	struct region *region = region_find(space, address);
	uint64_t *slot = slot_find(space, address & ~(PAGE_BYTES - 1));

	if (region == NULL || !(region->flags & RIGHT_WRITE) || slot == NULL || *slot == 0)
		return NULL;
	if (!(*slot & SLOT_SHARED) && page_references(slot_page(*slot)) > 1)
		return NULL;
	return (uint32_t *)((char *)page_address(slot_page(*slot)) + address % PAGE_BYTES);
}

int space_word_exchange(struct space *space, uint64_t address, uint32_t *expected, uint32_t desired)
{
	int status = 0;

	for (;;) {
		uint32_t *word;

		mutex_lock(&space->lock);
		word = word_find(space, address);
		if (word != NULL)
			status = !__atomic_compare_exchange_n(word, expected, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
		mutex_unlock(&space->lock);
		if (word != NULL)
			return status;
		if (space_fault_in(space, address, RIGHT_WRITE) != 0)
			return -EFAULT;
	}
}
