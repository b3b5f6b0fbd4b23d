/* own_page: code that writes to the page in which it lies, as small programs of `tcc -run` and just-in-time compilers do. Each
 * piece of code lies at the start or the end of a page that is writable and executable, and its data beside it. Says how many
 * pieces did what they should, or which did not. */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, DATA = 1024, THREADS = 4, ROUNDS = 200 };

static unsigned passed;

static void need(int condition, const char *what)
{
	if (!condition) {
		printf("own_page: %s\n", what);
		fflush(stdout);
		_exit(1);
	}
	passed++;
}

static uint8_t *pages_new(void)
{
	uint8_t *pages = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	need(pages != MAP_FAILED, "mmap");
	return pages;
}

/* Puts the code at `offset` of a new area and calls it with the address of its data, one page's DATA. */
static uint64_t run(const char *code, size_t bytes, unsigned offset, uint8_t **data)
{
	uint8_t *pages = pages_new();
	uint64_t (*function)(void *, uint64_t) = (uint64_t (*)(void *, uint64_t))(uintptr_t)(pages + offset);

	memcpy(pages + offset, code, bytes);
	*data = pages + offset / PAGE * PAGE + DATA;
	return function(*data, 0x1122334455667788);
}
#define RUN(code, offset, data) run(code, sizeof(code) - 1, offset, data)

static uint64_t word(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof value);
	return value;
}

static void stores(void)
{
	uint8_t *data;

	RUN("\x48\x89\x37\xc3", 0, &data);                      /* mov %rsi, (%rdi) */
	need(word(data) == 0x1122334455667788, "a store");
	need(RUN("\x48\x89\x35\xf9\x03\x00\x00\x48\x8b\x05\xf2\x03\x00\x00\xc3", 0, &data) == 0x1122334455667788 &&
		word(data) == 0x1122334455667788, "a store relative to the next instruction");
	RUN("\xc7\x05\xf6\x03\x00\x00\x78\x56\x34\x12\xc3", 0, &data);      /* movl $0x12345678, 0x3f6(%rip) */
	need(word(data) == 0x12345678, "a relative store of an immediate");
	need(RUN("\xb8\x05\x00\x00\x00\xf0\x0f\xc1\x07\xf0\x0f\xc1\x07\xc3", 0, &data) == 5 && word(data) == 5, "lock xadd");
	RUN("\xf3\x0f\x7e\xc0\x66\x48\x0f\x6e\xc6\x0f\x29\x07\xc3", 0, &data);
	need(word(data) == 0x1122334455667788 && word(data + 8) == 0, "movaps");
	RUN("\xb9\x64\x00\x00\x00\xb8\x5a\x00\x00\x00\xf3\xaa\xc3", 0, &data);
	need(data[0] == 0x5a && data[99] == 0x5a && data[100] == 0, "rep stosb");
	/* over the end of the page into the next: the data pointer is moved there first */
	RUN("\x48\x81\xc7\xfc\x0b\x00\x00\x48\x89\x37\xc3", 0, &data);
	need(word(data + PAGE - DATA - 4) == 0x1122334455667788, "a store over the end of the page");
	/* the instruction itself lies on both pages, and writes to the second and to the first */
	RUN("\x48\x81\xc7\x00\x0c\x00\x00\x48\xc7\x87\x10\x00\x00\x00\x07\x00\x00\x00\xc3", PAGE - 12, &data);
	need(word(data + PAGE - DATA + 16) == 7, "an instruction on two pages that writes to the second");
	RUN("\x90\x90\x90\x90\x90\x48\xc7\x87\x10\x00\x00\x00\x07\x00\x00\x00\xc3", PAGE - 10, &data);
	need(word(data + 16) == 7, "an instruction on two pages that writes to the first");
	/* it changes the instruction that follows: mov $1, %eax becomes mov $9, %eax */
	need(RUN("\xc6\x05\x01\x00\x00\x00\x09\xb8\x01\x00\x00\x00\xc3", 0, &data) == 9, "the next instruction");
}

/* The stack lies in the page of the code: push, call, indirect call. */
static void calls(void)
{
	uint8_t *data;

	/* mov %rsp, %rax; lea 256(%rdi), %rsp; push %rsi; pop %rdx; mov %rax, %rsp; mov %rdx, %rax; ret */
	need(RUN("\x48\x89\xe0\x48\x8d\xa7\x00\x01\x00\x00\x56\x5a\x48\x89\xc4\x48\x89\xd0\xc3", 0, &data) == 0x1122334455667788, "push");
	/* mov %rsp, %rdx; lea 256(%rdi), %rsp; call 1f; inc %eax; mov %rdx, %rsp; ret; 1: mov $41, %eax; ret */
	need(RUN("\x48\x89\xe2\x48\x8d\xa7\x00\x01\x00\x00\xe8\x06\x00\x00\x00\xff\xc0\x48\x89\xd4\xc3\xb8\x29\x00\x00\x00\xc3", 0, &data) == 42,
		"call");
	/* the same through a register: lea 1f(%rip), %rcx; call *%rcx */
	need(RUN("\x48\x89\xe2\x48\x8d\xa7\x00\x01\x00\x00\x48\x8d\x0d\x08\x00\x00\x00\xff\xd1\xff\xc0\x48\x89\xd4\xc3"
		"\xb8\x29\x00\x00\x00\xc3", 0, &data) == 42, "call through a register");
	/* and through memory beside the code: mov %rcx, 8(%rdi); call *8(%rdi) */
	need(RUN("\x48\x89\xe2\x48\x8d\xa7\x00\x01\x00\x00\x48\x8d\x0d\x0d\x00\x00\x00\x48\x89\x4f\x08\xff\x57\x08\xff\xc0\x48\x89\xd4\xc3"
		"\xb8\x29\x00\x00\x00\xc3", 0, &data) == 42, "call through memory");
}

/* ---- with signals ---- */

static volatile sig_atomic_t ticks;

static void on_tick(int number)
{
	(void)number;
	ticks++;
}

/* 1: incl (%rdi); dec %esi; jnz 1b; mov (%rdi), %eax; ret */
static const char counter[] = "\xff\x07\xff\xce\x75\xfa\x8b\x07\xc3";

static unsigned count_in(uint8_t *pages, unsigned at, unsigned rounds)
{
	unsigned (*function)(void *, unsigned) = (unsigned (*)(void *, unsigned))(uintptr_t)(pages + at);

	memcpy(pages + at, counter, sizeof counter - 1);
	return function(pages + at + 256, rounds);
}

static void signals(void)
{
	struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, never = { 0 };
	struct sigaction action = { .sa_handler = on_tick };
	uint8_t *pages = pages_new();

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (unsigned done = 0; ticks < 20; done += 500)
		if (count_in(pages, 0, 500) != done + 500)
			need(0, "a count with signals");
	setitimer(ITIMER_REAL, &never, NULL);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	ucontext_t *user = context;

	(void)number;
	if ((uintptr_t)info->si_addr < 65536)
		user->uc_mcontext.gregs[REG_RIP] += 2;
	ticks = (sig_atomic_t)(uintptr_t)info->si_addr;
}

/* A store over the end of the own page, to where nothing is, says where the instruction stands: mov %esi, (%rdi); mov $3, %eax; ret */
static void wild_store(void)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	uint8_t *pages = pages_new();
	unsigned (*function)(uint64_t, unsigned) = (unsigned (*)(uint64_t, unsigned))(uintptr_t)pages;

	sigaction(SIGSEGV, &action, NULL);
	memcpy(pages, "\x89\x37\xb8\x03\x00\x00\x00\xc3", 8);
	need(function(64, 1) == 3 && ticks == 64, "a wild store from such a page");
	signal(SIGSEGV, SIG_DFL);
}

/* ---- with threads, and after fork ---- */

static uint8_t *shared_pages;

static void *thread_count(void *argument)
{
	return (void *)(uintptr_t)count_in(shared_pages, (unsigned)(uintptr_t)argument * 512, ROUNDS);
}

static void threads(void)
{
	pthread_t thread[THREADS];

	shared_pages = pages_new();
	for (uintptr_t i = 0; i < THREADS; i++)
		need(pthread_create(&thread[i], NULL, thread_count, (void *)i) == 0, "pthread_create");
	for (unsigned i = 0; i < THREADS; i++) {
		void *result;

		pthread_join(thread[i], &result);
		need((uintptr_t)result == ROUNDS, "a count by threads in one page");
	}
}

static void children(void)
{
	uint8_t *pages = pages_new();
	int status;

	need(count_in(pages, 0, 10) == 10, "before fork");
	if (fork() == 0)
		_exit(count_in(pages, 0, 10) == 20 && count_in(pages, 512, 5) == 5 ? 0 : 1);
	need(count_in(pages, 512, 7) == 7, "beside a child");
	need(wait(&status) > 0 && status == 0, "a child");
	need(count_in(pages, 0, 10) == 20, "after a child");
}

int main(void)
{
	stores();
	calls();
	signals();
	wild_store();
	threads();
	children();
	printf("own_page: %s\n", passed > 40 ? "all well" : "too few");
	return 0;
}
