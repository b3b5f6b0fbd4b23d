/* The end of everything, said once. */
#include "charm/console.h"
#include "charm/trap.h"
#include "charm/x86_64/internal.h"
#include "charm/x86_64/machine.h"

uint32_t panic_begun;           /* entry_nmi of entry.S halts a CPU once it is set */

static void panic_put(void *to, const char *text, uint64_t bytes)
{
	(void)to;
	console_write(text, bytes);
}

_Noreturn void panic(const char *format, ...)
{
	__builtin_va_list list;

	__asm__ volatile("cli");
	if (__atomic_exchange_n(&panic_begun, 1, __ATOMIC_SEQ_CST))
		halt();
	apic_send_others(SEND_NMI);
	console_unlock();
	console_print("\nbaryon: panic: ");
	__builtin_va_start(list, format);
	format_print(panic_put, NULL, format, list);
	__builtin_va_end(list);
	console_print("\n");
	if (boot_option("panic=off"))
		machine_power_off();
	halt();
}
