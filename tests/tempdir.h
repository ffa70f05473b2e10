/*
 * tempdir - folders of a test program: gone when it ends, with all that is in
 * them, however its tests have ended.
 */
#ifndef TESTS_TEMPDIR_H
#define TESTS_TEMPDIR_H

#define TEMPDIR_MAX 64

/* A new one, empty, by its whole path; never NULL. */
const char *tempdir_make(void);

#endif
