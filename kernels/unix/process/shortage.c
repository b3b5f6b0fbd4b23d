/* When programs have no memory left: the largest process ends, unless oom_score_adj says otherwise, and the others go on.
 *
 * Page faults find no memory while some is left for UNIX (page_is_short), so that the calls work by which the largest is found and
 * ended, and by which a shell ends others. Files stop to grow long before (file/regular.c), and fork a little later. */
#include "baryon/calls.h"
#include "process/internal.h"
#include "process/text.h"

enum { TRIES_FAULT = 4000, TRIES_COPY = 300, PAUSE_NS = 1000000 };

static uint32_t releases;               /* spaces that are being given back */

void memory_release_begin(void)
{
	__atomic_fetch_add(&releases, 1, __ATOMIC_SEQ_CST);
}

void memory_release_end(void)
{
	__atomic_fetch_sub(&releases, 1, __ATOMIC_SEQ_CST);
}

static bool is_ending(const struct process *process)
{
	return process->exiting || (__atomic_load_n(&process->pending, __ATOMIC_RELAXED) & SIGNAL_BIT(SIGKILL));
}

/* What would be free if it ended. Process lock. */
static uint64_t pages_of(struct process *process)
{
	uint64_t pages = process->space == NULL || process->vfork != NULL ? 0 : process->space->resident;

	return pages + (process->files == NULL ? 0 : files_pages(process->files));
}

/* In pages: who has the most ends first. oom_score_adj stands for thousandths of all memory. */
static int64_t badness_of(const struct process *process, uint64_t pages)
{
	return (int64_t)pages + process->score_adjust * (int64_t)page_count_total() / SCORE_MOST;
}

uint64_t process_score(struct process *process)
{
	int64_t badness = badness_of(process, pages_of(process));

	if (process->score_adjust == -SCORE_MOST)
		return 0;
	return (uint64_t)((SCORE_MOST + badness * SCORE_MOST / (int64_t)page_count_total()) * 2 / 3);
}

/* The process that rather goes than any other that has pages; null when one is ending that has any, or none may be chosen. Tree lock. */
static struct process *worst_find(uint64_t *pages)
{
	struct process *worst = NULL;
	int64_t most = INT64_MIN;

	*pages = 0;
	for (struct process *p = process_next(NULL); p != NULL; p = process_next(p)) {
		uint64_t has;

		mutex_lock(&p->lock);
		has = pages_of(p);
		mutex_unlock(&p->lock);
		if (has != 0 && is_ending(p))
			return NULL;
		if (has == 0 || p->score_adjust == -SCORE_MOST || badness_of(p, has) <= most)
			continue;
		most = badness_of(p, has);
		*pages = has;
		worst = p;
	}
	return worst;
}

static void worst_end(void)
{
	uint64_t pages;
	struct process *worst = worst_find(&pages);

	if (worst == NULL || __atomic_load_n(&releases, __ATOMIC_SEQ_CST) != 0 || !page_is_short())
		return;
	log_line("out of memory: %s (%d) is killed, it has %lu KiB", worst->name, worst->pid, (unsigned long)(pages * (PAGE_BYTES / 1024)));
	signal_post(worst, NULL, SIGKILL, NULL);
}

/* A caller with locks does not wait for the tree: its holder may wait for one of them. */
bool memory_relieve(unsigned *tries, bool at_fault)
{
	if (++*tries > (at_fault ? TRIES_FAULT : TRIES_COPY) || is_ending(self_process()))
		return false;
	if (at_fault)
		mutex_lock(&tree_lock);
	if (at_fault || mutex_try(&tree_lock)) {
		worst_end();
		mutex_unlock(&tree_lock);
	}
	park(time_monotonic() + PAUSE_NS);
	return true;
}
