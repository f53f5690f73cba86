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
insert(struct ha_store *store, const struct ha_event_row *e)
{
	struct ha_row row;

	ha_row_open(&row, store, "INSERT INTO event "
	    "(number, at_ms, name, text, sum) VALUES (?1, ?2, ?3, ?4, ?5)");
	ha_row_put_int(&row, (int64_t)e->number);
	ha_row_put_int(&row, e->at_ms);
	ha_row_put_text(&row, e->name);
	ha_row_put_text(&row, e->text);
	return ha_row_write(&row);
}

static int
delete_up_to(struct ha_store *store, int64_t number)
{
	struct ha_row row;

	ha_row_open(&row, store, "DELETE FROM event WHERE number <= ?1");
	ha_row_put_int(&row, number);
	return ha_row_run(&row);
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
	rc = ha_row_number(store, "SELECT coalesce(max(number), 0) FROM event",
	    &last);
	if (rc == HA_OK) {
		e.number = (uint64_t)last + 1;
		rc = insert(store, &e);
	}
	if (rc == HA_OK)
		rc = delete_up_to(store, last + 1 - HA_EVENTDB_MAX);
	return ha_store_end(store, rc, false);
}

static void
open_list(struct ha_row *row, struct ha_store *store, size_t max)
{
	ha_row_open(row, store, "SELECT number, at_ms, name, text, sum "
	    "FROM event ORDER BY number DESC LIMIT ?1");
	ha_row_put_int(row,
	    max > HA_EVENTDB_MAX ? HA_EVENTDB_MAX : (int64_t)max);
}

static void
get_event(struct ha_row *row, struct ha_event_row *e)
{
	e->number = (uint64_t)ha_row_get_int(row, 1, INT64_MAX - 1);
	e->at_ms = ha_row_get_int(row, INT64_MIN, INT64_MAX);
	ha_row_get_text(row, e->name, sizeof(e->name));
	ha_row_get_text(row, e->text, sizeof(e->text));
	ha_row_get_sum(row);
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
	struct ha_row row;
	size_t i = 0;
	int rc;

	open_list(&row, store, max);
	while (ha_row_next(&row)) {
		HA_CHECK(i < max);
		get_event(&row, &rows[i++]);
	}
	rc = ha_row_close(&row);
	if (rc != HA_OK)
		return rc;
	reverse(rows, i);
	*n = i;
	return HA_OK;
}

int
ha_eventdb_verify(struct ha_store *store)
{
	struct ha_event_row e;
	struct ha_row row;

	open_list(&row, store, HA_EVENTDB_MAX);
	while (ha_row_next(&row))
		get_event(&row, &e);
	return ha_row_close(&row);
}
