/*
 * http1_fuzz - any bytes as a request: the same however they are cut, spans
 * inside the bytes, and what we take the oracle takes with the same meaning.
 *
 * The oracle is llhttp, built in when its sources are installed
 * (HTTP1_ORACLE).  It is the more lenient of the two, so the comparison goes
 * one way: a head that we accept, it must accept and read alike.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/http1_body.h"
#include "tests/fuzz/fuzz.h"

#ifdef HTTP1_ORACLE
#include "llhttp.h"
#endif

#define BODY_MAX 4096
/* A request as one way of cutting it has found it. */
struct found {
	struct http1_head head;
	enum http1_step body_step;
	uint32_t body_http;
	size_t used;
	size_t body_size;
	uint32_t body_sum;
	bool has_trailers;
};

static bool
span_fits(struct http1_span s, size_t size)
{
	return (size_t)s.at + s.size <= size;
}

static void
check_head(const struct http1_head *h, const uint8_t *at, size_t size)
{
	CHECK(h->size <= size && h->size <= HTTP1_HEAD_MAX);
	CHECK(span_fits(h->path, h->size) && span_fits(h->query, h->size));
	CHECK(span_fits(h->host, h->size) && span_fits(h->upgrade, h->size));
	CHECK(at[h->path.at] == '/');
	CHECK(h->headers_count <= HTTP1_HEADERS_MAX);
	CHECK(!(h->chunked && h->has_length));
	for (uint32_t i = 0; i < h->headers_count; i++) {
		CHECK(h->headers[i].name.size > 0);
		CHECK(span_fits(h->headers[i].name, h->size));
		CHECK(span_fits(h->headers[i].value, h->size));
	}
	CHECK(memcmp(at + h->size - 4, "\r\n\r\n", 4) == 0);
}

static void
read_body(struct found *f, const uint8_t *at, size_t size, size_t step)
{
	struct http1_body b;
	struct bytes data;
	size_t fed = 0, used;

	http1_body_init(&b, &f->head, BODY_MAX);
	do {
		size_t n = size - fed < step ? size - fed : step;

		f->body_step = http1_body_feed(&b, at + fed, n, &used, &data);
		CHECK(used <= n);
		if (f->body_step == HTTP1_DATA) {
			CHECK(data.size > 0 && data.at >= at + fed &&
			      data.at + data.size == at + fed + used);
			for (size_t i = 0; i < data.size; i++)
				f->body_sum = f->body_sum * 31 + data.at[i];
			f->body_size += data.size;
		}
		fed += used;
		if (f->body_step == HTTP1_MORE)
			CHECK(used == n);
	} while (f->body_step == HTTP1_DATA ||
		 (f->body_step == HTTP1_MORE && fed < size));
	CHECK(f->body_size == b.size && b.size <= BODY_MAX);
	if (f->body_step == HTTP1_REFUSED)
		f->body_http = b.refusal.http;
	f->used = f->head.size + fed;
	f->has_trailers = b.trailers > strlen("\r\n");
}

static struct found
read_request(const uint8_t *at, size_t size, size_t step)
{
	struct found f;
	size_t n = 0;

	memset(&f, 0, sizeof(f));
	http1_head_init(&f.head);
	do {
		n = size - n < step ? size : n + step;
		if (http1_head_feed(&f.head, at, n) != HTTP1_MORE)
			break;
	} while (n < size);
	if (f.head.step != HTTP1_DONE)
		return f;
	check_head(&f.head, at, size);
	read_body(&f, at + f.head.size, size - f.head.size, step);
	return f;
}

static void
check_same(const struct found *a, const struct found *b)
{
	CHECK(a->head.step == b->head.step);
	CHECK(a->head.refusal.http == b->head.refusal.http);
	CHECK(a->head.refusal.reason == b->head.refusal.reason);
	CHECK(a->head.size == b->head.size);
	CHECK(a->head.headers_count == b->head.headers_count);
	CHECK(a->body_step == b->body_step && a->body_http == b->body_http);
	if (a->body_step != HTTP1_REFUSED)
		CHECK(a->used == b->used && a->body_sum == b->body_sum);
}

#ifdef HTTP1_ORACLE
struct oracle {
	bool head_done;
	bool done;
	size_t body_size;
	uint32_t body_sum;
	uint8_t method, minor, keep_alive;
	bool chunked;
};

static int
oracle_on_head(llhttp_t *p)
{
	struct oracle *o = p->data;

	o->head_done = true;
	o->method = p->method;
	o->minor = p->http_minor;
	o->keep_alive = (uint8_t)llhttp_should_keep_alive(p);
	o->chunked = (p->flags & F_CHUNKED) != 0;
	return 0;
}

static int
oracle_on_body(llhttp_t *p, const char *at, size_t size)
{
	struct oracle *o = p->data;

	for (size_t i = 0; i < size; i++)
		o->body_sum = o->body_sum * 31 + (uint8_t)at[i];
	o->body_size += size;
	return 0;
}

static int
oracle_on_done(llhttp_t *p)
{
	((struct oracle *)p->data)->done = true;
	return HPE_PAUSED;
}

static void
check_oracle(const struct found *f, const uint8_t *at, size_t size)
{
	struct oracle o = { 0 };
	llhttp_settings_t settings;
	llhttp_t p;

	llhttp_settings_init(&settings);
	settings.on_headers_complete = oracle_on_head;
	settings.on_body = oracle_on_body;
	settings.on_message_complete = oracle_on_done;
	llhttp_init(&p, HTTP_REQUEST, &settings);
	p.data = &o;
	(void)llhttp_execute(&p, (const char *)at, size);
	if (f->head.length == UINT64_MAX)
		return; /* we would answer 413, the oracle 400 */
	CHECK(o.head_done);
	CHECK(o.minor == f->head.minor && o.chunked == f->head.chunked);
	CHECK(strcmp(llhttp_method_name((llhttp_method_t)o.method),
		  http1_method_name(f->head.method)) == 0);
	/* We drop trailers; the oracle heeds a Content-Length in them. */
	if (f->body_step == HTTP1_DONE && f->head.upgrade.size == 0 &&
	    !f->has_trailers) {
		CHECK(o.done && o.body_size == f->body_size);
		CHECK(o.body_sum == f->body_sum);
	}
}
#endif

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct found whole, pieces;

	if (size < 1)
		return 0;
	whole = read_request(data + 1, size - 1, SIZE_MAX / 2);
	pieces = read_request(data + 1, size - 1, 1);
	check_same(&whole, &pieces);
	pieces = read_request(data + 1, size - 1, (size_t)data[0] + 2);
	check_same(&whole, &pieces);
#ifdef HTTP1_ORACLE
	if (whole.head.step == HTTP1_DONE)
		check_oracle(&whole, data + 1, size - 1);
#endif
	return 0;
}
