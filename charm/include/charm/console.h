/* The early console (first serial port), for Charm, Strange's panics and the log. And the machine's end. */
#ifndef CHARM_CONSOLE_H
#define CHARM_CONSOLE_H

#include "abi/types.h"

void console_write(const char *text, uint64_t bytes);
void console_print(const char *format, ...) __attribute__((format(printf, 1, 2))); /* %s %d %u %x %lx %lu %c %p */
uint64_t port_read_width(uint16_t port, unsigned width);
void port_write_width(uint16_t port, unsigned width, uint64_t value);
void port_read_block(uint16_t port, unsigned width, void *to, uint64_t count);
void port_write_block(uint16_t port, unsigned width, const void *from, uint64_t count);
_Noreturn void machine_power_off(void);
_Noreturn void machine_reset(void);

#endif
