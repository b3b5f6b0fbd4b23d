/* Memory and text functions do what C says, for every size and alignment that takes another path. */
#include <string.h>

#include "test.h"

#define memcpy lib_memcpy
#define memmove lib_memmove
#define memset lib_memset
#define memcmp lib_memcmp
#define memchr lib_memchr
#define strlen lib_strlen
#define strnlen lib_strnlen
#define strcmp lib_strcmp
#define strncmp lib_strncmp
#define strchr lib_strchr
#define strrchr lib_strrchr
#include "../string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp

enum { ROOM = 700, SIZES = 300 };

static unsigned char a[ROOM], b[ROOM], expected[ROOM];

static void fill(void)
{
	for (int i = 0; i < ROOM; i++) {
		a[i] = (unsigned char)(i * 7 + 1);
		b[i] = (unsigned char)(i * 13 + 5);
	}
}

static void copies_exactly_what_is_asked(void)
{
	for (size_t size = 0; size < SIZES; size++)
		for (size_t to = 8; to < 17; to++)
			for (size_t from = 0; from < 9; from++) {
				fill();
				memcpy(expected, b, ROOM);
				memcpy(expected + to, a + from, size);
				CHECK(lib_memcpy(b + to, a + from, size) == b + to);
				CHECK(memcmp(b, expected, ROOM) == 0);
			}
}

static void moves_over_itself(void)
{
	for (size_t size = 0; size < SIZES; size++)
		for (size_t to = 0; to < 300; to += 1 + to / 20) {
			fill();
			memcpy(expected, a, ROOM);
			memmove(expected + to, expected + 100, size);
			lib_memmove(a + to, a + 100, size);
			CHECK(memcmp(a, expected, ROOM) == 0);
		}
}

static void sets_exactly_what_is_asked(void)
{
	for (size_t size = 0; size < SIZES; size++)
		for (size_t to = 0; to < 9; to++) {
			fill();
			memcpy(expected, a, ROOM);
			memset(expected + to, 0x1c3, size);
			lib_memset(a + to, 0x1c3, size);
			CHECK(memcmp(a, expected, ROOM) == 0);
		}
}

static void compares_as_unsigned_bytes(void)
{
	for (size_t size = 1; size < 40; size++)
		for (size_t at = 0; at < size; at++) {
			lib_memset(a, 0x7f, size);
			lib_memset(b, 0x7f, size);
			CHECK(lib_memcmp(a, b, size) == 0);
			a[at] = 0xff;
			CHECK(lib_memcmp(a, b, size) > 0);
			CHECK(lib_memcmp(b, a, size) < 0);
		}
}

static void texts(void)
{
	char small[4];

	CHECK(lib_strlen("") == 0 && lib_strlen("abc") == 3 && lib_strnlen("abc", 2) == 2);
	CHECK(lib_strcmp("a", "a") == 0 && lib_strcmp("a", "b") < 0 && lib_strcmp("b", "a") > 0 && lib_strcmp("a", "") > 0);
	CHECK(lib_strcmp("\xff", "a") > 0);
	CHECK(lib_strncmp("abc", "abd", 2) == 0 && lib_strncmp("abc", "abd", 3) < 0 && lib_strncmp("a", "ab", 5) < 0);
	CHECK(lib_strchr("hello", 'l')[1] == 'l' && lib_strchr("hello", 'x') == NULL && *lib_strchr("hello", 0) == 0);
	CHECK(lib_strrchr("hello", 'l')[1] == 'o' && lib_strrchr("hello", 'x') == NULL);
	CHECK(lib_memchr("ab\0c", 'c', 4) != NULL && lib_memchr("abc", 'c', 2) == NULL);
	CHECK(string_copy(small, "abcdef", sizeof small) == 6 && lib_strcmp(small, "abc") == 0);
	CHECK(string_copy(small, "a", 0) == 1);
}

int main(void)
{
	copies_exactly_what_is_asked();
	moves_over_itself();
	sets_exactly_what_is_asked();
	compares_as_unsigned_bytes();
	texts();
	puts("string: ok");
	return 0;
}
