/*
 * points - which states of the store can be had, and from what.
 *
 * A backup that knows its point (backup_point) and the segments of its
 * timeline that follow make every state from there on, until the timeline
 * ends or a segment is missing.  Numbers of transactions only grow, also from
 * one timeline to the next, so a number names one state.  Blocking.
 */
#ifndef ACTORS_POINTS_H
#define ACTORS_POINTS_H

#include "actors/backup_entries.h"
#include "actors/segment.h"

#define POINT_TEXT_MAX 40

struct point {
	bool is_set;
	bool by_txid;
	uint64_t txid; /* UINT64_MAX unless by_txid */
	int64_t at;    /* INT64_MAX if by_txid */
};

/* Digits alone are a transaction, else an instant with an offset. */
bool point_read(const char *text, struct point *ret_point);
void point_text(const struct point *p, char ret[POINT_TEXT_MAX]);

/* What brings a state back: a backup, then segments in this order. */
struct way {
	struct backup_point base;
	struct segment *segments;
	size_t count;
	size_t next;  /* to be carried out */
	size_t named; /* the one that was carried out last; count: none */
	struct backup_point now; /* so far */
	bool was_cut;            /* the last one was not closed in good order */
	bool reached;            /* a transaction past the point was seen */
	bool has_heir;           /* another timeline follows on this one */
};

/* backup_id "": the newest of ours that lies before it.  NOT_FOUND. */
MUST_CHECK enum status way_find(const char *root,
    const struct backup_keys *keys, const struct point *p,
    char backup_id[BACKUP_ID_LENGTH + 1], struct way *ret_way, char *ret_why);
void way_fini(struct way *r);
/* The records of the next segment into a file.  Why names the segment. */
MUST_CHECK enum status way_unseal(struct way *r, const char *root,
    const struct backup_keys *keys, const char *file, char *ret_why);
/* After the last: is this the state that was wanted? */
MUST_CHECK enum status way_check(
    const struct way *r, const struct point *p, char *ret_why);

/* No transaction that has a segment or a backup has a higher number. */
uint64_t points_floor(const char *root, const struct backup_keys *keys);

/* The ranges there are, oldest first; how many of at most max. */
MUST_CHECK enum status points_windows(const char *root,
    const struct backup_keys *keys, struct backup_window *ret_windows,
    size_t max, size_t *ret_count);

/* Segments that no backup needs any more; how many went. */
MUST_CHECK enum status points_prune(const char *root, uint32_t *ret_count);

#endif
