/* /proc: what programs look for is there and says what is true. */
#include "try.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char text[1 << 16];

/* The whole of a file; -1: it cannot be read. */
static int whole(const char *path)
{
	int fd = open(path, O_RDONLY), bytes = 0, step = 1;

	if (fd < 0)
		return -1;
	while (step > 0 && bytes < (int)sizeof text - 1) {
		step = (int)read(fd, text + bytes, sizeof text - 1 - (unsigned)bytes);
		bytes += step > 0 ? step : 0;
	}
	text[bytes] = 0;
	close(fd);
	return step < 0 ? -1 : bytes;
}

static const char *const texts[] = {
	"/proc/uptime", "/proc/loadavg", "/proc/meminfo", "/proc/cpuinfo", "/proc/stat", "/proc/version", "/proc/filesystems", "/proc/mounts",
	"/proc/devices", "/proc/cmdline", "/proc/swaps", "/proc/self/stat", "/proc/self/status", "/proc/self/cmdline", "/proc/self/comm",
	"/proc/self/maps", "/proc/self/statm", "/proc/self/limits", "/proc/self/oom_score", "/proc/self/oom_score_adj", "/proc/self/mounts",
	"/proc/self/mountinfo", "/proc/self/cgroup", "/proc/thread-self/stat", "/proc/thread-self/comm", "/proc/sys/kernel/pid_max",
	"/proc/sys/kernel/hostname", "/proc/sys/kernel/ostype", "/proc/sys/kernel/osrelease", "/proc/sys/kernel/random/uuid",
	"/proc/sys/kernel/random/boot_id", "/proc/sys/kernel/random/entropy_avail", "/proc/sys/kernel/ngroups_max",
	"/proc/sys/kernel/threads-max", "/proc/sys/fs/file-max", "/proc/sys/fs/nr_open", "/proc/sys/fs/pipe-max-size",
	"/proc/sys/vm/overcommit_memory", "/proc/self/fdinfo/0",
};

static void there(void)
{
	struct stat info;

	for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
		SAY("%s: %d", texts[i], whole(texts[i]) > 0);
	for (unsigned i = 0; i < 3; i++) {
		static const char *const links[] = {"/proc/self/exe", "/proc/self/cwd", "/proc/self/root"};

		SAY("%s: %d", links[i], readlink(links[i], text, sizeof text) > 0);
	}
	TRY(stat("/proc/self/environ", &info));
	SAY("%o %d", info.st_mode, info.st_uid == geteuid());
	TRY(open("/proc/self/nothing", O_RDONLY));
	TRY(open("/proc/0", O_RDONLY));
	TRY(open("/proc/self/fd/777", O_RDONLY));
	TRY(open("/proc/self/task/0", O_RDONLY));
}

static const char *line_of(const char *key)
{
	char *line = strstr(text, key);
	static char value[200];

	if (!line || (line != text && line[-1] != '\n'))
		return "none";
	line += strlen(key);
	line += strspn(line, ": \t");
	snprintf(value, sizeof value, "%.*s", (int)strcspn(line, "\n"), line);
	return value;
}

/* The n-th word of a stat line, from 1; the second is in brackets and may have blanks. */
static long word_of(int n)
{
	char *at = strrchr(text, ')') + 1;

	for (n -= 2; n > 0; n--)
		at = strchr(at, ' ') + 1;
	return atol(at);
}

static void *slept(void *argument)
{
	(void)argument;
	pause_ms(100000);
	return 0;
}

static void true_values(void)
{
	static const char *const keys[] = {"VmSize", "VmRSS", "VmHWM", "SigBlk", "SigIgn", "SigCgt", "Groups", "voluntary_ctxt_switches"};
	static const uint64_t default_action[4];
	struct rlimit limit = {123, 456};
	pthread_t other;
	char path[100];

	SAY("-- values");
	for (long i = 1; i <= 64; i++)         /* whoever started this may ignore some, the C library's own among them */
		syscall(SYS_rt_sigaction, i, default_action, 0, 8);
	signal(SIGUSR1, SIG_IGN);
	setpriority(PRIO_PROCESS, 0, 5);
	pthread_create(&other, 0, slept, 0);
	whole("/proc/self/status");
	SAY("%d %d", atoi(line_of("Pid")) == getpid(), atoi(line_of("PPid")) == getppid());
	SAY("%s", line_of("Threads"));
	SAY("%s", line_of("Name"));
	SAY("%s", line_of("State"));
	SAY("%s", line_of("SigIgn"));
	for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++)
		SAY("%s: %d", keys[i], strcmp(line_of(keys[i]), "none") != 0);
	whole("/proc/self/stat");
	SAY("%d %d %ld %ld %ld", atoi(text) == getpid(), word_of(4) == getppid(), word_of(18), word_of(19), word_of(20));
	SAY("%d %d", word_of(23) > 100000, word_of(24) > 0);
	setrlimit(RLIMIT_CORE, &limit);
	whole("/proc/self/limits");
	SAY("%s", strtok(strstr(text, "Max core"), "\n"));
	whole("/proc/self/comm");
	SAY("%s", strtok(text, "\n"));
	snprintf(path, sizeof path, "/proc/self/task/%d/stat", getpid());
	whole(path);
	SAY("%d", atoi(text) == getpid());
	whole("/proc/self/maps");
	SAY("%d %d", strstr(text, "[stack]") != 0, strstr(text, "/proc\n") != 0);
}

static void descriptors(void)
{
	int fd = open("named", O_RDWR | O_CREAT, 0600), tube[2], count = 0;
	char path[100], link[4096];
	struct dirent *entry;
	pid_t child;
	DIR *folder;

	SAY("-- descriptors, of another process too");
	write(fd, "12345", 5);
	pipe(tube);
	child = fork();
	if (child == 0) {
		pause_ms(100000);
		_exit(0);
	}
	snprintf(path, sizeof path, "/proc/%d/fd/%d", child, fd);
	link[readlink(path, link, sizeof link - 1)] = 0;
	SAY("%s", strrchr(link, '/'));
	close(open(path, O_RDONLY));
	snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", child, fd);
	whole(path);
	SAY("pos %s", line_of("pos"));
	SAY("flags %s", line_of("flags"));
	snprintf(path, sizeof path, "/proc/%d/fd", child);
	folder = opendir(path);
	while ((entry = readdir(folder)))
		count += entry->d_name[0] >= '3';
	SAY("%d", count >= 3);
	closedir(folder);
	snprintf(path, sizeof path, "/proc/%d/cwd/named", child);
	TRY(access(path, F_OK));
	snprintf(path, sizeof path, "/proc/%d/stat", child);
	while (whole(path) > 0 && strrchr(text, ')')[2] != 'S')
		pause_ms(5);
	SAY("%c", strrchr(text, ')')[2]);
	kill(child, SIGKILL);
	while (whole(path) > 0 && strrchr(text, ')')[2] != 'Z')
		pause_ms(5);
	SAY("%c", strrchr(text, ')')[2]);
	waitpid(child, 0, 0);
	TRY(open(path, O_RDONLY));
}

static void kernel_values(void)
{
	char before[100];

	SAY("-- the system");
	whole("/proc/sys/kernel/random/boot_id");
	strcpy(before, text);
	whole("/proc/sys/kernel/random/boot_id");
	SAY("%d %d", (int)strlen(text), strcmp(before, text) == 0);
	whole("/proc/sys/kernel/random/uuid");
	strcpy(before, text);
	whole("/proc/sys/kernel/random/uuid");
	SAY("%d %d %c", (int)strlen(text), strcmp(before, text) == 0, text[14]);
	whole("/proc/sys/kernel/ostype");
	SAY("%s", strtok(text, "\n"));
	whole("/proc/meminfo");
	SAY("%d %d", atoi(line_of("MemTotal")) > 1000, atoi(line_of("MemAvailable")) > 1000);
	whole("/proc/stat");
	SAY("%d %d", !strncmp(text, "cpu ", 4), strstr(text, "\ncpu0 ") != 0);
}

int main(void)
{
	there();
	CHILD("values", true_values());
	descriptors();
	kernel_values();
	SAY("-- /sys");
	TRY(chdir("/sys/devices/system/cpu/cpu0"));
	char place[64];
	SAY("%s", getcwd(place, sizeof place));
	TRY(access("../online", R_OK));
	TRY(chdir("/sys"));
	SAY("%s", getcwd(place, sizeof place));
	return 0;
}
