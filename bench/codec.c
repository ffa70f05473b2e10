/*
 * codec - what does it cost to write and to read a 64-byte message?
 *
 * Two shapes of 64 bytes: a load (a number and a run of bytes, as a ping) and
 * a note (six fields of four kinds).  Ours beside msgpack-c on the same bytes
 * in the same run, the best of ROUNDS.  Prints a table, then a line of JSON
 * per shape.
 */
#include <assert.h>
#include <msgpack.h>
#include <stdio.h>
#include <string.h>

#include "protocols/catalogue.h"
#include "protocols/messages.h"
#include "runtime/base/clock.h"

#define ROUNDS 9
#define TURNS 1000000
#define SPACE 4096
#define LOAD_SIZE 59

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

static struct note note = {
	.id = UINT64_C(0x0102030405060708),
	.at = INT64_C(1775210400000000),
	.size = 70000,
	.urgent = true,
	.name = "what a message of this size is about",
	.left = 7,
};

static const uint8_t load_bytes[LOAD_SIZE];
static struct ping load = { 300, { load_bytes, LOAD_SIZE - 1 } };

struct shape {
	const char *name;
	const struct wire_type *type;
	const void *body;
	int (*peer)(msgpack_packer *pk);
};

struct bench {
	const struct shape *shape;
	unsigned char bytes[SPACE];
	size_t used;
	_Alignas(max_align_t) unsigned char space[SPACE];
};

typedef void (*turn_fn)(struct bench *b);

static int
note_pack(msgpack_packer *pk)
{
	int rc = msgpack_pack_array(pk, note_type.nfields);

	rc |= msgpack_pack_uint64(pk, note.id);
	rc |= msgpack_pack_int64(pk, note.at);
	rc |= msgpack_pack_uint32(pk, note.size);
	rc |= note.urgent ? msgpack_pack_true(pk) : msgpack_pack_false(pk);
	rc |= msgpack_pack_str_with_body(pk, note.name, strlen(note.name));
	rc |= msgpack_pack_uint32(pk, note.left);
	return rc;
}

static int
load_pack(msgpack_packer *pk)
{
	int rc = msgpack_pack_array(pk, 2);

	rc |= msgpack_pack_uint64(pk, load.number);
	rc |= msgpack_pack_bin_with_body(pk, load.load.at, load.load.size);
	return rc;
}

static void
ours_encode(struct bench *b)
{
	struct wire_out out = { b->bytes, sizeof(b->bytes), 0 };
	enum status st = wire_encode(b->shape->type, b->shape->body, &out);

	assert(st == ST_OK);
	b->used = out.used;
}

static void
ours_decode(struct bench *b)
{
	struct arena a = { b->space, sizeof(b->space), 0 };
	const void *body;
	enum status st =
	    wire_decode(b->shape->type, &a, b->bytes, b->used, &body);

	assert(st == ST_OK);
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
	rc = b->shape->peer(&pk);
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

/* What is fast has to be right first: there and back, the same bytes. */
static void
bench_prove(struct bench *b)
{
	struct arena a = { b->space, sizeof(b->space), 0 };
	unsigned char bytes[SPACE];
	struct wire_out out = { bytes, sizeof(bytes), 0 };
	const void *body;
	enum status st;

	ours_encode(b);
	st = wire_decode(b->shape->type, &a, b->bytes, b->used, &body);
	assert(st == ST_OK);
	st = wire_encode(b->shape->type, body, &out);
	assert(st == ST_OK && out.used == b->used);
	assert(memcmp(bytes, b->bytes, out.used) == 0);
}

static void
bench_shape(const struct shape *shape)
{
	static struct bench b;
	double ours[2];
	double peer[2];
	size_t size;

	b.shape = shape;
	bench_prove(&b);
	ours[0] = bench_run(&b, ours_encode);
	ours[1] = bench_run(&b, ours_decode);
	size = b.used;
	peer[0] = bench_run(&b, peer_encode);
	peer[1] = bench_run(&b, peer_decode);
	assert(b.used == size);
	for (int i = 0; i < 2; i++)
		printf("%-5s %-7s %5zu %8.1f %12.1f %7.2f\n", shape->name,
		    i == 0 ? "encode" : "decode", size, ours[i], peer[i],
		    peer[i] / ours[i]);
	printf("{\"bench\":\"codec\",\"shape\":\"%s\",\"bytes\":%zu,"
	       "\"encode_ns\":%.2f,\"decode_ns\":%.2f,"
	       "\"msgpackc_encode_ns\":%.2f,\"msgpackc_decode_ns\":%.2f}\n",
	    shape->name, size, ours[0], ours[1], peer[0], peer[1]);
}

int
main(void)
{
	const struct shape shapes[] = {
		{ "load", CATALOGUE_TYPE(ping), &load, load_pack },
		{ "note", &note_type, &note, note_pack },
	};

	printf("shape step    bytes  ours ns msgpack-c ns   ratio\n");
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		bench_shape(&shapes[i]);
	return 0;
}
