/* Tables of file descriptors: blocks of 64 slots with a bitmap each, so that the lowest free one is found at once.
 * A process with one thread and a table of its own looks up without lock and without counting: nobody else can close. */
#include "file/pipe.h"
#include "socket/socket.h"

enum { BLOCK_SLOTS = 64, BLOCKS_FIRST = 1, BLOCKS_HEAP = 512, BLOCKS_LIMIT_ALL = DESCRIPTORS_MOST / BLOCK_SLOTS };

struct slots {
	uint64_t used, close_on_exec;
	struct file *file[BLOCK_SLOTS];
};

struct files {
	struct mutex lock;
	uint32_t processes;         /* that have it; one that has it alone is the only one to give it to another */
	uint32_t block_count;       /* entries of blocks */
	struct slots **blocks;      /* some null; &only at first */
	struct slots *only;
	struct slots first;
};

static struct slots *slots_of(struct files *files, int descriptor)
{
	uint32_t block = (uint32_t)descriptor / BLOCK_SLOTS;

	return block < files->block_count ? files->blocks[block] : 0;
}

uint32_t descriptor_capacity(void)
{
	return self_process()->files->block_count * BLOCK_SLOTS;
}

static struct file *file_at(struct files *files, int descriptor)
{
	struct slots *slots = slots_of(files, descriptor);

	return slots ? slots->file[descriptor % BLOCK_SLOTS] : 0;
}

struct files *files_make(void)
{
	struct files *files = heap_alloc(sizeof(struct files));

	if (!files)
		return 0;
	files->processes = 1;
	files->only = &files->first;
	files->blocks = &files->only;
	files->block_count = BLOCKS_FIRST;
	return files;
}

/* A larger table is four pages. */
static struct slots **table_alloc(uint32_t blocks)
{
	struct slots **table = blocks <= BLOCKS_HEAP ? heap_alloc(blocks * sizeof(struct slots *)) : page_block_alloc();

	if (table && blocks > BLOCKS_HEAP)
		memset(table, 0, BLOCKS_LIMIT_ALL * sizeof(struct slots *));
	return table;
}

static void table_free(struct files *files)
{
	if (files->block_count > BLOCKS_HEAP)
		page_block_free(files->blocks);
	else if (files->blocks != &files->only)
		heap_free(files->blocks);
}

/* Makes room for a descriptor. 0, -ENOMEM, -EMFILE. Lock held. */
static int slots_make(struct files *files, int descriptor)
{
	uint32_t block = (uint32_t)descriptor / BLOCK_SLOTS, count = files->block_count;
	struct slots **blocks;

	if (block >= BLOCKS_LIMIT_ALL)
		return -EMFILE;
	if (block >= count) {
		while (count <= block)
			count *= 2;
		blocks = table_alloc(count);
		if (!blocks)
			return -ENOMEM;
		memcpy(blocks, files->blocks, files->block_count * sizeof(struct slots *));
		table_free(files);
		files->blocks = blocks;
		files->block_count = count;
	}
	if (!files->blocks[block])
		files->blocks[block] = heap_alloc(sizeof(struct slots));
	return files->blocks[block] ? 0 : -ENOMEM;
}

bool files_are_shared(const struct files *files)
{
	return __atomic_load_n(&files->processes, __ATOMIC_RELAXED) > 1;
}

static bool one_thread(const struct process *process)
{
	return __atomic_load_n(&process->thread_count, __ATOMIC_RELAXED) == 1;
}

bool files_are_alone(const struct process *process)
{
	return one_thread(process) && !files_are_shared(process->files);
}

bool held_get(struct held *held, int descriptor)
{
	struct process *process = self_process();
	struct files *files = process->files;

	if (descriptor < 0)
		return false;
	held->counted = !files_are_alone(process);
	if (!held->counted) {
		held->file = file_at(files, descriptor);
		return held->file != 0;
	}
	mutex_lock(&files->lock);
	held->file = file_at(files, descriptor);
	if (held->file)
		file_get(held->file);
	mutex_unlock(&files->lock);
	return held->file != 0;
}

bool held_get_open(struct held *held, int descriptor)
{
	if (!held_get(held, descriptor))
		return false;
	if (!(held->file->flags & O_PATH))
		return true;
	held_put(held);
	return false;
}

uint32_t file_flags(const struct file *file)
{
	bool named = file->inode->filesystem != FILESYSTEM_ANONYMOUS || inode_is(file->inode, S_IFREG);

	return file->flags | (named && !(file->flags & O_PATH) ? O_LARGEFILE : 0);
}

struct file *file_of_descriptor(int descriptor)
{
	struct held held;

	if (!held_get(&held, descriptor))
		return 0;
	if (!held.counted)
		file_get(held.file);
	return held.file;
}

/* The lowest free descriptor from `lowest`. */
static int free_find(struct files *files, int lowest)
{
	uint32_t block = (uint32_t)lowest / BLOCK_SLOTS;
	uint64_t below = (1ull << (lowest % BLOCK_SLOTS)) - 1;

	for (; block < files->block_count && files->blocks[block]; block++, below = 0) {
		uint64_t free = ~(files->blocks[block]->used | below);

		if (free)
			return (int)(block * BLOCK_SLOTS + (uint32_t)__builtin_ctzll(free));
	}
	return (int)(block * BLOCK_SLOTS + (below ? (uint32_t)lowest % BLOCK_SLOTS : 0));
}

static void slot_fill(struct files *files, int descriptor, struct file *file, bool close_on_exec)
{
	struct slots *slots = slots_of(files, descriptor);
	uint64_t bit = 1ull << (descriptor % BLOCK_SLOTS);

	slots->file[descriptor % BLOCK_SLOTS] = file;
	slots->used |= bit;
	slots->close_on_exec = close_on_exec ? slots->close_on_exec | bit : slots->close_on_exec & ~bit;
}

static struct file *slot_clear(struct files *files, int descriptor)
{
	struct slots *slots = slots_of(files, descriptor);
	struct file *file = slots ? slots->file[descriptor % BLOCK_SLOTS] : 0;

	if (file) {
		slots->file[descriptor % BLOCK_SLOTS] = 0;
		slots->used &= ~(1ull << (descriptor % BLOCK_SLOTS));
	}
	return file;
}

static uint64_t descriptor_limit(void)
{
	return self_process()->rlimits[RLIMIT_NOFILE].soft;
}

int descriptor_install(struct file *file, int lowest, bool close_on_exec)
{
	struct files *files = self_process()->files;
	int descriptor, status;

	mutex_lock(&files->lock);
	descriptor = free_find(files, lowest);
	status = (uint64_t)descriptor >= descriptor_limit() ? -EMFILE : slots_make(files, descriptor);
	if (status == 0)
		slot_fill(files, descriptor, file, close_on_exec);
	mutex_unlock(&files->lock);
	if (status) {
		file_put(file);
		return status;
	}
	return descriptor;
}

int64_t descriptors_install_two(struct file *const file[2], uint64_t to, bool close_on_exec)
{
	int32_t pair[2] = {descriptor_install(file[0], 0, close_on_exec), -1};
	int64_t status = pair[0];

	if (status < 0) {
		file_put(file[1]);
		return status;
	}
	pair[1] = descriptor_install(file[1], 0, close_on_exec);
	status = pair[1] < 0 ? pair[1] : user_write(to, pair, sizeof(pair));
	for (int i = 0; status && i < 2; i++)
		if (pair[i] >= 0)
			descriptor_close(pair[i]);
	return status;
}

int files_set(struct files *files, int descriptor, struct file *file)
{
	int status = slots_make(files, descriptor);

	if (status == 0)
		slot_fill(files, descriptor, file, false);
	return status;
}

/* A descriptor of the table went: what the process has by it goes too. */
static void file_close(struct file *file, const struct files *files)
{
	if (file->inode->locks)
		file_locks_files_release(file->inode, files);
	if (file->operations->closed)
		file->operations->closed(file);
	file_put(file);
}

int descriptor_close(int descriptor)
{
	struct files *files = self_process()->files;
	struct file *file;

	if (descriptor < 0)
		return -EBADF;
	mutex_lock(&files->lock);
	file = slot_clear(files, descriptor);
	mutex_unlock(&files->lock);
	if (!file)
		return -EBADF;
	file_close(file, files);
	return 0;
}

int descriptor_next(int from)
{
	return files_next(self_process()->files, from);
}

struct file *files_get(struct files *files, int descriptor)
{
	struct file *file;

	mutex_lock(&files->lock);
	file = file_at(files, descriptor);
	if (file)
		file_get(file);
	mutex_unlock(&files->lock);
	return file;
}

int files_next(struct files *files, int from)
{
	int found = -1;

	mutex_lock(&files->lock);
	for (int n = from; found < 0 && (uint32_t)n / BLOCK_SLOTS < files->block_count; n++)
		if (file_at(files, n))
			found = n;
	mutex_unlock(&files->lock);
	return found;
}

/* Makes room for the files of another table, as they are now. Its lock is held. */
static bool room_make(struct files *files, const struct files *from)
{
	for (uint32_t block = 0; block < from->block_count; block++)
		if (from->blocks[block] && from->blocks[block]->used && slots_make(files, (int)(block * BLOCK_SLOTS)))
			return false;
	return true;
}

/* An empty table gets what another has. False: no memory, and it has nothing. */
static bool files_copy(struct files *files, struct files *from)
{
	bool whole;

	mutex_lock(&from->lock);
	whole = room_make(files, from);
	for (uint32_t block = 0; whole && block < from->block_count; block++) {
		struct slots *slots = from->blocks[block];

		if (!slots || !slots->used)
			continue;
		*files->blocks[block] = *slots;
		for (uint64_t left = slots->used; left; left &= left - 1)
			file_get(slots->file[__builtin_ctzll(left)]);
	}
	mutex_unlock(&from->lock);
	return whole;
}

struct files *files_fork(struct files *from)
{
	struct files *files = files_make();

	if (files && !files_copy(files, from)) {
		files_exit(files);
		files = 0;
	}
	return files;
}

struct files *files_room(struct files *from)
{
	struct files *files = files_make();
	bool whole;

	if (!files)
		return 0;
	mutex_lock(&from->lock);
	whole = room_make(files, from);
	mutex_unlock(&from->lock);
	if (!whole) {
		files_exit(files);
		files = 0;
	}
	return files;
}

struct files *files_share(struct files *files)
{
	__atomic_fetch_add(&files->processes, 1, __ATOMIC_RELAXED);
	return files;
}

/* The process's own table is `own` from now on, or stays what it is if nobody shares it. */
static int files_part_to(struct files *own)
{
	struct process *process = self_process();
	struct files *old = process->files;

	if (!own)
		return -ENOMEM;
	if (!files_are_shared(old) || !files_copy(own, old)) {
		files_exit(own);
		return files_are_shared(old) ? -ENOMEM : 0;
	}
	mutex_lock(&process->lock);
	process->files = own;
	mutex_unlock(&process->lock);
	files_exit(old);
	return 0;
}

int files_part(struct files *room)
{
	if (!one_thread(self_process())) {
		if (room)
			files_exit(room);
		return -EINVAL;
	}
	if (room || files_are_shared(self_process()->files))
		return files_part_to(room ? room : files_make());
	return 0;
}

/* Closes what `which` selects of a block. */
static void slots_close(struct files *files, uint32_t block, uint64_t which)
{
	for (; which; which &= which - 1) {
		struct file *file;

		mutex_lock(&files->lock);       /* others may look at it, through /proc */
		file = slot_clear(files, (int)(block * BLOCK_SLOTS + (uint32_t)__builtin_ctzll(which)));
		mutex_unlock(&files->lock);
		file_close(file, files);
	}
}

void files_exec(struct files *files)
{
	for (uint32_t block = 0; block < files->block_count; block++)
		if (files->blocks[block])
			slots_close(files, block, files->blocks[block]->used & files->blocks[block]->close_on_exec);
}

void files_exit(struct files *files)
{
	if (__atomic_sub_fetch(&files->processes, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	for (uint32_t block = 0; block < files->block_count; block++)
		if (files->blocks[block]) {
			slots_close(files, block, files->blocks[block]->used);
			if (files->blocks[block] != &files->first)
				heap_free(files->blocks[block]);
		}
	table_free(files);
	heap_free(files);
}

/* Pages that nobody has any more when the file is gone: what a pipe or a socket holds for its reader, and a file without a name. */
static uint64_t file_pages(const struct file *file)
{
	const struct pipe *pipe = pipe_of_file(file);
	const struct socket *socket = socket_of(file);
	const struct inode *inode = file->inode;

	if (pipe)
		return file_readable(file) ? (pipe_filled(pipe) + PAGE_BYTES - 1) / PAGE_BYTES : 0;
	if (socket)
		return socket->queued / PAGE_BYTES;
	return inode_is(inode, S_IFREG) && !inode->operations && inode->nlink == 0 ? inode->data.pages : 0;
}

uint64_t files_pages(struct files *files)
{
	uint64_t pages = 0;

	mutex_lock(&files->lock);
	for (uint32_t block = 0; block < files->block_count; block++)
		for (uint64_t left = files->blocks[block] ? files->blocks[block]->used : 0; left; left &= left - 1)
			pages += file_pages(files->blocks[block]->file[__builtin_ctzll(left)]);
	mutex_unlock(&files->lock);
	return pages;
}

/* ---- system calls ---- */

int64_t sys_close(SYSCALL_ARGUMENTS)
{
	return descriptor_close((int)a0);
}

int64_t sys_close_range(SYSCALL_ARGUMENTS)
{
	struct files *files;
	uint32_t first = (uint32_t)a0, last = (uint32_t)a1;
	int status;

	if (first > last || (a2 & ~(uint64_t)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)))
		return -EINVAL;
	status = a2 & CLOSE_RANGE_UNSHARE ? files_part(0) : 0;
	if (status)
		return status;
	files = self_process()->files;
	for (int n = first > INT32_MAX ? -1 : descriptor_next((int)first); n >= 0 && (uint32_t)n <= last;
	     n = descriptor_next(n + 1)) {
		if (!(a2 & CLOSE_RANGE_CLOEXEC)) {
			descriptor_close(n);
			continue;
		}
		mutex_lock(&files->lock);
		slots_of(files, n)->close_on_exec |= 1ull << (n % BLOCK_SLOTS);
		mutex_unlock(&files->lock);
	}
	return 0;
}

int64_t sys_dup(SYSCALL_ARGUMENTS)
{
	struct file *file = file_of_descriptor((int)a0);

	return file ? descriptor_install(file, 0, false) : -EBADF;
}

static int64_t descriptor_copy(int from, int to, bool close_on_exec)
{
	struct files *files = self_process()->files;
	struct file *file = file_of_descriptor(from), *old = 0;
	int status;

	if (!file)
		return -EBADF;
	if (to < 0 || (uint64_t)to >= descriptor_limit()) {
		file_put(file);
		return -EBADF;
	}
	mutex_lock(&files->lock);
	status = slots_make(files, to);
	if (status == 0) {
		old = slot_clear(files, to);
		slot_fill(files, to, file, close_on_exec);
	}
	mutex_unlock(&files->lock);
	if (status)
		file_put(file);
	if (old)
		file_close(old, files);
	return status ? status : to;
}

int64_t sys_dup2(SYSCALL_ARGUMENTS)
{
	struct held held;

	if ((int)a0 == (int)a1) {
		if (!held_get(&held, (int)a0))
			return -EBADF;
		held_put(&held);
		return (int)a1;
	}
	return descriptor_copy((int)a0, (int)a1, false);
}

int64_t sys_dup3(SYSCALL_ARGUMENTS)
{
	if ((int)a0 == (int)a1 || (a2 & ~(uint64_t)O_CLOEXEC))
		return -EINVAL;
	return descriptor_copy((int)a0, (int)a1, a2 & O_CLOEXEC);
}

static int64_t descriptor_flags(int descriptor, bool set, bool close_on_exec)
{
	struct files *files = self_process()->files;
	uint64_t bit = 1ull << (descriptor % BLOCK_SLOTS);
	struct slots *slots;
	int64_t result = 0;

	mutex_lock(&files->lock);
	slots = slots_of(files, descriptor);
	if (!slots || !(slots->used & bit))
		result = -EBADF;
	else if (set)
		slots->close_on_exec = close_on_exec ? slots->close_on_exec | bit : slots->close_on_exec & ~bit;
	else
		result = slots->close_on_exec & bit ? FD_CLOEXEC : 0;
	mutex_unlock(&files->lock);
	return result;
}

int64_t descriptor_flags_set(int descriptor, bool close_on_exec)
{
	return descriptor_flags(descriptor, true, close_on_exec);
}

static int64_t duplicate_from(struct file *file, uint64_t lowest, bool close_on_exec)
{
	if (lowest >= descriptor_limit())
		return -EINVAL;
	file_get(file);
	return descriptor_install(file, (int)lowest, close_on_exec);
}

static int64_t flags_set(struct file *file, int descriptor, uint64_t flags)
{
	uint32_t mutable = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME, now = __atomic_load_n(&file->flags, __ATOMIC_RELAXED);
	int status;

	if (flags & ~now & O_NOATIME && !inode_owned(file->inode))
		return -EPERM;
	status = async_switch(file, descriptor, flags & O_ASYNC);
	if (status)
		return status;
	while (!__atomic_compare_exchange_n(&file->flags, &now, (now & ~mutable) | ((uint32_t)flags & mutable), false,
		__ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	return 0;
}

/* A process's locks go when it closes the file. One that came while another thread did so goes at once, or nobody ends it. */
static int64_t lock_call(struct held *held, int descriptor, uint32_t command, uint64_t argument)
{
	int64_t result = file_lock_call(held->file, command, argument);
	struct held now = {0};
	bool still;

	if (result || (command != F_SETLK && command != F_SETLKW) || !held->counted)
		return result;
	still = held_get(&now, descriptor) && now.file == held->file;
	if (now.file)
		held_put(&now);
	if (!still)
		file_locks_files_release(held->file->inode, self_process()->files);
	return still ? 0 : -EBADF;
}

int64_t sys_fcntl(SYSCALL_ARGUMENTS)
{
	struct held held;
	int64_t result;

	if (!held_get(&held, (int)a0))
		return -EBADF;
	switch ((uint32_t)a1) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		result = duplicate_from(held.file, (uint32_t)a2, a1 == F_DUPFD_CLOEXEC);
		break;
	case F_GETFD:
	case F_SETFD:
		result = descriptor_flags((int)a0, a1 == F_SETFD, a2 & FD_CLOEXEC);
		break;
	case F_GETFL:
		result = file_flags(held.file);
		break;
	case F_SETFL:
		result = held.file->flags & O_PATH ? -EBADF : flags_set(held.file, (int)a0, a2);
		break;
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		result = held.file->flags & O_PATH ? -EBADF : lock_call(&held, (int)a0, (uint32_t)a1, a2);
		break;
	case F_GETPIPE_SZ:
	case F_SETPIPE_SZ:
		result = pipe_size_call(held.file, (uint32_t)a1, a2);
		break;
	case F_ADD_SEALS:
	case F_GET_SEALS:
		result = held.file->flags & O_PATH ? -EBADF : seals_call(held.file, (uint32_t)a1, a2);
		break;
	case F_SETOWN:
	case F_GETOWN:
	case F_SETSIG:
	case F_GETSIG:
	case F_SETOWN_EX:
	case F_GETOWN_EX:
	case F_GETOWNER_UIDS:
		result = held.file->flags & O_PATH ? -EBADF : async_call(held.file, (uint32_t)a1, a2);
		break;
	default:
		result = -EINVAL;
		break;
	}
	held_put(&held);
	return result;
}
