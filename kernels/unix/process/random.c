/* Random bytes: ChaCha20 (RFC 8439, 2.3) over a key made of the processor's random numbers, where it has them, and the
 * time-stamp counter. The key is replaced with every block, by output that nobody gets. */
#include "baryon/string.h"
#include "process/internal.h"
#include "process/random.h"

enum { WORDS = 16, ROUNDS = 20 };

static struct mutex lock;
static uint32_t key[8];
static uint64_t count;
static uint8_t pool[WORDS * sizeof(uint32_t) / 2];
static uint64_t pool_left;

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

static void quarter(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
	*a += *b;
	*d = rotate(*d ^ *a, 16);
	*c += *d;
	*b = rotate(*b ^ *c, 12);
	*a += *b;
	*d = rotate(*d ^ *a, 8);
	*c += *d;
	*b = rotate(*b ^ *c, 7);
}

static void block(uint32_t out[WORDS])
{
	uint32_t start[WORDS] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };

	memcpy(start + 4, key, sizeof key);
	start[12] = (uint32_t)count;
	start[13] = (uint32_t)(count >> 32);
	count++;
	memcpy(out, start, sizeof start);
	for (unsigned i = 0; i < ROUNDS / 2; i++) {
		for (unsigned j = 0; j < 4; j++)
			quarter(&out[j], &out[j + 4], &out[j + 8], &out[j + 12]);
		for (unsigned j = 0; j < 4; j++)
			quarter(&out[j], &out[4 + (j + 1) % 4], &out[8 + (j + 2) % 4], &out[12 + (j + 3) % 4]);
	}
	for (unsigned i = 0; i < WORDS; i++)
		out[i] += start[i];
}

__attribute__((target("rdrnd"))) static uint64_t processor_random(void)
{
	unsigned long long value = 0;

	for (unsigned tries = 0; tries < 10; tries++) {
		if (__builtin_ia32_rdrand64_step(&value))
			break;
	}
	return value;
}

static void key_stir(void)
{
	uint64_t word = __builtin_ia32_rdtsc();

	if (key[0] == 0 && (processor_features().c >> 30 & 1)) {
		for (unsigned i = 0; i < 8; i += 2) {
			uint64_t value = processor_random();

			key[i] ^= (uint32_t)value;
			key[i + 1] ^= (uint32_t)(value >> 32);
		}
	}
	key[6] ^= (uint32_t)word;
	key[7] ^= (uint32_t)(word >> 32) ^ (uint32_t)time_wall();
}

/* Half of each block becomes the next key, the other half is given out. */
static void pool_fill(void)
{
	uint32_t out[WORDS];

	key_stir();
	block(out);
	memcpy(key, out, sizeof key);
	memcpy(pool, out + WORDS / 2, sizeof pool);
	pool_left = sizeof pool;
}

void random_bytes(void *to, uint64_t bytes)
{
	mutex_lock(&lock);
	while (bytes > 0) {
		uint64_t piece;

		if (pool_left == 0)
			pool_fill();
		piece = bytes < pool_left ? bytes : pool_left;
		memcpy(to, pool + sizeof pool - pool_left, piece);
		memset(pool + sizeof pool - pool_left, 0, piece);
		pool_left -= piece;
		to = (char *)to + piece;
		bytes -= piece;
	}
	mutex_unlock(&lock);
}

int64_t sys_getrandom(SYSCALL_ARGUMENTS)
{
	uint8_t piece[256];
	uint64_t done = 0;

	if ((a2 & ~7ull) || (a2 & 6) == 6)
		return -EINVAL;
	while (done < a1) {
		uint64_t bytes = a1 - done < sizeof piece ? a1 - done : sizeof piece, moved;

		random_bytes(piece, bytes);
		moved = user_write_some(a0 + done, piece, bytes);
		done += moved;
		if (moved < bytes)
			return done != 0 ? (int64_t)done : -EFAULT;
		if (signal_is_pending())
			break;
	}
	return (int64_t)done;
}
