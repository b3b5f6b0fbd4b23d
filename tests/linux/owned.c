/* Futexes with owners: locks that the system hands on. */
#include "try.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>

static uint32_t *word;
static pid_t parent;

static long futex(int operation, void *time)
{
	return syscall(SYS_futex, word, operation, 0, time, 0, 0);
}

static pid_t tid(void)
{
	return (pid_t)syscall(SYS_gettid);
}

static void said(void)
{
	SAY("%s%s%s", (*word & FUTEX_TID_MASK) == 0 ? "free" : (*word & FUTEX_TID_MASK) == (uint32_t)tid() ? "mine" : "another's",
		*word & FUTEX_WAITERS ? ", waiters" : "", *word & FUTEX_OWNER_DIED ? ", died" : "");
}

static void alone(void)
{
	struct timespec bad = {0, 1000000000};

	SAY("-- one thread");
	TRY(futex(FUTEX_LOCK_PI, 0));
	said();
	TRY(futex(FUTEX_LOCK_PI, 0));
	TRY(futex(FUTEX_TRYLOCK_PI, 0));
	TRY(futex(FUTEX_UNLOCK_PI, 0));
	said();
	TRY(futex(FUTEX_UNLOCK_PI, 0));
	TRY(futex(FUTEX_TRYLOCK_PI, 0));
	said();
	TRY(futex(FUTEX_UNLOCK_PI | FUTEX_PRIVATE_FLAG, 0));
	TRY(futex(FUTEX_LOCK_PI, &bad));
	TRY(futex(FUTEX_LOCK_PI, BAD_ADDRESS));
	*word = FUTEX_OWNER_DIED;
	TRY(futex(FUTEX_LOCK_PI, 0));
	said();
	TRY(futex(FUTEX_UNLOCK_PI, 0));
	*word = 4999999;
	TRY(futex(FUTEX_LOCK_PI, 0));
	TRY(futex(FUTEX_TRYLOCK_PI, 0));
	*word = 0;
	TRY(syscall(SYS_futex, BAD_ADDRESS, FUTEX_LOCK_PI, 0, 0, 0, 0));
	TRY(syscall(SYS_futex, BAD_ADDRESS, FUTEX_UNLOCK_PI, 0, 0, 0, 0));
	TRY(syscall(SYS_futex, (char *)word + 1, FUTEX_LOCK_PI, 0, 0, 0, 0));
}

static pid_t asker;

static void *order(void *name)
{
	__atomic_store_n(&asker, tid(), __ATOMIC_SEQ_CST);
	futex(FUTEX_LOCK_PI, 0);
	SAY("%s has it", (char *)name);
	futex(FUTEX_UNLOCK_PI, 0);
	return 0;
}

/* Starts a thread and waits until it waits for the lock. */
static void ask(pthread_t *thread, const char *name)
{
	asker = 0;
	pthread_create(thread, 0, order, (void *)name);
	while (__atomic_load_n(&asker, __ATOMIC_SEQ_CST) == 0)
		pause_ms(1);
	until_asleep(getpid(), asker);
}

static volatile int has_it, may_end;

static void *holder(void *unused)
{
	(void)unused;
	futex(FUTEX_LOCK_PI, 0);
	has_it = 1;
	while (!may_end)
		pause_ms(1);
	until_asleep(getpid(), getpid());
	return 0;
}

static void threads(void)
{
	struct timespec time;
	pthread_t one, two;

	SAY("-- threads");
	futex(FUTEX_LOCK_PI, 0);
	ask(&one, "first");
	ask(&two, "second");
	said();
	futex(FUTEX_UNLOCK_PI, 0);
	pthread_join(one, 0);
	pthread_join(two, 0);
	said();
	pthread_create(&one, 0, holder, 0);
	while (!has_it)
		pause_ms(1);
	clock_gettime(CLOCK_REALTIME, &time);
	time.tv_nsec += 20000000;
	if (time.tv_nsec >= 1000000000)
		time.tv_nsec -= 1000000000, time.tv_sec++;
	TRY(futex(FUTEX_LOCK_PI, &time));
	said();
	TRY(futex(FUTEX_TRYLOCK_PI, 0));
	TRY(futex(FUTEX_UNLOCK_PI, 0));
	may_end = 1;
	TRY(futex(FUTEX_LOCK_PI, 0));
	said();
	pthread_join(one, 0);
	TRY(futex(FUTEX_UNLOCK_PI, 0));
	said();
}

static void processes(void)
{
	pid_t child;

	SAY("-- processes");
	parent = getpid();
	futex(FUTEX_LOCK_PI, 0);
	child = fork();
	if (child == 0) {
		long result = futex(FUTEX_LOCK_PI, 0);

		SAY("the child has it: %ld, %d", result, (*word & FUTEX_TID_MASK) == (uint32_t)getpid());
		_exit(0);
	}
	until_asleep(child, child);
	futex(FUTEX_UNLOCK_PI, 0);
	wait(0);
	*word = 0;
}

static void of_the_library(int robust)
{
	pthread_mutexattr_t attributes;
	pthread_mutex_t *mutex = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct timespec time;
	int held[2], let_go[2];
	char byte;

	pipe(held);
	pipe(let_go);
	SAY("-- the library's%s", robust ? ", robust" : "");
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	if (robust)
		pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	TRY(-(pthread_mutex_init(mutex, &attributes)));
	if (fork() == 0) {
		pthread_mutex_lock(mutex);
		write(held[1], "", 1);
		read(let_go[0], &byte, 1);
		if (!robust)
			pthread_mutex_unlock(mutex);
		_exit(0);
	}
	read(held[0], &byte, 1);
	clock_gettime(CLOCK_REALTIME, &time);
	SAY("%s", strerrorname_np(pthread_mutex_timedlock(mutex, &time)));
	write(let_go[1], "", 1);
	int error = pthread_mutex_lock(mutex);
	SAY("%s", error ? strerrorname_np(error) : "locked");
	if (error == EOWNERDEAD)
		pthread_mutex_consistent(mutex);
	SAY("%d", pthread_mutex_unlock(mutex));
	wait(0);
	SAY("%d", pthread_mutex_lock(mutex));
	SAY("%d", pthread_mutex_unlock(mutex));
}

int main(void)
{
	word = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	alone();
	threads();
	processes();
	of_the_library(0);
	of_the_library(1);
	return 0;
}
