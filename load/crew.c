#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load/crew_inside.h"
#include "load/interrupt.h"
#include "load/scratch.h"

#define CREW_POLL_US 2000

static uint64_t
crew_now_us(void)
{
	return clock_mono_us(&clock_system);
}

void
crew_wait(uint64_t us)
{
	(void)poll(NULL, 0, (int)((us + 999) / 1000));
}

static enum status
crew_failed(char why[CREW_WHY_SIZE], const char *what)
{
	snprintf(why, CREW_WHY_SIZE, "%s: %s", what, strerror(errno));
	return ST_IO;
}

static void
crew_ipc_url(const char *dir, uint32_t node, const char *ending, char *ret_url)
{
	snprintf(ret_url, CREW_URL_SIZE, "ipc://%s/n%u%s", dir, (unsigned)node,
	    ending);
}

static enum status
crew_name_nodes(struct crew *c)
{
	for (uint32_t i = 0; i < c->placement.nodes; i++) {
		struct crew_node *n = &c->nodes[i];

		n->orders = n->proxy_orders = -1;
		snprintf(n->name, sizeof(n->name), "n%u", (unsigned)i);
		if (c->placement.namespaces) {
			crew_host_url(i, n->listen);
			crew_host_url(i, n->dial);
		} else {
			crew_ipc_url(c->dir, i, "", n->listen);
			crew_ipc_url(
			    c->dir, i, c->cuttable ? ".cut" : "", n->dial);
		}
		if (seal_keypair_create(NULL, &n->keys) != ST_OK)
			return ST_NO_MEMORY;
	}
	return ST_OK;
}

enum status
crew_create(struct ledger *l, const struct placement *p, bool cuttable,
    struct crew **ret_crew, char ret_why[CREW_WHY_SIZE])
{
	struct crew *c = calloc(1, sizeof(*c));
	enum status st = ST_OK;

	snprintf(ret_why, CREW_WHY_SIZE, "out of memory");
	if (c == NULL)
		return ST_NO_MEMORY;
	c->l = l;
	c->placement = *p;
	c->cuttable = cuttable && !p->namespaces;
	signal(SIGPIPE, SIG_IGN);
	if (scratch_make(c->dir) != ST_OK)
		st = crew_failed(ret_why, "cannot make a scratch folder");
	if (st == ST_OK && p->namespaces)
		st = crew_host_prepare(c, ret_why);
	if (st == ST_OK)
		st = seal_start();
	if (st == ST_OK)
		st = crew_name_nodes(c);
	if (st == ST_OK && p->namespaces)
		st = crew_host_certify(c);
	if (st != ST_OK) {
		crew_destroy(c);
		return st;
	}
	*ret_crew = c;
	return ST_OK;
}

/* In a child: what belongs to the conductor and to others is closed. */
static void
crew_close_others(struct crew *c)
{
	for (uint32_t i = 0; i < c->placement.nodes; i++) {
		if (c->nodes[i].orders >= 0)
			close(c->nodes[i].orders);
		if (c->nodes[i].proxy_orders >= 0)
			close(c->nodes[i].proxy_orders);
	}
}

static enum status
crew_fork(struct crew *c, int *ret_orders, pid_t *ret_pid, int *ret_child_end)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return ST_IO;
	(void)fflush(NULL);
	*ret_pid = fork();
	if (*ret_pid == 0) {
		close(ends[0]);
		crew_close_others(c);
		*ret_child_end = ends[1];
		return ST_OK;
	}
	close(ends[1]);
	if (*ret_pid < 0) {
		close(ends[0]);
		return ST_IO;
	}
	*ret_orders = ends[0];
	return ST_OK;
}

static enum status
crew_start_proxy(struct crew *c, struct crew_node *n)
{
	int child_end = -1;
	enum status st = crew_fork(c, &n->proxy_orders, &n->proxy, &child_end);

	if (st == ST_OK && n->proxy == 0)
		crew_proxy_run(n->dial + strlen("ipc://"),
		    n->listen + strlen("ipc://"), child_end);
	return st;
}

enum status
crew_start_node(struct crew *c, uint32_t node)
{
	struct crew_node *n = &c->nodes[node];
	int child_end = -1;
	enum status st;

	if (n->orders >= 0)
		close(n->orders);
	n->orders = -1;
	n->expected_to_die = false;
	atomic_store(&c->l->nodes[node].ups, 0);
	st = crew_fork(c, &n->orders, &n->pid, &child_end);
	if (st == ST_OK && n->pid == 0)
		crew_node_run(c, node, child_end);
	atomic_store(&c->l->nodes[node].pid, n->pid);
	return st;
}

bool
crew_is_up(const struct crew *c)
{
	uint32_t all = c->placement.nodes == 32
			   ? UINT32_MAX
			   : (UINT32_C(1) << c->placement.nodes) - 1;

	for (uint32_t i = 0; i < c->placement.nodes; i++) {
		const struct ledger_node *n = &c->l->nodes[i];

		if (atomic_load(&n->ready) <= atomic_load(&n->deaths) ||
		    (atomic_load(&n->ups) | UINT32_C(1) << i) != all)
			return false;
	}
	return true;
}

static enum status
crew_wait_up(struct crew *c, char why[CREW_WHY_SIZE])
{
	uint64_t until_us = crew_now_us() + CREW_READY_US;

	while (!crew_is_up(c)) {
		if (!crew_look(c, why))
			return ST_CLOSED;
		if (crew_now_us() > until_us || interrupt_came()) {
			snprintf(why, CREW_WHY_SIZE,
			    "the nodes do not reach one another");
			return ST_TIMEOUT;
		}
		crew_wait(CREW_POLL_US);
	}
	return ST_OK;
}

enum status
crew_start(struct crew *c, char ret_why[CREW_WHY_SIZE])
{
	for (uint32_t i = 0; i < c->placement.nodes; i++)
		if (c->cuttable && crew_start_proxy(c, &c->nodes[i]) != ST_OK)
			return crew_failed(ret_why, "cannot start a proxy");
	for (uint32_t i = 0; i < c->placement.nodes; i++)
		if (crew_start_node(c, i) != ST_OK)
			return crew_failed(ret_why, "cannot start a node");
	return crew_wait_up(c, ret_why);
}

void
crew_order(struct crew *c, uint32_t node, const struct order *o)
{
	if (c->nodes[node].orders >= 0)
		(void)send(c->nodes[node].orders, o, sizeof(*o), MSG_NOSIGNAL);
}

void
crew_order_all(struct crew *c, const struct order *o)
{
	for (uint32_t i = 0; i < c->placement.nodes; i++)
		crew_order(c, i, o);
}

static bool
crew_on_exit(struct crew *c, uint32_t node, int status, char why[CREW_WHY_SIZE])
{
	struct crew_node *n = &c->nodes[node];

	n->pid = 0;
	atomic_fetch_add(&c->l->nodes[node].deaths, 1);
	if (n->expected_to_die)
		return true;
	if (WIFSIGNALED(status))
		snprintf(why, CREW_WHY_SIZE, "node %s was ended by signal %d",
		    n->name, WTERMSIG(status));
	else
		snprintf(why, CREW_WHY_SIZE, "node %s ended with %d", n->name,
		    WEXITSTATUS(status));
	return false;
}

bool
crew_look(struct crew *c, char ret_why[CREW_WHY_SIZE])
{
	bool ok = true;
	int status;

	for (uint32_t i = 0; i < c->placement.nodes; i++)
		if (c->nodes[i].pid > 0 && waitpid(c->nodes[i].pid, &status,
					       WNOHANG) == c->nodes[i].pid)
			ok &= crew_on_exit(c, i, status, ret_why);
	return ok;
}

void
crew_signal(struct crew *c, uint32_t node, int signal_number)
{
	struct crew_node *n = &c->nodes[node];

	if (n->pid <= 0)
		return;
	n->expected_to_die |= signal_number == SIGKILL;
	kill(n->pid, signal_number);
}

void
crew_cut(struct crew *c, uint32_t node, bool cut)
{
	char byte = cut ? 'c' : 'o';

	if (c->placement.namespaces)
		crew_host_cut(node, cut);
	else if (c->nodes[node].proxy_orders >= 0)
		(void)send(c->nodes[node].proxy_orders, &byte, 1, MSG_NOSIGNAL);
}

static bool
crew_any_runs(const struct crew *c)
{
	for (uint32_t i = 0; i < c->placement.nodes; i++)
		if (c->nodes[i].pid > 0)
			return true;
	return false;
}

/* All are told at once, since each waits for nobody's answer any more. */
enum status
crew_end(struct crew *c, char ret_why[CREW_WHY_SIZE])
{
	uint64_t until_us = crew_now_us() + CREW_END_US;
	bool ok = true;
	int status;

	for (uint32_t i = 0; i < c->placement.nodes; i++) {
		if (c->nodes[i].orders >= 0)
			close(c->nodes[i].orders);
		c->nodes[i].orders = -1;
	}
	while (crew_any_runs(c)) {
		for (uint32_t i = 0; i < c->placement.nodes; i++) {
			struct crew_node *n = &c->nodes[i];

			if (n->pid <= 0 ||
			    waitpid(n->pid, &status, WNOHANG) != n->pid)
				continue;
			n->pid = 0;
			if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
				continue;
			ok = false;
			snprintf(ret_why, CREW_WHY_SIZE,
			    "node %s did not end in peace", n->name);
		}
		if (crew_now_us() > until_us) {
			snprintf(ret_why, CREW_WHY_SIZE, "a node does not end");
			return ST_TIMEOUT;
		}
		crew_wait(CREW_POLL_US);
	}
	return ok ? ST_OK : ST_CLOSED;
}

void
crew_destroy(struct crew *c)
{
	if (c == NULL)
		return;
	for (uint32_t i = 0; i < c->placement.nodes; i++) {
		struct crew_node *n = &c->nodes[i];

		if (n->pid > 0) {
			kill(n->pid, SIGKILL);
			waitpid(n->pid, NULL, 0);
		}
		if (n->proxy > 0) {
			kill(n->proxy, SIGKILL);
			waitpid(n->proxy, NULL, 0);
		}
		if (n->orders > 0)
			close(n->orders);
		if (n->proxy_orders > 0)
			close(n->proxy_orders);
		if (n->netns > 0)
			close(n->netns);
		seal_keypair_destroy(n->keys);
	}
	scratch_remove(c->dir);
	free(c);
}
