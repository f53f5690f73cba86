/*
 * schema: the tables of cluster.db, as a list of numbered steps.
 *
 * A released step is never changed: what must be different is one more step.
 * Each runs in a transaction of its own together with its number, so a
 * database always stands at exactly one of them.
 *
 * Errors     as in storage/store.h.
 */
#ifndef HA_STORAGE_SCHEMA_H
#define HA_STORAGE_SCHEMA_H

#include <sqlite3.h>
#include <stdbool.h>

#include "base/err.h"

#define HA_SCHEMA_APPLICATION 0x48413464 /* "HA4d" */
#define HA_SCHEMA_LATEST      3

/* The step at which the database stands; 0: it is empty.  HA_ERR_NEWER: one
 * that we don't know; HA_ERR_CORRUPT: not a database of ours. */
HA_MUST_USE int ha_schema_version(sqlite3 *sql, int *version);

/* Run the steps after the first, up to and with the last. */
HA_MUST_USE int ha_schema_migrate(sqlite3 *sql, int first, int last);

#endif /* HA_STORAGE_SCHEMA_H */
