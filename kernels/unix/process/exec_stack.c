/* exec: the initial stack (System V psABI for x86-64, 3.4.1; auxiliary vector as getauxval(3) names it). */
#include "baryon/string.h"
#include "process/exec.h"
#include "process/numbers.h"
#include "process/vdso.h"

enum {
	AT_NULL = 0, AT_PHDR = 3, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_BASE, AT_FLAGS, AT_ENTRY, AT_UID = 11, AT_EUID, AT_GID,
	AT_EGID, AT_PLATFORM, AT_HWCAP, AT_CLKTCK, AT_SECURE = 23, AT_RANDOM = 25, AT_HWCAP2 = 26, AT_EXECFN = 31,
	AT_SYSINFO_EHDR = 33, AT_MINSIGSTKSZ = 51, AUXILIARY_LIMIT = 22,
};
enum { PROGRAM_HEADER_BYTES = 56, CLOCK_TICKS = 100, MINIMUM_SIGNAL_STACK = 2048 };

/* Writes words upwards into pages of the new stack. */
struct stack_writer {
	struct space *space;
	uint64_t at;
	uint64_t *page;                 /* where the page of `at` is, or null */
	bool failed;
};

static void word_put(struct stack_writer *writer, uint64_t word)
{
	if (writer->page == NULL || writer->at % PAGE_BYTES == 0) {
		page_index page = space_own_page(writer->space, writer->at);

		writer->failed |= page == 0;
		writer->page = page == 0 ? NULL : page_address(page);
	}
	if (writer->page != NULL)
		writer->page[writer->at % PAGE_BYTES / sizeof word] = word;
	writer->at += sizeof word;
}

/* Addresses of `count` texts from `offset` on, and the null after them. Returns the offset after the last. */
static uint64_t pointers_put(struct stack_writer *writer, const struct program_text *text, uint64_t base, uint64_t offset,
	uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		word_put(writer, base + offset);
		offset = text_next(text, offset);
	}
	word_put(writer, 0);
	return offset;
}

static unsigned auxiliary_fill(const struct exec *exec, uint64_t base, uint64_t vector[AUXILIARY_LIMIT][2])
{
	const struct credentials *c = &exec->credentials;
	const struct elf_image *image = &exec->image;
	const uint64_t entries[][2] = {
		{ AT_SYSINFO_EHDR, PROGRAM_VDSO },
		{ AT_PHDR, image->headers_address == 0 ? 0 : image->headers_address + exec->bias },
		{ AT_PHENT, PROGRAM_HEADER_BYTES },
		{ AT_PHNUM, image->header_count },
		{ AT_PAGESZ, PAGE_BYTES },
		{ AT_BASE, exec->interpreter_file != NULL ? exec->interpreter_bias : 0 },
		{ AT_FLAGS, 0 },
		{ AT_ENTRY, image->entry + exec->bias },
		{ AT_UID, c->uid }, { AT_EUID, c->euid }, { AT_GID, c->gid }, { AT_EGID, c->egid },
		{ AT_PLATFORM, base + exec->text->platform },
		{ AT_HWCAP, processor_features().d },
		{ AT_CLKTCK, CLOCK_TICKS },
		{ AT_SECURE, exec->secure },
		{ AT_RANDOM, base + exec->text->random },
		{ AT_HWCAP2, 0 },
		{ AT_EXECFN, base + exec->text->path },
		{ AT_MINSIGSTKSZ, MINIMUM_SIGNAL_STACK },
		{ AT_NULL, 0 },
	};

	_Static_assert(sizeof entries / sizeof entries[0] <= AUXILIARY_LIMIT, "room for the vector");
	memcpy(vector, entries, sizeof entries);
	return sizeof entries / sizeof entries[0];
}

int exec_stack_build(struct exec *exec, uint64_t base)
{
	const struct program_text *text = exec->text;
	uint64_t vector[AUXILIARY_LIMIT][2], offset;
	unsigned count = auxiliary_fill(exec, base, vector);
	uint64_t words = 1 + text->argument_count + 1 + text->environment_count + 1 + 2 * (uint64_t)count;
	struct stack_writer writer = { .space = exec->space, .at = (base - words * sizeof words) & ~15ull };

	if (base - writer.at > PROGRAM_STACK_TOP - exec->space->stack_limit - (PROGRAM_STACK_TOP - base))
		return -E2BIG;
	exec->stack = writer.at;
	word_put(&writer, text->argument_count);
	offset = pointers_put(&writer, text, base, 0, text->argument_count);
	(void)pointers_put(&writer, text, base, offset, text->environment_count);
	exec->space->auxiliary = writer.at;
	for (unsigned i = 0; i < count; i++) {
		word_put(&writer, vector[i][0]);
		word_put(&writer, vector[i][1]);
	}
	return writer.failed ? -ENOMEM : 0;
}
