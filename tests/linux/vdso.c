/* The vDSO: found by the auxiliary vector, its symbols by both hashes, its answers those of the system calls, and what a program may do
 * with its pages. */
#include "try.h"

#include <elf.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/time.h>

typedef int (*clock_call)(clockid_t clock, struct timespec *time);

static struct place {
	char *start, *end;
	char rights[5];
} code, data;

static clock_call vdso_gettime, vdso_getres;
static int (*vdso_gettimeofday)(struct timeval *time, struct timezone *zone);
static time_t (*vdso_time)(time_t *time);
static long (*vdso_getcpu)(unsigned *cpu, unsigned *node, void *unused);

/* ---- where it is ---- */

static void places_read(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512], name[256], rights[5];
	char *start, *end;

	code = data = (struct place){0};
	while (fgets(line, sizeof line, maps)) {
		name[0] = 0;
		if (sscanf(line, "%p-%p %4s %*s %*s %*s %255s", (void **)&start, (void **)&end, rights, name) < 3)
			continue;
		if (strcmp(name, "[vdso]") == 0)
			code = (struct place){start, end, ""}, memcpy(code.rights, rights, 5);
		if (strcmp(name, "[vvar]") == 0)
			data = (struct place){start, end, ""}, memcpy(data.rights, rights, 5);
	}
	fclose(maps);
}

/* ---- its tables, as a C library reads them ---- */

static const char *names;
static const Elf64_Sym *symbols;
static const uint16_t *versions;
static const Elf64_Verdef *definitions;
static const uint32_t *hash, *gnu_hash;

static void tables_read(const Elf64_Dyn *dynamic)
{
	for (; dynamic->d_tag != DT_NULL; dynamic++) {
		void *at = code.start + dynamic->d_un.d_ptr;

		switch (dynamic->d_tag) {
		case DT_STRTAB: names = at; break;
		case DT_SYMTAB: symbols = at; break;
		case DT_VERSYM: versions = at; break;
		case DT_VERDEF: definitions = at; break;
		case DT_HASH: hash = at; break;
		case DT_GNU_HASH: gnu_hash = at; break;
		}
	}
}

static int version_is(unsigned symbol, const char *name)
{
	const Elf64_Verdef *definition = definitions;

	while (definition->vd_ndx != (versions[symbol] & 0x7fff)) {
		if (definition->vd_next == 0)
			return 0;
		definition = (const void *)((const char *)definition + definition->vd_next);
	}
	return strcmp(names + ((const Elf64_Verdaux *)((const char *)definition + definition->vd_aux))->vda_name, name) == 0;
}

static int symbol_is(unsigned symbol, const char *name)
{
	return strcmp(names + symbols[symbol].st_name, name) == 0 && version_is(symbol, "LINUX_2.6") && symbols[symbol].st_shndx != 0 &&
		ELF64_ST_TYPE(symbols[symbol].st_info) == STT_FUNC;
}

static unsigned find_by_hash(const char *name)
{
	uint32_t value = 0, high, i;

	for (const char *at = name; *at; at++) {
		value = (value << 4) + (unsigned char)*at;
		high = value & 0xf0000000;
		value = (value ^ high >> 24) & ~high;
	}
	for (i = hash[2 + value % hash[0]]; i != 0 && !symbol_is(i, name); i = hash[2 + hash[0] + i])
		;
	return i;
}

static unsigned find_by_gnu_hash(const char *name)
{
	uint32_t value = 5381, buckets = gnu_hash[0], first = gnu_hash[1], words = gnu_hash[2], i;
	const uint64_t *filter = (const uint64_t *)(gnu_hash + 4);
	const uint32_t *bucket = (const uint32_t *)(filter + words), *chain = bucket + buckets;

	for (const char *at = name; *at; at++)
		value = value * 33 + (unsigned char)*at;
	if (!(filter[value / 64 % words] >> value % 64 & 1) || !(filter[value / 64 % words] >> (value >> gnu_hash[3]) % 64 & 1))
		return 0;
	for (i = bucket[value % buckets]; i != 0; i++) {
		if ((chain[i - first] | 1) == (value | 1) && symbol_is(i, name))
			return i;
		if (chain[i - first] & 1)
			return 0;
	}
	return 0;
}

static void *symbol_take(const char *name)
{
	unsigned by_hash = find_by_hash(name), by_gnu_hash = find_by_gnu_hash(name);

	SAY("%s: %s by hash, %s by the other", name, by_hash ? "found" : "missing", by_gnu_hash == by_hash ? "same" : "different");
	return code.start + symbols[by_hash].st_value;
}

static void finding(void)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Phdr *part;

	SAY("-- it is found");
	places_read();
	SAY("[vdso] %s, %s the auxiliary vector", code.rights, code.start == (char *)header ? "as" : "not as");
	SAY("[vvar] %s", data.rights);
	SAY("ELF: %d, type %d, machine %d", memcmp(header->e_ident, "\177ELF\2\1\1", 7), header->e_type, header->e_machine);
	part = (const Elf64_Phdr *)(code.start + header->e_phoff);
	for (int i = 0; i < header->e_phnum; i++) {
		if (part[i].p_type == PT_LOAD)
			SAY("load: %lx at %lx, flags %x", part[i].p_offset, part[i].p_vaddr, part[i].p_flags);
		if (part[i].p_type == PT_DYNAMIC)
			tables_read((const Elf64_Dyn *)(code.start + part[i].p_vaddr));
	}
	vdso_gettime = symbol_take("__vdso_clock_gettime");
	vdso_getres = symbol_take("__vdso_clock_getres");
	vdso_gettimeofday = symbol_take("__vdso_gettimeofday");
	vdso_time = symbol_take("__vdso_time");
	vdso_getcpu = symbol_take("__vdso_getcpu");
	SAY("another: %u %u", find_by_hash("__vdso_nothing"), find_by_gnu_hash("__vdso_nothing"));
}

/* ---- what it says ---- */

static int64_t ns_of(const struct timespec *time)
{
	return time->tv_sec * 1000000000 + time->tv_nsec;
}

static int64_t asked(int call, clockid_t clock)
{
	struct timespec time = {0, -1};
	int status = call ? (int)syscall(SYS_clock_gettime, clock, &time) : vdso_gettime(clock, &time);

	if (status != 0 || (uint64_t)time.tv_nsec >= 1000000000)
		SAY("clock %d: status %d, %ld ns", clock, status, time.tv_nsec);
	return ns_of(&time);
}

/* Call and function in turn: never backwards. */
static void turns(const char *name, clockid_t clock)
{
	int64_t last = asked(1, clock), now;
	struct timespec one, other;
	int backwards = 0;

	for (int i = 0; i < 2000; i++, last = now)
		backwards += (now = asked(i & 1, clock)) < last;
	SAY("%s: %d times backwards", name, backwards);
	one.tv_nsec = other.tv_nsec = -1;
	syscall(SYS_clock_getres, clock, &one);
	SAY("%s: resolution %d, %s", name, vdso_getres(clock, &other), ns_of(&one) == ns_of(&other) ? "same" : "different");
}

static void days(void)
{
	struct timeval before, time, after;
	struct timezone zone = {77, 77}, kept;
	time_t kept_time = 0, now;
	int wrong = 0;

	for (int i = 0; i < 500; i++) {
		syscall(SYS_gettimeofday, &before, &kept);
		wrong += vdso_gettimeofday(&time, i & 1 ? &zone : 0) != 0;
		syscall(SYS_gettimeofday, &after, 0);
		wrong += timercmp(&time, &before, <) || timercmp(&after, &time, <) || (uint64_t)time.tv_usec >= 1000000;
		before.tv_sec = syscall(SYS_time, 0);
		now = vdso_time(i & 1 ? &kept_time : 0);
		wrong += now < before.tv_sec || now > syscall(SYS_time, 0) || ((i & 1) && kept_time != now);
	}
	SAY("gettimeofday and time: %d wrong", wrong);
	SAY("zone: %d", zone.tz_minuteswest == kept.tz_minuteswest && zone.tz_dsttime == kept.tz_dsttime);
	SAY("nowhere: %d", vdso_gettimeofday(0, 0));
}

static void processors(void)
{
	cpu_set_t all, one;
	unsigned wrong = 0;

	sched_getaffinity(0, sizeof all, &all);
	for (int turn = 0; turn < 20 * CPU_SETSIZE; turn++) {
		unsigned cpu = 99, node = 99, call = 98, call_node = 98;
		int i = turn % CPU_SETSIZE;

		if (!CPU_ISSET(i, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(i, &one);
		sched_setaffinity(0, sizeof one, &one);
		wrong += vdso_getcpu(&cpu, &node, 0) != 0 || syscall(SYS_getcpu, &call, &call_node, 0) != 0;
		wrong += cpu != (unsigned)i || call != cpu || node != call_node || (unsigned)sched_getcpu() != cpu;
	}
	sched_setaffinity(0, sizeof all, &all);
	SAY("processors: %u wrong, %ld", wrong, vdso_getcpu(0, 0, 0));
}

static void answers(void)
{
	static const struct { const char *name; clockid_t clock; } clocks[] = {
		{"realtime", CLOCK_REALTIME}, {"monotonic", CLOCK_MONOTONIC}, {"raw", CLOCK_MONOTONIC_RAW}, {"boottime", CLOCK_BOOTTIME},
		{"coarse realtime", CLOCK_REALTIME_COARSE}, {"coarse monotonic", CLOCK_MONOTONIC_COARSE}, {"TAI", CLOCK_TAI},
		{"process", CLOCK_PROCESS_CPUTIME_ID}, {"thread", CLOCK_THREAD_CPUTIME_ID}, {"process by id", -6},
	};
	static const clockid_t wrong[] = {10, 12, 31, 32, 77, 0x7fffffff, -1};
	struct timespec time;

	SAY("-- what it says");
	for (unsigned i = 0; i < sizeof clocks / sizeof clocks[0]; i++)
		turns(clocks[i].name, clocks[i].clock);
	for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		SAY("clock %d: %d %d", wrong[i], vdso_gettime(wrong[i], &time), vdso_getres(wrong[i], &time));
	SAY("resolution for nobody: %d", vdso_getres(CLOCK_MONOTONIC, 0));
	days();
	processors();
}

/* On all processors at once, calls and functions: what one has seen, no other sees later an earlier time of. */
static int64_t latest;
static int behind;

static void *watch(void *clock)
{
	for (int i = 0; i < 20000; i++) {
		int64_t seen = __atomic_load_n(&latest, __ATOMIC_SEQ_CST), now = asked(i % 8 == 0, (clockid_t)(intptr_t)clock);

		if (now < seen)
			__atomic_fetch_add(&behind, 1, __ATOMIC_SEQ_CST);
		while (seen < now && !__atomic_compare_exchange_n(&latest, &seen, now, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			;
	}
	return 0;
}

static void together(const char *name, clockid_t clock)
{
	pthread_t threads[4];

	latest = behind = 0;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], 0, watch, (void *)(intptr_t)clock);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], 0);
	SAY("four threads, %s: %d times behind", name, behind);
}

/* ---- its pages ---- */

static sigjmp_buf caught;

static void fault_caught(int number, siginfo_t *info, void *context)
{
	(void)context;
	siglongjmp(caught, number * 16 + info->si_code);
}

static void touch(const char *what, char *at, int write_it)
{
	int number = sigsetjmp(caught, 1);

	if (number != 0)
		SAY("%s: %s %d", what, sigabbrev_np(number / 16), number % 16);
	else if (write_it)
		*(volatile char *)at = 0, SAY("%s: written", what);
	else
		(void)*(volatile char *)at, SAY("%s: read", what);
}

static void call_function(const char *what, clock_call function, struct timespec *time)
{
	int number = sigsetjmp(caught, 1);

	if (number != 0)
		SAY("%s: %s %d", what, sigabbrev_np(number / 16), number % 16);
	else
		SAY("%s: %d", what, function(CLOCK_MONOTONIC, time));
}

static void faults_catch(void)
{
	struct sigaction action = {.sa_sigaction = fault_caught, .sa_flags = SA_SIGINFO};

	sigaction(SIGSEGV, &action, 0);
}

static void rights(void)
{
	size_t code_bytes = (size_t)(code.end - code.start), data_bytes = (size_t)(data.end - data.start);
	struct timespec time;

	SAY("-- its pages");
	touch("code written", code.start, 1);
	touch("data written", data.start, 1);
	touch("data", data.start, 0);
	call_function("data executed", (clock_call)data.start, &time);
	call_function("bad address", vdso_gettime, BAD_ADDRESS);
	TRY(mprotect(data.start, data_bytes, PROT_READ | PROT_WRITE));
	TRY(mprotect(data.start, data_bytes, PROT_READ | PROT_EXEC));
	TRY(mremap(data.start, data_bytes, data_bytes + 4096, MREMAP_MAYMOVE));
	TRY(mremap(code.start, code_bytes, code_bytes + 4096, MREMAP_MAYMOVE));
	TRY(madvise(data.start, data_bytes, MADV_DONTNEED));
	TRY(madvise(code.start, code_bytes, MADV_DONTNEED));
	call_function("after that", vdso_gettime, &time);
	TRY(mprotect(data.start, data_bytes, PROT_NONE));
	call_function("without data", vdso_gettime, &time);
	TRY(mprotect(data.start, data_bytes, PROT_READ));
	call_function("with data again", vdso_gettime, &time);
}

/* A program that changes its code, as a debugger's breakpoint does, changes nobody else's. */
static void changing(void)
{
	size_t bytes = (size_t)(code.end - code.start);
	char *header = code.start;

	CHILD("changed in a child",
		TRY(mprotect(code.start, bytes, PROT_READ | PROT_WRITE));
		header[9] = 'x';
		TRY(mprotect(code.start, bytes, PROT_READ | PROT_EXEC));
		SAY("child: %d", header[9]);
		CHILD("its child", SAY("%d", header[9]); asked(0, CLOCK_MONOTONIC));
		asked(0, CLOCK_MONOTONIC));
	SAY("parent: %d", header[9]);
	CHILD("another", SAY("%d", header[9]));
}

static void leaving(void)
{
	CHILD("without it",
		TRY(munmap(code.start, (size_t)(code.end - code.start)));
		TRY(munmap(data.start, (size_t)(data.end - data.start)));
		places_read();
		SAY("gone: %d %d", code.start == 0, data.start == 0);
		call_function("called", vdso_gettime, 0);
		asked(1, CLOCK_MONOTONIC);
		CHILD("its child", places_read(); SAY("%d", code.start == 0); execl("/proc/self/exe", "vdso", "again", (char *)0)));
	places_read();
	SAY("parent: %d %d", code.start != 0, data.start != 0);
	asked(0, CLOCK_REALTIME);
}

/* Both pages elsewhere, at their old distance, as programs that restore others do. */
static void moving(void)
{
	char *low = data.start < code.start ? data.start : code.start, *high = data.end > code.end ? data.end : code.end, *to;
	struct timespec time;

	to = mmap(0, (size_t)(high - low), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (high - low > 64 * 4096)
		return;
	for (char *at = low; at < high; at = at == code.start ? code.end : at == data.start ? data.end : at + 4096) {
		size_t bytes = (size_t)(at == code.start ? code.end - at : at == data.start ? data.end - at : 4096);

		if ((at == code.start || at == data.start) && mremap(at, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to + (at - low)) == MAP_FAILED)
			SAY("mremap: %s", strerrorname_np(errno));
	}
	call_function("where it was", vdso_gettime, &time);
	places_read();
	SAY("moved: %d %d", code.start - to == (char *)getauxval(AT_SYSINFO_EHDR) - low, data.start != 0);
}

int main(int count, char **arguments)
{
	(void)arguments;
	finding();
	if (count > 1)
		return asked(0, CLOCK_MONOTONIC) < 0;
	faults_catch();
	answers();
	SAY("-- on all processors");
	together("monotonic", CLOCK_MONOTONIC);
	together("boottime", CLOCK_BOOTTIME);
	rights();
	changing();
	leaving();
	CHILD("moved", moving());
	return 0;
}
