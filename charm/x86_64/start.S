/* The first instructions: from 32-bit protected mode without paging, as PVH and Multiboot2 leave it, to boot_main in
 * long mode at KERNEL_BASE. The boot tables map the first 4 GiB at 0 and at PHYSMAP_BASE, and 1 GiB at KERNEL_BASE. */
#include "charm/x86_64/offsets.h"

#define PHYSICAL(symbol) ((symbol) - LAYOUT_KERNEL_BASE)

	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 4, 18                  /* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long PHYSICAL(boot_pvh)

	.section .boot, "ax"
	.balign 8
multiboot_header:
	.long 0xe85250d6, 0, multiboot_end - multiboot_header
	.long -(0xe85250d6 + (multiboot_end - multiboot_header))
	.short 3, 0                     /* entry address */
	.long 12, PHYSICAL(boot_multiboot), 0
	.short 6, 0                     /* modules at page boundaries */
	.long 8
	.short 0, 0
	.long 8
multiboot_end:

	.code32
	.globl boot_pvh, boot_multiboot
boot_pvh:
	mov $0, %edi
	jmp 1f
boot_multiboot:
	mov $1, %edi
1:	cli
	cld
	mov %ebx, %esi                  /* what the loader tells; edi says in which form */
	mov $PHYSICAL(boot_stack_end), %esp
	call boot_check
	call boot_tables
	mov $PHYSICAL(boot_root), %eax
	mov %eax, %cr3
	mov %cr4, %eax
	or $0x20, %eax                  /* PAE */
	mov %eax, %cr4
	mov $0xc0000080, %ecx           /* EFER: system calls, long mode, no-execute */
	rdmsr
	or $0x901, %eax
	wrmsr
	mov $0x80010033, %eax           /* PG WP NE ET MP PE */
	mov %eax, %cr0
	lgdt PHYSICAL(boot_gdt_pointer)
	ljmp $KERNEL_CS, $PHYSICAL(boot_long)

/* Long mode and no-execute pages are needed to go on at all. Preserves esi and edi. */
boot_check:
	mov $0x80000000, %eax
	cpuid
	cmp $0x80000001, %eax
	jb 1f
	mov $0x80000001, %eax
	cpuid
	and $0x20100000, %edx
	cmp $0x20100000, %edx
	jne 1f
	ret
1:	mov $PHYSICAL(boot_refusal), %esi
	mov $0x3f8, %edx
2:	lodsb
	test %al, %al
	jz 3f
	out %al, %dx
	jmp 2b
3:	hlt
	jmp 3b

/* Bss is clear. Preserves esi and edi. */
boot_tables:
	mov $PHYSICAL(boot_groups), %ebx
	mov $0x83, %eax
	xor %edx, %edx
1:	mov %eax, (%ebx, %edx, 8)
	add $0x200000, %eax
	inc %edx
	cmp $2048, %edx
	jne 1b
	mov $PHYSICAL(boot_physmap), %eax
	lea 3(%ebx), %ecx
	mov %ecx, (%eax)
	add $0x1000, %ecx
	mov %ecx, 8(%eax)
	add $0x1000, %ecx
	mov %ecx, 16(%eax)
	add $0x1000, %ecx
	mov %ecx, 24(%eax)
	or $3, %eax
	mov %eax, PHYSICAL(boot_root)
	mov %eax, PHYSICAL(boot_root) + 8 * LAYOUT_PHYSMAP_INDEX
	movl $PHYSICAL(boot_image) + 3, PHYSICAL(boot_root) + 8 * 511
	movl $PHYSICAL(boot_groups) + 3, PHYSICAL(boot_image) + 8 * 510
	ret

	.code64
boot_long:
	movabs $1f, %rax
	jmp *%rax
1:	mov $KERNEL_SS, %eax
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %fs
	mov %eax, %gs
	mov $boot_stack_end, %rsp
	mov %edi, %edi
	mov %esi, %esi
	xor %ebp, %ebp
	call boot_main
1:	hlt
	jmp 1b

	.section .rodata
boot_refusal:
	.asciz "baryon: this processor has no 64-bit mode with no-execute pages\r\n"
	.balign 8
	.globl boot_gdt
boot_gdt:
	.quad 0
	.quad 0x00cf9b000000ffff        /* BOOT_CS */
	.quad 0x00af9b000000ffff        /* KERNEL_CS */
	.quad 0x00cf93000000ffff        /* KERNEL_SS */
boot_gdt_pointer:
	.short BOOT_GDT_BYTES - 1
	.long PHYSICAL(boot_gdt)

	.bss
	.balign 4096
	.globl boot_root, boot_physmap, boot_groups
boot_root:
	.skip 4096
boot_physmap:
	.skip 4096
boot_image:
	.skip 4096
boot_groups:
	.skip 4 * 4096
	.skip 8192
boot_stack_end:
