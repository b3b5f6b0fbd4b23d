/* Several processes change the same few folders at once: nothing crashes, nobody waits for ever, and when all is removed
 * every page and record has been given back. */
#include "file_fake.h"

enum { THREADS = 4, ROUNDS = 15000, NAMES = 4 };

static struct process *parent;

static void path_make(char *to, unsigned *seed)
{
	static const char *const names[NAMES] = {"a", "b", "c", "d"};
	unsigned depth = 1 + (unsigned)rand_r(seed) % 3;

	strcpy(to, "/tmp");
	while (depth--)
		strcat(strcat(to, "/"), names[rand_r(seed) % NAMES]);
}

static void file_touch(const char *path, unsigned *seed)
{
	static char block[3000];
	char own[3000];
	int64_t fd = DO(open, path, O_RDWR | (rand_r(seed) % 2 ? O_CREAT : 0) | (rand_r(seed) % 4 ? 0 : O_TRUNC), 0600);
	struct linux_stat stat;

	if (fd < 0)
		return;
	DO(pwrite64, fd, block, 1 + rand_r(seed) % sizeof(block), rand_r(seed) % 20000);
	DO(pread64, fd, own, sizeof(own), rand_r(seed) % 20000);
	if (rand_r(seed) % 3 == 0)
		DO(ftruncate, fd, rand_r(seed) % 10000);
	CHECK_IS(DO(fstat, fd, &stat), 0);
	CHECK_IS(DO(close, fd), 0);
}

static void folder_use(const char *path)
{
	char buffer[512];
	int64_t fd = DO(open, path, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return;
	while (DO(getdents64, fd, buffer, sizeof(buffer)) > 0)
		;
	CHECK_IS(DO(close, fd), 0);
}

static void *work(void *argument)
{
	unsigned seed = (unsigned)(uintptr_t)argument;
	char one[100], other[100], where[4096];

	fake_process(parent);
	for (int i = 0; i < ROUNDS; i++) {
		path_make(one, &seed);
		path_make(other, &seed);
		switch (rand_r(&seed) % 10) {
		case 0:
			DO(mkdir, one, 0700);
			break;
		case 1:
			DO(rmdir, one);
			break;
		case 2:
			DO(unlink, one);
			break;
		case 3:
			DO(rename, one, other);
			break;
		case 4:
			DO(renameat2, AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
			break;
		case 5:
			DO(link, one, other);
			break;
		case 6:
			folder_use(one);
			break;
		case 7:
			DO(chdir, one);
			DO(getcwd, where, sizeof(where));
			DO(stat, "../..", where);
			break;
		default:
			file_touch(one, &seed);
		}
	}
	fake_process_end();
	return 0;
}

static void remove_all(const char *path)
{
	char buffer[512], below[PATH_MAX];
	int64_t bytes, fd = DO(open, path, O_RDONLY | O_DIRECTORY);

	CHECK(fd >= 0);
	while ((bytes = DO(getdents64, fd, buffer, sizeof(buffer))) > 0)
		for (int64_t at = 0; at < bytes; at += ((struct linux_dirent64 *)(buffer + at))->bytes) {
			struct linux_dirent64 *entry = (void *)(buffer + at);

			snprintf(below, sizeof(below), "%s/%.200s", path, entry->name);
			if (entry->name[0] == '.')
				continue;
			if (entry->type == DT_DIR) {
				remove_all(below);
				CHECK_IS(DO(rmdir, below), 0);
			} else {
				CHECK_IS(DO(unlink, below), 0);
			}
		}
	CHECK_IS(DO(close, fd), 0);
}

int main(void)
{
	pthread_t threads[THREADS];
	int64_t pages, heap;

	fake_start();
	parent = fake_process_first();
	CHECK_IS(DO(mkdir, "/tmp/a", 0700), 0);
	remove_all("/tmp");
	for (int i = 0; i < 1000; i += 64) {    /* folders may come to lie deep in one another: the table of descriptors is grown */
		int64_t fd = DO(fcntl, 0, F_DUPFD, i);

		CHECK_IS(DO(close, fd), 0);
	}
	pages = fake_pages_used();
	heap = fake_heap_used();
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], 0, work, (void *)(i + 1));
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], 0);
	remove_all("/tmp");
	CHECK_IS(fake_pages_used(), pages);
	CHECK_IS(fake_heap_used(), heap);
	return 0;
}
