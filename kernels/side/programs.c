/* The programs of this kernel: self-contained code that runs at another address than it is linked at. The two functions
 * lie in a section of their own, which begins and ends at the linker's symbols. */
#include "side.h"

#define PROGRAM __attribute__((section("side_program"), noinline, used))

PROGRAM void program_count(volatile uint64_t *counter)
{
	for (;;)
		++*counter;
}

/* Every page holds the number of its last pass; what it finds must be what it left there. */
PROGRAM void program_walk(struct side_counts *counts)
{
	for (uint64_t pass = 0;; pass++) {
		for (uint64_t page = 0; page < WALK_PAGES; page++) {
			volatile uint64_t *word = (volatile uint64_t *)(WALK_ADDRESS + page * PAGE_BYTES + page * 8);

			if (*word != (pass ? pass * WALK_PAGES + page : 0))
				counts->wrong++;
			*word = (pass + 1) * WALK_PAGES + page;
		}
		counts->passes = pass + 1;
	}
}
