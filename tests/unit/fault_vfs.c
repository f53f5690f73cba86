#include "tests/unit/fault_vfs.h"

#include <sqlite3.h>
#include <stddef.h>

#include "base/check.h"

/* The real file lies behind ours, in the same piece of memory. */
struct file {
	sqlite3_file base;
	sqlite3_file *real;
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs vfs;
static unsigned int count;
static unsigned int fail_at;
static int fail_rc;
static bool fail_for_ever;

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
	int rc = fault(false);

	return rc != SQLITE_OK ? rc : real(f)->pMethods->xSync(real(f), flags);
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
	struct file *file = (struct file *)f;
	int rc;

	(void)v;
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
	return rc != SQLITE_OK ? rc : real_vfs->xDelete(real_vfs, name, sync);
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
