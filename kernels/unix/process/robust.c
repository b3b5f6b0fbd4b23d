/* Robust futexes (get_robust_list(2)): a thread that ends marks the locks in its list, and wakes one waiter of each. The list
 * lies in the program's memory and may say anything: it is followed a limited way. */
#include "process/internal.h"

enum { ENTRIES_MOST = 2048, ENTRY_FLAGS = 1 };
#define WORD_WAITERS 0x80000000u
#define WORD_OWNER_DIED 0x40000000u
#define WORD_OWNER 0x3fffffffu

struct robust_head {
	uint64_t first;
	int64_t offset;             /* from an entry to its word */
	uint64_t pending;           /* an entry that is being put in or taken out */
};

/* The owner of one lock died. `pending`: it may have let the lock go, and not have woken anybody yet. */
static void word_release(struct thread *me, uint64_t address, bool pending)
{
	uint32_t old, new;
	int status;

	if (address % sizeof old != 0 || user_read(&old, address, sizeof old) != 0)
		return;
	do {
		if ((old & WORD_OWNER) != (uint32_t)me->tid) {
			if (pending && old == 0)
				futex_wake_address(address, 1);
			return;
		}
		new = (old & WORD_WAITERS) | WORD_OWNER_DIED;
		status = space_word_exchange(me->process->space, address, &old, new);
	} while (status > 0);
	if (status == 0 && (old & WORD_WAITERS))
		futex_wake_address(address, 1);
}

void robust_list_end(struct thread *me)
{
	struct robust_head head;
	uint64_t list = me->robust_list, entry, next;

	me->robust_list = 0;
	if (list == 0 || user_read(&head, list, sizeof head) != 0)
		return;
	entry = head.first & ~(uint64_t)ENTRY_FLAGS;
	for (unsigned i = 0; i < ENTRIES_MOST && entry != list; i++) {
		bool more = user_read(&next, entry, sizeof next) == 0;

		if (entry != (head.pending & ~(uint64_t)ENTRY_FLAGS))
			word_release(me, entry + (uint64_t)head.offset, false);
		if (!more)
			break;
		entry = next & ~(uint64_t)ENTRY_FLAGS;
	}
	if (head.pending != 0)
		word_release(me, (head.pending & ~(uint64_t)ENTRY_FLAGS) + (uint64_t)head.offset, true);
}

int64_t sys_set_robust_list(SYSCALL_ARGUMENTS)
{
	if (a1 != sizeof(struct robust_head))
		return -EINVAL;
	self()->robust_list = a0;
	return 0;
}

int64_t sys_get_robust_list(SYSCALL_ARGUMENTS)
{
	uint64_t bytes = sizeof(struct robust_head), list = 0;
	const struct credentials *mine = &self_process()->credentials;
	struct thread *thread;
	int status = 0;

	mutex_lock(&tree_lock);
	thread = (int32_t)a0 == 0 ? self() : thread_of_pid((int32_t)a0);
	if (thread == NULL)
		status = -ESRCH;
	else if (mine->euid != thread->process->credentials.uid && !capable(CAP_SYS_PTRACE))
		status = -EPERM;
	else
		list = thread->robust_list;
	mutex_unlock(&tree_lock);
	if (status == 0 && user_write(a2, &bytes, sizeof bytes) == 0)
		return user_write(a1, &list, sizeof list);
	return status != 0 ? status : -EFAULT;
}
