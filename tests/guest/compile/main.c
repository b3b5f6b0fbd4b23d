#include <stdio.h>

#include "count.h"

int main(void)
{
	for (char letter = 'a'; letter <= 'e'; letter++)
		printf("%c: %zu of %zu\n", letter, count_with(letter), words_count);
	return 0;
}
