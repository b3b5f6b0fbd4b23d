/* The inline part of charm/frame.h for x86-64: every frame lies in the physmap. */
#ifndef CHARM_ARCH_FRAME_H
#define CHARM_ARCH_FRAME_H

#include "abi/layout.h"

static inline void *frame_pointer(frame_number frame)
{
	return (void *)(PHYSMAP_BASE + ((uint64_t)frame << PAGE_BITS));
}

static inline frame_number frame_of_pointer(const void *pointer)
{
	return (frame_number)(((uint64_t)pointer - PHYSMAP_BASE) >> PAGE_BITS);
}

#endif
