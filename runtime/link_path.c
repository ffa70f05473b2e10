#include "runtime/link_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "runtime/base/decimal.h"

#define IPC_SCHEME "ipc://"
#define TCP_SCHEME "tcp://"
#define TLS_SCHEME "tls+tcp://"
#define IPC_MODE 0600

static const char *
after(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

/* "127.0.0.1:80", "[::1]:80". */
static enum status
address_parse(const char *text, struct sockaddr_storage *ret)
{
	const char *colon = strrchr(text, ':');
	char host[LINK_URL_MAX + 1];
	size_t size = colon == NULL ? 0 : (size_t)(colon - text);
	uint16_t port;

	if (size == 0 || size > LINK_URL_MAX)
		return ST_INVALID;
	if (!decimal_port(colon + 1, strlen(colon + 1), &port) || port == 0)
		return ST_INVALID;
	memcpy(host, text, size);
	host[size] = '\0';
	if (host[0] == '[' && host[size - 1] == ']') {
		host[size - 1] = '\0';
		return uv_ip6_addr(host + 1, port,
			   (struct sockaddr_in6 *)(void *)ret) == 0
			   ? ST_OK
			   : ST_INVALID;
	}
	return uv_ip4_addr(host, port, (struct sockaddr_in *)(void *)ret) == 0
		   ? ST_OK
		   : ST_INVALID;
}

enum status
link_path_parse(const char *url, struct link_path *ret)
{
	const char *path = after(url, IPC_SCHEME);
	const char *address = after(url, TLS_SCHEME);

	*ret = (struct link_path){
		.ipc = path != NULL, .tls = address != NULL, .lock = -1
	};
	if (address == NULL)
		address = after(url, TCP_SCHEME);
	if (path == NULL)
		return address == NULL ? ST_INVALID
				       : address_parse(address, &ret->address);
	if (*path == '\0' ||
	    strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return ST_INVALID;
	snprintf(ret->path, sizeof(ret->path), "%s", path);
	return ST_OK;
}

enum status
link_path_lock(struct link_path *p)
{
	char name[LINK_URL_MAX + 8];
	enum status st;

	if (!p->ipc)
		return ST_OK;
	snprintf(name, sizeof(name), "%s.lock", p->path);
	p->lock =
	    open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, IPC_MODE);
	if (p->lock < 0)
		return ST_IO;
	if (flock(p->lock, LOCK_EX | LOCK_NB) == 0)
		return ST_OK;
	st = errno == EWOULDBLOCK ? ST_EXISTS : ST_IO;
	link_path_unlock(p);
	return st;
}

void
link_path_unlock(struct link_path *p)
{
	if (p->lock >= 0)
		close(p->lock);
	p->lock = -1;
}

/* The mode is the socket's before it has a name, so nobody is early. */
int
link_path_bind(struct link_path *p)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct stat about;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%.107s", p->path);
	/* We hold the lock: what is there is dead. */
	(void)unlink(p->path);
	if (fchmod(fd, IPC_MODE) != 0 ||
	    bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) != 0 ||
	    stat(p->path, &about) != 0) {
		close(fd);
		return -1;
	}
	p->dev = about.st_dev;
	p->inode = about.st_ino;
	return fd;
}

bool
link_path_is_bound(const struct link_path *p)
{
	struct stat about;

	return !p->ipc ||
	       (stat(p->path, &about) == 0 && about.st_dev == p->dev &&
		   about.st_ino == p->inode);
}
