#include "store/key.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/fnv.h"

#define NUMBER_SIZE 8
#define DIGEST_SIZE 16
#define SIGN (UINT64_C(1) << 63)

static void
key_put(struct key *k, const void *bytes, size_t size)
{
	if (k->failed || size > sizeof(k->at) - k->size) {
		k->failed = true;
		return;
	}
	if (size > 0)
		memcpy(k->at + k->size, bytes, size);
	k->size += size;
}

void
key_init(struct key *k)
{
	k->size = 0;
	k->failed = false;
}

void
key_text(struct key *k, const char *text)
{
	key_put(k, text, strlen(text) + 1);
}

/* Collisions cost a look at one more row, never a wrong answer. */
static uint64_t
text_digest(const char *text)
{
	uint64_t h = FNV_BASIS;

	for (; *text != '\0'; text++)
		h = fnv_byte(h, (uint8_t)*text);
	return h;
}

void
key_short(struct key *k, const char *text)
{
	char digest[DIGEST_SIZE + 1];

	if (strlen(text) <= KEY_SHORT_MAX) {
		key_text(k, text);
		return;
	}
	snprintf(digest, sizeof(digest), "%016" PRIx64, text_digest(text));
	key_put(k, text, KEY_SHORT_MAX - DIGEST_SIZE);
	key_text(k, digest);
}

void
key_tail(struct key *k, const char *text)
{
	key_tail_bytes(
	    k, (struct bytes){ (const uint8_t *)text, strlen(text) });
}

void
key_tail_bytes(struct key *k, struct bytes text)
{
	if (text.size == 0 || memchr(text.at, 0, text.size) != NULL) {
		k->failed = true;
		return;
	}
	key_put(k, text.at, text.size);
}

void
key_raw(struct key *k, struct bytes part)
{
	key_put(k, part.at, part.size);
}

void
key_number(struct key *k, uint64_t n)
{
	uint8_t bytes[NUMBER_SIZE];

	for (int i = 0; i < NUMBER_SIZE; i++)
		bytes[i] = (uint8_t)(n >> (8 * (NUMBER_SIZE - 1 - i)));
	key_put(k, bytes, sizeof(bytes));
}

void
key_time(struct key *k, int64_t us)
{
	key_number(k, (uint64_t)us ^ SIGN);
}

void
key_time_down(struct key *k, int64_t us)
{
	key_number(k, ~((uint64_t)us ^ SIGN));
}

void
key_past(struct key *k)
{
	while (k->size > 0 && k->at[k->size - 1] == UINT8_MAX)
		k->size--;
	if (k->size == 0)
		k->failed = true;
	else
		k->at[k->size - 1]++;
}

bool
key_is_good(const struct key *k)
{
	return !k->failed && k->size > 0;
}

struct bytes
key_bytes(const struct key *k)
{
	return (struct bytes){ k->at, k->failed ? 0 : k->size };
}

bool
key_begins(struct bytes key, const struct key *prefix)
{
	return key.size >= prefix->size &&
	       memcmp(key.at, prefix->at, prefix->size) == 0;
}

void
key_read(struct key_reader *r, struct bytes key)
{
	r->rest = key;
	r->failed = false;
}

static struct bytes
reader_take(struct key_reader *r, size_t size)
{
	struct bytes taken = { r->rest.at, size };

	if (r->failed || size > r->rest.size) {
		r->failed = true;
		return (struct bytes){ r->rest.at, 0 };
	}
	r->rest.at += size;
	r->rest.size -= size;
	return taken;
}

void
key_skip(struct key_reader *r, const struct key *prefix)
{
	(void)reader_take(r, prefix->size);
}

struct bytes
key_read_text(struct key_reader *r)
{
	const uint8_t *end =
	    r->rest.size == 0 ? NULL : memchr(r->rest.at, 0, r->rest.size);
	struct bytes text;

	if (end == NULL) {
		r->failed = true;
		return (struct bytes){ r->rest.at, 0 };
	}
	text = reader_take(r, (size_t)(end - r->rest.at));
	(void)reader_take(r, 1);
	return text;
}

struct bytes
key_read_tail(struct key_reader *r)
{
	return reader_take(r, r->rest.size);
}

uint64_t
key_read_number(struct key_reader *r)
{
	struct bytes b = reader_take(r, NUMBER_SIZE);
	uint64_t n = 0;

	for (size_t i = 0; i < b.size; i++)
		n = n << 8 | b.at[i];
	return n;
}

int64_t
key_read_time(struct key_reader *r)
{
	uint64_t n = key_read_number(r);

	return r->failed ? 0 : (int64_t)(n ^ SIGN);
}

uint64_t
key_first_number(struct bytes key)
{
	struct key_reader r;

	key_read(&r, key);
	return key_read_number(&r);
}
