/* Where a domain's first thread begins: rdi = its start page, rsp = the top of its first stack, registers otherwise zero.
 * Whoever loaded the program has applied its relocations. */
#define STUB_BYTES 32
#define CALL_RESUME 14

	.text
	.globl _start
	.type _start, @function
_start:
	xor %ebp, %ebp
	mov %cs, %eax
	test $3, %al
	mov $STUBS_TRAPPING_LOW, %eax
	jnz 1f
	mov $STUBS_DIRECT_LOW, %eax
1:	cltq                            /* stub pages lie in the top 2 GiB */
	mov %rax, baryon_stubs(%rip)
	add $CALL_RESUME * STUB_BYTES, %rax
	mov %rax, stub_of_resume(%rip)
	and $-16, %rsp
	call domain_main
	ud2

/* A further thread: rdi = function, rsi = its argument. */
	.globl thread_entry
	.type thread_entry, @function
thread_entry:
	xor %ebp, %ebp
	and $-16, %rsp
	mov %rdi, %rax
	mov %rsi, %rdi
	call *%rax
	ud2

	.data
	.globl baryon_stubs, stub_of_resume
	.balign 8
baryon_stubs:
	.quad 0
stub_of_resume:                         /* every system call of a program ends there */
	.quad 0

	.set STUBS_TRAPPING_LOW, 0xf0000000
	.set STUBS_DIRECT_LOW, 0xf0001000
	.section .note.GNU-stack, "", @progbits
