/* live - it has moved to runtime/live.h. */
#ifndef ACTORS_LIVE_H
#define ACTORS_LIVE_H

#include "runtime/live.h"

#endif
