#include "runtime/topology_url.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "runtime/link_path.h"

#define IPC_SCHEME "ipc://"
#define DATA_WORD "${data}/"

_Static_assert(
    sizeof(((struct sockaddr_un *)0)->sun_path) == TOPOLOGY_IPC_PATH_MAX + 1,
    "the bound of a socket's path is the system's");

static const char *
after(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

static bool
text_is_plain(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text <= 0x20 || *text == 0x7f)
			return false;
	return true;
}

static enum status
ipc_resolve(const char *path, const char *data_dir, char *ret_url, size_t size,
    const char **ret_why)
{
	char full[TOPOLOGY_IPC_PATH_MAX + 1];
	const char *inside = after(path, DATA_WORD);
	int n;

	if (inside != NULL)
		path = inside;
	*ret_why = "expected ipc:// and a path";
	if (*path == '\0' || strstr(path, "${") != NULL)
		return ST_INVALID;
	if (*path == '/' && inside == NULL)
		n = snprintf(full, sizeof(full), "%s", path);
	else
		n = snprintf(full, sizeof(full), "%s/%s", data_dir, path);
	*ret_why = "the socket's path is over 107 bytes once resolved";
	if (n < 0 || (size_t)n >= sizeof(full))
		return ST_INVALID;
	n = snprintf(ret_url, size, IPC_SCHEME "%s", full);
	return n > 0 && (size_t)n < size ? ST_OK : ST_INVALID;
}

static bool
address_is_loopback(const struct link_path *p)
{
	const struct sockaddr_in6 *six = (const void *)&p->address;
	const struct sockaddr_in *four = (const void *)&p->address;

	if (p->address.ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
	return ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static enum status
tcp_resolve(const char *given, char *ret_url, size_t size, const char **ret_why)
{
	struct link_path p;
	int n;

	*ret_why = "expected ipc://path, or tls+tcp:// with an address in "
		   "digits and a port from 1 to 65535, as 10.0.0.1:7100 or "
		   "[fd00::1]:7100";
	if (link_path_parse(given, &p) != ST_OK)
		return ST_INVALID;
	*ret_why = "tcp:// is for loopback alone, as anybody on the way could "
		   "read it; expected tls+tcp://";
	if (!p.tls && !address_is_loopback(&p))
		return ST_INVALID;
	n = snprintf(ret_url, size, "%s", given);
	return n > 0 && (size_t)n < size ? ST_OK : ST_INVALID;
}

enum status
topology_url_resolve(const char *given, const char *data_dir, char *ret_url,
    size_t size, const char **ret_why)
{
	const char *rest;

	*ret_why = "expected no spaces or control characters";
	if (!text_is_plain(given))
		return ST_INVALID;
	rest = after(given, IPC_SCHEME);
	if (rest != NULL)
		return ipc_resolve(rest, data_dir, ret_url, size, ret_why);
	return tcp_resolve(given, ret_url, size, ret_why);
}

bool
topology_url_is_tls(const char *url)
{
	struct link_path p;

	return link_path_parse(url, &p) == ST_OK && p.tls;
}
