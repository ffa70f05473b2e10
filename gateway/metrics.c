#include "gateway/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gateway/tls.h"
#include "runtime/book.h"
#include "runtime/link.h"
#include "runtime/node.h"

#define MEDIA "text/plain; version=0.0.4"

struct metric {
	const char *id;
	const char *name;
	const char *type;
	const char *labels;
	const char *doc;
};

enum metric_type { COUNTER, GAUGE };

/* As the lists have them; their types are words of Prometheus. */
static const struct metric metrics_list[] = {
#define METRIC(id, name, type, labels, doc) { #id, name, #type, labels, doc },
#include "gateway/metric.def"
#include "runtime/metric.def"
#undef METRIC
};

struct page {
	char *at;
	size_t size;
	size_t used;
};

static void __attribute__((format(printf, 2, 3)))
page_print(struct page *p, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(p->at + p->used, p->size - p->used, format, args);
	va_end(args);
	if (n > 0 && (size_t)n < p->size - p->used)
		p->used += (size_t)n;
}

/* By its id, and the words that tell two lists apart. */
static const struct metric *
metrics_find(const char *id, const char *labels)
{
	for (size_t i = 0; i < sizeof(metrics_list) / sizeof(*metrics_list);
	     i++)
		if (strcmp(metrics_list[i].id, id) == 0 &&
		    strcmp(metrics_list[i].labels, labels) == 0)
			return &metrics_list[i];
	return NULL;
}

static void
page_head(struct page *p, const struct metric *m)
{
	page_print(p, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->doc, m->name,
	    strcmp(m->type, "GAUGE") == 0 ? "gauge" : "counter");
}

static void
page_own(
    struct page *p, const struct gateway *g, const char *id, uint64_t value)
{
	const struct metric *m = metrics_find(id, "shard");

	page_head(p, m);
	page_print(p, "%s{shard=\"%" PRIu32 "\"} %" PRIu64 "\n", m->name,
	    actor_shard(g->self), value);
}

static void
page_proven(struct page *p, const struct gateway *g)
{
	int64_t age = actor_wall_us(g->self) - g->proof.last_proven_at;

	if (g->proof.last_proven_at != 0)
		page_own(p, g, "proven_age",
		    age > 0 ? (uint64_t)age / 1000000 : 0);
}

static void
page_listeners(struct page *p, const struct gateway *g, const char *id)
{
	const struct metric *m = metrics_find(id, "listener");

	page_head(p, m);
	for (size_t i = 0; i < g->listen.count; i++) {
		const struct listen_door *d = &g->listen.doors[i];
		struct net_counts n;

		if (d->listener == NULL)
			continue;
		n = net_listener_counts(d->listener);
		page_print(p, "%s{listener=\"%s\"} %" PRIu64 "\n", m->name,
		    d->spec.address,
		    strcmp(id, "accepted") == 0  ? n.accepted
		    : strcmp(id, "refused") == 0 ? n.refused
						 : n.streams);
	}
}

static void
page_book(struct page *p, const char *id, int book, const struct book_row *rows,
    size_t count)
{
	const struct metric *m = metrics_find(id, "actor");

	page_head(p, m);
	for (size_t i = 0; i < count; i++)
		page_print(p,
		    "%s{actor=\"%s\",address=\"%" PRIx64 "\"} %" PRIu64 "\n",
		    m->name, rows[i].name, rows[i].address,
		    rows[i].books[book]);
}

static void
metrics_print(struct page *p, struct gateway *g)
{
	struct book_row rows[METRICS_ACTORS_MAX];
	size_t count = actor_books(g->self, rows, METRICS_ACTORS_MAX);
	struct tls_counts tls = { 0 };

	if (g->listen.tls != NULL)
		tls = tls_counts(g->listen.tls);
	g->counts.tls_shaken = tls.shaken;
	g->counts.tls_resumed = tls.resumed;
	g->counts.tls_refused = tls.refused;
	g->counts.tls_reloads = tls.reloads;
	g->counts.tls_not_after =
	    g->listen.tls == NULL
		? 0
		: (uint64_t)tls_identity(g->listen.tls)->not_after;
	g->counts.connections = g->connections;
#define METRIC(id, name, type, labels, doc) page_own(p, g, #id, g->counts.id);
#include "gateway/metric.def"
#undef METRIC
	page_proven(p, g);
	page_listeners(p, g, "accepted");
	page_listeners(p, g, "refused");
	page_listeners(p, g, "streams");
#define BOOK(id, name, doc) page_book(p, #id, BOOK_##id, rows, count);
#include "runtime/book.def"
#undef BOOK
}

void
metrics_answer(struct conn *c, const uint8_t *at)
{
	static const char path[] = "/metrics";
	struct gateway *g = c->gateway;
	const struct exchange *x = c->exchange;
	struct bytes asked = http1_bytes(at, x->head.path);
	struct page p = { (char *)g->scratch, GATEWAY_REPLY_MAX, 0 };

	if (asked.size != sizeof(path) - 1 ||
	    memcmp(asked.at, path, asked.size) != 0 ||
	    (x->head.method != HTTP1_GET && x->head.method != HTTP1_HEAD)) {
		respond_problem(c, PROBLEM_NOT_FOUND, "no such path");
		return;
	}
	metrics_print(&p, g);
	respond_raw(c, 200, MEDIA, (struct bytes){ g->scratch, p.used });
}
