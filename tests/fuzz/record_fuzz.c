/*
 * record_fuzz - any bytes as any record: as they are, and under a checksum
 * that fits them.  Corrupt, or a clean round trip.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/catalogue.h"
#include "protocols/record.h"
#include "runtime/base/crc32c.h"
#include "tests/fuzz/fuzz.h"

#define SIZE_MAX_IN 4096
#define SPACE_SIZE (1u << 22)

static const struct wire_type *
pick(unsigned n)
{
	const struct wire_type *t;
	size_t records = 0;

	while (catalogue_nth_record(records) != NULL)
		records++;
	t = catalogue_nth_record(n % (2 * records));
	return t != NULL ? t : catalogue_nth(n % records);
}

static void
try_decode(const struct wire_type *t, const uint8_t *data, size_t size)
{
	static _Alignas(max_align_t) unsigned char space[SPACE_SIZE];
	static unsigned char bytes[2][SPACE_SIZE];
	struct wire_out once = { bytes[0], SPACE_SIZE, 0 };
	struct wire_out twice = { bytes[1], SPACE_SIZE, 0 };
	struct arena a = { space, sizeof(space), 0 };
	uint32_t version;
	uint32_t again;
	const void *body;
	enum status st = record_decode(t, &a, data, size, &version, &body);

	CHECK(st == ST_OK || st == ST_CORRUPT);
	if (st != ST_OK)
		return;
	CHECK(record_encode(t, version, body, &once) == ST_OK);
	arena_reset(&a);
	CHECK(record_decode(t, &a, once.bytes, once.used, &again, &body) ==
	      ST_OK);
	CHECK(again == version);
	CHECK(record_encode(t, again, body, &twice) == ST_OK);
	CHECK(once.used == twice.used);
	CHECK(memcmp(once.bytes, twice.bytes, once.used) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t sealed[SIZE_MAX_IN + RECORD_CHECKSUM_SIZE];
	const struct wire_type *t;
	uint32_t sum;

	if (size < 1 || size > SIZE_MAX_IN)
		return 0;
	t = pick(data[0]);
	data++;
	size--;
	try_decode(t, data, size);
	sum = htobe32(crc32c(data, size));
	memcpy(sealed, data, size);
	memcpy(sealed + size, &sum, sizeof(sum));
	try_decode(t, sealed, size + sizeof(sum));
	return 0;
}
