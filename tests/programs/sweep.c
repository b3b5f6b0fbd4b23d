/* sweep THREADS PAGES ROUNDS: each thread writes to all pages of an array of its own, in turn, so often. */
#include "need.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { PAGE = 4096, THREADS = 64 };

static size_t pages, rounds;

static void *sweep(void *unused)
{
	unsigned char *array = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)unused;
	NEED(array != MAP_FAILED);
	for (size_t round = 0; round < rounds; round++)
		for (size_t i = 0; i < pages; i++)
			NEED(array[i * PAGE]++ == (unsigned char)round);
	return NULL;
}

int main(int count, char **arguments)
{
	pthread_t thread[THREADS];
	unsigned threads;

	NEED(count == 4);
	threads = (unsigned)atoi(arguments[1]);
	pages = strtoul(arguments[2], NULL, 10);
	rounds = strtoul(arguments[3], NULL, 10);
	NEED(threads <= THREADS);
	for (unsigned i = 0; i < threads; i++)
		NEED(pthread_create(&thread[i], NULL, sweep, NULL) == 0);
	for (unsigned i = 0; i < threads; i++)
		NEED(pthread_join(thread[i], NULL) == 0);
	return 0;
}
