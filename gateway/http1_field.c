#include "gateway/http1_field.h"

#include <string.h>

#include "gateway/chars.h"
#include "gateway/header.h"
#include "runtime/base/decimal.h"

#define PORT_DIGITS_MAX 5

/* Static, so that a refusal is one pointer and is written in one place. */
#define REFUSE(code, text)                                                   \
	do {                                                                 \
		static const struct http1_refusal refusal_ = { code, text }; \
		return &refusal_;                                            \
	} while (0)

/* A name, an IPv4 address or an IPv6 address in brackets; its size, or 0. */
static size_t
http1_field_host_size(struct bytes b)
{
	size_t i = 0;

	if (b.size > 0 && b.at[0] == '[') {
		for (i = 1; i < b.size && b.at[i] != ']'; i++)
			if (!chars_is(b.at[i], CHAR_HEX) && b.at[i] != ':' &&
			    b.at[i] != '.')
				return 0;
		return i > 1 && i < b.size ? i + 1 : 0;
	}
	while (i < b.size && chars_is(b.at[i], CHAR_HOST))
		i++;
	return i;
}

static bool
http1_field_host_fits(struct bytes b)
{
	size_t size = http1_field_host_size(b);
	struct bytes port = { b.at + size + 1, b.size - size - 1 };

	if (size == 0)
		return false;
	if (size == b.size)
		return true;
	return b.at[size] == ':' && port.size <= PORT_DIGITS_MAX &&
	       chars_all(port, CHAR_DIGIT);
}

static const struct http1_refusal *
http1_field_host(
    struct http1_head *h, struct bytes value, const struct http1_header *field)
{
	if (h->has_host)
		REFUSE(400, "more than one Host");
	if (!http1_field_host_fits(value))
		REFUSE(400, "bad Host");
	h->has_host = true;
	h->host = field->value;
	return NULL;
}

static const struct http1_refusal *
http1_field_length(
    struct http1_head *h, struct bytes value, const struct http1_header *field)
{
	(void)field;
	if (h->has_length)
		REFUSE(400, "more than one Content-Length");
	if (value.size == 0 || !chars_all(value, CHAR_DIGIT))
		REFUSE(400, "bad Content-Length");
	h->has_length = true;
	if (value.size > HTTP1_LENGTH_DIGITS_MAX ||
	    !decimal_read(value.at, value.size, UINT64_MAX, &h->length))
		h->length = UINT64_MAX;
	return NULL;
}

/* A coding of ours in a wrong place is an attack, another one a wish. */
static const struct http1_refusal *
http1_field_coding(
    struct http1_head *h, struct bytes value, const struct http1_header *field)
{
	(void)field;
	if (h->chunked)
		REFUSE(400, "more than one Transfer-Encoding");
	if (!header_is(value, "chunked")) {
		if (value.size == 0 || header_list_has(value, "chunked"))
			REFUSE(400, "bad Transfer-Encoding");
		REFUSE(501, "only the chunked transfer coding is known");
	}
	h->chunked = true;
	return NULL;
}

static const struct http1_refusal *
http1_field_connection(
    struct http1_head *h, struct bytes value, const struct http1_header *field)
{
	struct bytes item;

	(void)field;
	while (header_list_next(&value, &item)) {
		if (!chars_all(item, CHAR_TOKEN))
			REFUSE(400, "bad Connection");
		h->says_close |= header_is(item, "close");
		h->says_keep_alive |= header_is(item, "keep-alive");
		h->says_upgrade |= header_is(item, "upgrade");
	}
	return NULL;
}

static const struct http1_refusal *
http1_field_upgrade(
    struct http1_head *h, struct bytes value, const struct http1_header *field)
{
	if (value.size == 0 || h->upgrade.size > 0)
		REFUSE(400, "bad Upgrade");
	h->upgrade = field->value;
	return NULL;
}

static const struct http1_refusal *
http1_field_expect(
    struct http1_head *h, struct bytes value, const struct http1_header *field)
{
	(void)field;
	if (!header_is(value, "100-continue"))
		REFUSE(417, "only 100-continue can be expected");
	h->expects_continue = true;
	return NULL;
}

typedef const struct http1_refusal *(*http1_field_fn)(
    struct http1_head *h, struct bytes value, const struct http1_header *field);

#define FIELD(name, note)                    \
	{                                    \
		name, sizeof(name) - 1, note \
	}

static const struct {
	const char *name;
	size_t size; /* compared first: few names are as long */
	http1_field_fn note;
} http1_fields[] = {
	FIELD("host", http1_field_host),
	FIELD("content-length", http1_field_length),
	FIELD("transfer-encoding", http1_field_coding),
	FIELD("connection", http1_field_connection),
	FIELD("upgrade", http1_field_upgrade),
	FIELD("expect", http1_field_expect),
};

#define FIELDS_COUNT (sizeof(http1_fields) / sizeof(*http1_fields))

const struct http1_refusal *
http1_field_note(
    struct http1_head *h, const uint8_t *at, const struct http1_header *field)
{
	struct bytes name = http1_bytes(at, field->name);

	for (size_t i = 0; i < FIELDS_COUNT; i++)
		if (http1_fields[i].size == name.size &&
		    header_is(name, http1_fields[i].name))
			return http1_fields[i].note(
			    h, http1_bytes(at, field->value), field);
	return NULL;
}

const struct http1_refusal *
http1_field_settle(struct http1_head *h)
{
	if (h->minor >= 1 && !h->has_host)
		REFUSE(400, "no Host");
	if (h->chunked && h->has_length)
		REFUSE(400, "both Content-Length and Transfer-Encoding");
	if (h->chunked && h->minor == 0)
		REFUSE(400, "Transfer-Encoding in HTTP/1.0");
	h->keep_alive = !h->says_close && (h->minor >= 1 || h->says_keep_alive);
	if (!h->says_upgrade || h->minor == 0)
		h->upgrade = (struct http1_span){ 0, 0 };
	h->expects_continue &= h->minor >= 1;
	return NULL;
}
