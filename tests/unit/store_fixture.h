/*
 * store_fixture: a directory of its own for each test of the storage.
 *
 * Ownership  paths are borrowed until the next call with that name, or the
 *            end of the test.
 */
#ifndef HA_TESTS_STORE_FIXTURE_H
#define HA_TESTS_STORE_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>

struct ha_store;

/* For tcase_add_checked_fixture(). */
void fixture_setup(void);
void fixture_teardown(void);

/* cluster.db in the test's directory. */
const char *fixture_path(void);

/* cluster.db and a suffix; two results are valid at a time. */
const char *fixture_with(const char *suffix);

/* The store of the test, closed at its end; opening must succeed. */
extern struct ha_store *store;
void fixture_open(void);
void fixture_close(void);
void fixture_reopen(void);

/* Whole files; the caller frees what is read. */
unsigned char *fixture_read(const char *path, size_t *len);
void fixture_write(const char *path, const void *data, size_t len);
bool fixture_exists(const char *path);

/* Run SQL on a file without our own code; the number that the last query
 * gave, if any. */
long long fixture_sql(const char *path, const char *text);

#endif /* HA_TESTS_STORE_FIXTURE_H */
