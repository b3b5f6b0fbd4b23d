/* The system resource manager: it starts the other application kernels, gives them memory, processor shares and rights, keeps
 * their homes and their domains' homes, and restarts or reports one that dies.
 *
 * Threads: the first starts everything and then sleeps for ever; the scheduler thread reloads what was displaced and sees
 * to kernels that died. Everything else runs in the other kernels' threads, on pool stacks. A child's record is written before
 * its first thread runs, and again by the scheduler thread only after all its threads are destroyed; so it is read without
 * locks. `state` alone changes in between, atomically. */
#ifndef SRM_H
#define SRM_H

#include "abi/layout.h"
#include "abi/start.h"
#include "baryon/calls.h"
#include "baryon/domain.h"
#include "baryon/homes.h"
#include "baryon/image.h"
#include "baryon/portal.h"
#include "baryon/settings.h"

enum srm_number { NUMBER_SERVICE = NUMBER_FIRST_FREE, NUMBER_CHILD_SPACES = 256, NUMBER_CHILD_THREADS = 512 };

#define SRM_UID(number) UID_MAKE(KERNEL_NUMBER_SRM, number)

enum { CHILDREN = 4, CHILD_REFERENCES = 4, CHILD_HOMES = 3, HANDLER_BYTES = 8192, RESTARTS = 3, DOMAIN_FIRST_CHILD = 3 };
enum { PRIORITY_SCHEDULER = 28, PRIORITY_CHILD_CEILING = 24, PRIORITY_CHILD = 16, STATUS_FAILED = 125 };

/* SRM's own handles. */
enum { SRM_HANDLE_CHILD_MEMORY = 8 }; /* below HANDLE_FIRST_FREE: root answers for them */

enum child_state {
	CHILD_NONE = 0,
	CHILD_RUNNING,
	CHILD_FAILED,               /* reported; the scheduler thread takes it from here */
	CHILD_ENDED,                /* not started again */
};

struct child {
	struct thread_home thread __attribute__((aligned(2048)));
	uint8_t handler_stack[HANDLER_BYTES] __attribute__((aligned(4096)));
	struct kernel_home kernel __attribute__((aligned(512)));
	struct space_home space __attribute__((aligned(64)));
	struct reference_home references[CHILD_REFERENCES] __attribute__((aligned(64)));
	struct homes_entry entries[CHILD_HOMES];
	struct homes homes;
	struct domain domain;
	char name[32];
	uint32_t state;             /* enum child_state */
	uint32_t index;             /* in `children` */
	uint32_t number;            /* of the kernel; a restarted one gets another */
	uint32_t domain_number;
	uint32_t restarts;          /* still allowed */
	bool supervisor;
	bool console;               /* it owns the console channel */
	uint8_t share;              /* percent of each processor */
	baryon_uid memory;
	struct capability memory_capability;
	uint64_t memory_pages;
	uint64_t grant_first, grant_count;  /* page groups that it manages itself */
	uint8_t *program;           /* its program, start page and stack, in the SRM's memory */
	uint64_t program_pages;
};

struct srm {
	const struct kernel_start *start;
	const struct image_header *image;
	struct settings settings;
	uint8_t *memory;            /* window on the SRM's own container */
	uint64_t memory_next;       /* first free page of it */
	struct child children[CHILDREN];
	uint32_t child_count;
	uint32_t next_number;
	struct homes homes;         /* of its own objects */
};

extern struct srm srm;

/* client.c: root's service. Results as of root's operations. */
uint64_t root_memory_free(void);
long root_container_make(struct child *child, uint64_t pages);
long root_container_clear(baryon_uid container);
/* Page groups in a row that the child may manage itself. */
long root_groups_grant(struct child *child, uint64_t count);
long root_capability(uint64_t what, struct capability *out);
_Noreturn void root_power_off(uint64_t status);

/* child.c: makes and starts the kernel in a child record whose name, placing and memory are set. It says on the log what failed.
 * Returns 0 or a negated error. */
long child_start(struct child *child);
/* Destroys everything of a kernel that failed. */
void child_destroy(struct child *child);
/* From now on `thread` takes the signals to the console channel. Returns 0 or a negated error. */
long child_console_bind(struct child *child, baryon_uid thread);

/* failure.c */
/* The kernel cannot go on: says so once; the scheduler thread does the rest. */
void child_report(struct child *child, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for the calling thread's kernel: does not return. */
_Noreturn void child_failed(struct child *child, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void scheduler_run(void *unused);

/* report.c: what Strange took, if the run is verbose. */
void memory_report(void);

/* serve.c */
void portals_start(void);
struct child *child_of_space(baryon_uid space);

#endif
