/*
 * key - keys that sort as what they stand for.
 *
 * A key is a row of parts.  A text ends in one zero byte, so that no text is
 * the beginning of another and "a" sorts before "ab"; a time is eight bytes,
 * big-endian, its sign flipped, so that what came first sorts first; a number
 * is eight bytes, big-endian.  The last text of a key may do without its end.
 *
 * A builder sticks at its first failure and is asked once: key_bytes gives an
 * INVALID key (empty) then, which every backend refuses.  Any thread.
 */
#ifndef STORE_KEY_H
#define STORE_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"
#include "store/backend.h"

/* An index need not hold a whole text: the row it leads to is checked. */
#define KEY_SHORT_MAX 224

struct key {
	uint8_t at[BACKEND_KEY_MAX];
	size_t size;
	bool failed;
};

struct key_reader {
	struct bytes rest;
	bool failed;
};

void key_init(struct key *k);
void key_text(struct key *k, const char *text);
/* As key_text, cut to KEY_SHORT_MAX bytes that end in a digest of it all. */
void key_short(struct key *k, const char *text);
/* The last part: no end, and not empty. */
void key_tail(struct key *k, const char *text);
/* As key_tail, from bytes that may lie: one that holds a zero fails. */
void key_tail_bytes(struct key *k, struct bytes text);
/* Bytes as another key has them. */
void key_raw(struct key *k, struct bytes part);
void key_time(struct key *k, int64_t us);
void key_time_down(struct key *k, int64_t us); /* the last sorts first */
void key_number(struct key *k, uint64_t n);

/* Turns a prefix into the least key after all that begin with it. */
void key_past(struct key *k);

bool key_is_good(const struct key *k);
struct bytes key_bytes(const struct key *k);
bool key_begins(struct bytes key, const struct key *prefix);

/* Reading sticks too; what it gives after a failure is zero or empty. */
void key_read(struct key_reader *r, struct bytes key);
void key_skip(struct key_reader *r, const struct key *prefix);
struct bytes key_read_text(struct key_reader *r);
struct bytes key_read_tail(struct key_reader *r);
int64_t key_read_time(struct key_reader *r);
uint64_t key_read_number(struct key_reader *r);

/* Of a key that begins with one; 0 of another. */
uint64_t key_first_number(struct bytes key);

#endif
