#include <stdlib.h>
#include <string.h>

#include "gateway/socket_parts.h"

static size_t
filter_size(const struct filter *f)
{
	return sizeof(*f) + f->wanted.size;
}

struct filter *
filter_create(struct sockets *k, const struct fields *wanted)
{
	size_t size = sizeof(struct filter) + wanted->size;
	struct filter *f;

	if (size > SOCKET_FILTER_BYTES_MAX - k->filter_bytes)
		return NULL;
	f = calloc(1, size);
	if (f == NULL)
		return NULL;
	f->wanted.at = (uint8_t *)(f + 1);
	f->wanted.size = wanted->size;
	memcpy(f->wanted.at, wanted->at, wanted->size);
	k->filter_bytes += size;
	return f;
}

void
filter_free(struct sockets *k, struct filter *f)
{
	if (f == NULL)
		return;
	k->filter_bytes -= filter_size(f);
	free(f);
}

static void
filters_count(struct socket *s, uint64_t channels, int by)
{
	while (channels != 0) {
		uint32_t c = channels_pop(&channels);

		if (c < CHANNEL_SLOT)
			s->all->filtering[c] += (uint32_t)by;
		else
			s->slots->topics[c - CHANNEL_SLOT]->filtering +=
			    (uint32_t)by;
	}
}

/* One that no channel uses any more goes. */
static void
filters_clear(struct socket *s, uint64_t channels)
{
	struct filter **at = &s->filters;

	while (*at != NULL) {
		struct filter *f = *at;

		filters_count(s, f->channels & channels, -1);
		f->channels &= ~channels;
		if (f->channels != 0) {
			at = &f->next;
			continue;
		}
		*at = f->next;
		filter_free(s->all, f);
	}
}

void
socket_set_filter(struct socket *s, uint64_t channels, struct filter *f)
{
	filters_clear(s, channels);
	if (f == NULL)
		return;
	f->channels = channels;
	f->next = s->filters;
	s->filters = f;
	filters_count(s, channels, 1);
}

bool
socket_filter_passes(
    const struct socket *s, uint32_t channel, const struct fields *there)
{
	for (const struct filter *f = s->filters; f != NULL; f = f->next)
		if ((f->channels & CHANNEL_BIT(channel)) != 0)
			return fields_match(&f->wanted, there);
	return true;
}
