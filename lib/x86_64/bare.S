/* The barest ways through a portal, for measurements. Contract in baryon/bare.h. */
#define STUB_BYTES 32
#define CALL_PORTAL_RETURN 13
#define CALL_COPY_IN 15

#define BARE_TARGET 0
#define BARE_HANDLE 8
#define BARE_BLOCKS 16
#define BARE_WORD0 24
#define BARE_WORD1 32

	.text
	.globl bare_portal_entry
	.type bare_portal_entry, @function
	.balign 16
bare_portal_entry:
	mov baryon_stubs(%rip), %r11
	add $CALL_PORTAL_RETURN * STUB_BYTES, %r11
	call *%r11
	ud2

	.globl bare_copy_entry
	.type bare_copy_entry, @function
	.balign 16
bare_copy_entry:
	mov %rsi, %rdx
	mov %rdi, %rsi
	mov %rbx, %rdi
	xor %ecx, %ecx
	mov baryon_stubs(%rip), %r11
	add $CALL_COPY_IN * STUB_BYTES, %r11
	call *%r11
	mov %rax, %rdi
	mov baryon_stubs(%rip), %r11
	add $CALL_PORTAL_RETURN * STUB_BYTES, %r11
	call *%r11
	ud2

	.globl bare_nothing
	.type bare_nothing, @function
	.balign 16
bare_nothing:
	ret

/* uint64_t bare_portal_calls(const struct bare_call *call, uint64_t rounds) */
	.globl bare_portal_calls
	.type bare_portal_calls, @function
	.balign 16
bare_portal_calls:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	push %rdi
	push %rsi
1:	mov 8(%rsp), %r11
	mov BARE_HANDLE(%r11), %rbx
	mov BARE_BLOCKS(%r11), %rbp
	mov BARE_WORD0(%r11), %rdi
	mov BARE_WORD1(%r11), %rsi
	mov BARE_TARGET(%r11), %r11
	xor %r14d, %r14d
	call *%r11
	decq (%rsp)
	jnz 1b
	add $16, %rsp
	test %rax, %rax
	cmovz %rdi, %rax
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

	.section .note.GNU-stack, "", @progbits
