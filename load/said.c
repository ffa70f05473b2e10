#include "load/said.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/text.h"

struct place
said_at(const struct said *s, const struct yaml_node *n)
{
	return (struct place){ s->file, n->line, n->key };
}

void
said_text(const struct said *s, const struct yaml_node *n, char *ret_text,
    size_t size)
{
	if (n->kind != YAML_TEXT || strlen(n->text) >= size)
		mistakes_add(s->m, said_at(s, n),
		    "expected a text of at most %zu", size - 1);
	else
		snprintf(ret_text, size, "%s", n->text);
}

uint64_t
said_number(const struct said *s, const struct yaml_node *n, uint64_t min,
    uint64_t max, uint64_t otherwise)
{
	uint64_t number;

	if (n->kind == YAML_TEXT &&
	    plan_number(n->text, max, &number) == ST_OK && number >= min)
		return number;
	mistakes_add(s->m, said_at(s, n),
	    "expected a whole number from %llu to %llu",
	    (unsigned long long)min, (unsigned long long)max);
	return otherwise;
}

void
said_name(const struct said *s, struct plan *p)
{
	text_fit(p->name, sizeof(p->name), text_base_name(s->file));
	if (strchr(p->name, '.') != NULL)
		*strchr(p->name, '.') = '\0';
}
