#include "actors/backup_sum.h"

#include <assert.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "runtime/base/text.h"

/* EVP_MD_CTX under our own name. */
static EVP_MD_CTX *
sum_of(struct backup_sum *s)
{
	return (EVP_MD_CTX *)(void *)s;
}

struct backup_sum *
backup_sum_create(void)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	if (c != NULL && EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(c);
		c = NULL;
	}
	return (struct backup_sum *)(void *)c;
}

void
backup_sum_destroy(struct backup_sum *s)
{
	EVP_MD_CTX_free(sum_of(s));
}

void
backup_sum_add(struct backup_sum *s, const void *bytes, size_t size)
{
	int rc = EVP_DigestUpdate(sum_of(s), bytes, size);

	assert(rc == 1); /* a digest in memory cannot fail */
	(void)rc;
}

void
backup_sum_add_number(struct backup_sum *s, uint64_t number)
{
	uint64_t big = htobe64(number);

	backup_sum_add(s, &big, sizeof(big));
}

void
backup_sum_add_text(struct backup_sum *s, const char *text)
{
	backup_sum_add_number(s, strlen(text));
	backup_sum_add(s, text, strlen(text));
}

void
backup_sum_end(struct backup_sum *s, uint8_t ret_sum[BACKUP_SUM_SIZE])
{
	unsigned size = 0;
	int rc = EVP_DigestFinal_ex(sum_of(s), ret_sum, &size);

	assert(rc == 1 && size == BACKUP_SUM_SIZE);
	(void)rc;
}

void
backup_sum_end_text(
    struct backup_sum *s, char ret_checksum[BACKUP_CHECKSUM_MAX + 1])
{
	uint8_t sum[BACKUP_SUM_SIZE];

	backup_sum_end(s, sum);
	snprintf(ret_checksum, BACKUP_CHECKSUM_MAX + 1, "sha256:");
	text_hex(sum, sizeof(sum), ret_checksum + strlen("sha256:"));
}
