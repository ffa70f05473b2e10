/* scratch - a folder of one's own for a run, in TMPDIR or /tmp. */
#ifndef LOAD_SCRATCH_H
#define LOAD_SCRATCH_H

#include "runtime/base/status.h"

#define SCRATCH_SIZE 80 /* sockets stand in it: their paths are short */

/* IO, see errno; FULL if TMPDIR is too long. ret_dir is "" then. */
MUST_CHECK enum status scratch_make(char ret_dir[SCRATCH_SIZE]);
/* With all that is in it; nothing if dir is "". */
void scratch_remove(const char *dir);

#endif
