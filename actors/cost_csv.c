#include "actors/cost_csv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/clock.h"

#define CSV_HEAD \
	"start,key,cost,currency,input_tokens,output_tokens,records\r\n"
#define CSV_KEY_SIZE (2 * ID_MAX + 4)

struct csv {
	char *at;
	size_t left;
	bool full;
};

static void
csv_puts(struct csv *c, const char *text)
{
	size_t size = strlen(text);

	if (c->full || size >= c->left) {
		c->full = true;
		return;
	}
	memcpy(c->at, text, size + 1);
	c->at += size;
	c->left -= size;
}

/* In quotes, and never a formula. */
static void
csv_key(struct csv *c, const char *key)
{
	char quoted[CSV_KEY_SIZE];
	size_t n = 0;

	quoted[n++] = '"';
	if (key[0] != '\0' && strchr("=+-@\t\r", key[0]) != NULL)
		quoted[n++] = '\'';
	for (; *key != '\0' && n < sizeof(quoted) - 3; key++) {
		if (*key == '"')
			quoted[n++] = '"';
		quoted[n++] = *key;
	}
	quoted[n++] = '"';
	quoted[n] = '\0';
	csv_puts(c, quoted);
}

/* Whole, or not at all. */
static bool
csv_point(struct csv *c, const struct cost_point *p, const char *currency)
{
	const struct csv before = *c;
	char start[CLOCK_TEXT_SIZE], cost[MONEY_TEXT_SIZE], counts[96];

	clock_text(p->start, start);
	money_text(p->cost, cost);
	csv_puts(c, start);
	csv_puts(c, ",");
	csv_key(c, p->key);
	csv_puts(c, ",");
	csv_puts(c, cost);
	csv_puts(c, ",");
	csv_puts(c, currency == NULL ? "" : currency);
	snprintf(counts, sizeof(counts),
	    ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\r\n", p->input_tokens,
	    p->output_tokens, p->records);
	csv_puts(c, counts);
	if (!c->full)
		return true;
	*c = before;
	*c->at = '\0';
	return false;
}

uint32_t
cost_csv_write(const struct cost_points *points, char *ret_text, size_t size)
{
	struct csv c = { ret_text, size, false };
	uint32_t n = 0;

	csv_puts(&c, CSV_HEAD);
	while (n < points->points_count &&
	       csv_point(&c, &points->points[n], points->currency))
		n++;
	return n;
}
