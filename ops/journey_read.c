#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/said.h"
#include "ops/journey.h"
#include "runtime/base/suggest.h"

struct reader {
	struct journey *j;
	struct step *step;
	struct said said;
	bool kind_given;
};

struct key {
	const char *name;
	void (*read)(struct reader *r, const struct yaml_node *n);
};

static void
read_keys(struct reader *r, const struct yaml_node *map, const struct key *keys,
    size_t count)
{
	for (const struct yaml_node *n = map->first; n != NULL; n = n->next) {
		struct suggest near;
		size_t i = 0;

		suggest_init(&near, n->key);
		for (; i < count && strcmp(keys[i].name, n->key) != 0; i++)
			suggest_offer(&near, keys[i].name);
		if (i < count)
			keys[i].read(r, n);
		else
			mistakes_add(r->said.m,
			    (struct place){ r->said.file, n->key_line, n->key },
			    "is not known here; did you mean %s?",
			    near.best == NULL ? keys[0].name : near.best);
	}
}

static void
step_become(struct reader *r, const struct yaml_node *n, enum step_kind kind)
{
	if (r->kind_given)
		mistakes_add(r->said.m, said_at(&r->said, n),
		    "a step is one of call, open, say and close");
	r->kind_given = true;
	r->step->kind = kind;
	said_text(&r->said, n, r->step->what, sizeof(r->step->what));
}

static void
step_call(struct reader *r, const struct yaml_node *n)
{
	step_become(r, n, STEP_CALL);
	if (strstr(r->step->what, " /") == NULL)
		mistakes_add(r->said.m, said_at(&r->said, n),
		    "expected METHOD /path, as GET /health");
}

static void
step_open(struct reader *r, const struct yaml_node *n)
{
	step_become(r, n, STEP_OPEN);
}

static void
step_say(struct reader *r, const struct yaml_node *n)
{
	step_become(r, n, STEP_SAY);
}

static void
step_close(struct reader *r, const struct yaml_node *n)
{
	step_become(r, n, STEP_CLOSE);
}

static void
step_body(struct reader *r, const struct yaml_node *n)
{
	said_text(&r->said, n, r->step->body, sizeof(r->step->body));
}

static void
step_header(struct reader *r, const struct yaml_node *n)
{
	said_text(&r->said, n, r->step->header, sizeof(r->step->header));
}

static void
step_expect(struct reader *r, const struct yaml_node *n)
{
	r->step->expect = (unsigned)said_number(&r->said, n, 1, 599, 1);
}

static void
step_keep(struct reader *r, const struct yaml_node *n)
{
	said_text(&r->said, n, r->step->keep, sizeof(r->step->keep));
}

static const struct key step_keys[] = {
	{ "call", step_call },
	{ "open", step_open },
	{ "say", step_say },
	{ "close", step_close },
	{ "body", step_body },
	{ "header", step_header },
	{ "expect", step_expect },
	{ "keep", step_keep },
	{ "until", step_keep },
};

static void
read_steps(struct reader *r, const struct yaml_node *list, struct steps *s)
{
	if (list->kind != YAML_LIST) {
		mistakes_add(r->said.m, said_at(&r->said, list),
		    "expected a list of steps");
		return;
	}
	for (const struct yaml_node *n = list->first; n != NULL; n = n->next) {
		if (n->kind != YAML_MAP || s->count == JOURNEY_STEPS_MAX) {
			mistakes_add(r->said.m, said_at(&r->said, n),
			    "expected a map, of at most %d steps",
			    JOURNEY_STEPS_MAX);
			return;
		}
		r->step = &s->list[s->count++];
		r->step->expect = 200;
		r->kind_given = false;
		read_keys(
		    r, n, step_keys, sizeof(step_keys) / sizeof(step_keys[0]));
		if (!r->kind_given)
			mistakes_add(r->said.m, said_at(&r->said, n),
			    "a step is one of call, open, say and close");
	}
}

static void
journey_about(struct reader *r, const struct yaml_node *n)
{
	said_text(&r->said, n, r->j->plan.about, sizeof(r->j->plan.about));
}

static void
journey_actors(struct reader *r, const struct yaml_node *n)
{
	r->j->plan.actors =
	    (uint32_t)said_number(&r->said, n, 1, JOURNEY_CLIENTS_MAX, 1);
}

static void
journey_messages(struct reader *r, const struct yaml_node *n)
{
	r->j->plan.messages = said_number(&r->said, n, 1, PLAN_MESSAGES_MAX, 1);
}

static void
journey_starters(struct reader *r, const struct yaml_node *n)
{
	r->j->starters =
	    (uint32_t)said_number(&r->said, n, 1, JOURNEY_CLIENTS_MAX, 1);
}

static void
journey_heard(struct reader *r, const struct yaml_node *n)
{
	said_text(&r->said, n, r->j->heard, sizeof(r->j->heard));
}

static void
journey_first(struct reader *r, const struct yaml_node *n)
{
	read_steps(r, n, &r->j->first);
}

static void
journey_prepare(struct reader *r, const struct yaml_node *n)
{
	read_steps(r, n, &r->j->prepare);
}

static void
journey_round(struct reader *r, const struct yaml_node *n)
{
	read_steps(r, n, &r->j->round);
}

static const struct key journey_keys[] = {
	{ "about", journey_about },
	{ "actors", journey_actors },
	{ "messages", journey_messages },
	{ "starters", journey_starters },
	{ "heard", journey_heard },
	{ "first", journey_first },
	{ "prepare", journey_prepare },
	{ "round", journey_round },
};

enum status
journey_read(struct bytes text, const char *file, struct mistakes *m,
    struct journey *ret_journey)
{
	struct arena a = { malloc(YAML_ARENA_SIZE), YAML_ARENA_SIZE, 0 };
	struct reader r = { .j = ret_journey, .said = { m, file } };
	struct yaml_node *root;
	enum status st = ST_NO_MEMORY;

	memset(ret_journey, 0, sizeof(*ret_journey));
	ret_journey->plan.actors = 1;
	ret_journey->plan.messages = 1;
	said_name(&r.said, &ret_journey->plan);
	if (a.base != NULL)
		st = yaml_parse(text, file, &a, m, &root);
	if (st == ST_OK && root->kind == YAML_MAP)
		read_keys(&r, root, journey_keys,
		    sizeof(journey_keys) / sizeof(journey_keys[0]));
	if (st == ST_OK && ret_journey->round.count == 0)
		mistakes_add(
		    m, said_at(&r.said, root), "a journey needs a `round`");
	free(a.base);
	return st == ST_OK && m->errors > 0 ? ST_INVALID : st;
}
