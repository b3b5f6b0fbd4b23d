/* Signals, timers, sleeping, clocks, futexes, memory. Each handler returns through SYS_rt_sigreturn. */
#include "try.h"

#include <linux/futex.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

static volatile int count, last;
static siginfo_t seen;

static void handler(int number)
{
	last = number;
	count++;
}

static void informed(int number, siginfo_t *info, void *context)
{
	last = number;
	seen = *info;
	count += context != 0;
}

static void set(int number, void (*function)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action = {.sa_sigaction = function, .sa_flags = SA_SIGINFO | flags};

	sigaction(number, &action, 0);
}

static void sending(void)
{
	struct sigaction action = {.sa_handler = handler}, old;
	union sigval value = {.sival_int = 77};
	sigset_t mask;
	sigset_t pending;

	SAY("-- sending");
	TRY(sigaction(SIGUSR1, &action, &old));
	TRY(sigaction(SIGKILL, &action, 0));
	TRY(syscall(SYS_rt_sigaction, 0, 0, 0, 8));
	TRY(syscall(SYS_rt_sigaction, 65, 0, 0, 8));
	TRY(syscall(SYS_rt_sigaction, SIGUSR1, 0, 0, 4));
	TRY(syscall(SYS_rt_sigaction, SIGUSR1, BAD_ADDRESS, 0, 8));
	TRY(kill(getpid(), SIGUSR1));
	SAY("%d %d", count, last);
	TRY(kill(getpid(), 99));
	TRY(kill(4999999, SIGUSR1));
	TRY(kill(-4999999, SIGUSR1));
	TRY(kill(getpid(), 0));
	TRY(syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1));
	TRY(syscall(SYS_tgkill, getpid(), 4999999, SIGUSR1));
	TRY(syscall(SYS_tgkill, -1, getpid(), SIGUSR1));
	TRY(syscall(SYS_tkill, getpid(), SIGUSR1));
	TRY(syscall(SYS_tkill, 4999999, SIGUSR1));
	SAY("%d", count);
	set(SIGRTMIN, informed, 0);
	set(SIGUSR2, informed, 0);
	TRY(sigqueue(getpid(), SIGRTMIN, value));
	SAY("%d %d %d %d", seen.si_signo == SIGRTMIN, seen.si_code, seen.si_int, seen.si_pid == getpid());
	TRY(kill(getpid(), SIGUSR2));
	SAY("%d %d %d", seen.si_signo, seen.si_code, seen.si_pid == getpid());
	siginfo_t info = {.si_signo = SIGUSR2, .si_code = SI_QUEUE};
	TRY(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR2, &info));
	info.si_code = SI_USER;
	TRY(syscall(SYS_rt_sigqueueinfo, getppid(), SIGUSR2, &info));
	TRY(syscall(SYS_rt_sigqueueinfo, getpid(), 0, &info));
	TRY(syscall(SYS_rt_sigqueueinfo, getpid(), 77, &info));
	TRY(syscall(SYS_rt_sigqueueinfo, 4999999, SIGUSR2, &info));
	info.si_code = SI_QUEUE;
	info.si_value.sival_int = 42;
	TRY(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR2, &info));
	SAY("%d %d %d", seen.si_signo, seen.si_code, seen.si_int);
	TRY(pthread_sigqueue(pthread_self(), SIGUSR2, value));
	SAY("%d %d %d %d", seen.si_signo, seen.si_code, seen.si_int == value.sival_int, seen.si_pid == getpid());
	TRY(syscall(SYS_rt_tgsigqueueinfo, getpid(), 4999999, SIGUSR2, &info));
	TRY(syscall(SYS_rt_tgsigqueueinfo, -1, getpid(), SIGUSR2, &info));
	TRY(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), 77, &info));
	info.si_code = SI_TKILL;
	TRY(syscall(SYS_rt_tgsigqueueinfo, getppid(), getppid(), SIGUSR2, &info));
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGRTMIN);
	TRY(sigprocmask(SIG_BLOCK, &mask, 0));
	TRY(syscall(SYS_rt_sigprocmask, 77, &mask, 0, 8));
	TRY(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, 0, 4));
	TRY(syscall(SYS_rt_sigprocmask, SIG_BLOCK, BAD_ADDRESS, 0, 8));
	count = 0;
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR1);
	sigqueue(getpid(), SIGRTMIN, value);
	sigqueue(getpid(), SIGRTMIN, value);
	TRY(sigpending(&pending));
	SAY("%d %d %d", sigismember(&pending, SIGUSR1), sigismember(&pending, SIGRTMIN), sigismember(&pending, SIGUSR2));
	struct timespec time = {0, 1000000};
	TRY(syscall(SYS_rt_sigtimedwait, &mask, &info, &time, 4));
	TRY(syscall(SYS_rt_sigtimedwait, &mask, &info, &time, 8));
	SAY("%d", info.si_signo);
	TRY(syscall(SYS_rt_sigpending, &pending, 8));
	sigprocmask(SIG_UNBLOCK, &mask, 0);
	SAY("%d", count);
	TRY(sigtimedwait(&mask, &info, &time));
	sigemptyset(&pending);
	sigprocmask(SIG_BLOCK, &mask, 0);
	kill(getpid(), SIGUSR1);
	TRY(syscall(SYS_rt_sigsuspend, &pending, 4));
	TRY(syscall(SYS_rt_sigsuspend, &pending, 8));
	SAY("%d", last);
	sigprocmask(SIG_UNBLOCK, &mask, 0);
}

static sigjmp_buf back;
static char *stack_low;
static int on_other_stack;

static void fault(int number, siginfo_t *info, void *context)
{
	char here;

	(void)context;
	seen = *info;
	last = number;
	on_other_stack = &here >= stack_low && &here < stack_low + 65536;
	siglongjmp(back, 1);
}

static void faults(void)
{
	stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
	stack_t asked;
	char *page = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	SAY("-- faults");
	stack_low = stack.ss_sp;
	TRY(sigaltstack(&stack, 0));
	TRY(sigaltstack(0, &asked));
	SAY("%d %zu", asked.ss_flags, asked.ss_size);
	stack.ss_size = 100;
	TRY(sigaltstack(&stack, 0));
	stack.ss_flags = 77;
	TRY(sigaltstack(&stack, 0));
	set(SIGSEGV, fault, SA_ONSTACK);
	set(SIGFPE, fault, 0);
	set(SIGILL, fault, 0);
	set(SIGBUS, fault, 0);
	set(SIGTRAP, fault, 0);
	if (!sigsetjmp(back, 1))
		*(volatile char *)BAD_ADDRESS = 1;
	SAY("%d %d %d %d", last, seen.si_code, seen.si_addr == BAD_ADDRESS, on_other_stack);
	if (!sigsetjmp(back, 1))
		*(volatile char *)page = 1;
	SAY("%d %d %d", last, seen.si_code, seen.si_addr == page);
	if (!sigsetjmp(back, 1)) {
		volatile int zero = 0;

		zero = 1 / zero;
	}
	SAY("%d %d", last, seen.si_code);
	if (!sigsetjmp(back, 1))
		__asm__ volatile("ud2");
	SAY("%d %d", last, seen.si_code);
	if (!sigsetjmp(back, 1))
		__asm__ volatile("int3");
	SAY("%d", last);
	if (!sigsetjmp(back, 1))
		__asm__ volatile("hlt");
	SAY("%d %d", last, seen.si_code);
	int fd = open("short", O_CREAT | O_RDWR, 0600);
	char *map = mmap(0, 8192, PROT_READ, MAP_SHARED, fd, 0);
	if (!sigsetjmp(back, 1))
		SAY("%d", map[0]);
	SAY("%d %d %d", last, seen.si_code, seen.si_addr == map);
	close(fd);
	unlink("short");
	signal(SIGSEGV, SIG_DFL);
	CHILD("a fault", *(volatile char *)BAD_ADDRESS = 1);
	CHILD("an abort", abort());
	CHILD("a blocked fault", {
		sigset_t all;

		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, 0);
		*(volatile char *)BAD_ADDRESS = 1;
	});
}

static void *wake_later(void *word)
{
	until_asleep(getpid(), getpid());
	*(volatile int *)word = 1;
	syscall(SYS_futex, word, FUTEX_WAKE, 10, 0, 0, 0);
	return 0;
}

static void futexes(void)
{
	static int word, other;
	struct timespec time = {0, 3000000};
	pthread_t thread;

	SAY("-- futexes");
	TRY(syscall(SYS_futex, &word, FUTEX_WAIT, 1, 0, 0, 0));
	TRY(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &time, 0, 0));
	TRY(syscall(SYS_futex, (char *)&word + 1, FUTEX_WAIT, 0, &time, 0, 0));
	TRY(syscall(SYS_futex, BAD_ADDRESS, FUTEX_WAIT, 0, &time, 0, 0));
	TRY(syscall(SYS_futex, &word, FUTEX_WAKE, 1, 0, 0, 0));
	TRY(syscall(SYS_futex, &word, FUTEX_REQUEUE, 1, 1, &other, 0));
	TRY(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, 1, &other, 55));
	TRY(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, 0, 0, 0));
	TRY(syscall(SYS_futex, &word, FUTEX_WAKE_BITSET, 1, 0, 0, 1));
	TRY(syscall(SYS_futex, &word, FUTEX_WAKE_OP, 1, 1, &other, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 0)));
	SAY("%d", other);
	TRY(syscall(SYS_futex, &word, 77, 1, 0, 0, 0));
	time.tv_nsec = -1;
	TRY(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &time, 0, 0));
	pthread_create(&thread, 0, wake_later, &word);
	while (!word)
		syscall(SYS_futex, &word, FUTEX_WAIT, 0, 0, 0, 0);
	SAY("woken");
	pthread_join(thread, 0);
}

/* Only what fails: this host's clock stays as it is. */
static void clock_setting(void)
{
	struct timespec bad = {-1, 0}, good = {1000000000, 0};
	struct timeval day = {0, 1000000};
	int zone[2] = {10000, 0};

	TRY(syscall(SYS_clock_settime, CLOCK_REALTIME, &bad));
	bad = (struct timespec){1000000000, 1000000000};
	TRY(syscall(SYS_clock_settime, CLOCK_REALTIME, &bad));
	bad = (struct timespec){INT64_MAX, 0};
	TRY(syscall(SYS_clock_settime, CLOCK_REALTIME, &bad));
	TRY(syscall(SYS_clock_settime, CLOCK_REALTIME, BAD_ADDRESS));
	TRY(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &good));
	TRY(syscall(SYS_clock_settime, CLOCK_BOOTTIME, &good));
	TRY(syscall(SYS_clock_settime, CLOCK_PROCESS_CPUTIME_ID, &good));
	TRY(syscall(SYS_clock_settime, CLOCK_PROCESS_CPUTIME_ID, BAD_ADDRESS));
	TRY(syscall(SYS_clock_settime, 77, &good));
	TRY(syscall(SYS_clock_settime, ~getpid() * 8 + 2, &good));
	TRY(syscall(SYS_clock_settime, ~getpid() * 8 + 2, BAD_ADDRESS));
	TRY(syscall(SYS_clock_settime, -4999998 * 8 + 2, &good));
	TRY(syscall(SYS_settimeofday, &day, 0));
	TRY(syscall(SYS_settimeofday, BAD_ADDRESS, 0));
	TRY(syscall(SYS_settimeofday, 0, BAD_ADDRESS));
	TRY(syscall(SYS_settimeofday, 0, zone));
	if (fork() == 0) {
		TRY(setuid(1000));
		TRY(syscall(SYS_clock_settime, CLOCK_REALTIME, &good));
		TRY(syscall(SYS_settimeofday, 0, zone));
		_exit(0);
	}
	GOOD(wait(0));
}

/* SIGALRM again and again: what it is to interrupt is interrupted, however late it begins. Between two there is time enough to get on, however
 * slow the machine. */
static void alarms(long microseconds)
{
	struct itimerval timer = {{0, microseconds}, {0, microseconds}};

	setitimer(ITIMER_REAL, &timer, 0);
}

static void waits_for_alarms(void)
{
	struct timespec time = {1000, 0}, left = {5, 5};
	sigset_t blocked, none;

	alarms(100000);
	TRY(nanosleep(&time, &left));
	SAY("%d", left.tv_sec > 900 && left.tv_sec < 1000);
	TRY(pause());
	alarms(0);
	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGALRM);
	sigprocmask(SIG_BLOCK, &blocked, 0);
	TRY(alarm(100));
	left.tv_sec = alarm(1);
	SAY("%d", left.tv_sec > 90 && left.tv_sec <= 100);
	last = 0;
	TRY(sigsuspend(&none));
	SAY("%d", last);
	sigprocmask(SIG_UNBLOCK, &blocked, 0);
}

static void sleeps(void)
{
	struct timespec time = {0, 1000000}, now, then;
	struct timeval day;
	struct itimerval timer = {{0, 0}, {1000, 0}}, old;

	SAY("-- sleeps and clocks");
	TRY(nanosleep(&time, 0));
	time.tv_nsec = 1000000000;
	TRY(nanosleep(&time, 0));
	time = (struct timespec){-1, 0};
	TRY(nanosleep(&time, 0));
	TRY(nanosleep(BAD_ADDRESS, 0));
	signal(SIGALRM, handler);
	TRY(setitimer(ITIMER_REAL, &timer, &old));
	SAY("%ld %ld", (long)old.it_value.tv_sec, (long)old.it_value.tv_usec);
	TRY(setitimer(77, &timer, 0));
	timer.it_value.tv_usec = 1000000;
	TRY(setitimer(ITIMER_REAL, &timer, 0));
	TRY(getitimer(ITIMER_REAL, &old));
	SAY("%d", old.it_value.tv_sec > 900 && old.it_value.tv_sec <= 1000);
	timer.it_value = (struct timeval){0, 0};
	TRY(setitimer(ITIMER_REAL, &timer, &old));
	SAY("%d", old.it_value.tv_sec > 900 && old.it_value.tv_sec <= 1000);
	TRY(getitimer(ITIMER_REAL, &old));
	SAY("%ld %ld", (long)old.it_value.tv_sec, (long)old.it_value.tv_usec);
	waits_for_alarms();
	clock_gettime(CLOCK_MONOTONIC, &now);
	then = now;
	then.tv_nsec += 5000000;
	if (then.tv_nsec >= 1000000000) {
		then.tv_nsec -= 1000000000;
		then.tv_sec++;
	}
	TRY(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, 0));
	clock_gettime(CLOCK_MONOTONIC, &now);
	SAY("%d", now.tv_sec > then.tv_sec || (now.tv_sec == then.tv_sec && now.tv_nsec >= then.tv_nsec));
	clock_gettime(CLOCK_REALTIME, &then);
	then.tv_sec++;
	TRY(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &then, 0));
	clock_gettime(CLOCK_REALTIME, &now);
	SAY("%d", now.tv_sec > then.tv_sec || (now.tv_sec == then.tv_sec && now.tv_nsec >= then.tv_nsec));
	clock_setting();
	TRY(syscall(SYS_clock_nanosleep, 77, 0, &then, 0));
	TRY(syscall(SYS_clock_gettime, CLOCK_REALTIME, &now));
	TRY(syscall(SYS_clock_gettime, 77, &now));
	TRY(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, BAD_ADDRESS));
	TRY(syscall(SYS_clock_getres, CLOCK_MONOTONIC, &now));
	TRY(syscall(SYS_clock_getres, 77, &now));
	TRY(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now));
	TRY(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now));
	TRY(syscall(SYS_gettimeofday, &day, 0));
	TRY(syscall(SYS_gettimeofday, BAD_ADDRESS, 0));
	TRY(syscall(SYS_time, 0) == day.tv_sec || 1);
	TRY(syscall(SYS_time, BAD_ADDRESS));
}

static void far_deadlines(void)
{
	struct timespec far = {INT64_MAX, 0};
	int word = 0;

	SAY("-- far deadlines");
	set(SIGALRM, informed, 0);
	alarms(100000);
	TRY(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &far, 0, 0));
	alarms(100000);
	TRY(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &far, 0, -1));
	clock_gettime(CLOCK_REALTIME, &far);
	far.tv_sec += 1000;
	alarms(100000);
	TRY(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &far, 0, -1));
	alarms(100000);
	TRY(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &far, 0));
	far.tv_sec = INT64_MAX;
	alarms(100000);
	TRY(nanosleep(&far, 0));
	alarms(0);
}

static void timers(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2, .sigev_value.sival_int = 9};
	struct itimerspec setting = {{0, 50000000}, {0, 50000000}}, old;
	timer_t timer;

	SAY("-- timers");
	set(SIGUSR2, informed, SA_RESTART);
	TRY(timer_create(CLOCK_MONOTONIC, &event, &timer));
	TRY(timer_create(77, &event, &timer));
	event.sigev_signo = 99;
	TRY(timer_create(CLOCK_MONOTONIC, &event, &timer));
	count = 0;
	TRY(timer_settime(timer, 0, &setting, &old));
	while (count < 3)
		pause_ms(2);
	SAY("%d %d", seen.si_code, seen.si_int);
	TRY(timer_gettime(timer, &old));
	SAY("%ld", old.it_interval.tv_nsec);
	TRY(timer_getoverrun(timer) >= 0);
	setting.it_value.tv_nsec = 1000000000;
	TRY(timer_settime(timer, 0, &setting, 0));
	TRY(timer_delete(timer));
	TRY(syscall(SYS_timer_delete, 12345));
	TRY(syscall(SYS_timer_gettime, 12345, &old));
	TRY(syscall(SYS_timer_settime, 12345, 0, &setting, 0));
	TRY(syscall(SYS_timer_getoverrun, 12345));
}

static volatile int *alarms_seen;

static void alarm_counted(int number)
{
	(void)number;
	(*alarms_seen)++;
}

static void restarts(void)
{
	int tube[2];
	char byte;

	SAY("-- restarts");
	pipe(tube);
	struct sigaction action = {.sa_handler = handler};
	sigaction(SIGALRM, &action, 0);
	alarms(100000);
	TRY(read(tube[0], &byte, 1));
	alarms_seen = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	action.sa_handler = alarm_counted;
	action.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &action, 0);
	pid_t child = fork();
	if (child == 0) {
		until_asleep(getppid(), getppid());
		for (int begin = *alarms_seen; *alarms_seen < begin + 3;)
			pause_ms(1);
		write(tube[1], "x", 1);
		_exit(0);
	}
	TRY(read(tube[0], &byte, 1));
	alarms(0);
	waitpid(child, 0, 0);
	action.sa_handler = handler;
	action.sa_flags = SA_RESETHAND | SA_NODEFER;
	sigaction(SIGUSR1, &action, 0);
	kill(getpid(), SIGUSR1);
	CHILD("a handler that was reset", kill(getpid(), SIGUSR1); pause());
	close(tube[0]);
	close(tube[1]);
}

static void memory(void)
{
	char *a = mmap(0, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *b;
	unsigned char in[4];
	int fd;

	SAY("-- memory");
	TRY(mmap(0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	TRY(mmap(0, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	TRY(mmap(0, 4096, PROT_READ, MAP_PRIVATE, 999, 0) == MAP_FAILED);
	TRY(syscall(SYS_mmap, (void *)1, 4096L, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0L));
	TRY(mmap(a, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED);
	a[0] = 5;
	TRY(mprotect(a, 4096, PROT_READ));
	TRY(mprotect(a + 1, 4096, PROT_READ));
	TRY(mprotect(BAD_ADDRESS, 4096, PROT_READ));
	TRY(mprotect((char *)0x10000, 4096, PROT_READ));
	TRY(mprotect(a, 4096, PROT_READ | PROT_WRITE));
	TRY(mincore(a, 16384, in));
	TRY(in[0] & 1);
	TRY(mincore(a + 1, 1, in));
	TRY(madvise(a, 4096, MADV_DONTNEED));
	SAY("%d", a[0]);
	TRY(madvise(a, 4096, 7777));
	TRY(madvise(a + 1, 4096, MADV_NORMAL));
	TRY(msync(a, 4096, MS_SYNC));
	TRY(msync(a, 4096, MS_SYNC | MS_ASYNC));
	TRY(mlock(a, 4096));
	TRY(munlock(a, 4096));
	TRY(syscall(SYS_mlock2, a, 4096, 0));
	TRY(syscall(SYS_mlock2, a, 4096, 77));
	TRY(mlockall(MCL_CURRENT));
	TRY(mlockall(77));
	TRY(munlockall());
	a[4096] = 6;
	TRY((b = mremap(a, 16384, 32768, MREMAP_MAYMOVE)) != MAP_FAILED);
	SAY("%d", b[4096]);
	TRY(mremap(b, 32768, 8192, 0) == b);
	TRY(mremap(b + 1, 4096, 8192, 0) == MAP_FAILED);
	TRY(mremap((void *)0x10000, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED);
	TRY(munmap(b, 8192));
	TRY(munmap(b + 1, 8192));
	TRY(munmap(b, 0));
	TRY(munmap(b, 8192));
	void *end = sbrk(0);
	TRY(brk((char *)end + 10000));
	TRY((char *)sbrk(0) - (char *)end);
	TRY(syscall(SYS_brk, 0) == (long)sbrk(0));
	fd = open("map", O_CREAT | O_RDWR, 0600);
	write(fd, "abc", 3);
	a = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	b = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	b[0] = 'x';
	a[1] = 'y';
	pread(fd, in, 3, 0);
	SAY("%.3s %c", in, b[0]);
	CHILD("shared with a child", a[2] = 'z');
	pread(fd, in, 3, 0);
	SAY("%.3s", in);
	int reader = open("map", O_RDONLY);
	TRY(mmap(0, 4096, PROT_WRITE, MAP_SHARED, reader, 0) == MAP_FAILED);
	TRY(mmap(0, 4096, PROT_WRITE, MAP_PRIVATE, reader, 0) != MAP_FAILED);
	TRY(mmap(0, 4096, PROT_READ, MAP_PRIVATE, reader, 1) == MAP_FAILED);
	close(reader);
	close(fd);
	unlink("map");
}

int main(void)
{
	sending();
	faults();
	futexes();
	sleeps();
	far_deadlines();
	timers();
	restarts();
	memory();
	return 0;
}
