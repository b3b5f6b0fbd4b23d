/* Between the files that make the texts of /proc. */
#ifndef UNIX_PROCESS_TEXT_H
#define UNIX_PROCESS_TEXT_H

#include "process/process.h"

/* Adds formatted text behind what is there; counts on past the limit. */
#define ADD(...) (length += (uint64_t)text_format(to + (length < limit ? length : limit), length < limit ? limit - length : 0, \
	__VA_ARGS__))

/* ---- text_memory.c ---- */
bool text_is_of_memory(enum process_text what);        /* made by memory_text_part, without locks */
/* As process_text. */
int64_t memory_text_part(struct process_key key, enum process_text what, uint64_t *next, char *to, uint64_t limit);
/* cmdline of a space, which may be null. */
int64_t arguments_text_part(struct space *space, uint64_t *next, char *to, uint64_t limit);

/* ---- shortage.c ---- */
enum { SCORE_MOST = 1000 };             /* of oom_score_adj; -SCORE_MOST: never ended */
uint64_t process_score(struct process *process);       /* oom_score: 0..2000. Process lock */

#endif
