/*
 * scheduler - runs every periodic service, and starts and stops it.
 *
 * Speaks:  protocols/schedule.def; watches settings (protocols/setting.def)
 * Keeps:   through the store, when each service runs next and what was
 *          decided of its times (table schedules); the services of
 *          actors/services.def start with it
 * Bounds:  one run of a service at a time, SERVICE_RUN_US_MAX each;
 *          SCHEDULER_OPS_MAX requests that wait
 *
 * A service waits its interval, or until the next time of its cron line, asks
 * its owner for one run, and waits again from the answer on.  The time of the
 * next run outlives the process: one that fell due meanwhile is made up for
 * once, or passed over, as its schedule says.  Another schedule, or another
 * interval, counts from when it was set and starts no run.  A run that fails is
 * logged and counted, and touches no other service.  Its life cycle is
 * runtime/lifecycle: a stop lets the run in hand finish within
 * scheduler.stop_drain_timeout_ms; then the owner hears service_cancel once and
 * the service is unrestartable.
 */
#ifndef ACTORS_SCHEDULER_H
#define ACTORS_SCHEDULER_H

#include "runtime/actor.h"

#define SERVICE_RUN_US_MAX (UINT64_C(3600) * 1000000)

extern const struct actor_class scheduler_class;

#endif
