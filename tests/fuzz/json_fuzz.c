/*
 * json_fuzz - any bytes as JSON, with jansson as the oracle.
 *
 * Both must accept or both refuse, but for what each says it does not do:
 * jansson holds numbers in 64 bits and has no NUL in a key, we nest
 * JSON_DEPTH_MAX deep.  What reads as a type must print as JSON that jansson
 * takes and that reads and prints the same again.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/catalogue.h"
#include "protocols/json.h"
#include "tests/fuzz/fuzz.h"

#define SIZE_MAX_IN 4096
#define SPACE_SIZE (1u << 22)
#define NEST_MAX 64 /* JSON_DEPTH_MAX, whose header jansson's would fight */

static const struct wire_type *
pick(unsigned n)
{
	const struct wire_type *t;
	size_t messages = 0;
	size_t records = 0;

	while (catalogue_nth(messages) != NULL)
		messages++;
	while (catalogue_nth_record(records) != NULL)
		records++;
	n %= (unsigned)(messages + records);
	t = catalogue_nth(n);
	return t != NULL ? t : catalogue_nth_record(n - messages);
}

/* At least as deep as it nests; brackets in strings count too. */
static bool
may_nest_deep(const uint8_t *data, size_t size)
{
	size_t depth = 0;

	for (size_t i = 0; i < size; i++)
		depth += data[i] == '[' || data[i] == '{';
	return depth > NEST_MAX;
}

static bool
oracle_cannot(const json_error_t *e)
{
	return json_error_code(e) == json_error_numeric_overflow ||
	       json_error_code(e) == json_error_null_byte_in_key;
}

static bool
oracle_accepts(const uint8_t *data, size_t size, json_error_t *ret_error)
{
	json_t *value = json_loadb((const char *)data, size,
	    JSON_DECODE_ANY | JSON_ALLOW_NUL, ret_error);

	json_decref(value);
	return value != NULL;
}

static void
compare_syntax(const uint8_t *data, size_t size)
{
	json_error_t e;
	bool ours = json_valid(data, size);

	if (memchr(data, '\0', size) != NULL)
		CHECK(!ours); /* jansson takes it for the end */
	else if (oracle_accepts(data, size, &e))
		CHECK(ours || may_nest_deep(data, size));
	else
		CHECK(!ours || oracle_cannot(&e));
}

static void
round_trip(const struct wire_type *t, void *body, struct arena *a)
{
	static unsigned char bytes[2][SPACE_SIZE];
	struct wire_out once = { bytes[0], SPACE_SIZE, 0 };
	struct wire_out twice = { bytes[1], SPACE_SIZE, 0 };
	struct json_result result;
	json_error_t e;

	CHECK(json_encode(t, JSON_SECRETS, body, &once) == ST_OK);
	CHECK(oracle_accepts(once.bytes, once.used, &e) || oracle_cannot(&e));
	arena_reset(a);
	CHECK(json_decode(t, 0, a, once.bytes, once.used, &body, &result) ==
	      ST_OK);
	CHECK(json_encode(t, JSON_SECRETS, body, &twice) == ST_OK);
	CHECK(once.used == twice.used);
	CHECK(memcmp(once.bytes, twice.bytes, once.used) == 0);
}

/* The last byte chooses the type, so that the text begins the input. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(max_align_t) unsigned char space[SPACE_SIZE];
	struct arena a = { space, sizeof(space), 0 };
	struct json_result result;
	const struct wire_type *t;
	enum status st;
	void *body;

	if (size < 1 || size > SIZE_MAX_IN)
		return 0;
	size--;
	t = pick(data[size]);
	compare_syntax(data, size);
	st = json_decode(t,
	    data[size] & 1 ? JSON_DEFAULTS
			   : JSON_DEFAULTS | JSON_IGNORE_UNKNOWN,
	    &a, data, size, &body, &result);
	CHECK(st != ST_OK || json_valid(data, size));
	CHECK(st == ST_OK || strlen(result.why) > 0);
	if (st == ST_OK)
		round_trip(t, body, &a);
	return 0;
}
