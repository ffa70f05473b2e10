/*
 * Forwarding headers: whatever they say, the client is an address, and one
 * that a trusted proxy could have written.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gateway/forwarded.h"
#include "gateway/trace.h"
#include "tests/fuzz/fuzz.h"

#define PEER "10.0.0.1"

static bool
is_trusted(void *ctx, const struct network *address)
{
	struct network n;

	(void)ctx;
	return network_parse("10.0.0.0/8", &n) == ST_OK &&
	       network_holds(&n, address);
}

static void
walk(struct bytes line, bool is_rfc7239)
{
	struct forwarded f = { .is_trusted = is_trusted, .client = PEER };
	uint8_t octets[16];

	forwarded_walk(&f, line, is_rfc7239);
	assert(inet_pton(AF_INET, f.client, octets) == 1 ||
	       inet_pton(AF_INET6, f.client, octets) == 1);
	assert(f.hops <= FORWARDED_HOPS_MAX + 1);
}

static void
trace(struct bytes value)
{
	struct trace t = { .span = 1 }, again = { .span = 1 };
	char text[TRACE_TEXT_SIZE];

	if (!trace_parse(value, &t))
		return;
	trace_print(&t, text);
	assert(trace_parse(
	    (struct bytes){ (const uint8_t *)text, strlen(text) }, &again));
	assert(memcmp(t.id, again.id, sizeof(t.id)) == 0 &&
	       t.flags == again.flags && again.parent == 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
	struct bytes b = { at, size };
	char value[32];

	walk(b, false);
	walk(b, true);
	trace(b);
	(void)!forwarded_pair(b, "proto", value, sizeof(value));
	return 0;
}
