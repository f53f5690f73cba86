/*
 * row: a statement, and the values of a row under one check sum.
 *
 * SQLite sees a torn page, but not a flipped bit in the middle of a name.  So
 * every row ends with a column that sums up the others.  Who writes puts value
 * after value; who reads gets them in the same order:
 *
 *	ha_row_open(&row, store, "INSERT ...");
 *	ha_row_put_int(&row, a);
 *	ha_row_put_text(&row, b);
 *	return ha_row_write(&row);
 *
 *	ha_row_open(&row, store, "SELECT ...");
 *	while (ha_row_next(&row)) {
 *		a = ha_row_get_int(&row, 1, 16);
 *		ha_row_get_text(&row, b, sizeof(b));
 *		ha_row_get_sum(&row);
 *	}
 *	return ha_row_close(&row);
 *
 * The first thing that goes wrong ends it: everything after it does nothing,
 * and closing tells what it was.
 *
 * Ownership  a row holds its statement from opening to closing; writing and
 *            running close.  Texts and bytes that are put must live that long.
 * Errors     those of storage/store.h.  HA_ERR_CORRUPT: a row is not as it was
 *            written.
 */
#ifndef HA_STORAGE_ROW_H
#define HA_STORAGE_ROW_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct ha_store;

struct ha_row {
	const struct ha_store *store;
	sqlite3_stmt *stmt;
	int column;
	uint64_t sum; /* over the values of this row so far */
	int rc;
};

void ha_row_open(struct ha_row *row, const struct ha_store *store,
    const char *text);

/* The statement's parameters, in their order. */
void ha_row_put_int(struct ha_row *row, int64_t value);
void ha_row_put_text(struct ha_row *row, const char *text);
/* NULL is a value, too. */
void ha_row_put_bytes(struct ha_row *row, const void *data, size_t len);

/* Run a statement without results, with the sum as its last parameter. */
HA_MUST_USE int ha_row_write(struct ha_row *row);
/* The same for parameters that are no row. */
HA_MUST_USE int ha_row_run(struct ha_row *row);

/* Go to the next row of the results; false: there is none. */
bool ha_row_next(struct ha_row *row);

/* A value that is none that we write is answered with min, an empty text or
 * zeros. */
int64_t ha_row_get_int(struct ha_row *row, int64_t min, int64_t max);
void ha_row_get_text(struct ha_row *row, char *out, size_t size);
/* Exactly len bytes; false: NULL, and zeros in out. */
bool ha_row_get_bytes(struct ha_row *row, void *out, size_t len);
/* The last value: are the others what was written? */
void ha_row_get_sum(struct ha_row *row);

/* The one number that a query gives. */
HA_MUST_USE int ha_row_number(const struct ha_store *store, const char *text,
    int64_t *out);

/* Let the statement go; the first error, if any. */
HA_MUST_USE int ha_row_close(struct ha_row *row);

#endif /* HA_STORAGE_ROW_H */
