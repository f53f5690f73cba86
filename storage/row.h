/*
 * row: the values of one row in their order, under one check sum.
 *
 * SQLite sees a torn page, but not a flipped bit in the middle of a name.  So
 * every row ends with a column that sums up the others.  Who writes puts
 * value after value and then the sum; who reads gets them in the same order
 * and asks at the end whether they are what was written.
 *
 * Ownership  the statement is borrowed.  Texts and bytes that are put must
 *            live until the statement has run.
 */
#ifndef HA_STORAGE_ROW_H
#define HA_STORAGE_ROW_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ha_row {
	sqlite3_stmt *stmt;
	int column;
	uint64_t sum;
	bool bad; /* a value could not be put, or is none that we write */
};

void ha_row_begin(struct ha_row *row, sqlite3_stmt *stmt);

void ha_row_put_int(struct ha_row *row, int64_t value);
void ha_row_put_text(struct ha_row *row, const char *text);
/* NULL is a value, too. */
void ha_row_put_bytes(struct ha_row *row, const void *data, size_t len);
/* False: no memory for one of the values. */
bool ha_row_put_sum(struct ha_row *row);

/* A value that is bad is answered with min, an empty text or zeros. */
int64_t ha_row_get_int(struct ha_row *row, int64_t min, int64_t max);
void ha_row_get_text(struct ha_row *row, char *out, size_t size);
/* Exactly len bytes; false: NULL, and zeros in out. */
bool ha_row_get_bytes(struct ha_row *row, void *out, size_t len);
/* False: the row is not as it was written. */
bool ha_row_get_sum(struct ha_row *row);

#endif /* HA_STORAGE_ROW_H */
