/* Call numbers and flags. Register use of the two special calls:
 *
 * portal_call: rax the number, rbx the handle of a portal reference, rbp the address of a struct call_blocks or 0,
 *   r14 the deadline in ns on the monotonic clock (0: none), for the wait and for the callee: when it passes
 *   the call is abandoned and fails with ETIMEDOUT; and up to 8 words in rdi rsi rdx r8 r9 r10 r12 r13.
 *   The callee starts at the portal's entry with these words, rax the badge, rbx the portal's cookie, rsp the top of
 *   its stack; every other register is zero. When it returns, rax is 0 and the words are the callee's;
 *   or rax is a negated error and the words are zero. rbx, rbp, r14, r15, rcx, r11 are not preserved.
 * portal_return: rax the number, the words as above; no registers are preserved. Does not return unless there is
 *   no caller: EINVAL.
 *
 * A miss, or a fault in a space of another kernel than the thread's owner, enters the portal in the same way with the
 * words (cause, address or uid, access or kind, index or instruction pointer, space uid, the owner's cookie of the
 * thread or 0, thread uid); the handler answers by
 * portal_return with the first word 0 (execute again) or a negated error (the call that missed fails with it;
 * for a fault the thread gets an exception).
 *
 * A handler of an implicit call to the thread's owner starts at the portal's entry with rdi the address of the
 * trap frame, rsi the thread's cookie, rdx the cause (enum trap_cause), rsp under the frame; it ends by resume. */
#ifndef ABI_CALLS_H
#define ABI_CALLS_H

#include "abi/types.h"

#define CALL(NAME, name, number, arguments) CALL_##NAME = (number),
enum call_number {
#include "abi/calls.def"
	CALL_COUNT,
};
#undef CALL

enum {                          /* load flags */
	LOAD_LOCKED = 1,            /* never displaced; counts against the lock quota */
	LOAD_RESUME = 2,
	LOAD_REPLACE = 4,           /* mapping_load: a mapping that is there already is replaced, not EEXIST */
};

enum { SIGNAL_OVERFLOWED = 1 << 16, LOG_LIMIT = 256, BATCH_LIMIT = 64 };

/* mapping_unload's count of pages has, in its top bits, MAPPING_ACCESSED and MAPPING_DIRTY of what went before: so a long call keeps them
 * when it is executed again. Callers leave them zero. */
#define UNLOAD_SEEN_SHIFT 60
#define UNLOAD_SEEN (12ull << UNLOAD_SEEN_SHIFT)

enum {                          /* thread_set */
	THREAD_SET_PRIORITY = 1,    /* 0..the kernel's ceiling */
	THREAD_SET_CPU,             /* CPU number or CPU_ANY */
	THREAD_SET_BASES,           /* fs_base, gs_base */
	THREAD_SET_STATE,           /* THREAD_STOPPED or THREAD_RUNNABLE */
	THREAD_SET_QUANTUM,            /* its time slice: QUANTUM_LEAST_NS..QUANTUM_MOST_NS */
};

enum {                          /* machine */
	MACHINE_POWER_OFF = 1,      /* argument: exit status 0..255, reported on the early console */
	MACHINE_FORGET,             /* clean everything, forget all caches, start again from the keepers' homes (tests) */
	MACHINE_COUNTERS,           /* address of a struct counters out, bytes -> bytes written */
	MACHINE_RESET,
};

enum { BLOCK_IN = 1, BLOCK_OUT = 2, BLOCKS_LIMIT = 4 };

struct call_block {             /* the caller's memory that the callee may copy from (IN) and to (OUT) */
	uint64_t address;
	uint32_t bytes;
	uint32_t direction;         /* BLOCK_* */
};

struct call_blocks {
	uint64_t count;             /* 0..BLOCKS_LIMIT */
	struct call_block block[BLOCKS_LIMIT];
};

/* Where a copy stopped: the address on the caller's side, and the RIGHT_* it lacked. */
struct copy_short {
	uint64_t address;
	uint64_t access;
};

#endif
