/* What C cannot say about the processor: the stack pointer, and what the processor can do. */
#ifndef BARYON_X86_64_PROCESSOR_H
#define BARYON_X86_64_PROCESSOR_H

#include "abi/types.h"

static inline uint64_t stack_pointer(void)
{
	uint64_t here;

	__asm__("mov %%rsp, %0" : "=r"(here));
	return here;
}

/* Feature bits of leaf 1 (processor manual, volume 2, CPUID). */
struct processor_features {
	uint32_t c, d;
};

static inline struct processor_features processor_features(void)
{
	struct processor_features features = { 0, 0 };
	uint32_t a = 1, b;

	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(features.c), "=d"(features.d));
	return features;
}

/* The id that its interrupt controller had at the start (leaf 1): of the processor on which this runs just now. */
static inline uint32_t processor_id(void)
{
	uint32_t a = 1, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return b >> 24;
}

#endif
