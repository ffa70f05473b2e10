#include "tests/link_rig.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define URL_MAX 256

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
/*
 * libnng is not instrumented: what its atomic counters order, the last user of
 * a stream's dialer and its end, looks like a race to TSan.
 */
const char *__tsan_default_suppressions(void);

const char *
__tsan_default_suppressions(void)
{
	return "race:pthread_mutex_destroy\n";
}
#endif
#endif

#define RIG_FRAME_MAX (sizeof(uint64_t) + LINK_PAD_MAX)

static uint8_t rig_frame[RIG_FRAME_MAX];
static uint8_t rig_joined[RIG_FRAME_MAX];

uint64_t
link_rig_random(uint64_t *seed)
{
	uint64_t z = (*seed += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void
rig_random(void *ctx, void *bytes, size_t size)
{
	struct link_end *end = ctx;
	uint8_t *at = bytes;

	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)link_rig_random(&end->seed);
}

static void
rig_wake(void *ctx)
{
	struct link_end *end = ctx;
	uint64_t one = 1;

	atomic_store(&end->woken, true);
	if (end->wake_fd >= 0 &&
	    write(end->wake_fd, &one, sizeof(one)) != sizeof(one))
		return; /* it is full of wake-ups already */
}

static bool
rig_key_of(void *ctx, const char *name, uint8_t ret_public[SEAL_PUBLIC_SIZE])
{
	const struct link_end *end = ctx;

	for (size_t i = 0; i < LINK_ENDS; i++) {
		const struct link_end *e = &end->others[i];

		if (e->keys == NULL || strcmp(e->config.name, name) != 0)
			continue;
		memcpy(
		    ret_public, seal_keypair_public(e->keys), SEAL_PUBLIC_SIZE);
		return true;
	}
	return false;
}

size_t
link_frame_join(const struct link_frame *f, uint8_t *ret)
{
	memcpy(ret, f->head.at, f->head.size);
	if (f->rest.size > 0)
		memcpy(ret + f->head.size, f->rest.at, f->rest.size);
	return f->head.size + f->rest.size;
}

static uint8_t
rig_pad_of(uint64_t number)
{
	return (uint8_t)(number / RIG_ALIKE);
}

static void
rig_on_frame(void *ctx, uint16_t peer, const struct link_frame *frame)
{
	struct link_end *end = ctx;
	size_t size = link_frame_join(frame, rig_joined);
	uint64_t number;
	bool good = size >= sizeof(number);

	(void)peer;
	if (good) {
		size_t pad = size - sizeof(number);

		memcpy(&number, rig_joined + pad, sizeof(number));
		good = number == end->got;
		for (size_t i = 0; i < pad; i++)
			good &= rig_joined[i] == rig_pad_of(number);
	}
	end->got_bytes += size;
	end->bad += !good;
	end->got += good;
}

static void
rig_on_state(void *ctx, uint16_t peer, enum link_state was, enum link_state now,
    uint64_t incarnation, const char *why)
{
	struct link_end *end = ctx;
	struct link_change *c;

	assert(end->nchanges < LINK_CHANGES_MAX);
	c = &end->changes[end->nchanges++];
	c->peer = peer;
	c->was = was;
	c->now = now;
	c->incarnation = incarnation;
	snprintf(c->why, sizeof(c->why), "%s", why);
}

static const char *const rig_names[LINK_ENDS] = { "edge", "core", "vault",
	"other" };

static void
rig_fill_urls(
    struct link_end *ends, struct link_end *e, const char *dir, uint16_t nends)
{
	static char urls[LINK_ENDS][URL_MAX];

	for (uint16_t i = 0; i < nends; i++) {
		struct link_peer *p = &e->peers[e->config.npeers];

		snprintf(urls[i], URL_MAX, "ipc://%s/%s", dir, rig_names[i]);
		if (e == &ends[i]) {
			e->config.listen = urls[i];
			continue;
		}
		*p = (struct link_peer){ i, rig_names[i], urls[i] };
		e->config.npeers++;
	}
}

void
link_end_init(struct link_end *ends, uint16_t node, const char *dir,
    uint16_t nends, const struct clock *clock)
{
	struct link_end *e = &ends[node];
	uint8_t seed[SEAL_SEED_SIZE];

	memset(e, 0, sizeof(*e));
	memset(seed, node + 1, sizeof(seed));
	assert(seal_start() == ST_OK);
	assert(seal_keypair_create(seed, &e->keys) == ST_OK);
	e->others = ends;
	e->wake_fd = -1;
	e->seed = (uint64_t)node + 1;
	e->config = (struct links_config){ .node = node,
		.name = rig_names[node],
		.peers = e->peers,
		.version = 1,
		.catalogue = 0x1234,
		.topology = 0x5678,
		.clock = clock,
		.keys = e->keys,
		.ctx = e,
		.random = rig_random,
		.wake = rig_wake,
		.key_of = rig_key_of,
		.on_frame = rig_on_frame,
		.on_state = rig_on_state };
	rig_fill_urls(ends, e, dir, nends);
}

void
link_end_fini(struct link_end *end)
{
	links_destroy(end->links);
	end->links = NULL;
	seal_keypair_destroy(end->keys);
	end->keys = NULL;
}

enum status
link_end_send(
    struct link_end *end, uint16_t peer, enum link_lane lane, size_t pad)
{
	enum status st;

	memset(rig_frame, rig_pad_of(end->sent), pad);
	memcpy(rig_frame + pad, &end->sent, sizeof(end->sent));
	st = links_send(
	    end->links, peer, lane, rig_frame, sizeof(end->sent) + pad);
	end->sent += st == ST_OK;
	return st;
}

size_t
link_end_count(const struct link_end *end, enum link_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < end->nchanges; i++)
		n += end->changes[i].now == state;
	return n;
}
