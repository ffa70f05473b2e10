/*
 * link_path - where an inbox listens: the url, and for ipc:// the lock that
 * makes its path one live node's.  Internal to runtime.
 */
#ifndef RUNTIME_LINK_PATH_H
#define RUNTIME_LINK_PATH_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "runtime/base/status.h"
#include "runtime/link.h"

struct link_path {
	bool ipc;
	bool tls;                        /* of tls+tcp:// */
	char path[LINK_URL_MAX + 1];     /* of ipc:// */
	struct sockaddr_storage address; /* of tcp:// too */
	int lock;                        /* its file; -1: none */
	dev_t dev;                       /* of the path as we bound it */
	ino_t inode;
};

/* INVALID unless it is ipc://PATH or [tls+]tcp://ADDRESS:PORT, in digits. */
MUST_CHECK enum status link_path_parse(const char *url, struct link_path *ret);

/* EXISTS if another live node holds it; the kernel frees it when we die. */
MUST_CHECK enum status link_path_lock(struct link_path *p);
void link_path_unlock(struct link_path *p);

/* A socket bound to an ipc path that we have locked, for its user alone; -1. */
int link_path_bind(struct link_path *p);
/* The path is still the one we bound. */
bool link_path_is_bound(const struct link_path *p);

#endif
