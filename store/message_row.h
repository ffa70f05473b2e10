/* message_row - the rules of a message's row, wherever it is read. */
#ifndef STORE_MESSAGE_ROW_H
#define STORE_MESSAGE_ROW_H

#include "protocols/messages.h"

/* What the catalogue cannot say of a message; NULL: it is fine. */
const char *message_fault(const struct agent_message *m);

#endif
