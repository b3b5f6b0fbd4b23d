/* Memory and text functions. Small sizes go by unrolled words, larger ones by one string instruction a word
 * (lib/x86_64/words.S). Overlapping word accesses at both ends avoid loops over bytes. */
#include "baryon/string.h"

void words_copy(void *to, const void *from, size_t words);
void words_fill(void *to, uint64_t value, size_t words);

enum { STRING_BYTES = 128, PAGE_WORDS = 512 };

/* Unaligned accesses of 2, 4 and 8 bytes that may alias anything. */
typedef uint64_t __attribute__((aligned(1), may_alias)) any64;
typedef uint32_t __attribute__((aligned(1), may_alias)) any32;
typedef uint16_t __attribute__((aligned(1), may_alias)) any16;

static inline any64 *word_at(void *at, size_t offset)
{
	return (any64 *)((char *)at + offset);
}

static inline const any64 *cword_at(const void *at, size_t offset)
{
	return (const any64 *)((const char *)at + offset);
}

/* 0 to 16 bytes; all loads come before the stores, so the ranges may overlap. */
static inline void copy_tiny(void *to, const void *from, size_t bytes)
{
	if (bytes >= 8) {
		uint64_t first = *cword_at(from, 0), last = *cword_at(from, bytes - 8);

		*word_at(to, 0) = first;
		*word_at(to, bytes - 8) = last;
	} else if (bytes >= 4) {
		uint32_t first = *(const any32 *)from, last = *(const any32 *)cword_at(from, bytes - 4);

		*(any32 *)to = first;
		*(any32 *)word_at(to, bytes - 4) = last;
	} else if (bytes >= 2) {
		uint16_t first = *(const any16 *)from, last = *(const any16 *)cword_at(from, bytes - 2);

		*(any16 *)to = first;
		*(any16 *)word_at(to, bytes - 2) = last;
	} else if (bytes) {
		*(char *)to = *(const char *)from;
	}
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
	size_t done = 0;

	if (bytes <= 16) {
		copy_tiny(to, from, bytes);
		return to;
	}
	if (bytes >= STRING_BYTES) {
		words_copy(to, from, bytes / 8);
	} else {
		for (; done + 16 <= bytes; done += 16) {
			*word_at(to, done) = *cword_at(from, done);
			*word_at(to, done + 8) = *cword_at(from, done + 8);
		}
		*word_at(to, bytes - 16) = *cword_at(from, bytes - 16);
	}
	*word_at(to, bytes - 8) = *cword_at(from, bytes - 8);
	return to;
}

/* Two and four words; all loads come before the stores. */
static inline void copy_two(void *to, const void *from)
{
	uint64_t a = *cword_at(from, 0), b = *cword_at(from, 8);

	*word_at(to, 0) = a;
	*word_at(to, 8) = b;
}

static inline void copy_four(void *to, const void *from)
{
	uint64_t a = *cword_at(from, 0), b = *cword_at(from, 8), c = *cword_at(from, 16), d = *cword_at(from, 24);

	*word_at(to, 0) = a;
	*word_at(to, 8) = b;
	*word_at(to, 16) = c;
	*word_at(to, 24) = d;
}

static void copy_down(void *to, const void *from, size_t bytes)
{
	while (bytes >= 32) {
		bytes -= 32;
		copy_four(word_at(to, bytes), cword_at(from, bytes));
	}
	if (bytes > 16) {
		bytes -= 16;
		copy_two(word_at(to, bytes), cword_at(from, bytes));
	}
	copy_tiny(to, from, bytes);
}

/* Upwards without reading anything twice: the tail may lie over what was just written. */
static void copy_up(void *to, const void *from, size_t bytes)
{
	size_t done = 0;

	for (; done + 32 <= bytes; done += 32)
		copy_four(word_at(to, done), cword_at(from, done));
	if (bytes - done > 16) {
		copy_two(word_at(to, done), cword_at(from, done));
		done += 16;
	}
	copy_tiny(word_at(to, done), cword_at(from, done), bytes - done);
}

void *memmove(void *to, const void *from, size_t bytes)
{
	uintptr_t distance = (uintptr_t)to - (uintptr_t)from;

	if (distance >= bytes && -distance >= bytes)
		return memcpy(to, from, bytes);
	if (distance < bytes)
		copy_down(to, from, bytes);
	else
		copy_up(to, from, bytes);
	return to;
}

void *memset(void *to, int byte, size_t bytes)
{
	uint64_t value = (uint8_t)byte * 0x0101010101010101ull;

	if (bytes < 8) {
		for (size_t i = 0; i < bytes; i++)
			((volatile char *)to)[i] = (char)byte;
		return to;
	}
	if (bytes >= STRING_BYTES) {
		words_fill(to, value, bytes / 8);
	} else {
		for (size_t done = 0; done + 8 <= bytes; done += 8)
			*word_at(to, done) = value;
	}
	*word_at(to, bytes - 8) = value;
	return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
	const uint8_t *x = a, *y = b;
	size_t i = 0;

	while (i + 8 <= bytes && *cword_at(a, i) == *cword_at(b, i))
		i += 8;
	for (; i < bytes; i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

void *memchr(const void *at, int byte, size_t bytes)
{
	const uint8_t *x = at;

	for (size_t i = 0; i < bytes; i++)
		if (x[i] == (uint8_t)byte)
			return (void *)(uintptr_t)(x + i);
	return NULL;
}

size_t strlen(const char *text)
{
	const volatile char *end = text;

	while (*end)
		end++;
	return (size_t)(end - text);
}

size_t strnlen(const char *text, size_t limit)
{
	size_t length = 0;

	while (length < limit && text[length])
		length++;
	return length;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (int)(uint8_t)*a - (int)(uint8_t)*b;
}

int strncmp(const char *a, const char *b, size_t limit)
{
	for (size_t i = 0; i < limit; i++)
		if (a[i] != b[i] || !a[i])
			return (int)(uint8_t)a[i] - (int)(uint8_t)b[i];
	return 0;
}

char *strchr(const char *text, int character)
{
	for (;; text++) {
		if (*text == (char)character)
			return (char *)(uintptr_t)text;
		if (!*text)
			return NULL;
	}
}

char *strrchr(const char *text, int character)
{
	const char *found = NULL;

	for (;; text++) {
		if (*text == (char)character)
			found = text;
		if (!*text)
			return (char *)(uintptr_t)found;
	}
}

size_t string_copy(char *to, const char *from, size_t room)
{
	size_t length = strlen(from);
	size_t take = length < room ? length : room - 1;

	if (room == 0)
		return length;
	memcpy(to, from, take);
	to[take] = 0;
	return length;
}

void page_clear(void *page)
{
	words_fill(page, 0, PAGE_WORDS);
}

void page_copy(void *restrict to, const void *restrict from)
{
	words_copy(to, from, PAGE_WORDS);
}
