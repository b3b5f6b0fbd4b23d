/* The formatter agrees with the host's for everything that it knows, and never writes past the room. */
#include <stdarg.h>
#include <string.h>

#include "test.h"

#define snprintf lib_snprintf
#define vsnprintf lib_vsnprintf
#include "../format.c"
#undef snprintf
#undef vsnprintf

#define AGREES(...) \
	do { \
		char mine[100], theirs[100]; \
		int x = lib_snprintf(mine, sizeof mine, __VA_ARGS__), y = snprintf(theirs, sizeof theirs, __VA_ARGS__); \
		if (x != y || strcmp(mine, theirs) != 0) \
			printf("\"%s\" is not \"%s\"\n", mine, theirs); \
		CHECK(x == y && strcmp(mine, theirs) == 0); \
	} while (0)

static void numbers_agree_with_the_host(void)
{
	static const long values[] = { 0, 1, -1, 9, 10, 123456789, -123456789, 0x7fffffff, -0x7fffffffl - 1, 0x7fffffffffffffff,
		-0x7fffffffffffffff - 1 };

	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		long v = values[i];

		AGREES("%ld|%5ld|%-5ld|%05ld|%+ld|%.3ld|%8.3ld", v, v, v, v, v, v, v);
		AGREES("%lx|%#lx|%016lx|%lX|%lo|%lu", v, v ? v : 1, v, v, v, v);
		AGREES("%d|%i|%u|%x|%hd|%hx|%hhx|%hu", (int)v, (int)v, (int)v, (int)v, (short)v, (unsigned short)v,
			(unsigned char)v, (unsigned short)v);
		AGREES("%zu|%lld|%llx", (size_t)v, (long long)v, (long long)v);
	}
	AGREES("%*d|%-*d|%.*d|", 6, 42, 6, 42, 4, 42);
}

static void texts_agree_with_the_host(void)
{
	AGREES("%s|%10s|%-10s|%.2s|%c|%%|%5c|", "abc", "abc", "abc", "abc", 'x', 'y');
	AGREES("%p", (void *)0x1234);
	AGREES("plain");
}

static void the_room_is_kept(void)
{
	char room[8];

	for (size_t size = 0; size <= 6; size++) {
		memset(room, '#', sizeof room);
		CHECK(lib_snprintf(room, size, "%s", "0123456789") == 10);
		CHECK(size == 0 || (strlen(room) == size - 1 && memcmp(room, "0123456789", size - 1) == 0));
		CHECK(room[size] == '#');
	}
}

int main(void)
{
	numbers_agree_with_the_host();
	texts_agree_with_the_host();
	the_room_is_kept();
	puts("format: ok");
	return 0;
}
