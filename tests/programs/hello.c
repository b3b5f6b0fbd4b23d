/* hello N: says so, and ends with status N. */
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **argument)
{
	puts("hello from Linux code");
	return count > 1 ? atoi(argument[1]) : 0;
}
