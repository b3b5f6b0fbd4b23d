/* Waiting for a stack of a portal against giving one back (strange/portal.c). A caller that finds no stack enters the queue
 * under the portal's lock and looks once more; whoever gives a stack back sets its bit first and looks at the queue then.
 * No wake-up is lost: every caller gets a stack in the end. */

#define CALLERS 3

byte free = 1;                  /* stacks */
bool lock;
bool queued[CALLERS];           /* in the portal's queue */
bool runs[CALLERS];             /* run state: RUN_RUNNING, else RUN_STACK */
byte served;

inline acquire(l) { atomic { !l; l = true } }

inline wake_all()               /* waiters_wake */
{
	byte i = 0;

	acquire(lock);
	do
	:: i < CALLERS ->
		if
		:: queued[i] ->
			queued[i] = false;
			runs[i] = true          /* thread_wake: only who has blocked already sees a change */
		:: else -> skip
		fi;
		i++
	:: i == CALLERS -> break
	od;
	lock = false
}

proctype caller(byte me)
{
again:	atomic {                        /* portal_stack_take */
		if
		:: free > 0 -> free--; goto inside
		:: else -> skip
		fi
	};
	acquire(lock);                  /* portal_wait */
	queued[me] = true;
	if
	:: free > 0 -> queued[me] = false; lock = false; goto again
	:: else -> lock = false
	fi;
	atomic {                        /* thread_block, under the thread's lock: is the wait over? */
		if
		:: !queued[me] -> goto again
		:: else -> runs[me] = false
		fi
	};
	runs[me];                       /* until a wake-up */
	goto again;
inside:
	free++;                         /* portal_stack_give: an atomic or */
	if
	:: (queued[0] || queued[1] || queued[2]) -> wake_all()
	:: else -> skip
	fi;
	served++
}

init {
	atomic {
		runs[0] = true; runs[1] = true; runs[2] = true;
		run caller(0); run caller(1); run caller(2)
	}
	served == CALLERS
}
