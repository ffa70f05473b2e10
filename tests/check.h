/* check - cmocka, with the headers it forgets to include. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* One line per test in main. */
#define RUN(test) cmocka_unit_test(test)

#endif
