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

/* Report those of a member's zones that others would take for this one: they
 * know zones by keys (core/zone.h). */
void ha_conf_check_zone(struct ha_conf_report *report, unsigned int line,
    const struct ha_conf_local *local, const struct ha_conf_zone *zone);

/* Whether two addresses are in one subnet, as far as prefixes tell. */
bool ha_conf_same_subnet(const struct ha_conf_address *a,
    const struct ha_conf_address *b);

#endif /* HA_CONF_CONF_CHECK_H */
