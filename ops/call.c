#include "ops/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "ops/loaded.h"
#include "protocols/json.h"
#include "protocols/json_lex.h"
#include "runtime/door.h"
#include "runtime/net_address.h"

#define CALL_HEAD_MAX 8192
#define CALL_ROOM_MIN 16384

static enum status
call_failed(const struct cmd_args *args, const char *what, const char *why)
{
	cmd_says(args->cmd, args->err);
	fprintf(args->err, "%s: %s\n", what, why);
	return ST_IO;
}

/* unix:/path of the socket to speak to. */
static enum status
call_find(const struct cmd_args *args, char ret_address[NET_ADDRESS_TEXT_SIZE])
{
	const char *socket_path = cmd_value(args, "socket");
	char sets[2][CONFIG_PATH_SIZE];
	const char *list[CMD_VALUES_MAX + 2];
	struct config_input in = { .file = cmd_value(args, "config"),
		.env = args->env,
		.sets = list };
	struct config *config = NULL;
	struct mistakes mistakes;
	const char *set;
	enum status st;

	while ((set = cmd_nth_value(args, "set", in.nsets)) != NULL)
		list[in.nsets++] = set;
	if (cmd_value(args, "data") != NULL) {
		snprintf(sets[0], sizeof(sets[0]), "runtime.data_dir=%s",
		    cmd_value(args, "data"));
		list[in.nsets++] = sets[0];
	}
	if (socket_path != NULL) {
		char whole[CONFIG_PATH_SIZE / 2] = "";

		if (*socket_path != '/' &&
		    getcwd(whole, sizeof(whole) - 1) != NULL)
			strncat(whole, "/", 2);
		snprintf(sets[1], sizeof(sets[1]),
		    "api.server.control_socket=%s%.2048s", whole, socket_path);
		list[in.nsets++] = sets[1];
	}
	mistakes_init(&mistakes);
	st = config_load(&in, &mistakes, &config);
	if (st == ST_OK)
		st = door_control(config, ret_address);
	else
		mistakes_print(&mistakes, args->err);
	config_destroy(config);
	if (st == ST_OK && *ret_address == '\0')
		return call_failed(args, "api.server.control_socket",
		    "it is empty, so there is no socket to ask");
	if (st != ST_OK)
		return call_failed(args, "the control socket",
		    "its path is none of a unix socket");
	return ST_OK;
}

static enum status
call_connect(const struct cmd_args *args, int *ret_fd)
{
	const struct timeval wait = { CALL_WAIT_S, 0 };
	char address[NET_ADDRESS_TEXT_SIZE];
	struct net_address a;
	enum status st = call_find(args, address);
	int fd;

	if (st != ST_OK)
		return st;
	if (net_address_parse(address, &a) != ST_OK)
		return call_failed(args, address, "not a path");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return call_failed(args, "socket", strerror(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (connect(fd, &a.u.any, a.size) == 0) {
		*ret_fd = fd;
		return ST_OK;
	}
	close(fd);
	return call_failed(args, a.u.local.sun_path,
	    errno == ENOENT || errno == ECONNREFUSED
		? "no Troupe runs here; start it, or name its folder with "
		  "--data"
		: strerror(errno));
}

static bool
call_send_all(int fd, const char *at, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, at, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		size -= (size_t)n;
	}
	return true;
}

static bool
call_send(int fd, const struct call_ask *ask)
{
	char head[CALL_HEAD_MAX];
	size_t body = ask->body == NULL ? 0 : strlen(ask->body);
	int n = snprintf(head, sizeof(head),
	    "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
	    "User-Agent: troupe/" TROUPE_VERSION "\r\n%s%s"
	    "Content-Length: %zu\r\n\r\n",
	    ask->method, ask->path,
	    ask->body == NULL ? "" : "Content-Type: application/json\r\n",
	    ask->headers == NULL ? "" : ask->headers, body);

	return n > 0 && (size_t)n < sizeof(head) &&
	       call_send_all(fd, head, (size_t)n) &&
	       (body == 0 || call_send_all(fd, ask->body, body));
}

/* Everything until the other side ends; NUL behind it.  NULL: see errno. */
static char *
call_receive(int fd, size_t *ret_size)
{
	size_t room = CALL_ROOM_MIN, used = 0;
	char *at = malloc(room + 1);

	while (at != NULL) {
		ssize_t n = recv(fd, at + used, room - used, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || room > CALL_REPLY_MAX)
			break;
		used += (size_t)n;
		if (n == 0) {
			at[used] = '\0';
			*ret_size = used;
			return at;
		}
		if (used == room) {
			char *more = realloc(at, (room *= 2) + 1);

			if (more == NULL)
				break;
			at = more;
		}
	}
	free(at);
	return NULL;
}

/* Cuts the head off; MALFORMED if it is no whole answer. */
static enum status
call_parse(char *text, size_t size, struct call_reply *ret)
{
	struct reply_head h;
	size_t body;

	if (reply_head_read(text, size, &h) != ST_OK)
		return ST_MALFORMED;
	body = size - h.size;
	if (h.has_length && h.length != body)
		return ST_MALFORMED;
	ret->http = h.status;
	memcpy(ret->etag, h.etag, sizeof(ret->etag));
	memmove(text, text + h.size, body + 1);
	ret->body = text;
	ret->size = body;
	return ST_OK;
}

enum status
call(const struct cmd_args *args, const struct call_ask *ask,
    struct call_reply *ret_reply)
{
	size_t size = 0;
	char *text = NULL;
	int fd, error;
	enum status st = call_connect(args, &fd);

	memset(ret_reply, 0, sizeof(*ret_reply));
	if (st != ST_OK)
		return st;
	if (call_send(fd, ask))
		text = call_receive(fd, &size);
	error = errno;
	close(fd);
	if (text == NULL)
		return call_failed(args, "no answer",
		    error == EAGAIN ? "it took too long" : strerror(error));
	st = call_parse(text, size, ret_reply);
	if (st == ST_OK)
		return ST_OK;
	free(text);
	return call_failed(args, "no answer", "it was cut off");
}

void
call_fini(struct call_reply *r)
{
	free(r->body);
	memset(r, 0, sizeof(*r));
}

bool
call_is_good(const struct call_reply *r)
{
	return r->http >= 200 && r->http < 300;
}

/* One step of a path: the value of a key in the object at l. */
static bool
call_step(struct json_lex *l, const char *key, size_t size)
{
	struct json_token t = json_lex_token(l);

	if (t.kind != JSON_OBJECT || json_lex_eat(l, '}'))
		return false;
	do {
		struct json_token name = json_lex_string(l);

		if (!json_lex_eat(l, ':'))
			return false;
		if (!l->bad && name.size == size &&
		    memcmp(name.text, key, size) == 0)
			return true;
		t = json_lex_token(l);
		json_lex_skip(l, &t);
	} while (!l->bad && json_lex_eat(l, ','));
	return false;
}

/* The lexer at the value, or false. */
static bool
call_walk(const struct call_reply *r, const char *path, struct json_lex *l)
{
	*l = (struct json_lex){ r->body, r->body + r->size, false };
	while (*path != '\0') {
		size_t size = strcspn(path, ".");

		if (!call_step(l, path, size))
			return false;
		path += size;
		path += *path == '.';
	}
	return !l->bad;
}

struct bytes
call_member(const struct call_reply *r, const char *path)
{
	struct json_token t;
	struct json_lex l;
	const char *start;

	if (!call_walk(r, path, &l))
		return (struct bytes){ NULL, 0 };
	while (l.at < l.end && strchr(" \t\r\n", *l.at) != NULL)
		l.at++;
	start = l.at;
	t = json_lex_token(&l);
	json_lex_skip(&l, &t);
	if (l.bad)
		return (struct bytes){ NULL, 0 };
	return (struct bytes){ (const uint8_t *)start, (size_t)(l.at - start) };
}

void
call_text(
    const struct call_reply *r, const char *path, char *ret_text, size_t size)
{
	struct json_token t;
	struct json_lex l;
	char *whole;

	*ret_text = '\0';
	if (!call_walk(r, path, &l))
		return;
	t = json_lex_token(&l);
	if (t.kind != JSON_STRING || (whole = malloc(t.size + 1)) == NULL)
		return;
	whole[json_token_decode(&t, whole)] = '\0';
	snprintf(ret_text, size, "%s", whole);
	free(whole);
}

enum status
call_decode(const struct call_reply *r, const char *path,
    const struct wire_type *t, struct arena *a, void **ret_body)
{
	struct bytes b = call_member(r, path);
	struct json_result why;

	if (b.size == 0)
		return ST_MALFORMED;
	return json_decode(t, JSON_IGNORE_UNKNOWN | JSON_DEFAULTS, a, b.at,
	    b.size, ret_body, &why);
}

enum cmd_exit
call_refused(const struct cmd_args *args, struct call_reply *r)
{
	struct bytes code = call_member(r, "error_detail.error_code");
	char detail[512];

	call_text(r, "error", detail, sizeof(detail));
	if (args->json)
		fprintf(args->out, "%s\n", r->body);
	cmd_says(args->cmd, args->err);
	fprintf(args->err, "%s (HTTP %u, code %.*s)\n",
	    *detail == '\0' ? "refused" : detail, r->http, (int)code.size,
	    code.size == 0 ? "" : (const char *)code.at);
	call_fini(r);
	return CMD_FAILED;
}

enum cmd_exit
call_end(const struct cmd_args *args, struct call_reply *r)
{
	struct bytes data;

	if (!call_is_good(r))
		return call_refused(args, r);
	data = call_member(r, "data");
	if (data.size == 0 || args->json)
		data = (struct bytes){ (const uint8_t *)r->body, r->size };
	if (data.size > 0)
		fprintf(
		    args->out, "%.*s\n", (int)data.size, (const char *)data.at);
	call_fini(r);
	return CMD_OK;
}

bool
call_escape(char *at, size_t size, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~";
	size_t used = strlen(at);

	for (; *text != '\0'; text++) {
		if (used + 4 > size)
			return false;
		if (strchr(plain, *text) != NULL)
			at[used++] = *text;
		else
			used += (size_t)snprintf(at + used, size - used,
			    "%%%02X", (unsigned)(unsigned char)*text);
		at[used] = '\0';
	}
	return true;
}
