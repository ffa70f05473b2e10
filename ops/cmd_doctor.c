#include "ops/cmd.h"

/* clang-format off */
#define DOCTOR(name) extern const struct cmd doctor_##name##_cmd;
#include "ops/doctors.def"
#undef DOCTOR

static const struct cmd *const doctors[] = {
#define DOCTOR(name) &doctor_##name##_cmd,
#include "ops/doctors.def"
#undef DOCTOR
	NULL,
};
/* clang-format on */

const struct cmd doctor_cmd = {
	.name = "doctor",
	.usage = "WHAT [OPTION]...",
	.summary = "Look for damage in what a stopped program has kept.",
	.subs = doctors,
};
