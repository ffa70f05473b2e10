#include "actors/access.h"

#include <assert.h>

#include "protocols/problem.h"
#include "runtime/base/text.h"

#define ROLE(role) (1u << ROLE_##role)
#define READERS (WRITERS | ROLE(BOARD_MEMBER) | ROLE(OBSERVER))
#define WRITERS (ROLE(CEO) | ROLE(MANAGER) | ROLE(PAIR_PROGRAMMER))

static const unsigned access_roles[] = {
	[ACCESS_READ] = READERS,
	[ACCESS_WRITE] = WRITERS,
	[ACCESS_SETTINGS] = ROLE(CEO) | ROLE(MANAGER),
	[ACCESS_SECRETS] = ROLE(CEO),
	[ACCESS_BUDGETS] = ROLE(CEO) | ROLE(MANAGER),
	[ACCESS_SERVICES] = ROLE(CEO) | ROLE(SYSTEM),
};

bool
access_is_operator(const struct principal *who)
{
	return who->role == ROLE_CEO ||
	       (who->role == ROLE_SYSTEM && who->method == AUTH_LOCAL);
}

bool
access_is_person(const struct principal *who)
{
	return who->method != AUTH_API_KEY;
}

bool
access_is_recent(const struct principal *who, uint64_t within_us, int64_t now)
{
	if (within_us == 0 || who->method == AUTH_LOCAL)
		return true;
	return who->method == AUTH_JWT && who->authenticated_at > 0 &&
	       now - who->authenticated_at <= (int64_t)within_us;
}

uint32_t
access_check(const struct principal *who, enum access what)
{
	assert((unsigned)what < sizeof(access_roles) / sizeof(access_roles[0]));
	if (who->method == AUTH_NONE || text_is_blank(who->user_id))
		return PROBLEM_UNAUTHORIZED;
	if ((access_roles[what] >> who->role & 1) == 0 &&
	    !access_is_operator(who))
		return PROBLEM_FORBIDDEN;
	return 0;
}
