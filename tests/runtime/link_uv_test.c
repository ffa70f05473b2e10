/* The tests of link_nng_test.c, on the handles that nodes use. */
#define LINK_UV
#include "tests/runtime/link_nng_test.c"
