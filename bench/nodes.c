/*
 * nodes - actor to actor between two processes, over ipc://, tcp:// or TLS.
 *
 * Each process is a node with its bridge; a producer here signals a consumer
 * there, 64 bytes of load, as fast as the consumer's credit allows.  Then one
 * request is in flight at a time: what a sleeping peer costs.  The limit
 * beside it: the same bytes through a bare Unix socket, 64 KiB a write.
 *
 *   bench_nodes [rounds [ipc | tcp | tls]]
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "bench/bench.h"
#include "bench/finish.h"
#include "bench/folder.h"
#include "runtime/base/log.h"
#include "runtime/bridge.h"
#include "runtime/link_cert.h"
#include "runtime/link_tls.h"

#define ROUNDS 5
#define ROUNDS_MAX 31
#define LOAD_SIZE 64
#define COUNT_WANTED 3000000u
#define TRIPS_WANTED 5000u
#define COUNT_WINDOW 16384u /* signals without credit */
#define COUNT_CREDIT 2048u  /* signals that the consumer grants at once */
#define BOX_MAX 65536
#define PATH_SIZE 128
#define FRAME_SIZE (LOAD_SIZE + 12) /* about, on the link; heads go once */
#define WRITE_SIZE 65536

struct side {
	uint64_t left;
	uint64_t seen;
};

static char dir[PATH_SIZE];
static unsigned ports[2]; /* of tcp://; 0: ipc:// in dir */
static bool secured;      /* tls+tcp:// instead */
static struct seal_keypair *keys[2];
static uint64_t far;
static uint64_t trips;
static uint8_t load[LOAD_SIZE];

/* ---- there: counts signals, echoes requests ---- */

static enum status
consumer_on_ping(struct actor *self, const struct msg *in)
{
	struct side *s = actor_state(self);
	const struct ping *p = in->body;

	if (in->ref != 0)
		return REPLY(self, in, pong, .number = p->number);
	s->seen++;
	if (s->seen % COUNT_CREDIT == 0 || p->number == 1)
		return SEND(self, in->from, pong, .number = p->number);
	return ST_OK;
}

static const struct handler consumer_on[] = { ON(ping, consumer_on_ping),
	{ 0 } };
static const struct actor_class consumer_class = {
	.name = "consumer",
	.state_size = sizeof(struct side),
	.mailbox_max = BOX_MAX,
	.mailbox_bytes_max = 64u << 20,
	.on = consumer_on,
};

/* ---- here: numbers go down; 1 is the last ---- */

static enum status
producer_send(struct actor *self, uint64_t count)
{
	struct side *s = actor_state(self);

	for (; count > 0 && s->left > 0; count--, s->left--)
		if (SEND(self, far, ping, .number = s->left,
			.load = { load, sizeof(load) }) != ST_OK)
			abort();
	return ST_OK;
}

static enum status producer_ask(struct actor *self);

static enum status
producer_on_echo(struct actor *self, struct op *op, const struct msg *reply)
{
	if (reply->id != MSG_pong)
		abort();
	(void)op_refuse(op, PROBLEM_INTERNAL, "");
	return producer_ask(self);
}

static enum status
producer_ask(struct actor *self)
{
	if (trips == 0) {
		run_end();
		return ST_OK;
	}
	trips--;
	return OP_ASK(op_open(self, NULL), far, ping, producer_on_echo,
	    .load = { load, sizeof(load) });
}

/* From outside: how many signals to send; 0: ask instead. */
static enum status
producer_on_ping(struct actor *self, const struct msg *in)
{
	struct side *s = actor_state(self);

	s->left = ((const struct ping *)in->body)->number;
	return s->left == 0 ? producer_ask(self)
			    : producer_send(self, COUNT_WINDOW);
}

static enum status
producer_on_pong(struct actor *self, const struct msg *in)
{
	if (((const struct pong *)in->body)->number == 1)
		run_end();
	return producer_send(self, COUNT_CREDIT);
}

static const struct handler producer_on[] = { ON(ping, producer_on_ping),
	ON(pong, producer_on_pong), { 0 } };
static const struct actor_class producer_class = {
	.name = "producer",
	.state_size = sizeof(struct side),
	.mailbox_max = BOX_MAX,
	.on = producer_on,
};

/* ---- a node and its bridge ---- */

static bool
on_key(void *ctx, const char *name, uint8_t ret_public[SEAL_PUBLIC_SIZE])
{
	(void)ctx;
	memcpy(ret_public, seal_keypair_public(keys[name[0] == 'b']),
	    SEAL_PUBLIC_SIZE);
	return true;
}

static void
url_make(int side, char *ret_url, size_t size)
{
	if (ports[side] == 0)
		snprintf(ret_url, size, "ipc://%s/%d", dir, side);
	else
		snprintf(ret_url, size, "%stcp://127.0.0.1:%u",
		    secured ? "tls+" : "", ports[side]);
}

/* A port of loopback that is free now. */
static unsigned
port_find(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (void *)&at, size) != 0 ||
	    getsockname(fd, (void *)&at, &size) != 0)
		abort();
	close(fd);
	return ntohs(at.sin_port);
}

static const char *const tls_names[] = { "a", "b" };
static const char *const tls_files[] = { "a.pem", "b.pem", "a.key", "b.key",
	"ca.pem" };

static const char *
tls_path(int file)
{
	static char paths[5][PATH_SIZE + 16];

	snprintf(
	    paths[file], sizeof(paths[file]), "%s/%s", dir, tls_files[file]);
	return paths[file];
}

static void
tls_certify(void)
{
	struct link_authority *a;

	if (link_authority_create("bench", &a) != ST_OK ||
	    link_authority_store(a, tls_path(4), NULL) != ST_OK)
		abort();
	for (int i = 0; i < 2; i++) {
		const struct link_cert c = { &tls_names[i], 1, -60, 86400 };

		if (link_authority_issue(a, &c, tls_path(i), tls_path(2 + i)) !=
		    ST_OK)
			abort();
	}
	link_authority_destroy(a);
}

static struct link_tls *
tls_open(uint32_t number, const struct link_peer *peer)
{
	const struct link_tls_config c = { .name = tls_names[number],
		.certfile = tls_path((int)number),
		.keyfile = tls_path(2 + (int)number),
		.ca_certs = tls_path(4),
		.peers = peer,
		.npeers = 1 };
	char why[LINK_TLS_WHY_SIZE];
	struct link_tls *tls = NULL;

	if (secured && link_tls_create(&c, &tls, why) != ST_OK)
		abort();
	return tls;
}

static struct node *
side_open(uint32_t number, const struct actor_class *class,
    uint64_t *ret_address, struct bridge **ret_bridge)
{
	char urls[2][PATH_SIZE + 16];
	struct link_peer peer = { (uint16_t)!number, number ? "a" : "b",
		urls[!number] };
	struct node_config nc = { .number = number,
		.name = number ? "b" : "a",
		.loops = 1,
		.threaded = true };
	struct bridge_config bc = { .listen = urls[number],
		.peers = &peer,
		.npeers = 1,
		.keys = keys[number],
		.key_of = on_key };
	struct node *n;

	for (int i = 0; i < 2; i++)
		url_make(i, urls[i], sizeof(urls[i]));
	bc.tls = tls_open(number, &peer); /* until the process ends */
	if (node_create(&nc, &n) != ST_OK ||
	    node_spawn(n, class, 0, 0, 0, ret_address) != ST_OK ||
	    bridge_create(n, &bc, ret_bridge) != ST_OK ||
	    node_start(n) != ST_OK)
		abort();
	return n;
}

/* The other process: ends with this one. */
static void
other_run(void)
{
	struct bridge *b;
	uint64_t address;
	int end;
	sigset_t set;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	(void)side_open(1, &consumer_class, &address, &b);
	sigwait(&set, &end);
	_exit(0);
}

/* CPU time of both ends: hardly sees the neighbours. */
struct ends {
	double here_s, there_s;
};

static struct ends
ends_now(pid_t other)
{
	clockid_t there;

	CHECK(clock_getcpuclockid(other, &there) == 0);
	return (struct ends){ bench_cpu_s(), bench_clock_s(there) };
}

static double
run_signal(struct node *n, uint64_t producer, uint64_t number)
{
	struct ping go = { .number = number };
	double start_s = bench_now_s();

	if (node_signal(n, producer, MSG_ping, &go) != ST_OK)
		abort();
	return run_wait() - start_s;
}

/* ---- the peer: bytes through a Unix socket ---- */

static void
bare_read(int fd, uint64_t left)
{
	static char bytes[WRITE_SIZE];

	while (left > 0) {
		ssize_t got = read(fd, bytes, sizeof(bytes));

		if (got <= 0)
			_exit(1);
		left -= (uint64_t)got < left ? (uint64_t)got : left;
	}
	_exit(write(fd, bytes, 1) != 1);
}

static double
run_bare(void)
{
	static char bytes[WRITE_SIZE];
	uint64_t left = (uint64_t)COUNT_WANTED * FRAME_SIZE;
	double start_s;
	int fds[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0 || (pid = fork()) < 0)
		abort();
	if (pid == 0)
		bare_read(fds[1], left);
	start_s = bench_now_s();
	while (left > 0) {
		ssize_t put =
		    write(fds[0], bytes, left < WRITE_SIZE ? left : WRITE_SIZE);

		if (put <= 0)
			abort();
		left -= (uint64_t)put;
	}
	if (read(fds[0], bytes, 1) != 1)
		abort();
	start_s = bench_now_s() - start_s;
	waitpid(pid, NULL, 0);
	close(fds[0]);
	close(fds[1]);
	return COUNT_WANTED / start_s / 1e6;
}

static void
print(double *counts, double *here_ns, double *there_ns, double *trip_us,
    double *bare, size_t rounds)
{
	double count = bench_median(counts, rounds);
	double here = bench_median(here_ns, rounds);
	double there = bench_median(there_ns, rounds);
	double trip = bench_median(trip_us, rounds);
	double peer = bench_median(bare, rounds);

	fprintf(stderr, "%-40s %9s %9s\n",
	    secured    ? "two processes, TLS, 64 bytes"
	    : ports[0] ? "two processes, tcp://, 64 bytes"
		       : "two processes, ipc://, 64 bytes",
	    "median", "best");
	fprintf(stderr, "%-40s %9.3f %9.3f million/s  >= 5\n",
	    "actor to actor, counting", count, counts[rounds - 1]);
	fprintf(stderr, "%-40s %9.1f %9.1f ns\n", "  CPU a message, sender",
	    here, here_ns[0]);
	fprintf(stderr, "%-40s %9.1f %9.1f ns\n", "  CPU a message, receiver",
	    there, there_ns[0]);
	fprintf(stderr, "%-40s %9.3f %9.3f million/s\n",
	    "  peer: the bytes through a bare socket", peer, bare[rounds - 1]);
	fprintf(stderr, "%-40s %9.1f %9.1f us\n",
	    "actor to actor, round trip, 1 in flight", trip, trip_us[0]);
	printf("{\"bench\":\"nodes\",\"rounds\":%zu,\"load\":%.2f,"
	       "\"count\":%.3f,\"count_best\":%.3f,\"sender_ns\":%.1f,"
	       "\"receiver_ns\":%.1f,\"trip_us\":%.2f,\"bare_count\":%.3f}\n",
	    rounds, bench_load(), count, counts[rounds - 1], here, there, trip,
	    peer);
}

static void
keys_make(void)
{
	uint8_t seed[SEAL_SEED_SIZE] = { 0 };

	if (seal_start() != ST_OK)
		abort();
	for (int i = 0; i < 2; i++) {
		seed[0] = (uint8_t)i;
		if (seal_keypair_create(seed, &keys[i]) != ST_OK)
			abort();
	}
}

int
main(int argc, char **argv)
{
	size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : ROUNDS;
	double counts[ROUNDS_MAX], trip_us[ROUNDS_MAX], bare[ROUNDS_MAX];
	double here_ns[ROUNDS_MAX], there_ns[ROUNDS_MAX];
	struct bridge *bridge;
	struct node *n;
	uint64_t producer;
	pid_t pid;

	if (rounds < 1 || rounds > ROUNDS_MAX)
		rounds = ROUNDS;
	for (int i = 0; argc > 2 && i < 2; i++)
		ports[i] = strcmp(argv[2], "ipc") != 0 ? port_find() : 0;
	secured = argc > 2 && strcmp(argv[2], "tls") == 0;
	log_set_level(LOG_ERROR);
	snprintf(dir, sizeof(dir), "/tmp/troupe-bench-XXXXXX");
	if (mkdtemp(dir) == NULL)
		abort();
	keys_make();
	if (secured)
		tls_certify();
	pid = fork();
	if (pid == 0)
		other_run();
	n = side_open(0, &producer_class, &producer, &bridge);
	/* The first actor that a node spawns has the same number on each. */
	far = producer | UINT64_C(1) << 52;
	trips = 1; /* waits until the link is up */
	(void)run_signal(n, producer, 0);
	for (size_t r = 0; r < rounds; r++) {
		struct ends was = ends_now(pid), now;

		counts[r] =
		    COUNT_WANTED / run_signal(n, producer, COUNT_WANTED) / 1e6;
		now = ends_now(pid);
		here_ns[r] = (now.here_s - was.here_s) / COUNT_WANTED * 1e9;
		there_ns[r] = (now.there_s - was.there_s) / COUNT_WANTED * 1e9;
		bare[r] = run_bare();
		trips = TRIPS_WANTED;
		trip_us[r] = run_signal(n, producer, 0) * 1e6 / TRIPS_WANTED;
	}
	node_stop(n);
	bridge_destroy(bridge);
	node_destroy(n);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	remove_folder(dir);
	print(counts, here_ns, there_ns, trip_us, bare, rounds);
	return 0;
}
