/*
 * The least that telling many sockets can cost: the kernel's part alone.
 *
 *     flood PORT
 *
 * Any request is answered with 101.  What comes behind one for /tell is
 * batches: four bytes of length, lowest first, then that many bytes, which
 * are written to every other connection, one write for each.  Nothing is
 * parsed, kept or checked, and a client that does not read holds up all.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 20000
#define BATCH_MAX (1u << 20)
#define ANSWER "HTTP/1.1 101 Switching Protocols\r\n\r\n"

struct flood {
	int listener;
	int teller; /* -1: none yet */
	int count;
	int all[CONNECTIONS_MAX];
	char batch[BATCH_MAX];
};

static int
read_all(int fd, char *at, size_t size)
{
	while (size > 0) {
		ssize_t n = read(fd, at, size);

		if (n <= 0)
			return 0;
		at += n;
		size -= (size_t)n;
	}
	return 1;
}

static int
write_all(int fd, const char *at, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, at, size, MSG_NOSIGNAL);

		if (n <= 0)
			return 0;
		at += n;
		size -= (size_t)n;
	}
	return 1;
}

static void
flood_accept(struct flood *f)
{
	int fd = accept(f->listener, NULL, NULL), one = 1;
	char head[4096];
	size_t used = 0;

	if (fd < 0)
		return;
	do {
		if (used == sizeof(head) - 1 || !read_all(fd, head + used, 1)) {
			close(fd);
			return;
		}
		head[++used] = '\0';
	} while (strstr(head, "\r\n\r\n") == NULL);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!write_all(fd, ANSWER, strlen(ANSWER)) ||
	    f->count == CONNECTIONS_MAX)
		close(fd);
	else if (strncmp(head, "GET /tell ", 10) == 0)
		f->teller = fd;
	else
		f->all[f->count++] = fd;
}

/* False: whoever tells has gone. */
static int
flood_tell(struct flood *f)
{
	uint32_t size;

	if (!read_all(f->teller, (char *)&size, sizeof(size)) ||
	    size > BATCH_MAX || !read_all(f->teller, f->batch, size))
		return 0;
	for (int i = 0; i < f->count; i++)
		(void)write_all(f->all[i], f->batch, size);
	return 1;
}

static int
flood_listen(uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
		       listen(fd, 1024) == 0
		   ? fd
		   : -1;
}

int
main(int argc, char **argv)
{
	static struct flood f = { .teller = -1 };
	struct rlimit files;

	if (argc != 2)
		return 2;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	f.listener = flood_listen((uint16_t)strtol(argv[1], NULL, 10));
	if (f.listener < 0)
		return 1;
	for (;;) {
		struct pollfd who[2] = { { f.listener, POLLIN, 0 },
			{ f.teller, POLLIN, 0 } };

		if (poll(who, 2, -1) < 0)
			return 1;
		if (who[0].revents != 0)
			flood_accept(&f);
		if (who[1].revents != 0 && !flood_tell(&f))
			return 0;
	}
}
