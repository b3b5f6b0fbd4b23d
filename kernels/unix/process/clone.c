/* clone and clone3 (clone(2)), and unshare(2): what of the many ways to share the caller asks for, checked. */
#include "baryon/string.h"
#include "process/internal.h"

/* struct clone_args, as Linux 5.7 has it; earlier ones are shorter. */
struct clone3_arguments {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_bytes, tls, set_tid, set_tid_count, cgroup;
};
enum { CLONE3_LEAST = 64 };

/* Threads share all of them; processes may, and how signals are handled only with memory. */
#define THREAD_PARTS ((uint64_t)(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND))

static int64_t clone_checked(const struct clone_arguments *clone)
{
	uint64_t shared = clone->flags & THREAD_PARTS;

	if (clone->flags & CLONE_NEW_SPACES)
		return !capable(CAP_SYS_ADMIN) ? -EPERM : -EINVAL;
	if (clone->flags & CLONE_SIGHAND && clone->flags & CLONE_CLEAR_SIGHAND)
		return -EINVAL;
	if (clone->flags & CLONE_PIDFD && clone->flags & (CLONE_THREAD | CLONE_DETACHED))
		return -EINVAL;
	if (clone->flags & CLONE_THREAD)
		return shared == THREAD_PARTS ? clone_thread(clone) : -EINVAL;
	return (shared & (CLONE_SIGHAND | CLONE_VM)) == CLONE_SIGHAND ? -EINVAL : clone_process(clone);
}

int64_t sys_clone(SYSCALL_ARGUMENTS)
{
	struct clone_arguments clone = {
		.flags = a0 & 0xffffff00, .exit_signal = a0 & CLONE_SIGNAL_MASK, .stack = a1, .parent_tid = a2, .child_tid = a3,
		.tls = a4, .pidfd = a2,
	};

	if (clone.flags & CLONE_PIDFD && clone.flags & CLONE_PARENT_SETTID)
		return -EINVAL;
	return clone.exit_signal > SIGNAL_COUNT ? -EINVAL : clone_checked(&clone);
}

static int clone3_check(const struct clone3_arguments *given)
{
	if (given->flags & (CLONE_SIGNAL_MASK & ~0x80) || given->flags & CLONE_DETACHED || given->exit_signal > SIGNAL_COUNT)
		return -EINVAL;
	if (given->flags & ~(0xffffffffull | CLONE_CLEAR_SIGHAND))
		return -EINVAL;
	if ((given->flags & (CLONE_THREAD | CLONE_PARENT)) && given->exit_signal != 0)
		return -EINVAL;
	if ((given->stack == 0) != (given->stack_bytes == 0) || given->stack + given->stack_bytes < given->stack)
		return -EINVAL;
	return given->set_tid != 0 || given->set_tid_count != 0 ? -EINVAL : 0;
}

/* Reads what a program passes of a record that may be older or newer than ours; new fields must be zero.
 * 0, -EFAULT, -EINVAL, -E2BIG. */
static int clone3_read(struct clone3_arguments *given, uint64_t from, uint64_t bytes)
{
	if (bytes < CLONE3_LEAST)
		return -EINVAL;
	if (bytes > PAGE_BYTES)
		return -E2BIG;
	memset(given, 0, sizeof *given);
	if (user_read(given, from, bytes < sizeof *given ? bytes : sizeof *given) != 0)
		return -EFAULT;
	for (uint64_t at = sizeof *given; at < bytes; at++) {
		char byte;

		if (user_read(&byte, from + at, 1) != 0)
			return -EFAULT;
		if (byte != 0)
			return -E2BIG;
	}
	return 0;
}

int64_t sys_clone3(SYSCALL_ARGUMENTS)
{
	struct clone3_arguments given;
	struct clone_arguments clone;
	int status = clone3_read(&given, a0, a1);

	if (status == 0)
		status = clone3_check(&given);
	if (status != 0)
		return status;
	clone = (struct clone_arguments) {
		.flags = given.flags, .exit_signal = given.exit_signal, .parent_tid = given.parent_tid,
		.child_tid = given.child_tid, .tls = given.tls, .pidfd = given.pidfd,
	};
	if (given.stack != 0)
		clone.stack = given.stack + given.stack_bytes;
	return clone_checked(&clone);
}

int64_t sys_fork(SYSCALL_ARGUMENTS)
{
	struct clone_arguments clone = { .exit_signal = SIGCHLD };

	return clone_process(&clone);
}

int64_t sys_vfork(SYSCALL_ARGUMENTS)
{
	struct clone_arguments clone = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };

	return clone_process(&clone);
}

static int64_t unshare_checked(uint64_t flags)
{
	const struct process *me = self_process();

	if (flags & ~(THREAD_PARTS | CLONE_THREAD | CLONE_SYSVSEM | CLONE_NEW_SPACES))
		return -EINVAL;
	if (flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_SYSVSEM) && me->thread_count > 1)
		return -EINVAL;
	if (flags & (CLONE_SIGHAND | CLONE_VM) && actions_are_shared(me))
		return -EINVAL;
	if (flags & CLONE_VM && __atomic_load_n(&me->space->references, __ATOMIC_RELAXED) > 1)
		return -EINVAL;
	if (flags & CLONE_NEW_SPACES)
		return capable(CAP_SYS_ADMIN) || flags & CLONE_NEWUSER ? -EINVAL : -EPERM;
	return 0;
}

int64_t sys_unshare(SYSCALL_ARGUMENTS)
{
	int64_t status = unshare_checked(a0);

	if (status == 0 && a0 & CLONE_FS)
		status = path_state_part(NULL);
	if (status == 0 && a0 & CLONE_FILES)
		status = files_part(NULL);
	if (status == 0 && a0 & CLONE_SYSVSEM)
		semaphores_exit(self_process());
	return status;
}
