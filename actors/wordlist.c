#include "actors/wordlist.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE 512
#define BETWEEN ", \t"

static_assert(sizeof(uint64_t) == crypto_shorthash_BYTES &&
		  WORDLIST_KEY_SIZE == crypto_shorthash_KEYBYTES,
    "a digest is a number");

static char
word_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Letters of any script; UTF-8 beyond ASCII counts as letters. */
static bool
word_is_letter(char c)
{
	c = word_lower(c);
	return (c >= 'a' && c <= 'z') || (c & 0x80) != 0;
}

static uint64_t
word_digest(const struct wordlist *w, const char *text, size_t size)
{
	char lower[PASSWORD_MAX];
	unsigned char digest[crypto_shorthash_BYTES];
	uint64_t number;

	for (size_t i = 0; i < size; i++)
		lower[i] = word_lower(text[i]);
	crypto_shorthash(digest, (const unsigned char *)lower, size, w->key);
	memcpy(&number, digest, sizeof(number));
	return number;
}

/* ---- reading ---- */

static enum status
wordlist_add(struct wordlist *w, const char *text, size_t size)
{
	if (size == 0 || size > PASSWORD_MAX)
		return ST_OK;
	if (w->count == WORDLIST_MAX)
		return ST_FULL;
	w->digests[w->count++] = word_digest(w, text, size);
	return ST_OK;
}

/* The word of a line, in place; its size, 0: there is none. */
static size_t
line_word(char *line, char **ret_word)
{
	size_t size = strcspn(line, "\r\n");
	char *word = line + strspn(line, " \t");
	size_t used = 0;

	line[size] = '\0';
	*ret_word = line;
	if (line[0] == '#')
		return 0;
	if (word[0] != '\'' || strstr(word, "' => ") == NULL)
		return size;
	for (const char *c = word + 1; *c != '\0' && *c != '\''; c++) {
		if (*c == '\\' && c[1] != '\0')
			c++;
		line[used++] = *c;
	}
	return used;
}

enum status
wordlist_read(struct wordlist *w, const char *path)
{
	char line[LINE_SIZE];
	enum status st = ST_OK;
	char *word;
	FILE *f;

	if (w->digests == NULL)
		w->digests = malloc(WORDLIST_MAX * sizeof(w->digests[0]));
	if (w->digests == NULL)
		return ST_NO_MEMORY;
	f = fopen(path, "re");
	if (f == NULL)
		return errno == ENOENT ? ST_NOT_FOUND : ST_IO;
	while (st == ST_OK && fgets(line, sizeof(line), f) != NULL) {
		size_t size = line_word(line, &word);

		st = wordlist_add(w, word, size);
	}
	if (st == ST_OK && ferror(f))
		st = ST_IO;
	fclose(f);
	return st;
}

static int
digest_order(const void *a, const void *b)
{
	const uint64_t *one = a;
	const uint64_t *other = b;

	return (*one > *other) - (*one < *other);
}

void
wordlist_close(struct wordlist *w)
{
	uint64_t *fit;

	if (w->count == 0)
		return;
	qsort(w->digests, w->count, sizeof(w->digests[0]), digest_order);
	fit = realloc(w->digests, w->count * sizeof(w->digests[0]));
	if (fit != NULL)
		w->digests = fit;
}

void
wordlist_fini(struct wordlist *w)
{
	free(w->digests);
	w->digests = NULL;
	w->count = 0;
}

/* ---- asking ---- */

bool
wordlist_has(const struct wordlist *w, const char *text, size_t size)
{
	uint64_t digest;

	if (w->count == 0 || size == 0 || size > PASSWORD_MAX)
		return false;
	digest = word_digest(w, text, size);
	return bsearch(&digest, w->digests, w->count, sizeof(digest),
		   digest_order) != NULL;
}

/* The shortest text of which all of it is repetitions. */
static size_t
text_period(const char *text, size_t size)
{
	for (size_t n = 1; n <= size / 2; n++)
		if (size % n == 0 && memcmp(text, text + n, size - n) == 0)
			return n;
	return size;
}

static bool
text_is_common(const struct wordlist *w, const char *text, size_t size)
{
	size_t unit = text_period(text, size);
	size_t from = 0;
	size_t to = size;

	if (wordlist_has(w, text, size) || wordlist_has(w, text, unit) ||
	    (unit < size && unit < PASSWORD_WORD_MIN))
		return true;
	while (from < to && !word_is_letter(text[from]))
		from++;
	while (from < to && !word_is_letter(text[to - 1]))
		to--;
	return (to - from) * 2 >= size &&
	       wordlist_has(w, text + from, to - from);
}

bool
password_is_common(const struct wordlist *w, const char *password)
{
	return text_is_common(w, password, strlen(password));
}

static bool
text_begins(const char *text, const char *word, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (word_lower(text[i]) != word_lower(word[i]))
			return false;
	return true;
}

/* Takes every occurrence out; true if there was one. */
static bool
text_take_out(char *text, const char *word, size_t size)
{
	size_t left = strlen(text);
	bool any = false;

	for (size_t at = 0; at + size <= left;) {
		if (!text_begins(text + at, word, size)) {
			at++;
			continue;
		}
		memmove(text + at, text + at + size, left - at - size + 1);
		left -= size;
		any = true;
	}
	return any;
}

bool
password_is_local(
    const struct wordlist *w, const char *password, const char *words)
{
	char rest[PASSWORD_MAX + 1] = "";
	bool any = false;
	bool is_local;

	memcpy(rest, password, strnlen(password, PASSWORD_MAX));
	while (*(words += strspn(words, BETWEEN)) != '\0') {
		size_t size = strcspn(words, BETWEEN);

		if (size >= PASSWORD_WORD_MIN && size <= PASSWORD_MAX)
			any |= text_take_out(rest, words, size);
		words += size;
	}
	is_local = any && (strlen(rest) < PASSWORD_REST_MIN ||
			      password_is_common(w, rest));
	sodium_memzero(rest, sizeof(rest));
	return is_local;
}
