/* The process half's contract, but the calling thread is a thread of the host. */
#ifndef FILE_TEST_PROCESS_H
#define FILE_TEST_PROCESS_H

#define self self_by_stack
#define self_process self_process_by_stack
#include_next "process/process.h"
#undef self
#undef self_process

struct thread *self(void);
static inline struct process *self_process(void)
{
	return self()->process;
}

#endif
