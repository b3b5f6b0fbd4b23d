/* The names of /proc and /sys that never change, and the texts that never do. */
#include "file/proc.h"

#define FOLDER(text, what) {text, S_IFDIR | 0555, what, 0}
#define TEXT(text, what) {text, S_IFREG | 0444, what, 0}
#define WRITABLE(text, what) {text, S_IFREG | 0644, what, 0}
#define PRIVATE(text, what) {text, S_IFREG | 0400, what, 0}
#define LINK(text, what) {text, S_IFLNK | 0777, what, 0}
#define CONSTANT(name, text) {name, S_IFREG | 0444, PROC_CONSTANT, text}

static const struct proc_name root_names[] = {
	LINK("self", PROC_SELF), LINK("thread-self", PROC_THREAD_SELF), LINK("mounts", PROC_MOUNTS_LINK),
	TEXT("uptime", PROC_SYSTEM + TEXT_UPTIME), TEXT("loadavg", PROC_SYSTEM + TEXT_LOADAVG),
	TEXT("meminfo", PROC_SYSTEM + TEXT_MEMINFO), TEXT("cpuinfo", PROC_SYSTEM + TEXT_CPUINFO),
	TEXT("stat", PROC_SYSTEM + TEXT_SYSTEM_STAT), TEXT("version", PROC_SYSTEM + TEXT_VERSION),
	TEXT("vmstat", PROC_SYSTEM + TEXT_VMSTAT), TEXT("interrupts", PROC_SYSTEM + TEXT_INTERRUPTS),
	CONSTANT("filesystems", "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\n"),
	CONSTANT("devices", "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n136 pts\n\nBlock devices:\n"),
	CONSTANT("cmdline", "\n"), CONSTANT("swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"),
	CONSTANT("diskstats", ""), CONSTANT("partitions", "major minor  #blocks  name\n\n"), CONSTANT("modules", ""),
	CONSTANT("cgroups", "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"),
	FOLDER("sys", PROC_SYSTEM_FOLDER), FOLDER("sysvipc", PROC_IPC), FOLDER("tty", PROC_TERMINALS),
};

/* Of a process, and of a thread. */
#define TEXTS(base) \
	TEXT("stat", base + TEXT_STAT), TEXT("status", base + TEXT_STATUS), TEXT("cmdline", base + TEXT_CMDLINE), \
	WRITABLE("comm", base + TEXT_COMM), TEXT("maps", base + TEXT_MAPS), TEXT("statm", base + TEXT_STATM), \
	PRIVATE("environ", base + TEXT_ENVIRON), TEXT("limits", base + TEXT_LIMITS), TEXT("oom_score", base + TEXT_SCORE), \
	WRITABLE("oom_score_adj", base + TEXT_SCORE_ADJUST), TEXT("smaps", base + TEXT_SMAPS), \
	TEXT("smaps_rollup", base + TEXT_SMAPS_ROLLUP), PRIVATE("auxv", base + TEXT_AUXV), PRIVATE("syscall", base + TEXT_SYSCALL), \
	TEXT("schedstat", base + TEXT_TURNS), {"clear_refs", S_IFREG | 0200, base + TEXT_CLEAR, 0}, \
	PRIVATE("pagemap", PROC_PAGEMAP), \
	CONSTANT("cgroup", "0::/\n"), CONSTANT("cpuset", "/\n"), CONSTANT("wchan", "0"), CONSTANT("sessionid", "4294967295"), \
	CONSTANT("loginuid", "4294967295"), CONSTANT("uid_map", "         0          0 4294967295\n"), \
	CONSTANT("gid_map", "         0          0 4294967295\n"), CONSTANT("setgroups", "allow\n"), \
	{"personality", S_IFREG | 0400, PROC_CONSTANT, "00000000\n"}, \
	{"io", S_IFREG | 0400, PROC_CONSTANT, \
		"rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n"}, \
	CONSTANT("mounts", "root / tmpfs rw,relatime 0 0\nproc /proc proc rw,relatime 0 0\n" \
		"sys /sys sysfs rw,relatime 0 0\nshm /dev/shm tmpfs rw,relatime 0 0\n"), \
	CONSTANT("mountinfo", "1 1 0:1 / / rw,relatime - tmpfs root rw\n2 1 0:2 / /proc rw,relatime - proc proc rw\n" \
		"3 1 0:4 / /dev/shm rw,relatime - tmpfs shm rw\n4 1 0:5 / /sys rw,relatime - sysfs sys rw\n"), \
	{"ns", S_IFDIR | 0511, PROC_NAMESPACES, 0}

static const struct proc_name process_names[] = {
	TEXTS(PROC_TEXT), {"timerslack_ns", S_IFREG | 0666, PROC_TEXT + TEXT_SLACK, 0},
	WRITABLE("coredump_filter", PROC_TEXT + TEXT_DUMP_FILTER), LINK("exe", PROC_EXE), LINK("cwd", PROC_CWD),
	LINK("root", PROC_ROOT_LINK), {"fd", S_IFDIR | 0500, PROC_DESCRIPTORS, 0}, {"fdinfo", S_IFDIR | 0500, PROC_POSITIONS, 0},
	FOLDER("task", PROC_THREADS),
};

static const struct proc_name thread_names[] = {TEXTS(PROC_THREAD_TEXT)};

static const struct proc_name namespaces_names[] = {
	LINK("cgroup", PROC_NAMESPACE), LINK("ipc", PROC_NAMESPACE + 1), LINK("mnt", PROC_NAMESPACE + 2), LINK("net", PROC_NAMESPACE + 3),
	LINK("pid", PROC_NAMESPACE + 4), LINK("pid_for_children", PROC_NAMESPACE + 5), LINK("time", PROC_NAMESPACE + 6),
	LINK("time_for_children", PROC_NAMESPACE + 7), LINK("user", PROC_NAMESPACE + 8), LINK("uts", PROC_NAMESPACE + 9),
};

/* There is one of each; Linux's first ones have such numbers. */
const struct proc_namespace proc_namespaces[] = {
	{"cgroup", "cgroup", 4026531835}, {"ipc", "ipc", 4026531839}, {"mnt", "mnt", 4026531841}, {"net", "net", 4026531840},
	{"pid", "pid", 4026531836}, {"pid_for_children", "pid", 4026531836}, {"time", "time", 4026531834},
	{"time_for_children", "time", 4026531834}, {"user", "user", 4026531837}, {"uts", "uts", 4026531838},
};

static const struct proc_name sys_names[] = {
	FOLDER("kernel", PROC_KERNEL), FOLDER("fs", PROC_FILES), FOLDER("vm", PROC_MEMORY), FOLDER("net", PROC_NETWORK),
};

#define SHARED_BYTES_MOST "18446744073692774399\n"

static const struct proc_name kernel_names[] = {
	CONSTANT("ostype", "Linux\n"), CONSTANT("osrelease", LINUX_RELEASE "\n"), CONSTANT("version", LINUX_VERSION "\n"),
	CONSTANT("arch", "x86_64\n"), WRITABLE("hostname", PROC_SYSTEM + TEXT_HOST_NAME), CONSTANT("domainname", "(none)\n"),
	CONSTANT("pid_max", "32768\n"), CONSTANT("threads-max", "32768\n"), CONSTANT("ngroups_max", "65536\n"),
	CONSTANT("cap_last_cap", "40\n"), CONSTANT("overflowuid", "65534\n"), CONSTANT("overflowgid", "65534\n"),
	CONSTANT("randomize_va_space", "0\n"), CONSTANT("tainted", "0\n"), FOLDER("random", PROC_RANDOM), FOLDER("pty", PROC_PTY),
	CONSTANT("shmmax", SHARED_BYTES_MOST), CONSTANT("shmall", SHARED_BYTES_MOST), CONSTANT("shmmni", "4096\n"),
	CONSTANT("shm_rmid_forced", "0\n"), CONSTANT("sem", "32000\t1024000000\t500\t32000\n"), CONSTANT("msgmax", "8192\n"),
	CONSTANT("msgmnb", "16384\n"), CONSTANT("msgmni", "32000\n"),
};

static const struct proc_name random_names[] = {
	TEXT("boot_id", PROC_SYSTEM + TEXT_BOOT_ID), TEXT("uuid", PROC_SYSTEM + TEXT_UUID),
	CONSTANT("entropy_avail", "256\n"), CONSTANT("poolsize", "256\n"), CONSTANT("urandom_min_reseed_secs", "60\n"),
	CONSTANT("write_wakeup_threshold", "256\n"),
};

static const struct proc_name pty_names[] = {CONSTANT("max", "256\n"), CONSTANT("reserve", "0\n")};

static const struct proc_name files_names[] = {
	CONSTANT("file-max", "9223372036854775807\n"), CONSTANT("file-nr", "0\t0\t9223372036854775807\n"), CONSTANT("nr_open", "131072\n"),
	CONSTANT("pipe-max-size", "1048576\n"), CONSTANT("pipe-user-pages-soft", "0\n"), CONSTANT("pipe-user-pages-hard", "0\n"),
	CONSTANT("aio-max-nr", "0\n"), CONSTANT("aio-nr", "0\n"), CONSTANT("overflowuid", "65534\n"), CONSTANT("overflowgid", "65534\n"),
	CONSTANT("protected_fifos", "0\n"), CONSTANT("protected_hardlinks", "0\n"), CONSTANT("protected_regular", "0\n"),
	CONSTANT("protected_symlinks", "0\n"), CONSTANT("suid_dumpable", "0\n"), FOLDER("inotify", PROC_INOTIFY),
	FOLDER("mqueue", PROC_MQUEUE),
};

static const struct proc_name inotify_names[] = {
	CONSTANT("max_queued_events", "16384\n"), CONSTANT("max_user_instances", "131072\n"), CONSTANT("max_user_watches", "65536\n"),
};

static const struct proc_name mqueue_names[] = {
	CONSTANT("msg_default", "10\n"), CONSTANT("msg_max", "10\n"), CONSTANT("msgsize_default", "8192\n"),
	CONSTANT("msgsize_max", "8192\n"), CONSTANT("queues_max", "256\n"),
};

static const struct proc_name memory_names[] = {
	CONSTANT("overcommit_memory", "0\n"), CONSTANT("overcommit_ratio", "50\n"), CONSTANT("overcommit_kbytes", "0\n"),
	TEXT("max_map_count", PROC_SYSTEM + TEXT_REGIONS), CONSTANT("nr_hugepages", "0\n"), CONSTANT("nr_overcommit_hugepages", "0\n"),
	CONSTANT("oom_kill_allocating_task", "0\n"), CONSTANT("panic_on_oom", "0\n"), CONSTANT("swappiness", "0\n"),
	CONSTANT("legacy_va_layout", "0\n"),
};

static const struct proc_name network_names[] = {FOLDER("core", PROC_NETWORK_CORE), FOLDER("unix", PROC_NETWORK_UNIX)};
static const struct proc_name network_core_names[] = {CONSTANT("somaxconn", "4096\n")};
static const struct proc_name network_unix_names[] = {CONSTANT("max_dgram_qlen", "10\n")};

static const struct proc_name ipc_names[] = {
	TEXT("shm", PROC_IPC_TEXT + IPC_TEXT_SHARED), TEXT("sem", PROC_IPC_TEXT + IPC_TEXT_SEMAPHORES),
	TEXT("msg", PROC_IPC_TEXT + IPC_TEXT_QUEUES),
};

static const struct proc_name terminals_names[] = {
	CONSTANT("drivers", "/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
		"/dev/console         /dev/console    5       1 system:console\n/dev/ptmx            /dev/ptmx       5       2 system\n"
		"pty_slave            /dev/pts      136 0-255 pty:slave\n"),
};

static const struct proc_name sys_root_names[] = {FOLDER("devices", SYS_DEVICES)};
static const struct proc_name devices_names[] = {FOLDER("system", SYS_SYSTEM)};
static const struct proc_name devices_system_names[] = {FOLDER("cpu", SYS_PROCESSORS)};

static const struct proc_name processors_names[] = {
	TEXT("online", PROC_SYSTEM + TEXT_PROCESSORS), TEXT("present", PROC_SYSTEM + TEXT_PROCESSORS),
	TEXT("possible", PROC_SYSTEM + TEXT_PROCESSORS), CONSTANT("offline", "\n"), CONSTANT("kernel_max", "7\n"),
	FOLDER("cpu0", SYS_PROCESSOR), FOLDER("cpu1", SYS_PROCESSOR + 1), FOLDER("cpu2", SYS_PROCESSOR + 2),
	FOLDER("cpu3", SYS_PROCESSOR + 3), FOLDER("cpu4", SYS_PROCESSOR + 4), FOLDER("cpu5", SYS_PROCESSOR + 5),
	FOLDER("cpu6", SYS_PROCESSOR + 6), FOLDER("cpu7", SYS_PROCESSOR + 7),
};
_Static_assert(CPU_LIMIT == 8, "a folder for each processor");

#define NAMES(array) {array, sizeof(array) / sizeof(array[0])}
static struct proc_folder folders[PROC_FOLDER_LIMIT] = {
	[PROC_ROOT] = NAMES(root_names), [PROC_FOLDER] = NAMES(process_names), [PROC_THREAD] = NAMES(thread_names),
	[PROC_SYSTEM_FOLDER] = NAMES(sys_names), [PROC_KERNEL] = NAMES(kernel_names), [PROC_RANDOM] = NAMES(random_names),
	[PROC_PTY] = NAMES(pty_names), [PROC_FILES] = NAMES(files_names), [PROC_MEMORY] = NAMES(memory_names), [PROC_IPC] = NAMES(ipc_names),
	[PROC_MQUEUE] = NAMES(mqueue_names), [PROC_INOTIFY] = NAMES(inotify_names), [PROC_NETWORK] = NAMES(network_names),
	[PROC_NETWORK_CORE] = NAMES(network_core_names), [PROC_NETWORK_UNIX] = NAMES(network_unix_names),
	[PROC_TERMINALS] = NAMES(terminals_names), [PROC_NAMESPACES] = NAMES(namespaces_names),
	[SYS_ROOT] = NAMES(sys_root_names), [SYS_DEVICES] = NAMES(devices_names), [SYS_SYSTEM] = NAMES(devices_system_names),
	[SYS_PROCESSORS] = NAMES(processors_names),
};
_Static_assert(sizeof(process_names) / sizeof(process_names[0]) <= PROC_CONSTANTS, "each has a number");

const struct proc_folder *proc_folder(uint32_t what)
{
	static const struct proc_folder none;

	return what < PROC_FOLDER_LIMIT ? &folders[what] : &none;
}

const struct proc_name *proc_name_find(uint32_t what, const char *name, uint32_t bytes)
{
	const struct proc_folder *folder = proc_folder(what);

	for (unsigned i = 0; i < folder->count; i++)
		if (strlen(folder->names[i].name) == bytes && memcmp(folder->names[i].name, name, bytes) == 0)
			return &folder->names[i];
	return 0;
}

uint32_t proc_name_what(uint32_t folder, const struct proc_name *name)
{
	return name->what != PROC_CONSTANT ? name->what :
		PROC_CONSTANT + PROC_CONSTANTS * folder + (uint32_t)(name - folders[folder].names);
}

const char *proc_constant(uint32_t what)
{
	what -= PROC_CONSTANT;
	return folders[what / PROC_CONSTANTS].names[what % PROC_CONSTANTS].text;
}

bool proc_is_setting(uint32_t what)
{
	uint32_t folder = (what - PROC_CONSTANT) / PROC_CONSTANTS;

	if (what < PROC_CONSTANT)
		return what == PROC_SYSTEM + TEXT_HOST_NAME || what == PROC_SYSTEM + TEXT_BOOT_ID || what == PROC_SYSTEM + TEXT_UUID ||
			what == PROC_SYSTEM + TEXT_REGIONS;
	return (folder >= PROC_KERNEL && folder <= PROC_MEMORY) || (folder >= PROC_MQUEUE && folder <= PROC_NETWORK_UNIX);
}

void proc_names_init(unsigned processors)
{
	folders[SYS_PROCESSORS].count -= CPU_LIMIT - processors;
}
