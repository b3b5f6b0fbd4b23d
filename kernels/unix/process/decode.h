/* How long an instruction is and where it names an address relative to itself: as much of the x86-64 instruction set as can write
 * to memory from ring 3 (Intel SDM volume 2, appendix A). */
#ifndef UNIX_PROCESS_DECODE_H
#define UNIX_PROCESS_DECODE_H

#include "abi/types.h"

enum { INSTRUCTION_BYTES = 15 };

struct instruction {
	uint8_t length;
	uint8_t opcode;             /* where the opcode's last byte is */
	uint8_t modrm;              /* where it is; 0: there is none */
	uint8_t relative;           /* where the four bytes of a displacement from the next instruction are; 0: there is none */
	bool call, call_indirect;   /* it pushes the address of the next instruction */
};

/* Fills *out for the instruction in bytes[0..limit). False: it is none that writes to memory, is not known, or is longer than
 * `limit`; *out is undefined then. */
bool instruction_decode(const uint8_t *bytes, unsigned limit, struct instruction *out);

#endif
