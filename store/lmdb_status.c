#include "store/lmdb_status.h"

#include <errno.h>
#include <lmdb.h>

#include "store/backend_class.h"

enum status
lmdb_status(int rc, const char *what)
{
	enum status st;

	switch (rc) {
	case MDB_SUCCESS:
		return ST_OK;
	case MDB_NOTFOUND: /* part of every scan: not worth the words */
		return ST_NOT_FOUND;
	case MDB_KEYEXIST:
		return ST_EXISTS;
	case MDB_MAP_FULL:
	case MDB_READERS_FULL:
	case MDB_TXN_FULL:
	case MDB_DBS_FULL:
		st = ST_FULL;
		break;
	case MDB_VERSION_MISMATCH:
		st = ST_NEWER;
		break;
	case MDB_INVALID:
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
		st = ST_CORRUPT;
		break;
	case MDB_BAD_VALSIZE:
		st = ST_INVALID;
		break;
	case MDB_BAD_DBI:
	case MDB_PANIC:
		st = ST_UNAVAILABLE;
		break;
	case ENOMEM:
		st = ST_NO_MEMORY;
		break;
	case ENOSPC:
	case EDQUOT:
		st = ST_NO_SPACE;
		break;
	default:
		st = ST_IO;
		break;
	}
	return backend_fail(st, what, mdb_strerror(rc));
}
