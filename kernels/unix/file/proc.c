/* /proc, and what there is of /sys: inodes that are made when they are looked up; a file's text is made when it is first read. */
#include "file/file.h"

enum what {
	PROC_ROOT, PROC_SELF, PROC_THREAD_SELF, PROC_FOLDER, PROC_DESCRIPTORS, PROC_DESCRIPTOR, PROC_POSITIONS, PROC_POSITION,
	PROC_THREADS, PROC_THREAD, PROC_SYSTEM_FOLDER, PROC_KERNEL, PROC_RANDOM, PROC_FILES, PROC_MEMORY, PROC_IPC, PROC_MQUEUE,
	PROC_EXE, PROC_CWD, PROC_ROOT_LINK, PROC_MOUNTS_LINK,
	SYS_ROOT, SYS_DEVICES, SYS_SYSTEM, SYS_PROCESSORS, SYS_PROCESSOR,       /* + its number */
	PROC_TEXT = SYS_PROCESSOR + CPU_LIMIT,             /* + enum process_text */
	PROC_THREAD_TEXT = PROC_TEXT + 32,      /* the same, of one thread */
	PROC_SYSTEM = PROC_THREAD_TEXT + 32,    /* + enum system_text */
	PROC_IPC_TEXT = PROC_SYSTEM + 32,       /* + enum ipc_text */
	PROC_VALUE = PROC_IPC_TEXT + 8,  /* + a place in `values` */
};

struct name {
	const char *name;
	uint32_t mode;
	uint32_t what;
};

/* Texts that are always the same. */
enum value {
	VALUE_MOUNTS, VALUE_MOUNT_INFO, VALUE_FILESYSTEMS, VALUE_DEVICES, VALUE_COMMAND_LINE, VALUE_SWAPS, VALUE_OS, VALUE_RELEASE, VALUE_VERSION,
	VALUE_PIDS, VALUE_THREADS, VALUE_DOMAIN, VALUE_GROUPS, VALUE_CAPABILITY, VALUE_ENTROPY, VALUE_FILES, VALUE_FILES_USED,
	VALUE_DESCRIPTORS, VALUE_PIPE, VALUE_OVERCOMMIT, VALUE_IO, VALUE_NOBODY, VALUE_ZERO,
	VALUE_SHARED_BYTES, VALUE_SHARED_COUNT, VALUE_SEMAPHORES, VALUE_MESSAGE_MOST, VALUE_QUEUE_MOST, VALUE_QUEUES,
	VALUE_MQUEUE_MESSAGES, VALUE_MQUEUE_QUEUES, VALUE_NONE, VALUE_LAST_PROCESSOR,
};

static const char *const values[] = {
	[VALUE_MOUNTS] = "root / tmpfs rw,relatime 0 0\nproc /proc proc rw,relatime 0 0\n"
		"sys /sys sysfs rw,relatime 0 0\nshm /dev/shm tmpfs rw,relatime 0 0\n",
	[VALUE_MOUNT_INFO] = "1 1 0:1 / / rw,relatime - tmpfs root rw\n2 1 0:2 / /proc rw,relatime - proc proc rw\n"
		"3 1 0:4 / /dev/shm rw,relatime - tmpfs shm rw\n4 1 0:5 / /sys rw,relatime - sysfs sys rw\n",
	[VALUE_FILESYSTEMS] = "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\n",
	[VALUE_DEVICES] = "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n136 pts\n\nBlock devices:\n",
	[VALUE_COMMAND_LINE] = "\n",
	[VALUE_SWAPS] = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n",
	[VALUE_OS] = "Linux\n",
	[VALUE_RELEASE] = LINUX_RELEASE "\n",
	[VALUE_VERSION] = LINUX_VERSION "\n",
	[VALUE_PIDS] = "32768\n",
	[VALUE_THREADS] = "32768\n",
	[VALUE_DOMAIN] = "(none)\n",
	[VALUE_GROUPS] = "65536\n",
	[VALUE_CAPABILITY] = "40\n",
	[VALUE_ENTROPY] = "256\n",
	[VALUE_FILES] = "9223372036854775807\n",
	[VALUE_FILES_USED] = "0\t0\t9223372036854775807\n",
	[VALUE_DESCRIPTORS] = "131072\n",
	[VALUE_PIPE] = "1048576\n",
	[VALUE_OVERCOMMIT] = "0\n",
	[VALUE_IO] = "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n",
	[VALUE_NOBODY] = "65534\n",
	[VALUE_ZERO] = "0",
	[VALUE_SHARED_BYTES] = "18446744073692774399\n",
	[VALUE_SEMAPHORES] = "32000\t1024000000\t500\t32000\n",
	[VALUE_MESSAGE_MOST] = "8192\n",
	[VALUE_QUEUE_MOST] = "16384\n",
	[VALUE_MQUEUE_MESSAGES] = "10\n",
	[VALUE_MQUEUE_QUEUES] = "256\n",
	[VALUE_QUEUES] = "32000\n",
	[VALUE_SHARED_COUNT] = "4096\n",
	[VALUE_NONE] = "\n",
	[VALUE_LAST_PROCESSOR] = "7\n",
};

#define FOLDER(text, what) {text, S_IFDIR | 0555, what}
#define TEXT(text, what) {text, S_IFREG | 0444, what}
#define LINK(text, what) {text, S_IFLNK | 0777, what}

static const struct name root_names[] = {
	LINK("self", PROC_SELF), LINK("thread-self", PROC_THREAD_SELF), LINK("mounts", PROC_MOUNTS_LINK),
	TEXT("uptime", PROC_SYSTEM + TEXT_UPTIME), TEXT("loadavg", PROC_SYSTEM + TEXT_LOADAVG),
	TEXT("meminfo", PROC_SYSTEM + TEXT_MEMINFO), TEXT("cpuinfo", PROC_SYSTEM + TEXT_CPUINFO),
	TEXT("stat", PROC_SYSTEM + TEXT_SYSTEM_STAT), TEXT("version", PROC_SYSTEM + TEXT_VERSION),
	TEXT("filesystems", PROC_VALUE + VALUE_FILESYSTEMS), TEXT("devices", PROC_VALUE + VALUE_DEVICES),
	TEXT("cmdline", PROC_VALUE + VALUE_COMMAND_LINE), TEXT("swaps", PROC_VALUE + VALUE_SWAPS), FOLDER("sys", PROC_SYSTEM_FOLDER),
	FOLDER("sysvipc", PROC_IPC),
};

static const struct name process_names[] = {
	TEXT("stat", PROC_TEXT + TEXT_STAT), TEXT("status", PROC_TEXT + TEXT_STATUS), TEXT("cmdline", PROC_TEXT + TEXT_CMDLINE),
	TEXT("comm", PROC_TEXT + TEXT_COMM), TEXT("maps", PROC_TEXT + TEXT_MAPS), TEXT("statm", PROC_TEXT + TEXT_STATM),
	{"environ", S_IFREG | 0400, PROC_TEXT + TEXT_ENVIRON}, TEXT("limits", PROC_TEXT + TEXT_LIMITS),
	TEXT("oom_score", PROC_TEXT + TEXT_SCORE), TEXT("oom_score_adj", PROC_TEXT + TEXT_SCORE), TEXT("cgroup", PROC_TEXT + TEXT_GROUP),
	TEXT("mounts", PROC_VALUE + VALUE_MOUNTS), TEXT("mountinfo", PROC_VALUE + VALUE_MOUNT_INFO), TEXT("wchan", PROC_VALUE + VALUE_ZERO),
	{"io", S_IFREG | 0400, PROC_VALUE + VALUE_IO}, LINK("exe", PROC_EXE), LINK("cwd", PROC_CWD), LINK("root", PROC_ROOT_LINK),
	{"fd", S_IFDIR | 0500, PROC_DESCRIPTORS}, {"fdinfo", S_IFDIR | 0500, PROC_POSITIONS}, FOLDER("task", PROC_THREADS),
};

static const struct name thread_names[] = {
	TEXT("stat", PROC_THREAD_TEXT + TEXT_STAT), TEXT("status", PROC_THREAD_TEXT + TEXT_STATUS),
	TEXT("cmdline", PROC_THREAD_TEXT + TEXT_CMDLINE), TEXT("comm", PROC_THREAD_TEXT + TEXT_COMM),
	TEXT("maps", PROC_THREAD_TEXT + TEXT_MAPS), TEXT("statm", PROC_THREAD_TEXT + TEXT_STATM),
	{"environ", S_IFREG | 0400, PROC_THREAD_TEXT + TEXT_ENVIRON}, TEXT("limits", PROC_THREAD_TEXT + TEXT_LIMITS),
	TEXT("wchan", PROC_VALUE + VALUE_ZERO),
};

static const struct name sys_names[] = {FOLDER("kernel", PROC_KERNEL), FOLDER("fs", PROC_FILES), FOLDER("vm", PROC_MEMORY)};

static const struct name kernel_names[] = {
	TEXT("ostype", PROC_VALUE + VALUE_OS), TEXT("osrelease", PROC_VALUE + VALUE_RELEASE), TEXT("version", PROC_VALUE + VALUE_VERSION),
	TEXT("hostname", PROC_SYSTEM + TEXT_HOST_NAME), TEXT("domainname", PROC_VALUE + VALUE_DOMAIN),
	TEXT("pid_max", PROC_VALUE + VALUE_PIDS), TEXT("threads-max", PROC_VALUE + VALUE_THREADS),
	TEXT("ngroups_max", PROC_VALUE + VALUE_GROUPS), TEXT("cap_last_cap", PROC_VALUE + VALUE_CAPABILITY),
	TEXT("overflowuid", PROC_VALUE + VALUE_NOBODY), TEXT("overflowgid", PROC_VALUE + VALUE_NOBODY), FOLDER("random", PROC_RANDOM),
	TEXT("shmmax", PROC_VALUE + VALUE_SHARED_BYTES), TEXT("shmall", PROC_VALUE + VALUE_SHARED_BYTES),
	TEXT("shmmni", PROC_VALUE + VALUE_SHARED_COUNT), TEXT("sem", PROC_VALUE + VALUE_SEMAPHORES),
	TEXT("msgmax", PROC_VALUE + VALUE_MESSAGE_MOST), TEXT("msgmnb", PROC_VALUE + VALUE_QUEUE_MOST),
	TEXT("msgmni", PROC_VALUE + VALUE_QUEUES),
};

static const struct name random_names[] = {
	TEXT("boot_id", PROC_SYSTEM + TEXT_BOOT_ID), TEXT("uuid", PROC_SYSTEM + TEXT_UUID),
	TEXT("entropy_avail", PROC_VALUE + VALUE_ENTROPY), TEXT("poolsize", PROC_VALUE + VALUE_ENTROPY),
};

static const struct name files_names[] = {
	TEXT("file-max", PROC_VALUE + VALUE_FILES), TEXT("file-nr", PROC_VALUE + VALUE_FILES_USED),
	TEXT("nr_open", PROC_VALUE + VALUE_DESCRIPTORS), TEXT("pipe-max-size", PROC_VALUE + VALUE_PIPE),
	FOLDER("mqueue", PROC_MQUEUE),
};

static const struct name mqueue_names[] = {
	TEXT("msg_default", PROC_VALUE + VALUE_MQUEUE_MESSAGES), TEXT("msg_max", PROC_VALUE + VALUE_MQUEUE_MESSAGES),
	TEXT("msgsize_default", PROC_VALUE + VALUE_MESSAGE_MOST), TEXT("msgsize_max", PROC_VALUE + VALUE_MESSAGE_MOST),
	TEXT("queues_max", PROC_VALUE + VALUE_MQUEUE_QUEUES),
};

static const struct name memory_names[] = {TEXT("overcommit_memory", PROC_VALUE + VALUE_OVERCOMMIT)};

static const struct name ipc_names[] = {
	TEXT("shm", PROC_IPC_TEXT + IPC_TEXT_SHARED), TEXT("sem", PROC_IPC_TEXT + IPC_TEXT_SEMAPHORES),
	TEXT("msg", PROC_IPC_TEXT + IPC_TEXT_QUEUES),
};

static const struct name sys_root_names[] = {FOLDER("devices", SYS_DEVICES)};
static const struct name devices_names[] = {FOLDER("system", SYS_SYSTEM)};
static const struct name devices_system_names[] = {FOLDER("cpu", SYS_PROCESSORS)};

static const struct name processors_names[] = {
	TEXT("online", PROC_SYSTEM + TEXT_PROCESSORS), TEXT("present", PROC_SYSTEM + TEXT_PROCESSORS),
	TEXT("possible", PROC_SYSTEM + TEXT_PROCESSORS), TEXT("offline", PROC_VALUE + VALUE_NONE),
	TEXT("kernel_max", PROC_VALUE + VALUE_LAST_PROCESSOR),
	FOLDER("cpu0", SYS_PROCESSOR), FOLDER("cpu1", SYS_PROCESSOR + 1), FOLDER("cpu2", SYS_PROCESSOR + 2),
	FOLDER("cpu3", SYS_PROCESSOR + 3), FOLDER("cpu4", SYS_PROCESSOR + 4), FOLDER("cpu5", SYS_PROCESSOR + 5),
	FOLDER("cpu6", SYS_PROCESSOR + 6), FOLDER("cpu7", SYS_PROCESSOR + 7),
};
_Static_assert(CPU_LIMIT == 8, "a folder for each processor");

struct folder {
	const struct name *names;
	unsigned count;
};

#define NAMES(array) {array, sizeof(array) / sizeof(array[0])}
static struct folder folders[] = {      /* those with names that never change */
	[PROC_ROOT] = NAMES(root_names), [PROC_FOLDER] = NAMES(process_names), [PROC_THREAD] = NAMES(thread_names),
	[PROC_SYSTEM_FOLDER] = NAMES(sys_names), [PROC_KERNEL] = NAMES(kernel_names), [PROC_RANDOM] = NAMES(random_names),
	[PROC_FILES] = NAMES(files_names), [PROC_MEMORY] = NAMES(memory_names), [PROC_IPC] = NAMES(ipc_names),
	[PROC_MQUEUE] = NAMES(mqueue_names),
	[SYS_ROOT] = NAMES(sys_root_names), [SYS_DEVICES] = NAMES(devices_names), [SYS_SYSTEM] = NAMES(devices_system_names),
	[SYS_PROCESSORS] = NAMES(processors_names),
};

static const struct folder *folder_of(const struct inode *directory)
{
	static const struct folder none;
	uint32_t what = directory->proc_what;

	return what < sizeof(folders) / sizeof(folders[0]) ? &folders[what] : &none;
}

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
	for (unsigned f = 0; f < sizeof(folders) / sizeof(folders[0]); f++)
		for (unsigned i = 0; i < folders[f].count; i++)
			if (folders[f].names[i].what == inode->proc_what)
				return text_format(to, limit, "%s", folders[f].names[i].name);
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

static const struct name *name_find(const struct name *names, unsigned count, const char *name, uint32_t bytes)
{
	for (unsigned i = 0; i < count; i++)
		if (strlen(names[i].name) == bytes && memcmp(names[i].name, name, bytes) == 0)
			return &names[i];
	return 0;
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

/* A process's open file, with a reference. 0, -EACCES, -ENOENT, -ESRCH. */
static int64_t file_of(int32_t pid, int descriptor, struct file **out)
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
	int64_t status = number < 0 ? -ENOENT : file_of(directory->proc_pid, number, &file);

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
	const struct folder *folder = folder_of(directory);
	const struct name *found = name_find(folder->names, folder->count, name, bytes);
	int32_t number;

	if (found) {
		*out = proc_make(directory, directory->proc_pid, found->mode, found->what);
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

static int list_names(struct inode *directory, struct listing *listing, const struct folder *folder)
{
	int status = 0;

	while (status == 0 && listing->position < LIST_FIRST + folder->count) {
		const struct name *name = &folder->names[listing->position - LIST_FIRST];

		status = listing_put(listing, name->name, (uint32_t)strlen(name->name),
			((uint64_t)(uint32_t)directory->proc_pid + 1) << WHAT_BITS | name->what, name->mode >> 12,
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
		status = list_names(directory, listing, folder_of(directory));
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
	int64_t bytes = file_of(inode->proc_pid, inode->proc_number, &file);

	if (bytes)
		return bytes;
	bytes = file_path(file, to, limit);
	file_put(file);
	return bytes;
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
	return -EINVAL;
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
	if (inode->proc_what != PROC_DESCRIPTOR)
		return -EINVAL;
	status = file_of(inode->proc_pid, inode->proc_number, &file);
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

/* ---- texts ---- */

static int64_t position_text(const struct inode *inode, char *to, uint64_t limit)
{
	struct file *file;
	int64_t bytes = file_of(inode->proc_pid, inode->proc_number, &file);

	if (bytes)
		return bytes;
	bytes = text_format(to, limit, "pos:\t%lu\nflags:\t0%o\nmnt_id:\t1\nino:\t%lu\n", file->position, file->flags | O_LARGEFILE, file->inode->number);
	file_put(file);
	return bytes;
}

static int64_t text_make(const struct inode *inode, char *to, uint64_t limit)
{
	uint32_t what = inode->proc_what;

	if (what == PROC_POSITION)
		return position_text(inode, to, limit);
	if (what >= PROC_VALUE)
		return text_format(to, limit, "%s", values[what - PROC_VALUE]);
	if (what >= PROC_SYSTEM)
		return system_text(what - PROC_SYSTEM, to, limit);
	return what >= PROC_THREAD_TEXT ? process_text(inode->proc_pid, what - PROC_THREAD_TEXT, true, to, limit) :
		process_text(inode->proc_pid, what - PROC_TEXT, false, to, limit);
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

static int64_t text_put(struct file *file, struct io *io, uint64_t *position)
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

/* Several may read at positions of their own: they take turns. */
static int64_t text_read(struct file *file, struct io *io, uint64_t *position)
{
	int64_t result;

	mutex_lock(&file->inode->lock);
	result = text_put(file, io, position);
	mutex_unlock(&file->inode->lock);
	return result;
}

static void text_release(struct file *file)
{
	if (file->state)
		page_block_free(file->state);
}

static const struct file_operations text_operations = {.seekable = true, .read = text_read, .release = text_release};

static int proc_open(struct inode *inode, struct file *file)
{
	if (inode->proc_what >= PROC_IPC_TEXT && inode->proc_what < PROC_VALUE)
		ipc_text_open(file, inode->proc_what - PROC_IPC_TEXT);
	else
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
	folders[SYS_PROCESSORS].count -= CPU_LIMIT - system_processors();
	return root_install(root, "proc", FILESYSTEM_PROC, PROC_ROOT) && root_install(root, "sys", FILESYSTEM_SYS, SYS_ROOT) ? 0 : -ENOMEM;
}
