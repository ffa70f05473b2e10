/* hot - for the few functions whose call would cost more than their work. */
#ifndef RUNTIME_BASE_HOT_H
#define RUNTIME_BASE_HOT_H

#define HOT_INLINE __attribute__((always_inline)) static inline

/* What a hot function seldom needs, and should not save registers for. */
#define HOT_SELDOM __attribute__((cold, noinline))

#endif
