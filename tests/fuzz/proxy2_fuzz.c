/* PROXY v2: any bytes, any cut, the same outcome, and a size that is there. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gateway/proxy2.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
	struct proxy2 whole = { 0 }, part = { 0 };
	const char *why = NULL;
	enum status st = proxy2_parse(at, size, &whole, &why);
	enum status cut = ST_BUSY;

	for (size_t n = 0; n <= size && n <= PROXY2_SIZE_MAX && cut == ST_BUSY;
	     n++)
		cut = proxy2_parse(at, n, &part, &why);
	assert(cut == st || (size > PROXY2_SIZE_MAX && cut == ST_BUSY));
	if (st != ST_OK)
		return 0;
	assert(whole.size >= PROXY2_HEAD_SIZE && whole.size <= size &&
	       whole.size <= PROXY2_SIZE_MAX);
	assert(part.size == whole.size && part.has_peer == whole.has_peer);
	assert(!whole.peer.is_local);
	assert(
	    strnlen(whole.peer.text, NET_PEER_TEXT_SIZE) < NET_PEER_TEXT_SIZE);
	return 0;
}
