/* Activations: the levels of a thread's calls across spaces. The slot holds the top two. */
#ifndef STRANGE_ACTIVATION_H
#define STRANGE_ACTIVATION_H

#include "state.h"

/* Where a record lies, and the number at both ends of the link to it. */
struct record_name {
	uint64_t address;           /* 0: the thread's home */
	baryon_uid space;
	baryon_uid portal;          /* whose record page it is; 0: a block of the thread's handler stack */
	uint64_t link;
	uint64_t upper_link;        /* of the level that lies on it; 0: none does */
};

/* States of an activation record: FREE -> (push) in the slot, kind and thread written -> (evict, or the thread's
 * unload) all written -> (return past it) read and checked, in the slot -> (pop) FREE. */

/* Make room for one more level: the eldest of two goes to its record. The caller fills the new top and commits. */
result activation_make_room(struct thread *t) MUST_CHECK;
/* The other slot becomes the top. */
struct activation *activation_push(struct thread *t);
/* Have the level under the top in the slot. RESULT_MISS or RESULT_FAULT while its record cannot be reached; ELOST when the ends of the
 * link disagree. */
result activation_want_lower(struct thread *t) MUST_CHECK;
/* Leave the top: its record is free, its stack is given back. The lower is there. */
void activation_pop(struct thread *t);

/* Write a level to its record, with `r` as its registers. */
void activation_write(struct thread *t, struct activation *a, struct activation *lower);
/* Read the level that the name says. Only records of portals and the thread's own handler stack are looked at. */
result activation_read(struct thread *t, struct activation *a, const struct record_name *name) MUST_CHECK;
/* Is what the level needs still loaded, now that the slot says that it is needed? */
bool activation_there(const struct activation *a, const struct record_name *name);
/* Say in a level what lies under it. */
void activation_note(struct activation *a, struct activation *lower);
/* The name of the record under a level that is the lowest in the slot, and what it holds, not checked. RESULT_MISS or RESULT_FAULT. */
struct record_name activation_under(const struct thread *t, const struct activation *a);
result activation_fetch(struct thread *t, const struct record_name *name, struct activation_record *r) MUST_CHECK;
/* The record of the level under those in the slot, checked, and its name. The thread has one. Errors as of activation_want_lower. */
result activation_record_under(struct thread *t, struct record_name *name, struct activation_record *r) MUST_CHECK;
uint64_t activation_address(const struct activation *a);
/* What a link says of its level, whoever keeps the record. */
static inline unsigned link_kind(uint64_t link) { return link & 7; }
static inline uint64_t link_cause(uint64_t link) { return (link >> 3 & 7) | (link & 64) << 2; }
void activation_forget(struct activation *a);

/* Before the thread runs on: pending alerts, hidden extended state. False: something else must be chosen. */
bool activation_leave(struct cpu *cpu, struct thread *t);

/* Extended state is a program's; no other level sees it. A handler's owner may. */
static inline bool activation_hides_xstate(const struct thread *t)
{
	const struct activation *a = thread_top(t);

	return !t->program || a->kind >= ACTIVATION_IMPLICIT;
}

/* The bases are a program's too: they are in the slot before another kernel's level runs on it, and back after that, whatever was made
 * of them. */
static inline __attribute__((always_inline)) void bases_save(struct thread *t)
{
	t->fs_base = cpu_fs_base();
	t->gs_base = cpu_gs_base();
}
/* If the processor has them. */
void bases_keep(struct thread *t);

/* Where the registers of the running thread are saved: a program's where its trap handler finds them. */
static inline struct registers *thread_save_place(struct thread *t)
{
	return t->prepared ? &t->handler_frame->registers : &thread_top(t)->registers;
}

/* At every entry but a system call: have them in the slot. A frame is memory of the owner: its flags are not believed. */
void registers_in(struct thread *t, const struct registers *r);

/* Registers that a level may run with: a domain's level stays in the domain or the stub pages. */
bool registers_acceptable(const struct activation *a, const struct registers *r);

/* Bytes of the call that entered Strange with these registers. */
static inline uint64_t call_length(const struct registers *r)
{
	static const uint8_t bytes[] = { [0] = SYSCALL_BYTES, [REGISTERS_DIRECT] = DIRECT_BYTES };

	return bytes[r->flags & REGISTERS_DIRECT];
}

/* It is executed again when the thread runs next; and the reverse. */
static inline void registers_rewind(struct registers *r) { r->rip -= call_length(r); }
static inline void registers_forward(struct registers *r) { r->rip += call_length(r); }

#endif
