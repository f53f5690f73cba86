#include "tests/unit/fault_vfs.h"

#include <sqlite3.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"

#define SECTOR     512
#define SECTORS    256 /* of the longest file that the tests make */
#define IMAGES_MAX 8

/* A file as the disk has it for sure; len < 0: there is none. */
struct image {
	char path[256];
	long len;
	unsigned char data[SECTORS * SECTOR];
};

/* The real file lies behind ours, in the same piece of memory. */
struct file {
	sqlite3_file base;
	sqlite3_file *real;
	struct image *image; /* NULL: nobody asks what is left of it */
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs vfs;
static unsigned int count;
static unsigned int fail_at;
static int fail_rc;
static bool fail_for_ever;
static bool watching; /* every file that is opened has an image */
static struct image images[IMAGES_MAX];
static size_t n_images;

void
fault_vfs_arm(unsigned int number, int rc, bool for_ever)
{
	count = 0;
	fail_at = number;
	fail_rc = rc;
	fail_for_ever = for_ever;
}

unsigned int
fault_vfs_count(void)
{
	return count;
}

/* SQLITE_OK: let the operation happen. */
static int
fault(bool takes_room)
{
	if (fail_rc == SQLITE_FULL && !takes_room)
		return SQLITE_OK;
	count++;
	if (fail_at == 0 || count < fail_at)
		return SQLITE_OK;
	return count == fail_at || fail_for_ever ? fail_rc : SQLITE_OK;
}

/* --- what is on the disk --- */

static void
take_image(struct image *i)
{
	FILE *in = fopen(i->path, "rb");

	i->len = -1;
	if (in == NULL)
		return;
	memset(i->data, 0, sizeof(i->data));
	i->len = (long)fread(i->data, 1, sizeof(i->data), in);
	HA_CHECK(i->len < (long)sizeof(i->data));
	fclose(in);
}

static void
put_image(const struct image *i)
{
	FILE *out;

	if (i->len < 0) {
		unlink(i->path);
		return;
	}
	out = fopen(i->path, "wb");
	HA_CHECK(out != NULL);
	HA_CHECK(fwrite(i->data, 1, (size_t)i->len, out) == (size_t)i->len);
	HA_CHECK(fclose(out) == 0);
}

static struct image *
find_image(const char *path)
{
	struct image *i;

	for (size_t k = 0; k < n_images; k++)
		if (strcmp(images[k].path, path) == 0)
			return &images[k];
	HA_CHECK(n_images < IMAGES_MAX && strlen(path) < sizeof(i->path));
	i = &images[n_images++];
	snprintf(i->path, sizeof(i->path), "%s", path);
	take_image(i);
	return i;
}

void
fault_vfs_settle(void)
{
	n_images = 0;
	watching = true;
}

static bool
toss(unsigned int *state)
{
	*state = *state * 1103515245 + 12345;
	return (*state >> 16 & 1) != 0;
}

/* Some sectors of what it is, some of what it was. */
static void
mix(struct image *i, const struct image *was, unsigned int *state)
{
	if (i->len < 0 || was->len < 0) {
		if (toss(state))
			*i = *was;
		return;
	}
	for (int k = 0; k < SECTORS; k++)
		if (toss(state))
			memcpy(i->data + (size_t)k * SECTOR,
			    was->data + (size_t)k * SECTOR, SECTOR);
	if (toss(state))
		i->len = was->len;
}

void
fault_vfs_lose_power(unsigned int seed)
{
	static struct image now;
	unsigned int state = seed;

	for (size_t k = 0; k < n_images; k++) {
		now = images[k];
		take_image(&now);
		mix(&now, &images[k], &state);
		put_image(&now);
	}
	watching = false;
}

/* --- the file system --- */

static sqlite3_file *
real(sqlite3_file *f)
{
	return ((struct file *)f)->real;
}

static int
do_close(sqlite3_file *f)
{
	return real(f)->pMethods->xClose(real(f));
}

static int
do_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
	return real(f)->pMethods->xRead(real(f), to, n, at);
}

static int
do_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
	int rc = fault(true);

	return rc != SQLITE_OK ? rc :
	    real(f)->pMethods->xWrite(real(f), from, n, at);
}

static int
do_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	int rc = fault(false);

	return rc != SQLITE_OK ? rc :
	    real(f)->pMethods->xTruncate(real(f), size);
}

static int
do_sync(sqlite3_file *f, int flags)
{
	struct image *i = ((struct file *)f)->image;
	int rc = fault(false);

	if (rc == SQLITE_OK)
		rc = real(f)->pMethods->xSync(real(f), flags);
	if (rc == SQLITE_OK && i != NULL)
		take_image(i);
	return rc;
}

static int
do_size(sqlite3_file *f, sqlite3_int64 *size)
{
	return real(f)->pMethods->xFileSize(real(f), size);
}

static int
do_lock(sqlite3_file *f, int level)
{
	return real(f)->pMethods->xLock(real(f), level);
}

static int
do_unlock(sqlite3_file *f, int level)
{
	return real(f)->pMethods->xUnlock(real(f), level);
}

static int
do_check_lock(sqlite3_file *f, int *out)
{
	return real(f)->pMethods->xCheckReservedLock(real(f), out);
}

static int
do_control(sqlite3_file *f, int op, void *arg)
{
	return real(f)->pMethods->xFileControl(real(f), op, arg);
}

static int
do_sector_size(sqlite3_file *f)
{
	return real(f)->pMethods->xSectorSize(real(f));
}

static int
do_characteristics(sqlite3_file *f)
{
	return real(f)->pMethods->xDeviceCharacteristics(real(f));
}

static const sqlite3_io_methods METHODS = {
	.iVersion = 1,
	.xClose = do_close,
	.xRead = do_read,
	.xWrite = do_write,
	.xTruncate = do_truncate,
	.xSync = do_sync,
	.xFileSize = do_size,
	.xLock = do_lock,
	.xUnlock = do_unlock,
	.xCheckReservedLock = do_check_lock,
	.xFileControl = do_control,
	.xSectorSize = do_sector_size,
	.xDeviceCharacteristics = do_characteristics,
};

static int
do_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
	const int wanted = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL;
	struct file *file = (struct file *)f;
	int rc;

	(void)v;
	file->image = watching && (flags & wanted) != 0 ? find_image(name) :
	    NULL;
	file->base.pMethods = NULL;
	file->real = (sqlite3_file *)(file + 1);
	rc = real_vfs->xOpen(real_vfs, name, file->real, flags, out);
	if (file->real->pMethods != NULL)
		file->base.pMethods = &METHODS;
	return rc;
}

static int
do_delete(sqlite3_vfs *v, const char *name, int sync)
{
	int rc = fault(false);

	(void)v;
	if (rc == SQLITE_OK)
		rc = real_vfs->xDelete(real_vfs, name, sync);
	if (rc == SQLITE_OK && watching && sync)
		find_image(name)->len = -1;
	return rc;
}

void
fault_vfs_install(void)
{
	real_vfs = sqlite3_vfs_find(NULL);
	HA_CHECK(real_vfs != NULL);
	vfs = *real_vfs;
	vfs.zName = "fault";
	vfs.szOsFile = (int)sizeof(struct file) + real_vfs->szOsFile;
	vfs.pNext = NULL;
	vfs.xOpen = do_open;
	vfs.xDelete = do_delete;
	HA_CHECK(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
	fault_vfs_arm(0, SQLITE_OK, false);
}
