/*
 * wordlist - the words that many passwords are, and what is too close to one.
 *
 * Read once, from lists that Debian packages keep: a word a line (after "#"
 * a comment), or lines of a ranked Perl list, 'word' => rank.  Kept as sorted
 * 64-bit digests under a random key, in lower case (ASCII).
 *
 * Bounds:  WORDLIST_MAX words; what is longer than a password is left out
 * Threads: one writes, then any reads
 */
#ifndef ACTORS_WORDLIST_H
#define ACTORS_WORDLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/messages.h"
#include "runtime/base/status.h"

#define WORDLIST_MAX 262144u
#define WORDLIST_KEY_SIZE 16

/* Beside what is public of somebody, a password has at least so much more. */
#define PASSWORD_REST_MIN 8
#define PASSWORD_WORD_MIN 3 /* shorter words are of no help to a guesser */

struct wordlist {
	uint8_t key[WORDLIST_KEY_SIZE]; /* random, before the first word */
	uint64_t *digests;
	uint32_t count;
};

/*
 * All words of a file; lists: more may follow, wordlist_close after the last.
 * NOT_FOUND or IO: it cannot be read; FULL: WORDLIST_MAX were there.
 */
MUST_CHECK enum status wordlist_read(struct wordlist *w, const char *path);
void wordlist_close(struct wordlist *w);
void wordlist_fini(struct wordlist *w);

/* Exactly that word, but for case. */
bool wordlist_has(const struct wordlist *w, const char *text, size_t size);

/*
 * What a guesser tries first: a word of the list; one that makes up half of
 * the password or more, with digits and signs around it; one of them, or
 * less than PASSWORD_WORD_MIN characters, again and again.
 */
bool password_is_common(const struct wordlist *w, const char *password);

/*
 * words: what is known of this place and this person, commas and blanks
 * between.  True if less than PASSWORD_REST_MIN characters are left of the
 * password without them, or what is left is common.
 */
bool password_is_local(
    const struct wordlist *w, const char *password, const char *words);

#endif
