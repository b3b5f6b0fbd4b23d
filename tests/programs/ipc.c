/* Processes that share memory, semaphores and queues, and are killed while they do: nothing is lost that was not theirs, who waits is
 * served, limits hold, and memory is afterwards what it was before. The same binary runs on Linux. With "small" nothing is filled up. */
#include "need.h"

#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>

enum { PAGE = 4096, WORKERS = 6, TURNS = 300, LETTERS = 400, SEGMENTS = 8, KEPT = 192 };

static volatile uint32_t *shared;       /* anonymous, of all processes */

static void waited(pid_t child)
{
	int status;

	NEED(waitpid(child, &status, 0) == child && status == 0);
}

static int operate(int set, unsigned short number, short operation, short flags)
{
	struct sembuf one = {number, operation, flags};

	return semop(set, &one, 1);
}

/* ---- a lock that its holder takes along when it is killed ---- */

static void lock_user(int set, volatile uint32_t *counter)
{
	for (int i = 0; i < TURNS; i++) {
		NEED(operate(set, 0, -1, SEM_UNDO) == 0);
		NEED(counter[1] == 0 || kill((pid_t)counter[1], 0) != 0 || counter[1] == (uint32_t)getpid());
		counter[1] = (uint32_t)getpid();
		counter[0]++;
		if (i % 16 == 0)
			sched_yield();
		counter[1] = 0;
		NEED(operate(set, 0, 1, SEM_UNDO) == 0);
	}
}

static void lock_victim(int set)
{
	for (;;) {
		NEED(operate(set, 0, -1, SEM_UNDO) == 0);
		sched_yield();
		NEED(operate(set, 0, 1, SEM_UNDO) == 0);
	}
}

static void locks(void)
{
	int set = semget(IPC_PRIVATE, 1, 0600), id = shmget(IPC_PRIVATE, PAGE, 0600);
	volatile uint32_t *counter = shmat(id, NULL, 0);
	pid_t workers[WORKERS];

	NEED(set >= 0 && counter != (void *)-1 && shmctl(id, IPC_RMID, NULL) == 0 && operate(set, 0, 1, 0) == 0);
	for (int i = 0; i < WORKERS; i++) {
		workers[i] = fork();
		if (workers[i] == 0) {
			lock_user(set, counter);
			_exit(0);
		}
	}
	for (int i = 0; i < 30; i++) {
		pid_t victim = fork();

		if (victim == 0)
			lock_victim(set);
		usleep(2000);
		kill(victim, SIGKILL);
		NEED(waitpid(victim, NULL, 0) == victim);
	}
	for (int i = 0; i < WORKERS; i++)
		waited(workers[i]);
	NEED(counter[0] == WORKERS * TURNS);
	NEED(semctl(set, 0, GETVAL) == 1 && semctl(set, 0, GETNCNT) == 0);
	NEED(semctl(set, 0, IPC_RMID) == 0 && shmdt((void *)counter) == 0);
}

/* ---- letters: what is received is what was sent ---- */

static struct letter {
	long type;
	uint32_t sum, words[500];
} letter;

static unsigned letter_make(unsigned seed)
{
	unsigned words = seed * 7919 % 500;

	letter.type = 1 + seed % 3;
	letter.sum = seed;
	for (unsigned i = 0; i < words; i++)
		letter.sum += letter.words[i] = seed * 31 + i;
	return 4 + words * 4;
}

static void letter_check(ssize_t bytes)
{
	uint32_t sum = letter.sum;

	NEED(bytes >= 4 && bytes % 4 == 0);
	for (unsigned i = 0; i < (bytes - 4) / 4; i++)
		sum -= letter.words[i];
	NEED(sum < LETTERS);
	__atomic_fetch_add(&shared[0], 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&shared[1], sum, __ATOMIC_RELAXED);
}

static void letters(void (*send)(unsigned seed), void (*receive)(int who))
{
	pid_t workers[WORKERS];

	shared[0] = shared[1] = 0;
	for (int i = 0; i < WORKERS; i++) {
		workers[i] = fork();
		if (workers[i] != 0)
			continue;
		for (int n = 0; n < LETTERS; n++)
			if (i < 3)
				send((unsigned)n);
			else
				receive(i);
		_exit(0);
	}
	for (int i = 0; i < WORKERS; i++)
		waited(workers[i]);
	NEED(shared[0] == 3 * LETTERS && shared[1] == 3 * (LETTERS * (LETTERS - 1) / 2));
}

static int queue;
static mqd_t named;

static void queue_send(unsigned seed)
{
	unsigned bytes = letter_make(seed);

	letter.type = 1 + seed % 2;
	NEED(msgsnd(queue, &letter, bytes, 0) == 0);
}

/* Two wait for one type each as long as there can be any; the third takes what there is. */
static void queue_receive(int who)
{
	letter_check(msgrcv(queue, &letter, sizeof letter, who == 3 ? -2 : 0, 0));
}

static void named_send(unsigned seed)
{
	unsigned bytes = letter_make(seed);

	NEED(mq_send(named, (char *)&letter.sum, bytes, seed % 5) == 0);
}

static void named_receive(int who)
{
	(void)who;
	letter_check(mq_receive(named, (char *)&letter.sum, 8192, NULL));
}

static void queues(void)
{
	char name[64];

	queue = msgget(IPC_PRIVATE, 0600);
	NEED(queue >= 0);
	letters(queue_send, queue_receive);
	NEED(msgctl(queue, IPC_RMID, NULL) == 0);
	snprintf(name, sizeof name, "/baryon-load-%d", getpid());
	named = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL);
	NEED(named >= 0 && mq_unlink(name) == 0);
	letters(named_send, named_receive);
	mq_close(named);
}

/* ---- segments that come and go ---- */

static void segment_user(unsigned seed)
{
	for (int i = 0; i < TURNS; i++) {
		volatile uint32_t *id = &shared[8 + (seed = seed * 1103515245 + 12345) / 65536 % SEGMENTS];
		char *at = shmat((int)*id, NULL, 0);

		if (at != (char *)-1) {
			at[seed / 65536 % 8 * PAGE] = 1;
			if (i % 3 != 0)
				NEED(shmdt(at) == 0);
		}
		if (i % 5 == 0) {
			shmctl((int)*id, IPC_RMID, NULL);
			*id = (uint32_t)shmget(IPC_PRIVATE, 8 * PAGE, 0600);
		}
		if (i % 7 == 0 && fork() == 0)
			_exit(0);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

static void segments(void)
{
	pid_t workers[WORKERS];

	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = fork();
		if (workers[i] == 0) {
			segment_user(i * 77);
			_exit(0);
		}
	}
	usleep(20000);
	kill(workers[0], SIGKILL);
	NEED(waitpid(workers[0], NULL, 0) == workers[0]);
	for (int i = 1; i < WORKERS; i++)
		waited(workers[i]);
}

/* Whatever of these users' is still there. */
static void segments_remove(void)
{
	struct shmid_ds stat;
	int id;

	for (int i = shmctl(0, SHM_INFO, &stat); i >= 0; i--)
		if ((id = shmctl(i, SHM_STAT, &stat)) >= 0 && stat.shm_perm.cuid == getuid() && stat.shm_segsz == 8 * PAGE) {
			for (int tries = 0; stat.shm_nattch != 0; tries++) {    /* orphans are about to end */
				NEED(tries < 1000);
				usleep(5000);
				if (shmctl(id, IPC_STAT, &stat) != 0)
					break;
			}
			shmctl(id, IPC_RMID, NULL);
		}
}

/* ---- limits ---- */

/* More memory than there is: the toucher ends, and nobody else. */
static void memory_full(unsigned long pages)
{
	int id = shmget(IPC_PRIVATE, pages * PAGE, 0600), status;
	pid_t child = fork();

	NEED(id >= 0 && child >= 0);
	if (child == 0) {
		volatile char *at = shmat(id, NULL, 0);

		for (unsigned long i = 0; i < pages; i++)
			at[i * PAGE] = 1;
		_exit(0);
	}
	NEED(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	child = fork();
	if (child == 0)
		_exit(0);
	waited(child);
	NEED(shmctl(id, IPC_RMID, NULL) == 0);
}

static void ids_full(void)
{
	static int ids[40000];
	unsigned count = 0;

	while ((ids[count] = shmget(IPC_PRIVATE, 1, 0600)) >= 0)
		count++;
	NEED(errno == ENOSPC && count <= 4096 && count > 4000);
	while (count-- > 0)
		NEED(shmctl(ids[count], IPC_RMID, NULL) == 0);
	count = 0;
	while ((ids[count] = msgget(IPC_PRIVATE, 0600)) >= 0)
		count++;
	NEED(errno == ENOSPC && count <= 32000 && count > 31000);
	while (count-- > 0)
		NEED(msgctl(ids[count], IPC_RMID, NULL) == 0);
}

/* ---- threads that wait for ever do not hold up the end of their process ---- */

static int wait_set;

static void *wait_on_set(void *unused)
{
	operate(wait_set, 0, -1, SEM_UNDO);
	return unused;
}

static void *wait_on_queue(void *unused)
{
	msgrcv(queue, &letter, sizeof letter, 0, 0);
	return unused;
}

static void *wait_on_named(void *unused)
{
	mq_receive(named, (char *)&letter.sum, 8192, NULL);
	return unused;
}

static void ends(void)
{
	static void *(*const waits[])(void *) = {wait_on_set, wait_on_queue, wait_on_named};
	double begun = now();
	pthread_t thread;

	wait_set = semget(IPC_PRIVATE, 1, 0600);
	queue = msgget(IPC_PRIVATE, 0600);
	named = mq_open("/baryon-load-ends", O_RDWR | O_CREAT, 0600, NULL);
	NEED(wait_set >= 0 && queue >= 0 && named >= 0 && mq_unlink("/baryon-load-ends") == 0);
	for (int i = 0; i < 9; i++) {
		pid_t child = fork();

		if (child == 0) {
			for (int n = 0; n < 3; n++)
				NEED(pthread_create(&thread, NULL, waits[n], NULL) == 0);
			usleep(10000);
			if (i % 3 == 0)
				_exit(0);
			if (i % 3 == 1)
				execl("/proc/self/exe", "ipc", "nothing", (char *)NULL);
			raise(SIGKILL);
		}
		NEED(waitpid(child, NULL, 0) == child);
	}
	NEED(now() - begun < 240 && semctl(wait_set, 0, GETNCNT) == 0);
	NEED(semctl(wait_set, 0, IPC_RMID) == 0 && msgctl(queue, IPC_RMID, NULL) == 0 && mq_close(named) == 0);
}

static unsigned long free_pages(void)
{
	struct sysinfo info;

	NEED(sysinfo(&info) == 0);
	return info.freeram / PAGE;
}

int main(int count, char **arguments)
{
	unsigned long before = 0;
	struct utsname system;
	int fills = count < 2, here;

	if (count > 1 && strcmp(arguments[1], "nothing") == 0)
		return 0;
	NEED(uname(&system) == 0);
	here = strstr(system.release, "baryon") != NULL;
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int round = 0; round < 2; round++) {
		locks();
		queues();
		for (int i = 0; i < SEGMENTS; i++)
			shared[8 + i] = (uint32_t)-1;
		segments();
		segments_remove();
		ends();
		if (here && fills) {
			memory_full(free_pages());
			ids_full();
		}
		if (round == 0)
			before = free_pages();
	}
	for (int tries = 0; here && free_pages() + KEPT < before; tries++) {
		NEED(tries < 200);
		usleep(25000);
	}
	printf("ipc: shared\n");
	return 0;
}
