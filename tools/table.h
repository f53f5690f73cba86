/*
 * table: rows and columns for people.
 *
 * Columns are as wide as what is in them.  Colours are used when the stream
 * is a terminal, and the environment does not say NO_COLOR.
 *
 * Ownership  cells are copied.
 * Errors     without memory the program ends with a message: there is nothing
 *            else that it could show.
 */
#ifndef HA_TOOLS_TABLE_H
#define HA_TOOLS_TABLE_H

#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

struct ha_table;

enum {
	TABLE_RIGHT = 1 << 0, /* numbers */
	TABLE_WRAP = 1 << 1,  /* may take more lines on a terminal; one column */
	TABLE_WORD = 1 << 2,  /* good and bad words have their colour */
};

struct ha_table_column {
	const char *name;
	int flags; /* TABLE_* */
};

struct ha_table *ha_table_new(FILE *stream,
    const struct ha_table_column *columns, size_t n);

/* NULL is allowed. */
void ha_table_free(struct ha_table *table);

/* Begin a row; its cells follow from left to right. */
void ha_table_row(struct ha_table *table);

/* The next cell; an empty one shows as "-". */
void ha_table_cell(struct ha_table *table, const char *fmt, ...)
    HA_PRINTF(2, 3);

/* Print the rows and forget them.  The headings come with the first rows
 * only, and columns are never narrower than they were. */
void ha_table_print(struct ha_table *table);

/* The escape sequence that begins the colour of a good, doubtful or bad word
 * ("up", "running", "red"); NULL: none. */
const char *ha_table_colour(const char *word);

#endif /* HA_TOOLS_TABLE_H */
