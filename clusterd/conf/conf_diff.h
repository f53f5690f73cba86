/*
 * conf_diff: what a changed cluster.conf changes for one member.
 *
 * Compared is what is in force: a default that is spelled out, another order
 * of the blocks or a value that moved from the file into a member block and
 * stayed the same is no change.
 *
 * Ownership  the caller owns *out; the names in it are constants.
 * Errors     none: both configurations have passed every check.
 */
#ifndef HA_CONF_CONF_DIFF_H
#define HA_CONF_CONF_DIFF_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/cluster_conf.h"

#define HA_CONF_CHANGES_MAX 32

/* One key whose value in force at this member is another. */
struct ha_conf_change {
	const char *block; /* "": at the top of the file */
	const char *key;   /* NULL: blocks of that name came, went, changed */
	bool restart;      /* a running daemon can't take it over */
};

/* What became of an index. */
enum ha_conf_fate {
	HA_CONF_FATE_FREE, /* nobody has it, before and now */
	HA_CONF_FATE_KEPT,
	HA_CONF_FATE_ADDED,
	HA_CONF_FATE_REMOVED,
	HA_CONF_FATE_REPLACED, /* another serial has it */
};

/* What is another of a member that is KEPT. */
enum {
	HA_CONF_DIFF_HA4_ADDRESS = 1 << 0, /* not for a prefix alone */
	HA_CONF_DIFF_HA4_BACKUP_ADDRESS = 1 << 1,
	HA_CONF_DIFF_KEYS = 1 << 2,        /* any of the two */
	HA_CONF_DIFF_KEY_REVOKED = 1 << 3, /* one that was valid is not now */
	HA_CONF_DIFF_ENABLED = 1 << 4,
	HA_CONF_DIFF_SYNCHRONIZATION = 1 << 5,
	HA_CONF_DIFF_OTHER = 1 << 6, /* texts, prefixes, own parts, groups */
};

struct ha_conf_member_diff {
	enum ha_conf_fate fate;
	unsigned int changed; /* HA_CONF_DIFF_* */
};

struct ha_conf_diff {
	size_t n_changes;
	struct ha_conf_change changes[HA_CONF_CHANGES_MAX];
	struct ha_conf_member_diff members[HA_MEMBER_MAX]; /* [index - 1] */
};

/* Compare two files as this member has them, which is self in each.  What is
 * another in its own block stands in its place among the members, too. */
void ha_conf_diff(const struct ha_cluster_conf *from,
    const struct ha_conf_member *from_self, const struct ha_cluster_conf *to,
    const struct ha_conf_member *to_self, struct ha_conf_diff *out);

/* Any change that needs a restart. */
bool ha_conf_diff_needs_restart(const struct ha_conf_diff *diff);

/* Nothing at all, neither for this member nor about another. */
bool ha_conf_diff_empty(const struct ha_conf_diff *diff);

/* "cluster id, sessions table-size": the changes that need a restart, or all
 * others.  Cut off at size. */
void ha_conf_diff_names(const struct ha_conf_diff *diff, bool restart,
    char *out, size_t size);

#endif /* HA_CONF_CONF_DIFF_H */
