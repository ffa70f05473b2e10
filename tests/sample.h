/*
 * sample - a body of any type, for tests that know no type by name.
 *
 * And one type that no .def file needs: kitchen has every kind of field there
 * is, so that a kind nobody uses yet is tested too.
 */
#ifndef TESTS_SAMPLE_H
#define TESTS_SAMPLE_H

#include "protocols/messages.h"
#include "protocols/wire.h"

enum sample_shape {
	SAMPLE_EMPTY, /* zero, "", absent */
	SAMPLE_USUAL, /* something everywhere, two items in a list */
	SAMPLE_MOST,  /* the greatest number, the last value, odd text */
	SAMPLE_SHAPES,
};

enum mood { MOOD_LOW, MOOD_FAIR, MOOD_HIGH };

struct pan {
	const char *name;
	uint32_t size;
};

struct kitchen {
	bool open;
	uint32_t plates;
	uint64_t crumbs;
	int64_t warmth;
	money worth;
	const char *cook;
	struct bytes salt;
	int64_t built;
	struct uuid id;
	enum mood mood;
	struct pan best;
	const struct pan *pans;
	uint32_t pans_count;
	const char *const *spices;
	uint32_t spices_count;
	const char *recipe; /* secret */
	struct pan caller;  /* the gateway's */
	bool lit;
	bool has_lit;
	uint32_t guests;
	bool has_guests;
	uint64_t flies;
	bool has_flies;
	int64_t drift;
	bool has_drift;
	money tip;
	bool has_tip;
	const char *note;
	int64_t closed;
	bool has_closed;
	struct uuid key;
	bool has_key;
	enum mood guest_mood;
	bool has_guest_mood;
	const struct pan *spare;
};

extern const struct wire_type sample_kitchen;
extern const struct wire_type sample_pan;

/* Every message, every record, then pan and kitchen; NULL past the end. */
const struct wire_type *sample_type(size_t n);

/* A body filled in that shape, all of it in a. */
void *sample_body(
    const struct wire_type *t, struct arena *a, enum sample_shape shape);

/* The place of the field of that name, which must be there. */
size_t sample_field(const struct wire_type *t, const char *name);

#endif
