/* crew_inside - what a crew is made of; for load/crew*.c alone. */
#ifndef LOAD_CREW_INSIDE_H
#define LOAD_CREW_INSIDE_H

#include <sys/types.h>

#include "load/crew.h"
#include "load/scratch.h"
#include "runtime/link_tls.h"
#include "runtime/seal.h"

#define CREW_URL_SIZE 160

struct crew_node {
	pid_t pid;  /* 0: it has ended */
	int orders; /* our end of its order line; -1: none */
	bool expected_to_die;
	pid_t proxy; /* 0: none */
	int proxy_orders;
	int netns; /* its host; 0: none */
	char name[16];
	char listen[CREW_URL_SIZE];
	char dial[CREW_URL_SIZE]; /* what its peers are told */
	struct seal_keypair *keys;
};

struct crew {
	struct ledger *l;
	struct placement placement;
	bool cuttable;
	char dir[SCRATCH_SIZE];
	struct crew_node nodes[LEDGER_NODES_MAX];
};

/* ---- crew_node.c: the child ---- */
_Noreturn void crew_node_run(struct crew *c, uint32_t node, int orders);

/* ---- crew_proxy.c: what stands before an inbox that can be cut ---- */
_Noreturn void crew_proxy_run(
    const char *listen_path, const char *to_path, int orders);

/* ---- crew_host.c: network namespaces ---- */
/* Before any fork: a network of our own, with a switch and hosts in it. */
MUST_CHECK enum status crew_host_prepare(
    struct crew *c, char ret_why[CREW_WHY_SIZE]);
/* In the child: onto its host. */
MUST_CHECK enum status crew_host_enter(const struct crew *c, uint32_t node);
void crew_host_url(uint32_t node, char ret_url[CREW_URL_SIZE]);
void crew_host_cut(uint32_t node, bool cut);
/* An authority and a certificate for each node, in the scratch folder. */
MUST_CHECK enum status crew_host_certify(const struct crew *c);
/* In the child: what its links show to these peers, and believe. */
MUST_CHECK enum status crew_host_tls(const struct crew *c, uint32_t node,
    const struct link_peer *peers, size_t npeers, struct link_tls **ret_tls);

#endif
