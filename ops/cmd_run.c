#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ops/books.h"
#include "ops/reload.h"
#include "ops/stage.h"
#include "runtime/address.h"
#include "runtime/base/fault.h"
#include "runtime/base/log.h"

/*
 * run - one node in this process, until TERM or INT, or until an actor is
 * past help: then its parent starts it afresh.
 */

#define RUN_LOOK_MS 500      /* between looks at what could be stuck */
#define RUN_BOOKS_LOOKS 2    /* looks between two checks of the books */
#define RUN_STUCK_US 5000000 /* a handler that runs longer is a bug */

static atomic_bool run_failed;

static void
run_on_failed(void *ctx, const char *actor, const char *why)
{
	(void)ctx;
	(void)actor;
	(void)why;
	atomic_store(&run_failed, true);
	kill(getpid(), SIGUSR2);
}

/* While it starts nobody takes the signals: they stay pending. */
static bool
run_is_wanted(void *ctx)
{
	sigset_t pending;

	(void)ctx;
	return sigpending(&pending) != 0 ||
	       !(sigismember(&pending, SIGTERM) == 1 ||
		   sigismember(&pending, SIGINT) == 1);
}

static bool
run_find_node(
    const struct cmd_args *args, const struct loaded *l, unsigned *ret_node)
{
	const char *name = cmd_value(args, "node");

	if (name == NULL && topology_node_count(l->topology) == 1) {
		*ret_node = 0;
		return true;
	}
	if (name == NULL)
		fprintf(args->err,
		    "troupe run: the topology has %zu nodes: "
		    "say which one with --node NAME, or start "
		    "them all with troupe up\n",
		    topology_node_count(l->topology));
	else if (topology_find_node(l->topology, name, ret_node) == ST_OK)
		return true;
	else
		fprintf(args->err,
		    "troupe run: --node %s: the topology has no such node\n",
		    name);
	return false;
}

/* Sockets are files: as many as the system lets us have. */
static void
run_raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void
run_block_signals(sigset_t *ret_set)
{
	sigemptyset(ret_set);
	sigaddset(ret_set, SIGTERM);
	sigaddset(ret_set, SIGINT);
	sigaddset(ret_set, SIGHUP);
	sigaddset(ret_set, SIGUSR1);
	sigaddset(ret_set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, ret_set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* A handler that does not come back cannot be helped from outside it. */
static void
run_look_for_stuck(struct node *n)
{
	struct node_stuck stuck;

	if (!node_find_stuck(n, RUN_STUCK_US, &stuck))
		return;
	LOG(ACTOR_STUCK, KV("name", stuck.name), KU("ms", stuck.us / 1000));
	node_dump_flight(n, STDERR_FILENO);
	abort();
}

/* Every gateway of this node reads its certificates again. */
static void
run_reload(struct node *n, const struct loaded *l, unsigned number)
{
	const struct topology_place *p;

	for (size_t i = 0; (p = topology_place(l->topology, i)) != NULL; i++)
		if (p->node == number && p->actor == ACTOR_NUMBER(gateway))
			(void)!node_signal(n,
			    address_make(number, p->actor, p->shard, 0),
			    MSG_gateway_reload, &(struct gateway_reload){ 0 });
}

/* Returns when the node should end. */
static void
run_wait(const struct loaded *l, unsigned number, struct stage *s,
    struct reload *r, const sigset_t *set)
{
	struct node *n = stage_node(s);
	const struct timespec look = { 0, RUN_LOOK_MS * 1000000L };
	const char *name = topology_node(l->topology, number)->name;
	unsigned looks = 0;

	for (;;) {
		int signal_number = sigtimedwait(set, NULL, &look);

		if (signal_number == SIGTERM || signal_number == SIGINT ||
		    atomic_load(&run_failed))
			return;
		if (signal_number == SIGHUP) {
			run_reload(n, l, number);
			stage_reload(s);
		}
		if (signal_number == SIGUSR1)
			node_dump_flight(n, STDERR_FILENO);
		if (signal_number == SIGHUP)
			reload_run(r, n);
		run_look_for_stuck(n);
		if (++looks % RUN_BOOKS_LOOKS == 0)
			books_keep(l, name, n);
	}
}

static void
run_say_ready(const struct cmd_args *args, const struct loaded *l,
    const char *name, struct node *n, uint64_t start_us)
{
	uint64_t ms = (clock_mono_us(&clock_system) - start_us) / 1000;

	stage_tell(l, name, node_announced(n));
	LOG(NODE_READY, KV("node", name), KU("ms", ms));
	fprintf(args->out, "ready node=%s pid=%ld ms=%" PRIu64 "%s\n", name,
	    (long)getpid(), ms, node_announced(n));
	fflush(args->out);
}

static enum cmd_exit
run_node(const struct cmd_args *args, const struct loaded *l, unsigned number)
{
	const char *name = topology_node(l->topology, number)->name;
	const struct stage_calls calls = { run_on_failed, run_is_wanted, NULL };
	uint64_t start_us = clock_mono_us(&clock_system);
	uint64_t drain_us =
	    config_u64(l->config, SETTING_runtime_stop_drain_timeout_seconds) *
	    1000000;
	char why[STAGE_WHY_SIZE] = "";
	struct stage *s = NULL;
	struct reload r;
	sigset_t set;
	enum status st;

	reload_init(&r, args, l, number);
	run_block_signals(&set);
	LOG(NODE_START, KV("node", name), KU("pid", getpid()),
	    KV("version", TROUPE_VERSION));
	st = stage_prepare(l, why);
	if (st == ST_OK)
		st = stage_create(l, number, &calls, &s, why);
	if (st != ST_OK) {
		fprintf(args->err, "troupe run: node %s: %s\n", name, why);
		return CMD_FAILED;
	}
	fault_point("node.start");
	st = node_start(stage_node(s));
	if (st == ST_OK) {
		run_say_ready(args, l, name, stage_node(s), start_us);
		run_wait(l, number, s, &r, &set);
		stage_tell(l, name, NULL);
		node_drain(stage_node(s), drain_us);
	} else if (st == ST_CLOSED) {
		st = ST_OK; /* asked to end before it was ready */
	}
	node_stop(stage_node(s));
	LOG(NODE_STOP, KV("node", name),
	    KV("why", atomic_load(&run_failed) ? "an actor is past help"
					       : "asked to"));
	if (st != ST_OK || atomic_load(&run_failed))
		fprintf(args->err, "troupe run: node %s: %s\n", name,
		    node_failure(stage_node(s)));
	stage_destroy(s);
	reload_fini(&r);
	return st != ST_OK || atomic_load(&run_failed) ? CMD_FAILED : CMD_OK;
}

static void
run_configure_log(const struct loaded *l)
{
	enum log_level level;

	if (log_level_parse(
		config_text(l->config, SETTING_runtime_log_level), &level))
		log_set_level(level);
	log_set_json(strcmp(config_text(l->config, SETTING_runtime_log_format),
			 "json") == 0);
}

/* A catalogue that cannot be spoken is found now, not by a client. */
static bool
run_check_catalogue(const struct cmd_args *args)
{
	char why[CATALOGUE_WHY_SIZE];

	if (catalogue_check(why) == ST_OK)
		return true;
	fprintf(args->err, "troupe run: the catalogue: %s\n", why);
	return false;
}

/* Faults on purpose are for tests: nobody gets them by a stray variable. */
static bool
run_check_faults(const struct cmd_args *args, const struct loaded *l)
{
	if (!fault_is_asked())
		return true;
	if (config_bool(l->config, SETTING_runtime_fault_points)) {
		fault_allow();
		return true;
	}
	fprintf(args->err, "troupe run: TROUPE_FAULT or TROUPE_FAULT_CLOCK is "
			   "set, which breaks things on purpose: unset it, or "
			   "set runtime.fault_points in a test\n");
	return false;
}

/* A parent that ended before we asked to hear of it sends no signal. */
static bool
run_follow_parent(const struct cmd_args *args)
{
	const char *parent = cmd_value(args, "child");

	if (parent == NULL)
		return true;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() == (pid_t)strtol(parent, NULL, 10))
		return true;
	fprintf(args->err, "troupe run: process %s, the parent, has ended\n",
	    parent);
	return false;
}

static enum cmd_exit
run_run(const struct cmd_args *args)
{
	struct loaded l;
	unsigned node;
	enum cmd_exit code = CMD_USAGE;

	if (!run_follow_parent(args))
		return CMD_FAILED;
	run_raise_files();
	if (loaded_init(&l, args) != ST_OK) {
		mistakes_print(&l.mistakes, args->err);
	} else if (run_find_node(args, &l, &node)) {
		run_configure_log(&l);
		code = run_check_faults(args, &l) &&
			       run_check_catalogue(args) &&
			       seal_start() == ST_OK
			   ? run_node(args, &l, node)
			   : CMD_FAILED;
	}
	loaded_fini(&l);
	return code;
}

static const struct cmd_option run_options[] = {
	LOADED_OPTIONS,
	{ "node", CMD_VALUE, "NAME", "which node of the topology to be" },
	{ "child", CMD_VALUE, "PID", "end when this parent ends" },
	{ 0 },
};

const struct cmd run_cmd = {
	.name = "run",
	.usage = LOADED_USAGE " [--node NAME]",
	.summary = "Be one node, until TERM or INT.",
	.options = run_options,
	.run = run_run,
	.serves = true,
};
