/* Extended state. Implicit calls preserve it, so in a handler the processor's vector registers are the program's, and
 * they can be stored and loaded here without a call. */
#include "abi/home.h"
#include "baryon/string.h"
#include "process/internal.h"

enum { XSTATE_LEGACY = 512, XSTATE_MXCSR = 24, XSTATE_CONTROL = 0 };

__attribute__((target("xsave"))) void xstate_save(void *to)
{
	memset((char *)to + XSTATE_LEGACY, 0, 64);
	__builtin_ia32_xsave64(to, 7);
}

__attribute__((target("xsave"))) void xstate_load(const void *from)
{
	__builtin_ia32_xrstor64((void *)from, 7);
}

void xstate_clear(void)
{
	static _Alignas(64) const struct {
		uint16_t control;
		uint16_t rest[11];
		uint32_t mxcsr, mxcsr_mask;
		uint8_t zero[XSTATE_BYTES - 32];
	} initial = { .control = 0x37f, .mxcsr = 0x1f80 };

	xstate_load(&initial);
}
