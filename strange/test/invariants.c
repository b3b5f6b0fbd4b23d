/* See invariants.h. Each function pins one of the invariants that strange's files state at their top. */
#include "invariants.h"
#include "strange/pool.h"
#include "strange/activation.h"
#include "strange/cache.h"
#include "strange/space.h"
#include "strange/table.h"

#define HOLDS(condition, ...) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: invariant broken: %s: ", __FILE__, __LINE__, #condition); \
			fprintf(stderr, __VA_ARGS__); \
			fputc('\n', stderr); \
			abort(); \
		} \
	} while (0)

bool invariants_hostile;

static bool is_mapping(unsigned kind) { return kind == KIND_MAPPING; }

static unsigned slot_state(unsigned kind, uint32_t i)
{
	if (kind == KIND_PAGE)
		return page_at(i)->state;
	if (is_mapping(kind))
		return mapping_at(i)->live ? SLOT_LOADED : SLOT_FREE;
	return slot_of(OBJECT_ID(kind, i))->state;
}

static uint32_t free_next(unsigned kind, uint32_t i)
{
	if (kind == KIND_PAGE)
		return page_at(i)->hash_next;
	return is_mapping(kind) ? mapping_at(i)->next : slot_of(OBJECT_ID(kind, i))->hash_next;
}

/* Free lists hold exactly the free slots. */
static void free_lists(void)
{
	for (unsigned k = 0; k < KIND_COUNT; k++) {
		struct cache *c = &state.cache[k];
		uint32_t n = 0, used = 0;

		for (uint32_t i = c->free; i; i = free_next(k, i - 1)) {
			HOLDS(slot_state(k, i - 1) == SLOT_FREE, "kind %u slot %u is in the free list", k, i - 1);
			HOLDS(++n <= c->count, "kind %u: the free list is a ring", k);
		}
		HOLDS(n == c->free_count, "kind %u: %u free, counted %u", k, n, c->free_count);
		for (uint32_t i = 0; i < c->count; i++)
			used += slot_state(k, i) != SLOT_FREE;
		HOLDS(n + used == c->count, "kind %u: %u free and %u used of %u", k, n, used, c->count);
		HOLDS(c->lock.held == 0, "kind %u", k);
	}
}

/* Every used slot has its name in the hash, once, and nothing else is there. */
static void names(void)
{
	for (unsigned k = 0; k < KIND_COUNT; k++) {
		struct cache *c = &state.cache[k];
		uint32_t n = 0, used = 0;

		if (k == KIND_MAPPING)
			continue;
		for (uint32_t b = 0; b <= c->hash.mask; b++)
			for (uint32_t i = c->hash.heads[b]; i; i = free_next(k, i - 1)) {
				HOLDS(slot_state(k, i - 1) != SLOT_FREE, "kind %u: free slot %u has a name", k, i - 1);
				HOLDS(++n <= c->count, "kind %u: a chain is a ring", k);
			}
		for (uint32_t i = 0; i < c->count; i++)
			used += slot_state(k, i) != SLOT_FREE;
		HOLDS(n == used, "kind %u: %u names of %u", k, n, used);
	}
}

static bool node_in(const struct node *list, const struct node *n)
{
	for (; list; list = list->next)
		if (list == n)
			return true;
	return false;
}

static void list_well_formed(struct node *const *head)
{
	uint32_t n = 0;

	for (struct node *const *at = head; *at; at = &(*at)->next) {
		HOLDS((*at)->at == at, "object %x", (*at)->object);
		HOLDS(slot_state(OBJECT_KIND((*at)->object), OBJECT_INDEX((*at)->object)) != SLOT_FREE,
		      "object %x depends and is free", (*at)->object);
		HOLDS(++n < 100000, "a list of dependents is a ring");
	}
}

static struct kernel *kernel_at(uint32_t i) { return SLOT_AT(kernel, KIND_KERNEL, i); }

/* Lists of dependents, and what each loaded object must be in. */
static void dependents(void)
{
	for (unsigned k = 0; k < KIND_COUNT; k++)
		for (uint32_t i = 0; i < state.cache[k].count; i++) {
			if (k == KIND_MAPPING || slot_state(k, i) == SLOT_FREE)
				continue;
			if (k == KIND_PAGE) {
				list_well_formed(&page_at(i)->dependents);
				continue;
			}
			struct slot *s = slot_of(OBJECT_ID(k, i));

			list_well_formed(&s->dependents);
			HOLDS(s->lock.held == 0 && s->list_lock.held == 0, "object %lx", (long)s->uid);
			HOLDS(s->state != SLOT_LOADING, "object %lx is half loaded", (long)s->uid);
			HOLDS(k == KIND_KERNEL || s->keeper->slot.state != SLOT_FREE, "object %lx", (long)s->uid);
			HOLDS(s->keeper == (struct kernel *)s || node_in(s->keeper->slot.dependents, &s->keeper_node),
			      "kind %u object %lx is not in its keeper's list", k, (long)s->uid);
		}
}

/* The page, or an alias of it, has that dependent. */
static bool page_has(const struct page *p, frame_number f, const struct node *n)
{
	bool found = node_in(p->dependents, n);

	for (uint32_t a = p->aliases; a && !found; a = page_at(a - 1)->alias_next)
		found = page_at(a - 1)->frame == f && page_has(page_at(a - 1), f, n);
	return found;
}

/* A home's page is loaded, and knows it. */
static void homes_resolved(void)
{
	for (unsigned k = 0; k < KIND_COUNT; k++)
		for (uint32_t i = 0; k != KIND_PAGE && k != KIND_MAPPING && i < state.cache[k].count; i++) {
			struct slot *s = slot_of(OBJECT_ID(k, i));
			struct page *p;

			if (s->state == SLOT_FREE || s->home_node.at == NULL)
				continue;
			HOLDS(state.frames[s->home_frame].page, "home of %lx has no page", (long)s->uid);
			p = page_at(state.frames[s->home_frame].page - 1);
			HOLDS(page_has(p, s->home_frame, &s->home_node), "home of %lx", (long)s->uid);
		}
}

/* Quotas and floors count what is there. */
static void counts(void)
{
	static uint32_t loaded[256][KIND_COUNT], locked[256][KIND_COUNT];

	HOLDS(state.cache[KIND_KERNEL].count <= 256, "too many kernels for this check");
	memset(loaded, 0, sizeof loaded);
	memset(locked, 0, sizeof locked);
	for (unsigned k = 0; k < KIND_COUNT; k++)
		for (uint32_t i = 0; i < state.cache[k].count; i++) {
			struct kernel *keeper;
			bool lock;

			if (slot_state(k, i) == SLOT_FREE)
				continue;
			if (k == KIND_MAPPING)
				keeper = space_at(mapping_at(i)->space)->slot.keeper, lock = mapping_at(i)->locked;
			else if (k == KIND_PAGE)
				keeper = slot_of(page_at(i)->container)->keeper, lock = page_at(i)->flags & PAGE_LOCKED;
			else
				keeper = slot_of(OBJECT_ID(k, i))->keeper, lock = slot_of(OBJECT_ID(k, i))->locked;
			if (k == KIND_KERNEL && keeper == kernel_at(i))
				continue;
			loaded[slot_index(&keeper->slot)][k]++;
			locked[slot_index(&keeper->slot)][k] += lock;
		}
	for (uint32_t n = 0; n < state.cache[KIND_KERNEL].count; n++)
		for (unsigned k = 0; kernel_at(n)->slot.state != SLOT_FREE && k < KIND_COUNT; k++) {
			HOLDS(kernel_at(n)->loaded[k] == loaded[n][k], "kernel %u kind %u: %u, counted %u",
			      kernel_at(n)->number, k, kernel_at(n)->loaded[k], loaded[n][k]);
			HOLDS(kernel_at(n)->locked[k] == locked[n][k], "kernel %u kind %u locked: %u, counted %u",
			      kernel_at(n)->number, k, kernel_at(n)->locked[k], locked[n][k]);
		}
}

/* Frames and pages name each other; the reverse map holds live mappings of that frame. */
static void frames(void)
{
	for (uint32_t f = 0; f < state.frame_limit; f++) {
		uint32_t name = state.frames[f].page, previous = 0;
		struct page *p;

		if (name == 0 || name == FRAME_NOBODYS) {
			HOLDS(state.frames[f].mappings == 0, "frame %u has mappings and no page", f);
			continue;
		}
		p = page_at(name - 1);
		HOLDS(p->state != SLOT_FREE, "frame %u names a free page", f);
		HOLDS(f - p->frame < (p->flags & PAGE_LARGE ? GROUP_PAGES : 1), "frame %u", f);
		for (uint32_t m = state.frames[f].mappings; m; previous = m, m = mapping_at(m - 1)->next) {
			HOLDS(mapping_at(m - 1)->live, "frame %u has dead mapping %u", f, m - 1);
			HOLDS(mapping_at(m - 1)->previous == previous, "frame %u mapping %u", f, m - 1);
		}
	}
	for (uint32_t i = 0; i < state.cache[KIND_PAGE].count; i++)
		if (page_at(i)->state != SLOT_FREE) {
			HOLDS((page_at(i)->flags & PAGE_ALIAS) || state.frames[page_at(i)->frame].page == i + 1, "page %u", i);
			HOLDS(slot_of(page_at(i)->container)->state != SLOT_FREE, "page %u", i);
			HOLDS(page_at(i)->lock.held == 0, "page %u", i);
		}
}

/* The aliases of a page: in its list, of its frames, not more than it is. Returns how many. */
static uint32_t aliases_of(uint32_t i)
{
	struct page *p = page_at(i);
	uint32_t previous = ALIAS_FIRST | i, n = 0;

	for (uint32_t a = p->aliases; a; previous = a, a = page_at(a - 1)->alias_next, n++) {
		struct page *q = page_at(a - 1);

		HOLDS(q->state != SLOT_FREE && (q->flags & PAGE_ALIAS), "page %u has page %u for an alias", i, a - 1);
		HOLDS(q->alias_previous == previous, "alias %u", a - 1);
		HOLDS(q->depth == p->depth + 1, "alias %u: depth", a - 1);
		HOLDS(q->frame - p->frame < (p->flags & PAGE_LARGE ? GROUP_PAGES : 1), "alias %u: frame", a - 1);
		HOLDS((q->rights & ~p->rights) == 0, "alias %u may more than the page under it", a - 1);
		HOLDS((q->flags & PAGE_DEVICE) == (p->flags & PAGE_DEVICE), "alias %u: device", a - 1);
		HOLDS(p->state != SLOT_FREE, "page %u is free and has aliases", i);
	}
	return n;
}

/* An alias is in one page's list, and its frame has an own page. */
static void aliases(void)
{
	uint32_t listed = 0, there = 0;

	for (uint32_t i = 0; i < state.cache[KIND_PAGE].count; i++) {
		struct page *p = page_at(i);
		uint32_t previous = i + 1;

		if (p->state == SLOT_FREE)
			continue;
		listed += aliases_of(i);
		if (!(p->flags & PAGE_ALIAS)) {
			HOLDS(p->depth == 0 && ((p->flags & PAGE_LARGE) || p->mappings == 0), "page %u", i);
			continue;
		}
		there++;
		HOLDS(p->depth > 0 && p->depth <= ALIAS_DEPTH && !(p->flags & (PAGE_LOCKED | PAGE_LARGE)), "alias %u", i);
		HOLDS(state.frames[p->frame].page && !(page_at(state.frames[p->frame].page - 1)->flags & PAGE_ALIAS), "alias %u", i);
		for (uint32_t m = p->mappings; m; previous = m, m = mapping_at(m - 1)->next) {
			HOLDS(mapping_at(m - 1)->live && mapping_at(m - 1)->derived, "alias %u mapping %u", i, m - 1);
			HOLDS(mapping_at(m - 1)->first == (m == p->mappings), "alias %u mapping %u", i, m - 1);
			HOLDS(mapping_at(m - 1)->previous == previous, "alias %u mapping %u", i, m - 1);
		}
	}
	HOLDS(listed == there, "%u aliases, %u in lists", there, listed);
}

static const struct page *page_of_mapping(const struct mapping *m, const struct page *own)
{
	if (!m->derived)
		return own;
	while (!m->first)
		m = mapping_at(m->previous - 1);
	return page_at(m->previous - 1);
}

static bool reverse_has(const struct page *p, frame_number f, uint32_t mapping)
{
	const struct mapping *m = mapping_at(mapping);

	for (uint32_t i = m->large || m->derived ? p->mappings : state.frames[f].mappings; i; i = mapping_at(i - 1)->next)
		if (i == mapping + 1)
			return true;
	return false;
}

static uint32_t leaves;

static void leaf_check(const struct space *s, uint32_t table, unsigned slot, mmu_entry e, uint64_t address)
{
	uint32_t index = table_shadow(table)[slot] - 1;
	struct mapping *m = mapping_at(index);
	uint32_t page = state.frames[mmu_frame(e)].page;

	leaves++;
	HOLDS(index < state.cache[KIND_MAPPING].count && m->live, "entry for %lx has no mapping", (long)address);
	HOLDS(m->space == slot_index(&s->slot) && m->page == (address >> PAGE_BITS & ((1ull << 36) - 1)),
	      "entry for %lx has another's mapping", (long)address);
	HOLDS(page && page != UINT32_MAX, "entry for %lx has no page", (long)address);
	HOLDS(reverse_has(page_of_mapping(m, page_at(page - 1)), mmu_frame(e), index), "mapping of %lx is not in its frame's list",
	      (long)address);
	HOLDS(m->large || page_of_mapping(m, page_at(page - 1))->depth == 0 || page_of_mapping(m, page_at(page - 1))->frame == mmu_frame(e),
	      "mapping of %lx is an alias of another frame", (long)address);
	HOLDS(!(mmu_rights(e) & RIGHT_WRITE) || (page_of_mapping(m, page_at(page - 1))->rights & RIGHT_WRITE), "%lx may be written",
	      (long)address);
	HOLDS(!((mmu_rights(e) & RIGHT_WRITE) && (mmu_rights(e) & RIGHT_EXECUTE)), "%lx is W and X", (long)address);
	HOLDS(!(s->flags & SPACE_SUPERVISOR) == !!(mmu_rights(e) & MMU_USER), "%lx: ring", (long)address);
	HOLDS(!!m->large == mmu_is_large(e), "%lx: size", (long)address);
	HOLDS(space_contains(s, address, m->large ? GROUP_BYTES : PAGE_BYTES), "%lx is beyond its space", (long)address);
}

/* One table and what is under it; returns how many tables. */
static uint32_t table_check(const struct space *s, uint32_t t, unsigned level, uint64_t base, bool top)
{
	unsigned limit = level == MMU_LEVELS - 1 && (s->flags & SPACE_PROGRAM) ? MMU_ENTRIES / 2 : MMU_ENTRIES;
	uint32_t present = 0, tables = 1, pinned = 0;
	unsigned own = mmu_index(DOMAIN_BASE + s->domain * DOMAIN_BYTES, MMU_LEVELS - 1);

	HOLDS(state.tables[t].live && state.tables[t].level == level && state.tables[t].space == slot_index(&s->slot),
	      "table %u", t);
	for (unsigned i = 0; i < limit; i++) {
		mmu_entry e = table_entries(t)[i];
		uint64_t at = base + ((uint64_t)i << (PAGE_BITS + 9 * level));

		if (!mmu_present(e) || (level == MMU_LEVELS - 1 && i >= MMU_ENTRIES / 2 && i != own))
			continue;
		present++;
		if (level == 0 || mmu_is_large(e)) {
			leaf_check(s, t, i, e, level == MMU_LEVELS - 1 ? 0 : at);
			pinned += mapping_at(table_shadow(t)[i] - 1)->locked;
		} else {
			if (level == MMU_LEVELS - 1 && i >= MMU_ENTRIES / 2)
				at |= ~((1ull << 48) - 1);
			tables += table_check(s, mmu_frame(e) - state.table_frame, level - 1, at, false);
		}
	}
	HOLDS(present == state.tables[t].entries, "table %u of level %u: %u entries, counted %u", t, level, present,
	      state.tables[t].entries);
	HOLDS(top || pinned == state.tables[t].pinned, "table %u: %u pinned, counted %u", t, pinned, state.tables[t].pinned);
	return tables;
}

/* Tables: counts, the free list, and that every one is in use or free. */
static void tables(void)
{
	uint32_t used = 1, n = 0, live = 0; /* the blank one */

	leaves = 0;
	for (uint32_t i = 0; i < state.cache[KIND_SPACE].count; i++) {
		struct space *s = space_at(i);
		bool supervisor = s->flags & SPACE_SUPERVISOR;

		if (s->slot.state != SLOT_FREE && s->table != TABLE_NONE)
			used += table_check(s, s->table, supervisor ? MMU_LEVELS - 2 : MMU_LEVELS - 1,
					    supervisor ? DOMAIN_BASE + s->domain * DOMAIN_BYTES : 0, true);
	}
	for (uint32_t t = state.table_free; t; t = state.tables[t - 1].free_next) {
		HOLDS(!state.tables[t - 1].live, "table %u is free and live", t - 1);
		HOLDS(++n <= state.table_count, "the list of free tables is a ring");
		for (unsigned i = 0; i < MMU_ENTRIES; i++)
			HOLDS(table_entries(t - 1)[i] == 0, "free table %u is not empty at %u", t - 1, i);
	}
	HOLDS(n == state.tables_free, "%u tables are free, counted %u", n, state.tables_free);
	HOLDS(n + used == state.table_count, "%u tables free, %u used of %u", n, used, state.table_count);
	for (uint32_t i = 0; i < state.cache[KIND_MAPPING].count; i++)
		live += mapping_at(i)->live;
	HOLDS(live == leaves, "%u mappings, %u entries", live, leaves);
}

static void level_check(const struct thread *t, const struct activation *a)
{
	HOLDS(a->space && a->space->slot.state != SLOT_FREE, "thread %lx runs in no space", (long)t->slot.uid);
	HOLDS(a->map == NULL || a->map->slot.state != SLOT_FREE, "thread %lx has a dead map", (long)t->slot.uid);
	HOLDS(a->map == NULL || !(a->map->flags & SPACE_SUPERVISOR), "thread %lx", (long)t->slot.uid);
	if (a->kind == ACTIVATION_IMPLICIT || a->kind == ACTIVATION_EXPLICIT) {
		HOLDS(a->portal->slot.state != SLOT_FREE, "thread %lx is in a portal that is gone", (long)t->slot.uid);
		HOLDS(!(a->portal->free_stacks & (1u << a->stack)), "thread %lx is on a free stack", (long)t->slot.uid);
		HOLDS(invariants_hostile || a->record->kind == a->kind, "thread %lx: its record is free", (long)t->slot.uid);
	}
	if (a->kind == ACTIVATION_HANDLER)
		HOLDS(a->frame && a->record == (struct activation_record *)(a->frame + 1), "thread %lx", (long)t->slot.uid);
}

/* Threads: their levels name loaded objects; run states agree with queues. */
static void threads(void)
{
	for (uint32_t i = 0; i < state.cache[KIND_THREAD].count; i++) {
		struct thread *t = thread_at(i);

		if (t->slot.state == SLOT_FREE)
			continue;
		HOLDS(t->count == 1 || t->count == 2, "thread %lx", (long)t->slot.uid);
		HOLDS(t->depth + 1 >= t->count, "thread %lx", (long)t->slot.uid);
		level_check(t, thread_top(t));
		if (t->count == 2)
			level_check(t, thread_lower(t));
		HOLDS((t->run == RUN_RUNNING) == (t->cpu >= 0 && state.cpu[t->cpu].thread == t), "thread %lx run state %u",
		      (long)t->slot.uid, t->run);
		HOLDS(t->run != RUN_READY || t->queue_at, "thread %lx is ready and in no queue", (long)t->slot.uid);
		HOLDS(t->run != RUN_STACK || t->waits_for, "thread %lx waits for no portal", (long)t->slot.uid);
		HOLDS(t->waits_for == NULL || t->run == RUN_STACK, "thread %lx is in a portal's queue", (long)t->slot.uid);
		HOLDS(t->quantum_ns, "thread %lx has a quantum of no time", (long)t->slot.uid);
		HOLDS(t->run != RUN_STOPPED || !(t->pool & POOL_TURN) || t->slot.state == SLOT_DYING,
		      "thread %lx is stopped and has a turn", (long)t->slot.uid);
		HOLDS(t->lent == 0 || (t->pool & POOL_LENT), "thread %lx: urgency %u", (long)t->slot.uid, t->urgency);
		HOLDS(t->timer_cpu < 0 || t->run >= RUN_PARKED, "thread %lx has a timer and does not wait", (long)t->slot.uid);
		HOLDS(t->signal_count <= THREAD_SIGNALS, "thread %lx", (long)t->slot.uid);
	}
}

static void queues(void)
{
	for (unsigned c = 0; c < state.cpus; c++)
		for (unsigned p = 0; p < QUEUE_LEVELS; p++) {
			struct queue *q = &state.cpu[c].queue;
			struct thread **at = &q->first[p];

			HOLDS(!!*at == !!(q->ready & (1ull << p)), "queue %u of CPU %u", p, c);
			for (; *at; at = &(*at)->queue_next) {
				HOLDS((*at)->queue_at == at, "queue %u of CPU %u", p, c);
				HOLDS((*at)->run == RUN_READY && (*at)->queue_level == p, "queue %u of CPU %u", p, c);
			}
			HOLDS(q->end[p] == at, "queue %u of CPU %u: end", p, c);
		}
}

/* Has somebody a turn, or may nobody of those who wait have a stack? */
static bool waiters_served(const struct portal *p)
{
	bool wanted = false, turn = false;

	for (const struct thread *t = p->waiting; t; t = t->queue_next)
		wanted |= pool_open_for(p, t);
	for (uint32_t i = 0; i < state.cache[KIND_THREAD].count; i++)
		turn |= thread_at(i)->slot.state != SLOT_FREE && (thread_at(i)->pool & POOL_TURN) &&
			thread_at(i)->turn == p;
	return !wanted || turn;
}

/* A stack's bit is free only when its record is. A wait queue's members wait for that portal. */
static void portals(void)
{
	for (uint32_t i = 0; i < state.cache[KIND_PORTAL].count; i++) {
		struct portal *p = SLOT_AT(portal, KIND_PORTAL, i);
		struct thread **at = &p->waiting;

		if (p->slot.state == SLOT_FREE)
			continue;
		HOLDS(p->space->slot.state != SLOT_FREE, "portal %lx", (long)p->slot.uid);
		for (uint32_t s = 0; s < p->stack_count && !invariants_hostile; s++)
			HOLDS(!(p->free_stacks & (1u << s)) == (p->record[s].kind != ACTIVATION_FREE),
			      "portal %lx stack %u", (long)p->slot.uid, s);
		HOLDS(p->free_stacks < (1ull << p->stack_count), "portal %lx", (long)p->slot.uid);
		for (; *at; at = &(*at)->queue_next)
			HOLDS((*at)->waits_for == p && (*at)->queue_at == at, "portal %lx: queue", (long)p->slot.uid);
		HOLDS(p->waiting_end == at, "portal %lx: end of queue", (long)p->slot.uid);
		HOLDS(p->free_stacks == 0 || p->slot.state == SLOT_DYING || waiters_served(p),
		      "portal %lx: a lost wake-up", (long)p->slot.uid);
	}
}

static void cpus(void)
{
	for (unsigned i = 0; i < state.cpus; i++) {
		struct cpu *c = &state.cpu[i];

		HOLDS(c->left == LEFT_NONE || (c->left != c->map && c->left->slot.state != SLOT_FREE && (c->left->cpus & (1ull << i))),
		      "CPU %u left a map that is gone", i);
		if (c->map == NULL)
			continue;
		HOLDS(c->map->slot.state != SLOT_FREE, "CPU %u has a map that is gone", i);
		HOLDS(c->map->cpus & (1ull << i), "CPU %u is not in its map's set", i);
		HOLDS(host.cpu[i].root == state.table_frame + c->map->table, "CPU %u uses another map", i);
		HOLDS(machine_tlb_true(&host.cpu[i]), "CPU %u has a stale translation", i);
	}
	for (uint32_t s = 0; s < state.cache[KIND_SPACE].count; s++)
		for (unsigned i = 0; i < state.cpus; i++)
			if (space_at(s)->slot.state != SLOT_FREE && (space_at(s)->cpus & (1ull << i)))
				HOLDS(state.cpu[i].map == space_at(s) || state.cpu[i].left == space_at(s), "space %u names CPU %u", s, i);
}

static void references(void)
{
	for (uint32_t i = 0; i < state.cache[KIND_REFERENCE].count; i++) {
		struct reference *r = SLOT_AT(reference, KIND_REFERENCE, i);

		if (r->slot.state == SLOT_FREE)
			continue;
		HOLDS(r->space->slot.state != SLOT_FREE && r->target->state != SLOT_FREE, "reference %lx", (long)r->slot.uid);
		HOLDS(r->target->uid == r->target_uid, "reference %lx names another", (long)r->slot.uid);
	}
}

/* An interrupt goes to a locked page, or to nobody. */
static void interrupts(void)
{
	for (unsigned i = 0; i < IRQ_LIMIT; i++) {
		const struct irq *bound = &state.irq[i];

		CHECK_IS(bound->frame == 0, bound->kernel == 0);
		CHECK_IS(bound->frame != 0, state.irqs_bound >> i & 1);
		if (bound->frame)
			CHECK(page_at(state.frames[bound->frame].page - 1)->flags & PAGE_LOCKED);
	}
}

void invariants_check(void)
{
	interrupts();
	free_lists();
	names();
	dependents();
	homes_resolved();
	counts();
	frames();
	aliases();
	tables();
	threads();
	queues();
	portals();
	cpus();
	references();
}
