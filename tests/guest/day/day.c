/* Compiled and run inside by tcc. */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static jmp_buf back;
static volatile int total;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *add(void *count)
{
	for (int i = 0; i < *(int *)count; i++) {
		pthread_mutex_lock(&mutex);
		total++;
		pthread_mutex_unlock(&mutex);
	}
	return count;
}

static void on_fault(int number)
{
	siglongjmp(back, number);
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int main(int count, char **argument)
{
	int numbers[] = { 5, 3, 9, 1 }, thousand = 1000, status;
	pthread_t thread[4];
	char *page;

	printf("%s with %d words: %s\n", strrchr(argument[0], '/') ? "program" : argument[0], count, argument[1]);
	qsort(numbers, 4, sizeof numbers[0], compare);
	printf("%d %d %d %d %.3f\n", numbers[0], numbers[1], numbers[2], numbers[3], sqrt(2));
	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, add, &thousand);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	printf("threads counted %d\n", total);
	fflush(stdout);
	if (fork() == 0)
		execlp("expr", "expr", "6", "*", "7", (char *)NULL);
	wait(&status);
	printf("child %d\n", WEXITSTATUS(status));
	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	strcpy(page, "mapped");
	mprotect(page, 4096, PROT_READ);
	signal(SIGSEGV, on_fault);
	if (sigsetjmp(back, 1) == 0)
		page[0] = 'x';
	else
		printf("protected: %s\n", page);
	printf("%s %d\n", strerror(ENOENT), access("/no/such", F_OK));
	return 5;
}
