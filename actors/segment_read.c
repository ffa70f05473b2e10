#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/segment.h"
#include "actors/segment_inside.h"
#include "runtime/base/text.h"
#include "runtime/base/whole.h"

/* Reading segments; writing them stands in segment.c. */

struct segment_in {
	int fd;
	enum segment_end end;
	size_t head_left; /* of head, for the first piece */
	struct segment_file_head head;
	struct segment about;
	crypto_secretstream_xchacha20poly1305_state state;
	uint8_t sealed[SEGMENT_PIECE + SEGMENT_MORE];
	uint8_t piece[SEGMENT_PIECE];
};

static enum status
why_not(char *ret_why, enum status st, const char *why)
{
	text_fit(ret_why, BACKUP_WHY_SIZE, why);
	return st;
}

static enum status
head_read(struct segment_in *in, uint8_t *stream, char *ret_why)
{
	size_t head = 0, rest = 0;

	if (whole_read(in->fd, &in->head, sizeof(in->head), &head) != ST_OK ||
	    whole_read(in->fd, stream, SEGMENT_STREAM_HEAD, &rest) != ST_OK)
		return why_not(ret_why, ST_IO, strerror(errno));
	if (head < sizeof(in->head) || rest < SEGMENT_STREAM_HEAD)
		return why_not(ret_why, ST_CORRUPT, "it is cut in its head");
	if (memcmp(in->head.mark, SEGMENT_MARK, sizeof(in->head.mark)) != 0)
		return why_not(ret_why, ST_CORRUPT, "it is no segment");
	in->head_left = sizeof(in->head);
	in->about.timeline = be64toh(in->head.timeline);
	in->about.first = be64toh(in->head.first);
	return ST_OK;
}

/* A file of another name is another segment, and says so here. */
static enum status
name_fits(const struct segment_in *in, const char *path, char *ret_why)
{
	struct segment named;

	if (!segment_name_read(text_base_name(path), &named) ||
	    named.timeline != in->about.timeline ||
	    named.first != in->about.first)
		return why_not(
		    ret_why, ST_CORRUPT, "its name is another segment's");
	return ST_OK;
}

static enum status
unseal_begin(struct segment_in *in, const struct backup_keys *keys,
    const uint8_t *stream, char *ret_why)
{
	char id[sizeof(in->head.key_id) + 1] = "";
	const struct backup_key *key;

	memcpy(id, in->head.key_id, sizeof(in->head.key_id));
	key = backup_keys_find(keys, id);
	if (key == NULL)
		return why_not(ret_why, ST_NOT_FOUND,
		    "the key that sealed it is not here");
	if (crypto_secretstream_xchacha20poly1305_init_pull(
		&in->state, stream, backup_key_sealing(key)) != 0)
		return why_not(ret_why, ST_CORRUPT, "its stream is damaged");
	return ST_OK;
}

enum status
segment_open(const char *path, const struct backup_keys *keys,
    struct segment_in **ret_in, char *ret_why)
{
	struct segment_in *in = calloc(1, sizeof(*in));
	uint8_t stream[SEGMENT_STREAM_HEAD];
	enum status st;

	if (in == NULL)
		return why_not(ret_why, ST_NO_MEMORY, "out of memory");
	in->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	st = in->fd < 0 ? why_not(ret_why, ST_IO, strerror(errno))
			: head_read(in, stream, ret_why);
	if (st == ST_OK)
		st = name_fits(in, path, ret_why);
	if (st == ST_OK)
		st = unseal_begin(in, keys, stream, ret_why);
	if (st != ST_OK) {
		segment_in_destroy(in);
		return st;
	}
	*ret_in = in;
	return ST_OK;
}

/* NOT_FOUND: the file ends before, or in, a piece. */
static enum status
piece_read(struct segment_in *in, uint32_t *ret_size)
{
	size_t got = 0;
	uint32_t big;

	if (whole_read(in->fd, &big, sizeof(big), &got) != ST_OK)
		return ST_IO;
	if (got < sizeof(big)) {
		in->end = got == 0 ? SEGMENT_GOES_ON : SEGMENT_CUT;
		return ST_NOT_FOUND;
	}
	*ret_size = be32toh(big);
	if (*ret_size < SEGMENT_MORE || *ret_size > sizeof(in->sealed))
		return ST_CORRUPT;
	if (whole_read(in->fd, in->sealed, *ret_size, &got) != ST_OK)
		return ST_IO;
	in->end = SEGMENT_CUT;
	return got < *ret_size ? ST_NOT_FOUND : ST_OK;
}

enum status
segment_read(struct segment_in *in, struct bytes *ret)
{
	unsigned long long plain = 0;
	uint8_t tag = 0;
	uint32_t size;
	enum status st;

	if (in->end != SEGMENT_GOES_ON)
		return ST_NOT_FOUND;
	st = piece_read(in, &size);
	if (st != ST_OK)
		return st;
	if (crypto_secretstream_xchacha20poly1305_pull(&in->state, in->piece,
		&plain, &tag, in->sealed, size, (const uint8_t *)&in->head,
		in->head_left) != 0)
		return ST_CORRUPT;
	in->head_left = 0;
	in->end = SEGMENT_GOES_ON;
	*ret = (struct bytes){ in->piece, (size_t)plain };
	if (tag != crypto_secretstream_xchacha20poly1305_TAG_FINAL)
		return ST_OK;
	in->end = SEGMENT_ENDED;
	return plain > 0 ? ST_OK : ST_NOT_FOUND;
}

enum segment_end
segment_ended(const struct segment_in *in)
{
	return in->end;
}

const struct segment *
segment_head(const struct segment_in *in)
{
	return &in->about;
}

void
segment_in_destroy(struct segment_in *in)
{
	if (in == NULL)
		return;
	if (in->fd >= 0)
		close(in->fd);
	sodium_memzero(in, sizeof(*in));
	free(in);
}

/* ---- the last record ---- */

/* Heads alone: what a record changes is passed over. */
struct walker {
	uint8_t head[REDO_HEAD];
	size_t held;   /* bytes of head */
	uint64_t left; /* of the changes */
	struct redo_head now, last;
	bool found;
};

static enum status
walk(struct walker *w, struct bytes b)
{
	while (b.size > 0 || (w->held == REDO_HEAD && w->left == 0)) {
		size_t n = REDO_HEAD - w->held;

		if (w->held == REDO_HEAD && w->left == 0) {
			w->last = w->now;
			w->found = true;
			w->held = 0;
			continue;
		}
		if (w->held == REDO_HEAD)
			n = w->left < b.size ? (size_t)w->left : b.size;
		else
			n = n < b.size ? n : b.size;
		if (w->held < REDO_HEAD) {
			memcpy(w->head + w->held, b.at, n);
			w->held += n;
			if (w->held == REDO_HEAD &&
			    redo_read_head((struct bytes){ w->head, REDO_HEAD },
				&w->now) != ST_OK)
				return ST_CORRUPT;
			if (w->held == REDO_HEAD)
				w->left = w->now.size;
		} else {
			w->left -= n;
		}
		b.at += n;
		b.size -= n;
	}
	return ST_OK;
}

enum status
segment_last(const char *path, const struct backup_keys *keys,
    struct redo_head *ret_last, char *ret_why)
{
	struct segment_in *in = NULL;
	struct walker w = { 0 };
	struct bytes piece;
	enum status st = segment_open(path, keys, &in, ret_why);

	if (st != ST_OK)
		return st;
	while ((st = segment_read(in, &piece)) == ST_OK)
		if ((st = walk(&w, piece)) != ST_OK)
			break;
	segment_in_destroy(in);
	if (st != ST_NOT_FOUND)
		return why_not(ret_why, st, "it is damaged");
	if (!w.found)
		return why_not(ret_why, ST_NOT_FOUND, "it holds nothing");
	*ret_last = w.last;
	return ST_OK;
}
