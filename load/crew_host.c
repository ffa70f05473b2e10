#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load/crew_inside.h"
#include "runtime/link_cert.h"

/*
 * Hosts on one machine: the conductor moves into a network namespace of its
 * own with a switch in it, and makes one more for each node, with a cable
 * between; the links on it are in TLS, under an authority of this run alone.
 * A host outlives the process on it, as hosts do.  All of it goes when the
 * processes end; nobody needs to be root, where the system allows user
 * namespaces.  The `ip` of iproute2 does the wiring.
 */

#define HOST_NET "10.83.0"
#define HOST_PORT 7100
#define HOST_WORDS_MAX 16
#define HOST_PATH_SIZE (SCRATCH_SIZE + 32)

extern char **environ;

/* Runs ip with these words, NULL at the end. */
static enum status
host_ip(const char *first, ...)
{
	char *argv[HOST_WORDS_MAX];
	char name[] = "ip";
	posix_spawn_file_actions_t quiet;
	size_t n = 0;
	va_list words;
	int status = -1, failed;
	pid_t pid;

	argv[n++] = name;
	va_start(words, first);
	for (const char *w = first; w != NULL && n < HOST_WORDS_MAX - 1;
	     w = va_arg(words, const char *))
		argv[n++] = strdup(w);
	va_end(words);
	argv[n] = NULL;
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(
	    &quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	failed = posix_spawnp(&pid, "ip", &quiet, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&quiet);
	for (size_t i = 1; i < n; i++)
		free(argv[i]);
	if (failed != 0 || waitpid(pid, &status, 0) != pid || status != 0)
		return ST_IO;
	return ST_OK;
}

static bool
host_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");
	bool ok = f != NULL && fputs(text, f) >= 0;

	if (f != NULL && fclose(f) != 0)
		ok = false;
	return ok;
}

/* In a user namespace we are root, of nothing but what we make. */
static bool
host_become_root(void)
{
	unsigned uid = getuid(), gid = getgid();
	char map[32];

	if (uid == 0)
		return unshare(CLONE_NEWNET) == 0;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return false;
	snprintf(map, sizeof(map), "0 %u 1", uid);
	if (!host_write("/proc/self/setgroups", "deny") ||
	    !host_write("/proc/self/uid_map", map))
		return false;
	snprintf(map, sizeof(map), "0 %u 1", gid);
	return host_write("/proc/self/gid_map", map);
}

static void
host_cable(uint32_t node, char ret_name[16])
{
	snprintf(ret_name, 16, "v%u", (unsigned)node);
}

/* From inside the new host: its end of the cable, and its address. */
static enum status
host_wire(uint32_t node, const char *cable, const char *home_path)
{
	char address[32];

	snprintf(
	    address, sizeof(address), HOST_NET ".%u/24", (unsigned)node + 1);
	if (host_ip("link", "add", "e0", "type", "veth", "peer", "name", cable,
		"netns", home_path, NULL) != ST_OK ||
	    host_ip("addr", "add", address, "dev", "e0", NULL) != ST_OK ||
	    host_ip("link", "set", "lo", "up", NULL) != ST_OK ||
	    host_ip("link", "set", "e0", "up", NULL) != ST_OK)
		return ST_IO;
	return ST_OK;
}

/* The conductor goes there to wire it, and comes home. */
static enum status
host_build(uint32_t node, int home, int *ret_netns)
{
	char cable[16], home_path[48];
	enum status st;

	host_cable(node, cable);
	snprintf(home_path, sizeof(home_path), "/proc/%ld/fd/%d",
	    (long)getpid(), home);
	/* That of a run before may not have gone yet. */
	(void)host_ip("link", "del", cable, NULL);
	if (unshare(CLONE_NEWNET) != 0)
		return ST_IO;
	st = host_wire(node, cable, home_path);
	*ret_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (setns(home, CLONE_NEWNET) != 0 || *ret_netns < 0)
		return ST_IO;
	if (st == ST_OK)
		st = host_ip("link", "set", cable, "master", "sw", "up", NULL);
	return st;
}

static enum status
host_build_all(struct crew *c)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	enum status st = home < 0 ? ST_IO : ST_OK;

	for (uint32_t i = 0; st == ST_OK && i < c->placement.nodes; i++)
		st = host_build(i, home, &c->nodes[i].netns);
	if (home >= 0)
		close(home);
	return st;
}

enum status
crew_host_prepare(struct crew *c, char ret_why[CREW_WHY_SIZE])
{
	static bool has_switch; /* of a run before */

	snprintf(ret_why, CREW_WHY_SIZE,
	    "cannot make network namespaces here: %s", strerror(EPERM));
	if (!has_switch && !host_become_root())
		return ST_IO;
	snprintf(ret_why, CREW_WHY_SIZE,
	    "cannot wire network namespaces: is iproute2 installed?");
	if (!has_switch &&
	    (host_ip("link", "add", "sw", "type", "bridge", NULL) != ST_OK ||
		host_ip("link", "set", "sw", "up", NULL) != ST_OK))
		return ST_IO;
	has_switch = true;
	return host_build_all(c);
}

enum status
crew_host_enter(const struct crew *c, uint32_t node)
{
	return setns(c->nodes[node].netns, CLONE_NEWNET) == 0 ? ST_OK : ST_IO;
}

void
crew_host_url(uint32_t node, char ret_url[CREW_URL_SIZE])
{
	snprintf(ret_url, CREW_URL_SIZE, "tls+tcp://" HOST_NET ".%u:%d",
	    (unsigned)node + 1, HOST_PORT);
}

void
crew_host_cut(uint32_t node, bool cut)
{
	char cable[16];

	host_cable(node, cable);
	(void)host_ip("link", "set", cable, cut ? "down" : "up", NULL);
}

static void
host_path(const struct crew *c, const char *name, const char *ending,
    char ret_path[HOST_PATH_SIZE])
{
	snprintf(ret_path, HOST_PATH_SIZE, "%s/%s%s", c->dir, name, ending);
}

enum status
crew_host_certify(const struct crew *c)
{
	char cert[HOST_PATH_SIZE], key[HOST_PATH_SIZE];
	struct link_authority *a;
	enum status st = link_authority_create("troupe load", &a);

	if (st != ST_OK)
		return st;
	host_path(c, "ca", ".pem", cert);
	st = link_authority_store(a, cert, NULL);
	for (uint32_t i = 0; st == ST_OK && i < c->placement.nodes; i++) {
		const char *name = c->nodes[i].name;
		const struct link_cert says = { &name, 1, LINK_CERT_EARLY_S,
			LINK_CERT_DAY_S };

		host_path(c, name, ".pem", cert);
		host_path(c, name, ".key", key);
		st = link_authority_issue(a, &says, cert, key);
	}
	link_authority_destroy(a);
	return st;
}

enum status
crew_host_tls(const struct crew *c, uint32_t node,
    const struct link_peer *peers, size_t npeers, struct link_tls **ret_tls)
{
	char cert[HOST_PATH_SIZE], key[HOST_PATH_SIZE], ca[HOST_PATH_SIZE];
	char why[LINK_TLS_WHY_SIZE];
	const char *name = c->nodes[node].name;
	const struct link_tls_config config = { .name = name,
		.certfile = cert,
		.keyfile = key,
		.ca_certs = ca,
		.peers = peers,
		.npeers = npeers };

	host_path(c, name, ".pem", cert);
	host_path(c, name, ".key", key);
	host_path(c, "ca", ".pem", ca);
	return link_tls_create(&config, ret_tls, why);
}
