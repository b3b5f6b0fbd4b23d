/* void words_copy(void *to, const void *from, size_t words), void words_fill(void *to, uint64_t value, size_t words):
 * 64-bit words upwards; one instruction a word. */
	.text
	.globl words_copy
	.type words_copy, @function
words_copy:
	mov %rdx, %rcx
	rep movsq
	ret

	.globl words_fill
	.type words_fill, @function
words_fill:
	mov %rdx, %rcx
	mov %rsi, %rax
	rep stosq
	ret

	.section .note.GNU-stack, "", @progbits
