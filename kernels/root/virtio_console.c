/* The console on port 1 of a virtio console device (Virtual I/O Device 1.1, sections 2.6 split virtqueues, 4.1.4.8 legacy
 * interface over I/O ports, 5.3 console device with VIRTIO_CONSOLE_F_MULTIPORT).
 *
 * The device reads and writes the channel's rings themselves: a buffer is a piece of a ring inside one page, named by its
 * frame. Pages of the channel are locked, so their frames do not change.
 *   1. Output: [tail, given) of the ring lies with the device, in the order of `piece`; tail moves on when the device has
 *      used a piece. The ring is not empty meanwhile, so the producer does not signal: after moving on, look again.
 *   2. Input: at most one buffer is with the device, right behind head and never more than there is room for.
 * A device that gives back something else than it was given is believed only as far as this holds. */
#include "console.h"

#include "baryon/clock.h"
#include "baryon/format.h"
#include "baryon/ring.h"
#include "baryon/string.h"

enum { VENDOR = 0x1af4, DEVICE_CONSOLE = 0x1003 };
enum {                          /* legacy registers, from BAR 0 */
	FEATURES = 0, FEATURES_USED = 4, QUEUE_FRAME = 8, QUEUE_ENTRIES = 12, QUEUE_SELECT = 14, QUEUE_NOTIFY = 16,
	STATUS = 18, INTERRUPT_STATUS = 19,
};
enum { STATUS_SEEN = 1, STATUS_DRIVER = 2, STATUS_WORKS = 4, STATUS_FAILED = 128, FEATURE_MULTIPORT = 1 << 1 };
enum { DESCRIPTOR_NEXT = 1, DESCRIPTOR_WRITE = 2, AVAILABLE_NO_INTERRUPT = 1 };
enum { CONTROL_DEVICE_READY = 0, CONTROL_PORT_ADD = 1, CONTROL_PORT_READY = 3, CONTROL_PORT_OPEN = 6 };
enum { PORT = 1, QUEUE_CONTROL_IN = 2, QUEUE_CONTROL_OUT = 3, QUEUE_INPUT = 4, QUEUE_OUTPUT = 5 };
enum { ENTRIES_LIMIT = 128, QUEUE_PAGES = 2, QUEUES = 4, MESSAGES = 8, MESSAGE_BYTES = 64, PAGES = QUEUE_PAGES * QUEUES + 1 };
enum { PIECES = 32 };           /* with the device at a time; the ring has 8 pages */
#define ANSWER_NS 1000000000ull /* how long the device may take to name its port */

struct descriptor {
	uint64_t address;
	uint32_t bytes;
	uint16_t flags, next;
};

struct available {
	uint16_t flags, index, entry[];
};

struct used {
	uint16_t flags, index;
	struct { uint32_t id, bytes; } entry[];
};

struct control {
	uint32_t port;
	uint16_t event, value;
};

struct queue {
	uint16_t number, entries;
	uint16_t seen;              /* used entries looked at */
	struct descriptor *descriptors;
	struct available *available;
	volatile struct used *used;
};

static struct queue control_in, control_out, input, output;
static uint8_t *own;            /* the queues' pages, then one of messages */
static struct console_channel *channel;
static uint64_t own_frame, channel_frame; /* the first of each */
static uint16_t ports;          /* where the registers are */
static uint32_t interrupt_line;
static uint32_t given;          /* output: the ring's bytes before this one were given to the device */
static uint16_t piece[PIECES];  /* their lengths, by descriptor */
static uint32_t input_bytes;    /* of the buffer that is with the device; 0: none */

static uint32_t register_read(uint32_t offset, uint32_t width)
{
	return (uint32_t)port_read(ports + offset, width, NULL, 0);
}

static void register_write(uint32_t offset, uint32_t width, uint32_t value)
{
	if (port_write(ports + offset, width, value, 0) < 0)
		panic("root: the console's device cannot be written");
}

/* ---- queues ---- */

static uint64_t address_of(const void *at, const void *base, uint64_t frame)
{
	return frame * PAGE_BYTES + (uint64_t)((const uint8_t *)at - (const uint8_t *)base);
}

static bool queue_start(struct queue *queue, uint16_t number, uint32_t place)
{
	uint8_t *base = own + place * QUEUE_PAGES * PAGE_BYTES;
	uint32_t entries;

	register_write(QUEUE_SELECT, 2, number);
	entries = register_read(QUEUE_ENTRIES, 2);
	if (entries < MESSAGES || entries > ENTRIES_LIMIT || (entries & (entries - 1)))
		return false;
	*queue = (struct queue){.number = number, .entries = (uint16_t)entries, .descriptors = (struct descriptor *)base};
	queue->available = (struct available *)(base + entries * sizeof(struct descriptor));
	queue->used = (volatile struct used *)(base + PAGE_BYTES);
	register_write(QUEUE_FRAME, 4, (uint32_t)(own_frame + place * QUEUE_PAGES));
	return true;
}

/* Gives descriptor `n` to the device, which sees it at the next queue_notify, or before. */
static void queue_give(struct queue *queue, uint16_t n, uint64_t address, uint32_t bytes, uint16_t flags)
{
	uint16_t index = queue->available->index;

	queue->descriptors[n] = (struct descriptor){.address = address, .bytes = bytes, .flags = flags};
	queue->available->entry[index % queue->entries] = n;
	__atomic_store_n(&queue->available->index, (uint16_t)(index + 1), __ATOMIC_RELEASE);
}

static void queue_notify(struct queue *queue)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	register_write(QUEUE_NOTIFY, 2, queue->number);
}

/* The next descriptor that the device has used. */
static bool queue_take(struct queue *queue, uint32_t *n, uint32_t *bytes)
{
	if (__atomic_load_n(&queue->used->index, __ATOMIC_ACQUIRE) == queue->seen)
		return false;
	*n = queue->used->entry[queue->seen % queue->entries].id;
	*bytes = queue->used->entry[queue->seen % queue->entries].bytes;
	queue->seen++;
	return true;
}

/* Whether the device shall interrupt when it has used something. */
static void queue_ask(struct queue *queue, bool interrupt)
{
	__atomic_store_n(&queue->available->flags, interrupt ? 0 : AVAILABLE_NO_INTERRUPT, __ATOMIC_SEQ_CST);
}

/* ---- start ---- */

static struct control *message(uint32_t n)
{
	return (struct control *)(own + QUEUES * QUEUE_PAGES * PAGE_BYTES + n * MESSAGE_BYTES);
}

static void message_give(uint32_t n)
{
	queue_give(&control_in, (uint16_t)n, address_of(message(n), own, own_frame), MESSAGE_BYTES, DESCRIPTOR_WRITE);
}

static void message_send(uint32_t port, uint16_t event)
{
	uint32_t n, bytes;

	*message(MESSAGES) = (struct control){.port = port, .event = event, .value = 1};
	queue_give(&control_out, 0, address_of(message(MESSAGES), own, own_frame), sizeof(struct control), 0);
	queue_notify(&control_out);
	for (uint64_t end = clock_now_ns() + ANSWER_NS; !queue_take(&control_out, &n, &bytes) && clock_now_ns() < end;)
		continue;
}

/* What the device says about its ports; whether port 1 was added. */
static bool messages_take(void)
{
	bool added = false;
	uint32_t n, bytes;

	while (queue_take(&control_in, &n, &bytes)) {
		struct control *got = message(n % MESSAGES);

		added |= bytes >= sizeof *got && got->port == PORT && got->event == CONTROL_PORT_ADD;
		message_give(n % MESSAGES);
	}
	return added;
}

static bool port_open(void)
{
	uint64_t end = clock_now_ns() + ANSWER_NS;
	bool added = false;

	for (uint32_t n = 0; n < MESSAGES; n++)
		message_give(n);
	queue_ask(&control_in, false);
	queue_ask(&control_out, false);
	queue_ask(&output, false);
	queue_notify(&control_in);
	message_send(~0u, CONTROL_DEVICE_READY);
	while (!added && clock_now_ns() < end)
		added = messages_take();
	if (!added)
		return false;
	message_send(PORT, CONTROL_PORT_READY);
	message_send(PORT, CONTROL_PORT_OPEN);
	return true;
}

/* The interrupt is the one that the firmware put the device's pin on. */
static bool device_find(void)
{
	uint32_t function, bar, line;

	if (!pci_find(VENDOR, DEVICE_CONSOLE, &function))
		return false;
	bar = pci_read(function, PCI_BAR0);
	line = pci_read(function, PCI_INTERRUPT);
	if (!(bar & PCI_BAR_IS_PORTS) || !(bar >> 2) || !(line >> 8 & 0xff) || (line & 0xff) == 0 || (line & 0xff) > 15)
		return false;
	ports = (uint16_t)(bar & 0xfffc);
	interrupt_line = line & 0xff;
	pci_write(function, PCI_COMMAND, (pci_read(function, PCI_COMMAND) & 0xffff) | PCI_COMMAND_PORTS | PCI_COMMAND_MASTER);
	return true;
}

static bool virtio_start(struct console_channel *to, uint64_t frame)
{
	if (!device_find())
		return false;
	channel = to;
	channel_frame = frame;
	own = memory_heap_pages(PAGES, &own_frame);
	if (!own)
		panic("root: too little memory for the console's queues");
	register_write(STATUS, 1, 0);
	register_write(STATUS, 1, STATUS_SEEN | STATUS_DRIVER);
	if (register_read(FEATURES, 4) & FEATURE_MULTIPORT) {
		register_write(FEATURES_USED, 4, FEATURE_MULTIPORT);
		if (queue_start(&control_in, QUEUE_CONTROL_IN, 0) && queue_start(&control_out, QUEUE_CONTROL_OUT, 1) &&
		    queue_start(&input, QUEUE_INPUT, 2) && queue_start(&output, QUEUE_OUTPUT, 3)) {
			register_write(STATUS, 1, STATUS_SEEN | STATUS_DRIVER | STATUS_WORKS);
			if (port_open())
				return true;
		}
	}
	register_write(STATUS, 1, STATUS_FAILED);
	return false;
}

static uint32_t virtio_interrupt(void)
{
	return interrupt_line;
}

static void virtio_acknowledge(void)
{
	register_read(INTERRUPT_STATUS, 1);
}

/* ---- moving bytes ---- */

/* How many of `count` bytes from byte number `at` of a ring lie in one page. */
static uint32_t piece_at(uint32_t at, uint32_t count)
{
	uint32_t page_left = PAGE_BYTES - at % PAGE_BYTES;

	return count < page_left ? count : page_left;
}

static uint64_t ring_address(const struct console_ring *ring, uint32_t at)
{
	return address_of(ring->bytes + at % CONSOLE_RING_BYTES, channel, channel_frame);
}

/* Invariant 1: what the device has used is free for the producer. */
static void output_reap(void)
{
	uint32_t n, bytes;

	while (queue_take(&output, &n, &bytes)) {
		uint32_t done = piece[n % PIECES];

		piece[n % PIECES] = 0;
		if (ring_advance(&channel->output, done))
			signal_send(&channel->output);
	}
}

/* Gives the device what is new. Returns whether it did. */
static bool output_give(void)
{
	struct console_ring *ring = &channel->output;
	uint32_t end = ring->tail + ring_filled(ring);
	bool any = false;

	while (given != end) {
		uint16_t n = (uint16_t)(output.available->index % PIECES);

		if (piece[n])
			break;
		piece[n] = (uint16_t)piece_at(given, end - given);
		queue_give(&output, n, ring_address(ring, given), piece[n], 0);
		given += piece[n];
		any = true;
	}
	return any;
}

static bool virtio_output(void)
{
	queue_ask(&output, false);
	do {
		output_reap();
		if (output_give())
			queue_notify(&output);
		output_reap();
		if (given == channel->output.tail)
			continue;
		queue_ask(&output, true);       /* the host is slow: it says when it goes on */
		output_reap();
		if (given != channel->output.tail)
			return false;
	} while (given != channel->output.tail + ring_filled(&channel->output));
	return false;
}

/* Invariant 2. Returns whether a buffer is with the device. */
static bool input_give(void)
{
	struct console_ring *ring = &channel->input;

	input_bytes = piece_at(ring->head, ring_room(ring));
	if (!input_bytes)
		return false;
	queue_give(&input, 0, ring_address(ring, ring->head), input_bytes, DESCRIPTOR_WRITE);
	queue_notify(&input);
	return true;
}

static bool virtio_input(void)
{
	bool rang = false;
	uint32_t n, bytes;

	while (input_bytes || input_give()) {
		if (!queue_take(&input, &n, &bytes))
			break;
		rang |= ring_put_in_place(&channel->input, bytes < input_bytes ? bytes : input_bytes);
		input_bytes = 0;
	}
	if (rang)
		signal_send(&channel->input);
	return !input_bytes;            /* a full ring: nobody rings here when it has room */
}

static bool virtio_drained(void)
{
	return given == channel->output.tail;
}

const struct console_device virtio_console = {
	.name = "virtio console", .start = virtio_start, .interrupt = virtio_interrupt, .acknowledge = virtio_acknowledge,
	.output = virtio_output, .input = virtio_input, .drained = virtio_drained,
};
