/* The four functions that the compiler takes for granted. */
	.text
	.globl memcpy, memset, memmove, memcmp
	.balign 16
memcpy:
	mov %rdi, %rax
1:	mov %rdx, %rcx
	shr $3, %rcx
	and $7, %edx
	rep movsq
	mov %edx, %ecx
	rep movsb
	ret

	.balign 16
memmove:
	mov %rdi, %rax
	mov %rdi, %rcx
	sub %rsi, %rcx
	cmp %rdx, %rcx
	jae 1b
	lea -1(%rdi, %rdx), %rdi
	lea -1(%rsi, %rdx), %rsi
	mov %rdx, %rcx
	std
	rep movsb
	cld
	ret

	.balign 16
memset:
	mov %rdi, %r8
	movzbl %sil, %eax
	movabs $0x0101010101010101, %rcx
	imul %rcx, %rax
	mov %rdx, %rcx
	shr $3, %rcx
	and $7, %edx
	rep stosq
	mov %edx, %ecx
	rep stosb
	mov %r8, %rax
	ret

	.balign 16
memcmp:
	mov %rdx, %rcx
	xor %eax, %eax
	cmp %eax, %eax
	repe cmpsb
	je 1f
	movzbl -1(%rdi), %eax
	movzbl -1(%rsi), %ecx
	sub %ecx, %eax
1:	ret
