#include "tests/unit/store_fixture.h"

#include <check.h>
#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/store.h"

static char directory[64];
static char path[96];
struct ha_store *store;

/* In memory where that can be: no test waits for a disk. */
void
fixture_setup(void)
{
	snprintf(directory, sizeof(directory), "%s/ha-store-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/cluster.db", directory);
	store = NULL;
}

static void
remove_files(void)
{
	DIR *d = opendir(directory);
	const struct dirent *e;
	char name[512];

	while (d != NULL && (e = readdir(d)) != NULL) {
		snprintf(name, sizeof(name), "%s/%s", directory, e->d_name);
		unlink(name);
	}
	if (d != NULL)
		closedir(d);
}

void
fixture_teardown(void)
{
	fixture_close();
	remove_files();
	rmdir(directory);
}

const char *
fixture_path(void)
{
	return path;
}

const char *
fixture_with(const char *suffix)
{
	static char names[2][128];
	static int turn;

	turn = 1 - turn;
	snprintf(names[turn], sizeof(names[turn]), "%s%s", path, suffix);
	return names[turn];
}

void
fixture_open(void)
{
	ck_assert_int_eq(ha_store_open(path, &store), HA_OK);
}

void
fixture_close(void)
{
	ha_store_close(store);
	store = NULL;
}

void
fixture_reopen(void)
{
	fixture_close();
	fixture_open();
}

unsigned char *
fixture_read(const char *name, size_t *len)
{
	FILE *in = fopen(name, "rb");
	unsigned char *data;
	struct stat st;

	ck_assert_msg(in != NULL, "%s", name);
	ck_assert_int_eq(fstat(fileno(in), &st), 0);
	data = malloc((size_t)st.st_size + 1);
	ck_assert_ptr_nonnull(data);
	*len = fread(data, 1, (size_t)st.st_size, in);
	ck_assert_int_eq(*len, st.st_size);
	fclose(in);
	return data;
}

void
fixture_write(const char *name, const void *data, size_t len)
{
	FILE *out = fopen(name, "wb");

	ck_assert_msg(out != NULL, "%s", name);
	ck_assert_uint_eq(fwrite(data, 1, len, out), len);
	ck_assert_int_eq(fclose(out), 0);
}

bool
fixture_exists(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0;
}

static int
take_number(void *number, int n, char **values, char **names)
{
	(void)names;
	if (n > 0 && values[0] != NULL)
		*(long long *)number = atoll(values[0]);
	return 0;
}

long long
fixture_sql(const char *name, const char *text)
{
	long long number = -1;
	sqlite3 *sql;
	char *error = NULL;

	ck_assert_int_eq(sqlite3_open(name, &sql), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(sql, text, take_number, &number,
	    &error) == SQLITE_OK, "%s: %s", text, error);
	sqlite3_close(sql);
	return number;
}
