/* exec: finding the program, through scripts, and mapping it and its interpreter into a new space. */
#include "baryon/string.h"
#include "process/exec.h"
#include "process/numbers.h"
#include "process/vdso.h"

enum { SCRIPT_DEPTH = 4, SCRIPT_LINE = 255 };
#define PROGRAM_BIAS 0x555555554000ull          /* where position-independent programs go */
#define FILE_BYTES_UNKNOWN (1ull << 62)

static uint64_t page_down(uint64_t address)
{
	return address & ~(PAGE_BYTES - 1);
}

static uint64_t page_up(uint64_t address)
{
	return page_down(address + PAGE_BYTES - 1);
}

static int header_read(struct file *file, char *header, uint64_t *bytes)
{
	int64_t done = file_read_at(file, header, PAGE_BYTES, 0);

	*bytes = done < 0 ? 0 : (uint64_t)done;
	return done < 0 ? (int)done : 0;
}

static int elf_take(struct file *file, char *header, struct elf_image *image)
{
	uint64_t bytes;
	int status = header_read(file, header, &bytes);

	if (status != 0)
		return status;
	return elf_read(image, header, bytes, FILE_BYTES_UNKNOWN) == ELF_OK ? 0 : -ENOEXEC;
}

/* ---- scripts ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Puts a text in front of the prefix. */
static int prefix_add(struct exec *exec, const char *text, uint64_t length)
{
	if (exec->prefix_bytes + length + 1 > PREFIX_BYTES)
		return -E2BIG;
	memmove(exec->prefix + length + 1, exec->prefix, exec->prefix_bytes);
	memcpy(exec->prefix, text, length);
	exec->prefix[length] = 0;
	exec->prefix_bytes += (uint32_t)length + 1;
	exec->prefix_count++;
	return 0;
}

/* A line "#!interpreter [argument]": the path becomes the interpreter's. */
static int script_take(struct exec *exec, uint64_t bytes)
{
	char *at = exec->header + 2, *end = memchr(exec->header, '\n', bytes), *word;
	int status = 0;

	if (end == NULL)
		end = exec->header + bytes;
	if (end - exec->header > SCRIPT_LINE)
		return -ENOEXEC;
	while (at < end && is_blank(*at))
		at++;
	while (end > at && is_blank(end[-1]))
		end--;
	for (word = at; at < end && !is_blank(*at); at++)
		;
	if (at == word)
		return -ENOEXEC;
	if (exec->prefix_count == 0)
		status = prefix_add(exec, exec->path, strlen(exec->path));
	memcpy(exec->path, word, (size_t)(at - word));
	exec->path[at - word] = 0;
	while (at < end && is_blank(*at))
		at++;
	if (status == 0 && at < end)
		status = prefix_add(exec, at, (uint64_t)(end - at));
	return status != 0 ? status : prefix_add(exec, exec->path, strlen(exec->path));
}

/* Opens exec->path until it is no script. */
static int program_open(struct exec *exec)
{
	for (unsigned depth = 0; depth <= SCRIPT_DEPTH; depth++) {
		uint64_t bytes;
		int status = file_open_exec(exec->path, &exec->file);

		if (status != 0)
			return status;
		status = header_read(exec->file, exec->header, &bytes);
		if (status != 0)
			return status;
		if (bytes < 2 || exec->header[0] != '#' || exec->header[1] != '!')
			return elf_take(exec->file, exec->header, &exec->image);
		status = script_take(exec, bytes);
		if (status != 0)
			return status;
		file_put(exec->file);
		exec->file = NULL;
	}
	return -ELOOP;
}

static int interpreter_open(struct exec *exec)
{
	uint64_t bytes = exec->image.interpreter_bytes;
	char *path = exec->header;
	int64_t done;
	int status;

	if (bytes == 0)
		return 0;
	if (bytes > PAGE_BYTES)
		return -ENOEXEC;
	done = file_read_at(exec->file, path, bytes, exec->image.interpreter_offset);
	if (done != (int64_t)bytes || path[bytes - 1] != 0)
		return -ENOEXEC;
	status = file_open_exec(path, &exec->interpreter_file);
	if (status != 0)
		return status;
	return elf_take(exec->interpreter_file, exec->header, &exec->interpreter);
}

int exec_open(struct exec *exec)
{
	const char *name = strrchr(exec->path, '/');
	int status;

	string_copy(exec->name, name != NULL ? name + 1 : exec->path, sizeof exec->name);
	status = program_open(exec);
	return status != 0 ? status : interpreter_open(exec);
}

/* ---- mapping ---- */

/* The part of a segment's last file page that is past the file's bytes reads zero. */
static int tail_clear(struct space *space, uint64_t end)
{
	return end % PAGE_BYTES == 0 ? 0 : space_own_write(space, end, NULL, PAGE_BYTES - end % PAGE_BYTES);
}

static int segment_map(struct space *space, struct file *file, const struct elf_segment *segment, uint64_t bias)
{
	uint64_t start = segment->address + bias;
	uint64_t file_end = start + segment->file_bytes, end = start + segment->memory_bytes;
	struct region region = {
		.start = page_down(start), .end = page_up(file_end), .offset = page_down(segment->offset),
		.file = file, .flags = segment->rights | REGION_MAY_WRITE,
	};
	int status = 0;

	if (segment->file_bytes > 0) {
		status = space_map(space, &region, false);
		if (status == 0 && end > file_end && (segment->rights & RIGHT_WRITE))
			status = tail_clear(space, file_end);
		region.start = region.end;
	}
	region.end = page_up(end);
	region.file = NULL;
	region.offset = 0;
	if (status == 0 && region.end > region.start)
		status = space_map(space, &region, false);
	return status;
}

static int image_map(struct space *space, struct file *file, const struct elf_image *image, uint64_t bias)
{
	int status = 0;

	if (image->high + bias > space->map_top)
		return -ENOEXEC;
	for (unsigned i = 0; i < image->count && status == 0; i++)
		status = segment_map(space, file, &image->segment[i], bias);
	return status == -EEXIST ? -ENOEXEC : status;
}

static int interpreter_map(struct exec *exec)
{
	const struct elf_image *image = &exec->interpreter;
	uint64_t gap;

	if (exec->interpreter_file == NULL)
		return 0;
	gap = region_gap(exec->space, image->high - image->low);
	if (gap == 0)
		return -ENOMEM;
	exec->interpreter_bias = image->relocatable ? gap - image->low : 0;
	exec->entry = image->entry + exec->interpreter_bias;
	return image_map(exec->space, exec->interpreter_file, image, exec->interpreter_bias);
}

static int stack_map(struct space *space, uint64_t limit, bool executable)
{
	struct region region = {
		.start = PROGRAM_STACK_TOP - 33 * PAGE_BYTES, .end = PROGRAM_STACK_TOP,
		.flags = RIGHT_READ | RIGHT_WRITE | (executable ? RIGHT_EXECUTE : 0) | REGION_MAY_WRITE | REGION_STACK,
	};

	if (limit > PROGRAM_STACK_TOP - PROGRAM_MAP_TOP - PAGE_BYTES)
		limit = PROGRAM_STACK_TOP - PROGRAM_MAP_TOP - PAGE_BYTES;
	space->stack_limit = PROGRAM_STACK_TOP - page_up(limit < 64 * PAGE_BYTES ? 64 * PAGE_BYTES : limit);
	return space_map(space, &region, false);
}

int exec_map(struct exec *exec)
{
	struct space *space = exec->space;
	uint64_t base;
	int status;

	exec->bias = exec->image.relocatable ? PROGRAM_BIAS - exec->image.low : 0;
	exec->entry = exec->image.entry + exec->bias;
	status = image_map(space, exec->file, &exec->image, exec->bias);
	space->heap_start = space->heap_end = page_up(exec->image.high + exec->bias);
	if (status == 0)
		status = interpreter_map(exec);
	if (status == 0)
		status = stack_map(space, self_process()->rlimits[RLIMIT_STACK].soft, exec->image.stack_executable);
	if (status == 0)
		status = vdso_map(space);
	if (status == 0)
		status = text_place(exec->text, space, &base);
	return status != 0 ? status : exec_stack_build(exec, base);
}
