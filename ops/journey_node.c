#include "ops/journey_node.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load/crew.h"

#define NODE_READY_MS 20000
#define NODE_END_US 15000000
#define NODE_POLL_US 5000
#define NODE_LINE_MAX 1024
#define NODE_ADDRESS_MARK " http="

static const char *const node_settings[] = {
	"api.auth.max_concurrent_sessions=0",
	"api.ws_max_connections_per_user=0",
	"api.ws_ticket_max_pending_per_user=50",
	"api.ws_tickets_per_minute=0",
	"api.ws_max_connections_total=20000",
	"api.ws_frame_timeout_seconds=600",
	NULL,
};

static enum status
node_failed(char why[RUN_WHY_SIZE], const char *what)
{
	snprintf(why, RUN_WHY_SIZE, "%s: %s", what, strerror(errno));
	return ST_IO;
}

static void
node_become(const struct journey_node *n, const char *parent, int out)
{
	const char *argv[32] = { "troupe", "run", "--child", parent, "--data",
		n->dir, "--listen", "127.0.0.1:0" };
	size_t count = 8;
	char log[SCRATCH_SIZE + 8];
	int err;

	for (size_t i = 0; node_settings[i] != NULL; i++) {
		argv[count++] = "--set";
		argv[count++] = node_settings[i];
	}
	snprintf(log, sizeof(log), "%s/log", n->dir);
	err = open(log, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* Its first line, "ready node=... http=HOST:PORT ...". */
static bool
node_read_ready(struct journey_node *n, int out)
{
	struct pollfd fd = { out, POLLIN, 0 };
	char line[NODE_LINE_MAX];
	size_t used = 0;
	const char *at;

	while (memchr(line, '\n', used) == NULL) {
		ssize_t got;

		if (used == sizeof(line) - 1 ||
		    poll(&fd, 1, NODE_READY_MS) != 1)
			return false;
		got = read(out, line + used, sizeof(line) - 1 - used);
		if (got <= 0)
			return false;
		used += (size_t)got;
	}
	line[used] = '\0';
	at = strstr(line, NODE_ADDRESS_MARK);
	if (at == NULL)
		return false;
	at += strlen(NODE_ADDRESS_MARK);
	snprintf(n->address, sizeof(n->address), "%.*s",
	    (int)strcspn(at, " \n"), at);
	return true;
}

/* The first account, by the same way that everybody takes. */
static enum status
node_set_up(const struct journey_node *n, char why[RUN_WHY_SIZE])
{
	static struct journey j;
	const struct journey_target t = { .address = n->address,
		.user = JOURNEY_USER,
		.password = JOURNEY_PASSWORD };
	struct run *r = calloc(1, sizeof(*r));
	enum status st = ST_NO_MEMORY;

	j = (struct journey){ .plan = { .actors = 1, .messages = 1 },
		.round = { .count = 1 } };
	j.round.list[0] = (struct step){ .kind = STEP_CALL,
		.expect = 201,
		.what = "POST /api/v1/auth/setup",
		.body = "{\"username\":\"$user\",\"password\":\"$password\"}" };
	if (r != NULL)
		st = journey_conduct(&j, &t, r, why);
	if (st == ST_OK && r->result.books.handled != 1) {
		snprintf(why, RUN_WHY_SIZE, "its first account was refused");
		st = ST_DENIED;
	}
	free(r);
	return st;
}

enum status
journey_node_start(struct journey_node *n, char ret_why[RUN_WHY_SIZE])
{
	char parent[16];
	int out[2];

	memset(n, 0, sizeof(*n));
	if (scratch_make(n->dir) != ST_OK)
		return node_failed(ret_why, "cannot make a scratch folder");
	if (pipe2(out, O_CLOEXEC) != 0)
		return node_failed(ret_why, "cannot start a node");
	snprintf(parent, sizeof(parent), "%ld", (long)getpid());
	(void)fflush(NULL);
	n->pid = fork();
	if (n->pid == 0)
		node_become(n, parent, out[1]);
	close(out[1]);
	if (n->pid < 0 || !node_read_ready(n, out[0])) {
		close(out[0]);
		snprintf(ret_why, RUN_WHY_SIZE,
		    "a node in %s does not become ready", n->dir);
		return ST_IO;
	}
	close(out[0]);
	return node_set_up(n, ret_why);
}

void
journey_node_stop(struct journey_node *n)
{
	uint64_t until_us = clock_mono_us(&clock_system) + NODE_END_US;

	if (n->pid > 0) {
		kill(n->pid, SIGTERM);
		while (waitpid(n->pid, NULL, WNOHANG) == 0) {
			if (clock_mono_us(&clock_system) > until_us)
				kill(n->pid, SIGKILL);
			crew_wait(NODE_POLL_US);
		}
	}
	scratch_remove(n->dir);
	memset(n, 0, sizeof(*n));
}
