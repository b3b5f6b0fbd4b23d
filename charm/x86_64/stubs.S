/* The stub pages, by abi/calls.def. A stub's call number goes in eax and the fourth argument in r10; portal_call and
 * portal_return have their own register use and keep r10. */
#include "charm/x86_64/offsets.h"

	.macro stub_begin number
	.org stub_page - 0 + \number * LAYOUT_STUB_BYTES, 0xcc
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
	/* The last LAYOUT_DIRECT_BYTES before the return make the call; going back by them repeats it. */
	.macro stub_direct number
	.equ stub_page, stubs_direct
	stub_begin \number
	lea 5(%rip), %rcx
	.byte 0xe9
	.long entry_direct - . - 4
	ret
	.endm
stubs_direct:
#define CALL(NAME, name, number, arguments) stub_direct number
#include "abi/calls.def"
#undef CALL
