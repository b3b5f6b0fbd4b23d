/* The wild domain: a space of this kernel's own, kept by itself, in which forged levels of threads and forged portals run.
 * Its faults and exceptions come to the pools here. */
#include "hostile.h"

#include "abi/rights.h"
#include "baryon/string.h"

enum { WILD_PAGES = 1 + ATTACKERS * ARENA_BYTES / PAGE_BYTES };

void wild_prepare(void)
{
	static const uint8_t portal_return_code[] = { 0xb8, CALL_PORTAL_RETURN, 0, 0, 0, 0x0f, 0x05, 0x0f, 0x0b };

	hostile.wild = pages_take(WILD_PAGES, &hostile.wild_page);
	memcpy(hostile.wild, portal_return_code, sizeof portal_return_code);
}

/* The first page is code, the others are data. */
static long fault_answer(baryon_uid space, uint64_t address, uint64_t access)
{
	uint64_t page = (address - WILD_BASE) / PAGE_BYTES;
	struct mapping_home home = {
		.address = WILD_BASE + page * PAGE_BYTES, .index = hostile.wild_page + page, .container = HANDLE_MEMORY,
		.rights = page == 0 ? RIGHT_READ | RIGHT_EXECUTE : RIGHT_READ | RIGHT_WRITE,
	};
	long result;

	if (space != OWN_UID(NUMBER_WILD_SPACE) || page >= WILD_PAGES || (access & ~(uint64_t)home.rights))
		return -BARYON_EFAULT;
	result = mapping_load(space, &home, 1, 0);
	return result > 0 || result == -BARYON_EEXIST ? 0 : result;
}

/* Nothing can be made of it: the thread ends here. An attacker is made anew by the warden. */
static void thread_end(baryon_uid thread)
{
	(void)!object_destroy(KIND_THREAD, thread);
}

void fault_serve(struct portal_words *words)
{
	words->word[0] = (uint64_t)fault_answer(words->word[WORD_SPACE], words->word[WORD_ADDRESS], words->word[WORD_ACCESS]);
}

void exception_serve(struct portal_words *words)
{
	thread_end(words->word[WORD_THREAD]);
	words->word[0] = 0;
}

/* An attacker that called a forged portal, on its own handler stack. */
void wild_handle(const struct trap_frame *frame, baryon_uid thread)
{
	if (frame->cause != TRAP_FAULT || fault_answer(frame->space, frame->address, frame->access) < 0)
		thread_end(thread);
}
