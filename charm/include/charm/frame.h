/* Frames of physical memory, by number. Before strange_boot returns, Strange takes what its arrays need; afterwards
 * every frame belongs to Strange's tables or to a manager, and Charm keeps no record of it. */
#ifndef CHARM_FRAME_H
#define CHARM_FRAME_H

#include "abi/boot.h"
#include "abi/types.h"

typedef uint32_t frame_number;
#define FRAME_NONE 0xffffffffu

/* Take `count` consecutive frames, the first a multiple of `align` (a power of two). Returns the first, or FRAME_NONE. */
frame_number frame_take(uint64_t count, uint64_t align);
/* Take the specific frames [first, first+count). True when all of them were free. */
bool frame_take_at(frame_number first, uint64_t count);
/* What is left: fills at most `limit` ascending ranges, returns how many. */
uint32_t frame_remaining(struct boot_range *range, uint32_t limit);

/* Charm's and Strange's view of a frame. Valid for every frame below frame_limit. */
#include "charm_arch/frame.h"   /* inline:
 * void *frame_pointer(frame_number frame)
 * frame_number frame_of_pointer(const void *pointer) */
void frame_clear(frame_number frame);

#endif
