#include "runtime/config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/base/log.h"
#include "runtime/yaml.h"

#define FILE_NAME "test.yaml"

/* What the last load told and logged. */
static struct mistakes told;
static size_t logged[EV_COUNT];

static void
sink(void *ctx, enum event_id event, const char *line, size_t size)
{
	(void)ctx;
	(void)line;
	(void)size;
	logged[event]++;
}

static enum status
load_all(const char *yaml, char *const *env, const char *const *sets,
    size_t nsets, struct config **ret_config)
{
	struct config_input in = { .env = env, .sets = sets, .nsets = nsets };

	if (yaml != NULL) {
		in.file = FILE_NAME;
		in.text.at = (const uint8_t *)yaml;
		in.text.size = strlen(yaml);
	}
	mistakes_init(&told);
	memset(logged, 0, sizeof(logged));
	return config_load(&in, &told, ret_config);
}

static struct config *
load(const char *yaml)
{
	struct config *c = NULL;

	assert_int_equal(load_all(yaml, NULL, NULL, 0, &c), ST_OK);
	assert_int_equal(told.errors, 0);
	return c;
}

static void
refused(const char *yaml, unsigned line, const char *key, const char *text)
{
	struct config *c = NULL;

	assert_int_equal(load_all(yaml, NULL, NULL, 0, &c), ST_INVALID);
	assert_null(c);
	assert_int_equal(told.count, 1);
	assert_string_equal(told.list[0].file, FILE_NAME);
	assert_int_equal(told.list[0].line, line);
	assert_string_equal(told.list[0].key, key);
	assert_non_null(strstr(told.list[0].text, text));
	assert_int_equal(logged[EV_CONFIG_INVALID], 1);
}

/* Every value of a is the default, and comes from there. */
static void
is_default(struct config *a)
{
	const struct setting *s;

	for (size_t i = 0; (s = setting_nth(i)) != NULL; i++) {
		assert_string_equal(
		    config_text(a, (enum setting_id)i), s->value);
		assert_int_equal(
		    config_origin(a, (enum setting_id)i), CONFIG_DEFAULT);
	}
	config_destroy(a);
}

/* P-01 */
static void
test_absent_and_empty_files_give_the_defaults(void **state)
{
	(void)state;
	is_default(load(NULL));
	is_default(load(""));
	is_default(load("{}"));
	is_default(load("---\n# nothing\n"));
	is_default(load("persistence:\napi: {}\n"));
	is_default(load("persistence: { lmdb: { path: } }\n"));
}

/* P-01 */
static void
test_a_full_file_is_valid_and_each_value_knows_its_line(void **state)
{
	struct config *c = load("api:\n"
				"  server:\n"
				"    port: 80\n"
				"  lifecycle_cleanup_enabled: false\n"
				"persistence:\n"
				"  backend: memory\n"
				"  lmdb: {map_size: 2MiB}\n"
				"runtime.log_level: warn\n");

	(void)state;
	assert_int_equal(config_u64(c, SETTING_api_server_port), 80);
	assert_int_equal(config_line(c, SETTING_api_server_port), 3);
	assert_int_equal(
	    config_origin(c, SETTING_api_server_port), CONFIG_FILE);
	assert_false(config_bool(c, SETTING_api_lifecycle_cleanup_enabled));
	assert_int_equal(config_choice(c, SETTING_persistence_backend), 1);
	assert_int_equal(
	    config_u64(c, SETTING_persistence_lmdb_map_size), 2 << 20);
	assert_string_equal(config_text(c, SETTING_runtime_log_level), "warn");
	assert_int_equal(config_line(c, SETTING_api_server_host), 0);
	config_destroy(c);
}

/* P-01: a write to what is loaded ends the process. */
static void
test_a_loaded_config_cannot_be_written(void **state)
{
	struct config *c = load("{}");
	int end = 0;
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		signal(SIGSEGV, SIG_DFL);
		*(volatile char *)c = 1;
		_exit(0);
	}
	assert_int_equal(waitpid(child, &end, 0), child);
	assert_true(WIFSIGNALED(end));
	assert_int_equal(WTERMSIG(end), SIGSEGV);
	config_destroy(c);
}

static void
test_a_flag_wins_over_environment_over_file_over_default(void **state)
{
	char port[] = "TROUPE_API_SERVER_PORT=82";
	char host[] = "TROUPE_API_SERVER_HOST=::1";
	char *env[] = { port, host, NULL };
	const char *sets[] = { "api.server.port=83" };
	const char *yaml = "api: { server: { port: 81, host: h, "
			   "ws_ping_interval: 7 } }";
	struct config *c = NULL;

	(void)state;
	assert_int_equal(load_all(yaml, env, sets, 1, &c), ST_OK);
	assert_int_equal(config_u64(c, SETTING_api_server_port), 83);
	assert_int_equal(
	    config_origin(c, SETTING_api_server_port), CONFIG_FLAG);
	assert_string_equal(config_text(c, SETTING_api_server_host), "::1");
	assert_int_equal(config_origin(c, SETTING_api_server_host), CONFIG_ENV);
	assert_int_equal(config_u64(c, SETTING_api_server_ws_ping_interval), 7);
	config_destroy(c);
}

static void
test_the_environment_of_the_reference_is_not_read(void **state)
{
	char port[] = "SYNTHORG_API_SERVER_PORT=82";
	char *env[] = { port, NULL };
	struct config *c = NULL;

	(void)state;
	assert_int_equal(load_all(NULL, env, NULL, 0, &c), ST_OK);
	assert_int_equal(told.warnings, 0);
	is_default(c);
}

static void
test_an_unknown_variable_is_a_warning_with_a_suggestion(void **state)
{
	char port[] = "TROUPE_API_SERVER_PROT=82";
	char other[] = "TROUPE_HOSTED_BY_SOMEBODY=1";
	char *env[] = { port, other, NULL };
	struct config *c = NULL;

	(void)state;
	assert_int_equal(load_all(NULL, env, NULL, 0, &c), ST_OK);
	assert_int_equal(told.warnings, 2);
	assert_non_null(
	    strstr(told.list[0].text, "mean TROUPE_API_SERVER_PORT?"));
	assert_null(strstr(told.list[1].text, "mean"));
	is_default(c);
}

static void
test_every_mistake_is_told_with_its_line(void **state)
{
	struct config *c = NULL;
	char bad[] = "TROUPE_API_SERVER_PORT=x";
	char *env[] = { bad, NULL };
	const char *sets[] = { "nonsense", "api.sever.port=1" };
	const char *yaml = "api:\n"
			   "  server: { port: 65536 }\n"
			   "  server: { port: 1 }\n"
			   "persistance: {}\n"
			   "runtime:\n"
			   "  data_dir: [a]\n"
			   "  log_levle: info\n"
			   "idempotency: 3\n";

	(void)state;
	assert_int_equal(load_all(yaml, env, sets, 2, &c), ST_INVALID);
	assert_int_equal(told.errors, 9);
	assert_int_equal(logged[EV_CONFIG_INVALID], 9);
	assert_int_equal(told.list[0].line, 3);
	assert_non_null(strstr(told.list[0].text, "the first is on line 2"));
	assert_int_equal(told.list[1].line, 2);
	assert_non_null(strstr(told.list[1].text, "from 0 to 65535"));
	assert_non_null(strstr(told.list[2].text, "mean persistence?"));
	assert_int_equal(told.list[3].line, 6);
	assert_non_null(strstr(told.list[3].text, "found a list"));
	assert_non_null(strstr(told.list[4].text, "runtime.log_level?"));
	assert_non_null(strstr(told.list[5].text, "section of settings"));
	assert_string_equal(told.list[6].file, "environment");
	assert_non_null(strstr(told.list[7].text, "namespace.key=value"));
	assert_non_null(strstr(told.list[8].text, "mean api.server.port?"));
}

static void
test_mistakes_past_the_bound_are_counted(void **state)
{
	char yaml[(MISTAKES_MAX + 1) * 16] = "";
	char text[4096] = "";
	struct config *c = NULL;
	size_t used = 0;
	FILE *to;

	(void)state;
	for (int i = 0; i <= MISTAKES_MAX; i++)
		used += (size_t)snprintf(
		    yaml + used, sizeof(yaml) - used, "zz%d: 1\n", i);
	assert_int_equal(load_all(yaml, NULL, NULL, 0, &c), ST_INVALID);
	assert_int_equal(told.count, MISTAKES_MAX);
	assert_int_equal(told.errors, MISTAKES_MAX + 1);
	to = fmemopen(text, sizeof(text), "w");
	mistakes_print(&told, to);
	fclose(to);
	assert_non_null(strstr(text, "test.yaml:1: zz0: is no setting\n"));
	assert_non_null(strstr(text, "and 1 more\n"));
}

static void
test_one_setting_under_two_spellings_is_told(void **state)
{
	(void)state;
	refused("api: { server: { port: 1 } }\napi.server.port: 2\n", 2,
	    "api.server.port", "is set twice");
}

static void
test_what_is_not_yaml_is_told_with_its_line(void **state)
{
	struct config *c = NULL;
	static const char *const bad[] = {
		"api: [1, 2\nx: }\n",
		"\t- x: [\n",
		"api: *a\n",
		"api: &a {}\n",
		"api: !!map {}\n",
		"{}\n---\n{}\n",
		"? [a]\n: b\n",
		"- api\n",
		"api\n",
		"api: \"\\x00\"\n",
		"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
		    load_all(bad[i], NULL, NULL, 0, &c), ST_INVALID);
		assert_true(told.errors >= 1);
		assert_in_range(told.list[0].line, 1, 3);
	}
}

static void
test_a_file_over_its_bound_is_refused(void **state)
{
	char *yaml = malloc(YAML_BYTES_MAX + 2);
	struct config *c = NULL;

	(void)state;
	memset(yaml, '#', YAML_BYTES_MAX + 1);
	yaml[YAML_BYTES_MAX + 1] = '\0';
	assert_int_equal(load_all(yaml, NULL, NULL, 0, &c), ST_INVALID);
	yaml[YAML_BYTES_MAX] = '\0';
	is_default(load(yaml));
	free(yaml);
}

static void
test_a_file_that_is_absent_is_refused(void **state)
{
	struct config_input in = { .file = "/nonexistent/troupe.yaml" };
	struct config *c = NULL;

	(void)state;
	mistakes_init(&told);
	assert_int_equal(config_load(&in, &told, &c), ST_INVALID);
	assert_int_equal(told.errors, 1);
	in.file = "/";
	assert_int_equal(config_load(&in, &told, &c), ST_INVALID);
	assert_int_equal(told.errors, 2);
}

static void
path_refused(const char *path)
{
	char yaml[128];

	snprintf(
	    yaml, sizeof(yaml), "persistence: {lmdb: {path: \"%s\"}}", path);
	refused(yaml, 1, "persistence.lmdb.path", "");
}

static void
path_becomes(const char *path, const char *clean)
{
	char yaml[128];
	struct config *c;

	snprintf(
	    yaml, sizeof(yaml), "persistence: {lmdb: {path: \"%s\"}}", path);
	c = load(yaml);
	assert_string_equal(
	    config_text(c, SETTING_persistence_lmdb_path), clean);
	config_destroy(c);
}

static void
test_p36_a_path_that_climbs_is_refused_after_a_warning(void **state)
{
	(void)state;
	path_refused("../x");
	path_refused("a/../b");
	path_refused("a/..");
	path_refused("..");
	path_refused("/var/../etc/x");
	path_refused("..\\\\x");
}

static void
test_p37_a_path_is_cleaned_by_component(void **state)
{
	(void)state;
	path_becomes("a//b/./c.db", "a/b/c.db");
	path_becomes("my..db", "my..db");
	path_becomes("..hidden/x", "..hidden/x");
	path_becomes("a/...", "a/...");
	path_becomes(":memory:", ":memory:");
	path_becomes("/tmp//x/", "/tmp/x");
	path_becomes(".", ".");
}

static void
test_p38_blank_and_nul_paths_and_negative_limits_are_refused(void **state)
{
	const char *limit = "persistence.lmdb.journal_size_limit";
	struct config *c = NULL;

	(void)state;
	path_refused("");
	path_refused("  ");
	assert_int_equal(load_all("persistence: {lmdb: {path: \"a\\x00b\"}}",
			     NULL, NULL, 0, &c),
	    ST_INVALID);
	refused("persistence: {lmdb: {journal_size_limit: -1}}", 1, limit,
	    "whole number");
	c = load("persistence: {lmdb: {journal_size_limit: 0}}");
	assert_int_equal(
	    config_u64(c, SETTING_persistence_lmdb_journal_size_limit), 0);
	config_destroy(c);
}

static void
test_p45_an_unknown_backend_names_the_known_ones(void **state)
{
	(void)state;
	refused("persistence:\n  backend: mongo\n", 2, "persistence.backend",
	    "lmdb, memory");
}

static void
test_s65_half_a_tls_pair_is_refused(void **state)
{
	struct config *c = NULL;

	(void)state;
	refused("api: {server: {ssl_certfile: c}}", 1,
	    "api.server.ssl_certfile",
	    "ssl_keyfile is required when ssl_certfile is set");
	refused("api: {server: {ssl_keyfile: k}}", 1, "api.server.ssl_keyfile",
	    "ssl_certfile is required when ssl_keyfile is set");
	refused("api: {server: {ssl_ca_certs: a}}", 1,
	    "api.server.ssl_ca_certs",
	    "ssl_certfile is required when ssl_ca_certs is set");
	assert_int_equal(
	    load_all("api: {server: {ssl_ca_certs: a, ssl_keyfile: k}}", NULL,
		NULL, 0, &c),
	    ST_INVALID);
	assert_int_equal(told.errors, 2);
	config_destroy(
	    load("api: {server: {ssl_certfile: c, ssl_keyfile: k}}"));
}

static void
test_s66_blank_tls_paths_are_unset_and_the_input_stays(void **state)
{
	char yaml[] = "api: { server: { host: 0.0.0.0, ssl_certfile: \"   \", "
		      "ssl_keyfile: \"\" } }";
	char before[sizeof(yaml)];
	struct config *c;

	(void)state;
	memcpy(before, yaml, sizeof(yaml));
	c = load(yaml);
	assert_string_equal(config_text(c, SETTING_api_ssl_certfile), "");
	assert_string_equal(config_text(c, SETTING_api_ssl_keyfile), "");
	assert_int_equal(logged[EV_API_NETWORK_EXPOSURE_WARNING], 1);
	assert_memory_equal(before, yaml, sizeof(yaml));
	config_destroy(c);
}

static void
exposed(const char *yaml, bool expected)
{
	struct config *c = load(yaml);

	assert_int_equal(config_is_exposed(c), expected);
	assert_int_equal(logged[EV_API_NETWORK_EXPOSURE_WARNING], expected);
	config_destroy(c);
}

static void
test_s67_an_open_wildcard_is_warned_of(void **state)
{
	(void)state;
	exposed("api: {server: {host: \"::\"}}", true);
	exposed("api: {server: {host: 0.0.0.0}}", true);
	exposed("api: {server: {host: 0:0:0:0:0:0:0:0}}", true);
	exposed("api: {server: {host: 127.0.0.1}}", false);
	exposed("api: {server: {host: 0.0.0.0, ssl_certfile: c, "
		"ssl_keyfile: k}}",
	    false);
	exposed("api: {server: {host: 0.0.0.0, "
		"trusted_proxies: [10.0.0.0/8]}}",
	    false);
}

static void
test_s68_trusted_proxies_are_addresses_or_blocks(void **state)
{
	struct config *c = load("api: {server: {trusted_proxies: [10.0.0.1, "
				"10.0.0.5/8, \"fd00::/8\"]}}");
	enum setting_id id = SETTING_api_trusted_proxies;
	struct network near;
	struct network far;

	(void)state;
	assert_int_equal(network_parse("10.9.9.9", &near), ST_OK);
	assert_int_equal(network_parse("11.0.0.1", &far), ST_OK);
	assert_false(network_holds(config_network(c, id, 0), &near));
	assert_true(network_holds(config_network(c, id, 1), &near));
	assert_false(network_holds(config_network(c, id, 1), &far));
	assert_null(config_network(c, id, 3));
	config_destroy(c);
}

static void
test_s68_other_trusted_proxies_are_named_and_refused(void **state)
{
	static const char *const bad[] = { "proxy.local", "10.0.0.300", "",
		"0.0.0.0/0", "::/0" };
	char yaml[128];
	char named[64];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(yaml, sizeof(yaml),
		    "api: {server: {trusted_proxies: [\"%s\"]}}", bad[i]);
		snprintf(named, sizeof(named), "'%s' is", bad[i]);
		refused(yaml, 1, "api.server.trusted_proxies", named);
	}
	refused("api: {server: {trusted_proxies: [{a: b}]}}", 1,
	    "api.server.trusted_proxies", "found a map");
}

static void
test_a_secret_value_is_not_repeated(void **state)
{
	struct config *c = NULL;
	const char *sets[] = { "api.ssl_keyfile=hush\x01" };

	(void)state;
	assert_int_equal(load_all(NULL, NULL, sets, 1, &c), ST_INVALID);
	assert_null(strstr(told.list[0].text, "hush"));
}

static void
test_paths_stand_in_the_data_folder(void **state)
{
	char path[CONFIG_PATH_SIZE];
	struct config *c = load("runtime: {data_dir: /d}\n"
				"api: {server: {ssl_certfile: c.pem, "
				"ssl_keyfile: /k.pem}}");

	(void)state;
	assert_int_equal(
	    config_path(c, SETTING_persistence_lmdb_path, path, sizeof(path)),
	    ST_OK);
	assert_string_equal(path, "/d/store.lmdb");
	assert_int_equal(
	    config_path(c, SETTING_api_ssl_certfile, path, sizeof(path)),
	    ST_OK);
	assert_string_equal(path, "c.pem");
	assert_int_equal(
	    config_path(c, SETTING_persistence_lmdb_path, path, 13), ST_FULL);
	assert_int_equal(
	    config_path(c, SETTING_persistence_lmdb_path, path, 14), ST_OK);
	config_destroy(c);
}

#define RUN(name) cmocka_unit_test(name)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RUN(test_absent_and_empty_files_give_the_defaults),
		RUN(test_a_full_file_is_valid_and_each_value_knows_its_line),
		RUN(test_a_loaded_config_cannot_be_written),
		RUN(test_a_flag_wins_over_environment_over_file_over_default),
		RUN(test_the_environment_of_the_reference_is_not_read),
		RUN(test_an_unknown_variable_is_a_warning_with_a_suggestion),
		RUN(test_every_mistake_is_told_with_its_line),
		RUN(test_mistakes_past_the_bound_are_counted),
		RUN(test_one_setting_under_two_spellings_is_told),
		RUN(test_what_is_not_yaml_is_told_with_its_line),
		RUN(test_a_file_over_its_bound_is_refused),
		RUN(test_a_file_that_is_absent_is_refused),
		RUN(test_p36_a_path_that_climbs_is_refused_after_a_warning),
		RUN(test_p37_a_path_is_cleaned_by_component),
		RUN(test_p38_blank_and_nul_paths_and_negative_limits_are_refused),
		RUN(test_p45_an_unknown_backend_names_the_known_ones),
		RUN(test_s65_half_a_tls_pair_is_refused),
		RUN(test_s66_blank_tls_paths_are_unset_and_the_input_stays),
		RUN(test_s67_an_open_wildcard_is_warned_of),
		RUN(test_s68_trusted_proxies_are_addresses_or_blocks),
		RUN(test_s68_other_trusted_proxies_are_named_and_refused),
		RUN(test_a_secret_value_is_not_repeated),
		RUN(test_paths_stand_in_the_data_folder),
	};

	log_set_sink(sink, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
