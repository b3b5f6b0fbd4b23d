/* A console ring carries every byte in order between two threads that sleep only when told nothing is there, and indices
 * that the other side made up do no harm. */
#include <pthread.h>
#include <semaphore.h>
#include <string.h>

#include "baryon/ring.h"
#include "test.h"

enum { BYTES = 3000000 };

static struct console_ring ring;
static sem_t bell_data, bell_room;

static void *produce(void *unused)
{
	unsigned long seed = 1234567;
	unsigned char batch[5000], next = 0;
	int left = BYTES;

	while (left) {
		uint32_t count = 1 + (uint32_t)(test_random(&seed) % sizeof batch), done = 0;

		if (count > (uint32_t)left)
			count = (uint32_t)left;
		for (uint32_t i = 0; i < count; i++)
			batch[i] = next++;
		while (done < count) {
			bool was_empty;
			uint32_t put = ring_put(&ring, batch + done, count - done, &was_empty);

			done += put;
			if (was_empty)
				sem_post(&bell_data);
			if (put == 0)
				sem_wait(&bell_room);
		}
		left -= (int)count;
	}
	return unused;
}

static void bytes_arrive_in_order_and_nobody_sleeps_for_ever(void)
{
	unsigned long seed = 7654321;
	unsigned char batch[5000], next = 0;
	pthread_t thread;
	int left = BYTES;

	sem_init(&bell_data, 0, 0);
	sem_init(&bell_room, 0, 0);
	pthread_create(&thread, NULL, produce, NULL);
	while (left) {
		bool was_full;
		uint32_t count = ring_take(&ring, batch, 1 + (uint32_t)(test_random(&seed) % sizeof batch), &was_full);

		if (was_full)
			sem_post(&bell_room);
		if (count == 0)
			sem_wait(&bell_data);
		for (uint32_t i = 0; i < count; i++)
			CHECK(batch[i] == next++);
		left -= (int)count;
	}
	pthread_join(thread, NULL);
}

static void made_up_indices_do_no_harm(void)
{
	unsigned char batch[100];
	uint32_t count;
	bool flag;

	memset(&ring, 0, sizeof ring);
	ring.head = 1u << 31;
	CHECK(ring_filled(&ring) == 0 && ring_take(&ring, batch, sizeof batch, &flag) == 0);
	ring.head = CONSOLE_RING_BYTES;
	CHECK(ring_room(&ring) == 0 && ring_put(&ring, batch, 1, &flag) == 0);
	ring.tail = CONSOLE_RING_BYTES - 10;
	(void)ring_peek(&ring, &count);
	CHECK(count == 10);
	ring.head = ring.tail = UINT32_MAX - 3;
	CHECK(ring_put(&ring, batch, 100, &flag) == 100 && flag && ring_filled(&ring) == 100);
}

int main(void)
{
	bytes_arrive_in_order_and_nobody_sleeps_for_ever();
	made_up_indices_do_no_harm();
	puts("ring: ok");
	return 0;
}
