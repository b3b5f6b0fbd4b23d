/* A machine inside a process. It boots Strange with a tiny root, and a test plays everything above Strange: it sets the
 * registers of what runs on a CPU, enters Strange as Charm would, and sees what runs next. Memory is reached as a program
 * reaches it: through the active map, with its rights, by a translation buffer; what is missing is a fault. */
#ifndef CHARM_HOST_MACHINE_H
#define CHARM_HOST_MACHINE_H

#include <setjmp.h>
#include "abi/boot.h"
#include "abi/calls.h"
#include "abi/home.h"
#include "abi/layout.h"
#include "charm/cpu.h"
#include "charm/frame.h"
#include "charm/mmu.h"

struct host {
	struct host_cpu cpu[CPU_LIMIT];
	unsigned cpus;
	uint64_t frames, frames_next;
	uint64_t now;               /* clock, ns; only tests move it */
	uint64_t irq_open;          /* bit per unmasked interrupt */
	uint8_t irq_cpu[32];        /* who takes it */
	bool verbose;               /* console and log to standard error */
	void (*in_pause)(void);     /* what happens in the next turn of a loop that waits, once; or null */
	bool slow;                  /* never use Strange's short ways */
	bool expect_panic;
	jmp_buf after_panic;
	char panicked[256], printed[256];
	uint64_t logged;            /* bytes, printed ones not counted */
};
extern struct host host;

struct machine_options {
	unsigned cpus;              /* 0: 1 */
	uint64_t frames;            /* of memory; 0: 16384, 64 MiB */
	const char *command_line;   /* null: none */
	const void *image;          /* null: an image with a small root */
	uint64_t image_bytes;
};

/* Boot on CPU 0, which this thread becomes; then root's first thread runs there, or Strange panicked. The other CPUs wait for
 * machine_start_cpu, by a thread each or by this one (see machine_become). */
void machine_boot(const struct machine_options *o);
void machine_start_cpu(unsigned cpu);
/* From now on this thread is that CPU. */
static inline void machine_become(unsigned cpu) { host_this = &host.cpu[cpu]; }
static inline struct host_cpu *machine_cpu(void) { return host_this; }

/* The running program does something. Each may end with something else running. */
void machine_syscall(void);             /* `now` has the arguments; the instruction lies at rip */
void machine_fault(uint64_t address, unsigned access);
void machine_exception(unsigned vector, uint64_t error);
/* Something happens to it, or to an idle CPU. */
void machine_tick(void);
void machine_notice(void);
void machine_interrupt(unsigned irq);
/* What is due: a notice, the timer. True when there was something. */
bool machine_poll(void);

/* The frame's memory behind `address` for what runs, or null when that faults (nothing is entered). */
void *machine_translate(uint64_t address, unsigned access);
/* The same by the tables of a map, without rights. */
mmu_entry machine_walk(frame_number root, uint64_t address);
/* No entry of this CPU's translation buffer differs from its tables. */
bool machine_tlb_true(const struct host_cpu *cpu);

void host_forget_shared(void);
/* A boot image with one module "root": code of one page at 0, entry at 0x100. Static memory. */
const void *host_image(uint64_t *bytes);

#endif
