/*
 * fault_vfs: SQLite's file system with one operation that fails.
 *
 * Everything goes to the real file system; the operation with a chosen number
 * is answered with an error instead, and with "for ever" all after it.  Writes
 * count, and with a fault that is not SQLITE_FULL also what cuts, removes or
 * flushes a file: a full disk is met by who asks for more of it.
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

#endif /* HA_TESTS_FAULT_VFS_H */
