/*
 * conf_tree: the blocks and values of cluster.conf, with their lines.
 *
 * The grammar only: which block and key may stand where.  What a value means
 * is the business of conf_read.  A file that leaves the grammar somewhere is
 * read up to there, so that what is wrong before can be told, too.
 *
 * Ownership  the caller owns the tree; texts in it are borrowed from it.
 * Threads    one at a time in a process, as libConfuse is built.
 */
#ifndef HA_CONF_CONF_TREE_H
#define HA_CONF_CONF_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "conf/conf_report.h"
#include "conf/conf_rules.h"

enum ha_tree_kind {
	HA_TREE_BLOCK,
	HA_TREE_VALUE,
};

/* One block, or one value; a list is a run of values of one key. */
struct ha_tree_node {
	enum ha_tree_kind kind;
	unsigned int line;
	unsigned int first_line; /* given before in this block: there; or 0 */
	const char *name;        /* of the block or key */
	const char *text;        /* title of the block, text of the value */
	struct ha_tree_node *children; /* of a block, in the file's order */
	struct ha_tree_node *next;
	void *section; /* while parsing: whose value this is */
};

struct ha_conf_tree;

/* Where the file leaves the grammar, the report names the place and the tree
 * is cut. */
HA_MUST_USE int ha_conf_tree_parse(const char *text, size_t len,
    const struct ha_block_rule *grammar, struct ha_conf_report *report,
    struct ha_conf_tree **out);

/* NULL is allowed. */
void ha_conf_tree_free(struct ha_conf_tree *tree);

/* The file as a block without name. */
const struct ha_tree_node *ha_conf_tree_root(const struct ha_conf_tree *tree);

/* Whether there may be more in the file than in the tree. */
bool ha_conf_tree_is_cut(const struct ha_conf_tree *tree);

#endif /* HA_CONF_CONF_TREE_H */
