/* The warden: starts everything, keeps it going, and ends the machine with status 0 when all is done and the others answer. */
#include "hostile.h"

#include "baryon/clock.h"
#include "baryon/format.h"
#include "baryon/srm.h"
#include "baryon/string.h"

enum { ROUND_NS = 2000000, STUCK_ROUNDS = 5000, STATUS_FAILED = 3, COUNT = 20000 };

struct hostile hostile;

static void settings_open(void)
{
	const struct image_header *image = image_mapped(hostile.start);
	const struct image_module *module;

	if (!image_valid(image, hostile.start->boot_image_bytes))
		panic("hostile: the boot image is damaged");
	module = image_find(image, "settings");
	if (module)
		hostile.settings = (struct settings){ image_module_bytes(image, module), module->bytes };
}

static void thread_mend(const struct thread_home *home)
{
	baryon_uid uid = home->header.uid;

	(void)!thread_set(uid, THREAD_SET_CPU, CPU_ANY, 0);
	(void)!thread_set(uid, THREAD_SET_STATE, THREAD_RUNNABLE, 0);
	unpark(uid);
	alert(uid);
}

static uint64_t progress_all(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < ATTACKERS; i++)
		sum += hostile.attackers[i].progress;
	for (uint32_t i = 0; i < VICTIMS; i++)
		sum += hostile.victims[i].progress;
	return sum;
}

static bool done_all(void)
{
	bool done = true;

	for (uint32_t i = 0; i < ATTACKERS; i++)
		done &= hostile.attackers[i].progress >= hostile.attackers[i].goal;
	for (uint32_t i = 0; i < VICTIMS; i++)
		done &= hostile.victims[i].progress >= hostile.victims[i].goal;
	return done;
}

static void round_mend(void)
{
	static uint64_t seen[ATTACKERS + VICTIMS];

	for (uint32_t i = 0; i < ATTACKERS; i++) {
		if (seen[i] == hostile.attackers[i].progress)
			thread_mend(attacker_home(i));
		seen[i] = hostile.attackers[i].progress;
	}
	for (uint32_t i = 0; i < VICTIMS; i++) {
		if (seen[ATTACKERS + i] == hostile.victims[i].progress)
			thread_mend(victim_home(i));
		seen[ATTACKERS + i] = hostile.victims[i].progress;
	}
}

static void report(void)
{
	for (uint32_t i = 0; i < ATTACKERS; i++)
		for (uint32_t e = 0; e < 32; e++)
			if (hostile.attackers[i].answers[e])
				log_format("hostile: attacker %u: %lu answers: %s\n", i, hostile.attackers[i].answers[e],
					e ? baryon_error_text(e) : "success");
	for (uint32_t i = 0; i < VICTIMS; i++) {
		const struct victim *v = &hostile.victims[i];

		log_format("hostile: victim %u: %lu calls, %lu faults, %lu exceptions, %lu alerts\n", i, v->causes[TRAP_SYSCALL],
			v->causes[TRAP_FAULT], v->causes[TRAP_EXCEPTION], v->causes[TRAP_ALERT]);
	}
}

static bool trespassed(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < ATTACKERS; i++)
		sum += hostile.attackers[i].trespasses;
	return sum > 0;
}

/* Where the threads are that get no further. */
static void report_threads(void)
{
	for (uint32_t i = 0; i < ATTACKERS + VICTIMS; i++) {
		const struct thread_home *h = i < ATTACKERS ? attacker_home(i) : victim_home(i - ATTACKERS);
		long result = object_write_back(KIND_THREAD, h->header.uid);

		log_format("hostile: %lu, thread %lx: %s: state %u, depth %u, call %ld (%lx %lx %lx), rbx %lx at %lx\n",
			i < ATTACKERS ? hostile.attackers[i].progress : hostile.victims[i - ATTACKERS].progress, h->header.uid,
			result < 0 ? baryon_error_text(result) : "loaded", h->state, h->depth, h->base.registers.rax,
			h->base.registers.rdi, h->base.registers.rsi, h->base.registers.rdx, h->base.registers.rbx, h->base.registers.rip);
	}
}

/* Runs until every goal is reached. False when nothing moves any more. */
static bool siege(void)
{
	uint64_t last = 0, rounds = 0, every = settings_number(&hostile.settings, "progress", 0);

	for (unsigned stuck = 0; stuck < STUCK_ROUNDS; stuck++) {
		if (!hostile.endless && done_all())
			return true;
		objects_mend();
		round_mend();
		park(clock_now_ns() + ROUND_NS);
		if (progress_all() != last)
			stuck = 0;
		if (every && ++rounds % every == 0)
			report_threads();
		last = progress_all();
	}
	return false;
}

/* The SRM answers, and through it root: a page that was never touched reads zero. */
static bool others_answer(void)
{
	struct capability none;
	uint8_t *page = pages_take(GROUP_PAGES, NULL);
	uint8_t dirt = 0;

	for (uint64_t i = 0; i < PAGE_BYTES; i++)
		dirt |= page[(GROUP_PAGES - 1) * PAGE_BYTES + i];
	return dirt == 0 && srm_import("nobody", &none) == -BARYON_ENOENT;
}

_Noreturn void hostile_end(bool good)
{
	if (!others_answer()) {
		log_format("hostile: the others do not answer\n");
		good = false;
	}
	log_format(good ? "hostile: withstood\n" : "hostile: failed\n");
	srm_power_off(good ? 0 : STATUS_FAILED);
}

static void goals_set(void)
{
	hostile.seed = settings_number(&hostile.settings, "seed", 0);
	hostile.count = settings_number(&hostile.settings, "count", COUNT);
	hostile.endless = settings_find(&hostile.settings, "endless") != NULL;
	for (uint32_t i = 0; i < ATTACKERS; i++)
		hostile.attackers[i].goal = hostile.endless ? UINT64_MAX : 2 * hostile.count;
	for (uint32_t i = 0; i < VICTIMS; i++)
		hostile.victims[i].goal = hostile.endless ? UINT64_MAX : hostile.count;
}

_Noreturn void domain_main(void *start)
{
	hostile.start = start;
	hostile.base = DOMAIN_BASE + hostile.start->domain * DOMAIN_BYTES;
	hostile.memory = (uint8_t *)(hostile.base + DOMAIN_MEMORY_OFFSET);
	settings_open();
	goals_set();
	mode_run();
	objects_start(ATTACKERS);
	if (!siege()) {
		log_format("hostile: nothing moves any more\n");
		report_threads();
		hostile_end(false);
	}
	report();
	hostile_end(!trespassed());
}
