/* The fuzzer with pseudo-random inputs; arguments: first seed, how many. And the decoders of boot images, on their own. */
#include "fuzz.h"
#include "invariants.h"
#include "strange/image.h"
#include "strange/memory.h"

#include <assert.h>
#include <string.h>

static uint64_t seed;

static uint64_t rnd(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % n;
}

static void hostile_kernels(uint64_t first, uint64_t count)
{
	static uint8_t input[6000];

	for (uint64_t i = first; i < first + count; i++) {
		seed = i * 0x9e3779b97f4a7c15ull + 1;
		for (size_t n = 0; n < sizeof input; n++)
			input[n] = (uint8_t)rnd(256);
		if (count == 1)
			fprintf(stderr, "seed %lu\n", (unsigned long)i);
		LLVMFuzzerTestOneInput(input, sizeof input);
	}
}

/* images: copied to the heap, so that every byte outside is known */

static uint8_t target[8 * PAGE_BYTES];

static void segment(void *context, uint64_t address, const uint8_t *from, uint64_t bytes, uint64_t memory, unsigned rights)
{
	static volatile uint8_t sum;

	(void)context, (void)address, (void)rights;
	CHECK(bytes <= memory);
	for (uint64_t i = 0; i < bytes; i++)
		sum += from[i];
}

static uint64_t *word(void *context, uint64_t address)
{
	(void)context;
	address -= DOMAIN_BASE;
	return address <= sizeof target - 8 ? (uint64_t *)(target + (address & ~7ull)) : NULL;
}

/* Root's program is decoded though its sum is wrong, for a sum can be forged. */
static void images_are_decoded_safely(unsigned rounds)
{
	uint64_t bytes, module, program;
	const uint8_t *good = host_image(&bytes), *elf = image_module(good, bytes, "root", &program);
	uint64_t start = (uint64_t)(elf - good);

	assert(elf && program);

	for (unsigned i = 0; i < rounds; i++) {
		uint64_t size = rnd(4) ? bytes : rnd(bytes + 1);
		uint8_t *copy = malloc(size + 1);

		memcpy(copy, good, size);
		for (uint64_t n = rnd(6); n > 0 && size; n--) {
			uint64_t at = rnd(2) ? rnd(size) : PAGE_BYTES + rnd(300);

			if (at < size)
				copy[at] = (uint8_t)rnd(256);
		}
		elf = image_module(copy, size, "root", &module);
		assert(!elf || memcmp(elf, good + start, program) == 0);
		if (size >= start + program)
			(void)image_load(copy + start, program, DOMAIN_BASE, segment, word, NULL);
		free(copy);
	}
}

int main(int count, char **arguments)
{
	seed = 88172645463325252ull;
	images_are_decoded_safely(count > 1 ? 0 : 20000);
	hostile_kernels(count > 1 ? strtoull(arguments[1], NULL, 0) : 1, count > 2 ? strtoull(arguments[2], NULL, 0) :
								       count > 1 ? 1 : 60);
	return 0;
}
