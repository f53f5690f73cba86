/*
 * conf_check: what the values of cluster.conf must be to each other.
 *
 * Ownership  everything is the caller's.
 */
#ifndef HA_CONF_CONF_CHECK_H
#define HA_CONF_CONF_CHECK_H

#include <stdbool.h>

#include "conf/conf_draft.h"
#include "conf/conf_report.h"

/* Report every conflict between values that are good by themselves. */
void ha_conf_check(const struct ha_conf_draft *draft,
    struct ha_conf_report *report);

/* Whether two addresses are in one subnet, as far as prefixes tell. */
bool ha_conf_same_subnet(const struct ha_conf_address *a,
    const struct ha_conf_address *b);

#endif /* HA_CONF_CONF_CHECK_H */
