#include <stdlib.h>
#include <string.h>

#include "protocols/messages.h"
#include "protocols/problem.h"
#include "runtime/base/text.h"
#include "store/audit.h"
#include "store/decision.h"
#include "store/requests.h"
#include "store/row.h"

/*
 * Prices are never changed: a new one is in force from its own day, and one
 * that was wrong is superseded by another version from the same day.  What
 * was priced before stays as it is; its record says by which version.  A
 * page's next is the place of its last price, as hex.
 */

static void
price_row_key(struct key *k, const struct price *p)
{
	key_init(k);
	key_text(k, p->provider);
	key_text(k, p->model);
	key_time(k, p->effective_from);
	key_number(k, p->version);
}

/* Of those from that very time; 0: there is none. */
static uint32_t
price_newest_at(struct txn *t, const struct price *p)
{
	const struct price *newest = NULL;
	struct backend_entry entry;
	struct key prefix;
	struct scan s;

	key_init(&prefix);
	key_text(&prefix, p->provider);
	key_text(&prefix, p->model);
	key_time(&prefix, p->effective_from);
	scan_open(&s, t, TABLE_PRICES, &prefix);
	if (scan_last(&s, &entry))
		newest = ROW_DECODE(t, TABLE_PRICES, &entry, price);
	scan_close(&s);
	return newest == NULL ? 0 : newest->version;
}

static uint32_t
price_versions(struct txn *t, const struct price *p)
{
	size_t mark = txn_mark(t);
	struct backend_entry entry;
	uint32_t newest = 0;
	struct key prefix;
	struct scan s;
	bool found;

	key_init(&prefix);
	key_text(&prefix, p->provider);
	key_text(&prefix, p->model);
	scan_open(&s, t, TABLE_PRICES, &prefix);
	found = scan_first(&s, &entry);
	for (; found; found = scan_next(&s, &entry)) {
		const struct price *row =
		    ROW_DECODE(t, TABLE_PRICES, &entry, price);

		if (row == NULL)
			break;
		if (row->version > newest)
			newest = row->version;
		txn_release(t, mark);
	}
	scan_close(&s);
	return newest;
}

static const char *
price_fault(const struct price *p)
{
	if (text_is_blank(p->provider) || text_is_blank(p->model))
		return "a price's provider or model is blank";
	if (p->input < 0 || p->output < 0 || p->cache_read < 0 ||
	    p->cache_write < 0)
		return "a price is negative";
	if (p->input > PRICE_MAX || p->output > PRICE_MAX ||
	    p->cache_read > PRICE_MAX || p->cache_write > PRICE_MAX)
		return "a price is above a million for a million tokens";
	if (strlen(p->currency) != CURRENCY_MAX)
		return "a currency has three letters";
	return NULL;
}

static enum status
price_refuse(struct txn *t, const struct store_price_put *ask, uint32_t newest,
    struct store_reply *ret)
{
	struct budget_decision *d = txn_take(t, sizeof(*d));
	struct decision_ask why = { .id = ask->decision_id,
		.at = ask->price.created_at,
		.principal = ask->principal,
		.st = ST_EXISTS,
		.problem = PROBLEM_DUPLICATE,
		.rule = "price_exists",
		.detail = "there is a price from that time; name its version "
			  "in `supersedes` to correct it" };

	if (d == NULL)
		return txn_status(t);
	if (ask->has_supersedes) {
		why.st = ST_CONFLICT;
		why.problem = PROBLEM_VERSION_CONFLICT;
		why.rule = "price_version";
		why.detail =
		    newest == 0
			? "there is no price from that time"
			: "the price from that time has another version";
	}
	d->currency = ask->price.currency;
	return decision_refuse(t, &why, d, ret);
}

static enum status
repo_price_put(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_price_put *ask = request;
	struct price_made *made = txn_take(t, sizeof(*made));
	const char *fault = price_fault(&ask->price);
	uint32_t newest;
	struct key k;

	if (fault != NULL)
		return txn_fail(t, ST_INVALID, fault);
	if (made == NULL)
		return txn_status(t);
	newest = price_newest_at(t, &ask->price);
	if (txn_status(t) != ST_OK)
		return txn_status(t);
	if (newest != (ask->has_supersedes ? ask->supersedes : 0))
		return price_refuse(t, ask, newest, ret);
	made->price = ask->price;
	made->price.version = price_versions(t, &ask->price) + 1;
	price_row_key(&k, &made->price);
	row_put(t, TABLE_PRICES, &k, CATALOGUE_TYPE(price), &made->price);
	audit_append(t, ask->audit);
	return REQUEST_REPLY(t, ret, price_made, made);
}

/* The first after a page's last. */
static bool
list_first(struct scan *s, const char *after, struct backend_entry *ret_entry)
{
	struct key from;
	size_t size = after == NULL ? 0 : strlen(after);

	if (after == NULL)
		return scan_first(s, ret_entry);
	key_init(&from);
	for (size_t i = 0; i + 1 < size; i += 2) {
		const char pair[3] = { after[i], after[i + 1], '\0' };
		uint8_t byte = (uint8_t)strtoul(pair, NULL, 16);

		key_raw(&from, (struct bytes){ &byte, 1 });
	}
	key_number(&from, 0); /* longer, so after it */
	return scan_seek(s, &from, ret_entry);
}

static const char *
list_next(struct txn *t, const struct key *k)
{
	char *text = txn_take(t, 2 * k->size + 1);

	if (text != NULL)
		text_hex(k->at, k->size, text);
	return text;
}

static enum status
repo_price_list(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_price_list *ask = request;
	struct price_page *page = txn_take(t, sizeof(*page));
	struct price *prices;
	struct backend_entry entry;
	struct scan s;
	struct key k;
	bool found;

	if (!request_limit(t, ask->limit))
		return txn_status(t);
	prices = txn_take(t, ask->limit * sizeof(*prices));
	if (page == NULL || prices == NULL)
		return txn_status(t);
	key_init(&k);
	scan_open(&s, t, TABLE_PRICES, NULL);
	found = list_first(&s, ask->after, &entry);
	while (found && page->prices_count < ask->limit) {
		const struct price *p =
		    ROW_DECODE(t, TABLE_PRICES, &entry, price);

		if (p == NULL)
			break;
		prices[page->prices_count++] = *p;
		price_row_key(&k, p);
		found = scan_next(&s, &entry);
	}
	scan_close(&s);
	page->prices = prices;
	page->next = found ? list_next(t, &k) : NULL;
	return REQUEST_REPLY(t, ret, price_page, page);
}

const struct request repo_prices[] = {
	{ MSG_store_price_put, true, repo_price_put },
	{ MSG_store_price_list, false, repo_price_list },
	{ 0 },
};
