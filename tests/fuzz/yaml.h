/* yaml - what every target that reads a YAML file needs; included once. */
#ifndef TESTS_FUZZ_YAML_H
#define TESTS_FUZZ_YAML_H

#include "runtime/base/bytes.h"
#include "runtime/base/log.h"

/* libfyaml 0.7.12 loses 512 bytes of its own on some bad anchors. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libfyaml.so";
}

static void
yaml_sink(void *ctx, enum event_id event, const char *line, size_t size)
{
	(void)ctx;
	(void)event;
	(void)line;
	(void)size;
}

/* The input as the text of a file, and nothing is logged of it. */
static struct bytes
yaml_text(const uint8_t *bytes, size_t size)
{
	static const uint8_t none[1];

	log_set_sink(yaml_sink, NULL);
	return (struct bytes){ size > 0 ? bytes : none, size };
}

#endif
