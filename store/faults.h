/*
 * faults - makes a backend fail on purpose, for tests and the simulator.
 *
 * The disk is reached through backend.h only, so this is the one seam: the
 * nth operation of a kind fails with a status, or kills the process as
 * kill -9 would.  Any thread; a fault fires once.
 */
#ifndef STORE_FAULTS_H
#define STORE_FAULTS_H

#include <stdatomic.h>
#include <stdint.h>

#include "runtime/base/status.h"

#define FAULT_OPS(X) \
	X(OPEN)      \
	X(CLOSE)     \
	X(BEGIN)     \
	X(COMMIT)    \
	X(CREATE) X(GET) X(PUT) X(DELETE) X(MOVE) X(SYNC) X(GROW) X(COPY)

enum fault_op {
#define X(op) FAULT_##op,
	FAULT_OPS(X)
#undef X
	    FAULT_COUNT
};

struct backend_faults {
	struct {
		_Atomic uint32_t seen; /* operations so far */
		_Atomic uint32_t left; /* until it fires; 0: never */
		_Atomic int with;      /* the status; ST_OK: kill */
	} ops[FAULT_COUNT];
};

/* The nth operation from now, counting from 1, fails with st. */
void faults_fail(
    struct backend_faults *f, enum fault_op op, uint32_t nth, enum status st);

/* The nth operation from now ends the process before it is done. */
void faults_kill(struct backend_faults *f, enum fault_op op, uint32_t nth);

uint32_t faults_seen(struct backend_faults *f, enum fault_op op);

/* What backend.c asks before each operation; OK means go on.  f may be NULL */
MUST_CHECK enum status faults_check(struct backend_faults *f, enum fault_op op);

#endif
