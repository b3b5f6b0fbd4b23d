/* Texts about processes and the system, for /proc (proc(5)). */
#include "baryon/clock.h"
#include "baryon/string.h"
#include "process/internal.h"

enum { TICK_NS = 10000000, PAGE_KILOBYTES = 4 };

/* Adds formatted text behind what is there; counts on past the limit. */
#define ADD(...) (length += (uint64_t)text_format(to + (length < limit ? length : limit), length < limit ? limit - length : 0, \
	__VA_ARGS__))

static char state_letter(const struct process *process)
{
	if (process->state == PROCESS_ZOMBIE)
		return 'Z';
	if (process->state == PROCESS_STOPPED)
		return 'T';
	return process == self_process() ? 'R' : 'S';
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

static uint64_t stat_text(struct process *p, char *to, uint64_t limit)
{
	uint64_t length = 0;
	struct usage usage;
	int32_t session = p->session != NULL ? p->session->id : 0;

	process_usage_locked(p, &usage);
	ADD("%d (%s) %c %d %d %d %d %d 0 %lu 0 0 0 ", p->pid, p->name, state_letter(p), p->parent->pid, p->group, session,
		p->session != NULL && p->session->terminal != NULL ? 0x8800 : 0, -1, p->faults);
	ADD("%lu %lu %lu %lu %d %d %u 0 %lu %lu %lu ", usage.user_ns / TICK_NS, usage.system_ns / TICK_NS,
		p->children_usage.user_ns / TICK_NS, p->children_usage.system_ns / TICK_NS, 20 + p->nice, p->nice, p->thread_count,
		p->started_ns / TICK_NS, space_bytes(p), resident(p));
	ADD("18446744073709551615 0 0 0 0 0 %lu 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n", p->pending);
	return length;
}

static uint64_t status_text(struct process *p, char *to, uint64_t limit)
{
	static const char *const names[] = { "running", "stopped", "zombie" };
	uint64_t length = 0;
	const struct credentials *c = &p->credentials;

	ADD("Name:\t%s\nState:\t%c (%s)\nTgid:\t%d\nPid:\t%d\nPPid:\t%d\n", p->name, state_letter(p),
		p->state == PROCESS_ALIVE && state_letter(p) == 'S' ? "sleeping" : names[p->state], p->pid, p->pid,
		p->parent->pid);
	ADD("Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", c->uid, c->euid, c->suid, c->fsuid, c->gid, c->egid, c->sgid,
		c->fsgid);
	ADD("VmSize:\t%8lu kB\nVmRSS:\t%8lu kB\nThreads:\t%u\n", space_bytes(p) / 1024, resident(p) * PAGE_KILOBYTES,
		p->thread_count);
	ADD("SigPnd:\t%016lx\nSigBlk:\t%016lx\n", p->pending, p->leader != NULL ? p->leader->mask : 0);
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
	if (region->file != NULL && file_path(region->file, path, sizeof path) > 0)
		ADD("%s", path);
	else if (flags & (REGION_STACK | REGION_HEAP))
		ADD("%s", flags & REGION_STACK ? "[stack]" : "[heap]");
	ADD("\n");
	return length;
}

static uint64_t maps_text(struct space *space, char *to, uint64_t limit)
{
	uint64_t length = 0;

	if (space == NULL)
		return 0;
	mutex_lock(&space->lock);
	for (unsigned i = 0; i < space->region_count; i++)
		length += region_text(region_at(space, i), to + (length < limit ? length : limit), length < limit ? limit - length : 0);
	mutex_unlock(&space->lock);
	return length;
}

static int64_t text_of(struct process *p, enum process_text what, char *to, uint64_t limit)
{
	struct space *space = p->space;
	uint64_t length = 0;

	switch (what) {
	case TEXT_STAT:
		return (int64_t)stat_text(p, to, limit);
	case TEXT_STATUS:
		return (int64_t)status_text(p, to, limit);
	case TEXT_COMM:
		ADD("%s\n", p->name);
		return (int64_t)length;
	case TEXT_STATM:
		ADD("%lu %lu 0 0 0 0 0\n", space_bytes(p) / 4096, resident(p));
		return (int64_t)length;
	case TEXT_MAPS:
		return (int64_t)maps_text(space, to, limit);
	case TEXT_CMDLINE:
		return space == NULL ? 0 : (int64_t)memory_text(space, space->argument_start, space->argument_end, to, limit);
	case TEXT_ENVIRON:
		return space == NULL ? 0 : (int64_t)memory_text(space, space->argument_end, space->environment_end, to, limit);
	default:
		return -ENOENT;
	}
}

/* The process lock keeps the space: exec and exit change it under that lock. */
int64_t process_text(int32_t pid, enum process_text what, char *to, uint64_t limit)
{
	struct process *process;
	int64_t length = -ESRCH;

	mutex_lock(&tree_lock);
	process = process_of_pid(pid);
	if (process != NULL) {
		mutex_lock(&process->lock);
		length = text_of(process, what, to, limit);
		mutex_unlock(&process->lock);
	}
	mutex_unlock(&tree_lock);
	return length;
}

int64_t process_executable(int32_t pid, char *to, uint64_t limit)
{
	struct process *process;
	int64_t length = -ESRCH;

	mutex_lock(&tree_lock);
	process = process_of_pid(pid);
	if (process != NULL) {
		mutex_lock(&process->lock);
		length = process->executable == NULL ? -ENOENT : file_path(process->executable, to, limit);
		mutex_unlock(&process->lock);
	}
	mutex_unlock(&tree_lock);
	return length;
}

/* ---- the system ---- */

static uint64_t cpuinfo_text(char *to, uint64_t limit)
{
	uint64_t length = 0;

	for (unsigned i = 0; i < info_page()->cpus; i++) {
		ADD("processor\t: %u\nvendor_id\t: Baryon\nmodel name\t: x86-64\n", i);
		ADD("cpu MHz\t\t: %lu.000\n\n", info_page()->tsc_hz / 1000000);
	}
	return length;
}

static uint64_t cpu_stat_text(char *to, uint64_t limit)
{
	uint64_t length = 0, now = time_monotonic();

	ADD("cpu  0 0 0 %lu 0 0 0 0 0 0\n", now / TICK_NS);
	for (unsigned i = 0; i < info_page()->cpus; i++)
		ADD("cpu%u 0 0 0 %lu 0 0 0 0 0 0\n", i, now / TICK_NS);
	ADD("btime %lu\nprocesses 0\nprocs_running 1\nprocs_blocked 0\n", (time_wall() - now) / 1000000000);
	return length;
}

static uint64_t memory_info_text(char *to, uint64_t limit)
{
	uint64_t length = 0, total = page_count_total() * PAGE_KILOBYTES, free;

	pages_gather();
	free = page_count_free() * PAGE_KILOBYTES;
	ADD("MemTotal:       %8lu kB\nMemFree:        %8lu kB\nMemAvailable:   %8lu kB\n", total, free, free);
	ADD("Buffers:               0 kB\nCached:                0 kB\nSwapTotal:             0 kB\nSwapFree:              0 kB\n");
	return length;
}

int64_t system_text(enum system_text what, char *to, uint64_t limit)
{
	uint64_t length = 0, now = time_monotonic();

	switch (what) {
	case TEXT_UPTIME:
		ADD("%lu.%02lu 0.00\n", now / 1000000000, now / TICK_NS % 100);
		return (int64_t)length;
	case TEXT_LOADAVG:
		ADD("0.00 0.00 0.00 1/1 1\n");
		return (int64_t)length;
	case TEXT_MEMINFO:
		return (int64_t)memory_info_text(to, limit);
	case TEXT_CPUINFO:
		return (int64_t)cpuinfo_text(to, limit);
	case TEXT_SYSTEM_STAT:
		return (int64_t)cpu_stat_text(to, limit);
	case TEXT_VERSION:
		ADD("Linux version 6.1.0-baryon (Baryon) #1 SMP\n");
		return (int64_t)length;
	default:
		return -ENOENT;
	}
}
