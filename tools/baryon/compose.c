/* See compose.h. The settings are those of abi/console.h. */
#include "tools/baryon/compose.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/baryon/terminal.h"
#include "tools/common/file.h"
#include "tools/image/image.h"
#include "tools/rootfs/tree.h"

#define BUILD_MISSING "%s is not there: run 'make' in Baryon's folder first"

struct settings {
	FILE *stream;
	char *bytes;
	size_t count;
};

const char *build_folder(void)
{
	static char folder[PATH_MAX + 16];
	const char *given = getenv("BARYON_BUILD");
	ssize_t bytes;

	if (given && *given)
		return given;
	bytes = readlink("/proc/self/exe", folder, PATH_MAX);
	if (bytes <= 0)
		return "build";
	while (bytes > 0 && folder[bytes - 1] != '/')
		bytes--;
	strcpy(folder + bytes, "build");
	return folder;
}

/* One setting, with the zero byte that ends it. */
static void put(struct settings *settings, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct settings *settings, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(settings->stream, format, arguments);
	va_end(arguments);
	putc(0, settings->stream);
}

static void put_terminal(struct settings *settings)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };
	const char *term = getenv("TERM");
	uint16_t rows, columns;

	for (int fd = 0; fd <= 2; fd++)
		put(settings, "%s=%s", names[fd], isatty(fd) ? "tty" : "stream");
	terminal_size(&rows, &columns);
	put(settings, "rows=%u", rows);
	put(settings, "columns=%u", columns);
	if (term && *term && (isatty(0) || isatty(1)))
		put(settings, "env=TERM=%s", term);
}

static void put_all(struct settings *settings, const struct options *options)
{
	for (char **word = options->program; word && *word; word++)
		put(settings, "arg=%s", *word);
	put_terminal(settings);
	for (unsigned i = 0; i < options->places.count; i++)
		put(settings, "place=%s", options->places.item[i]);
	for (unsigned i = 0; i < options->kernels.count; i++)
		put(settings, "kernel=%s", options->kernels.item[i]);
	for (unsigned i = 0; i < options->settings.count; i++)
		put(settings, "%s", options->settings.item[i]);
	if (options->verbose)
		put(settings, "verbose=1");
	put(settings, "end=power-off");
}

static bool add_settings(struct image *image, const struct options *options, struct complaint *complaint)
{
	struct settings settings = { 0 };
	bool done;

	settings.stream = open_memstream(&settings.bytes, &settings.count);
	if (!settings.stream)
		return complain(complaint, "no memory for the settings");
	put_all(&settings, options);
	fclose(settings.stream);
	done = image_add(image, "settings", settings.bytes, settings.count, complaint);
	free(settings.bytes);
	return done;
}

/* The image that the build made. */
static bool open_base(struct file_view *view, struct complaint *complaint)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof path, "%s/baryon.img", build_folder());
	if (access(path, F_OK) < 0)
		return complain(complaint, BUILD_MISSING, path);
	return file_open_view(view, path, complaint);
}

static bool add_base(struct image *image, const struct file_view *base, struct complaint *complaint)
{
	struct complaint inner;

	if (image_copy(image, base->bytes, base->count, &inner))
		return true;
	return complain(complaint, "%s/baryon.img: %s: run 'make' to build it again", build_folder(), inner.text);
}

static bool add_overlay(struct image *image, const char *root, const struct file_view *base, struct complaint *complaint)
{
	const struct image_module *under = image_find(&image->header, "rootfs");
	struct tree tree;
	uint64_t bytes;

	tree_start(&tree);
	return tree_add(&tree, root, complaint) &&
		(!under || tree_settle(&tree, base->bytes + under->offset, under->bytes, complaint)) &&
		tree_write(&tree, image->fd, image->end, &bytes, complaint) &&
		image_add_written(image, "overlay", bytes, complaint);
}

static bool check_kernel(const struct image *image, const char *option, const char *name, size_t bytes,
	struct complaint *complaint)
{
	static const char *const others[] = { "rootfs", "overlay", "settings" };
	char text[sizeof image->header.module[0].name] = "";
	bool known;

	if (bytes < sizeof text)
		memcpy(text, name, bytes);
	known = image_find(&image->header, text);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		known = known && strcmp(text, others[i]) != 0;
	if (known)
		return true;
	return complain(complaint, "%s: there is no application kernel '%.*s' in the boot image", option, (int)bytes, name);
}

static bool check_names(const struct image *image, const struct options *options, struct complaint *complaint)
{
	for (unsigned i = 0; i < options->places.count; i++) {
		const char *place = options->places.item[i];
		size_t bytes = strcspn(place, "=");

		if (!(bytes == 3 && memcmp(place, "all", 3) == 0) && !check_kernel(image, "--place", place, bytes, complaint))
			return false;
	}
	for (unsigned i = 0; i < options->kernels.count; i++)
		if (!check_kernel(image, "--kernel", options->kernels.item[i], strlen(options->kernels.item[i]), complaint))
			return false;
	return true;
}

static bool fill(struct image *image, const struct options *options, const struct file_view *base,
	struct complaint *complaint)
{
	return add_base(image, base, complaint) && check_names(image, options, complaint) &&
		add_settings(image, options, complaint) &&
		(!options->root || add_overlay(image, options->root, base, complaint)) && image_finish(image, complaint);
}

/* Root loads page groups that lie in the image whole as one page each. With room behind it, the programs brought lie in such. */
static bool room_add(struct image *image, struct complaint *complaint)
{
	image->end += GROUP_BYTES;
	if (ftruncate(image->fd, (off_t)image->end) == 0)
		return true;
	complain(complaint, "cannot make the boot image: %s", strerror(errno));
	return false;
}

bool compose(const struct options *options, int *fd, uint64_t *bytes, struct complaint *complaint)
{
	struct file_view base;
	struct image image;
	bool done;

	if (!open_base(&base, complaint))
		return false;
	*fd = memfd_create("baryon-image", MFD_CLOEXEC);
	if (*fd < 0) {
		complain(complaint, "cannot make the boot image: %s", strerror(errno));
		file_close_view(&base);
		return false;
	}
	image_start(&image, *fd);
	done = fill(&image, options, &base, complaint) && (!options->root || room_add(&image, complaint));
	if (!done)
		close(*fd);
	file_close_view(&base);
	*bytes = image.end;
	return done;
}
