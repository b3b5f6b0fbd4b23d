/* Between the files of futexes. */
#ifndef UNIX_PROCESS_FUTEX_H
#define UNIX_PROCESS_FUTEX_H

#include "process/internal.h"

/* What names a word wherever it is mapped: two words are the same if both fields are. */
struct futex_key {
	uint64_t place, offset;
};

/* 0, -EFAULT. A word that is said to be private is not looked at. */
int futex_key_of(uint64_t address, bool private, struct futex_key *key);

/* Locks whose word holds the owner's id (futex_owned.c). `deadline` 0 waits for ever. */
int64_t futex_lock_owned(uint64_t address, bool private, bool try, uint64_t deadline);
int64_t futex_unlock_owned(uint64_t address, bool private);

#endif
