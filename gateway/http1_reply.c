#include "gateway/http1_reply.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gateway/chars.h"

#define NUMBER_SIZE 21           /* digits of the largest, and a NUL */
#define LAST_SECOND 253402300799 /* of the year 9999 */

static const char continue_text[] = "HTTP/1.1 100 Continue\r\n\r\n";

const struct bytes http1_reply_continue = {
	(const uint8_t *)continue_text,
	sizeof(continue_text) - 1,
};

static const struct {
	uint32_t http;
	const char *phrase;
} http1_phrases[] = {
	{ 101, "Switching Protocols" },
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 206, "Partial Content" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 416, "Range Not Satisfiable" },
	{ 417, "Expectation Failed" },
	{ 422, "Unprocessable Content" },
	{ 426, "Upgrade Required" },
	{ 428, "Precondition Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
};

const char *
http1_reply_phrase(uint32_t http)
{
	for (size_t i = 0; i < sizeof(http1_phrases) / sizeof(*http1_phrases);
	     i++)
		if (http1_phrases[i].http == http)
			return http1_phrases[i].phrase;
	return "Unknown";
}

/* Names of days and months by hand: strftime would follow the locale. */
static void
http1_date_write(char text[HTTP1_DATE_SIZE], int64_t second)
{
	static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu",
		"Fri", "Sat" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t t = (time_t)second;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL)
		return;
	snprintf(text, HTTP1_DATE_SIZE, "%s, %02u %s %04u %02u:%02u:%02u GMT",
	    days[tm.tm_wday], (unsigned)tm.tm_mday % 100, months[tm.tm_mon],
	    (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100,
	    (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
}

const char *
http1_date_text(struct http1_date *d, int64_t wall_us)
{
	int64_t second = wall_us / 1000000;

	if (second < 0)
		second = 0;
	if (second > LAST_SECOND)
		second = LAST_SECOND;
	if (d->text[0] == '\0' || d->second != second) {
		d->second = second;
		http1_date_write(d->text, second);
	}
	return d->text;
}

static void
http1_reply_put(struct http1_reply *r, const void *at, size_t size)
{
	if (r->failed == ST_OK && size > r->size - r->used)
		r->failed = ST_FULL;
	if (r->failed != ST_OK || size == 0)
		return;
	memcpy(r->at + r->used, at, size);
	r->used += size;
}

static void
http1_reply_text(struct http1_reply *r, const char *text)
{
	http1_reply_put(r, text, strlen(text));
}

static void
http1_reply_number(struct http1_reply *r, uint64_t n)
{
	char text[NUMBER_SIZE];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	http1_reply_text(r, text);
}

void
http1_reply_begin(struct http1_reply *r, void *at, size_t size, uint32_t http,
    const char *date)
{
	*r = (struct http1_reply){ at, size, 0, http, ST_OK };
	if (http < 100 || http > 599)
		r->failed = ST_INVALID;
	http1_reply_text(r, "HTTP/1.1 ");
	http1_reply_number(r, http);
	http1_reply_text(r, " ");
	http1_reply_text(r, http1_reply_phrase(http));
	http1_reply_text(r, "\r\n");
	if (date != NULL)
		http1_reply_field(r, "Date", date);
}

void
http1_reply_field(struct http1_reply *r, const char *name, const char *value)
{
	struct bytes b = { (const uint8_t *)value, strlen(value) };

	http1_reply_bytes(r, name, b);
}

void
http1_reply_bytes(struct http1_reply *r, const char *name, struct bytes value)
{
	struct bytes n = { (const uint8_t *)name, strlen(name) };

	if (n.size == 0 || !chars_all(n, CHAR_TOKEN) ||
	    !chars_all(value, CHAR_FIELD)) {
		if (r->failed == ST_OK)
			r->failed = ST_INVALID;
		return;
	}
	http1_reply_put(r, n.at, n.size);
	http1_reply_text(r, ": ");
	http1_reply_put(r, value.at, value.size);
	http1_reply_text(r, "\r\n");
}

void
http1_reply_length(struct http1_reply *r, uint64_t size)
{
	if (r->http < 200 || r->http == 204 || r->http == 304)
		return;
	http1_reply_text(r, "Content-Length: ");
	http1_reply_number(r, size);
	http1_reply_text(r, "\r\n");
}

void
http1_reply_connection(struct http1_reply *r, uint8_t minor, bool keep_alive)
{
	if (!keep_alive)
		http1_reply_field(r, "Connection", "close");
	else if (minor == 0)
		http1_reply_field(r, "Connection", "keep-alive");
}

enum status
http1_reply_end(struct http1_reply *r, size_t *ret_size)
{
	http1_reply_text(r, "\r\n");
	if (r->failed == ST_OK)
		*ret_size = r->used;
	return r->failed;
}
