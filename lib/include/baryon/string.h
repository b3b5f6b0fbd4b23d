/* Memory and text functions with the meaning that C gives them (C11, 7.24). */
#ifndef BARYON_STRING_H
#define BARYON_STRING_H

#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int byte, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
void *memchr(const void *at, int byte, size_t bytes);
size_t strlen(const char *text);
size_t strnlen(const char *text, size_t limit);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t limit);
char *strchr(const char *text, int character);
char *strrchr(const char *text, int character);

/* Copies at most room - 1 characters and always ends with a zero. Returns the length of `from`. */
size_t string_copy(char *to, const char *from, size_t room);

/* Whole pages, both page-aligned. */
void page_clear(void *page);
void page_copy(void *restrict to, const void *restrict from);

#endif
