/* hot - for the few functions whose call would cost more than their work. */
#ifndef RUNTIME_BASE_HOT_H
#define RUNTIME_BASE_HOT_H

#define HOT_INLINE __attribute__((always_inline)) static inline

#endif
