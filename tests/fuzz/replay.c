/* replay ROUNDS FILE...: each file of a corpus as it is, then ROUNDS mutations of each, the same at every run: bytes changed, cut
 * off, doubled and crossed with the next file. */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>

enum { INPUT_LIMIT = 1 << 16 };

static uint64_t seed;

static uint64_t draw(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % n;
}

static size_t file_read(const char *path, uint8_t *to)
{
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file) {
		perror(path);
		exit(1);
	}
	size = fread(to, 1, INPUT_LIMIT, file);
	fclose(file);
	return size;
}

static void bytes_change(uint8_t *input, size_t size)
{
	static const uint8_t edge[] = { 0, 1, 0x7f, 0x80, 0xff };

	for (uint64_t n = 1 + draw(6); n > 0 && size; n--) {
		size_t at = draw(2) ? draw(size) : draw(size < 256 ? size : 256);

		input[at] = draw(2) ? edge[draw(sizeof edge)] : (uint8_t)(input[at] ^ 1u << draw(8));
	}
}

static size_t mutate(uint8_t *input, size_t size, const uint8_t *other, size_t other_size)
{
	size_t at = size ? draw(size) : 0, left = INPUT_LIMIT - at;

	switch (draw(6)) {
	case 0:
		size = at;
		break;
	case 1:
		size = at + (other_size < left ? other_size : left);
		memcpy(input + at, other, size - at);
		break;
	case 2:
		left = size - at < left - (size - at) ? size - at : 0;
		memmove(input + size, input + at, left);
		size += left;
		break;
	}
	bytes_change(input, size);
	return size;
}

int main(int count, char **argument)
{
	static uint8_t input[INPUT_LIMIT], other[INPUT_LIMIT], mutated[INPUT_LIMIT];
	unsigned rounds = count > 1 ? (unsigned)atoi(argument[1]) : 0;

	if (count < 3)
		return 2;
	for (int i = 2; i < count; i++) {
		size_t size = file_read(argument[i], input), other_size = file_read(argument[i + 1 < count ? i + 1 : 2], other);

		LLVMFuzzerTestOneInput(input, size);
		seed = 88172645463325252ull + (uint64_t)i;
		for (unsigned r = 0; r < rounds; r++) {
			memcpy(mutated, input, size);
			LLVMFuzzerTestOneInput(mutated, mutate(mutated, size, other, other_size));
		}
	}
	return 0;
}
