/*
 * check: what only a bug of our own can break.
 *
 * HA_CHECK is never compiled out.  Data from a peer, the kernel, a disk, a
 * file or an operator must not reach it: those are counted drops or errors.
 */
#ifndef HA_BASE_CHECK_H
#define HA_BASE_CHECK_H

#include "base/err.h"

#define HA_CHECK(cond)                                                        \
	((cond) ? (void)0 : ha_check_failed(#cond, __FILE__, __LINE__))

/* Print the broken condition to stderr and abort. */
HA_NORETURN void ha_check_failed(const char *cond, const char *file, int line);

#endif /* HA_BASE_CHECK_H */
