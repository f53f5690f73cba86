/*
 * conf_text: the text of cluster.conf made fit for libConfuse.
 *
 * Ownership  the caller owns the result and frees it with
 *            ha_conf_text_free().
 */
#ifndef HA_CONF_CONF_TEXT_H
#define HA_CONF_CONF_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "conf/conf_report.h"

struct ha_conf_text {
	char *text;           /* terminated */
	bool cut;             /* it ends at a place that is wrong */
	unsigned int *blocks; /* lines of the blocks' braces, as they close */
	size_t n_blocks;
};

/* Check characters, strings and comments, and blank the comments out.  The
 * report names the first place that is wrong, and the text ends there. */
HA_MUST_USE int ha_conf_text_clean(const char *text, size_t len,
    struct ha_conf_report *report, struct ha_conf_text *out);

void ha_conf_text_free(struct ha_conf_text *text);

#endif /* HA_CONF_CONF_TEXT_H */
