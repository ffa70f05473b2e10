#include "load/client.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAME_TEXT 0x81
#define FRAME_CLOSE 0x88
#define FRAME_PING 0x89
#define FRAME_PONG 0x8a
#define FRAME_MASKED 0x80
#define FRAME_HEAD_MAX 14
#define CLIENT_ADDRESS_MAX 255

enum status
client_resolve(const char *address, struct addrinfo **ret_found)
{
	const struct addrinfo wanted = { .ai_socktype = SOCK_STREAM };
	const char *colon = strrchr(address, ':');
	char host[CLIENT_ADDRESS_MAX + 1];

	if (colon == NULL || colon == address || colon[1] == '\0' ||
	    (size_t)(colon - address) > CLIENT_ADDRESS_MAX)
		return ST_INVALID;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - address), address);
	if (host[0] == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		memmove(host, host + 1, strlen(host));
	}
	return getaddrinfo(host, colon + 1, &wanted, ret_found) == 0
		   ? ST_OK
		   : ST_INVALID;
}

void
client_init(struct client *c)
{
	memset(c, 0, sizeof(*c));
	c->fd = -1;
}

enum status
client_open(struct client *c, const struct addrinfo *where)
{
	int on = 1;

	client_close(c);
	if (c->in == NULL)
		c->in = malloc(CLIENT_IN_MAX);
	if (c->in == NULL)
		return ST_NO_MEMORY;
	c->fd = socket(where->ai_family, where->ai_socktype | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return ST_IO;
	if (connect(c->fd, where->ai_addr, where->ai_addrlen) != 0) {
		client_close(c);
		return ST_CLOSED;
	}
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	return ST_OK;
}

void
client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->is_socket = false;
	c->in_used = c->in_taken = c->out_used = 0;
}

void
client_fini(struct client *c)
{
	client_close(c);
	free(c->in);
	c->in = NULL;
}

enum status
client_put(struct client *c, const void *bytes, size_t size)
{
	if (size > CLIENT_OUT_MAX - c->out_used)
		return ST_FULL;
	memcpy(c->out + c->out_used, bytes, size);
	c->out_used += size;
	return ST_OK;
}

/* A mask of zeros is a mask: nothing between us would read it. */
static enum status
client_put_any_frame(
    struct client *c, uint8_t first, const void *bytes, size_t size)
{
	uint8_t head[FRAME_HEAD_MAX] = { first };
	size_t n = 2;
	enum status st;

	if (size < 126) {
		head[1] = (uint8_t)(FRAME_MASKED | size);
	} else {
		head[1] = FRAME_MASKED | 126;
		head[2] = (uint8_t)(size >> 8);
		head[3] = (uint8_t)size;
		n = 4;
	}
	if (size > UINT16_MAX || n + 4 + size > CLIENT_OUT_MAX - c->out_used)
		return ST_FULL;
	st = client_put(c, head, n + 4);
	return st == ST_OK ? client_put(c, bytes, size) : st;
}

enum status
client_put_frame(struct client *c, const char *text)
{
	return client_put_any_frame(c, FRAME_TEXT, text, strlen(text));
}

enum status
client_write(struct client *c)
{
	ssize_t n;

	if (c->fd < 0)
		return ST_CLOSED;
	if (c->out_used == 0)
		return ST_OK;
	n = send(c->fd, c->out, c->out_used, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? ST_OK : ST_CLOSED;
	c->out_used -= (size_t)n;
	memmove(c->out, c->out + n, c->out_used);
	return ST_OK;
}

/* What was handed out is done with. */
static void
client_forget(struct client *c)
{
	c->in_used -= c->in_taken;
	memmove(c->in, c->in + c->in_taken, c->in_used);
	c->in_taken = 0;
}

enum status
client_read(struct client *c)
{
	ssize_t n;

	if (c->fd < 0)
		return ST_CLOSED;
	client_forget(c);
	if (c->in_used == CLIENT_IN_MAX)
		return ST_FULL;
	n = recv(c->fd, c->in + c->in_used, CLIENT_IN_MAX - c->in_used, 0);
	if (n == 0)
		return ST_CLOSED;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? ST_OK : ST_CLOSED;
	c->in_used += (size_t)n;
	return ST_OK;
}

bool
client_take_reply(
    struct client *c, struct client_reply *ret_reply, enum status *ret_st)
{
	struct reply_head h;
	enum status st;

	*ret_st = ST_OK;
	client_forget(c);
	st = reply_head_read(c->in, c->in_used, &h);
	if (st == ST_OK && h.length > CLIENT_IN_MAX - h.size)
		st = ST_FULL;
	if (st != ST_OK) {
		*ret_st = st == ST_NOT_FOUND ? ST_OK : st;
		return false;
	}
	if (c->in_used < h.size + h.length)
		return false;
	ret_reply->status = h.status;
	memcpy(ret_reply->etag, h.etag, sizeof(ret_reply->etag));
	ret_reply->body =
	    (struct bytes){ (const uint8_t *)c->in + h.size, h.length };
	c->in_taken = h.size + h.length;
	return true;
}

/* Length of the head, and of what follows it; false: not there yet. */
static bool
frame_head(const struct client *c, size_t *ret_head, size_t *ret_size)
{
	const uint8_t *at = (const uint8_t *)c->in;
	size_t head = 2;
	uint64_t size;

	if (c->in_used < 2)
		return false;
	size = at[1] & 0x7f;
	if (size == 126)
		head = 4;
	else if (size == 127)
		head = 10;
	if (c->in_used < head)
		return false;
	if (head > 2)
		size = 0;
	for (size_t i = 2; i < head; i++)
		size = size << 8 | at[i];
	*ret_head = head;
	*ret_size = size;
	return true;
}

bool
client_take_frame(struct client *c, struct bytes *ret_text, enum status *ret_st)
{
	size_t head, size;

	*ret_st = ST_OK;
	for (;;) {
		uint8_t first;

		client_forget(c);
		if (!frame_head(c, &head, &size))
			return false;
		if (size > CLIENT_IN_MAX - head) {
			*ret_st = ST_FULL;
			return false;
		}
		if (c->in_used < head + size)
			return false;
		first = (uint8_t)c->in[0];
		c->in_taken = head + size;
		*ret_text =
		    (struct bytes){ (const uint8_t *)c->in + head, size };
		if (first == FRAME_TEXT)
			return true;
		if (first == FRAME_PING)
			*ret_st = client_put_any_frame(
			    c, FRAME_PONG, ret_text->at, size);
		else if (first != FRAME_PONG)
			*ret_st =
			    first == FRAME_CLOSE ? ST_CLOSED : ST_MALFORMED;
		if (*ret_st != ST_OK)
			return false;
	}
}
