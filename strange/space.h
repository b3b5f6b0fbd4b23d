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

static inline uint64_t space_first(const struct space *s)
{
	return s->flags & SPACE_PROGRAM ? 0 : DOMAIN_BASE + s->domain * DOMAIN_BYTES;
}

static inline uint64_t space_bytes(const struct space *s)
{
	return s->flags & SPACE_PROGRAM ? PROGRAM_LIMIT : DOMAIN_BYTES;
}

static inline bool space_contains(const struct space *s, uint64_t address, uint64_t bytes)
{
	uint64_t at = address - space_first(s), size = space_bytes(s);

	return at <= size && bytes <= size - at;
}

/* The same for a space that is no program's. */
static inline bool domain_contains(const struct space *s, uint64_t address, uint64_t bytes)
{
	return address - (DOMAIN_BASE + s->domain * DOMAIN_BYTES) <= DOMAIN_BYTES - bytes && bytes <= DOMAIN_BYTES;
}

#endif
