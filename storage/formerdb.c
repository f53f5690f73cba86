/*
 * An index outlives its holder: uids, streams and boot counters go by it.  So
 * it goes to another serial only when the former one is surely no mistake of
 * the file: it has been out of it for a while, or a person said so.
 *
 * "For a while" must not depend on the wall clock, which anybody may set.  The
 * absence is counted in seconds since the host booted.  When the host has
 * booted since, it has lasted at least since then: a reboot can make the wait
 * longer, nothing makes it shorter.
 *
 * A row stands for an index whose holder is out of the file, or was forgotten
 * while it was still in it.  While none stands, who has the index is what the
 * membership table says.
 */
#include "storage/formerdb.h"

#include <string.h>

#include "storage/row.h"
#include "storage/store_priv.h"

/* --- who had an index --- */

int
ha_formerdb_list(struct ha_store *store,
    struct ha_former formers[static HA_MEMBERDB_MAX])
{
	struct ha_former read[HA_MEMBERDB_MAX] = { 0 };
	struct ha_row row;
	int rc;

	ha_row_open(&row, store, "SELECT idx, serial, forgotten, wall_s, "
	    "up_s, host_boot, sum FROM former");
	while (ha_row_next(&row)) {
		int64_t index = ha_row_get_int(&row, 1, HA_MEMBERDB_MAX);
		struct ha_former *f = &read[index - 1];

		ha_row_get_text(&row, f->serial, sizeof(f->serial));
		f->forgotten = ha_row_get_int(&row, 0, 1) != 0;
		f->since.wall_s = ha_row_get_int(&row, INT64_MIN, INT64_MAX);
		f->since.up_s = ha_row_get_int(&row, 0, INT64_MAX);
		(void)ha_row_get_bytes(&row, f->since.host_boot,
		    sizeof(f->since.host_boot));
		ha_row_get_sum(&row);
	}
	rc = ha_row_close(&row);
	if (rc == HA_OK)
		memcpy(formers, read, sizeof(read));
	return rc;
}

static int
write_former(struct ha_store *store, int64_t index, const struct ha_former *f)
{
	struct ha_row row;

	ha_row_open(&row, store, "INSERT INTO former (idx, serial, forgotten, "
	    "wall_s, up_s, host_boot, sum) "
	    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
	ha_row_put_int(&row, index);
	ha_row_put_text(&row, f->serial);
	ha_row_put_int(&row, f->forgotten);
	ha_row_put_int(&row, f->since.wall_s);
	ha_row_put_int(&row, f->since.up_s);
	ha_row_put_bytes(&row, f->since.host_boot,
	    sizeof(f->since.host_boot));
	return ha_row_write(&row);
}

int
ha_formerdb_save(struct ha_store *store,
    const struct ha_former formers[static HA_MEMBERDB_MAX])
{
	int rc = ha_store_exec(store->sql, "DELETE FROM former");

	for (int i = 0; rc == HA_OK && i < HA_MEMBERDB_MAX; i++)
		if (formers[i].serial[0] != '\0')
			rc = write_former(store, i + 1, &formers[i]);
	return rc;
}

static const char *
serial_at(const struct ha_member_rows *members, unsigned int index)
{
	for (size_t i = 0; i < members->n; i++)
		if (members->row[i].index == index)
			return members->row[i].serial;
	return NULL;
}

/* At least so long has it been out of the file. */
static int64_t
absent_s(const struct ha_former *f, const struct ha_store_time *now)
{
	bool same_boot = memcmp(f->since.host_boot, now->host_boot,
	    sizeof(now->host_boot)) == 0;
	int64_t s = same_boot ? now->up_s - f->since.up_s : now->up_s;

	return s < 0 ? 0 : s;
}

static int64_t
wait_s(const struct ha_former *f, const struct ha_store_time *now)
{
	int64_t absent = absent_s(f, now);

	if (f->forgotten || absent >= HA_FORMER_WAIT_S)
		return 0;
	return HA_FORMER_WAIT_S - absent;
}

static void
set_former(struct ha_former *f, const char *serial,
    const struct ha_store_time *now)
{
	size_t len = strlen(serial);

	*f = (struct ha_former){ .since = *now };
	memcpy(f->serial, serial, len < sizeof(f->serial) ? len : 0);
}

static bool
same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* Whoever left the table comes back by a file that becomes the table, see the
 * end of ha_formerdb_judge(); one that is refused brings nobody back. */
static void
note_absence(struct ha_former *f, const char *in_table, const char *in_file,
    const struct ha_store_time *now)
{
	if (f->serial[0] == '\0' && in_table != NULL &&
	    !same(in_table, in_file))
		set_former(f, in_table, now);
	else if (same(f->serial, in_file) && same(f->serial, in_table))
		*f = (struct ha_former){ 0 };
}

static void
refuse(struct ha_replaced *out, unsigned int index, const char *serial,
    const struct ha_former *f, int64_t wait)
{
	struct ha_takeover *t = &out->refused[out->n_refused++];

	*t = (struct ha_takeover){ .index = (uint8_t)index, .wait_s = wait };
	memcpy(t->former, f->serial, sizeof(t->former));
	memcpy(t->serial, serial, strlen(serial));
}

void
ha_formerdb_judge(struct ha_former formers[static HA_MEMBERDB_MAX],
    const struct ha_member_rows *old, const struct ha_member_rows *file,
    const struct ha_store_time *now, struct ha_replaced *out)
{
	out->n_refused = 0;
	for (unsigned int i = 1; i <= HA_MEMBERDB_MAX; i++) {
		struct ha_former *f = &formers[i - 1];
		const char *serial = serial_at(file, i);

		note_absence(f, serial_at(old, i), serial, now);
		if (f->serial[0] != '\0' && serial != NULL &&
		    !same(f->serial, serial) && wait_s(f, now) > 0)
			refuse(out, i, serial, f, wait_s(f, now));
	}
	for (unsigned int i = 1; i <= HA_MEMBERDB_MAX; i++)
		if (out->n_refused == 0 && serial_at(file, i) != NULL)
			formers[i - 1] = (struct ha_former){ 0 };
}

bool
ha_formerdb_confirm(struct ha_former formers[static HA_MEMBERDB_MAX],
    const struct ha_member_rows *table)
{
	bool changed = false;

	for (unsigned int i = 1; i <= HA_MEMBERDB_MAX; i++) {
		struct ha_former *f = &formers[i - 1];

		if (!same(f->serial, serial_at(table, i)))
			continue;
		*f = (struct ha_former){ 0 };
		changed = true;
	}
	return changed;
}

int
ha_formerdb_forget(struct ha_former formers[static HA_MEMBERDB_MAX],
    const struct ha_member_rows *old, const char *serial,
    const struct ha_store_time *now)
{
	int rc = HA_ERR_ABSENT;

	for (unsigned int i = 1; i <= HA_MEMBERDB_MAX; i++) {
		struct ha_former *f = &formers[i - 1];

		if (!same(serial, f->serial[0] != '\0' ? f->serial :
		    serial_at(old, i)))
			continue;
		if (f->serial[0] == '\0')
			set_former(f, serial, now);
		f->forgotten = true;
		rc = HA_OK;
	}
	return rc;
}

/* --- revoked keys --- */

static bool
has_key(const struct ha_member_rows *members, const uint8_t *key)
{
	for (size_t i = 0; i < members->n; i++) {
		const struct ha_member_row *m = &members->row[i];

		if (memcmp(m->public_key, key, HA_MEMBERDB_KEY_LEN) == 0)
			return true;
		if (m->has_next_public_key && memcmp(m->next_public_key, key,
		    HA_MEMBERDB_KEY_LEN) == 0)
			return true;
	}
	return false;
}

static int
revoke(struct ha_store *store, const uint8_t *key, const char *serial,
    int64_t at_s)
{
	struct ha_row row;
	int64_t last = 0;
	int rc = ha_row_number(store,
	    "SELECT coalesce(max(number), 0) FROM revoked_key", &last);

	if (rc != HA_OK)
		return rc;
	ha_row_open(&row, store, "INSERT INTO revoked_key "
	    "(number, key, serial, at_s, sum) VALUES (?1, ?2, ?3, ?4, ?5)");
	ha_row_put_int(&row, last + 1);
	ha_row_put_bytes(&row, key, HA_MEMBERDB_KEY_LEN);
	ha_row_put_text(&row, serial);
	ha_row_put_int(&row, at_s);
	rc = ha_row_write(&row);
	if (rc != HA_OK)
		return rc;
	ha_row_open(&row, store, "DELETE FROM revoked_key WHERE number <= ?1");
	ha_row_put_int(&row, last + 1 - HA_FORMERDB_KEY_MAX);
	return ha_row_run(&row);
}

static int
restore(struct ha_store *store, const uint8_t *key)
{
	struct ha_row row;

	ha_row_open(&row, store, "DELETE FROM revoked_key WHERE key = ?1");
	ha_row_put_bytes(&row, key, HA_MEMBERDB_KEY_LEN);
	return ha_row_run(&row);
}

int
ha_formerdb_change_keys(struct ha_store *store,
    const struct ha_member_rows *old, const struct ha_member_rows *file,
    int64_t at_s)
{
	int rc = HA_OK;

	for (size_t i = 0; rc == HA_OK && i < old->n; i++) {
		const struct ha_member_row *m = &old->row[i];

		if (!has_key(file, m->public_key))
			rc = revoke(store, m->public_key, m->serial, at_s);
		if (rc == HA_OK && m->has_next_public_key &&
		    !has_key(file, m->next_public_key))
			rc = revoke(store, m->next_public_key, m->serial,
			    at_s);
	}
	for (size_t i = 0; rc == HA_OK && i < file->n; i++) {
		const struct ha_member_row *m = &file->row[i];

		rc = restore(store, m->public_key);
		if (rc == HA_OK && m->has_next_public_key)
			rc = restore(store, m->next_public_key);
	}
	return rc;
}

static void
get_key(struct ha_row *row, uint8_t key[static HA_MEMBERDB_KEY_LEN],
    struct ha_revoked_key *k)
{
	(void)ha_row_get_int(row, 1, INT64_MAX - 1);
	(void)ha_row_get_bytes(row, key, HA_MEMBERDB_KEY_LEN);
	ha_row_get_text(row, k->serial, sizeof(k->serial));
	k->at_s = ha_row_get_int(row, INT64_MIN, INT64_MAX);
	ha_row_get_sum(row);
}

int
ha_formerdb_find_key(struct ha_store *store,
    const uint8_t key[static HA_MEMBERDB_KEY_LEN],
    struct ha_revoked_key *out)
{
	uint8_t found[HA_MEMBERDB_KEY_LEN];
	struct ha_revoked_key k = { 0 };
	bool is_there = false;
	struct ha_row row;
	int rc;

	ha_row_open(&row, store, "SELECT number, key, serial, at_s, sum "
	    "FROM revoked_key WHERE key = ?1");
	ha_row_put_bytes(&row, key, HA_MEMBERDB_KEY_LEN);
	while (ha_row_next(&row)) {
		get_key(&row, found, &k);
		is_there = true;
	}
	rc = ha_row_close(&row);
	if (rc != HA_OK)
		return rc;
	if (!is_there)
		return HA_ERR_ABSENT;
	*out = k;
	return HA_OK;
}

int
ha_formerdb_verify(struct ha_store *store)
{
	struct ha_former formers[HA_MEMBERDB_MAX];
	uint8_t key[HA_MEMBERDB_KEY_LEN];
	struct ha_revoked_key k;
	struct ha_row row;
	int rc = ha_formerdb_list(store, formers);

	if (rc != HA_OK)
		return rc;
	ha_row_open(&row, store,
	    "SELECT number, key, serial, at_s, sum FROM revoked_key");
	while (ha_row_next(&row))
		get_key(&row, key, &k);
	return ha_row_close(&row);
}
