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

/* The number that Charm gave to the processor on which this runs just now, from 0 on. */
static inline uint32_t processor_number(void)
{
	uint32_t number;

	(void)__builtin_ia32_rdtscp(&number);
	return number;
}

#endif
