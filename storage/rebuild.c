/*
 * A new database in place of a damaged one, and nothing in between: whatever
 * moment a kill comes at, the next opening finds a database that is whole, or
 * one that has to be rebuilt, and never takes it for a first installation.
 *
 *	1  the new one is made under a name of its own, with all that belongs
 *	   into it
 *	2  the damaged one gets another name, its journal first: SQLite would
 *	   play that back into whatever it finds under the old name
 *	3  the new one gets its name
 *
 * When there is no database but a new one, a kill came between 2 and 3, and
 * only 3 is left to do.
 */
#include "storage/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/file.h"
#include "storage/store_priv.h"

#define ASIDE_MAX 1000 /* damaged databases that are kept */

struct names {
	const char *path;
	char *good;
	char *good_damaged;
	char *new;
	char *new_journal;
};

static int
make_names(struct names *n, const char *path)
{
	*n = (struct names){ .path = path,
		.good = ha_file_name(path, HA_STORE_GOOD),
		.good_damaged = ha_file_name(path, HA_STORE_GOOD ".damaged"),
		.new = ha_file_name(path, HA_STORE_NEW),
		.new_journal = ha_file_name(path, HA_STORE_NEW "-journal") };
	return n->good == NULL || n->good_damaged == NULL || n->new == NULL ||
	    n->new_journal == NULL ? HA_ERR_NOMEM : HA_OK;
}

static void
free_names(struct names *n)
{
	free(n->good);
	free(n->good_damaged);
	free(n->new);
	free(n->new_journal);
}

static int
remove_new(const struct names *n)
{
	int rc = ha_file_remove(n->new_journal);

	return rc == HA_OK ? ha_file_remove(n->new) : rc;
}

static int
open_copy(const struct names *n, struct ha_store **out)
{
	int rc = ha_file_copy(n->good, n->new);

	if (rc != HA_OK)
		return rc;
	return ha_file_size(n->new) < HA_STORE_SMALLEST ? HA_ERR_CORRUPT :
	    ha_store_open_checked(n->new, out);
}

/* HA_ERR_ABSENT and HA_ERR_CORRUPT are about the copy: begin empty. */
static int
open_new(const struct names *n, struct ha_store **out)
{
	int rc = remove_new(n);

	if (rc == HA_OK)
		rc = open_copy(n, out);
	if (rc == HA_ERR_CORRUPT) {
		rc = ha_file_rename(n->good, n->good_damaged);
		if (rc == HA_OK)
			rc = remove_new(n);
		if (rc == HA_OK)
			rc = HA_ERR_ABSENT;
	}
	return rc == HA_ERR_ABSENT ? ha_store_open_checked(n->new, out) : rc;
}

/* Counters above those that the copy does not know, and a state: clusterd has
 * run here. */
static int
note_past(struct ha_store *store)
{
	struct ha_last_state state = { .state = "initial",
		.reason = "database rebuilt" };
	int rc = ha_bootdb_skip(store);

	if (rc == HA_OK)
		rc = ha_memberdb_last_state(store, &state);
	return rc == HA_ERR_ABSENT ? ha_memberdb_save_state(store, &state) :
	    rc;
}

static bool
is_made(const struct names *n)
{
	return !ha_file_exists(n->path) &&
	    ha_file_size(n->new) >= HA_STORE_SMALLEST;
}

static int
make_new(const struct names *n)
{
	struct ha_store *store = NULL;
	int rc = open_new(n, &store);

	if (rc == HA_OK)
		rc = note_past(store);
	ha_store_close(store);
	if (rc != HA_OK)
		(void)remove_new(n);
	return rc;
}

static int
move_part(const char *from, const char *to, const char *part)
{
	char *a = ha_file_name(from, part);
	char *b = ha_file_name(to, part);
	int rc = a == NULL || b == NULL ? HA_ERR_NOMEM : ha_file_rename(a, b);

	free(a);
	free(b);
	return rc == HA_ERR_ABSENT ? HA_OK : rc;
}

static int
move_to(const char *path, const char *name)
{
	static const char *const PARTS[] = { "-journal", "-wal", "-shm", "" };
	int rc = HA_OK;

	for (size_t i = 0; rc == HA_OK && i < sizeof(PARTS) / sizeof(*PARTS);
	    i++)
		rc = move_part(path, name, PARTS[i]);
	return rc;
}

/* To the first name that is free; leaves "" when nothing is there. */
static int
set_aside(const char *path, struct ha_rebuilt *how)
{
	bool is_there = ha_file_exists(path);

	for (int i = 1; i <= ASIDE_MAX; i++) {
		char *name;
		int rc = HA_ERR_NOMEM;

		snprintf(how->aside, sizeof(how->aside), ".damaged-%d", i);
		name = ha_file_name(path, how->aside);
		if (name != NULL && ha_file_exists(name)) {
			free(name);
			continue;
		}
		if (name != NULL)
			rc = move_to(path, name);
		free(name);
		if (!is_there)
			how->aside[0] = '\0';
		return rc;
	}
	return HA_ERR_FULL;
}

int
ha_store_rebuild(const char *path, struct ha_rebuilt *how,
    struct ha_store **out)
{
	struct ha_rebuilt done = { 0 };
	struct names n;
	int rc = make_names(&n, path);

	if (rc == HA_OK && !is_made(&n))
		rc = make_new(&n);
	if (rc == HA_OK)
		rc = set_aside(path, &done);
	done.from_copy = rc == HA_OK && ha_file_exists(n.good);
	if (rc == HA_OK)
		rc = ha_file_rename(n.new, path);
	if (rc == HA_OK)
		rc = ha_store_open_with_copies(path, true, out);
	free_names(&n);
	if (rc == HA_OK)
		*how = done;
	return rc;
}
