#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/asyncapi.h"
#include "gateway/openapi.h"
#include "gateway/route.h"
#include "ops/cmd.h"
#include "protocols/describe.h"
#include "protocols/setting.h"
#include "runtime/base/log.h"
#include "runtime/link.h"
#include "runtime/metric.h"

#define GENERATED "<!-- Printed by `troupe describe %s`; do not edit. -->\n\n"

/* A cell of a table may not hold the bar that ends it. */
static void
describe_cell(FILE *to, const char *text)
{
	fprintf(to, "| ");
	for (; *text != '\0'; text++)
		fprintf(to, "%s%c", *text == '|' ? "\\" : "", *text);
	fprintf(to, " ");
}

static void
describe_code(FILE *to, const char *text)
{
	if (text[0] != '\0')
		fprintf(to, "| `%s` ", text);
	else
		fprintf(to, "| ");
}

static void
describe_range(const struct setting *s, FILE *to)
{
	static const char *const units[] = {
		[SETTING_TEXT] = " bytes",
		[SETTING_PATH] = " bytes",
		[SETTING_BYTES] = " bytes",
		[SETTING_NETWORKS] = " items",
		[SETTING_CHANNELS] = " items",
		[SETTING_U64] = "",
		[SETTING_BOOL] = "",
		[SETTING_ENUM] = "",
	};

	if (s->kind == SETTING_ENUM)
		describe_cell(to, s->values);
	else if (s->kind == SETTING_BOOL)
		describe_cell(to, "true|false");
	else
		fprintf(to, "| %" PRIu64 " to %" PRIu64 "%s ", s->min, s->max,
		    units[s->kind]);
}

static void
describe_setting(const struct setting *s, FILE *to)
{
	char place[SETTING_NAME_SIZE];
	char env[SETTING_NAME_SIZE];

	setting_place(s, place);
	setting_env_name(s, env);
	fprintf(to, "| `%s` | `%s/%s` | `%s` ", place, s->space, s->key, env);
	describe_cell(to, setting_kind_text(s->kind));
	describe_code(to, s->value);
	describe_range(s, to);
	describe_cell(to, s->flags & SETTING_LIVE ? "at once" : "at a restart");
	describe_cell(to, s->doc);
	fprintf(to, "%s%s|\n",
	    s->flags & SETTING_SENSITIVE ? "Masked in every read. " : "",
	    s->flags & SETTING_GUARDED ? "Guarded. " : "");
}

static void
describe_config(FILE *to)
{
	const struct setting *s;

	fprintf(to, "# Settings\n\n" GENERATED, "--config");
	fprintf(to,
	    "A value comes from, in this order: what the settings service has "
	    "stored, `--set`, the environment, the file, the default. A file "
	    "nests the words of the first column: `api.server.port` is `api: "
	    "{server: {port: 3001}}`. The second column is the address under "
	    "`/api/v1/settings/`. What is guarded is changed by a ceo alone, "
	    "with a password given within `api.auth.reauth_minutes`, and by no "
	    "API key.\n\n"
	    "| In a file | Address | Environment | Kind | Default | Range | "
	    "Takes effect | Meaning |\n"
	    "|---|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; (s = setting_nth(i)) != NULL; i++)
		describe_setting(s, to);
}

static void
describe_events(FILE *to)
{
	fprintf(to, "# Events\n\n" GENERATED, "--events");
	fprintf(to, "Every line the program logs is one of these.\n\n"
		    "| Event | Level | Meaning |\n|---|---|---|\n");
	for (int i = 0; i < EV_COUNT; i++) {
		const struct event_info *e = event_info((enum event_id)i);

		describe_code(to, e->name);
		describe_cell(to, log_level_text(e->level));
		describe_cell(to, e->doc);
		fprintf(to, "|\n");
	}
}

struct describe_actor {
	unsigned number;
	const char *name;
	const char *hears;
	const char *purpose;
};

static const struct describe_actor describe_list[] = {
/* clang-format off */
#define ACTOR(id, number, name, hears, purpose) \
	{ number, name, #hears, purpose },
#include "protocols/actors.def"
#undef ACTOR
	/* clang-format on */
};

/* FROM(a_b) | FROM(c) as a-b, c. */
static void
describe_hears(FILE *to, const char *hears)
{
	const char *from;

	fprintf(to, "| %s", strchr(hears, '(') == NULL ? "anyone" : "");
	for (from = strchr(hears, '('); from; from = strchr(from, '(')) {
		for (from++; *from != '\0' && *from != ')'; from++)
			fputc(*from == '_' ? '-' : *from, to);
		if (strchr(from, '(') != NULL)
			fprintf(to, ", ");
	}
	fprintf(to, " ");
}

static void
describe_actors(FILE *to)
{
	size_t n = sizeof(describe_list) / sizeof(describe_list[0]);

	fprintf(to, "# Actors\n\n" GENERATED, "--actors");
	fprintf(to, "| Number | Actor | Does | Hears |\n|---|---|---|---|\n");
	for (size_t i = 0; i < n; i++) {
		const struct describe_actor *a = &describe_list[i];

		fprintf(to, "| %u | %s ", a->number, a->name);
		describe_cell(to, a->purpose);
		describe_hears(to, a->hears);
		fprintf(to, "|\n");
	}
}

struct describe_metric {
	const char *name;
	const char *type;
	const char *labels;
	const char *doc;
	uint32_t buckets; /* of a histogram, in describe_buckets */
};

static const char *const describe_buckets[] = { "",
#define X(id, first, last, doc) doc ". ",
	TIMING_SCALES(X)
#undef X
};

static const struct describe_metric describe_metric_list[] = {
#define COUNTER "counter"
#define GAUGE "gauge"
#define METRIC(id, name, type, labels, doc) { name, type, labels, doc, 0 },
#define HISTOGRAM(id, name, scale, labels, doc) \
	{ name, "histogram", labels, doc, 1 + TIMING_##scale },
#include "actors/audit_metric.def"
#include "actors/backup_metric.def"
#include "actors/cost_metric.def"
#include "actors/hub_metric.def"
#include "actors/metric.def"
#include "actors/registry_metric.def"
#include "gateway/metric.def"
#include "runtime/metric.def"
#include "store/metric.def"
#undef METRIC
#undef HISTOGRAM
#undef COUNTER
#undef GAUGE
};

static void
describe_metrics(FILE *to)
{
	size_t n =
	    sizeof(describe_metric_list) / sizeof(describe_metric_list[0]);

	fprintf(to, "# Metrics\n\n" GENERATED, "--metrics");
	fprintf(to,
	    "What every process counts from its start, and serves at /metrics "
	    "if `api.metrics.listen` is set; see OPERATE.md.\n\n"
	    "| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n");
	for (size_t i = 0; i < n; i++) {
		const struct describe_metric *m = &describe_metric_list[i];

		describe_code(to, m->name);
		describe_cell(to, m->type);
		describe_cell(to, m->labels);
		describe_cell(to, m->doc);
		fprintf(to, "%s|\n", describe_buckets[m->buckets]);
	}
}

static void
describe_document(FILE *to, const char *name, size_t size,
    enum status (*write)(struct wire_out *out))
{
	struct wire_out out = { malloc(size), size, 0 };

	if (out.bytes == NULL || write(&out) != ST_OK)
		fprintf(stderr, "troupe describe: no room for %s\n", name);
	else
		fwrite(out.bytes, 1, out.used, to);
	free(out.bytes);
}

static void
describe_asyncapi(FILE *to)
{
	describe_document(to, "asyncapi", ASYNCAPI_MAX, asyncapi_write);
}

static void
describe_openapi(FILE *to)
{
	describe_document(to, "openapi", OPENAPI_MAX, openapi_write);
}

static void
describe_routes(FILE *to)
{
	const struct route *r;

	for (size_t n = 0; (r = route_nth(n)) != NULL; n++)
		fprintf(to, "%-6s %-6s %-40s %s\n",
		    http1_method_name(r->method), route_access_text(r->access),
		    r->path, r->summary);
}

struct describe_view {
	const char *option;
	void (*print)(FILE *to);
};

static const struct describe_view describe_views[] = {
	{ "actors", describe_actors },
	{ "asyncapi", describe_asyncapi },
	{ "config", describe_config },
	{ "dump", describe_dump },
	{ "events", describe_events },
	{ "metrics", describe_metrics },
	{ "openapi", describe_openapi },
	{ "protocols", describe_markdown },
	{ "routes", describe_routes },
};

static enum cmd_exit
describe_run(const struct cmd_args *args)
{
	size_t n = sizeof(describe_views) / sizeof(describe_views[0]);
	size_t printed = 0;

	for (size_t i = 0; i < n; i++) {
		if (!cmd_flag(args, describe_views[i].option))
			continue;
		describe_views[i].print(args->out);
		printed++;
	}
	if (printed > 0)
		return CMD_OK;
	fprintf(args->err, "troupe describe: say what to describe\n");
	return CMD_USAGE;
}

static const struct cmd_option describe_options[] = {
	{ "actors", CMD_FLAG, NULL, "every actor and whom it hears" },
	{ "asyncapi", CMD_FLAG, NULL, "the live socket: docs/asyncapi.json" },
	{ "config", CMD_FLAG, NULL, "every setting: docs/CONFIG.md" },
	{ "dump", CMD_FLAG, NULL, "every message, a line per fact" },
	{ "events", CMD_FLAG, NULL, "every event of the log: docs/EVENTS.md" },
	{ "metrics", CMD_FLAG, NULL, "what is counted: docs/METRICS.md" },
	{ "openapi", CMD_FLAG, NULL, "the REST API: docs/openapi.json" },
	{ "protocols", CMD_FLAG, NULL, "every message: docs/PROTOCOLS.md" },
	{ "routes", CMD_FLAG, NULL, "every endpoint, a line each" },
	{ 0 },
};

const struct cmd describe_cmd = {
	.name = "describe",
	.usage = "--actors | --asyncapi | --config | --dump | --events | "
		 "--metrics | "
		 "--openapi | --protocols | --routes",
	.summary = "Print the reference documentation.",
	.options = describe_options,
	.run = describe_run,
};
