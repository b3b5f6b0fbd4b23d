/* Sessions, how many processes and threads are in each, how many may be, and how the processor is divided between them. All
 * under the tree lock.
 *
 * Sessions that were begun in one another are a clan, but for the first session: what is begun in it, by a login or another
 * shell, begins a clan of its own. So whatever a program makes, also by new sessions, counts as one. */
#include "process/internal.h"

/* A thread has at least so many pages of memory, and a process has its thread's and as many for its own. */
enum { PAGES_EACH = 64, PROCESS_COST = 2 };
/* There are page tables enough for the top ones of all processes, unless Strange's caches are so small that all is slow anyhow. */
enum { PROCESSES_LEAST = 128 };
/* A clan with more threads than this has shorter turns, half as long for each doubling: 2^5 is as short as they get. */
enum { CROWD = 16, CROWDED_MOST = 5 };

static struct headcount everybody;
static struct clan *first_clan;

/* How many processes there may be. Some of the spaces are the kernels', and there is a table below the top now and then. */
static uint64_t processes_most(void)
{
	uint64_t most = kernel_start->spaces_most - kernel_start->spaces_most / 16;

	return most < PROCESSES_LEAST ? PROCESSES_LEAST : most;
}

/* How many threads there may be: so many pages for each, and some ids for the system. */
static uint64_t threads_most(void)
{
	uint64_t by_memory = page_count_total() / PAGES_EACH, by_ids = PID_LIMIT - PID_LIMIT / 16;

	return by_memory < by_ids ? by_memory : by_ids;
}

/* Whether these have such parts, in eighths, of what there may be. */
static bool is_full(const struct headcount *count, unsigned processes, unsigned threads)
{
	return count->processes >= processes_most() * processes / 8 ||
		PROCESS_COST * count->processes + count->threads >= threads_most() * threads / 8;
}

bool session_is_full(const struct session *session)
{
	return is_full(&session->count, 6, 4) || is_full(&session->clan->count, 7, 6) || is_full(&everybody, 8, 8);
}

static void count_add(struct headcount *count, uint32_t processes, uint32_t threads)
{
	count->processes += processes;
	count->threads += threads;
}

static void clan_turns_set(const struct clan *clan)
{
	for (struct process *p = process_next(NULL); p != NULL; p = process_next(p)) {
		if (p->session == NULL || p->session->clan != clan || p->state == PROCESS_ZOMBIE)
			continue;
		for (struct thread *t = p->threads; t != NULL; t = t->next_in_process)
			thread_turn_set(t);
	}
}

/* Turns are set anew when there are twice as many threads, and when half of them are gone: each who comes or goes has paid for it. */
static void clan_look(struct clan *clan)
{
	uint64_t threads = (uint64_t)clan->count.processes + clan->count.threads;
	uint32_t before = clan->crowded;

	while (clan->crowded < CROWDED_MOST && threads >= (uint64_t)CROWD * 2 << clan->crowded)
		clan->crowded++;
	while (clan->crowded > 0 && threads < (uint64_t)CROWD / 2 << clan->crowded)
		clan->crowded--;
	if (clan->crowded != before)
		clan_turns_set(clan);
}

/* More or, by wrapping round, fewer. */
static void session_count(struct session *session, uint32_t processes, uint32_t threads)
{
	count_add(&session->count, processes, threads);
	count_add(&session->clan->count, processes, threads);
	count_add(&everybody, processes, threads);
	clan_look(session->clan);
}

void process_count_thread(struct process *process, int change)
{
	process->more_threads += (uint32_t)change;
	session_count(process->session, 0, (uint32_t)change);
}

struct session *session_create(int32_t id)
{
	struct session *session = heap_alloc(sizeof *session);
	struct clan *clan = heap_alloc(sizeof *clan);

	if (session == NULL || clan == NULL) {
		heap_free(session);
		heap_free(clan);
		return NULL;
	}
	session->id = id;
	session->clan = clan;
	return session;
}

void session_free(struct session *session)
{
	if (session->clan->sessions == 0)
		heap_free(session->clan);
	heap_free(session);
}

void session_begin(struct process *process, struct session *session)
{
	struct session *from = process->session;

	if (first_clan == NULL) {
		first_clan = session->clan;
	} else if (from->clan != first_clan) {
		heap_free(session->clan);
		session->clan = from->clan;
	}
	session->clan->sessions++;
	session_join(process, session);
}

void session_join(struct process *process, struct session *session)
{
	struct session *old = process->session;

	process->session = session;
	if (session != NULL) {
		pid_name(session->id, 1);
		session_count(session, 1, process->more_threads);
	}
	if (old == NULL)
		return;
	pid_name(old->id, -1);
	session_count(old, -1u, -process->more_threads);
	if (old->count.processes == 0) {
		old->clan->sessions--;
		session_free(old);
	}
}
