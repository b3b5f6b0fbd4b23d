/* A boot image's header is accepted only as it was made. */
#include <string.h>

#include "baryon/hash.h"
#include "baryon/image.h"
#include "test.h"

static struct {
	struct image_header header;
	unsigned char rest[4 * PAGE_BYTES];
} image __attribute__((aligned(4096)));

static void seal(void)
{
	image.header.check = hash_fnv1a(FNV_START, image.header.module, sizeof image.header.module);
}

static void make(void)
{
	memset(&image, 0, sizeof image);
	image.header.magic = IMAGE_MAGIC;
	image.header.version = 1;
	image.header.count = 3;
	image.header.bytes = sizeof image;
	image.header.module[0] = (struct image_module){ .name = "root", .offset = 0x1000, .bytes = 5 };
	image.header.module[1] = (struct image_module){ .name = "unix", .offset = 0x2000, .bytes = 3 };
	image.header.module[2] = (struct image_module){ .name = "root", .offset = 0x3000, .bytes = 0 };
	memcpy((char *)&image + 0x2000, "abc", 3);
	image.header.module[1].check = hash_fnv1a(FNV_START, "abc", 3);
	seal();
}

static void modules_are_found(void)
{
	make();
	CHECK(image_valid(&image.header, sizeof image));
	CHECK(image_find(&image.header, "root") == &image.header.module[2]);    /* the newest */
	CHECK(image_find(&image.header, "none") == NULL);
	CHECK(image_module_intact(&image.header, &image.header.module[1]));
	CHECK(memcmp(image_module_bytes(&image.header, &image.header.module[1]), "abc", 3) == 0);
	((char *)&image)[0x2001] = 'x';
	CHECK(!image_module_intact(&image.header, &image.header.module[1]));
}

static void damage_is_refused(void)
{
	make();
	CHECK(!image_valid(&image.header, sizeof image - 1) && !image_valid(&image.header, 100));
	image.header.module[0].bytes++;
	CHECK(!image_valid(&image.header, sizeof image));
	make();
	image.header.module[0].offset = 0x1001;
	seal();
	CHECK(!image_valid(&image.header, sizeof image));
	make();
	image.header.module[0].bytes = sizeof image;
	seal();
	CHECK(!image_valid(&image.header, sizeof image));
	make();
	memset(image.header.module[0].name, 'a', sizeof image.header.module[0].name);
	seal();
	CHECK(!image_valid(&image.header, sizeof image));
	make();
	image.header.count = IMAGE_MODULES + 1;
	CHECK(!image_valid(&image.header, sizeof image));
}

int main(void)
{
	modules_are_found();
	damage_is_refused();
	puts("image: ok");
	return 0;
}
