#include "storage/row.h"

#include <string.h>

#include "base/hash.h"

/* Kinds are part of the sum: NULL is not an empty string. */
enum { SUM_NULL = 1, SUM_INT, SUM_TEXT, SUM_BYTES };

void
ha_row_begin(struct ha_row *row, sqlite3_stmt *stmt)
{
	*row = (struct ha_row){ .stmt = stmt, .sum = 1 };
}

static void
add_int(struct ha_row *row, int64_t value)
{
	row->sum = ha_hash_add(ha_hash_add(row->sum, SUM_INT),
	    (uint64_t)value);
}

static void
add_bytes(struct ha_row *row, uint64_t kind, const void *data, size_t len)
{
	row->sum = ha_hash_add(row->sum, kind);
	if (kind != SUM_NULL)
		row->sum = ha_hash_bytes(row->sum, data, len);
}

static void
note(struct ha_row *row, int rc)
{
	row->bad |= rc != SQLITE_OK;
}

void
ha_row_put_int(struct ha_row *row, int64_t value)
{
	note(row, sqlite3_bind_int64(row->stmt, ++row->column, value));
	add_int(row, value);
}

void
ha_row_put_text(struct ha_row *row, const char *text)
{
	size_t len = strlen(text);

	note(row, sqlite3_bind_text(row->stmt, ++row->column, text, (int)len,
	    SQLITE_STATIC));
	add_bytes(row, SUM_TEXT, text, len);
}

void
ha_row_put_bytes(struct ha_row *row, const void *data, size_t len)
{
	note(row, sqlite3_bind_blob(row->stmt, ++row->column, data, (int)len,
	    SQLITE_STATIC));
	add_bytes(row, data == NULL ? SUM_NULL : SUM_BYTES, data, len);
}

bool
ha_row_put_sum(struct ha_row *row)
{
	note(row, sqlite3_bind_int64(row->stmt, ++row->column,
	    (int64_t)row->sum));
	return !row->bad;
}

int64_t
ha_row_get_int(struct ha_row *row, int64_t min, int64_t max)
{
	int column = row->column++;
	int64_t value = sqlite3_column_int64(row->stmt, column);

	if (sqlite3_column_type(row->stmt, column) != SQLITE_INTEGER ||
	    value < min || value > max) {
		row->bad = true;
		return min;
	}
	add_int(row, value);
	return value;
}

void
ha_row_get_text(struct ha_row *row, char *out, size_t size)
{
	int column = row->column++;
	const unsigned char *text;
	size_t len;

	out[0] = '\0';
	if (sqlite3_column_type(row->stmt, column) != SQLITE_TEXT) {
		row->bad = true;
		return;
	}
	text = sqlite3_column_text(row->stmt, column);
	len = (size_t)sqlite3_column_bytes(row->stmt, column);
	if (text == NULL || len >= size || memchr(text, '\0', len) != NULL) {
		row->bad = true;
		return;
	}
	memcpy(out, text, len);
	out[len] = '\0';
	add_bytes(row, SUM_TEXT, text, len);
}

bool
ha_row_get_bytes(struct ha_row *row, void *out, size_t len)
{
	int column = row->column++;
	const void *data;

	memset(out, 0, len);
	if (sqlite3_column_type(row->stmt, column) == SQLITE_NULL) {
		add_bytes(row, SUM_NULL, NULL, 0);
		return false;
	}
	data = sqlite3_column_blob(row->stmt, column);
	if (sqlite3_column_type(row->stmt, column) != SQLITE_BLOB ||
	    data == NULL ||
	    (size_t)sqlite3_column_bytes(row->stmt, column) != len) {
		row->bad = true;
		return false;
	}
	memcpy(out, data, len);
	add_bytes(row, SUM_BYTES, data, len);
	return true;
}

bool
ha_row_get_sum(struct ha_row *row)
{
	int column = row->column++;

	if (sqlite3_column_type(row->stmt, column) != SQLITE_INTEGER)
		row->bad = true;
	return !row->bad &&
	    (uint64_t)sqlite3_column_int64(row->stmt, column) == row->sum;
}
