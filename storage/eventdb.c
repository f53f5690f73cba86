#include "storage/eventdb.h"

#include <string.h>

#include "base/check.h"
#include "storage/row.h"
#include "storage/store_priv.h"

/* As much as fits, without a torn UTF-8 character at the end. */
static void
copy_cut(char *out, size_t size, const char *text)
{
	size_t len = strlen(text);

	if (len >= size) {
		len = size - 1;
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(out, text, len);
	out[len] = '\0';
}

static int
last_number(struct ha_store *store, int64_t *out)
{
	sqlite3_stmt *stmt = NULL;
	int rc;

	rc = ha_store_prepare(store,
	    "SELECT coalesce(max(number), 0) FROM event", &stmt);
	if (rc != HA_OK)
		return rc;
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(stmt, 0);
	rc = ha_store_err(store->sql, rc);
	sqlite3_finalize(stmt);
	return rc;
}

static int
insert(struct ha_store *store, const struct ha_event_row *e)
{
	sqlite3_stmt *stmt = NULL;
	struct ha_row row;
	int rc;

	rc = ha_store_prepare(store, "INSERT INTO event "
	    "(number, at_ms, name, text, sum) VALUES (?1, ?2, ?3, ?4, ?5)",
	    &stmt);
	if (rc != HA_OK)
		return rc;
	ha_row_begin(&row, stmt);
	ha_row_put_int(&row, (int64_t)e->number);
	ha_row_put_int(&row, e->at_ms);
	ha_row_put_text(&row, e->name);
	ha_row_put_text(&row, e->text);
	if (!ha_row_put_sum(&row)) {
		sqlite3_finalize(stmt);
		return HA_ERR_NOMEM;
	}
	return ha_store_finish(store, stmt);
}

static int
delete_up_to(struct ha_store *store, int64_t number)
{
	sqlite3_stmt *stmt = NULL;
	int rc;

	rc = ha_store_prepare(store, "DELETE FROM event WHERE number <= ?1",
	    &stmt);
	if (rc != HA_OK)
		return rc;
	rc = ha_store_err(store->sql, sqlite3_bind_int64(stmt, 1, number));
	if (rc != HA_OK) {
		sqlite3_finalize(stmt);
		return rc;
	}
	return ha_store_finish(store, stmt);
}

int
ha_eventdb_append(struct ha_store *store, int64_t at_ms, const char *name,
    const char *text)
{
	struct ha_event_row e = { .at_ms = at_ms };
	int64_t last = 0;
	int rc = ha_store_begin(store);

	if (rc != HA_OK)
		return rc;
	copy_cut(e.name, sizeof(e.name), name);
	copy_cut(e.text, sizeof(e.text), text);
	rc = last_number(store, &last);
	if (rc == HA_OK) {
		e.number = (uint64_t)last + 1;
		rc = insert(store, &e);
	}
	if (rc == HA_OK)
		rc = delete_up_to(store, last + 1 - HA_EVENTDB_MAX);
	return ha_store_end(store, rc, false);
}

static bool
read_event(sqlite3_stmt *stmt, struct ha_event_row *e)
{
	struct ha_row row;

	ha_row_begin(&row, stmt);
	e->number = (uint64_t)ha_row_get_int(&row, 1, INT64_MAX - 1);
	e->at_ms = ha_row_get_int(&row, INT64_MIN, INT64_MAX);
	ha_row_get_text(&row, e->name, sizeof(e->name));
	ha_row_get_text(&row, e->text, sizeof(e->text));
	return ha_row_get_sum(&row);
}

static int
prepare_list(struct ha_store *store, size_t max, sqlite3_stmt **out)
{
	sqlite3_stmt *stmt = NULL;
	int64_t limit = max > HA_EVENTDB_MAX ? HA_EVENTDB_MAX : (int64_t)max;
	int rc;

	rc = ha_store_prepare(store, "SELECT number, at_ms, name, text, sum "
	    "FROM event ORDER BY number DESC LIMIT ?1", &stmt);
	if (rc != HA_OK)
		return rc;
	rc = ha_store_err(store->sql, sqlite3_bind_int64(stmt, 1, limit));
	if (rc != HA_OK) {
		sqlite3_finalize(stmt);
		return rc;
	}
	*out = stmt;
	return HA_OK;
}

static void
reverse(struct ha_event_row *rows, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct ha_event_row swap = rows[i];

		rows[i] = rows[n - 1 - i];
		rows[n - 1 - i] = swap;
	}
}

int
ha_eventdb_list(struct ha_store *store, struct ha_event_row *rows, size_t max,
    size_t *n)
{
	sqlite3_stmt *stmt = NULL;
	size_t i = 0;
	int rc = prepare_list(store, max, &stmt);

	if (rc != HA_OK)
		return rc;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		HA_CHECK(i < max);
		if (!read_event(stmt, &rows[i++])) {
			rc = SQLITE_CORRUPT;
			break;
		}
	}
	rc = ha_store_err(store->sql, rc);
	sqlite3_finalize(stmt);
	if (rc != HA_OK)
		return rc;
	reverse(rows, i);
	*n = i;
	return HA_OK;
}

int
ha_eventdb_verify(struct ha_store *store)
{
	sqlite3_stmt *stmt = NULL;
	struct ha_event_row e;
	int rc = prepare_list(store, HA_EVENTDB_MAX, &stmt);

	if (rc != HA_OK)
		return rc;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (!read_event(stmt, &e)) {
			rc = SQLITE_CORRUPT;
			break;
		}
	}
	rc = ha_store_err(store->sql, rc);
	sqlite3_finalize(stmt);
	return rc;
}
