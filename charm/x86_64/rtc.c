/* The CMOS clock (Motorola MC146818): wall-clock time at boot, taken as UTC. */
#include "charm/x86_64/internal.h"
#include "charm/x86_64/machine.h"

enum { INDEX = 0x70, DATA = 0x71, NMI_OFF = 0x80, STATUS_A = 10, STATUS_B = 11 };
enum { A_UPDATING = 0x80, B_24_HOURS = 2, B_BINARY = 4, HOUR_PM = 0x80, PATIENCE = 100000 };

struct reading {
	uint8_t second, minute, hour, day, month, year;
};

static uint8_t rtc_get(uint8_t index)
{
	port_out8(INDEX, NMI_OFF | index);
	return port_in8(DATA);
}

static struct reading reading_take(void)
{
	unsigned tries;

	for (tries = 0; tries < PATIENCE && (rtc_get(STATUS_A) & A_UPDATING); tries++)
		;
	return (struct reading){ rtc_get(0), rtc_get(2), rtc_get(4), rtc_get(7), rtc_get(8), rtc_get(9) };
}

static unsigned decimal(uint8_t value, uint8_t status)
{
	return status & B_BINARY ? value : (value >> 4) * 10u + (value & 15);
}

/* Days since 1 January 1970 of a day in the years 2000 to 2099. */
static uint64_t days_of(unsigned year, unsigned month, unsigned day)
{
	static const uint16_t before[12] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	uint64_t days = 10957 + year * 365 + (year + 3) / 4 + before[(month - 1) % 12] + day - 1;

	return days + (month > 2 && year % 4 == 0);
}

uint64_t rtc_seconds(void)
{
	struct reading a = reading_take(), b = reading_take();
	uint8_t status = rtc_get(STATUS_B);
	unsigned tries, hour;

	for (tries = 0; tries < 4 && memcmp(&a, &b, sizeof(a)); tries++) {
		a = b;
		b = reading_take();
	}
	hour = decimal(b.hour & 0x7f, status);
	if (!(status & B_24_HOURS))
		hour = hour % 12 + (b.hour & HOUR_PM ? 12 : 0);
	return days_of(decimal(b.year, status), decimal(b.month, status), decimal(b.day, status)) * 86400 +
	       hour * 3600u + decimal(b.minute, status) * 60 + decimal(b.second, status);
}
