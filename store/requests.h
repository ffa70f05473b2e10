/*
 * requests - which repository function serves which message of store.def.
 *
 * A repository function reads its request, works in the transaction and gives
 * the reply, whose body lives in the transaction's room.  It checks before it
 * writes: a refusal (EXISTS, CONFLICT, NOT_FOUND, INVALID) leaves nothing
 * behind.  It may run more than once (store/job.h) and keeps no state.
 */
#ifndef STORE_REQUESTS_H
#define STORE_REQUESTS_H

#include "store/txn.h"

struct event;

struct store_reply {
	uint16_t id; /* of the message */
	const void *body;
	const struct event *event; /* to tell once it is durable, or NULL */
	uint32_t events_count;     /* from event on; 0: it alone */
	uint32_t problem;   /* with a refusal: more precise than its status */
	const char *detail; /* likewise, one sentence; or NULL */
};

typedef enum status (*request_fn)(
    struct txn *t, const void *request, struct store_reply *ret_reply);

struct request {
	uint16_t id;
	bool writes;
	request_fn run;
};

/* Every request there is, in the order of the repositories; ends with id 0. */
const struct request *request_nth(size_t n);
/* NULL if no repository serves it. */
const struct request *request_find(uint16_t id);

/* For repositories: the reply, or done; what the transaction stuck at. */
enum status request_reply(struct txn *t, struct store_reply *ret_reply,
    uint16_t id, const void *body);
enum status request_done(struct txn *t, struct store_reply *ret_reply);
/* Refuses an id that is blank, or a page of nothing. */
bool request_id(struct txn *t, const char *id, const char *what);
bool request_limit(struct txn *t, uint32_t limit);

/* A page of rows that may be long ends there; one more still fits FRAME_MAX. */
#define REQUEST_PAGE_BYTES (700u << 10)
/* As JSON, where a byte may become six; with what is around the rows it fits
 * into an answer of 1 MiB. */
#define REQUEST_JSON_BYTES (1000u << 10)

/* Whether a page may have one more row, as JSON; the first always fits. */
bool request_page_takes(
    struct txn *t, const struct wire_type *type, const void *row, size_t *used);

#define REQUEST_REPLY(t, ret, type, body) \
	request_reply(t, ret, MSG_##type, body)

/* One table per repository; ends with id 0. */
extern const struct request repo_users[];
extern const struct request repo_sessions[];
extern const struct request repo_refresh[];
extern const struct request repo_settings[];
extern const struct request repo_tasks[];
extern const struct request repo_board[];
extern const struct request repo_messages[];
extern const struct request repo_journal[];
extern const struct request repo_costs[];
extern const struct request repo_prices[];
extern const struct request repo_budgets[];
extern const struct request repo_holds[];
extern const struct request repo_decisions[];
extern const struct request repo_reports[];
extern const struct request repo_backups[];
extern const struct request repo_audit[];
extern const struct request repo_schedules[];
extern const struct request repo_accounts[];
extern const struct request repo_keys[];
extern const struct request repo_activity[];
extern const struct request repo_redo[];

#endif
