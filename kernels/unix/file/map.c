/* Regular files in the memory of programs: where a page of contents is mapped from, what mmap may do, seals.
 *
 * A file that was mapped is marked; whoever cuts contents off or moves a page of them out of the boot image tells the spaces, after
 * the file says what is true now: a fault that comes later sees that. */
#include "file/file.h"

void file_mapped_mark(struct inode *inode, bool mapped)
{
	__atomic_store_n(&inode->mapped, mapped, __ATOMIC_SEQ_CST);
}

bool file_mapped_marked(const struct inode *inode)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&inode->mapped, __ATOMIC_SEQ_CST);
}

bool file_is_of(const struct file *file, const struct inode *inode)
{
	return file->inode == inode;
}

void file_facts(const struct file *file, struct file_facts *out)
{
	const struct inode *inode = file->inode;

	*out = (struct file_facts){.device = inode->filesystem, .nameless = inode->filesystem == FILESYSTEM_ANONYMOUS, .inode = inode->number};
}

uint64_t file_identity(const struct file *file)
{
	return (uint64_t)file->inode;
}

void mappings_drop_image(struct inode *inode, uint64_t index)
{
	if (inode->data.image && __atomic_load_n(&inode->mapped, __ATOMIC_RELAXED))
		mappings_drop(inode, index, index + 1, false);
}

page_index contents_make(struct inode *inode, uint64_t index)
{
	page_index page = data_make(&inode->data, index);

	if (page)
		mappings_drop_image(inode, index);
	return page;
}

static bool index_is_past(struct inode *inode, uint64_t index)
{
	return index >= (__atomic_load_n(&inode->size, __ATOMIC_SEQ_CST) + PAGE_BYTES - 1) >> PAGE_BITS;
}

int file_page(struct file *file, uint64_t index, bool for_write, struct page_source *out)
{
	struct inode *inode = file->inode;
	struct data_page found;

	if (index_is_past(inode, index))
		return -EFAULT;
	data_find(&inode->data, index, &found);
	if (!found.page && found.image) {
		*out = (struct page_source){HANDLE_BOOT_IMAGE, found.image_page};
		return for_write ? -EAGAIN : 0;
	}
	if (!found.page && file->operations->stays && files_are_full(1))
		return -EFAULT;
	if (!found.page && !page_is_short())
		found.page = data_make(&inode->data, index);
	*out = (struct page_source){HANDLE_MEMORY, found.page};
	return found.page ? 0 : -ENOMEM;
}

bool file_page_there(struct file *file, uint64_t index, struct page_source *out)
{
	struct data_page found;

	if (index_is_past(file->inode, index))
		return false;
	data_find(&file->inode->data, index, &found);
	*out = (struct page_source){HANDLE_MEMORY, found.page};
	return found.page != 0;
}

int file_page_make(struct file *file, uint64_t index)
{
	page_index page = page_is_short() ? 0 : contents_make(file->inode, index);

	if (page)
		page_put(page);
	return page ? 0 : -ENOMEM;
}

static bool sealed_for_write(const struct inode *inode)
{
	return __atomic_load_n(&inode->seals, __ATOMIC_SEQ_CST) & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE);
}

int file_map(struct file *file, bool shared_write)
{
	file_mapped_mark(file->inode, true);
	return shared_write && sealed_for_write(file->inode) ? -EPERM : 0;
}

void file_unmapped(struct file *file)
{
	if (file->operations->unmapped)
		file->operations->unmapped(file);
	file_put(file);
}

int file_mappable(struct file *file, bool *anonymous)
{
	struct inode *inode = file->inode;

	*anonymous = inode_is(inode, S_IFCHR) && inode->device == DEVICE(1, 5);
	if (!file_readable(file))
		return file->flags & O_PATH ? -EBADF : -EACCES;
	if (!inode_is(inode, S_IFREG) || inode->operations)
		return -ENODEV;
	return MAPPABLE_READ | MAPPABLE_EXECUTE |
		(!file_writable(file) ? 0 : sealed_for_write(inode) ? MAPPABLE_SEALED : MAPPABLE_WRITE);
}

static const struct file_operations memory_operations = {
	.seekable = true,
	.name = "/dev/zero (deleted)",
	.read = regular_read,
	.write = regular_write,
};

struct file *file_of_memory(uint64_t bytes)
{
	struct file *file = file_anonymous(&memory_operations, S_IFREG | 0777, O_RDWR, 0);

	if (file) {
		file->inode->nlink = 0;
		file->inode->size = bytes;
	}
	return file;
}

/* A seal against writing is set before mappings are looked for, so that no new one is missed, and taken back when there is one. */
static int64_t seals_add(struct inode *inode, uint32_t seals)
{
	uint32_t before = inode->seals;

	if (before & F_SEAL_SEAL)
		return -EPERM;
	__atomic_store_n(&inode->seals, before | seals, __ATOMIC_SEQ_CST);
	if (!(seals & F_SEAL_WRITE) || (before & F_SEAL_WRITE) || !mappings_may_write(inode))
		return 0;
	__atomic_store_n(&inode->seals, before, __ATOMIC_SEQ_CST);
	return -EBUSY;
}

int64_t seals_call(struct file *file, uint32_t command, uint64_t argument)
{
	struct inode *inode = file->inode;
	int64_t status;

	if (!inode_is(inode, S_IFREG) || inode->operations || !(inode->seals & SEALS_HERE))
		return -EINVAL;
	if (command == F_GET_SEALS)
		return inode->seals & ~(uint32_t)SEALS_HERE;
	if (!file_writable(file))
		return -EPERM;
	if ((uint32_t)argument >= F_SEAL_EXEC * 2)
		return -EINVAL;
	mutex_lock(&inode->lock);
	status = seals_add(inode, (uint32_t)argument);
	mutex_unlock(&inode->lock);
	return status;
}
