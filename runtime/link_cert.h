/*
 * link_cert - an authority of one deployment, and certificates of its nodes:
 * what link_tls.h believes and shows.
 *
 * ECDSA over P-256, signed with SHA-256; a certificate names its nodes as DNS
 * names, may be shown by either end, and signs nothing.  Private keys are
 * written for their owner alone, as PEM without a password.  Any thread.
 */
#ifndef RUNTIME_LINK_CERT_H
#define RUNTIME_LINK_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/status.h"

#define LINK_CERT_DAYS 365
#define LINK_CERT_AUTHORITY_DAYS 3650
#define LINK_CERT_DAY_S INT64_C(86400)
#define LINK_CERT_EARLY_S INT64_C(-300) /* clocks of hosts differ */

struct link_authority;

/* A new one, whose subject is CN=name.  NO_MEMORY. */
MUST_CHECK enum status link_authority_create(
    const char *name, struct link_authority **ret_authority);
/*
 * From files.  NOT_FOUND: neither is there; UNAVAILABLE: one of them cannot be
 * read; INVALID: they do not fit together.
 */
MUST_CHECK enum status link_authority_load(const char *certfile,
    const char *keyfile, struct link_authority **ret_authority);
void link_authority_destroy(struct link_authority *a); /* NULL is fine */

/* keyfile NULL: the certificate alone.  IO. */
MUST_CHECK enum status link_authority_store(
    const struct link_authority *a, const char *certfile, const char *keyfile);

/* What a certificate says; seconds from now, which may be past. */
struct link_cert {
	const char *const *nodes; /* the first is its subject, too */
	size_t count;
	int64_t from_s;
	int64_t until_s;
};

/* A new key and its certificate.  IO, NO_MEMORY. */
MUST_CHECK enum status link_authority_issue(const struct link_authority *a,
    const struct link_cert *c, const char *certfile, const char *keyfile);

#endif
