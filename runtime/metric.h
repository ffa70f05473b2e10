/*
 * metric - what a process has counted, read for one page of Prometheus.
 *
 * Whoever counts is an actor, whose class has a `measure` that adds samples of
 * its layer's metric.def, or the runtime itself (metric.def here).  A reading
 * walks from loop to loop as a parcel and reads what lives on each on that
 * loop's own thread: counters are plain words, and there is nothing to lock.
 *
 * Keeps:   one page per node while it is read, and nothing between two.
 * Bounds:  METRIC_SAMPLES_MAX samples, METRIC_TEXT_MAX bytes; what is beyond
 *          is counted and told as troupe_metrics_dropped.  One reading at once.
 */
#ifndef RUNTIME_METRIC_H
#define RUNTIME_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "runtime/timing.h"

#define METRIC_SAMPLES_MAX 65536u
#define METRIC_TEXT_MAX (16u << 20)
#define METRIC_LINE_MAX 512 /* of one sample; a longer one is dropped */
#define METRIC_LABELS_MAX 4 /* of a histogram; `le` comes besides */

struct actor;
struct net_counts;

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum timing_scale {
#define X(id, first, last, doc) TIMING_##id,
	TIMING_SCALES(X)
#undef X
};

struct metric {
	const char *name;
	enum metric_type type;
	const char *doc;
};

struct metric_sample {
	struct metric of;
	uint32_t order; /* in which it was added */
	size_t at;      /* of its line in text */
};

struct metric_page {
	struct metric_sample *samples;
	size_t count;
	size_t room;
	char *text;
	size_t used;
	size_t size;
	uint64_t dropped;
};

void metric_page_fini(struct metric_page *p);

/*
 * m's texts must be constants.  labels: a key, its value, a key ..., NULL; the
 * values are escaped and copied.  NULL: none.
 */
void metric_add(struct metric_page *p, const struct metric *m, uint64_t value,
    const char *const *labels);

/*
 * A histogram in seconds: NAME_bucket up to each bound of its scale and le
 * +Inf, NAME_sum and NAME_count; all of them, or where there is no room, none.
 */
void metric_add_timing(struct metric_page *p, const char *name, const char *doc,
    enum timing_scale scale, const struct timing *t, const char *const *labels);

/* What a listener has counted; labels as above. */
void metric_add_listener(struct metric_page *p, const struct net_counts *n,
    const char *const *labels);

/* The samples by name, each name under its HELP and TYPE. */
void metric_print(struct metric_page *p, FILE *to);

/*
 * Reads everything of self's node; then, in a turn of self, on_read has the
 * page until it returns.  False: a reading is under way already, after which
 * on_read is called as well.
 */
typedef void (*metric_read_fn)(struct actor *self, struct metric_page *p);
bool metric_read(struct actor *self, metric_read_fn on_read);

#endif
