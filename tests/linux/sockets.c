/* Sockets of the UNIX family: connections, datagrams, sequenced packets, files and credentials on their way. */
#include "try.h"

#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <stddef.h>

#ifndef SIOCOUTQ
#define SIOCOUTQ TIOCOUTQ
#endif

static struct sockaddr_un name_of(const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	strcpy(name.sun_path, path);
	return name;
}

static int bind_to(int fd, const char *path)
{
	struct sockaddr_un name = name_of(path);

	return bind(fd, (struct sockaddr *)&name, sizeof(name));
}

static int connect_to(int fd, const char *path)
{
	struct sockaddr_un name = name_of(path);

	return connect(fd, (struct sockaddr *)&name, sizeof(name));
}

/* These names are everybody's on this host: so the process's number is in them. */
static socklen_t abstract_of(struct sockaddr_un *name, const char *text)
{
	memset(name, 0, sizeof(*name));
	name->sun_family = AF_UNIX;
	return offsetof(struct sockaddr_un, sun_path) + 1 + sprintf(name->sun_path + 1, "%s-%07d", text, getpid());
}

static void poll_say(const char *what, int fd)
{
	struct pollfd entry = {.fd = fd, .events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP};
	int ready = poll(&entry, 1, 0);

	SAY("poll %s: %d %s%s%s%s%s", what, ready, entry.revents & POLLIN ? "in " : "", entry.revents & POLLOUT ? "out " : "",
		entry.revents & POLLHUP ? "hup " : "", entry.revents & POLLRDHUP ? "rdhup " : "", entry.revents & POLLERR ? "err" : "");
}

static void option_say(const char *what, int fd, int option)
{
	int value = -7;
	socklen_t bytes = sizeof(value);
	int status = getsockopt(fd, SOL_SOCKET, option, &value, &bytes);

	SAY("%s: %d %d %u", what, status, status ? errno : value, bytes);
}

static void making(void)
{
	int pair[2];

	SAY("-- making");
	GOOD(socket(AF_UNIX, SOCK_STREAM, 0));
	GOOD(socket(AF_UNIX, SOCK_STREAM, 1));
	GOOD(socket(AF_UNIX, SOCK_RAW, 0));
	TRY(socket(AF_UNIX, SOCK_STREAM, 2));
	TRY(socket(AF_UNIX, SOCK_RDM, 0));
	TRY(socket(AF_UNIX, 77, 0));
	TRY(socket(AF_UNIX, SOCK_STREAM | 0x100000, 0));
	TRY(socket(200, SOCK_STREAM, 0));
	TRY(socket(-1, SOCK_STREAM, 0));
	TRY(socketpair(AF_UNIX, SOCK_STREAM, 0, BAD_ADDRESS));
	TRY(socketpair(AF_UNIX, 77, 0, pair));
	TRY(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
	TRY(fcntl(pair[0], F_GETFD));
	TRY(fcntl(pair[1], F_GETFL) & O_NONBLOCK);
	TRY(lseek(pair[0], 0, SEEK_SET));
	TRY(pread(pair[0], pair, 1, 0));
	TRY(ftruncate(pair[0], 0));
	struct stat stat;
	TRY(fstat(pair[0], &stat));
	SAY("%o %ld %ld", stat.st_mode, (long)stat.st_size, (long)stat.st_nlink);
	char link[64] = "";
	char path[64];
	sprintf(path, "/proc/self/fd/%d", pair[0]);
	readlink(path, link, 63);
	SAY("%.8s", link);
	TRY(open(path, O_RDWR));
	option_say("type", pair[0], SO_TYPE);
	option_say("domain", pair[0], SO_DOMAIN);
	option_say("protocol", pair[0], SO_PROTOCOL);
	option_say("error", pair[0], SO_ERROR);
	option_say("accepts", pair[0], SO_ACCEPTCONN);
	option_say("keepalive", pair[0], SO_KEEPALIVE);
	option_say("reuse", pair[0], SO_REUSEADDR);
	option_say("low water", pair[0], SO_RCVLOWAT);
	option_say("send buffer", pair[0], SO_SNDBUF);
	option_say("receive buffer", pair[0], SO_RCVBUF);
	option_say("unknown", pair[0], 999);
	option_say("no socket", 0, SO_TYPE);
	option_say("no file", 999, SO_TYPE);
	int value = 1;
	TRY(setsockopt(pair[0], SOL_SOCKET, SO_KEEPALIVE, &value, sizeof(value)));
	option_say("keepalive", pair[0], SO_KEEPALIVE);
	value = 10000;
	TRY(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &value, sizeof(value)));
	option_say("send buffer", pair[0], SO_SNDBUF);
	value = 1;
	TRY(setsockopt(pair[0], SOL_SOCKET, SO_RCVBUF, &value, sizeof(value)));
	option_say("receive buffer", pair[0], SO_RCVBUF);
	TRY(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &value, 2));
	TRY(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, BAD_ADDRESS, 4));
	TRY(setsockopt(pair[0], SOL_SOCKET, SO_TYPE, &value, sizeof(value)));
	TRY(setsockopt(pair[0], SOL_SOCKET, 999, &value, sizeof(value)));
	TRY(setsockopt(pair[0], 6, 1, &value, sizeof(value)));
	TRY(getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &value, BAD_ADDRESS));
	struct timeval time = {3, 500000}, read = {0};
	socklen_t bytes = sizeof(read);
	TRY(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
	TRY(getsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &read, &bytes));
	SAY("%ld.%ld", (long)read.tv_sec, (long)read.tv_usec);
	time.tv_usec = 1000000;
	TRY(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
	struct linger linger = {1, 5};
	bytes = sizeof(linger);
	TRY(setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	TRY(getsockopt(pair[0], SOL_SOCKET, SO_LINGER, &linger, &bytes));
	SAY("%d %d", linger.l_onoff, linger.l_linger);
	struct ucred peer;
	bytes = sizeof(peer);
	TRY(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &peer, &bytes));
	SAY("%d %d %d", peer.pid == getpid(), peer.uid == getuid(), peer.gid == getgid());
	bytes = 2;
	TRY(getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &value, &bytes));
	SAY("%u", bytes);
	for (int fd = 3; fd < 20; fd++)
		close(fd);
}

static void streams(void)
{
	int pair[2], left = -1;
	char buffer[64] = "";

	SAY("-- streams");
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	poll_say("empty", pair[0]);
	TRY(write(pair[0], "hello", 5));
	TRY(send(pair[0], " world", 6, 0));
	TRY(ioctl(pair[1], FIONREAD, &left));
	SAY("left %d", left);
	TRY(recv(pair[1], buffer, 3, MSG_PEEK));
	TRY(recv(pair[1], buffer, 64, MSG_PEEK));
	SAY("%.11s", buffer);
	TRY(read(pair[1], buffer, 7));
	SAY("%.7s", buffer);
	TRY(recv(pair[1], buffer, 64, MSG_DONTWAIT));
	TRY(recv(pair[1], buffer, 64, MSG_DONTWAIT));
	TRY(recv(pair[1], buffer, 0, MSG_DONTWAIT));
	TRY(read(pair[1], buffer, 0));
	TRY(send(pair[0], buffer, 0, 0));
	TRY(recv(pair[1], buffer, 64, MSG_DONTWAIT));
	TRY(write(pair[0], BAD_ADDRESS, 10));
	TRY(write(pair[0], "0123456789", 10));
	TRY(read(pair[1], BAD_ADDRESS, 5));
	TRY(recv(pair[1], buffer, 10, MSG_WAITALL));
	struct iovec out[3] = {{"ab", 2}, {"", 0}, {"cde", 3}}, in[2] = {{buffer, 1}, {buffer + 10, 20}};
	TRY(writev(pair[0], out, 3));
	TRY(readv(pair[1], in, 2));
	SAY("%.1s %.4s", buffer, buffer + 10);
	TRY(sendto(pair[0], "x", 1, 0, (struct sockaddr *)buffer, 16));
	TRY(getpeername(pair[0], (struct sockaddr *)buffer, &(socklen_t){64}));
	TRY(shutdown(pair[0], 3));
	TRY(write(pair[0], "last", 4));
	TRY(shutdown(pair[0], SHUT_WR));
	poll_say("after shutdown, itself", pair[0]);
	poll_say("after shutdown, peer", pair[1]);
	TRY(send(pair[0], "x", 1, MSG_NOSIGNAL));
	CHILD("a write after shutdown", TRY(write(pair[0], "x", 1)));
	TRY(read(pair[1], buffer, 64));
	TRY(read(pair[1], buffer, 64));
	TRY(write(pair[1], "back", 4));
	TRY(read(pair[0], buffer, 64));
	TRY(shutdown(pair[1], SHUT_RD));
	TRY(read(pair[1], buffer, 64));
	close(pair[0]);
	poll_say("after close", pair[1]);
	TRY(send(pair[1], "x", 1, MSG_NOSIGNAL));
	close(pair[1]);

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	TRY(write(pair[0], "unread", 6));
	TRY(write(pair[1], "kept", 4));
	close(pair[1]);
	poll_say("reset", pair[0]);
	TRY(read(pair[0], buffer, 64));
	TRY(read(pair[0], buffer, 64));
	TRY(read(pair[0], buffer, 64));
	close(pair[0]);

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	static char big[70000];
	long total = 0, one;
	while ((one = write(pair[0], big, sizeof(big))) > 0)
		total += one;
	SAY("full: %d, much was taken: %d", errno == EAGAIN, total > 100000 && total < 400000);
	poll_say("full", pair[0]);
	while (total > 0 && (one = read(pair[1], big, sizeof(big))) > 0)
		total -= one;
	SAY("all came: %ld", total);
	poll_say("empty", pair[0]);
	close(pair[0]);
	close(pair[1]);
}

static void *late_writer(void *fd)
{
	until_asleep(getpid(), getpid());
	write((int)(long)fd, "abc", 3);
	until_asleep(getpid(), getpid());
	write((int)(long)fd, "def", 3);
	return 0;
}

static volatile int one_read;

/* The second part only when the first was read. */
static void *part_writer(void *fd)
{
	until_asleep(getpid(), getpid());
	write((int)(long)fd, "abc", 3);
	while (!one_read)
		pause_ms(1);
	write((int)(long)fd, "def", 3);
	return 0;
}

static void *late_reader(void *fd)
{
	static char sink[65536];
	long total = 0, one;

	while (total < 1000000 && (one = read((int)(long)fd, sink, sizeof(sink))) > 0)
		total += one;
	return (void *)total;
}

static void waiting(void)
{
	int pair[2];
	char buffer[64] = "";
	pthread_t thread;
	void *total;
	static char million[1000000];
	struct timeval time = {0, 30000};

	SAY("-- waiting");
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	pthread_create(&thread, 0, late_writer, (void *)(long)pair[0]);
	TRY(recv(pair[1], buffer, 6, MSG_WAITALL));
	SAY("%s", buffer);
	pthread_join(thread, 0);
	pthread_create(&thread, 0, part_writer, (void *)(long)pair[0]);
	TRY(read(pair[1], buffer, 6));
	one_read = 1;
	pthread_join(thread, 0);
	TRY(recv(pair[1], buffer, 6, 0));
	pthread_create(&thread, 0, late_reader, (void *)(long)pair[1]);
	TRY(write(pair[0], million, sizeof(million)));
	pthread_join(thread, &total);
	SAY("read %ld", (long)total);
	setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
	TRY(read(pair[1], buffer, 6));
	close(pair[0]);
	close(pair[1]);
}

static void connections(void)
{
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0), server, other;
	struct sockaddr_un name;
	socklen_t bytes;
	char buffer[64];
	struct stat stat;

	SAY("-- connections");
	poll_say("fresh", listener);
	TRY(listen(listener, 5));
	TRY(accept(listener, 0, 0));
	TRY(bind_to(listener, "./sock"));
	TRY(bind_to(listener, "./sock2"));
	TRY(bind_to(client, "./sock"));
	TRY(bind_to(client, "/no/such/sock"));
	TRY(bind(client, (struct sockaddr *)&name, 1));
	name.sun_family = AF_INET;
	TRY(bind(client, (struct sockaddr *)&name, sizeof(name)));
	TRY(bind(client, BAD_ADDRESS, 20));
	TRY(bind(client, (struct sockaddr *)&name, 200));
	TRY(lstat("./sock", &stat));
	SAY("%o", stat.st_mode);
	TRY(open("./sock", O_RDONLY));
	TRY(connect_to(client, "./sock"));
	TRY(connect_to(client, "./missing"));
	TRY(connect_to(client, "/etc/passwd"));
	TRY(read(client, buffer, 1));
	TRY(send(client, buffer, 1, MSG_NOSIGNAL));
	TRY(getpeername(client, (struct sockaddr *)&name, &(socklen_t){sizeof(name)}));
	bytes = sizeof(name);
	TRY(getsockname(client, (struct sockaddr *)&name, &bytes));
	SAY("%u %d", bytes, name.sun_family);
	TRY(listen(listener, 1));
	option_say("accepts", listener, SO_ACCEPTCONN);
	poll_say("listener", listener);
	fcntl(listener, F_SETFL, O_NONBLOCK);
	TRY(accept(listener, 0, 0));
	TRY(connect_to(client, "./sock"));
	TRY(connect_to(client, "./sock"));
	poll_say("listener with one", listener);
	poll_say("client before accept", client);
	TRY(write(client, "early", 5));
	bytes = sizeof(name);
	GOOD(server = accept4(listener, (struct sockaddr *)&name, &bytes, SOCK_CLOEXEC));
	SAY("%u %d %d", bytes, fcntl(server, F_GETFD), fcntl(server, F_GETFL) & O_NONBLOCK);
	TRY(accept4(listener, 0, 0, 0x1234));
	TRY(read(server, buffer, 64));
	bytes = sizeof(name);
	TRY(getpeername(client, (struct sockaddr *)&name, &bytes));
	SAY("%u %s", bytes, name.sun_path);
	bytes = sizeof(name);
	TRY(getsockname(server, (struct sockaddr *)&name, &bytes));
	SAY("%u %s", bytes, name.sun_path);
	bytes = 5;
	memset(&name, 0, sizeof(name));
	TRY(getsockname(server, (struct sockaddr *)&name, &bytes));
	SAY("%u %s", bytes, name.sun_path);
	struct ucred peer;
	bytes = sizeof(peer);
	getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &bytes);
	SAY("%d %d", peer.pid == getpid(), peer.uid == getuid());
	other = socket(AF_UNIX, SOCK_STREAM, 0);
	bytes = sizeof(peer);
	getsockopt(other, SOL_SOCKET, SO_PEERCRED, &peer, &bytes);
	SAY("%d %d %d", peer.pid, peer.uid, peer.gid);
	fcntl(other, F_SETFL, O_NONBLOCK);
	TRY(connect_to(other, "./sock"));
	int third = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), fourth = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	TRY(connect_to(third, "./sock"));
	TRY(connect_to(fourth, "./sock"));
	TRY(listen(server, 1));
	TRY(connect_to(listener, "./sock"));
	TRY(shutdown(listener, SHUT_RD));
	TRY(connect_to(fourth, "./sock"));
	close(listener);
	TRY(read(other, buffer, 64));
	TRY(read(third, buffer, 64));
	TRY(connect_to(fourth, "./sock"));
	TRY(write(server, "still", 5));
	TRY(read(client, buffer, 64));
	int dgram = socket(AF_UNIX, SOCK_DGRAM, 0);
	TRY(listen(dgram, 1));
	TRY(accept(dgram, 0, 0));
	TRY(bind_to(dgram, "./sock"));
	TRY(unlink("./sock"));
	TRY(bind_to(dgram, "./sock"));
	TRY(connect_to(fourth, "./sock"));
	unlink("./sock");
	TRY(listen(0, 1));
	TRY(listen(99, 1));
	TRY(connect_to(99, "./sock"));
	TRY(shutdown(99, 1));
	for (int fd = 3; fd < 20; fd++)
		close(fd);
}

static void abstract_names(void)
{
	struct sockaddr_un name, got;
	socklen_t bytes = abstract_of(&name, "baryon-test"), got_bytes = sizeof(got);
	int a = socket(AF_UNIX, SOCK_STREAM, 0), b = socket(AF_UNIX, SOCK_STREAM, 0), c;

	SAY("-- abstract names");
	TRY(connect(b, (struct sockaddr *)&name, bytes));
	TRY(bind(a, (struct sockaddr *)&name, bytes));
	TRY(bind(b, (struct sockaddr *)&name, bytes));
	TRY(listen(a, 3));
	TRY(connect(b, (struct sockaddr *)&name, bytes - 1));
	TRY(connect(b, (struct sockaddr *)&name, bytes));
	GOOD(c = accept(a, 0, 0));
	TRY(getpeername(b, (struct sockaddr *)&got, &got_bytes));
	SAY("%u %.11s", got_bytes, got.sun_path + 1);
	close(a);
	close(c);
	close(b);
	a = socket(AF_UNIX, SOCK_STREAM, 0);
	TRY(bind(a, (struct sockaddr *)&name, bytes));
	close(a);
	a = socket(AF_UNIX, SOCK_DGRAM, 0);
	name.sun_family = AF_UNIX;
	TRY(bind(a, (struct sockaddr *)&name, 2));
	got_bytes = sizeof(got);
	TRY(getsockname(a, (struct sockaddr *)&got, &got_bytes));
	SAY("%u %d", got_bytes, got.sun_path[0]);
	close(a);
}

static void datagrams(void)
{
	struct sockaddr_un name = name_of("./d1"), from;
	socklen_t bytes = sizeof(from);
	int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0), c = socket(AF_UNIX, SOCK_DGRAM, 0), pair[2];
	char buffer[64] = "";
	static char huge[300000];

	SAY("-- datagrams");
	bind_to(a, "./d1");
	TRY(send(b, "x", 1, 0));
	TRY(sendto(b, "one", 3, 0, (struct sockaddr *)&name, sizeof(name)));
	TRY(sendto(b, "", 0, 0, (struct sockaddr *)&name, sizeof(name)));
	TRY(recvfrom(c, buffer, 64, MSG_DONTWAIT, (struct sockaddr *)&from, &bytes));
	TRY(bind_to(b, "./d2"));
	TRY(sendto(b, "three", 5, 0, (struct sockaddr *)&name, sizeof(name)));
	poll_say("with datagrams", a);
	int left;
	TRY(ioctl(a, FIONREAD, &left));
	SAY("%d", left);
	TRY(recv(a, buffer, 64, 0));
	TRY(recvfrom(a, buffer, 64, 0, (struct sockaddr *)&from, &bytes));
	TRY(recvfrom(a, buffer, 2, MSG_PEEK | MSG_TRUNC, (struct sockaddr *)&from, &bytes));
	bytes = sizeof(from);
	TRY(recvfrom(a, buffer, 2, 0, (struct sockaddr *)&from, &bytes));
	SAY("%u %s %.2s", bytes, from.sun_path, buffer);
	TRY(recv(a, buffer, 2, MSG_DONTWAIT));
	TRY(connect_to(b, "./d1"));
	TRY(send(b, "four", 4, 0));
	TRY(connect_to(a, "./d2"));
	TRY(send(a, "five", 4, 0));
	TRY(sendto(c, "no", 2, 0, (struct sockaddr *)&name, sizeof(name)));
	TRY(recv(b, buffer, 64, 0));
	TRY(send(b, huge, sizeof(huge), 0));
	TRY(recv(a, buffer, 64, 0));
	bytes = sizeof(from);
	TRY(getpeername(a, (struct sockaddr *)&from, &bytes));
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	TRY(connect(a, &none, sizeof(none)));
	TRY(send(a, "x", 1, 0));
	close(a);
	TRY(send(b, "x", 1, 0));
	TRY(send(b, "x", 1, 0));
	unlink("./d1");
	a = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	bind_to(a, "./d1");
	connect_to(c, "./d1");
	fcntl(c, F_SETFL, O_NONBLOCK);
	int sent = 0;
	while (sent < 1000 && send(c, "x", 1, 0) == 1)
		sent++;
	SAY("stopped by %d", errno);
	poll_say("to a full one", c);
	while (recv(a, buffer, 64, 0) == 1)
		sent--;
	SAY("left %d", sent);
	poll_say("to an empty one", c);
	socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
	TRY(send(pair[0], "a", 1, 0));
	TRY(send(pair[0], "bc", 2, 0));
	TRY(read(pair[1], buffer, 64));
	TRY(shutdown(pair[1], SHUT_RD));
	TRY(send(pair[0], "a", 1, 0));
	TRY(read(pair[1], buffer, 64));
	TRY(read(pair[1], buffer, 64));
	close(pair[1]);
	TRY(send(pair[0], "bc", 2, 0));
	poll_say("of a lost peer", pair[0]);
	unlink("./d1");
	unlink("./d2");
	for (int fd = 3; fd < 20; fd++)
		close(fd);
}

static void packets(void)
{
	int pair[2], listener = socket(AF_UNIX, SOCK_SEQPACKET, 0), client = socket(AF_UNIX, SOCK_SEQPACKET, 0), server;
	char buffer[64] = "";

	SAY("-- sequenced packets");
	TRY(send(client, "x", 1, MSG_NOSIGNAL));
	TRY(recv(client, buffer, 1, 0));
	bind_to(listener, "./p");
	TRY(listen(listener, 2));
	int stream = socket(AF_UNIX, SOCK_STREAM, 0);
	TRY(connect_to(stream, "./p"));
	TRY(connect_to(client, "./p"));
	GOOD(server = accept(listener, 0, 0));
	TRY(write(client, "one", 3));
	TRY(write(client, "two2", 4));
	TRY(recv(server, buffer, 2, MSG_TRUNC));
	TRY(read(server, buffer, 64));
	TRY(shutdown(client, SHUT_WR));
	TRY(read(server, buffer, 64));
	TRY(send(client, "x", 1, MSG_NOSIGNAL));
	close(client);
	TRY(recv(server, buffer, 1, MSG_DONTWAIT));
	TRY(send(server, "x", 1, MSG_NOSIGNAL));
	poll_say("packets, lost peer", server);
	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
	TRY(send(pair[0], "", 0, 0));
	TRY(recv(pair[1], buffer, 64, MSG_DONTWAIT));
	TRY(recv(pair[1], buffer, 64, MSG_DONTWAIT));
	unlink("./p");
	for (int fd = 3; fd < 20; fd++)
		close(fd);
}

/* ---- files and credentials ---- */

static long files_send(int fd, const int *files, int count, const char *text)
{
	char room[CMSG_SPACE(300 * sizeof(int))];
	struct iovec piece = {(void *)text, strlen(text)};
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = room, .msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *control = CMSG_FIRSTHDR(&message);

	*control = (struct cmsghdr){.cmsg_len = CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(control), files, count * sizeof(int));
	return sendmsg(fd, &message, MSG_NOSIGNAL);
}

/* Receives and says what came; the first file in *file. */
static long files_receive(int fd, int *file, size_t room_bytes, int flags)
{
	_Alignas(8) char room[512] = "";
	char buffer[64] = "";
	struct iovec piece = {buffer, sizeof(buffer) - 1};
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = room, .msg_controllen = room_bytes};
	long got = recvmsg(fd, &message, flags);
	int error = errno;

	printf("received %ld '%s' flags %x control %zu:", got, buffer, message.msg_flags, got < 0 ? 0 : message.msg_controllen);
	for (struct cmsghdr *c = got < 0 ? 0 : CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		printf(" [%d %d %zu", c->cmsg_level, c->cmsg_type, (size_t)c->cmsg_len);
		if (c->cmsg_type == SCM_CREDENTIALS) {
			struct ucred *who = (void *)CMSG_DATA(c);
			printf(" %d %d", who->pid == getpid(), who->uid == getuid());
		} else if (file && c->cmsg_len >= CMSG_LEN(4)) {
			memcpy(file, CMSG_DATA(c), sizeof(int));
			printf(" %d", fcntl(*file, F_GETFD));
		}
		printf("]");
	}
	printf("\n");
	fflush(stdout);
	errno = error;
	return got;
}

static int open_count(void)
{
	int count = 0;

	for (int fd = 0; fd < 200; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void files_on_their_way(void)
{
	int pair[2], tube[2], got = -1, many[300], before;
	char buffer[16] = "";

	SAY("-- files on their way");
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	pipe(tube);
	TRY(files_send(pair[0], tube, 1, "take"));
	TRY(files_receive(pair[1], &got, 256, 0));
	write(tube[1], "through", 7);
	TRY(read(got, buffer, 16));
	close(got);
	TRY(files_send(pair[0], tube, 2, "cloexec"));
	TRY(files_receive(pair[1], &got, 256, MSG_CMSG_CLOEXEC));
	before = open_count();
	TRY(files_send(pair[0], tube, 2, "no room"));
	TRY(files_receive(pair[1], &got, 0, 0));
	TRY(files_send(pair[0], tube, 2, "room for one"));
	TRY(files_receive(pair[1], &got, CMSG_LEN(sizeof(int)), 0));
	SAY("%d", open_count() - before);
	TRY(files_send(pair[0], tube, 2, "read drops"));
	TRY(read(pair[1], buffer, 16));
	SAY("%d", open_count() - before);
	TRY(files_send(pair[0], (int[]){999}, 1, "bad"));
	TRY(recv(pair[1], buffer, 16, MSG_DONTWAIT));
	for (int i = 0; i < 300; i++)
		many[i] = tube[0];
	TRY(files_send(pair[0], many, 254, "too many"));
	TRY(files_send(pair[0], tube, 1, "A"));
	TRY(write(pair[0], "BC", 2));
	TRY(files_send(pair[0], tube, 1, "D"));
	TRY(files_receive(pair[1], &got, 256, 0));
	TRY(files_receive(pair[1], &got, 256, 0));
	TRY(files_send(pair[0], tube, 1, "peek"));
	TRY(files_receive(pair[1], &got, 256, MSG_PEEK));
	TRY(files_receive(pair[1], &got, 256, 0));
	int on = 1;
	TRY(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	TRY(write(pair[0], "who", 3));
	TRY(files_receive(pair[1], &got, 256, 0));
	TRY(write(pair[0], "who", 3));
	TRY(files_receive(pair[1], &got, 20, 0));
	TRY(files_send(pair[0], tube, 1, "both"));
	TRY(files_receive(pair[1], &got, 256, 0));
	struct msghdr message = {0};
	struct { struct cmsghdr header; struct ucred who; } claim = {{CMSG_LEN(sizeof(struct ucred)), SOL_SOCKET, SCM_CREDENTIALS},
		{getpid(), getuid(), getgid()}};
	struct iovec piece = {"claim", 5};
	message = (struct msghdr){.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &claim, .msg_controllen = sizeof(claim)};
	TRY(sendmsg(pair[0], &message, 0));
	TRY(files_receive(pair[1], &got, 256, 0));
	claim.header.cmsg_type = 77;
	TRY(sendmsg(pair[0], &message, 0));
	claim.header.cmsg_type = SCM_CREDENTIALS;
	claim.header.cmsg_len = 9;
	TRY(sendmsg(pair[0], &message, 0));
	claim.header.cmsg_len = 900;
	TRY(sendmsg(pair[0], &message, 0));
	claim.header.cmsg_len = CMSG_LEN(sizeof(struct ucred));
	CHILD("a claim by nobody", {
		setgid(1000);
		setuid(1000);
		TRY(sendmsg(pair[0], &message, 0));
	});
	TRY(sendmsg(pair[0], BAD_ADDRESS, 0));
	TRY(recvmsg(pair[0], BAD_ADDRESS, 0));
	message.msg_iovlen = 2000;
	TRY(sendmsg(pair[0], &message, 0));
	for (int fd = 3; fd < 40; fd++)
		close(fd);
}

static void cycles(void)
{
	int end = -1;

	SAY("-- cycles");
	/* A pipe's writer lies in a socket that lies in itself: when the cycle goes, its reader sees the end. */
	for (int round = 0; round < 300; round++) {
		int a[2], b[2], tube[2];

		socketpair(AF_UNIX, SOCK_STREAM, 0, a);
		socketpair(AF_UNIX, SOCK_DGRAM, 0, b);
		pipe(tube);
		files_send(a[0], (int[]){a[1], tube[1]}, 2, "self");
		files_send(b[0], (int[]){a[0], b[1]}, 2, "other");
		files_send(a[1], (int[]){b[0], b[1]}, 2, "back");
		close(tube[1]);
		close(a[0]);
		close(a[1]);
		close(b[0]);
		close(b[1]);
		socketpair(AF_UNIX, SOCK_STREAM, 0, a);
		close(a[0]);
		close(a[1]);
		struct pollfd entry = {.fd = tube[0], .events = POLLIN};
		poll(&entry, 1, -1);
		end = entry.revents;
		close(tube[0]);
		if (!(end & POLLHUP))
			break;
	}
	SAY("the last writer went: %d", (end & POLLHUP) != 0);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0), tube[2], held;
	struct sockaddr_un name;
	socklen_t bytes = abstract_of(&name, "cycle");
	pipe(tube);
	bind(listener, (struct sockaddr *)&name, bytes);
	listen(listener, 5);
	connect(client, (struct sockaddr *)&name, bytes);
	TRY(files_send(client, (int[]){listener, tube[1]}, 2, "a listener, to itself"));
	close(tube[1]);
	struct pollfd entry = {.fd = tube[0], .events = POLLIN};
	TRY(poll(&entry, 1, 10));
	close(client);
	TRY(poll(&entry, 1, 10));
	GOOD(held = accept(listener, 0, 0));
	close(listener);
	TRY(files_receive(held, 0, 256, 0));
	close(held);
	for (int fd = 3; fd < 40; fd++)
		if (fd != tube[0])
			close(fd);
	SAY("%d", poll(&entry, 1, -1) == 1 && (entry.revents & POLLHUP));
}

static void several(void)
{
	int pair[2];
	char a[8] = "", b[8] = "", c[8] = "";
	struct iovec out[2] = {{"first", 5}, {"2nd", 3}}, in[3] = {{a, 8}, {b, 8}, {c, 8}};
	struct mmsghdr send[2] = {{{.msg_iov = &out[0], .msg_iovlen = 1}, 0}, {{.msg_iov = &out[1], .msg_iovlen = 1}, 0}};
	struct mmsghdr receive[3] = {{{.msg_iov = &in[0], .msg_iovlen = 1}, 0}, {{.msg_iov = &in[1], .msg_iovlen = 1}, 0},
		{{.msg_iov = &in[2], .msg_iovlen = 1}, 0}};
	struct timespec time = {0, 0};

	SAY("-- several messages");
	socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
	TRY(sendmmsg(pair[0], send, 2, 0));
	SAY("%u %u", send[0].msg_len, send[1].msg_len);
	TRY(recvmmsg(pair[1], receive, 3, MSG_WAITFORONE, 0));
	SAY("%u %s %u %s", receive[0].msg_len, a, receive[1].msg_len, b);
	TRY(recvmmsg(pair[1], receive, 3, MSG_DONTWAIT, 0));
	TRY(sendmmsg(pair[0], send, 2, 0));
	TRY(recvmmsg(pair[1], receive, 3, 0, &time));
	time.tv_nsec = -1;
	TRY(recvmmsg(pair[1], receive, 3, 0, &time));
	TRY(sendmmsg(99, send, 2, 0));
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	making();
	streams();
	waiting();
	connections();
	abstract_names();
	datagrams();
	packets();
	files_on_their_way();
	cycles();
	several();
	return 0;
}
