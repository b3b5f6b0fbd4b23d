/* System V IPC: shared memory, semaphores, queues of messages. Ids and times differ, so only what is said of them is compared. */
#include "try.h"

#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

enum { PAGE = 4096 };
static key_t key;

/* The line of an object in /proc/sysvipc, from its mode on, up to what is a time or a pid. */
static void line_said(const char *path, int id, int fields)
{
	FILE *file = fopen(path, "r");
	char line[512];

	while (file && fgets(line, sizeof line, file)) {
		char *rest = line, *word;

		strsep(&rest, "\n");
		rest = line;
		for (int i = 0; i < 2; i++) {
			while ((word = strsep(&rest, " ")) && !*word)
				;
			if (i == 1 && word && *word >= '0' && *word <= '9' && atoi(word) == id)
				break;
			if (i == 1)
				rest = 0;
		}
		if (!rest)
			continue;
		printf("%s:", path);
		for (int i = 0; i < fields; i++) {
			while ((word = strsep(&rest, " ")) && !*word)
				;
			printf(" %s", word);
		}
		SAY(" ");
	}
	if (file)
		fclose(file);
}

static void head_said(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[512] = "none";

	if (file) {
		fgets(line, sizeof line, file);
		fclose(file);
	}
	printf("%s", line);
}

/* ---- shared memory ---- */

static void segment_said(int id)
{
	struct shmid_ds stat;

	if (shmctl(id, IPC_STAT, &stat) != 0) {
		SAY("no segment: %s", strerrorname_np(errno));
		return;
	}
	SAY("segment: key %s, mode %o, bytes %zu, attached %lu, owner %d %d, by me %d %d, times %d %d %d",
		stat.shm_perm.__key == 0 ? "none" : stat.shm_perm.__key == key ? "mine" : "?", stat.shm_perm.mode, stat.shm_segsz,
		stat.shm_nattch, stat.shm_perm.uid, stat.shm_perm.cgid, stat.shm_cpid == getpid(), stat.shm_lpid == getpid(),
		stat.shm_atime != 0, stat.shm_dtime != 0, stat.shm_ctime != 0);
}

/* Waits until so many have it attached: somebody may look at the memory of one that has ended, which goes when he is done. */
static void until_attached(int id, unsigned long count)
{
	struct shmid_ds stat;

	while (shmctl(id, IPC_STAT, &stat) == 0 && stat.shm_nattch != count)
		pause_ms(1);
}

static void segments(void)
{
	int id;
	char *at, *again;

	SAY("-- shmget");
	TRY(shmget(key, 100, 0600));
	TRY(shmget(key, 0, IPC_CREAT | 0600));
	TRY(shmget(key, (size_t)-1, IPC_CREAT | 0600));
	GOOD(id = shmget(key, 5000, IPC_CREAT | IPC_EXCL | 0640));
	TRY(shmget(key, 5000, IPC_CREAT | IPC_EXCL | 0640));
	TRY(shmget(key, 5001, IPC_CREAT | 0640));
	TRY(shmget(key, 0, 0) == id);
	TRY(shmget(key, 5000, IPC_CREAT | 0640) == id);
	TRY(shmget(IPC_PRIVATE, 0, 0600));
	segment_said(id);
	SAY("-- shmat");
	at = shmat(id, 0, 0);
	SAY("%d %d", (uintptr_t)at % PAGE == 0, at[0] == 0 && at[4999] == 0 && at[PAGE * 2 - 1] == 0);
	strcpy(at, "some text");
	at[PAGE * 2 - 1] = 9;
	again = shmat(id, 0, SHM_RDONLY);
	SAY("%s %d", again, again[PAGE * 2 - 1]);
	segment_said(id);
	line_said("/proc/sysvipc/shm", id, 2);
	CHILD("write to what is attached for reading", again[0] = 1);
	TRY(mprotect(again, PAGE, PROT_READ | PROT_WRITE));
	TRY((intptr_t)shmat(id, (char *)16, 0));
	TRY((intptr_t)shmat(id, at, 0));
	TRY((intptr_t)shmat(id, at + 5, 0));
	TRY((intptr_t)shmat(id, at + 5, SHM_RND));
	TRY((intptr_t)shmat(id, 0, SHM_REMAP));
	TRY((intptr_t)shmat(id, (char *)5, SHM_RND | SHM_REMAP));
	TRY((intptr_t)shmat(-1, 0, 0));
	TRY((intptr_t)shmat(id + 1000000, 0, 0));
	TRY((intptr_t)shmat(id, (char *)0x7ffffffff000, 0));
	TRY(shmat(id, again + 5, SHM_RND | SHM_REMAP) == again);
	again[1] = 'O';
	SAY("%s", at);
	segment_said(id);
	SAY("-- shmdt");
	TRY(shmdt(at + 1));
	TRY(shmdt(at + PAGE));
	TRY(shmdt(0));
	TRY(shmdt(again));
	TRY(shmdt(again));
	segment_said(id);
	TRY(mprotect(at, PAGE, PROT_READ));
	TRY(shmdt(at));
	segment_said(id);
	at = shmat(id, 0, 0);
	SAY("%s", at);
	TRY(munmap(at, PAGE));
	segment_said(id);
	TRY(shmdt(at + PAGE));
	TRY(shmdt(at));
	segment_said(id);
	SAY("-- shmctl");
	TRY(shmctl(id, SHM_LOCK, 0));
	segment_said(id);
	TRY(shmctl(id, SHM_UNLOCK, 0));
	TRY(shmctl(id, 77, 0));
	TRY(shmctl(-1, IPC_STAT, 0));
	TRY(shmctl(id, IPC_STAT, (void *)BAD_ADDRESS));
	TRY(shmctl(id, IPC_SET, (void *)BAD_ADDRESS));
	TRY(shmctl(id + 1000000, IPC_RMID, 0));
	TRY(shmctl(id, IPC_RMID, 0));
	TRY(shmctl(id, IPC_RMID, 0));
	segment_said(id);
	TRY((intptr_t)shmat(id, 0, 0));
	TRY(shmget(key, 0, 0));
}

static void segment_removed(void)
{
	int id = shmget(key, PAGE, IPC_CREAT | 0600), other, to[2];
	char *at = shmat(id, 0, 0), *again, byte;

	SAY("-- removed while it is attached");
	strcpy(at, "still here");
	TRY(shmctl(id, IPC_RMID, 0));
	segment_said(id);
	TRY(shmctl(id, IPC_RMID, 0));
	TRY(shmget(key, 0, 0));
	GOOD(other = shmget(key, PAGE, IPC_CREAT | 0600));
	TRY(other == id);
	TRY(shmctl(other, IPC_RMID, 0));
	again = shmat(id, 0, 0);
	SAY("%s", again);
	TRY(shmdt(again));
	pipe(to);
	if (fork() == 0) {
		segment_said(id);
		strcpy(at, "by the child");
		_exit(0);
	}
	wait(0);
	SAY("%s", at);
	until_attached(id, 1);
	segment_said(id);
	if (fork() == 0) {
		close(to[1]);
		read(to[0], &byte, 1);
		segment_said(id);
		TRY(shmdt(at));
		segment_said(id);
		_exit(0);
	}
	TRY(shmdt(at));
	segment_said(id);
	close(to[1]);
	close(to[0]);
	wait(0);
}

/* How many segments the program has by its map; an exec leaves none. */
static int attached(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	int count = 0;

	while (fgets(line, sizeof line, maps))
		count += strstr(line, "/SYSV") != 0;
	return count;
}

static void segment_processes(void)
{
	int id = shmget(IPC_PRIVATE, PAGE * 3, 0600), status;
	char *at = shmat(id, 0, 0);

	SAY("-- processes");
	TRY(attached());
	if (fork() == 0) {
		segment_said(id);
		at[PAGE] = 7;
		execl("/proc/self/exe", "ipc", "attached", (char *)0);
		_exit(3);
	}
	wait(&status);
	SAY("%d, %d", WEXITSTATUS(status), at[PAGE]);
	until_attached(id, 1);
	segment_said(id);
	if (fork() == 0) {
		at[PAGE] = 8;
		raise(SIGKILL);
	}
	wait(&status);
	SAY("%d", at[PAGE]);
	until_attached(id, 1);
	segment_said(id);
	TRY(shmdt(at));
	TRY(shmctl(id, IPC_RMID, 0));
}

static void segment_rights(void)
{
	int id = shmget(key, PAGE, IPC_CREAT | 0640), private = shmget(IPC_PRIVATE, PAGE, 0);
	struct shmid_ds stat;

	SAY("-- rights");
	if (fork() == 0) {
		setgid(65534);
		setuid(65534);
		TRY(shmget(key, 0, 0) == id);
		TRY(shmget(key, 0, 0400));
		TRY(shmget(key, PAGE + 1, 0400));
		TRY((intptr_t)shmat(id, 0, SHM_RDONLY));
		TRY(shmctl(id, IPC_STAT, &stat));
		TRY(shmctl(id, SHM_LOCK, 0));
		TRY(shmctl(id, IPC_RMID, 0));
		stat.shm_perm.uid = 65534;
		TRY(shmctl(id, IPC_SET, &stat));
		_exit(0);
	}
	wait(0);
	TRY(shmctl(id, IPC_STAT, &stat));
	stat.shm_perm.uid = 65534;
	stat.shm_perm.gid = 65534;
	stat.shm_perm.mode = 07460;
	TRY(shmctl(id, IPC_SET, &stat));
	segment_said(id);
	stat.shm_perm.uid = -1;
	TRY(shmctl(id, IPC_SET, &stat));
	if (fork() == 0) {
		char *at;

		setgid(65534);
		setuid(65534);
		segment_said(id);
		at = shmat(id, 0, SHM_RDONLY);
		SAY("%d", at[0]);
		TRY((intptr_t)shmat(id, 0, 0));
		TRY((intptr_t)shmat(id, 0, SHM_RDONLY | SHM_EXEC));
		TRY((intptr_t)shmat(private, 0, SHM_RDONLY));
		TRY(shmctl(private, IPC_STAT, &stat));
		TRY(shmctl(id, IPC_RMID, 0));
		segment_said(id);
		_exit(0);
	}
	wait(0);
	until_attached(id, 0);
	segment_said(id);
	GOOD((intptr_t)shmat(private, 0, 0));
	TRY(shmctl(private, IPC_RMID, 0));
}

static void segment_limits(void)
{
	struct shminfo limits;
	struct shm_info sums;
	struct shmid_ds stat;
	int id = shmget(IPC_PRIVATE, PAGE * 2, 0600), most, found = 0;

	SAY("-- limits");
	GOOD(shmctl(0, IPC_INFO, (void *)&limits));
	SAY("%lx %lu %lu %lu %lx", limits.shmmax, limits.shmmin, limits.shmmni, limits.shmseg, limits.shmall);
	GOOD(most = shmctl(0, SHM_INFO, (void *)&sums));
	SAY("%d %d", sums.used_ids > 0, sums.shm_tot >= 2);
	for (int i = 0; i <= most; i++)
		found += shmctl(i, SHM_STAT, &stat) == id && stat.shm_segsz == PAGE * 2;
	TRY(found);
	TRY(shmctl(20000, SHM_STAT, &stat));
	TRY(shmctl(0, IPC_INFO, (void *)BAD_ADDRESS));
	TRY(shmctl(0, SHM_INFO, (void *)BAD_ADDRESS));
	TRY(shmctl(id, IPC_RMID, 0));
	TRY(shmget(IPC_PRIVATE, (size_t)1 << 50, 0600));
	head_said("/proc/sysvipc/shm");
	head_said("/proc/sys/kernel/shmmax");
	head_said("/proc/sys/kernel/shmall");
	head_said("/proc/sys/kernel/shmmni");
}

/* ---- semaphores ---- */

static int set;

static void set_said(void)
{
	unsigned short all[4] = {0};
	struct semid_ds stat;

	if (semctl(set, 0, IPC_STAT, &stat) != 0) {
		SAY("no set: %s", strerrorname_np(errno));
		return;
	}
	semctl(set, 0, GETALL, all);
	SAY("set: key %s, mode %o, %lu: %d %d %d, owner %d %d, times %d %d, by me %d", stat.sem_perm.__key == key ? "mine" : "none",
		stat.sem_perm.mode, stat.sem_nsems, all[0], all[1], all[2], stat.sem_perm.uid, stat.sem_perm.cgid, stat.sem_otime != 0,
		stat.sem_ctime != 0, semctl(set, 0, GETPID) == getpid());
}

static int operate(int number, int operation, int flags)
{
	struct sembuf one = {(unsigned short)number, (short)operation, (short)flags};

	return semop(set, &one, 1);
}

static void sets(void)
{
	unsigned short all[3] = {3, 4, 5};
	struct sembuf many[501] = {0};
	struct timespec bad = {0, 1000000000}, soon = {0, 20000000}, none = {0, 0};

	SAY("-- semget");
	TRY(semget(key, 1, 0600));
	TRY(semget(key, 0, IPC_CREAT | 0600));
	TRY(semget(key, -1, IPC_CREAT | 0600));
	TRY(semget(key, 32001, IPC_CREAT | 0600));
	GOOD(set = semget(key, 3, IPC_CREAT | IPC_EXCL | 0640));
	TRY(semget(key, 3, IPC_CREAT | IPC_EXCL | 0640));
	TRY(semget(key, 4, 0));
	TRY(semget(key, 0, 0) == set);
	set_said();
	line_said("/proc/sysvipc/sem", set, 6);
	SAY("-- semop");
	TRY(operate(0, 2, 0));
	TRY(operate(0, -1, 0));
	TRY(operate(1, 0, 0));
	set_said();
	TRY(operate(0, 0, IPC_NOWAIT));
	TRY(operate(0, -2, IPC_NOWAIT));
	TRY(operate(0, 32767, 0));
	TRY(operate(3, 1, 0));
	TRY(semop(set, many, 0));
	TRY(semop(set, many, 501));
	TRY(semop(-1, many, 1));
	TRY(semop(set + 1000000, many, 1));
	TRY(semop(set, (void *)BAD_ADDRESS, 1));
	many[0] = (struct sembuf){0, -1, 0};
	many[1] = (struct sembuf){1, 7, 0};
	many[2] = (struct sembuf){2, -1, IPC_NOWAIT};
	TRY(semop(set, many, 3));
	set_said();
	many[2].sem_op = 1;
	TRY(semop(set, many, 3));
	set_said();
	many[0] = (struct sembuf){0, 5, 0};
	many[1] = (struct sembuf){0, -5, 0};
	TRY(semop(set, many, 2));
	set_said();
	TRY(semtimedop(set, many, 2, &none));
	many[0].sem_op = -1;
	TRY(semtimedop(set, many, 1, &soon));
	TRY(semtimedop(set, many, 1, &none));
	TRY(semtimedop(set, many, 1, &bad));
	TRY(syscall(SYS_semtimedop, set, many, 1, BAD_ADDRESS));
	SAY("-- semctl");
	TRY(semctl(set, 1, GETVAL));
	TRY(semctl(set, 3, GETVAL));
	TRY(semctl(set, -1, GETVAL));
	TRY(semctl(set, 1, SETVAL, 32768));
	TRY(semctl(set, 1, SETVAL, -1));
	TRY(semctl(set, 3, SETVAL, 1));
	TRY(semctl(set, 1, SETVAL, 32767));
	TRY(semctl(set, 1, GETVAL));
	TRY(semctl(set, 0, SETALL, all));
	set_said();
	all[1] = 40000;
	TRY(semctl(set, 0, SETALL, all));
	set_said();
	TRY(semctl(set, 0, SETALL, BAD_ADDRESS));
	TRY(semctl(set, 0, GETALL, BAD_ADDRESS));
	TRY(semctl(set, 0, IPC_STAT, BAD_ADDRESS));
	TRY(semctl(set, 0, IPC_SET, BAD_ADDRESS));
	TRY(semctl(set, 0, 99, 0));
	TRY(semctl(-1, 0, GETVAL));
	TRY(semctl(set, 0, IPC_RMID));
	TRY(semctl(set, 0, IPC_RMID));
	set_said();
}

static void on_signal(int number)
{
	(void)number;
}

/* Waits for a child whose status is the error that it got. */
static void ended(const char *name, pid_t child)
{
	int status;

	waitpid(child, &status, 0);
	SAY("%s: %s", name, WIFSIGNALED(status) ? "killed" : WEXITSTATUS(status) ? strerrorname_np(WEXITSTATUS(status)) : "done");
}

/* A child that does one operation, and waits already. */
static pid_t waiter(int number, int operation)
{
	pid_t child = fork();

	if (child == 0)
		_exit(operate(number, operation, 0) == 0 ? 0 : errno);
	while (semctl(set, number, operation ? GETNCNT : GETZCNT) == 0)
		pause_ms(1);
	return child;
}

static void set_waits(void)
{
	struct sembuf two[2] = {{0, -1, 0}, {1, -1, 0}};
	pid_t child;

	SAY("-- waiting");
	set = semget(IPC_PRIVATE, 3, 0600);
	child = waiter(0, -1);
	TRY(semctl(set, 0, GETNCNT));
	TRY(semctl(set, 0, GETZCNT));
	TRY(semctl(set, 1, GETNCNT));
	TRY(operate(0, 1, 0));
	ended("one down", child);
	set_said();
	TRY(operate(1, 1, 0));
	child = waiter(1, 0);
	TRY(semctl(set, 1, GETZCNT));
	TRY(semctl(set, 1, SETVAL, 0));
	ended("zero", child);
	child = fork();
	if (child == 0)
		_exit(semop(set, two, 2) == 0 ? 0 : errno);
	while (semctl(set, 0, GETNCNT) == 0)
		pause_ms(1);
	TRY(semctl(set, 1, GETNCNT));
	TRY(operate(0, 1, 0));
	while (semctl(set, 1, GETNCNT) == 0)
		pause_ms(1);
	TRY(semctl(set, 0, GETNCNT));
	set_said();
	TRY(operate(1, 1, 0));
	ended("both", child);
	set_said();
	child = waiter(2, -5);
	TRY(operate(2, 4, 0));
	TRY(operate(2, -3, 0));
	TRY(operate(2, 4, 0));
	ended("five down", child);
	set_said();
	child = waiter(0, -1);
	kill(child, SIGKILL);
	ended("killed", child);
	TRY(semctl(set, 0, GETNCNT));
	signal(SIGUSR1, on_signal);
	child = waiter(0, -1);
	kill(child, SIGUSR1);
	ended("interrupted", child);
	child = waiter(0, -1);
	TRY(semctl(set, 0, IPC_RMID));
	ended("removed", child);
}

static void set_undone(void)
{
	int status;
	pid_t child;

	SAY("-- SEM_UNDO");
	set = semget(IPC_PRIVATE, 3, 0600);
	operate(0, 5, 0);
	if (fork() == 0) {
		TRY(operate(0, -2, SEM_UNDO));
		TRY(operate(1, 4, SEM_UNDO));
		TRY(operate(1, -1, 0));
		set_said();
		if (fork() == 0)
			_exit(0);
		wait(0);
		set_said();
		execl("/proc/self/exe", "ipc", "nothing", (char *)0);
	}
	wait(&status);
	set_said();
	if (fork() == 0) {
		operate(0, -5, SEM_UNDO);
		operate(2, 3, SEM_UNDO);
		semctl(set, 0, SETVAL, 1);
		raise(SIGKILL);
	}
	wait(&status);
	set_said();
	TRY(operate(2, 32767, SEM_UNDO));
	TRY(operate(2, -1, 0));
	TRY(operate(2, 1, SEM_UNDO));
	TRY(operate(2, 1, SEM_UNDO));
	set_said();
	child = fork();
	if (child == 0) {
		operate(0, -1, SEM_UNDO);
		operate(1, 1, 0);
		pause();
	}
	operate(1, -1, 0);
	status = waiter(0, -1);
	kill(child, SIGKILL);
	waitpid(child, 0, 0);
	ended("after the other's end", status);
	set_said();
	if (fork() == 0) {
		operate(0, 1, SEM_UNDO);
		semctl(set, 0, IPC_RMID);
		_exit(0);
	}
	wait(0);
	set_said();
}

static void set_rights(void)
{
	struct semid_ds stat;
	struct seminfo limits;
	struct sembuf zero = {1, 0, IPC_NOWAIT}, up = {0, 1, 0};
	int other = semget(IPC_PRIVATE, 300, 0600), most, found = 0;

	SAY("-- rights and limits");
	set = semget(key, 2, IPC_CREAT | 0604);
	if (fork() == 0) {
		setgid(65534);
		setuid(65534);
		TRY(semop(set, &zero, 1));
		TRY(semop(set, &up, 1));
		TRY(semctl(set, 0, GETVAL));
		TRY(semctl(set, 0, SETVAL, 1));
		TRY(semctl(set, 0, SETALL, BAD_ADDRESS));
		TRY(semctl(set, 0, IPC_RMID));
		TRY(semctl(other, 0, GETVAL));
		TRY(semctl(other, 0, GETALL, BAD_ADDRESS));
		TRY(semctl(other, 0, IPC_STAT, &stat));
		TRY(semget(key, 2, 0606));
		_exit(0);
	}
	wait(0);
	semctl(set, 0, IPC_STAT, &stat);
	stat.sem_perm.uid = 65534;
	stat.sem_perm.mode = 0200;
	TRY(semctl(set, 0, IPC_SET, &stat));
	set_said();
	if (fork() == 0) {
		setgid(65534);
		setuid(65534);
		TRY(semop(set, &zero, 1));
		TRY(semop(set, &up, 1));
		TRY(semctl(set, 0, IPC_RMID));
		_exit(0);
	}
	wait(0);
	set_said();
	for (int i = 0; i < 300; i++)
		semctl(other, i, SETVAL, i);
	TRY(semctl(other, 255, GETVAL));
	TRY(semctl(other, 299, GETVAL));
	GOOD(semctl(0, 0, IPC_INFO, &limits));
	SAY("%d %d %d %d %d %d %d %d %d %d", limits.semmap, limits.semmni, limits.semmns, limits.semmnu, limits.semmsl, limits.semopm,
		limits.semume, limits.semusz, limits.semvmx, limits.semaem);
	GOOD(most = semctl(0, 0, SEM_INFO, &limits));
	SAY("%d %d", limits.semusz > 0, limits.semaem >= 300);
	for (int i = 0; i <= most; i++)
		found += semctl(i, 0, SEM_STAT, &stat) == other && stat.sem_nsems == 300;
	TRY(found);
	TRY(semctl(other, 0, IPC_RMID));
	head_said("/proc/sysvipc/sem");
	head_said("/proc/sys/kernel/sem");
}

/* ---- queues of messages ---- */

static int queue;
static struct text {
	long type;
	char text[8193];
} sent, got;

static void queue_said(void)
{
	struct msqid_ds stat;

	if (msgctl(queue, IPC_STAT, &stat) != 0) {
		SAY("no queue: %s", strerrorname_np(errno));
		return;
	}
	SAY("queue: key %s, mode %o, %lu messages, %lu bytes of %lu, owner %d %d, times %d %d %d, by me %d %d",
		stat.msg_perm.__key == key ? "mine" : "none", stat.msg_perm.mode, stat.msg_qnum, stat.__msg_cbytes, stat.msg_qbytes,
		stat.msg_perm.uid, stat.msg_perm.cgid, stat.msg_stime != 0, stat.msg_rtime != 0, stat.msg_ctime != 0,
		stat.msg_lspid == getpid(), stat.msg_lrpid == getpid());
}

static int put(long type, const char *text, int flags)
{
	sent.type = type;
	strcpy(sent.text, text);
	return msgsnd(queue, &sent, strlen(text) + 1, flags);
}

static void take(size_t bytes, long type, int flags)
{
	ssize_t result;

	memset(&got, '-', sizeof got);
	got.text[20] = 0;
	result = msgrcv(queue, &got, bytes, type, flags);
	if (result < 0)
		SAY("%zu bytes, type %ld, flags %o: %s", bytes, type, flags, strerrorname_np(errno));
	else
		SAY("%zu bytes, type %ld, flags %o: %zd, %ld %s", bytes, type, flags, result, got.type, got.text);
}

static void queues(void)
{
	SAY("-- msgget");
	TRY(msgget(key, 0600));
	GOOD(queue = msgget(key, IPC_CREAT | IPC_EXCL | 0640));
	TRY(msgget(key, IPC_CREAT | IPC_EXCL | 0640));
	TRY(msgget(key, 0) == queue);
	queue_said();
	SAY("-- msgsnd, msgrcv");
	TRY(put(0, "no type", 0));
	TRY(put(-1, "no type", 0));
	TRY(msgsnd(queue, &sent, 8193, 0));
	TRY(msgsnd(queue, &sent, -1, 0));
	TRY(msgsnd(-1, &sent, 1, 0));
	sent.type = 1;
	TRY(msgsnd(queue + 1000000, &sent, 1, 0));
	TRY(msgsnd(queue, BAD_ADDRESS, 1, 0));
	TRY(put(3, "three", 0));
	TRY(put(1, "one", 0));
	TRY(put(2, "two", 0));
	TRY(put(3, "more", 0));
	TRY(put(1, "again", 0));
	queue_said();
	line_said("/proc/sysvipc/msg", queue, 3);
	take(100, 2, 0);
	take(100, 2, IPC_NOWAIT);
	take(3, 0, IPC_NOWAIT);
	take(100, 1, MSG_COPY | IPC_NOWAIT);
	take(100, 9, MSG_COPY | IPC_NOWAIT);
	take(100, -9, MSG_COPY | IPC_NOWAIT);
	take(2, 1, MSG_COPY | IPC_NOWAIT);
	take(2, 1, MSG_COPY | IPC_NOWAIT | MSG_NOERROR);
	take(100, 1, MSG_COPY);
	take(100, 1, MSG_COPY | MSG_EXCEPT | IPC_NOWAIT);
	take(100, 3, MSG_EXCEPT);
	take(100, -3, 0);
	take(3, 0, MSG_NOERROR);
	take(100, -2, IPC_NOWAIT);
	take(100, 0, 0);
	take(100, 0, IPC_NOWAIT);
	take(-1, 0, IPC_NOWAIT);
	queue_said();
	memset(sent.text, 'x', 8192);
	TRY(msgsnd(queue, &sent, 8192, 0));
	TRY(msgsnd(queue, &sent, 8192, IPC_NOWAIT));
	TRY(msgsnd(queue, &sent, 1, IPC_NOWAIT));
	TRY(msgsnd(queue, &sent, 0, IPC_NOWAIT));
	queue_said();
	memset(&got, 0, sizeof got);
	TRY(msgrcv(queue, &got, 8192, 0, 0));
	TRY(memcmp(got.text, sent.text, 8192));
	TRY(msgrcv(queue, BAD_ADDRESS, 8192, 0, 0));
	TRY(msgrcv(queue, &got, 8192, 0, 0));
	queue_said();
	SAY("-- msgctl");
	TRY(msgctl(queue, 99, 0));
	TRY(msgctl(queue, IPC_STAT, (void *)BAD_ADDRESS));
	TRY(msgctl(queue, IPC_SET, (void *)BAD_ADDRESS));
	TRY(msgctl(-1, IPC_RMID, 0));
	TRY(put(1, "lost", 0));
	TRY(msgctl(queue, IPC_RMID, 0));
	TRY(msgctl(queue, IPC_RMID, 0));
	TRY(put(1, "gone", 0));
	take(10, 0, 0);
	queue_said();
}

/* A child that receives, and waits already; its status is the error, or 100 and the type. */
static pid_t receiver(size_t bytes, long type, int flags)
{
	pid_t child = fork();

	if (child == 0) {
		ssize_t result = msgrcv(queue, &got, bytes, type, flags);

		_exit(result < 0 ? errno : 200 + (int)got.type);
	}
	until_asleep(child, child);
	return child;
}

static void received(const char *name, pid_t child)
{
	int status;

	waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		SAY("%s: killed", name);
	else if (WEXITSTATUS(status) < 200)
		SAY("%s: %s", name, strerrorname_np(WEXITSTATUS(status)));
	else
		SAY("%s: type %d", name, WEXITSTATUS(status) - 200);
}

static pid_t sender(size_t bytes)
{
	pid_t child = fork();

	if (child == 0) {
		sent.type = 4;
		_exit(msgsnd(queue, &sent, bytes, 0) == 0 ? 0 : errno);
	}
	until_asleep(child, child);
	return child;
}

static void queue_waits(void)
{
	struct sigaction again = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct msqid_ds stat;
	pid_t one, two, three;

	SAY("-- waiting");
	queue = msgget(IPC_PRIVATE, 0600);
	one = receiver(100, 5, 0);
	two = receiver(2, 6, 0);
	three = receiver(100, -7, 0);
	TRY(put(8, "for nobody", 0));
	TRY(put(6, "too long for two", 0));
	received("two", two);
	received("three", three);
	TRY(put(5, "for one", 0));
	received("one", one);
	queue_said();
	one = receiver(100, 1, 0);
	kill(one, SIGKILL);
	received("killed", one);
	sigaction(SIGUSR1, &again, 0);
	one = receiver(100, 1, 0);
	kill(one, SIGUSR1);
	received("interrupted", one);
	one = receiver(100, 1, 0);
	kill(one, SIGSTOP);
	kill(one, SIGCONT);
	until_asleep(one, one);
	TRY(put(1, "after the stop", 0));
	received("stopped", one);
	TRY(msgsnd(queue, &sent, 8192, 0));
	one = sender(8192);
	queue_said();
	TRY(msgrcv(queue, &got, 8192, 8, 0));
	ended("room", one);
	queue_said();
	one = sender(100);
	kill(one, SIGUSR1);
	ended("sender interrupted", one);
	msgctl(queue, IPC_STAT, &stat);
	stat.msg_qbytes = 8192;
	TRY(msgctl(queue, IPC_SET, &stat));
	TRY(msgrcv(queue, &got, 8192, 0, 0));
	one = sender(100);
	stat.msg_qbytes = 16384;
	TRY(msgctl(queue, IPC_SET, &stat));
	ended("more room", one);
	queue_said();
	stat.msg_qbytes = 100;
	TRY(msgctl(queue, IPC_SET, &stat));
	one = sender(1);
	two = receiver(100, 99, 0);
	TRY(msgctl(queue, IPC_RMID, 0));
	ended("sender removed", one);
	received("receiver removed", two);
}

static void queue_rights(void)
{
	struct msqid_ds stat;
	struct msginfo limits;
	int most, found = 0;

	SAY("-- rights and limits");
	queue = msgget(key, IPC_CREAT | 0602);
	if (fork() == 0) {
		setgid(65534);
		setuid(65534);
		TRY(put(1, "may", 0));
		take(10, 0, IPC_NOWAIT);
		take(10, 0, IPC_NOWAIT | MSG_COPY);
		TRY(msgctl(queue, IPC_STAT, &stat));
		TRY(msgctl(queue, IPC_RMID, 0));
		TRY(msgget(key, 0600));
		_exit(0);
	}
	wait(0);
	msgctl(queue, IPC_STAT, &stat);
	stat.msg_perm.uid = 65534;
	stat.msg_perm.mode = 0400;
	TRY(msgctl(queue, IPC_SET, &stat));
	if (fork() == 0) {
		setgid(65534);
		setuid(65534);
		TRY(put(1, "may not", 0));
		take(10, 0, IPC_NOWAIT);
		stat.msg_qbytes = 16385;
		TRY(msgctl(queue, IPC_SET, &stat));
		stat.msg_qbytes = 300;
		TRY(msgctl(queue, IPC_SET, &stat));
		_exit(0);
	}
	wait(0);
	queue_said();
	GOOD(msgctl(0, IPC_INFO, (void *)&limits));
	SAY("%d %d %d %d %d %d %d %d", limits.msgpool, limits.msgmap, limits.msgmax, limits.msgmnb, limits.msgmni, limits.msgssz,
		limits.msgtql, limits.msgseg);
	GOOD(most = msgctl(0, MSG_INFO, (void *)&limits));
	SAY("%d", limits.msgpool > 0);
	for (int i = 0; i <= most; i++)
		found += msgctl(i, MSG_STAT, &stat) == queue && stat.msg_qbytes == 300;
	TRY(found);
	TRY(msgctl(queue, IPC_RMID, 0));
	head_said("/proc/sysvipc/msg");
	head_said("/proc/sys/kernel/msgmax");
	head_said("/proc/sys/kernel/msgmnb");
	head_said("/proc/sys/kernel/msgmni");
}

int main(int count, char **arguments)
{
	if (count > 1)
		return !strcmp(arguments[1], "attached") ? attached() : 0;
	/* of this process alone, and not left over from one that had its number */
	for (key = getpid(); shmget(key, 0, 0) >= 0 || semget(key, 0, 0) >= 0 || msgget(key, 0) >= 0; key += 1 << 23)
		;
	segments();
	segment_removed();
	segment_processes();
	segment_rights();
	segment_limits();
	sets();
	set_waits();
	set_undone();
	set_rights();
	queues();
	queue_waits();
	queue_rights();
	return 0;
}
