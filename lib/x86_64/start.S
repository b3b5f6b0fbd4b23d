/* Where a domain's first thread begins: rdi = its start page, rsp = the top of its first stack, registers otherwise zero.
 * Whoever loaded the program has applied its relocations. */
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
	.globl baryon_stubs
	.balign 8
baryon_stubs:
	.quad 0

	.set STUBS_TRAPPING_LOW, 0xf0000000
	.set STUBS_DIRECT_LOW, 0xf0001000
	.section .note.GNU-stack, "", @progbits
