/*
 * metrics - serves what its process has counted, as Prometheus reads it.
 *
 * One in each process, if api.metrics.listen is set; node n of the topology
 * listens on the port + n.  It answers GET and HEAD of /metrics in HTTP/1.1 to
 * whoever can reach it, and closes: counters hold no secrets, but the address
 * should be one that only the collector reaches.
 *
 * Keeps:   nothing; it reads afresh for each scrape (runtime/metric.h), once
 *          for all that wait.
 * Bounds:  METRICS_SCRAPES_MAX connections, each METRICS_SCRAPE_US long, with
 *          a head of METRICS_HEAD_MAX bytes; the net counts what is refused.
 */
#ifndef GATEWAY_METRICS_H
#define GATEWAY_METRICS_H

#include "runtime/actor.h"

#define METRICS_SCRAPES_MAX 16u
#define METRICS_SCRAPE_US 10000000u
#define METRICS_HEAD_MAX 4096u

extern const struct actor_class metrics_class;

#endif
