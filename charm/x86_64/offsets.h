/* Numbers that assembly and C share. Only plain numbers: local.h and cpu.c assert that they agree with the structures. */
#ifndef X86_OFFSETS_H
#define X86_OFFSETS_H

/* struct registers */
#define R_RAX 0
#define R_RBX 8
#define R_RCX 16
#define R_RDX 24
#define R_RSI 32
#define R_RDI 40
#define R_RBP 48
#define R_R8 56
#define R_R9 64
#define R_R10 72
#define R_R11 80
#define R_R12 88
#define R_R13 96
#define R_R14 104
#define R_R15 112
#define R_RIP 120
#define R_RFLAGS 128
#define R_RSP 136
#define R_FLAGS 144

#define R_IS_FULL 1
#define R_IS_SUPERVISOR 2
#define R_IS_DIRECT 4

/* abi/calls.def */
#define PORTAL_CALL 12
#define PORTAL_RETURN 13
#define RESUME 14
#define COPY_IN 15
#define SIGNAL 22

/* struct local, at the base of gs in ring 0 */
#define LOCAL_STRANGE 0
#define LOCAL_NUMBER 8
#define LOCAL_HIDDEN 12
#define LOCAL_SAVE 16
#define LOCAL_STACK 24
#define LOCAL_SCRATCH 32

/* Selectors. Those of user mode are what Linux programs expect. */
#define BOOT_CS 0x08            /* 32-bit, only until long mode */
#define KERNEL_CS 0x10
#define KERNEL_SS 0x18
#define USER_SS 0x2b
#define USER_CS 0x33
#define TSS_SELECTOR 0x38
#define STAR_USER 0x23

/* Flags that user mode may set: arithmetic, trap, direction, alignment check, identification. */
#define RFLAGS_USER 0x240dd5
#define RFLAGS_SUPERVISOR 0xcd5
#define RFLAGS_ALWAYS 0x202

/* Vectors */
#define VECTOR_IRQ 32
#define VECTOR_IRQ_COUNT 64
#define VECTOR_TIMER 96
#define VECTOR_NOTIFY 97
#define VECTOR_SPURIOUS 98
#define VECTOR_COUNT 99

/* Interrupt stacks, by their number in the TSS */
#define STACK_STRANGE 1
#define STACK_FAULT 2
#define STACK_NMI 3
#define STACK_DOUBLE 4
#define STACK_DEBUG 5
#define STACK_MACHINE 6

/* abi/layout.h, for the assembler */
#define LAYOUT_KERNEL_BASE 0xffffffff80000000
#define LAYOUT_PHYSMAP_INDEX 256
#define LAYOUT_STUB_BYTES 32
#define LAYOUT_DIRECT_BYTES 13

#define BOOT_GDT_BYTES 32

#endif
