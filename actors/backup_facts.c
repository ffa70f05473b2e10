#include "actors/backup_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/catalogue.h"
#include "protocols/json.h"
#include "runtime/base/text.h"

#define HEX "0123456789abcdef"
#define SUM_MARK "sha256:"
#define SUM_DIGITS 64

/* clang-format off */
#define VALUE(id, text, doc) [id] = (text),
#define ENUMERATION(n, doc, values)                           \
	const char *n##_text(enum n v)                        \
	{                                                     \
		static const char *const texts[] = { values }; \
		return texts[v];                              \
	}
#define STRUCTURE(n, doc, fields)
#define MESSAGE(n, id, doc, fields)
#include "protocols/backup.def"
#include "protocols/undef.h"
/* clang-format on */

bool
backup_id_is_good(const char *id)
{
	return id != NULL && strlen(id) == BACKUP_ID_LENGTH &&
	       strspn(id, HEX) == BACKUP_ID_LENGTH;
}

static bool
component_find(const char *text, enum backup_component *ret)
{
	for (uint32_t i = 0; i < BACKUP_COMPONENTS_MAX; i++)
		if (strcmp(text,
			backup_component_text((enum backup_component)i)) == 0) {
			*ret = (enum backup_component)i;
			return true;
		}
	return false;
}

bool
backup_components_read(const char *const *texts, uint32_t count,
    enum backup_component ret_of[BACKUP_COMPONENTS_MAX], const char **ret_why)
{
	if (count == 0 || count > BACKUP_COMPONENTS_MAX) {
		*ret_why = "components: one to three of them";
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (!component_find(texts[i], &ret_of[i])) {
			*ret_why = "components: each is persistence, memory "
				   "or config";
			return false;
		}
		for (uint32_t j = 0; j < i; j++)
			if (ret_of[j] == ret_of[i]) {
				*ret_why = "components: one is named twice";
				return false;
			}
	}
	return true;
}

bool
backup_facts_have(const struct backup_facts *f, enum backup_component component)
{
	for (uint32_t i = 0; i < f->count; i++)
		if (f->components[i] == component)
			return true;
	return false;
}

static bool
checksum_is_good(const char *sum)
{
	return strncmp(sum, SUM_MARK, strlen(SUM_MARK)) == 0 &&
	       strlen(sum) == strlen(SUM_MARK) + SUM_DIGITS &&
	       strspn(sum + strlen(SUM_MARK), HEX) == SUM_DIGITS;
}

static const char *
manifest_mistake(const struct backup_manifest *m, struct backup_facts *f)
{
	const char *why = NULL;

	if (!backup_id_is_good(m->backup_id))
		return "backup_id: 12 lower-case hex digits";
	if (!checksum_is_good(m->checksum))
		return "checksum: sha256: and 64 lower-case hex digits";
	if (!backup_components_read(
		m->components, m->components_count, f->components, &why))
		return why;
	if (m->has_format_version && m->format_version > BACKUP_FORMAT)
		return "format_version: of a newer program";
	return NULL;
}

static void
facts_copy(const struct backup_manifest *m, struct backup_facts *f)
{
	snprintf(f->backup_id, sizeof(f->backup_id), "%s", m->backup_id);
	f->timestamp = m->timestamp;
	f->trigger = m->trigger;
	f->count = m->components_count;
	f->size_bytes = m->size_bytes;
	f->schema_version = m->schema_version;
	snprintf(f->checksum, sizeof(f->checksum), "%s", m->checksum);
	f->format_version =
	    m->has_format_version ? m->format_version : BACKUP_FORMAT;
	text_fit(f->app_version, sizeof(f->app_version), m->app_version);
	f->parts_count = m->parts_count;
	for (uint32_t i = 0; i < m->parts_count; i++)
		f->parts[i] = m->parts[i];
	if (m->point != NULL && m->point->timeline != 0)
		f->point = *m->point;
	text_fit(f->key_id, sizeof(f->key_id), m->key_id);
	text_fit(f->signed_by, sizeof(f->signed_by), m->signed_by);
	text_fit(f->signature, sizeof(f->signature), m->signature);
}

enum status
backup_facts_read(const void *bytes, size_t size,
    struct backup_facts *ret_facts, char *ret_why)
{
	struct arena a = { malloc(BACKUP_ARENA), BACKUP_ARENA, 0 };
	struct json_result result = { 0 };
	const char *mistake = "out of memory";
	enum status st = ST_NO_MEMORY;
	void *body = NULL;

	*ret_facts = (struct backup_facts){ 0 };
	if (size > BACKUP_MANIFEST_MAX) {
		st = ST_INVALID;
		mistake = "larger than 65536 bytes";
	} else if (a.base != NULL) {
		st = json_decode(CATALOGUE_TYPE(backup_manifest),
		    JSON_IGNORE_UNKNOWN, &a, bytes, size, &body, &result);
		mistake = result.why;
	}
	if (st == ST_OK) {
		mistake = manifest_mistake(body, ret_facts);
		st = mistake == NULL ? ST_OK : ST_INVALID;
	}
	if (st == ST_OK)
		facts_copy(body, ret_facts);
	else
		text_fit(ret_why, BACKUP_WHY_SIZE, mistake);
	free(a.base);
	return st;
}

void
backup_facts_view(const struct backup_facts *f, struct backup_view *v)
{
	for (uint32_t i = 0; i < f->count; i++)
		v->components[i] = backup_component_text(f->components[i]);
	v->manifest = (struct backup_manifest){
		.backup_id = f->backup_id,
		.timestamp = f->timestamp,
		.trigger = f->trigger,
		.components = v->components,
		.components_count = f->count,
		.size_bytes = f->size_bytes,
		.schema_version = f->schema_version,
		.checksum = f->checksum,
		.format_version = f->format_version,
		.has_format_version = true,
		.app_version =
		    f->app_version[0] == '\0' ? NULL : f->app_version,
		.point = f->point.timeline == 0 ? NULL : &f->point,
		.parts = f->parts,
		.parts_count = f->parts_count,
		.key_id = f->key_id[0] == '\0' ? NULL : f->key_id,
		.signed_by = f->signed_by[0] == '\0' ? NULL : f->signed_by,
		.signature = f->signature[0] == '\0' ? NULL : f->signature,
	};
}

enum status
backup_facts_write(
    const struct backup_facts *f, bool with_signature, struct wire_out *out)
{
	struct backup_view v;

	backup_facts_view(f, &v);
	if (!with_signature)
		v.manifest.signature = NULL;
	return json_encode(
	    CATALOGUE_TYPE(backup_manifest), 0, &v.manifest, out);
}
