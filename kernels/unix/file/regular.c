/* Regular files: reading and writing pages of M and of the boot image, their length. */
#include "file/file.h"

/* Copies out of one page. Returns the bytes done, or -EFAULT if none. */
static uint64_t page_read(struct inode *inode, struct io *io, uint64_t position, uint64_t bytes)
{
	uint64_t offset = position & (PAGE_BYTES - 1), done;
	struct data_page found;

	data_find(&inode->data, position >> PAGE_BITS, &found);
	if (found.page) {
		done = io_put(io, (char *)page_address(found.page) + offset, bytes);
		page_put(found.page);
	} else if (found.image) {
		done = io_put(io, found.image + offset, bytes);
	} else {
		done = io_zero(io, bytes);
	}
	return done;
}

int64_t regular_read(struct file *file, struct io *io, uint64_t *position)
{
	struct inode *inode = file->inode;
	uint64_t at = *position, size = __atomic_load_n(&inode->size, __ATOMIC_ACQUIRE), total = 0;

	while (io->left && at < size) {
		uint64_t step = PAGE_BYTES - (at & (PAGE_BYTES - 1)), done;

		step = step < io->left ? step : io->left;
		step = step < size - at ? step : size - at;
		done = page_read(inode, io, at, step);
		at += done;
		total += done;
		if (done < step)
			break;
	}
	*position = at;
	return total || !io->left || at >= size ? (int64_t)total : -EFAULT;
}

/* Fills a page that is not there yet from the start: it needs no clearing, and no second look. */
static int64_t page_write_new(struct inode *inode, struct io *io, uint64_t index, uint64_t bytes)
{
	page_index page = page_alloc_any();
	uint64_t done;
	int status;

	if (!page)
		return -ENOMEM;
	done = io_get(io, page_address(page), bytes);
	memset((char *)page_address(page) + done, 0, PAGE_BYTES - done);
	status = done ? data_insert(&inode->data, index, page) : -EFAULT;
	if (status == 0) {
		mappings_drop_image(inode, index);
	} else if (status == -EEXIST) {            /* a mapping was faster */
		page_index there = contents_make(inode, index);

		status = there ? 0 : -ENOMEM;
		if (there) {
			memcpy(page_address(there), page_address(page), done);
			page_put(there);
		}
		page_put(page);
	} else if (status) {
		page_put(page);
	}
	return status ? status : (int64_t)done;
}

/* Or nobody could run to remove them. */
bool files_are_full(uint64_t pages)
{
	while (page_count_free() < page_count_total() / 8 + pages)
		if (!memory_more())
			return true;
	return false;
}

static int64_t page_write(struct inode *inode, struct io *io, uint64_t position, uint64_t bytes)
{
	uint64_t offset = position & (PAGE_BYTES - 1), index = position >> PAGE_BITS, done;
	struct data_page found;
	page_index page;

	data_find(&inode->data, index, &found);
	page = found.page;
	if (!page && files_are_full(1))
		return -ENOSPC;
	if (!page && offset == 0 && (bytes == PAGE_BYTES || !found.image) && position + bytes >= inode->size)
		return page_write_new(inode, io, index, bytes);
	if (!page)
		page = contents_make(inode, index);
	if (!page)
		return -ENOMEM;
	done = io_get(io, (char *)page_address(page) + offset, bytes);
	page_put(page);
	return done ? (int64_t)done : -EFAULT;
}

/* What the limit on file sizes leaves of a write; -EFBIG and SIGXFSZ when nothing. */
static int64_t size_limited(uint64_t position, uint64_t bytes)
{
	struct process *process = self_process();
	uint64_t limit = process ? process->rlimits[RLIMIT_FSIZE].soft : UINT64_MAX;

	if (limit > INT64_MAX)
		limit = INT64_MAX;
	if (bytes && position >= limit) {
		if (limit < INT64_MAX)
			signal_send_self(SIGXFSZ);
		return -EFBIG;
	}
	return (int64_t)(bytes < limit - position ? bytes : limit - position);
}

/* What a sealed file's contents take. Lock held. */
static int64_t seals_limited(const struct inode *inode, uint64_t at, int64_t may)
{
	if (inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	return (inode->seals & F_SEAL_GROW) && at + (uint64_t)may > inode->size ? -EPERM : may;
}

int64_t regular_write(struct file *file, struct io *io, uint64_t *position)
{
	struct inode *inode = file->inode;
	bool append = (file->flags & O_APPEND) || *position == POSITION_END;
	int64_t may = size_limited(append ? inode->size : *position, io->left), status = 0;
	uint64_t at, total = 0;

	if (may <= 0)
		return may;
	mutex_lock(&inode->lock);
	at = append ? inode->size : *position;
	may = seals_limited(inode, at, may);
	if (may < 0) {
		mutex_unlock(&inode->lock);
		return may;
	}
	while (total < (uint64_t)may) {
		uint64_t step = PAGE_BYTES - (at & (PAGE_BYTES - 1));

		step = step < (uint64_t)may - total ? step : (uint64_t)may - total;
		status = page_write(inode, io, at, step);
		if (status < 0)
			break;
		at += (uint64_t)status;
		total += (uint64_t)status;
		if (at > inode->size)
			__atomic_store_n(&inode->size, at, __ATOMIC_RELEASE);
		if ((uint64_t)status < step)
			break;
	}
	if (total)
		inode_written(inode);
	mutex_unlock(&inode->lock);
	*position = at;
	if (status == -ENOMEM)
		status = -ENOSPC;
	return total ? (int64_t)total : status;
}

const struct file_operations regular_operations = {
	.seekable = true,
	.stays = true,
	.read = regular_read,
	.write = regular_write,
};

int64_t file_read_at(struct file *file, void *to, uint64_t bytes, uint64_t offset)
{
	struct io io;

	io_own(&io, to, bytes);
	if (!file->operations->read)
		return -EINVAL;
	return file->operations->read(file, &io, &offset);
}

/* ---- length ---- */

static int64_t length_set(struct inode *inode, uint64_t size)
{
	int64_t may;
	int status;

	if ((int64_t)size < 0)
		return -EINVAL;
	if (inode_is(inode, S_IFDIR))
		return -EISDIR;
	if (!inode_is(inode, S_IFREG) || inode->operations)
		return -EINVAL;
	may = size > inode->size ? size_limited(size - 1, 1) : 1;
	if (may < 0)
		return may;
	mutex_lock(&inode->lock);
	status = inode_truncate(inode, size);
	mutex_unlock(&inode->lock);
	return status;
}

int64_t sys_truncate(SYSCALL_ARGUMENTS)
{
	struct walk walk;
	int64_t status = walk_to_inode(&walk, AT_FDCWD, a0, WALK_FOLLOW);

	if (status == 0)
		status = inode_is(walk.inode, S_IFDIR) ? -EISDIR : inode_allowed(walk.inode, W_OK);
	if (status == 0 && inode_is_run(walk.inode))
		status = -ETXTBSY;
	if (status == 0)
		status = length_set(walk.inode, a1);
	if (status == 0 && inotify_wanted())
		inotify_both(walk.inode, walk.folder, walk.hash, IN_MODIFY);
	walk_end(&walk);
	return status;
}

int64_t sys_ftruncate(SYSCALL_ARGUMENTS)
{
	struct held held;
	int64_t status;

	if (!held_get_open(&held, (int)a0))
		return -EBADF;
	status = file_writable(held.file) ? length_set(held.file->inode, a1) : -EINVAL;
	if (status == 0)
		file_noted(held.file, IN_MODIFY);
	held_put(&held);
	return status;
}

/* Zeroes a range: whole pages are made (allocate) or, if they exist, cleared (punch). Inode locked. */
static int range_walk(struct inode *inode, uint64_t from, uint64_t to, bool punch)
{
	while (from < to) {
		uint64_t end = (from & ~(PAGE_BYTES - 1)) + PAGE_BYTES;
		uint64_t next = punch ? data_next(&inode->data, from >> PAGE_BITS, false) : from >> PAGE_BITS;
		page_index page;

		if (next > from >> PAGE_BITS) {     /* a hole, which may be immense */
			if (next > (to - 1) >> PAGE_BITS)
				break;
			from = next << PAGE_BITS;
			continue;
		}
		end = end < to ? end : to;
		if (punch) {
			if (data_zero(&inode->data, from, end))
				return -ENOSPC;
			mappings_drop_image(inode, from >> PAGE_BITS);
		} else {
			page = contents_make(inode, from >> PAGE_BITS);
			if (!page)
				return -ENOSPC;
			page_put(page);
		}
		from = end;
	}
	return 0;
}

static int64_t range_allocate(struct inode *inode, uint32_t mode, uint64_t offset, uint64_t bytes)
{
	bool punch = mode & FALLOC_PUNCH_HOLE;
	int status;

	if (!inode_is(inode, S_IFREG) || inode->operations)
		return -ENODEV;
	if (mode & ~(uint32_t)(FALLOC_KEEP_SIZE | FALLOC_PUNCH_HOLE))
		return -EOPNOTSUPP;
	if (punch && !(mode & FALLOC_KEEP_SIZE))
		return -EOPNOTSUPP;
	if ((int64_t)offset < 0 || (int64_t)bytes <= 0)
		return -EINVAL;
	if ((punch && (inode->seals & F_SEAL_WRITE)) ||
	    (!(mode & FALLOC_KEEP_SIZE) && (inode->seals & F_SEAL_GROW) && offset + bytes > inode->size))
		return -EPERM;
	if (offset + bytes > INT64_MAX)
		return -EFBIG;
	if (!punch && offset + bytes > inode->size && size_limited(offset + bytes - 1, 1) < 0)
		return -EFBIG;
	mutex_lock(&inode->lock);
	if (punch && offset + bytes > inode->size)
		bytes = offset < inode->size ? inode->size - offset : 0;
	status = !punch && files_are_full(bytes >> PAGE_BITS) ? -ENOSPC : range_walk(inode, offset, offset + bytes, punch);
	if (status == 0 && !(mode & FALLOC_KEEP_SIZE) && offset + bytes > inode->size)
		__atomic_store_n(&inode->size, offset + bytes, __ATOMIC_RELEASE);
	inode_written(inode);
	mutex_unlock(&inode->lock);
	return status;
}

int64_t sys_fallocate(SYSCALL_ARGUMENTS)
{
	struct held held;
	int64_t status;

	if (!held_get(&held, (int)a0))
		return -EBADF;
	status = file_writable(held.file) ? range_allocate(held.file->inode, (uint32_t)a1, a2, a3) : -EBADF;
	if (status == 0)
		file_noted(held.file, IN_MODIFY);
	held_put(&held);
	return status;
}

/* ---- position ---- */

static int64_t seek_contents(struct inode *inode, int64_t offset, bool hole)
{
	uint64_t size = inode->size, next;

	if (offset < 0 || (uint64_t)offset >= size)
		return -ENXIO;
	next = data_next(&inode->data, (uint64_t)offset >> PAGE_BITS, hole);
	if (next == UINT64_MAX || next << PAGE_BITS >= size)
		return hole ? (int64_t)size : -ENXIO;
	return next << PAGE_BITS > (uint64_t)offset ? (int64_t)(next << PAGE_BITS) : offset;
}

static int64_t seek_target(struct file *file, int64_t offset, uint32_t whence)
{
	bool plain = file->operations == &regular_operations;
	int64_t target = offset;

	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		if (__builtin_add_overflow(offset, (int64_t)file->position, &target))
			return -EOVERFLOW;
		break;
	case SEEK_END:
		if (__builtin_add_overflow(offset, (int64_t)file->inode->size, &target))
			return -EOVERFLOW;
		break;
	case SEEK_DATA:
	case SEEK_HOLE:
		return plain ? seek_contents(file->inode, offset, whence == SEEK_HOLE) : -EINVAL;
	default:
		return -EINVAL;
	}
	return target < 0 ? -EINVAL : target;
}

int64_t sys_lseek(SYSCALL_ARGUMENTS)
{
	struct held held;
	int64_t target;

	if (!held_get(&held, (int)a0))
		return -EBADF;
	if (held.file->operations->stateless) {
		target = (uint32_t)a2 <= SEEK_HOLE ? 0 : -EINVAL;               /* a device that is the same everywhere */
	} else if (held.file->operations->seekable) {
		mutex_lock(&held.file->lock);
		target = seek_target(held.file, (int64_t)a1, (uint32_t)a2);
		if (target >= 0)
			held.file->position = (uint64_t)target;
		mutex_unlock(&held.file->lock);
	} else if (held.file->flags & O_PATH) {
		target = -EBADF;
	} else {
		target = held.file->inode->mode & S_IFMT ? -ESPIPE : 0;         /* an eventfd has no place to be at */
	}
	held_put(&held);
	return target;
}
