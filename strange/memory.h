/* Access of Strange to the memory of spaces, and the one function that writes to frames. */
#ifndef STRANGE_MEMORY_H
#define STRANGE_MEMORY_H

#include "state.h"

struct memory_place {
	void *pointer;              /* Strange's view */
	frame_number frame;
	uint32_t page;              /* slot of the frame's own page */
	uint32_t generation;        /* of that slot */
	struct space *space;        /* where it was looked for, */
	uint64_t address;           /* and at which address */
};

/* Where `address` of `space` lies. access: RIGHT_*. The space is active on this CPU; the place is good until the next lock.
 * RESULT_FAULT when it is not mapped so; -BARYON_EFAULT when the address is outside of the space. */
result memory_place(struct space *space, uint64_t address, unsigned access, struct memory_place *place) MUST_CHECK;
/* The same for any space: locks it. The object depends on the page there, which is an alias if it is mapped as one, until memory_independ:
 * so long the place is good. RESULT_RESTART when the page is going. */
result memory_place_depend(struct space *space, uint64_t address, unsigned access, struct memory_place *place,
			   struct node *n, uint32_t object) MUST_CHECK;

result memory_read(struct space *space, uint64_t address, void *to, uint64_t bytes) MUST_CHECK;
result memory_write(struct space *space, uint64_t address, const void *from, uint64_t bytes) MUST_CHECK;

void memory_independ(frame_number frame, struct node *n);

/* Every write of Strange to a frame that somebody else can see. */
void frame_write(frame_number frame, void *to, const void *from, uint64_t bytes);
static inline void frame_touch(frame_number frame)
{
	if (!state.frames[frame].dirty)
		state.frames[frame].dirty = true;
}
/* The same for a pointer into a frame, when the caller stores itself. */
static inline void frame_touch_pointer(const void *p) { frame_touch(frame_of_pointer(p)); }

/* Say what the call misses, for RESULT_MISS and RESULT_FAULT. */
result want_object(unsigned kind, baryon_uid uid, uint64_t index);
result want_kept_by(uint32_t keeper, unsigned kind, baryon_uid uid, uint64_t index);
result want_address(struct space *space, uint64_t address, unsigned access);

void memory_zero(void *to, uint64_t bytes);
void memory_move(void *to, const void *from, uint64_t bytes);

#endif
