/* Texts about the whole system, for /proc (proc(5)). */
#include "baryon/clock.h"
#include "baryon/string.h"
#include "process/internal.h"
#include "process/random.h"
#include "process/text.h"

enum { TICK_NS = 10000000, PAGE_KILOBYTES = 4 };

static uint64_t cpuinfo_text(char *to, uint64_t limit)
{
	uint64_t length = 0;

	for (unsigned i = 0; i < info_page()->cpus; i++) {
		ADD("processor\t: %u\nvendor_id\t: Baryon\nmodel name\t: x86-64\n", i);
		ADD("cpu MHz\t\t: %lu.000\n\n", info_page()->tsc_hz / 1000000);
	}
	return length;
}

struct total {
	struct usage usage;
	uint64_t threads, running;
};

/* Each process has its own part, and that of the children that it waited for. Tree lock. */
static bool total_add(struct process *process, void *argument)
{
	struct total *total = argument;
	struct usage usage;

	if (process == init_process)
		return true;
	mutex_lock(&process->lock);
	process_usage_locked(process, &usage);
	mutex_unlock(&process->lock);
	usage_add(&total->usage, &usage);
	usage_add(&total->usage, &process->children_usage);
	total->threads += process->thread_count;
	return true;
}

static void total_make(struct total *total)
{
	*total = (struct total) { .running = 1 };
	process_each(total_add, total);
	usage_add(&total->usage, &init_process->children_usage);
}

static uint64_t idle_ns(const struct total *total)
{
	uint64_t all = time_monotonic() * info_page()->cpus, used = total->usage.user_ns + total->usage.system_ns;

	return all > used ? all - used : 0;
}

static uint64_t cpu_stat_text(char *to, uint64_t limit)
{
	uint64_t length = 0, now = time_monotonic(), cpus = info_page()->cpus;
	struct total total;

	total_make(&total);
	for (unsigned i = 0; i <= cpus; i++) {
		uint64_t share = i == 0 ? 1 : cpus;

		ADD(i == 0 ? "cpu  " : "cpu%u ", i - 1);
		ADD("%lu 0 %lu %lu 0 0 0 0 0 0\n", total.usage.user_ns / TICK_NS / share, total.usage.system_ns / TICK_NS / share,
			idle_ns(&total) / TICK_NS / share);
	}
	ADD("intr 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\nctxt %lu\nbtime %lu\n", total.usage.sleeps + total.usage.quanta, (time_wall() - now) / 1000000000);
	ADD("processes %lu\nprocs_running %lu\nprocs_blocked 0\n", total.threads, total.running);
	return length;
}

static uint64_t memory_info_text(char *to, uint64_t limit)
{
	uint64_t length = 0, total = page_count_total() * PAGE_KILOBYTES, free;

	pages_gather();
	free = page_count_free() * PAGE_KILOBYTES;
	ADD("MemTotal:       %8lu kB\nMemFree:        %8lu kB\nMemAvailable:   %8lu kB\n", total, free, free);
	ADD("Buffers:               0 kB\nCached:                0 kB\nSwapCached:            0 kB\nShmem:                 0 kB\n");
	ADD("Active:                0 kB\nInactive:              0 kB\nSwapTotal:             0 kB\nSwapFree:              0 kB\n");
	ADD("Dirty:                 0 kB\nWriteback:             0 kB\nSlab:                  0 kB\nSReclaimable:          0 kB\n");
	ADD("HugePages_Total:       0\nHugePages_Free:        0\nHugepagesize:       2048 kB\n");
	return length;
}

static bool faults_add(struct process *process, void *argument)
{
	*(uint64_t *)argument += process->faults;
	return true;
}

/* There is no disk to which pages could go. Of processes that are gone nothing is counted. */
static uint64_t memory_events_text(char *to, uint64_t limit)
{
	uint64_t length = 0, faults = 0;

	process_each(faults_add, &faults);
	pages_gather();
	ADD("nr_free_pages %lu\nnr_dirty 0\nnr_writeback 0\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\npgfault %lu\npgmajfault 0\n",
		page_count_free(), faults);
	return length;
}

/* Nobody above Strange counts them. */
static uint64_t interrupts_text(char *to, uint64_t limit)
{
	uint64_t length = 0;

	ADD("           ");
	for (unsigned i = 0; i < info_page()->cpus; i++)
		ADD("CPU%-8u", i);
	ADD("\n");
	return length;
}

/* A random number in the form of RFC 4122, version 4: always another one, or one for this run. */
static uint64_t random_id_text(bool same, char *to, uint64_t limit)
{
	static struct mutex lock;
	static uint8_t kept[16];
	static bool drawn;
	uint8_t id[16];
	uint64_t length = 0;

	mutex_lock(&lock);
	if (!same || !drawn)
		random_bytes(id, sizeof id);
	if (same && !drawn)
		memcpy(kept, id, sizeof id);
	drawn |= same;
	if (same)
		memcpy(id, kept, sizeof id);
	mutex_unlock(&lock);
	id[6] = (id[6] & 15) | 0x40;
	id[8] = (id[8] & 63) | 0x80;
	for (unsigned i = 0; i < sizeof id; i++)
		ADD(i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", id[i]);
	ADD("\n");
	return length;
}

unsigned system_processors(void)
{
	return info_page()->cpus;
}

int64_t system_text(enum system_text what, char *to, uint64_t limit)
{
	uint64_t length = 0, now = time_monotonic();
	struct total total;

	switch (what) {
	case TEXT_UPTIME:
		total_make(&total);
		ADD("%lu.%02lu %lu.%02lu\n", now / 1000000000, now / TICK_NS % 100, idle_ns(&total) / 1000000000,
			idle_ns(&total) / TICK_NS % 100);
		break;
	case TEXT_LOADAVG:
		total_make(&total);
		ADD("0.00 0.00 0.00 %lu/%lu %d\n", total.running, total.threads, self_process()->pid);
		break;
	case TEXT_MEMINFO:
		return (int64_t)memory_info_text(to, limit);
	case TEXT_CPUINFO:
		return (int64_t)cpuinfo_text(to, limit);
	case TEXT_SYSTEM_STAT:
		return (int64_t)cpu_stat_text(to, limit);
	case TEXT_VERSION:
		ADD("Linux version " LINUX_RELEASE " (Baryon) " LINUX_VERSION "\n");
		break;
	case TEXT_VMSTAT:
		return (int64_t)memory_events_text(to, limit);
	case TEXT_INTERRUPTS:
		return (int64_t)interrupts_text(to, limit);
	case TEXT_REGIONS:
		ADD("%llu\n", REGION_LIMIT);
		break;
	case TEXT_HOST_NAME:
		length = host_name_get(to, limit);
		break;
	case TEXT_BOOT_ID:
	case TEXT_UUID:
		length = random_id_text(what == TEXT_BOOT_ID, to, limit);
		break;
	case TEXT_PROCESSORS:
		ADD(info_page()->cpus > 1 ? "0-%u\n" : "%u\n", info_page()->cpus - 1);
		break;
	}
	return (int64_t)length;
}
