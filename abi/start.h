/* What an application kernel is told when it starts, by the SRM; and the numbers that its objects have from the first. */
#ifndef ABI_START_H
#define ABI_START_H

#include "abi/types.h"

/* Every kernel chooses these 40-bit numbers for its own first objects, so that its keeper can name them in its home. */
enum {
	NUMBER_TRAP_PORTAL = 1,
	NUMBER_FAULT_PORTAL,
	NUMBER_EXCEPTION_PORTAL,
	NUMBER_ALERT_PORTAL,
	NUMBER_MISS_PORTAL,
	NUMBER_SCHEDULER,
	NUMBER_FIRST_FREE = 64,
};

/* Parts of a domain, from its base, close together so that they need few page tables. The keeper of the domain's space maps
 * them on demand. */
#define DOMAIN_IMAGE_OFFSET    0x0000000000ull   /* text, data and bss of the kernel's own program */
#define DOMAIN_START_OFFSET    0x0010000000ull   /* struct kernel_start, read-only */
#define DOMAIN_MEMORY_OFFSET   0x1000000000ull   /* its memory container, linear: page i at + i * PAGE_BYTES */
#define DOMAIN_BOOT_OFFSET     0x0020000000ull   /* the boot image's container, read-only, linear */
#define DOMAIN_CONSOLE_OFFSET  0x0010180000ull   /* struct console_channel; first stacks lie between the start page and it */

/* Handles of the references that a kernel holds when it starts. */
enum {
	HANDLE_MEMORY = 1,          /* its memory container: read, write, execute */
	HANDLE_BOOT_IMAGE,          /* the boot image's container: read, execute */
	HANDLE_CONSOLE,             /* the console channel's container: read, write, signal */
	HANDLE_SRM,                 /* portal of the SRM's service */
	HANDLE_FIRST_FREE = 16,
};

struct kernel_start {
	uint32_t version;           /* 1 */
	uint32_t number;            /* of this kernel: the keeper in its uids */
	uint32_t cpus;
	uint32_t domain;            /* its domain number */
	baryon_uid space;           /* of its own domain; kept by the SRM */
	baryon_uid memory_container;
	uint64_t memory_pages;      /* of its memory container; every page reads zero at first use */
	uint64_t boot_image_bytes;
	uint64_t supervisor;        /* 1: placed in the supervisor */
	uint64_t memory_first;      /* first page of the container that is free; those before hold its program (the SRM only) */
	uint64_t grant_first, grant_count;  /* page groups that it may load as pages of its own containers; count 0: none */
	uint64_t memory_groups;     /* of its memory container, the first that have memory; the others get it by SRM_GROUPS_MORE */
	uint64_t spaces_most;       /* spaces that can be loaded at once, each with its top page table; 0: not said */
	uint64_t boot_image_first;  /* page of its container where the boot image begins; those before are not there */
	uint64_t reserved[2];
};

/* Two sorts of page groups: those of the memory container, named by their place in it, and frames for containers of the kernel's
 * own, named by their number. */
enum group_sort { GROUPS_OF_MEMORY = 1, GROUPS_OF_FRAMES };

/* How memory is asked back: the SRM fills this in, in the page of the start record, and wakes the kernel's first thread (unpark).
 * The kernel answers by SRM_GROUPS_RETURN, any groups of that sort, until `groups` are back or the deadline is over. What is
 * missing then is taken by force: unloaded, its content lost, and `taken` says which. Groups whose loss costs the kernel
 * least go first if it returns them itself: so the choice is its own, until the deadline. One asking at a time. */
#define MEMORY_ASKED_OFFSET 1024
#define ASKED_TAKEN 64
struct group_range {
	uint64_t first, count;
};
struct memory_asked {
	uint32_t number;            /* raised by one when the fields below are written; 0: nothing was ever asked */
	uint32_t sort;              /* enum group_sort */
	uint64_t groups;
	uint64_t deadline_ns;       /* on the monotonic clock */
	uint64_t taken_number;      /* how many ranges were ever taken; raised before what the last one names is unloaded */
	struct group_taken {        /* range n is taken[n % ASKED_TAKEN] until that is needed again */
		uint64_t first;
		uint32_t count;
		uint32_t sort;
	} taken[ASKED_TAKEN];
};

/* Operations of the SRM's service portal: the first word. */
enum {
	SRM_POWER_OFF = 1,          /* exit status: ends the machine; does not return. EPERM: the caller does not have the console */
	SRM_FAILED,                 /* this kernel cannot go on: log and restart or report */
	SRM_CONSOLE_BIND,           /* uid of one of its threads, which from now on takes the signals to the console channel's pages */
	SRM_EXPORT,                 /* name, capability: every kernel of the SRM may import it until this one ends or exports another under the name.
	                             * EFULL: it has EXPORTS_EACH. EEXIST: the name is another's. EBUSY: the name is being given to somebody */
	SRM_IMPORT,                 /* name -> capability that was last exported under it and not taken back. ENOENT */
	SRM_GROUPS_MORE,            /* enum group_sort, count 1..: -> second word the first of the new groups, third how many, in a row;
	                             * fewer than asked when there are no more. They read zero. EQUOTA: there are none. EBUSY:
	                             * others are being asked for another kernel; try again */
	SRM_GROUPS_RETURN,          /* enum group_sort, first, count: gives them back; what is loaded in them is unloaded first, and lost.
	                             * EINVAL: it does not have them all */
	SRM_START,                  /* name of a module of the boot image: starts it as a kernel, as the settings say. EEXIST: it runs.
	                             * ENOENT: there is no such module. EPERM: it is no kernel. EFULL. EQUOTA: too little memory */
	SRM_REDIRECT,               /* uid of one of its threads, which from now on is told of signals whose receivers are not loaded (CALL_SIGNAL);
	                             * 0: none is. EPERM: it is another's */
};

enum { EXPORTS_EACH = 8 };      /* names that a kernel can have at a time */

/* A name is one word: up to 8 characters, the first in the lowest byte. A capability is in the words from here on. */
enum { SRM_WORD_CAPABILITY = 2 };

#endif
