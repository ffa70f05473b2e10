/*
 * messages - the .def files as structs, enums and ids.  Do not add any here.
 *
 * Pointers in a struct are borrowed: by a sender until it has encoded, by a
 * receiver until its handler returns.
 */
#ifndef PROTOCOLS_MESSAGES_H
#define PROTOCOLS_MESSAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/bytes.h"
#include "runtime/base/money.h"

/* clang-format off */
#define BOOL(n, doc)                bool n;
#define U32(n, max, doc)            uint32_t n;
#define U64(n, max, doc)            uint64_t n;
#define I64(n, doc)                 int64_t n;
#define MONEY(n, doc)               money n;
#define TEXT(n, max, doc)           const char *n; /* no NUL within */
#define SECRET(n, max, doc)         const char *n;
#define OBJECT(n, max, doc)         const char *n; /* JSON */
#define BYTES(n, max, doc)          struct bytes n;
#define TIME(n, doc)                int64_t n; /* us since 1970, UTC */
#define UUID(n, doc)                struct uuid n;
#define ENUM(n, type, doc)          enum type n;
#define RECORD(n, type, doc)        struct type n;
#define CALLER(n, type, doc)        struct type n;
#define LIST(n, type, max, doc)     const struct type *n; uint32_t n##_count;
#define TEXTS(n, count, max, doc)   const char *const *n; uint32_t n##_count;
#define OPT_BOOL(n, doc)            bool n; bool has_##n;
#define OPT_U32(n, max, doc)        uint32_t n; bool has_##n;
#define OPT_U64(n, max, doc)        uint64_t n; bool has_##n;
#define OPT_I64(n, doc)             int64_t n; bool has_##n;
#define OPT_MONEY(n, doc)           money n; bool has_##n;
#define OPT_TEXT(n, max, doc)       const char *n; /* NULL: absent */
#define OPT_TIME(n, doc)            int64_t n; bool has_##n;
#define OPT_UUID(n, doc)            struct uuid n; bool has_##n;
#define OPT_ENUM(n, type, doc)      enum type n; bool has_##n;
#define OPT_RECORD(n, type, doc)    const struct type *n; /* NULL: absent */
#define NOTHING                     uint8_t nothing;
#define VALUE(id, text, doc)        id,
#define ENUMERATION(n, doc, values) enum n { values };
#define STRUCTURE(n, doc, fields)   struct n { fields };
#define MESSAGE(n, id, doc, fields) enum { MSG_##n = (id) }; struct n { fields };
#include "protocols/protocols.def"
#include "protocols/undef.h"
/* clang-format on */

#endif
