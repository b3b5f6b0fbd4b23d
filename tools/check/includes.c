/* Who may include whom: abi <- charm <- strange, and on the user side abi, interfaces <- lib <- components, kernels, store. Each
 * area has a list of what its files may name in quotes, apart from files of their own folder. */
#include <stdio.h>
#include <string.h>

#include "tools/check/check.h"

struct area {
	const char *folder;
	const char *allowed[6];     /* prefixes of what may be included */
};

static const struct area areas[] = {
	{ "abi/", { "abi/" } },
	{ "charm/", { "abi/", "charm/", "charm_arch/" } },
	{ "strange/", { "abi/", "charm/", "strange/" } },
	{ "interfaces/", { "abi/", "interfaces/" } },
	{ "lib/", { "abi/", "interfaces/", "lib/" } },
	{ "components/", { "abi/", "interfaces/", "lib/" } },
	{ "kernels/", { "abi/", "interfaces/", "lib/" } },
	{ "store/", { "abi/", "interfaces/", "lib/", "store/" } },
	{ "tools/", { "abi/", "interfaces/", "tools/", "store/" } },
};

/* What a freestanding compiler brings. */
static const char *const freestanding[] = { "stdarg.h", "stdbool.h", "stddef.h", "stdint.h", "limits.h", "stdalign.h", "cpuid.h" };

static bool starts_with_one(const char *name, const char *const *prefix, size_t count)
{
	for (size_t i = 0; i < count && prefix[i]; i++)
		if (strncmp(name, prefix[i], strlen(prefix[i])) == 0)
			return true;
	return false;
}

/* Names of areas never stand for files of the includer's own folder. */
static bool names_an_area(const char *name)
{
	for (size_t i = 0; i < sizeof areas / sizeof areas[0]; i++)
		if (path_is_in(name, areas[i].folder))
			return true;
	return path_is_in(name, "charm_arch/");
}

static void quoted_check(const struct source *source, const struct area *area, unsigned line, const char *name)
{
	const char *bare = name;
	bool is_own;

	while (strncmp(bare, "../", 3) == 0)
		bare += 3;
	is_own = !names_an_area(bare);
	if (!is_own && path_is_in(area->folder, "kernels/") && path_is_in(bare, "kernels/")) {
		const char *rest = strchr(source->path + strlen("kernels/"), '/');

		is_own = rest && strncmp(bare, source->path, rest - source->path + 1) == 0;
	}
	if (!is_own && !starts_with_one(bare, area->allowed, sizeof area->allowed / sizeof area->allowed[0]))
		report(source->path, line, "%.*s may not include %s", (int)strlen(area->folder) - 1, area->folder, name);
}

static void system_check(const struct source *source, unsigned line, const char *name)
{
	for (size_t i = 0; i < sizeof freestanding / sizeof freestanding[0]; i++)
		if (strcmp(name, freestanding[i]) == 0)
			return;
	report(source->path, line, "<%s> is not for code without an operating system", name);
}

static void line_check(const struct source *source, const struct area *area, unsigned line, const char *text)
{
	char quote, name[256];

	if (sscanf(text, " # include %c%255[^\">\n]", &quote, name) != 2)
		return;
	if (quote == '"')
		quoted_check(source, area, line, name);
	else if (quote == '<' && !source->is_host)
		system_check(source, line, name);
}

/* Tests may reach for what they test and for host headers; what user code tests stays away from the kernel all the same. */
void includes_check(const struct source *source)
{
	const struct area *area = NULL;
	unsigned line = 1;

	for (size_t i = 0; i < sizeof areas / sizeof areas[0]; i++)
		if (path_is_in(source->path, areas[i].folder))
			area = &areas[i];
	if (!area || (source->is_test && (path_is_in(source->path, "strange/") || path_is_in(source->path, "charm/"))))
		return;
	for (const char *at = source->text; at; line++) {
		line_check(source, area, line, at);
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
}
