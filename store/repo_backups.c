#include <string.h>

#include "protocols/messages.h"
#include "protocols/problem.h"
#include "store/idem.h"
#include "store/requests.h"
#include "store/row.h"

/*
 * What a keyed backup has made stands here and not only beside the backup:
 * a repeated request gets its manifest also when the backup has been pruned.
 */

#define BACKUP_SCOPE "backup.create"
#define MANIFESTS_SWEEP_MAX 64 /* rows looked at by one new mark */

static void
manifest_key(struct key *k, const char *id)
{
	key_init(k);
	key_tail(k, id);
}

/* Manifests whose mark has expired: nobody can ask for them any more. */
static void
manifests_sweep(struct txn *t, int64_t now)
{
	struct key gone[MANIFESTS_SWEEP_MAX];
	struct backend_entry entry;
	uint32_t seen = 0, count = 0;
	struct scan s;
	bool found;

	scan_open(&s, t, TABLE_BACKUPS, NULL);
	found = scan_first(&s, &entry);
	while (found && seen++ < MANIFESTS_SWEEP_MAX) {
		const struct backup_manifest *m =
		    ROW_DECODE(t, TABLE_BACKUPS, &entry, backup_manifest);

		if (m == NULL)
			break;
		if (m->timestamp + 2 * IDEM_KEEP_US <= now) {
			key_init(&gone[count]);
			key_raw(&gone[count++], entry.key);
		}
		found = scan_next(&s, &entry);
	}
	scan_close(&s);
	for (uint32_t i = 0; i < count; i++)
		(void)txn_delete(t, TABLE_BACKUPS, &gone[i]);
}

static enum status
repo_backups_mark(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_backup_mark *ask = request;
	struct idem_mark mark = {
		.scope = BACKUP_SCOPE,
		.principal = ask->principal,
		.key = ask->once.key,
		.body_hash = ask->once.body_hash,
		.result_id = ask->manifest.backup_id,
		.expires_at = ask->now + IDEM_KEEP_US,
	};
	struct key k;

	if (!request_id(t, mark.result_id, "blank id") ||
	    !request_id(t, mark.key == NULL ? "" : mark.key, "blank key"))
		return txn_status(t);
	manifests_sweep(t, ask->now);
	manifest_key(&k, mark.result_id);
	row_put(t, TABLE_BACKUPS, &k, CATALOGUE_TYPE(backup_manifest),
	    &ask->manifest);
	idem_put(t, &mark, ask->now);
	return request_done(t, ret);
}

static enum status
repo_backups_find(struct txn *t, const void *request, struct store_reply *ret)
{
	const struct store_backup_find *ask = request;
	struct store_backup_found *found = txn_take(t, sizeof(*found));
	const struct idem_mark *mark;
	struct key k;

	if (!request_id(
		t, ask->once.key == NULL ? "" : ask->once.key, "blank key"))
		return txn_status(t);
	mark =
	    idem_find(t, BACKUP_SCOPE, ask->principal, ask->once.key, ask->now);
	if (mark != NULL && !idem_same_body(mark, ask->once.body_hash)) {
		ret->problem = PROBLEM_IDEMPOTENCY_REUSE;
		ret->detail = "the key was used with another request";
		return ST_CONFLICT;
	}
	if (mark != NULL) {
		manifest_key(&k, mark->result_id);
		found->manifest =
		    ROW_GET(t, TABLE_BACKUPS, &k, backup_manifest);
	}
	return REQUEST_REPLY(t, ret, store_backup_found, found);
}

const struct request repo_backups[] = {
	{ MSG_store_backup_mark, true, repo_backups_mark },
	{ MSG_store_backup_find, false, repo_backups_find },
	{ 0 },
};
