/* Pipes and FIFOs among threads: bytes come in order and whole, small writes are not mixed, nobody sleeps for ever, ends that
 * close are noticed; poll and select see it all. */
#include "file_fake.h"

#include <time.h>

enum { WRITERS = 3, RECORDS = 3000, STREAM = 3000000 };

static int32_t ends[2];
static struct process *parent;

/* A record: its length, its writer, then bytes of that writer. */
static void *records_write(void *argument)
{
	uint8_t record[5000];
	uint8_t who = (uint8_t)(uintptr_t)argument;
	unsigned seed = who;

	fake_process(parent);
	for (int i = 0; i < RECORDS; i++) {
		uint16_t bytes = (uint16_t)(3 + rand_r(&seed) % (PIPE_BUF - 3));

		memcpy(record, &bytes, 2);
		memset(record + 2, who, bytes - 2u);
		CHECK_IS(DO(write, ends[1], record, bytes), bytes);
	}
	fake_process_end();
	return 0;
}

static void read_all(void *to, uint64_t bytes)
{
	for (uint64_t done = 0; done < bytes;) {
		int64_t got = DO(read, ends[0], (char *)to + done, bytes - done);

		CHECK(got > 0);
		done += (uint64_t)got;
	}
}

static void small_writes_are_whole(void)
{
	pthread_t threads[WRITERS];
	uint8_t record[5000];

	CHECK_IS(DO(pipe2, ends, 0), 0);
	for (uintptr_t i = 0; i < WRITERS; i++)
		pthread_create(&threads[i], 0, records_write, (void *)(i + 1));
	for (int i = 0; i < WRITERS * RECORDS; i++) {
		uint16_t bytes;

		read_all(&bytes, 2);
		CHECK(bytes >= 3 && bytes <= PIPE_BUF);
		read_all(record, bytes - 2u);
		for (int k = 1; k < bytes - 2; k++)
			CHECK(record[k] == record[0]);
	}
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], 0);
	CHECK_IS(DO(close, ends[1]), 0);
	CHECK_IS(DO(read, ends[0], record, 10), 0);
	CHECK_IS(DO(close, ends[0]), 0);
}

static void *stream_write(void *argument)
{
	static char block[200000];
	unsigned seed = 5;
	uint64_t done = 0;

	(void)argument;
	fake_process(parent);
	CHECK_IS(DO(close, ends[0]), 0);
	while (done < STREAM) {
		uint64_t bytes = 1 + (uint64_t)rand_r(&seed) % sizeof(block);

		bytes = bytes < STREAM - done ? bytes : STREAM - done;
		for (uint64_t i = 0; i < bytes; i++)
			block[i] = (char)((done + i) * 7 % 251);
		CHECK_IS(DO(write, ends[1], block, bytes), bytes);
		done += bytes;
	}
	fake_process_end();
	return 0;
}

static void streams_arrive_in_order(void)
{
	static char block[100000];
	unsigned seed = 9;
	pthread_t thread;
	uint64_t done = 0;

	CHECK_IS(DO(pipe2, ends, 0), 0);
	pthread_create(&thread, 0, stream_write, 0);
	while (done < STREAM) {
		int64_t got = DO(read, ends[0], block, 1 + rand_r(&seed) % sizeof(block));

		CHECK(got > 0);
		for (int64_t i = 0; i < got; i++)
			CHECK(block[i] == (char)((done + (uint64_t)i) * 7 % 251));
		done += (uint64_t)got;
	}
	pthread_join(thread, 0);
	CHECK_IS(DO(close, ends[0]), 0);
	CHECK_IS(DO(close, ends[1]), 0);
}

static void ends_and_edges(void)
{
	static char block[70000];
	struct linux_timeval a_while = {0, 1000};
	struct linux_pollfd poll[2];
	uint64_t set[3] = {0};
	int64_t total = 0, got;

	CHECK_IS(DO(pipe2, ends, O_NONBLOCK | O_CLOEXEC), 0);
	CHECK_IS(DO(read, ends[0], block, 1), -EAGAIN);
	CHECK_IS(DO(read, ends[0], block, 0), 0);
	poll[0] = (struct linux_pollfd){ends[0], POLLIN, 0};
	poll[1] = (struct linux_pollfd){ends[1], POLLOUT, 0};
	CHECK_IS(DO(poll, poll, 2, -1), 1);
	CHECK_IS(poll[0].revents, 0);
	CHECK_IS(poll[1].revents, POLLOUT);
	CHECK_IS(DO(write, ends[1], block, 70000), 65536);
	CHECK_IS(DO(write, ends[1], block, 1), -EAGAIN);
	CHECK_IS(DO(poll, poll, 2, 0), 1);
	CHECK_IS(poll[1].revents, 0);
	CHECK_IS(DO(read, ends[0], block, 100), 100);
	CHECK_IS(DO(write, ends[1], block, 200), -EAGAIN);
	CHECK_IS(DO(write, ends[1], block, 5000), 100);
	while ((got = DO(read, ends[0], block, 999)) > 0)
		total += got;
	CHECK_IS(total, 65536);
	CHECK_IS(got, -EAGAIN);
	set[0] = 1ull << ends[0];
	CHECK_IS(DO(select, 10, set, 0, 0, &a_while), 0);
	CHECK_IS(set[0], 0);
	CHECK_IS(DO(write, ends[1], 100, 5), -EFAULT);
	CHECK_IS(DO(write, ends[1], block, 5), 5);
	set[0] = 1ull << ends[0];
	set[1] = 1ull << ends[1];
	CHECK_IS(DO(select, 10, &set[0], &set[1], 0, 0), 2);
	CHECK_IS(DO(close, ends[0]), 0);
	CHECK_IS(DO(poll, &poll[1], 1, -1), 1);
	CHECK_IS(poll[1].revents, POLLOUT | POLLERR);
	fake_signals();
	CHECK_IS(DO(write, ends[1], block, 5), -EPIPE);
	CHECK_IS(fake_signals(), 1ull << SIGPIPE);
	CHECK_IS(DO(close, ends[1]), 0);
	CHECK_IS(DO(poll, &poll[1], 1, 0), 1);
	CHECK_IS(poll[1].revents, POLLNVAL);
	CHECK_IS(DO(pipe2, 100, 0), -EFAULT);
	CHECK_IS(DO(lseek, 0, 0, 0), -ESPIPE);
}

static void *fifo_reader(void *argument)
{
	char text[10];
	int64_t fd;

	(void)argument;
	fake_process(parent);
	fd = DO(open, "/tmp/fifo", O_RDONLY);
	CHECK(fd >= 0);
	CHECK_IS(DO(read, fd, text, 10), 5);
	CHECK_IS(DO(read, fd, text, 10), 0);
	fake_process_end();
	return 0;
}

static void fifos_meet(void)
{
	pthread_t thread;
	int64_t fd;

	CHECK_IS(DO(mknod, "/tmp/fifo", S_IFIFO | 0600), 0);
	CHECK_IS(DO(open, "/tmp/fifo", O_WRONLY | O_NONBLOCK), -ENXIO);
	for (int i = 0; i < 200; i++) {
		pthread_create(&thread, 0, fifo_reader, 0);
		fd = DO(open, "/tmp/fifo", O_WRONLY);
		CHECK(fd >= 0);
		CHECK_IS(DO(write, fd, "hello", 5), 5);
		CHECK_IS(DO(close, fd), 0);
		pthread_join(thread, 0);
	}
	CHECK_IS(DO(unlink, "/tmp/fifo"), 0);
}

static void *poller(void *argument)
{
	struct linux_pollfd poll = {ends[0], POLLIN, 0};

	fake_process(parent);
	if (argument)
		DO(close, ends[1]);
	CHECK_IS(DO(poll, &poll, 1, -1), 1);
	CHECK(poll.revents & (POLLIN | POLLHUP));
	fake_process_end();
	return 0;
}

static void pollers_wake(void)
{
	pthread_t thread;

	for (int i = 0; i < 300; i++) {
		CHECK_IS(DO(pipe2, ends, 0), 0);
		pthread_create(&thread, 0, poller, (void *)1);
		if (i % 3 == 0)
			sched_yield();
		CHECK_IS(DO(write, ends[1], "x", 1), 1);
		pthread_join(thread, 0);
		CHECK_IS(DO(close, ends[0]), 0);
		CHECK_IS(DO(close, ends[1]), 0);
	}
}

static void *interrupter(void *argument)
{
	struct timespec soon = {0, 20000000};

	nanosleep(&soon, 0);
	fake_interrupt(argument, true);
	return 0;
}

static void signals_end_waits(void)
{
	struct linux_pollfd poll;
	pthread_t thread;
	char byte;

	CHECK_IS(DO(pipe2, ends, 0), 0);
	pthread_create(&thread, 0, interrupter, self_process());
	CHECK_IS(DO(read, ends[0], &byte, 1), -ERESTARTSYS);
	pthread_join(thread, 0);
	poll = (struct linux_pollfd){ends[0], POLLIN, 0};
	CHECK_IS(DO(poll, &poll, 1, 1000), -EINTR);
	fake_interrupt(self_process(), false);
	CHECK_IS(DO(close, ends[0]), 0);
	CHECK_IS(DO(close, ends[1]), 0);
}

/* The writer is in the reader's page, one turn ahead, when the ring changes its size. */
static void rings_change_their_size(void)
{
	static uint8_t in[8192], out[8192];
	int32_t ends[2];

	for (unsigned i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i / 7);
	for (uint32_t other = 4096; other <= 65536; other *= 4) {
		CHECK_IS(DO(pipe2, ends, 0), 0);
		CHECK_IS(DO(fcntl, ends[0], F_SETPIPE_SZ, 8192), 8192);
		CHECK_IS(DO(write, ends[1], in, 8192), 8192);
		CHECK_IS(DO(read, ends[0], out, 1000), 1000);
		CHECK_IS(DO(write, ends[1], in, 1000), 1000);
		CHECK_IS(DO(fcntl, ends[0], F_SETPIPE_SZ, other), other == 4096 ? -EBUSY : (int64_t)other);
		CHECK_IS(DO(read, ends[0], out, 8192), 8192);
		CHECK(!memcmp(out, in + 1000, 7192) && !memcmp(out + 7192, in, 1000));
		CHECK_IS(DO(fcntl, ends[0], F_SETPIPE_SZ, 4096), 4096);
		CHECK_IS(DO(write, ends[1], in, 4096), 4096);
		CHECK_IS(DO(close, ends[0]), 0);
		CHECK_IS(DO(close, ends[1]), 0);
	}
}

int main(void)
{
	int64_t pages, heap;

	fake_start();
	parent = fake_process_first();
	pages = fake_pages_used();
	heap = fake_heap_used();
	small_writes_are_whole();
	streams_arrive_in_order();
	ends_and_edges();
	fifos_meet();
	pollers_wake();
	signals_end_waits();
	rings_change_their_size();
	CHECK_IS(fake_pages_used(), pages);
	CHECK(fake_heap_used() <= heap + 20);   /* the table of /tmp */
	return 0;
}
