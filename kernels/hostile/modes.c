/* Other ways to be a nuisance, by the setting hostile=MODE:
 *   hoard   loads objects without end, far beyond its floors, and asks for more locks than it may have
 *   die     two kernels: the second offers a portal and dies in every call, while a program of its waits for a fault that is
 *           never answered; the first calls it, and must get its call back as lost each time
 *   fill    two kernels: many threads of the second keep the SRM's stacks, and the first wants its answers (fill.c)
 *   frames  its programs do nothing but run, and another thread writes all the while to where Strange saves their registers */
#include "hostile.h"

#include "abi/rights.h"
#include "baryon/clock.h"
#include "baryon/format.h"
#include "baryon/srm.h"
#include "baryon/string.h"

enum { HOARD = 2500, HOARD_NUMBER = 4096, HANDLE_TRAP = 60, DEATHS = 4, RETRY_NS = 5000000, PATIENCE = 4000 };

/* hoard */

static void hoard_thread(uint32_t n, void *record)
{
	struct thread_home *home = record;

	memcpy(home, victim_home(n % VICTIMS), sizeof *home);
	home->header.uid = home->base.thread = OWN_UID(HOARD_NUMBER + n);
	home->state = THREAD_STOPPED;
	home->top_record = home->depth = 0;
}

static void hoard_portal(uint32_t n, void *record)
{
	struct portal_home *home = record;

	home_start(home, sizeof *home, KIND_PORTAL, OWN_UID(HOARD_NUMBER + n));
	home->space = hostile.start->space;
	home->entry = (uint64_t)portal_entry;
}

static void hoard_space(uint32_t n, void *record)
{
	struct space_home *home = record;

	home_start(home, sizeof *home, KIND_SPACE, OWN_UID(HOARD_NUMBER + n));
	home->flags = SPACE_PROGRAM;
}

static void hoard_container(uint32_t n, void *record)
{
	struct container_home *home = record;

	home_start(home, sizeof *home, KIND_CONTAINER, OWN_UID(HOARD_NUMBER + n));
	home->size_pages = n + 1;
}

static const struct hoard {
	enum object_kind kind;
	uint64_t bytes;
	void (*fill)(uint32_t n, void *record);
} hoards[] = {
	{ KIND_CONTAINER, sizeof(struct container_home), hoard_container },
	{ KIND_SPACE, sizeof(struct space_home), hoard_space },
	{ KIND_PORTAL, sizeof(struct portal_home), hoard_portal },
	{ KIND_THREAD, sizeof(struct thread_home), hoard_thread },
};

/* Returns false when a load fails for another reason than the quota. */
static bool hoard_one(const struct hoard *hoard, uint8_t *records)
{
	uint64_t locked = 0;

	for (uint32_t n = 0; n < HOARD; n++) {
		void *record = records + n * hoard->bytes;
		long result;

		hoard->fill(n, record);
		result = object_load(hoard->kind, record, LOAD_LOCKED);
		locked += result == 0;
		if (result == -BARYON_EQUOTA)
			result = object_load(hoard->kind, record, 0);
		if (result < 0 && result != -BARYON_EEXIST) {
			log_format("hostile: object %u of kind %d: %s\n", n, (int)hoard->kind, baryon_error_text(result));
			return false;
		}
	}
	log_format("hostile: %u objects of kind %d, %lu locked\n", (unsigned)HOARD, (int)hoard->kind, locked);
	return true;
}

_Noreturn static void hoard_run(void)
{
	uint8_t *records = pages_take(HOARD * sizeof(struct thread_home) / PAGE_BYTES + 1, NULL);
	bool good = true;

	do {
		for (unsigned i = 0; good && i < sizeof hoards / sizeof hoards[0]; i++)
			good = hoard_one(&hoards[i], records);
	} while (good && hostile.endless);
	hostile_end(good);
}

/* die */

static void die_serve(struct portal_words *words, void *context)
{
	(void)words, (void)context;
	__builtin_trap();
}

_Noreturn static void die_offer(void)
{
	static struct portal_service service = { die_serve, NULL };
	long result;

	service_replace(&service);
	result = srm_export("deadly", &hostile.service);
	if (result < 0)
		log_format("hostile: exporting: %s\n", baryon_error_text(result));
	for (;;)
		park(0);
}

/* Waits for a portal that was not called yet. */
static bool offer_wait(uint32_t last, struct capability *capability)
{
	for (unsigned n = 0; n < PATIENCE; n++) {
		if (srm_import("deadly", capability) == 0 && UID_KEEPER(capability->uid) != last)
			return true;
		park(clock_now_ns() + RETRY_NS);
	}
	return false;
}

/* The kernel that it died in is gone, and its keeper does not know it: binding what it offered fails, and harms nobody. */
static bool dead_refused(struct reference_home *home)
{
	long result = 0;

	for (unsigned n = 0; n < PATIENCE && result == 0; n++) {
		(void)!reference_unload(hostile.start->space, HANDLE_TRAP);
		park(clock_now_ns() + RETRY_NS);
		result = object_load(KIND_REFERENCE, home, 0);
	}
	log_format("hostile: a reference to what is gone: %s\n", baryon_error_text(result));
	return result == -BARYON_ENOENT;
}

_Noreturn static void die_call(void)
{
	static struct reference_home home __attribute__((aligned(64)));
	uint32_t last = 0, lost = 0;

	for (unsigned n = 0; n < DEATHS; n++) {
		uint64_t words[PORTAL_WORDS] = { 0 };
		long result;

		home = (struct reference_home){ .space = hostile.start->space, .handle = HANDLE_TRAP, .version = HOME_VERSION };
		if (!offer_wait(last, &home.capability))
			break;
		last = UID_KEEPER(home.capability.uid);
		result = object_load(KIND_REFERENCE, &home, 0);
		if (result == 0)
			result = portal_call(HANDLE_TRAP, words, NULL, 0);
		log_format("hostile: call %u of kernel %u: %s\n", n, last, baryon_error_text(result));
		lost += result == -BARYON_ELOST && dead_refused(&home);
		(void)!reference_unload(hostile.start->space, HANDLE_TRAP);
	}
	hostile_end(lost == DEATHS);
}

/* frames */

enum { FRAMES_NS = 6000000000, FRAMES_LIMIT_NS = 200000000000, FRAMES_ENOUGH = 10, SETTLE_NS = 30000 };

/* Once the program runs: its registers are not to be had from there before it traps, and ring 0 never. */
static void frame_spoil(struct victim *v, uint64_t end)
{
	volatile struct registers *r = (struct registers *)(victim_home(v->index)->handler_top - 512);
	uint64_t seen = v->progress, from = clock_now_ns() + SETTLE_NS;

	while (clock_now_ns() < from)
		;
	while (v->progress == seen && clock_now_ns() < end)
		for (unsigned i = 0; i < 1000; i++) {
			r->rip = STUBS_DIRECT + PAGE_BYTES - 16;
			r->flags = REGISTERS_FULL | REGISTERS_SUPERVISOR;
		}
}

_Noreturn static void frames_run(void)
{
	struct victim *v = &hostile.victims[0];
	uint64_t begun = clock_now_ns(), end = begun + FRAMES_LIMIT_NS;

	while (clock_now_ns() < begun + FRAMES_NS || (v->progress <= FRAMES_ENOUGH && clock_now_ns() < end))
		frame_spoil(v, end);
	log_format("hostile: %lu frames spoilt, %lu escapes\n", v->progress, v->escapes);
	hostile_end(v->progress > FRAMES_ENOUGH && v->escapes == 0);
}

void mode_run(void)
{
	const char *mode = settings_find(&hostile.settings, "hostile");

	if (!mode)
		return;
	hostile.frames = strcmp(mode, "frames") == 0;
	hostile.silent = !hostile.frames;
	objects_start(0);
	if (hostile.frames)
		frames_run();
	if (strcmp(mode, "hoard") == 0)
		hoard_run();
	if (strcmp(mode, "fill") == 0)
		fill_run();
	if (strcmp(mode, "die") != 0)
		panic("hostile: no mode '%s'", mode);
	if (hostile.start->number == KERNEL_FIRST_OF_SRM)
		die_call();
	die_offer();
}
