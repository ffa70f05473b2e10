/*
 * cmd - the commands of the program: one file and one line of cmds.def each.
 *
 *   troupe COMMAND [SUBCOMMAND] [--option=value | --option value | --flag |
 * word] ...
 *
 * A command with subs does nothing by itself: the next word names the one that
 * does, which has its own usage, options and words.
 *
 * Exit codes: CMD_OK, it did what was asked; CMD_FAILED, it tried and could
 * not, one line on the error stream says why; CMD_USAGE, it was asked
 * wrongly, by its arguments or its configuration, and did nothing.
 * A command may have further codes, which its help tells.
 * Bounds: CMD_OPTIONS_MAX options a command, CMD_VALUES_MAX values in all,
 *         CMD_WORDS_MAX words.
 */
#ifndef OPS_CMD_H
#define OPS_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CMD_OPTIONS_MAX 16
#define CMD_VALUES_MAX 128
#define CMD_WORDS_MAX 64

enum cmd_exit {
	CMD_OK = 0,
	CMD_FAILED = 1,
	CMD_USAGE = 2,
	CMD_UNBALANCED = 3, /* load: the books, or a bound, are broken */
	CMD_DIFFERS = 4,    /* load compare: the runs differ */
};

enum cmd_option_kind {
	CMD_FLAG,  /* --json */
	CMD_VALUE, /* --config FILE, once */
	CMD_MANY,  /* --set NAME=VALUE, again and again */
};

struct cmd_option {
	const char *name; /* without "--"; NULL ends a list */
	enum cmd_option_kind kind;
	const char *value; /* what to call its value in the usage */
	const char *doc;
};

struct cmd_args;

struct cmd {
	const char *name;
	const char *usage; /* after the name; "" when there is nothing */
	const char *summary;
	const struct cmd_option *options; /* besides --help and --json */
	enum cmd_exit (*run)(const struct cmd_args *args);
	const char *of;                /* the command it is a sub of, or NULL */
	const struct cmd *const *subs; /* ends with NULL; then no run */
	size_t words_min;              /* words that are no options */
	size_t words_max;
	bool serves; /* what it prints is not what it was asked for */
};

/* One option as it was given. */
struct cmd_given {
	const struct cmd_option *option;
	const char *value; /* NULL for a flag */
};

struct cmd_args {
	const struct cmd *cmd;
	struct cmd_given given[CMD_VALUES_MAX];
	size_t count;
	const char *words[CMD_WORDS_MAX];
	size_t words_count;
	FILE *out; /* what was asked for */
	FILE *err; /* what went wrong */
	char *const *env;
	bool json;
};

/* In the order of the list; NULL past its end. */
const struct cmd *cmd_nth(size_t n);
const struct cmd *cmd_find(const char *name);

/* Runs what argv asks for; argv[0] is the program. */
enum cmd_exit cmd_main(
    int argc, char *const *argv, char *const *env, FILE *out, FILE *err);

bool cmd_flag(const struct cmd_args *args, const char *name);

/* NULL when it was not given. */
const char *cmd_value(const struct cmd_args *args, const char *name);

/* The nth value of a CMD_MANY; NULL past the last. */
const char *cmd_nth_value(
    const struct cmd_args *args, const char *name, size_t n);

/* The nth word that is no option; NULL past the last. */
const char *cmd_word(const struct cmd_args *args, size_t n);

/* Writes text as a JSON string, quotes and all. */
void cmd_json_text(FILE *to, const char *text);

/* The usage of one command, or of all when cmd is NULL. */
void cmd_usage(const struct cmd *cmd, FILE *to);

/* What a message of it begins with: "troupe backup list: ". */
void cmd_says(const struct cmd *cmd, FILE *to);

#endif
