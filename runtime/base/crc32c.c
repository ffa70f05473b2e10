#include "runtime/base/crc32c.h"

#include <endian.h>
#include <string.h>

#define CRC32C_POLYNOMIAL 0x82f63b78u /* reflected */
#define CRC32C_SLICES 8

/* slices[k][b]: what byte b does to the sum when k more bytes follow it. */
static uint32_t slices[CRC32C_SLICES][256];

static uint32_t
crc32c_byte(uint32_t sum, uint8_t byte)
{
	return sum >> 8 ^ slices[0][(sum ^ byte) & 0xff];
}

/* Before main, so before any thread. */
__attribute__((constructor)) static void
crc32c_fill(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t sum = b;

		for (int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (CRC32C_POLYNOMIAL & -(sum & 1));
		slices[0][b] = sum;
	}
	for (size_t k = 1; k < CRC32C_SLICES; k++)
		for (size_t b = 0; b < 256; b++)
			slices[k][b] = crc32c_byte(slices[k - 1][b], 0);
}

uint32_t
crc32c_by_table(const void *bytes, size_t size)
{
	const uint8_t *at = bytes;
	uint32_t sum = UINT32_MAX;

	for (; size >= CRC32C_SLICES; size -= CRC32C_SLICES) {
		uint64_t w;
		uint32_t next = 0;

		memcpy(&w, at, sizeof(w));
		w = le64toh(w) ^ sum;
		for (unsigned i = 0; i < CRC32C_SLICES; i++)
			next ^= slices[7 - i][w >> (8 * i) & 0xff];
		sum = next;
		at += CRC32C_SLICES;
	}
	while (size-- > 0)
		sum = crc32c_byte(sum, *at++);
	return ~sum;
}

#ifdef __x86_64__

/* The processor has an instruction for this very sum. */
__attribute__((target("sse4.2"))) static uint32_t
crc32c_by_instruction(const void *bytes, size_t size)
{
	const uint8_t *at = bytes;
	uint64_t sum = UINT32_MAX;

	for (; size >= sizeof(uint64_t); size -= sizeof(uint64_t)) {
		uint64_t w;

		memcpy(&w, at, sizeof(w));
		sum = __builtin_ia32_crc32di(sum, w);
		at += sizeof(w);
	}
	while (size-- > 0)
		sum = __builtin_ia32_crc32qi((uint32_t)sum, *at++);
	return ~(uint32_t)sum;
}

uint32_t
crc32c(const void *bytes, size_t size)
{
	return __builtin_cpu_supports("sse4.2")
		   ? crc32c_by_instruction(bytes, size)
		   : crc32c_by_table(bytes, size);
}

#else

uint32_t
crc32c(const void *bytes, size_t size)
{
	return crc32c_by_table(bytes, size);
}

#endif
