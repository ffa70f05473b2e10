#include "gateway/route.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/inside.h"
#include "gateway/target.h"
#include "protocols/catalogue.h"

/* clang-format off */
#define ROUTE(method, path, access, actor, request, reply, http, data, takes, gives, summary) \
	{ HTTP1_##method, path, ROUTE_##access, ACTOR_NUMBER_##actor, \
	    catalogue_type_##request, catalogue_type_##reply, NULL, \
	    http, #data, takes, gives, summary },
#define LOCAL(method, path, access, function, reply, http, summary) \
	{ HTTP1_##method, path, ROUTE_##access, 0, NULL, \
	    catalogue_type_##reply, function, http, "ALL", "", "", summary },
static const struct route routes[] = {
#include "gateway/routes.def"
};
#undef ROUTE
#undef LOCAL
/* clang-format on */

#define CSV_FIELD "csv"
#define ROUTE_COUNT (sizeof(routes) / sizeof(routes[0]))

const struct route *
route_nth(size_t n)
{
	return n < ROUTE_COUNT ? &routes[n] : NULL;
}

/* The text of that name, such as a cursor; else NULL. */
static const struct wire_field *
route_find_text(const struct wire_type *t, const char *name)
{
	const struct wire_field *f =
	    t == NULL ? NULL : catalogue_find_field(t, name);

	return f != NULL && f->kind == WIRE_TEXT ? f : NULL;
}

bool
route_next_header(
    const char **rest, struct bytes *ret_header, struct bytes *ret_field)
{
	const char *at = *rest + strspn(*rest, " ");
	size_t header = strcspn(at, "=");
	size_t field;

	if (at[header] == '\0')
		return false;
	field = strcspn(at + header + 1, " ");
	*ret_header = (struct bytes){ (const uint8_t *)at, header };
	*ret_field = (struct bytes){ (const uint8_t *)at + header + 1, field };
	*rest = at + header + 1 + field;
	return true;
}

static void
route_fill_gives(const struct route *r, struct route_fields *f)
{
	const char *rest = r->gives;
	struct bytes header, field;

	while (route_next_header(&rest, &header, &field)) {
		struct route_given *g = &f->gives[f->gives_count++];
		char name[ROUTE_HEADER_SIZE];

		assert(f->gives_count <= ROUTE_HEADERS_MAX);
		assert(header.size < sizeof(g->header));
		assert(field.size < sizeof(name));
		memcpy(g->header, header.at, header.size);
		memcpy(name, field.at, field.size);
		g->header[header.size] = name[field.size] = '\0';
		g->field = route_find_text(r->reply(), name);
		assert(g->field != NULL);
	}
}

static void
route_fill_fields(const struct route *r, struct route_fields *ret_fields)
{
	const struct wire_type *request =
	    r->request == NULL ? NULL : r->request();
	struct route_fields f = { .data = ROUTE_FIELD };

	if (strcmp(r->data, "ALL") == 0)
		f.data = ROUTE_ALL;
	else if (strcmp(r->data, "NONE") == 0)
		f.data = ROUTE_NONE;
	else if (strcmp(r->data, "CSV") == 0)
		f.data = ROUTE_TEXT;
	if (f.data == ROUTE_TEXT)
		f.at = route_find_text(r->reply(), CSV_FIELD);
	else if (f.data == ROUTE_FIELD)
		f.at = catalogue_find_field(r->reply(), r->data);
	assert(f.at != NULL || f.data == ROUTE_ALL || f.data == ROUTE_NONE);
	f.cursor = route_find_text(request, "cursor");
	if (f.cursor != NULL)
		f.next = route_find_text(r->reply(), "next");
	route_fill_gives(r, &f);
	*ret_fields = f;
}

struct route_fields *
route_fields_create(void)
{
	struct route_fields *all = calloc(ROUTE_COUNT, sizeof(*all));

	for (size_t i = 0; all != NULL && i < ROUTE_COUNT; i++)
		route_fill_fields(&routes[i], &all[i]);
	return all;
}

const struct route_fields *
route_fields_of(const struct route_fields *all, const struct route *r)
{
	return &all[r - routes];
}

bool
route_takes_body(enum http1_method m)
{
	return m == HTTP1_POST || m == HTTP1_PUT || m == HTTP1_PATCH;
}

const char *
route_access_text(enum route_access a)
{
	static const char *const names[] = {
#define X(access) #access,
		ROUTE_ACCESSES(X)
#undef X
	};

	return names[a];
}

/* Up to the next slash or the end; moves *at past it. */
static struct bytes
route_segment(const uint8_t **at, const uint8_t *end)
{
	const uint8_t *start = *at;
	const uint8_t *slash = memchr(start, '/', (size_t)(end - start));
	const uint8_t *stop = slash == NULL ? end : slash;

	*at = slash == NULL ? end : slash + 1;
	return (struct bytes){ start, (size_t)(stop - start) };
}

static enum status
route_take_value(struct route_match *m, struct bytes name, struct bytes value)
{
	uint32_t i = m->count++;
	size_t size;

	if (value.size > ROUTE_VALUE_MAX)
		return ST_MALFORMED;
	m->names[i] = (const char *)name.at;
	m->name_sizes[i] = (uint8_t)name.size;
	if (target_decode(value, false, (uint8_t *)m->values[i], &size) !=
	    ST_OK)
		return ST_MALFORMED;
	m->values[i][size] = '\0';
	return ST_OK;
}

/* A {name} part takes one whole segment, which must not be empty. */
static enum status
route_match_segment(
    struct bytes pattern, struct bytes segment, struct route_match *m)
{
	if (pattern.size > 2 && pattern.at[0] == '{') {
		if (segment.size == 0)
			return ST_NOT_FOUND;
		return route_take_value(m,
		    (struct bytes){ pattern.at + 1, pattern.size - 2 },
		    segment);
	}
	if (pattern.size == segment.size &&
	    memcmp(pattern.at, segment.at, segment.size) == 0)
		return ST_OK;
	return ST_NOT_FOUND;
}

static enum status
route_match_path(
    const struct route *r, struct bytes path, struct route_match *m)
{
	const uint8_t *pattern = (const uint8_t *)r->path;
	const uint8_t *pattern_end = pattern + strlen(r->path);
	const uint8_t *at = path.at;
	const uint8_t *end = path.at + path.size;
	enum status st = ST_OK;

	m->count = 0;
	while (st == ST_OK && (pattern < pattern_end || at < end)) {
		if (pattern == pattern_end || at == end)
			return ST_NOT_FOUND;
		st = route_match_segment(route_segment(&pattern, pattern_end),
		    route_segment(&at, end), m);
	}
	if (st == ST_OK && path.at[path.size - 1] == '/' && path.size > 1)
		return ST_NOT_FOUND;
	return st;
}

enum status
route_find(enum http1_method method, struct bytes path,
    const struct route **ret_route, struct route_match *ret_match,
    uint32_t *ret_allow)
{
	enum http1_method wanted = method == HTTP1_HEAD ? HTTP1_GET : method;
	uint32_t allow = 0;

	for (size_t i = 0; i < ROUTE_COUNT; i++) {
		const struct route *r = &routes[i];
		enum status st = route_match_path(r, path, ret_match);

		if (st == ST_MALFORMED)
			return st;
		if (st != ST_OK)
			continue;
		if (r->method == wanted) {
			*ret_route = r;
			return ST_OK;
		}
		allow |= 1u << r->method;
	}
	if (allow == 0)
		return ST_NOT_FOUND;
	if ((allow & 1u << HTTP1_GET) != 0)
		allow |= 1u << HTTP1_HEAD;
	*ret_allow = allow;
	return ST_UNSUPPORTED;
}

bool
route_allows(const struct route *r, enum role role)
{
	static const uint32_t allowed[] = {
		[ROUTE_PUBLIC] = UINT32_MAX,
		[ROUTE_USER] = UINT32_MAX & ~(1u << ROLE_SYSTEM),
		[ROUTE_READ] = UINT32_MAX & ~(1u << ROLE_SYSTEM),
		[ROUTE_WRITE] = 1u << ROLE_CEO | 1u << ROLE_MANAGER |
				1u << ROLE_PAIR_PROGRAMMER,
		[ROUTE_STEER] = 1u << ROLE_CEO | 1u << ROLE_MANAGER,
		[ROUTE_CEO] = 1u << ROLE_CEO,
	};

	return (allowed[r->access] & 1u << role) != 0;
}
