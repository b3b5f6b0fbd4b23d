/* The one global variable of Strange. Caches: the arrays in state.cache. Derived: everything else in it. */
#include "state.h"

struct state state;
