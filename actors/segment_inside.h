/* segment_inside - the bytes of a segment, for actors/segment*.c alone. */
#ifndef ACTORS_SEGMENT_INSIDE_H
#define ACTORS_SEGMENT_INSIDE_H

#include <stdint.h>

#include <sodium.h>

#define SEGMENT_PIECE (64u << 10)
#define SEGMENT_MORE crypto_secretstream_xchacha20poly1305_ABYTES
#define SEGMENT_SEALED (4 + SEGMENT_PIECE + SEGMENT_MORE)
#define SEGMENT_STREAM_HEAD crypto_secretstream_xchacha20poly1305_HEADERBYTES

/* Numbers are big-endian; no gaps. */
struct segment_file_head {
	char mark[16];
	char key_id[16];
	uint64_t timeline;
	uint64_t first;
	uint64_t now;
};

#endif
