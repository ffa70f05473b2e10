#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/metric.h"
#include "tests/rig.h"

static const struct metric test_a = { "a_total", METRIC_COUNTER, "What a is." };
static const struct metric test_b = { "b", METRIC_GAUGE, "What b is." };

/* The page as text; the caller frees it. */
static char *
text_of(struct metric_page *p)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	metric_print(p, to);
	assert_int_equal(fclose(to), 0);
	return text;
}

static void
test_samples_stand_under_their_name(void **state)
{
	struct metric_page p = { 0 };
	char *text;

	(void)state;
	metric_add(&p, &test_b, 7, NULL);
	metric_add(&p, &test_a, 2, (const char *[]){ "k", "x", NULL });
	metric_add(&p, &test_b, UINT64_MAX,
	    (const char *[]){ "k", "y", "l", "z", NULL });
	metric_add(&p, &test_a, 1, (const char *[]){ "k", "w", NULL });
	text = text_of(&p);
	assert_string_equal(text,
	    "# HELP a_total What a is.\n# TYPE a_total counter\n"
	    "a_total{k=\"x\"} 2\na_total{k=\"w\"} 1\n"
	    "# HELP b What b is.\n# TYPE b gauge\n"
	    "b 7\nb{k=\"y\",l=\"z\"} 18446744073709551615\n"
	    "# HELP troupe_metrics_dropped "
	    "Samples that this page had no room for.\n"
	    "# TYPE troupe_metrics_dropped gauge\n"
	    "troupe_metrics_dropped 0\n");
	free(text);
	metric_page_fini(&p);
}

static void
test_values_of_labels_are_escaped(void **state)
{
	struct metric_page p = { 0 };
	char *text;

	(void)state;
	metric_add(&p, &test_a, 1, (const char *[]){ "k", "a\"b\\c\nd", NULL });
	text = text_of(&p);
	assert_non_null(strstr(text, "a_total{k=\"a\\\"b\\\\c\\nd\"} 1\n"));
	free(text);
	metric_page_fini(&p);
}

static void
test_a_label_that_is_too_long_is_counted(void **state)
{
	char value[METRIC_LINE_MAX + 1];
	struct metric_page p = { 0 };
	char *text;

	(void)state;
	for (size_t size = METRIC_LINE_MAX - 24; size < sizeof(value); size++) {
		memset(value, '\\', size);
		value[size] = '\0';
		metric_add(
		    &p, &test_a, 1, (const char *[]){ "k", value, NULL });
	}
	assert_int_equal(p.count, 0);
	assert_int_equal(p.dropped, sizeof(value) - METRIC_LINE_MAX + 24);
	text = text_of(&p);
	assert_non_null(strstr(text, "troupe_metrics_dropped 25\n"));
	free(text);
	metric_page_fini(&p);
}

static void
test_the_page_has_a_bound(void **state)
{
	struct metric_page p = { 0 };
	char *text;

	(void)state;
	for (size_t i = 0; i < METRIC_SAMPLES_MAX + 3; i++)
		metric_add(&p, &test_a, i, NULL);
	assert_int_equal(p.count, METRIC_SAMPLES_MAX);
	assert_int_equal(p.dropped, 3);
	text = text_of(&p);
	assert_non_null(strstr(text, "troupe_metrics_dropped 3\n"));
	free(text);
	metric_page_fini(&p);
}

/* ---- histograms ---- */

static const char *const test_labels[] = { "k", "v", NULL };

static void
test_add_timing(struct metric_page *p, const struct timing *t)
{
	metric_add_timing(
	    p, "t_seconds", "What t is.", TIMING_SHORT, t, test_labels);
}

static void
test_a_histogram_is_told_as_prometheus_wants_it(void **state)
{
	static const uint64_t us[] = { 0, 16, 17, 32, 33, 1u << 24,
		(1u << 24) + 1, UINT64_C(1) << 50 };
	struct metric_page p = { 0 };
	struct timing t = { 0 };
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof(us) / sizeof(us[0]); i++)
		timing_observe(&t, us[i]);
	test_add_timing(&p, &t);
	text = text_of(&p);
	assert_non_null(strstr(text,
	    "# HELP t_seconds What t is.\n# TYPE t_seconds histogram\n"
	    "t_seconds_bucket{k=\"v\",le=\"0.000016\"} 2\n"
	    "t_seconds_bucket{k=\"v\",le=\"0.000032\"} 4\n"
	    "t_seconds_bucket{k=\"v\",le=\"0.000064\"} 5\n"));
	assert_non_null(
	    strstr(text, "t_seconds_bucket{k=\"v\",le=\"8.388608\"} 5\n"
			 "t_seconds_bucket{k=\"v\",le=\"16.777216\"} 6\n"
			 "t_seconds_bucket{k=\"v\",le=\"+Inf\"} 8\n"
			 "t_seconds_sum{k=\"v\"} 1125899940.397155\n"
			 "t_seconds_count{k=\"v\"} 8\n"));
	assert_int_equal(p.count, 24 - 4 + 1 + 3);
	free(text);
	metric_page_fini(&p);
}

/* Every power of two, and the one behind it, is in the bucket it says. */
static void
test_a_bound_belongs_to_its_bucket(void **state)
{
	(void)state;
	for (uint32_t i = 0; i <= TIMING_POWERS; i++) {
		struct timing t = { 0 };

		timing_observe(&t, UINT64_C(1) << i);
		assert_int_equal(t.buckets[i], 1);
		if (i == 0 || i == TIMING_POWERS)
			continue;
		timing_observe(&t, (UINT64_C(1) << i) + 1);
		assert_int_equal(t.buckets[i], 1);
		assert_int_equal(t.buckets[i + 1], 1);
	}
}

static void
test_timings_are_added_up(void **state)
{
	struct timing all = { 0 }, one = { 0 };

	(void)state;
	timing_observe(&all, 3);
	timing_observe(&one, 4);
	timing_observe(&one, UINT64_MAX - 10);
	timing_add(&all, &one);
	assert_int_equal(all.buckets[2], 2);
	assert_int_equal(all.buckets[TIMING_POWERS], 1);
	assert_int_equal(all.sum_us, UINT64_MAX - 3);
}

/* Half a histogram would say what is not so. */
static void
test_a_histogram_without_room_is_not_there_at_all(void **state)
{
	struct metric_page p = { 0 };
	struct timing t = { 0 };
	char *text;

	(void)state;
	for (size_t i = 0; i < METRIC_SAMPLES_MAX - 23; i++)
		metric_add(&p, &test_a, i, NULL);
	test_add_timing(&p, &t);
	assert_int_equal(p.count, METRIC_SAMPLES_MAX - 23);
	assert_int_equal(p.dropped, 24);
	metric_add(&p, &test_b, 7, NULL);
	text = text_of(&p);
	assert_null(strstr(text, "t_seconds"));
	assert_non_null(strstr(text, "\nb 7\n"));
	free(text);
	metric_page_fini(&p);
}

/* ---- a reading ---- */

static char *test_read;
static size_t test_reads;

static void
test_on_read(struct actor *self, struct metric_page *p)
{
	(void)self;
	free(test_read);
	test_read = text_of(p);
	test_reads++;
}

static enum status
reader_start(struct actor *self)
{
	assert_true(metric_read(self, test_on_read));
	assert_false(metric_read(self, test_on_read));
	return ST_OK;
}

static void
reader_measure(struct actor *self, struct metric_page *to)
{
	metric_add(to, &test_b, actor_shard(self) + 5, NULL);
}

static const struct handler reader_on[] = { { 0 } };

static const struct actor_class reader_class = {
	.name = "reader",
	.start = reader_start,
	.measure = reader_measure,
	.on = reader_on,
};

static void
test_a_reading_tells_actors_and_node(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r);
	(void)rig_spawn(&r, &reader_class, 0);
	assert_int_equal(rig_start(&r), ST_OK);
	rig_settle(&r);
	assert_int_equal(test_reads, 1);
	assert_non_null(strstr(test_read, "\nb 5\n"));
	assert_non_null(strstr(
	    test_read, "troupe_actor_handled_total{actor=\"reader\",address="));
	assert_non_null(strstr(test_read, "\ntroupe_books_unbalanced 0\n"));
	assert_non_null(strstr(test_read, "\ntroupe_bridge_sent_total 0\n"));
	assert_non_null(strstr(test_read, "troupe_node_info{node=\""));
	rig_fini(&r);
	free(test_read);
	test_read = NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(test_samples_stand_under_their_name),
		RUN(test_values_of_labels_are_escaped),
		RUN(test_a_label_that_is_too_long_is_counted),
		RUN(test_the_page_has_a_bound),
		RUN(test_a_histogram_is_told_as_prometheus_wants_it),
		RUN(test_a_bound_belongs_to_its_bucket),
		RUN(test_timings_are_added_up),
		RUN(test_a_histogram_without_room_is_not_there_at_all),
		RUN(test_a_reading_tells_actors_and_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
