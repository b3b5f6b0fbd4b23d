/* Everything that Strange knows: the slots of the eight caches and what is derived from them. state.c holds the
 * only global variable, `state`; a checkpoint cleans the slots, and everything else here is rebuilt from homes.
 *
 * Invariants
 *  1. A slot never changes its type, and its generation rises when it is freed.
 *  2. A slot in SLOT_LOADED has its home's frame resolved, and is in the dependents list of that page (unless the page is locked),
 *     of its keeper kernel and of every other object that it depends on.
 *  3. SLOT_DYING: nobody may begin to depend on it; whoever meets it helps to unload it.
 *  4. An activation in a thread's slot names loaded objects: space, map and portal are unloaded only after the thread.
 *  5. A frame has a mapping only while a page slot names the frame: its own page. Aliases of that name it too, and go before it. */
#ifndef STRANGE_STATE_H
#define STRANGE_STATE_H

#include "abi/calls.h"
#include "abi/counters.h"
#include "abi/errors.h"
#include "abi/home.h"
#include "abi/layout.h"
#include "charm/boot.h"
#include "charm/clock.h"
#include "charm/frame.h"
#include "charm/irq.h"
#include "charm/mmu.h"
#include "charm/trap.h"
#include "spin.h"

/* Results of Strange's functions: >= 0 or a negated BARYON_E*, or one of these, which never reach a caller. */
typedef long result;
#define MUST_CHECK __attribute__((warn_unused_result))
#define COLD __attribute__((cold))     /* made small, in a file that is made fast */
enum {
	RESULT_RESTART = -1000,     /* let interrupts in, then execute the call again */
	RESULT_MISS = -1001,        /* cpu->want names what must be loaded first */
	RESULT_FAULT = -1002,       /* cpu->want names the address that must be mapped first */
	RESULT_BLOCKED = -1003,     /* the thread waits; the call is executed again when it wakes */
	RESULT_RESUME = -1005,      /* go on from the top trap frame */
	RESULT_TRANSFERRED = -1004, /* the top activation changed: its registers say how to go on */
};

enum slot_state { SLOT_FREE, SLOT_LOADING, SLOT_LOADED, SLOT_DYING };

/* A membership in an object's list of dependents. */
struct node {
	struct node *next, **at;
	uint32_t object;            /* OBJECT_ID(kind, index) */
};

#define OBJECT_ID(kind, index) ((uint32_t)(kind) << 28 | (uint32_t)(index))
#define OBJECT_KIND(id) ((id) >> 28)
#define OBJECT_INDEX(id) ((id) & 0x0fffffffu)

/* The head of every slot except pages and mappings. */
struct slot {
	struct spin lock;
	struct spin list_lock;      /* for `dependents` */
	struct node *dependents;
	baryon_uid uid;
	uint32_t generation;        /* of the slot */
	uint32_t home_generation;   /* from the home, for capabilities */
	uint32_t id;                /* OBJECT_ID */
	uint32_t hash_next;         /* index + 1 */
	uint8_t state;              /* enum slot_state */
	bool locked;
	bool used;                  /* since the clock hand passed */
	frame_number home_frame;
	struct kernel *keeper;
	void *home;                 /* Strange's view of the record */
	struct node home_node;      /* in the dependents of the home's page */
	struct node keeper_node;    /* in the dependents of the keeper */
};

struct kernel {
	struct slot slot;
	uint32_t number, rights, priority_ceiling;
	baryon_uid portal_uid[6];   /* by enum trap_cause */
	struct portal *portal[6];   /* derived: the loaded portal, or null */
	uint32_t portals_changed;   /* derived: counts changes of that */
	baryon_uid scheduler;
	uint32_t loaded[KIND_COUNT], locked[KIND_COUNT];
	uint32_t floor[KIND_COUNT], lock_quota[KIND_COUNT];
	uint64_t used_ns[CPU_LIMIT];
	uint64_t period_ns[CPU_LIMIT];      /* derived: charged in the current period */
	uint64_t limit_ns[CPU_LIMIT];       /* derived: what may be charged in a period before it is demoted */
	bool demoted[CPU_LIMIT];            /* derived */
	struct group_extent extents[KERNEL_EXTENTS];
};

enum { PAGES_RECENT = 8, SIGNAL_KERNELS = 4 };
/* A kernel that has receivers: its number, and above SIGNAL_OTHERS how many of a page it has beside the first. */
enum { SIGNAL_OTHERS = 24, SIGNAL_KERNEL = (1 << SIGNAL_OTHERS) - 1 };

struct container {
	struct slot slot;
	uint64_t size_pages;
	uint32_t signal_kernels[SIGNAL_KERNELS];    /* under slot.lock */
	uint32_t pages;             /* first page slot + 1; under slot.list_lock */
	struct page *recent[PAGES_RECENT];  /* derived: found last, by page group */
};

struct page {                   /* not a struct slot: there are many */
	struct spin lock;
	uint8_t state;
	uint8_t flags;              /* PAGE_* */
	bool used;
	uint8_t rights : 5, depth : 3;      /* RIGHT_* that it gives; 0, or one more than the page that it is an alias of */
	uint32_t generation;
	frame_number frame;
	uint64_t index;
	struct node *dependents;    /* under lock */
	union {
		struct page_home *home;     /* in locked memory */
		struct {            /* an alias: in the list of the page under it; under the lock of the frame's own page, */
			uint32_t alias_next;        /* index + 1 */
			uint32_t alias_previous;    /* the same; or it is the first: ALIAS_FIRST and the index of the page under it */
		};
	};
	uint32_t container;         /* its id; 0: none */
	uint32_t aliases;           /* first alias of it + 1; under lock */
	uint32_t hash_next;
	uint32_t list_next, list_previous;  /* in the container's list; index + 1 */
	uint32_t mappings;          /* first + 1 of those in no frame's list: large ones, or all of an alias; under lock */
};
enum { ALIAS_DEPTH = 7 };
#define ALIAS_FIRST 0x80000000u
_Static_assert(sizeof(struct page) == 64, "there are many");

/* Loaded references to portals with the right to call, found without a search; by handle % BINDINGS. Whoever unloads a reference
 * takes it out first. An empty place has a handle that belongs elsewhere. */
enum { BINDINGS = 8 };
struct bindings {
	uint64_t handle[BINDINGS];
	struct portal *portal[BINDINGS];
	uint64_t badge[BINDINGS];
	uint64_t changes[BINDINGS];
};

struct space {
	struct slot slot;
	uint32_t flags, domain;
	struct kernel *principal;
	uint32_t table;             /* top table: root of the map; a supervisor domain: its level 2 table */
	frame_number root;          /* derived: the frame of that */
	uint64_t first, bytes;      /* derived: its range of addresses */
	uint64_t leaf_last;         /* derived: last address under the lowest table that was looked for last; 0: none */
	struct table *leaf_table;   /* that table, */
	mmu_entry *leaf_entries;    /* its entries, */
	uint32_t *leaf_shadow;      /* their mappings, */
	uint32_t leaf;              /* and its number */
	uint64_t cpus;              /* derived: CPUs that have the map active, or left it last */
	volatile uint64_t changes;  /* derived: rises when a translation is taken out; never the same for two loads of a slot */
	struct bindings bindings;   /* derived: portals called last; none in a program's space */
	bool entered;               /* a portal was loaded here since the space was loaded */
	bool destroyed;             /* it is dying for ever: who is inside returns with ELOST */
	struct node principal_node;
};

struct activation {
	uint8_t kind;               /* enum activation_kind */
	bool lower_in_frame;        /* handler: registers of the activation under it lie in its trap frame */
	uint32_t stack;
	struct space *space;        /* where it runs */
	struct space *map;          /* whose translations are active: differs in a supervisor domain */
	struct portal *portal;
	uint64_t block;             /* handler: owner's address of the record and frame pair */
	struct trap_frame *frame;   /* handler: Strange's view of the frame */
	struct activation_record *record;   /* Strange's view, null for the base */
	uint64_t link, lower_link;
	uint64_t lower_record;
	baryon_uid lower_space, lower_portal;
	uint64_t handler_sp;        /* handler stack pointer below which the next handler block goes */
	uint64_t cause;             /* implicit: why */
	struct registers registers;
	struct node page_node;      /* nested handler blocks: in the dependents of the block's page */
};

enum run_state { RUN_STOPPED, RUN_READY, RUN_RUNNING, RUN_PARKED, RUN_SIGNAL, RUN_STACK };

#define GUARDS 8

struct call_timer {
	uint64_t ns;
	uint32_t depth;             /* of the caller */
};
enum { CALL_TIMERS = 4 };

struct thread {
	struct slot slot;
	union {
		struct {
			uint32_t depth;
			uint8_t count;      /* how many of act[] are valid: 1 or 2 */
			bool prepared;      /* the other level is a first handler block, ready to be entered: see fast.c */
			bool entered;       /* the top is that block, right over the program, and has no link */
			uint8_t unused;
		};
		uint64_t levels;            /* all of it: LEVELS_* */
	};
	struct activation *level[2];/* of act[]: the top, and the other: the lower when count is 2 */
	uint8_t run;                /* enum run_state; under slot.lock, and its CPU's alone while running */
	uint8_t priority;
	uint8_t urgency;            /* derived: the priority, as its kernel may have it, or what is lent */
	uint8_t queue_level;
	bool program;               /* its lowest level is in a program, or says so: it has extended state */
	uint32_t portals_seen;      /* kernel's portals_changed when it was prepared */
	union {                     /* what its CPU must look at before it runs on */
		struct {
			volatile bool unload_asked, destroy_asked, stop_asked, alert_pending, leave_asked, abandon_asked, due_asked;
			volatile uint8_t pool;      /* POOL_*: see pool.c */
		};
		volatile uint64_t asked;
	};
	bool ending;                /* dying, and somebody takes its levels off */
	bool unpark_token;
	bool alertable;             /* waits for a stack by a call of its own: an alert ends that */
	bool takes_signals;         /* derived: ready, its registers at a call of `wait` that signals have ended */
	bool resumed_marker;
	bool brief;                 /* a hint: when it ran last it waited again at once */
	int cpu;                    /* runs on, queued on, or ran last */
	uint16_t bound;
	uint16_t home_flags;
	struct thread *queue_next, **queue_at;      /* run queue or portal wait queue */
	struct portal *waits_for;
	struct portal *turn;        /* derived: a stack of this one became free for it; under POOL_TURN */
	uint64_t turn_rip;          /* derived: of the level that waited, which calls again there, */
	uint32_t turn_depth;        /* and its depth */
	uint32_t lent_depth;        /* derived: while it is that deep, it has the urgency `lent`; under POOL_LENT */
	uint8_t lent;
	uint64_t deadline;          /* absolute ns of the wait; 0: none */
	struct thread *timer_child, *timer_next, **timer_at; /* pairing heap of its timer's CPU */
	int timer_cpu;              /* -1: no timer */
	uint64_t slice_ns, used_ns, started_ns;
	uint32_t quantum_ns, quanta_program, quanta_elsewhere;
	uint32_t advance_ns;        /* derived: of its next quantum, what it had already */
	struct space *handler_space;
	uint64_t handler_top;
	bool *handler_dirty;        /* of the first block's frame: see frame_touch */
	struct activation_record *handler_record;   /* Strange's view of the first block */
	struct trap_frame *handler_frame;
	struct node handler_node;   /* in the dependents of that page */
	struct node handler_space_node;
	struct node base_node;      /* in the dependents of the base activation's space */
	struct space *base_space;
	struct kernel *payer;       /* derived: whose time it takes: the kernel that its base is a part or a program of */
	uint64_t cookie;
	uint64_t handler_entry[3];  /* of its kernel's portals, by cause, when it was prepared */
	bool handler_supervisor;
	uint64_t fs_base, gs_base;
	uint32_t signal_first, signal_count;
	bool signal_overflow;
	struct call_timer timed[CALL_TIMERS];   /* derived: deadlines of callers that are not in the slot, each earlier than the one before */
	uint8_t timed_count;
	bool lower_unseen;          /* loaded inside a call: the caller's deadline was not looked at */
	uint32_t signal_mappings;   /* mappings that name this thread */
	uint64_t signals[THREAD_SIGNALS];
	uint32_t guard[GUARDS];     /* mappings loaded last for it (index + 1) */
	uint32_t guard_next;
	uint8_t *xstate_at;         /* of what is in the processor's registers: xstate, or a callee's place: see xstate.c */
	uint64_t home_address;      /* owner's address of the home, for the scheduler's signal */
	struct activation act[2];
	uint8_t xstate[XSTATE_BYTES] __attribute__((aligned(64)));
};

/* thread.pool: it was woken for a stack, and is about to call again; others wait for a stack that it has; a callee in the slot has used
 * extended state; its slice ended in a call, and its turn ends with that. */
enum { POOL_TURN = 1, POOL_LENT = 2, POOL_XSTATE = 4, POOL_LATE = 8 };

#define LEVELS_IN_PROGRAM (1ull << 32 | 1ull << 40)           /* prepared */
#define LEVELS_IN_HANDLER (1ull | 2ull << 32 | 1ull << 48)    /* entered */
_Static_assert(offsetof(struct thread, count) - offsetof(struct thread, levels) == 4 &&
	       offsetof(struct thread, entered) - offsetof(struct thread, levels) == 6, "LEVELS_*");

struct portal {
	struct slot slot;
	struct space *space;
	uint64_t entry, stacks, stack_bytes, records, cookie;
	baryon_uid heirs;
	uint32_t stack_count, flags;
	volatile uint32_t free_stacks;      /* derived: bit per free stack */
	uint64_t top[PORTAL_STACKS];        /* derived: of each stack */
	volatile bool revisited;            /* derived: its records said who is inside, so free_stacks may be wrong */
	uint32_t holder[PORTAL_STACKS];     /* derived: number of the kernel whose implicit call took it; 0: none */
	struct activation_record *record;   /* Strange's view of records[0] */
	struct node record_node;
	struct thread *waiting, **waiting_end;      /* under slot.lock */
	struct node space_node;
};

/* 16 bytes. All links are index + 1. */
struct mapping {
	union {
		struct {
			uint64_t next : 24, previous : 24, space : 16;
			uint64_t thread : 16, locked : 1;
			uint64_t first : 1; /* of an alias's: `previous` is that page */
			uint64_t large : 1, live : 1;
			uint64_t derived : 1;       /* of an alias */
			uint64_t spare : 7, page : 36;
		};
		uint64_t word[2];   /* the same, made at once */
	};
};
enum {
	MAPPING_SPACE_SHIFT = 48, MAPPING_PAGE_SHIFT = 28,
	MAPPING_IS_LOCKED = 1 << 16, MAPPING_IS_FIRST = 1 << 17, MAPPING_IS_LARGE = 1 << 18, MAPPING_IS_LIVE = 1 << 19,
	MAPPING_IS_DERIVED = 1 << 20,
	MAPPING_IS_RARE = MAPPING_IS_LOCKED | MAPPING_IS_FIRST | 0xffff,
};
_Static_assert(sizeof(struct mapping) == 16, "mapping descriptors have 16 bytes");

struct reference {
	struct slot slot;           /* slot.uid is (space index, handle), hashed the same way */
	struct space *space;
	uint32_t handle;
	uint32_t rights;
	uint64_t badge;
	struct slot *target;        /* portal or container */
	struct node target_node;
	baryon_uid target_uid;
	struct node space_node;
};

/* A page table page. tables[i] describes frame table_frame + i. */
struct table {
	uint32_t parent;            /* index + 1; 0: top */
	uint16_t slot;              /* entry in the parent */
	uint16_t entries;           /* that are present */
	uint32_t space;             /* index of the space */
	uint16_t pinned;            /* locked mappings under it */
	uint16_t low, high;         /* no entry outside is present */
	uint8_t level;
	bool live;
	uint64_t address;           /* lowest address under it */
	uint32_t free_next;
};

struct frame_info {
	union {
		struct {
			uint32_t page : 24, : 8;    /* page slot + 1; FRAME_NOBODYS */
		};
		struct {
			uint8_t page_bytes[3];
			bool dirty;             /* written by Strange since its page was loaded; under no lock */
		};
		uint32_t word;              /* both: the page is only changed together with the mark */
	};
	uint32_t mappings;          /* first mapping + 1; under the page's lock */
};
enum { FRAME_PAGE = 0xffffff, FRAME_NOBODYS = FRAME_PAGE };
_Static_assert(sizeof(struct frame_info) == 8, "there is one for every frame");

struct hash {
	uint32_t *heads;            /* index + 1 */
	uint32_t mask;
	struct spin stripe[64];
};

struct cache {
	void *slots;
	uint32_t stride, count;
	uint32_t free;              /* index + 1, by hash_next; under lock */
	uint32_t free_count;
	uint32_t hand;              /* of the clock */
	uint32_t times;             /* its size, in minima for the CPUs */
	struct spin lock;
	struct hash hash;
};

struct want {                   /* what a call misses */
	uint64_t cause;             /* TRAP_MISS or TRAP_FAULT */
	uint64_t address, access, index;
	struct space *space;        /* fault: where */
	uint32_t keeper;            /* miss: kernel number */
};

/* The only receiver of signals to a page, found before. True while `stamp` is signal_stamp() of the space. */
struct receiver_memo {
	uint64_t page;              /* sender's: its address */
	const struct space *space;
	uint64_t stamp;
	struct thread *thread;
	uint64_t address;           /* of the page, as the receiver maps it */
	uint32_t generation;        /* of the thread */
} __attribute__((aligned(64)));
enum { MEMOS = 4, RECENT = 4 };

/* Two levels for each priority: the upper has those that go on with a slice, the lower those that begin one. */
enum { QUEUE_LEVELS = 2 * PRIORITY_COUNT };
_Static_assert(QUEUE_LEVELS == 64, "a word has a bit for each");
struct queue {
	struct spin lock;
	uint64_t ready;             /* bit per level */
	struct thread *first[QUEUE_LEVELS], **end[QUEUE_LEVELS];
};

_Static_assert(IRQ_LIMIT <= 64, "irqs_bound has a bit for each");
/* To whom a device's interrupt goes. No frame: it is not bound. */
struct irq {
	frame_number frame;         /* page that takes its signals */
	uint16_t offset;
	baryon_uid kernel;          /* that bound it, */
	baryon_uid space;           /* in this space */
};

/* What a kernel has written to the log, also while it was not loaded. */
struct log_share {
	uint64_t paid_ns;           /* until then it has paid */
	uint32_t lost;              /* pieces, since there was room */
};
enum { LOG_SHARES = 32 };

/* What mapping loads found last: a page by its index in the container behind a space's handle. Good while both generations are the
 * same. */
struct reach {
	uint64_t from;              /* the space, | SPACE_SUPERVISOR when it is mapped into a supervisor domain; 0: empty */
	uint64_t first, pages;      /* indices that it covers */
	uint32_t container;         /* handle */
	uint32_t reference_generation, page_generation, unused;
	struct reference *reference;
	struct page *page;
	struct frame_info *frames;  /* of index 0, if it had any */
	mmu_entry entry[RIGHT_CALL];        /* of the same, by RIGHT_* of a mapping; 0: these are not given */
};
enum { REACHES = 4 };
_Static_assert(sizeof(struct reach) == 128, "found by a shift");

/* Where a page of a space lies: found by copies in a space that this CPU has active or left last. */
struct far_page {
	const struct space *space;
	uint64_t page;              /* its address */
	uint32_t flushes;           /* of the CPU when it was found: good while that is so */
	uint32_t rights;
	char *at;                   /* Strange's view */
};
enum { FAR_PAGES = 8 };

/* No space: not null, which is no map. */
#define LEFT_NONE ((struct space *)1)

struct cpu {
	struct thread *thread;      /* that runs here, or null */
	struct thread *next;        /* runs here next: woken by it, more urgent, and in no queue. Null whenever Strange is left */
	struct space *map;          /* active translations, or null: only the shared half */
	struct space *left;         /* active before, or LEFT_NONE: this CPU's bit stays in its `cpus` until it flushes */
	unsigned number;
	union {                     /* what must be looked at before a thread runs on */
		struct {
			volatile uint16_t reschedule;
			volatile uint16_t hand_over;        /* `next` comes to run */
			volatile uint32_t flush_pending;    /* there are tickets not served */
		};
		volatile uint64_t attention;
	};
	uint32_t flush_wanted;      /* tickets of others that want this CPU to drop its translations */
	uint32_t flush_done;        /* the last ticket served */
	uint32_t flushes;           /* rises whenever this CPU drops a translation, or no longer hears of a space's */
	volatile bool paused;
	bool losing;                /* levels of a thread are taken off, or an interrupt is told: nothing else is unloaded for that */
	struct portal *entering;    /* a portal that may not end, for a thread of this CPU is about to enter it */
	uint32_t taken;             /* a stack of that one, taken for nothing: its number + 1 */
	struct want want;
	struct slot *recent[KIND_COUNT][RECENT];    /* found last, of each kind, by uid */
	uint32_t found[KIND_COUNT]; /* generation of the slot that slot_want gave last, of each kind */
	struct reach reach[REACHES];
	struct receiver_memo memo[MEMOS];   /* by page */
	struct queue queue;
	struct spin timer_lock;
	struct thread *timers;
	uint64_t timer_set;
	uint64_t period_start_ns;
	uint64_t drawn, drawn_spare;    /* links: how many pairs, and the half that is left; 0: none */
	struct registers idle;
	struct far_page far_page[2][FAR_PAGES];     /* by page: of block lists, of data */
} __attribute__((aligned(64)));

struct state {
	uint32_t cpus;
	struct cache cache[KIND_COUNT];
	struct cpu cpu[CPU_LIMIT];
	struct table *tables;
	uint32_t *shadow;           /* 512 per table: mapping + 1 of each entry */
	uint32_t table_count, table_free, tables_free, table_hand;
	struct spin table_lock;
	frame_number table_frame;
	uint32_t blank_table;       /* a map with the shared half only */
	struct frame_info *frames;
	uint32_t frame_limit;
	struct spin clear_lock;     /* clearing frames; a leaf */
	struct space *domain[DOMAIN_COUNT];     /* supervisor domains */
	struct space *domain_space[DOMAIN_COUNT];       /* whose domain it is, in the supervisor or isolated */
	struct kernel *kernel_by_number_hint[32];
	uint64_t idle_cpus;
	struct irq irq[IRQ_LIMIT];  /* under irq_lock */
	uint64_t irqs_bound;        /* a bit each */
	volatile uint64_t receivers_changed;    /* rises when a mapping that names a signal thread comes or goes */
	struct spin irq_lock;
	uint64_t seal_key[2];
	uint64_t link_key[2];       /* of this boot */
	struct thread *volatile only;   /* while everything is forgotten: the one thread that runs */
	uint64_t epoch;
	char command_line[1024];
	struct counters counters[1];
	struct log_share log[LOG_SHARES];       /* derived: by kernel number; under log_lock */
	struct spin log_lock;
};

extern struct state state;

static inline struct cpu *this_cpu(void) { return cpu_strange(); }

static inline struct activation *thread_top(const struct thread *t) { return t->level[0]; }
static inline struct activation *thread_lower(const struct thread *t) { return t->level[1]; }
static inline void thread_swap(struct thread *t)
{
	struct activation *top = t->level[0];

	t->level[0] = t->level[1];
	t->level[1] = top;
}

static inline void binding_clear(struct space *s, uint64_t handle)
{
	__atomic_store_n(&s->bindings.handle[handle % BINDINGS], handle % BINDINGS ^ 1, __ATOMIC_SEQ_CST);
}

#define SLOT_AT(type, kind, i) \
	((struct type *)((char *)state.cache[kind].slots + (uint64_t)(i) * sizeof(struct type)))
static inline struct page *page_at(uint32_t i) { return SLOT_AT(page, KIND_PAGE, i); }
static inline struct mapping *mapping_at(uint32_t i) { return SLOT_AT(mapping, KIND_MAPPING, i); }
static inline struct space *space_at(uint32_t i) { return SLOT_AT(space, KIND_SPACE, i); }
static inline struct thread *thread_at(uint32_t i) { return SLOT_AT(thread, KIND_THREAD, i); }
static inline uint32_t slot_index(const struct slot *s) { return OBJECT_INDEX(s->id); }
static inline uint32_t page_number(const struct page *p) { return (uint32_t)(p - page_at(0)); }
static inline uint32_t mapping_number(const struct mapping *m) { return (uint32_t)(m - mapping_at(0)); }

#endif
