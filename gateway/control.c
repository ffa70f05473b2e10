#include "gateway/control.h"

#include <string.h>

#include "gateway/walk.h"

/* clang-format off */
static const struct control_word {
	const char *text;
	uint32_t value;
} control_actions[] = {
#define ACTION(id, text, may, must, doc) { text, CONTROL_##id },
#include "gateway/control.def"
	{ NULL, CONTROL_NONE },
}, control_keys[] = {
	{ "action", KEY_ACTION },
#define KEY(id, name, schema, doc) { name, KEY_##id },
#include "gateway/control.def"
	{ NULL, 0 },
};
/* clang-format on */

enum since_key {
	SINCE_EPOCH = 1,
	SINCE_OFFSET = 2,
	SINCE_WHOLE = SINCE_EPOCH | SINCE_OFFSET
};

static const struct control_word since_keys[] = {
	{ "epoch", SINCE_EPOCH },
	{ "offset", SINCE_OFFSET },
	{ NULL, 0 },
};

static uint32_t
control_word_of(const struct control_word *words, struct bytes text)
{
	while (words->text != NULL &&
	       (strlen(words->text) != text.size ||
		   memcmp(words->text, text.at, text.size) != 0))
		words++;
	return words->value;
}

/* UTF-8 that has been checked: every byte but continuations begins one. */
static size_t
control_chars(struct bytes text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.size; i++)
		n += (text.at[i] & 0xc0) != 0x80;
	return n;
}

/* A list of texts; an item of a frame takes two bytes of it or more. */
static void
control_read_channels(struct walk *d, struct walk_item *list, size_t frame_size,
    struct control *c)
{
	struct bytes *names = NULL;
	uint32_t count = 0;

	if (list->kind != WALK_LIST) {
		c->odd = true;
		walk_skip(d, list);
		return;
	}
	names = arena_take(d->arena, frame_size * sizeof(names[0]));
	if (names == NULL) {
		d->failed = true;
		return;
	}
	while (walk_more(d, list)) {
		struct walk_item item = walk_next(d);

		c->odd |= item.kind != WALK_TEXT;
		walk_skip(d, &item);
		names[count++] = item.text;
	}
	c->has_channels = true;
	c->channels = names;
	c->channels_count = count;
}

static void
control_add_filter(
    struct control *c, struct bytes key, const struct walk_item *value)
{
	if (value->kind != WALK_TEXT || fields_has(&c->filters, key))
		c->odd = true;
	else if (c->filters_count == CONTROL_FILTERS_MAX ||
		 control_chars(value->text) > CONTROL_FILTER_CHARS_MAX)
		c->filters_over = true;
	else
		fields_append(&c->filters, key, value->text);
	c->filters_count += c->filters_count < CONTROL_FILTERS_MAX;
}

/* Flat, a pair takes no more than four bytes beside what the frame has. */
static void
control_read_filters(
    struct walk *d, struct walk_item *map, size_t frame_size, struct control *c)
{
	size_t room =
	    frame_size + CONTROL_FILTERS_MAX * fields_need((struct bytes){ 0 },
						   (struct bytes){ 0 });

	if (map->kind != WALK_MAP) {
		c->odd = true;
		walk_skip(d, map);
		return;
	}
	c->filters.at = arena_take_bytes(d->arena, room);
	if (c->filters.at == NULL) {
		d->failed = true;
		return;
	}
	c->has_filters = true;
	while (walk_more(d, map)) {
		bool odd;
		struct bytes key = walk_key(d, &odd);
		struct walk_item value = walk_next(d);

		walk_skip(d, &value);
		c->odd |= odd;
		control_add_filter(c, key, &value);
	}
}

/* A place while it is read: both of its numbers are wanted, each once. */
struct since_reader {
	struct control_since at;
	uint32_t seen; /* of enum since_key */
};

/* One of "epoch" and "offset"; false: it is neither. */
static bool
since_read_number(struct walk *d, struct bytes name,
    const struct walk_item *value, struct since_reader *r, struct control *c)
{
	uint32_t key = control_word_of(since_keys, name);
	uint64_t n = 0;

	if (key == 0)
		return false;
	c->odd |= !walk_number(d, value, &n) || (r->seen & key) != 0;
	walk_skip(d, value);
	*(key == SINCE_EPOCH ? &r->at.epoch : &r->at.offset) = n;
	r->seen |= key;
	return true;
}

/* {"epoch":...,"offset":...}; its brace has been read. */
static struct control_since
since_read_place(
    struct walk *d, struct walk_item *map, struct bytes name, struct control *c)
{
	struct since_reader r = { .at = { .channel = name } };

	while (walk_more(d, map)) {
		bool odd;
		struct bytes key = walk_key(d, &odd);
		struct walk_item value = walk_next(d);

		c->odd |= odd;
		if (since_read_number(d, key, &value, &r, c))
			continue;
		c->odd = true;
		walk_skip(d, &value);
	}
	c->odd |= r.seen != SINCE_WHOLE;
	return r.at;
}

static bool
since_has(
    const struct control_since *list, uint32_t count, struct bytes channel)
{
	for (uint32_t i = 0; i < count; i++)
		if (list[i].channel.size == channel.size &&
		    (channel.size == 0 || memcmp(list[i].channel.at, channel.at,
					      channel.size) == 0))
			return true;
	return false;
}

/* A place by itself, or one for each channel; an item takes six bytes. */
static void
control_read_since(
    struct walk *d, struct walk_item *map, size_t frame_size, struct control *c)
{
	struct control_since *list = NULL;
	struct since_reader alone = { .seen = 0 };
	uint32_t count = 0;

	if (map->kind == WALK_MAP)
		list = arena_take(d->arena, (frame_size / 2) * sizeof(*list));
	if (list == NULL) {
		d->failed |= map->kind == WALK_MAP;
		c->odd = true;
		walk_skip(d, map);
		return;
	}
	while (walk_more(d, map)) {
		bool odd;
		struct bytes key = walk_key(d, &odd);
		struct walk_item value = walk_next(d);

		c->odd |= odd;
		if (since_read_number(d, key, &value, &alone, c))
			continue;
		if (value.kind == WALK_MAP) {
			c->odd |= since_has(list, count, key);
			list[count++] = since_read_place(d, &value, key, c);
		} else {
			c->odd = true;
			walk_skip(d, &value);
		}
	}
	if (alone.seen != 0) {
		c->odd |= alone.seen != SINCE_WHOLE || count > 0;
		list[count++] = alone.at;
	}
	c->has_since = true;
	c->sinces = list;
	c->sinces_count = count;
}

static void
control_read_text(struct walk *d, struct walk_item *value, enum control_key key,
    struct control *c)
{
	walk_skip(d, value);
	if (value->kind != WALK_TEXT)
		c->odd = true;
	else if (key == KEY_TICKET)
		c->ticket = value->text;
	else
		c->action = (enum control_action)control_word_of(
		    control_actions, value->text);
}

static void
control_read_member(
    struct walk *d, size_t frame_size, uint32_t *seen, struct control *c)
{
	bool odd;
	struct bytes name = walk_key(d, &odd);
	uint32_t key = odd ? 0 : control_word_of(control_keys, name);
	struct walk_item value = walk_next(d);

	if (key == 0 || (*seen & key) != 0) {
		c->odd = true;
		walk_skip(d, &value);
	} else if (key == KEY_CHANNELS) {
		control_read_channels(d, &value, frame_size, c);
	} else if (key == KEY_FILTERS) {
		control_read_filters(d, &value, frame_size, c);
	} else if (key == KEY_SINCE) {
		control_read_since(d, &value, frame_size, c);
	} else {
		control_read_text(d, &value, (enum control_key)key, c);
	}
	*seen |= key;
}

/* Which keys each action may have. */
static void
control_check_keys(uint32_t seen, struct control *c)
{
	static const uint32_t may[] = {
		[CONTROL_NONE] = 0,
#define ACTION(id, text, keys, must, doc) [CONTROL_##id] = KEY_ACTION | (keys),
#include "gateway/control.def"
	};
	uint32_t allowed = may[c->action];

	c->odd |= (seen & ~allowed) != 0;
	if ((allowed & KEY_CHANNELS) != 0)
		c->odd |= !c->has_channels;
	for (uint32_t i = 0; i < c->sinces_count; i++)
		c->odd |=
		    c->sinces[i].channel.at == NULL && c->channels_count != 1;
}

enum status
control_read(enum websocket_subprotocol syntax, struct bytes frame,
    struct arena *a, struct control *ret_control)
{
	struct control c = { .form = CONTROL_UNREADABLE };
	struct walk d;
	struct walk_item top;
	uint32_t seen = 0;

	if (walk_open(&d, syntax, frame, a) == ST_OK) {
		top = walk_next(&d);
		c.form =
		    top.kind == WALK_MAP ? CONTROL_OBJECT : CONTROL_NO_OBJECT;
		while (c.form == CONTROL_OBJECT && walk_more(&d, &top))
			control_read_member(&d, frame.size, &seen, &c);
		control_check_keys(seen, &c);
	}
	if (d.failed)
		return ST_NO_MEMORY;
	*ret_control = c;
	return ST_OK;
}

const char *
control_says_text(enum control_says what)
{
	static const char *const texts[] = {
#define SAYS(id, text, members, required, doc) [SAYS_##id] = (text),
#include "gateway/control.def"
	};

	return texts[what];
}

const char *
control_fault(const struct control *c, enum websocket_subprotocol syntax)
{
	if (c->form == CONTROL_UNREADABLE)
		return syntax == WEBSOCKET_JSON ? "Invalid JSON"
						: "Invalid MessagePack";
	if (c->form == CONTROL_NO_OBJECT)
		return syntax == WEBSOCKET_JSON ? "Expected JSON object"
						: "Expected map";
	if (c->action == CONTROL_AUTH)
		return "Unknown action";
	if (c->odd || c->action == CONTROL_NONE)
		return "Invalid control message";
	if (c->filters_over)
		return "Filter bounds exceeded";
	return NULL;
}
