/* What is read and written in /proc. A text is made in parts, when a read comes to them, and each part is whole records: what is read to
 * its end is right record by record, however small the pieces are, and as old as its part. Reading from the start begins anew. */
#include "file/proc.h"

enum { BLOCK_BYTES = 4 * 4096, WRITE_MOST = 128 };

struct text {                   /* a file's state: a block of pages */
	struct mutex lock;          /* of the rest. What has it may put files, and so signal */
	uint64_t start;             /* position of the part */
	uint64_t bytes;
	uint64_t next;              /* where the part after it begins, as the maker counts */
	bool ended;
	char part[];
};

enum { PART_BYTES = BLOCK_BYTES - sizeof(struct text) };

static int64_t position_text(const struct inode *inode, char *to, uint64_t limit)
{
	struct file *file;
	int64_t bytes = proc_file_of(inode->proc_pid, inode->proc_number, &file);

	if (bytes)
		return bytes;
	bytes = text_format(to, limit, "pos:\t%lu\nflags:\t0%o\nmnt_id:\t1\nino:\t%lu\n", file->position, file_flags(file), file->inode->number);
	file_put(file);
	return bytes;
}

static int64_t is_there(struct process *process, void *argument)
{
	const struct inode *inode = argument;

	return process->started_ns == inode->proc_started_ns ? 0 : -ESRCH;
}

static struct process_key key_of(const struct inode *inode)
{
	return (struct process_key){.pid = inode->proc_pid, .started_ns = inode->proc_started_ns};
}

/* A text of one part. */
static int64_t whole_text(struct inode *inode, char *to, uint64_t limit)
{
	uint32_t what = inode->proc_what;

	if (inode->proc_pid && process_look(inode->proc_pid, is_there, inode))
		return -ESRCH;

	if (what == PROC_POSITION)
		return position_text(inode, to, limit);
	if (what >= PROC_CONSTANT)
		return text_format(to, limit, "%s", proc_constant(what));
	return system_text(what - PROC_SYSTEM, to, limit);
}

static int64_t part_make(struct inode *inode, struct text *text)
{
	uint32_t what = inode->proc_what;

	if (what == PROC_TEXT + TEXT_CLEAR || what == PROC_THREAD_TEXT + TEXT_CLEAR)
		return -EINVAL;
	if (what >= PROC_THREAD_TEXT && what < PROC_SYSTEM)
		return process_text(key_of(inode), what - PROC_THREAD_TEXT, true, &text->next, text->part, PART_BYTES);
	if (what >= PROC_TEXT && what < PROC_SYSTEM)
		return process_text(key_of(inode), what - PROC_TEXT, false, &text->next, text->part, PART_BYTES);
	if (text->next)
		return 0;
	text->next = 1;
	return whole_text(inode, text->part, PART_BYTES);
}

/* Makes the part in which a position lies, unless the text ends before it. */
static int64_t text_reach(struct inode *inode, struct text *text, uint64_t position)
{
	if (position == 0 || position < text->start) {
		text->start = text->bytes = text->next = 0;
		text->ended = false;
	}
	while (!text->ended && position >= text->start + text->bytes) {
		int64_t bytes = signal_is_killing() ? -EINTR : part_make(inode, text);

		if (bytes < 0)
			return bytes;
		text->start += text->bytes;
		text->bytes = bytes < (int64_t)PART_BYTES ? (uint64_t)bytes : PART_BYTES - 1;
		text->ended = bytes == 0;
	}
	return 0;
}

/* The text of an open file, which its first reader makes. Null: no memory. */
static struct text *text_of(struct file *file)
{
	struct text *text;

	mutex_lock(&file->inode->lock);
	text = file->state;
	if (!text && (text = page_block_alloc())) {
		memset(text, 0, BLOCK_BYTES);
		file->state = text;
	}
	mutex_unlock(&file->inode->lock);
	return text;
}

static int64_t text_put(struct file *file, struct text *text, struct io *io, uint64_t *position)
{
	uint64_t left, done;
	int64_t status = text_reach(file->inode, text, *position);

	if (status || *position >= text->start + text->bytes)
		return status;
	left = text->start + text->bytes - *position;
	left = left < io->left ? left : io->left;
	done = io_put(io, text->part + (*position - text->start), left);
	*position += done;
	return done || !left ? (int64_t)done : -EFAULT;
}

/* Several may read at positions of their own: they take turns. */
static int64_t text_read(struct file *file, struct io *io, uint64_t *position)
{
	struct text *text = text_of(file);
	int64_t result, done = 0;

	if (!text)
		return -ENOMEM;
	mutex_lock(&text->lock);
	do {                                            /* one read may take several parts */
		result = text_put(file, text, io, position);
		done += result > 0 ? result : 0;
	} while (result > 0 && io->left);
	mutex_unlock(&text->lock);
	return done ? done : result;
}

/* Those of a process that take nothing say so otherwise than those of the system. */
static int64_t text_write(struct file *file, struct io *io, uint64_t *position)
{
	uint32_t what = file->inode->proc_what;
	uint64_t bytes = io->left, few = bytes < WRITE_MOST ? bytes : WRITE_MOST;
	char text[WRITE_MOST];

	if (what != PROC_SYSTEM + TEXT_HOST_NAME && (what < PROC_TEXT || what >= PROC_SYSTEM))
		return file->inode->proc_pid ? -EINVAL : -EIO;
	if (io_get(io, text, few) < few)
		return -EFAULT;
	if (what >= PROC_TEXT && what < PROC_SYSTEM) {
		int64_t done = process_text_write(key_of(file->inode),
			what >= PROC_THREAD_TEXT ? what - PROC_THREAD_TEXT : what - PROC_TEXT, text, few);

		return done == (int64_t)few ? (int64_t)bytes : done;
	}
	host_name_write(text, few, *position);
	*position += bytes;
	return (int64_t)bytes;
}

static void text_release(struct file *file)
{
	if (file->state)
		page_block_free(file->state);
}

static const struct file_operations text_operations = {.seekable = true, .read = text_read, .write = text_write, .release = text_release};

/* ---- pagemap: a word for each page ---- */

enum { WORD = 8, WORDS = 256 };

static int64_t pagemap_read(struct file *file, struct io *io, uint64_t *position)
{
	uint64_t words[WORDS], done = 0;

	if (*position % WORD || io->left % WORD)
		return -EINVAL;
	while (io->left && !signal_is_killing()) {
		uint64_t wanted = io->left / WORD < WORDS ? io->left / WORD : WORDS, moved;
		int64_t count = process_pagemap(key_of(file->inode), *position / WORD, words, wanted);

		if (count <= 0)
			return done ? (int64_t)done : count;
		moved = io_put(io, words, (uint64_t)count * WORD);
		*position += moved;
		done += moved;
		if (moved < (uint64_t)count * WORD)
			return done ? (int64_t)done : -EFAULT;
	}
	return (int64_t)done;
}

static const struct file_operations pagemap_operations = {.seekable = true, .read = pagemap_read};

static const struct file_operations secret_operations = {0};

/* ---- opening ---- */

int proc_text_open(struct file *file)
{
	const struct inode *inode = file->inode;
	uint32_t what = inode->proc_what, text = what >= PROC_THREAD_TEXT ? what - PROC_THREAD_TEXT : what - PROC_TEXT;
	bool of_process = what >= PROC_TEXT && what < PROC_SYSTEM;

	if (proc_is_setting(what) && file_writable(file) && !(inode->mode & 0222))
		return -EACCES;         /* whatever rights the caller has */
	file->operations = what == PROC_PAGEMAP ? &pagemap_operations : what == PROC_SECRET ? &secret_operations : &text_operations;
	if (what >= PROC_IPC_TEXT && what < PROC_CONSTANT)
		ipc_text_open(file, what - PROC_IPC_TEXT);
	return of_process || what == PROC_PAGEMAP ? process_text_check(key_of(inode), of_process ? text : TEXT_MAPS) : 0;
}
