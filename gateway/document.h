/*
 * document - writes a JSON text that is no message, member by member.
 *
 * Indented by a space a level, since people read its changes.  The first
 * failure sticks: ask document_done once at the end.  name is the key within
 * an object, NULL within a list and for the whole.
 */
#ifndef GATEWAY_DOCUMENT_H
#define GATEWAY_DOCUMENT_H

#include "protocols/wire.h"

#define DOCUMENT_DEPTH_MAX 24

struct document {
	struct wire_out *out;
	size_t start; /* of out, to go back to */
	enum status status;
	uint32_t depth;
	char closers[DOCUMENT_DEPTH_MAX];
	bool bare; /* nothing stands yet in what was opened last */
};

void document_init(struct document *d, struct wire_out *out);

void document_object(struct document *d, const char *name);
void document_list(struct document *d, const char *name);
void document_end(struct document *d);

void document_text(struct document *d, const char *name, const char *text);
void document_number(struct document *d, const char *name, uint64_t number);
void document_bool(struct document *d, const char *name, bool value);
/* A value that is JSON already. */
void document_raw(struct document *d, const char *name, const char *json);

/* Everything is closed.  A failure leaves out as it was. */
MUST_CHECK enum status document_done(struct document *d);

#endif
