/* Timers. Home: the deadline stands in the thread's home; the heaps are derived. Lock: the CPU's timer_lock, a leaf. */
#include "timer.h"

/* Both are roots without siblings. */
static struct thread *meld(struct thread *a, struct thread *b)
{
	struct thread *t;

	if (a == NULL || b == NULL)
		return a ? a : b;
	if (b->deadline < a->deadline)
		t = a, a = b, b = t;
	b->timer_next = a->timer_child;
	if (b->timer_next)
		b->timer_next->timer_at = &b->timer_next;
	a->timer_child = b;
	b->timer_at = &a->timer_child;
	return a;
}

static struct thread *cut_first(struct thread **list)
{
	struct thread *t = *list;

	*list = t->timer_next;
	t->timer_next = NULL;
	return t;
}

/* The usual two passes: pairs from the left, then all from the right. */
static struct thread *meld_children(struct thread *list)
{
	struct thread *pairs = NULL, *heap = NULL;

	while (list) {
		struct thread *a = cut_first(&list), *b = list ? cut_first(&list) : NULL;

		a = meld(a, b);
		a->timer_next = pairs;
		pairs = a;
	}
	while (pairs) {
		struct thread *t = cut_first(&pairs);

		heap = meld(heap, t);
	}
	return heap;
}

static void set_root(struct cpu *cpu, struct thread *t)
{
	cpu->timers = t;
	if (t)
		t->timer_at = &cpu->timers;
}

static void take_out(struct cpu *cpu, struct thread *t)
{
	struct thread *below = meld_children(t->timer_child);

	if (cpu->timers == t) {
		set_root(cpu, below);
	} else {
		*t->timer_at = t->timer_next;
		if (t->timer_next)
			t->timer_next->timer_at = t->timer_at;
		set_root(cpu, meld(cpu->timers, below));
	}
	t->timer_child = t->timer_next = NULL;
	t->timer_at = NULL;
	t->timer_cpu = -1;
}

void timer_insert(struct cpu *cpu, struct thread *t, uint64_t deadline)
{
	spin_lock(&cpu->timer_lock);
	t->deadline = deadline;
	t->timer_child = t->timer_next = NULL;
	t->timer_cpu = (int)cpu->number;
	set_root(cpu, meld(cpu->timers, t));
	spin_unlock(&cpu->timer_lock);
}

void timer_remove(struct thread *t)
{
	int n = t->timer_cpu;

	if (n < 0)
		return;
	spin_lock(&state.cpu[n].timer_lock);
	if (t->timer_cpu == n)
		take_out(&state.cpu[n], t);
	spin_unlock(&state.cpu[n].timer_lock);
}

struct thread *timer_expired(struct cpu *cpu, uint64_t now)
{
	struct thread *t;

	spin_lock(&cpu->timer_lock);
	t = cpu->timers;
	if (t && t->deadline <= now)
		take_out(cpu, t);
	else
		t = NULL;
	spin_unlock(&cpu->timer_lock);
	return t;
}

uint64_t timer_first(struct cpu *cpu)
{
	uint64_t first;

	if (cpu->timers == NULL)
		return UINT64_MAX;
	spin_lock(&cpu->timer_lock);
	first = cpu->timers ? cpu->timers->deadline : UINT64_MAX;
	spin_unlock(&cpu->timer_lock);
	return first;
}
