/*
 * conf_draft: a configuration while it is read, and where it came from.
 *
 * conf_read fills it from the tree and conf_check looks at it as a whole.
 *
 * Ownership  plain data; conf is the caller's.
 */
#ifndef HA_CONF_CONF_DRAFT_H
#define HA_CONF_CONF_DRAFT_H

#include "conf/cluster_conf.h"
#include "conf/conf_report.h"
#include "conf/conf_rules.h"
#include "conf/conf_tree.h"

/* Line of each key of a block, by its place among the rules; 0: not given,
 * or wrong and reported. */
struct ha_conf_lines {
	unsigned int line[HA_RULES_MAX];
};

struct ha_conf_draft {
	struct ha_cluster_conf *conf; /* members in the file's order */
	bool cut; /* there may be more in the file: nothing is missing */
	struct ha_conf_lines sessions;
	struct ha_conf_lines members[HA_MEMBER_MAX];
};

/* Read the tree: every value by itself, every block once, defaults. */
void ha_conf_read(const struct ha_tree_node *root,
    struct ha_conf_report *report, struct ha_conf_draft *draft);

/* The line of that key in these lines of a block with these rules. */
unsigned int ha_conf_line_of(const struct ha_conf_lines *lines,
    const struct ha_rule *keys, const char *name);

#endif /* HA_CONF_CONF_DRAFT_H */
