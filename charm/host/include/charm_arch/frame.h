/* The inline part of charm/frame.h for a Linux process: all frames lie in one arena. */
#ifndef CHARM_ARCH_FRAME_H
#define CHARM_ARCH_FRAME_H

extern uint8_t *host_arena;

static inline void *frame_pointer(frame_number frame) { return host_arena + (uint64_t)frame * PAGE_BYTES; }

static inline frame_number frame_of_pointer(const void *pointer)
{
	return (frame_number)((uint64_t)((const uint8_t *)pointer - host_arena) / PAGE_BYTES);
}

#endif
