/* Signal frames: their place on the stack, and that nothing but what a program may change comes back from one. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "abi/home.h"
#include "process/signal_frame.h"

static void frame_lies_below_the_stack_and_aligned(void)
{
	for (uint64_t stack = 0x7fff0000; stack < 0x7fff0100; stack++) {
		uint64_t extended, frame = signal_frame_place(stack, &extended);

		assert(extended % 64 == 0 && extended + XSTATE_BYTES + 4 <= stack);
		assert(frame % 16 == 8 && frame + sizeof(struct signal_frame) <= extended);
	}
}

static void registers_come_back_as_they_went(void)
{
	struct registers before, after = { 0 };
	struct linux_sigcontext context;
	uint64_t *words = (uint64_t *)&before;

	for (unsigned i = 0; i < sizeof before / 8; i++)
		words[i] = (uint64_t)rand() << 32 | (unsigned)rand();
	before.rflags = 0x246;
	before.flags = REGISTERS_FULL;
	before.reserved = 0;
	signal_context_fill(&context, &before);
	signal_context_take(&after, &context);
	assert(memcmp(&before, &after, sizeof before) == 0);
}

static void after_a_system_call_rcx_and_r11_are_rip_and_flags(void)
{
	struct registers before = { .rip = 0x401000, .rflags = 0x246, .rcx = 1, .r11 = 2 };
	struct linux_sigcontext context;

	signal_context_fill(&context, &before);
	assert(context.rcx == before.rip && context.r11 == before.rflags);
}

static void privileged_flags_do_not_come_back(void)
{
	struct linux_sigcontext context = { .rflags = ~0ull };
	struct registers registers = { 0 };

	signal_context_take(&registers, &context);
	assert((registers.rflags & 0x3000) == 0);       /* I/O privilege */
	assert((registers.rflags & 0x20000) == 0);      /* virtual 8086 */
	assert((registers.rflags & 0x200) != 0);        /* interrupts stay on */
	context.rflags = 0;
	signal_context_take(&registers, &context);
	assert((registers.rflags & 0x200) != 0);
}

static void bad_extended_state_is_refused(void)
{
	uint8_t area[XSTATE_BYTES] = { 0 };

	memset(area + 520, 0xff, 56);
	assert(signal_extended_check(area));
	for (unsigned i = 520; i < 576; i++)
		assert(area[i] == 0);
	area[512] = 8;
	assert(!signal_extended_check(area));
	area[512] = 7;
	area[26] = 1;                   /* a reserved bit of MXCSR */
	assert(!signal_extended_check(area));
}

int main(void)
{
	frame_lies_below_the_stack_and_aligned();
	registers_come_back_as_they_went();
	after_a_system_call_rcx_and_r11_are_rip_and_flags();
	privileged_flags_do_not_come_back();
	bad_extended_state_is_refused();
	return 0;
}
