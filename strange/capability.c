/* Capabilities. The key is drawn at boot, until a store keeps one; that of the links is of one boot only. */
#include "capability.h"
#include "memory.h"

struct sip { uint64_t v0, v1, v2, v3; };

static uint64_t rotate(uint64_t x, int by) { return x << by | x >> (64 - by); }

static void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static void sip_word(struct sip *s, uint64_t m)
{
	s->v3 ^= m;
	sip_round(s);
	sip_round(s);
	s->v0 ^= m;
}

static uint64_t sip_end(struct sip *s)
{
	for (int i = 0; i < 4; i++)
		sip_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

void siphash_128(const uint64_t key[2], const uint8_t *data, uint64_t bytes, uint64_t out[2])
{
	struct sip s = { key[0] ^ 0x736f6d6570736575ull, key[1] ^ 0x646f72616e646f6dull ^ 0xee,
			 key[0] ^ 0x6c7967656e657261ull, key[1] ^ 0x7465646279746573ull };
	uint64_t last = bytes << 56, m;

	for (; bytes >= 8; bytes -= 8, data += 8) {
		memory_move(&m, data, 8);
		sip_word(&s, m);
	}
	for (uint64_t i = 0; i < bytes; i++)
		last |= (uint64_t)data[i] << (8 * i);
	sip_word(&s, last);
	s.v2 ^= 0xee;
	out[0] = sip_end(&s);
	s.v1 ^= 0xdd;
	out[1] = sip_end(&s);
}

void capability_seal(struct capability *c)
{
	siphash_128(state.seal_key, (const uint8_t *)c, offsetof(struct capability, check), c->check);
}

bool capability_genuine(const struct capability *c)
{
	uint64_t check[2];

	siphash_128(state.seal_key, (const uint8_t *)c, offsetof(struct capability, check), check);
	return ((check[0] ^ c->check[0]) | (check[1] ^ c->check[1])) == 0 && c->spare == 0;
}

uint64_t link_draw(void)
{
	struct cpu *cpu = this_cpu();
	uint64_t number, out[2] = { cpu->drawn_spare };

	cpu->drawn_spare = 0;
	if (out[0])
		return out[0];
	number = (uint64_t)cpu->number << 56 | cpu->drawn++;
	siphash_128(state.link_key, (const uint8_t *)&number, sizeof number, out);
	cpu->drawn_spare = out[1];
	return out[0];
}
