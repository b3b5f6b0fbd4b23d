/* /proc/sysvipc: a line for each object, made anew at each read, for there may be thousands. */
#include "ipc/ipc.h"

enum { LINE_BYTES = 256 };

struct kind {
	const char *head;
	int (*line)(int32_t *index, char *to, uint64_t limit);  /* of the first with an index >= *index, which it becomes. 0: none */
};

static const struct kind kinds[] = {
	[IPC_TEXT_SHARED] = {
		"       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime"
		"                   rss                  swap\n", ipc_shared_line,
	},
	[IPC_TEXT_SEMAPHORES] = {
		"       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n", ipc_semaphore_line,
	},
	[IPC_TEXT_QUEUES] = {
		"       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n",
		ipc_queue_line,
	},
};

/* The n-th line of the text begins at `at`: its part that was asked for goes to the program. False: no more shall come. */
static bool line_put(const char *line, uint64_t bytes, uint64_t at, struct io *io, uint64_t *position)
{
	uint64_t skip, part, done;

	if (at + bytes <= *position)
		return true;
	skip = *position - at;
	part = bytes - skip < io->left ? bytes - skip : io->left;
	done = io_put(io, line + skip, part);
	*position += done;
	return done == bytes - skip && io->left;
}

static int64_t text_read(struct file *file, struct io *io, uint64_t *position)
{
	const struct kind *kind = &kinds[file->state_bytes];
	uint64_t at = strlen(kind->head), start = *position, wanted = io->left;
	char line[LINE_BYTES];
	bool more = line_put(kind->head, at, 0, io, position);

	for (int32_t index = 0; more; index++) {
		int bytes = kind->line(&index, line, sizeof(line));

		if (bytes <= 0)
			return (int64_t)(*position - start);
		more = line_put(line, (uint64_t)bytes, at, io, position);
		at += (uint64_t)bytes;
	}
	return *position == start && wanted ? -EFAULT : (int64_t)(*position - start);
}

static const struct file_operations text_operations = {.seekable = true, .read = text_read};

void ipc_text_open(struct file *file, enum ipc_text what)
{
	file->operations = &text_operations;
	file->state_bytes = what;
}
