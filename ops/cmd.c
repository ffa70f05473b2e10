#include "ops/cmd.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "runtime/base/suggest.h"

/* clang-format off */
#define CMD(name) extern const struct cmd name##_cmd;
#include "ops/cmds.def"
#undef CMD

static const struct cmd *const cmds[] = {
#define CMD(name) &name##_cmd,
#include "ops/cmds.def"
#undef CMD
};
/* clang-format on */

static const struct cmd_option cmd_common[] = {
	{ "help", CMD_FLAG, NULL, "show this and do nothing" },
	{ "json", CMD_FLAG, NULL, "answer as one JSON object" },
	{ 0 },
};

const struct cmd *
cmd_nth(size_t n)
{
	return n < sizeof(cmds) / sizeof(cmds[0]) ? cmds[n] : NULL;
}

const struct cmd *
cmd_find(const char *name)
{
	const struct cmd *c;

	for (size_t i = 0; (c = cmd_nth(i)) != NULL; i++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

/* The nth option of a command, its own first; NULL past the last. */
static const struct cmd_option *
cmd_option_nth(const struct cmd *c, size_t n)
{
	const struct cmd_option *o;

	for (o = c->options; o != NULL && o->name != NULL; o++)
		if (n-- == 0)
			return o;
	for (o = cmd_common; o->name != NULL; o++)
		if (n-- == 0)
			return o;
	return NULL;
}

static const struct cmd_option *
cmd_option_find(const struct cmd *c, const char *name, size_t size)
{
	const struct cmd_option *o;

	for (size_t i = 0; (o = cmd_option_nth(c, i)) != NULL; i++)
		if (strlen(o->name) == size && !memcmp(o->name, name, size))
			return o;
	return NULL;
}

static enum cmd_exit
cmd_refuse(FILE *err, const char *word, const char *why)
{
	fprintf(err, "troupe: %s: %s\n", word, why);
	return CMD_USAGE;
}

static enum cmd_exit
cmd_refuse_use(FILE *err, const struct cmd_option *o, const char *why)
{
	fprintf(err, "troupe: --%s: %s\n", o->name, why);
	return CMD_USAGE;
}

static void
cmd_print_name(const struct cmd *cmd, FILE *to)
{
	fprintf(to, "troupe %s%s%s", cmd->of != NULL ? cmd->of : "",
	    cmd->of != NULL ? " " : "", cmd->name);
}

void
cmd_says(const struct cmd *cmd, FILE *to)
{
	cmd_print_name(cmd, to);
	fputs(": ", to);
}

static enum cmd_exit
cmd_refuse_option(const struct cmd_args *a, const char *name, size_t size)
{
	char word[SUGGEST_WORD_MAX + 1];
	const struct cmd_option *o;
	struct suggest near;

	snprintf(word, sizeof(word), "%.*s", (int)size, name);
	suggest_init(&near, word);
	for (size_t i = 0; (o = cmd_option_nth(a->cmd, i)) != NULL; i++)
		suggest_offer(&near, o->name);
	cmd_says(a->cmd, a->err);
	fprintf(a->err, "--%s is no option", word);
	if (near.best != NULL)
		fprintf(a->err, "; did you mean --%s?", near.best);
	fprintf(a->err, "\n");
	return CMD_USAGE;
}

static enum cmd_exit
cmd_take(struct cmd_args *a, const struct cmd_option *o, const char *value)
{
	if (a->count == CMD_VALUES_MAX)
		return cmd_refuse_use(a->err, o, "too many options");
	if (o->kind != CMD_MANY && cmd_flag(a, o->name))
		return cmd_refuse_use(a->err, o, "is given twice");
	a->given[a->count++] = (struct cmd_given){ o, value };
	return CMD_OK;
}

/* One option, and its value from the next word if it needs one. */
static enum cmd_exit
cmd_parse_option(struct cmd_args *a, char *const **at)
{
	const char *word = **at + 2;
	const char *equals = strchr(word, '=');
	size_t size = strcspn(word, "=");
	const struct cmd_option *o = cmd_option_find(a->cmd, word, size);
	const char *value = equals != NULL ? equals + 1 : NULL;

	*at += 1;
	if (o == NULL)
		return cmd_refuse_option(a, word, size);
	if (o->kind == CMD_FLAG && value != NULL)
		return cmd_refuse_use(a->err, o, "takes no value");
	if (o->kind != CMD_FLAG && value == NULL) {
		value = **at;
		if (value == NULL)
			return cmd_refuse_use(a->err, o, "needs a value");
		*at += 1;
	}
	return cmd_take(a, o, value);
}

static enum cmd_exit
cmd_take_word(struct cmd_args *a, const char *word)
{
	if (a->words_count == a->cmd->words_max)
		return cmd_refuse(a->err, word, "is not understood here");
	a->words[a->words_count++] = word;
	return CMD_OK;
}

static enum cmd_exit
cmd_parse(struct cmd_args *a, char *const *words)
{
	enum cmd_exit code = CMD_OK;

	assert(a->cmd->words_max <= CMD_WORDS_MAX);
	while (code == CMD_OK && *words != NULL) {
		if (strncmp(*words, "--", 2) == 0)
			code = cmd_parse_option(a, &words);
		else
			code = cmd_take_word(a, *words++);
	}
	a->json = cmd_flag(a, "json");
	return code;
}

/* The sub that the next word names; NULL: it has been told why not. */
static const struct cmd *
cmd_find_sub(const struct cmd_args *a, const char *word)
{
	const struct cmd *const *sub;
	struct suggest near;

	suggest_init(&near, word == NULL ? "" : word);
	for (sub = a->cmd->subs; *sub != NULL; sub++) {
		if (word != NULL && strcmp((*sub)->name, word) == 0)
			return *sub;
		suggest_offer(&near, (*sub)->name);
	}
	if (word == NULL) {
		cmd_usage(a->cmd, a->err);
		return NULL;
	}
	cmd_says(a->cmd, a->err);
	fprintf(a->err, "%s is no command of it", word);
	if (near.best != NULL)
		fprintf(a->err, "; did you mean %s?", near.best);
	fprintf(a->err, "\n");
	return NULL;
}

static enum cmd_exit
cmd_run(struct cmd_args *a, char *const *words)
{
	if (a->cmd->subs != NULL &&
	    (*words == NULL || strcmp(*words, "--help") != 0)) {
		a->cmd = cmd_find_sub(a, *words);
		if (a->cmd == NULL)
			return CMD_USAGE;
		words++;
	}
	if (cmd_parse(a, words) != CMD_OK)
		return CMD_USAGE;
	if (cmd_flag(a, "help")) {
		cmd_usage(a->cmd, a->out);
		return CMD_OK;
	}
	if (a->words_count < a->cmd->words_min) {
		cmd_says(a->cmd, a->err);
		fputs("needs more; see --help\n", a->err);
		return CMD_USAGE;
	}
	return a->cmd->run(a);
}

/* An answer that never came through is no success: the disk may be full. */
static enum cmd_exit
cmd_end(const struct cmd_args *a, enum cmd_exit code)
{
	if (code != CMD_OK || a->cmd->serves ||
	    (fflush(a->out) == 0 && !ferror(a->out)))
		return code;
	cmd_says(a->cmd, a->err);
	fprintf(a->err, "what it has to say cannot be written: %s\n",
	    strerror(errno));
	return CMD_FAILED;
}

static enum cmd_exit
cmd_refuse_command(FILE *err, const char *word)
{
	const struct cmd *c;
	struct suggest near;

	suggest_init(&near, word);
	for (size_t i = 0; (c = cmd_nth(i)) != NULL; i++)
		suggest_offer(&near, c->name);
	fprintf(err, "troupe: %s is no command", word);
	if (near.best != NULL)
		fprintf(err, "; did you mean %s?", near.best);
	fprintf(err, "\n");
	return CMD_USAGE;
}

enum cmd_exit
cmd_main(int argc, char *const *argv, char *const *env, FILE *out, FILE *err)
{
	struct cmd_args a = { .out = out, .err = err, .env = env };
	const char *name = argc > 1 ? argv[1] : NULL;

	if (name == NULL) {
		cmd_usage(NULL, err);
		return CMD_USAGE;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "--version") == 0)
		name += 2;
	a.cmd = cmd_find(name);
	if (a.cmd == NULL)
		return cmd_refuse_command(err, name);
	return cmd_end(&a, cmd_run(&a, argv + 2));
}

bool
cmd_flag(const struct cmd_args *args, const char *name)
{
	for (size_t i = 0; i < args->count; i++)
		if (strcmp(args->given[i].option->name, name) == 0)
			return true;
	return false;
}

const char *
cmd_nth_value(const struct cmd_args *args, const char *name, size_t n)
{
	for (size_t i = 0; i < args->count; i++)
		if (!strcmp(args->given[i].option->name, name) && n-- == 0)
			return args->given[i].value;
	return NULL;
}

const char *
cmd_value(const struct cmd_args *args, const char *name)
{
	return cmd_nth_value(args, name, 0);
}

const char *
cmd_word(const struct cmd_args *args, size_t n)
{
	return n < args->words_count ? args->words[n] : NULL;
}

static void
cmd_usage_option(const struct cmd_option *o, FILE *to)
{
	char left[64];

	snprintf(left, sizeof(left), "--%s%s%s", o->name,
	    o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
	fprintf(to, "  %-22s %s\n", left, o->doc);
}

static void
cmd_usage_subs(const struct cmd *cmd, FILE *to)
{
	const struct cmd *const *sub;

	for (sub = cmd->subs; sub != NULL && *sub != NULL; sub++)
		fprintf(to, "  %-12s %s\n", (*sub)->name, (*sub)->summary);
	if (cmd->subs != NULL)
		fprintf(to, "\n");
}

void
cmd_usage(const struct cmd *cmd, FILE *to)
{
	const struct cmd_option *o;
	const struct cmd *c;

	if (cmd != NULL) {
		fputs("usage: ", to);
		cmd_print_name(cmd, to);
		fprintf(to, "%s%s\n%s\n\n", cmd->usage[0] != '\0' ? " " : "",
		    cmd->usage, cmd->summary);
		cmd_usage_subs(cmd, to);
		for (size_t i = 0; (o = cmd_option_nth(cmd, i)) != NULL; i++)
			cmd_usage_option(o, to);
	} else {
		fprintf(to, "usage: troupe COMMAND [OPTION]...\n\n");
		for (size_t i = 0; (c = cmd_nth(i)) != NULL; i++)
			fprintf(to, "  %-12s %s\n", c->name, c->summary);
	}
	fprintf(to,
	    "\nExit code: %d done, %d failed, %d asked wrongly "
	    "(arguments or configuration).\n",
	    CMD_OK, CMD_FAILED, CMD_USAGE);
}

void
cmd_json_text(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(to, "\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			fprintf(to, "\\u%04x", (unsigned)*text);
		else
			fputc(*text, to);
	}
	fputc('"', to);
}
