/* cast - which class plays which actor of actors.def. */
#ifndef OPS_CAST_H
#define OPS_CAST_H

#include "runtime/actor.h"

/* NULL for a number nobody has. */
const struct actor_class *cast_class(unsigned number);

#endif
