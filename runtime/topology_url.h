/*
 * topology_url - the address a node listens on, checked and resolved.
 *
 * ipc://PATH, where a PATH that is relative or begins with ${data}/ stands in
 * the data folder; tls+tcp://ADDRESS:PORT, and on loopback tcp:// the same, an
 * address in digits: a resolver could make a loop wait.  What is not TLS never
 * leaves a host.  Stateless; any thread.
 */
#ifndef RUNTIME_TOPOLOGY_URL_H
#define RUNTIME_TOPOLOGY_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/status.h"

/* The longest path of a UNIX socket, without its NUL (unix(7)). */
#define TOPOLOGY_IPC_PATH_MAX 107

/*
 * INVALID, and *ret_why names what was expected, if given is no such address
 * or its path is too long once resolved.
 */
MUST_CHECK enum status topology_url_resolve(const char *given,
    const char *data_dir, char *ret_url, size_t size, const char **ret_why);

/* Of one that is resolved. */
bool topology_url_is_tls(const char *url);

#endif
