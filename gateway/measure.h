/* measure - what a gateway has counted: its own, TLS, its doors. */
#ifndef GATEWAY_MEASURE_H
#define GATEWAY_MEASURE_H

#include "runtime/actor.h"

/* Of gateway_class; see runtime/metric.h. */
void measure_gateway(struct actor *self, struct metric_page *to);

#endif
