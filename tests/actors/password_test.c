/* Passwords: hashed as the policy says, compared, wiped. */
#include "actors/password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#define GOOD "correct horse battery"

static bool
is_wiped(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != '\0')
			return false;
	return true;
}

/* SEC-16 */
static void
test_hash_fits_its_password_and_no_other(void **state)
{
	struct credential made;
	struct credential c;

	(void)state;
	credential_init(&made, GOOD);
	credential_hash(&made);
	assert_true(made.good);
	assert_true(is_wiped(made.password, sizeof(made.password)));
	assert_memory_equal(made.hash, "$argon2id$v=19$m=65536,t=3,p=1$", 31);
	credential_init(&c, GOOD);
	assert_true(credential_use(&c, made.hash));
	credential_check(&c);
	assert_true(c.good);
	assert_true(is_wiped(c.password, sizeof(c.password)));
	credential_init(&c, GOOD "!");
	assert_true(credential_use(&c, made.hash));
	credential_check(&c);
	assert_false(c.good);
}

/* Who is unknown is compared all the same, at the same limits. */
static void
test_dummy_is_a_real_hash_that_nothing_fits(void **state)
{
	char text[crypto_pwhash_STRBYTES] = { 0 };
	struct credential c;

	(void)state;
	credential_init(&c, GOOD);
	memcpy(text, c.hash, sizeof(c.hash));
	assert_int_equal(crypto_pwhash_str_needs_rehash(
			     text, PASSWORD_OPSLIMIT, PASSWORD_MEMLIMIT),
	    0);
	credential_check(&c);
	assert_false(c.good);
}

static void
test_hashes_of_another_kind_are_not_used(void **state)
{
	static const char *const hashes[] = { "", "x", "$2b$12$abc",
		"$argon2i$v=19$m=65536,t=3,p=1$AAAA$AAAA" };
	char longer[PASSWORD_HASH_SIZE + 1];
	struct credential c;

	(void)state;
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		credential_init(&c, GOOD);
		assert_false(credential_use(&c, hashes[i]));
		assert_int_equal(c.hash[0], '$');
	}
	memset(longer, 'A', sizeof(longer));
	memcpy(longer, "$argon2id$", 10);
	longer[PASSWORD_HASH_SIZE] = '\0';
	assert_false(credential_use(&c, longer));
	longer[PASSWORD_HASH_SIZE - 1] = '\0';
	assert_true(credential_use(&c, longer));
}

static void
test_length_is_counted_in_characters(void **state)
{
	(void)state;
	assert_true(password_is_long("abc", 3));
	assert_false(password_is_long("abc", 4));
	assert_true(password_is_long("äöü", 3));
	assert_false(password_is_long("äöü", 4));
	assert_true(password_is_long("", 0));
	assert_false(password_is_long("\xff\xff\xff", 3));
}

static void
test_signature_is_the_beginning_of_sha256(void **state)
{
	char sig[PASSWORD_SIG_MAX + 1];

	(void)state;
	password_sig("", sig);
	assert_string_equal(sig, "e3b0c44298fc1c14");
	password_sig("abc", sig);
	assert_string_equal(sig, "ba7816bf8f01cfea");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash_fits_its_password_and_no_other),
		cmocka_unit_test(test_dummy_is_a_real_hash_that_nothing_fits),
		cmocka_unit_test(test_hashes_of_another_kind_are_not_used),
		cmocka_unit_test(test_length_is_counted_in_characters),
		cmocka_unit_test(test_signature_is_the_beginning_of_sha256),
	};

	return sodium_init() < 0 ? 1
				 : cmocka_run_group_tests(tests, NULL, NULL);
}
