/* Every way into Strange, and the ways back.
 *
 * In ring 0 the base of gs is this CPU's struct local; user mode's base waits in KERNEL_GS_BASE. Strange runs with
 * interrupts off on the stack at LOCAL_STACK, which is also the interrupts' stack (IST): whatever was on it is dead
 * by then. Exceptions enter on a stack of their own, because one may come from trap_copy inside Strange. */
#include "charm/x86_64/offsets.h"

	.macro save_callee_saved at
	mov %rbx, R_RBX(\at)
	mov %rbp, R_RBP(\at)
	mov %r12, R_R12(\at)
	mov %r13, R_R13(\at)
	mov %r14, R_R14(\at)
	mov %r15, R_R15(\at)
	.endm

	.macro save_arguments at
	mov %rax, R_RAX(\at)
	mov %rcx, R_RCX(\at)
	mov %rdx, R_RDX(\at)
	mov %rsi, R_RSI(\at)
	mov %r8, R_R8(\at)
	mov %r9, R_R9(\at)
	mov %r10, R_R10(\at)
	mov %r11, R_R11(\at)
	.endm

	/* All but rax, rcx, r11 and rsp, from the record at rax. */
	.macro load_most
	mov R_RBX(%rax), %rbx
	mov R_RDX(%rax), %rdx
	mov R_RSI(%rax), %rsi
	mov R_RDI(%rax), %rdi
	mov R_RBP(%rax), %rbp
	mov R_R8(%rax), %r8
	mov R_R9(%rax), %r9
	mov R_R10(%rax), %r10
	mov R_R12(%rax), %r12
	mov R_R13(%rax), %r13
	mov R_R14(%rax), %r14
	mov R_R15(%rax), %r15
	.endm

	.text

/* The system call instruction, from user mode: rcx is the return address, r11 the flags. */
	.globl entry_syscall
	.balign 16
entry_syscall:
	swapgs
	test %rcx, %rcx
	js entry_call                   /* from a domain, or from wherever in a stub page */
	mov %rcx, %gs:LOCAL_SCRATCH
	mov %gs:LOCAL_SAVE, %rcx
	mov %rsp, R_RSP(%rcx)
	mov %gs:LOCAL_STACK, %rsp
	mov %rax, R_RAX(%rcx)
	mov %gs:LOCAL_SCRATCH, %rax
	movq $0, R_FLAGS(%rcx)
	mov %rax, R_RIP(%rcx)
	mov %r11, R_RFLAGS(%rcx)
	mov %rdx, R_RDX(%rcx)
	mov %rsi, R_RSI(%rcx)
	mov %rdi, R_RDI(%rcx)
	mov %r8, R_R8(%rcx)
	mov %r9, R_R9(%rcx)
	mov %r10, R_R10(%rcx)
	save_callee_saved %rcx
	call strange_trap
	mov %gs:LOCAL_SAVE, %rdi        /* the long way */
	call strange_syscall
	jmp run

/* From a domain, the long way. */
entry_save:
	mov %rsp, %r11
	mov %gs:LOCAL_SAVE, %rsp
	mov %rcx, R_RIP(%rsp)
	movq $0, R_FLAGS(%rsp)
	movq $RFLAGS_ALWAYS, R_RFLAGS(%rsp)
	mov %r11, R_RSP(%rsp)
syscall_save:
	mov %rax, R_RAX(%rsp)
	mov %rdx, R_RDX(%rsp)
	mov %rsi, R_RSI(%rsp)
	mov %r8, R_R8(%rsp)
	mov %r9, R_R9(%rsp)
	mov %r10, R_R10(%rsp)
	save_callee_saved %rsp
	mov %rdi, R_RDI(%rsp)
	mov %rsp, %rdi
	mov %gs:LOCAL_STACK, %rsp
	call strange_syscall

/* Run the registers at rax, or idle. */
run:
	test %rax, %rax
	jz entry_idle
	testb $R_IS_FULL | R_IS_SUPERVISOR, R_FLAGS(%rax)
	jnz run_full
run_user_short:
	mov R_RIP(%rax), %rcx
	mov R_RFLAGS(%rax), %r11
	and $RFLAGS_USER, %r11d
	or $RFLAGS_ALWAYS, %r11d
	load_most
	mov R_RSP(%rax), %rsp
	mov R_RAX(%rax), %rax
	swapgs
	.globl entry_sysret
entry_sysret:                           /* an address that is not canonical: see exception_kernel */
	sysretq

/* A trap handler in user mode: rdi is its rsp. */
	.globl run_handler
run_handler:
	mov %rdi, %rsp
	xor %eax, %eax
	xor %ebx, %ebx
	xor %ebp, %ebp
	xor %r8d, %r8d
	xor %r9d, %r9d
	xor %r10d, %r10d
	xor %r12d, %r12d
	xor %r13d, %r13d
	xor %r14d, %r14d
	xor %r15d, %r15d
	mov $RFLAGS_ALWAYS, %r11d
	swapgs
	sysretq

/* Registers that others can write: read once, and only user mode comes of them. */
	.globl run_user
run_user:
	testb $R_IS_FULL, R_FLAGS(%rax)
	jz run_user_short
	mov R_RFLAGS(%rax), %rcx
	and $RFLAGS_USER, %ecx
	or $RFLAGS_ALWAYS, %ecx
	push $USER_SS
	push R_RSP(%rax)
	push %rcx
	push $USER_CS
	swapgs
	jmp run_frame

run_full:
	testb $R_IS_FULL, R_FLAGS(%rax)
	jz run_direct
	mov R_RFLAGS(%rax), %rcx
	testb $R_IS_SUPERVISOR, R_FLAGS(%rax)
	jnz 1f
	and $RFLAGS_USER, %ecx
	or $RFLAGS_ALWAYS, %ecx
	push $USER_SS
	push R_RSP(%rax)
	push %rcx
	push $USER_CS
	swapgs
	jmp 2f
1:	and $RFLAGS_SUPERVISOR, %ecx
	or $RFLAGS_ALWAYS, %ecx
	push $KERNEL_SS
	push R_RSP(%rax)
	push %rcx
	push $KERNEL_CS
2:
run_frame:
	push R_RIP(%rax)
	load_most
	mov R_RCX(%rax), %rcx
	mov R_R11(%rax), %r11
	mov R_RAX(%rax), %rax
	.globl entry_iret
entry_iret:
	iretq

/* To a supervisor domain after a call: flags need not be kept, rcx is the caller's to lose. */
run_direct:
	mov R_RIP(%rax), %rcx
	load_most
	mov R_RSP(%rax), %rsp
	mov R_RAX(%rax), %rax
run_direct_on:
	sti
run_direct_jump:                        /* interrupts come after it, or seem to: see interrupt_kernel */
	jmp *%rcx

/* The calls up to SIGNAL, of which some have a way of their own. A program that comes here by a stub page finds its call refused by
 * the short ways. */
	.balign 16
entry_call:
	cmp $SIGNAL, %rax
	ja entry_save
	jmp *entry_calls(, %rax, 8)

	.macro call_entry number
	.if \number == PORTAL_CALL
	.quad portal_call
	.elseif \number == PORTAL_RETURN
	.quad portal_return
	.elseif \number == RESUME
	.quad entry_resume
	.elseif \number == COPY_IN || \number == COPY_IN + 1
	.quad entry_copy
	.elseif \number == SIGNAL
	.quad entry_signal
	.elseif \number < SIGNAL
	.quad entry_save
	.endif
	.endm
	.section .rodata
	.balign 8
entry_calls:
#define CALL(NAME, name, number, arguments) call_entry number
#include "abi/calls.def"
#undef CALL
	.text

/* signal: what the caller may lose is cleared where it is kept. */
entry_signal:
	mov %gs:LOCAL_SAVE, %rsi
	mov %rcx, R_RIP(%rsi)
	movq $0, R_FLAGS(%rsi)
signal_save:
	movq $RFLAGS_ALWAYS, R_RFLAGS(%rsi)
	mov %rsp, R_RSP(%rsi)
	mov %rdi, R_RDI(%rsi)
	save_callee_saved %rsi
	xor %ecx, %ecx
	mov %rcx, R_RDX(%rsi)
	mov %rcx, R_RSI(%rsi)
	mov %rcx, R_R8(%rsi)
	mov %rcx, R_R9(%rsi)
	mov %rcx, R_R10(%rsi)
	mov %gs:LOCAL_STACK, %rsp
	call strange_signal
	jmp run

/* resume keeps no register of the handler, unless it takes the long way. */
entry_resume:
	mov %rsp, %r8
	mov %gs:LOCAL_STACK, %rsp
	push %rcx
	push %r8
	call strange_resume
	pop %r8
	pop %rcx
	mov %r8, %rsp
	mov $RESUME, %eax
	xor %edx, %edx
	xor %esi, %esi
	xor %edi, %edi
	xor %r10d, %r10d
entry_lost:                             /* nothing of Strange's stays in a register */
	xor %r8d, %r8d
	xor %r9d, %r9d
	jmp entry_save

/* copy_in and copy_out keep what they must when they take the long way; on the short one only the result is new, and what a function may lose is
 * cleared. The stack gets what both ways need, then what the long one needs. */
	.macro copy_begin
	mov %rsp, %r8
	mov %gs:LOCAL_STACK, %rsp
	push %r8
	push %rcx
	push %rdx
	push %rdi
	push %rsi
	push %r10
	push %rax
	sub $8, %rsp
	lea 1 - COPY_IN(%rax), %ecx
	call strange_copy
	.endm
	.macro copy_again
	add $8, %rsp
	pop %rax
	pop %r10
	pop %rsi
	pop %rdi
	pop %rdx
	pop %rcx
	pop %rsp
	.endm
	.macro copy_end
	mov 40(%rsp), %rax
	mov 48(%rsp), %rcx
	mov 56(%rsp), %rsp
	.endm

	.balign 16
entry_copy:
	copy_begin
	test %al, %al
	jz 1f
	copy_end
	xor %edx, %edx
	xor %esi, %esi
	xor %edi, %edi
	xor %r8d, %r8d
	xor %r9d, %r9d
	xor %r10d, %r10d
	mov $RFLAGS_ALWAYS, %r11d
	swapgs
	jmp entry_sysret
1:	copy_again
	jmp entry_lost

/* Direct stubs, from a supervisor domain: rcx is the return address, interrupts are off. */
	.globl entry_direct, entry_direct_signal, entry_direct_resume, entry_direct_copy, entry_direct_portal_call, entry_direct_portal_return
	.balign 16
entry_direct:
	mov %rsp, %r11
direct_save:
	mov %gs:LOCAL_SAVE, %rsp
	mov %rcx, R_RIP(%rsp)
	movq $RFLAGS_ALWAYS, R_RFLAGS(%rsp)
	mov %r11, R_RSP(%rsp)
	movq $R_IS_SUPERVISOR | R_IS_DIRECT, R_FLAGS(%rsp)
	jmp syscall_save

entry_direct_signal:
	mov %gs:LOCAL_SAVE, %rsi
	mov %rcx, R_RIP(%rsi)
	movq $R_IS_SUPERVISOR | R_IS_DIRECT, R_FLAGS(%rsi)
	jmp signal_save

/* resume keeps no register of the handler, unless it takes the long way. */
entry_direct_resume:
	mov %rsp, %r11
	mov %gs:LOCAL_STACK, %rsp
	push %rcx
	push %r11
	call strange_resume
	pop %r11
	pop %rcx
	mov $RESUME, %eax
	xor %edi, %edi
	jmp direct_save

entry_direct_copy:
	copy_begin
	test %al, %al
	jz 1f
	copy_end
	jmp run_direct_on
1:	copy_again
	jmp entry_direct

/* portal_call and portal_return, by strange/fast_portal.c, which leaves the words in their registers and takes all others as its own. What the
 * long way needs of those is saved first: r15 is nobody's. */
	.macro portal_save flags
	mov %gs:LOCAL_SAVE, %r15
	mov %rcx, R_RIP(%r15)
	movq $\flags, R_FLAGS(%r15)
	mov %rsp, R_RSP(%r15)
	mov %rdx, R_RDX(%r15)
	.endm

	.balign 16
portal_call:
	portal_save 0
portal_call_saved:
	mov %rbx, R_RBX(%r15)
	mov %rbp, R_RBP(%r15)
	mov %r14, R_R14(%r15)
	mov %gs:LOCAL_STACK, %rsp
	jmp strange_portal_call
	.balign 16
portal_return:
	portal_save 0
	mov %gs:LOCAL_STACK, %rsp
	jmp strange_portal_return
entry_direct_portal_call:
	portal_save R_IS_SUPERVISOR | R_IS_DIRECT
	jmp portal_call_saved
entry_direct_portal_return:
	portal_save R_IS_SUPERVISOR | R_IS_DIRECT
	mov %gs:LOCAL_STACK, %rsp
	jmp strange_portal_return

/* Not this time: the registers as they were. portal_return has no others than the words. */
	.globl portal_call_long, portal_return_long
portal_call_long:
	mov $PORTAL_CALL, %eax
	mov %gs:LOCAL_SAVE, %rsp
	mov R_RBX(%rsp), %rbx
	mov R_RBP(%rsp), %rbp
	mov R_R14(%rsp), %r14
	jmp 1f
portal_return_long:
	mov $PORTAL_RETURN, %eax
	mov %gs:LOCAL_SAVE, %rsp
	xor %ebx, %ebx
	xor %ebp, %ebp
	xor %r14d, %r14d
	mov %rbp, R_RBP(%rsp)
1:	mov R_RDX(%rsp), %rdx
	xor %ecx, %ecx
	xor %r11d, %r11d
	xor %r15d, %r15d
	movq $RFLAGS_ALWAYS, R_RFLAGS(%rsp)
	jmp syscall_save

/* Into a supervisor domain by a portal, or back: rcx is where to. */
	.globl portal_run_supervisor
portal_run_supervisor:
	sti
run_portal_jump:                        /* like run_direct_jump */
	jmp *%rcx

/* Nothing to run. An interrupt does not come back here: it starts at the top of the stack again. */
entry_idle:
	sti
	hlt
	jmp entry_idle
entry_idle_end:

/* void entry_wait(void): halts until the next interrupt, which is acknowledged and no more. Only while the machine boots. */
	.globl entry_wait
entry_wait:
	sti
	hlt
entry_wait_end:
	cli
	ret

/* spin_wait(the word on the stack), which is taken off. Keeps all registers but flags. */
	.globl entry_spin_wait
entry_spin_wait:
	push %rax
	push %rcx
	push %rdx
	push %rsi
	push %rdi
	push %r8
	push %r9
	push %r10
	push %r11
	mov 80(%rsp), %rdi
	call spin_wait
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rdi
	pop %rsi
	pop %rdx
	pop %rcx
	pop %rax
	ret $8

/* void entry_run(struct registers *r): leaves the boot stack for good. */
	.globl entry_run
entry_run:
	mov %rdi, %rax
	mov %gs:LOCAL_STACK, %rsp
	jmp run

/* Registers to the record at rdi, from a stack that holds rdi, two words, rip, cs, rflags, rsp, ss. Leaves the two
 * words and what follows. Clobbers rax. */
	.macro save_interrupted
	save_arguments %rdi
	save_callee_saved %rdi
	pop R_RDI(%rdi)
	mov 16(%rsp), %rax
	mov %rax, R_RIP(%rdi)
	mov 24(%rsp), %rax
	not %eax
	and $R_IS_SUPERVISOR, %eax
	or $R_IS_FULL, %eax
	mov %rax, R_FLAGS(%rdi)
	mov 32(%rsp), %rax
	mov %rax, R_RFLAGS(%rdi)
	mov 40(%rsp), %rax
	mov %rax, R_RSP(%rdi)
	.endm

/* Interrupts: the stack holds vector, 0, rip, cs, rflags, rsp, ss. */
interrupt_common:
	clac
	cld
	testb $3, 24(%rsp)
	jz interrupt_kernel
	swapgs
interrupt_save:
	push %rdi
	mov %gs:LOCAL_SAVE, %rdi
	save_interrupted
interrupt_call:
	mov (%rsp), %esi
	mov %gs:LOCAL_STACK, %rsp
	call trap_interrupt
	jmp run

/* Ring 0 was interrupted: a supervisor domain, the idle loop, or the last step from Charm to a domain with interrupts
 * already on; that step is then completed, so that no saved rip points into Charm. */
interrupt_kernel:
	cmpq $run_direct_jump, 16(%rsp)
	je 2f
	cmpq $run_portal_jump, 16(%rsp)
	je 2f
	cmpq $entry_wait_end, 16(%rsp)
	je 3f
	cmpq $entry_idle, 16(%rsp)
	jb interrupt_save
	cmpq $entry_idle_end, 16(%rsp)
	jae interrupt_save
	xor %edi, %edi
	jmp interrupt_call
2:	mov %rcx, 16(%rsp)
	jmp interrupt_save
3:	call apic_acknowledge           /* entry_wait's caller minds no scratch register */
	add $16, %rsp
	iretq

/* Exceptions: the stack holds vector, error, rip, cs, rflags, rsp, ss. */
exception_common:
	clac
	cld
	testb $3, 24(%rsp)
	jz exception_kernel
	swapgs
exception_save:
	push %rdi
	mov %gs:LOCAL_SAVE, %rdi
	save_interrupted
	mov (%rsp), %esi
	mov 8(%rsp), %rdx
	mov %gs:LOCAL_STACK, %rsp
	call trap_exception
	jmp run

/* Ring 0: outside our image it is a supervisor domain. Inside, a return to user mode with a bad address is the
 * exception of what was to run; the rest is trap_own's to mend, or the end. */
exception_kernel:
	cmpq $image_begin, 16(%rsp)
	jb exception_save
	cmpq $image_end, 16(%rsp)
	jae exception_save
	cmpq $entry_sysret, 16(%rsp)
	je exception_sysret
	cmpq $entry_iret, 16(%rsp)
	je exception_iret
exception_own:
	push %rax
	push %rcx
	push %rdx
	push %rbx
	push %rbp
	push %rsi
	push %rdi
	push %r8
	push %r9
	push %r10
	push %r11
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, %rdi
	mov %rsp, %rbp
	and $-16, %rsp
	call trap_own
	mov %rbp, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rdi
	pop %rsi
	pop %rbp
	pop %rbx
	pop %rdx
	pop %rcx
	pop %rax
	add $16, %rsp
	iretq

exception_sysret:
	mov %rcx, 16(%rsp)
	movq $USER_CS, 24(%rsp)
	mov %r11, 32(%rsp)
	swapgs
	jmp exception_save

exception_iret:                         /* the frame that it could not load is at the interrupted rsp */
	push %rax
	push %rdi
	mov 56(%rsp), %rdi
	mov (%rdi), %rax
	mov %rax, 32(%rsp)
	mov 8(%rdi), %rax
	mov %rax, 40(%rsp)
	mov 16(%rdi), %rax
	mov %rax, 48(%rsp)
	mov 24(%rdi), %rax
	mov %rax, 56(%rsp)
	pop %rdi
	pop %rax
	testb $3, 24(%rsp)
	jz exception_save
	swapgs
	jmp exception_save

/* Machine check and double fault: never survived. */
exception_fatal:
	testb $3, 24(%rsp)
	jz exception_own
	swapgs
	jmp exception_own

/* Not-maskable interrupts only stop the CPU when another one panics. They use no gs: any moment may be theirs. */
entry_nmi:
	cmpl $0, panic_begun(%rip)
	jne 1f
	iretq
1:	cli
	hlt
	jmp 1b

/* One stub a vector; entry_vectors says how far from entry_stubs. The many of devices are short: 32 share a jump, where the vector is
 * pushed again in the place of an error. */
	.macro vector_stub number
vector_\number:
	.if \number >= VECTOR_TIMER
	push $0
	push $\number
	jmp interrupt_common
	.elseif \number >= VECTOR_IRQ
	push $\number
	jmp 9f
	.if \number % 32 == 31
9:	push (%rsp)
	jmp interrupt_common
	.endif
	.elseif \number == 2
	jmp entry_nmi
	.else
	.if !(\number == 8 || (\number >= 10 && \number <= 14) || \number == 17 || \number == 21 || \number == 29 || \number == 30)
	push $0
	.endif
	push $\number
	.if \number == 8 || \number == 18
	jmp exception_fatal
	.else
	jmp exception_common
	.endif
	.endif
	.section .rodata
	.word vector_\number - entry_stubs
	.text
	.endm

	.section .rodata
	.balign 2
	.globl entry_vectors
entry_vectors:
	.text
	.globl entry_stubs
entry_stubs:
	.altmacro
	.set number, 0
	.rept VECTOR_COUNT
	vector_stub %number
	.set number, number + 1
	.endr
	.noaltmacro

/* uint64_t trap_copy(void *to, const void *from, uint64_t bytes, uint64_t *address): words first; a fault among the
 * words goes on with bytes up to the exact place; a fault among the bytes ends it (trap_own, by copy_fixups). */
	.globl trap_copy
	.balign 16
trap_copy:
	mov %rcx, %r8
	mov %rdx, %rax
	mov %rdx, %rcx
	shr $3, %rcx
	and $7, %edx
	stac
trap_copy_words:
	rep movsq
	mov %edx, %ecx
trap_copy_bytes:
	rep movsb
	clac
	ret
trap_copy_words_fault:
	lea (%rdx, %rcx, 8), %rcx
	jmp trap_copy_bytes
trap_copy_bytes_fault:                  /* trap_own leaves the address in r9 */
	clac
	mov %r9, (%r8)
	sub %rcx, %rax
	ret

/* bool trap_copy_all(void *to, const void *from, uint64_t bytes) */
	.globl trap_copy_all
	.balign 16
trap_copy_all:
	mov %rdx, %rcx
	shr $3, %rcx
	and $7, %edx
	stac
trap_copy_all_words:
	rep movsq
	mov %edx, %ecx
trap_copy_all_bytes:
	rep movsb
	clac
	mov $1, %eax
	ret
trap_copy_all_fault:
	clac
	xor %eax, %eax
	ret

/* void xstate_load(const void *load): a malformed image loads the initial state instead. */
	.globl xstate_load
	.balign 16
xstate_load:
	mov $7, %eax
	xor %edx, %edx
xstate_load_restore:
	xrstor64 (%rdi)
	ret
xstate_load_fault:
	lea xstate_initial(%rip), %rdi
	jmp xstate_load

/* Pairs: the instruction in our image that may fault, and where to go on. charm_arch/trap.h has more. */
	.section .rodata.fixups, "a"
	.quad trap_copy_words, trap_copy_words_fault
	.quad trap_copy_bytes, trap_copy_bytes_fault
	.quad trap_copy_all_words, trap_copy_all_fault
	.quad trap_copy_all_bytes, trap_copy_all_fault
	.quad xstate_load_restore, xstate_load_fault

	.bss
	.balign 64
	.globl xstate_initial
xstate_initial:
	.skip 832
