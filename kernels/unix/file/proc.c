/* /proc, and what there is of /sys: inodes that are made when they are looked up. */
#include "file/proc.h"

enum { LIST_FIRST = 2, LIST_NUMBERS = 256, NAME_BYTES = 24, WHAT_BITS = 16 };

static const struct inode_operations proc_operations;

/* What belongs to a process is its user's, unless it runs with more than that user's rights. */
static int64_t owner_take(struct process *process, void *argument)
{
	struct inode *inode = argument;

	if (process->dumpable) {
		inode->uid = process->credentials.euid;
		inode->gid = process->credentials.egid;
	}
	if (inode_is(inode, S_IFREG))
		inode->proc_started_ns = process->started_ns;
	return 0;
}

static struct inode *proc_make(struct inode *parent, int32_t pid, uint32_t mode, uint32_t what)
{
	struct inode *inode = inode_make(mode, 0, 0, 0);
	const struct process *me = self_process();

	if (!inode)
		return 0;
	if (pid)
		(void)process_look(pid, owner_take, inode);
	if (pid == me->pid && (what == PROC_DESCRIPTORS || what == PROC_DESCRIPTOR)) {
		inode->uid = me->credentials.fsuid;     /* its own files are its own, whoever it became */
		inode->gid = me->credentials.fsgid;
	}
	inode->operations = &proc_operations;
	inode->filesystem = parent->filesystem;
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
	case SYS_ROOT:
		return text_format(to, limit, "sys");
	case PROC_FOLDER:
	case PROC_THREAD:
		return text_format(to, limit, "%d", inode->proc_pid);
	}
	for (uint32_t f = 0; f < PROC_FOLDER_LIMIT; f++)
		for (unsigned i = 0; i < proc_folder(f)->count; i++)
			if (proc_folder(f)->names[i].what == inode->proc_what)
				return text_format(to, limit, "%s", proc_folder(f)->names[i].name);
	return -ENOENT;
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

struct file_search {
	int descriptor;             /* the one, or from where to look */
	struct file *file;
};

static int64_t file_search(struct process *process, void *argument)
{
	struct file_search *search = argument;

	if (!process_may_look(process))
		return -EACCES;
	search->file = process->files ? files_get(process->files, search->descriptor) : 0;
	return search->file ? 0 : -ENOENT;
}

static int64_t descriptor_search(struct process *process, void *argument)
{
	struct file_search *search = argument;

	if (!process_may_look(process))
		return -EACCES;
	return process->files ? files_next(process->files, search->descriptor) : -1;
}

int64_t proc_file_of(int32_t pid, int descriptor, struct file **out)
{
	struct file_search search = {.descriptor = descriptor};
	int64_t status = process_look(pid, file_search, &search);

	*out = search.file;
	return status;
}

static int descriptor_lookup(struct inode *directory, int32_t number, struct inode **out)
{
	bool link = directory->proc_what == PROC_DESCRIPTORS;
	struct file *file;
	int64_t status = number < 0 ? -ENOENT : proc_file_of(directory->proc_pid, number, &file);

	if (status)
		return (int)status;
	file_put(file);
	*out = link ? proc_make(directory, directory->proc_pid, S_IFLNK | 0700, PROC_DESCRIPTOR) :
		proc_make(directory, directory->proc_pid, S_IFREG | 0400, PROC_POSITION);
	if (*out)
		(*out)->proc_number = number;
	return *out ? 0 : -ENOMEM;
}

static int thread_lookup(struct inode *directory, int32_t number, struct inode **out)
{
	if (number <= 0 || process_thread_next(directory->proc_pid, number - 1) != number)
		return -ENOENT;
	*out = proc_make(directory, number, S_IFDIR | 0555, PROC_THREAD);
	return *out ? 0 : -ENOMEM;
}

static int proc_lookup(struct inode *directory, const char *name, uint32_t bytes, struct inode **out)
{
	const struct proc_name *found = proc_name_find(directory->proc_what, name, bytes);
	int32_t number;

	if (found) {
		*out = proc_make(directory, directory->proc_pid, found->mode, proc_name_what(directory->proc_what, found));
		return *out ? 0 : -ENOMEM;
	}
	number = number_parse(name, bytes);
	switch (directory->proc_what) {
	case PROC_DESCRIPTORS:
	case PROC_POSITIONS:
		return descriptor_lookup(directory, number, out);
	case PROC_THREADS:
		return thread_lookup(directory, number, out);
	case PROC_ROOT:
		if (number <= 0 || !process_exists(number))
			return -ENOENT;
		*out = proc_make(directory, number, S_IFDIR | 0555, PROC_FOLDER);
		return *out ? 0 : -ENOMEM;
	}
	return -ENOENT;
}

/* ---- listing ---- */

static int list_names(struct inode *directory, struct listing *listing)
{
	const struct proc_folder *folder = proc_folder(directory->proc_what);
	int status = 0;

	while (status == 0 && listing->position < LIST_FIRST + folder->count) {
		const struct proc_name *name = &folder->names[listing->position - LIST_FIRST];

		status = listing_put(listing, name->name, (uint32_t)strlen(name->name),
			((uint64_t)(uint32_t)directory->proc_pid + 1) << WHAT_BITS | proc_name_what(directory->proc_what, name), name->mode >> 12,
			listing->position + 1);
	}
	return status;
}

/* The least number above in a folder of numbers; -1: none. */
static int64_t number_next(struct inode *directory, int32_t after)
{
	struct search search = {.after = after};
	struct file_search files = {.descriptor = after + 1};
	int64_t next;

	switch (directory->proc_what) {
	case PROC_ROOT:
		process_each(search_next, &search);
		return search.found ? search.pid : -1;
	case PROC_THREADS:
		next = process_thread_next(directory->proc_pid, after);
		return next ? next : -1;
	case PROC_DESCRIPTORS:
	case PROC_POSITIONS:
		return process_look(directory->proc_pid, descriptor_search, &files);
	}
	return -1;
}

static int list_numbers(struct inode *directory, struct listing *listing)
{
	bool files = directory->proc_what == PROC_DESCRIPTORS, folders_here = directory->proc_what == PROC_ROOT || directory->proc_what == PROC_THREADS;
	char name[NAME_BYTES];
	int status = 0;

	if (listing->position < LIST_NUMBERS)
		listing->position = LIST_NUMBERS;
	while (status == 0) {
		int64_t number = number_next(directory, (int32_t)(listing->position - LIST_NUMBERS) - 1);

		if (number < 0)
			break;
		status = listing_put(listing, name, (uint32_t)text_format(name, sizeof(name), "%d", (int)number),
			((uint64_t)number + 1) << WHAT_BITS | directory->proc_what, folders_here ? DT_DIR : files ? DT_LNK : S_IFREG >> 12,
			(uint64_t)number + LIST_NUMBERS + 1);
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
	if (status == 0 && listing->position < LIST_NUMBERS)
		status = list_names(directory, listing);
	return status ? status : list_numbers(directory, listing);
}

/* ---- links ---- */

struct place_search {
	bool root;
	struct inode *place;
};

static int64_t place_search(struct process *process, void *argument)
{
	struct place_search *search = argument;
	struct path_state *paths = process->paths;

	if (!process_may_look(process))
		return -EACCES;
	if (!paths)
		return -ENOENT;
	mutex_lock(&paths->lock);
	search->place = search->root ? paths->root : paths->current;
	inode_get(search->place);
	mutex_unlock(&paths->lock);
	return 0;
}

static int64_t place_read(struct inode *inode, char *to, uint64_t limit)
{
	struct place_search search = {.root = inode->proc_what == PROC_ROOT_LINK};
	int64_t bytes = process_look(inode->proc_pid, place_search, &search);

	if (bytes)
		return bytes;
	bytes = path_text(search.place, 0, 0, to, limit);
	inode_put(search.place);
	return bytes;
}

static int64_t descriptor_read(const struct inode *inode, char *to, uint64_t limit)
{
	struct file *file;
	int64_t bytes = proc_file_of(inode->proc_pid, inode->proc_number, &file);

	if (bytes)
		return bytes;
	bytes = file_path(file, to, limit);
	file_put(file);
	return bytes;
}

static int64_t look_search(struct process *process, void *argument)
{
	(void)argument;
	return process_may_look(process) ? 0 : -EACCES;
}

static int64_t namespace_read(const struct inode *inode, char *to, uint64_t limit)
{
	const struct proc_namespace *space = &proc_namespaces[inode->proc_what - PROC_NAMESPACE];
	int64_t status = process_look(inode->proc_pid, look_search, 0);

	return status ? status : text_format(to, limit, "%s:[%lu]", space->kind, space->number);
}

/* What such a link leads to can be looked at and compared, and nothing else. */
static int namespace_follow(struct inode *inode, struct inode **out)
{
	int64_t status = process_look(inode->proc_pid, look_search, 0);

	*out = status ? 0 : proc_make(inode, 0, S_IFREG | 0444, PROC_SECRET);
	if (*out)
		(*out)->number = proc_namespaces[inode->proc_what - PROC_NAMESPACE].number;
	return status ? (int)status : *out ? 0 : -ENOMEM;
}

static int64_t proc_readlink(struct inode *inode, char *to, uint64_t limit)
{
	switch (inode->proc_what) {
	case PROC_SELF:
		return text_format(to, limit, "%d", self_process()->pid);
	case PROC_THREAD_SELF:
		return text_format(to, limit, "%d/task/%d", self_process()->pid, self()->tid);
	case PROC_MOUNTS_LINK:
		return text_format(to, limit, "self/mounts");
	case PROC_EXE:
		return process_executable(inode->proc_pid, to, limit);
	case PROC_CWD:
	case PROC_ROOT_LINK:
		return place_read(inode, to, limit);
	case PROC_DESCRIPTOR:
		return descriptor_read(inode, to, limit);
	}
	return inode->proc_what >= PROC_NAMESPACE && inode->proc_what < SYS_PROCESSOR ? namespace_read(inode, to, limit) : -EINVAL;
}

/* A descriptor's link leads to the open file's inode, whatever its path says; so do those of a process's places. */
static int proc_follow(struct inode *inode, struct inode **out, struct inode **folder)
{
	struct place_search search = {.root = inode->proc_what == PROC_ROOT_LINK};
	struct file *file;
	int64_t status;

	*folder = 0;
	if (inode->proc_what == PROC_CWD || inode->proc_what == PROC_ROOT_LINK) {
		status = process_look(inode->proc_pid, place_search, &search);
		*out = search.place;
		return (int)status;
	}
	if (inode->proc_what >= PROC_NAMESPACE && inode->proc_what < SYS_PROCESSOR)
		return namespace_follow(inode, out);
	if (inode->proc_what != PROC_DESCRIPTOR)
		return -EINVAL;
	status = proc_file_of(inode->proc_pid, inode->proc_number, &file);
	if (status)
		return (int)status;
	*out = file->inode;
	*folder = file->folder;
	inode_get(*out);
	if (*folder)
		inode_get(*folder);
	file_put(file);
	return 0;
}

static int proc_open(struct inode *inode, struct file *file)
{
	if (!inode_is(inode, S_IFDIR))
		return proc_text_open(file);
	file->operations = &directory_operations;
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

static bool root_install(struct inode *under, const char *name, uint32_t filesystem, uint32_t what)
{
	struct inode *made = inode_make(S_IFDIR | 0555, 0, 0, 0);

	if (!made)
		return false;
	made->operations = &proc_operations;
	made->filesystem = filesystem;
	made->proc_what = what;
	return directory_install(under, name, made);
}

int proc_install(struct inode *root)
{
	proc_names_init(system_processors());
	return root_install(root, "proc", FILESYSTEM_PROC, PROC_ROOT) && root_install(root, "sys", FILESYSTEM_SYS, SYS_ROOT) ? 0 : -ENOMEM;
}
