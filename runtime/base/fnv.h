/*
 * fnv - FNV-1a, 64 bits (Fowler, Noll, Vo; RFC 9923): the same in every
 * process.  Spreads and compares; whoever likes can find a collision.
 */
#ifndef RUNTIME_BASE_FNV_H
#define RUNTIME_BASE_FNV_H

#include <stdint.h>

#define FNV_BASIS UINT64_C(0xcbf29ce484222325)

static inline uint64_t
fnv_byte(uint64_t hash, uint8_t byte)
{
	return (hash ^ byte) * UINT64_C(0x100000001b3);
}

/* With its NUL, so that "ab" "c" differs from "a" "bc". */
static inline uint64_t
fnv_text(uint64_t hash, const char *text)
{
	do
		hash = fnv_byte(hash, (uint8_t)*text);
	while (*text++ != '\0');
	return hash;
}

#endif
