/* Pipes, inside: a ring of pages of M between writers and readers. See pipe.c for what holds under the lock. */
#ifndef UNIX_FILE_PIPE_H
#define UNIX_FILE_PIPE_H

#include "file/file.h"

enum { PIPE_SLOTS = 16 };

struct pipe {
	struct mutex lock;
	uint64_t head, tail;        /* next to write, next to read */
	uint32_t readers, writers;  /* open files */
	uint32_t reader_opens, writer_opens;    /* since ever: a FIFO's open waits for a change */
	struct wait_queue read_wait, write_wait;        /* woken one at a time */
	struct wait_queue poll_wait;                    /* pollers and openers: all are woken */
	page_index *slot;           /* few, or in the heap */
	uint32_t slots;             /* a power of two */
	page_index few[PIPE_SLOTS];
};

static inline uint64_t pipe_filled(const struct pipe *pipe)
{
	return pipe->head - pipe->tail;
}

static inline uint64_t pipe_room(const struct pipe *pipe)
{
	return (uint64_t)pipe->slots * PAGE_BYTES - pipe_filled(pipe);
}

/* The pipe behind an open file, or null. */
struct pipe *pipe_of_file(const struct file *file);
/* The next straight part of what is in the pipe, at most `bytes`: its address, its length in *bytes. Not empty. Lock held. */
char *pipe_front(struct pipe *pipe, uint64_t *bytes);
/* Takes bytes of that part out, and tells who waits for room. Lock held. */
void pipe_drop(struct pipe *pipe, uint64_t bytes);
/* Room for more, straight; 0 bytes or null: none, no memory. pipe_fill follows, also with 0. Lock held. */
char *pipe_back(struct pipe *pipe, uint64_t *bytes);
void pipe_fill(struct pipe *pipe, uint64_t bytes);
/* Sleeps until there is something, or room. Lock held. 0: look again or (reading) nobody writes, -EAGAIN, -ERESTARTSYS, -EPIPE. */
int64_t pipe_wait_filled(struct pipe *pipe, bool wait);
int64_t pipe_wait_room(struct pipe *pipe, bool wait);

#endif
