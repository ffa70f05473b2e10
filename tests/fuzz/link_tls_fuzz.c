/*
 * Whatever bytes come over a connection of TLS between nodes, in whatever
 * pieces: nobody is let in, nothing is read past the end, no bytes are plain.
 *
 * The first byte says who we are; each piece begins with its size.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/link_cert.h"
#include "runtime/link_tls.h"
#include "tests/fuzz/fuzz.h"

static struct link_tls *tls;

static void
path_of(const char *dir, const char *file, char ret_path[64])
{
	snprintf(ret_path, 64, "%s/%s", dir, file);
}

/* Files are needed for a moment. */
static void
prepare(void)
{
	static const char *const name = "edge";
	static const struct link_peer peer = { 1, "core", "" };
	const struct link_cert says = { &name, 1, -60, 86400 };
	char dir[] = "/tmp/troupe-fuzz-XXXXXX";
	char why[LINK_TLS_WHY_SIZE], ca[64], cert[64], key[64];
	const struct link_tls_config c = { .name = name,
		.certfile = cert,
		.keyfile = key,
		.ca_certs = ca,
		.peers = &peer,
		.npeers = 1 };
	struct link_authority *a = NULL;

	if (mkdtemp(dir) == NULL)
		abort();
	path_of(dir, "ca", ca);
	path_of(dir, "cert", cert);
	path_of(dir, "key", key);
	if (link_authority_create("fuzz", &a) != ST_OK ||
	    link_authority_store(a, ca, NULL) != ST_OK ||
	    link_authority_issue(a, &says, cert, key) != ST_OK ||
	    link_tls_create(&c, &tls, why) != ST_OK)
		abort();
	link_authority_destroy(a);
	(void)unlink(ca);
	(void)unlink(cert);
	(void)unlink(key);
	(void)rmdir(dir);
}

/* False: it has been refused. */
static bool
hear(struct link_tls_conn *c, const uint8_t *at, size_t size)
{
	/* A copy of just this size, so that ASan sees one byte too many. */
	uint8_t *copy = malloc(size > 0 ? size : 1);
	enum status st;

	assert(copy != NULL);
	memcpy(copy, at, size);
	link_tls_give(c, (struct bytes){ copy, size });
	st = link_tls_shake(c);
	link_tls_drop(c);
	link_tls_give(c, (struct bytes){ NULL, 0 });
	free(copy);
	assert(st != ST_OK);
	return st == ST_BUSY;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct link_tls_conn *c;
	bool more = true;

	if (tls == NULL)
		prepare();
	if (size == 0)
		return 0;
	c = bytes[0] % 2 == 0 ? link_tls_accept(tls) : link_tls_dial(tls, 1);
	assert(c != NULL);
	for (size_t at = 1; more && at < size;) {
		size_t piece = 1 + (size_t)bytes[at++] * 4;

		if (piece > size - at)
			piece = size - at;
		more = hear(c, bytes + at, piece);
		at += piece;
	}
	link_tls_close(c);
	return 0;
}
