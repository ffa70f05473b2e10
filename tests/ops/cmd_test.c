#include "ops/cmd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define WORDS_MAX 300

/* What the last run printed. */
static char *out_text;
static char *err_text;

static void
forget(void)
{
	free(out_text);
	free(err_text);
	out_text = err_text = NULL;
}

static enum cmd_exit
run_words(int argc, const char *const *words)
{
	static char *none[] = { NULL };
	char *argv[WORDS_MAX + 1] = { NULL };
	size_t out_size;
	size_t err_size;
	FILE *out;
	FILE *err;
	enum cmd_exit code;

	forget();
	for (int i = 0; i < argc; i++)
		argv[i] = strdup(words[i]);
	out = open_memstream(&out_text, &out_size);
	err = open_memstream(&err_text, &err_size);
	code = cmd_main(argc, argv, none, out, err);
	fclose(out);
	fclose(err);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return code;
}

#define CALL(...)                                                            \
	run_words(                                                           \
	    (int)(sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)), \
	    (const char *[]){ __VA_ARGS__ })

#define SHIPPED(name) TROUPE_SOURCE_DIR "/ops/" name

static void
test_no_command_shows_the_help_and_is_a_mistake(void **state)
{
	(void)state;
	assert_int_equal(CALL("troupe"), CMD_USAGE);
	assert_non_null(strstr(err_text, "usage: troupe COMMAND"));
	assert_string_equal(out_text, "");
}

static void
test_a_mistake_names_the_whole_command(void **state)
{
	(void)state;
	assert_int_equal(
	    CALL("troupe", "backup", "list", "--nonsense"), CMD_USAGE);
	assert_string_equal(
	    err_text, "troupe backup list: --nonsense is no option\n");
	assert_int_equal(CALL("troupe", "backup", "show"), CMD_USAGE);
	assert_string_equal(
	    err_text, "troupe backup show: needs more; see --help\n");
	assert_int_equal(CALL("troupe", "backup", "nonsense"), CMD_USAGE);
	assert_string_equal(
	    err_text, "troupe backup: nonsense is no command of it\n");
}

static void
test_every_command_has_a_help(void **state)
{
	const struct cmd *c;

	(void)state;
	for (size_t i = 0; (c = cmd_nth(i)) != NULL; i++) {
		assert_int_equal(CALL("troupe", c->name, "--help"), CMD_OK);
		assert_non_null(strstr(out_text, c->summary));
		assert_non_null(strstr(out_text, "--help"));
		assert_ptr_equal(cmd_find(c->name), c);
		for (size_t k = 0; c->subs != NULL && c->subs[k] != NULL; k++)
			assert_string_equal(c->subs[k]->of, c->name);
	}
	assert_int_equal(CALL("troupe", "help", "up"), CMD_OK);
	assert_non_null(strstr(out_text, "usage: troupe up "));
	assert_int_equal(CALL("troupe", "help", "doctor", "store"), CMD_OK);
	assert_non_null(strstr(out_text, "usage: troupe doctor store "));
	assert_int_equal(CALL("troupe", "help", "upp"), CMD_USAGE);
	assert_non_null(strstr(err_text, "upp is no command"));
	assert_int_equal(CALL("troupe", "help", "up", "down"), CMD_USAGE);
	assert_int_equal(CALL("troupe", "help"), CMD_OK);
	assert_non_null(strstr(out_text, "check"));
	assert_int_equal(CALL("troupe", "--help"), CMD_OK);
	assert_int_equal(CALL("troupe", "help", "--json"), CMD_OK);
	assert_non_null(strstr(out_text, "{\"name\":\"check\""));
}

static void
test_the_version_in_three_ways(void **state)
{
	(void)state;
	assert_int_equal(CALL("troupe", "version"), CMD_OK);
	assert_string_equal(out_text, "troupe " TROUPE_VERSION "\n");
	assert_int_equal(CALL("troupe", "--version"), CMD_OK);
	assert_string_equal(out_text, "troupe " TROUPE_VERSION "\n");
	assert_int_equal(CALL("troupe", "version", "--json"), CMD_OK);
	assert_string_equal(out_text, "{\"version\":\"" TROUPE_VERSION "\"}\n");
}

static void
test_misspelt_words_come_with_a_suggestion(void **state)
{
	(void)state;
	assert_int_equal(CALL("troupe", "chekc"), CMD_USAGE);
	assert_non_null(strstr(err_text, "did you mean check?"));
	assert_int_equal(CALL("troupe", "check", "--confg=x"), CMD_USAGE);
	assert_non_null(strstr(err_text, "--config?"));
	assert_int_equal(CALL("troupe", "zzzzzzzz"), CMD_USAGE);
	assert_null(strstr(err_text, "mean"));
	assert_int_equal(CALL("troupe", ""), CMD_USAGE);
	assert_int_equal(CALL("troupe", "check", "--"), CMD_USAGE);
}

static void
test_a_sub_has_its_own_usage_and_options(void **state)
{
	(void)state;
	assert_int_equal(CALL("troupe", "doctor"), CMD_USAGE);
	assert_non_null(strstr(err_text, "usage: troupe doctor"));
	assert_int_equal(CALL("troupe", "doctor", "--help"), CMD_OK);
	assert_non_null(strstr(out_text, "audit"));
	assert_int_equal(CALL("troupe", "doctor", "audti"), CMD_USAGE);
	assert_non_null(strstr(err_text, "did you mean audit?"));
	assert_int_equal(CALL("troupe", "doctor", "audit", "--help"), CMD_OK);
	assert_non_null(strstr(out_text, "usage: troupe doctor audit"));
	assert_int_equal(CALL("troupe", "doctor", "audit", "x"), CMD_USAGE);
	assert_non_null(strstr(err_text, "not understood"));
}

static void
test_certify_wants_a_number_of_days(void **state)
{
	static const char *const bad[] = { "", "0", "-1", "10x", "3651" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
		    CALL("troupe", "certify", "--topology", "/nowhere.yaml",
			"--out", "/nowhere", "--days", bad[i]),
		    CMD_USAGE);
		assert_non_null(strstr(err_text, "--days from 1 to 3650"));
	}
}

static void
test_check_tells_where_links_lack_certificates(void **state)
{
	char path[] = "/tmp/troupe-cmd-XXXXXX", place[64];
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	(void)state;
	assert_non_null(f);
	fputs("nodes:\n"
	      "  all: {listen: \"tls+tcp://127.0.0.1:7100\", actors: "
	      "[gateway, settings, session-registry, ticket-store, event-hub, "
	      "tasks, scheduler, cost-aggregator, store, backup]}\n",
	    f);
	fclose(f);
	assert_int_equal(
	    CALL("troupe", "check", "--topology", path), CMD_USAGE);
	(void)unlink(path);
	snprintf(place, sizeof(place), "%s:2: all: ", path);
	assert_non_null(strstr(err_text, place));
	assert_non_null(strstr(err_text, "runtime.link.certfile"));
}

static void
test_doctor_audit_makes_no_database(void **state)
{
	(void)state;
	assert_int_equal(CALL("troupe", "doctor", "audit", "--data",
			     "/tmp/troupe-no-such-folder"),
	    CMD_FAILED);
	assert_non_null(strstr(err_text, "there is no database"));
	assert_int_not_equal(access("/tmp/troupe-no-such-folder", F_OK), 0);
	assert_int_equal(
	    CALL("troupe", "doctor", "audit", "--anchor", "7:abc"), CMD_USAGE);
	assert_non_null(strstr(err_text, "NUMBER:DIGEST"));
}

static void
test_doctor_store_makes_no_database(void **state)
{
	(void)state;
	assert_int_equal(CALL("troupe", "doctor", "store", "--data",
			     "/tmp/troupe-no-such-folder"),
	    CMD_FAILED);
	assert_non_null(strstr(err_text, "there is no database"));
	assert_int_not_equal(access("/tmp/troupe-no-such-folder", F_OK), 0);
	assert_int_equal(
	    CALL("troupe", "doctor", "store", "--show", "-1"), CMD_USAGE);
	assert_non_null(strstr(err_text, "--show"));
}

static void
test_options_and_their_values_are_checked(void **state)
{
	(void)state;
	assert_int_equal(CALL("troupe", "check", "--config"), CMD_USAGE);
	assert_non_null(strstr(err_text, "needs a value"));
	assert_int_equal(CALL("troupe", "check", "--json=1"), CMD_USAGE);
	assert_non_null(strstr(err_text, "takes no value"));
	assert_int_equal(
	    CALL("troupe", "check", "--json", "--json"), CMD_USAGE);
	assert_non_null(strstr(err_text, "twice"));
	assert_int_equal(CALL("troupe", "check", "word"), CMD_USAGE);
	assert_int_equal(CALL("troupe", "version", "--config=x"), CMD_USAGE);
}

static void
test_options_have_a_bound(void **state)
{
	const char *words[CMD_VALUES_MAX + 3] = { "troupe", "describe" };

	(void)state;
	words[1] = "check";
	for (int i = 0; i <= CMD_VALUES_MAX; i++)
		words[i + 2] = "--set=api.server.port=1";
	assert_int_equal(run_words(CMD_VALUES_MAX + 3, words), CMD_USAGE);
	assert_non_null(strstr(err_text, "too many options"));
	assert_int_equal(run_words(CMD_VALUES_MAX + 2, words), CMD_USAGE);
	assert_non_null(strstr(err_text, "is set twice"));
}

static void
test_a_value_follows_its_option_either_way(void **state)
{
	(void)state;
	assert_int_equal(
	    CALL("troupe", "check", "--set", "api.server.port=0"), CMD_OK);
	assert_int_equal(
	    CALL("troupe", "check", "--set=api.server.port=0"), CMD_OK);
	assert_int_equal(
	    CALL("troupe", "check", "--set=api.server.port=x"), CMD_USAGE);
	assert_non_null(strstr(err_text, "--set: api.server.port: expected"));
}

static void
test_check_tells_the_mistakes_of_both_files(void **state)
{
	(void)state;
	assert_int_equal(CALL("troupe", "check", "--config", "/nonexistent.c",
			     "--topology", "/nonexistent.t"),
	    CMD_USAGE);
	assert_non_null(strstr(err_text, "/nonexistent.c: cannot be read"));
	assert_non_null(strstr(err_text, "/nonexistent.t: cannot be read"));
	assert_string_equal(out_text, "");
	assert_int_equal(
	    CALL("troupe", "check", "--json", "--config", "/nonexistent"),
	    CMD_USAGE);
	assert_non_null(strstr(out_text, "{\"ok\":false,\"mistakes\":[{"));
	assert_string_equal(err_text, "");
}

static void
test_check_accepts_what_we_ship(void **state)
{
	(void)state;
	assert_int_equal(
	    CALL("troupe", "check", "--config", SHIPPED("example.yaml"),
		"--topology", SHIPPED("topologies/split.yaml"), "--set",
		"api.server.connections_max=16"),
	    CMD_OK);
	assert_non_null(strstr(out_text, "node vault: 1 loops"));
	assert_non_null(strstr(out_text, "\nok: "));
	assert_string_equal(err_text, "");
}

static void
test_check_warns_of_files_the_system_will_not_give(void **state)
{
	(void)state;
	assert_int_equal(CALL("troupe", "check", "--topology",
			     SHIPPED("topologies/split.yaml"), "--set",
			     "api.server.connections_max=20000"),
	    CMD_OK);
	assert_non_null(strstr(out_text, "40044 open files"));
}

static void
test_data_is_a_setting(void **state)
{
	(void)state;
	assert_int_equal(CALL("troupe", "check", "--data", "/d"), CMD_OK);
	assert_int_equal(CALL("troupe", "check", "--data", " "), CMD_USAGE);
	assert_non_null(strstr(err_text, "runtime.data_dir: may not be"));
}

static void
test_describe_prints_every_entry_of_its_list(void **state)
{
	(void)state;
	assert_int_equal(CALL("troupe", "describe"), CMD_USAGE);
	assert_int_equal(CALL("troupe", "describe", "--config"), CMD_OK);
	assert_non_null(strstr(out_text, "`TROUPE_API_SSL_KEYFILE`"));
	assert_non_null(strstr(out_text, "lmdb\\|memory"));
	assert_int_equal(CALL("troupe", "describe", "--events"), CMD_OK);
	assert_non_null(strstr(out_text, "| `config.invalid` | warn |"));
	assert_int_equal(CALL("troupe", "describe", "--protocols"), CMD_OK);
	assert_non_null(strstr(out_text, "refused"));
	assert_int_equal(CALL("troupe", "describe", "--dump"), CMD_OK);
	assert_non_null(strstr(out_text, "message 0x0001 refused\n"));
	assert_int_equal(CALL("troupe", "describe", "--actors"), CMD_OK);
	assert_non_null(strstr(out_text, "| 1 | store |"));
	assert_null(strstr(out_text, " \n"));
	assert_int_equal(CALL("troupe", "describe", "--metrics"), CMD_OK);
	assert_non_null(strstr(out_text, "| `troupe_store_jobs_total` |"));
	assert_int_equal(CALL("troupe", "describe", "--routes"), CMD_OK);
	assert_non_null(strstr(out_text, "WRITE  /api/v1/tasks "));
	assert_int_equal(CALL("troupe", "describe", "--openapi"), CMD_OK);
	assert_non_null(strstr(out_text, "\"openapi\": \"3.1.0\""));
}

static void
test_json_text_is_quoted(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	(void)state;
	cmd_json_text(to, "a\"b\\c\nd");
	fclose(to);
	assert_string_equal(text, "\"a\\\"b\\\\c\\u000ad\"");
	free(text);
}

#define RUN(name) cmocka_unit_test(name)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RUN(test_no_command_shows_the_help_and_is_a_mistake),
		RUN(test_a_mistake_names_the_whole_command),
		RUN(test_every_command_has_a_help),
		RUN(test_the_version_in_three_ways),
		RUN(test_misspelt_words_come_with_a_suggestion),
		RUN(test_a_sub_has_its_own_usage_and_options),
		RUN(test_certify_wants_a_number_of_days),
		RUN(test_check_tells_where_links_lack_certificates),
		RUN(test_doctor_audit_makes_no_database),
		RUN(test_doctor_store_makes_no_database),
		RUN(test_options_and_their_values_are_checked),
		RUN(test_options_have_a_bound),
		RUN(test_a_value_follows_its_option_either_way),
		RUN(test_check_tells_the_mistakes_of_both_files),
		RUN(test_check_accepts_what_we_ship),
		RUN(test_check_warns_of_files_the_system_will_not_give),
		RUN(test_data_is_a_setting),
		RUN(test_describe_prints_every_entry_of_its_list),
		RUN(test_json_text_is_quoted),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	forget();
	return failed;
}
