#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "load/crew_inside.h"

/*
 * A process that stands before the inbox of a node and passes bytes both
 * ways.  Told 'c' it breaks every connection and takes no new one, until it is
 * told 'o'.  What is in its hands is lost then, as in a cable that is cut.
 */

#define PROXY_PAIRS_MAX 128
#define PROXY_BYTES 65536

struct pair {
	int ends[2]; /* -1: free */
	struct {
		size_t from, to; /* of bytes read and not written yet */
		char bytes[PROXY_BYTES];
	} way[2]; /* way[i] is what ends[i] has said */
};

struct proxy {
	int listener;
	const char *listen_path;
	const char *to_path;
	struct pair *pairs;
	bool cut;
};

static struct sockaddr_un
proxy_address(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	return a;
}

static void
proxy_listen(struct proxy *p)
{
	struct sockaddr_un a = proxy_address(p->listen_path);

	(void)unlink(p->listen_path);
	p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (p->listener < 0 ||
	    bind(p->listener, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(p->listener, PROXY_PAIRS_MAX) != 0)
		_exit(1);
}

static void
pair_close(struct pair *pair)
{
	for (int i = 0; i < 2; i++) {
		if (pair->ends[i] >= 0)
			close(pair->ends[i]);
		pair->ends[i] = -1;
		pair->way[i].from = pair->way[i].to = 0;
	}
}

static void
proxy_cut(struct proxy *p)
{
	p->cut = true;
	close(p->listener);
	(void)unlink(p->listen_path);
	p->listener = -1;
	for (int i = 0; i < PROXY_PAIRS_MAX; i++)
		pair_close(&p->pairs[i]);
}

static void
proxy_accept(struct proxy *p)
{
	struct sockaddr_un a = proxy_address(p->to_path);
	int one = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK);
	int other;

	if (one < 0)
		return;
	other = socket(AF_UNIX, SOCK_STREAM, 0);
	for (int i = 0; other >= 0 && i < PROXY_PAIRS_MAX; i++) {
		if (p->pairs[i].ends[0] >= 0)
			continue;
		if (connect(other, (struct sockaddr *)&a, sizeof(a)) != 0)
			break;
		fcntl(other, F_SETFL, O_NONBLOCK);
		p->pairs[i].ends[0] = one;
		p->pairs[i].ends[1] = other;
		return;
	}
	close(one);
	if (other >= 0)
		close(other);
}

/* False: the connection is broken. */
static bool
pair_move(struct pair *pair, int i, short events, short other_events)
{
	ssize_t n;

	if (pair->way[i].from == pair->way[i].to &&
	    (events & (POLLIN | POLLHUP | POLLERR)) != 0) {
		n = read(pair->ends[i], pair->way[i].bytes, PROXY_BYTES);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			return false;
		pair->way[i].from = 0;
		pair->way[i].to = n < 0 ? 0 : (size_t)n;
		other_events |= POLLOUT;
	}
	if (pair->way[i].from < pair->way[i].to &&
	    (other_events & POLLOUT) != 0) {
		n = send(pair->ends[1 - i],
		    pair->way[i].bytes + pair->way[i].from,
		    pair->way[i].to - pair->way[i].from, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return false;
		pair->way[i].from += n < 0 ? 0 : (size_t)n;
	}
	return true;
}

static short
pair_wants(const struct pair *pair, int i)
{
	short wants = 0;

	if (pair->way[i].from == pair->way[i].to)
		wants |= POLLIN;
	if (pair->way[1 - i].from < pair->way[1 - i].to)
		wants |= POLLOUT;
	return wants;
}

static void
proxy_obey(struct proxy *p, int orders)
{
	char what;

	if (read(orders, &what, 1) != 1)
		_exit(0);
	if (what == 'c' && !p->cut) {
		proxy_cut(p);
	} else if (what == 'o' && p->cut) {
		p->cut = false;
		proxy_listen(p);
	}
}

static void
proxy_turn(struct proxy *p, int orders)
{
	struct pollfd fds[2 + 2 * PROXY_PAIRS_MAX];

	fds[0] = (struct pollfd){ orders, POLLIN, 0 };
	fds[1] = (struct pollfd){ p->listener, POLLIN, 0 };
	for (int k = 0; k < PROXY_PAIRS_MAX; k++)
		for (int i = 0; i < 2; i++)
			fds[2 + 2 * k + i] =
			    (struct pollfd){ p->pairs[k].ends[i],
				    pair_wants(&p->pairs[k], i), 0 };
	if (poll(fds, 2 + 2 * PROXY_PAIRS_MAX, -1) < 0)
		return;
	for (int k = 0; k < PROXY_PAIRS_MAX; k++) {
		const struct pollfd *f = &fds[2 + 2 * k];
		struct pair *pair = &p->pairs[k];

		if (pair->ends[0] >= 0 &&
		    (!pair_move(pair, 0, f[0].revents, f[1].revents) ||
			!pair_move(pair, 1, f[1].revents, f[0].revents)))
			pair_close(pair);
	}
	if (fds[1].revents != 0)
		proxy_accept(p);
	if (fds[0].revents != 0)
		proxy_obey(p, orders);
}

_Noreturn void
crew_proxy_run(const char *listen_path, const char *to_path, int orders)
{
	struct proxy p = { .listen_path = listen_path, .to_path = to_path };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	p.pairs = calloc(PROXY_PAIRS_MAX, sizeof(p.pairs[0]));
	if (p.pairs == NULL)
		_exit(1);
	for (int i = 0; i < PROXY_PAIRS_MAX; i++)
		p.pairs[i].ends[0] = p.pairs[i].ends[1] = -1;
	proxy_listen(&p);
	for (;;)
		proxy_turn(&p, orders);
}
