/* Translation maps. A map is a tree of tables of MMU_ENTRIES 64-bit entries, MMU_LEVELS deep; level 0 tables hold pages,
 * level 1 tables may hold page groups. Strange owns the tables' frames and walks them; only Charm knows the bits
 * of an entry. The top half of every top-level table is shared: mmu_root_initialise copies it. */
#ifndef CHARM_MMU_H
#define CHARM_MMU_H

#include "abi/rights.h"
#include "charm/frame.h"

typedef uint64_t mmu_entry;     /* 0: nothing there */
#define MMU_LEVELS 4
#define MMU_ENTRIES 512

enum {
	MMU_USER = 256,             /* with RIGHT_*: user mode may use it */
	MMU_DEVICE = 512,           /* uncached */
	MMU_LARGE = 1024,           /* a page group, in a level 1 table */
};

#include "charm_arch/mmu.h"     /* inline:
 * mmu_entry mmu_make(frame_number frame, unsigned rights)        a leaf; RIGHT_READ is given, writing and executing never at once
 * mmu_entry mmu_restrict(mmu_entry e, unsigned rights)            e with no more than these rights, its marks kept
 * mmu_entry mmu_after(mmu_entry e, uint64_t frames)               the leaf of the frame so many after e's, modulo 2^64
 * mmu_entry mmu_make_table(frame_number table)                    an inner entry with every right
 * frame_number mmu_frame(mmu_entry e)
 * bool mmu_present(mmu_entry e), mmu_is_large(mmu_entry e), mmu_accessed(mmu_entry e), mmu_dirty(mmu_entry e)
 * unsigned mmu_rights(mmu_entry e)                                RIGHT_* | MMU_USER of a leaf
 * unsigned mmu_index(uint64_t address, unsigned level)
 * mmu_entry mmu_exchange(mmu_entry *slot, mmu_entry e)            atomic, returns the old entry with its last dirty bit
 * void mmu_activate(frame_number root)                            this CPU uses that map
 * void mmu_invalidate(uint64_t address)                           this CPU forgets one page (or group)
 * void mmu_invalidate_all(void)                                   this CPU forgets everything of lower half and domains */

/* Make `root` an empty map that shares the upper half: Charm's own part, and the entries of supervisor domains that
 * mmu_set_shared set. */
void mmu_root_initialise(frame_number root);
/* Top-level entry of domain `domain` in the template that mmu_root_initialise copies from. Existing roots are Strange's to
 * change. */
void mmu_set_shared(unsigned domain, mmu_entry e);

#endif
