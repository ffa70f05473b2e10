#include "tests/link_hosts.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DAY_S 86400
#define AUTHORITY "authority"
#define PORTS "ports"

static const char *const host_names[LINK_ENDS] = { "edge", "core", "vault",
	"other" };

void
link_hosts_path(const struct link_hosts *h, const char *name,
    const char *ending, char ret_path[LINK_HOSTS_PATH])
{
	snprintf(ret_path, LINK_HOSTS_PATH, "%.200s/%.32s%.8s", h->dir, name,
	    ending);
}

/*
 * An address of loopback for this process, so that a port which was free stays
 * so: connections of others leave from 127.0.0.1.
 */
static uint32_t
host_find(void)
{
	return 0x7f400000 | ((uint32_t)getpid() & 0x3fffff);
}

/* A port of that address that is free now. */
static unsigned
port_find(uint32_t host)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(host) };
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert(fd >= 0);
	assert(bind(fd, (struct sockaddr *)&at, size) == 0);
	assert(getsockname(fd, (struct sockaddr *)&at, &size) == 0);
	close(fd);
	return ntohs(at.sin_port);
}

static void
host_certify(const struct link_hosts *h, const struct link_authority *a,
    const char *const *name)
{
	const struct link_cert c = { name, 1, -DAY_S, DAY_S };
	char cert[LINK_HOSTS_PATH], key[LINK_HOSTS_PATH];

	link_hosts_path(h, *name, ".pem", cert);
	link_hosts_path(h, *name, ".key", key);
	assert(link_authority_issue(a, &c, cert, key) == ST_OK);
}

void
link_hosts_init(struct link_hosts *h, const char *dir, uint16_t nends)
{
	struct link_authority *a;
	char path[LINK_HOSTS_PATH], key[LINK_HOSTS_PATH];
	FILE *f;

	memset(h, 0, sizeof(*h));
	snprintf(h->dir, sizeof(h->dir), "%s", dir);
	h->nends = nends;
	h->host = host_find();
	assert(link_authority_create("test", &a) == ST_OK);
	link_hosts_path(h, AUTHORITY, ".pem", path);
	link_hosts_path(h, AUTHORITY, ".key", key);
	assert(link_authority_store(a, path, key) == ST_OK);
	link_hosts_path(h, PORTS, "", path);
	f = fopen(path, "we");
	assert(f != NULL);
	fprintf(f, "%u\n", h->host);
	for (uint16_t i = 0; i < nends; i++) {
		host_certify(h, a, &host_names[i]);
		h->ports[i] = port_find(h->host);
		fprintf(f, "%u\n", h->ports[i]);
	}
	assert(fclose(f) == 0);
	link_authority_destroy(a);
}

void
link_hosts_join(struct link_hosts *h, const char *dir, uint16_t nends)
{
	char path[LINK_HOSTS_PATH], line[16];
	FILE *f;

	memset(h, 0, sizeof(*h));
	snprintf(h->dir, sizeof(h->dir), "%s", dir);
	h->nends = nends;
	link_hosts_path(h, PORTS, "", path);
	f = fopen(path, "re");
	assert(f != NULL);
	assert(fgets(line, sizeof(line), f) != NULL);
	h->host = (uint32_t)strtoul(line, NULL, 10);
	for (uint16_t i = 0; i < nends; i++) {
		assert(fgets(line, sizeof(line), f) != NULL);
		h->ports[i] = (unsigned)strtoul(line, NULL, 10);
	}
	fclose(f);
}

void
link_hosts_fini(struct link_hosts *h)
{
	for (uint16_t i = 0; i < h->nends; i++) {
		link_tls_destroy(h->tls[i]);
		h->tls[i] = NULL;
	}
}

struct link_tls *
link_hosts_tls(const struct link_hosts *h, const struct link_end *e,
    const char *name, const char *file, const char *authority)
{
	char cert[LINK_HOSTS_PATH], key[LINK_HOSTS_PATH], ca[LINK_HOSTS_PATH];
	char why[LINK_TLS_WHY_SIZE];
	const struct link_tls_config c = { .name = name,
		.certfile = cert,
		.keyfile = key,
		.ca_certs = ca,
		.peers = e->config.peers,
		.npeers = e->config.npeers,
		.shake_ms = h->shake_ms,
		.rekey_bytes = h->rekey_bytes };
	struct link_tls *tls;

	link_hosts_path(h, file, ".pem", cert);
	link_hosts_path(h, file, ".key", key);
	link_hosts_path(h, authority, ".pem", ca);
	if (link_tls_create(&c, &tls, why) == ST_OK)
		return tls;
	fprintf(stderr, "%s\n", why);
	return NULL;
}

void
link_hosts_use(struct link_hosts *h, struct link_end *ends, uint16_t nends)
{
	struct in_addr host = { htonl(h->host) };

	for (uint16_t i = 0; i < nends; i++)
		snprintf(h->urls[i], sizeof(h->urls[i]), "tls+tcp://%s:%u",
		    inet_ntoa(host), h->ports[i]);
	for (uint16_t i = 0; i < nends; i++) {
		struct link_end *e = &ends[i];

		e->config.listen = h->urls[i];
		for (size_t k = 0; k < e->config.npeers; k++)
			e->peers[k].url = h->urls[e->peers[k].node];
		h->tls[i] = link_hosts_tls(
		    h, e, host_names[i], host_names[i], AUTHORITY);
		assert(h->tls[i] != NULL);
	}
}

bool
link_hosts_has(const struct link_hosts *h, int fd)
{
	struct sockaddr_in at[2] = { { 0 }, { 0 } };
	socklen_t size = sizeof(at[0]);

	if (getpeername(fd, (struct sockaddr *)&at[0], &size) != 0)
		return false;
	size = sizeof(at[1]);
	if (getsockname(fd, (struct sockaddr *)&at[1], &size) != 0)
		return false;
	for (int i = 0; i < 2; i++)
		for (uint16_t k = 0; k < h->nends; k++)
			if (at[i].sin_family == AF_INET &&
			    ntohs(at[i].sin_port) == h->ports[k])
				return true;
	return false;
}
