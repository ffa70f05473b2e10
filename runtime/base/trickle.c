#include "runtime/base/trickle.h"

#include <fcntl.h>

/* A file system that cannot do it is spared nothing, and loses nothing. */
void
trickle_to(struct trickle *t, uint64_t end)
{
	unsigned how = SYNC_FILE_RANGE_WRITE;

	if (end < t->sent + (t->soon ? TRICKLE_PIECE_SOON : TRICKLE_PIECE))
		return;
	if (!t->soon)
		how |= SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER;
	(void)sync_file_range(
	    t->fd, (off64_t)t->sent, (off64_t)(end - t->sent), how);
	t->sent = end;
}
