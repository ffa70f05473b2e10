/* people - callers for the tests of actors, one per role. */
#ifndef TESTS_ACTORS_PEOPLE_H
#define TESTS_ACTORS_PEOPLE_H

#include "protocols/messages.h"

#define PERSON(id, is)                                               \
	{                                                            \
		.user_id = (id), .username = (id), .role = (is),     \
		.method = AUTH_JWT, .session_id = "", .address = "", \
		.user_agent = ""                                     \
	}

#define CEO ((struct principal)PERSON("ceo", ROLE_CEO))
#define MANAGER ((struct principal)PERSON("manager", ROLE_MANAGER))
#define PAIR ((struct principal)PERSON("pair", ROLE_PAIR_PROGRAMMER))
#define BOARD ((struct principal)PERSON("board", ROLE_BOARD_MEMBER))
#define OBSERVER ((struct principal)PERSON("observer", ROLE_OBSERVER))
#define MACHINE ((struct principal)PERSON("machine", ROLE_SYSTEM))
#define NOBODY ((struct principal){ .role = ROLE_CEO })

#endif
