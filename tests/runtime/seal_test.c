#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/seal.h"

static char dir[64];
static char path[96];

static int
setup(void **state)
{
	(void)state;
	assert_int_equal(seal_start(), ST_OK);
	snprintf(dir, sizeof(dir), "/tmp/troupe-seal-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/node.key", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)rmdir(dir);
	return 0;
}

static const struct bytes text = { (const uint8_t *)"hello", 5 };
static const struct bytes other = { (const uint8_t *)"hellp", 5 };

static void
test_signature_fits_its_key_and_text_only(void **state)
{
	struct seal_keypair *a, *b;
	uint8_t signature[SEAL_SIGNATURE_SIZE];

	(void)state;
	assert_int_equal(seal_keypair_create(NULL, &a), ST_OK);
	assert_int_equal(seal_keypair_create(NULL, &b), ST_OK);
	seal_sign(a, text, signature);
	assert_true(seal_verify(seal_keypair_public(a), text, signature));
	assert_false(seal_verify(seal_keypair_public(b), text, signature));
	assert_false(seal_verify(seal_keypair_public(a), other, signature));
	signature[7] ^= 1;
	assert_false(seal_verify(seal_keypair_public(a), text, signature));
	seal_keypair_destroy(a);
	seal_keypair_destroy(b);
}

static void
test_stored_keys_load_and_are_never_overwritten(void **state)
{
	struct seal_keypair *a, *b;
	struct stat about;

	(void)state;
	assert_int_equal(seal_keypair_load(path, &b), ST_NOT_FOUND);
	assert_int_equal(seal_keypair_create(NULL, &a), ST_OK);
	assert_int_equal(seal_keypair_store(a, path), ST_OK);
	assert_int_equal(seal_keypair_store(a, path), ST_EXISTS);
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_mode & 0777, 0600);
	assert_int_equal(seal_keypair_load(path, &b), ST_OK);
	assert_memory_equal(
	    seal_keypair_public(a), seal_keypair_public(b), SEAL_PUBLIC_SIZE);
	seal_keypair_destroy(a);
	seal_keypair_destroy(b);
}

static void
test_key_file_that_others_can_read_is_denied(void **state)
{
	struct seal_keypair *a, *b;

	(void)state;
	assert_int_equal(seal_keypair_create(NULL, &a), ST_OK);
	assert_int_equal(seal_keypair_store(a, path), ST_OK);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(seal_keypair_load(path, &b), ST_DENIED);
	seal_keypair_destroy(a);
}

static void
expect_malformed(const char *content, size_t size)
{
	struct seal_keypair *keys;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, size), size);
	close(fd);
	assert_int_equal(seal_keypair_load(path, &keys), ST_MALFORMED);
}

static void
test_damaged_key_file_is_malformed(void **state)
{
	char whole[128];
	int size =
	    snprintf(whole, sizeof(whole), "%s%064d\n", SEAL_FILE_MARK, 7);

	(void)state;
	expect_malformed("", 0);
	expect_malformed(whole, (size_t)size - 1);
	expect_malformed(whole, (size_t)size + 1);
	whole[20] = 'x';
	expect_malformed(whole, (size_t)size);
	whole[20] = '0';
	whole[0] = 'T';
	expect_malformed(whole, (size_t)size);
}

static void
test_both_sides_agree_on_a_secret_bound_to_its_context(void **state)
{
	uint8_t seed[SEAL_SEED_SIZE] = { 1 };
	struct seal_exchange *a = seal_exchange_create(seed);
	struct seal_exchange *b;
	uint8_t one[SEAL_SECRET_SIZE], two[SEAL_SECRET_SIZE];

	(void)state;
	seed[0] = 2;
	b = seal_exchange_create(seed);
	assert_non_null(a);
	assert_non_null(b);
	assert_int_equal(
	    seal_exchange_agree(a, seal_exchange_public(b), text, one), ST_OK);
	assert_int_equal(
	    seal_exchange_agree(b, seal_exchange_public(a), text, two), ST_OK);
	assert_memory_equal(one, two, sizeof(one));
	assert_true(seal_tag(one, "token", 1) == seal_tag(two, "token", 1));
	assert_true(seal_tag(one, "token", 1) != seal_tag(one, "token", 2));
	assert_true(seal_tag(one, "token", 1) != seal_tag(one, "other", 1));
	assert_int_equal(
	    seal_exchange_agree(b, seal_exchange_public(a), other, two), ST_OK);
	assert_memory_not_equal(one, two, sizeof(one));
	seal_exchange_destroy(a);
	seal_exchange_destroy(b);
}

static void
test_a_point_without_secret_is_denied(void **state)
{
	uint8_t seed[SEAL_SEED_SIZE] = { 1 };
	uint8_t zero[SEAL_PUBLIC_SIZE] = { 0 };
	uint8_t secret[SEAL_SECRET_SIZE];
	struct seal_exchange *a = seal_exchange_create(seed);

	(void)state;
	assert_int_equal(seal_exchange_agree(a, zero, text, secret), ST_DENIED);
	seal_exchange_destroy(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define RUN(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		RUN(test_signature_fits_its_key_and_text_only),
		RUN(test_stored_keys_load_and_are_never_overwritten),
		RUN(test_key_file_that_others_can_read_is_denied),
		RUN(test_damaged_key_file_is_malformed),
		RUN(test_both_sides_agree_on_a_secret_bound_to_its_context),
		RUN(test_a_point_without_secret_is_denied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
