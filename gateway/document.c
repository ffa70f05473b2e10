#include "gateway/document.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocols/json.h"

#define NUMBER_SIZE 21

void
document_init(struct document *d, struct wire_out *out)
{
	*d = (struct document){
		.out = out, .start = out->used, .status = ST_OK, .bare = true
	};
}

static void
document_put(struct document *d, const char *bytes, size_t size)
{
	if (d->status == ST_OK && size > d->out->size - d->out->used)
		d->status = ST_FULL;
	if (d->status != ST_OK)
		return;
	memcpy(d->out->bytes + d->out->used, bytes, size);
	d->out->used += size;
}

static void
document_put_string(struct document *d, const char *text)
{
	if (d->status == ST_OK)
		d->status = json_encode_text(text, d->out);
}

static void
document_put_line(struct document *d)
{
	document_put(d, "\n", 1);
	for (uint32_t i = 0; i < d->depth; i++)
		document_put(d, " ", 1);
}

/* All that stands before a value. */
static void
document_begin(struct document *d, const char *name)
{
	if (!d->bare)
		document_put(d, ",", 1);
	if (d->depth > 0)
		document_put_line(d);
	d->bare = false;
	if (name == NULL)
		return;
	document_put_string(d, name);
	document_put(d, ": ", 2);
}

static void
document_open(struct document *d, const char *name, const char *brackets)
{
	assert(d->depth < DOCUMENT_DEPTH_MAX);
	document_begin(d, name);
	document_put(d, brackets, 1);
	d->closers[d->depth++] = brackets[1];
	d->bare = true;
}

void
document_object(struct document *d, const char *name)
{
	document_open(d, name, "{}");
}

void
document_list(struct document *d, const char *name)
{
	document_open(d, name, "[]");
}

void
document_end(struct document *d)
{
	assert(d->depth > 0);
	d->depth--;
	if (!d->bare)
		document_put_line(d);
	document_put(d, &d->closers[d->depth], 1);
	d->bare = false;
}

void
document_text(struct document *d, const char *name, const char *text)
{
	document_begin(d, name);
	document_put_string(d, text);
}

void
document_number(struct document *d, const char *name, uint64_t number)
{
	char text[NUMBER_SIZE];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	document_raw(d, name, text);
}

void
document_bool(struct document *d, const char *name, bool value)
{
	document_raw(d, name, value ? "true" : "false");
}

void
document_raw(struct document *d, const char *name, const char *json)
{
	document_begin(d, name);
	document_put(d, json, strlen(json));
}

enum status
document_done(struct document *d)
{
	assert(d->depth == 0);
	document_put(d, "\n", 1);
	if (d->status != ST_OK)
		d->out->used = d->start;
	return d->status;
}
