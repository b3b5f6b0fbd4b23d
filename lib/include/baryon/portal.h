/* How a kernel's C code is entered. lib/x86_64/portal.S has the entry points; an application kernel puts their addresses
 * in its portal homes and defines the functions that it needs (the others stop the kernel with a message).
 *
 * Implicit calls come in two ways at the same entry: on the thread's handler stack (X_handle; when the function
 * returns, the thread resumes from the frame) and, from threads of other kernels, on a stack of the portal's pool
 * (X_serve; when it returns, words[0] is the answer: 0 or a negated error). */
#ifndef BARYON_PORTAL_H
#define BARYON_PORTAL_H

#include "abi/home.h"
#include "abi/registers.h"
#include "abi/types.h"

/* What a pool call brings and, in `word`, what it gives back. portal.S relies on the layout. */
struct portal_words {
	uint64_t word[8];
	uint64_t badge;             /* of the reference that was called */
	uint64_t cookie;            /* of the portal */
};

_Static_assert(sizeof(struct portal_words) == 80, "portal.S relies on the layout");

/* Meaning of a miss's or fault's words on a pool stack. */
enum {
	WORD_CAUSE = 0,             /* enum trap_cause */
	WORD_ADDRESS,               /* address or uid */
	WORD_ACCESS,                /* RIGHT_* or enum object_kind */
	WORD_INDEX,                 /* index, handle or virtual address; a fault's instruction address */
	WORD_SPACE,
	WORD_COOKIE,                /* of the thread, or 0 */
	WORD_THREAD,                /* its uid */
};

/* An explicit portal at portal_entry: the portal home's cookie is the address of one of these. */
struct portal_service {
	void (*serve)(struct portal_words *words, void *context);
	void *context;
};

/* Addresses for portal_home.entry. */
extern const char trap_portal_entry[], fault_portal_entry[], exception_portal_entry[], alert_portal_entry[],
	miss_portal_entry[], portal_entry[];

/* Defined by the application kernel. frame: on the handler stack, may be changed; cookie: of the thread. */
void trap_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause);
void fault_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause);
void exception_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause);
void alert_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause);
void miss_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause);
void fault_serve(struct portal_words *words);
void exception_serve(struct portal_words *words);
void miss_serve(struct portal_words *words);

/* Defined by the application kernel that leaves miss_handle and miss_serve to the library. Loads what was missed: the object `uid`, page
 * `index` of the container `uid`, or the reference `index` of the space `uid`. Returns 0 when it is there, or will be when the
 * call is made again (miss_result in baryon/homes.h); or a negated error, with which the call fails that missed it (miss_fail). */
long miss_answer(enum object_kind kind, baryon_uid uid, uint64_t index);

/* For miss_handle: what cannot be had. The call that missed fails with the negated error, and goes on behind the instruction that it
 * would execute again. False, and nothing done: no call missed it (FRAME_INDIRECT). */
bool miss_fail(struct trap_frame *frame, long error);

/* Defined by the application kernel; start.S calls it on the first stack with the address of the kernel's start page
 * (struct kernel_start, or struct root_start for root). It does not return. */
_Noreturn void domain_main(void *start);

/* Entry of a further thread of the kernel: registers rdi = function, rsi = its argument; the function does not return. */
extern const char thread_entry[];

#endif
