#include "load/reply_head.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "runtime/base/bytes.h"
#include "runtime/base/decimal.h"

#define HEAD_BEGIN "HTTP/1.1 "
#define HEAD_END "\r\n\r\n"
#define STATUS_DIGITS 3

/* The value of a header; size 0: it is not there, or empty. */
static struct bytes
head_find(const char *at, const char *end, const char *name)
{
	size_t size = strlen(name);

	while ((at = memmem(at, (size_t)(end - at), "\r\n", 2)) != NULL) {
		at += 2;
		if ((size_t)(end - at) <= size || at[size] != ':' ||
		    strncasecmp(at, name, size) != 0)
			continue;
		at += size + 1;
		at += strspn(at, " ");
		return (struct bytes){ (const uint8_t *)at, strcspn(at, "\r") };
	}
	return (struct bytes){ NULL, 0 };
}

enum status
reply_head_read(const char *at, size_t size, struct reply_head *ret_head)
{
	const char *end = memmem(at, size, HEAD_END, strlen(HEAD_END));
	size_t begin = strlen(HEAD_BEGIN);
	struct bytes etag, length;
	uint64_t status, bytes = 0;

	if (end == NULL)
		return ST_NOT_FOUND;
	end += strlen(HEAD_END);
	if ((size_t)(end - at) < begin + STATUS_DIGITS + strlen(HEAD_END) ||
	    memcmp(at, HEAD_BEGIN, begin) != 0 ||
	    !decimal_read(at + begin, STATUS_DIGITS, 599, &status) ||
	    status < 100 || strchr(" \r", at[begin + STATUS_DIGITS]) == NULL)
		return ST_MALFORMED;
	length = head_find(at, end, "Content-Length");
	if (length.size > 0 &&
	    !decimal_read(length.at, length.size, SIZE_MAX, &bytes))
		return ST_MALFORMED;
	etag = head_find(at, end, "ETag");
	*ret_head = (struct reply_head){ .size = (size_t)(end - at),
		.status = (unsigned)status,
		.has_length = length.size > 0,
		.length = (size_t)bytes };
	(void)snprintf(ret_head->etag, sizeof(ret_head->etag), "%.*s",
	    (int)etag.size, etag.size == 0 ? "" : (const char *)etag.at);
	return ST_OK;
}
