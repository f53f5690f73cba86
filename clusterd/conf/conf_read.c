/*
 * From the tree to the struct.  Values are checked one by one, by their rule;
 * a wrong one is reported and the walk goes on, so that one run names all.
 *
 * Members are read after everything else: what stands at the top of the file
 * is what a member has until its own block says otherwise, wherever in the
 * file the two are.
 */
#include "conf/conf_check.h"
#include "conf/conf_draft.h"

#include <string.h>

#include "base/check.h"
#include "conf/conf_value.h"

#define WARNED_MAX 16

struct reader {
	struct ha_conf_report *report;
	struct ha_conf_draft *draft;
	const char *warned[WARNED_MAX]; /* names of what had its warning */
	size_t n_warned;
};

/* Where the keys of a block go. */
struct place {
	void *base;
	struct ha_conf_member *member; /* NULL outside of a member block */
	struct ha_conf_lines *lines;
};

unsigned int
ha_conf_line_of(const struct ha_conf_lines *lines, const struct ha_rule *keys,
    const char *name)
{
	return lines->line[ha_rule_find(keys, name) - keys];
}

/* One warning for each name, however often it stands in the file. */
static void
warn_later(struct reader *r, unsigned int line, const char *name,
    const char *later)
{
	for (size_t i = 0; i < r->n_warned; i++)
		if (strcmp(r->warned[i], name) == 0)
			return;
	if (r->n_warned < WARNED_MAX)
		r->warned[r->n_warned++] = name;
	ha_conf_warning(r->report, line,
	    "%s is accepted and has no effect: %s", name, later);
}

static void
set_defaults(const struct ha_rule *keys, void *base)
{
	struct ha_conf_report none = { 0 };

	for (const struct ha_rule *k = keys; k->name != NULL; k++) {
		struct ha_tree_node v = { .kind = HA_TREE_VALUE,
			.name = k->name, .text = k->initial };

		if (k->initial != NULL)
			HA_CHECK(ha_conf_value_set(k, &v, &none, base));
	}
}

static bool
is_last_word(const struct ha_rule *rule, const char *text)
{
	size_t n = 0;

	while (rule->words[n] != NULL)
		n++;
	return strcmp(rule->words[n - 1], text) == 0;
}

static void
read_value(struct reader *r, const struct ha_rule *keys,
    const struct ha_tree_node *v, const struct place *place)
{
	const struct ha_rule *rule = ha_rule_find(keys, v->name);

	HA_CHECK(rule != NULL && rule - keys < HA_RULES_MAX);
	if (v->first_line != 0)
		ha_conf_error(r->report, v->line, "%s is given twice, first "
		    "on line %u: keep one", v->name, v->first_line);
	if (!ha_conf_value_set(rule, v, r->report, place->base))
		return;
	place->lines->line[rule - keys] = v->line;
	if (place->member != NULL)
		place->member->own |= rule->own;
	if (rule->later != NULL &&
	    (rule->words == NULL || is_last_word(rule, v->text)))
		warn_later(r, v->line, rule->name, rule->later);
}

static bool
has(const struct ha_tree_node *block, enum ha_tree_kind kind, const char *name)
{
	for (const struct ha_tree_node *n = block->children; n != NULL;
	    n = n->next)
		if (n->kind == kind && strcmp(n->name, name) == 0)
			return true;
	return false;
}

static void
check_required(struct reader *r, const struct ha_rule *keys,
    const struct ha_tree_node *block)
{
	for (const struct ha_rule *k = keys; k->name != NULL && !r->draft->cut;
	    k++)
		if (k->initial == NULL && !has(block, HA_TREE_VALUE, k->name))
			ha_conf_error(r->report, block->line,
			    "%s%s%s%s has no %s: add it", block->name,
			    block->text == NULL ? "" : " \"",
			    block->text == NULL ? "" : block->text,
			    block->text == NULL ? "" : "\"", k->name);
}

static void
read_values(struct reader *r, const struct ha_rule *keys,
    const struct ha_tree_node *block, const struct place *place)
{
	for (const struct ha_tree_node *n = block->children; n != NULL;
	    n = n->next)
		if (n->kind == HA_TREE_VALUE)
			read_value(r, keys, n, place);
	check_required(r, keys, block);
}

/* The block of the same name, and title if it has one, that stands before
 * this one among its brothers; NULL: none. */
static const struct ha_tree_node *
find_earlier(const struct ha_tree_node *parent,
    const struct ha_tree_node *block)
{
	for (const struct ha_tree_node *n = parent->children; n != block;
	    n = n->next)
		if (n->kind == HA_TREE_BLOCK &&
		    strcmp(n->name, block->name) == 0 &&
		    (n->text == NULL || strcmp(n->text, block->text) == 0))
			return n;
	return NULL;
}

static void
check_once(struct reader *r, const struct ha_tree_node *parent,
    const struct ha_tree_node *block)
{
	const struct ha_tree_node *earlier = find_earlier(parent, block);

	if (earlier == NULL)
		return;
	if (block->text == NULL)
		ha_conf_error(r->report, block->line, "%s is given twice, "
		    "first on line %u: put its keys into one block",
		    block->name, earlier->line);
	else
		ha_conf_error(r->report, block->line, "%s \"%s\" is given "
		    "twice, first on line %u: each has one block",
		    block->name, block->text, earlier->line);
}

static void
check_title(struct reader *r, const struct ha_tree_node *block, size_t size)
{
	if (ha_conf_name_valid(block->text, size))
		return;
	ha_conf_error(r->report, block->line, "%s \"%.64s\": the name is 1 to "
	    "%zu printable ASCII characters without blanks", block->name,
	    block->text, size - 1);
}

static void
set_title(char *field, size_t size, const char *title)
{
	if (strlen(title) < size)
		memcpy(field, title, strlen(title) + 1);
}

static void
check_zone(struct reader *r, const struct ha_tree_node *block,
    const struct ha_conf_local *local, const struct ha_conf_zone *zone)
{
	for (unsigned int i = 0; i < local->n_zones; i++)
		if (local->zones[i].conntrack_zone == zone->conntrack_zone &&
		    strcmp(local->zones[i].name, zone->name) != 0)
			ha_conf_error(r->report, block->line, "zone \"%s\" "
			    "and zone \"%s\" have the same conntrack-zone %u",
			    local->zones[i].name, zone->name,
			    zone->conntrack_zone);
	ha_conf_check_zone(r->report, block->line, local, zone);
	if (local->n_zones == HA_ZONES_MAX)
		ha_conf_error(r->report, block->line,
		    "too many zones: at most %d", HA_ZONES_MAX);
}

static void
read_zone(struct reader *r, const struct ha_block_rule *rule,
    const struct ha_tree_node *block, struct ha_conf_local *local)
{
	struct ha_conf_zone zone = { 0 };
	struct ha_conf_lines lines = { 0 };
	struct place place = { .base = &zone, .lines = &lines };

	check_title(r, block, sizeof(zone.name));
	set_title(zone.name, sizeof(zone.name), block->text);
	read_values(r, rule->keys, block, &place);
	if (lines.line[0] == 0)
		return;
	check_zone(r, block, local, &zone);
	if (local->n_zones < HA_ZONES_MAX)
		local->zones[local->n_zones++] = zone;
}

static bool
has_room_for_group(struct reader *r, const struct ha_tree_node *block,
    unsigned int n)
{
	if (n < HA_CONF_GROUPS_MAX)
		return true;
	ha_conf_error(r->report, block->line, "too many %ss of one member: at "
	    "most %d", block->name, HA_CONF_GROUPS_MAX);
	return false;
}

static void
read_link_group(struct reader *r, const struct ha_block_rule *rule,
    const struct ha_tree_node *block, struct ha_conf_member *m)
{
	struct ha_conf_link_group group = { 0 };
	struct ha_conf_lines lines = { 0 };
	struct place place = { .base = &group, .lines = &lines };

	check_title(r, block, sizeof(group.name));
	set_title(group.name, sizeof(group.name), block->text);
	set_defaults(rule->keys, &group);
	read_values(r, rule->keys, block, &place);
	if (has_room_for_group(r, block, m->n_link_groups))
		m->link_groups[m->n_link_groups++] = group;
}

static void
read_path_group(struct reader *r, const struct ha_block_rule *rule,
    const struct ha_tree_node *block, struct ha_conf_member *m)
{
	struct ha_conf_path_group group = { 0 };
	struct ha_conf_lines lines = { 0 };
	struct place place = { .base = &group, .lines = &lines };

	check_title(r, block, sizeof(group.name));
	set_title(group.name, sizeof(group.name), block->text);
	set_defaults(rule->keys, &group);
	read_values(r, rule->keys, block, &place);
	if (has_room_for_group(r, block, m->n_path_groups))
		m->path_groups[m->n_path_groups++] = group;
}

/* The first zone of its own takes the file's zones away from a member. */
static void
begin_own_zones(struct ha_conf_member *m)
{
	if ((m->own & HA_CONF_OWN_ZONES) != 0)
		return;
	m->local.n_zones = 0;
	memset(m->local.zones, 0, sizeof(m->local.zones));
}

static void
read_member_block(struct reader *r, const struct ha_block_rule *rule,
    const struct ha_tree_node *block, struct ha_conf_member *m)
{
	struct ha_conf_lines lines = { 0 };
	struct place place = { m, m, &lines };

	switch (rule->kind) {
	case HA_BLOCK_PART:
		read_values(r, rule->keys, block, &place);
		break;
	case HA_BLOCK_ZONE:
		begin_own_zones(m);
		read_zone(r, rule, block, &m->local);
		break;
	case HA_BLOCK_LINK_GROUP:
		read_link_group(r, rule, block, m);
		break;
	case HA_BLOCK_PATH_GROUP:
		read_path_group(r, rule, block, m);
		break;
	case HA_BLOCK_MEMBER:
		break;
	}
	m->own |= rule->own;
}

static void
read_member_blocks(struct reader *r, const struct ha_block_rule *rules,
    const struct ha_tree_node *member, struct ha_conf_member *m)
{
	for (const struct ha_tree_node *n = member->children; n != NULL;
	    n = n->next) {
		const struct ha_block_rule *rule;

		if (n->kind != HA_TREE_BLOCK)
			continue;
		rule = ha_block_rule_find(rules, n->name);
		check_once(r, member, n);
		read_member_block(r, rule, n, m);
		if (rule->later != NULL)
			warn_later(r, n->line, rule->name, rule->later);
	}
}

static void
finish_member(struct ha_conf_member *m)
{
	static const uint8_t NONE[HA_KEY_LEN];

	if (m->name[0] == '\0')
		memcpy(m->name, m->serial, strlen(m->serial) + 1);
	m->has_next_public_key =
	    memcmp(m->next_public_key, NONE, HA_KEY_LEN) != 0;
}

/* A seventeenth member is read into nowhere: its values are checked. */
static void
read_member(struct reader *r, const struct ha_block_rule *rule,
    const struct ha_tree_node *block, struct ha_conf_member *m,
    struct ha_conf_lines *lines)
{
	struct place place = { m, m, lines };

	memset(m, 0, sizeof(*m));
	memset(lines, 0, sizeof(*lines));
	set_defaults(rule->keys, m);
	m->line = block->line;
	m->local = r->draft->conf->local;
	check_title(r, block, sizeof(m->serial));
	set_title(m->serial, sizeof(m->serial), block->text);
	read_values(r, rule->keys, block, &place);
	read_member_blocks(r, rule->blocks, block, m);
	finish_member(m);
}

static void
read_members(struct reader *r, const struct ha_block_rule *rule,
    const struct ha_tree_node *root)
{
	struct ha_cluster_conf *conf = r->draft->conf;
	struct ha_conf_member extra;
	struct ha_conf_lines extra_lines;
	size_t n = 0;

	for (const struct ha_tree_node *b = root->children; b != NULL;
	    b = b->next) {
		if (b->kind != HA_TREE_BLOCK ||
		    strcmp(b->name, rule->name) != 0)
			continue;
		check_once(r, root, b);
		if (n < HA_MEMBER_MAX)
			read_member(r, rule, b, &conf->members[n],
			    &r->draft->members[n]);
		else
			read_member(r, rule, b, &extra, &extra_lines);
		if (n++ == HA_MEMBER_MAX)
			ha_conf_error(r->report, b->line, "member \"%s\" is "
			    "one too many: a cluster has at most %d members",
			    b->text, HA_MEMBER_MAX);
	}
	conf->n_members = n < HA_MEMBER_MAX ? n : HA_MEMBER_MAX;
	if (n == 0 && !r->draft->cut)
		ha_conf_error(r->report, 0, "there is no member: add a member "
		    "block for each firewall");
}

static void
read_top_block(struct reader *r, const struct ha_block_rule *rule,
    const struct ha_tree_node *block)
{
	struct ha_conf_draft *draft = r->draft;
	struct ha_conf_lines lines = { 0 };
	bool sessions = strcmp(rule->name, "sessions") == 0;
	struct place place = { draft->conf, NULL,
		sessions ? &draft->sessions : &lines };

	if (rule->kind == HA_BLOCK_ZONE)
		read_zone(r, rule, block, &draft->conf->local);
	else
		read_values(r, rule->keys, block, &place);
	if (rule->later != NULL)
		warn_later(r, block->line, rule->name, rule->later);
}

static void
read_top_blocks(struct reader *r, const struct ha_tree_node *root)
{
	for (const struct ha_tree_node *n = root->children; n != NULL;
	    n = n->next) {
		const struct ha_block_rule *rule;

		if (n->kind != HA_TREE_BLOCK)
			continue;
		rule = ha_block_rule_find(HA_CONF_RULES.blocks, n->name);
		if (rule->kind == HA_BLOCK_MEMBER)
			continue;
		check_once(r, root, n);
		read_top_block(r, rule, n);
	}
}

static void
set_all_defaults(struct ha_cluster_conf *conf)
{
	set_defaults(HA_CONF_RULES.keys, conf);
	for (const struct ha_block_rule *b = HA_CONF_RULES.blocks;
	    b->name != NULL; b++)
		if (b->kind == HA_BLOCK_PART)
			set_defaults(b->keys, conf);
}

/* Sessions live in some zone, also when the file names none. */
static void
set_default_zone(struct ha_conf_local *local)
{
	if (local->n_zones != 0)
		return;
	local->n_zones = 1;
	memcpy(local->zones[0].name, "default", sizeof("default"));
}

void
ha_conf_read(const struct ha_tree_node *root, struct ha_conf_report *report,
    struct ha_conf_draft *draft)
{
	struct reader r = { .report = report, .draft = draft };
	struct ha_conf_lines lines = { 0 };
	struct place top = { draft->conf, NULL, &lines };

	set_all_defaults(draft->conf);
	read_values(&r, HA_CONF_RULES.keys, root, &top);
	read_top_blocks(&r, root);
	set_default_zone(&draft->conf->local);
	if (!draft->cut && !has(root, HA_TREE_BLOCK, "cluster"))
		ha_conf_error(report, 0, "there is no cluster block: add "
		    "cluster { id = N } with a number from 1 to 99");
	read_members(&r,
	    ha_block_rule_find(HA_CONF_RULES.blocks, "member"), root);
}
