/* Waiting for a stack of a portal against giving one back (strange/pool.c). A caller that finds no stack enters the queue under the
 * portal's lock and looks once more; whoever gives a stack back sets its bit first and looks at the queue then. One who waits is woken
 * and has a turn; when it takes no stack, for another was quicker or it has something else to do, it looks whom to wake in its place.
 * No wake-up is lost: every caller gets a stack in the end, but the first, which may give up at any time. */

#define CALLERS 3

byte free = 1;                  /* stacks */
bool lock;
bool queued[CALLERS];           /* in the portal's queue */
bool runs[CALLERS];             /* run state: RUN_RUNNING, else RUN_STACK */
bool turn[CALLERS];             /* POOL_TURN */
byte done;

inline acquire(l) { atomic { !l; l = true } }

inline turn_to(i) { turn[i] = true; queued[i] = false; woken = i }

inline pass()                   /* pool_pass: which one is the most urgent is open */
{
	woken = CALLERS;
	if
	:: free > 0 && (queued[0] || queued[1] || queued[2]) ->
		acquire(lock);
		if
		:: free > 0 && queued[0] -> turn_to(0)
		:: free > 0 && queued[1] -> turn_to(1)
		:: free > 0 && queued[2] -> turn_to(2)
		:: else -> skip
		fi;
		lock = false;
		if
		:: woken < CALLERS -> runs[woken] = true        /* thread_wake: only who has blocked sees a change */
		:: else -> skip
		fi
	:: else -> skip
	fi
}

inline turn_end()               /* pool_pass(pool_turn_end()) */
{
	if
	:: turn[me] -> turn[me] = false; pass()
	:: else -> skip
	fi
}

proctype caller(byte me)
{
	byte woken;
again:	atomic {                        /* pool_take */
		if
		:: free > 0 -> free--; turn[me] = false; goto inside
		:: else -> skip
		fi
	};
	turn_end();                     /* pool_wait */
	acquire(lock);
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
	if
	:: runs[me] -> goto again       /* until a wake-up */
	:: me == 0 && runs[me] -> goto away     /* what else it has to do: pool_look */
	:: me == 0 -> acquire(lock);            /* a deadline: pool_leave */
	   queued[me] = false;
	   lock = false;
	   goto away
	fi;
away:	turn_end();
	goto out;
inside:
	free++;                         /* pool_give: an atomic or */
	pass();
out:	done++
}

init {
	atomic {
		runs[0] = true; runs[1] = true; runs[2] = true;
		run caller(0); run caller(1); run caller(2)
	}
	done == CALLERS
}
