/* The system resource manager: it starts the other application kernels, gives them memory, processor shares and rights, keeps
 * their homes and their domains' homes, and restarts or reports one that dies.
 *
 * Threads: the first makes the others, and later only puts back what was forgotten; the scheduler thread reloads what was
 * displaced; the manager thread starts kernels, sees to those that died, and divides memory. Everything else runs in the other
 * kernels' threads, on pool stacks, and leaves requests for the manager. A child's record is written before its first thread
 * runs, and again by the manager only after all its threads are destroyed; so it is read without locks. `state` and the
 * extents of the kernel's home alone change in between, atomically. */
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

enum srm_number { NUMBER_SERVICE = NUMBER_FIRST_FREE, NUMBER_MANAGER, NUMBER_CHILD_SPACES = 256, NUMBER_CHILD_THREADS = 512 };

#define SRM_UID(number) UID_MAKE(KERNEL_NUMBER_SRM, number)

enum { CHILDREN = 6, CHILD_REFERENCES = 4, CHILD_HOMES = 3, HANDLER_BYTES = 8192, RESTARTS = 3, DOMAIN_FIRST_CHILD = 3 };
enum { PRIORITY_SCHEDULER = 28, PRIORITY_MANAGER = 27, SERVICE_STACKS = 4, GROUP_SORTS = 2 };
enum { PRIORITY_CHILD_CEILING = 24, PRIORITY_CHILD = 16, STATUS_FAILED = 125 };

/* SRM's own handles. */
enum { SRM_HANDLE_CHILD_MEMORY = 8 }; /* below HANDLE_FIRST_FREE: root answers for them */

enum child_state {
	CHILD_NONE = 0,
	CHILD_RUNNING,
	CHILD_FAILED,               /* reported; the manager takes it from here */
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
	bool force;                 /* what it does not give back in time is taken */
	uint8_t share;              /* percent of each processor */
	baryon_uid memory;
	struct capability memory_capability;
	uint64_t room;              /* of its memory container, in page groups */
	uint64_t groups[GROUP_SORTS];       /* that it has, by enum group_sort - 1; of memory, before its start: that it shall have */
	uint64_t frames_wanted;     /* at its start */
	uint64_t keep[GROUP_SORTS]; /* so many are never asked back */
	struct memory_asked *asked; /* in the page of its start record */
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
	uint8_t share;              /* of a processor, for each kernel of the start */
	bool started;               /* all that start with the machine; atomic */
	struct homes homes;         /* of its own objects */
};

extern struct srm srm;

/* client.c: root's service. Results as of root's operations. */
uint64_t root_memory_free(void);
long root_container_make(struct child *child);
long root_container_clear(baryon_uid container);
long root_container_grow(baryon_uid container, uint64_t wanted, struct group_range *out);
/* Returns how many had memory. */
long root_container_shrink(baryon_uid container, const struct group_range *range);
long root_container_last(baryon_uid container, uint64_t wanted, struct group_range *out);
long root_groups_grant(uint64_t count, uint64_t *first);
long root_groups_return(const struct group_range *range);
long root_capability(uint64_t what, struct capability *out);
_Noreturn void root_power_off(uint64_t status);

/* child.c: makes and starts the kernel in a child record whose name, placing and memory are set. It says on the log what failed.
 * Returns 0 or a negated error. */
long child_start(struct child *child);
/* Destroys everything of a kernel that failed. */
void child_destroy(struct child *child);
/* From now on `thread` takes the signals to the console channel. Returns 0 or a negated error. */
long child_console_bind(struct child *child, baryon_uid thread);

/* settings.c: what the settings of this run say. A bad one ends the machine with a line. */
void settings_check(void);
/* Fills in what kernel `child->name` shall have, into its record and its home. */
void settings_child(struct child *child);
void settings_home(const struct child *child, struct kernel_home *home);
/* Whether "place=NAME=..." asks for the supervisor. */
bool settings_supervisor(const char *name, bool otherwise);
/* How long a kernel may take to give memory back. */
uint64_t settings_asking_ns(void);

/* memory.c: the manager alone calls these. */
/* More groups of a sort for a child: `wanted`, or fewer, in a row. When none are free, others are asked. */
long groups_more(struct child *child, enum group_sort sort, uint64_t wanted, struct group_range *out);
long groups_back(struct child *child, enum group_sort sort, const struct group_range *range);
/* Asks others until so many are free, or nobody has more to give. */
void groups_free_some(const struct child *for_whom, uint64_t wanted);

/* manager.c */
_Noreturn void manager_run(void *unused);
/* A request to the manager by a thread of the child: SRM_GROUPS_MORE, SRM_GROUPS_RETURN or SRM_START. Waits for its answer. */
long manager_request(struct child *child, struct portal_words *words);
/* Serves the requests to give back that are there, of the child that is being asked: *back counts them; *done: it has no more. */
void requests_back(const struct child *child, enum group_sort sort, uint64_t *back, bool *done);
/* The child is gone: so are its requests. */
void requests_drop(const struct child *child);
void manager_wake(void);

/* exports.c: what kernels gave to one another. */
long export_add(const struct child *child, const struct portal_words *words);
long export_find(struct portal_words *words);
void exports_drop(const struct child *child);

/* main.c */
/* A new child of that name with what the settings say, not started. Null: there is no room. */
struct child *child_add(const char *name, bool supervisor);

/* failure.c */
/* Clears away what failed and starts it again if it may. */
void child_recover(struct child *child);
/* The kernel cannot go on: says so once; the manager does the rest. */
void child_report(struct child *child, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for the calling thread's kernel: does not return. */
_Noreturn void child_failed(struct child *child, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void scheduler_run(void *unused);

/* report.c: what Strange took, if the run is verbose. */
void memory_report(void);

/* serve.c */
/* To be called every STACKS_LOOK_NS: when nothing moves on the service's stacks any more, because threads inside were stopped or taken
 * out, the kernel that keeps most of them has failed, if it keeps more than one. */
#define STACKS_LOOK_NS 500000000ull
void stacks_look(void);
/* The child's threads are destroyed. Those that were not loaded, but inside, hold stacks that nobody else gives back. */
void stacks_recover(const struct child *child);
void portals_start(void);
struct child *child_of_space(baryon_uid space);

#endif
