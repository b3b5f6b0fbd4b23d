/* Entry points of portals, and the two calls with registers of their own (abi/calls.h). Every entry starts with rsp a
 * multiple of 16; include/baryon/portal.h says what C code sees. */
#define STUB_BYTES 32
#define CALL_PORTAL_CALL 12
#define CALL_PORTAL_RETURN 13

/* Offsets in struct portal_words. */
#define WORDS_BADGE 64
#define WORDS_COOKIE 72
#define WORDS_BYTES 80

	.text

/* An implicit call: rdi is an address in the upper half on a handler stack, and a small cause on a pool stack. */
	.macro implicit name
	.globl \name\()_portal_entry
	.type \name\()_portal_entry, @function
	.balign 16
\name\()_portal_entry:
	test %rdi, %rdi
	jns 1f
	call \name\()_handle
	jmp frame_resume
1:	lea \name\()_serve(%rip), %r11
	jmp pool_serve
	.endm

	implicit fault
	implicit exception
	implicit miss

	.globl trap_portal_entry
	.type trap_portal_entry, @function
	.balign 16
trap_portal_entry:
	call trap_handle
frame_resume:
	xor %edi, %edi
	call *stub_of_resume(%rip)
	mov %rax, %rdi
	call resume_failed
	ud2

	.globl alert_portal_entry
	.type alert_portal_entry, @function
	.balign 16
alert_portal_entry:
	call alert_handle
	jmp frame_resume

/* An explicit call: the portal's cookie is a struct portal_service. */
	.globl portal_entry
	.type portal_entry, @function
	.balign 16
portal_entry:
	mov 0(%rbx), %r11
	mov 8(%rbx), %rcx
pool_serve:
	sub $WORDS_BYTES, %rsp
	mov %rdi, 0(%rsp)
	mov %rsi, 8(%rsp)
	mov %rdx, 16(%rsp)
	mov %r8, 24(%rsp)
	mov %r9, 32(%rsp)
	mov %r10, 40(%rsp)
	mov %r12, 48(%rsp)
	mov %r13, 56(%rsp)
	mov %rax, WORDS_BADGE(%rsp)
	mov %rbx, WORDS_COOKIE(%rsp)
	mov %rsp, %rdi
	mov %rcx, %rsi
	call *%r11
	mov %rsp, %rdi
	call portal_return
	ud2

/* long portal_return(const uint64_t words[8]) */
	.globl portal_return
	.type portal_return, @function
	.balign 16
portal_return:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rdi, %r11
	call words_load
	mov $CALL_PORTAL_RETURN, %eax
	mov baryon_stubs(%rip), %r11
	add $CALL_PORTAL_RETURN * STUB_BYTES, %r11
	call *%r11
	jmp callee_saved_pop

/* long portal_call(uint32_t handle, uint64_t words[8], const struct call_blocks *blocks, uint64_t deadline_ns) */
	.globl portal_call
	.type portal_call, @function
	.balign 16
portal_call:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	push %rsi
	mov %edi, %ebx
	mov %rdx, %rbp
	mov %rcx, %r14
	mov %rsi, %r11
	call words_load
	mov $CALL_PORTAL_CALL, %eax
	mov baryon_stubs(%rip), %r11
	add $CALL_PORTAL_CALL * STUB_BYTES, %r11
	call *%r11
	pop %r11
	mov %rdi, 0(%r11)
	mov %rsi, 8(%r11)
	mov %rdx, 16(%r11)
	mov %r8, 24(%r11)
	mov %r9, 32(%r11)
	mov %r10, 40(%r11)
	mov %r12, 48(%r11)
	mov %r13, 56(%r11)
callee_saved_pop:
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

/* Loads the words from the array at r11. */
words_load:
	mov 0(%r11), %rdi
	mov 8(%r11), %rsi
	mov 16(%r11), %rdx
	mov 24(%r11), %r8
	mov 32(%r11), %r9
	mov 40(%r11), %r10
	mov 48(%r11), %r12
	mov 56(%r11), %r13
	ret

	.section .note.GNU-stack, "", @progbits
