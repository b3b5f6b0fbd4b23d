/* See console.h. Devices behind bridges are not looked for: what root drives stands on bus 0. */
#include "console.h"

#include "baryon/format.h"

enum { CONFIG_ADDRESS = 0xcf8, CONFIG_DATA = 0xcfc, DEVICES = 32, DEVICE_STEP = 1 << 11 };
#define CONFIG_ENABLE 0x80000000u

static void address_set(uint32_t function, uint32_t offset)
{
	if (port_write(CONFIG_ADDRESS, 4, CONFIG_ENABLE | function | (offset & 0xfc), 0) < 0)
		panic("root: PCI configuration space cannot be reached");
}

uint32_t pci_read(uint32_t function, uint32_t offset)
{
	address_set(function, offset);
	return (uint32_t)port_read(CONFIG_DATA, 4, NULL, 0);
}

void pci_write(uint32_t function, uint32_t offset, uint32_t value)
{
	address_set(function, offset);
	if (port_write(CONFIG_DATA, 4, value, 0) < 0)
		panic("root: PCI configuration space cannot be written");
}

bool pci_find(uint32_t vendor, uint32_t device, uint32_t *function)
{
	for (uint32_t i = 0; i < DEVICES; i++) {
		*function = i * DEVICE_STEP;
		if (pci_read(*function, 0) == (device << 16 | vendor))
			return true;
	}
	return false;
}
