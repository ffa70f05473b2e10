#include "actors/backup_stream.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "actors/backup_tree.h"
#include "runtime/base/trickle.h"
#include "runtime/base/whole.h"

#define PIECE (64u << 10)
#define SEALED_PIECE (PIECE + crypto_secretstream_xchacha20poly1305_ABYTES)
#define HEAD crypto_secretstream_xchacha20poly1305_HEADERBYTES

struct backup_out {
	int fd;
	bool sealed;
	bool failed;
	struct trickle trickle;
	off_t front; /* where it begins */
	size_t front_size;
	crypto_secretstream_xchacha20poly1305_state state;
	size_t used;
	uint64_t written;
	uint8_t piece[PIECE];
	uint8_t sealed_piece[4 + SEALED_PIECE];
};

struct backup_in {
	int fd;
	bool sealed, opened, ended;
	struct pace *pace;
	uint8_t *manifest;
	uint32_t manifest_size;
	crypto_secretstream_xchacha20poly1305_state state;
	size_t held; /* bytes of piece that were read to look for the mark */
	uint8_t piece[PIECE];
	uint8_t sealed_piece[SEALED_PIECE];
};

static enum status
put(struct backup_out *o, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	while (size > 0 && !o->failed) {
		ssize_t n = write(o->fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		o->failed = n <= 0;
		at += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
		o->written += n > 0 ? (uint64_t)n : 0;
	}
	trickle_to(&o->trickle, o->written);
	return o->failed ? ST_IO : ST_OK;
}

static enum status
put_number(struct backup_out *o, uint32_t n)
{
	uint32_t big = htobe32(n);

	return put(o, &big, sizeof(big));
}

/* What is there when all else is. */
static void
keep_room(struct backup_out *o)
{
	size_t left = o->front_size;

	o->front = (off_t)o->written;
	while (left > 0 && !o->failed) {
		size_t n = left < sizeof(o->piece) ? left : sizeof(o->piece);

		(void)put(o, o->piece, n); /* failed is kept */
		left -= n;
	}
}

struct backup_out *
backup_out_create(
    int fd, const struct backup_key *key, size_t front_size, bool soon)
{
	struct backup_out *o = calloc(1, sizeof(*o));
	uint8_t head[HEAD];

	if (o == NULL)
		return NULL;
	o->fd = fd;
	o->trickle.fd = fd;
	o->trickle.soon = soon;
	o->front_size = front_size;
	if (key == NULL) {
		keep_room(o);
		return o;
	}
	o->sealed = true;
	crypto_secretstream_xchacha20poly1305_init_push(
	    &o->state, head, backup_key_sealing(key));
	(void)put(o, BACKUP_SEAL_MARK, BACKUP_SEAL_MARK_SIZE);
	(void)put_number(o, (uint32_t)front_size);
	keep_room(o);
	(void)put(o, head, sizeof(head));
	return o;
}

/* bound: of the last piece; NULL: it is not. */
static enum status
seal_piece(struct backup_out *o, const struct bytes *bound)
{
	uint32_t last = bound != NULL ? BACKUP_SEAL_LAST : 0;
	unsigned long long size;

	crypto_secretstream_xchacha20poly1305_push(&o->state,
	    o->sealed_piece + 4, &size, o->piece, o->used,
	    bound == NULL ? NULL : bound->at, bound == NULL ? 0 : bound->size,
	    bound == NULL ? 0
			  : crypto_secretstream_xchacha20poly1305_TAG_FINAL);
	o->used = 0;
	*(uint32_t *)(void *)o->sealed_piece = htobe32((uint32_t)size | last);
	return put(o, o->sealed_piece, 4 + (size_t)size);
}

enum status
backup_out_write(struct backup_out *o, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;
	enum status st = ST_OK;

	if (!o->sealed)
		return put(o, bytes, size);
	while (st == ST_OK && size > 0) {
		size_t n = PIECE - o->used < size ? PIECE - o->used : size;

		memcpy(o->piece + o->used, at, n);
		o->used += n;
		at += n;
		size -= n;
		if (o->used == PIECE)
			st = seal_piece(o, NULL);
	}
	return st;
}

enum status
backup_out_finish(struct backup_out *o, struct bytes front)
{
	enum status st = o->sealed ? seal_piece(o, &front) : ST_OK;

	if (st == ST_OK &&
	    (o->failed || front.size != o->front_size ||
		!backup_file_put(o->fd, front.at, front.size, o->front) ||
		fsync(o->fd) != 0))
		st = ST_IO;
	return st;
}

void
backup_out_destroy(struct backup_out *o)
{
	if (o == NULL)
		return;
	sodium_memzero(o, sizeof(*o));
	free(o);
}

static enum status
take_all(int fd, void *bytes, size_t size)
{
	size_t got;
	enum status st = whole_read(fd, bytes, size, &got);

	return st != ST_OK ? st : got == size ? ST_OK : ST_CORRUPT;
}

static enum status
in_read_manifest(struct backup_in *in)
{
	uint32_t size;
	enum status st = take_all(in->fd, &size, sizeof(size));

	if (st != ST_OK)
		return st;
	in->manifest_size = be32toh(size);
	if (in->manifest_size > BACKUP_MANIFEST_MAX)
		return ST_CORRUPT;
	in->manifest = malloc((size_t)in->manifest_size + 1);
	if (in->manifest == NULL)
		return ST_NO_MEMORY;
	return take_all(in->fd, in->manifest, in->manifest_size);
}

enum status
backup_in_open(int fd, struct pace *pace, struct backup_in **ret_in)
{
	struct backup_in *in = calloc(1, sizeof(*in));
	enum status st;

	if (in == NULL)
		return ST_NO_MEMORY;
	in->fd = fd;
	in->pace = pace;
	st = whole_read(fd, in->piece, BACKUP_SEAL_MARK_SIZE, &in->held);
	if (st == ST_OK && in->held == BACKUP_SEAL_MARK_SIZE &&
	    memcmp(in->piece, BACKUP_SEAL_MARK, BACKUP_SEAL_MARK_SIZE) == 0) {
		in->sealed = true;
		st = in_read_manifest(in);
	}
	if (st != ST_OK) {
		backup_in_destroy(in);
		return st;
	}
	*ret_in = in;
	return ST_OK;
}

bool
backup_in_is_sealed(const struct backup_in *in)
{
	return in->sealed;
}

struct bytes
backup_in_manifest(const struct backup_in *in)
{
	return (struct bytes){ in->manifest, in->manifest_size };
}

enum status
backup_in_unseal(struct backup_in *in, const struct backup_key *key)
{
	uint8_t head[HEAD];
	enum status st;

	if (key == NULL)
		return ST_NOT_FOUND;
	st = take_all(in->fd, head, sizeof(head));
	if (st == ST_OK && crypto_secretstream_xchacha20poly1305_init_pull(
			       &in->state, head, backup_key_sealing(key)) != 0)
		st = ST_CORRUPT;
	in->opened = st == ST_OK;
	return st;
}

static enum status
unseal_piece(struct backup_in *in, struct bytes *ret)
{
	unsigned long long plain = 0;
	struct bytes bound = { 0 };
	uint8_t tag = 0;
	bool last;
	uint32_t size;
	enum status st = take_all(in->fd, &size, sizeof(size));

	if (st != ST_OK)
		return st;
	size = be32toh(size);
	last = (size & BACKUP_SEAL_LAST) != 0;
	size &= ~BACKUP_SEAL_LAST;
	if (size > SEALED_PIECE ||
	    size < crypto_secretstream_xchacha20poly1305_ABYTES)
		return ST_CORRUPT;
	st = take_all(in->fd, in->sealed_piece, size);
	if (st != ST_OK)
		return st;
	if (last)
		bound = backup_in_manifest(in);
	if (crypto_secretstream_xchacha20poly1305_pull(&in->state, in->piece,
		&plain, &tag, in->sealed_piece, size, bound.at,
		bound.size) != 0 ||
	    last != (tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL))
		return ST_CORRUPT;
	in->ended = last;
	*ret = (struct bytes){ in->piece, (size_t)plain };
	return ST_OK;
}

enum status
backup_in_read(struct backup_in *in, struct bytes *ret)
{
	size_t size = in->held;
	enum status st = ST_OK;

	*ret = (struct bytes){ in->piece, 0 };
	if (in->sealed && in->ended)
		return ST_OK;
	if (in->sealed && !in->opened)
		return ST_DENIED;
	if (in->sealed)
		st = unseal_piece(in, ret);
	if (in->sealed)
		goto out;
	in->held = 0;
	if (size == 0)
		st = whole_read(in->fd, in->piece, PIECE, &size);
	ret->size = size;
out:
	if (st == ST_OK && !pace_took(in->pace, ret->size))
		st = ST_CANCELLED;
	return st;
}

void
backup_in_destroy(struct backup_in *in)
{
	if (in == NULL)
		return;
	free(in->manifest);
	sodium_memzero(in, sizeof(*in));
	free(in);
}
