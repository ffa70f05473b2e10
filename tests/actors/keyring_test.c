/* The ring of token keys, and the file it rests in. */
#include "actors/keyring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/seal_file.h"
#include "tests/tempdir.h"

#define NOW INT64_C(1775210400000000)

struct ring {
	struct keyring *k;
	const char *folder;
	char path[64];
};

static const uint8_t key_id[TOKEN_KEY_ID_MAX / 2] = { 0xab };
static const uint8_t secret[64] = { 9, 8, 7 };

static void
ring_open(struct ring *r)
{
	r->folder = tempdir_make();
	snprintf(r->path, sizeof(r->path), "%s/" KEYRING_FILE, r->folder);
	r->k = keyring_create();
	assert_non_null(r->k);
	assert_int_equal(
	    keyring_load(r->k, r->folder, "first.key"), ST_NOT_FOUND);
}

static enum status
ring_reopen(struct ring *r)
{
	keyring_destroy(r->k);
	r->k = keyring_create();
	assert_non_null(r->k);
	return keyring_load(r->k, r->folder, "first.key");
}

static void
ring_close(struct ring *r)
{
	keyring_destroy(r->k);
	(void)unlink(r->path);
	assert_int_equal(rmdir(r->folder), 0);
}

static enum status
ring_add(struct ring *r, enum token_algorithm algorithm, size_t size)
{
	return keyring_add(r->k, KEYRING_TOKEN, algorithm,
	    (struct bytes){ secret, size }, key_id, NOW);
}

static void
test_ring_is_as_it_was_after_a_restart(void **state)
{
	struct token_key was[TOKEN_KEYS_MAX], now[TOKEN_KEYS_MAX];
	struct stat about;
	char ids[2][TOKEN_KEY_ID_MAX + 1];
	struct ring r;

	(void)state;
	ring_open(&r);
	assert_int_equal(ring_add(&r, TOKEN_EDDSA, 32), ST_OK);
	r.k->keys[0].known = true;
	r.k->keys[0].life_us = 1234;
	assert_int_equal(ring_add(&r, TOKEN_HS512, 64), ST_OK);
	assert_int_equal(
	    keyring_add(r.k, KEYRING_REFRESH, TOKEN_EDDSA,
		(struct bytes){ secret, KEYRING_REFRESH_SIZE }, key_id, NOW),
	    ST_OK);
	assert_int_equal(keyring_verifiers(r.k, was), 2);
	for (size_t i = 0; i < 2; i++)
		snprintf(ids[i], sizeof(ids[i]), "%s", was[i].key_id);
	assert_int_equal(keyring_save(r.k), ST_OK);
	assert_int_equal(stat(r.path, &about), 0);
	assert_int_equal(about.st_mode & 0777, 0600);

	assert_int_equal(ring_reopen(&r), ST_OK);
	assert_int_equal(keyring_verifiers(r.k, now), 2);
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(now[i].key_id, ids[i]);
	assert_int_equal(now[0].algorithm, TOKEN_HS512);
	assert_memory_equal(now[0].verifier.at, secret, 64);
	assert_string_equal(keyring_signing(r.k)->key_id, ids[1]);
	assert_int_equal(keyring_signing(r.k)->life_us, 1234);
	assert_string_equal(keyring_waiting(r.k)->key_id, ids[0]);
	assert_memory_equal(
	    keyring_refresh(r.k, 0)->secret, secret, KEYRING_REFRESH_SIZE);
	assert_null(keyring_refresh(r.k, 1));
	ring_close(&r);
}

/* An old key verifies as long as the longest of its tokens lives. */
static void
test_old_key_ends_with_its_last_token(void **state)
{
	struct token_key all[TOKEN_KEYS_MAX];
	struct ring r;

	(void)state;
	ring_open(&r);
	assert_int_equal(ring_add(&r, TOKEN_HS256, 32), ST_OK);
	r.k->keys[0].known = true;
	r.k->keys[0].life_us = 1000;
	assert_int_equal(ring_add(&r, TOKEN_HS512, 64), ST_OK);
	assert_int_equal(keyring_signing(r.k)->algorithm, TOKEN_HS256);
	r.k->keys[0].known = true;
	keyring_retire(r.k, NOW, false);
	assert_int_equal(keyring_signing(r.k)->algorithm, TOKEN_HS512);
	assert_int_equal(keyring_verifiers(r.k, all), 2);
	assert_int_equal(all[0].until, 0);
	assert_int_equal(all[1].until, NOW + 1000);
	keyring_retire(r.k, NOW + 500, false); /* does not move it */
	assert_false(keyring_sweep(r.k, NOW + 999));
	assert_true(keyring_sweep(r.k, NOW + 1000));
	assert_int_equal(keyring_verifiers(r.k, all), 1);
	assert_int_equal(all[0].algorithm, TOKEN_HS512);
	ring_close(&r);
}

static void
test_short_secrets_and_too_many_keys_are_refused(void **state)
{
	struct ring r;

	(void)state;
	ring_open(&r);
	assert_int_equal(ring_add(&r, TOKEN_HS256, 31), ST_MALFORMED);
	assert_int_equal(ring_add(&r, TOKEN_HS512, 63), ST_MALFORMED);
	assert_int_equal(ring_add(&r, TOKEN_EDDSA, 33), ST_MALFORMED);
	assert_int_equal(r.k->count, 0);
	for (int i = 0; i < TOKEN_KEYS_MAX; i++)
		assert_int_equal(ring_add(&r, TOKEN_HS256, 32), ST_OK);
	assert_int_equal(ring_add(&r, TOKEN_HS256, 32), ST_FULL);
	ring_close(&r);
}

#define LINE_ID "ab000000000000000000000000000000"
#define HEX32 "0908070000000000000000000000000000000000000000000000000000000000"

/* A file that is not wholly understood is not used in part. */
static void
test_odd_files_are_refused_whole(void **state)
{
	static const char *const texts[] = {
		"",
		"troupe-keys 2\n",
		"troupe-keys 1\n",
		"troupe-keys 1\nHS256 " LINE_ID " 1 0 1 0 " HEX32 "\n",
		"troupe-keys 1\nHS256 " LINE_ID " 1 0 1 1 " HEX32,
		"troupe-keys 1\nHS384 " LINE_ID " 1 0 1 1 " HEX32 "\n",
		"troupe-keys 1\nHS256 short 1 0 1 1 " HEX32 "\n",
		"troupe-keys 1\nHS256 " LINE_ID " -1 0 1 1 " HEX32 "\n",
		"troupe-keys 1\nHS256 " LINE_ID " 1 0 1 2 " HEX32 "\n",
		"troupe-keys 1\nHS256 " LINE_ID " 1 0 1 1 " HEX32 "00x\n",
		"troupe-keys 1\nHS512 " LINE_ID " 1 0 1 1 " HEX32 "\n",
		"troupe-keys 1\nHS256 " LINE_ID " 1 0 1 1 " HEX32 "\n\n",
	};
	static const char good[] =
	    "troupe-keys 1\nHS256 " LINE_ID " 1 0 1 1 " HEX32 "\n";
	struct ring r;

	(void)state;
	ring_open(&r);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(
		    seal_file_replace(r.path, texts[i], strlen(texts[i])),
		    ST_OK);
		assert_int_equal(ring_reopen(&r), ST_MALFORMED);
	}
	assert_int_equal(
	    seal_file_replace(r.path, good, sizeof(good) - 1), ST_OK);
	assert_int_equal(ring_reopen(&r), ST_OK);
	assert_int_equal(chmod(r.path, 0640), 0);
	assert_int_equal(ring_reopen(&r), ST_DENIED);
	ring_close(&r);
}

/* The key of an older data folder signs on, and its file is gone. */
static void
test_first_key_is_taken_in(void **state)
{
	struct seal_keypair *pair;
	char path[64], id[TOKEN_KEY_ID_MAX + 1];
	struct ring r;

	(void)state;
	ring_open(&r);
	assert_int_equal(seal_keypair_create(NULL, &pair), ST_OK);
	token_key_id(seal_keypair_public(pair), id);
	snprintf(path, sizeof(path), "%s/first.key", r.folder);
	assert_int_equal(seal_keypair_store(pair, path), ST_OK);
	seal_keypair_destroy(pair);
	assert_int_equal(ring_reopen(&r), ST_OK);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(ring_reopen(&r), ST_OK);
	assert_string_equal(keyring_signing(r.k)->key_id, id);
	ring_close(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring_is_as_it_was_after_a_restart),
		cmocka_unit_test(test_old_key_ends_with_its_last_token),
		cmocka_unit_test(
		    test_short_secrets_and_too_many_keys_are_refused),
		cmocka_unit_test(test_odd_files_are_refused_whole),
		cmocka_unit_test(test_first_key_is_taken_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
