/* lmdb_status - the only place where LMDB's codes become ours. */
#ifndef STORE_LMDB_STATUS_H
#define STORE_LMDB_STATUS_H

#include "runtime/base/status.h"

/* rc of a call about what; the library's words are kept for backend_why. */
enum status lmdb_status(int rc, const char *what);

#endif
