#include "runtime/yaml.h"
#include "runtime/base/arena_text.h"
#include "runtime/base/utf8.h"
#include "runtime/base/whole.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libfyaml.h>
#include <string.h>
#include <unistd.h>

/* One open map or list. */
struct yaml_level {
	struct yaml_node *node;
	struct yaml_node *last; /* its newest child */
	const char *key;        /* read, its value still to come */
	unsigned key_line;
};

struct yaml_build {
	const char *file;
	struct arena *arena;
	struct mistakes *mistakes;
	struct yaml_node *root;
	struct yaml_level levels[YAML_DEPTH_MAX];
	size_t depth;
	size_t nodes;
	size_t documents;
	unsigned line;
	bool stopped; /* nothing after this point can be understood */
};

static void
yaml_refuse(struct yaml_build *b, const char *why)
{
	mistakes_add(
	    b->mistakes, (struct place){ b->file, b->line, NULL }, "%s", why);
}

static void
yaml_stop(struct yaml_build *b, const char *why)
{
	yaml_refuse(b, why);
	b->stopped = true;
}

/* The open map whose next scalar is a key, or NULL. */
static struct yaml_level *
yaml_awaits_key(struct yaml_build *b)
{
	struct yaml_level *top;

	if (b->depth == 0)
		return NULL;
	top = &b->levels[b->depth - 1];
	assert(top->node != NULL);
	return top->node->kind == YAML_MAP && top->key == NULL ? top : NULL;
}

/* A map's value takes the key read before it; a second one is left out. */
static void
yaml_adopt(struct yaml_build *b, struct yaml_level *l, struct yaml_node *n)
{
	n->key = l->key;
	n->key_line = l->key_line;
	l->key = NULL;
	for (struct yaml_node *c = l->node->first; n->key && c; c = c->next) {
		if (strcmp(c->key, n->key) != 0)
			continue;
		mistakes_add(b->mistakes,
		    (struct place){ b->file, n->key_line, n->key },
		    "is here twice; the first is on line %u", c->key_line);
		return;
	}
	if (l->last == NULL)
		l->node->first = n;
	else
		l->last->next = n;
	l->last = n;
}

static struct yaml_node *
yaml_add(struct yaml_build *b, enum yaml_kind kind)
{
	struct yaml_node *n = NULL;

	if (b->nodes < YAML_NODES_MAX)
		n = arena_take(b->arena, sizeof(*n));
	if (n == NULL) {
		yaml_stop(b, "holds more values than a file may");
		return NULL;
	}
	b->nodes++;
	n->kind = kind;
	n->line = b->line;
	if (b->depth > 0)
		yaml_adopt(b, &b->levels[b->depth - 1], n);
	else
		b->root = n;
	return n;
}

static void
yaml_enter(struct yaml_build *b, enum yaml_kind kind)
{
	struct yaml_node *n;

	if (yaml_awaits_key(b) != NULL) {
		yaml_stop(b, "a key is a word, not a list or a map");
		return;
	}
	if (b->depth == YAML_DEPTH_MAX) {
		yaml_stop(b, "is nested deeper than a file may be");
		return;
	}
	n = yaml_add(b, kind);
	if (n != NULL)
		b->levels[b->depth++] = (struct yaml_level){ .node = n };
}

/* The text of a scalar, or NULL when it cannot be kept. */
static const char *
yaml_text(struct yaml_build *b, struct fy_token *token)
{
	size_t size = 0;
	const char *text = token ? fy_token_get_text(token, &size) : "";
	char *copy;

	if (text == NULL) {
		yaml_stop(b, "a text cannot be read");
		return NULL;
	}
	if (memchr(text, '\0', size) != NULL)
		yaml_refuse(b, "a text may not hold a NUL byte");
	if (size > YAML_TEXT_MAX) {
		yaml_refuse(b, "a text is longer than a value may be");
		size = 0;
	}
	copy =
	    arena_text(b->arena, (struct bytes){ (const uint8_t *)text, size });
	if (copy == NULL)
		yaml_stop(b, "holds more text than a file may");
	return copy;
}

static bool
yaml_is_nothing(const char *text, struct fy_token *token)
{
	if (token != NULL && fy_token_scalar_style(token) != FYSS_PLAIN)
		return false;
	return text[0] == '\0' || strcmp(text, "~") == 0 ||
	       strcmp(text, "null") == 0;
}

static void
yaml_on_scalar(struct yaml_build *b, struct fy_token *token)
{
	const char *text = yaml_text(b, token);
	struct yaml_level *map = yaml_awaits_key(b);
	struct yaml_node *n;

	if (text == NULL)
		return;
	if (map != NULL) {
		map->key = text;
		map->key_line = b->line;
		return;
	}
	n = yaml_add(b, yaml_is_nothing(text, token) ? YAML_NONE : YAML_TEXT);
	if (n != NULL)
		n->text = text;
}

static void
yaml_on_event(struct yaml_build *b, struct fy_event *e)
{
	const struct fy_mark *at = fy_event_start_mark(e);

	if (at != NULL && at->line >= 0)
		b->line = (unsigned)at->line + 1;
	if (e->type == FYET_ALIAS || fy_event_get_anchor_token(e) != NULL)
		yaml_stop(b, "anchors and aliases are not understood here");
	else if (fy_event_get_tag_token(e) != NULL)
		yaml_stop(b, "tags are not understood here");
	else if (e->type == FYET_DOCUMENT_START && b->documents++ > 0)
		yaml_stop(b, "holds a second document; write one");
	else if (e->type == FYET_MAPPING_START)
		yaml_enter(b, YAML_MAP);
	else if (e->type == FYET_SEQUENCE_START)
		yaml_enter(b, YAML_LIST);
	else if (e->type == FYET_SCALAR)
		yaml_on_scalar(b, e->scalar.value);
	else if (e->type == FYET_MAPPING_END || e->type == FYET_SEQUENCE_END)
		b->depth--;
}

/* What libfyaml found wrong with the form. */
static void
yaml_tell(struct yaml_build *b, struct fy_diag *diag)
{
	struct fy_diag_error *e;
	void *at = NULL;
	bool told = false;

	while ((e = fy_diag_errors_iterate(diag, &at)) != NULL) {
		unsigned line = e->line > 0 ? (unsigned)e->line : 0;

		mistakes_add(b->mistakes, (struct place){ b->file, line, NULL },
		    "is not YAML: %s", e->msg != NULL ? e->msg : "no reason");
		told = true;
	}
	b->stopped = true;
	if (!told)
		yaml_refuse(b, "is not YAML");
}

static void
yaml_run(struct yaml_build *b, struct fy_parser *p, struct fy_diag *diag)
{
	struct fy_event *e;

	while (!b->stopped && (e = fy_parser_parse(p)) != NULL) {
		yaml_on_event(b, e);
		fy_parser_event_free(p, e);
	}
	if (!b->stopped && fy_parser_get_stream_error(p))
		yaml_tell(b, diag);
}

/* Whether at[i] follows the start, a byte order mark or any line break. */
static bool
begins_line(struct bytes text, size_t i)
{
	static const char *const breaks[] = { "\n", "\r", "\xc2\x85",
		"\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf" };

	for (size_t k = 0; k < sizeof(breaks) / sizeof(breaks[0]); k++) {
		size_t n = strlen(breaks[k]);

		if (i >= n && memcmp(text.at + i - n, breaks[k], n) == 0)
			return true;
	}
	return i == 0;
}

/*
 * libfyaml 0.7.12 spins for ever on some directives (found by fuzzing), so
 * none reaches it: a '%' that begins a line, by YAML 1.1 or 1.2, is refused.
 */
static bool
yaml_is_safe(struct yaml_build *b, struct bytes text)
{
	b->line = 1;
	for (size_t i = 0, n; i < text.size; i += n) {
		uint8_t c = text.at[i];

		n = c < 0x80 ? 1 : utf8_char_size(text.at + i, text.size - i);
		if (c == '%' && begins_line(text, i))
			yaml_stop(b, "directives are not understood here");
		else if (c == '\0')
			yaml_stop(b, "holds a NUL byte");
		else if (n == 0)
			yaml_stop(b, "is not UTF-8");
		if (b->stopped)
			return false;
		b->line += c == '\n';
	}
	return true;
}

static void
yaml_scan(struct yaml_build *b, struct bytes text)
{
	struct fy_diag_cfg quiet = { .level = FYET_ERROR, .module_mask = ~0u };
	struct fy_diag *diag = fy_diag_create(&quiet);
	struct fy_parse_cfg cfg = { .flags = FYPCF_QUIET, .diag = diag };
	struct fy_parser *p = diag ? fy_parser_create(&cfg) : NULL;

	if (p == NULL) {
		yaml_stop(b, status_text(ST_NO_MEMORY));
	} else {
		fy_diag_set_collect_errors(diag, true);
		if (fy_parser_set_string(p, (const char *)text.at, text.size))
			yaml_stop(b, status_text(ST_NO_MEMORY));
		else
			yaml_run(b, p, diag);
		fy_parser_destroy(p);
	}
	fy_diag_destroy(diag);
}

enum status
yaml_parse(struct bytes text, const char *file, struct arena *a,
    struct mistakes *m, struct yaml_node **ret_root)
{
	struct yaml_build b = { .file = file, .arena = a, .mistakes = m };

	assert(file != NULL);
	if (text.size > YAML_BYTES_MAX)
		yaml_stop(&b, "is larger than a file may be");
	else if (yaml_is_safe(&b, text) && text.size > 0)
		yaml_scan(&b, text);
	if (b.root == NULL)
		b.root = arena_take(a, sizeof(*b.root));
	if (b.root == NULL)
		yaml_stop(&b, status_text(ST_NO_MEMORY));
	if (b.stopped)
		return ST_INVALID;
	*ret_root = b.root;
	return ST_OK;
}

enum status
yaml_read(const char *file, struct arena *a, struct mistakes *m,
    struct bytes *ret_text)
{
	struct place at = { file, 0, NULL };
	unsigned char *to = arena_take(a, YAML_BYTES_MAX + 1);
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool ok = false;
	size_t size = 0;

	if (to != NULL && fd >= 0)
		ok = whole_read(fd, to, YAML_BYTES_MAX + 1, &size) == ST_OK;
	if (to == NULL)
		mistakes_add(m, at, "%s", status_text(ST_NO_MEMORY));
	else if (!ok)
		mistakes_add(m, at, "cannot be read: %s", strerror(errno));
	else if (size > YAML_BYTES_MAX)
		mistakes_add(m, at, "is larger than %zu bytes", YAML_BYTES_MAX);
	if (fd >= 0)
		close(fd);
	if (!ok || size > YAML_BYTES_MAX)
		return ST_INVALID;
	*ret_text = (struct bytes){ to, size };
	return ST_OK;
}

const char *
yaml_kind_text(enum yaml_kind kind)
{
	static const char *const texts[] = {
		[YAML_NONE] = "nothing",
		[YAML_TEXT] = "a value",
		[YAML_LIST] = "a list",
		[YAML_MAP] = "a map",
	};

	return texts[kind];
}
