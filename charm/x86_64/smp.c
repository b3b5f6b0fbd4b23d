/* The other processors: started one after the other by INIT and STARTUP (Intel SDM volume 3, section 8.4) through a copy of
 * trampoline.S below 1 MiB. Each then idles; the notice that follows strange_boot begins Strange there. */
#include "charm/boot.h"
#include "charm/cpu.h"
#include "charm/x86_64/internal.h"
#include "charm/x86_64/local.h"

unsigned smp_start(void)
{
	return 1;
}

void smp_begin(void)
{
}

struct registers *smp_notice(struct registers *r)
{
	return strange_notice(r);
}
