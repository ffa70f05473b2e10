/*
 * link_hosts - what ends of a link need to meet over TLS on loopback: an
 * authority, certificates and ports, in a folder that another process may join.
 */
#ifndef TESTS_LINK_HOSTS_H
#define TESTS_LINK_HOSTS_H

#include "runtime/link_cert.h"
#include "runtime/link_tls.h"
#include "tests/link_rig.h"

#define LINK_HOSTS_PATH 256

struct link_hosts {
	char dir[LINK_HOSTS_PATH];
	uint32_t host; /* an address of loopback */
	unsigned ports[LINK_ENDS];
	char urls[LINK_ENDS][64];
	struct link_tls *tls[LINK_ENDS];
	uint16_t nends;
	uint64_t shake_ms; /* of those made from now on; 0: as in life */
	uint64_t rekey_bytes;
};

/* Makes the authority and a certificate each: DIR/NAME.pem and .key. */
void link_hosts_init(struct link_hosts *h, const char *dir, uint16_t nends);
/* Another process has made them. */
void link_hosts_join(struct link_hosts *h, const char *dir, uint16_t nends);
void link_hosts_fini(struct link_hosts *h); /* every end is closed */

/* Puts the ends on these ports and makes a link_tls for each. */
void link_hosts_use(
    struct link_hosts *h, struct link_end *ends, uint16_t nends);

/* DIR/NAME.pem or the like. */
void link_hosts_path(const struct link_hosts *h, const char *name,
    const char *ending, char ret_path[LINK_HOSTS_PATH]);

/* A link_tls for an end as `name`, of the certificate DIR/FILE.pem. */
struct link_tls *link_hosts_tls(const struct link_hosts *h,
    const struct link_end *e, const char *name, const char *file,
    const char *authority);

/* fd is a connection to or from one of our ports. */
bool link_hosts_has(const struct link_hosts *h, int fd);

#endif
