/* Address spaces. */
#ifndef STRANGE_SPACE_H
#define STRANGE_SPACE_H

#include "state.h"

struct call;

/* The space in which `address` lies for code of that activation; null: in none. */
struct space *space_of_address(const struct activation *a, uint64_t address);
/* A space of the caller's kernel: kept by it, or its own domain's. EPERM, or as slot_want. */
result space_want_own(struct call *call, baryon_uid uid, struct space **space) MUST_CHECK;
struct space *space_make_root(struct kernel *root, baryon_uid uid, uint32_t domain);

static inline bool space_contains(const struct space *s, uint64_t address, uint64_t bytes)
{
	return address - s->first <= s->bytes && bytes <= s->bytes - (address - s->first);
}

#endif
