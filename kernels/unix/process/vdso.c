/* The vDSO's two pages. Each is all of a file without a name that only this part has; programs have it mapped privately, so that
 * one that makes the code's page writable gets a copy of it, as with any file. The data's may not be made writable. */
#include "process/vdso.h"

#include "baryon/string.h"
#include "vdso/data.h"

extern const char vdso_image[], vdso_image_end[];       /* build/kernels/unix/vdso.so */

static struct file *code_file, *data_file;

/* A file of one page, which it keeps. */
static void *file_make_page(struct file **out)
{
	struct page_source source = { 0, 0 };

	*out = file_of_memory(PAGE_BYTES);
	if (*out == NULL || file_page(*out, 0, true, &source) != 0)
		unix_panic("no memory for the vDSO");
	return page_address((page_index)source.index);
}

void vdso_init(void)
{
	memcpy(file_make_page(&code_file), vdso_image, (size_t)(vdso_image_end - vdso_image));
	clock_share(file_make_page(&data_file));
}

int vdso_map(struct space *space)
{
	const struct region data = {
		.start = PROGRAM_VDSO_DATA, .end = PROGRAM_VDSO_DATA + PAGE_BYTES, .file = data_file,
		.flags = RIGHT_READ | REGION_SYSTEM,
	};
	const struct region code = {
		.start = PROGRAM_VDSO, .end = PROGRAM_VDSO + PAGE_BYTES, .file = code_file,
		.flags = RIGHT_READ | RIGHT_EXECUTE | REGION_MAY_WRITE | REGION_SYSTEM,
	};
	int status = space_map(space, &data, false);

	return status != 0 ? status : space_map(space, &code, false);
}

const char *vdso_name(const struct file *file)
{
	return file == code_file ? "[vdso]" : file == data_file ? "[vvar]" : NULL;
}
