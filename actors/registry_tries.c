#include <stdio.h>
#include <string.h>

#include "actors/registry_account.h"
#include "runtime/base/log.h"

/*
 * Who may try how often.  Addresses have a rate each, whoever they name.
 * A name that failed too often is locked for whoever comes from an address
 * from which nobody has logged in under it lately; the others are counted
 * by themselves, so that a stranger cannot lock a user out.  A name may hold
 * any byte and an address holds no blank, so what is counted begins with its
 * kind: nobody can call himself another's count.
 */

#define MINUTE_US UINT64_C(60000000)
#define NETWORK_GROUPS 4 /* of an IPv6 address: its /64 */

/* Whoever has a /64 has all of its addresses. */
static void
tries_network(const char *address, char ret_text[ADDRESS_MAX + 1])
{
	size_t at = 0;
	int groups = 0;

	for (; address[at] != '\0' && at < ADDRESS_MAX; at++) {
		if (address[at] == ':' && ++groups == NETWORK_GROUPS)
			break;
		ret_text[at] = address[at];
	}
	ret_text[at] = '\0';
}

bool
registry_may_try(struct actor *self, const struct msg *in,
    const struct principal *caller, const char *action)
{
	struct registry *s = actor_state(self);
	char network[ADDRESS_MAX + 1];
	uint64_t wait_us;

	if (s->tries_per_minute == 0 || caller->address[0] == '\0')
		return true;
	tries_network(caller->address, network);
	wait_us =
	    memo_throttle(&s->rates, network, MINUTE_US / s->tries_per_minute,
		(uint32_t)s->tries_per_minute, actor_now_us(self));
	if (wait_us == 0)
		return true;
	LOG(API_AUTH_THROTTLED, KV("address", caller->address),
	    KV("action", action));
	auditor_refused(self, &s->auditor, caller, action, "", "rate");
	(void)actor_refuse_with(self, in,
	    &(struct refused){ .status = ST_DENIED,
		.problem = PROBLEM_RATE_LIMITED,
		.detail = "Too many tries from this address",
		.retry_after_ms = (uint32_t)((wait_us + 999) / 1000) });
	return false;
}

static void
tries_pair(const char *username, const char *address, char *ret_pair)
{
	snprintf(ret_pair, TRIES_NAME_SIZE, "at:%s %s", address, username);
}

void
registry_lock_name(const struct registry *s, const char *username,
    const char *address, char ret_name[TRIES_NAME_SIZE])
{
	tries_pair(username, address, ret_name);
	if (memo_get(&s->trusted, ret_name) == 0)
		snprintf(ret_name, TRIES_NAME_SIZE, "name:%s", username);
}

void
registry_trust(struct registry *s, const char *username, const char *address,
    uint64_t now_us)
{
	char pair[TRIES_NAME_SIZE];

	tries_pair(username, address, pair);
	memo_put(&s->trusted, pair, now_us == 0 ? 1 : now_us);
}
