/*
 * codec - what does it cost to write and to read a 64-byte message?
 *
 * Our codec beside msgpack-c on the same six fields in the same run, the best
 * of ROUNDS.  Both check the result once; both write into a fixed buffer.
 * Prints a table, and the same as one line of JSON.
 */
#include <assert.h>
#include <inttypes.h>
#include <msgpack.h>
#include <stdio.h>
#include <string.h>

#include "protocols/wire.h"
#include "runtime/base/clock.h"

#define ROUNDS 9
#define TURNS 1000000
#define SPACE 4096

struct note {
	uint64_t id;
	int64_t at;
	uint32_t size;
	bool urgent;
	const char *name;
	uint32_t left;
};

#define FIELD(n, kind, max)                                                   \
	{                                                                     \
#n, kind, 0, offsetof(struct note, n), 0, max, 0, NULL, NULL, \
		    ""                                                        \
	}

static const struct wire_field note_fields[] = {
	FIELD(id, WIRE_U64, UINT64_MAX),
	FIELD(at, WIRE_TIME, 0),
	FIELD(size, WIRE_U32, UINT32_MAX),
	FIELD(urgent, WIRE_BOOL, 1),
	FIELD(name, WIRE_TEXT, 64),
	FIELD(left, WIRE_U32, 1000),
};

static const struct wire_type note_type = { 1, "note", "", sizeof(struct note),
	note_fields, sizeof(note_fields) / sizeof(note_fields[0]) };

static const struct note note = {
	.id = UINT64_C(0x0102030405060708),
	.at = INT64_C(1775210400000000),
	.size = 70000,
	.urgent = true,
	.name = "what a message of this size is about",
	.left = 7,
};

struct bench {
	unsigned char bytes[SPACE];
	size_t used;
	_Alignas(max_align_t) unsigned char space[SPACE];
};

typedef void (*turn_fn)(struct bench *b);

static void
ours_encode(struct bench *b)
{
	struct wire_out out = { b->bytes, sizeof(b->bytes), 0 };
	enum status st = wire_encode(&note_type, &note, &out);

	assert(st == ST_OK);
	b->used = out.used;
}

static void
ours_decode(struct bench *b)
{
	struct arena a = { b->space, sizeof(b->space), 0 };
	const void *body;
	enum status st = wire_decode(&note_type, &a, b->bytes, b->used, &body);

	assert(st == ST_OK);
	assert(((const struct note *)body)->left == note.left);
}

static int
peer_write(void *data, const char *bytes, size_t size)
{
	struct bench *b = data;

	if (size > sizeof(b->bytes) - b->used)
		return -1;
	memcpy(b->bytes + b->used, bytes, size);
	b->used += size;
	return 0;
}

static void
peer_encode(struct bench *b)
{
	msgpack_packer pk;
	int rc;

	b->used = 0;
	msgpack_packer_init(&pk, b, peer_write);
	rc = msgpack_pack_array(&pk, note_type.nfields);
	rc |= msgpack_pack_uint64(&pk, note.id);
	rc |= msgpack_pack_int64(&pk, note.at);
	rc |= msgpack_pack_uint32(&pk, note.size);
	rc |= note.urgent ? msgpack_pack_true(&pk) : msgpack_pack_false(&pk);
	rc |= msgpack_pack_str_with_body(&pk, note.name, strlen(note.name));
	rc |= msgpack_pack_uint32(&pk, note.left);
	assert(rc == 0);
}

static void
peer_decode(struct bench *b)
{
	msgpack_unpacked back;
	msgpack_unpack_return rc;

	msgpack_unpacked_init(&back);
	rc = msgpack_unpack_next(&back, (const char *)b->bytes, b->used, NULL);
	assert(rc == MSGPACK_UNPACK_SUCCESS);
	assert(back.data.via.array.ptr[5].via.u64 == note.left);
	msgpack_unpacked_destroy(&back);
}

/* Nanoseconds a turn, the best of ROUNDS. */
static double
bench_run(struct bench *b, turn_fn turn)
{
	double best = 0;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start = clock_mono_us(&clock_system);
		double ns;

		for (int i = 0; i < TURNS; i++) {
			turn(b);
			__asm__ volatile("" ::: "memory");
		}
		ns = (double)(clock_mono_us(&clock_system) - start) * 1000.0 /
		     TURNS;
		best = round == 0 || ns < best ? ns : best;
	}
	return best;
}

int
main(void)
{
	static struct bench b;
	double encode = bench_run(&b, ours_encode);
	size_t size = b.used;
	double decode = bench_run(&b, ours_decode);
	double peer_enc = bench_run(&b, peer_encode);
	double peer_dec = bench_run(&b, peer_decode);

	assert(b.used == size);
	printf("%zu bytes   ours ns   msgpack-c ns   ratio\n", size);
	printf("encode     %7.1f   %12.1f   %5.1f\n", encode, peer_enc,
	    peer_enc / encode);
	printf("decode     %7.1f   %12.1f   %5.1f\n", decode, peer_dec,
	    peer_dec / decode);
	printf("{\"bench\":\"codec\",\"bytes\":%zu,\"encode_ns\":%.2f,"
	       "\"decode_ns\":%.2f,\"msgpackc_encode_ns\":%.2f,"
	       "\"msgpackc_decode_ns\":%.2f}\n",
	    size, encode, decode, peer_enc, peer_dec);
	return 0;
}
