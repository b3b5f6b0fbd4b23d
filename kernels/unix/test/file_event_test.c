/* eventfd and epoll: counts, readiness, one-shot entries, descriptors that are closed and used again. */
#include "file_fake.h"


static void events_count(void)
{
	int64_t fd = DO(eventfd2, 3, O_NONBLOCK), semaphore = DO(eventfd2, 2, EFD_SEMAPHORE | O_NONBLOCK);
	uint64_t value = 4;

	CHECK_IS(DO(write, fd, &value, 8), 8);
	CHECK_IS(DO(read, fd, &value, 8), 8);
	CHECK_IS(value, 7);
	CHECK_IS(DO(read, fd, &value, 8), -EAGAIN);
	CHECK_IS(DO(read, fd, &value, 4), -EINVAL);
	CHECK_IS(DO(read, semaphore, &value, 8), 8);
	CHECK_IS(value, 1);
	CHECK_IS(DO(read, semaphore, &value, 8), 8);
	CHECK_IS(DO(read, semaphore, &value, 8), -EAGAIN);
	value = UINT64_MAX;
	CHECK_IS(DO(write, fd, &value, 8), -EINVAL);
	value = UINT64_MAX - 1;
	CHECK_IS(DO(write, fd, &value, 8), 8);
	CHECK_IS(DO(write, fd, &value, 8), -EAGAIN);
	CHECK_IS(DO(close, fd), 0);
	CHECK_IS(DO(close, semaphore), 0);
}

static void epoll_reports_what_is_ready(void)
{
	struct linux_epoll_event event = {.events = POLLIN, .data = 11}, found[4];
	int64_t set = DO(epoll_create1, O_CLOEXEC);
	int32_t pipe[2], other[2];

	CHECK(set >= 0);
	CHECK_IS(DO(pipe2, pipe, 0), 0);
	CHECK_IS(DO(epoll_ctl, set, EPOLL_CTL_ADD, pipe[0], &event), 0);
	CHECK_IS(DO(epoll_ctl, set, EPOLL_CTL_ADD, pipe[0], &event), -EEXIST);
	CHECK_IS(DO(epoll_ctl, set, EPOLL_CTL_MOD, pipe[1], &event), -ENOENT);
	CHECK_IS(DO(epoll_ctl, set, EPOLL_CTL_ADD, set, &event), -EINVAL);
	CHECK_IS(DO(epoll_wait, set, found, 4, 0), 0);
	CHECK_IS(DO(epoll_wait, set, found, 4, 5), 0);
	CHECK_IS(DO(write, pipe[1], "x", 1), 1);
	CHECK_IS(DO(epoll_wait, set, found, 4, -1), 1);
	CHECK_IS(found[0].data, 11);
	CHECK_IS(found[0].events, POLLIN);
	event.events |= EPOLL_ONESHOT;
	CHECK_IS(DO(epoll_ctl, set, EPOLL_CTL_MOD, pipe[0], &event), 0);
	CHECK_IS(DO(epoll_wait, set, found, 4, -1), 1);
	CHECK_IS(DO(epoll_wait, set, found, 4, 0), 0);
	CHECK_IS(DO(epoll_wait, set, 8, 4, 0), 0);
	event.events = POLLOUT;
	CHECK_IS(DO(epoll_ctl, set, EPOLL_CTL_ADD, pipe[1], &event), 0);
	CHECK_IS(DO(epoll_wait, set, 8, 4, 0), -EFAULT);
	CHECK_IS(DO(close, pipe[1]), 0);
	CHECK_IS(DO(epoll_wait, set, found, 4, 0), 0);
	CHECK_IS(DO(pipe2, other, 0), 0);
	CHECK_IS(DO(epoll_ctl, set, EPOLL_CTL_DEL, pipe[0], 0), 0);
	CHECK_IS(DO(close, pipe[0]), 0);
	CHECK_IS(DO(epoll_ctl, set, EPOLL_CTL_ADD, other[0], &event), 0);
	CHECK_IS(DO(close, set), 0);
	CHECK_IS(DO(close, other[0]), 0);
	CHECK_IS(DO(close, other[1]), 0);
}

int main(void)
{
	int64_t heap;

	fake_start();
	events_count();
	epoll_reports_what_is_ready();
	heap = fake_heap_used();
	events_count();
	epoll_reports_what_is_ready();
	CHECK_IS(fake_heap_used(), heap);
	return 0;
}
