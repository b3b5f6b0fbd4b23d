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

/* The reference of that handle, with its target loaded and of that kind; else a miss, ENOENT or EINVAL. */
result reference_want(struct space *space, uint64_t handle, unsigned kind, struct reference **r) MUST_CHECK;
result call_reference_unload(struct call *call);
result call_capability_make(struct call *call);

#endif
