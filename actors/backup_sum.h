/*
 * backup_sum - SHA-256 of much, piece by piece.
 *
 * OpenSSL's, which uses what the processor has for it: many times as fast as
 * libsodium's.  One thread.
 */
#ifndef ACTORS_BACKUP_SUM_H
#define ACTORS_BACKUP_SUM_H

#include <stddef.h>
#include <stdint.h>

#include "protocols/messages.h"

#define BACKUP_SUM_SIZE 32

struct backup_sum;

struct backup_sum *backup_sum_create(void); /* NULL: no memory */
void backup_sum_destroy(struct backup_sum *s);
void backup_sum_add(struct backup_sum *s, const void *bytes, size_t size);
/* Its size first, so that two texts never run into each other. */
void backup_sum_add_text(struct backup_sum *s, const char *text);
void backup_sum_add_number(struct backup_sum *s, uint64_t number);
/* Once. */
void backup_sum_end(struct backup_sum *s, uint8_t ret_sum[BACKUP_SUM_SIZE]);
/* Likewise, as a manifest has it: sha256: and hex. */
void backup_sum_end_text(
    struct backup_sum *s, char ret_checksum[BACKUP_CHECKSUM_MAX + 1]);

#endif
