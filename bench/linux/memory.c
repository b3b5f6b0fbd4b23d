/* Rows of memory: mapping it, and what the first touch costs. */
#include "rows.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { REGION_PAGES = 256, AROUND_PAGES = 16 };

static volatile char *region(int flags)
{
	volatile char *at = mmap(NULL, REGION_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (at == MAP_FAILED)
		fail("mmap");
	madvise((void *)at, REGION_PAGES * PAGE, MADV_NOHUGEPAGE);
	return at;
}

static void touch(volatile char *at)
{
	for (unsigned i = 0; i < REGION_PAGES; i++)
		at[i * PAGE] = 1;
}

static void row_fault(const char *name)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < 5; i++) {
		volatile char *at = region(0);
		uint64_t start = begin();

		touch(at);
		if (i)
			total += end() - start;
		munmap((void *)at, REGION_PAGES * PAGE);
	}
	tell(name, total, 4 * REGION_PAGES);
}

static void row_copy(const char *name)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < 4; i++) {
		volatile char *at = region(0);
		uint64_t start;
		pid_t child;

		touch(at);
		child = fork();
		must(child, "fork");
		if (child == 0) {
			pause();
			_exit(0);
		}
		start = begin();
		touch(at);
		total += end() - start;
		end_child(child);
		munmap((void *)at, REGION_PAGES * PAGE);
	}
	tell(name, total, 4 * REGION_PAGES);
}

static void round_map(void)
{
	void *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		fail("mmap");
	munmap(at, PAGE);
}

void round_map_touch(void)
{
	volatile char *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		fail("mmap");
	*at = 1;
	munmap((void *)at, PAGE);
}

static void row_map(const char *name) { time_calls(name, round_map, MANY); }
static void row_map_touch(const char *name) { time_calls(name, round_map_touch, MANY); }

static volatile char *changing;

static void round_protect(void)
{
	static int turn;

	must(mprotect((void *)changing, PAGE, ++turn & 1 ? PROT_READ : PROT_READ | PROT_WRITE), "mprotect");
}

static void row_protect(const char *name)
{
	changing = region(0);
	*changing = 1;
	time_calls(name, round_protect, MANY);
	munmap((void *)changing, REGION_PAGES * PAGE);
}

/* The same, and the page is read each time, so that nothing can be put off for ever. */
static void round_protect_touch(void)
{
	round_protect();
	(void)*changing;
}

static void row_protect_touch(const char *name)
{
	changing = region(0);
	*changing = 1;
	time_calls(name, round_protect_touch, MANY);
	munmap((void *)changing, REGION_PAGES * PAGE);
}

/* Maps a memory file of REGION_PAGES pages and touches every `step`th of them, `act` being what is done to one. */
static void file_faults(const char *name, int flags, unsigned step, void (*act)(volatile char *at))
{
	char content[PAGE] = "x";
	int file = open("/tmp/rows.fault", O_CREAT | O_RDWR | O_TRUNC, 0600);
	uint64_t total = 0;

	must(file, "create");
	for (unsigned i = 0; i < REGION_PAGES; i++)
		must(write(file, content, sizeof content), "write to a file");
	for (unsigned i = 0; i < 5; i++) {
		volatile char *at = mmap(NULL, REGION_PAGES * PAGE, PROT_READ | PROT_WRITE, flags, file, 0);
		uint64_t start;

		if (at == MAP_FAILED)
			fail("mmap of a file");
		start = i ? begin() : 0;
		for (unsigned page = 0; page < REGION_PAGES; page += step)
			act(&at[page * PAGE]);
		total += i ? end() - start : 0;
		munmap((void *)at, REGION_PAGES * PAGE);
	}
	tell(name, total, 4 * REGION_PAGES / step);
	close(file);
	unlink("/tmp/rows.fault");
}

static void look(volatile char *at) { (void)*at; }
static void change(volatile char *at) { *at = 1; }

static void row_file_fault(const char *name) { file_faults(name, MAP_SHARED, AROUND_PAGES, look); }
static void row_file_faults(const char *name) { file_faults(name, MAP_SHARED, 1, look); }
static void row_file_write(const char *name) { file_faults(name, MAP_SHARED, 1, change); }
static void row_file_copy(const char *name) { file_faults(name, MAP_PRIVATE, 1, change); }

const struct row rows_of_memory[] = {
	{ "fault_anonymous_page", row_fault }, { "fault_copy_on_write", row_copy }, { "mmap_munmap", row_map },
	{ "mmap_touch_munmap", row_map_touch }, { "mprotect", row_protect }, { "mprotect_touch", row_protect_touch },
	{ "fault_file_page", row_file_fault }, { "fault_file_pages_in_turn", row_file_faults },
	{ "fault_file_page_written", row_file_write }, { "fault_file_page_copied", row_file_copy }, { 0 },
};
