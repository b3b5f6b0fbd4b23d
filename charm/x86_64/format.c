/* The few conversions that the early console needs: %s %d %u %x %c %p %%, with l, zero padding and width. */
#include "charm/x86_64/internal.h"

struct conversion {
	unsigned width;
	bool zero, wide;
};

struct output {
	void (*put)(void *to, const char *text, uint64_t bytes);
	void *to;
};

static uint64_t text_bytes(const char *text)
{
	uint64_t n = 0;

	while (text[n])
		n++;
	return n;
}

static void put_padded(struct output *out, const struct conversion *c, const char *text, uint64_t bytes)
{
	uint64_t i;

	for (i = bytes; i < c->width; i++)
		out->put(out->to, c->zero ? "0" : " ", 1);
	out->put(out->to, text, bytes);
}

static void put_number(struct output *out, const struct conversion *c, uint64_t value, unsigned base, bool negative)
{
	char digits[24];
	unsigned at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	if (negative)
		digits[--at] = '-';
	put_padded(out, c, digits + at, sizeof(digits) - at);
}

static const char *conversion_read(struct conversion *c, const char *format)
{
	*c = (struct conversion){ 0 };
	if (*format == '0')
		c->zero = true;
	for (; *format >= '0' && *format <= '9'; format++)
		c->width = c->width * 10 + (unsigned)(*format - '0');
	for (; *format == 'l' || *format == 'z'; format++)
		c->wide = true;
	return format;
}

struct arguments {
	__builtin_va_list list;
};

static void put_argument(struct output *out, struct conversion *c, char kind, struct arguments *a)
{
	const char *text;
	int64_t number;
	char letter;

	switch (kind) {
	case 's':
		text = __builtin_va_arg(a->list, const char *);
		put_padded(out, c, text ? text : "(null)", text_bytes(text ? text : "(null)"));
		break;
	case 'c':
		letter = (char)__builtin_va_arg(a->list, int);
		put_padded(out, c, &letter, 1);
		break;
	case 'd':
		number = c->wide ? __builtin_va_arg(a->list, int64_t) : __builtin_va_arg(a->list, int);
		put_number(out, c, number < 0 ? -(uint64_t)number : (uint64_t)number, 10, number < 0);
		break;
	case 'u':
	case 'x':
		put_number(out, c, c->wide ? __builtin_va_arg(a->list, uint64_t) : __builtin_va_arg(a->list, unsigned),
		           kind == 'u' ? 10 : 16, false);
		break;
	case 'p':
		put_number(out, c, (uintptr_t)__builtin_va_arg(a->list, void *), 16, false);
		break;
	default:
		out->put(out->to, &kind, 1);
	}
}

void format_print(void (*put)(void *to, const char *text, uint64_t bytes), void *to, const char *format,
                  __builtin_va_list list)
{
	struct output out = { put, to };
	struct conversion c;
	struct arguments arguments;

	__builtin_va_copy(arguments.list, list);
	while (*format) {
		uint64_t plain = 0;

		while (format[plain] && format[plain] != '%')
			plain++;
		if (plain)
			put(to, format, plain);
		format += plain;
		if (*format != '%')
			break;
		format = conversion_read(&c, format + 1);
		if (!*format)
			break;
		put_argument(&out, &c, *format++, &arguments);
	}
	__builtin_va_end(arguments.list);
}
