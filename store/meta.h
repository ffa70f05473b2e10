/*
 * meta - single numbers of the database, by name.
 *
 *   schema_version   what store/migrate.c has brought it to
 *   created_at       when it was made, us since 1970
 *   epoch            of every channel's history in it
 *   cost_seq         of the newest cost record
 *   message_seq      of the newest message
 *   setting_at       the newest updated_at that a setting was given
 *   audit_hold       not 0: nothing of the audit log is forgotten
 */
#ifndef STORE_META_H
#define STORE_META_H

#include "store/txn.h"

#define META_SCHEMA_VERSION "schema_version"
#define META_CREATED_AT "created_at"
#define META_EPOCH "epoch"
#define META_COST_SEQ "cost_seq"
#define META_MESSAGE_SEQ "message_seq"
#define META_SETTING_AT "setting_at"
#define META_AUDIT_HOLD "audit_hold"

/* 0 if it was never put; CORRUPT if it is no number. */
uint64_t meta_get(struct txn *t, const char *name);
void meta_put(struct txn *t, const char *name, uint64_t number);

#endif
