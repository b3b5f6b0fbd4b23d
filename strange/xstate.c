/* Extended state. Processor manual, volume 1, 13.4: legacy region with MXCSR at 24, header at 512. */
#include "xstate.h"
#include "memory.h"

enum { MXCSR = 24, HEADER = 512, HEADER_BYTES = 64, MXCSR_RESET = 0x1f80, MXCSR_VALID = 0xffff, COMPONENTS = 7 };

result xstate_check(uint8_t *x)
{
	uint64_t header[HEADER_BYTES / 8], any = 0;
	uint32_t mxcsr;

	memory_move(header, x + HEADER, sizeof header);
	memory_move(&mxcsr, x + MXCSR, sizeof mxcsr);
	for (unsigned i = 1; i < HEADER_BYTES / 8; i++)
		any |= header[i];
	if ((header[0] & ~(uint64_t)COMPONENTS) || any || (mxcsr & ~(uint32_t)MXCSR_VALID))
		return -BARYON_EFORGED;
	return header[0] == 0 ? xstate_reset(x) : 0;
}

result xstate_reset(uint8_t *x)
{
	uint32_t mxcsr = MXCSR_RESET;

	memory_zero(x, XSTATE_BYTES);
	memory_move(x + MXCSR, &mxcsr, sizeof mxcsr);
	return 0;
}
