/* Home records: filling them, and answering misses from a table. */
#include "baryon/homes.h"

#include "baryon/calls.h"
#include "baryon/string.h"

void home_start(void *home, size_t bytes, enum object_kind kind, baryon_uid uid)
{
	struct home_header *header = home;

	memset(home, 0, bytes);
	*header = (struct home_header){ .kind = kind, .version = HOME_VERSION, .generation = 1, .uid = uid };
}

void thread_home_start(struct thread_home *home, const struct thread_start *start)
{
	struct registers *registers = &home->base.registers;

	home_start(home, sizeof *home, KIND_THREAD, start->uid);
	home->base.kind = ACTIVATION_BASE;
	home->base.thread = start->uid;
	home->base.space = start->space;
	registers->rip = start->entry;
	registers->rsp = start->stack_top;
	registers->rdi = start->argument;
	registers->rsi = start->argument2;
	registers->rflags = 0x202;
	registers->flags = REGISTERS_FULL | (start->supervisor ? REGISTERS_SUPERVISOR : 0);
	home->handler_space = start->handler_space;
	home->handler_top = start->handler_top;
	home->cookie = start->cookie;
	home->priority = start->priority;
	home->cpu = CPU_ANY;
	home->state = THREAD_RUNNABLE;
}

void portal_home_start(struct portal_home *home, const struct portal_start *start)
{
	home_start(home, sizeof *home, KIND_PORTAL, start->uid);
	home->space = start->space;
	home->entry = (uint64_t)start->entry;
	home->cookie = start->cookie;
	home->stacks = (uint64_t)start->stacks;
	home->stack_bytes = start->stack_bytes;
	home->stack_count = start->stack_count;
	home->records = (uint64_t)start->records;
}

struct homes_entry *homes_find(const struct homes *homes, enum object_kind kind, baryon_uid uid)
{
	uint32_t count = __atomic_load_n(&homes->count, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < count; i++) {
		const struct home_header *header = homes->entries[i].home;

		if (homes->entries[i].kind == kind && header->uid == uid)
			return &homes->entries[i];
	}
	return NULL;
}

static long entry_load(const struct homes_entry *entry)
{
	long result = object_load(entry->kind, entry->home, entry->flags);

	return result == -BARYON_EEXIST ? 0 : result;
}

long homes_load(struct homes *homes, enum object_kind kind, void *home, uint64_t flags)
{
	uint32_t count = homes->count;

	if (count == homes->room)
		return -BARYON_EFULL;
	homes->entries[count] = (struct homes_entry){ kind, flags, home };
	__atomic_store_n(&homes->count, count + 1, __ATOMIC_RELEASE);
	return entry_load(&homes->entries[count]);
}

long homes_reload(const struct homes *homes)
{
	uint32_t count = __atomic_load_n(&homes->count, __ATOMIC_ACQUIRE);
	long result = 0;

	for (uint32_t i = 0; i < count && result == 0; i++)
		result = entry_load(&homes->entries[i]);
	return result;
}

long homes_miss(const struct homes *homes, enum object_kind kind, baryon_uid uid)
{
	struct homes_entry *entry = homes_find(homes, kind, uid);

	return entry ? entry_load(entry) : -BARYON_ENOENT;
}
