/* A plugin of QEMU (its interface for plugins, version 1) that separates a guest's instructions: those at addresses of the lower
 * half are the programs' own, those of the upper half the system's, in whatever ring. bench/linux/rows.c says where counting
 * begins and ends, by instructions without effect that no compiler makes: mark(MARK_BEGIN), mark(MARK_END), mark(MARK_ROW).
 *
 * Arguments: out=FILE gets a line "PROGRAMS SYSTEM" at each MARK_ROW. where=FILE, if given, gets after the last of them a line
 * "ADDRESS COUNT" for each instruction of the system that was executed between a MARK_BEGIN and its MARK_END.
 * Meant for one host thread, that is for -icount or one processor. */
#include "bench/linux/mark.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is used of QEMU's interface. */
typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { QEMU_PLUGIN_CB_NO_REGS = 0, QEMU_PLUGIN_INLINE_ADD_U64 = 0 };
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*translated)(plugin_id id, struct qemu_plugin_tb *block));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *at, void (*executed)(unsigned cpu, void *data), int flags,
	void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *at, int operation, void *value, uint64_t add);
void qemu_plugin_register_atexit_cb(plugin_id id, void (*at_exit)(plugin_id id, void *data), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *at);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *at);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *at);
int qemu_plugin_install(plugin_id id, const void *info, int count, char **arguments);
int qemu_plugin_version = 1;

enum { PLACES = 1 << 20 };

/* All instructions at one address; `begin` is `executed` at the last MARK_BEGIN, `counted` what passed between marks. */
struct place {
	uint64_t address, executed, begin, counted;
};

static struct place programs, system_all, places[PLACES];
static FILE *out, *where;

static struct place *place_of(uint64_t address)
{
	uint64_t at = address * 0x9e3779b97f4a7c15u >> 44;

	while (places[at].address && places[at].address != address)
		at = (at + 1) % PLACES;
	places[at].address = address;
	return &places[at];
}

static void every_place(void (*act)(struct place *))
{
	act(&programs);
	act(&system_all);
	for (unsigned i = 0; where && i < PLACES; i++)
		if (places[i].address)
			act(&places[i]);
}

static void begin(struct place *place) { place->begin = place->executed; }
static void end(struct place *place) { place->counted += place->executed - place->begin; }

static void on_mark(unsigned cpu, void *data)
{
	(void)cpu;
	switch ((uintptr_t)data) {
	case MARK_BEGIN:
		every_place(begin);
		break;
	case MARK_END:
		every_place(end);
		break;
	case MARK_ROW:
		fprintf(out, "%llu %llu\n", (unsigned long long)programs.counted, (unsigned long long)system_all.counted);
		fflush(out);
		programs.counted = system_all.counted = 0;
	}
}

static void translated(plugin_id id, struct qemu_plugin_tb *block)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++) {
		struct qemu_plugin_insn *at = qemu_plugin_tb_get_insn(block, i);
		uint64_t address = qemu_plugin_insn_vaddr(at);
		const unsigned char *bytes = qemu_plugin_insn_data(at);
		struct place *half = address >> 63 ? &system_all : &programs;

		qemu_plugin_register_vcpu_insn_exec_inline(at, QEMU_PLUGIN_INLINE_ADD_U64, &half->executed, 1);
		if (where && address >> 63)
			qemu_plugin_register_vcpu_insn_exec_inline(at, QEMU_PLUGIN_INLINE_ADD_U64, &place_of(address)->executed, 1);
		if (qemu_plugin_insn_size(at) == MARK_BYTES && memcmp(bytes, (const char[]){ MARK_START }, MARK_BYTES - 1) == 0)
			qemu_plugin_register_vcpu_insn_exec_cb(at, on_mark, QEMU_PLUGIN_CB_NO_REGS,
				(void *)(uintptr_t)bytes[MARK_BYTES - 1]);
	}
}

static void at_exit(plugin_id id, void *data)
{
	(void)id, (void)data;
	for (unsigned i = 0; where && i < PLACES; i++)
		if (places[i].counted)
			fprintf(where, "%llx %llu\n", (unsigned long long)places[i].address, (unsigned long long)places[i].counted);
	if (where)
		fclose(where);
}

int qemu_plugin_install(plugin_id id, const void *info, int count, char **arguments)
{
	(void)info;
	for (int i = 0; i < count; i++) {
		if (strncmp(arguments[i], "out=", 4) == 0)
			out = fopen(arguments[i] + 4, "w");
		else if (strncmp(arguments[i], "where=", 6) == 0)
			where = fopen(arguments[i] + 6, "w");
	}
	if (!out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, at_exit, NULL);
	return 0;
}
