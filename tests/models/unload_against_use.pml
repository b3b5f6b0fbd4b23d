/* Unloading a space against those who begin to use it (strange/schedule.c cpu_enter_map, strange/call.c call_portal_call,
 * strange/space.c space_unload, strange/shootdown.c).
 *
 * A user sets its mark (its CPU's bit in the space, or the level in its thread) and then looks whether the space is dying.
 * Whoever unloads marks the space dying and then looks for marks. So one of the two sees the other, and a table is
 * never reused while somebody walks it. */

#define USERS 2

bool dying;
bool entered[USERS];                /* a CPU has the map active */
bool walking[USERS];            /* it uses the tables now */
bool freed;

proctype user(byte me)
{
	byte n = 0;

	do
	:: n < 2 ->
		n++;
		entered[me] = true;                 /* atomic or, sequentially consistent */
		if
		:: dying -> entered[me] = false; break  /* thread_map_lost */
		:: else -> skip
		fi;
		walking[me] = true;
		assert(!freed);
		walking[me] = false;
		/* Leaves for another map, or serves a shoot-down: either way the bit goes after the last walk. */
		entered[me] = false
	:: n == 2 -> break
	od
}

proctype unloader()
{
	byte i = 0;

	dying = true;
	do
	:: i < USERS ->
		!entered[i];                        /* asks by shoot-down until the bit is gone */
		i++
	:: i == USERS -> break
	od;
	freed = true;
	assert(!walking[0] && !walking[1])
}

init {
	atomic { run user(0); run user(1); run unloader() }
}
