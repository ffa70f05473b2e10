#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ops/stage.h"
#include "runtime/base/log.h"

/*
 * up - the parent of every node of this host: starts each as a child
 * process, passes on what it says, starts it again when it ends, and keeps
 * its last words.  A child that ends soon after its start waits longer each
 * time; the others are not touched.  One that ends UP_TRIES_MAX times before
 * it is ready, its store corrupt, its port taken or killed by a signal each
 * time, ends them all with 1.  TERM
 * ends the children in the order of the topology, so that the door closes
 * before the house is empty.
 */

#define UP_PAUSE_MS 50       /* before the first restart */
#define UP_PAUSE_MAX_MS 1000 /* clients are patient, but not for long */
#define UP_STEADY_US 1000000 /* a child that lived this long is forgiven */
#define UP_TRIES_MAX 10      /* a node that was never ready is past help then */
#define UP_LINE_MAX 4096
#define UP_END_MAX 80
#define UP_KILL_US 20000000 /* a child that does not end in time is killed */
#define READY "ready "
#define NODE_OPTION "node"
#define UP_ARGS_MAX (2 * CMD_VALUES_MAX + 9)

struct child {
	const char *name;
	pid_t pid; /* 0: not running */
	int out;   /* its standard output and error; -1: closed */
	int err;
	char out_line[UP_LINE_MAX];
	size_t out_used;
	char err_line[UP_LINE_MAX];
	size_t err_used;
	char last_words[UP_LINE_MAX];
	uint64_t started_us;
	uint64_t restart_us; /* when to start it; 0: it runs */
	unsigned pause_ms;
	unsigned tries;       /* that ended since it was last ready */
	char end[UP_END_MAX]; /* how the last one did */
};

struct up {
	const struct cmd_args *args;
	const struct loaded *loaded;
	struct child children[TOPOLOGY_NODES_MAX];
	char pid[16]; /* ours, for the children */
	size_t count;
	int signals;
	bool ending;
	const struct child *hopeless; /* NULL: none is */
	uint64_t kill_us;
};

static uint64_t
up_now_us(void)
{
	return clock_mono_us(&clock_system);
}

/* The same options, for one node. */
static void
up_child_args(const struct up *u, const struct child *c, const char **argv)
{
	size_t n = 0;
	static char names[CMD_OPTIONS_MAX + CMD_VALUES_MAX][80];

	argv[n++] = "troupe";
	argv[n++] = "run";
	argv[n++] = "--child";
	argv[n++] = u->pid;
	argv[n++] = "--node";
	argv[n++] = c->name;
	for (size_t i = 0; i < u->args->count; i++) {
		const struct cmd_given *g = &u->args->given[i];

		if (strcmp(g->option->name, NODE_OPTION) == 0)
			continue;
		snprintf(names[i], sizeof(names[i]), "--%s", g->option->name);
		argv[n++] = names[i];
		if (g->value != NULL)
			argv[n++] = g->value;
	}
	argv[n] = NULL;
}

static void
up_become_child(const struct up *u, const struct child *c, int out, int err)
{
	const char *argv[UP_ARGS_MAX];
	sigset_t none;

	up_child_args(u, c, argv);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
	_exit(127);
}

static void
up_start(struct up *u, struct child *c)
{
	int out[2], err[2];

	c->restart_us = 0;
	c->started_us = up_now_us();
	if (pipe2(out, O_CLOEXEC) != 0)
		return;
	if (pipe2(err, O_CLOEXEC) != 0) {
		close(out[0]);
		close(out[1]);
		return;
	}
	c->pid = fork();
	if (c->pid == 0)
		up_become_child(u, c, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(err[0], F_SETFL, O_NONBLOCK);
	c->out = out[0];
	c->err = err[0];
	LOG(NODE_SPAWN, KV("node", c->name), KI("pid", c->pid));
}

/* Whole lines only, so that those of several children do not mix. */
static void
up_pass_lines(struct child *c, char *line, size_t *used, FILE *to, bool keep)
{
	char *end;

	while (
	    (end = memchr(line, '\n', *used)) != NULL || *used == UP_LINE_MAX) {
		size_t size = end == NULL ? *used : (size_t)(end - line) + 1;

		fwrite(line, 1, size, to);
		fflush(to);
		if (!keep && size > sizeof(READY) &&
		    memcmp(line, READY, sizeof(READY) - 1) == 0)
			c->tries = 0;
		if (keep)
			snprintf(c->last_words, sizeof(c->last_words), "%.*s",
			    (int)(end == NULL ? size : size - 1), line);
		memmove(line, line + size, *used - size);
		*used -= size;
	}
}

static void
up_read(
    struct up *u, struct child *c, int *fd, char *line, size_t *used, FILE *to)
{
	ssize_t n;

	(void)u;
	while (*fd >= 0) {
		n = read(*fd, line + *used, UP_LINE_MAX - *used);
		if (n > 0) {
			*used += (size_t)n;
			up_pass_lines(c, line, used, to, line == c->err_line);
		} else if (n == 0) {
			close(*fd);
			*fd = -1;
		} else if (errno != EINTR) {
			return;
		}
	}
}

static void
up_listen(struct up *u, struct child *c)
{
	up_read(u, c, &c->out, c->out_line, &c->out_used, u->args->out);
	up_read(u, c, &c->err, c->err_line, &c->err_used, u->args->err);
}

static void
up_begin_end(struct up *u)
{
	if (!u->ending)
		u->kill_us = up_now_us() + UP_KILL_US;
	u->ending = true;
}

static void
up_keep_end(struct child *c, int status)
{
	if (WIFSIGNALED(status))
		snprintf(c->end, sizeof(c->end), "by signal %d, %s",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(
		    c->end, sizeof(c->end), "with %d", WEXITSTATUS(status));
}

static void
up_on_exit(struct up *u, struct child *c, int status)
{
	up_listen(u, c);
	up_keep_end(c, status);
	if (u->ending && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		LOG(NODE_ENDED, KV("node", c->name), KI("pid", c->pid));
	else
		LOG(NODE_EXIT, KV("node", c->name), KI("pid", c->pid),
		    KI("code", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
		    KI("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
		    KV("last_words", c->last_words));
	c->pid = 0;
	if (u->ending)
		return;
	if (++c->tries == UP_TRIES_MAX) {
		u->hopeless = c;
		up_begin_end(u);
		return;
	}
	if (up_now_us() - c->started_us > UP_STEADY_US || c->pause_ms == 0)
		c->pause_ms = UP_PAUSE_MS;
	else if (c->pause_ms < UP_PAUSE_MAX_MS)
		c->pause_ms *= 2;
	c->restart_us = up_now_us() + c->pause_ms * UINT64_C(1000);
}

static void
up_reap(struct up *u)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < u->count; i++)
			if (u->children[i].pid == pid)
				up_on_exit(u, &u->children[i], status);
}

static size_t
up_running(const struct up *u)
{
	size_t n = 0;

	for (size_t i = 0; i < u->count; i++)
		n += u->children[i].pid != 0;
	return n;
}

static void
up_signal_all(struct up *u, int signal_number)
{
	for (size_t i = 0; i < u->count; i++)
		if (u->children[i].pid != 0)
			kill(u->children[i].pid, signal_number);
}

/* One at a time, in order: the next is told when the one before has gone. */
static void
up_end_next(struct up *u)
{
	for (size_t i = 0; i < u->count; i++) {
		if (u->children[i].pid == 0)
			continue;
		if (up_now_us() > u->kill_us)
			up_signal_all(u, SIGKILL);
		else
			kill(u->children[i].pid, SIGTERM);
		return;
	}
}

static void
up_on_signal(struct up *u)
{
	struct signalfd_siginfo info;

	while (read(u->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		if (info.ssi_signo == SIGHUP || info.ssi_signo == SIGUSR1) {
			up_signal_all(u, (int)info.ssi_signo);
			continue;
		}
		up_begin_end(u);
	}
}

/* How long poll may wait: until a restart is due, or a second. */
static int
up_wait_ms(const struct up *u)
{
	uint64_t now_us = up_now_us();
	uint64_t wait_us = u->ending ? 100000 : 1000000;

	for (size_t i = 0; i < u->count; i++) {
		uint64_t due = u->children[i].restart_us;

		if (due != 0 && due <= now_us)
			return 0;
		if (due != 0 && due - now_us < wait_us)
			wait_us = due - now_us;
	}
	return (int)(wait_us / 1000) + 1;
}

static void
up_turn(struct up *u)
{
	struct pollfd fds[1 + 2 * TOPOLOGY_NODES_MAX];
	nfds_t n = 0;

	fds[n++] = (struct pollfd){ u->signals, POLLIN, 0 };
	for (size_t i = 0; i < u->count; i++) {
		fds[n++] = (struct pollfd){ u->children[i].out, POLLIN, 0 };
		fds[n++] = (struct pollfd){ u->children[i].err, POLLIN, 0 };
	}
	(void)poll(fds, n, up_wait_ms(u));
	up_on_signal(u);
	for (size_t i = 0; i < u->count; i++)
		up_listen(u, &u->children[i]);
	up_reap(u);
	for (size_t i = 0; i < u->count && !u->ending; i++)
		if (u->children[i].restart_us != 0 &&
		    u->children[i].restart_us <= up_now_us())
			up_start(u, &u->children[i]);
	if (u->ending)
		up_end_next(u);
}

static int
up_open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* Those that were named, or every one. */
static bool
up_is_ours(const struct up *u, const char *node)
{
	const char *name;
	size_t i;

	for (i = 0; (name = cmd_nth_value(u->args, NODE_OPTION, i)); i++)
		if (strcmp(name, node) == 0)
			return true;
	return i == 0;
}

static enum status
up_find_children(struct up *u, char why[STAGE_WHY_SIZE])
{
	const struct topology *t = u->loaded->topology;
	enum status st = stage_prepare(u->loaded, why);

	for (size_t i = 0; i < topology_node_count(t); i++) {
		struct child *c = &u->children[u->count];

		c->name = topology_node(t, i)->name;
		if (!up_is_ours(u, c->name))
			continue;
		c->out = c->err = -1;
		u->count++;
		if (st == ST_OK)
			st = stage_make_keys(u->loaded, c->name, why);
	}
	return st;
}

static enum cmd_exit
up_give_up(const struct up *u)
{
	const struct child *c = u->hopeless;

	if (c == NULL)
		return CMD_OK;
	fprintf(u->args->err,
	    "troupe up: node %s ended %d times before it was ready; at last "
	    "%s: %s\n",
	    c->name, UP_TRIES_MAX, c->end, c->last_words);
	return CMD_FAILED;
}

static enum cmd_exit
up_all(struct up *u)
{
	char why[STAGE_WHY_SIZE];
	enum status st = up_find_children(u, why);

	u->signals = up_open_signals();
	if (st != ST_OK || u->signals < 0) {
		fprintf(u->args->err, "troupe up: %s\n", why);
		return CMD_FAILED;
	}
	for (size_t i = 0; i < u->count; i++)
		up_start(u, &u->children[i]);
	while (!u->ending || up_running(u) > 0)
		up_turn(u);
	close(u->signals);
	return up_give_up(u);
}

/* Every --node is one of the topology. */
static bool
up_check_nodes(const struct cmd_args *args, const struct loaded *l)
{
	const char *name;
	unsigned node;

	for (size_t i = 0; (name = cmd_nth_value(args, NODE_OPTION, i)); i++) {
		if (topology_find_node(l->topology, name, &node) == ST_OK)
			continue;
		fprintf(args->err,
		    "troupe up: --node %s: the topology has no such node\n",
		    name);
		return false;
	}
	return true;
}

static enum cmd_exit
up_run(const struct cmd_args *args)
{
	static struct up u;
	struct loaded l;
	enum cmd_exit code = CMD_USAGE;

	if (loaded_init(&l, args) != ST_OK) {
		mistakes_print(&l.mistakes, args->err);
	} else if (up_check_nodes(args, &l)) {
		log_set_json(
		    strcmp(config_text(l.config, SETTING_runtime_log_format),
			"json") == 0);
		u = (struct up){ .args = args, .loaded = &l };
		snprintf(u.pid, sizeof(u.pid), "%ld", (long)getpid());
		code = seal_start() == ST_OK ? up_all(&u) : CMD_FAILED;
	}
	loaded_fini(&l);
	return code;
}

static const struct cmd_option up_options[] = {
	LOADED_OPTIONS,
	{ NODE_OPTION, CMD_MANY, "NAME",
	    "only this node; the others are on other hosts" },
	{ 0 },
};

const struct cmd up_cmd = {
	.name = "up",
	.usage = LOADED_USAGE " [--node NAME]...",
	.summary = "Start every node of this host and keep them running.",
	.options = up_options,
	.run = up_run,
	.serves = true,
};
