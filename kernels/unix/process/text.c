/* Texts about processes, for /proc (proc(5)). */
#include "baryon/calls.h"
#include "baryon/clock.h"
#include "baryon/string.h"
#include "process/internal.h"
#include "process/vdso.h"

enum { TICK_NS = 10000000, PAGE_KILOBYTES = 4 };

/* Adds formatted text behind what is there; counts on past the limit. */
#define ADD(...) (length += (uint64_t)text_format(to + (length < limit ? length : limit), length < limit ? limit - length : 0, \
	__VA_ARGS__))

/* Who waits is known to Strange, which writes it to the home. */
static bool thread_waits(struct thread *thread)
{
	long status = object_write_back(KIND_THREAD, thread->uid);

	(void)status;               /* one that is not loaded was written when it was unloaded */
	return __atomic_load_n(&thread_home_of(thread)->state, __ATOMIC_RELAXED) != THREAD_RUNNABLE;
}

static char thread_letter(struct thread *thread)
{
	if (thread->process->state == PROCESS_ZOMBIE)
		return 'Z';
	if (thread->process->state == PROCESS_STOPPED)
		return 'T';
	return thread == self() || !thread_waits(thread) ? 'R' : 'S';
}

static const char *name_of(const struct thread *thread, bool alone)
{
	return alone && thread->name[0] != 0 ? thread->name : thread->process->name;
}

static uint64_t space_bytes(struct process *process)
{
	uint64_t bytes = 0;

	if (process->space == NULL)
		return 0;
	for (unsigned i = 0; i < process->space->region_count; i++)
		bytes += region_at(process->space, i)->end - region_at(process->space, i)->start;
	return bytes;
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

	if (alone)
		thread_usage(thread, &usage);
	else
		process_usage_locked(p, &usage);
	ADD("%d (%s) %c %d %d %d %d %d 0 %lu 0 0 0 ", thread->tid, name_of(thread, alone), thread_letter(thread), p->parent->pid, p->group,
		session, p->session != NULL && p->session->terminal != NULL ? 0x8800 : 0, -1, p->faults);
	ADD("%lu %lu %lu %lu %d %d %u 0 %lu %lu %lu ", usage.user_ns / TICK_NS, usage.system_ns / TICK_NS,
		p->children_usage.user_ns / TICK_NS, p->children_usage.system_ns / TICK_NS, 20 + p->nice, p->nice, p->thread_count,
		p->started_ns / TICK_NS, space_bytes(p), resident(p));
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
	return letter == 'R' ? "running" : letter == 'S' ? "sleeping" : letter == 'T' ? "stopped" : "zombie";
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
		ADD("VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmLck:\t       0 kB\nVmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\nVmSwap:\t       0 kB\n", space_bytes(p) / 1024,
			space_bytes(p) / 1024, usage.pages_most * PAGE_KILOBYTES, resident(p) * PAGE_KILOBYTES);
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

/* Bytes of a program's memory that are present, without resolving faults. */
static uint64_t memory_text(struct space *space, uint64_t start, uint64_t end, char *to, uint64_t limit)
{
	uint64_t length = 0;

	if (space == NULL)
		return 0;
	mutex_lock(&space->lock);
	while (start < end && length < limit) {
		uint64_t *slot = slot_find(space, start);
		uint64_t piece = PAGE_BYTES - start % PAGE_BYTES;

		if (slot == NULL || *slot == 0)
			break;
		if (piece > end - start)
			piece = end - start;
		if (piece > limit - length)
			piece = limit - length;
		memcpy(to + length, (char *)page_address(slot_page(*slot)) + start % PAGE_BYTES, piece);
		length += piece;
		start += piece;
	}
	mutex_unlock(&space->lock);
	return length;
}

static uint64_t region_text(const struct region *region, char *to, uint64_t limit)
{
	uint64_t length = 0, flags = region->flags;
	char path[128];

	ADD("%08lx-%08lx %c%c%c%c %08lx 00:00 0 ", region->start, region->end, flags & RIGHT_READ ? 'r' : '-',
		flags & RIGHT_WRITE ? 'w' : '-', flags & RIGHT_EXECUTE ? 'x' : '-', flags & REGION_SHARED ? 's' : 'p', region->offset);
	if (region->flags & REGION_SYSTEM)
		ADD("%s", vdso_name(region->file));
	else if (region->file != NULL && file_path(region->file, path, sizeof path) > 0)
		ADD("%s", path);
	else if (flags & (REGION_STACK | REGION_HEAP))
		ADD("%s", flags & REGION_STACK ? "[stack]" : "[heap]");
	ADD("\n");
	return length;
}

/* The first region that ends behind an address, with a reference to its file. */
static bool region_after(struct space *space, uint64_t address, struct region *out)
{
	unsigned i;
	bool found;

	mutex_lock(&space->lock);
	i = region_index_after(space, address);
	found = i < space->region_count;
	if (found) {
		*out = *region_at(space, i);
		if (out->file != NULL)
			file_get(out->file);
	}
	mutex_unlock(&space->lock);
	return found;
}

/* No locks: the paths of files are looked for under those of their folders, whose holders may wait for the space. */
static uint64_t maps_text(struct space *space, char *to, uint64_t limit)
{
	uint64_t length = 0;
	struct region region;

	for (uint64_t at = 0; length < limit && region_after(space, at, &region); at = region.end) {
		length += region_text(&region, to + length, limit - length);
		if (region.file != NULL)
			file_put(region.file);
	}
	return length;
}

static uint64_t argument_text(struct space *space, bool environment, char *to, uint64_t limit)
{
	if (space == NULL)
		return 0;
	return environment ? memory_text(space, space->argument_end, space->environment_end, to, limit) :
		memory_text(space, space->argument_start, space->argument_end, to, limit);
}

static int64_t text_of(struct thread *thread, enum process_text what, bool alone, char *to, uint64_t limit)
{
	struct process *p = thread->process;
	uint64_t length = 0;

	switch (what) {
	case TEXT_STAT:
		return (int64_t)stat_text(thread, alone, to, limit);
	case TEXT_STATUS:
		return (int64_t)status_text(thread, alone, to, limit);
	case TEXT_LIMITS:
		return (int64_t)limits_text(p, to, limit);
	case TEXT_COMM:
		ADD("%s\n", name_of(thread, alone));
		break;
	case TEXT_STATM:
		ADD("%lu %lu 0 0 0 %lu 0\n", space_bytes(p) / 4096, resident(p), space_bytes(p) / 4096);
		break;
	case TEXT_MAPS:
		break;          /* maps_of */
	case TEXT_CMDLINE:
	case TEXT_ENVIRON:
		return (int64_t)argument_text(p->space, what == TEXT_ENVIRON, to, limit);
	case TEXT_SCORE:
		ADD("0\n");
		break;
	case TEXT_GROUP:
		ADD("0::/\n");
		break;
	}
	return (int64_t)length;
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
	struct process *process;
	int64_t result = -ESRCH;

	mutex_lock(&tree_lock);
	process = process_of_pid(pid);
	if (process != NULL) {
		mutex_lock(&process->lock);
		result = visit(process, argument);
		mutex_unlock(&process->lock);
	}
	mutex_unlock(&tree_lock);
	return result;
}

/* What its thread's space has mapped. */
static int64_t maps_of(int32_t pid, char *to, uint64_t limit)
{
	struct space *space = NULL;
	struct thread *thread;
	int64_t length = -ESRCH;

	mutex_lock(&tree_lock);
	thread = thread_of_pid(pid);
	if (thread != NULL && thread->process->leader != NULL) {
		length = process_may_look(thread->process) ? 0 : -EACCES;
		mutex_lock(&thread->process->lock);
		space = length == 0 ? thread->process->space : NULL;
		if (space != NULL)
			space_get(space);
		mutex_unlock(&thread->process->lock);
	}
	mutex_unlock(&tree_lock);
	if (space == NULL)
		return length;
	length = (int64_t)maps_text(space, to, limit);
	space_put(space);
	return length;
}

int64_t process_text(int32_t pid, enum process_text what, bool alone, char *to, uint64_t limit)
{
	struct thread *thread;
	int64_t length = -ESRCH;

	if (what == TEXT_MAPS)
		return maps_of(pid, to, limit);
	mutex_lock(&tree_lock);
	thread = thread_of_pid(pid);
	if (thread != NULL && thread->process->leader != NULL) {
		mutex_lock(&thread->process->lock);
		length = what == TEXT_ENVIRON && !process_may_look(thread->process) ? -EACCES : text_of(thread, what, alone, to, limit);
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
