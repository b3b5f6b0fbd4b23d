/* The stub pages, by abi/calls.def. A stub's call number goes in eax and the fourth argument in r10; portal_call and
 * portal_return have their own register use and keep r10. */
#include "charm/x86_64/offsets.h"

	.macro stub_at number
	.org stub_page - 0 + \number * LAYOUT_STUB_BYTES, 0xcc
	.endm
	.macro stub_begin number
	stub_at \number
	mov $\number, %eax
	.if \number != 12 && \number != 13
	mov %rcx, %r10
	.endif
	.endm

	.section .stubs.trapping, "ax"
	.macro stub_trapping number
	.equ stub_page, stubs_trapping
	stub_begin \number
	syscall
	ret
	.endm
stubs_trapping:
#define CALL(NAME, name, number, arguments) stub_trapping number
#include "abi/calls.def"
#undef CALL

	.section .stubs.direct, "ax"
	/* The last LAYOUT_DIRECT_BYTES before the return make the call; going back by them repeats it. Interrupts are off before Charm's
	 * code begins, so none is ever taken at its first instruction. */
	.macro stub_jump entry
	lea 6(%rip), %rcx
	cli
	.byte 0xe9
	.long \entry - . - 4
	ret
	.endm
	.macro stub_direct number
	.equ stub_page, stubs_direct
	.if \number == PORTAL_CALL || \number == PORTAL_RETURN || \number == RESUME || \number == SIGNAL      /* whose entries know their numbers */
	stub_at \number
	.else
	stub_begin \number
	.endif
	.if \number == PORTAL_CALL
	stub_jump entry_direct_portal_call
	.elseif \number == PORTAL_RETURN
	stub_jump entry_direct_portal_return
	.elseif \number == RESUME
	stub_jump entry_direct_resume
	.elseif \number == SIGNAL
	stub_jump entry_direct_signal
	.elseif \number == COPY_IN || \number == COPY_IN + 1
	stub_jump entry_direct_copy
	.else
	stub_jump entry_direct
	.endif
	.endm
stubs_direct:
#define CALL(NAME, name, number, arguments) stub_direct number
#include "abi/calls.def"
#undef CALL
