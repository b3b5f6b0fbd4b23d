/* Every call of Strange as a typed C function. Results are zero or a count, or a negated BARYON_E*; what each call
 * takes, returns and fails with stands in abi/calls.def. Ignoring a result that can fail is a compile error. */
#ifndef BARYON_CALLS_H
#define BARYON_CALLS_H

#include "abi/calls.h"
#include "abi/errors.h"
#include "abi/home.h"
#include "abi/rights.h"
#include "baryon/x86_64/stub.h"

#define MUST_CHECK __attribute__((warn_unused_result))

/* Text of an error number, positive or negated; never null. */
const char *baryon_error_text(long error);

/* objects; home is the address of the record of that kind */

MUST_CHECK static inline long object_load(enum object_kind kind, const void *home, uint64_t flags)
{
	return stub_call3(CALL_OBJECT_LOAD, kind, (uint64_t)home, flags);
}

MUST_CHECK static inline long object_unload(enum object_kind kind, baryon_uid uid)
{
	return stub_call2(CALL_OBJECT_UNLOAD, kind, uid);
}

MUST_CHECK static inline long object_destroy(enum object_kind kind, baryon_uid uid)
{
	return stub_call2(CALL_OBJECT_DESTROY, kind, uid);
}

MUST_CHECK static inline long object_write_back(enum object_kind kind, baryon_uid uid)
{
	return stub_call2(CALL_OBJECT_WRITE_BACK, kind, uid);
}

MUST_CHECK static inline long page_load(struct page_home *homes, uint64_t count)
{
	return stub_call2(CALL_PAGE_LOAD, (uint64_t)homes, count);
}

MUST_CHECK static inline long page_unload(baryon_uid container, uint64_t index, uint64_t count)
{
	return stub_call3(CALL_PAGE_UNLOAD, container, index, count);
}

MUST_CHECK static inline long mapping_load(baryon_uid space, const struct mapping_home *homes, uint64_t count,
	uint64_t flags)
{
	return stub_call4(CALL_MAPPING_LOAD, space, (uint64_t)homes, count, flags);
}

MUST_CHECK static inline long mapping_unload(baryon_uid space, uint64_t address, uint64_t pages)
{
	return stub_call3(CALL_MAPPING_UNLOAD, space, address, pages);
}

MUST_CHECK static inline long mapping_protect(baryon_uid space, uint64_t address, uint64_t pages, uint64_t rights)
{
	return stub_call4(CALL_MAPPING_PROTECT, space, address, pages, rights);
}

MUST_CHECK static inline long mapping_read(baryon_uid space, uint64_t address, struct mapping_home *out)
{
	return stub_call3(CALL_MAPPING_READ, space, address, (uint64_t)out);
}

MUST_CHECK static inline long reference_unload(baryon_uid space, uint32_t handle)
{
	return stub_call2(CALL_REFERENCE_UNLOAD, space, handle);
}

/* out->badge says which badge the capability shall carry; the rest of *out is filled in. */
MUST_CHECK static inline long capability_make(enum object_kind kind, baryon_uid uid, uint64_t rights,
	struct capability *out)
{
	return stub_call4(CALL_CAPABILITY_MAKE, kind, uid, rights, (uint64_t)out);
}

/* control transfer */

#define PORTAL_WORDS 8

/* Calls the portal that `handle` refers to. words: in and out. blocks: may be null. deadline_ns: 0 waits for ever.
 * Returns 0, or a negated error with all words zero. */
MUST_CHECK long portal_call(uint32_t handle, uint64_t words[PORTAL_WORDS], const struct call_blocks *blocks,
	uint64_t deadline_ns);

/* Ends an explicit call: the caller gets these words. Returns only if there is no caller: EINVAL. */
long portal_return(const uint64_t words[PORTAL_WORDS]);

/* Goes on from the top trap frame. Returns only if the frame is not acceptable: EFORGED. */
static inline long resume(uint64_t flags)
{
	return stub_call1(CALL_RESUME, flags);
}

MUST_CHECK static inline long copy_in(void *to, uint64_t from, uint64_t bytes, struct copy_short *at)
{
	return stub_call4(CALL_COPY_IN, (uint64_t)to, from, bytes, (uint64_t)at);
}

MUST_CHECK static inline long copy_out(uint64_t to, const void *from, uint64_t bytes, struct copy_short *at)
{
	return stub_call4(CALL_COPY_OUT, to, (uint64_t)from, bytes, (uint64_t)at);
}

MUST_CHECK static inline long abandon(baryon_uid thread)
{
	return stub_call1(CALL_ABANDON, thread);
}

/* threads and signals */

/* Not named wait, so that a kernel may have a function of that name for its programs. */
MUST_CHECK static inline long signal_wait(uint64_t deadline_ns, uint64_t *addresses, uint64_t count)
{
	return stub_call3(CALL_WAIT, deadline_ns, (uint64_t)addresses, count);
}

static inline long park(uint64_t deadline_ns)
{
	return stub_call1(CALL_PARK, deadline_ns);
}

static inline long unpark(baryon_uid thread)
{
	return stub_call1(CALL_UNPARK, thread);
}

static inline long alert(baryon_uid thread)
{
	return stub_call1(CALL_ALERT, thread);
}

static inline long signal_send(const volatile void *address)
{
	return stub_call1(CALL_SIGNAL, (uint64_t)address);
}

static inline void yield(void)
{
	(void)stub_call0(CALL_YIELD);
}

MUST_CHECK static inline long thread_set(baryon_uid thread, uint64_t what, uint64_t value, uint64_t value2)
{
	return stub_call4(CALL_THREAD_SET, thread, what, value, value2);
}

MUST_CHECK static inline long thread_rebase(baryon_uid thread, baryon_uid space)
{
	return stub_call2(CALL_THREAD_REBASE, thread, space);
}

/* the machine */

/* `cpu` takes the interrupt from now on, as signals to the page of `address`, which must be locked; null: nobody takes it. */
MUST_CHECK static inline long interrupt_bind(uint64_t interrupt, const volatile void *address, uint64_t cpu)
{
	return stub_call3(CALL_INTERRUPT_BIND, interrupt, (uint64_t)address, cpu);
}

static inline long interrupt_done(uint64_t interrupt)
{
	return stub_call1(CALL_INTERRUPT_DONE, interrupt);
}

MUST_CHECK static inline long port_read(uint16_t port, uint64_t width, void *address, uint64_t count)
{
	return stub_call4(CALL_PORT_READ, port, width, (uint64_t)address, count);
}

MUST_CHECK static inline long port_write(uint16_t port, uint64_t width, uint64_t value_or_address, uint64_t count)
{
	return stub_call4(CALL_PORT_WRITE, port, width, value_or_address, count);
}

static inline long machine(uint64_t what, uint64_t a, uint64_t b)
{
	return stub_call3(CALL_MACHINE, what, a, b);
}

/* The extents of the kernel's home have changed by a page group: if they do not grant it any more, its pages are unloaded. EBUSY. */
MUST_CHECK static inline long kernel_group(baryon_uid kernel, uint64_t group)
{
	return stub_call2(CALL_KERNEL_GROUP, kernel, group);
}

static inline long log_bytes(const char *text, uint64_t bytes)
{
	return stub_call2(CALL_LOG, (uint64_t)text, bytes);
}

#endif
