/*
 * The rules are walked here as well, so that a new key is compared without a
 * thought.  What a member block may override is taken from the member at
 * hand: each member carries what is in force there.  Structs are never
 * compared as memory where they have gaps between their fields.
 */
#include "conf/conf_diff.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "conf/conf_rules.h"

_Static_assert(sizeof(struct ha_conf_zone) ==
    HA_CONF_ZONE_NAME_LEN + sizeof(uint16_t),
    "zones are compared as memory");

struct side {
	const struct ha_cluster_conf *conf;
	const struct ha_conf_member *self;
};

static bool
is_override(const struct ha_rule *rule)
{
	size_t begin = offsetof(struct ha_cluster_conf, local);

	return rule->at >= begin &&
	    rule->at < begin + sizeof(struct ha_conf_local);
}

/* The field of a key of the file, or of a block that is part of it. */
static const char *
field(const struct side *s, const struct ha_rule *rule)
{
	return is_override(rule) ?
	    (const char *)&s->self->local +
	    (rule->at - offsetof(struct ha_cluster_conf, local)) :
	    (const char *)s->conf + rule->at;
}

static void
add(struct ha_conf_diff *diff, const char *block, const char *key,
    bool restart)
{
	HA_CHECK(diff->n_changes < HA_CONF_CHANGES_MAX);
	diff->changes[diff->n_changes++] =
	    (struct ha_conf_change){ block, key, restart };
}

/* --- what is in force at this member --- */

static void
compare_keys(const struct side *from, const struct side *to,
    const struct ha_block_rule *block, struct ha_conf_diff *diff)
{
	for (const struct ha_rule *k = block->keys; k->name != NULL; k++)
		if (memcmp(field(from, k), field(to, k), k->size) != 0)
			add(diff, block->name, k->name, k->restart);
}

static bool
same_zones(const struct ha_conf_local *a, const struct ha_conf_local *b)
{
	return a->n_zones == b->n_zones &&
	    memcmp(a->zones, b->zones, a->n_zones * sizeof(a->zones[0])) == 0;
}

static void
compare_blocks(const struct side *from, const struct side *to,
    struct ha_conf_diff *diff)
{
	compare_keys(from, to, &HA_CONF_RULES, diff);
	for (const struct ha_block_rule *b = HA_CONF_RULES.blocks;
	    b->name != NULL; b++)
		if (b->kind == HA_BLOCK_PART)
			compare_keys(from, to, b, diff);
		else if (b->kind == HA_BLOCK_ZONE &&
		    !same_zones(&from->self->local, &to->self->local))
			add(diff, b->name, NULL, false);
}

static void
compare_self(const struct ha_conf_member *from,
    const struct ha_conf_member *to, struct ha_conf_diff *diff)
{
	if (strcmp(from->serial, to->serial) != 0)
		add(diff, "member", "serial", true);
	if (from->index != to->index)
		add(diff, "member", "index", true);
}

/* --- the members --- */

static bool
same_keys(const struct ha_rule *keys, const void *a, const void *b)
{
	for (const struct ha_rule *k = keys; k->name != NULL; k++)
		if (memcmp((const char *)a + k->at, (const char *)b + k->at,
		    k->size) != 0)
			return false;
	return true;
}

static bool
same_link_groups(const struct ha_rule *keys, const struct ha_conf_member *a,
    const struct ha_conf_member *b)
{
	if (a->n_link_groups != b->n_link_groups)
		return false;
	for (unsigned int i = 0; i < a->n_link_groups; i++)
		if (strcmp(a->link_groups[i].name,
		    b->link_groups[i].name) != 0 ||
		    !same_keys(keys, &a->link_groups[i], &b->link_groups[i]))
			return false;
	return true;
}

static bool
same_path_groups(const struct ha_rule *keys, const struct ha_conf_member *a,
    const struct ha_conf_member *b)
{
	if (a->n_path_groups != b->n_path_groups)
		return false;
	for (unsigned int i = 0; i < a->n_path_groups; i++)
		if (strcmp(a->path_groups[i].name,
		    b->path_groups[i].name) != 0 ||
		    !same_keys(keys, &a->path_groups[i], &b->path_groups[i]))
			return false;
	return true;
}

static bool
same_block(const struct ha_block_rule *block, const struct ha_conf_member *a,
    const struct ha_conf_member *b)
{
	switch (block->kind) {
	case HA_BLOCK_PART:
		return same_keys(block->keys, a, b);
	case HA_BLOCK_ZONE:
		return same_zones(&a->local, &b->local);
	case HA_BLOCK_LINK_GROUP:
		return same_link_groups(block->keys, a, b);
	case HA_BLOCK_PATH_GROUP:
		return same_path_groups(block->keys, a, b);
	case HA_BLOCK_MEMBER:
		break;
	}
	return true;
}

static bool
has_key(const struct ha_conf_member *m, const uint8_t *key)
{
	return memcmp(m->public_key, key, HA_KEY_LEN) == 0 ||
	    (m->has_next_public_key &&
	    memcmp(m->next_public_key, key, HA_KEY_LEN) == 0);
}

static unsigned int
changed_keys(const struct ha_conf_member *from,
    const struct ha_conf_member *to)
{
	unsigned int changed = 0;

	if (memcmp(from->public_key, to->public_key, HA_KEY_LEN) != 0 ||
	    memcmp(from->next_public_key, to->next_public_key,
	    HA_KEY_LEN) != 0)
		changed |= HA_CONF_DIFF_KEYS;
	if (!has_key(to, from->public_key) || (from->has_next_public_key &&
	    !has_key(to, from->next_public_key)))
		changed |= HA_CONF_DIFF_KEY_REVOKED;
	return changed;
}

/* What has a bit of its own; an address has one without its prefix. */
static unsigned int
changed_facts(const struct ha_conf_member *from,
    const struct ha_conf_member *to)
{
	unsigned int changed = changed_keys(from, to);

	if (!ha_conf_same_host(&from->address[HA_LINK_HA4],
	    &to->address[HA_LINK_HA4]))
		changed |= HA_CONF_DIFF_HA4_ADDRESS;
	if (!ha_conf_same_host(&from->address[HA_LINK_HA4_BACKUP],
	    &to->address[HA_LINK_HA4_BACKUP]))
		changed |= HA_CONF_DIFF_HA4_BACKUP_ADDRESS;
	if (from->enabled != to->enabled)
		changed |= HA_CONF_DIFF_ENABLED;
	if (from->session_synchronization != to->session_synchronization)
		changed |= HA_CONF_DIFF_SYNCHRONIZATION;
	return changed;
}

/* With the facts made equal, whatever is left is something else. */
static bool
same_otherwise(const struct ha_block_rule *rule,
    const struct ha_conf_member *from, const struct ha_conf_member *to)
{
	struct ha_conf_member like = *from;

	for (int l = 0; l < HA_LINK_MAX; l++)
		if (!ha_conf_same_host(&from->address[l], &to->address[l]))
			like.address[l] = to->address[l];
	memcpy(like.public_key, to->public_key, HA_KEY_LEN);
	memcpy(like.next_public_key, to->next_public_key, HA_KEY_LEN);
	like.enabled = to->enabled;
	like.session_synchronization = to->session_synchronization;
	if (!same_keys(rule->keys, &like, to))
		return false;
	for (const struct ha_block_rule *b = rule->blocks; b->name != NULL;
	    b++)
		if (!same_block(b, &like, to))
			return false;
	return true;
}

static void
compare_member(const struct ha_conf_member *from,
    const struct ha_conf_member *to, struct ha_conf_member_diff *out)
{
	const struct ha_block_rule *rule =
	    ha_block_rule_find(HA_CONF_RULES.blocks, "member");

	if (from == NULL || to == NULL) {
		out->fate = from != NULL ? HA_CONF_FATE_REMOVED :
		    to != NULL ? HA_CONF_FATE_ADDED : HA_CONF_FATE_FREE;
		return;
	}
	if (strcmp(from->serial, to->serial) != 0) {
		out->fate = HA_CONF_FATE_REPLACED;
		return;
	}
	out->fate = HA_CONF_FATE_KEPT;
	out->changed = changed_facts(from, to);
	if (!same_otherwise(rule, from, to))
		out->changed |= HA_CONF_DIFF_OTHER;
}

void
ha_conf_diff(const struct ha_cluster_conf *from,
    const struct ha_conf_member *from_self, const struct ha_cluster_conf *to,
    const struct ha_conf_member *to_self, struct ha_conf_diff *out)
{
	const struct side before = { from, from_self };
	const struct side now = { to, to_self };

	memset(out, 0, sizeof(*out));
	compare_blocks(&before, &now, out);
	compare_self(from_self, to_self, out);
	for (unsigned int i = 1; i <= HA_MEMBER_MAX; i++)
		compare_member(ha_cluster_conf_find_index(from, i),
		    ha_cluster_conf_find_index(to, i), &out->members[i - 1]);
}

/* --- what there is to tell --- */

bool
ha_conf_diff_needs_restart(const struct ha_conf_diff *diff)
{
	for (size_t i = 0; i < diff->n_changes; i++)
		if (diff->changes[i].restart)
			return true;
	return false;
}

bool
ha_conf_diff_empty(const struct ha_conf_diff *diff)
{
	for (int i = 0; i < HA_MEMBER_MAX; i++) {
		const struct ha_conf_member_diff *m = &diff->members[i];

		if (m->changed != 0 || (m->fate != HA_CONF_FATE_FREE &&
		    m->fate != HA_CONF_FATE_KEPT))
			return false;
	}
	return diff->n_changes == 0;
}

void
ha_conf_diff_names(const struct ha_conf_diff *diff, bool restart, char *out,
    size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < diff->n_changes && at < size; i++) {
		const struct ha_conf_change *c = &diff->changes[i];
		bool both = c->block[0] != '\0' && c->key != NULL;

		if (c->restart != restart)
			continue;
		at += (size_t)snprintf(out + at, size - at, "%s%s%s%s",
		    at == 0 ? "" : ", ", c->block, both ? " " : "",
		    c->key == NULL ? "" : c->key);
	}
}
