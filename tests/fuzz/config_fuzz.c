/* Bytes as a configuration file: mistakes or a config, never a crash. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/config.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/yaml.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct mistakes m;
	struct config_input in = { .file = "fuzz.yaml",
		.text = yaml_text(bytes, size) };
	struct config *c = NULL;
	enum status st;

	mistakes_init(&m);
	st = config_load(&in, &m, &c);
	assert((st == ST_OK) == (m.errors == 0));
	assert((st == ST_OK) == (c != NULL));
	if (c != NULL)
		assert(config_u64(c, SETTING_api_server_port) <= 65535);
	config_destroy(c);
	return 0;
}
