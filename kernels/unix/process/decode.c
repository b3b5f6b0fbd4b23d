/* The length of instructions, for step.c. The table has a letter for each opcode of one byte; of the two-byte ones nearly all
 * have the same form. What cannot write to memory need not be right, only refused or measured. */
#include "process/decode.h"

#include "baryon/string.h"

/* m: ModRM  b: with a byte  z: with 2 or 4 bytes  1: a byte alone  4: 2 or 4 bytes alone  0: nothing  3: enter  a: an address
 * f: F6 and F7, whose operand depends on ModRM  c: call  i: FF  .: none that could write, or none at all */
static const char forms[] =
	"mmmm..........m." "................" "................" "................"     /* the first row is never looked at */
	"................" "00000000........" "........4.1.00.." "................"
	"bz.bmmmmmmmmmmmm" "............0..." "..aa00....00...." "................"
	"bb....bz3......." "mmmm....mmmmmmmm" "........c......." "......ff......mi";

struct cursor {
	const uint8_t *bytes;
	unsigned at, limit;
	bool short_operand, short_address, wide;    /* prefixes 66, 67, REX.W */
	bool ended;                 /* something was beyond the limit */
};

static uint8_t byte_next(struct cursor *c)
{
	if (c->at >= c->limit) {
		c->ended = true;
		return 0;
	}
	return c->bytes[c->at++];
}

static void bytes_skip(struct cursor *c, unsigned count)
{
	c->at += count;
	c->ended |= c->at > c->limit;
}

static bool is_prefix(uint8_t byte)
{
	return byte == 0x26 || byte == 0x2e || byte == 0x36 || byte == 0x3e || (byte >= 0x64 && byte <= 0x67) || byte == 0xf0 ||
		byte == 0xf2 || byte == 0xf3;
}

/* The first byte of the opcode, behind the prefixes. */
static uint8_t opcode_first(struct cursor *c)
{
	uint8_t byte = byte_next(c);

	for (; is_prefix(byte) && !c->ended; byte = byte_next(c)) {
		c->short_operand |= byte == 0x66;
		c->short_address |= byte == 0x67;
	}
	if ((byte & 0xf0) == 0x40) {
		c->wide = byte & 8;
		byte = byte_next(c);
	}
	return byte;
}

/* ModRM, SIB and displacement (SDM volume 2, 2.1.5). Returns ModRM. */
static uint8_t modrm_skip(struct cursor *c, struct instruction *out)
{
	uint8_t modrm, mod, base;

	out->modrm = (uint8_t)c->at;
	modrm = byte_next(c);
	mod = modrm >> 6;
	base = modrm & 7;
	if (mod == 3)
		return modrm;
	if (base == 4)
		base = (byte_next(c) & 7) == 5 ? 5 : 4;
	else if (mod == 0 && base == 5)
		out->relative = (uint8_t)c->at;
	if (mod == 1)
		bytes_skip(c, 1);
	else if (mod == 2 || base == 5)
		bytes_skip(c, 4);
	return modrm;
}

static unsigned operand_bytes(const struct cursor *c)
{
	return c->short_operand ? 2 : 4;
}

static bool two_byte_has_immediate(uint8_t opcode)
{
	return (opcode & 0xfc) == 0x70 || opcode == 0xa4 || opcode == 0xac || opcode == 0xba || opcode == 0xc2 ||
		(opcode >= 0xc4 && opcode <= 0xc6);
}

/* Map 1 is 0F, 2 is 0F 38, 3 is 0F 3A; also those of VEX. */
static bool map_skip(struct cursor *c, unsigned map, struct instruction *out)
{
	uint8_t opcode;

	out->opcode = (uint8_t)c->at;
	opcode = byte_next(c);
	if (map == 1 && (opcode == 0xa0 || opcode == 0xa8))     /* push fs, push gs */
		return true;
	if (map == 1 && ((opcode & 0xf0) == 0x80 || (opcode & 0xf8) == 0x30 || opcode == 0x05 || opcode == 0x0b))
		return false;
	(void)modrm_skip(c, out);
	if (map == 3 || (map == 1 && two_byte_has_immediate(opcode)))
		bytes_skip(c, 1);
	return map >= 1 && map <= 3;
}

static bool escape_skip(struct cursor *c, struct instruction *out)
{
	if (c->at < c->limit && (c->bytes[c->at] == 0x38 || c->bytes[c->at] == 0x3a))
		return map_skip(c, byte_next(c) == 0x38 ? 2 : 3, out);
	return map_skip(c, 1, out);
}

static bool vex_skip(struct cursor *c, bool is_long, struct instruction *out)
{
	unsigned map = 1;

	if (is_long)
		map = byte_next(c) & 31;
	bytes_skip(c, 1);
	return map_skip(c, map, out);
}

/* FF: inc, dec, call and push write; jumps and far calls are not for us. */
static bool group_ff_skip(struct cursor *c, struct instruction *out)
{
	unsigned operation = modrm_skip(c, out) >> 3 & 7;

	out->call_indirect = operation == 2;
	return operation <= 2 || operation == 6;
}

static bool form_skip(struct cursor *c, uint8_t opcode, char form, struct instruction *out)
{
	switch (form) {
	case 'm':
		(void)modrm_skip(c, out);
		return true;
	case 'b':
		(void)modrm_skip(c, out);
		bytes_skip(c, 1);
		return true;
	case 'z':
		(void)modrm_skip(c, out);
		bytes_skip(c, operand_bytes(c));
		return true;
	case '1':
		bytes_skip(c, 1);
		return true;
	case '4':
		bytes_skip(c, operand_bytes(c));
		return true;
	case '0':
		return true;
	case '3':
		bytes_skip(c, 3);
		return true;
	case 'a':
		bytes_skip(c, c->short_address ? 4 : 8);
		return true;
	case 'f':
		if ((modrm_skip(c, out) >> 3 & 7) < 2)
			bytes_skip(c, opcode & 1 ? operand_bytes(c) : 1);
		return true;
	case 'c':
		out->call = true;
		bytes_skip(c, 4);
		return !c->short_operand;
	case 'i':
		return group_ff_skip(c, out);
	}
	return false;
}

bool instruction_decode(const uint8_t *bytes, unsigned limit, struct instruction *out)
{
	struct cursor c = { .bytes = bytes, .limit = limit < INSTRUCTION_BYTES ? limit : INSTRUCTION_BYTES };
	uint8_t opcode;
	bool known;

	memset(out, 0, sizeof *out);
	opcode = opcode_first(&c);
	out->opcode = (uint8_t)(c.at - 1);
	if (opcode == 0x0f)
		known = escape_skip(&c, out);
	else if (opcode == 0xc4 || opcode == 0xc5)
		known = vex_skip(&c, opcode == 0xc4, out);
	else if (opcode < 0x40)
		known = form_skip(&c, opcode, (opcode & 7) < 4 ? 'm' : '.', out);
	else
		known = form_skip(&c, opcode, forms[opcode], out);
	out->length = (uint8_t)c.at;
	return known && !c.ended && !(out->relative != 0 && c.short_address);
}
