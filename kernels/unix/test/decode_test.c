/* The length of instructions that write to memory, and where they name an address relative to the next one. */
#include <assert.h>
#include <string.h>

#include "process/decode.h"

static struct instruction decoded(const char *bytes, unsigned count)
{
	struct instruction in;

	assert(instruction_decode((const uint8_t *)bytes, count, &in));
	assert(in.length == count);
	for (unsigned less = 0; less < count; less++) {
		struct instruction other;

		assert(!instruction_decode((const uint8_t *)bytes, less, &other));
	}
	return in;
}
#define DECODED(text) decoded(text, sizeof(text) - 1)

static bool refused(const char *bytes, unsigned count)
{
	struct instruction in;

	return !instruction_decode((const uint8_t *)bytes, count, &in);
}
#define REFUSED(text) refused(text, sizeof(text) - 1)

static void lengths_of_stores_are_known(void)
{
	DECODED("\x88\x07");                                    /* mov %al, (%rdi) */
	DECODED("\x48\x89\x44\x24\x08");                        /* mov %rax, 8(%rsp) */
	DECODED("\x89\x84\x8b\x00\x01\x00\x00");                /* mov %eax, 256(%rbx,%rcx,4) */
	DECODED("\x89\x04\x25\x00\x10\x00\x00");                /* mov %eax, 0x1000 */
	DECODED("\x89\x45\x00");                                /* mov %eax, 0(%rbp) */
	DECODED("\xc6\x07\x01");                                /* movb $1, (%rdi) */
	DECODED("\x66\xc7\x07\x01\x02");                        /* movw $0x201, (%rdi) */
	DECODED("\xc7\x07\x01\x02\x03\x04");                    /* movl */
	DECODED("\x48\xc7\x47\x08\x01\x02\x03\x04");            /* movq */
	DECODED("\xf0\x48\x0f\xb1\x0e");                        /* lock cmpxchg %rcx, (%rsi) */
	DECODED("\xf0\x0f\xc1\x07");                            /* lock xadd %eax, (%rdi) */
	DECODED("\x0f\xba\x2f\x03");                            /* btsl $3, (%rdi) */
	DECODED("\x0f\x94\x07");                                /* sete (%rdi) */
	DECODED("\xf3\x48\xab");                                /* rep stosq */
	DECODED("\xa4");                                        /* movsb */
	DECODED("\x53");                                        /* push %rbx */
	DECODED("\x41\x54");                                    /* push %r12 */
	DECODED("\x6a\x01");                                    /* push $1 */
	DECODED("\x68\x01\x02\x03\x04");
	DECODED("\xc8\x10\x00\x00");                            /* enter $16, $0 */
	DECODED("\x0f\x29\x07");                                /* movaps %xmm0, (%rdi) */
	DECODED("\x66\x41\x0f\x7f\x04\x24");                    /* movdqa %xmm0, (%r12) */
	DECODED("\x66\x0f\x3a\x17\x07\x01");                    /* extractps $1, %xmm0, (%rdi) */
	DECODED("\xc5\xfd\x7f\x07");                            /* vmovdqa %ymm0, (%rdi) */
	DECODED("\xc4\xe3\x7d\x19\x07\x01");                    /* vextractf128 $1, %ymm0, (%rdi) */
	DECODED("\xc4\xc1\x7c\x29\x04\x24");                    /* vmovaps %ymm0, (%r12) */
	DECODED("\xdd\x1f");                                    /* fstpl (%rdi) */
	DECODED("\xf7\x1f");                                    /* negl (%rdi) */
	DECODED("\x80\x07\x01");                                /* addb $1, (%rdi) */
	DECODED("\x81\x07\x01\x02\x03\x04");
	DECODED("\xff\x07");                                    /* incl (%rdi) */
	DECODED("\x64\x89\x04\x25\x10\x00\x00\x00");            /* mov %eax, %fs:16 */
	DECODED("\x48\xa3\x01\x02\x03\x04\x05\x06\x07\x08");    /* movabs %rax, ... */
	DECODED("\x01\x07");                                    /* add %eax, (%rdi) */
}

static void relative_addresses_are_found(void)
{
	assert(DECODED("\x89\x05\x01\x02\x03\x04").relative == 2);                          /* mov %eax, x(%rip) */
	assert(DECODED("\x48\xc7\x05\x01\x02\x03\x04\x05\x06\x07\x08").relative == 3);      /* movq $.., x(%rip) */
	assert(DECODED("\xf0\x48\x0f\xc1\x05\x01\x02\x03\x04").relative == 5);
	assert(DECODED("\xc5\xfc\x29\x05\x01\x02\x03\x04").relative == 4);
	assert(DECODED("\x89\x85\x01\x02\x03\x04").relative == 0);                          /* mov %eax, x(%rbp) */
	assert(REFUSED("\x67\x89\x05\x01\x02\x03\x04"));                                    /* x(%eip) */
}

static void calls_are_told_from_jumps(void)
{
	assert(DECODED("\xe8\x01\x02\x03\x04").call);
	assert(DECODED("\xff\x15\x01\x02\x03\x04").call_indirect && DECODED("\x41\xff\x14\x24").call_indirect);
	assert(!DECODED("\xff\x36").call_indirect);             /* push (%rsi) */
	assert(REFUSED("\xe9\x01\x02\x03\x04") && REFUSED("\xff\x27") && REFUSED("\xff\x1f") && REFUSED("\x66\xe8\x01\x02\x03\x04"));
}

static void other_bytes_are_refused(void)
{
	assert(REFUSED("\x06") && REFUSED("\x62\xf1\x7c\x48\x29\x07") && REFUSED("\x0f\x05") && REFUSED("\xcc") && REFUSED("\xea"));
	assert(REFUSED("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x89\x07"));    /* 16 bytes */
	assert(!REFUSED("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x89\x07"));
}

/* Whatever the bytes, nothing beyond them is read and no place is outside the instruction. */
static void any_bytes_are_borne(void)
{
	uint64_t seed = 1;

	for (unsigned round = 0; round < 2000000; round++) {
		uint8_t bytes[INSTRUCTION_BYTES];
		struct instruction in;

		for (unsigned i = 0; i < sizeof bytes; i++) {
			seed = seed * 6364136223846793005 + 1442695040888963407;
			bytes[i] = (uint8_t)(seed >> 56);
		}
		if (!instruction_decode(bytes, round % (INSTRUCTION_BYTES + 1), &in))
			continue;
		assert(in.length <= round % (INSTRUCTION_BYTES + 1) && in.opcode < in.length && in.modrm < in.length);
		assert(in.relative == 0 || in.relative + 4 <= in.length);
	}
}

int main(void)
{
	lengths_of_stores_are_known();
	relative_addresses_are_found();
	calls_are_told_from_jumps();
	other_bytes_are_refused();
	any_bytes_are_borne();
	return 0;
}
