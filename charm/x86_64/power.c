/* The end of the machine: ACPI's soft-off state and reset register. */
#include "charm/console.h"
#include "charm/x86_64/internal.h"
#include "charm/x86_64/machine.h"

enum { SLEEP_ENABLE = 1 << 13, SLEEP_TYPE_SHIFT = 10, SPACE_MEMORY = 0, SPACE_PORT = 1, KEYBOARD = 0x64, CHIPSET_RESET = 0xcf9 };

_Noreturn void machine_power_off(void)
{
	if (acpi.sleep_known && acpi.control_a) {
		port_out16(acpi.control_a, (uint16_t)(acpi.sleep_a << SLEEP_TYPE_SHIFT | SLEEP_ENABLE));
		if (acpi.control_b)
			port_out16(acpi.control_b, (uint16_t)(acpi.sleep_b << SLEEP_TYPE_SHIFT | SLEEP_ENABLE));
	}
	halt();
}

_Noreturn void machine_reset(void)
{
	volatile uint8_t *memory = physical_pointer(acpi.reset_address, 1);

	if (acpi.reset_space == SPACE_PORT)
		port_out8((uint16_t)acpi.reset_address, acpi.reset_value);
	else if (acpi.reset_space == SPACE_MEMORY && memory)
		*memory = acpi.reset_value;
	port_out8(CHIPSET_RESET, 6);
	port_out8(KEYBOARD, 0xfe);
	halt();
}
