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
 * own with a switch in it, each node into one more, with a cable between; the
 * links on it are in TLS, under an authority of this run alone.  All of it goes
 * when the processes end; nobody needs to be root, where the system allows user
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

enum status
crew_host_prepare(char ret_why[CREW_WHY_SIZE])
{
	static bool prepared;

	snprintf(ret_why, CREW_WHY_SIZE,
	    "cannot make network namespaces here: %s", strerror(EPERM));
	if (prepared)
		return ST_OK;
	if (!host_become_root())
		return ST_IO;
	snprintf(ret_why, CREW_WHY_SIZE,
	    "cannot wire network namespaces: is iproute2 installed?");
	if (host_ip("link", "add", "sw", "type", "bridge", NULL) != ST_OK ||
	    host_ip("link", "set", "sw", "up", NULL) != ST_OK)
		return ST_IO;
	prepared = true;
	return ST_OK;
}

enum status
crew_host_enter(void)
{
	return unshare(CLONE_NEWNET) == 0 ? ST_OK : ST_IO;
}

/* Ours; a killed node's goes with its namespace, maybe not at once. */
static void
host_cable(uint32_t node, char ret_name[16])
{
	snprintf(ret_name, 16, "v%u", (unsigned)node);
}

/* The child is in its namespace once its network is another one than ours. */
static bool
host_has_entered(pid_t pid)
{
	char path[64], theirs[64], ours[64];
	ssize_t n, m;

	snprintf(path, sizeof(path), "/proc/%ld/ns/net", (long)pid);
	n = readlink(path, theirs, sizeof(theirs));
	m = readlink("/proc/self/ns/net", ours, sizeof(ours));
	return n > 0 && m > 0 &&
	       (n != m || memcmp(theirs, ours, (size_t)n) != 0);
}

enum status
crew_host_plug(uint32_t node, pid_t pid)
{
	char cable[16], number[16];

	host_cable(node, cable);
	snprintf(number, sizeof(number), "%ld", (long)pid);
	for (int i = 0; i < 1000 && !host_has_entered(pid); i++)
		crew_wait(2000);
	(void)host_ip("link", "del", cable, NULL);
	if (host_ip("link", "add", cable, "type", "veth", "peer", "name", "e0",
		"netns", number, NULL) != ST_OK ||
	    host_ip("link", "set", cable, "master", "sw", "up", NULL) != ST_OK)
		return ST_IO;
	return ST_OK;
}

void
crew_host_url(uint32_t node, char ret_url[CREW_URL_SIZE])
{
	snprintf(ret_url, CREW_URL_SIZE, "tls+tcp://" HOST_NET ".%u:%d",
	    (unsigned)node + 1, HOST_PORT);
}

enum status
crew_host_address(uint32_t node)
{
	char address[32];

	snprintf(
	    address, sizeof(address), HOST_NET ".%u/24", (unsigned)node + 1);
	if (host_ip("addr", "add", address, "dev", "e0", NULL) != ST_OK ||
	    host_ip("link", "set", "lo", "up", NULL) != ST_OK ||
	    host_ip("link", "set", "e0", "up", NULL) != ST_OK)
		return ST_IO;
	return ST_OK;
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
