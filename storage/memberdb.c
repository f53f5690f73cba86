/*
 * The membership is one thing: the table is replaced as a whole, and beside
 * it stands one row with its version, the number of its rows and a sum over
 * their sums, so that a row that got lost is missed.
 *
 * The highest boot counters are kept by index and not by row of the table: a
 * member that leaves the file and comes back must not be taken for younger
 * than it was.
 */
#include "storage/memberdb.h"

#include <string.h>

#include "base/hash.h"
#include "storage/row.h"
#include "storage/store_priv.h"

#define BOOT_MAX UINT32_MAX

static bool
is_terminated(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static bool
row_valid(const struct ha_member_row *m)
{
	return m->index >= 1 && m->index <= HA_MEMBERDB_MAX &&
	    is_terminated(m->serial, sizeof(m->serial)) &&
	    m->serial[0] != '\0' &&
	    is_terminated(m->name, sizeof(m->name)) &&
	    is_terminated(m->site, sizeof(m->site)) &&
	    is_terminated(m->description, sizeof(m->description)) &&
	    is_terminated(m->ha4_address, sizeof(m->ha4_address)) &&
	    is_terminated(m->ha4_backup_address,
	    sizeof(m->ha4_backup_address));
}

static int
insert_member(struct ha_store *store, const struct ha_member_row *m,
    uint64_t *rows_sum)
{
	struct ha_row row;

	ha_row_open(&row, store, "INSERT INTO member (idx, serial, name, "
	    "site, description, ha4_address, ha4_backup_address, public_key, "
	    "next_public_key, enabled, session_synchronization, sum) VALUES "
	    "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)");
	ha_row_put_int(&row, m->index);
	ha_row_put_text(&row, m->serial);
	ha_row_put_text(&row, m->name);
	ha_row_put_text(&row, m->site);
	ha_row_put_text(&row, m->description);
	ha_row_put_text(&row, m->ha4_address);
	ha_row_put_text(&row, m->ha4_backup_address);
	ha_row_put_bytes(&row, m->public_key, sizeof(m->public_key));
	ha_row_put_bytes(&row, m->has_next_public_key ? m->next_public_key :
	    NULL, sizeof(m->next_public_key));
	ha_row_put_int(&row, m->enabled);
	ha_row_put_int(&row, m->session_synchronization);
	*rows_sum = ha_hash_add(*rows_sum, row.sum);
	return ha_row_write(&row);
}

static void
get_member(struct ha_row *row, struct ha_member_row *m, uint64_t *rows_sum)
{
	memset(m, 0, sizeof(*m));
	m->index = (uint8_t)ha_row_get_int(row, 1, HA_MEMBERDB_MAX);
	ha_row_get_text(row, m->serial, sizeof(m->serial));
	ha_row_get_text(row, m->name, sizeof(m->name));
	ha_row_get_text(row, m->site, sizeof(m->site));
	ha_row_get_text(row, m->description, sizeof(m->description));
	ha_row_get_text(row, m->ha4_address, sizeof(m->ha4_address));
	ha_row_get_text(row, m->ha4_backup_address,
	    sizeof(m->ha4_backup_address));
	(void)ha_row_get_bytes(row, m->public_key, sizeof(m->public_key));
	m->has_next_public_key = ha_row_get_bytes(row, m->next_public_key,
	    sizeof(m->next_public_key));
	m->enabled = ha_row_get_int(row, 0, 1) != 0;
	m->session_synchronization = ha_row_get_int(row, 0, 1) != 0;
	*rows_sum = ha_hash_add(*rows_sum, row->sum);
	ha_row_get_sum(row);
}

struct membership {
	int64_t version; /* 0: never filled */
	int64_t members;
	int64_t rows_sum;
};

static int
read_membership(struct ha_store *store, struct membership *out)
{
	struct membership m = { .rows_sum = 1 };
	struct ha_row row;
	int rc;

	ha_row_open(&row, store, "SELECT version, members, rows_sum, sum "
	    "FROM membership");
	while (ha_row_next(&row)) {
		m.version = ha_row_get_int(&row, 1, INT64_MAX - 1);
		m.members = ha_row_get_int(&row, 0, HA_MEMBERDB_MAX);
		m.rows_sum = ha_row_get_int(&row, INT64_MIN, INT64_MAX);
		ha_row_get_sum(&row);
	}
	rc = ha_row_close(&row);
	if (rc == HA_OK)
		*out = m;
	return rc;
}

static int
write_membership(struct ha_store *store, const struct membership *m)
{
	struct ha_row row;

	ha_row_open(&row, store, "INSERT OR REPLACE INTO membership "
	    "(id, version, members, rows_sum, sum) "
	    "VALUES (1, ?1, ?2, ?3, ?4)");
	ha_row_put_int(&row, m->version);
	ha_row_put_int(&row, m->members);
	ha_row_put_int(&row, m->rows_sum);
	return ha_row_write(&row);
}

static int
list(struct ha_store *store, struct ha_member_row rows[static HA_MEMBERDB_MAX],
    size_t *n, uint64_t *rows_sum)
{
	struct ha_row row;
	size_t i = 0;

	ha_row_open(&row, store, "SELECT idx, serial, name, site, "
	    "description, ha4_address, ha4_backup_address, public_key, "
	    "next_public_key, enabled, session_synchronization, sum "
	    "FROM member ORDER BY idx LIMIT ?1");
	ha_row_put_int(&row, HA_MEMBERDB_MAX);
	while (ha_row_next(&row))
		get_member(&row, &rows[i++], rows_sum);
	*n = i;
	return ha_row_close(&row);
}

int
ha_memberdb_list(struct ha_store *store,
    struct ha_member_row rows[static HA_MEMBERDB_MAX], size_t *n,
    uint64_t *version)
{
	struct membership m;
	uint64_t rows_sum = 1;
	size_t count = 0;
	int rc = read_membership(store, &m);

	if (rc == HA_OK)
		rc = list(store, rows, &count, &rows_sum);
	if (rc == HA_OK && ((int64_t)count != m.members ||
	    (int64_t)rows_sum != m.rows_sum))
		rc = HA_ERR_CORRUPT;
	if (rc != HA_OK)
		return rc;
	*n = count;
	*version = (uint64_t)m.version;
	return HA_OK;
}

/* The sum over the rows is made in the order of their indexes. */
static int
insert_members(struct ha_store *store, const struct ha_member_rows *members,
    uint64_t *rows_sum)
{
	int rc = HA_OK;

	for (unsigned int index = 1; index <= HA_MEMBERDB_MAX; index++)
		for (size_t i = 0; rc == HA_OK && i < members->n; i++)
			if (members->row[i].index == index)
				rc = insert_member(store, &members->row[i],
				    rows_sum);
	return rc;
}

static int
write_table(struct ha_store *store, const struct ha_member_rows *members,
    uint64_t version)
{
	struct membership m = { .version = (int64_t)version,
		.members = (int64_t)members->n };
	uint64_t rows_sum = 1;
	int rc = ha_store_exec(store->sql, "DELETE FROM member");

	if (rc == HA_OK)
		rc = insert_members(store, members, &rows_sum);
	m.rows_sum = (int64_t)rows_sum;
	if (rc == HA_OK)
		rc = write_membership(store, &m);
	return rc;
}

static int
replace(struct ha_store *store, const struct ha_member_rows *file,
    const struct ha_store_time *now, struct ha_replaced *out)
{
	struct ha_member_row rows[HA_MEMBERDB_MAX];
	struct ha_member_rows old = { .row = rows };
	struct ha_former formers[HA_MEMBERDB_MAX];
	int rc = ha_memberdb_list(store, rows, &old.n, &out->version);

	if (rc == HA_OK)
		rc = ha_formerdb_list(store, formers);
	if (rc != HA_OK)
		return rc;
	ha_formerdb_judge(formers, &old, file, now, out);
	rc = ha_formerdb_save(store, formers);
	if (rc != HA_OK || out->n_refused > 0)
		return rc;
	out->version++;
	rc = ha_formerdb_change_keys(store, &old, file, now->wall_s);
	if (rc == HA_OK)
		rc = write_table(store, file, out->version);
	return rc;
}

int
ha_memberdb_replace(struct ha_store *store, const struct ha_member_row *rows,
    size_t n, const struct ha_store_time *now, struct ha_replaced *out)
{
	const struct ha_member_rows file = { .row = rows, .n = n };
	struct ha_replaced done;
	int rc;

	if (n > HA_MEMBERDB_MAX)
		return HA_ERR_FULL;
	for (size_t i = 0; i < n; i++)
		if (!row_valid(&rows[i]))
			return HA_ERR_INVAL;
	if (now->up_s < 0)
		return HA_ERR_INVAL;
	rc = ha_store_begin(store);
	if (rc != HA_OK)
		return rc;
	rc = ha_store_end(store, replace(store, &file, now, &done), true);
	if (rc != HA_OK)
		return rc;
	*out = done;
	return done.n_refused > 0 ? HA_ERR_CONFIG : HA_OK;
}

static int
read_holders(struct ha_store *store, struct ha_member_row *rows, size_t *n,
    struct ha_former formers[static HA_MEMBERDB_MAX])
{
	uint64_t version;
	int rc = ha_memberdb_list(store, rows, n, &version);

	return rc == HA_OK ? ha_formerdb_list(store, formers) : rc;
}

int
ha_memberdb_confirm(struct ha_store *store)
{
	struct ha_member_row rows[HA_MEMBERDB_MAX];
	struct ha_member_rows table = { .row = rows };
	struct ha_former formers[HA_MEMBERDB_MAX];
	int rc = read_holders(store, rows, &table.n, formers);

	if (rc != HA_OK || !ha_formerdb_confirm(formers, &table))
		return rc;
	rc = ha_store_begin(store);
	if (rc != HA_OK)
		return rc;
	return ha_store_end(store, ha_formerdb_save(store, formers), true);
}

static int
forget(struct ha_store *store, const char *serial,
    const struct ha_store_time *now)
{
	struct ha_member_row rows[HA_MEMBERDB_MAX];
	struct ha_member_rows old = { .row = rows };
	struct ha_former formers[HA_MEMBERDB_MAX];
	int rc = read_holders(store, rows, &old.n, formers);

	if (rc == HA_OK)
		rc = ha_formerdb_forget(formers, &old, serial, now);
	if (rc == HA_OK)
		rc = ha_formerdb_save(store, formers);
	return rc;
}

int
ha_memberdb_forget(struct ha_store *store, const char *serial,
    const struct ha_store_time *now)
{
	int rc;

	if (now->up_s < 0)
		return HA_ERR_INVAL;
	rc = ha_store_begin(store);
	if (rc != HA_OK)
		return rc;
	return ha_store_end(store, forget(store, serial, now), true);
}

int
ha_memberdb_boots(struct ha_store *store,
    uint64_t boots[static HA_MEMBERDB_MAX])
{
	uint64_t read[HA_MEMBERDB_MAX] = { 0 };
	struct ha_row row;
	int rc;

	ha_row_open(&row, store, "SELECT idx, counter, sum FROM boot_seen");
	while (ha_row_next(&row)) {
		int64_t index = ha_row_get_int(&row, 1, HA_MEMBERDB_MAX);

		read[index - 1] = (uint64_t)ha_row_get_int(&row, 1, BOOT_MAX);
		ha_row_get_sum(&row);
	}
	rc = ha_row_close(&row);
	if (rc == HA_OK)
		memcpy(boots, read, sizeof(read));
	return rc;
}

static int
write_boot(struct ha_store *store, unsigned int index, uint64_t boot)
{
	struct ha_row row;

	ha_row_open(&row, store, "INSERT OR REPLACE INTO boot_seen "
	    "(idx, counter, sum) VALUES (?1, ?2, ?3)");
	ha_row_put_int(&row, index);
	ha_row_put_int(&row, (int64_t)boot);
	return ha_row_write(&row);
}

int
ha_memberdb_raise_boot(struct ha_store *store, unsigned int index,
    uint64_t boot)
{
	uint64_t boots[HA_MEMBERDB_MAX];
	int rc;

	if (index < 1 || index > HA_MEMBERDB_MAX || boot > BOOT_MAX)
		return HA_ERR_INVAL;
	rc = ha_memberdb_boots(store, boots);
	if (rc != HA_OK || boot <= boots[index - 1])
		return rc;
	rc = ha_store_begin(store);
	if (rc != HA_OK)
		return rc;
	return ha_store_end(store, write_boot(store, index, boot), true);
}

static int
write_state(struct ha_store *store, const struct ha_last_state *state)
{
	struct ha_row row;

	ha_row_open(&row, store, "INSERT OR REPLACE INTO last_state "
	    "(id, state, reason, at_s, sum) VALUES (1, ?1, ?2, ?3, ?4)");
	ha_row_put_text(&row, state->state);
	ha_row_put_text(&row, state->reason);
	ha_row_put_int(&row, state->at_s);
	return ha_row_write(&row);
}

int
ha_memberdb_save_state(struct ha_store *store,
    const struct ha_last_state *state)
{
	int rc;

	if (!is_terminated(state->state, sizeof(state->state)) ||
	    !is_terminated(state->reason, sizeof(state->reason)))
		return HA_ERR_INVAL;
	rc = ha_store_begin(store);
	if (rc != HA_OK)
		return rc;
	return ha_store_end(store, write_state(store, state), true);
}

int
ha_memberdb_last_state(struct ha_store *store, struct ha_last_state *state)
{
	struct ha_last_state s = { 0 };
	bool is_there = false;
	struct ha_row row;
	int rc;

	ha_row_open(&row, store, "SELECT state, reason, at_s, sum "
	    "FROM last_state");
	while (ha_row_next(&row)) {
		ha_row_get_text(&row, s.state, sizeof(s.state));
		ha_row_get_text(&row, s.reason, sizeof(s.reason));
		s.at_s = ha_row_get_int(&row, INT64_MIN, INT64_MAX);
		ha_row_get_sum(&row);
		is_there = true;
	}
	rc = ha_row_close(&row);
	if (rc != HA_OK)
		return rc;
	if (!is_there)
		return HA_ERR_ABSENT;
	*state = s;
	return HA_OK;
}

int
ha_memberdb_verify(struct ha_store *store)
{
	struct ha_member_row rows[HA_MEMBERDB_MAX];
	uint64_t boots[HA_MEMBERDB_MAX];
	struct ha_last_state state;
	uint64_t version;
	size_t n;
	int rc = ha_memberdb_list(store, rows, &n, &version);

	if (rc == HA_OK)
		rc = ha_memberdb_boots(store, boots);
	if (rc == HA_OK)
		rc = ha_memberdb_last_state(store, &state);
	return rc == HA_ERR_ABSENT ? HA_OK : rc;
}
