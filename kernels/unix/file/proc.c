/* /proc: inodes that are made when they are looked up; a file's text is made when it is first read. */
#include "file/file.h"

enum what {
	PROC_ROOT, PROC_SELF, PROC_FOLDER, PROC_DESCRIPTORS, PROC_DESCRIPTOR,
	PROC_EXE, PROC_CWD, PROC_ROOT_LINK, PROC_MOUNTS, PROC_FILESYSTEMS, PROC_MOUNTS_LINK,
	PROC_TEXT,                  /* + enum process_text */
	PROC_SYSTEM = PROC_TEXT + 16,   /* + enum system_text */
};

struct name {
	const char *name;
	uint32_t mode;
	uint32_t what;
};

static const struct name root_names[] = {
	{"self", S_IFLNK | 0777, PROC_SELF}, {"mounts", S_IFLNK | 0777, PROC_MOUNTS_LINK},
	{"uptime", S_IFREG | 0444, PROC_SYSTEM + TEXT_UPTIME}, {"loadavg", S_IFREG | 0444, PROC_SYSTEM + TEXT_LOADAVG},
	{"meminfo", S_IFREG | 0444, PROC_SYSTEM + TEXT_MEMINFO}, {"cpuinfo", S_IFREG | 0444, PROC_SYSTEM + TEXT_CPUINFO},
	{"stat", S_IFREG | 0444, PROC_SYSTEM + TEXT_SYSTEM_STAT}, {"version", S_IFREG | 0444, PROC_SYSTEM + TEXT_VERSION},
	{"filesystems", S_IFREG | 0444, PROC_FILESYSTEMS},
};

static const struct name process_names[] = {
	{"stat", S_IFREG | 0444, PROC_TEXT + TEXT_STAT}, {"status", S_IFREG | 0444, PROC_TEXT + TEXT_STATUS},
	{"cmdline", S_IFREG | 0444, PROC_TEXT + TEXT_CMDLINE}, {"comm", S_IFREG | 0444, PROC_TEXT + TEXT_COMM},
	{"maps", S_IFREG | 0444, PROC_TEXT + TEXT_MAPS}, {"statm", S_IFREG | 0444, PROC_TEXT + TEXT_STATM},
	{"environ", S_IFREG | 0400, PROC_TEXT + TEXT_ENVIRON}, {"mounts", S_IFREG | 0444, PROC_MOUNTS},
	{"exe", S_IFLNK | 0777, PROC_EXE}, {"cwd", S_IFLNK | 0777, PROC_CWD}, {"root", S_IFLNK | 0777, PROC_ROOT_LINK},
	{"fd", S_IFDIR | 0500, PROC_DESCRIPTORS},
};

enum { ROOT_NAMES = sizeof(root_names) / sizeof(root_names[0]) };
enum { PROCESS_NAMES = sizeof(process_names) / sizeof(process_names[0]) };
enum { LIST_FIRST = 2, LIST_PIDS = 256, NAME_BYTES = 24, WHAT_BITS = 16 };

static const struct inode_operations proc_operations;
static struct inode *proc_root;

static struct inode *proc_make(struct inode *parent, int32_t pid, uint32_t mode, uint32_t what)
{
	struct inode *inode = inode_make(mode, 0, 0, 0);

	if (!inode)
		return 0;
	inode->operations = &proc_operations;
	inode->filesystem = FILESYSTEM_PROC;
	inode->number = ((uint64_t)(uint32_t)pid + 1) << WHAT_BITS | what;
	inode->nlink = 1;
	inode->proc_pid = pid;
	inode->proc_what = what;
	if ((mode & S_IFMT) == S_IFDIR) {
		inode_get(parent);
		inode->directory.parent = parent;
	}
	return inode;
}

int32_t proc_folder_pid(const struct file *file)
{
	const struct inode *inode = file->inode;

	return inode && inode->operations == &proc_operations && inode->proc_what == PROC_FOLDER && !(file->flags & O_PATH) ?
		inode->proc_pid : 0;
}

static void proc_destroy(struct inode *inode)
{
	if (inode_is(inode, S_IFDIR) && inode->directory.parent != inode)
		inode_put(inode->directory.parent);
}

/* ---- names ---- */

static int32_t number_parse(const char *name, uint32_t bytes)
{
	int32_t number = 0;

	if (bytes == 0 || bytes > 9 || (name[0] == '0' && bytes > 1))
		return -1;
	for (uint32_t i = 0; i < bytes; i++) {
		if (name[i] < '0' || name[i] > '9')
			return -1;
		number = number * 10 + (name[i] - '0');
	}
	return number;
}

int proc_name(struct inode *inode, char *to, uint64_t limit)
{
	switch (inode->proc_what) {
	case PROC_ROOT:
		return text_format(to, limit, "proc");
	case PROC_DESCRIPTORS:
		return text_format(to, limit, "fd");
	}
	return text_format(to, limit, "%d", inode->proc_pid);
}

struct search {
	int32_t pid;                /* the one, or the smallest above `after` */
	int32_t after;
	bool found;
};

static bool search_is(struct process *process, void *argument)
{
	struct search *search = argument;

	search->found = process->pid == search->pid;
	return !search->found;
}

static bool search_next(struct process *process, void *argument)
{
	struct search *search = argument;

	if (process->pid > search->after && (!search->found || process->pid < search->pid)) {
		search->pid = process->pid;
		search->found = true;
	}
	return true;
}

static bool process_exists(int32_t pid)
{
	struct search search = {.pid = pid};

	process_each(search_is, &search);
	return search.found;
}

static const struct name *name_find(const struct name *names, unsigned count, const char *name, uint32_t bytes)
{
	for (unsigned i = 0; i < count; i++)
		if (strlen(names[i].name) == bytes && memcmp(names[i].name, name, bytes) == 0)
			return &names[i];
	return 0;
}

static int descriptor_lookup(struct inode *directory, const char *name, uint32_t bytes, struct inode **out)
{
	int32_t number = number_parse(name, bytes);
	struct held held;

	if (directory->proc_pid != self_process()->pid || number < 0 || !held_get(&held, number))
		return -ENOENT;
	held_put(&held);
	*out = proc_make(directory, number, S_IFLNK | 0700, PROC_DESCRIPTOR);
	return *out ? 0 : -ENOMEM;
}

static int proc_lookup(struct inode *directory, const char *name, uint32_t bytes, struct inode **out)
{
	const struct name *found;
	int32_t pid;

	if (directory->proc_what == PROC_DESCRIPTORS)
		return descriptor_lookup(directory, name, bytes, out);
	if (directory->proc_what == PROC_FOLDER) {
		found = name_find(process_names, PROCESS_NAMES, name, bytes);
		pid = directory->proc_pid;
	} else {
		found = name_find(root_names, ROOT_NAMES, name, bytes);
		pid = found ? 0 : number_parse(name, bytes);
		if (!found && (pid <= 0 || !process_exists(pid)))
			return -ENOENT;
	}
	if (!found && directory->proc_what == PROC_FOLDER)
		return -ENOENT;
	*out = found ? proc_make(directory, pid, found->mode, found->what) :
		proc_make(directory, pid, S_IFDIR | 0555, PROC_FOLDER);
	return *out ? 0 : -ENOMEM;
}

/* ---- listing ---- */

static int list_names(struct inode *directory, struct listing *listing, const struct name *names, unsigned count)
{
	int status = 0;

	while (status == 0 && listing->position < LIST_FIRST + count) {
		const struct name *name = &names[listing->position - LIST_FIRST];

		status = listing_put(listing, name->name, (uint32_t)strlen(name->name),
			((uint64_t)(uint32_t)directory->proc_pid + 1) << WHAT_BITS | name->what, name->mode >> 12,
			listing->position + 1);
	}
	return status;
}

static int list_numbers(struct listing *listing, bool descriptors)
{
	char name[NAME_BYTES];
	int status = 0;

	if (listing->position < LIST_PIDS)
		listing->position = LIST_PIDS;
	while (status == 0) {
		int32_t after = (int32_t)(listing->position - LIST_PIDS), number;
		struct search search = {.after = after};

		if (descriptors) {
			number = descriptor_next(after);
			search.found = number >= 0;
		} else {
			process_each(search_next, &search);
			number = search.pid;
		}
		if (!search.found)
			break;
		status = listing_put(listing, name, (uint32_t)text_format(name, sizeof(name), "%d", number),
			((uint64_t)(uint32_t)number + 1) << WHAT_BITS | (descriptors ? PROC_DESCRIPTOR : PROC_FOLDER),
			descriptors ? DT_LNK : DT_DIR, (uint64_t)number + LIST_PIDS + (descriptors ? 1 : 0));
	}
	return status;
}

static int proc_list(struct inode *directory, struct listing *listing)
{
	int status = 0;

	if (listing->position == 0)
		status = listing_put(listing, ".", 1, directory->number, DT_DIR, 1);
	if (status == 0 && listing->position == 1)
		status = listing_put(listing, "..", 2, directory->directory.parent->number, DT_DIR, LIST_FIRST);
	if (status)
		return status;
	if (directory->proc_what == PROC_FOLDER)
		return list_names(directory, listing, process_names, PROCESS_NAMES);
	if (directory->proc_what == PROC_ROOT && listing->position < LIST_PIDS)
		status = list_names(directory, listing, root_names, ROOT_NAMES);
	if (status == 0 && (directory->proc_what == PROC_ROOT || directory->proc_pid == self_process()->pid))
		status = list_numbers(listing, directory->proc_what == PROC_DESCRIPTORS);
	return status;
}

/* ---- links ---- */

static int64_t place_read(struct inode *inode, char *to, uint64_t limit)
{
	struct path_state *paths = self_process()->paths;
	struct inode *place;
	int64_t bytes;

	if (inode->proc_pid != self_process()->pid)
		return -EACCES;
	mutex_lock(&paths->lock);
	place = inode->proc_what == PROC_CWD ? paths->current : paths->root;
	inode_get(place);
	mutex_unlock(&paths->lock);
	bytes = path_text(place, 0, to, limit);
	inode_put(place);
	return bytes;
}

static int64_t descriptor_read(int descriptor, char *to, uint64_t limit)
{
	struct held held;
	int64_t bytes;

	if (!held_get(&held, descriptor))
		return -ENOENT;
	bytes = file_path(held.file, to, limit);
	held_put(&held);
	return bytes;
}

static int64_t proc_readlink(struct inode *inode, char *to, uint64_t limit)
{
	switch (inode->proc_what) {
	case PROC_SELF:
		return text_format(to, limit, "%d", self_process()->pid);
	case PROC_MOUNTS_LINK:
		return text_format(to, limit, "self/mounts");
	case PROC_EXE:
		return process_executable(inode->proc_pid, to, limit);
	case PROC_CWD:
	case PROC_ROOT_LINK:
		return place_read(inode, to, limit);
	case PROC_DESCRIPTOR:
		return descriptor_read(inode->proc_pid, to, limit);
	}
	return -EINVAL;
}

/* A descriptor's link leads to the open file's inode, whatever its path says. */
static int proc_follow(struct inode *inode, struct inode **out, struct inode **folder)
{
	struct held held;

	if (inode->proc_what != PROC_DESCRIPTOR)
		return -EINVAL;
	if (!held_get(&held, inode->proc_pid))
		return -ENOENT;
	*out = held.file->inode;
	*folder = held.file->folder;
	inode_get(*out);
	if (*folder)
		inode_get(*folder);
	held_put(&held);
	return 0;
}

/* ---- texts ---- */

static int64_t text_make(const struct inode *inode, char *to, uint64_t limit)
{
	if (inode->proc_what >= PROC_SYSTEM)
		return system_text(inode->proc_what - PROC_SYSTEM, to, limit);
	if (inode->proc_what >= PROC_TEXT)
		return process_text(inode->proc_pid, inode->proc_what - PROC_TEXT, to, limit);
	if (inode->proc_what == PROC_FILESYSTEMS)
		return text_format(to, limit, "nodev\ttmpfs\nnodev\tproc\n");
	return text_format(to, limit, "root / tmpfs rw,relatime 0 0\nproc /proc proc rw,relatime 0 0\n");
}

enum { TEXT_BYTES = 4 * 4096 };

/* The text is made once for each open file, at its first read, or again when it is read from the start. */
static int64_t text_prepare(struct file *file, uint64_t position)
{
	int64_t bytes;

	if (file->state && position)
		return 0;
	if (!file->state)
		file->state = page_block_alloc();
	if (!file->state)
		return -ENOMEM;
	bytes = text_make(file->inode, file->state, TEXT_BYTES);
	if (bytes < 0)
		return bytes;
	file->state_bytes = bytes < TEXT_BYTES ? (uint64_t)bytes : TEXT_BYTES - 1;
	return 0;
}

static int64_t text_read(struct file *file, struct io *io, uint64_t *position)
{
	int64_t status = text_prepare(file, *position);
	uint64_t left, done;

	if (status || *position >= file->state_bytes)
		return status;
	left = file->state_bytes - *position;
	left = left < io->left ? left : io->left;
	done = io_put(io, (char *)file->state + *position, left);
	*position += done;
	return done || !left ? (int64_t)done : -EFAULT;
}

static void text_release(struct file *file)
{
	if (file->state)
		page_block_free(file->state);
}

static const struct file_operations text_operations = {.seekable = true, .read = text_read, .release = text_release};

static int proc_open(struct inode *inode, struct file *file)
{
	file->operations = inode_is(inode, S_IFDIR) ? &directory_operations : &text_operations;
	return 0;
}

static const struct inode_operations proc_operations = {
	.lookup = proc_lookup,
	.list = proc_list,
	.readlink = proc_readlink,
	.follow = proc_follow,
	.open = proc_open,
	.destroy = proc_destroy,
};

int proc_install(struct inode *root)
{
	proc_root = inode_make(S_IFDIR | 0555, 0, 0, 0);
	if (!proc_root)
		return -ENOMEM;
	proc_root->operations = &proc_operations;
	proc_root->filesystem = FILESYSTEM_PROC;
	proc_root->proc_what = PROC_ROOT;
	return directory_install(root, "proc", proc_root) ? 0 : -ENOMEM;
}
