/*
 * link_rig - one end of a link for tests: keys, callbacks that check that
 * every numbered frame arrives once and in order, and a record of states.
 */
#ifndef TESTS_LINK_RIG_H
#define TESTS_LINK_RIG_H

#include <stdatomic.h>

#include "runtime/link.h"

#define LINK_ENDS 4
#define LINK_CHANGES_MAX 2048
#define LINK_PAD_MAX LINK_FRAME_MAX

struct link_change {
	uint16_t peer;
	enum link_state was;
	enum link_state now;
	uint64_t incarnation;
	char why[64];
};

struct link_end {
	struct links *links;
	struct links_config config;
	struct link_peer peers[LINK_ENDS];
	struct seal_keypair *keys;
	const struct link_end *others; /* LINK_ENDS of them: the keyring */
	uint64_t seed;
	atomic_bool woken;
	int wake_fd; /* also written to when woken; -1: none */

	uint64_t sent; /* frames, to any peer */
	uint64_t got;  /* frames, in order */
	uint64_t bad;  /* frames out of order or of wrong content */
	uint64_t got_bytes;
	struct link_change changes[LINK_CHANGES_MAX];
	size_t nchanges;
};

/*
 * Fills end `node` of ends: name, keys, configuration with every other end as
 * a peer at ipc://DIR/NAME.  The test changes the configuration as it likes,
 * then calls links_create(&end->config, &end->links).
 */
void link_end_init(struct link_end *ends, uint16_t node, const char *dir,
    uint16_t nends, const struct clock *clock);

/* Destroys links, if any, and keys. */
void link_end_fini(struct link_end *end);

/*
 * Sends the next numbered frame, `pad` bytes before its number.  These are
 * the same in RIG_ALIKE frames in a row.
 */
#define RIG_ALIKE 4
MUST_CHECK enum status link_end_send(
    struct link_end *end, uint16_t peer, enum link_lane lane, size_t pad);

/* Changes into state, whoever the peer. */
size_t link_end_count(const struct link_end *end, enum link_state state);

/* Puts it together in ret, which has room for it; returns its size. */
size_t link_frame_join(const struct link_frame *f, uint8_t *ret);

/* splitmix64 (Steele, Lea and Flood 2014). */
uint64_t link_rig_random(uint64_t *seed);

#endif
