#include "gateway/transcode.h"

#include <assert.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/json_lex.h"
#include "protocols/packer.h"
#include "runtime/base/decimal.h"

#define FIX_MAX 15u /* items that a head of one byte can count */
#define FIX_MAP 0x80u
#define FIX_ARRAY 0x90u
#define FIX_TEXT 0xa0u
#define FIX_TEXT_MAX 31u
#define HEAD_TEXT8 0xd9u
#define HEAD_FLOAT 0xcau
#define HEAD_DOUBLE 0xcbu

/* A container whose end has not come. */
struct open {
	uint8_t *head;
	uint32_t count;
	bool is_map;
};

struct transcoder {
	struct json_lex lex;
	struct packer out;
	struct open nest[JSON_DEPTH_MAX];
	unsigned depth;
};

/* The decoded string is never longer than it stood: patch the head then. */
static void
transcode_text(struct transcoder *t, const struct json_token *token)
{
	unsigned width = token->size <= FIX_TEXT_MAX ? 0
			 : token->size <= UINT8_MAX  ? 1
			 : token->size <= UINT16_MAX ? 2
						     : 4;
	uint8_t *head = packer_take(&t->out, 1 + width + token->size);
	size_t size;
	uint64_t big;

	if (head == NULL)
		return;
	size = json_token_decode(token, (char *)head + 1 + width);
	head[0] =
	    (uint8_t)(width == 0 ? FIX_TEXT | size : HEAD_TEXT8 + width / 2);
	big = htobe64((uint64_t)size << (width == 0 ? 0 : 64 - 8 * width));
	memcpy(head + 1, &big, width);
	t->out.at = head + 1 + width + size;
}

static void
transcode_double(struct transcoder *t, double value)
{
	float narrow = (float)(value > FLT_MAX || value < -FLT_MAX ? 0 : value);
	uint64_t wide;
	uint32_t bits;

	if ((double)narrow - value >= 0 && (double)narrow - value <= 0) {
		memcpy(&bits, &narrow, sizeof(bits));
		packer_head(&t->out, HEAD_FLOAT, bits, sizeof(bits));
		return;
	}
	memcpy(&wide, &value, sizeof(wide));
	packer_head(&t->out, HEAD_DOUBLE, wide, sizeof(wide));
}

/* Digits alone that fit; false: it is no such number. */
static bool
transcode_whole(struct transcoder *t, const struct json_token *token)
{
	bool negative = token->text[0] == '-';
	uint64_t max = negative ? (uint64_t)INT64_MAX + 1 : UINT64_MAX;
	uint64_t n;

	if (!decimal_read(
		token->text + negative, token->size - negative, max, &n))
		return false;
	if (negative)
		packer_int(&t->out, (int64_t)(0 - n));
	else
		packer_uint(&t->out, n);
	return true;
}

static void
transcode_number(struct transcoder *t, const struct json_token *token)
{
	if (!transcode_whole(t, token))
		transcode_double(t, strtod(token->text, NULL));
}

static void
transcode_begin(struct transcoder *t, bool is_map)
{
	struct open *o;

	if (t->depth == JSON_DEPTH_MAX) {
		json_lex_fail(&t->lex);
		return;
	}
	o = &t->nest[t->depth++];
	*o = (struct open){ t->out.at, 0, is_map };
	packer_byte(&t->out, is_map ? FIX_MAP : FIX_ARRAY);
}

/* Makes room for a wider head if the items were many. */
static void
transcode_end(struct transcoder *t)
{
	struct open *o = &t->nest[--t->depth];
	unsigned width = o->count <= FIX_MAX      ? 0
			 : o->count <= UINT16_MAX ? 2
						  : 4;
	size_t size;
	uint64_t big;

	if (packer_take(&t->out, width) == NULL || t->out.status != ST_OK)
		return;
	if (width == 0) {
		o->head[0] |= (uint8_t)o->count;
		return;
	}
	size = (size_t)(t->out.at - width - (o->head + 1));
	memmove(o->head + 1 + width, o->head + 1, size);
	o->head[0] = (uint8_t)((o->is_map ? 0xde : 0xdc) + width / 4);
	big = htobe64((uint64_t)o->count << (64 - 8 * width));
	memcpy(o->head + 1, &big, width);
}

static void
transcode_value(struct transcoder *t)
{
	struct json_token token = json_lex_token(&t->lex);

	switch (token.kind) {
	case JSON_NULL:
		packer_nil(&t->out);
		break;
	case JSON_FALSE:
	case JSON_TRUE:
		packer_bool(&t->out, token.kind == JSON_TRUE);
		break;
	case JSON_NUMBER:
		transcode_number(t, &token);
		break;
	case JSON_STRING:
		transcode_text(t, &token);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		transcode_begin(t, token.kind == JSON_OBJECT);
		break;
	case JSON_BAD:
		json_lex_fail(&t->lex);
		break;
	}
}

/* Ends what ends here, then the comma and the key of what comes next. */
static void
transcode_between(struct transcoder *t)
{
	struct json_token key;

	while (t->depth > 0 &&
	       json_lex_eat(&t->lex, t->nest[t->depth - 1].is_map ? '}' : ']'))
		transcode_end(t);
	if (t->depth == 0)
		return;
	if (t->nest[t->depth - 1].count++ > 0 && !json_lex_eat(&t->lex, ','))
		json_lex_fail(&t->lex);
	if (!t->nest[t->depth - 1].is_map)
		return;
	key = json_lex_string(&t->lex);
	if (!json_lex_eat(&t->lex, ':'))
		json_lex_fail(&t->lex);
	if (!t->lex.bad)
		transcode_text(t, &key);
}

enum status
transcode_json(const char *text, size_t size, struct wire_out *out)
{
	struct transcoder t = { .lex = { text, text + size, false },
		.out = packer_of(out) };

	assert(text[size] == '\0');
	do {
		transcode_value(&t);
		if (!t.lex.bad)
			transcode_between(&t);
	} while (t.depth > 0 && !t.lex.bad && t.out.status == ST_OK);
	if (!json_lex_done(&t.lex) && t.out.status == ST_OK)
		return ST_MALFORMED;
	return packer_done(&t.out, out);
}
