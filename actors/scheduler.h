/*
 * scheduler - runs every periodic service, and starts and stops it.
 *
 * Speaks:  protocols/schedule.def; watches settings (protocols/setting.def)
 * Keeps:   nothing on disk; the services of actors/services.def start with it
 * Bounds:  one run of a service at a time, SERVICE_RUN_US_MAX each;
 *          SCHEDULER_OPS_MAX requests that wait
 *
 * A service waits its interval, asks its owner for one run, and waits again
 * from the answer on; a run that fails is logged and counted, and touches no
 * other service.  Its life cycle is runtime/lifecycle: a stop lets the run in
 * hand finish within scheduler.stop_drain_timeout_ms; then the owner hears
 * service_cancel once and the service is unrestartable.
 */
#ifndef ACTORS_SCHEDULER_H
#define ACTORS_SCHEDULER_H

#include "runtime/actor.h"

#define SERVICE_RUN_US_MAX (UINT64_C(3600) * 1000000)

extern const struct actor_class scheduler_class;

#endif
