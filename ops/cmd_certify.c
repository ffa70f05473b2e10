#include <string.h>

#include "ops/loaded.h"
#include "ops/node_keys.h"
#include "runtime/base/decimal.h"
#include "runtime/link_cert.h"

/*
 * certify - what the nodes of several hosts need to know one another: an
 * authority, and a folder for each node with its certificate, its key and
 * everybody's public keys.  Again, it renews the certificates alone.
 *
 *   DIR/ca.pem, ca.key                      the authority; the key stays here
 *   DIR/NODE/link.pem, link.key, ca.pem     for runtime.link.*
 *   DIR/NODE/keys/NODE.key, *.pub           for that node's data folder
 */

#define CERTIFY_DAYS_MAX LINK_CERT_AUTHORITY_DAYS

struct certify {
	const struct topology *topology;
	const char *dir;
	int64_t days;
	struct link_authority *authority;
	char why[NODE_KEYS_WHY_SIZE];
};

static void
certify_path(const struct certify *c, const char *node, const char *file,
    char ret_path[NODE_KEYS_PATH_SIZE])
{
	snprintf(ret_path, NODE_KEYS_PATH_SIZE, "%.4096s%s%s%s%s", c->dir,
	    *node == '\0' ? "" : "/", node, *file == '\0' ? "" : "/", file);
}

static enum status
certify_find_authority(struct certify *c)
{
	char cert[NODE_KEYS_PATH_SIZE], key[NODE_KEYS_PATH_SIZE];
	enum status st;

	certify_path(c, "", "ca.pem", cert);
	certify_path(c, "", "ca.key", key);
	st = link_authority_load(cert, key, &c->authority);
	if (st == ST_NOT_FOUND) {
		st = link_authority_create("troupe links", &c->authority);
		if (st == ST_OK)
			st = link_authority_store(c->authority, cert, key);
	}
	if (st != ST_OK)
		return node_keys_failed(c->why,
		    "cannot use the authority and its key,", cert,
		    status_text(st));
	return ST_OK;
}

static enum status
certify_issue(struct certify *c, const char *node)
{
	const struct link_cert says = { &node, 1, LINK_CERT_EARLY_S,
		c->days * LINK_CERT_DAY_S };
	char cert[NODE_KEYS_PATH_SIZE], key[NODE_KEYS_PATH_SIZE];
	char ca[NODE_KEYS_PATH_SIZE];
	enum status st;

	certify_path(c, node, "link.pem", cert);
	certify_path(c, node, "link.key", key);
	certify_path(c, node, "ca.pem", ca);
	st = link_authority_issue(c->authority, &says, cert, key);
	if (st == ST_OK)
		st = link_authority_store(c->authority, ca, NULL);
	if (st != ST_OK)
		return node_keys_failed(c->why, "cannot write the certificate",
		    cert, status_text(st));
	return ST_OK;
}

/* The node's own keys, and their public half in every folder. */
static enum status
certify_introduce(struct certify *c, const char *node)
{
	char dir[NODE_KEYS_PATH_SIZE];
	struct seal_keypair *keys = NULL;
	const struct topology_node *other;
	enum status st;

	certify_path(c, node, "", dir);
	st = node_keys_load(dir, node, &keys, c->why);
	for (size_t i = 0;
	     st == ST_OK && (other = topology_node(c->topology, i)) != NULL;
	     i++) {
		certify_path(c, other->name, "", dir);
		st = node_keys_publish(dir, node, keys, c->why);
	}
	seal_keypair_destroy(keys);
	return st;
}

static enum status
certify_all(struct certify *c)
{
	char dir[NODE_KEYS_PATH_SIZE];
	const struct topology_node *n;
	enum status st = node_keys_folder(c->dir, c->why);

	if (st == ST_OK)
		st = certify_find_authority(c);
	for (size_t i = 0;
	     st == ST_OK && (n = topology_node(c->topology, i)) != NULL; i++) {
		certify_path(c, n->name, "keys", dir);
		st = node_keys_folder(dir, c->why);
		if (st == ST_OK)
			st = certify_issue(c, n->name);
	}
	for (size_t i = 0;
	     st == ST_OK && (n = topology_node(c->topology, i)) != NULL; i++)
		st = certify_introduce(c, n->name);
	return st;
}

static void
certify_tell(const struct certify *c, const struct cmd_args *args)
{
	char path[NODE_KEYS_PATH_SIZE];
	const struct topology_node *n;

	fprintf(args->out, args->json ? "{\"nodes\":[" : "");
	for (size_t i = 0; (n = topology_node(c->topology, i)) != NULL; i++) {
		certify_path(c, n->name, "", path);
		if (!args->json) {
			fprintf(args->out, "node %s: %s\n", n->name, path);
			continue;
		}
		fprintf(args->out,
		    "%s{\"name\":\"%s\",\"folder\":", i > 0 ? "," : "",
		    n->name);
		cmd_json_text(args->out, path);
		fprintf(args->out, "}");
	}
	fprintf(args->out, args->json ? "]}\n" : "");
}

/* The topology alone: what is made here is what the settings will name. */
static enum status
certify_load(const struct cmd_args *args, struct topology **ret_topology)
{
	const struct topology_input in = { .file = cmd_value(args, "topology"),
		.data_dir = "data" };
	struct mistakes m;
	enum status st;

	mistakes_init(&m);
	st = topology_load(&in, &m, ret_topology);
	mistakes_print(&m, args->err);
	return st;
}

/* False: not one of the numbers of days that a certificate may be good for. */
static bool
certify_read_days(const struct cmd_args *args, int64_t *ret_days)
{
	const char *given = cmd_value(args, "days");
	uint64_t days = LINK_CERT_DAYS;
	bool good =
	    given == NULL || decimal_parse(given, CERTIFY_DAYS_MAX, &days);

	*ret_days = (int64_t)days;
	return good && days >= 1;
}

static enum cmd_exit
certify_run(const struct cmd_args *args)
{
	struct certify c = { .dir = cmd_value(args, "out") };
	struct topology *t = NULL;
	enum status st;

	if (c.dir == NULL || cmd_value(args, "topology") == NULL ||
	    !certify_read_days(args, &c.days)) {
		fprintf(args->err,
		    "troupe certify: needs --topology FILE and --out DIR; "
		    "--days from 1 to %d\n",
		    CERTIFY_DAYS_MAX);
		return CMD_USAGE;
	}
	if (certify_load(args, &t) != ST_OK)
		return CMD_USAGE;
	c.topology = t;
	st = seal_start() == ST_OK ? certify_all(&c) : ST_IO;
	if (st == ST_OK)
		certify_tell(&c, args);
	else
		fprintf(args->err, "troupe certify: %s\n", c.why);
	link_authority_destroy(c.authority);
	topology_destroy(t);
	return st == ST_OK ? CMD_OK : CMD_FAILED;
}

static const struct cmd_option certify_options[] = {
	{ "topology", CMD_VALUE, "FILE", "whose nodes they are" },
	{ "out", CMD_VALUE, "DIR", "where to write; an authority there stays" },
	{ "days", CMD_VALUE, "N", "how long certificates are good; 365" },
	{ 0 },
};

const struct cmd certify_cmd = {
	.name = "certify",
	.usage = "--topology FILE --out DIR [--days N] [--json]",
	.summary = "Make keys and certificates for links between hosts.",
	.options = certify_options,
	.run = certify_run,
};
