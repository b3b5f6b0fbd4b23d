/* Unloading a tree against loading below it (strange/cache.c object_unload_id, slot_begin; dependent_add). Whoever unloads marks
 * the parent dying, and takes its dependents out one by one, each with a mark of its own; whoever loads a child links it to
 * the parent under the parent's list lock, and only while that is loaded. So a freed parent has no children. */

#define FREE 0
#define LOADING 1
#define LOADED 2
#define DYING 3

byte parent = LOADED;
byte child = FREE;
bool linked, list_lock;

inline acquire(l) { atomic { !l; l = true } }

proctype loader()
{
	child = LOADING;
	acquire(list_lock);             /* dependent_add */
	if
	:: parent == LOADED -> linked = true; list_lock = false
	:: else -> list_lock = false; child = FREE; goto out
	fi;
	child = LOADED;                 /* slot_publish */
out:	skip
}

proctype unloader()
{
	bool found;

	parent = DYING;
again:	acquire(list_lock);             /* slot_dependent */
	found = linked;
	list_lock = false;
	if
	:: found && child == LOADED ->
		child = DYING;          /* mark_dying; then its unload */
		acquire(list_lock);
		linked = false;
		list_lock = false;
		child = FREE;
		goto again
	:: found && child != LOADED -> goto again       /* half loaded: another step */
	:: else -> skip
	fi;
	acquire(list_lock);
	assert(!linked);
	parent = FREE;
	list_lock = false
}

init {
	atomic { run loader(); run unloader() }
	(_nr_pr == 1);
	assert(parent == FREE && child == FREE && !linked)
}
