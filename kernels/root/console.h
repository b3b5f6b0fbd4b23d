/* The console's devices: each moves bytes between the console channel's rings and the host, without looking at them. All
 * calls come from the console thread, or from root's first thread before that one runs. */
#ifndef ROOT_CONSOLE_H
#define ROOT_CONSOLE_H

#include "root.h"

struct console_device {
	const char *name;
	/* Finds and starts the device; the channel's frames lie in a row from `frame` on. False: it is not there. */
	bool (*start)(struct console_channel *channel, uint64_t frame);
	uint32_t (*interrupt)(void);    /* its global interrupt number */
	void (*acknowledge)(void);      /* an interrupt came: the device lets go of its line */
	/* Move what can be moved. True: something waits, and the device may not say when it can go on. */
	bool (*output)(void);
	bool (*input)(void);
	bool (*drained)(void);          /* all output has reached the host */
};

extern const struct console_device uart_console, virtio_console;

/* pci.c: configuration space of bus 0 (PCI Local Bus Specification 3.0, sections 3.2.2.3 and 6.1), by mechanism 1. */
enum { PCI_COMMAND = 0x04, PCI_BAR0 = 0x10, PCI_INTERRUPT = 0x3c };
enum { PCI_COMMAND_PORTS = 1, PCI_COMMAND_MASTER = 4, PCI_BAR_IS_PORTS = 1 };
uint32_t pci_read(uint32_t function, uint32_t offset);  /* the aligned word; function as pci_find gave it */
void pci_write(uint32_t function, uint32_t offset, uint32_t value);
/* The first function with a vendor and device number; false: none. */
bool pci_find(uint32_t vendor, uint32_t device, uint32_t *function);

#endif
