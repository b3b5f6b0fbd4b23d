/* Shared memory of System V in a program's address space: the part of shmat and shmdt that is about regions. */
#include "process/process.h"
#include "process/space.h"

int64_t space_attach(struct file *file, uint64_t bytes, uint64_t address, uint64_t protection, bool replace)
{
	struct space *space = self_process()->space;
	struct region region = {.file = file, .flags = rights_of(protection) | REGION_SHARED};
	uint64_t flags = address == 0 ? 0 : replace ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	int64_t result;

	if (protection & PROT_WRITE)
		region.flags |= REGION_MAY_WRITE;
	bytes = (bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	if (bytes > PROGRAM_LIMIT)
		return -ENOMEM;
	result = space_place(space, &region, address, bytes, flags);
	return result == -EEXIST ? -EINVAL : result;
}

/* The next region at or after an address that is a part of what was attached at `address`. Null: none. */
static const struct region *part_next(struct space *space, uint64_t from, uint64_t address, const struct file *file)
{
	for (unsigned i = region_index_after(space, from); i < space->region_count; i++) {
		const struct region *region = region_at(space, i);

		if (region->start >= address && region->start - address == region->offset && region->file != NULL &&
			(file != NULL ? region->file == file : file_is_segment(region->file)))
			return region;
	}
	return NULL;
}

int space_detach(uint64_t address)
{
	struct space *space = self_process()->space;
	const struct region *part;
	struct file *file = NULL;
	int status = -EINVAL;

	if (address % PAGE_BYTES != 0)
		return -EINVAL;
	mutex_lock(&space->lock);
	part = part_next(space, address, address, NULL);
	if (part != NULL) {
		file = part->file;
		file_get(file);
		status = 0;
	}
	while (part != NULL && status == 0) {
		uint64_t end = part->end;

		status = space_unmap(space, part->start, end);
		part = part_next(space, end, address, file);
	}
	mutex_unlock(&space->lock);
	if (file != NULL)
		file_put(file);
	return status;
}
