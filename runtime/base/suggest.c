#include "runtime/base/suggest.h"

#include <ctype.h>
#include <string.h>

/* A third of the letters may be wrong: more is another word. */
#define SUGGEST_PART 3

static int
letter(char c)
{
	if (c == '-' || c == '.')
		return '_';
	return tolower((unsigned char)c);
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Fills row i of the table; rows[0] is i - 2, rows[1] is i - 1. */
static void
suggest_row(
    size_t *const rows[3], const char *a, size_t i, const char *b, size_t nb)
{
	rows[2][0] = i;
	for (size_t j = 1; j <= nb; j++) {
		size_t same = letter(a[i - 1]) == letter(b[j - 1]) ? 0 : 1;
		size_t cost = rows[1][j - 1] + same;

		cost = least(cost, rows[1][j] + 1);
		cost = least(cost, rows[2][j - 1] + 1);
		if (i > 1 && j > 1 && letter(a[i - 1]) == letter(b[j - 2]) &&
		    letter(a[i - 2]) == letter(b[j - 1]))
			cost = least(cost, rows[0][j - 2] + 1);
		rows[2][j] = cost;
	}
}

static size_t
suggest_distance(const char *a, size_t na, const char *b, size_t nb)
{
	size_t table[3][SUGGEST_WORD_MAX + 1];
	size_t *rows[3] = { table[0], table[1], table[2] };

	for (size_t j = 0; j <= nb; j++)
		rows[2][j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t *oldest = rows[0];

		rows[0] = rows[1];
		rows[1] = rows[2];
		rows[2] = oldest;
		suggest_row(rows, a, i, b, nb);
	}
	return rows[2][nb];
}

void
suggest_init(struct suggest *s, const char *word)
{
	s->word = word;
	s->best = NULL;
	s->distance = 0;
}

void
suggest_offer(struct suggest *s, const char *known)
{
	size_t na = strnlen(s->word, SUGGEST_WORD_MAX + 1);
	size_t nb = strnlen(known, SUGGEST_WORD_MAX + 1);
	size_t allowed = (nb + SUGGEST_PART - 1) / SUGGEST_PART;
	size_t distance = na > nb ? na - nb : nb - na; /* at least */

	if (na > SUGGEST_WORD_MAX || nb > SUGGEST_WORD_MAX || na == 0)
		return;
	if (distance > allowed)
		return;
	distance = suggest_distance(s->word, na, known, nb);
	if (distance > allowed)
		return;
	if (s->best == NULL || distance < s->distance) {
		s->best = known;
		s->distance = distance;
	}
}
