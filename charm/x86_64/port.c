/* I/O ports for drivers in user mode, by way of Strange. A width that is not 1, 2 or 4 reads all ones and writes nothing. */
#include "charm/console.h"
#include "charm/x86_64/internal.h"
#include "charm/x86_64/machine.h"

uint64_t port_read_width(uint16_t port, unsigned width)
{
	switch (width) {
	case 1: return port_in8(port);
	case 2: return port_in16(port);
	case 4: return port_in32(port);
	}
	return UINT64_MAX;
}

void port_write_width(uint16_t port, unsigned width, uint64_t value)
{
	switch (width) {
	case 1: port_out8(port, (uint8_t)value); break;
	case 2: port_out16(port, (uint16_t)value); break;
	case 4: port_out32(port, (uint32_t)value); break;
	}
}

void port_read_block(uint16_t port, unsigned width, void *to, uint64_t count)
{
	switch (width) {
	case 1: __asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(port) : "memory"); break;
	case 2: __asm__ volatile("rep insw" : "+D"(to), "+c"(count) : "d"(port) : "memory"); break;
	case 4: __asm__ volatile("rep insl" : "+D"(to), "+c"(count) : "d"(port) : "memory"); break;
	}
}

void port_write_block(uint16_t port, unsigned width, const void *from, uint64_t count)
{
	switch (width) {
	case 1: __asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(port) : "memory"); break;
	case 2: __asm__ volatile("rep outsw" : "+S"(from), "+c"(count) : "d"(port) : "memory"); break;
	case 4: __asm__ volatile("rep outsl" : "+S"(from), "+c"(count) : "d"(port) : "memory"); break;
	}
}
