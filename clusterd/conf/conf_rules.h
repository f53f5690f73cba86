/*
 * conf_rules: every block and key of cluster.conf, as data.
 *
 * One table drives the grammar, the check of each value, the defaults and
 * the print, so none of them can forget a key.
 *
 * Ownership  constants; borrowed for ever.
 */
#ifndef HA_CONF_CONF_RULES_H
#define HA_CONF_CONF_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HA_RULES_MAX 16 /* keys of one block */

enum ha_rule_kind {
	HA_RULE_NUMBER,       /* an unsigned integer of size bytes */
	HA_RULE_BOOLEAN,      /* a bool */
	HA_RULE_TEXT,         /* a string of size bytes */
	HA_RULE_CHOICE,       /* an enum, by the order of words */
	HA_RULE_ADDRESS,      /* a struct ha_conf_address; "": none */
	HA_RULE_PUBLIC_KEY,   /* HA_KEY_LEN bytes; "": zeros */
	HA_RULE_LISTEN,       /* a string: "", or address and port */
	HA_RULE_PATH,         /* a string: "", or an absolute path */
	HA_RULE_INTERFACES,   /* the list of a link group */
	HA_RULE_DESTINATIONS, /* the list of a path group */
};

struct ha_rule {
	const char *name;
	enum ha_rule_kind kind;
	size_t at;   /* offset in the struct of the block */
	size_t size; /* bytes there */
	uint32_t min;
	uint32_t max;
	bool or_zero;            /* NUMBER: 0 is good, too */
	const char *unit;        /* NUMBER: for messages; or NULL */
	const char *const *words; /* CHOICE: ends with NULL */
	const char *initial;     /* the default; NULL: must be given */
	uint8_t own;             /* HA_CONF_OWN_* that it sets in a member */
	bool one_member;         /* no business of the others: no digest */
	bool restart;            /* a running daemon keeps what it began with */
	/* What this version lacks; with words: for the last of them. */
	const char *later;
};

/* Which struct the keys of a block belong to. */
enum ha_block_kind {
	HA_BLOCK_PART, /* that of the block around it; given once */
	HA_BLOCK_ZONE,
	HA_BLOCK_MEMBER,
	HA_BLOCK_LINK_GROUP,
	HA_BLOCK_PATH_GROUP,
};

/* Lists of rules end with a name of NULL. */
struct ha_block_rule {
	const char *name;
	enum ha_block_kind kind; /* all but PART have a title */
	const struct ha_rule *keys;
	const struct ha_block_rule *blocks;
	uint8_t own;
	bool one_member;
	const char *later;
};

/* The file as a whole; its keys belong to struct ha_cluster_conf. */
extern const struct ha_block_rule HA_CONF_RULES;

/* NULL: not in this list. */
const struct ha_rule *ha_rule_find(const struct ha_rule *keys,
    const char *name);
const struct ha_block_rule *ha_block_rule_find(
    const struct ha_block_rule *blocks, const char *name);

#endif /* HA_CONF_CONF_RULES_H */
