/* Handlers that a kernel did not define: misses are answered as miss_answer says; being entered at any other is a mistake that ends
 * it. */
#include "baryon/portal.h"

#include "abi/layout.h"
#include "baryon/calls.h"
#include "baryon/format.h"

/* A handler's frame that Strange does not accept cannot be gone on from. */
_Noreturn void resume_failed(long error);
__attribute__((weak)) _Noreturn void resume_failed(long error)
{
	panic("a handler cannot resume: %s", baryon_error_text(error));
}

bool miss_fail(struct trap_frame *frame, long error)
{
	struct registers *r = &frame->registers;

	if (frame->flags & FRAME_INDIRECT)
		return false;
	r->rip += r->flags & REGISTERS_DIRECT ? DIRECT_BYTES : SYSCALL_BYTES;
	r->rax = (uint64_t)error;
	return true;
}

#define HANDLE_NOTHING(name) \
	__attribute__((weak)) void name##_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause) \
	{ \
		panic(#name ": unexpected call, cause %lu cookie %lx address %lx at %lx", cause, cookie, \
			frame->address, frame->registers.rip); \
	}

#define SERVE_NOTHING(name) \
	__attribute__((weak)) void name##_serve(struct portal_words *words) \
	{ \
		panic(#name ": unexpected call from another kernel, cause %lu address %lx", words->word[WORD_CAUSE], \
			words->word[WORD_ADDRESS]); \
	}

HANDLE_NOTHING(trap)
HANDLE_NOTHING(fault)
HANDLE_NOTHING(exception)
HANDLE_NOTHING(alert)
SERVE_NOTHING(fault)
SERVE_NOTHING(exception)

__attribute__((weak)) long miss_answer(enum object_kind kind, baryon_uid uid, uint64_t index)
{
	panic("miss: unexpected call, kind %d uid %lx index %lx", (int)kind, uid, index);
}

__attribute__((weak)) void miss_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause)
{
	long result = miss_answer((enum object_kind)frame->access, frame->address, frame->error);

	(void)cookie, (void)cause;
	if (result < 0)
		(void)miss_fail(frame, result);
}

__attribute__((weak)) void miss_serve(struct portal_words *words)
{
	uint64_t *word = words->word;

	word[0] = (uint64_t)miss_answer((enum object_kind)word[WORD_ACCESS], word[WORD_ADDRESS], word[WORD_INDEX]);
}
