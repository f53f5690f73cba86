/*
 * conf_complaint: what libConfuse has to say, in words that help.
 *
 * Ownership  everything is the caller's.
 */
#ifndef HA_CONF_CONF_COMPLAINT_H
#define HA_CONF_CONF_COMPLAINT_H

#include <stdarg.h>

#include "conf/conf_report.h"
#include "conf/conf_rules.h"

struct cfg_t;

/* Report a complaint about the place that section has come to: what is wrong
 * there and what would be right. */
void ha_conf_complain(struct ha_conf_report *report,
    const struct ha_block_rule *grammar, const struct cfg_t *section,
    const char *fmt, va_list ap) HA_PRINTF(4, 0);

#endif /* HA_CONF_CONF_COMPLAINT_H */
