#include <stdio.h>
#include <string.h>

#include "actors/registry_account.h"
#include "runtime/base/log.h"
#include "runtime/base/network.h"

/*
 * Who may try how often.  Networks have a rate each, whoever they name.
 * A name that failed too often is locked for whoever comes from a network
 * from which nobody has logged in under it lately; the others are counted
 * by themselves, so that a stranger cannot lock a user out.  The store knows
 * these networks, so a restart forgets none of them.  A name may hold any
 * byte and a network holds no blank, so what is counted begins with its
 * kind: nobody can call himself another's count.
 */

#define MINUTE_US UINT64_C(60000000)
#define KNOWN_FOR_US (INT64_C(90) * 24 * 60 * 60 * 1000000) /* 90 days */

struct refused
registry_wait(uint32_t problem, const char *detail, uint64_t wait_us)
{
	return (struct refused){ .status = ST_DENIED,
		.problem = problem,
		.detail = detail,
		.retry_after_ms = (uint32_t)((wait_us + 999) / 1000) };
}

bool
registry_may_try(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *action)
{
	struct registry *s = actor_state(self);
	char network[NETWORK_OF_CLIENT_SIZE];
	struct refused why;
	uint64_t wait_us;

	if (s->tries_per_minute == 0 || caller->address[0] == '\0')
		return true;
	network_of_client(caller->address, network);
	wait_us =
	    memo_throttle(&s->rates, network, MINUTE_US / s->tries_per_minute,
		(uint32_t)s->tries_per_minute, actor_now_us(self));
	if (wait_us == 0)
		return true;
	LOG(API_AUTH_THROTTLED, KV("address", caller->address),
	    KV("action", action));
	auditor_refused(self, &s->auditor, caller, action, "", "rate");
	why = registry_wait(
	    PROBLEM_RATE_LIMITED, "Too many tries from this address", wait_us);
	(void)actor_refuse_with(self, in, &why);
	return false;
}

void
registry_lock_name(const char *username, const char *network, bool is_known,
    char ret_name[TRIES_NAME_SIZE])
{
	if (is_known)
		snprintf(
		    ret_name, TRIES_NAME_SIZE, "at:%s %s", network, username);
	else
		snprintf(ret_name, TRIES_NAME_SIZE, "name:%s", username);
}

bool
registry_knows_network(
    const struct actor *self, const struct store_user_found *found)
{
	return found->has_known_at &&
	       actor_wall_us(self) - found->known_at < KNOWN_FOR_US;
}
