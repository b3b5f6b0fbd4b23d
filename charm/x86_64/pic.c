/* The legacy interrupt controllers (Intel 8259A): moved away from the exceptions, and masked for good. */
#include "charm/x86_64/internal.h"
#include "charm/x86_64/machine.h"

enum { MASTER = 0x20, SLAVE = 0xa0, PARKED = 0xf0 };

void pic_disable(void)
{
	port_out8(MASTER, 0x11);
	port_out8(SLAVE, 0x11);
	port_out8(MASTER + 1, PARKED);
	port_out8(SLAVE + 1, PARKED + 8);
	port_out8(MASTER + 1, 4);
	port_out8(SLAVE + 1, 2);
	port_out8(MASTER + 1, 1);
	port_out8(SLAVE + 1, 1);
	port_out8(MASTER + 1, 0xff);
	port_out8(SLAVE + 1, 0xff);
}
