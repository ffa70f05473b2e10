/*
 * link_wire - the messages that links exchange, as bytes.  Internal.
 *
 * Little-endian, fixed layout.  Every message begins with LINK_MARK, a kind
 * and the sender's number.  A CARRY holds an acknowledgement, a credit and,
 * if its sequence is not 0, a batch: frames, each after its 32-bit size.  One
 * that begins with the same LINK_SHARED_BYTES as the last whole frame of its
 * batch leaves these out; LINK_AGAIN is set in its size, which is of the rest.
 * Decoders read nothing past size and accept only what an encoder writes.
 * Stateless; any thread.
 */
#ifndef RUNTIME_LINK_WIRE_H
#define RUNTIME_LINK_WIRE_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"
#include "runtime/link.h"
#include "runtime/seal.h"

#define LINK_MARK 0x6c
#define LINK_LENGTH_SIZE 4 /* before each frame of a batch */
#define LINK_AGAIN (UINT32_C(1) << 31)
#define LINK_HEAD_SIZE 44
#define LINK_HELLO_SIZE 81 /* before the name */
#define LINK_HELLO_MAX (LINK_HELLO_SIZE + LINK_NAME_MAX)
#define LINK_PROOF_SIGNED                                   \
	(20 + 2 * SEAL_PUBLIC_SIZE) /* before the signature \
				     */
#define LINK_PROOF_SIZE (LINK_PROOF_SIGNED + SEAL_SIGNATURE_SIZE)
#define LINK_REFUSE_SIZE (5 + SEAL_PUBLIC_SIZE)
#define LINK_MESSAGE_MAX (LINK_HEAD_SIZE + LINK_LENGTH_SIZE + LINK_FRAME_MAX)

enum link_kind {
	LINK_KIND_HELLO = 1, /* who I am; unsigned */
	LINK_KIND_PROOF,     /* my signature over both hellos */
	LINK_KIND_REFUSE,    /* why I shall not talk to you */
	LINK_KIND_CARRY,
	LINK_KIND_BYE, /* a CARRY without a batch, the last one */
};

/* Why a handshake fails; the texts are what the log says. */
#define LINK_REASONS(X)                                        \
	X(NONE, "none")                                        \
	X(VERSION, "protocol versions differ")                 \
	X(CATALOGUE, "message catalogues differ")              \
	X(TOPOLOGY, "topologies differ")                       \
	X(NAME, "another name than the topology has")          \
	X(KEY_UNKNOWN, "no public key is known for that name") \
	X(KEY_WRONG, "the signature does not fit the key")

enum link_reason {
#define X(name, text) LINK_REASON_##name,
	LINK_REASONS(X)
#undef X
	    LINK_REASON_COUNT
};

struct link_hello {
	uint16_t from;
	uint32_t version;
	uint64_t catalogue;
	uint64_t topology;
	uint64_t incarnation;
	uint64_t resumes; /* the stream this side has kept; 0: none */
	uint64_t entered; /* the last it had, kept or not; 0: none */
	uint8_t exchange[SEAL_PUBLIC_SIZE];
	char name[LINK_NAME_MAX + 1];
};

struct link_credit {
	uint32_t frames;
	uint32_t bytes;
};

struct link_proof {
	uint16_t from;
	uint64_t ack;
	struct link_credit credit;
	uint8_t mine[SEAL_PUBLIC_SIZE]; /* of the two hellos it is about */
	uint8_t yours[SEAL_PUBLIC_SIZE];
	uint8_t signature[SEAL_SIGNATURE_SIZE];
};

struct link_refuse {
	uint16_t from;
	enum link_reason reason;
	uint8_t exchange[SEAL_PUBLIC_SIZE]; /* of the hello that is refused */
};

struct link_head {
	enum link_kind kind; /* CARRY or BYE */
	uint16_t from;
	uint64_t token;
	uint64_t sequence; /* of the batch; 0: none */
	uint64_t ack;      /* the last sequence delivered */
	struct link_credit credit;
	bool gap;        /* a later batch came first: send again after ack */
	uint32_t frames; /* in the batch */
};

/* MALFORMED if this is none of ours. */
MUST_CHECK enum status link_wire_kind(
    struct bytes in, enum link_kind *ret_kind, uint16_t *ret_from);

/* Each writes at most its maximum and returns the size. */
size_t link_wire_put_hello(
    const struct link_hello *h, uint8_t ret[LINK_HELLO_MAX]);
size_t link_wire_put_proof(
    const struct link_proof *p, uint8_t ret[LINK_PROOF_SIZE]);
size_t link_wire_put_refuse(
    const struct link_refuse *r, uint8_t ret[LINK_REFUSE_SIZE]);
size_t link_wire_put_head(
    const struct link_head *h, uint8_t ret[LINK_HEAD_SIZE]);

MUST_CHECK enum status link_wire_hello(struct bytes in, struct link_hello *ret);
MUST_CHECK enum status link_wire_proof(struct bytes in, struct link_proof *ret);
MUST_CHECK enum status link_wire_refuse(
    struct bytes in, struct link_refuse *ret);

/* Decodes the head alone; the batch is what follows LINK_HEAD_SIZE. */
MUST_CHECK enum status link_wire_head(struct bytes in, struct link_head *ret);

/* OK if batch is exactly `frames` frames, none past LINK_FRAME_MAX. */
MUST_CHECK enum status link_wire_batch(struct bytes batch, uint32_t frames);

static inline uint32_t
link_wire_get_length(const uint8_t *at)
{
	uint32_t size;

	memcpy(&size, at, sizeof(size));
	return le32toh(size);
}

static inline void
link_wire_put_length(uint8_t *at, uint32_t size)
{
	size = htole32(size);
	memcpy(at, &size, sizeof(size));
}

/* Reads a batch that has passed link_wire_batch. */
struct link_reader {
	const uint8_t *at; /* of the next one; begins at the batch's */
	struct bytes head; /* of the last whole one */
};

static inline void
link_wire_next(struct link_reader *r, struct link_frame *ret)
{
	uint32_t size = link_wire_get_length(r->at);
	const uint8_t *at = r->at + LINK_LENGTH_SIZE;

	ret->again = (size & LINK_AGAIN) != 0;
	size &= ~LINK_AGAIN;
	r->at = at + size;
	if (!ret->again) {
		r->head.at = at;
		r->head.size =
		    size < LINK_SHARED_BYTES ? size : LINK_SHARED_BYTES;
		at += r->head.size;
		size -= (uint32_t)r->head.size;
	}
	ret->head = r->head;
	ret->rest = (struct bytes){ at, size };
}

#endif
