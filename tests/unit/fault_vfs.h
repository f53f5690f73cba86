/*
 * fault_vfs: SQLite's file system with one operation that fails, and the power
 * that fails with it.
 *
 * Everything goes to the real file system; the operation with a chosen number
 * is answered with an error instead, and with "for ever" all after it.  Writes
 * count, and with a fault that is not SQLITE_FULL also what cuts, removes or
 * flushes a file: a full disk is met by who asks for more of it.
 *
 * What was written and not flushed is in nobody's hands.  When the power fails,
 * any of its sectors may be as they were at the last flush, in any order; a
 * file may be shorter, one that was made may be missing, and one that was
 * removed may be back.
 */
#ifndef HA_TESTS_FAULT_VFS_H
#define HA_TESTS_FAULT_VFS_H

#include <stdbool.h>

/* Make it the default of this process. */
void fault_vfs_install(void);

/* From now on the operation with that number (from 1; 0: none) gets rc. */
void fault_vfs_arm(unsigned int number, int rc, bool for_ever);

/* Operations since arming. */
unsigned int fault_vfs_count(void);

/* What is on the disk now is there to stay; what comes is watched. */
void fault_vfs_settle(void);

/* The power failed; every seed has another idea of what is left.  No database
 * may be open. */
void fault_vfs_lose_power(unsigned int seed);

#endif /* HA_TESTS_FAULT_VFS_H */
