/* Sealing: what goes in comes out, with the same key and name alone. */
#include "actors/safe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/seal_file.h"
#include "tests/tempdir.h"

static const uint8_t key[SAFE_KEY_SIZE] = { 1 };
static const uint8_t other[SAFE_KEY_SIZE] = { 2 };
static const uint8_t nonce[SAFE_NONCE_SIZE] = { 3 };

static enum status
unseal(const struct safe *s, const char *name, const char *sealed)
{
	char text[64] = "untouched";

	return safe_unseal(s, name, sealed, text, sizeof(text));
}

static void
test_what_is_sealed_can_be_opened(void **state)
{
	static const char *const texts[] = { "", "x", "/etc/key.pem" };
	char sealed[256], text[64];
	struct safe s;

	(void)state;
	assert_int_equal(safe_open(&s, NULL), ST_OK);
	assert_int_equal(
	    safe_seal(&s, "a/b", "x", nonce, sealed, sizeof(sealed)),
	    ST_NOT_FOUND);
	assert_int_equal(safe_make_key(&s, key), ST_OK);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(safe_seal(&s, "a/b", texts[i], nonce, sealed,
				     sizeof(sealed)),
		    ST_OK);
		assert_true(safe_is_sealed(sealed));
		assert_int_equal(
		    safe_unseal(&s, "a/b", sealed, text, sizeof(text)), ST_OK);
		assert_string_equal(text, texts[i]);
	}
	assert_int_equal(unseal(&s, "a/c", sealed), ST_DENIED);
	assert_int_equal(safe_unseal(&s, "a/b", sealed, text, 4), ST_FULL);
	assert_int_equal(safe_seal(&s, "a/b", "x", nonce, sealed, 16), ST_FULL);
	safe_close(&s);
}

static void
test_another_key_and_changed_texts_do_not_open(void **state)
{
	char sealed[256];
	struct safe s, thief;
	size_t size;

	(void)state;
	assert_int_equal(safe_open(&s, NULL), ST_OK);
	assert_int_equal(safe_open(&thief, NULL), ST_OK);
	assert_int_equal(safe_make_key(&s, key), ST_OK);
	assert_int_equal(safe_make_key(&thief, other), ST_OK);
	assert_int_equal(
	    safe_seal(&s, "n", "secret", nonce, sealed, sizeof(sealed)), ST_OK);
	assert_int_equal(unseal(&thief, "n", sealed), ST_DENIED);
	size = strlen(sealed);
	for (size_t i = 0; i < size; i++) {
		sealed[i] = (char)(sealed[i] ^ 1);
		assert_int_not_equal(unseal(&s, "n", sealed), ST_OK);
		sealed[i] = (char)(sealed[i] ^ 1);
	}
	assert_int_equal(unseal(&s, "n", sealed), ST_OK);
	assert_int_equal(unseal(&s, "n", "plain"), ST_MALFORMED);
	assert_int_equal(unseal(&s, "n", SAFE_MARK), ST_MALFORMED);
	safe_close(&s);
	safe_close(&thief);
}

static void
test_key_rests_in_a_file_of_its_own(void **state)
{
	const char *folder = tempdir_make();
	char path[64], sealed[256];
	struct stat about;
	struct safe s;

	(void)state;
	snprintf(path, sizeof(path), "%s/" SAFE_FILE, folder);
	assert_int_equal(safe_open(&s, folder), ST_OK);
	assert_null(s.key);
	assert_int_equal(safe_make_key(&s, key), ST_OK);
	assert_int_equal(
	    safe_seal(&s, "n", "secret", nonce, sealed, sizeof(sealed)), ST_OK);
	safe_close(&s);
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_mode & 0777, 0600);
	assert_int_equal(safe_open(&s, folder), ST_OK);
	assert_int_equal(unseal(&s, "n", sealed), ST_OK);
	safe_close(&s);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(safe_open(&s, folder), ST_DENIED);
	assert_int_equal(seal_file_replace(path, "nonsense", 8), ST_OK);
	assert_int_equal(safe_open(&s, folder), ST_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_sealed_can_be_opened),
		cmocka_unit_test(
		    test_another_key_and_changed_texts_do_not_open),
		cmocka_unit_test(test_key_rests_in_a_file_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
