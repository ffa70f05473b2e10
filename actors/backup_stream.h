/*
 * backup_stream - the bytes of an archive to and from its file, sealed or not.
 *
 * A sealed file: SEAL_MARK, the manifest's size (4 bytes, big-endian) and the
 * manifest, for those who list; a secretstream header; then pieces, each its
 * size and its ciphertext, the last one tagged as such and its size marked
 * with BACKUP_SEAL_LAST.  The manifest is bound to the last piece, since it is
 * known last, so neither goes with another.  A file cut at any place, or with
 * pieces changed, moved or left out, does not open to its end: whoever reads
 * one must read that far.
 *
 * One thread.
 */
#ifndef ACTORS_BACKUP_STREAM_H
#define ACTORS_BACKUP_STREAM_H

#include "actors/backup_keys.h"
#include "runtime/base/pace.h"

#define BACKUP_SEAL_MARK "TROUPE-SEALED-2\n"
#define BACKUP_SEAL_MARK_SIZE 16
#define BACKUP_SEAL_LAST UINT32_C(0x80000000)

struct backup_out;
struct backup_in;

/* key NULL: not sealed.  soon: somebody waits for it (trickle.h).  Room is
 * kept for a front of this size: of a sealed file the manifest, of another
 * whatever it begins with. */
struct backup_out *backup_out_create(
    int fd, const struct backup_key *key, size_t front_size, bool soon);
MUST_CHECK enum status backup_out_write(
    struct backup_out *o, const void *bytes, size_t size);
/* The last piece, the front, and to the disk. */
MUST_CHECK enum status backup_out_finish(
    struct backup_out *o, struct bytes front);
void backup_out_destroy(struct backup_out *o);

/* Reads the mark, if there is one, and the manifest behind it. */
MUST_CHECK enum status backup_in_open(
    int fd, struct pace *pace, struct backup_in **ret_in);
bool backup_in_is_sealed(const struct backup_in *in);
struct bytes backup_in_manifest(const struct backup_in *in);
/* Before the first read of a sealed one; NULL is NOT_FOUND. */
MUST_CHECK enum status backup_in_unseal(
    struct backup_in *in, const struct backup_key *key);
/* Some bytes, good until the next call; none at the end.  CORRUPT. */
MUST_CHECK enum status backup_in_read(
    struct backup_in *in, struct bytes *ret_bytes);
void backup_in_destroy(struct backup_in *in);

#endif
