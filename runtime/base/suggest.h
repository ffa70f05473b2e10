/*
 * suggest - the known word that a misspelt one probably meant.
 *
 * Offer every word there is, then ask.  Distance is the count of letters to
 * insert, delete, change or swap with their neighbour (optimal string
 * alignment, Damerau 1964); '-', '_' and '.' count as the same letter.
 * Words over SUGGEST_WORD_MAX match nothing.  Stateless; any thread.
 */
#ifndef RUNTIME_BASE_SUGGEST_H
#define RUNTIME_BASE_SUGGEST_H

#include <stddef.h>

#define SUGGEST_WORD_MAX 64

struct suggest {
	const char *word;
	const char *best; /* NULL: nothing is near */
	size_t distance;
};

/* Borrows word and every offer. */
void suggest_init(struct suggest *s, const char *word);
void suggest_offer(struct suggest *s, const char *known);

#endif
