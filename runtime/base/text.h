/* text - NUL-terminated UTF-8, and what is often asked of it. */
#ifndef RUNTIME_BASE_TEXT_H
#define RUNTIME_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Copies as many whole characters as fit; text may be NULL.  True: all. */
bool text_fit(char *ret_text, size_t size, const char *text);

/* NULL, empty, or white space alone, whatever Unicode counts as that. */
bool text_is_blank(const char *text);

/*
 * Every character of well-formed text can be seen, or is ' ': none is a
 * control, another blank, or one that joins, hides or turns round others, so
 * that no two such texts look the same because of one.
 */
bool text_is_plain(const char *text);

/* What follows the last '/' of a path: all of it if there is none. */
const char *text_base_name(const char *path);

/* bytes as lower-case hex; ret_text takes 2 * size + 1. */
void text_hex(const void *bytes, size_t size, char *ret_text);
/* And back; false, and bytes left anyhow, unless it is 2 * size such digits. */
bool text_unhex(const char *text, void *ret_bytes, size_t size);

#endif
