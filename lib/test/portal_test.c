/* Misses as the library answers them for a kernel that only says what comes of loading: the call that missed is made again, or fails. */
#include <string.h>

#include "abi/errors.h"
#include "abi/layout.h"
#include "baryon/format.h"
#include "baryon/portal.h"
#include "test.h"

_Noreturn void panic(const char *format, ...)
{
	printf("panic: %s\n", format);
	exit(1);
}

enum { INDEX = 7, RIP = 1000 };

static const baryon_uid asked_uid = 0x5000000042;
static long answer;
static unsigned asked;

long miss_answer(enum object_kind kind, baryon_uid uid, uint64_t index)
{
	CHECK(kind == KIND_PAGE && uid == asked_uid && index == INDEX);
	asked++;
	return answer;
}

static struct trap_frame frame_of(uint32_t flags, uint32_t register_flags)
{
	struct trap_frame frame;

	memset(&frame, 0, sizeof frame);
	frame.access = KIND_PAGE;
	frame.address = asked_uid;
	frame.error = INDEX;
	frame.flags = flags;
	frame.registers.rip = RIP;
	frame.registers.flags = register_flags;
	return frame;
}

/* What the frame has become once the miss was answered with `result`. */
static struct trap_frame handled(struct trap_frame frame, long result)
{
	answer = result;
	asked = 0;
	miss_handle(&frame, 1, 2);
	CHECK(asked == 1);
	return frame;
}

static bool frames_are_equal(const struct trap_frame *a, const struct trap_frame *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static void a_call_that_missed_is_made_again_when_the_object_is_there(void)
{
	struct trap_frame before = frame_of(0, 0), after = handled(before, 0);

	CHECK(frames_are_equal(&before, &after));
}

static void a_call_that_missed_what_cannot_be_had_fails_and_goes_on_behind_itself(void)
{
	struct trap_frame after = handled(frame_of(0, 0), -BARYON_ENOENT);

	CHECK(after.registers.rip == RIP + SYSCALL_BYTES && (long)after.registers.rax == -BARYON_ENOENT);
	after = handled(frame_of(0, REGISTERS_DIRECT), -BARYON_EPERM);
	CHECK(after.registers.rip == RIP + DIRECT_BYTES && (long)after.registers.rax == -BARYON_EPERM);
}

static void what_no_call_missed_is_left_as_it_was(void)
{
	struct trap_frame before = frame_of(FRAME_INDIRECT, 0), after = handled(before, -BARYON_ENOENT);

	CHECK(frames_are_equal(&before, &after));
}

static void a_miss_of_another_kernel_is_answered_in_its_first_word(void)
{
	struct portal_words words = { .word = { [WORD_CAUSE] = 9, [WORD_ADDRESS] = asked_uid, [WORD_ACCESS] = KIND_PAGE, [WORD_INDEX] = INDEX } };

	asked = 0;
	answer = -BARYON_ENOENT;
	miss_serve(&words);
	CHECK(asked == 1 && (long)words.word[0] == -BARYON_ENOENT);
	answer = 0;
	miss_serve(&words);
	CHECK(asked == 2 && words.word[0] == 0);
}

int main(void)
{
	a_call_that_missed_is_made_again_when_the_object_is_there();
	a_call_that_missed_what_cannot_be_had_fails_and_goes_on_behind_itself();
	what_no_call_missed_is_left_as_it_was();
	a_miss_of_another_kernel_is_answered_in_its_first_word();
	puts("portal: ok");
	return 0;
}
