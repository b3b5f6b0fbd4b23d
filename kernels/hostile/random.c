/* Random values, most of them near something that exists. */
#include "hostile.h"

uint64_t random_next(struct random *random)
{
	uint64_t x = random->state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	random->state = x;
	return x * 0x2545f4914f6cdd1dull;
}

uint64_t random_below(struct random *random, uint64_t limit)
{
	return (random_next(random) >> 16) % limit;
}

static uint64_t own_uid(struct random *random)
{
	static const uint16_t numbers[] = {
		NUMBER_TRAP_PORTAL, NUMBER_FAULT_PORTAL, NUMBER_ALERT_PORTAL, NUMBER_SCHEDULER, NUMBER_ATTACKERS,
		NUMBER_ATTACKERS + 1, NUMBER_VICTIMS, NUMBER_VICTIMS + 1, NUMBER_SPACES, NUMBER_SPACES + 1, NUMBER_SERVICE,
		NUMBER_CONTAINER,
	};
	uint64_t n = random_below(random, sizeof numbers / sizeof numbers[0] + 6);

	if (n < sizeof numbers / sizeof numbers[0])
		return OWN_UID(numbers[n]);
	return OWN_UID(NUMBER_SACRIFICES + random_below(random, SACRIFICES));
}

/* Objects of root, the SRM and the first kernels, as far as their numbers are in abi/ or easily guessed. */
static uint64_t foreign_uid(struct random *random)
{
	static const uint32_t first[] = { 0, 64, 256, 512, 1024 };
	uint64_t number = first[random_below(random, 5)] + random_below(random, 32);
	uint64_t keeper = random_below(random, 24);

	return UID_MAKE(keeper, number);
}

uint64_t random_uid(struct random *random)
{
	switch (random_below(random, 16)) {
	case 0:
		return random_next(random);
	case 1:
		return 0;
	case 2:
		return hostile.start->space;
	case 3:
		return KERNEL_UID(random_below(random, 20));
	case 4:
	case 5:
	case 6:
		return foreign_uid(random);
	case 7:
		return UID_MAKE(random_below(random, 32), random_next(random));
	default:
		return own_uid(random);
	}
}

uint64_t random_handle(struct random *random)
{
	uint64_t n = random_below(random, 12);

	return n == 0 ? random_next(random) : n == 1 ? random_below(random, HANDLE_LIMIT + 2) : random_below(random, HANDLES);
}

uint64_t random_program_address(struct random *random)
{
	switch (random_below(random, 8)) {
	case 0:
		return random_next(random) & (PROGRAM_LIMIT | 0xfff);
	case 1:
		return PROGRAM_LIMIT - PAGE_BYTES * random_below(random, 3);
	case 2:
		return PROGRAM_CODE + random_below(random, PAGE_BYTES);
	case 3:
		return GROUP_BYTES * random_below(random, 8);
	default:
		return PROGRAM_CODE + PAGE_BYTES * random_below(random, 2048);
	}
}

uint64_t random_address(struct random *random)
{
	static const uint64_t bases[] = {
		PHYSMAP_BASE, KERNEL_BASE, STUBS_TRAPPING, STUBS_DIRECT, INFO_PAGE, INFO_PAGE_DIRECT, 0xffff800000000000ull,
		0x0000800000000000ull, 0xfffffffffffff000ull, DOMAIN_BASE,
	};
	uint64_t domain = random_below(random, DOMAIN_COUNT + 1);
	uint64_t offset = random_below(random, 3) ? random_below(random, 65536) : 0 - random_below(random, 65536);

	switch (random_below(random, 4)) {
	case 0:
		return bases[random_below(random, sizeof bases / sizeof bases[0])] + offset;
	case 1:
		/* A fault in its own domain would be its own end, and rightly so. */
		return DOMAIN_BASE + DOMAIN_BYTES * (domain + (domain == hostile.start->domain)) +
			(random_below(random, 2) ? DOMAIN_MEMORY_OFFSET : 0) + (offset & 0xffff);
	default:
		return random_program_address(random);
	}
}

uint64_t random_number(struct random *random)
{
	switch (random_below(random, 8)) {
	case 0:
		return random_next(random);
	case 1:
		return 1ull << random_below(random, 64);
	case 2:
		return (1ull << random_below(random, 64)) - 1;
	case 3:
		return 0 - random_below(random, 512);
	default:
		return random_below(random, 80);
	}
}

uint64_t random_word(struct random *random)
{
	switch (random_below(random, 6)) {
	case 0:
		return random_uid(random);
	case 1:
		return random_handle(random);
	case 2:
		return random_address(random);
	case 3:
		return random_number(random);
	default:
		return random_next(random);
	}
}
