/* exec: the texts that a program starts with. */
#include "baryon/string.h"
#include "process/exec.h"
#include "process/numbers.h"
#include "process/random.h"

/* Room at the end of the texts: address of the next byte, *room bytes up to the end of its page. Null: no memory, or full. */
static char *text_room(struct program_text *text, uint64_t *room)
{
	uint64_t page = text->bytes / PAGE_BYTES, offset = text->bytes % PAGE_BYTES;

	if (page >= TEXT_PAGES)
		return NULL;
	if (text->pages[page] == 0)
		text->pages[page] = page_alloc();
	*room = PAGE_BYTES - offset;
	return text->pages[page] == 0 ? NULL : (char *)page_address(text->pages[page]) + offset;
}

static int text_error(const struct program_text *text)
{
	return text->bytes / PAGE_BYTES >= TEXT_PAGES ? -E2BIG : -ENOMEM;
}

static int bytes_add(struct program_text *text, const void *bytes, uint64_t count)
{
	while (count > 0) {
		uint64_t room;
		char *to = text_room(text, &room);

		if (to == NULL)
			return text_error(text);
		if (room > count)
			room = count;
		memcpy(to, bytes, room);
		bytes = (const char *)bytes + room;
		text->bytes += room;
		count -= room;
	}
	return 0;
}

static int user_text_add(struct program_text *text, uint64_t address)
{
	uint64_t first = text->bytes;

	for (;;) {
		uint64_t room;
		char *to = text_room(text, &room);
		int64_t length;

		if (to == NULL)
			return text_error(text);
		length = user_string(to, address, room);
		if (length == -EFAULT)
			return -EFAULT;
		if (length >= 0) {
			text->bytes += (uint64_t)length + 1;
			return text->bytes - first > TEXT_LONGEST ? -E2BIG : 0;
		}
		text->bytes += room;
		if (text->bytes - first >= TEXT_LONGEST)
			return -E2BIG;
		address += room;
	}
}

/* Adds the texts of an array from entry `first` on, and counts them. */
static int array_add(struct program_text *text, const struct exec_source *source, uint64_t array, uint64_t first,
	uint32_t *count)
{
	for (uint64_t i = first; array != 0; i++) {
		uint64_t address;
		int status;

		if (source->kernel)
			address = ((const uint64_t *)array)[i];
		else if (user_read(&address, array + i * sizeof address, sizeof address) != 0)
			return -EFAULT;
		if (address == 0)
			break;
		status = source->kernel ? bytes_add(text, (const char *)address, strlen((const char *)address) + 1) :
			user_text_add(text, address);
		if (status != 0)
			return status;
		++*count;
	}
	return 0;
}

static int extras_add(struct exec *exec)
{
	static const char platform[] = "x86_64";
	struct program_text *text = exec->text;
	uint8_t random[16];
	int status;

	text->path = text->bytes;
	status = bytes_add(text, exec->path, strlen(exec->path) + 1);
	text->platform = text->bytes;
	if (status == 0)
		status = bytes_add(text, platform, sizeof platform);
	random_bytes(random, sizeof random);
	text->random = text->bytes;
	return status != 0 ? status : bytes_add(text, random, sizeof random);
}

int text_gather(struct exec *exec)
{
	struct program_text *text = heap_alloc(sizeof *text);
	int status;

	if (text == NULL)
		return -ENOMEM;
	exec->text = text;
	status = bytes_add(text, exec->prefix, exec->prefix_bytes);
	text->argument_count = exec->prefix_count;
	if (status == 0)
		status = array_add(text, &exec->source, exec->source.arguments, exec->prefix_count > 0, &text->argument_count);
	text->argument_end = text->bytes;
	if (status == 0)
		status = array_add(text, &exec->source, exec->source.environment, 0, &text->environment_count);
	text->environment_end = text->bytes;
	return status != 0 ? status : extras_add(exec);
}

void text_free(struct program_text *text)
{
	if (text == NULL)
		return;
	for (unsigned i = 0; i < TEXT_PAGES && text->pages[i] != 0; i++)
		page_put(text->pages[i]);
	heap_free(text);
}

uint64_t text_next(const struct program_text *text, uint64_t offset)
{
	while (offset < text->bytes) {
		const char *page = page_address(text->pages[offset / PAGE_BYTES]);
		const char *from = page + offset % PAGE_BYTES;
		const char *end = memchr(from, 0, PAGE_BYTES - offset % PAGE_BYTES);

		if (end != NULL)
			return offset + (uint64_t)(end - from) + 1;
		offset += PAGE_BYTES - offset % PAGE_BYTES;
	}
	return offset;
}

int text_place(struct program_text *text, struct space *space, uint64_t *base)
{
	uint64_t pages = (text->bytes + PAGE_BYTES - 1) / PAGE_BYTES;

	*base = PROGRAM_STACK_TOP - pages * PAGE_BYTES;
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t *slot = slot_make(space, *base + i * PAGE_BYTES);

		if (slot == NULL)
			return -ENOMEM;
		page_get(text->pages[i]);
		*slot = (uint64_t)text->pages[i] << PAGE_BITS | SLOT_PRESENT;
		space->resident++;
	}
	space->argument_start = *base;
	space->argument_end = *base + text->argument_end;
	space->environment_end = *base + text->environment_end;
	return 0;
}
