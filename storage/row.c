#include "storage/row.h"

#include <string.h>

#include "base/hash.h"
#include "storage/store_priv.h"

/* Kinds are part of the sum: NULL is not an empty string. */
enum { SUM_NULL = 1, SUM_INT, SUM_TEXT, SUM_BYTES };

#define SUM_START 1

static void
note(struct ha_row *row, int rc)
{
	if (row->rc == HA_OK)
		row->rc = rc;
}

static void
note_sqlite(struct ha_row *row, int rc)
{
	note(row, ha_store_err(row->store->sql, rc));
}

void
ha_row_open(struct ha_row *row, const struct ha_store *store,
    const char *text)
{
	*row = (struct ha_row){ .store = store, .sum = SUM_START };
	note_sqlite(row, sqlite3_prepare_v2(store->sql, text, -1, &row->stmt,
	    NULL));
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
bind_int(struct ha_row *row, int64_t value)
{
	if (row->rc == HA_OK)
		note_sqlite(row, sqlite3_bind_int64(row->stmt, ++row->column,
		    value));
}

void
ha_row_put_int(struct ha_row *row, int64_t value)
{
	bind_int(row, value);
	add_int(row, value);
}

void
ha_row_put_text(struct ha_row *row, const char *text)
{
	size_t len = strlen(text);

	if (row->rc == HA_OK)
		note_sqlite(row, sqlite3_bind_text(row->stmt, ++row->column,
		    text, (int)len, SQLITE_STATIC));
	add_bytes(row, SUM_TEXT, text, len);
}

void
ha_row_put_bytes(struct ha_row *row, const void *data, size_t len)
{
	if (row->rc == HA_OK)
		note_sqlite(row, sqlite3_bind_blob(row->stmt, ++row->column,
		    data, (int)len, SQLITE_STATIC));
	add_bytes(row, data == NULL ? SUM_NULL : SUM_BYTES, data, len);
}

int
ha_row_write(struct ha_row *row)
{
	bind_int(row, (int64_t)row->sum);
	return ha_row_run(row);
}

int
ha_row_run(struct ha_row *row)
{
	(void)ha_row_next(row);
	return ha_row_close(row);
}

bool
ha_row_next(struct ha_row *row)
{
	int rc;

	if (row->rc != HA_OK)
		return false;
	row->column = 0;
	row->sum = SUM_START;
	rc = sqlite3_step(row->stmt);
	note_sqlite(row, rc);
	return rc == SQLITE_ROW;
}

int64_t
ha_row_get_int(struct ha_row *row, int64_t min, int64_t max)
{
	int column = row->column++;
	int64_t value = sqlite3_column_int64(row->stmt, column);

	if (sqlite3_column_type(row->stmt, column) != SQLITE_INTEGER ||
	    value < min || value > max) {
		note(row, HA_ERR_CORRUPT);
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
		note(row, HA_ERR_CORRUPT);
		return;
	}
	text = sqlite3_column_text(row->stmt, column);
	if (text == NULL) {
		note(row, HA_ERR_NOMEM);
		return;
	}
	len = (size_t)sqlite3_column_bytes(row->stmt, column);
	if (len >= size || memchr(text, '\0', len) != NULL) {
		note(row, HA_ERR_CORRUPT);
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
	if (sqlite3_column_type(row->stmt, column) != SQLITE_BLOB ||
	    (size_t)sqlite3_column_bytes(row->stmt, column) != len) {
		note(row, HA_ERR_CORRUPT);
		return false;
	}
	data = sqlite3_column_blob(row->stmt, column);
	if (data == NULL) {
		note(row, HA_ERR_NOMEM);
		return false;
	}
	memcpy(out, data, len);
	add_bytes(row, SUM_BYTES, data, len);
	return true;
}

void
ha_row_get_sum(struct ha_row *row)
{
	int column = row->column++;

	if (sqlite3_column_type(row->stmt, column) != SQLITE_INTEGER ||
	    (uint64_t)sqlite3_column_int64(row->stmt, column) != row->sum)
		note(row, HA_ERR_CORRUPT);
}

int
ha_row_close(struct ha_row *row)
{
	sqlite3_finalize(row->stmt);
	row->stmt = NULL;
	return row->rc;
}

int
ha_row_number(const struct ha_store *store, const char *text, int64_t *out)
{
	struct ha_row row;
	int64_t number = 0;
	int rc;

	ha_row_open(&row, store, text);
	if (ha_row_next(&row))
		number = ha_row_get_int(&row, INT64_MIN, INT64_MAX);
	rc = ha_row_close(&row);
	if (rc == HA_OK)
		*out = number;
	return rc;
}
