/* Who has an interrupt, and when it is free again. */
#include "abi/start.h"
#include "invariants.h"

enum { IRQ = 5, OPEN = 1 << IRQ };

static struct world_kernel *a, *b;

static uint64_t locked_page(const struct world_kernel *k) { return k->memory + (WORLD_PAGES - 1) * PAGE_BYTES; }

static struct world_kernel *kernel_make(uint32_t number)
{
	struct world_kernel *k = world_kernel_make(number, KERNEL_MAY_INTERRUPTS, false);

	world_run(k->thread);
	world_kernel_portals(k);
	world_run(ROOT_THREAD);
	return k;
}

/* Two kernels with the right; the interrupt is a's. */
static void fresh(void)
{
	world_boot(NULL, 1);
	world.locked_pages = 1;
	world.after_step = invariants_check;
	a = kernel_make(2);
	b = kernel_make(3);
	world_run(a->thread);
	CHECK(world_touch(locked_page(a), RIGHT_READ));
	CHECK_IS(world_call(CALL_INTERRUPT_BIND, IRQ, locked_page(a) + 8, 0), 0);
	CHECK_IS(host.irq_open, OPEN);
}

static void b_gets_it(void)
{
	CHECK_IS(state.irq[IRQ].frame, 0);
	CHECK_IS(host.irq_open, 0);
	machine_interrupt(IRQ);         /* one that was on its way */
	world_run(b->thread);
	CHECK(world_touch(locked_page(b), RIGHT_READ));
	CHECK_IS(world_call(CALL_INTERRUPT_BIND, IRQ, locked_page(b), 0), 0);
	CHECK_IS(host.irq_open, OPEN);
}

static void what_another_kernel_bound_is_not_to_be_had(void)
{
	fresh();
	world_run(b->thread);
	CHECK(world_touch(locked_page(b), RIGHT_READ));
	machine_interrupt(IRQ);
	CHECK_IS(world_call(CALL_INTERRUPT_BIND, IRQ, locked_page(b), 0), -BARYON_EBUSY);
	CHECK_IS(world_call(CALL_INTERRUPT_BIND, IRQ, 0, 0), -BARYON_EBUSY);
	CHECK_IS(world_call(CALL_INTERRUPT_DONE, IRQ), -BARYON_EBUSY);
	CHECK_IS(host.irq_open, 0);
	CHECK_IS(state.irq[IRQ].kernel, KERNEL_UID(2));
	world_run(a->thread);
	CHECK_IS(world_call(CALL_INTERRUPT_DONE, IRQ), 0);
	CHECK_IS(host.irq_open, OPEN);
	/* It may go to another page of its own. */
	CHECK_IS(world_call(CALL_INTERRUPT_BIND, IRQ, locked_page(a) + 16, 0), 0);
	CHECK_IS(state.irq[IRQ].offset, 16);
	CHECK_IS(world_call(CALL_INTERRUPT_BIND, IRQ, 0, 0), 0);
	b_gets_it();
}

static void a_kernel_that_dies_leaves_its_interrupts(void)
{
	fresh();
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_OBJECT_DESTROY, KIND_THREAD, a->thread), 0);
	CHECK_IS(world_call(CALL_OBJECT_DESTROY, KIND_KERNEL, KERNEL_UID(2)), 0);
	b_gets_it();
}

static void also_one_that_was_not_loaded_when_it_died(void)
{
	fresh();
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_KERNEL, KERNEL_UID(2)), 0);
	CHECK_IS(world_slot(KIND_KERNEL, KERNEL_UID(2)) == NULL, true);
	CHECK_IS(host.irq_open, OPEN);  /* displaced only */
	CHECK_IS(world_call(CALL_OBJECT_DESTROY, KIND_KERNEL, KERNEL_UID(2)), -BARYON_ENOENT);
	b_gets_it();
}

static void so_does_a_space(void)
{
	fresh();
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_OBJECT_DESTROY, KIND_SPACE, b->space + 0x1000), -BARYON_ENOENT);
	CHECK_IS(host.irq_open, OPEN);
	CHECK_IS(world_call(CALL_OBJECT_DESTROY, KIND_SPACE, a->space), 0);
	b_gets_it();
}

static void nothing_goes_to_a_frame_whose_page_is_gone(void)
{
	fresh();
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_OBJECT_DESTROY, KIND_CONTAINER, a->container), 0);
	b_gets_it();
}

static void nobody_else_destroys_it(void)
{
	fresh();
	world_run(b->thread);
	CHECK_IS(world_call(CALL_OBJECT_DESTROY, KIND_KERNEL, KERNEL_UID(2)), -BARYON_EPERM);
	CHECK_IS(world_call(CALL_OBJECT_DESTROY, KIND_SPACE, a->space), -BARYON_EPERM);
	CHECK_IS(host.irq_open, OPEN);
}

int main(void)
{
	what_another_kernel_bound_is_not_to_be_had();
	a_kernel_that_dies_leaves_its_interrupts();
	also_one_that_was_not_loaded_when_it_died();
	so_does_a_space();
	nothing_goes_to_a_frame_whose_page_is_gone();
	nobody_else_destroys_it();
	return 0;
}
