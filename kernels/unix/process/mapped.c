/* Who has a file mapped: when contents are cut off or move to another page, all spaces lose what they have of them, and fault
 * again. Such calls are rare and mappings are many, so nothing is kept for each mapping: a file says that it was mapped, and then
 * all spaces are looked through.
 *
 * The list of spaces is in the order in which they were made. A fork copies from a space that stands before its own, so whoever
 * walks the list either finds the original done before it is copied, or comes to the copy later.
 * Lock order: inode > spaces_lock > space. */
#include "process/space.h"

static struct mutex spaces_lock;
static struct space *first, *last;

void space_enlist(struct space *space)
{
	mutex_lock(&spaces_lock);
	space->previous = last;
	if (last != NULL)
		last->next = space;
	else
		first = space;
	last = space;
	mutex_unlock(&spaces_lock);
}

void space_delist(struct space *space)
{
	mutex_lock(&spaces_lock);
	if (space->previous != NULL)
		space->previous->next = space->next;
	else
		first = space->next;
	if (space->next != NULL)
		space->next->previous = space->previous;
	else
		last = space->previous;
	mutex_unlock(&spaces_lock);
}

/* Calls part for each region of the file, under its space's lock, until it returns true: then the result is true. The file's mark
 * goes when there was none. */
static bool regions_each(struct inode *inode, bool (*part)(struct space *, const struct region *, const uint64_t *),
	const uint64_t *argument)
{
	bool some = false, found = false;

	mutex_lock(&spaces_lock);
	file_mapped_mark(inode, false);
	for (struct space *space = first; space != NULL && !found; space = space->next) {
		mutex_lock(&space->lock);
		for (unsigned i = 0; i < space->region_count && !found; i++) {
			const struct region *region = region_at(space, i);

			if (region->file == NULL || !file_is_of(region->file, inode))
				continue;
			some = true;
			found = part(space, region, argument);
		}
		mutex_unlock(&space->lock);
	}
	if (some)
		file_mapped_mark(inode, true);
	mutex_unlock(&spaces_lock);
	return found;
}

/* argument: first page, page after the last, whether the program's own copies go as well. Pages that stay mapped because Strange
 * has no answer stay the space's. */
static bool region_drop(struct space *space, const struct region *region, const uint64_t *argument)
{
	uint64_t low = region->offset / PAGE_BYTES, pages = (region->end - region->start) / PAGE_BYTES;
	uint64_t from = argument[0] > low ? argument[0] : low;
	uint64_t to = argument[1] < low + pages ? argument[1] : low + pages;

	if (from >= to)
		return false;
	from = region->start + (from - low) * PAGE_BYTES;
	to = region->start + (to - low) * PAGE_BYTES;
	if (space_unload(space, from, to) == 0 && argument[2])
		slots_clear(space, from, to);
	return false;
}

static bool region_may_write(struct space *space, const struct region *region, const uint64_t *argument)
{
	(void)space;
	(void)argument;
	return (region->flags & REGION_SHARED) && (region->flags & REGION_MAY_WRITE);
}

void mappings_drop(struct inode *inode, uint64_t first_page, uint64_t after, bool gone)
{
	const uint64_t argument[] = { first_page, after, gone };

	if (file_mapped_marked(inode))
		(void)regions_each(inode, region_drop, argument);
}

bool mappings_may_write(struct inode *inode)
{
	return file_mapped_marked(inode) && regions_each(inode, region_may_write, NULL);
}
