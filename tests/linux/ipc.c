/* System V IPC: shared memory, semaphores, queues of messages. Ids and times differ, so only what is said of them is compared. */
#include "try.h"

#include <sys/ipc.h>
#include <sys/mman.h>
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
	segment_said(id);
	if (fork() == 0) {
		shmdt(at);
		close(to[1]);
		read(to[0], &byte, 1);
		segment_said(id);
		_exit(0);
	}
	TRY(shmdt(at));
	segment_said(id);
	close(to[1]);
	close(to[0]);
	wait(0);
}

static void segment_processes(void)
{
	int id = shmget(IPC_PRIVATE, PAGE * 3, 0600), status;
	char *at = shmat(id, 0, 0);

	SAY("-- processes");
	if (fork() == 0) {
		segment_said(id);
		at[PAGE] = 7;
		execl("/proc/self/exe", "ipc", "attached", (char *)0);
		_exit(3);
	}
	wait(&status);
	SAY("%d, %d", WEXITSTATUS(status), at[PAGE]);
	segment_said(id);
	if (fork() == 0) {
		at[PAGE] = 8;
		raise(SIGKILL);
	}
	wait(&status);
	SAY("%d", at[PAGE]);
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

/* What an exec leaves of attachments: nothing. */
static int attached(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	int count = 0;

	while (fgets(line, sizeof line, maps))
		count += strstr(line, "/SYSV") != 0;
	return count;
}

int main(int count, char **arguments)
{
	char folder[256];

	if (count > 1)
		return !strcmp(arguments[1], "attached") ? attached() : 9;
	key = ftok(getcwd(folder, sizeof folder), 'B');
	segments();
	segment_removed();
	segment_processes();
	segment_rights();
	segment_limits();
	return 0;
}
