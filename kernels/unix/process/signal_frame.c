/* Entering a program's signal handler, and rt_sigreturn. */
#include "abi/home.h"
#include "baryon/string.h"
#include "process/internal.h"
#include "process/signal_frame.h"

enum { EXTENDED_MAGIC_PLACE = 464, EXTENDED_MAGIC = 0x46505853, EXTENDED_MAGIC_END = 0x46505845, RED_ZONE = 128 };

/* What a program may read about its XSAVE area (struct _fpx_sw_bytes). */
struct extended_note {
	uint32_t magic, bytes;
	uint64_t features;
	uint32_t state_bytes, padding[7];
};

static bool on_alternate(const struct thread *me, uint64_t stack)
{
	return me->alternate_bytes != 0 && !(me->alternate_flags & SS_AUTODISARM) && stack > me->alternate_stack &&
		stack - me->alternate_stack <= me->alternate_bytes;
}

/* As programs see it in SS_ONSTACK, SS_DISABLE and SS_AUTODISARM. */
static uint32_t alternate_state(const struct thread *me, uint64_t stack)
{
	return (me->alternate_bytes == 0 ? SS_DISABLE : on_alternate(me, stack) ? SS_ONSTACK : 0) | me->alternate_flags;
}

static void alternate_set(struct thread *me, const struct linux_stack *stack)
{
	bool none = stack->flags & SS_DISABLE;

	me->alternate_stack = none ? 0 : stack->address;
	me->alternate_bytes = none ? 0 : stack->bytes;
	me->alternate_flags = (uint32_t)stack->flags & SS_AUTODISARM;
}

static bool goes_alternate(const struct thread *me, const struct signal_action *action, uint64_t stack)
{
	return (action->flags & SA_ONSTACK) && me->alternate_bytes != 0 && !on_alternate(me, stack);
}

static uint64_t stack_for(const struct thread *me, const struct signal_action *action, uint64_t stack)
{
	if (goes_alternate(me, action, stack))
		return me->alternate_stack + me->alternate_bytes;
	return stack - RED_ZONE;
}

/* Features that XSAVE writes on this machine: their sizes are at most XSTATE_BYTES. */
static bool extended_push(uint64_t address)
{
	_Alignas(64) uint8_t area[XSTATE_BYTES + 64];
	struct extended_note note = {
		.magic = EXTENDED_MAGIC, .bytes = XSTATE_BYTES + 4, .features = 7, .state_bytes = XSTATE_BYTES,
	};
	uint32_t end = EXTENDED_MAGIC_END;

	memset(area, 0, sizeof area);
	xstate_save(area);
	memcpy(area + EXTENDED_MAGIC_PLACE, &note, sizeof note);
	memcpy(area + XSTATE_BYTES, &end, sizeof end);
	return user_write(address, area, XSTATE_BYTES + sizeof end) == 0;
}

bool signal_frame_push(struct trap_frame *trap, int number, const struct linux_siginfo *info,
	const struct signal_action *action, uint64_t mask)
{
	struct thread *me = self();
	struct signal_frame frame;
	uint64_t extended, stack = stack_for(me, action, trap->registers.rsp);
	uint64_t address = signal_frame_place(stack, &extended);

	/* No frame goes over the end of an alternate stack, into what lies below it. */
	if ((on_alternate(me, trap->registers.rsp) || goes_alternate(me, action, trap->registers.rsp)) &&
		address - me->alternate_stack > me->alternate_bytes)
		return false;
	memset(&frame, 0, sizeof frame);
	frame.return_address = action->restorer;
	frame.user.flags = 1;
	frame.user.stack.address = me->alternate_stack;
	frame.user.stack.bytes = me->alternate_bytes;
	frame.user.stack.flags = alternate_state(me, trap->registers.rsp);
	frame.user.mask = mask;
	signal_context_fill(&frame.user.context, &trap->registers);
	frame.user.context.extended = extended;
	frame.user.context.fault_address = trap->cause == TRAP_FAULT ? trap->address : 0;
	frame.user.context.vector = trap->cause == TRAP_FAULT ? 14 : trap->vector;
	frame.info = *info;
	if (!extended_push(extended) || user_write(address, &frame, sizeof frame) != 0)
		return false;
	if (me->alternate_flags & SS_AUTODISARM)
		me->alternate_stack = me->alternate_bytes = me->alternate_flags = 0;
	trap->registers.rdi = (uint64_t)number;
	trap->registers.rsi = address + offsetof(struct signal_frame, info);
	trap->registers.rdx = address + offsetof(struct signal_frame, user);
	trap->registers.rax = 0;
	trap->registers.rip = action->handler;
	trap->registers.rsp = address;
	trap->registers.rflags &= ~0x400ull;
	return true;
}

static bool extended_pop(uint64_t address)
{
	_Alignas(64) uint8_t area[XSTATE_BYTES];

	if (address == 0) {
		xstate_clear();
		return true;
	}
	if (user_read(area, address, sizeof area) != 0 || !signal_extended_check(area))
		return false;
	xstate_load(area);
	return true;
}

/* The frame lies 8 under the stack pointer: the handler's return took the restorer. A bad one kills by SIGSEGV. */
int64_t sys_rt_sigreturn(SYSCALL_ARGUMENTS)
{
	struct thread *me = self();
	struct registers *registers = &thread_frame(me)->registers;
	struct linux_ucontext user;

	if (user_read(&user, registers->rsp, sizeof user) != 0 || !extended_pop(user.context.extended)) {
		signal_force(SIGSEGV, SI_KERNEL, 0);
		return 0;
	}
	signal_context_take(registers, &user.context);
	if (!on_alternate(me, registers->rsp))
		alternate_set(me, &user.stack);
	signal_mask_set(user.mask);
	work_add(me, WORK_KEEP_RESULT);
	return (int64_t)registers->rax;
}

int64_t sys_sigaltstack(SYSCALL_ARGUMENTS)
{
	struct thread *me = self();
	bool inside = on_alternate(me, thread_frame(me)->registers.rsp);
	struct linux_stack old = { me->alternate_stack, alternate_state(me, thread_frame(me)->registers.rsp), 0, me->alternate_bytes }, new;

	if (a0 != 0 && user_read(&new, a0, sizeof new) != 0)
		return -EFAULT;
	if (a0 != 0) {
		if (inside)
			return -EPERM;
		if ((new.flags & ~SS_AUTODISARM) > SS_DISABLE)
			return -EINVAL;
		if (!(new.flags & SS_DISABLE) && new.bytes < 2048)
			return -ENOMEM;
		alternate_set(me, &new);
	}
	return a1 != 0 ? user_write(a1, &old, sizeof old) : 0;
}
