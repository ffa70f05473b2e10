/* Whatever decodes encodes to the same bytes; nothing is read past the end. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/link_wire.h"
#include "tests/fuzz/fuzz.h"

static void
same(struct bytes in, const uint8_t *out, size_t size)
{
	assert(size <= in.size);
	assert(memcmp(in.at, out, size) == 0);
}

static void
fuzz_hello(struct bytes in)
{
	struct link_hello h;
	uint8_t out[LINK_HELLO_MAX];

	if (link_wire_hello(in, &h) == ST_OK) {
		assert(link_wire_put_hello(&h, out) == in.size);
		same(in, out, in.size);
	}
}

static void
fuzz_proof(struct bytes in)
{
	struct link_proof p;
	uint8_t out[LINK_PROOF_SIZE];

	if (link_wire_proof(in, &p) == ST_OK)
		same(in, out, link_wire_put_proof(&p, out));
}

static void
fuzz_refuse(struct bytes in)
{
	struct link_refuse r;
	uint8_t out[LINK_REFUSE_SIZE];

	if (link_wire_refuse(in, &r) == ST_OK)
		same(in, out, link_wire_put_refuse(&r, out));
}

/* Each frame is within the batch, and its head within the one it names. */
static void
fuzz_frames(struct bytes batch, uint32_t frames)
{
	struct link_reader reader = { .at = batch.at };
	struct link_frame f;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < frames; i++) {
		link_wire_next(&reader, &f);
		assert(f.head.size <= LINK_SHARED_BYTES);
		assert(f.head.size == LINK_SHARED_BYTES || f.rest.size == 0);
		assert(f.head.size + f.rest.size <= LINK_FRAME_MAX);
		assert(f.rest.at + f.rest.size == reader.at);
		for (size_t j = 0; j < f.head.size; j++)
			sum += f.head.at[j];
		for (size_t j = 0; j < f.rest.size; j++)
			sum += f.rest.at[j];
	}
	assert(reader.at == batch.at + batch.size);
	assert(sum <= UINT64_C(255) * LINK_FRAME_MAX * frames);
}

static void
fuzz_carry(struct bytes in)
{
	struct link_head h;
	uint8_t out[LINK_HEAD_SIZE];
	struct bytes batch;

	if (link_wire_head(in, &h) != ST_OK)
		return;
	same(in, out, link_wire_put_head(&h, out));
	batch.at = in.at + LINK_HEAD_SIZE;
	batch.size = in.size - LINK_HEAD_SIZE;
	if (link_wire_batch(batch, h.frames) == ST_OK)
		fuzz_frames(batch, h.frames);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	/* A copy of just this size, so that ASan sees one byte too many. */
	uint8_t *copy = malloc(size > 0 ? size : 1);
	struct bytes in = { copy, size };
	enum link_kind kind;
	uint16_t from;

	assert(copy != NULL);
	if (size > 0)
		memcpy(copy, bytes, size);
	if (link_wire_kind(in, &kind, &from) == ST_OK) {
		if (kind == LINK_KIND_HELLO)
			fuzz_hello(in);
		else if (kind == LINK_KIND_PROOF)
			fuzz_proof(in);
		else if (kind == LINK_KIND_REFUSE)
			fuzz_refuse(in);
		else
			fuzz_carry(in);
	}
	free(copy);
	return 0;
}
