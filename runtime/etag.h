/*
 * etag - the version of a thing with a value, and what If-Match says of it.
 *
 * A tag is a quote, the first 16 hex digits of SHA-256 over the value, ":"
 * and the time of its last change (empty: never), and a quote.  It is a
 * strong validator (RFC 9110, 8.8.1): equal tags, equal bytes.  Stateless;
 * any thread.
 */
#ifndef RUNTIME_ETAG_H
#define RUNTIME_ETAG_H

#include <stdbool.h>

#define ETAG_SIZE 19 /* with its quotes and NUL */

/* updated_at NULL is as empty. */
void etag_of(
    const char *value, const char *updated_at, char ret_etag[ETAG_SIZE]);

/* NULL and "" ask for no check at all; "*" is a check. */
bool if_match_is_given(const char *header);

/*
 * "*" matches whatever exists; else some item of the list must be the tag
 * byte for byte.  W/ and tags without quotes never match.
 */
bool if_match_allows(const char *header, const char *etag);

#endif
