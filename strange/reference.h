/* References: (space, handle) -> portal or container, with rights and a badge. */
#ifndef STRANGE_REFERENCE_H
#define STRANGE_REFERENCE_H

#include "state.h"

struct call;

/* Names of references never collide with uids of other kinds: they have their own hash. */
static inline baryon_uid reference_name(const struct space *s, uint64_t handle)
{
	return (uint64_t)slot_index(&s->slot) << 32 | handle;
}

/* What a loaded reference said at one instant. */
struct reference_view {
	struct reference *from;
	uint32_t generation, rights;
	struct slot *target;
	baryon_uid target_uid;      /* the target's slot, too, may become another's */
	uint64_t badge;
};

/* The reference of that handle, with its target loaded and of that kind; else a miss or EINVAL. The slot may serve another at any
 * time, so what was decided by the view holds only if reference_is says so afterwards. */
result reference_want(struct space *space, uint64_t handle, unsigned kind, struct reference_view *v) MUST_CHECK;
bool reference_is(const struct reference_view *v);

/* Let explicit calls by that handle find the portal without a search. False: the reference has gone meanwhile. */
bool reference_bind(struct space *space, uint64_t handle, const struct reference_view *v);

result call_reference_unload(struct call *call);
result call_capability_make(struct call *call);

#endif
