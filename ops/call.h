/*
 * call - how a command asks the running Troupe: HTTP/1.1 over the control
 * socket of the data folder, as `system`, without a token.
 *
 *   struct call_reply r;
 *
 *   if (call(args, &(struct call_ask){ "GET", "/api/v1/settings" }, &r) !=
 *       ST_OK)
 *           return CMD_FAILED;         it has been told why
 *   code = call_end(args, &r);         prints what came; 0 or 1
 *
 * A command takes CALL_OPTIONS beside its own; --socket names the socket,
 * otherwise the configuration does, by its data folder.  One request, one
 * connection; blocking, at most CALL_WAIT_S without a byte.
 * Bounds: CALL_REPLY_MAX bytes of one answer.
 */
#ifndef OPS_CALL_H
#define OPS_CALL_H

#include "load/reply_head.h"
#include "ops/cmd.h"
#include "protocols/wire.h"
#include "runtime/base/status.h"

#define CALL_REPLY_MAX (16u << 20)
#define CALL_WAIT_S 60

/* clang-format off */
#define CALL_OPTIONS \
	{ "config", CMD_VALUE, "FILE", "read settings from FILE" }, \
	{ "set", CMD_MANY, "NAME=VALUE", "one setting; wins over others" }, \
	{ "data", CMD_VALUE, "DIR", "the data folder of the Troupe to ask" }, \
	{ "socket", CMD_VALUE, "PATH", "its control socket, wherever it is" }
#define CALL_USAGE "[--data DIR | --socket PATH | --config FILE]"
/* clang-format on */

struct call_ask {
	const char *method;
	const char *path;    /* with its query, escaped */
	const char *body;    /* JSON; NULL: none */
	const char *headers; /* whole lines, each with its CR LF; NULL: none */
};

struct call_reply {
	unsigned http;              /* the status code */
	char etag[REPLY_ETAG_SIZE]; /* "" if there was none */
	char *body;                 /* JSON and a NUL; owned; "" for none */
	size_t size;
};

/*
 * OK: an answer came, also one that refuses.  Otherwise nothing was answered,
 * and one line on args->err has said why.
 */
MUST_CHECK enum status call(const struct cmd_args *args,
    const struct call_ask *ask, struct call_reply *ret_reply);
void call_fini(struct call_reply *r);

/* Whether it did what was asked. */
bool call_is_good(const struct call_reply *r);

/*
 * The value at a path of keys, "error_detail.detail", as it stands in the
 * JSON; its size is 0 if there is none.
 */
struct bytes call_member(const struct call_reply *r, const char *path);

/* The same if it is a text, decoded and cut to size; "" otherwise. */
void call_text(
    const struct call_reply *r, const char *path, char *ret_text, size_t size);

/* The value at path ("data") as a message or record; keys not known to t are
 * skipped, those missing are zero.  MALFORMED, INVALID or NO_MEMORY. */
MUST_CHECK enum status call_decode(const struct call_reply *r, const char *path,
    const struct wire_type *t, struct arena *a, void **ret_body);

/*
 * For commands that have nothing to add: prints the JSON of "data" if it went
 * well, or one line on args->err with the reason and the code; with --json the
 * whole answer either way.  Ends r.
 */
enum cmd_exit call_end(const struct cmd_args *args, struct call_reply *r);

/* One line on args->err about an answer that refuses; ends r. */
enum cmd_exit call_refused(const struct cmd_args *args, struct call_reply *r);

/* Appends text to a query or path, escaped; false if it does not fit. */
bool call_escape(char *at, size_t size, const char *text);

#endif
