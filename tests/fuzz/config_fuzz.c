/* Bytes as a configuration file: mistakes or a config, never a crash. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/log.h"
#include "runtime/config.h"

static void
sink(void *ctx, enum event_id event, const char *line, size_t size)
{
	(void)ctx;
	(void)event;
	(void)line;
	(void)size;
}

/* libfyaml 0.7.12 loses 512 bytes of its own on some bad anchors. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libfyaml.so";
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const uint8_t none[1];
	static struct mistakes m;
	struct config_input in = { .file = "fuzz.yaml",
		.text = { size > 0 ? bytes : none, size } };
	struct config *c = NULL;
	enum status st;

	log_set_sink(sink, NULL);
	mistakes_init(&m);
	st = config_load(&in, &m, &c);
	assert((st == ST_OK) == (m.errors == 0));
	assert((st == ST_OK) == (c != NULL));
	if (c != NULL)
		assert(config_u64(c, SETTING_api_server_port) <= 65535);
	config_destroy(c);
	return 0;
}
