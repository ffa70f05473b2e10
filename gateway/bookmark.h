/*
 * bookmark - the cursors of pages, as clients hold them.
 *
 * Where a list's page ended leaves the gateway sealed, and is opened when it
 * comes back: base64url( cursor | the first 8 bytes of an HMAC-SHA-256 over
 * list, user and cursor ).  So a cursor that no page ended with, of another
 * list or of somebody else, is refused here, whoever answers the list.
 *
 * A list is the request that reads it, by name; its form as a file, NAME_csv,
 * is the same list.  The secret is one that every gateway has from the
 * session-registry, so a page may go on at another gateway, or after a start.
 */
#ifndef GATEWAY_BOOKMARK_H
#define GATEWAY_BOOKMARK_H

#include "protocols/wire.h"

#define BOOKMARK_SECRET 32
#define BOOKMARK_TAG 8

struct bookmark {
	const uint8_t *secret; /* BOOKMARK_SECRET bytes */
	const struct wire_type *list;
	const char *user_id;
	const struct wire_field *cursor; /* of the list; NULL: it is none */
	const struct wire_field *next;   /* of its reply; as cursor */
};

/*
 * Opens the request's `cursor`, if it has one, into a; INVALID: no page of
 * this list ended with it for this user.  NO_MEMORY.
 */
MUST_CHECK enum status bookmark_open(
    const struct bookmark *b, struct arena *a, void *request);

/*
 * The reply, or a copy in a with its `next` sealed; NULL without memory.
 */
const void *bookmark_seal(const struct bookmark *b, struct arena *a,
    const struct wire_type *type, const void *reply);

#endif
