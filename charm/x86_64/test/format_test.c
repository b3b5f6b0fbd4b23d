/* format.c says what printf says, for the conversions that it has. */
#include "charm/x86_64/format.c"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text {
	char bytes[256];
	size_t used;
};

static void text_put(void *to, const char *bytes, uint64_t count)
{
	struct text *text = to;

	assert(text->used + count < sizeof(text->bytes));
	memcpy(text->bytes + text->used, bytes, count);
	text->used += count;
}

__attribute__((format(printf, 1, 2))) static void same(const char *format, ...)
{
	struct text text = { .used = 0 };
	char expected[256];
	va_list list, again;

	va_start(list, format);
	va_copy(again, list);
	format_print(text_put, &text, format, list);
	vsnprintf(expected, sizeof(expected), format, again);
	va_end(again);
	va_end(list);
	text.bytes[text.used] = 0;
	if (strcmp(text.bytes, expected)) {
		printf("'%s' instead of '%s'\n", text.bytes, expected);
		assert(0);
	}
}

int main(void)
{
	same("plain");
	same("%s and %s%c", "one", "two", '!');
	same("%d %d %d", 0, -1, 2147483647);
	same("%ld %ld", INT64_MIN, INT64_MAX);
	same("%u %x %lx %lu", 4000000000u, 0xdeadbeefu, 0x123456789abcdef0ul, UINT64_MAX);
	same("%08x|%016lx|%5u|%3s|", 0x12u, 0x34ul, 7u, "a");
	same("100%%");
	return 0;
}
