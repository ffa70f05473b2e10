#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/said.h"
#include "runtime/base/suggest.h"

#define PLAN_WINDOW 256
#define PLAN_SIZE 64
#define PLAN_DURATION_US 2000000

/* One file, and what it has said so far. */
struct reader {
	struct plan *plan;
	struct plan_role *role; /* whose keys are read */
	struct said said;
};

struct key {
	const char *name;
	void (*read)(struct reader *r, const struct yaml_node *n);
};

/* The index of text in names, else told with the nearest one. */
static uint32_t
read_one_of(struct reader *r, const struct yaml_node *n,
    const char *const *names, uint32_t count)
{
	const char *text = n->kind == YAML_TEXT ? n->text : "";
	struct suggest near;

	suggest_init(&near, text);
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(text, names[i]) == 0)
			return i;
		suggest_offer(&near, names[i]);
	}
	if (text[0] == '\0')
		text = yaml_kind_text(n->kind);
	if (near.best == NULL)
		mistakes_add(r->said.m, said_at(&r->said, n),
		    "%.64s is not known here", text);
	else
		mistakes_add(r->said.m, said_at(&r->said, n),
		    "%.64s is not known here; did you mean %s?", text,
		    near.best);
	return 0;
}

static void
read_keys(struct reader *r, const struct yaml_node *map, const struct key *keys,
    uint32_t count)
{
	const char *names[16];

	for (uint32_t i = 0; i < count; i++)
		names[i] = keys[i].name;
	for (const struct yaml_node *n = map->first; n != NULL; n = n->next) {
		struct yaml_node key = { .kind = YAML_TEXT,
			.line = n->key_line,
			.key = n->key,
			.text = n->key };
		size_t before = r->said.m->errors;
		uint32_t i = read_one_of(r, &key, names, count);

		if (r->said.m->errors == before)
			keys[i].read(r, n);
	}
}

static void
role_does(struct reader *r, const struct yaml_node *n)
{
	static const char *const names[] = {
#define DOES(id, name, sends, asks, starts, doc) name,
#include "load/does.def"
#undef DOES
	};

	r->role->does = (enum does)read_one_of(r, n, names, DOES_COUNT);
}

static void
role_pick(struct reader *r, const struct yaml_node *n)
{
	static const char *const names[] = {
#define PICK(id, name, doc) name,
#include "load/pick.def"
#undef PICK
	};

	r->role->pick = (enum pick)read_one_of(r, n, names, PICK_COUNT);
}

static void
role_count(struct reader *r, const struct yaml_node *n)
{
	if (n->kind == YAML_TEXT && strcmp(n->text, "actors") == 0)
		r->role->count = 0;
	else
		r->role->count =
		    (uint32_t)said_number(&r->said, n, 1, PLAN_MEMBERS_MAX, 1);
}

static void
role_to(struct reader *r, const struct yaml_node *n)
{
	said_text(&r->said, n, r->role->to_name, sizeof(r->role->to_name));
}

static void
role_mailbox(struct reader *r, const struct yaml_node *n)
{
	r->role->mailbox =
	    (uint32_t)said_number(&r->said, n, 1, PLAN_MAILBOX, PLAN_MAILBOX);
}

static void
role_burn(struct reader *r, const struct yaml_node *n)
{
	r->role->burn_us =
	    (uint32_t)said_number(&r->said, n, 0, PLAN_BURN_US_MAX, 0);
}

static const struct key role_keys[] = {
	{ "does", role_does },
	{ "count", role_count },
	{ "to", role_to },
	{ "pick", role_pick },
	{ "mailbox", role_mailbox },
	{ "burn", role_burn },
};

static void
plan_about(struct reader *r, const struct yaml_node *n)
{
	said_text(&r->said, n, r->plan->about, sizeof(r->plan->about));
}

static void
plan_actors(struct reader *r, const struct yaml_node *n)
{
	r->plan->actors =
	    (uint32_t)said_number(&r->said, n, 1, PLAN_MEMBERS_MAX, 1);
}

static void
plan_messages(struct reader *r, const struct yaml_node *n)
{
	r->plan->messages = said_number(&r->said, n, 1, PLAN_MESSAGES_MAX, 1);
}

static void
plan_duration(struct reader *r, const struct yaml_node *n)
{
	if (n->kind != YAML_TEXT ||
	    plan_time(n->text, &r->plan->duration_us) != ST_OK)
		mistakes_add(r->said.m, said_at(&r->said, n),
		    "expected a time such as 500ms, 2s or 1m");
}

static void
plan_window(struct reader *r, const struct yaml_node *n)
{
	r->plan->window =
	    (uint32_t)said_number(&r->said, n, 1, PLAN_WINDOW_MAX, 1);
}

static void
plan_size(struct reader *r, const struct yaml_node *n)
{
	r->plan->size = (uint32_t)said_number(&r->said, n, 0, PLAN_SIZE_MAX, 0);
}

static void
plan_rate(struct reader *r, const struct yaml_node *n)
{
	r->plan->rate = said_number(&r->said, n, 0, PLAN_MESSAGES_MAX, 0);
}

static void
plan_roles(struct reader *r, const struct yaml_node *map)
{
	if (map->kind != YAML_MAP) {
		mistakes_add(r->said.m, said_at(&r->said, map),
		    "expected a map of roles");
		return;
	}
	for (const struct yaml_node *n = map->first; n != NULL; n = n->next) {
		if (r->plan->nroles == PLAN_ROLES_MAX || n->kind != YAML_MAP ||
		    strlen(n->key) > PLAN_NAME_MAX) {
			mistakes_add(r->said.m, said_at(&r->said, n),
			    "expected a map with a short name, of at most "
			    "%d roles",
			    PLAN_ROLES_MAX);
			return;
		}
		r->role = &r->plan->roles[r->plan->nroles++];
		r->role->count = 1;
		r->role->mailbox = PLAN_MAILBOX;
		r->role->line = n->key_line;
		snprintf(r->role->name, sizeof(r->role->name), "%s", n->key);
		read_keys(
		    r, n, role_keys, sizeof(role_keys) / sizeof(role_keys[0]));
	}
}

static const struct key plan_keys[] = {
	{ "about", plan_about },
	{ "actors", plan_actors },
	{ "messages", plan_messages },
	{ "duration", plan_duration },
	{ "window", plan_window },
	{ "size", plan_size },
	{ "rate", plan_rate },
	{ "roles", plan_roles },
};

/* Names of roles become their indexes. */
static void
plan_link(struct reader *r)
{
	struct plan *p = r->plan;

	for (uint32_t i = 0; i < p->nroles; i++) {
		struct plan_role *role = &p->roles[i];
		struct place where = { r->said.file, role->line, role->name };

		role->to = p->nroles;
		for (uint32_t j = 0; j < p->nroles; j++)
			if (strcmp(role->to_name, p->roles[j].name) == 0)
				role->to = j;
		if (does_sends(role->does) && role->to == p->nroles)
			mistakes_add(r->said.m, where,
			    "a %s needs `to`, the name of a role",
			    does_name(role->does));
		else if (!does_sends(role->does) && role->to_name[0] != '\0')
			mistakes_add(r->said.m, where, "a %s sends to nobody",
			    does_name(role->does));
		if (role->to == p->nroles)
			role->to = 0;
	}
}

static void
plan_read_tree(struct reader *r, const struct yaml_node *root)
{
	char why[PLAN_WHY_SIZE];

	if (root->kind != YAML_MAP) {
		mistakes_add(r->said.m, said_at(&r->said, root),
		    "expected a map with `roles`");
		return;
	}
	read_keys(r, root, plan_keys, sizeof(plan_keys) / sizeof(plan_keys[0]));
	plan_link(r);
	if (r->plan->messages == 0 && r->plan->duration_us == 0)
		r->plan->duration_us = PLAN_DURATION_US;
	if (r->said.m->errors == 0 && plan_check(r->plan, why) != ST_OK)
		mistakes_add(r->said.m, said_at(&r->said, root), "%s", why);
}

enum status
plan_read(struct bytes text, const char *file, struct mistakes *m,
    struct plan *ret_plan)
{
	struct arena a = { malloc(YAML_ARENA_SIZE), YAML_ARENA_SIZE, 0 };
	struct reader r = { ret_plan, NULL, { m, file } };
	struct yaml_node *root;
	enum status st = ST_NO_MEMORY;

	*ret_plan = (struct plan){
		.actors = 1, .window = PLAN_WINDOW, .size = PLAN_SIZE
	};
	said_name(&r.said, ret_plan);
	if (a.base != NULL)
		st = yaml_parse(text, file, &a, m, &root);
	if (st == ST_OK)
		plan_read_tree(&r, root);
	free(a.base);
	return st == ST_OK && m->errors > 0 ? ST_INVALID : st;
}
