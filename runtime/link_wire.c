#include "runtime/link_wire.h"

#include <assert.h>
#include <string.h>

#define GAP_BIT 1u

/* Sticks at the first read past the end; asked once, when all is read. */
struct reader {
	const uint8_t *at;
	size_t left;
	bool failed;
};

static void
put(uint8_t **at, uint64_t value, size_t octets)
{
	for (size_t i = 0; i < octets; i++)
		*(*at)++ = (uint8_t)(value >> (8 * i));
}

static void
put_run(uint8_t **at, const void *bytes, size_t size)
{
	memcpy(*at, bytes, size);
	*at += size;
}

static void
put_start(uint8_t **at, enum link_kind kind, uint16_t from)
{
	put(at, LINK_MARK, 1);
	put(at, kind, 1);
	put(at, from, 2);
}

static const uint8_t *
get_run(struct reader *r, size_t size)
{
	const uint8_t *at = r->at;

	if (r->failed || size > r->left) {
		r->failed = true;
		return NULL;
	}
	r->at += size;
	r->left -= size;
	return at;
}

static uint64_t
get(struct reader *r, size_t octets)
{
	const uint8_t *at = get_run(r, octets);
	uint64_t value = 0;

	for (size_t i = 0; at != NULL && i < octets; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

static void
get_copy(struct reader *r, void *ret, size_t size)
{
	const uint8_t *at = get_run(r, size);

	if (at != NULL)
		memcpy(ret, at, size);
}

/* Steps over mark and kind, which link_wire_kind has judged. */
static struct reader
get_start(struct bytes in, uint16_t *ret_from)
{
	struct reader r = { in.at, in.size, false };

	(void)get(&r, 2);
	*ret_from = (uint16_t)get(&r, 2);
	return r;
}

enum status
link_wire_kind(struct bytes in, enum link_kind *ret_kind, uint16_t *ret_from)
{
	struct reader r = { in.at, in.size, false };
	uint64_t mark = get(&r, 1);
	uint64_t kind = get(&r, 1);
	uint16_t from = (uint16_t)get(&r, 2);

	if (r.failed || mark != LINK_MARK || kind < LINK_KIND_HELLO ||
	    kind > LINK_KIND_BYE || from > LINK_NODE_MAX)
		return ST_MALFORMED;
	*ret_kind = (enum link_kind)kind;
	*ret_from = from;
	return ST_OK;
}

size_t
link_wire_put_hello(const struct link_hello *h, uint8_t ret[LINK_HELLO_MAX])
{
	uint8_t *at = ret;
	size_t name_size = strlen(h->name);

	assert(name_size <= LINK_NAME_MAX);
	put_start(&at, LINK_KIND_HELLO, h->from);
	put(&at, h->version, 4);
	put(&at, h->catalogue, 8);
	put(&at, h->topology, 8);
	put(&at, h->incarnation, 8);
	put(&at, h->resumes, 8);
	put(&at, h->entered, 8);
	put_run(&at, h->exchange, sizeof(h->exchange));
	put(&at, name_size, 1);
	assert(at == ret + LINK_HELLO_SIZE);
	put_run(&at, h->name, name_size);
	return (size_t)(at - ret);
}

enum status
link_wire_hello(struct bytes in, struct link_hello *ret)
{
	struct link_hello h = { 0 };
	struct reader r = get_start(in, &h.from);
	size_t name_size;

	h.version = (uint32_t)get(&r, 4);
	h.catalogue = get(&r, 8);
	h.topology = get(&r, 8);
	h.incarnation = get(&r, 8);
	h.resumes = get(&r, 8);
	h.entered = get(&r, 8);
	get_copy(&r, h.exchange, sizeof(h.exchange));
	name_size = (size_t)get(&r, 1);
	if (r.failed || name_size > LINK_NAME_MAX || name_size != r.left ||
	    memchr(r.at, '\0', name_size) != NULL)
		return ST_MALFORMED;
	get_copy(&r, h.name, name_size);
	*ret = h;
	return ST_OK;
}

size_t
link_wire_put_proof(const struct link_proof *p, uint8_t ret[LINK_PROOF_SIZE])
{
	uint8_t *at = ret;

	put_start(&at, LINK_KIND_PROOF, p->from);
	put(&at, p->ack, 8);
	put(&at, p->credit.frames, 4);
	put(&at, p->credit.bytes, 4);
	put_run(&at, p->mine, sizeof(p->mine));
	put_run(&at, p->yours, sizeof(p->yours));
	put_run(&at, p->signature, sizeof(p->signature));
	assert(at == ret + LINK_PROOF_SIZE);
	return LINK_PROOF_SIZE;
}

enum status
link_wire_proof(struct bytes in, struct link_proof *ret)
{
	struct link_proof p;
	struct reader r = get_start(in, &p.from);

	p.ack = get(&r, 8);
	p.credit.frames = (uint32_t)get(&r, 4);
	p.credit.bytes = (uint32_t)get(&r, 4);
	get_copy(&r, p.mine, sizeof(p.mine));
	get_copy(&r, p.yours, sizeof(p.yours));
	get_copy(&r, p.signature, sizeof(p.signature));
	if (r.failed || r.left != 0)
		return ST_MALFORMED;
	*ret = p;
	return ST_OK;
}

size_t
link_wire_put_refuse(const struct link_refuse *v, uint8_t ret[LINK_REFUSE_SIZE])
{
	uint8_t *at = ret;

	put_start(&at, LINK_KIND_REFUSE, v->from);
	put(&at, v->reason, 1);
	put_run(&at, v->exchange, sizeof(v->exchange));
	assert(at == ret + LINK_REFUSE_SIZE);
	return LINK_REFUSE_SIZE;
}

enum status
link_wire_refuse(struct bytes in, struct link_refuse *ret)
{
	struct link_refuse v;
	struct reader r = get_start(in, &v.from);
	uint64_t reason = get(&r, 1);

	get_copy(&r, v.exchange, sizeof(v.exchange));
	if (r.failed || r.left != 0 || reason == LINK_REASON_NONE ||
	    reason >= LINK_REASON_COUNT)
		return ST_MALFORMED;
	v.reason = (enum link_reason)reason;
	*ret = v;
	return ST_OK;
}

size_t
link_wire_put_head(const struct link_head *h, uint8_t ret[LINK_HEAD_SIZE])
{
	uint8_t *at = ret;

	put_start(&at, h->kind, h->from);
	put(&at, h->token, 8);
	put(&at, h->sequence, 8);
	put(&at, h->ack, 8);
	put(&at, h->credit.frames, 4);
	put(&at, h->credit.bytes, 4);
	put(&at, h->gap ? GAP_BIT : 0, 4);
	put(&at, h->frames, 4);
	assert(at == ret + LINK_HEAD_SIZE);
	return LINK_HEAD_SIZE;
}

enum status
link_wire_head(struct bytes in, struct link_head *ret)
{
	struct link_head h;
	struct reader r = get_start(in, &h.from);
	uint64_t flags;

	h.token = get(&r, 8);
	h.sequence = get(&r, 8);
	h.ack = get(&r, 8);
	h.credit.frames = (uint32_t)get(&r, 4);
	h.credit.bytes = (uint32_t)get(&r, 4);
	flags = get(&r, 4);
	h.frames = (uint32_t)get(&r, 4);
	if (r.failed || flags > GAP_BIT)
		return ST_MALFORMED;
	h.kind = (enum link_kind)in.at[1];
	h.gap = flags == GAP_BIT;
	*ret = h;
	return ST_OK;
}

enum status
link_wire_batch(struct bytes batch, uint32_t frames)
{
	const uint8_t *at = batch.at;
	size_t left = batch.size;
	bool may_share = false;

	for (uint32_t i = 0; i < frames; i++) {
		uint32_t length, size;

		if (left < LINK_LENGTH_SIZE)
			return ST_MALFORMED;
		length = link_wire_get_length(at);
		size = length & ~LINK_AGAIN;
		left -= LINK_LENGTH_SIZE;
		if (length == size)
			may_share = size >= LINK_SHARED_BYTES;
		else if (!may_share ||
			 size > LINK_FRAME_MAX - LINK_SHARED_BYTES)
			return ST_MALFORMED;
		if (size > LINK_FRAME_MAX || size > left)
			return ST_MALFORMED;
		at += LINK_LENGTH_SIZE + size;
		left -= size;
	}
	return left != 0 ? ST_MALFORMED : ST_OK;
}
