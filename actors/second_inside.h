/* second_inside - what second_copy.c and second_look.c share. */
#ifndef ACTORS_SECOND_INSIDE_H
#define ACTORS_SECOND_INSIDE_H

#include "actors/second_copy.h"

/* The target's folder; -1: the job has been told why. */
int second_open(struct second_job *j);
/* st OK; else the first of these is why the job has failed. */
bool second_went(struct second_job *j, enum status st, const char *what);
/* Likewise, by errno. */
bool second_failed(struct second_job *j);

#endif
