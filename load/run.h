/*
 * run - conducts one load run from its first process to its books.
 *
 * Warm-up, measuring, and the drain: then nothing is sent any more and what is
 * on its way is waited for, at most RUN_DRAIN_US.  In an open loop what was
 * due before the end is still sent.
 */
#ifndef LOAD_RUN_H
#define LOAD_RUN_H

#include <stdio.h>

#include "load/books.h"
#include "load/fault.h"
#include "load/placement.h"

#define RUN_DRAIN_US 30000000
#define RUN_STILL_US 400000 /* nothing moves for so long: it is drained */
#define RUN_POLL_US 5000
#define RUN_TELL_US 200000 /* between progress lines */
#define RUN_WHY_SIZE 256

struct run_options {
	struct plan plan;
	struct placement placement;
	struct faults faults;
	const char *faults_text;
	FILE *progress; /* NULL: tell nobody */
};

/* What a run has found; result's texts are borrowed from the rest of it. */
struct run {
	struct load_result result;
	struct books books;
	struct load_reason reasons[LEDGER_STATUSES];
	char reason_names[LEDGER_STATUSES][16]; /* those that are made up */
	struct plan plan;
	struct placement placement;
	char faults[256];
	uint64_t renewed; /* windows given up */
};

/*
 * OK: it has run, and the result says how; whether it balances too.  Anything
 * else: it could not run, and why.
 */
MUST_CHECK enum status run_conduct(const struct run_options *o,
    struct run *ret_run, char ret_why[RUN_WHY_SIZE]);

void run_fill_latency(
    const struct histogram *h, struct load_latency *ret_latency);

/* For people. */
void run_print(const struct run *r, FILE *to);
/* One line of JSON, a load_result. */
MUST_CHECK enum status run_print_json(const struct run *r, FILE *to);

#endif
