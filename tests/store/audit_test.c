#include "store/audit.h"

#include "tests/store/money_rig.h"

static struct audit_note
note_of(const char *who, const char *action, const char *target, int64_t at)
{
	return (struct audit_note){ .at = at,
		.by = { .user_id = who,
		    .username = "name",
		    .role = ROLE_CEO,
		    .method = AUTH_JWT,
		    .session_id = "0123456789abcdef",
		    .address = "192.0.2.1",
		    .user_agent = "" },
		.action = action,
		.target = target,
		.detail = "" };
}

static enum status
append(const char *who, const char *action, const char *target, int64_t at)
{
	struct audit_note note = note_of(who, action, target, at);

	return ASK(store_audit_append, .notes = &note, .notes_count = 1);
}

static const struct store_audit_page *
page_of(struct store_audit_list ask)
{
	if (ask.limit == 0)
		ask.limit = AUDIT_PAGE_MAX;
	OK(asker_ask(MSG_store_audit_list, &ask));
	return REPLY_IS(store_audit_page);
}

static struct audit_report
verify(const struct audit_end *wanted)
{
	struct audit_report r;
	struct backend_txn *inner;
	struct txn t;

	OK(backend_read(asker.f->b, &inner));
	txn_init(&t, inner, asker.room);
	audit_verify(&t, wanted, NULL, &r);
	OK(txn_status(&t));
	backend_abort(inner);
	return r;
}

static void
seq_key(struct key *k, uint64_t seq)
{
	key_init(k);
	key_number(k, seq);
}

/* An attacker with the file: value NULL deletes. */
static void
tamper(uint64_t seq, struct bytes value)
{
	struct backend_txn *inner;
	struct key k;

	seq_key(&k, seq);
	OK(backend_write(asker.f->b, &inner));
	if (value.at == NULL)
		OK(backend_delete(inner, TABLE_AUDIT, key_bytes(&k)));
	else
		OK(backend_put(inner, TABLE_AUDIT, key_bytes(&k), value));
	OK(backend_commit(inner));
}

static void
expect_broken(uint64_t seq, const char *why)
{
	struct audit_report r = verify(NULL);

	assert_false(r.whole);
	assert_int_equal(r.broken, seq);
	assert_non_null(strstr(r.why, why));
}

static void
test_entries_count_up_and_hold_who_did_what(void **state)
{
	const struct store_audit_page *page;
	const struct audit_view *v;

	(void)state;
	OK(append("u1", "user.create", "u2", 5));
	OK(append("u1", "user.disable", "u2", 6));
	page = page_of((struct store_audit_list){ 0 });
	assert_int_equal(page->entries_count, 2);
	assert_false(page->has_next);
	v = &page->entries[0];
	assert_int_equal(v->seq, 2);
	assert_string_equal(v->action, "user.disable");
	assert_string_equal(v->user_id, "u1");
	assert_string_equal(v->target, "u2");
	assert_string_equal(v->address, "192.0.2.1");
	assert_int_equal(v->role, ROLE_CEO);
	assert_true(v->has_role);
	assert_int_equal(v->at, 6);
	assert_string_equal(v->session, "01234567");
	assert_int_equal(strlen(v->digest), AUDIT_DIGEST_TEXT);
	assert_true(verify(NULL).whole);
	assert_int_equal(verify(NULL).entries, 2);
}

static void
test_who_proved_nothing_has_no_role(void **state)
{
	struct audit_note note = note_of("", "auth.login", "ada", 5);

	(void)state;
	note.by.method = AUTH_NONE;
	OK(ASK(store_audit_append, .notes = &note, .notes_count = 1));
	assert_false(
	    page_of((struct store_audit_list){ 0 })->entries[0].has_role);
}

static void
test_a_change_and_its_note_are_one(void **state)
{
	struct audit_note note = note_of("u1", "user.create", "u2", 5);
	struct user u = {
		.user_id = "u2", .username = "bob", .password_hash = "x"
	};

	(void)state;
	OK(ASK(store_user_create, .user = u, .audit = &note));
	assert_int_equal(asker_count(TABLE_AUDIT), 1);
	IS(EXISTS, ASK(store_user_create, .user = u, .audit = &note));
	assert_int_equal(asker_count(TABLE_AUDIT), 1);
	u.user_id = "u3";
	u.username = "eve";
	note.action = " ";
	IS(INVALID, ASK(store_user_create, .user = u, .audit = &note));
	assert_int_equal(asker_count(TABLE_USERS), 1);
	assert_int_equal(asker_count(TABLE_AUDIT), 1);
}

static void
test_filters_and_pages(void **state)
{
	struct store_audit_list ask = { .limit = 2 };
	const struct store_audit_page *page;

	(void)state;
	OK(append("u1", "user.create", "a", 1));
	OK(append("u2", "user.delete", "a", 2));
	OK(append("u1", "users", "b", 3));
	OK(append("u1", "user.create", "b", 4));
	page = page_of(ask);
	assert_int_equal(page->entries_count, 2);
	assert_int_equal(page->entries[0].seq, 4);
	assert_true(page->has_next);
	ask.has_before = true;
	ask.before = page->next;
	page = page_of(ask);
	assert_int_equal(page->entries[0].seq, 2);
	assert_int_equal(page->entries[1].seq, 1);
	assert_false(page->has_next);
	page = page_of((struct store_audit_list){ .action = "user." });
	assert_int_equal(page->entries_count, 3);
	page = page_of((struct store_audit_list){ .action = "user" });
	assert_int_equal(page->entries_count, 0);
	page = page_of(
	    (struct store_audit_list){ .user_id = "u1", .target = "b" });
	assert_int_equal(page->entries_count, 2);
	page = page_of((struct store_audit_list){
	    .since = 2, .has_since = true, .until = 4, .has_until = true });
	assert_int_equal(page->entries_count, 2);
	assert_int_equal(page->entries[0].seq, 3);
	page = page_of((struct store_audit_list){
	    .result = AUDIT_REFUSED, .has_result = true });
	assert_int_equal(page->entries_count, 0);
	IS(INVALID, ASK(store_audit_list, .limit = 0));
}

/* Looks at a bounded number of rows and says where to go on. */
static void
test_a_rare_match_is_found_page_by_page(void **state)
{
	struct audit_note notes[AUDIT_NOTES_MAX];
	struct store_audit_list ask = { .action = "rare", .limit = 1 };
	const struct store_audit_page *page;

	(void)state;
	OK(append("u1", "rare", "", 1));
	for (int i = 0; i < AUDIT_NOTES_MAX; i++)
		notes[i] = note_of("u1", "often", "", 2);
	for (int i = 0; i < 17; i++)
		OK(ASK(store_audit_append, .notes = notes,
		    .notes_count = AUDIT_NOTES_MAX));
	page = page_of(ask);
	assert_int_equal(page->entries_count, 0);
	assert_true(page->has_next);
	ask.has_before = true;
	ask.before = page->next;
	page = page_of(ask);
	assert_int_equal(page->entries_count, 1);
	assert_int_equal(page->entries[0].seq, 1);
}

static void
test_a_change_a_hole_and_a_cut_are_found(void **state)
{
	struct audit_entry forged = { .seq = 2,
		.user_id = "u9",
		.username = "",
		.address = "",
		.session = "",
		.action = "nothing",
		.target = "",
		.detail = "",
		.previous = { (const uint8_t *)"12345678901234567890123456789"
					       "012",
		    32 } };
	struct backend_txn *inner;
	struct txn t;
	struct key k;

	(void)state;
	for (int i = 1; i <= 4; i++)
		OK(append("u1", "user.create", "", i));
	seq_key(&k, 2);
	OK(backend_write(asker.f->b, &inner));
	txn_init(&t, inner, asker.room);
	row_put(&t, TABLE_AUDIT, &k, CATALOGUE_TYPE(audit_entry), &forged);
	OK(backend_commit(inner));
	expect_broken(1, "it was another");
	tamper(2, B("not a record"));
	expect_broken(2, "cannot be read");
	tamper(2, ANY);
	expect_broken(2, "missing");
}

/* Its own link is good, and what it says is not. */
static void
test_a_changed_entry_is_found_by_the_next(void **state)
{
	const struct audit_entry *e;
	struct audit_entry forged;
	struct backend_txn *inner;
	struct txn t;
	struct key k;

	(void)state;
	for (int i = 1; i <= 3; i++)
		OK(append("u1", "user.create", "", i));
	seq_key(&k, 2);
	OK(backend_write(asker.f->b, &inner));
	txn_init(&t, inner, asker.room);
	e = ROW_GET(&t, TABLE_AUDIT, &k, audit_entry);
	assert_non_null(e);
	forged = *e;
	forged.user_id = "innocent";
	row_put(&t, TABLE_AUDIT, &k, CATALOGUE_TYPE(audit_entry), &forged);
	OK(backend_commit(inner));
	expect_broken(2, "the entry after it");
}

static void
test_the_last_entry_is_held_by_the_head(void **state)
{
	(void)state;
	for (int i = 1; i <= 3; i++)
		OK(append("u1", "user.create", "", i));
	tamper(3, ANY);
	expect_broken(3, "missing");
}

static void
test_what_was_noted_elsewhere_must_still_be_there(void **state)
{
	uint8_t digest[AUDIT_DIGEST_SIZE];
	struct audit_end wanted = { .digest = { digest, sizeof(digest) } };
	struct audit_report r;

	(void)state;
	for (int i = 1; i <= 3; i++)
		OK(append("u1", "user.create", "", i));
	r = verify(NULL);
	wanted.seq = r.last;
	memcpy(digest, r.head, sizeof(digest));
	OK(append("u1", "user.create", "", 9));
	assert_true(verify(&wanted).whole);
	digest[0] ^= 1;
	r = verify(&wanted);
	assert_false(r.whole);
	assert_int_equal(r.broken, 3);
	wanted.seq = 99;
	assert_false(verify(&wanted).whole);
}

static void
test_an_empty_log_is_whole(void **state)
{
	(void)state;
	assert_true(verify(NULL).whole);
	assert_int_equal(verify(NULL).entries, 0);
	assert_int_equal(
	    page_of((struct store_audit_list){ 0 })->entries_count, 0);
}

/* Somebody with the file cuts it and writes a good anchor. */
static void
test_a_cut_at_the_beginning_is_found(void **state)
{
	struct audit_end anchor = { 0 };
	uint8_t digest[AUDIT_DIGEST_SIZE];
	struct backend_txn *inner;
	struct bytes stored;
	struct key k, end;
	struct txn t;

	(void)state;
	for (int i = 1; i <= 3; i++)
		OK(append("u1", "user.create", "", i));
	OK(backend_write(asker.f->b, &inner));
	txn_init(&t, inner, asker.room);
	seq_key(&k, 1);
	assert_true(txn_get(&t, TABLE_AUDIT, &k, &stored));
	audit_digest(stored, digest);
	anchor.seq = 1;
	anchor.digest = (struct bytes){ digest, sizeof(digest) };
	key_init(&end);
	key_tail(&end, "anchor");
	row_put(&t, TABLE_AUDIT_ENDS, &end, CATALOGUE_TYPE(audit_end), &anchor);
	OK(backend_commit(inner));
	tamper(1, ANY);
	expect_broken(1, "no entry tells of it");
}

/* ---- pruning ---- */

static const struct store_audit_pruned *
prune(struct store_audit_prune ask)
{
	if (ask.limit == 0)
		ask.limit = AUDIT_PRUNE_MAX;
	ask.note = note_of("system", "", "", 100);
	OK(asker_ask(MSG_store_audit_prune, &ask));
	return REPLY_IS(store_audit_pruned);
}

static void
append_many(int from, int to)
{
	for (int i = from; i <= to; i++)
		OK(append("u1", "user.create", "", i));
}

static void
test_pruning_by_count_leaves_a_chain_that_holds(void **state)
{
	const struct store_audit_page *page;
	const struct store_audit_pruned *gone;
	struct audit_end noted = { .seq = 6 };
	uint8_t digest[AUDIT_DIGEST_SIZE];
	struct audit_report r;

	(void)state;
	append_many(1, 6);
	memcpy(digest, verify(NULL).head, sizeof(digest));
	noted.digest = (struct bytes){ digest, sizeof(digest) };
	append_many(7, 10);
	gone = prune((struct store_audit_prune){ .keep = 5 });
	assert_int_equal(gone->entries, 6);
	assert_int_equal(gone->first, 1);
	assert_int_equal(gone->last, 6);
	assert_false(gone->more);
	r = verify(NULL);
	assert_true(r.whole);
	assert_int_equal(r.first, 7);
	assert_int_equal(r.last, 11);
	assert_true(verify(&noted).whole); /* as the anchor has it */
	page = page_of((struct store_audit_list){ 0 });
	assert_int_equal(page->entries_count, 5);
	assert_string_equal(page->entries[0].action, AUDIT_PRUNED);
	assert_int_equal(strncmp(page->entries[0].target, "6:", 2), 0);
	/* Nothing to do, and so it stays. */
	assert_int_equal(
	    prune((struct store_audit_prune){ .keep = 5 })->entries, 0);
	assert_int_equal(verify(NULL).last, 11);
	append_many(12, 13);
	assert_int_equal(
	    prune((struct store_audit_prune){ .keep = 5 })->entries, 3);
	assert_true(verify(NULL).whole);
}

static void
test_pruning_by_age_and_in_steps(void **state)
{
	struct store_audit_prune ask = {
		.has_before = true, .before = 6, .limit = 2
	};

	(void)state;
	append_many(1, 8);
	assert_int_equal(prune(ask)->last, 2);
	assert_true(verify(NULL).whole);
	assert_true(prune(ask)->more);
	assert_int_equal(prune(ask)->last, 5);
	assert_int_equal(prune(ask)->entries, 0);
	assert_true(verify(NULL).whole);
	assert_int_equal(verify(NULL).first, 6);
	ask.before = 1000; /* all of them, even the last */
	ask.limit = AUDIT_PRUNE_MAX;
	assert_int_equal(prune(ask)->entries, 6);
	assert_true(verify(NULL).whole);
	assert_int_equal(verify(NULL).entries, 1);
	/* What pruning has said alone is no reason to prune. */
	assert_int_equal(prune(ask)->entries, 0);
}

static void
test_a_dry_run_and_a_hold_forget_nothing(void **state)
{
	struct store_audit_prune ask = {
		.keep = 2, .dry_run = true, .limit = 3
	};
	const struct store_audit_pruned *told;

	(void)state;
	append_many(1, 8);
	told = prune(ask);
	assert_int_equal(told->entries, 3);
	assert_true(told->more);
	ask.after = told->last;
	told = prune(ask);
	assert_int_equal(told->first, 4);
	assert_int_equal(verify(NULL).entries, 8);
	ask = (struct store_audit_prune){ .keep = 2, .hold = true };
	assert_int_equal(prune(ask)->entries, 0);
	assert_int_equal(verify(NULL).entries, 8);
	ask.hold = false;
	assert_int_equal(prune(ask)->entries, 7);
	assert_int_equal(verify(NULL).entries, 2);
	IS(INVALID, ASK(store_audit_prune, .keep = 1));
}

/* As if there had been so many. */
static void
set_head(uint64_t seq)
{
	uint8_t digest[AUDIT_DIGEST_SIZE] = { 1 };
	struct audit_end head = { seq, { digest, sizeof(digest) } };
	struct backend_txn *inner;
	struct key end;
	struct txn t;

	OK(backend_write(asker.f->b, &inner));
	txn_init(&t, inner, asker.room);
	key_init(&end);
	key_tail(&end, "head");
	row_put(&t, TABLE_AUDIT_ENDS, &end, CATALOGUE_TYPE(audit_end), &head);
	OK(backend_commit(inner));
}

/* cost.audit_records: in a full log each takes the place of the oldest. */
static void
test_a_flood_of_cost_records_is_bounded(void **state)
{
	struct audit_note note = note_of("u1", "cost.record", "", 100);

	(void)state;
	append_many(1, 8);
	set_head(AUDIT_KEEP_MAX);
	for (uint64_t n = 1; n <= 8; n++) {
		struct cost_record r = a_record(n, "p", CENT);

		OK(ASK(store_cost_add, .record = r, .principal = "u1",
		    .now = NOW, .keep_us = KEEP_US, .event_id = r.record_id,
		    .decision_id = "decision", .audit = &note));
		assert_int_equal(asker_count(TABLE_AUDIT), 8);
	}
	assert_int_equal(
	    page_of((struct store_audit_list){ .action = "cost.record" })
		->entries_count,
	    8);
}

/* Held: also what would fall out because the log is full. */
static void
test_a_held_log_that_is_full_keeps_its_oldest(void **state)
{
	struct store_audit_prune ask = { .hold = true };

	(void)state;
	append_many(1, 3);
	(void)prune(ask);
	set_head(AUDIT_KEEP_MAX + 3);
	OK(append("u1", "user.create", "", 4));
	assert_int_equal(asker_count(TABLE_AUDIT), 4);
	ask.hold = false;
	(void)prune(ask);
	OK(append("u1", "user.create", "", 5));
	assert_int_equal(asker_count(TABLE_AUDIT), 3);
}

static void
test_an_entry_that_cannot_be_read_is_not_forgotten(void **state)
{
	struct audit_note note = note_of("system", "", "", 100);

	(void)state;
	append_many(1, 4);
	tamper(2, B("not a record"));
	IS(CORRUPT,
	    ASK(store_audit_prune, .keep = 1, .limit = 10, .note = note));
	expect_broken(2, "cannot be read");
	assert_int_equal(asker_count(TABLE_AUDIT), 4);
}

/* As a program with a fault would: the anchor is not what was told. */
static void
test_an_anchor_that_was_moved_is_found(void **state)
{
	uint8_t digest[AUDIT_DIGEST_SIZE];
	struct backend_txn *inner;
	struct audit_end anchor;
	struct bytes stored;
	struct key k;
	struct txn t;

	(void)state;
	append_many(1, 8);
	(void)prune((struct store_audit_prune){ .keep = 5 });
	OK(backend_write(asker.f->b, &inner));
	txn_init(&t, inner, asker.room);
	audit_find_end(&t, AUDIT_ANCHOR, &anchor);
	anchor.seq++;
	seq_key(&k, anchor.seq);
	assert_true(txn_get(&t, TABLE_AUDIT, &k, &stored));
	audit_digest(stored, digest);
	audit_put_end(&t, AUDIT_ANCHOR, anchor.seq);
	(void)txn_delete(&t, TABLE_AUDIT, &k);
	OK(txn_status(&t));
	OK(backend_commit(inner));
	expect_broken(5, "no entry tells of it");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ASKED(test_entries_count_up_and_hold_who_did_what),
		ASKED(test_who_proved_nothing_has_no_role),
		ASKED(test_a_change_and_its_note_are_one),
		ASKED(test_filters_and_pages),
		ASKED(test_a_rare_match_is_found_page_by_page),
		ASKED(test_a_change_a_hole_and_a_cut_are_found),
		ASKED(test_a_changed_entry_is_found_by_the_next),
		ASKED(test_the_last_entry_is_held_by_the_head),
		ASKED(test_what_was_noted_elsewhere_must_still_be_there),
		ASKED(test_an_empty_log_is_whole),
		ASKED(test_a_cut_at_the_beginning_is_found),
		ASKED(test_pruning_by_count_leaves_a_chain_that_holds),
		ASKED(test_pruning_by_age_and_in_steps),
		ASKED(test_a_dry_run_and_a_hold_forget_nothing),
		ASKED(test_a_flood_of_cost_records_is_bounded),
		ASKED(test_a_held_log_that_is_full_keeps_its_oldest),
		ASKED(test_an_entry_that_cannot_be_read_is_not_forgotten),
		ASKED(test_an_anchor_that_was_moved_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
