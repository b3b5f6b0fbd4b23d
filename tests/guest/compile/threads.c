#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { THREADS = 8, ROUNDS = 100000 };

static atomic_long sum;

static void *adder(void *from)
{
	for (long i = 0; i < ROUNDS; i++)
		atomic_fetch_add(&sum, i + (long)from);
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];

	for (long i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, adder, (void *)i);
	for (long i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("%ld\n", sum);
	return 0;
}
