/*
 * websocket_reader - reads WebSocket frames and puts messages together.
 *
 * Keeps:   a struct of some 100 bytes.  A message that lies whole in the
 *          bytes fed is handed out where it lies, unmasked in place.  One
 *          that does not needs a buffer: the reader asks for it, the caller
 *          lends one from its pool and takes it back when the reader is
 *          idle.  So an idle socket owns no buffer.
 * Bounds:  keep_max bytes of a message are kept; a longer one is read,
 *          dropped and told as oversized, so that the socket can stay open;
 *          past refuse_max the socket ends with 1009.  Frames of a message
 *          that bring nothing are WEBSOCKET_EMPTY_MAX; one more ends it with
 *          1008.
 * Threads: any one at a time.
 *
 * Refused with 1002: reserved bits and opcodes, a missing (server) or
 * present (client) mask, long or fragmented control frames, lengths in more
 * bytes than needed, continuations of nothing, close codes nobody may send.
 * Text is UTF-8 or ends with 1007, at the first byte that shows it.  However
 * the bytes are cut, the same messages come out and the same ends.
 *
 * permessage-deflate (deflate.h): if it was agreed on, RSV1 of a message's
 * first frame says so in its event; whoever takes it inflates it, and only then
 * is there text to be checked.
 */
#ifndef GATEWAY_WEBSOCKET_READER_H
#define GATEWAY_WEBSOCKET_READER_H

#include "gateway/utf8_stream.h"
#include "gateway/websocket.h"

#define WEBSOCKET_EMPTY_MAX 64 /* fragments of one message without a byte */

enum websocket_role {
	WEBSOCKET_SERVER, /* reads masked frames */
	WEBSOCKET_CLIENT  /* reads unmasked frames */
};

enum websocket_step {
	WEBSOCKET_MORE,         /* all bytes are read */
	WEBSOCKET_EVENT,        /* something came; call again */
	WEBSOCKET_WANTS_BUFFER, /* lend one, then call again */
	WEBSOCKET_REFUSED,      /* close with event.code and event.reason */
	WEBSOCKET_ENDED         /* a close has come; nothing is read now */
};

struct websocket_event {
	enum websocket_opcode opcode; /* never a continuation */
	bool oversized;               /* the payload was dropped */
	bool deflated;                /* it is to be inflated, and checked */
	uint16_t code;                /* of a close or a refusal */
	const char *reason;           /* of a refusal */
	struct bytes payload; /* of a close: the reason; until the next call */
};

struct websocket_reader {
	enum websocket_role role;
	enum websocket_step ended; /* MORE while it reads */
	uint16_t code;             /* why it was refused */
	const char *reason;

	uint64_t left;  /* payload bytes of the frame still to come */
	uint64_t total; /* payload bytes of the message announced so far */
	uint64_t keep_max;
	uint64_t refuse_max;

	uint8_t *buffer; /* lent: keep_max + WEBSOCKET_CONTROL_MAX bytes */
	size_t kept;
	uint8_t control_kept;

	uint8_t head[WEBSOCKET_HEAD_MAX];
	uint8_t head_size; /* 0 between frames */
	uint8_t mask[4];
	uint8_t mask_at;
	bool in_payload;
	uint8_t opcode;   /* of the frame */
	uint8_t message;  /* opcode of the message, 0 between messages */
	uint8_t empty;    /* fragments of it that brought nothing */
	bool last;        /* FIN of the frame */
	bool may_deflate; /* it was agreed on */
	bool deflated;    /* the message is */
	struct utf8_stream text;
};

void websocket_reader_init(struct websocket_reader *r, enum websocket_role role,
    uint64_t keep_max, uint64_t refuse_max);

/*
 * Reads on: changes the bytes (unmasks), says how many it took and what it
 * found.  One event a call: call again with the rest until WEBSOCKET_MORE.
 */
MUST_CHECK enum websocket_step websocket_reader_feed(struct websocket_reader *r,
    uint8_t *at, size_t size, size_t *ret_used,
    struct websocket_event *ret_event);

/* How large a buffer the reader wants lent. */
size_t websocket_reader_wants(const struct websocket_reader *r);

void websocket_reader_lend(struct websocket_reader *r, uint8_t *buffer);

/*
 * Gives up the buffer that was lent, or NULL.  While not idle what was kept
 * in it is lost with it: only to end a socket.
 */
uint8_t *websocket_reader_take_back(struct websocket_reader *r);

/* Between messages, and in no frame: nothing of the buffer is in use. */
bool websocket_reader_idle(const struct websocket_reader *r);

#endif
