/* Names of sockets: in the file system, where the inode knows its socket, and abstract ones in a table. */
#include "socket/socket.h"

enum { BUCKETS = 64, FAMILY_BYTES = 2, SELF_NAMES = 1 << 20 };

static struct mutex names_lock;         /* inode->socket, the table, and socket->name until it is set */
static struct socket *buckets[BUCKETS];

struct address *address_get(struct address *address)
{
	if (address)
		__atomic_fetch_add(&address->references, 1, __ATOMIC_RELAXED);
	return address;
}

void address_put(struct address *address)
{
	if (!address || __atomic_sub_fetch(&address->references, 1, __ATOMIC_ACQ_REL))
		return;
	inode_put(address->inode);
	heap_free(address);
}

int target_read(struct target *target, uint64_t address, int32_t bytes)
{
	if (bytes < 0 || bytes > 128)
		return -EINVAL;
	memset(target, 0, sizeof(*target));
	if ((uint32_t)bytes > sizeof(target->raw)) {    /* it is read, and found too long */
		char rest[128];

		return user_read(rest, address, (uint32_t)bytes) ? -EFAULT : -EINVAL;
	}
	if (bytes && user_read(&target->raw, address, (uint32_t)bytes))
		return -EFAULT;
	target->bytes = (uint32_t)bytes;
	return 0;
}

static bool is_abstract(const struct linux_sockaddr_un *raw)
{
	return raw->path[0] == 0;
}

static int target_check(const struct target *target)
{
	return target->bytes <= FAMILY_BYTES || target->raw.family != AF_UNIX ? -EINVAL : 0;
}

static struct socket **bucket_of(const struct linux_sockaddr_un *raw, uint32_t bytes)
{
	return &buckets[name_hash(raw->path, bytes - FAMILY_BYTES) % BUCKETS];
}

/* names_lock held. */
static struct socket *abstract_find(const struct linux_sockaddr_un *raw, uint32_t bytes, uint8_t type)
{
	struct socket *socket = *bucket_of(raw, bytes);

	while (socket && (socket->type != type || socket->name->bytes != bytes || memcmp(&socket->name->raw, raw, bytes)))
		socket = socket->hash_next;
	return socket;
}

static int found_check(struct socket *found, uint8_t type)
{
	if (!found)
		return -ECONNREFUSED;
	return found->type == type ? 0 : -EPROTOTYPE;
}

static int path_find(const char *path, uint8_t type, struct socket **out)
{
	struct walk walk;
	int status = walk_text(&walk, path, WALK_FOLLOW);

	if (status == 0 && !walk.inode)
		status = -ENOENT;
	if (status == 0)
		status = inode_allowed(walk.inode, W_OK);
	if (status == 0 && !inode_is(walk.inode, S_IFSOCK))
		status = -ECONNREFUSED;
	if (status == 0) {
		mutex_lock(&names_lock);
		status = found_check(walk.inode->socket, type);
		*out = walk.inode->socket;
		if (status == 0)
			socket_get(*out);
		mutex_unlock(&names_lock);
	}
	walk_end(&walk);
	return status;
}

int target_find(const struct target *target, uint8_t type, struct socket **out)
{
	int status = target_check(target);

	if (status)
		return status;
	if (!is_abstract(&target->raw))
		return path_find(target->raw.path, type, out);
	mutex_lock(&names_lock);
	*out = abstract_find(&target->raw, target->bytes, type);
	if (*out)
		socket_get(*out);
	mutex_unlock(&names_lock);
	return *out ? 0 : -ECONNREFUSED;
}

/* ---- binding ---- */

static struct address *address_make(const struct linux_sockaddr_un *raw, uint32_t bytes, struct inode *inode)
{
	struct address *address = heap_alloc(sizeof(*address));

	if (!address)
		return 0;
	address->references = 1;
	address->bytes = bytes;
	memcpy(&address->raw, raw, bytes < sizeof(*raw) ? bytes : sizeof(*raw));
	address->inode = inode;
	return address;
}

/* Gives a socket its name, unless it has one. names_lock held. */
static int name_set(struct socket *socket, struct address *address)
{
	if (socket->name)
		return -EINVAL;
	if (address->inode) {
		inode_get(address->inode);
		address->inode->socket = socket;
	} else {
		struct socket **bucket = bucket_of(&address->raw, address->bytes);

		if (abstract_find(&address->raw, address->bytes, socket->type))
			return -EADDRINUSE;
		socket->hash_next = *bucket;
		*bucket = socket;
	}
	__atomic_store_n(&socket->name, address, __ATOMIC_RELEASE);
	return 0;
}

/* The same; the address is the socket's or freed. */
static int name_give(struct socket *socket, struct address *address)
{
	int status;

	mutex_lock(&names_lock);
	status = name_set(socket, address);
	mutex_unlock(&names_lock);
	if (status) {
		address->inode = 0;
		address_put(address);
	}
	return status;
}

static int bind_path(struct socket *socket, const struct target *target)
{
	uint32_t bytes = FAMILY_BYTES + (uint32_t)strlen(target->raw.path) + 1;
	struct address *address = address_make(&target->raw, bytes, 0);
	struct walk walk;
	int status;

	if (!address)
		return -ENOMEM;
	status = walk_text(&walk, address->raw.path, WALK_NAME);
	if (status == 0)
		status = name_make_node(&walk, S_IFSOCK | (0777 & ~path_umask()), 0);
	if (status == 0) {
		address->inode = walk.inode;
		status = name_give(socket, address);
	} else {
		address_put(address);
	}
	walk_end(&walk);
	return status == -EEXIST ? -EADDRINUSE : status;
}

int socket_name_self(struct socket *socket)
{
	static uint32_t last;
	struct linux_sockaddr_un raw = {.family = AF_UNIX};
	int status = -EADDRINUSE;

	for (uint32_t tries = 0; status == -EADDRINUSE && tries < SELF_NAMES; tries++) {
		uint32_t number = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED) % SELF_NAMES;
		struct address *address;

		for (int i = 0; i < 5; i++)
			raw.path[1 + i] = "0123456789abcdef"[number >> (16 - 4 * i) & 15];
		address = address_make(&raw, FAMILY_BYTES + 6, 0);
		if (!address)
			return -ENOMEM;
		status = name_give(socket, address);
	}
	return status == -EINVAL ? 0 : status;
}

static int socket_bind(struct socket *socket, const struct target *target)
{
	struct address *address;

	if (target->bytes == FAMILY_BYTES && target->raw.family == AF_UNIX)
		return socket_name_self(socket);
	if (target_check(target))
		return -EINVAL;
	if (socket->name)
		return -EINVAL;
	if (!is_abstract(&target->raw))
		return bind_path(socket, target);
	address = address_make(&target->raw, target->bytes, 0);
	return address ? name_give(socket, address) : -ENOMEM;
}

void socket_unname(struct socket *socket)
{
	struct socket **place;

	mutex_lock(&names_lock);
	if (socket->name && socket->name->inode) {
		if (socket->name->inode->socket == socket)
			socket->name->inode->socket = 0;
	} else if (socket->name) {
		place = bucket_of(&socket->name->raw, socket->name->bytes);
		while (*place && *place != socket)
			place = &(*place)->hash_next;
		if (*place)
			*place = socket->hash_next;
	}
	mutex_unlock(&names_lock);
}

/* ---- telling ---- */

int address_write(const struct address *address, uint64_t to, uint64_t bytes_at, bool empty)
{
	struct linux_sockaddr_un none = {.family = AF_UNIX};
	const void *from = address ? &address->raw : &none;
	int32_t room, bytes = address ? (int32_t)address->bytes : empty ? 0 : FAMILY_BYTES;

	if (user_read(&room, bytes_at, sizeof(room)))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (user_write(to, from, (uint64_t)(room < bytes ? room : bytes)))
		return -EFAULT;
	return user_write(bytes_at, &bytes, sizeof(bytes));
}

int64_t sys_bind(SYSCALL_ARGUMENTS)
{
	struct target target;
	struct socket *socket;
	struct held held;
	int status = socket_held(&held, (int)a0, &socket);

	if (status)
		return status;
	status = target_read(&target, a1, (int32_t)a2);
	if (status == 0)
		status = socket_bind(socket, &target);
	held_put(&held);
	return status;
}

int64_t sys_getsockname(SYSCALL_ARGUMENTS)
{
	struct socket *socket;
	struct held held;
	int status = socket_held(&held, (int)a0, &socket);

	if (status)
		return status;
	status = address_write(__atomic_load_n(&socket->name, __ATOMIC_ACQUIRE), a1, a2, false);
	held_put(&held);
	return status;
}

int64_t sys_getpeername(SYSCALL_ARGUMENTS)
{
	struct socket *socket, *peer;
	struct held held;
	int status = socket_held(&held, (int)a0, &socket);

	if (status)
		return status;
	mutex_lock(&socket->lock);
	peer = socket->peer;
	if (peer)
		socket_get(peer);
	mutex_unlock(&socket->lock);
	status = peer ? address_write(__atomic_load_n(&peer->name, __ATOMIC_ACQUIRE), a1, a2, false) : -ENOTCONN;
	socket_put(peer);
	held_put(&held);
	return status;
}
