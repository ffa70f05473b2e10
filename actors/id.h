/*
 * id - the ids of users and sessions: random UUIDs as 32 hex digits.
 *
 * Text at the edge, 16 bytes within.  Stateless; any thread.
 */
#ifndef ACTORS_ID_H
#define ACTORS_ID_H

#include <stdbool.h>

#include "runtime/actor.h"

#define ID_TEXT 32   /* digits */
#define ID_IN_LOGS 8 /* of them, so that no log gives a session away */

/* A new one: version 4, from the actor's random bytes. */
struct uuid id_make(struct actor *self);

/* As id_make, and in the order in which they are made: version 7 (RFC 9562). */
struct uuid id_make_ordered(struct actor *self);

/* False unless text is exactly 32 lower-case hex digits; NULL is not. */
bool id_parse(const char *text, struct uuid *ret_id);

void id_text(const struct uuid *id, char ret_text[ID_TEXT + 1]);

/* The first digits of an id, whoever wrote it, for a log line. */
void id_short(const char *text, char ret_text[ID_IN_LOGS + 1]);

bool id_equal(const struct uuid *a, const struct uuid *b);

#endif
