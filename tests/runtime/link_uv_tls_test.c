/* The tests of link_nng_test.c, between hosts: TLS over loopback. */
#define LINK_UV
#define LINK_TLS
#include "tests/runtime/link_nng_test.c"
