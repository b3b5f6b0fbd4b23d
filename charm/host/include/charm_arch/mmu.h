/* The inline part of charm/mmu.h for a Linux process: entries as on x86-64, walked by machine.c through a small translation
 * buffer, so that a forgotten shoot-down shows. */
#ifndef CHARM_ARCH_MMU_H
#define CHARM_ARCH_MMU_H

#include "charm_arch/cpu.h"

enum {
	ENTRY_PRESENT = 1, ENTRY_WRITE = 2, ENTRY_USER = 4, ENTRY_UNCACHED = 0x18, ENTRY_ACCESSED = 0x20,
	ENTRY_DIRTY = 0x40, ENTRY_LARGE = 0x80,
};
#define ENTRY_NO_EXECUTE (1ull << 63)
#define ENTRY_FRAME 0x000ffffffffff000ull

static inline mmu_entry mmu_make(frame_number frame, unsigned rights)
{
	mmu_entry e = (mmu_entry)frame << PAGE_BITS | ENTRY_PRESENT | (rights & RIGHT_WRITE) |
		      (rights & MMU_USER) / (MMU_USER / ENTRY_USER) | (rights & MMU_DEVICE) / MMU_DEVICE * ENTRY_UNCACHED |
		      (rights & MMU_LARGE) / (MMU_LARGE / ENTRY_LARGE);

	return (rights & (RIGHT_WRITE | RIGHT_EXECUTE)) == RIGHT_EXECUTE ? e : e | ENTRY_NO_EXECUTE;
}

_Static_assert((int)ENTRY_WRITE == (int)RIGHT_WRITE, "mmu_make");

static inline mmu_entry mmu_after(mmu_entry e, uint64_t frames) { return e + (frames << PAGE_BITS); }

/* The entry with no more rights than these, RIGHT_READ among them; everything else of it stays. */
static inline mmu_entry mmu_restrict(mmu_entry e, unsigned rights)
{
	if (!(rights & RIGHT_WRITE))
		e &= ~(mmu_entry)ENTRY_WRITE;
	return rights & RIGHT_EXECUTE ? e : e | ENTRY_NO_EXECUTE;
}

static inline mmu_entry mmu_make_table(frame_number table)
{
	return (mmu_entry)table << PAGE_BITS | ENTRY_PRESENT | ENTRY_WRITE | ENTRY_USER;
}

static inline frame_number mmu_frame(mmu_entry e) { return (frame_number)((e & ENTRY_FRAME) >> PAGE_BITS); }
static inline bool mmu_present(mmu_entry e) { return e & ENTRY_PRESENT; }
static inline bool mmu_is_large(mmu_entry e) { return e & ENTRY_LARGE; }
static inline bool mmu_is_device(mmu_entry e) { return e & ENTRY_UNCACHED; }
static inline bool mmu_accessed(mmu_entry e) { return e & ENTRY_ACCESSED; }
static inline bool mmu_dirty(mmu_entry e) { return e & ENTRY_DIRTY; }

static inline unsigned mmu_rights(mmu_entry e)
{
	if (!mmu_present(e))
		return 0;
	return RIGHT_READ | (e & ENTRY_WRITE ? RIGHT_WRITE : 0) | (e & ENTRY_NO_EXECUTE ? 0 : RIGHT_EXECUTE) |
	       (e & ENTRY_USER ? MMU_USER : 0);
}

static inline unsigned mmu_index(uint64_t address, unsigned level)
{
	return (unsigned)(address >> (PAGE_BITS + 9 * level) & (MMU_ENTRIES - 1));
}

static inline mmu_entry mmu_exchange(mmu_entry *slot, mmu_entry e)
{
	return __atomic_exchange_n(slot, e, __ATOMIC_SEQ_CST);
}

static inline void mmu_invalidate_all(void) { memset(host_this->tlb, 0, sizeof host_this->tlb); }

static inline void mmu_activate(frame_number root)
{
	host_this->root = root;
	mmu_invalidate_all();
}

static inline void mmu_invalidate(uint64_t address)
{
	for (unsigned i = 0; i < HOST_TLB; i++)
		if ((host_this->tlb[i].page ^ address) < GROUP_BYTES)
			host_this->tlb[i].entry = 0;
}

#endif
