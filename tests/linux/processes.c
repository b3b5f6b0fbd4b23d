/* Processes: making, ending, waiting, executing, identities, groups, limits, scheduling. */
#include "try.h"

#include <grp.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/utsname.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int status;

static void waiting(void)
{
	siginfo_t info;
	struct rusage usage;
	pid_t child;

	SAY("-- waiting");
	TRY(wait4(-1, &status, 0, 0));
	TRY(wait4(-1, &status, 0x100, 0));
	TRY(waitid(P_ALL, 0, &info, WEXITED));
	TRY(waitid(P_ALL, 0, &info, 0));
	TRY(waitid(77, 0, &info, WEXITED));
	child = fork();
	if (child == 0)
		_exit(300);
	TRY(wait4(child, &status, 0, &usage) == child);
	SAY("%x", status);
	child = fork();
	if (child == 0)
		raise(SIGTERM);
	TRY(waitid(P_PID, child, &info, WEXITED | WNOWAIT));
	SAY("%d %d %d %d", info.si_signo, info.si_code, info.si_status, info.si_pid == child);
	TRY(waitid(P_PID, child, &info, WEXITED));
	TRY(waitid(P_PID, child, &info, WEXITED));
	child = fork();
	if (child == 0) {
		raise(SIGSTOP);
		pause();
	}
	TRY(waitpid(child, &status, WUNTRACED) == child);
	SAY("%x", status);
	TRY(waitpid(child, &status, WUNTRACED | WNOHANG));
	kill(child, SIGCONT);
	TRY(waitpid(child, &status, WCONTINUED) == child);
	SAY("%x", status);
	kill(child, SIGTERM);
	TRY(waitpid(child, BAD_ADDRESS, 0) == child);
	child = vfork();
	if (child == 0)
		_exit(9);
	TRY(waitpid(-getpgrp(), &status, 0) == child || status == 0);
	SAY("%x", status);
	TRY(waitpid(-99999, &status, 0));
	signal(SIGCHLD, SIG_IGN);
	child = fork();
	if (child == 0)
		_exit(1);
	TRY(waitpid(child, &status, 0));
	signal(SIGCHLD, SIG_DFL);
}

/* A folder in /proc stands for its process as well, for signals only. */
static void pidfd_of_proc(void)
{
	siginfo_t info;
	char path[32];
	pid_t child = fork();
	int fd, name;

	if (child == 0) {
		pause();
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%d", child);
	GOOD(fd = open(path, O_RDONLY | O_DIRECTORY));
	GOOD(name = open(path, O_PATH | O_DIRECTORY));
	TRY(syscall(SYS_pidfd_send_signal, name, 0, 0, 0));
	TRY(syscall(SYS_pidfd_send_signal, fd, 0, 0, 99));
	TRY(syscall(SYS_pidfd_send_signal, fd, 77, 0, 0));
	TRY(waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG));
	TRY(syscall(SYS_pidfd_send_signal, fd, SIGTERM, 0, 0));
	GOOD(waitpid(child, 0, 0));
	TRY(syscall(SYS_pidfd_send_signal, fd, SIGTERM, 0, 0));
	close(fd);
	close(name);
	GOOD(fd = open("/proc", O_RDONLY | O_DIRECTORY));
	TRY(syscall(SYS_pidfd_send_signal, fd, 0, 0, 0));
	close(fd);
}

/* A descriptor that comes with the child, and one of the child's. */
static void pidfd_of_clone(void)
{
	struct { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, bytes, tls; } how = {.flags = CLONE_PIDFD, .exit_signal = SIGCHLD};
	int fd = -1, name, taken;
	siginfo_t info;
	pid_t child;

	how.pidfd = (uint64_t)(uintptr_t)&fd;
	child = (pid_t)syscall(SYS_clone3, &how, sizeof how);
	if (child == 0) {
		name = open("/dev/zero", O_RDONLY);
		dup2(name, 77);
		pause_ms(100000);
		_exit(3);
	}
	SAY("%d %d", fd >= 0, (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	while ((taken = (int)syscall(SYS_pidfd_getfd, fd, 77, 0)) < 0 && errno == EBADF)
		pause_ms(2);
	SAY("%d %d", taken >= 0, (fcntl(taken, F_GETFD) & FD_CLOEXEC) != 0);
	TRY(read(taken, &name, 4));
	TRY(syscall(SYS_pidfd_getfd, fd, 77, 1));
	TRY(syscall(SYS_pidfd_getfd, fd, -1, 0));
	TRY(syscall(SYS_pidfd_getfd, 0, 77, 0));
	TRY(syscall(SYS_pidfd_send_signal, fd, SIGKILL, 0, 0));
	TRY(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
	TRY(syscall(SYS_pidfd_getfd, fd, 77, 0));
	close(fd);
	close(taken);
	how.pidfd = 16;
	TRY(syscall(SYS_clone3, &how, sizeof how));
	TRY(syscall(SYS_clone, CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, 0, &fd, 0, 0));
	child = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &fd, 0, 0);
	if (child == 0)
		_exit(4);
	TRY(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
	SAY("%d %d", info.si_pid == child, info.si_status);
	close(fd);
	TRY(waitpid(-1, 0, 0));
}

static void pidfds(void)
{
	siginfo_t info;
	struct pollfd one;
	pid_t child;
	int fd;

	SAY("-- pidfd");
	TRY(syscall(SYS_pidfd_open, 0, 0));
	TRY(syscall(SYS_pidfd_open, 4999999, 0));
	TRY(syscall(SYS_pidfd_open, getpid(), 1));
	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	GOOD(fd = syscall(SYS_pidfd_open, child, 0));
	TRY(fcntl(fd, F_GETFD));
	one = (struct pollfd){fd, POLLIN, 0};
	TRY(poll(&one, 1, 0));
	TRY(waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG));
	TRY(syscall(SYS_pidfd_send_signal, fd, 0, 0, 0));
	TRY(syscall(SYS_pidfd_send_signal, fd, 77, 0, 0));
	TRY(syscall(SYS_pidfd_send_signal, fd, SIGTERM, 0, 99));
	TRY(syscall(SYS_pidfd_send_signal, 0, SIGTERM, 0, 0));
	TRY(syscall(SYS_pidfd_send_signal, 999, SIGTERM, 0, 0));
	TRY(syscall(SYS_pidfd_send_signal, fd, SIGTERM, 0, 0));
	TRY(poll(&one, 1, -1));
	SAY("%x", one.revents);
	TRY(waitid(P_PIDFD, fd, &info, WEXITED));
	SAY("%d %d", info.si_code, info.si_status);
	TRY(waitid(P_PIDFD, fd, &info, WEXITED));
	TRY(syscall(SYS_pidfd_send_signal, fd, SIGTERM, 0, 0));
	TRY(waitid(P_PIDFD, 999, &info, WEXITED));
	pidfd_of_proc();
	pidfd_of_clone();
	TRY(waitid(P_PIDFD, 0, &info, WEXITED));
	close(fd);
	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	fd = syscall(SYS_pidfd_open, child, O_NONBLOCK);
	TRY(waitid(P_PIDFD, fd, &info, WEXITED));
	kill(child, SIGTERM);
	fcntl(fd, F_SETFL, 0);
	TRY(waitid(P_PIDFD, fd, &info, WEXITED));
	close(fd);
}

/* Who runs a program keeps writers from it, and an interpreter is kept for nobody. */
static void busy_program(char *self, char **environment)
{
	char *arguments[] = {self, "waits", 0};
	int ready[2], fd;
	char byte;
	pid_t child;

	GOOD(pipe(ready));
	child = fork();
	if (child == 0) {
		dup2(ready[1], 1);
		execve("other", arguments, environment);
		_exit(1);
	}
	read(ready[0], &byte, 1);
	TRY(open("other", O_WRONLY));
	TRY(open("other", O_RDWR));
	TRY(open("other", O_RDONLY | O_TRUNC));
	TRY(truncate("other", 0));
	GOOD(fd = open("other", O_RDONLY));
	close(fd);
	TRY(chmod("other", 0755));
	TRY(rename("other", "another"));
	TRY(rename("another", "other"));
	kill(child, SIGKILL);
	waitpid(child, 0, 0);
	while ((fd = open("other", O_RDWR)) < 0 && errno == ETXTBSY)
		pause_ms(1);            /* somebody looks at the dead one's memory */
	SAY("%d", fd >= 0);
	close(fd);
	close(ready[0]);
	close(ready[1]);
}

static void executing(char *self)
{
	char *arguments[] = {self, "said", "two", 0}, *environment[] = {"WORD=value", 0};
	int fd;

	SAY("-- executing");
	TRY(execve("missing", arguments, environment));
	TRY(execve("/", arguments, environment));
	TRY(execve("", arguments, environment));
	TRY(execve(BAD_ADDRESS, arguments, environment));
	TRY(execve(self, BAD_ADDRESS, environment));
	fd = open("text", O_CREAT | O_WRONLY, 0644);
	write(fd, "no program", 10);
	close(fd);
	TRY(execve("text", arguments, environment));
	chmod("text", 0755);
	TRY(execve("text", arguments, environment));
	fd = open("text", O_TRUNC | O_WRONLY);
	dprintf(fd, "#! /missing/interpreter\n");
	close(fd);
	TRY(execve("text", arguments, environment));
	CHILD("exec", execve(self, arguments, environment));
	fd = open(self, O_RDONLY | O_CLOEXEC);
	CHILD("exec of a descriptor", syscall(SYS_execveat, fd, "", arguments, environment, AT_EMPTY_PATH));
	TRY(syscall(SYS_execveat, fd, "", arguments, environment, 0));
	TRY(syscall(SYS_execveat, fd, "x", arguments, environment, 0));
	TRY(syscall(SYS_execveat, 999, "x", arguments, environment, 0));
	TRY(syscall(SYS_execveat, fd, "", arguments, environment, 77));
	symlink(self, "link");
	TRY(syscall(SYS_execveat, AT_FDCWD, "link", arguments, environment, AT_SYMLINK_NOFOLLOW));
	CHILD("exec of a link", syscall(SYS_execveat, AT_FDCWD, "link", arguments, environment, 0));
	close(fd);
	fd = open(".", O_RDONLY);
	CHILD("exec in a folder", syscall(SYS_execveat, fd, "link", arguments, environment, 0));
	close(fd);
	unlink("link");
	unlink("text");
	/* A program with the set-user-id bit, run by a user. */
	int from = open(self, O_RDONLY), to = open("other", O_CREAT | O_WRONLY, 0700);
	static char part[65536];
	for (long got; (got = read(from, part, sizeof(part))) > 0;)
		write(to, part, got);
	close(from);
	chmod("other", 0755);
	CHILD("a program that is open for writing", TRY(execve("other", arguments, environment)));
	close(to);
	busy_program(self, environment);
	chmod(".", 0755);
	chown("other", 1234, 1235);
	chmod("other", 06755);
	char *who[] = {"./other", "who", "am I", 0};
	CHILD("a program of somebody else's", {
		setgid(1000);
		setuid(1000);
		execve("other", who, environment);
	});
	CHILD("without new privileges", {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		setgid(1000);
		setuid(1000);
		execve("other", who, environment);
	});
	unlink("other");
}

static int thread_function(void *argument)
{
	*(int *)argument = syscall(SYS_gettid) != getpid();
	return 7;
}

static void clones(void)
{
	static char stack[65536];
	struct clone_args arguments = {.exit_signal = SIGCHLD};
	int shared = 5, word = 0;
	pid_t child;

	SAY("-- clones");
	child = clone(thread_function, stack + sizeof(stack), CLONE_VM | SIGCHLD, &shared);
	TRY(waitpid(child, &status, 0) == child);
	SAY("%x %d", status, shared);
	child = syscall(SYS_clone, SIGCHLD | CLONE_CHILD_SETTID | CLONE_PARENT_SETTID, 0, &word, &shared, 0);
	if (child == 0)
		_exit(shared == getpid() ? 0 : 1);
	TRY(waitpid(child, &status, 0) == child && word == child);
	SAY("%x", status);
	child = syscall(SYS_clone3, &arguments, sizeof(arguments));
	if (child == 0)
		_exit(4);
	TRY(waitpid(child, &status, 0) == child);
	SAY("%x", status);
	TRY(syscall(SYS_clone3, &arguments, 10));
	TRY(syscall(SYS_clone3, BAD_ADDRESS, sizeof(arguments)));
	TRY(syscall(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0));
	TRY(syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0));
	arguments.flags = CLONE_THREAD;
	TRY(syscall(SYS_clone3, &arguments, sizeof(arguments)));
	child = syscall(SYS_fork);
	if (child == 0)
		syscall(SYS_exit_group, 6);
	TRY(waitpid(child, &status, 0) == child);
	SAY("%x", status);
	child = fork();
	if (child == 0)
		syscall(SYS_exit, 8);
	waitpid(child, &status, 0);
	SAY("%x", status);
	TRY(syscall(SYS_set_tid_address, &word) == getpid());
	TRY(syscall(SYS_gettid) == getpid());
	long list = 0, list_bytes = 0;
	TRY(syscall(SYS_set_robust_list, &list, 24));
	TRY(syscall(SYS_set_robust_list, &list, 23));
	TRY(syscall(SYS_get_robust_list, 0, &list, &list_bytes));
	SAY("%ld", list_bytes);
}

static void identities(void)
{
	uid_t a;
	uid_t b;
	uid_t c;
	gid_t groups[4] = {5, 6, 7};

	SAY("-- identities");
	SAY("%u %u %u %u", getuid(), geteuid(), getgid(), getegid());
	TRY(getresuid(&a, &b, &c));
	TRY(getresgid(&a, &b, &c));
	TRY(getresuid(BAD_ADDRESS, &b, &c));
	CHILD("changes", {
		TRY(setgroups(3, groups));
		TRY(getgroups(0, 0));
		TRY(getgroups(4, groups));
		TRY(getgroups(1, groups));
		TRY(setgroups(-1, groups));
		TRY(syscall(SYS_setregid, 10, 11));
		TRY(syscall(SYS_setresgid, 12, 13, 14));
		TRY(syscall(SYS_setgid, 20));
		SAY("%u %u", getgid(), getegid());
		TRY(setfsuid(33));
		TRY(setfsuid(-1));
		TRY(setfsgid(44));
		TRY(setfsgid(-1));
		TRY(syscall(SYS_setresuid, 1000, 1001, 1002));
		getresuid(&a, &b, &c);
		SAY("%u %u %u", a, b, c);
		TRY(syscall(SYS_setreuid, -1, 1002));
		TRY(syscall(SYS_setreuid, 55, -1));
		TRY(syscall(SYS_setuid, 0));
		TRY(syscall(SYS_setuid, 1000));
		getresuid(&a, &b, &c);
		SAY("%u %u %u", a, b, c);
		TRY(setgroups(0, groups));
		TRY(setgid(0));
		TRY(kill(getppid(), 0));
		TRY(sethostname("x", 1));
	});
	TRY(getsid(0) > 0);
	TRY(getsid(4999999));
	TRY(getpgid(0) == getpgrp());
	TRY(getpgid(4999999));
	TRY(getppid() > 0);
	CHILD("groups", {
		TRY(setpgid(0, 0));
		TRY(getpgrp() == getpid());
		TRY(setsid());
		TRY(setpgid(4999999, 0));
		TRY(setpgid(-1, 0));
		TRY(setpgid(0, -1));
	});
	CHILD("session", {
		TRY(setsid() == getpid());
		TRY(getsid(0) == getpid());
		TRY(setsid());
		TRY(setpgid(0, 0));
	});
}

static void limits(void)
{
	struct rlimit limit;
	struct rusage usage;
	struct sysinfo system;
	struct utsname name;
	struct tms times_used;
	cpu_set_t set;
	struct sched_param parameter = {0};
	struct timespec time;
	char text[32];

	SAY("-- limits and scheduling");
	TRY(getrlimit(RLIMIT_NOFILE, &limit));
	TRY(getrlimit(77, &limit));
	TRY(syscall(SYS_getrlimit, RLIMIT_CORE, BAD_ADDRESS));
	CHILD("descriptors", {
		limit = (struct rlimit){10, 20};
		TRY(setrlimit(RLIMIT_NOFILE, &limit));
		for (int i = 0; i < 20 && dup(0) >= 0; i++)
			;
		TRY(dup(0));
		TRY(dup2(0, 15));
		limit.rlim_cur = 30;
		TRY(setrlimit(RLIMIT_NOFILE, &limit));
		TRY(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &limit));
		TRY(syscall(SYS_prlimit64, 0, 77, 0, &limit));
		SAY("%lu %lu", (unsigned long)limit.rlim_cur, (unsigned long)limit.rlim_max);
		TRY(prlimit(4999999, RLIMIT_NOFILE, 0, &limit));
	});
	CHILD("a file's size", {
		limit = (struct rlimit){10000000, 10000000};
		TRY(setrlimit(RLIMIT_FSIZE, &limit));
		int fd = open("big", O_CREAT | O_RDWR, 0600);
		static char bytes[200];
		TRY(pwrite(fd, bytes, 200, 9999900));
		signal(SIGXFSZ, SIG_IGN);
		TRY(pwrite(fd, bytes, 200, 10000000));
		TRY(ftruncate(fd, 10000001));
		signal(SIGXFSZ, SIG_DFL);
		pwrite(fd, bytes, 200, 10000000);
	});
	unlink("big");
	TRY(getrusage(RUSAGE_SELF, &usage));
	TRY(getrusage(RUSAGE_CHILDREN, &usage));
	TRY(getrusage(77, &usage));
	TRY(sysinfo(&system));
	SAY("%d", system.totalram > 0 && system.mem_unit > 0);
	TRY(uname(&name));
	SAY("%s %s", name.sysname, name.machine);
	TRY(syscall(SYS_uname, BAD_ADDRESS));
	TRY(times(&times_used) != -1);
	TRY(sched_yield());
	TRY(sched_getscheduler(0));
	TRY(sched_getscheduler(4999999));
	TRY(sched_getparam(0, &parameter));
	SAY("%d", parameter.sched_priority);
	TRY(sched_get_priority_max(SCHED_FIFO));
	TRY(sched_get_priority_min(SCHED_FIFO));
	TRY(sched_get_priority_max(SCHED_OTHER));
	TRY(sched_get_priority_max(77));
	parameter.sched_priority = 5;
	TRY(sched_setscheduler(0, SCHED_OTHER, &parameter));
	TRY(sched_setscheduler(0, 77, &parameter));
	parameter.sched_priority = 0;
	TRY(sched_setscheduler(0, SCHED_BATCH, &parameter));
	TRY(sched_getscheduler(0));
	TRY(sched_setscheduler(0, SCHED_OTHER, &parameter));
	TRY(sched_setparam(0, &parameter));
	TRY(sched_rr_get_interval(0, &time));
	TRY(sched_getaffinity(0, sizeof(set), &set));
	TRY(CPU_COUNT(&set) > 0);
	int wrong = 0;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		cpu_set_t one;
		unsigned now = 999;

		if (!CPU_ISSET(cpu, &set))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		wrong += sched_setaffinity(0, sizeof(one), &one) != 0;
		wrong += syscall(SYS_getcpu, &now, 0, 0) != 0 || now != (unsigned)cpu;
		pid_t child = fork();
		if (child == 0) {
			CPU_ZERO(&one);
			sched_getaffinity(0, sizeof(one), &one);
			syscall(SYS_getcpu, &now, 0, 0);
			_exit(CPU_COUNT(&one) != 1 || now != (unsigned)cpu);
		}
		waitpid(child, &status, 0);
		wrong += status != 0;
		if (cpu)
			break;
	}
	SAY("wrong: %d", wrong);
	TRY(sched_setaffinity(0, sizeof(set), &set));
	unsigned first = 0, processor = 77, node = 77;
	while (!CPU_ISSET(first, &set))
		first++;
	CPU_ZERO(&set);
	TRY(sched_setaffinity(0, sizeof(set), &set));
	CPU_SET(first, &set);
	TRY(sched_setaffinity(0, sizeof(set), &set));
	TRY(sched_getaffinity(0, sizeof(set), &set));
	SAY("%d", CPU_COUNT(&set));
	sched_yield();
	TRY(syscall(SYS_getcpu, &processor, &node, 0));
	SAY("%d %d", processor == first, node != 77);
	GOOD(getpriority(PRIO_PROCESS, 0));
	TRY(setpriority(PRIO_PROCESS, 0, 19));
	TRY(getpriority(PRIO_PROCESS, 0));
	TRY(syscall(SYS_getpriority, 77, 0));
	TRY(setpriority(PRIO_PROCESS, 4999999, 5));
	TRY(prctl(PR_SET_NAME, "a new name that is long"));
	TRY(prctl(PR_GET_NAME, text));
	SAY("%s", text);
	TRY(prctl(PR_SET_PDEATHSIG, SIGTERM));
	int number = 0;
	TRY(prctl(PR_GET_PDEATHSIG, &number));
	SAY("%d", number);
	TRY(prctl(PR_SET_PDEATHSIG, 999));
	TRY(prctl(PR_GET_DUMPABLE));
	TRY(prctl(99999));
	TRY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	TRY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	unsigned long base = 0;
	TRY(syscall(SYS_arch_prctl, 0x1003, &base));
	SAY("%d", base != 0);
	TRY(syscall(SYS_arch_prctl, 0x7777, &base));
	TRY(getrandom(text, 16, 0));
	TRY(getrandom(text, 16, 77));
	TRY(getrandom(BAD_ADDRESS, 16, 0));
	TRY(sethostname(name.nodename, strlen(name.nodename)));
	TRY(syscall(SYS_sethostname, "x", 1000));
}

struct schedule {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t more[7];
};

static void say_schedule(void)
{
	struct schedule now = {0};

	syscall(SYS_sched_getattr, 0, &now, 48, 0);
	SAY("%u: policy %u, flags %lu, nice %d, priority %u", now.size, now.policy, now.flags, now.nice, now.priority);
}

/* Where this host does not let it be raised the answer is that of one who may. */
static long within(int limit, unsigned long most, long (*call)(void))
{
	struct rlimit limits = {most, most};

	return setrlimit(limit, &limits) ? 0 : call();
}

static long nice_two(void)
{
	return setpriority(PRIO_PROCESS, 0, 2);
}

static long nice_one(void)
{
	return setpriority(PRIO_PROCESS, 0, 1) == -1 && errno == EACCES ? 0 : 1;
}

static long user_again(void)
{
	return setresuid(-1, 1000, -1);
}

static long first_seven(void)
{
	return user_again() || sched_setscheduler(0, SCHED_RR, &(struct sched_param){7});
}

static long more_than_seven(void)
{
	if (user_again())
		return 1;
	return sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){8}) == -1 && errno == EPERM ? 0 : 1;
}

/* What a user without CAP_SYS_NICE may change is bounded by two limits. */
static void turns_limited(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_NICE, &none);
	setrlimit(RLIMIT_RTPRIO, &none);
	TRY(setpriority(PRIO_PROCESS, 0, 5));
	setresuid(-1, 1000, -1);
	TRY(setpriority(PRIO_PROCESS, 0, 6));
	TRY(setpriority(PRIO_PROCESS, 0, 6));
	TRY(setpriority(PRIO_PROCESS, 0, 5));
	TRY(sched_setscheduler(0, SCHED_RR, &(struct sched_param){1}));
	TRY(sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){0}));
	TRY(sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0}));
	seteuid(0);
	TRY(within(RLIMIT_NICE, 18, user_again));
	TRY(sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){0}));
	seteuid(0);
	TRY(sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0}));
	TRY(within(RLIMIT_NICE, 18, nice_two));
	user_again();
	TRY(within(RLIMIT_NICE, 18, nice_one));
	seteuid(0);
	TRY(within(RLIMIT_RTPRIO, 7, first_seven));
	seteuid(0);
	sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0});
	TRY(within(RLIMIT_RTPRIO, 7, more_than_seven));
}

static void *scheduled(void *unused)
{
	say_schedule();
	return unused;
}

static void turns_at_once(void)
{
	struct schedule wish = {.size = 48, .policy = SCHED_BATCH, .nice = 3}, more = {.size = 128};
	char wide[128] = {0};
	pthread_t thread;

	say_schedule();
	TRY(syscall(SYS_sched_setattr, 0, &wish, 0));
	say_schedule();
	TRY(syscall(SYS_sched_setattr, 0, &wish, 1));
	TRY(syscall(SYS_sched_setattr, -1, &wish, 0));
	TRY(syscall(SYS_sched_setattr, 0, 0, 0));
	TRY(syscall(SYS_sched_setattr, 0, BAD_ADDRESS, 0));
	TRY(syscall(SYS_sched_setattr, 4999999, &wish, 0));
	wish.priority = 1;
	TRY(syscall(SYS_sched_setattr, 0, &wish, 0));
	wish.priority = 0;
	wish.policy = 4;
	TRY(syscall(SYS_sched_setattr, 0, &wish, 0));
	wish.policy = -1;
	TRY(syscall(SYS_sched_setattr, 0, &wish, 0));
	wish.policy = SCHED_OTHER;
	wish.flags = 1u << 20;
	TRY(syscall(SYS_sched_setattr, 0, &wish, 0));
	wish.flags = 8;                 /* the policy stays */
	wish.nice = 4;
	TRY(syscall(SYS_sched_setattr, 0, &wish, 0));
	say_schedule();
	wish.flags = 16;                /* and the rest */
	wish.nice = 9;
	TRY(syscall(SYS_sched_setattr, 0, &wish, 0));
	say_schedule();
	wish.flags = 1;                 /* as before for those it makes */
	wish.nice = 500;
	TRY(syscall(SYS_sched_setattr, 0, &wish, 0));
	say_schedule();
	TRY(sched_getscheduler(0));
	pthread_create(&thread, 0, scheduled, 0);
	pthread_join(thread, 0);
	wish.size = 47;
	TRY(syscall(SYS_sched_setattr, 0, &wish, 0));
	SAY("%d", wish.size >= 56);
	memcpy(wide, &more, 8);
	TRY(syscall(SYS_sched_setattr, 0, wide, 0));
	memcpy(wide, &more, 8);
	wide[127] = 1;
	TRY(syscall(SYS_sched_setattr, 0, wide, 0));
	TRY(syscall(SYS_sched_getattr, 0, &wish, 47, 0));
	TRY(syscall(SYS_sched_getattr, 0, &wish, 5000, 0));
	TRY(syscall(SYS_sched_getattr, 0, &wish, 48, 1));
	TRY(syscall(SYS_sched_getattr, 0, 0, 48, 0));
	TRY(syscall(SYS_sched_getattr, 4999999, &wish, 48, 0));
	TRY(syscall(SYS_sched_getattr, 0, BAD_ADDRESS, 48, 0));
}

static void turns(void)
{
	SAY("-- turns");
	setpriority(PRIO_PROCESS, 0, 0);        /* whatever this was started with */
	CHILD("limited", turns_limited());
	CHILD("at once", turns_at_once());
	CHILD("reset", {
		TRY(sched_setscheduler(0, SCHED_BATCH | SCHED_RESET_ON_FORK, &(struct sched_param){0}));
		say_schedule();
		CHILD("child", say_schedule());
		TRY(sched_setparam(0, &(struct sched_param){0}));
		say_schedule();
		setuid(1000);
		TRY(sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0}));
		TRY(sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &(struct sched_param){0}));
	});
}

int main(int count, char **argument, char **environment)
{
	if (count > 2 && !strcmp(argument[1], "who")) {
		uid_t user[3];
		gid_t group[3];

		getresuid(&user[0], &user[1], &user[2]);
		getresgid(&group[0], &group[1], &group[2]);
		SAY("%u %u %u %u %u %u %lu %d", user[0], user[1], user[2], group[0], group[1], group[2], getauxval(AT_SECURE),
			prctl(PR_GET_DUMPABLE));
		return 0;
	}
	if (count > 2 && !strcmp(argument[1], "said")) {
		SAY("%s %s %d", argument[1], argument[2], environment[0] && !strcmp(environment[0], "WORD=value"));
		return 11;
	}
	if (count > 1 && !strcmp(argument[1], "waits")) {
		SAY("ready");
		pause();
		return 0;
	}
	waiting();
	pidfds();
	executing(argument[0]);
	clones();
	identities();
	turns();
	limits();
	return 0;
}
