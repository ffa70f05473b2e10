/*
 * transcode - JSON text as msgpack, for sockets that speak it.
 *
 * Objects become maps, whole numbers of 64 bits integers, every other number
 * a double (as small as it can be without loss); strings are decoded.  Keys
 * keep their order, repeated ones stay.  One pass, no recursion: the head of
 * a container is written for few items and widened when they were many.
 * Bounds: JSON_DEPTH_MAX levels; TRANSCODE_SIZE(n) bytes hold any text of n.
 */
#ifndef GATEWAY_TRANSCODE_H
#define GATEWAY_TRANSCODE_H

#include "protocols/wire.h"

/* "1e9," is four bytes of JSON and becomes nine. */
#define TRANSCODE_SIZE(n) (9 * ((size_t)(n) / 3 + 1))

/*
 * Appends.  text[size] is a NUL.  MALFORMED if it is not one JSON value,
 * FULL if out is too small; out is as it was then.
 */
MUST_CHECK enum status transcode_json(
    const char *text, size_t size, struct wire_out *out);

#endif
