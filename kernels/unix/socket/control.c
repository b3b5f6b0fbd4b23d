/* Control messages: files and credentials that go along with bytes (unix(7), cmsg(3)). */
#include "socket/socket.h"

enum { HEADER = sizeof(struct linux_cmsghdr), CONTROL_LIMIT = 4 * 4096 };

static uint64_t aligned(uint64_t bytes)
{
	return (bytes + 7) & ~7ull;
}

void control_drop(struct control *control)
{
	rights_drop(control->rights);
	control->rights = 0;
	address_put(control->from);
	control->from = 0;
}

/* ---- sending ---- */

static int rights_read(struct control *control, const int32_t *descriptors, uint64_t count)
{
	struct rights *rights = control->rights;

	if (!rights)
		rights = heap_alloc(sizeof(*rights) + SCM_RIGHTS_LIMIT * sizeof(struct file *));
	if (!rights)
		return -ENOMEM;
	control->rights = rights;
	if (count > SCM_RIGHTS_LIMIT - rights->count)
		return -EINVAL;
	for (uint64_t i = 0; i < count; i++) {
		struct file *file = file_of_descriptor(descriptors[i]);

		if (!file)
			return -EBADF;
		rights->file[rights->count++] = file;
	}
	return 0;
}

static bool one_of(uint32_t id, uint32_t a, uint32_t b, uint32_t c)
{
	return id == a || id == b || id == c;
}

/* Whom a program may say that it is: itself, or with capabilities whoever they are for. */
static int credentials_check(const struct linux_ucred *claimed)
{
	const struct process *process = self_process();
	const struct credentials *who = &process->credentials;

	bool pid = claimed->pid == process->pid || credentials_can(who, CAP_SYS_ADMIN);
	bool uid = one_of(claimed->uid, who->uid, who->euid, who->suid) || credentials_can(who, CAP_SETUID);
	bool gid = one_of(claimed->gid, who->gid, who->egid, who->sgid) || credentials_can(who, CAP_SETGID);

	return pid && uid && gid ? 0 : -EPERM;
}

static int message_read(struct control *control, const struct linux_cmsghdr *header)
{
	const void *data = header + 1;
	uint64_t bytes = header->bytes - HEADER;

	if (header->level != SOL_SOCKET)
		return 0;
	if (header->type == SCM_RIGHTS)
		return rights_read(control, data, bytes / sizeof(int32_t));
	if (header->type != SCM_CREDENTIALS || bytes != sizeof(struct linux_ucred))
		return -EINVAL;
	memcpy(&control->credentials, data, sizeof(control->credentials));
	return credentials_check(&control->credentials);
}

static int messages_read(struct control *control, const char *at, uint64_t bytes)
{
	int status = 0;

	while (bytes >= HEADER && status == 0) {
		const struct linux_cmsghdr *header = (const void *)at;

		if (header->bytes < HEADER || header->bytes > bytes)
			return -EINVAL;
		status = message_read(control, header);
		if (aligned(header->bytes) >= bytes)
			break;
		at += aligned(header->bytes);
		bytes -= aligned(header->bytes);
	}
	if (control->rights && !control->rights->count) {
		rights_drop(control->rights);
		control->rights = 0;
	}
	return status;
}

int control_read(struct control *control, uint64_t address, uint64_t bytes)
{
	char *block;
	int status;

	if (bytes == 0)
		return 0;
	if (bytes > CONTROL_LIMIT)
		return -ENOBUFS;
	block = page_block_alloc();
	if (!block)
		return -ENOMEM;
	status = user_read(block, address, bytes);
	if (status == 0)
		status = messages_read(control, block, bytes);
	page_block_free(block);
	return status;
}

/* ---- receiving ---- */

/* Puts one control message; one that does not fit is cut. 0, -EFAULT. */
static int message_write(struct control_room *room, int32_t type, const void *data, uint64_t bytes)
{
	struct linux_cmsghdr header = {.bytes = HEADER + bytes, .level = SOL_SOCKET, .type = type};
	uint64_t step;

	if (room->left < HEADER) {
		room->flags |= MSG_CTRUNC;
		return 0;
	}
	if (room->left < header.bytes) {
		room->flags |= MSG_CTRUNC;
		header.bytes = room->left;
	}
	if (user_write(room->at, &header, HEADER) || user_write(room->at + HEADER, data, header.bytes - HEADER))
		return -EFAULT;
	step = aligned(header.bytes) < room->left ? aligned(header.bytes) : room->left;
	room->at += step;
	room->left -= step;
	room->done += step;
	return 0;
}

/* Gives the program descriptors for the files, as many as it has room for. */
static int rights_write(struct rights *rights, struct control_room *room, bool close_on_exec)
{
	uint64_t limit = room->left > HEADER ? (room->left - HEADER) / sizeof(int32_t) : 0, count = 0;
	int status = 0;

	for (; count < rights->count && count < limit && status == 0; count += status == 0) {
		int32_t descriptor;

		file_get(rights->file[count]);
		descriptor = descriptor_install(rights->file[count], 0, close_on_exec);
		status = descriptor < 0 ? descriptor :
			user_write(room->at + HEADER + count * sizeof(descriptor), &descriptor, sizeof(descriptor));
		if (status == -EFAULT)
			descriptor_close(descriptor);
	}
	if (count) {
		struct linux_cmsghdr header = {HEADER + count * sizeof(int32_t), SOL_SOCKET, SCM_RIGHTS};
		uint64_t step = aligned(header.bytes) < room->left ? aligned(header.bytes) : room->left;

		if (user_write(room->at, &header, HEADER))
			return -EFAULT;
		room->at += step;
		room->left -= step;
		room->done += step;
	}
	if (count < rights->count)
		room->flags |= MSG_CTRUNC;
	return 0;
}

int control_write(struct control *control, struct control_room *room, bool credentials, bool close_on_exec)
{
	int status = 0;

	if (credentials)
		status = message_write(room, SCM_CREDENTIALS, &control->credentials, sizeof(control->credentials));
	if (status == 0 && control->rights)
		status = rights_write(control->rights, room, close_on_exec);
	return status;
}
