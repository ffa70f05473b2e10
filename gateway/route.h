/*
 * route - which endpoint a request is for; routes.def as a table.
 *
 * Immutable after the start; any thread.
 */
#ifndef GATEWAY_ROUTE_H
#define GATEWAY_ROUTE_H

#include "gateway/http1.h"
#include "protocols/messages.h"
#include "protocols/wire.h"

#define ROUTE_PARAMETERS_MAX 4 /* {name} parts of one path */
#define ROUTE_VALUE_MAX 512    /* bytes of one, decoded */
#define ROUTE_HEADERS_MAX 4    /* of takes, and of gives */
#define ROUTE_HEADER_SIZE 32   /* the name of one, with its end */

/* What of a reply is the answer's data. */
enum route_data { ROUTE_ALL, ROUTE_NONE, ROUTE_TEXT, ROUTE_FIELD };

#define ROUTE_ACCESSES(X) X(PUBLIC) X(USER) X(READ) X(WRITE) X(STEER) X(CEO)

enum route_access {
#define X(a) ROUTE_##a,
	ROUTE_ACCESSES(X)
#undef X
};

struct conn;
typedef void (*route_local_fn)(struct conn *c);

struct route {
	enum http1_method method;
	const char *path;
	enum route_access access;
	uint32_t actor; /* ACTOR_NUMBER; 0: local */
	const struct wire_type *(*request)(void);
	const struct wire_type *(*reply)(void);
	route_local_fn local;
	uint32_t http;
	const char *data; /* "ALL", "NONE", "CSV", or a field */
	const char *takes;
	const char *gives;
	const char *summary;
};

/* A text of the reply that is a header of the answer. */
struct route_given {
	char header[ROUTE_HEADER_SIZE];
	const struct wire_field *field;
};

/* The fields of a route's messages that are looked at by name, found once. */
struct route_fields {
	enum route_data data;
	const struct wire_field *at;     /* of ROUTE_TEXT and ROUTE_FIELD */
	const struct wire_field *cursor; /* of the request; NULL: it has none */
	const struct wire_field *next;   /* of the reply; as cursor */
	struct route_given gives[ROUTE_HEADERS_MAX]; /* as in routes.def */
	uint32_t gives_count;
};

/* What the {name} parts were, decoded. */
struct route_match {
	uint32_t count;
	const char *names[ROUTE_PARAMETERS_MAX]; /* not terminated */
	uint8_t name_sizes[ROUTE_PARAMETERS_MAX];
	char values[ROUTE_PARAMETERS_MAX][ROUTE_VALUE_MAX + 1];
};

/*
 * NOT_FOUND for an unknown path, UNSUPPORTED for a known one with another
 * method (HEAD is as GET), with the methods it has in ret_allow, one bit per
 * enum http1_method; MALFORMED for a part that decodes badly or is too long.
 */
MUST_CHECK enum status route_find(enum http1_method method, struct bytes path,
    const struct route **ret_route, struct route_match *ret_match,
    uint32_t *ret_allow);

/* In the order of routes.def; NULL past its end. */
const struct route *route_nth(size_t n);

/* Of all routes, for route_fields_of; the caller frees it.  NULL: no memory. */
struct route_fields *route_fields_create(void);
const struct route_fields *route_fields_of(
    const struct route_fields *all, const struct route *r);

/* Its fields come in the body, and none in the query. */
bool route_takes_body(enum http1_method m);

const char *route_access_text(enum route_access a);

/* May an account with this role? PUBLIC needs none. */
bool route_allows(const struct route *r, enum role role);

/* Walks "Header=field Header=field"; false at the end. */
bool route_next_header(
    const char **rest, struct bytes *ret_header, struct bytes *ret_field);

#endif
