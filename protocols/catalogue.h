/* catalogue - what every message, record and enum looks like, at run time. */
#ifndef PROTOCOLS_CATALOGUE_H
#define PROTOCOLS_CATALOGUE_H

#include "protocols/wire.h"

/* NULL for an id nobody defined. */
const struct wire_type *catalogue_find(uint16_t id);
const struct wire_type *catalogue_find_name(const char *name);
const struct wire_enum *catalogue_find_enum(const char *name);
/* NULL: the type has no field of that name. */
const struct wire_field *catalogue_find_field(
    const struct wire_type *t, const char *name);

/* In the order of the .def files; n from 0 until NULL. */
const struct wire_type *catalogue_nth(size_t n);
const struct wire_type *catalogue_nth_record(size_t n);
const struct wire_enum *catalogue_nth_enum(size_t n);

/*
 * A digest of ids, names, kinds, bounds and order: two nodes with equal
 * digests speak the same messages.
 */
uint64_t catalogue_digest(void);

#define CATALOGUE_WHY_SIZE 160

/*
 * Whether every message can be written, read, printed and defaulted, here and
 * now: ids and names unique, nesting and lists bounded, every table whole.
 * INVALID says why; a program that hears it does not start.
 */
MUST_CHECK enum status catalogue_check(char ret_why[CATALOGUE_WHY_SIZE]);

/* The same of one type. */
MUST_CHECK enum status catalogue_check_type(
    const struct wire_type *t, char ret_why[CATALOGUE_WHY_SIZE]);

#define CATALOGUE_TYPE(name) catalogue_type_##name()
/* One function per message and record, so that code can name its table. */
/* clang-format off */
#define ENUMERATION(n, doc, values)
#define STRUCTURE(n, doc, fields)   const struct wire_type *catalogue_type_##n(void);
#define MESSAGE(n, id, doc, fields) const struct wire_type *catalogue_type_##n(void);
#include "protocols/protocols.def"
#include "protocols/undef.h"
/* clang-format on */

#endif
