#include "store/faults.h"

#include <signal.h>

static void
faults_arm(struct backend_faults *f, enum fault_op op, uint32_t nth, int with)
{
	atomic_store(&f->ops[op].with, with);
	atomic_store(&f->ops[op].left, nth);
}

void
faults_fail(
    struct backend_faults *f, enum fault_op op, uint32_t nth, enum status st)
{
	faults_arm(f, op, nth, (int)st);
}

void
faults_kill(struct backend_faults *f, enum fault_op op, uint32_t nth)
{
	faults_arm(f, op, nth, ST_OK);
}

uint32_t
faults_seen(struct backend_faults *f, enum fault_op op)
{
	return atomic_load(&f->ops[op].seen);
}

enum status
faults_check(struct backend_faults *f, enum fault_op op)
{
	uint32_t left;

	if (f == NULL)
		return ST_OK;
	atomic_fetch_add(&f->ops[op].seen, 1);
	left = atomic_load(&f->ops[op].left);
	while (left > 0 &&
	       !atomic_compare_exchange_weak(&f->ops[op].left, &left, left - 1))
		continue;
	if (left != 1)
		return ST_OK;
	if (atomic_load(&f->ops[op].with) == ST_OK)
		raise(SIGKILL);
	return (enum status)atomic_load(&f->ops[op].with);
}
