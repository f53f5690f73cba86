/*
 * host: single settings of this kernel, for the files of this directory.
 * What others may ask of it stands in dataplane.h.
 */
#ifndef HA_DATAPLANE_HOST_H
#define HA_DATAPLANE_HOST_H

#include <stdint.h>

#include "base/err.h"
#include "dataplane/dataplane.h"

void ha_why_set(struct ha_why *why, const char *format, ...) HA_PRINTF(2, 3);

/* One number of /proc/sys/net/netfilter.  HA_ERR_ABSENT: no such file. */
HA_MUST_USE int ha_setting_read(const char *name, uint32_t *out);
HA_MUST_USE int ha_setting_write(const char *name, uint32_t value);

#endif /* HA_DATAPLANE_HOST_H */
