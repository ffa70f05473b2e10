#include "ops/call.h"

/* reload - the certificate files again, of every gateway of this Troupe. */

static enum cmd_exit
reload_run(const struct cmd_args *args)
{
	struct call_reply reply;
	char text[256];

	if (call(args,
		&(struct call_ask){ "POST", "/api/v1/reload", NULL, NULL },
		&reply) != ST_OK)
		return CMD_FAILED;
	if (args->json || !call_is_good(&reply))
		return call_end(args, &reply);
	call_text(&reply, "data.subject", text, sizeof(text));
	if (*text == '\0')
		fprintf(args->out, "no certificate is configured\n");
	else
		fprintf(args->out, "certificate %s", text);
	call_text(&reply, "data.not_after", text, sizeof(text));
	if (*text != '\0' && call_member(&reply, "data.tls").size == 4)
		fprintf(args->out, " until %s\n", text);
	call_fini(&reply);
	return CMD_OK;
}

static const struct cmd_option reload_options[] = {
	CALL_OPTIONS,
	{ 0 },
};

const struct cmd reload_cmd = {
	.name = "reload",
	.usage = CALL_USAGE " [--json]",
	.summary = "Read the certificate files again, without a restart.",
	.options = reload_options,
	.run = reload_run,
};
