/* Home records: what an object is, in the memory of the kernel that answers for it. Versioned ABI.
 *
 * A record begins with a header, is aligned to its size rounded up to a power of two, and so never crosses a page.
 * Loading copies it into Strange; while the object is loaded, Strange's copy is the truth for the fields marked [w],
 * which it writes back at unload, write-back and checkpoint. Fields without a mark are only read. */
#ifndef ABI_HOME_H
#define ABI_HOME_H

#include "abi/registers.h"
#include "abi/types.h"

#define OBJECT(NAME, name, number, slots, minimum) KIND_##NAME = (number),
enum object_kind {
#include "abi/objects.def"
	KIND_COUNT,
};
#undef OBJECT

#define HOME_VERSION 1
#define CPU_LIMIT 8

struct home_header {
	uint16_t kind;              /* enum object_kind */
	uint16_t version;           /* HOME_VERSION */
	uint32_t generation;        /* capabilities of another generation are revoked */
	baryon_uid uid;
};

/* Frames that a managing kernel may hand out: whole page groups. */
struct group_extent {
	uint32_t first;             /* number of the first page group (frame / GROUP_PAGES) */
	uint32_t count;
};
#define KERNEL_EXTENTS 16

struct kernel_home {            /* 512 bytes */
	struct home_header header;
	uint32_t number;            /* the keeper number of its own uids; header.uid is KERNEL_UID(number) */
	uint32_t rights;            /* KERNEL_MAY_* */
	baryon_uid trap_portal, fault_portal, exception_portal, alert_portal, miss_portal;
	baryon_uid scheduler;       /* thread that is told of displaced threads and `resumed`; zero: none */
	uint32_t priority_ceiling;  /* 0..PRIORITY_COUNT-1 */
	uint32_t reserved;
	uint32_t floors[KIND_COUNT];      /* slots that others cannot displace */
	uint32_t lock_quota[KIND_COUNT];  /* slots that it may lock */
	uint8_t cpu_share[CPU_LIMIT];     /* percent of each CPU before it is demoted for the rest of the period */
	struct group_extent extents[KERNEL_EXTENTS];
	uint64_t cpu_used_ns[CPU_LIMIT];  /* [w] charged time */
	baryon_uid redirect;        /* thread that gets signals for pages whose receivers are not loaded: see CALL_SIGNAL; zero: none. Read
	                             * whenever there is one to tell */
	uint8_t spare[160];
};

struct container_home {         /* 64 bytes */
	struct home_header header;
	uint64_t size_pages;
	uint32_t signal_kernels[4]; /* [w] numbers of kernels whose threads got signal mappings, and from bit 24 on how many receivers
	                             * of a page each has beside the first; zero: free */
	uint8_t spare[24];
};

enum {
	SPACE_PROGRAM = 1,          /* system calls go to the owner's trap portal; addresses below PROGRAM_LIMIT */
	SPACE_SUPERVISOR = 2,       /* the domain runs in ring 0 and is part of every address space */
};

struct space_home {             /* 64 bytes */
	struct home_header header;
	uint32_t flags;             /* SPACE_* */
	uint32_t domain;            /* domain number when not a program */
	baryon_uid principal;       /* kernel on whose behalf calls from this space are made; programs: zero */
	uint64_t cookie;            /* the owner's own word; Strange does not look at it */
	uint8_t spare[24];
};

enum {
	PRIORITY_COUNT = 32,        /* 31 is the most urgent */
	THREAD_SIGNALS = 32,
	CPU_ANY = 0xffff,
};

enum thread_state {             /* in homes; a loaded thread also runs */
	THREAD_STOPPED = 0,         /* not runnable until its owner says so: never runs after load */
	THREAD_RUNNABLE,
	THREAD_PARKED,
	THREAD_WAITING_SIGNAL,
	THREAD_WAITING_STACK,       /* for a stack of the portal `waits_for` */
};

/* One level of a thread's calls. The lowest lies in the thread's home; every further one in the record beside the stack
 * it took, in memory of the kernel whose space it runs in. Each of two neighbours carries its own link and the other's,
 * and both the thread: where they disagree, the upper part is lost. So nobody can put a level upon another's, nor bring
 * an old one back. */
enum activation_kind {
	ACTIVATION_FREE = 0,        /* a record that no activation uses */
	ACTIVATION_BASE,            /* the thread's lowest */
	ACTIVATION_HANDLER,         /* implicit call to the thread's owner, on its handler stack */
	ACTIVATION_IMPLICIT,        /* implicit call to another kernel, on a stack of its portal's pool */
	ACTIVATION_EXPLICIT,
	ACTIVATION_ORPHAN,          /* a call whose caller was told that it is over, in its heir: at its return the heir stops */
};

struct activation_record {      /* 256 bytes */
	uint64_t link;              /* random, and its low bits say kind and cause; the same number as in the upper's `lower_link` and the
	                             * lower's `upper_link` */
	baryon_uid thread;
	uint16_t kind;              /* enum activation_kind */
	uint16_t cause;             /* implicit: enum trap_cause; 256 is added when it was met on the way to another. Explicit:
	                             * 512 when it has used extended state */
	uint32_t depth;             /* 0 is the base */
	baryon_uid space;           /* where it runs */
	baryon_uid portal;          /* whose stack it took; handler and base: zero */
	uint64_t stack;             /* index in that portal's pool; handler: address of its trap frame */
	uint64_t lower_link;        /* link of the activation under it */
	uint64_t lower_record;      /* where the activation under it is recorded: address in lower_space; 0: the home */
	baryon_uid lower_space;
	struct registers registers; /* valid while the activation is not the running one and not in a trap frame */
	baryon_uid lower_portal;    /* whose record page that is, or zero: the home, or a block of the handler stack */
	uint64_t upper_link;        /* link of the activation above it; 0: it was the top when it was written */
	uint64_t spare;
};

_Static_assert(sizeof(struct activation_record) == 256, "activation record");

enum { QUANTUM_LEAST_NS = 500000, QUANTUM_MOST_NS = 100000000 };

struct thread_home {            /* 2048 bytes */
	struct home_header header;
	struct activation_record base;          /* [w] the lowest activation */
	uint64_t handler_top;       /* owner's address one past the handler stack; its last 512 bytes hold one
	                             * activation_record and the first trap_frame */
	baryon_uid handler_space;   /* the space in which handler_top lies: the owner's domain */
	uint32_t priority;          /* [w] */
	uint16_t cpu;               /* [w] CPU to run on, or CPU_ANY */
	uint16_t flags;             /* THREAD_* */
	uint32_t state;             /* [w] enum thread_state */
	uint32_t depth;             /* [w] activations above the base */
	uint64_t slice_ns;          /* [w] what is left of its time slice */
	uint64_t deadline_ns;       /* [w] of the wait, on the monotonic clock; 0: none */
	baryon_uid waits_for;       /* [w] */
	uint64_t fs_base, gs_base;  /* [w] of the program */
	uint64_t unpark_token;      /* [w] 0 or 1 */
	uint64_t alert_pending;     /* [w] 0 or 1; 2 is added when its call was abandoned, and that is not done yet */
	uint64_t top_record;        /* [w] address of the record of the top activation, in top_space; 0: the home */
	baryon_uid top_space;       /* [w] */
	uint64_t top_link;          /* [w] link of the top activation */
	uint64_t cookie;            /* the owner's own word; given to handlers in the second register */
	uint64_t used_ns;           /* [w] time run */
	uint32_t signal_count;      /* [w] */
	uint32_t signal_overflow;   /* [w] signals were dropped: scan */
	uint64_t signals[THREAD_SIGNALS];       /* [w] */
	baryon_uid top_portal;      /* [w] whose record page that is; 0: the home, or a block of the handler stack */
	uint32_t quantum_ns;           /* [w] its time slice, QUANTUM_LEAST_NS..QUANTUM_MOST_NS; 0: as threads have it, 10 ms */
	uint32_t quanta_program;     /* [w] slices that ended while it was in its program */
	uint32_t quanta_elsewhere;   /* [w] and those that ended while it was in a kernel */
	uint32_t spare_word;
	uint64_t handler_sp;        /* [w] the top's: the next block of the handler stack goes below */
	uint64_t spare[61];
	uint8_t xstate[XSTATE_BYTES] __attribute__((aligned(64))); /* [w] */
};

enum { THREAD_XSTATE = 1 };     /* flag: it has extended state although its base is in no program */

enum {
	PORTAL_STACKS = 16,
	PORTAL_RESTARTS = 1,        /* flag: an implicit call in it can be left anywhere and executed again, so a thread that is
	                             * unloaded there gives its stack back */
	PORTAL_XSTATE = 2,          /* flag: explicit calls in it may use extended state, and begin with an initial one. It is kept
	                             * beside the records: XSTATE_BYTES for each stack, after the last record and in the
	                             * same page, so that there are 3 stacks at most */
};

struct portal_home {            /* 128 bytes */
	struct home_header header;
	baryon_uid space;
	uint64_t entry;             /* address */
	uint64_t stacks;            /* address of the first stack of the pool */
	uint64_t stack_bytes;       /* stride; stack i is [stacks + i*stack_bytes, +stack_bytes) */
	uint32_t stack_count;       /* 0 (only implicit calls on handler stacks) .. PORTAL_STACKS */
	uint32_t flags;
	uint64_t records;           /* address of stack_count activation records, in one page of `space` */
	uint64_t cookie;
	baryon_uid heirs;           /* zero: none. Threads `heirs` + i of the portal's keeper go on with an abandoned call on stack i
	                             * when they are loaded, stopped, and in no call. An abandoned call without an heir ends
	                             * where it stands, and its stack is free */
	uint8_t spare[48];
};

/* The persistent form of a reference: 384 bits, sealed with SipHash-2-4-128. Made by capability_make. */
struct capability {
	baryon_uid uid;
	uint32_t generation;
	uint16_t kind;
	uint16_t rights;
	uint64_t badge;
	uint64_t spare;             /* zero */
	uint64_t check[2];
};

_Static_assert(sizeof(struct capability) == 48, "capabilities have 384 bits");

struct reference_home {         /* 64 bytes */
	struct capability capability;
	baryon_uid space;
	uint32_t handle;            /* 1 .. HANDLE_LIMIT-1 */
	uint32_t version;           /* HOME_VERSION */
};
#define HANDLE_LIMIT 65536

enum {
	PAGE_LARGE = 1,             /* a whole page group: index and frame are multiples of GROUP_PAGES */
	PAGE_LOCKED = 2,
	PAGE_DIRTY = 4,             /* [w] written since it was loaded */
	PAGE_LOADED = 8,            /* [w] Strange holds it */
	PAGE_READ_ONLY = 16,
	PAGE_DEVICE = 32,           /* uncached device memory */
	PAGE_CLEAR = 64,            /* [w] the frames are cleared before the page is loaded; then the flag goes */
	PAGE_ALIAS = 128,           /* it is another page under one more name; only PAGE_READ_ONLY goes with it */
};

struct page_home {              /* 32 bytes; kept in locked memory of the manager, but that of an alias anywhere: nothing is written there */
	baryon_uid container;
	uint64_t index;
	union {
		uint64_t frame;
		uint64_t under;     /* alias: index of the page that it is an alias of, */
	};
	uint32_t flags;             /* PAGE_* */
	uint16_t version;           /* HOME_VERSION */
	union {
		uint16_t cleared;   /* [w] pages of a large page cleared so far */
		uint16_t handle;    /* alias: in the container behind this handle of the loading space */
	};
};

enum {
	MAPPING_LARGE = 1,          /* a whole page group: address and index are multiples of it */
	MAPPING_LOCKED = 2,
	MAPPING_ACCESSED = 4,       /* reported by unload */
	MAPPING_DIRTY = 8,
	MAPPING_OTHERS = 8,         /* from this bit on: how many receivers of a page of the container the kernel of `signal` has beside
	                             * this one, so that each that is missing is told of (see CALL_SIGNAL); the last load says it */
};

struct mapping_home {           /* 32 bytes */
	uint64_t address;           /* page address */
	uint64_t index;             /* page of the container */
	uint32_t container;         /* handle of the loading space's container reference */
	uint16_t rights;            /* RIGHT_READ, with RIGHT_WRITE or RIGHT_EXECUTE */
	uint16_t flags;             /* MAPPING_* */
	baryon_uid signal;          /* thread that takes signals to this page; zero: none */
};

_Static_assert(sizeof(struct kernel_home) == 512, "kernel home");
_Static_assert(sizeof(struct container_home) == 64, "container home");
_Static_assert(sizeof(struct space_home) == 64, "space home");
_Static_assert(sizeof(struct thread_home) == 2048, "thread home");
_Static_assert(sizeof(struct portal_home) == 128, "portal home");
_Static_assert(sizeof(struct reference_home) == 64, "reference home");
_Static_assert(sizeof(struct page_home) == 32, "page home");
_Static_assert(sizeof(struct mapping_home) == 32, "mapping home");

#endif
