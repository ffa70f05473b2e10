#include "runtime/base/whole.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

enum status
whole_read(int fd, void *ret_bytes, size_t size, size_t *ret_size)
{
	uint8_t *at = ret_bytes;
	size_t got = 0;

	while (got < size) {
		ssize_t n = read(fd, at + got, size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ST_IO;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	*ret_size = got;
	return ST_OK;
}

enum status
whole_write(int fd, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ST_IO;
		at += n;
		size -= (size_t)n;
	}
	return ST_OK;
}
