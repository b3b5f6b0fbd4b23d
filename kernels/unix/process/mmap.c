/* mmap, munmap, mprotect, brk, mremap, madvise, mincore. */
#include "abi/layout.h"
#include "baryon/calls.h"
#include "process/process.h"
#include "process/space.h"

enum { MAP_SHARED_VALIDATE = 3, MAP_TYPE = 15, MAP_GROWSDOWN = 0x100, MAP_NORESERVE = 0x4000, MAP_POPULATE = 0x8000, MAP_SYNC = 0x80000 };
enum { PROT_SEM = 8, PROT_GROWSDOWN = 0x1000000, PROT_GROWSUP = 0x2000000 };
enum { MREMAP_MAYMOVE = 1, MREMAP_FIXED = 2, MREMAP_DONTUNMAP = 4 };
enum { MADV_DONTNEED = 4, MADV_FREE = 8 };

static uint64_t page_round(uint64_t bytes)
{
	return (bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
}

static bool range_bad(uint64_t start, uint64_t bytes)
{
	return start % PAGE_BYTES != 0 || bytes == 0 || bytes > PROGRAM_LIMIT || start > PROGRAM_LIMIT - bytes;
}

uint64_t rights_of(uint64_t protection)
{
	uint64_t rights = 0;

	if (protection & PROT_READ)
		rights |= RIGHT_READ;
	if (protection & PROT_WRITE)
		rights |= RIGHT_READ | RIGHT_WRITE;
	if (protection & PROT_EXEC)
		rights |= RIGHT_READ | RIGHT_EXECUTE;
	return rights;
}

/* Calls part(space, start, end) for the parts of the range that regions cover. Ends when one fails: its error. */
static int parts_each(struct space *space, uint64_t start, uint64_t end, int (*part)(struct space *, uint64_t, uint64_t))
{
	int status = 0;

	for (unsigned i = region_index_after(space, start); status == 0 && i < space->region_count; i++) {
		const struct region *region = region_at(space, i);

		if (region->start >= end)
			break;
		status = part(space, region->start > start ? region->start : start, region->end < end ? region->end : end);
	}
	return status;
}

int space_unload(struct space *space, uint64_t start, uint64_t end)
{
	for (uint64_t next; start < end; start = next) {
		next = end - start > PIECE_BYTES ? start + PIECE_BYTES : end;
		if (mapping_unload(space->home.header.uid, start, (next - start) / PAGE_BYTES) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int part_clear(struct space *space, uint64_t start, uint64_t end)
{
	slots_clear(space, start, end);
	return 0;
}

/* The range may be as large as the space: only what regions cover is looked at. Nothing has changed when it fails. */
int space_unmap(struct space *space, uint64_t start, uint64_t end)
{
	int status = region_room(space, 2);

	if (status == 0)
		status = parts_each(space, start, end, space_unload);
	if (status != 0)
		return status;
	(void)parts_each(space, start, end, part_clear);
	return region_remove(space, start, end);
}

/* What counts for RLIMIT_DATA: private memory that may be written, but stacks. */
static bool region_is_data(const struct region *region)
{
	return (region->flags & (REGION_SHARED | REGION_STACK | RIGHT_WRITE)) == RIGHT_WRITE;
}

/* Private memory without a file that may be written. */
static bool region_is_own(const struct region *region)
{
	return region->file == NULL && (region->flags & RIGHT_WRITE);
}

static uint64_t space_mapped(struct space *space, bool data)
{
	uint64_t mapped = 0;

	for (unsigned i = 0; i < space->region_count; i++) {
		const struct region *region = region_at(space, i);

		if (!data || region_is_data(region))
			mapped += region->end - region->start;
	}
	return mapped;
}

static bool below_limit(struct space *space, uint64_t bytes, unsigned which)
{
	uint64_t limit = self_process()->rlimits[which].soft, mapped;

	if (limit == UINT64_MAX)
		return true;
	mapped = space_mapped(space, which == RLIMIT_DATA);
	return bytes <= limit && mapped <= limit - bytes;
}

/* Whether so much more may be mapped of such a region: RLIMIT_AS and RLIMIT_DATA, and with `own`, never more memory of one's own in
 * a piece than there is. */
static bool limit_allows(struct space *space, uint64_t bytes, const struct region *region, bool own)
{
	if (own && region_is_own(region) && bytes / PAGE_BYTES > page_count_total())
		return false;
	return below_limit(space, bytes, RLIMIT_AS) && (!region_is_data(region) || below_limit(space, bytes, RLIMIT_DATA));
}

int space_map(struct space *space, const struct region *region, bool replace)
{
	int status = 0;

	if (region->file != NULL)
		status = file_map(region->file, (region->flags & (REGION_SHARED | REGION_MAY_WRITE)) == (REGION_SHARED | REGION_MAY_WRITE));
	if (status != 0)
		return status;
	if (replace)
		status = space_unmap(space, region->start, region->end);
	else if (!region_range_free(space, region->start, region->end))
		return -EEXIST;
	if (status == 0)
		status = region_insert(space, region);
	return status;
}

/* What may be mapped of the file; fills region->file (a reference) or leaves it null for /dev/zero. 0, -EBADF, -EACCES, -EPERM,
 * -ENODEV. */
static int map_file(int descriptor, uint64_t protection, struct region *region)
{
	struct file *file = file_of_descriptor(descriptor);
	bool anonymous = false;
	int may, status = 0;

	if (file == NULL)
		return -EBADF;
	may = file_mappable(file, &anonymous);
	if (anonymous) {
		file_put(file);
		return 0;
	}
	if (may < 0)
		status = may;
	else if (!(may & MAPPABLE_READ))
		status = -EACCES;
	else if ((region->flags & REGION_SHARED) && (protection & PROT_WRITE) && !(may & MAPPABLE_WRITE))
		status = may & MAPPABLE_SEALED ? -EPERM : -EACCES;
	if (status == 0 && (region->flags & REGION_SHARED) && !(may & MAPPABLE_WRITE))
		region->flags &= ~(uint64_t)REGION_MAY_WRITE;
	if (status == 0)
		region->file = file;
	else
		file_put(file);
	return status;
}

int64_t space_place(struct space *space, struct region *region, uint64_t hint, uint64_t bytes, uint64_t flags)
{
	bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
	uint64_t start = fixed ? hint : hint & ~(PAGE_BYTES - 1);
	int status;

	if (fixed && (range_bad(start, bytes) || start < 65536))
		return start % PAGE_BYTES ? -EINVAL : start < 65536 ? -EPERM : -ENOMEM;
	mutex_lock(&space->lock);
	if (!fixed && (start < 65536 || range_bad(start, bytes) || !region_range_free(space, start, start + bytes)))
		start = region_gap(space, bytes);
	region->start = start;
	region->end = start + bytes;
	if (start == 0 || !limit_allows(space, bytes, region, !(flags & MAP_NORESERVE)))
		status = -ENOMEM;
	else
		status = space_map(space, region, (flags & MAP_FIXED) && !(flags & MAP_FIXED_NOREPLACE));
	mutex_unlock(&space->lock);
	return status != 0 ? status : (int64_t)start;
}

/* What is asked of mmap, but for its file and its place. 0, -EINVAL, -ENOMEM, -EOVERFLOW, -EOPNOTSUPP. */
static int map_check(uint64_t bytes, uint64_t flags, uint64_t offset)
{
	uint64_t type = flags & MAP_TYPE;

	if (bytes == 0 || offset % PAGE_BYTES != 0 || type == 0 || type > MAP_SHARED_VALIDATE)
		return -EINVAL;
	if (page_round(bytes) < bytes || page_round(bytes) > PROGRAM_LIMIT)
		return -ENOMEM;
	if (type != MAP_PRIVATE && (flags & MAP_GROWSDOWN))
		return -EINVAL;
	if (flags & MAP_ANONYMOUS)
		return type == MAP_SHARED_VALIDATE ? -EINVAL : 0;
	if (type == MAP_SHARED_VALIDATE && (flags & MAP_SYNC))
		return -EOPNOTSUPP;
	return offset > INT64_MAX - page_round(bytes) ? -EOVERFLOW : 0;
}

int64_t sys_mmap(SYSCALL_ARGUMENTS)
{
	uint64_t bytes = page_round(a1), type = a3 & MAP_TYPE;
	struct region region = { .offset = a5, .flags = rights_of(a2) | REGION_MAY_WRITE };
	int64_t result = map_check(a1, a3, a5);

	if (result != 0)
		return result;
	if (type != MAP_PRIVATE)
		region.flags |= REGION_SHARED;
	if (!(a3 & MAP_ANONYMOUS)) {
		result = map_file((int)a4, a2, &region);
		if (result != 0)
			return result;
	}
	if (region.file == NULL)
		region.offset = 0;
	if (region.file == NULL && type != MAP_PRIVATE) {
		if (!(a3 & MAP_NORESERVE) && bytes / PAGE_BYTES > page_count_total())
			return -ENOMEM;
		region.file = file_of_memory(bytes);
		if (region.file == NULL)
			return -ENOMEM;
	}
	result = space_place(self_process()->space, &region, a0, bytes, a3);
	if (region.file != NULL)
		file_put(region.file);
	return result;
}

int64_t sys_munmap(SYSCALL_ARGUMENTS)
{
	struct space *space = self_process()->space;
	uint64_t bytes = page_round(a1);
	int status;

	if (range_bad(a0, bytes))
		return -EINVAL;
	mutex_lock(&space->lock);
	status = space_unmap(space, a0, a0 + bytes);
	mutex_unlock(&space->lock);
	return status;
}

/* PROT_GROWSDOWN: from where the stack that is in the range begins. 0, -EINVAL: another region is, -ENOMEM: none. */
static int stack_start(struct space *space, uint64_t start, uint64_t end, uint64_t *from)
{
	unsigned i = region_index_after(space, start);
	const struct region *region;

	if (i == space->region_count)
		return -ENOMEM;
	region = region_at(space, i);
	if (region->start >= end)
		return -ENOMEM;
	if (!(region->flags & REGION_STACK))
		return -EINVAL;
	*from = region->start;
	return 0;
}

int64_t sys_mprotect(SYSCALL_ARGUMENTS)
{
	struct space *space = self_process()->space;
	uint64_t bytes = page_round(a1), rights = rights_of(a2), start = a0;
	int status;

	if (a0 % PAGE_BYTES != 0 || (a2 & (PROT_GROWSDOWN | PROT_GROWSUP)) == (PROT_GROWSDOWN | PROT_GROWSUP))
		return -EINVAL;
	if (a1 == 0)
		return 0;
	if (range_bad(a0, bytes))
		return -ENOMEM;
	if (a2 & ~(uint64_t)(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | PROT_GROWSDOWN))  /* nothing grows up but the heap, by brk */
		return -EINVAL;
	mutex_lock(&space->lock);
	status = a2 & PROT_GROWSDOWN ? stack_start(space, a0, a0 + bytes, &start) : 0;
	if (status == 0)
		status = region_protect(space, start, a0 + bytes, rights);
	if (status == 0)
		status = space_unload(space, start, a0 + bytes);
	mutex_unlock(&space->lock);
	return status;
}

/* Grows or shrinks the heap region to the new end. */
static int heap_resize(struct space *space, uint64_t end)
{
	uint64_t old_page = page_round(space->heap_end), new_page = page_round(end);
	struct region region = {
		.start = old_page, .end = new_page,
		.flags = RIGHT_READ | RIGHT_WRITE | REGION_MAY_WRITE | REGION_HEAP,
	};

	if (new_page < old_page)
		return space_unmap(space, new_page, old_page);
	if (new_page == old_page)
		return 0;
	if (new_page > space->map_top || !limit_allows(space, new_page - old_page, &region, true))
		return -ENOMEM;
	return space_map(space, &region, false);
}

int64_t sys_brk(SYSCALL_ARGUMENTS)
{
	struct space *space = self_process()->space;
	uint64_t result;

	mutex_lock(&space->lock);
	if (a0 >= space->heap_start && a0 < PROGRAM_LIMIT && heap_resize(space, a0) == 0)
		space->heap_end = a0;
	result = space->heap_end;
	mutex_unlock(&space->lock);
	return (int64_t)result;
}

/* What mremap was asked for: `old_bytes` at `from`, all of one region, become `bytes`, if `to` is not 0 there. 0 old bytes: what is shared
 * there is mapped a second time. */
struct remap {
	uint64_t from, old_bytes, bytes, to;
	bool may_move, keep;            /* keep: the old range stays mapped, and is empty */
};

/* The pages of the old range go to the new one, where nothing is mapped. */
static int remap_pages(struct space *space, const struct remap *r)
{
	int status = space_unload(space, r->from, r->from + r->old_bytes);

	if (status == 0)
		status = slots_move(space, r->from, r->to, r->old_bytes);
	if (status != 0)
		(void)region_remove(space, r->to, r->to + r->bytes);
	else if (!r->keep && r->old_bytes != 0)
		status = space_unmap(space, r->from, r->from + r->old_bytes);
	return status;
}

/* What was mapped at the new place goes first. With 0 old bytes that may be the old one. */
static int64_t remap_move(struct space *space, struct remap r)
{
	/* For the new one and the borders of the old one: when its pages have moved nothing fails any more. */
	enum { ROOM = 5 };
	const struct region *old;
	struct region region;
	int status = region_room(space, ROOM);

	if (status != 0)
		return status;
	if (r.to != 0)
		status = space_unmap(space, r.to, r.to + r.bytes);
	else if ((r.to = region_gap(space, r.bytes)) == 0)
		status = -ENOMEM;
	if (status != 0)
		return status;
	old = region_find(space, r.from);
	if (old == NULL)
		return -EFAULT;
	region = *old;
	region.offset += r.from - region.start;
	region.start = r.to;
	region.end = r.to + r.bytes;
	status = region_insert(space, &region);
	if (status == 0)
		status = remap_pages(space, &r);
	return status != 0 ? status : (int64_t)r.to;
}

/* Where it is; 0: there is no room. */
static int64_t remap_grow(struct space *space, const struct region *region, const struct remap *r)
{
	struct region more = *region;
	int status;

	more.start = r->from + r->old_bytes;
	more.end = r->from + r->bytes;
	more.offset += more.start - region->start;
	if (region->end != more.start || more.end > PROGRAM_LIMIT || !region_range_free(space, more.start, more.end))
		return 0;
	status = region_insert(space, &more);
	return status != 0 ? status : (int64_t)r->from;
}

static int64_t remap_locked(struct space *space, struct remap r)
{
	struct region *region = region_find(space, r.from);
	bool moves = r.to != 0 || r.keep;
	uint64_t more = r.keep ? r.bytes : r.bytes > r.old_bytes ? r.bytes - r.old_bytes : 0;
	int64_t result;

	if (region == NULL || region->end < r.from + r.old_bytes)
		return -EFAULT;
	if (r.old_bytes == 0 && !(region->flags & REGION_SHARED))
		return -EINVAL;
	if (region->flags & REGION_SYSTEM && more != 0)
		return -EFAULT;
	if (more != 0 && !limit_allows(space, more, region, true))
		return -ENOMEM;
	if (r.bytes < r.old_bytes) {
		result = space_unmap(space, r.from + r.bytes, r.from + r.old_bytes);
		if (result != 0)
			return result;
		r.old_bytes = r.bytes;
	}
	if (moves)
		return remap_move(space, r);
	if (r.bytes == r.old_bytes)
		return (int64_t)r.from;
	result = remap_grow(space, region, &r);
	if (result != 0)
		return result;
	return r.may_move ? remap_move(space, r) : -ENOMEM;
}

int64_t sys_mremap(SYSCALL_ARGUMENTS)
{
	struct space *space = self_process()->space;
	struct remap r = {
		.from = a0, .old_bytes = page_round(a1), .bytes = page_round(a2), .to = a3 & MREMAP_FIXED ? a4 : 0,
		.may_move = a3 & MREMAP_MAYMOVE, .keep = a3 & MREMAP_DONTUNMAP,
	};
	int64_t result;

	if (a3 & ~(uint64_t)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return -EINVAL;
	if ((a3 & (MREMAP_FIXED | MREMAP_DONTUNMAP) && !r.may_move) || (r.keep && r.old_bytes != r.bytes))
		return -EINVAL;
	if (range_bad(r.from, r.old_bytes != 0 ? r.old_bytes : PAGE_BYTES) || r.bytes == 0 || r.bytes > PROGRAM_LIMIT)
		return -EINVAL;
	if (a3 & MREMAP_FIXED) {
		if (range_bad(r.to, r.bytes) || (r.to < r.from + r.old_bytes && r.from < r.to + r.bytes))
			return -EINVAL;
		if (r.to < 65536)
			return -EPERM;
	}
	mutex_lock(&space->lock);
	result = remap_locked(space, r);
	mutex_unlock(&space->lock);
	return result;
}

/* Advice that is taken: all of Linux's but what must do something that is not done here (MADV_REMOVE, MADV_WIPEONFORK). */
static bool advice_known(uint64_t advice)
{
	enum { FREE = 8, DONTFORK = 10, DODUMP = 17, KEEPONFORK = 19, POPULATE_WRITE = 23, COLLAPSE = 25 };

	return advice <= MADV_DONTNEED || advice == FREE || (advice >= DONTFORK && advice <= DODUMP) ||
		(advice >= KEEPONFORK && advice <= POPULATE_WRITE) || advice == COLLAPSE;
}

/* Advice for a part of a region. MADV_DONTNEED: private pages go; the next touch finds fresh ones. 0, -EINVAL. */
static int region_advise(struct space *space, const struct region *region, uint64_t start, uint64_t end, uint32_t advice)
{
	int status;

	if (advice == MADV_FREE)
		return region->flags & REGION_SHARED || region->file != NULL ? -EINVAL : 0;
	if (advice != MADV_DONTNEED)
		return 0;
	start = region->start > start ? region->start : start;
	end = region->end < end ? region->end : end;
	if (region_is_vdso_data(region))
		return -EINVAL;
	status = space_unload(space, start, end);
	if (status == 0)
		slots_clear(space, start, end);
	return status;
}

int64_t sys_madvise(SYSCALL_ARGUMENTS)
{
	struct space *space = self_process()->space;
	uint64_t bytes = page_round(a1), end = a0 + bytes, covered = a0;
	int status = 0;

	if (!advice_known((uint32_t)a2) || a0 % PAGE_BYTES != 0 || (a1 != 0 && range_bad(a0, bytes)))
		return -EINVAL;
	if (a1 == 0)
		return 0;
	mutex_lock(&space->lock);
	for (unsigned i = region_index_after(space, a0); status == 0 && i < space->region_count; i++) {
		const struct region *region = region_at(space, i);

		if (region->start >= end)
			break;
		if (region->start <= covered)
			covered = region->end;
		status = region_advise(space, region, a0, end, (uint32_t)a2);
	}
	mutex_unlock(&space->lock);
	return status != 0 ? status : covered < end ? -ENOMEM : 0;
}

int64_t sys_mincore(SYSCALL_ARGUMENTS)
{
	struct space *space = self_process()->space;
	uint64_t bytes = page_round(a1);

	if (a0 % PAGE_BYTES != 0)
		return -EINVAL;
	if (a1 != 0 && range_bad(a0, bytes))
		return -ENOMEM;
	for (uint64_t at = a0; at < a0 + bytes; at += PAGE_BYTES) {
		uint8_t present;

		mutex_lock(&space->lock);
		present = slot_find(space, at) != NULL && *slot_find(space, at) != 0;
		if (region_find(space, at) == NULL)
			present = 2;
		mutex_unlock(&space->lock);
		if (present == 2)
			return -ENOMEM;
		if (signal_is_killing())
			return -EINTR;
		if (user_write(a2 + (at - a0) / PAGE_BYTES, &present, 1) != 0)
			return -EFAULT;
	}
	return 0;
}
