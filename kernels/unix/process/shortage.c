/* When programs have no memory left: the largest process ends, and the others go on.
 *
 * Page faults find no memory while some is left for UNIX (page_is_short), so that the calls work by which the largest is found and
 * ended, and by which a shell ends others. Files stop to grow long before (file/regular.c), and fork a little later. */
#include "baryon/calls.h"
#include "process/internal.h"

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

/* The process with the most pages; null when one is ending that has any. Tree lock. */
static struct process *largest_find(uint64_t *pages)
{
	struct process *largest = NULL;

	*pages = 0;
	for (struct process *p = process_next(NULL); p != NULL; p = process_next(p)) {
		uint64_t has;

		mutex_lock(&p->lock);
		has = p->space == NULL || p->vfork != NULL ? 0 : p->space->resident;
		has += p->files == NULL ? 0 : files_pages(p->files);
		mutex_unlock(&p->lock);
		if (has != 0 && is_ending(p))
			return NULL;
		if (has > *pages) {
			*pages = has;
			largest = p;
		}
	}
	return largest;
}

static void largest_end(void)
{
	uint64_t pages;
	struct process *largest = largest_find(&pages);

	if (largest == NULL || __atomic_load_n(&releases, __ATOMIC_SEQ_CST) != 0 || !page_is_short())
		return;
	log_line("out of memory: %s (%d) is killed, it has %lu KiB", largest->name, largest->pid, (unsigned long)(pages * (PAGE_BYTES / 1024)));
	signal_post(largest, NULL, SIGKILL, NULL);
}

/* A caller with locks does not wait for the tree: its holder may wait for one of them. */
bool memory_relieve(unsigned *tries, bool at_fault)
{
	if (++*tries > (at_fault ? TRIES_FAULT : TRIES_COPY) || is_ending(self_process()))
		return false;
	if (at_fault)
		mutex_lock(&tree_lock);
	if (at_fault || mutex_try(&tree_lock)) {
		largest_end();
		mutex_unlock(&tree_lock);
	}
	park(time_monotonic() + PAUSE_NS);
	return true;
}
