/* The inline part of charm/trap.h for x86-64. */
#ifndef CHARM_ARCH_TRAP_H
#define CHARM_ARCH_TRAP_H

/* The word at LOCAL_SAVE (charm/x86_64/offsets.h), which entry.S reads. */
static inline void trap_save_to(struct registers *place)
{
	__asm__ volatile("movq %0, %%gs:16" : : "r"(place) : "memory");
}

#endif
