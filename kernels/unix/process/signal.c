/* Signals: posting, choosing, default actions, stop and continue (POSIX.1-2017, 2.4; Linux signal(7)).
 *
 * Pending sets are guarded by the process lock. Whoever posts sets WORK_SIGNAL of a thread that does not block the signal, and
 * alerts it; the thread looks at its work each time before it goes on in its program and before each interruptible sleep. */
#include "baryon/calls.h"
#include "baryon/string.h"
#include "process/internal.h"

#define SIGNALS_IGNORED (SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGCONT) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH))

struct wait_queue signal_watchers;

void work_add(struct thread *thread, uint32_t work)
{
	__atomic_fetch_or(&thread->work, work, __ATOMIC_SEQ_CST);
}

static void work_remove(struct thread *thread, uint32_t work)
{
	__atomic_fetch_and(&thread->work, ~work, __ATOMIC_SEQ_CST);
}

void thread_alert(struct thread *thread)
{
	if (thread != self() && !thread->gone)
		(void)alert(thread->uid);
}

/* ---- pending signals and their details ---- */

/* False: `limit` are in the queue, or there is no memory. */
static bool queue_add(struct signal_queued **queue, const struct linux_siginfo *info, uint64_t limit)
{
	struct signal_queued *queued;
	uint64_t count = 0;

	for (; *queue != NULL; queue = &(*queue)->next)
		count++;
	queued = count >= limit ? NULL : heap_alloc(sizeof *queued);
	if (queued == NULL)
		return false;
	queued->info = *info;
	*queue = queued;
	return true;
}

/* Takes the first entry of a number; *more says whether there is another. False: none. */
static bool queue_take(struct signal_queued **queue, int number, struct linux_siginfo *info, bool *more)
{
	struct signal_queued *found = NULL;

	*more = false;
	while (*queue != NULL) {
		struct signal_queued *queued = *queue;

		if (queued->info.number != number) {
			queue = &queued->next;
		} else if (found == NULL) {
			found = queued;
			*queue = queued->next;
		} else {
			*more = true;
			break;
		}
	}
	if (found == NULL)
		return false;
	*info = found->info;
	heap_free(found);
	return true;
}

void signals_free(struct signal_queued *queued)
{
	while (queued != NULL) {
		struct signal_queued *next = queued->next;

		heap_free(queued);
		queued = next;
	}
}

static void queue_drop(struct signal_queued **queue, uint64_t set)
{
	while (*queue != NULL) {
		struct signal_queued *queued = *queue;

		if (SIGNAL_BIT(queued->info.number) & set) {
			*queue = queued->next;
			heap_free(queued);
		} else {
			queue = &queued->next;
		}
	}
}

static void pending_drop(struct process *process, uint64_t set)
{
	process->pending &= ~set;
	queue_drop(&process->queued, set);
	for (struct thread *t = process->threads; t != NULL; t = t->next_in_process) {
		t->pending &= ~set;
		queue_drop(&t->queued, set);
	}
}

/* ---- posting ---- */

static bool action_ignores(const struct signal_action *action, int number)
{
	if (action->handler == SIG_IGN)
		return SIGNAL_BIT(number) & ~SIGNALS_UNBLOCKABLE;
	return action->handler == SIG_DFL && (SIGNAL_BIT(number) & SIGNALS_IGNORED);
}

static bool is_ignored(const struct process *process, int number)
{
	return action_ignores(&process->actions[number - 1], number);
}

void signal_drop_ignored(struct process *process, int number)
{
	if (is_ignored(process, number))
		pending_drop(process, SIGNAL_BIT(number));
}

static bool is_blocked_everywhere(const struct process *process, int number)
{
	for (const struct thread *t = process->threads; t != NULL; t = t->next_in_process) {
		if (!(t->mask & SIGNAL_BIT(number)))
			return false;
	}
	return true;
}

static void process_continue(struct process *process)
{
	pending_drop(process, SIGNALS_STOP);
	if (process->state != PROCESS_STOPPED)
		return;
	process->state = PROCESS_ALIVE;
	process->stop_signal = 0;
	process->continued = 1;
	for (struct thread *t = process->threads; t != NULL; t = t->next_in_process)
		work_remove(t, WORK_STOP);
	wait_queue_wake(&process->stop_wait);
	if (process->parent != NULL)
		wait_queue_wake(&process->parent->child_wait);
}

/* Wakes a thread that can take the signal. */
static void signal_wake(struct process *process, int number)
{
	for (struct thread *t = process->threads; t != NULL; t = t->next_in_process) {
		if (t->gone || ((t->mask & ~t->waited) & SIGNAL_BIT(number)))
			continue;
		work_add(t, WORK_SIGNAL);
		thread_alert(t);
		if (number != SIGKILL)
			return;
	}
}

/* What kill and the system send comes without its details when the queue is full; what was to be queued does not come at all. */
static int signal_record(uint64_t *pending, struct signal_queued **queue, int number, const struct linux_siginfo *info,
	uint64_t limit)
{
	if ((*pending & SIGNAL_BIT(number)) && number < SIGRTMIN)
		return 0;
	if (info != NULL && !queue_add(queue, info, number < SIGRTMIN ? UINT64_MAX : limit) && number >= SIGRTMIN && info->code != SI_USER &&
			info->code != SI_TIMER)
		return -EAGAIN;
	*pending |= SIGNAL_BIT(number);
	if (__atomic_load_n(&signal_watchers.first, __ATOMIC_SEQ_CST) != NULL)
		wait_queue_wake(&signal_watchers);
	return 0;
}

int signal_post_locked(struct process *process, struct thread *thread, int number, const struct linux_siginfo *info)
{
	uint64_t bit = SIGNAL_BIT(number), limit = process->rlimits[RLIMIT_SIGPENDING].soft;
	bool blocked;
	int status;

	if (process->state == PROCESS_ZOMBIE || process->threads == NULL)
		return 0;
	if (number == SIGCONT || number == SIGKILL)
		process_continue(process);
	if (number == SIGKILL)          /* those whom only death interrupts look again when the lock is free */
		wait_queue_wake(&process->stop_wait);
	if (bit & SIGNALS_STOP)
		pending_drop(process, SIGNAL_BIT(SIGCONT));
	blocked = thread != NULL ? (thread->mask & bit) != 0 : is_blocked_everywhere(process, number);
	if (!blocked && is_ignored(process, number))
		return 0;
	if (thread == NULL) {
		status = signal_record(&process->pending, &process->queued, number, info, limit);
		if (status == 0)
			signal_wake(process, number);
		return status;
	}
	status = signal_record(&thread->pending, &thread->queued, number, info, limit);
	if (status == 0 && !((thread->mask & ~thread->waited) & bit)) {
		work_add(thread, WORK_SIGNAL);
		thread_alert(thread);
	}
	return status;
}

int signal_post(struct process *process, struct thread *thread, int number, const struct linux_siginfo *info)
{
	int status;

	mutex_lock(&process->lock);
	status = signal_post_locked(process, thread, number, info);
	mutex_unlock(&process->lock);
	return status;
}

void process_signal(struct process *process, int number)
{
	signal_post(process, NULL, number, NULL);
}

void process_signal_queue(int32_t pid, uint64_t started_ns, int number, const struct linux_siginfo *info)
{
	struct process *process;

	mutex_lock(&tree_lock);
	process = process_of_pid(pid);
	if (process != NULL && process->started_ns == started_ns)
		signal_post(process, NULL, number, info);
	mutex_unlock(&tree_lock);
}

void signal_send_self(int number)
{
	signal_post(self_process(), self(), number, NULL);
}

int signal_send_group(int32_t group, int number)
{
	int status = -ESRCH;

	mutex_lock(&tree_lock);
	for (struct process *p = process_next(NULL); p != NULL; p = process_next(p)) {
		if (p->group != group || p == init_process)
			continue;
		signal_post(p, NULL, number, NULL);
		status = 0;
	}
	mutex_unlock(&tree_lock);
	return status;
}

void signal_force(int number, int code, uint64_t address)
{
	struct thread *me = self();
	struct process *process = me->process;
	struct linux_siginfo info = { .number = number, .code = code, .fault.address = address };
	struct signal_action *action;

	actions_lock(process);
	action = &process->actions[number - 1];
	if (action->handler == SIG_IGN || (me->mask & SIGNAL_BIT(number)))
		action->handler = SIG_DFL;
	me->mask &= ~SIGNAL_BIT(number);
	signal_post_locked(process, me, number, &info);
	actions_unlock(process);
}

/* ---- looking ---- */

static uint64_t pending_of(const struct thread *thread)
{
	return __atomic_load_n(&thread->pending, __ATOMIC_RELAXED) |
		__atomic_load_n(&thread->process->pending, __ATOMIC_RELAXED);
}

uint64_t signals_pending(void)
{
	return pending_of(self());
}

bool signal_is_pending(void)
{
	struct thread *me = self();

	if (me->process == NULL || __atomic_load_n(&me->work, __ATOMIC_SEQ_CST) == 0)
		return false;
	return (me->work & (WORK_LEAVE | WORK_STOP)) || (pending_of(me) & ~(me->mask & ~me->waited));
}

bool signal_is_killing(void)
{
	const struct thread *me = self();

	if (me->process == NULL || __atomic_load_n(&me->work, __ATOMIC_SEQ_CST) == 0)
		return false;
	return me->process->exiting || me->work & WORK_LEAVE || pending_of(me) & SIGNAL_BIT(SIGKILL);
}

bool signal_is_blocked_or_ignored(int number)
{
	return (self()->mask & SIGNAL_BIT(number)) || self_process()->actions[number - 1].handler == SIG_IGN;
}

static int take_from(uint64_t *pending, struct signal_queued **queue, uint64_t set, struct linux_siginfo *info)
{
	uint64_t urgent = SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) |
		SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGTRAP);
	uint64_t now = *pending & set;
	bool more;
	int number;

	if (now == 0)
		return 0;
	number = __builtin_ctzll(now & urgent ? now & urgent : now) + 1;
	if (!queue_take(queue, number, info, &more)) {
		memset(info, 0, sizeof *info);
		info->number = number;
		info->code = SI_KERNEL;
	}
	if (!more)
		*pending &= ~SIGNAL_BIT(number);
	return number;
}

int signal_take(uint64_t set, struct linux_siginfo *info)
{
	struct thread *me = self();
	int number;

	if ((pending_of(me) & set) == 0)
		return 0;
	mutex_lock(&me->process->lock);
	number = take_from(&me->pending, &me->queued, set, info);
	if (number == 0)
		number = take_from(&me->process->pending, &me->process->queued, set, info);
	mutex_unlock(&me->process->lock);
	if (number != 0 && info->code == SI_TIMER)
		timer_signal_taken(info);
	return number;
}

void signal_mask_set(uint64_t mask)
{
	struct thread *me = self();

	me->mask = mask & ~SIGNALS_UNBLOCKABLE;
	if (pending_of(me) & ~me->mask)
		work_add(me, WORK_SIGNAL);
}

void signal_mask_temporary(uint64_t mask)
{
	struct thread *me = self();

	me->saved_mask = me->mask;
	work_add(me, WORK_RESTORE_MASK);
	signal_mask_set(mask);
}

/* ---- stopping ---- */

/* Tells the parent that the process stopped or went on. No locks. */
void process_stop_notify(struct process *process, int code, int status)
{
	struct linux_siginfo info = { .number = SIGCHLD, .code = code };
	struct process *parent;

	info.child.pid = process->pid;
	info.child.uid = process->credentials.uid;
	info.child.status = status;
	mutex_lock(&tree_lock);
	parent = process->parent;
	if (!(parent->actions[SIGCHLD - 1].flags & SA_NOCLDSTOP))
		signal_post(parent, NULL, SIGCHLD, &info);
	wait_queue_wake(&parent->child_wait);
	mutex_unlock(&tree_lock);
}

static void process_stop(int number)
{
	struct thread *me = self();
	struct process *process = me->process;

	if (number != SIGSTOP && group_is_orphaned(process->group))
		return;
	mutex_lock(&process->lock);
	if (process->exiting || (pending_of(me) & (SIGNAL_BIT(SIGCONT) | SIGNAL_BIT(SIGKILL)))) {
		mutex_unlock(&process->lock);
		return;
	}
	process->state = PROCESS_STOPPED;
	process->stop_signal = (uint32_t)number;
	process->continued = 0;
	for (struct thread *t = process->threads; t != NULL; t = t->next_in_process) {
		work_add(t, WORK_STOP);
		thread_alert(t);
	}
	mutex_unlock(&process->lock);
	process_stop_notify(process, CLD_STOPPED, number);
}

static void stop_wait(struct thread *me)
{
	struct process *process = me->process;
	bool report = false;

	mutex_lock(&process->lock);
	while (process->state == PROCESS_STOPPED && !process->exiting)
		(void)wait_queue_sleep(&process->stop_wait, &process->lock, false, 0);
	work_remove(me, WORK_STOP);
	report = process->continued == 1 && me == process->threads;
	mutex_unlock(&process->lock);
	if (report)
		process_stop_notify(process, CLD_CONTINUED, SIGCONT);
}

/* ---- delivery ---- */

static void restart_call(struct trap_frame *frame)
{
	frame->registers.rip -= 2;
}

/* The result of a system call that a signal interrupted, when a handler runs. */
static void call_interrupted(struct trap_frame *frame, int64_t result, const struct signal_action *action)
{
	bool restart = result == -ERESTARTNOINTR || (result == -ERESTARTSYS && (action->flags & SA_RESTART));

	self()->restart_deadline = 0;
	if (restart)
		restart_call(frame);
	else
		frame->registers.rax = (uint64_t)-(int64_t)EINTR;
}

static bool is_restart(int64_t result)
{
	return result <= -ERESTARTSYS && result >= -ERESTARTNOHAND;
}

static _Noreturn void killed_by(int number)
{
	process_exit((uint32_t)number);
}

/* Runs a handler. When its frame cannot be pushed it becomes a SIGSEGV, whose handler may have a better stack; that one's kills. */
static void handler_start(struct trap_frame *frame, int number, const struct linux_siginfo *info, const struct signal_action *action)
{
	struct thread *me = self();
	uint64_t mask = me->work & WORK_RESTORE_MASK ? me->saved_mask : me->mask;

	if (!signal_frame_push(frame, number, info, action, mask)) {
		if (number == SIGSEGV)
			killed_by(SIGSEGV);
		signal_force(SIGSEGV, SI_KERNEL, 0);
		return;
	}
	if (me->work & WORK_RESTORE_MASK)
		work_remove(me, WORK_RESTORE_MASK);
	me->mask = me->mask | (action->mask & ~SIGNALS_UNBLOCKABLE);
	if (!(action->flags & SA_NODEFER))
		me->mask |= SIGNAL_BIT(number);
}

/* What is to be done for a signal that was taken. A handler of once is none any more. */
static struct signal_action action_take(struct process *process, int number)
{
	struct signal_action action;

	actions_lock(process);
	action = process->actions[number - 1];
	if (action.handler > SIG_IGN && action.flags & SA_RESETHAND)
		process->actions[number - 1].handler = SIG_DFL;
	actions_unlock(process);
	return action;
}

/* One signal. Returns true when a handler was started: the call's result is settled then. */
static bool signal_act(struct trap_frame *frame, int number, const struct linux_siginfo *info, bool is_call, int64_t result)
{
	const struct signal_action action = action_take(self_process(), number);

	if (action_ignores(&action, number))
		return false;
	if (action.handler != SIG_DFL && !(SIGNAL_BIT(number) & SIGNALS_UNBLOCKABLE)) {
		if (is_call && is_restart(result))
			call_interrupted(frame, result, &action);
		else if (is_call)
			frame->registers.rax = (uint64_t)result;
		handler_start(frame, number, info, &action);
		return true;
	}
	if (SIGNAL_BIT(number) & SIGNALS_STOP)
		process_stop(number);
	else
		killed_by(number);
	return false;
}

static void call_settle(struct trap_frame *frame, int64_t result)
{
	if (is_restart(result))
		restart_call(frame);
	else
		frame->registers.rax = (uint64_t)result;
}

static void mask_restore(struct thread *me)
{
	if (!(me->work & WORK_RESTORE_MASK))
		return;
	work_remove(me, WORK_RESTORE_MASK);
	signal_mask_set(me->saved_mask);
}

void work_do(struct trap_frame *frame, bool is_call, int64_t result)
{
	struct thread *me = self();
	struct linux_siginfo info;
	bool handled = false;
	int number;

	(void)step_leave(frame);
	if (me->work & WORK_SENDING) {
		work_remove(me, WORK_SENDING);
		async_send();
	}
	if (me->work & WORK_KEEP_RESULT) {
		work_remove(me, WORK_KEEP_RESULT);
		is_call = false;
	}
	for (;;) {
		if (me->process->exiting || (me->work & WORK_LEAVE))
			thread_exit();
		if (me->work & WORK_STOP)
			stop_wait(me);
		work_remove(me, WORK_SIGNAL);
		number = signal_take(~me->mask, &info);
		if (number != 0) {
			if (signal_act(frame, number, &info, is_call, result)) {
				is_call = false;
				handled = true;
			}
			continue;
		}
		if (!(me->work & (WORK_SIGNAL | WORK_STOP | WORK_LEAVE))) {
			if (handled || !(me->work & WORK_RESTORE_MASK))
				break;
			mask_restore(me);
		}
	}
	if (is_call)
		call_settle(frame, result);
}

void signals_default(struct process *process)
{
	for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
		if (process->actions[i].handler != SIG_IGN)
			process->actions[i].handler = SIG_DFL;
		process->actions[i].flags = 0;
		process->actions[i].mask = 0;
	}
}

void signals_exec(struct process *process)
{
	actions_part(process);
	mutex_lock(&process->lock);
	signals_default(process);
	mutex_unlock(&process->lock);
}
