/* What programs may write in /proc/PID (proc(5)). As with Linux, more than a number can have is not looked at. */
#include "baryon/string.h"
#include "process/internal.h"
#include "process/text.h"

enum { SHORT_BYTES = 12, LONG_BYTES = 66, NAME_LAST = 15, CLEAR_MOST = 5 };

struct piece {
	const char *text;
	uint64_t bytes;
};

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A line's end behind a number is allowed; for some files blanks around it too. */
static struct piece piece_trim(struct piece piece, bool blanks)
{
	const char *zero = memchr(piece.text, 0, piece.bytes);

	if (zero != NULL)
		piece.bytes = (uint64_t)(zero - piece.text);
	while (blanks && piece.bytes != 0 && is_blank(piece.text[0])) {
		piece.text++;
		piece.bytes--;
	}
	while (blanks && piece.bytes != 0 && is_blank(piece.text[piece.bytes - 1]))
		piece.bytes--;
	if (piece.bytes != 0 && piece.text[piece.bytes - 1] == '\n')
		piece.bytes--;
	return piece;
}

static int digit_of(char c, unsigned base)
{
	int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : 16;

	return digit < (int)base ? digit : -1;
}

static void base_find(struct piece *piece, unsigned *base)
{
	bool zero = piece->bytes > 1 && piece->text[0] == '0', hexadecimal = zero && piece->bytes > 2 && (piece->text[1] | 32) == 'x';

	*base = hexadecimal ? 16 : zero ? 8 : 10;
	if (hexadecimal)
		*piece = (struct piece) { piece->text + 2, piece->bytes - 2 };
}

/* base 0: as C writes it. 0, -EINVAL, -ERANGE. */
static int number_parse(struct piece piece, unsigned base, uint64_t *out)
{
	uint64_t number = 0;

	if (piece.bytes != 0 && piece.text[0] == '+')
		piece = (struct piece) { piece.text + 1, piece.bytes - 1 };
	if (base == 0)
		base_find(&piece, &base);
	if (piece.bytes == 0)
		return -EINVAL;
	for (uint64_t i = 0; i < piece.bytes; i++) {
		int digit = digit_of(piece.text[i], base);

		if (digit < 0)
			return -EINVAL;
		if (number > (UINT64_MAX - (uint64_t)digit) / base)
			return -ERANGE;
		number = number * base + (uint64_t)digit;
	}
	*out = number;
	return 0;
}

/* The same, of an int. */
static int signed_parse(struct piece piece, unsigned base, int *out)
{
	bool negative = piece.bytes != 0 && piece.text[0] == '-';
	uint64_t number;
	int status;

	if (negative)
		piece = (struct piece) { piece.text + 1, piece.bytes - 1 };
	if (negative && piece.bytes != 0 && piece.text[0] == '+')
		return -EINVAL;
	status = number_parse(piece, base, &number);
	if (status != 0)
		return status;
	if (number > (uint64_t)INT32_MAX + negative)
		return -ERANGE;
	*out = negative ? (int)-(int64_t)number : (int)number;
	return 0;
}

/* ---- each file. Tree lock ---- */

/* Those who share its memory go with it. */
static void score_set(struct process *process, int score, bool allowed)
{
	for (struct process *p = process_next(NULL); p != NULL; p = process_next(p)) {
		if (p != process && (p->vfork != NULL || process->vfork != NULL || p->space == NULL || p->space != process->space))
			continue;
		p->score_adjust = (int16_t)score;
		if (allowed)
			p->score_least = (int16_t)score;
	}
}

static int score_write(struct process *process, struct piece piece)
{
	bool allowed = capable(CAP_SYS_RESOURCE);
	int score, status = signed_parse(piece_trim(piece, true), 0, &score);

	if (status != 0)
		return status;
	if (score < -SCORE_MOST || score > SCORE_MOST)
		return -EINVAL;
	if (score < process->score_least && !allowed)
		return -EACCES;
	score_set(process, score, allowed);
	return 0;
}

/* A line's end belongs to the name. */
static int name_write(struct thread *thread, struct piece piece)
{
	char name[16] = { 0 };

	if (thread->process != self_process())
		return -EINVAL;
	memcpy(name, piece.text, piece.bytes < NAME_LAST ? piece.bytes : NAME_LAST);
	memcpy(thread == thread->process->leader ? thread->process->name : thread->name, name, sizeof name);
	return 0;
}

static int slack_write(struct thread *thread, struct piece piece)
{
	uint64_t slack;
	int status = number_parse(piece_trim(piece, false), 10, &slack);

	if (status != 0)
		return status;
	if (thread != self() && !capable(CAP_SYS_NICE))
		return -EPERM;
	thread->timer_slack = slack == 0 ? thread->timer_slack_default : slack;
	return 0;
}

static int dump_filter_write(struct process *process, struct piece piece)
{
	uint64_t filter;
	int status = number_parse(piece_trim(piece, false), 0, &filter);

	if (status != 0)
		return status;
	if (filter > UINT32_MAX)
		return -ERANGE;
	if (process->space == NULL)
		return -ESRCH;
	process->dump_filter = (uint32_t)filter & 511;
	return 0;
}

/* Which pages were looked at or written is not kept, so that there is nothing to clear but the most that were present. */
static int clear_write(struct process *process, struct piece piece)
{
	int what, status = signed_parse(piece_trim(piece, true), 10, &what);

	if (status != 0)
		return status;
	if (what < 1 || what > CLEAR_MOST)
		return -EINVAL;
	if (what < CLEAR_MOST)
		return 0;
	mutex_lock(&process->lock);
	if (process->space != NULL)
		process->pages_most = process->space->resident_most = 0;
	mutex_unlock(&process->lock);
	return 0;
}

static int text_write(struct thread *thread, enum process_text what, struct piece piece)
{
	switch (what) {
	case TEXT_COMM:
		return name_write(thread, piece);
	case TEXT_SCORE_ADJUST:
		return score_write(thread->process, piece);
	case TEXT_SLACK:
		return slack_write(thread, piece);
	case TEXT_DUMP_FILTER:
		return dump_filter_write(thread->process, piece);
	case TEXT_CLEAR:
		return clear_write(thread->process, piece);
	default:
		return -EINVAL;
	}
}

/* How much of a write a file looks at and takes; of the others it takes all. */
static uint64_t bytes_taken(enum process_text what, uint64_t bytes)
{
	bool few = what == TEXT_SCORE_ADJUST || what == TEXT_CLEAR;

	return few && bytes > SHORT_BYTES ? SHORT_BYTES : bytes;
}

int64_t process_text_write(struct process_key key, enum process_text what, const char *text, uint64_t bytes)
{
	struct piece piece;
	struct thread *thread;
	int status = -ESRCH;

	bytes = bytes_taken(what, bytes);
	piece = (struct piece) { text, bytes < LONG_BYTES ? bytes : LONG_BYTES };
	mutex_lock(&tree_lock);
	thread = thread_of_key(key);
	if (thread != NULL)
		status = text_write(thread, what, piece);
	mutex_unlock(&tree_lock);
	return status != 0 ? status : (int64_t)bytes;
}
