#include "actors/backup_pipe.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct backup_pipe {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t written, read; /* slots, since the beginning */
	bool ended, stopped;
	enum status st; /* with which it has ended */
	bool held;      /* the reader has the slot at read */
	size_t filled;  /* of the slot at written; the writer's alone */
	size_t sizes[BACKUP_PIPE_SLOTS];
	uint8_t slots[BACKUP_PIPE_SLOTS][BACKUP_PIPE_PIECE];
};

struct backup_pipe *
backup_pipe_create(void)
{
	struct backup_pipe *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	return p;
}

void
backup_pipe_destroy(struct backup_pipe *p)
{
	if (p == NULL)
		return;
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* The slot that is filled; NULL: nobody reads any more. */
static uint8_t *
pipe_room(struct backup_pipe *p)
{
	bool stopped;

	if (p->filled > 0)
		return p->slots[p->written % BACKUP_PIPE_SLOTS];
	pthread_mutex_lock(&p->lock);
	while (p->written - p->read == BACKUP_PIPE_SLOTS && !p->stopped)
		pthread_cond_wait(&p->changed, &p->lock);
	stopped = p->stopped;
	pthread_mutex_unlock(&p->lock);
	return stopped ? NULL : p->slots[p->written % BACKUP_PIPE_SLOTS];
}

static void
pipe_push(struct backup_pipe *p)
{
	pthread_mutex_lock(&p->lock);
	p->sizes[p->written % BACKUP_PIPE_SLOTS] = p->filled;
	p->written++;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
	p->filled = 0;
}

enum status
backup_pipe_write(struct backup_pipe *p, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	while (size > 0) {
		uint8_t *room = pipe_room(p);
		size_t n = BACKUP_PIPE_PIECE - p->filled;

		if (room == NULL)
			return ST_CANCELLED;
		n = n < size ? n : size;
		memcpy(room + p->filled, at, n);
		p->filled += n;
		at += n;
		size -= n;
		if (p->filled == BACKUP_PIPE_PIECE)
			pipe_push(p);
	}
	return ST_OK;
}

void
backup_pipe_end(struct backup_pipe *p, enum status st)
{
	if (p->filled > 0)
		pipe_push(p);
	pthread_mutex_lock(&p->lock);
	p->ended = true;
	p->st = st;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

enum status
backup_pipe_read(struct backup_pipe *p, struct bytes *ret)
{
	enum status st = ST_OK;
	size_t at;

	*ret = (struct bytes){ 0 };
	pthread_mutex_lock(&p->lock);
	if (p->held) {
		p->read++;
		p->held = false;
		pthread_cond_signal(&p->changed);
	}
	while (p->written == p->read && !p->ended)
		pthread_cond_wait(&p->changed, &p->lock);
	at = p->read % BACKUP_PIPE_SLOTS;
	if (p->written != p->read) {
		p->held = true;
		*ret = (struct bytes){ p->slots[at], p->sizes[at] };
	} else {
		st = p->st;
	}
	pthread_mutex_unlock(&p->lock);
	return st;
}

void
backup_pipe_stop(struct backup_pipe *p)
{
	pthread_mutex_lock(&p->lock);
	p->stopped = true;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
}
