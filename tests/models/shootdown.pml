/* Shoot-down tickets (strange/shootdown.c). Each of two processors takes an entry out of a shared map and asks the other,
 * waiting with a ticket; whoever waits serves. Both may ask at once. Nobody waits for ever; when the asking ends, the other
 * processor has forgotten the entry; a third party's later translation comes only from the tables. */

#define CPUS 2

byte wanted[CPUS], done[CPUS];
bool entry[CPUS];               /* entry[i]: the one that processor i takes out */
bool cached[4];                 /* cached[2*i+j]: processor i has entry j in its buffer */

inline serve(me, w)
{
	w = wanted[me];
	if
	:: w != done[me] ->
		cached[2 * me] = false;
		cached[2 * me + 1] = false;
		done[me] = w
	:: else -> skip
	fi
}

proctype cpu(byte me)
{
	byte other = 1 - me, ticket, w;
	byte touches = 0;

	do
	:: touches < 2 && entry[other] ->       /* uses the other's entry: a walk, then the buffer */
		atomic { touches++; cached[2 * me + other] = entry[other] };
		serve(me, w)
	:: break
	od;
	entry[me] = false;              /* atomic exchange */
	cached[2 * me + me] = false;
	atomic { wanted[other]++; ticket = wanted[other] };
	do
	:: done[other] == ticket || done[other] > ticket -> break
	:: else -> serve(me, w)
	od;
	assert(!cached[2 * other + me]);        /* now the frame may be used for something else */
	/* Runs on, and serves at every way out of Strange. */
end:	do
	:: serve(me, w)
	od
}

init {
	atomic {
		entry[0] = true;
		entry[1] = true;
		run cpu(0);
		run cpu(1)
	}
}
