#include "protocols/straight.h"

#include "protocols/messages.h"
#include "protocols/straight_pen.h"

/*
 * core.def is read six times: how many fields, how much room without payloads
 * and with them, write, read, list.  A kind that is not named here does not
 * compile, so that nobody takes a message for a hot one that cannot be.
 */

/* clang-format off */
/* Fields are parts of statements.  NOLINTBEGIN(bugprone-macro-parentheses) */
#define BOOL(n, doc)       + 1
#define U32(n, max, doc)   + 1
#define U64(n, max, doc)   + 1
#define TEXT(n, max, doc)  + 1
#define BYTES(n, max, doc) + 1
#define NOTHING
#define MESSAGE(n, id, doc, fields) \
	enum { COUNT_##n = 0 fields }; \
	_Static_assert(COUNT_##n <= 15, "one byte says how many"); \
	_Static_assert((id) < STRAIGHT_IDS, "an id of core.def");
#include "protocols/core.def"
#include "protocols/undef.h"

/* Bytes that are no payload, at most. */
#define BOOL(n, doc)       + 1
#define U32(n, max, doc)   + PEN_UINT_MAX
#define U64(n, max, doc)   + PEN_UINT_MAX
#define TEXT(n, max, doc)  + PEN_HEAD_MAX
#define BYTES(n, max, doc) + PEN_HEAD_MAX
#define NOTHING
#define MESSAGE(n, id, doc, fields) enum { HEADS_##n = PEN_ARRAY_MAX fields };
#include "protocols/core.def"
#include "protocols/undef.h"

/* How much room at most; false if a field passes its bound. */
#define BOOL(n, doc)
#define U32(n, max, doc) fits &= b->n <= (max);
#define U64(n, max, doc) fits &= b->n <= (max);
#define TEXT(n, max, doc) \
	size = b->n == NULL ? 0 : strlen(b->n); \
	room += size; fits &= size <= (max);
#define BYTES(n, max, doc) \
	size = b->n.size; room += size; fits &= size <= (max);
#define NOTHING
#define MESSAGE(n, id, doc, fields) \
	HOT_INLINE bool room_##n(const struct n *b, size_t *ret_room) \
	{ \
		size_t room = HEADS_##n, size = 0; \
		bool fits = true; \
		(void)b; (void)size; \
		fields \
		*ret_room = room; \
		return fits; \
	}
#include "protocols/core.def"
#include "protocols/undef.h"

#define BOOL(n, doc)       *at++ = b->n ? 0xc3 : 0xc2;
#define U32(n, max, doc)   at = pen_uint(at, b->n);
#define U64(n, max, doc)   at = pen_uint(at, b->n);
#define TEXT(n, max, doc)  if ((at = pen_text(at, b->n)) == NULL) return NULL;
#define BYTES(n, max, doc) at = pen_bytes(at, b->n);
#define NOTHING
#define MESSAGE(n, id, doc, fields) \
	static uint8_t * \
	pack_##n(const void *body, uint8_t *at, const uint8_t *end) \
	{ \
		const struct n *b = body; \
		size_t room; \
		if (!room_##n(b, &room) || room > (size_t)(end - at)) \
			return NULL; \
		*at++ = 0x90 | COUNT_##n; \
		fields \
		return at; \
	}
#include "protocols/core.def"
#include "protocols/undef.h"

#define BOOL(n, doc)       && reader_bool(r, &b->n)
#define U32(n, max, doc)   && reader_u32(r, max, &b->n)
#define U64(n, max, doc)   && reader_uint(r, max, &b->n)
#define TEXT(n, max, doc)  && reader_text(r, max, &b->n)
#define BYTES(n, max, doc) && reader_bytes(r, max, &b->n)
#define NOTHING            && (b->nothing = 0) == 0
#define MESSAGE(n, id, doc, fields) \
	HOT_INLINE bool read_##n(struct reader *r, struct n *b) \
	{ \
		return reader_is(r, 0x90 | COUNT_##n) fields && \
		       r->at == r->end; \
	} \
	static bool unpack_##n(const uint8_t *at, const uint8_t *end, \
	    struct arena *a, void *body) \
	{ \
		struct reader r = { at, end, a, false, false }; \
		return read_##n(&r, body); \
	} \
	static bool unpack_here_##n(const uint8_t *at, const uint8_t *end, \
	    struct arena *a, void *body) \
	{ \
		struct reader r = { at, end, a, true, true }; \
		if ((size_t)(end - at) >= HEADS_##n) \
			return read_##n(&r, body); \
		r.ample = false; \
		return read_##n(&r, body); \
	}
#include "protocols/core.def"
#include "protocols/undef.h"

#define MESSAGE(n, id, doc, fields) \
	[id] = { pack_##n, unpack_##n, unpack_here_##n },
const struct straight straight_table[STRAIGHT_IDS] = {
#include "protocols/core.def"
};
/* NOLINTEND(bugprone-macro-parentheses) */
/* clang-format on */
