/* link_tls_inside - what the files of link_tls share. */
#ifndef RUNTIME_LINK_TLS_INSIDE_H
#define RUNTIME_LINK_TLS_INSIDE_H

#include <openssl/x509v3.h>
#include <pthread.h>

#include "runtime/link_tls.h"
#include "runtime/tls_kit.h"

/* How a certificate may name a node. */
#define LINK_TLS_NAME_RULES \
	(X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT)

/* Read from files; it never changes. */
struct link_tls_rules {
	SSL_CTX *dial;
	SSL_CTX *accept;
	struct tls_identity identity;
};

struct link_tls_peer {
	uint16_t node;
	char name[LINK_NAME_MAX + 1];
};

struct link_tls {
	pthread_mutex_t lock; /* of rules */
	struct link_tls_rules rules;
	struct link_tls_peer peers[LINK_PEERS_MAX];
	size_t npeers;
	uint64_t shake_ms;
	uint64_t rekey_bytes;
	BIO_METHOD *method;
	struct link_tls_counts counts;
	uint64_t told_ms[LINK_TLS_REFUSAL_COUNT]; /* 0: never */
	uint8_t *out; /* encrypted, until it is dropped */
	size_t out_used;
	size_t out_size;
	uint8_t gather[LINK_TLS_RECORD_MAX]; /* the first record of a run */
};

struct link_tls_conn {
	struct link_tls *t;
	SSL *ssl;
	struct bytes in; /* lent */
	bool out_failed; /* no memory: bytes of the stream are missing */
	bool is_of_last;
	uint16_t last; /* the node is_of_last is about */
	uint64_t rekey_left;
	enum link_tls_refusal why;
	const char *more; /* OpenSSL's word for it; "" */
};

/* ---- link_tls_rules.c ---- */
MUST_CHECK enum status link_tls_rules_read(const struct link_tls_config *c,
    struct link_tls_rules *ret_rules, char ret_why[LINK_TLS_WHY_SIZE]);
void link_tls_rules_fini(struct link_tls_rules *r);

/* x names this node. */
bool link_tls_names(const X509 *x, const char *node);

#endif
