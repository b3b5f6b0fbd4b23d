/* Mutexes and wait queues with threads of the host as UNIX's: one holder at a time, no wake is lost, stray unparks do no harm. */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "baryon/calls.h"
#include "process/process.h"

enum { THREADS = 6, ROUNDS = 20000 };

static struct fake {
	struct thread thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool token;
} fakes[THREADS];

static __thread struct fake *mine;

static struct thread *fake_self(void)
{
	return &mine->thread;
}

long park(uint64_t deadline_ns)
{
	struct timespec soon;

	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_sec += deadline_ns != 0 ? 0 : 300;
	soon.tv_nsec = deadline_ns != 0 ? soon.tv_nsec : 0;
	pthread_mutex_lock(&mine->lock);
	while (!mine->token) {
		if (pthread_cond_timedwait(&mine->wake, &mine->lock, &soon) != 0) {
			assert(deadline_ns != 0);       /* nobody woke us: a wake was lost */
			break;
		}
	}
	deadline_ns = mine->token;
	mine->token = false;
	pthread_mutex_unlock(&mine->lock);
	return deadline_ns ? 0 : -BARYON_ETIMEDOUT;
}

long unpark(baryon_uid thread)
{
	struct fake *fake = &fakes[thread - 1];

	pthread_mutex_lock(&fake->lock);
	fake->token = true;
	pthread_cond_signal(&fake->wake);
	pthread_mutex_unlock(&fake->lock);
	return 0;
}

bool signal_is_pending(void)
{
	return false;
}

#define self fake_self
#include "../mutex.c"
#include "../wait.c"
#undef self

static struct mutex lock;
static struct wait_queue queue;
static unsigned inside, total;

static void *one_is_inside(void *argument)
{
	mine = argument;
	for (unsigned i = 0; i < ROUNDS; i++) {
		mutex_lock(&lock);
		assert(inside++ == 0);
		total++;
		inside--;
		mutex_unlock(&lock);
		if (i % 64 == 0)
			unpark(1 + (unsigned)rand() % THREADS);
	}
	return NULL;
}

/* A ring of turns: each waits for its number. */
static unsigned turn;

static void *turns_are_not_lost(void *argument)
{
	unsigned number;

	mine = argument;
	number = (unsigned)(mine - fakes);
	for (unsigned i = 0; i < ROUNDS / 40; i++) {
		mutex_lock(&lock);
		while (turn != number)
			assert(wait_queue_sleep(&queue, &lock, true, 0) == 0);
		turn = (turn + 1) % THREADS;
		wait_queue_wake(&queue);
		mutex_unlock(&lock);
	}
	return NULL;
}

static void in_threads(void *(*body)(void *))
{
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, body, &fakes[i]);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void sleeping_ends_at_the_deadline(void)
{
	mine = &fakes[0];
	mine->token = false;
	assert(wait_queue_sleep(&queue, NULL, true, 1) == -ETIMEDOUT);
	assert(queue.first == NULL && queue.last == NULL);
}

int main(void)
{
	for (unsigned i = 0; i < THREADS; i++) {
		fakes[i].thread.uid = i + 1;
		pthread_mutex_init(&fakes[i].lock, NULL);
		pthread_cond_init(&fakes[i].wake, NULL);
	}
	in_threads(one_is_inside);
	assert(total == THREADS * ROUNDS && lock.state == 0);
	in_threads(turns_are_not_lost);
	assert(queue.first == NULL);
	sleeping_ends_at_the_deadline();
	return 0;
}
