/* park, unpark and the timer (strange/thread.c call_park, call_unpark; strange/schedule.c thread_block, expire). A thread that is
 * to park looks at its token, and once more under its lock before it sleeps. Unpark sets the token under the lock and wakes who
 * is parked; the timer wakes without a token. Each unpark is seen by one park; no sleeper is left behind; and a thread is in a
 * run queue at most once. */

#define ROUNDS 2

bool lock, token, parked, armed;
byte queued;                    /* places in run queues */
byte unparks, seen, timeouts;

inline acquire() { atomic { !lock; lock = true } }
inline release() { lock = false }

inline ready()                  /* thread_ready_locked */
{
	assert(queued == 0);
	parked = false;
	queued++
}

proctype sleeper()
{
	byte n = 0;

	do
	:: n == ROUNDS -> break
	:: n < ROUNDS ->
		if
		:: atomic { token -> token = false; seen++; n++ }
		:: else ->
			acquire();
			if
			:: token -> release()
			:: else ->
				parked = true;
				armed = true;
				release();
				atomic { queued > 0 -> queued-- };  /* some CPU runs it again: the call restarts */
				if
				:: timeouts > 0 && !token -> n++        /* ETIMEDOUT */
				:: else -> skip
				fi
			fi
		fi
	od
}

proctype waker()
{
	byte n = 0;

	do
	:: n == ROUNDS -> break
	:: n < ROUNDS ->
		acquire();
		/* Tokens do not add up. */
		atomic {
			if
			:: !token -> unparks++
			:: else -> skip
			fi;
			token = true
		};
		if
		:: parked -> armed = false; ready()
		:: else -> skip
		fi;
		release();
		n++
	od
}

proctype timer()
{
	do
	:: atomic { armed -> armed = false };   /* timer_expired */
		acquire();
		if
		:: parked -> timeouts++; ready()
		:: else -> skip
		fi;
		release()
	:: timeout -> break
	od
}

init {
	atomic { run sleeper(); run waker(); run timer() }
	timeout;
	assert(seen + (token -> 1 : 0) == unparks);
	assert(!(parked && token))
}
