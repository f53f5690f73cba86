/*
 * stamp: the time as the database keeps it.
 *
 * Blocking   reads a small file of the kernel's.
 */
#ifndef HA_SHELL_STAMP_H
#define HA_SHELL_STAMP_H

#include "storage/store.h"

struct ha_store_time ha_stamp_now(void);

#endif /* HA_SHELL_STAMP_H */
