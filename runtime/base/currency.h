/* currency - the codes of ISO 4217 that amounts may have. */
#ifndef RUNTIME_BASE_CURRENCY_H
#define RUNTIME_BASE_CURRENCY_H

#include <stdbool.h>

/* Upper case, three letters, and one of the list. */
bool currency_known(const char *code);

#endif
