/* Texts about processes, for /proc (proc(5)). */
#include "baryon/calls.h"
#include "baryon/clock.h"
#include "baryon/string.h"
#include "process/internal.h"
#include "process/text.h"

enum { TICK_NS = 10000000, PAGE_KILOBYTES = 4 };

/* Who waits is known to Strange, which writes it to the home. */
static bool thread_waits(struct thread *thread)
{
	long status = object_write_back(KIND_THREAD, thread->uid);

	(void)status;               /* one that is not loaded was written when it was unloaded */
	return __atomic_load_n(&thread_home_of(thread)->state, __ATOMIC_RELAXED) != THREAD_RUNNABLE;
}

/* D: it waits for a lock or for memory, which no signal ends. */
static char thread_letter(struct thread *thread)
{
	if (thread->process->state == PROCESS_ZOMBIE)
		return 'Z';
	if (thread->process->state == PROCESS_STOPPED)
		return 'T';
	if (thread == self() || !thread_waits(thread))
		return 'R';
	return __atomic_load_n(&thread->dozes, __ATOMIC_RELAXED) ? 'S' : 'D';
}

static const char *name_of(struct thread *thread, bool alone)
{
	return alone ? thread_name(thread) : thread->process->name;
}

/* Bytes of a process's regions by what they are for, as Linux counts them. */
struct sizes {
	uint64_t all, code, libraries, data, stack;
};

static bool is_of_program(const struct process *process, const struct region *region)
{
	return region->file != NULL && process->executable != NULL && file_identity(region->file) == file_identity(process->executable);
}

static void sizes_of(struct process *process, struct sizes *sizes)
{
	struct space *space = process->space;

	*sizes = (struct sizes) { 0 };
	if (space == NULL)
		return;
	mutex_lock(&space->lock);
	for (unsigned i = 0; i < space->region_count; i++) {
		const struct region *region = region_at(space, i);
		uint64_t bytes = region->end - region->start, flags = region->flags;

		sizes->all += bytes;
		if (flags & REGION_STACK)
			sizes->stack += bytes;
		else if ((flags & (RIGHT_WRITE | REGION_SHARED)) == RIGHT_WRITE)
			sizes->data += bytes;
		else if ((flags & (RIGHT_EXECUTE | REGION_SYSTEM)) == RIGHT_EXECUTE)
			*(is_of_program(process, region) ? &sizes->code : &sizes->libraries) += bytes;
	}
	mutex_unlock(&space->lock);
}

static uint64_t resident(struct process *process)
{
	return process->space == NULL ? 0 : process->space->resident;
}

/* `alone`: of the thread, not of its process. Process lock. */
static uint64_t stat_text(struct thread *thread, bool alone, char *to, uint64_t limit)
{
	struct process *p = thread->process;
	uint64_t length = 0;
	int32_t session = p->session != NULL ? p->session->id : 0;
	struct usage usage;
	struct sizes sizes;

	sizes_of(p, &sizes);
	if (alone)
		thread_usage(thread, &usage);
	else
		process_usage_locked(p, &usage);
	ADD("%d (%s) %c %d %d %d %d %d 0 %lu 0 0 0 ", thread->tid, name_of(thread, alone), thread_letter(thread), p->parent->pid, p->group,
		session, p->session != NULL && p->session->terminal != NULL ? 0x8800 : 0, -1, p->faults);
	ADD("%lu %lu %lu %lu %d %d %u 0 %lu %lu %lu ", usage.user_ns / TICK_NS, usage.system_ns / TICK_NS,
		p->children_usage.user_ns / TICK_NS, p->children_usage.system_ns / TICK_NS, 20 + p->nice, p->nice, p->thread_count,
		p->started_ns / TICK_NS, sizes.all, resident(p));
	ADD("18446744073709551615 0 0 0 0 0 %lu %lu 0 0 0 0 0 17 0 %u %u 0 0 0 0 0 0 0 0 0 0 0\n", p->pending, thread->mask,
		thread->realtime_priority, thread->policy);
	return length;
}

static uint64_t signals_text(struct thread *thread, char *to, uint64_t limit)
{
	struct process *p = thread->process;
	uint64_t length = 0, ignored = 0, caught = 0;

	for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
		ignored |= p->actions[i].handler == SIG_IGN ? 1ull << i : 0;
		caught |= p->actions[i].handler > SIG_IGN ? 1ull << i : 0;
	}
	ADD("SigQ:\t0/%lu\nSigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n", (uint64_t)PID_LIMIT, thread->pending, p->pending, thread->mask);
	ADD("SigIgn:\t%016lx\nSigCgt:\t%016lx\n", ignored, caught);
	return length;
}

static uint64_t identity_text(const struct credentials *c, char *to, uint64_t limit)
{
	uint64_t length = 0;

	ADD("Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t64\nGroups:\t", c->uid, c->euid, c->suid, c->fsuid, c->gid, c->egid,
		c->sgid, c->fsgid);
	for (uint32_t i = 0; i < c->group_count; i++)
		ADD("%u ", c->groups[i]);
	ADD("\n");
	return length;
}

static const char *state_word(char letter)
{
	switch (letter) {
	case 'R':
		return "running";
	case 'S':
		return "sleeping";
	case 'D':
		return "disk sleep";
	case 'T':
		return "stopped";
	default:
		return "zombie";
	}
}

static uint64_t memory_lines(struct process *process, uint64_t pages_most, char *to, uint64_t limit)
{
	uint64_t length = 0;
	struct sizes sizes;

	sizes_of(process, &sizes);
	ADD("VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmLck:\t       0 kB\nVmPin:\t       0 kB\nVmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\n",
		sizes.all / 1024, sizes.all / 1024, pages_most * PAGE_KILOBYTES, resident(process) * PAGE_KILOBYTES);
	ADD("VmData:\t%8lu kB\nVmStk:\t%8lu kB\nVmExe:\t%8lu kB\nVmLib:\t%8lu kB\nVmPTE:\t%8lu kB\nVmSwap:\t       0 kB\n",
		sizes.data / 1024, sizes.stack / 1024, sizes.code / 1024, sizes.libraries / 1024,
		(uint64_t)process->space->table_count * PAGE_KILOBYTES);
	return length;
}

static uint64_t status_text(struct thread *thread, bool alone, char *to, uint64_t limit)
{
	struct process *p = thread->process;
	uint64_t length = 0, processors = (1ull << info_page()->cpus) - 1;
	char letter = thread_letter(thread);
	const struct credentials *c = &p->credentials;
	struct usage usage;

	ADD("Name:\t%s\nUmask:\t0022\nState:\t%c (%s)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n", name_of(thread, alone),
		letter, state_word(letter), p->pid, thread->tid, p->parent->pid);
	length += identity_text(&p->credentials, to + (length < limit ? length : limit), length < limit ? limit - length : 0);
	process_usage_locked(p, &usage);
	if (p->space != NULL)
		length += memory_lines(p, usage.pages_most, to + (length < limit ? length : limit), length < limit ? limit - length : 0);
	ADD("Threads:\t%u\n", p->thread_count);
	length += signals_text(thread, to + (length < limit ? length : limit), length < limit ? limit - length : 0);
	ADD("CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\nCapBnd:\t%016lx\nCapAmb:\t%016lx\n", c->inheritable, c->permitted,
		c->effective, c->bounding, c->ambient);
	ADD("NoNewPrivs:\t%d\nSeccomp:\t0\nCpus_allowed:\t%lx\n", p->no_new_privileges, thread->affinity != 0 ? thread->affinity : processors);
	ADD("voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n", usage.sleeps, usage.quanta);
	return length;
}

static uint64_t limits_text(const struct process *p, char *to, uint64_t limit)
{
	static const struct { const char *name, *unit; } names[RLIMIT_COUNT] = {
		{ "Max cpu time", "seconds" }, { "Max file size", "bytes" }, { "Max data size", "bytes" }, { "Max stack size", "bytes" },
		{ "Max core file size", "bytes" }, { "Max resident set", "bytes" }, { "Max processes", "processes" },
		{ "Max open files", "files" }, { "Max locked memory", "bytes" }, { "Max address space", "bytes" },
		{ "Max file locks", "locks" }, { "Max pending signals", "signals" }, { "Max msgqueue size", "bytes" },
		{ "Max nice priority", "" }, { "Max realtime priority", "" }, { "Max realtime timeout", "us" },
	};
	uint64_t length = 0;
	char soft[24], hard[24];

	ADD("%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (unsigned i = 0; i < RLIMIT_COUNT; i++) {
		(void)text_format(soft, sizeof soft, p->rlimits[i].soft == UINT64_MAX ? "unlimited" : "%lu", p->rlimits[i].soft);
		(void)text_format(hard, sizeof hard, p->rlimits[i].hard == UINT64_MAX ? "unlimited" : "%lu", p->rlimits[i].hard);
		ADD("%-25s %-20s %-20s %-10s\n", names[i].name, soft, hard, names[i].unit);
	}
	return length;
}

static uint64_t statm_text(struct process *process, char *to, uint64_t limit)
{
	uint64_t length = 0;
	struct sizes sizes;

	sizes_of(process, &sizes);
	ADD("%lu %lu 0 %lu 0 %lu 0\n", sizes.all >> PAGE_BITS, resident(process), sizes.code >> PAGE_BITS,
		(sizes.data + sizes.stack) >> PAGE_BITS);
	return length;
}

/* The system call in which a thread waits. */
static uint64_t call_text(struct thread *thread, char *to, uint64_t limit)
{
	const struct trap_frame *frame = thread_frame(thread);
	const struct registers *r = &frame->registers;
	uint64_t length = 0;

	if (thread->process->state == PROCESS_ZOMBIE || (thread != self() && thread_letter(thread) == 'R'))
		ADD("running\n");
	else if (frame->cause != TRAP_SYSCALL)
		ADD("-1 0x%lx 0x%lx\n", r->rsp, r->rip);
	else
		ADD("%lu 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx\n", r->rax, r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9, r->rsp,
			r->rip);
	return length;
}

/* Time on processors, time that it waited for one (which nobody measures), and turns. */
static uint64_t turns_text(struct thread *thread, bool alone, char *to, uint64_t limit)
{
	uint64_t length = 0;
	struct usage usage;

	if (alone)
		thread_usage(thread, &usage);
	else
		process_usage_locked(thread->process, &usage);
	ADD("%lu 0 %lu\n", usage.user_ns + usage.system_ns, usage.sleeps + usage.quanta);
	return length;
}

static uint64_t text_of(struct thread *thread, enum process_text what, bool alone, char *to, uint64_t limit)
{
	struct process *p = thread->process;
	uint64_t length = 0;

	switch (what) {
	case TEXT_STAT:
		return stat_text(thread, alone, to, limit);
	case TEXT_STATUS:
		return status_text(thread, alone, to, limit);
	case TEXT_LIMITS:
		return limits_text(p, to, limit);
	case TEXT_STATM:
		return statm_text(p, to, limit);
	case TEXT_SYSCALL:
		return call_text(thread, to, limit);
	case TEXT_TURNS:
		return turns_text(thread, alone, to, limit);
	case TEXT_COMM:
		ADD("%s\n", name_of(thread, alone));
		break;
	case TEXT_SCORE:
		ADD("%lu\n", process_score(p));
		break;
	case TEXT_SCORE_ADJUST:
		ADD("%d\n", p->score_adjust);
		break;
	case TEXT_SLACK:
		ADD("%lu\n", thread->timer_slack);
		break;
	case TEXT_DUMP_FILTER:
		if (p->space != NULL)
			ADD("%08x\n", p->dump_filter);
		break;
	default:
		break;          /* made elsewhere, or only written */
	}
	return length;
}

/* Whether the caller may read it: what others may not know of a process. */
static int64_t text_allowed(const struct thread *thread, enum process_text what)
{
	if (what == TEXT_SYSCALL)
		return process_may_look(thread->process) ? 0 : -EACCES;
	if (what == TEXT_SLACK && thread != self())
		return capable(CAP_SYS_NICE) ? 0 : -EPERM;
	return 0;
}

bool process_may_look(const struct process *process)
{
	const struct credentials *mine = &self_process()->credentials, *its = &process->credentials;

	if (process == self_process() || capable(CAP_SYS_PTRACE))
		return true;
	return process->dumpable && !(its->permitted & ~mine->effective) && mine->fsuid == its->uid && mine->fsuid == its->euid && mine->fsuid == its->suid &&
		mine->fsgid == its->gid && mine->fsgid == its->egid && mine->fsgid == its->sgid;
}

/* The process lock keeps space and files: exec and exit change them under that lock. */
int64_t process_look(int32_t pid, int64_t (*visit)(struct process *process, void *argument), void *argument)
{
	struct thread *thread;
	int64_t result = -ESRCH;

	mutex_lock(&tree_lock);
	thread = thread_of_pid(pid);
	if (thread != NULL && thread->process->leader != NULL) {
		mutex_lock(&thread->process->lock);
		result = visit(thread->process, argument);
		mutex_unlock(&thread->process->lock);
	}
	mutex_unlock(&tree_lock);
	return result;
}

int process_text_check(struct process_key key, enum process_text what)
{
	struct thread *thread;
	int status = -ESRCH;

	if (!text_is_of_memory(what))
		return 0;
	mutex_lock(&tree_lock);
	thread = thread_of_key(key);
	if (thread != NULL) {
		mutex_lock(&thread->process->lock);
		status = process_may_look(thread->process) ? 0 : -EACCES;
		mutex_unlock(&thread->process->lock);
	}
	mutex_unlock(&tree_lock);
	return status;
}

int64_t process_text(struct process_key key, enum process_text what, bool alone, uint64_t *next, char *to, uint64_t limit)
{
	struct thread *thread;
	int64_t length = -ESRCH;

	if (text_is_of_memory(what))
		return memory_text_part(key, what, next, to, limit);
	if (*next != 0 && what != TEXT_CMDLINE)
		return 0;
	mutex_lock(&tree_lock);
	thread = thread_of_key(key);
	if (thread != NULL) {
		mutex_lock(&thread->process->lock);
		length = text_allowed(thread, what);
		if (length == 0 && what == TEXT_CMDLINE)
			length = arguments_text_part(thread->process->space, next, to, limit);
		else if (length == 0)
			*next = (uint64_t)(length = (int64_t)text_of(thread, what, alone, to, limit));
		mutex_unlock(&thread->process->lock);
	}
	mutex_unlock(&tree_lock);
	return length;
}

int32_t process_thread_next(int32_t pid, int32_t after)
{
	struct process *process;
	int32_t next = 0;

	mutex_lock(&tree_lock);
	process = process_of_pid(pid);
	if (process != NULL) {
		mutex_lock(&process->lock);
		for (struct thread *t = process->threads; t != NULL; t = t->next_in_process)
			if (t->tid > after && (next == 0 || t->tid < next))
				next = t->tid;
		mutex_unlock(&process->lock);
	}
	mutex_unlock(&tree_lock);
	return next;
}

static int64_t executable_take(struct process *process, void *argument)
{
	struct file **out = argument;

	if (!process_may_look(process))
		return -EACCES;
	if (process->executable == NULL)
		return -ENOENT;
	*out = process->executable;
	file_get(*out);
	return 0;
}

int64_t process_executable(int32_t pid, char *to, uint64_t limit)
{
	struct file *file = NULL;
	int64_t length = process_look(pid, executable_take, &file);

	if (length != 0)
		return length;
	length = file_path(file, to, limit);
	file_put(file);
	return length;
}
