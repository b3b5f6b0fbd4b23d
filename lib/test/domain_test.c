/* A domain's faults are answered with mappings of what lies there: of single pages, and of whole groups where the boot image has them. */
#include <string.h>

#include "baryon/calls.h"
#include "test.h"

#define mapping_load mapping_load_noted
static struct mapping_home noted[16];
static unsigned noted_count;

static long mapping_load_noted(baryon_uid space, const struct mapping_home *homes, uint64_t count, uint64_t flags)
{
	(void)space;
	(void)flags;
	CHECK(noted_count + count <= 16);
	memcpy(noted + noted_count, homes, count * sizeof *homes);
	noted_count += (unsigned)count;
	return (long)count;
}
#include "lib/domain.c"

enum { NUMBER = 5, HANDLE = 7 };

static struct domain domain;

static uint64_t image_address(uint64_t page)
{
	return domain.base + DOMAIN_BOOT_OFFSET + page * PAGE_BYTES;
}

/* Whether a read of that page of the image's container is answered with `pages` mapped from page `first` on, large or not. */
static bool is_mapped(uint64_t page, uint64_t first, unsigned pages, bool large)
{
	noted_count = 0;
	if (domain_fault(&domain, image_address(page) + 123, RIGHT_READ) != 0 || noted_count != (large ? 1 : pages))
		return false;
	for (unsigned i = 0; i < noted_count; i++)
		if (noted[i].index != first + i || noted[i].address != image_address(first + i) || noted[i].container != HANDLE ||
		    noted[i].rights != RIGHT_READ || noted[i].flags != (large ? MAPPING_LARGE : 0))
			return false;
	return true;
}

static bool is_refused(uint64_t page)
{
	noted_count = 0;
	return domain_fault(&domain, image_address(page), RIGHT_READ) == -BARYON_EFAULT && noted_count == 0;
}

static void image_start(uint64_t first, uint64_t bytes)
{
	domain_start(&domain, 1, NUMBER);
	CHECK(domain_add_image(&domain, HANDLE, first, bytes));
}

static void whole_groups_of_the_image_are_mapped_as_such(void)
{
	image_start(500, (12 + 2 * GROUP_PAGES + 3) * PAGE_BYTES - 1);
	CHECK(is_refused(499) && is_refused(0));
	CHECK(is_mapped(500, 500, 8, false));
	CHECK(is_mapped(511, 511, 1, false));
	CHECK(is_mapped(512, 512, 1, true) && is_mapped(1023, 512, 1, true) && is_mapped(1024, 1024, 1, true));
	CHECK(is_mapped(1536, 1536, 3, false) && is_mapped(1538, 1538, 1, false));
	CHECK(is_refused(1539));
}

static void an_image_without_a_whole_group_is_mapped_by_pages(void)
{
	image_start(0, 511 * PAGE_BYTES);
	CHECK(is_mapped(0, 0, 8, false) && is_mapped(510, 510, 1, false) && is_refused(511));
	image_start(3, 600 * PAGE_BYTES);
	CHECK(is_mapped(3, 3, 8, false) && is_mapped(512, 512, 8, false) && is_refused(603));
	image_start(0, GROUP_BYTES);
	CHECK(is_mapped(0, 0, 1, true) && is_refused(512));
	image_start(511, 1);
	CHECK(is_mapped(511, 511, 1, false) && is_refused(512) && is_refused(510));
}

static void a_fault_gives_no_right_that_the_part_has_not(void)
{
	image_start(0, GROUP_BYTES + 1);
	noted_count = 0;
	CHECK(domain_fault(&domain, image_address(0), RIGHT_READ | RIGHT_WRITE) == -BARYON_EFAULT);
	CHECK(domain_fault(&domain, image_address(512), RIGHT_EXECUTE) == -BARYON_EFAULT && noted_count == 0);
}

static void a_full_domain_takes_no_more(void)
{
	struct domain_part part = { .pages = 1, .around = 1 };

	domain_start(&domain, 1, NUMBER);
	for (unsigned i = 0; i < DOMAIN_PARTS; i++)
		CHECK(domain_add(&domain, &part));
	CHECK(!domain_add(&domain, &part) && !domain_add_image(&domain, HANDLE, 0, 1));
}

int main(void)
{
	whole_groups_of_the_image_are_mapped_as_such();
	an_image_without_a_whole_group_is_mapped_by_pages();
	a_fault_gives_no_right_that_the_part_has_not();
	a_full_domain_takes_no_more();
	puts("domain: ok");
	return 0;
}
