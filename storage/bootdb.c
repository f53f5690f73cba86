#include "storage/bootdb.h"

#include "base/check.h"
#include "storage/row.h"
#include "storage/store_priv.h"

struct boot {
	int64_t counter;
	int64_t starts;
};

/* {0, 0} when no start was ever counted. */
static int
read_boot(struct ha_store *store, struct boot *out)
{
	struct boot b = { 0 };
	struct ha_row row;
	int rc;

	ha_row_open(&row, store, "SELECT counter, starts, sum FROM boot");
	while (ha_row_next(&row)) {
		b.counter = ha_row_get_int(&row, 1, HA_BOOT_COUNTER_MAX);
		b.starts = ha_row_get_int(&row, 1, HA_BOOT_COUNTER_MAX);
		ha_row_get_sum(&row);
	}
	rc = ha_row_close(&row);
	if (rc == HA_OK)
		*out = b;
	return rc;
}

static int
write_boot(struct ha_store *store, const struct boot *b)
{
	struct ha_row row;

	ha_row_open(&row, store, "INSERT OR REPLACE INTO boot "
	    "(id, counter, starts, sum) VALUES (1, ?1, ?2, ?3)");
	ha_row_put_int(&row, b->counter);
	ha_row_put_int(&row, b->starts);
	return ha_row_write(&row);
}

int
ha_bootdb_next(struct ha_store *store, struct ha_boot_row *out)
{
	struct boot b;
	int rc = ha_store_begin(store);

	if (rc != HA_OK)
		return rc;
	rc = read_boot(store, &b);
	if (rc == HA_OK && b.counter == HA_BOOT_COUNTER_MAX)
		rc = HA_ERR_FULL;
	if (rc == HA_OK) {
		b.counter++;
		b.starts++;
		rc = write_boot(store, &b);
	}
	rc = ha_store_end(store, rc, true);
	if (rc == HA_OK) {
		out->counter = (uint64_t)b.counter;
		out->earlier = (uint64_t)b.starts - 1;
	}
	return rc;
}

int
ha_bootdb_raise(struct ha_store *store, uint64_t heard, uint64_t *counter)
{
	struct boot b;
	int rc;

	if (heard >= HA_BOOT_COUNTER_MAX)
		return HA_ERR_INVAL;
	rc = ha_store_begin(store);
	if (rc != HA_OK)
		return rc;
	rc = read_boot(store, &b);
	if (rc == HA_OK && b.counter == HA_BOOT_COUNTER_MAX)
		rc = HA_ERR_FULL;
	if (rc == HA_OK) {
		if (b.counter < (int64_t)heard)
			b.counter = (int64_t)heard;
		b.counter++;
		if (b.starts == 0)
			b.starts = 1;
		rc = write_boot(store, &b);
	}
	rc = ha_store_end(store, rc, true);
	if (rc == HA_OK)
		*counter = (uint64_t)b.counter;
	return rc;
}

int
ha_bootdb_skip(struct ha_store *store)
{
	struct boot b;
	int rc = ha_store_begin(store);

	if (rc != HA_OK)
		return rc;
	rc = read_boot(store, &b);
	if (rc == HA_OK) {
		b.counter += HA_BOOT_MARGIN;
		if (b.counter > HA_BOOT_COUNTER_MAX)
			b.counter = HA_BOOT_COUNTER_MAX;
		if (b.starts == 0)
			b.starts = 1;
		rc = write_boot(store, &b);
	}
	return ha_store_end(store, rc, false);
}

int
ha_bootdb_verify(struct ha_store *store)
{
	struct boot b;

	return read_boot(store, &b);
}
