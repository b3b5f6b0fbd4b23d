/* Text formatting: a subset of C's printf family without floating point. */
#include "baryon/format.h"

#include "abi/types.h"
#include "baryon/string.h"

struct output {
	char *to;
	size_t room, length;
};

struct conversion {
	bool left, zero, plus, alternate;
	int width, precision;       /* precision: -1 when not given */
	int length;                 /* -2 hh, -1 h, 0 int, 1 l ll z */
};

static void put(struct output *out, char character)
{
	if (out->length + 1 < out->room)
		out->to[out->length] = character;
	out->length++;
}

static void put_many(struct output *out, char character, int count)
{
	while (count-- > 0)
		put(out, character);
}

static int number_read(const char **format, va_list *values)
{
	int number = 0;

	if (**format == '*') {
		(*format)++;
		return va_arg(*values, int);
	}
	while (**format >= '0' && **format <= '9')
		number = number * 10 + (*(*format)++ - '0');
	return number;
}

static void flags_read(struct conversion *how, const char **format)
{
	for (;; (*format)++) {
		switch (**format) {
		case '-': how->left = true; break;
		case '0': how->zero = true; break;
		case '+': how->plus = true; break;
		case '#': how->alternate = true; break;
		default: return;
		}
	}
}

static void conversion_read(struct conversion *how, const char **format, va_list *values)
{
	*how = (struct conversion){ .precision = -1 };
	flags_read(how, format);
	how->width = number_read(format, values);
	if (how->width < 0) {
		how->left = true;
		how->width = -how->width;
	}
	if (**format == '.') {
		(*format)++;
		how->precision = number_read(format, values);
	}
	for (;; (*format)++) {
		if (**format == 'l' || **format == 'z')
			how->length = 1;
		else if (**format == 'h')
			how->length--;
		else
			return;
	}
}

static void put_text(struct output *out, const struct conversion *how, const char *text)
{
	size_t limit = how->precision >= 0 ? (size_t)how->precision : SIZE_MAX;
	size_t length = strnlen(text ? text : "(null)", limit);
	int pad = how->width > (int)length ? how->width - (int)length : 0;

	if (!text)
		text = "(null)";
	if (!how->left)
		put_many(out, ' ', pad);
	for (size_t i = 0; i < length; i++)
		put(out, text[i]);
	if (how->left)
		put_many(out, ' ', pad);
}

static void put_digits(struct output *out, const struct conversion *how, const char *prefix, const char *digits, int count)
{
	int zeros = how->precision > count ? how->precision - count : 0;
	int used = (int)strlen(prefix) + zeros + count;
	int pad = how->width > used ? how->width - used : 0;

	if (how->zero && !how->left && how->precision < 0) {
		zeros += pad;
		pad = 0;
	}
	if (!how->left)
		put_many(out, ' ', pad);
	while (*prefix)
		put(out, *prefix++);
	put_many(out, '0', zeros);
	while (count > 0)
		put(out, digits[--count]);
	if (how->left)
		put_many(out, ' ', pad);
}

static void put_unsigned(struct output *out, const struct conversion *how, const char *prefix, uint64_t value,
	unsigned base, char ten)
{
	char digits[64];
	int count = 0;

	while (value) {
		unsigned digit = (unsigned)(value % base);

		digits[count++] = (char)(digit < 10 ? '0' + digit : ten + digit - 10);
		value /= base;
	}
	if (count == 0 && how->precision != 0)
		digits[count++] = '0';
	put_digits(out, how, prefix, digits, count);
}

static uint64_t unsigned_take(const struct conversion *how, va_list *values)
{
	if (how->length > 0)
		return va_arg(*values, uint64_t);
	if (how->length == -1)
		return (uint16_t)va_arg(*values, unsigned);
	if (how->length <= -2)
		return (uint8_t)va_arg(*values, unsigned);
	return va_arg(*values, unsigned);
}

static void put_signed(struct output *out, const struct conversion *how, va_list *values)
{
	int64_t value = how->length > 0 ? va_arg(*values, int64_t) : va_arg(*values, int);
	uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;

	put_unsigned(out, how, value < 0 ? "-" : how->plus ? "+" : "", size, 10, 'a');
}

static void convert(struct output *out, struct conversion *how, char kind, va_list *values)
{
	char character[2] = { 0, 0 };

	switch (kind) {
	case 'd': case 'i': put_signed(out, how, values); break;
	case 'u': put_unsigned(out, how, "", unsigned_take(how, values), 10, 'a'); break;
	case 'o': put_unsigned(out, how, how->alternate ? "0" : "", unsigned_take(how, values), 8, 'a'); break;
	case 'x': put_unsigned(out, how, how->alternate ? "0x" : "", unsigned_take(how, values), 16, 'a'); break;
	case 'X': put_unsigned(out, how, how->alternate ? "0X" : "", unsigned_take(how, values), 16, 'A'); break;
	case 'p': put_unsigned(out, how, "0x", (uint64_t)(uintptr_t)va_arg(*values, void *), 16, 'a'); break;
	case 's': put_text(out, how, va_arg(*values, const char *)); break;
	case 'c':
		character[0] = (char)va_arg(*values, int);
		how->precision = 1;
		put_text(out, how, character);
		break;
	default: put(out, kind); break;
	}
}

int vsnprintf(char *to, size_t room, const char *format, va_list original)
{
	struct output out = { to, room, 0 };
	struct conversion how;
	va_list values;

	va_copy(values, original);
	while (*format) {
		if (*format != '%') {
			put(&out, *format++);
			continue;
		}
		format++;
		conversion_read(&how, &format, &values);
		if (!*format)
			break;
		convert(&out, &how, *format++, &values);
	}
	va_end(values);
	if (room)
		to[out.length < room ? out.length : room - 1] = 0;
	return (int)out.length;
}

int snprintf(char *to, size_t room, const char *format, ...)
{
	va_list values;
	int length;

	va_start(values, format);
	length = vsnprintf(to, room, format, values);
	va_end(values);
	return length;
}
