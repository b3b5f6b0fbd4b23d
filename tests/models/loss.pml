/* A return against an abandonment, and both against unloading (strange/abandon.c, strange/call.c call_portal_return, strange/thread.c
 * thread_in_portal).
 *
 * Whoever abandons a call only sets a mark; the thread itself looks at it before it runs on, so it either returned or it hands its
 * level to the heir. The heir has the level before the thread loses it. Whoever unloads the portal marks it first and then
 * looks at the threads' slots, one after the other, in any order. Each call ends once, its stack is given back once,
 * and no level is overlooked. */

#define CALLS 2

bool asked;                     /* thread.abandon_asked */
bool in_thread, in_heir;        /* whose slot has the level */
bool heir_busy;
bool dying;                     /* the portal */
bool freed;                     /* the portal's slot */
byte stacks = 1;
byte answers;                   /* that the caller got */
bool over;

proctype owner()
{
	byte n = 0;

	do
	:: n < 2 && !over -> asked = true; n++
	:: else -> break
	od
}

inline give() { assert(stacks == 0); stacks = 1 }

proctype heir()
{
	do
	:: heir_busy ->                 /* thread_ready_locked */
		if
		:: in_heir && !dying -> assert(!freed); in_heir = false; give()   /* the callee returns */
		:: in_heir && dying -> assert(!freed); in_heir = false; give()    /* unloaded: the level goes home */
		fi;
		heir_busy = false
	:: over && !heir_busy -> break
	od
}

proctype thread()
{
	byte n = 0;

	do
	:: n < CALLS && !dying ->
		atomic { stacks == 1 -> stacks = 0 };
		in_thread = true;
		if
		:: dying -> in_thread = false; give(); goto ended       /* call_portal_call looks again */
		:: else -> skip
		fi;
inside:		if
		:: asked ->                                     /* call_abandon_due */
			asked = false;
			if
			:: !heir_busy ->                        /* heir_take */
				in_heir = true;
				if
				:: dying -> in_heir = false; goto unload
				:: else -> skip
				fi;
				in_thread = false;
				heir_busy = true;
				answers++
			:: heir_busy -> in_thread = false; give(); answers++    /* the callee's part ends */
			fi
		:: !asked && !dying ->                          /* the callee runs: it returns, or something comes first */
			if
			:: assert(!freed); in_thread = false; give(); answers++
			:: goto inside
			fi
		:: dying -> goto unload
		fi;
		n++;
		assert(answers == n);
		asked = false                                   /* the top is the owner's own: nothing to abandon */
	:: else -> break
	od;
	goto ended;
unload:	assert(!freed);
	in_thread = false;                                      /* leave_asked: the level goes home */
	give();
ended:	over = true
}

proctype unloader()
{
	dying = true;
	do                              /* thread_search, from the start until one pass finds nothing; either slot may come first */
	:: if
	   :: !in_thread -> if :: !in_heir -> break :: else -> skip fi
	   :: !in_heir -> if :: !in_thread -> break :: else -> skip fi
	   :: in_thread && in_heir -> skip
	   fi
	od;
	freed = true
}

init { atomic { run owner(); run heir(); run thread(); run unloader() } }
