/* The first instructions of every further processor. trampoline_begin..trampoline_end is copied to a page below 1 MiB, where
 * the processor starts in real mode with cs at the page; it goes on in the image, like start.S, to smp_main. */
#include "charm/x86_64/offsets.h"

#define PHYSICAL(symbol) ((symbol) - LAYOUT_KERNEL_BASE)

	.section .rodata
	.balign 8
	.globl trampoline_begin, trampoline_end
	.code16
trampoline_begin:
	cli
	mov %cs, %ax
	mov %ax, %ds
	lgdtl trampoline_gdt_pointer - trampoline_begin
	mov %cr0, %eax
	or $1, %eax
	mov %eax, %cr0
	ljmpl $BOOT_CS, $PHYSICAL(trampoline_protected)
trampoline_gdt_pointer:
	.short BOOT_GDT_BYTES - 1
	.long PHYSICAL(boot_gdt)
trampoline_end:

	.section .boot, "ax"
	.code32
trampoline_protected:
	mov $KERNEL_SS, %eax
	mov %eax, %ds
	mov %eax, %ss
	mov $0x20, %eax
	mov %eax, %cr4
	mov $PHYSICAL(boot_root), %eax
	mov %eax, %cr3
	mov $0xc0000080, %ecx
	rdmsr
	or $0x901, %eax
	wrmsr
	mov $0x80010033, %eax
	mov %eax, %cr0
	ljmp $KERNEL_CS, $PHYSICAL(trampoline_long)
	.code64
trampoline_long:
	movabs $1f, %rax
	jmp *%rax
1:	xor %eax, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %fs
	mov %eax, %gs
	xor %ebp, %ebp
	mov smp_starting(%rip), %rdi
	mov LOCAL_STACK(%rdi), %rsp
	call smp_main
	ud2
