/* metric_test - a metric that nobody counts does not compile. */
#include "tests/check.h"

#include <string.h>

#include "gateway/inside.h"
#include "runtime/link.h"
#include "store/commit.h"

#define COUNTER "_total"
#define GAUGE ""

struct metric {
	const char *name;
	const char *ending; /* of a name of its type */
};

static const struct metric metrics[] = {
#define METRIC(id, name, type, labels, doc) { name, type },
#define HISTOGRAM(id, name, scale, labels, doc) { name, "_seconds" },
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
};

#define METRICS (sizeof(metrics) / sizeof(metrics[0]))

static void
test_every_metric_is_counted(void **state)
{
	static const size_t sizes[] = {
#define METRIC(id, name, type, labels, doc) \
	sizeof(((struct gateway_counts *)0)->id),
#define HISTOGRAM METRIC
#include "gateway/metric.def"
#undef METRIC
#define METRIC(id, name, type, labels, doc) \
	sizeof(((struct commit_stats *)0)->id),
#include "store/metric.def"
#undef METRIC
#undef HISTOGRAM
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_true(sizes[i] >= sizeof(uint32_t));
}

static void
test_names_are_unique(void **state)
{
	(void)state;
	for (size_t i = 0; i < METRICS; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(
			    metrics[i].name, metrics[j].name);
}

static void
test_a_name_tells_its_type(void **state)
{
	(void)state;
	for (size_t i = 0; i < METRICS; i++) {
		const char *name = metrics[i].name;
		const char *ending = metrics[i].ending;

		assert_memory_equal(name, "troupe_", 7);
		assert_true(strlen(name) > strlen(ending));
		assert_string_equal(
		    name + strlen(name) - strlen(ending), ending);
		assert_int_equal(strstr(name, COUNTER) != NULL,
		    strcmp(ending, COUNTER) == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_every_metric_is_counted),
		RUN(test_names_are_unique),
		RUN(test_a_name_tells_its_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
