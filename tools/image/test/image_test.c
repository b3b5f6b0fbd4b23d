/* Boot images: what goes in comes out, names are checked, and damage is noticed. */
#include "tools/image/image.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/common/fnv.h"

static struct complaint complaint;
static uint8_t bytes[1 << 20];

static size_t finished(struct image *image)
{
	ssize_t count;

	assert(image_finish(image, &complaint));
	count = pread(image->fd, bytes, sizeof bytes, 0);
	assert(count == (ssize_t)image->end);
	return count;
}

static size_t small_image(void)
{
	struct image image;
	size_t count;

	image_start(&image, memfd_create("image", MFD_CLOEXEC));
	assert(image_add(&image, "root", "abc", 3, &complaint));
	assert(image_add(&image, "nothing", NULL, 0, &complaint));
	assert(image_add(&image, "unix", "defg", 4, &complaint));
	count = finished(&image);
	close(image.fd);
	return count;
}

static void modules_lie_on_pages_with_their_checks(void)
{
	size_t count = small_image();
	const struct image_header *header = (const void *)bytes;
	const struct image_module *module = image_find(header, "unix");

	assert(image_check(bytes, count, &complaint) && header->count == 3 && header->bytes == count);
	assert(module && module->bytes == 4 && module->offset % PAGE_BYTES == 0);
	assert(memcmp(bytes + module->offset, "defg\0", 5) == 0 && module->check == fnv_add(FNV_START, "defg", 4));
	assert(!image_find(header, "uni") && !image_find(header, "unixx") && !image_find(header, ""));
}

static void a_copy_can_be_added_to(void)
{
	size_t count = small_image();
	struct image image;

	image_start(&image, memfd_create("image", MFD_CLOEXEC));
	assert(image_copy(&image, bytes, count, &complaint));
	assert(!image_add(&image, "unix", "x", 1, &complaint));
	assert(image_add(&image, "settings", "x=y", 4, &complaint));
	count = finished(&image);
	assert(image_check(bytes, count, &complaint) && image_find((const void *)bytes, "settings")->bytes == 4);
	assert(memcmp(bytes + image_find((const void *)bytes, "root")->offset, "abc", 3) == 0);
	close(image.fd);
}

static void bad_names_and_too_many_modules_are_refused(void)
{
	struct image image;
	char name[40];

	image_start(&image, memfd_create("image", MFD_CLOEXEC));
	assert(!image_add(&image, "", "x", 1, &complaint));
	assert(!image_add(&image, "a name that is longer than the room", "x", 1, &complaint));
	for (int i = 0; i < IMAGE_MODULES; i++) {
		snprintf(name, sizeof name, "module%d", i);
		assert(image_add(&image, name, "x", 1, &complaint));
	}
	assert(!image_add(&image, "another", "x", 1, &complaint));
	close(image.fd);
}

static void damage_is_noticed(void)
{
	size_t count = small_image();
	uint8_t *copy = malloc(count);

	srand(1);
	for (int round = 0; round < 20000; round++) {
		struct image_header *header = (void *)copy;
		size_t cut = rand() % 4 ? count : rand() % count;

		memcpy(copy, bytes, count);
		for (int i = rand() % 3; i >= 0; i--)
			copy[rand() % 3 ? rand() % 256 : (int)PAGE_BYTES + rand() % 3] ^= 1 << rand() % 8;
		if (rand() % 2)
			header->check = fnv_add(FNV_START, header->module, sizeof header->module);
		image_check(copy, cut, &complaint);
	}
	memcpy(copy, bytes, count);
	copy[PAGE_BYTES] ^= 1;
	assert(!image_check(copy, count, &complaint) && strstr(complaint.text, "root"));
	assert(!image_check(bytes, count - 1, &complaint) && !image_check(bytes, 10, &complaint));
	free(copy);
}

int main(void)
{
	modules_lie_on_pages_with_their_checks();
	a_copy_can_be_added_to();
	bad_names_and_too_many_modules_are_refused();
	damage_is_noticed();
	return 0;
}
