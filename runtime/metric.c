#include "runtime/metric.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/bridge.h"
#include "runtime/net.h"
#include "runtime/node_inside.h"

#define METRIC_ROOM 512 /* samples of a small process */

/* Whose counters a metric of metric.def is one of. */
enum metric_whose {
	WHOSE_ACTOR,
	WHOSE_LINK,
	WHOSE_BRIDGE,
	WHOSE_NODE,
	WHOSE_BOOKS,
	WHOSE_PAGE,
	WHOSE_NET
};

struct metric_one {
	enum metric_whose whose;
	size_t at; /* of its word in their struct */
	struct metric metric;
};

#define AT_ACTOR(id) ((id) * sizeof(uint64_t))
#define AT_LINK(id) offsetof(struct link_stats, id)
#define AT_BRIDGE(id) offsetof(struct bridge_stats, id)
#define AT_NET(id) offsetof(struct net_counts, id)
#define AT_NODE(id) 0
#define AT_BOOKS(id) 0
#define AT_PAGE(id) 0

static const struct metric_one metric_list[] = {
#define METRIC_OF(whose, id, name, type, labels, doc) \
	{ WHOSE_##whose, AT_##whose(id), { name, METRIC_##type, doc } },
#include "runtime/metric.def"
};

#define METRICS (sizeof(metric_list) / sizeof(metric_list[0]))

void
metric_page_fini(struct metric_page *p)
{
	free(p->samples);
	free(p->text);
	*p = (struct metric_page){ 0 };
}

static bool
metric_page_grow(void **at, size_t *room, size_t need, size_t one, size_t max)
{
	size_t next = *room == 0 ? METRIC_ROOM : *room;
	void *more;

	if (need <= *room)
		return true;
	while (next < need)
		next *= 2;
	if (next > max || (more = realloc(*at, next * one)) == NULL)
		return false;
	*at = more;
	*room = next;
	return true;
}

/* As the text format wants it, a byte at a time; false: no room. */
static bool
metric_escape(char *line, size_t *used, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*used + 3 > METRIC_LINE_MAX)
			return false;
		if (*text == '"' || *text == '\\' || *text == '\n')
			line[(*used)++] = '\\';
		line[(*used)++] = *text == '\n' ? 'n' : *text;
	}
	return true;
}

static bool
metric_put(char line[METRIC_LINE_MAX + 1], size_t *used, const char *text)
{
	size_t size = strlen(text);

	if (*used + size > METRIC_LINE_MAX)
		return false;
	memcpy(line + *used, text, size + 1);
	*used += size;
	return true;
}

/* name{key="value",key="value"} 42 */
static bool
metric_line(char line[METRIC_LINE_MAX + 1], const char *name,
    const char *ending, const char *value, const char *const *labels)
{
	size_t used = 0;
	bool fits =
	    metric_put(line, &used, name) && metric_put(line, &used, ending);

	for (size_t i = 0; fits && labels != NULL && labels[i] != NULL; i += 2)
		fits = metric_put(line, &used, i == 0 ? "{" : ",") &&
		       metric_put(line, &used, labels[i]) &&
		       metric_put(line, &used, "=\"") &&
		       metric_escape(line, &used, labels[i + 1]) &&
		       metric_put(line, &used, "\"");
	if (fits && labels != NULL && labels[0] != NULL)
		fits = metric_put(line, &used, "}");
	fits = fits && metric_put(line, &used, " ") &&
	       metric_put(line, &used, value) && metric_put(line, &used, "\n");
	line[used] = '\0';
	return fits;
}

/* One line of m, whose name may have an ending. */
static void
metric_add_line(struct metric_page *p, const struct metric *m,
    const char *ending, const char *value, const char *const *labels)
{
	char line[METRIC_LINE_MAX + 1];
	void *samples = p->samples, *text = p->text;
	bool fits = metric_line(line, m->name, ending, value, labels);
	size_t size = fits ? strlen(line) + 1 : 0;

	fits = fits && metric_page_grow(&samples, &p->room, p->count + 1,
			   sizeof(p->samples[0]), METRIC_SAMPLES_MAX);
	p->samples = samples;
	fits = fits && metric_page_grow(
			   &text, &p->size, p->used + size, 1, METRIC_TEXT_MAX);
	p->text = text;
	if (!fits) {
		p->dropped++;
		return;
	}
	p->samples[p->count] =
	    (struct metric_sample){ *m, (uint32_t)p->count, p->used };
	p->count++;
	memcpy(p->text + p->used, line, size);
	p->used += size;
}

static void
metric_add_number(struct metric_page *p, const struct metric *m,
    const char *ending, uint64_t value, const char *const *labels)
{
	char number[24];

	snprintf(number, sizeof(number), "%" PRIu64, value);
	metric_add_line(p, m, ending, number, labels);
}

void
metric_add(struct metric_page *p, const struct metric *m, uint64_t value,
    const char *const *labels)
{
	metric_add_number(p, m, "", value, labels);
}

/* ---- histograms ---- */

static const struct {
	uint32_t first, last; /* exponents of their bounds */
} metric_scales[] = {
#define X(id, first, last, doc) { first, last },
	TIMING_SCALES(X)
#undef X
};

/* A float would round what are whole microseconds. */
static void
metric_seconds(uint64_t us, char ret_text[32])
{
	snprintf(ret_text, 32, "%" PRIu64 ".%06u", us / 1000000,
	    (unsigned)(us % 1000000));
}

/* A copy with room for one more, which the caller fills in. */
static const char **
metric_label_le(
    const char *const *labels, const char *ret_all[2 * METRIC_LABELS_MAX + 3])
{
	size_t n = 0;

	for (; labels != NULL && labels[n] != NULL; n++) {
		assert(n < (size_t)2 * METRIC_LABELS_MAX);
		ret_all[n] = labels[n];
	}
	ret_all[n] = "le";
	ret_all[n + 1] = "+Inf";
	ret_all[n + 2] = NULL;
	return &ret_all[n + 1];
}

/* Counts are read once, so that they agree whoever goes on observing. */
void
metric_add_timing(struct metric_page *p, const char *name, const char *doc,
    enum timing_scale scale, const struct timing *t, const char *const *labels)
{
	const struct metric m = { name, METRIC_HISTOGRAM, doc };
	const struct metric_page before = *p;
	const char *all[2 * METRIC_LABELS_MAX + 3];
	const char **le = metric_label_le(labels, all);
	char text[32];
	uint64_t count = 0, sum_us = atomic_load(&t->sum_us);

	for (uint32_t i = 0; i <= TIMING_POWERS; i++) {
		count += atomic_load(&t->buckets[i]);
		if (i < metric_scales[scale].first ||
		    i > metric_scales[scale].last)
			continue;
		metric_seconds(UINT64_C(1) << i, text);
		*le = text;
		metric_add_number(p, &m, "_bucket", count, all);
	}
	*le = "+Inf";
	metric_add_number(p, &m, "_bucket", count, all);
	metric_seconds(sum_us, text);
	metric_add_line(p, &m, "_sum", text, labels);
	metric_add_number(p, &m, "_count", count, labels);
	if (p->dropped != before.dropped) { /* rather none than some */
		p->dropped += p->count - before.count;
		p->count = before.count;
		p->used = before.used;
	}
}

/* ---- what the runtime counts ---- */

static void
metric_add_all(struct metric_page *p, enum metric_whose whose,
    const void *counts, const char *const *labels)
{
	for (size_t i = 0; i < METRICS; i++) {
		uint64_t value;

		if (metric_list[i].whose != whose)
			continue;
		memcpy(&value, (const char *)counts + metric_list[i].at,
		    sizeof(value));
		metric_add(p, &metric_list[i].metric, value, labels);
	}
}

void
metric_add_listener(struct metric_page *p, const struct net_counts *n,
    const char *const *labels)
{
	metric_add_all(p, WHOSE_NET, n, labels);
}

static int
metric_compare(const void *a, const void *b)
{
	const struct metric_sample *one = a, *other = b;
	int by_name = strcmp(one->of.name, other->of.name);

	return by_name != 0                ? by_name
	       : one->order < other->order ? -1
					   : one->order > other->order;
}

static void
metric_print_head(const struct metric *m, FILE *to)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };

	fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->doc, m->name,
	    types[m->type]);
}

/* Of the page itself, which is told however full it is. */
static void
metric_print_dropped(const struct metric_page *p, FILE *to)
{
	for (size_t i = 0; i < METRICS; i++) {
		const struct metric *m = &metric_list[i].metric;

		if (metric_list[i].whose != WHOSE_PAGE)
			continue;
		metric_print_head(m, to);
		fprintf(to, "%s %" PRIu64 "\n", m->name, p->dropped);
	}
}

void
metric_print(struct metric_page *p, FILE *to)
{
	if (p->count > 0)
		qsort(p->samples, p->count, sizeof(p->samples[0]),
		    metric_compare);
	for (size_t i = 0; i < p->count; i++) {
		const struct metric *m = &p->samples[i].of;

		if (i == 0 || strcmp(p->samples[i - 1].of.name, m->name) != 0)
			metric_print_head(m, to);
		fputs(p->text + p->samples[i].at, to);
	}
	metric_print_dropped(p, to);
}

/* ---- a reading ---- */

static void
metric_read_actor(struct actor *a, struct metric_page *p)
{
	uint64_t counts[BOOKS + 1];
	char address[17];

	actor_count_books(a, counts);
	counts[BOOKS] =
	    (uint64_t)a->box.count + a->urgent.count + a->held.count;
	snprintf(address, sizeof(address), "%" PRIx64, a->address);
	metric_add_all(p, WHOSE_ACTOR, counts,
	    (const char *[]){ "actor", a->name, "address", address, NULL });
	if (a->phase == ACTOR_RUNNING && a->info->class->measure != NULL)
		a->info->class->measure(a, p);
}

/* What loop 0 has besides its actors. */
static void
metric_read_node(struct node *n, struct metric_page *p)
{
	const struct bridge_stats none = { 0 };
	const uint64_t one = 1, off = atomic_load(&n->edges_off);

	metric_add_all(p, WHOSE_NODE, &one,
	    (const char *[]){ "node",
		n->config.name == NULL ? "" : n->config.name, "version",
		TROUPE_VERSION, NULL });
	metric_add_all(p, WHOSE_BOOKS, &off, NULL);
	metric_add_all(p, WHOSE_BRIDGE,
	    n->bridge == NULL ? &none : bridge_stats(n->bridge), NULL);
	for (uint16_t i = 0; n->bridge != NULL && i <= LINK_NODE_MAX; i++) {
		const struct link_stats *s =
		    links_stats(bridge_links(n->bridge), i);
		char peer[8];

		snprintf(peer, sizeof(peer), "%u", (unsigned)i);
		if (s != NULL)
			metric_add_all(p, WHOSE_LINK, s,
			    (const char *[]){ "peer", peer, NULL });
	}
}

static void
metric_on_back(struct loop *l, struct parcel *parcel)
{
	struct metric_reading *r =
	    LIST_OF(parcel, struct metric_reading, parcel);
	struct metric_page page = r->page;

	(void)l;
	/* From here on the asker may ask again. */
	r->page = (struct metric_page){ 0 };
	r->is_under_way = false;
	if (r->asker->phase == ACTOR_RUNNING) {
		actor_enter(r->asker);
		r->on_read(r->asker, &page);
		actor_leave(r->asker, ST_OK);
	}
	metric_page_fini(&page);
}

static void
metric_on_loop(struct loop *l, struct parcel *parcel)
{
	struct metric_reading *r =
	    LIST_OF(parcel, struct metric_reading, parcel);
	struct node *n = l->node;

	if (l->index == 0)
		metric_read_node(n, &r->page);
	for (struct actor *a = n->actors; a != NULL; a = a->prev_of_node)
		if (a->loop == l)
			metric_read_actor(a, &r->page);
	if (l->index + 1u < n->config.loops) {
		loop_give(&n->loops[l->index + 1], parcel);
		return;
	}
	parcel->fn = metric_on_back;
	loop_give(r->asker->loop, parcel);
}

static void
metric_on_none(struct loop *l, struct parcel *parcel)
{
	(void)l;
	(void)parcel;
}

void
metric_reading_fini(struct metric_reading *r)
{
	r->parcel.fn = metric_on_none;
	metric_page_fini(&r->page);
}

bool
metric_read(struct actor *self, metric_read_fn on_read)
{
	struct node *n = self->loop->node;
	struct metric_reading *r = &n->reading;

	assert(!r->is_under_way || r->asker == self);
	if (r->is_under_way)
		return false;
	*r = (struct metric_reading){ .parcel.fn = metric_on_loop,
		.asker = self,
		.on_read = on_read,
		.is_under_way = true };
	loop_give(&n->loops[0], &r->parcel);
	return true;
}
