/* Who is let in, and what a liar may send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/link_pair.h"

/* --- who is let in --- */

static void
expect_refusal(const char *why)
{
	pair_open(A);
	pair_open(B);
	pair_run_us(3000000);
	assert_int_equal(link_end_count(A, LINK_UP), 0);
	assert_int_not_equal(links_state(B->links, 0), LINK_UP);
	assert_true(link_end_count(A, LINK_REFUSED) > 1);
	assert_true(link_end_count(B, LINK_REFUSED) > 0);
	for (size_t i = 0; i < A->nchanges; i++)
		if (A->changes[i].now == LINK_REFUSED)
			assert_string_equal(A->changes[i].why, why);
	assert_true(pair.refused_lines > 0 && pair.refused_lines <= 2);
	assert_true(links_stats(A->links, 1)->refusals > 0);
}

static void
test_another_version_is_refused(void **state)
{
	(void)state;
	B->config.version++;
	expect_refusal("protocol versions differ");
}

static void
test_another_catalogue_is_refused(void **state)
{
	(void)state;
	B->config.catalogue++;
	expect_refusal("message catalogues differ");
}

static void
test_another_topology_is_refused_until_it_fits(void **state)
{
	(void)state;
	B->config.topology++;
	expect_refusal("topologies differ");
	pair_close(B);
	B->config.topology--;
	pair_open(B);
	pair_run_until_up();
}

static void
test_another_name_is_refused(void **state)
{
	(void)state;
	B->config.name = "vault";
	expect_refusal("another name than the topology has");
}

static void
test_a_wrong_key_is_refused(void **state)
{
	struct seal_keypair *other;

	(void)state;
	assert_int_equal(seal_keypair_create(NULL, &other), ST_OK);
	B->config.keys = other;
	expect_refusal("the signature does not fit the key");
	seal_keypair_destroy(other);
}

static bool
no_keys(void *ctx, const char *name, uint8_t ret[SEAL_PUBLIC_SIZE])
{
	(void)ctx;
	(void)name;
	(void)ret;
	return false;
}

static void
test_an_unknown_key_is_refused(void **state)
{
	(void)state;
	A->config.key_of = no_keys;
	B->config.key_of = no_keys;
	expect_refusal("no public key is known for that name");
}

/* --- what a liar sends --- */

static void
inject_carry(uint64_t *seed)
{
	struct link_head h = { .kind = LINK_KIND_CARRY,
		.token = link_rig_random(seed),
		.ack = 1 };
	uint8_t bytes[LINK_HEAD_SIZE];

	link_net_inject(&pair.net, 1,
	    (struct bytes){ bytes, link_wire_put_head(&h, bytes) });
}

static void
inject_noise(uint64_t *seed)
{
	uint8_t noise[300];
	size_t size = (size_t)(link_rig_random(seed) % sizeof(noise));

	for (size_t i = 0; i < size; i++)
		noise[i] = (uint8_t)link_rig_random(seed);
	if (size > 3 && link_rig_random(seed) % 4 != 0) {
		noise[0] = LINK_MARK;
		noise[1] = (uint8_t)(1 + link_rig_random(seed) % 6);
		noise[2] = (uint8_t)(link_rig_random(seed) % 3);
		noise[3] = 0;
	}
	link_net_inject(&pair.net, 1, (struct bytes){ noise, size });
}

static void
test_noise_at_the_inbox_changes_nothing(void **state)
{
	uint64_t seed = 5;

	(void)state;
	pair_open_both();
	for (int i = 0; i < 3000; i++) {
		inject_noise(&seed);
		inject_carry(&seed);
		if (i % 10 == 0)
			assert_int_equal(
			    link_end_send(A, 1, LINK_NORMAL, 8), ST_OK);
		pair_step();
	}
	pair_run_us(100000);
	assert_int_equal(B->got, A->sent);
	assert_int_equal(B->bad, 0);
	assert_int_equal(link_end_count(B, LINK_LOST), 0);
	assert_int_equal(link_end_count(B, LINK_DOWN), 0);
	assert_true(links_stats(B->links, 0)->strays > 0);
	assert_true(links_stats(B->links, 0)->malformed > 0);
}

static uint8_t hello_seen[LINK_HELLO_MAX];
static size_t hello_size;

static bool
keep_hello(
    struct link_net *n, uint16_t from, uint16_t to, uint8_t *bytes, size_t size)
{
	(void)n;
	(void)to;
	if (from == 0 && bytes[1] == LINK_KIND_HELLO) {
		memcpy(hello_seen, bytes, size);
		hello_size = size;
	}
	return true;
}

/* A true hello said by another cannot end or take over a session. */
static void
test_a_replayed_or_forged_hello_changes_nothing(void **state)
{
	(void)state;
	pair.net.tap = keep_hello;
	pair_open_both();
	for (int i = 0; i < 200; i++) {
		hello_seen[LINK_HELLO_SIZE - 2] ^= (uint8_t)i;
		link_net_inject(
		    &pair.net, 1, (struct bytes){ hello_seen, hello_size });
		assert_int_equal(link_end_send(A, 1, LINK_NORMAL, 8), ST_OK);
		pair_run_us(10000);
	}
	pair_run_us(100000);
	assert_int_equal(B->got, 200);
	assert_int_equal(B->bad, 0);
	assert_int_equal(link_end_count(B, LINK_UP), 1);
	assert_int_equal(link_end_count(A, LINK_UP), 1);
}

static bool
spoil_batches(
    struct link_net *n, uint16_t from, uint16_t to, uint8_t *bytes, size_t size)
{
	(void)to;
	if (from == 0 && bytes[1] == LINK_KIND_CARRY && size > LINK_HEAD_SIZE) {
		bytes[LINK_HEAD_SIZE] ^= 0x40; /* the length of a frame */
		n->tap = NULL;
	}
	return true;
}

static void
test_a_malformed_batch_ends_the_link_not_the_node(void **state)
{
	(void)state;
	pair_open_both();
	pair.net.tap = spoil_batches;
	assert_int_equal(link_end_send(A, 1, LINK_NORMAL, 8), ST_OK);
	pair_run_us(3 * PAIR_STEP_US);
	assert_int_equal(pair_last(B)->now, LINK_DOWN);
	assert_string_equal(pair_last(B)->why, "malformed message");
	assert_int_equal(links_stats(B->links, 0)->malformed, 1);
	assert_int_equal(B->got, 0);
	pair_run_us(1000000);
	pair_run_until_up();
	A->sent = 0;
	assert_int_equal(link_end_send(A, 1, LINK_NORMAL, 8), ST_OK);
	pair_run_us(20000);
	assert_int_equal(B->got, 1);
}

static void
test_configuration_past_its_bounds_is_invalid(void **state)
{
	struct links *l = NULL;
	char name[LINK_NAME_MAX + 2];

	(void)state;
	A->config.transport = NULL;
	memset(name, 'x', sizeof(name));
	name[LINK_NAME_MAX + 1] = '\0';
	A->config.name = name;
	assert_int_equal(links_create(&A->config, &l), ST_INVALID);
	A->config.name = "edge";
	A->config.node = LINK_NODE_MAX + 1;
	assert_int_equal(links_create(&A->config, &l), ST_INVALID);
	A->config.node = 1; /* as its peer */
	assert_int_equal(links_create(&A->config, &l), ST_INVALID);
	A->config.node = 0;
	A->config.npeers = LINK_PEERS_MAX + 1;
	assert_int_equal(links_create(&A->config, &l), ST_INVALID);
	assert_null(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define RUN(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)
		RUN(test_another_version_is_refused),
		RUN(test_another_catalogue_is_refused),
		RUN(test_another_topology_is_refused_until_it_fits),
		RUN(test_another_name_is_refused),
		RUN(test_a_wrong_key_is_refused),
		RUN(test_an_unknown_key_is_refused),
		RUN(test_noise_at_the_inbox_changes_nothing),
		RUN(test_a_replayed_or_forged_hello_changes_nothing),
		RUN(test_a_malformed_batch_ends_the_link_not_the_node),
		RUN(test_configuration_past_its_bounds_is_invalid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
