/* A kernel that attacks Strange from user mode. It holds no right, unless the SRM grants it page groups. What it is for is
 * that nothing happens: whatever it does, the other kernels go on.
 *
 * Threads: the warden (the first) keeps the others going, whatever they have done to themselves, and judges at the end;
 * two attackers make wild calls from the domain; two victims run in program spaces, and every trap of theirs is an
 * occasion for wild frames, copies and instructions. What the attackers may forge lies in arenas of its own; the good
 * homes are never forged, so that the kernel can always be put together again. */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "abi/layout.h"
#include "abi/start.h"
#include "baryon/calls.h"
#include "baryon/homes.h"
#include "baryon/image.h"
#include "baryon/portal.h"
#include "baryon/settings.h"

enum { ATTACKERS = 2, VICTIMS = 2, SPACES = 2, ARENA_BYTES = 65536, STACK_BYTES = 16384, HANDLER_BYTES = 16384, PRIORITY_ATTACK = 10 };

enum hostile_number {
	NUMBER_ATTACKERS = NUMBER_FIRST_FREE,
	NUMBER_VICTIMS = 72,
	NUMBER_SPACES = 80,
	NUMBER_WILD_SPACE = 84,     /* a domain for forged records and portals, so that what comes of them is not the kernel's end */
	NUMBER_SERVICE = 88,        /* a portal of its own, to be called by itself and others */
	NUMBER_CONTAINER = 96,
	NUMBER_SACRIFICES = 128,    /* objects that only the attackers load */
	SACRIFICES = 64,
};

enum { HANDLE_SERVICE = HANDLE_FIRST_FREE, HANDLE_CONTAINER, HANDLES = 24 };

/* The wild domain: its first page returns to a caller; the far arenas follow, one after the other. */
#define DOMAIN_WILD (DOMAIN_FIRST_OWN + hostile.start->number % (DOMAIN_COUNT - DOMAIN_FIRST_OWN))
#define WILD_BASE (DOMAIN_BASE + DOMAIN_WILD * DOMAIN_BYTES)
#define WILD_ARENA (WILD_BASE + PAGE_BYTES)

/* Where a program space has its own pages. */
#define PROGRAM_CODE 0x400000ull
#define PROGRAM_STACK 0x500000ull

struct random { uint64_t state; };

enum cookie_sort { COOKIE_VICTIM = 1, COOKIE_ATTACKER };

struct attacker {
	uint32_t sort;              /* COOKIE_ATTACKER */
	struct random random;
	uint32_t index;
	volatile uint64_t progress; /* calls made */
	uint64_t goal;
	uint8_t *arena;             /* ARENA_BYTES of small pages */
	uint8_t *far_arena;         /* as many in a large page, and in the wild domain */
	uint64_t answers[32];       /* by error number; 0: it succeeded */
	uint64_t trespasses;        /* that succeeded and were about something of another kernel's */
};

struct victim {
	uint32_t sort;              /* COOKIE_VICTIM */
	struct random random;
	uint32_t index;
	volatile uint64_t progress; /* probes made */
	uint64_t goal;
	uint64_t probe;
	uint64_t causes[8];         /* by enum trap_cause */
	uint64_t vectors[32];
	uint64_t escapes;           /* exceptions that only ring 0 can have */
	uint8_t *code;              /* its code page, in the domain */
	uint64_t code_page;         /* the same, as a page of the memory container; its stack is the next */
	uint8_t *copies;            /* room for copies */
};

struct hostile {
	const struct kernel_start *start;
	uint64_t base;              /* of its domain */
	uint8_t *memory;            /* window on its container */
	uint64_t memory_next;       /* first free page of it */
	struct settings settings;
	struct homes homes;
	uint64_t seed;              /* of what is random */
	uint64_t count;             /* calls of each sort that an attacker makes */
	bool endless;
	bool silent;                /* faults of its programs are not answered */
	bool frames;                /* its programs do nothing, while their frames are written (modes.c) */
	struct attacker attackers[ATTACKERS];
	struct victim victims[VICTIMS];
	struct capability service, container;
	uint64_t wild_page;         /* of the memory container: what the wild domain shows */
	uint8_t *wild;
};

extern struct hostile hostile;

#define OWN_UID(n) UID_MAKE(hostile.start->number, n)

/* random.c */
uint64_t random_next(struct random *random);
uint64_t random_below(struct random *random, uint64_t limit);
static inline bool random_chance(struct random *random, uint64_t one_in) { return random_below(random, one_in) == 0; }
/* A uid, a handle, an address or a number that is likely to be looked at. */
uint64_t random_uid(struct random *random);
uint64_t random_handle(struct random *random);
uint64_t random_address(struct random *random);
uint64_t random_program_address(struct random *random);
uint64_t random_number(struct random *random);
/* Any of them, or 64 random bits. */
uint64_t random_word(struct random *random);

/* objects.c: what is good. */
void objects_start(unsigned attackers);
/* From now on calls of the own portal go there. */
void service_replace(struct portal_service *service);
/* Loads again whatever is not loaded. A thread that cannot go on as it was starts afresh. */
void objects_mend(void);
struct thread_home *attacker_home(uint32_t index);
struct thread_home *victim_home(uint32_t index);
uint8_t *pages_take(uint64_t pages, uint64_t *first);

/* forge.c: a record of the kind, wrong somewhere or nowhere, in the attacker's arena. Returns its address. */
uint64_t forge(struct attacker *a, enum object_kind kind);
uint64_t forge_mappings(struct attacker *a, uint64_t count);
uint64_t forge_blocks(struct attacker *a);
/* attack.c */
_Noreturn void attacker_run(void *attacker);

/* main.c: says how it went; ends the machine when this kernel may. */
_Noreturn void hostile_end(bool good);

/* modes.c: does not return when another mode than the siege is asked for. */
void mode_run(void);

/* fill.c */
_Noreturn void fill_run(void);

/* victim.c */
void victim_prepare(struct victim *victim);

/* wild.c: the wild domain. */
void wild_prepare(void);
void wild_handle(const struct trap_frame *frame, baryon_uid thread);


#endif
