/* Rows of files in memory. */
#include "rows.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int file;
static char content[PAGE];

static void round_file(void)
{
	int fd = open("/tmp/rows.file", O_CREAT | O_RDWR | O_TRUNC, 0600);

	must(fd, "create");
	must(write(fd, content, sizeof content), "write to a file");
	close(fd);
	must(unlink("/tmp/rows.file"), "unlink");
}

static void round_pread(void)
{
	must(pread(file, content, sizeof content, 0), "pread");
}

static void row_file(const char *name) { time_calls(name, round_file, SOME); }

static void round_write(void)
{
	must(pwrite(file, content, sizeof content, 0), "pwrite");
}

static void round_open(void)
{
	int opened = open("/tmp/rows.content", O_RDONLY);

	must(opened, "open");
	close(opened);
}

static void round_stat_file(void)
{
	struct stat status;

	must(stat("/tmp/rows.content", &status), "stat");
}

static void round_folder(void)
{
	must(mkdir("/tmp/rows.folder", 0755), "mkdir");
	must(rmdir("/tmp/rows.folder"), "rmdir");
}

static void round_rename(void)
{
	static int turn;
	static const char *const names[] = { "/tmp/rows.content", "/tmp/rows.other" };

	must(rename(names[turn & 1], names[~turn & 1]), "rename");
	turn++;
}

/* A row about one file that is there, with a page in it. */
static void time_file(const char *name, void (*round)(void))
{
	file = open("/tmp/rows.content", O_CREAT | O_RDWR | O_TRUNC, 0600);
	must(file, "create");
	must(write(file, content, sizeof content), "write to a file");
	time_calls(name, round, MANY);
	close(file);
	must(unlink("/tmp/rows.content"), "unlink");
}

static void row_pread(const char *name) { time_file(name, round_pread); }
static void row_write(const char *name) { time_file(name, round_write); }
static void row_open(const char *name) { time_file(name, round_open); }
static void row_stat(const char *name) { time_file(name, round_stat_file); }
static void row_folder(const char *name) { time_calls(name, round_folder, SOME); }
static void row_rename(const char *name) { time_file(name, round_rename); }

/* Makes SOME files, or takes SOME away, and counts one of the two. */
static void row_many(const char *name, int is_making_counted)
{
	char path[32];
	uint64_t start = 0, total = 0;
	int files[SOME];

	for (int i = 0; i < SOME; i++) {
		snprintf(path, sizeof path, "/tmp/rows.%d", i);
		start = is_making_counted ? begin() : 0;
		files[i] = open(path, O_CREAT | O_EXCL | O_RDWR, 0600);
		total += is_making_counted ? end() - start : 0;
		must(files[i], "create");
	}
	for (int i = 0; i < SOME; i++)
		close(files[i]);
	for (int i = 0; i < SOME; i++) {
		snprintf(path, sizeof path, "/tmp/rows.%d", i);
		start = is_making_counted ? 0 : begin();
		must(unlink(path), "unlink");
		total += is_making_counted ? 0 : end() - start;
	}
	tell(name, total, SOME);
}

static void row_create(const char *name) { row_many(name, 1); }
static void row_unlink(const char *name) { row_many(name, 0); }

const struct row rows_of_files[] = {
	{ "file_open_close", row_open }, { "file_stat", row_stat }, { "file_create", row_create }, { "file_unlink", row_unlink },
	{ "file_rename", row_rename }, { "mkdir_rmdir", row_folder }, { "pread_4096", row_pread }, { "pwrite_4096", row_write },
	{ "file_create_write_unlink", row_file }, { 0 },
};
