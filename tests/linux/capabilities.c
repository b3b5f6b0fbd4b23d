/* Capabilities: asking, setting, what takes and gives them, and what root may not do without. */
#include "try.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/fsuid.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>

#define BIT(number) (1ull << (number))
/* The host may have taken others away from its root. */
#define MINE (BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_KILL) | \
	BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_SETPCAP) | BIT(CAP_IPC_OWNER) | BIT(CAP_SYS_CHROOT) | BIT(CAP_SYS_NICE) | BIT(CAP_MKNOD))

static struct __user_cap_header_struct header;
static struct __user_cap_data_struct data[2];

static long get(uint64_t sets[3])
{
	long result;

	header = (struct __user_cap_header_struct){_LINUX_CAPABILITY_VERSION_3, 0};
	result = syscall(SYS_capget, &header, data);
	sets[0] = data[0].effective | (uint64_t)data[1].effective << 32;
	sets[1] = data[0].permitted | (uint64_t)data[1].permitted << 32;
	sets[2] = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	return result;
}

static long set(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	header = (struct __user_cap_header_struct){_LINUX_CAPABILITY_VERSION_3, 0};
	data[0] = (struct __user_cap_data_struct){(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable};
	data[1] = (struct __user_cap_data_struct){(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)};
	return syscall(SYS_capset, &header, data);
}

static void say_status(const char *when)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];

	SAY("%s: %d %d %d, securebits %d", when, getuid(), geteuid(), setfsuid(-1), prctl(PR_GET_SECUREBITS));
	while (fgets(line, sizeof line, file))
		if (!strncmp(line, "Cap", 3) || !strncmp(line, "NoNew", 5))
			fputs(line, stdout);
	fclose(file);
}

static void asking(void)
{
	uint64_t sets[3];

	SAY("-- asking");
	TRY(get(sets));
	SAY("%d %d", sets[0] == sets[1], (int)sets[2]);
	header = (struct __user_cap_header_struct){_LINUX_CAPABILITY_VERSION_1, 0};
	TRY(syscall(SYS_capget, &header, data));
	header = (struct __user_cap_header_struct){_LINUX_CAPABILITY_VERSION_2, getpid()};
	TRY(syscall(SYS_capget, &header, data));
	header = (struct __user_cap_header_struct){77, 0};
	TRY(syscall(SYS_capget, &header, data));
	SAY("%x", header.version);
	header.version = 77;
	TRY(syscall(SYS_capget, &header, 0));
	TRY(syscall(SYS_capget, &header, 0));
	header.pid = -1;
	TRY(syscall(SYS_capget, &header, data));
	header.pid = 4999999;
	TRY(syscall(SYS_capget, &header, data));
	header.pid = 0;
	TRY(syscall(SYS_capget, &header, BAD_ADDRESS));
	TRY(syscall(SYS_capget, BAD_ADDRESS, data));
	TRY(syscall(SYS_capset, &header, BAD_ADDRESS));
	TRY(syscall(SYS_capset, &header, 0));
	header.pid = 1;
	TRY(syscall(SYS_capset, &header, data));
	TRY(prctl(PR_CAPBSET_READ, CAP_CHOWN));
	TRY(prctl(PR_CAPBSET_READ, 41));
	TRY(prctl(PR_CAPBSET_READ, -1));
	TRY(prctl(PR_CAPBSET_DROP, 41));
	TRY(prctl(PR_GET_KEEPCAPS));
	TRY(prctl(PR_GET_SECUREBITS));
}

static void sets(void)
{
	SAY("-- sets");
	CHILD("less", {
		TRY(set(MINE, MINE & ~BIT(CAP_KILL), 0));
		TRY(set(MINE & ~BIT(CAP_KILL), MINE & ~BIT(CAP_KILL), BIT(CAP_KILL)));
		TRY(set(0, MINE, 0));
		TRY(set(MINE & ~BIT(CAP_KILL), MINE & ~BIT(CAP_KILL), BIT(CAP_SETUID)));
		say_status("less");
		TRY(set(BIT(CAP_KILL), MINE, 0));
		TRY(set(0, 0, BIT(CAP_SETUID)));
		TRY(set(0, 0, BIT(CAP_SETUID) | BIT(CAP_SETGID)));
		TRY(set(0, 0, 0));
		TRY(set(0, 0, BIT(CAP_SETUID)));
	});
	CHILD("ambient", {
		TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
		set(MINE, MINE, BIT(CAP_KILL) | BIT(CAP_CHOWN));
		TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
		TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
		TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 1, 0));
		TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 41, 0, 0));
		TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0));
		TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_MKNOD, 0, 0));
		TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_KILL, 0, 0));
		TRY(prctl(PR_CAP_AMBIENT, 9, CAP_KILL, 0, 0));
		TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, CAP_KILL, 0, 0));
		say_status("raised");
		TRY(set(MINE, MINE, BIT(CAP_KILL)));
		say_status("inherits less");
		TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
		TRY(prctl(PR_SET_SECUREBITS, SECBIT_NO_CAP_AMBIENT_RAISE));
		TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
	});
	CHILD("bits", {
		TRY(prctl(PR_SET_SECUREBITS, 0x10000));
		TRY(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS));
		TRY(prctl(PR_GET_KEEPCAPS));
		TRY(prctl(PR_SET_KEEPCAPS, 2));
		TRY(prctl(PR_SET_KEEPCAPS, 0));
		TRY(prctl(PR_GET_SECUREBITS));
		TRY(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED));
		TRY(prctl(PR_SET_KEEPCAPS, 1));
		TRY(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED | SECBIT_KEEP_CAPS));
		TRY(prctl(PR_SET_SECUREBITS, 0));
		TRY(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED | SECBIT_NOROOT));
		set(0, MINE, 0);
		TRY(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED));
		TRY(prctl(PR_CAPBSET_DROP, CAP_KILL));
		TRY(prctl(PR_CAPBSET_DROP, 99));
	});
}

static void users(void)
{
	SAY("-- users");
	CHILD("setuid", {
		TRY(setuid(1000));
		say_status("user");
		TRY(setuid(0));
		TRY(setgroups(0, 0));
	});
	CHILD("kept", {
		TRY(prctl(PR_SET_KEEPCAPS, 1));
		TRY(setuid(1000));
		say_status("kept");
		TRY(set(BIT(CAP_SETUID), BIT(CAP_SETUID) | BIT(CAP_KILL), 0));
		TRY(setuid(1001));
		say_status("again");
	});
	CHILD("seteuid", {
		TRY(seteuid(1000));
		say_status("effective");
		TRY(setuid(1001));
		TRY(setreuid(1001, -1));
		TRY(seteuid(0));
		say_status("back");
		TRY(setresuid(1000, 1001, 1002));
		say_status("gone");
		TRY(setreuid(1002, -1));
		TRY(setuid(1001));
		TRY(setuid(1002));
	});
	CHILD("setfsuid", {
		setfsuid(1000);
		say_status("files");
		setfsuid(0);
		say_status("files back");
	});
	CHILD("fixed", {
		TRY(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP));
		TRY(setresuid(1000, 1000, 1000));
		say_status("nothing lost");
	});
	CHILD("groups", {
		set(MINE & ~BIT(CAP_SETGID), MINE & ~BIT(CAP_SETGID), 0);
		TRY(setgroups(0, 0));
		TRY(setgid(7));
		TRY(setresgid(0, 0, 7));
		TRY(setregid(7, -1));
		TRY(setuid(5));
	});
	CHILD("no setuid", {
		set(MINE & ~BIT(CAP_SETUID), MINE & ~BIT(CAP_SETUID), 0);
		TRY(setuid(5));
		TRY(setreuid(5, 5));
		setfsuid(5);
		TRY(setfsuid(-1));
	});
}

static void executed(const char *self_name, const char *how)
{
	fflush(stdout);
	execl(self_name, self_name, how, (char *)0);
	SAY("%s", strerrorname_np(errno));
}

static void copy_of(const char *from, const char *to, unsigned mode)
{
	static char bytes[65536];
	int in = open(from, O_RDONLY), out = open(to, O_CREAT | O_WRONLY | O_TRUNC, 0700);
	long done;

	while ((done = read(in, bytes, sizeof bytes)) > 0)
		if (write(out, bytes, (size_t)done) != done)
			SAY("short copy");
	fchmod(out, mode);
	close(in);
	close(out);
}

static void exec_rules(void)
{
	SAY("-- exec");
	copy_of("/proc/self/exe", "plain", 0755);
	copy_of("/proc/self/exe", "root", 04755);
	chmod(".", 0755);
	CHILD("root", executed("./plain", "root"));
	CHILD("root with less", {
		set(BIT(CAP_SETPCAP), BIT(CAP_SETPCAP), 0);
		TRY(prctl(PR_CAPBSET_DROP, CAP_KILL));
		executed("./plain", "all but one");
	});
	CHILD("inherits", {
		set(MINE, MINE, BIT(CAP_KILL));
		TRY(prctl(PR_CAPBSET_DROP, CAP_KILL));
		executed("./plain", "inherited");
	});
	CHILD("no root", {
		TRY(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_KEEP_CAPS));
		executed("./plain", "nothing");
	});
	CHILD("user", {
		setuid(1000);
		executed("./plain", "nothing");
	});
	CHILD("ambient", {
		set(MINE, MINE, BIT(CAP_KILL));
		prctl(PR_SET_KEEPCAPS, 1);
		setuid(1000);
		TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
		executed("./plain", "ambient");
	});
	CHILD("ambient, set-user-id", {
		set(MINE, MINE, BIT(CAP_KILL));
		prctl(PR_SET_KEEPCAPS, 1);
		setuid(1000);
		TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
		executed("./root", "all");
	});
	CHILD("set-user-id", {
		setuid(1000);
		executed("./root", "all");
	});
	CHILD("set-user-id, no new", {
		setuid(1000);
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		executed("./root", "nothing");
	});
	CHILD("root, no new", {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		set(BIT(CAP_KILL), BIT(CAP_KILL), 0);
		executed("./plain", "one");
	});
	CHILD("effective user", {
		seteuid(1000);
		executed("./plain", "real root");
	});
}

static void files(void)
{
	struct stat stat_;
	int fd;

	SAY("-- files");
	mkdir("locked", 0700);
	close(open("locked/theirs", O_CREAT | O_WRONLY, 0600));
	close(open("theirs", O_CREAT | O_WRONLY, 0600));
	close(open("mine", O_CREAT | O_WRONLY, 0644));
	chown("locked/theirs", 1000, 1000);
	chown("theirs", 1000, 1000);
	chown("locked", 1000, 1000);
	mkdir("sticky", 01777);
	chmod("sticky", 01777);
	close(open("sticky/theirs", O_CREAT | O_WRONLY, 0600));
	chown("sticky/theirs", 1000, 1000);
	chown("sticky", 1001, 1001);
	CHILD("nothing", {
		set(0, 0, 0);
		TRY(open("theirs", O_RDONLY));
		TRY(open("theirs", O_WRONLY));
		TRY(open("locked/theirs", O_RDONLY));
		TRY(stat("locked/theirs", &stat_));
		TRY(access("theirs", R_OK));
		TRY(access("theirs", F_OK));
		TRY(open("locked", O_RDONLY | O_DIRECTORY));
		TRY(chown("mine", 1000, 1000));
		TRY(chown("mine", -1, 1000));
		TRY(chown("mine", 0, 0));
		TRY(chmod("mine", 0600));
		TRY(chmod("theirs", 0600));
		TRY(mknod("device", S_IFCHR | 0600, makedev(1, 3)));
		TRY(mknod("fifo", S_IFIFO | 0600, 0));
		TRY(chroot("."));
		TRY(unlink("sticky/theirs"));
		TRY(link("theirs", "another"));
		TRY(utimes("theirs", 0));
		TRY(sethostname("x", 1));
	});
	CHILD("CAP_DAC_READ_SEARCH", {
		set(BIT(CAP_DAC_READ_SEARCH), BIT(CAP_DAC_READ_SEARCH), 0);
		GOOD(open("theirs", O_RDONLY));
		TRY(open("theirs", O_WRONLY));
		TRY(open("theirs", O_RDWR));
		GOOD(open("locked/theirs", O_RDONLY));
		TRY(open("locked/new", O_CREAT | O_WRONLY, 0600));
		GOOD(open("locked", O_RDONLY | O_DIRECTORY));
		TRY(access("theirs", R_OK));
		TRY(access("theirs", W_OK));
		TRY(access("theirs", X_OK));
		TRY(access("locked", X_OK | R_OK));
	});
	CHILD("CAP_DAC_OVERRIDE", {
		set(BIT(CAP_DAC_OVERRIDE), BIT(CAP_DAC_OVERRIDE), 0);
		GOOD(open("theirs", O_RDWR));
		GOOD(open("locked/new", O_CREAT | O_WRONLY, 0600));
		TRY(access("theirs", X_OK));
		TRY(chmod("theirs", 0600));
		TRY(unlink("sticky/theirs"));
		TRY(open("theirs", O_RDONLY | O_NOATIME));
		TRY(utimes("theirs", 0));
		TRY(utimes("theirs", (struct timeval[2]){{1, 0}, {1, 0}}));
	});
	CHILD("CAP_FOWNER", {
		set(BIT(CAP_FOWNER), BIT(CAP_FOWNER), 0);
		TRY(chmod("theirs", 0640));
		TRY(utimes("theirs", (struct timeval[2]){{1, 0}, {1, 0}}));
		TRY(chown("theirs", 0, 0));
		TRY(unlink("sticky/theirs"));
		TRY(link("theirs", "another"));
	});
	CHILD("CAP_CHOWN", {
		set(BIT(CAP_CHOWN), BIT(CAP_CHOWN), 0);
		TRY(chown("theirs", 1002, 1002));
		TRY(chmod("theirs", 0640));
	});
	CHILD("CAP_FSETID", {
		close(open("sgid", O_CREAT | O_WRONLY, 0700));
		chown("sgid", 0, 1000);
		set(BIT(CAP_FSETID), BIT(CAP_FSETID), 0);
		TRY(chmod("sgid", 06777));
		fd = open("sgid", O_WRONLY);
		TRY(write(fd, "x", 1));
		stat("sgid", &stat_);
		SAY("%o", stat_.st_mode & 07777);
		set(0, 0, 0);
		TRY(write(fd, "x", 1));
		stat("sgid", &stat_);
		SAY("%o", stat_.st_mode & 07777);
		TRY(chmod("sgid", 06777));
		stat("sgid", &stat_);
		SAY("%o", stat_.st_mode & 07777);
	});
	CHILD("CAP_MKNOD", {
		set(BIT(CAP_MKNOD), BIT(CAP_MKNOD), 0);
		TRY(mknod("device", S_IFCHR | 0600, makedev(1, 3)));
	});
	CHILD("CAP_SYS_CHROOT", {
		set(BIT(CAP_SYS_CHROOT), BIT(CAP_SYS_CHROOT), 0);
		TRY(chroot("."));
	});
	CHILD("of a user", {
		prctl(PR_SET_KEEPCAPS, 1);
		setuid(1003);
		TRY(open("theirs", O_RDWR));
		set(BIT(CAP_DAC_OVERRIDE), BIT(CAP_DAC_OVERRIDE), 0);
		GOOD(open("theirs", O_RDWR));
		TRY(access("theirs", R_OK));
	});
}

static void others(void)
{
	struct sched_param priority = {.sched_priority = 1};
	struct timeval time;
	struct msqid_ds state;
	int queue, pipes[2];
	pid_t child;

	SAY("-- others");
	pipe(pipes);
	child = fork();
	if (child == 0) {
		setgid(1000);
		setuid(1000);
		queue = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
		write(pipes[1], &queue, sizeof queue);
		for (;;)
			pause();
	}
	read(pipes[0], &queue, sizeof queue);
	CHILD("nothing", {
		set(0, 0, 0);
		TRY(kill(child, 0));
		TRY(kill(child, SIGCONT));
		TRY(setpriority(PRIO_PROCESS, child, 1));
		TRY(setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0)));
		TRY(sched_setscheduler(0, SCHED_FIFO, &priority));
		TRY(sched_setscheduler(child, SCHED_OTHER, &(struct sched_param){0}));
		gettimeofday(&time, 0);
		TRY(settimeofday(&time, 0));
		TRY(msgctl(queue, IPC_STAT, &state));
		TRY(msgctl(queue, IPC_RMID, 0));
		TRY(prlimit(child, RLIMIT_NOFILE, 0, &(struct rlimit){0}));
		TRY(setrlimit(RLIMIT_NOFILE, &(struct rlimit){10, 20}));
		TRY(setrlimit(RLIMIT_NOFILE, &(struct rlimit){10, 21}));
	});
	CHILD("CAP_KILL", {
		set(BIT(CAP_KILL), BIT(CAP_KILL), 0);
		TRY(kill(child, 0));
	});
	CHILD("CAP_IPC_OWNER", {
		set(BIT(CAP_IPC_OWNER), BIT(CAP_IPC_OWNER), 0);
		TRY(msgctl(queue, IPC_STAT, &state));
		TRY(msgctl(queue, IPC_RMID, 0));
	});
	CHILD("CAP_SYS_NICE", {
		set(BIT(CAP_SYS_NICE), BIT(CAP_SYS_NICE), 0);
		TRY(setpriority(PRIO_PROCESS, child, 1));
		TRY(setpriority(PRIO_PROCESS, child, 0));
	});
	kill(child, SIGKILL);
	waitpid(child, 0, 0);
	CHILD("theirs", {
		setuid(1000);
		TRY(msgctl(queue, IPC_RMID, 0));
	});
}

int main(int count, char **arguments)
{
	if (count > 1) {
		say_status(arguments[1]);
		SAY("secure: %lu, dumpable: %d", getauxval(AT_SECURE), prctl(PR_GET_DUMPABLE));
		return 0;
	}
	umask(022);
	asking();
	for (int i = 0; i <= CAP_LAST_CAP; i++)
		if (!(MINE >> i & 1))
			prctl(PR_CAPBSET_DROP, i);
	TRY(set(MINE, MINE, 0));
	sets();
	users();
	exec_rules();
	files();
	others();
	return 0;
}
