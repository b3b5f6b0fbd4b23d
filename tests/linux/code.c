/* Code on the stack: a program that asks for it in its file (it is linked so), and stacks that are made so later, as the loader of a
 * library that wants it does. */
#include "try.h"

#include <alloca.h>
#include <pthread.h>
#include <sys/mman.h>

#define PAGE 4096ul

static const uint8_t answer[] = {0xb8, 42, 0, 0, 0, 0xc3};      /* mov $42, %eax; ret */

static __attribute__((noinline)) int answer_here(unsigned below)
{
	volatile char *room = alloca(below);
	uint8_t code[16];

	room[0] = 0;
	memcpy(code, answer, sizeof answer);
	__builtin___clear_cache((char *)code, (char *)code + sizeof code);
	return ((int (*)(void))code)();
}

static __attribute__((noinline)) int sum_of(int count, int (*next)(int))
{
	int sum = 0;

	for (int i = 0; i < count; i++)
		sum += next(i);
	return sum;
}

/* The compiler makes a piece of code on the stack for it. */
static void nested(void)
{
	int calls = 0;
	int next(int i)
	{
		calls++;
		return i * i;
	}

	SAY("sum %d", sum_of(10, next));
	SAY("calls %d", calls);
}

static void stack_is(char *page, int rights)
{
	TRY(mprotect(page, PAGE, rights | PROT_GROWSDOWN));
	SAY("%d", answer_here(1));
	SAY("%d", answer_here(300000));
}

static void *in_a_thread(void *unused)
{
	SAY("%d", answer_here(1));
	return unused;
}

int main(int argc, char **argv)
{
	char *page = (char *)((uintptr_t)&page & -PAGE), *pages = mmap(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;

	if (argc > 1) {
		SAY("in another image: %d", answer_here(1));
		return 0;
	}
	SAY("%d", answer_here(1));
	SAY("%d", answer_here(200000));
	nested();
	pthread_create(&thread, NULL, in_a_thread, NULL);
	pthread_join(thread, NULL);
	CHILD("a child", SAY("%d", answer_here(100)));
	CHILD("exec", execl(argv[0], argv[0], "again", NULL));
	CHILD("no code", stack_is(page, PROT_READ | PROT_WRITE));
	CHILD("code again", mprotect(page, PAGE, PROT_READ | PROT_WRITE | PROT_GROWSDOWN); stack_is(page, PROT_READ | PROT_WRITE | PROT_EXEC));
	TRY(mprotect(pages, PAGE, PROT_READ | PROT_GROWSDOWN));
	TRY(mprotect(page, PAGE, PROT_READ | PROT_WRITE | PROT_GROWSUP));
	munmap(pages, PAGE);
	TRY(mprotect(pages, PAGE, PROT_READ | PROT_GROWSDOWN) == -1 && (errno == ENOMEM || errno == EINVAL));
	return 0;
}
