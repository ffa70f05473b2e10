/* book - what every actor counts of its messages. */
#ifndef RUNTIME_BOOK_H
#define RUNTIME_BOOK_H

enum book {
#define BOOK(id, name, doc) BOOK_##id,
#include "runtime/book.def"
#undef BOOK
	BOOKS
};

#endif
