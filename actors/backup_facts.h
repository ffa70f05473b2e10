/*
 * backup_facts - what is known of a backup, in memory of a fixed size.
 *
 * The manifest of protocols/backup.def borrows its texts; this one owns them.
 * Its rules: 12 lower-case hex digits, an instant with an offset, each
 * component once, sha256: and 64 digits, at most BACKUP_MANIFEST_MAX bytes.
 * A manifest that breaks one is no manifest.  Any thread.
 */
#ifndef ACTORS_BACKUP_FACTS_H
#define ACTORS_BACKUP_FACTS_H

#include "protocols/messages.h"
#include "protocols/wire.h"
#include "runtime/base/status.h"

#define BACKUP_WHY_SIZE 256
#define BACKUP_FORMAT 1
#define BACKUP_ARENA (1u << 20) /* what reading a manifest takes at most */
#define BACKUP_TRIGGERS (TRIGGER_PRE_MIGRATION + 1)
#define BACKUP_MANIFEST_NAME "manifest.json"

struct backup_facts {
	char backup_id[BACKUP_ID_LENGTH + 1];
	int64_t timestamp;
	enum backup_trigger trigger;
	uint32_t count;
	enum backup_component components[BACKUP_COMPONENTS_MAX];
	uint64_t size_bytes;
	uint32_t schema_version;
	char checksum[BACKUP_CHECKSUM_MAX + 1];
	struct backup_point point; /* timeline 0: none */
	uint32_t format_version;
	char app_version[65];
	uint32_t parts_count;
	struct backup_part parts[BACKUP_COMPONENTS_MAX];
	char key_id[BACKUP_KEY_ID_MAX + 1];    /* "": not sealed */
	char signed_by[BACKUP_KEY_ID_MAX + 1]; /* "": not signed */
	char signature[BACKUP_SIGNATURE_MAX + 1];
};

/* A manifest and the texts it borrows beside the facts themselves. */
struct backup_view {
	struct backup_manifest manifest;
	const char *components[BACKUP_COMPONENTS_MAX];
};

bool backup_id_is_good(const char *id);

/* The stable text of each value, as protocols/backup.def has it. */
const char *backup_trigger_text(enum backup_trigger trigger);
const char *backup_component_text(enum backup_component component);
const char *backup_fate_text(enum backup_fate fate);
const char *backup_where_text(enum backup_where where);
const char *backup_trust_text(enum backup_trust trust);
/* False: no component, one twice, or one that is none; *ret_why says which. */
bool backup_components_read(const char *const *texts, uint32_t count,
    enum backup_component ret_of[BACKUP_COMPONENTS_MAX], const char **ret_why);
bool backup_facts_have(
    const struct backup_facts *f, enum backup_component component);

/* INVALID or MALFORMED; why of BACKUP_WHY_SIZE. */
MUST_CHECK enum status backup_facts_read(const void *bytes, size_t size,
    struct backup_facts *ret_facts, char *ret_why);
/* The signature is left out for those who sign or verify. */
MUST_CHECK enum status backup_facts_write(
    const struct backup_facts *f, bool with_signature, struct wire_out *out);

/* Borrows from f and view itself. */
void backup_facts_view(
    const struct backup_facts *f, struct backup_view *ret_view);

#endif
