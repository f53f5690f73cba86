/*
 * A block is drawn key by key; then what the file demands of two values
 * together is put right: what must be different gets numbers that count up.
 */
#include "tests/unit/random_conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_rules.h"

static uint64_t
below(struct ha_rng *rng, uint64_t n)
{
	return ha_rng_below(rng, n);
}

/* --- single values --- */

static uint32_t
number(struct ha_rng *rng, const struct ha_rule *rule)
{
	switch (below(rng, 4)) {
	case 0:
		return rule->or_zero ? 0 : rule->min;
	case 1:
		return rule->min;
	case 2:
		return rule->max;
	default:
		return rule->min + (uint32_t)below(rng,
		    (uint64_t)rule->max - rule->min + 1);
	}
}

static void
store(void *at, size_t size, uint32_t value)
{
	if (size == 1)
		*(uint8_t *)at = (uint8_t)value;
	else if (size == 2)
		*(uint16_t *)at = (uint16_t)value;
	else
		*(uint32_t *)at = value;
}

/* Everything that might be taken for syntax, and UTF-8 of all lengths; size
 * bytes are rarely filled. */
static void
text(struct ha_rng *rng, char *out, size_t size)
{
	static const char *const PIECES[] = { "a", "Z", "7", " ", "\"", "'",
		"\\", "#", "//", "/*", "*/", "{", "}", "=", ",", ";", "$",
		"%", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x94\xa5" };
	size_t wanted = below(rng, 8) == 0 ? size - 1 : below(rng, 20);
	size_t at = 0;

	memset(out, 0, size);
	while (at < wanted) {
		const char *piece = PIECES[below(rng,
		    sizeof(PIECES) / sizeof(PIECES[0]))];
		size_t len = strlen(piece);

		if (at + len > wanted)
			break;
		if (at > 0 && out[at - 1] == '$' && piece[0] == '{')
			continue; /* a variable, which no file can have */
		memcpy(out + at, piece, len);
		at += len;
	}
}

static void
path(struct ha_rng *rng, char *out, size_t size)
{
	memset(out, 0, size);
	if (below(rng, 2) == 0)
		return;
	out[0] = '/';
	text(rng, out + 1, size - 1);
}

static void
listen_at(struct ha_rng *rng, char *out, size_t size)
{
	static const char *const SOME[] = { "", "127.0.0.1:7480",
		"[::1]:65535", "[fd00:1:2:3:4:5:6:7]:1" };

	memset(out, 0, size);
	snprintf(out, size, "%s",
	    SOME[below(rng, sizeof(SOME) / sizeof(SOME[0]))]);
}

static uint32_t
word(struct ha_rng *rng, const struct ha_rule *rule)
{
	uint32_t n = 0;

	while (rule->words[n] != NULL)
		n++;
	return (uint32_t)below(rng, n);
}

static void
interfaces(struct ha_rng *rng, struct ha_conf_link_group *g)
{
	g->n_interfaces =
	    (uint8_t)(1 + below(rng, HA_CONF_GROUP_ITEMS_MAX));
	for (unsigned int i = 0; i < g->n_interfaces; i++)
		snprintf(g->interfaces[i], sizeof(g->interfaces[i]),
		    "eth%u.\"%u", i, (unsigned int)below(rng, 4095));
}

static void
destinations(struct ha_rng *rng, struct ha_conf_path_group *g)
{
	g->n_destinations =
	    (uint8_t)(1 + below(rng, HA_CONF_GROUP_ITEMS_MAX));
	for (unsigned int i = 0; i < g->n_destinations; i++) {
		struct ha_conf_address *a = &g->destinations[i];
		bool v6 = below(rng, 2) == 0;

		a->family = v6 ? HA_IPV6 : HA_IPV4;
		a->prefix = HA_CONF_PREFIX_NONE;
		a->bytes[0] = v6 ? 0x20 : 198;
		a->bytes[1] = (uint8_t)below(rng, 256);
		a->bytes[v6 ? 15 : 3] = (uint8_t)i;
	}
}

/* --- blocks --- */

static void
draw_value(struct ha_rng *rng, const struct ha_rule *rule, void *base)
{
	char *at = (char *)base + rule->at;

	switch (rule->kind) {
	case HA_RULE_NUMBER:
		store(at, rule->size, number(rng, rule));
		break;
	case HA_RULE_BOOLEAN:
		*(bool *)(void *)at = below(rng, 2) == 0;
		break;
	case HA_RULE_TEXT:
		text(rng, at, rule->size);
		break;
	case HA_RULE_CHOICE:
		store(at, rule->size, word(rng, rule));
		break;
	case HA_RULE_LISTEN:
		listen_at(rng, at, rule->size);
		break;
	case HA_RULE_PATH:
		path(rng, at, rule->size);
		break;
	case HA_RULE_INTERFACES:
		interfaces(rng, base);
		break;
	case HA_RULE_DESTINATIONS:
		destinations(rng, base);
		break;
	case HA_RULE_ADDRESS: /* those of one member depend on each other */
	case HA_RULE_PUBLIC_KEY:
		break;
	}
}

static void
draw_keys(struct ha_rng *rng, const struct ha_rule *keys, void *base,
    unsigned int own)
{
	for (const struct ha_rule *k = keys; k->name != NULL; k++)
		if ((k->own & own) == k->own)
			draw_value(rng, k, base);
}

static const struct ha_block_rule *
rule_of(const struct ha_block_rule *blocks, const char *name)
{
	return ha_block_rule_find(blocks, name);
}

static void
draw_zones(struct ha_rng *rng, struct ha_conf_local *local)
{
	unsigned int next = 0;

	memset(local->zones, 0, sizeof(local->zones));
	local->n_zones = (uint8_t)(1 + below(rng, below(rng, 8) == 0 ?
	    HA_ZONES_MAX : 3));
	for (unsigned int i = 0; i < local->n_zones; i++) {
		struct ha_conf_zone *z = &local->zones[i];

		snprintf(z->name, sizeof(z->name), "zone-%u\"\\{%u}", i,
		    (unsigned int)below(rng, 1000));
		z->conntrack_zone = (uint16_t)(next + below(rng, 2000));
		next = z->conntrack_zone + 1u;
	}
}

static void
draw_groups(struct ha_rng *rng, const struct ha_block_rule *blocks,
    struct ha_conf_member *m)
{
	if (below(rng, 2) == 0)
		return;
	m->n_link_groups = (uint8_t)below(rng, HA_CONF_GROUPS_MAX + 1);
	m->n_path_groups = (uint8_t)below(rng, HA_CONF_GROUPS_MAX + 1);
	for (unsigned int i = 0; i < m->n_link_groups; i++) {
		struct ha_conf_link_group *g = &m->link_groups[i];

		draw_keys(rng, rule_of(blocks, "link-group")->keys, g, 0);
		snprintf(g->name, sizeof(g->name), "links-%u", i);
	}
	for (unsigned int i = 0; i < m->n_path_groups; i++) {
		struct ha_conf_path_group *g = &m->path_groups[i];

		draw_keys(rng, rule_of(blocks, "path-group")->keys, g, 0);
		snprintf(g->name, sizeof(g->name), "paths-%u", i);
	}
}

/* --- members --- */

/* All members' addresses of one link are of one family. */
static void
draw_address(struct ha_rng *rng, unsigned int index, int link, bool v6,
    struct ha_conf_address *a)
{
	a->family = v6 ? HA_IPV6 : HA_IPV4;
	a->bytes[0] = v6 ? 0xfd : 10;
	a->bytes[1] = (uint8_t)(4 + link);
	a->bytes[v6 ? 15 : 3] = (uint8_t)index;
	a->prefix = below(rng, 4) == 0 ? HA_CONF_PREFIX_NONE :
	    (uint8_t)(16 + below(rng, v6 ? 113 : 9));
}

static void
draw_key(struct ha_rng *rng, unsigned int index, uint8_t tag,
    uint8_t key[static HA_KEY_LEN])
{
	for (int i = 2; i < HA_KEY_LEN; i++)
		key[i] = (uint8_t)ha_rng_next(rng);
	key[0] = (uint8_t)index;
	key[1] = tag;
}

static void
draw_own(struct ha_rng *rng, const struct ha_block_rule *rule,
    const struct ha_conf_local *file, struct ha_conf_member *m)
{
	m->local = *file;
	m->own = (uint8_t)below(rng, HA_CONF_OWN_ZONES << 1);
	if (below(rng, 2) == 0)
		m->own = 0;
	if ((m->own & HA_CONF_OWN_ZONES) != 0)
		draw_zones(rng, &m->local);
	for (const struct ha_block_rule *b = rule->blocks; b->name != NULL;
	    b++)
		if (b->kind == HA_BLOCK_PART && (b->own & m->own) != 0)
			draw_keys(rng, b->keys, m, m->own);
}

static void
draw_member(struct ha_rng *rng, const struct ha_cluster_conf *conf,
    unsigned int index, const bool v6[HA_LINK_MAX], struct ha_conf_member *m)
{
	const struct ha_block_rule *rule =
	    rule_of(HA_CONF_RULES.blocks, "member");

	draw_own(rng, rule, &conf->local, m);
	draw_keys(rng, rule->keys, m, m->own);
	m->index = (uint8_t)index;
	snprintf(m->serial, sizeof(m->serial), "FW-%u/\"%u'", index,
	    (unsigned int)below(rng, 100));
	if (m->name[0] == '\0')
		memcpy(m->name, m->serial, sizeof(m->serial));
	draw_address(rng, index, 0, v6[0], &m->address[HA_LINK_HA4]);
	if (below(rng, 2) == 0)
		draw_address(rng, index, 1, v6[1],
		    &m->address[HA_LINK_HA4_BACKUP]);
	draw_key(rng, index, 1, m->public_key);
	m->has_next_public_key = below(rng, 2) == 0;
	if (m->has_next_public_key)
		draw_key(rng, index, 2, m->next_public_key);
	draw_groups(rng, rule->blocks, m);
}

static void
draw_members(struct ha_rng *rng, struct ha_cluster_conf *conf)
{
	const bool v6[HA_LINK_MAX] = { below(rng, 2) == 0,
		below(rng, 2) == 0 };
	unsigned int often = 1 + (unsigned int)below(rng, 8);

	for (unsigned int index = 1; index <= HA_MEMBER_MAX; index++)
		if (below(rng, often) == 0 ||
		    (index == HA_MEMBER_MAX && conf->n_members == 0))
			draw_member(rng, conf, index, v6,
			    &conf->members[conf->n_members++]);
}

static void
part_bits(struct ha_rng *rng, struct ha_conf_sessions *s)
{
	uint64_t bits = s->signal == HA_CONF_SIGNAL_MARK ? 32 : 128;

	s->owner_bit = (uint8_t)below(rng, bits);
	do
		s->replica_bit = (uint8_t)below(rng, bits);
	while (s->replica_bit == s->owner_bit);
}

void
random_conf(struct ha_rng *rng, struct ha_cluster_conf *out)
{
	memset(out, 0, sizeof(*out));
	draw_keys(rng, HA_CONF_RULES.keys, out, ~0u);
	for (const struct ha_block_rule *b = HA_CONF_RULES.blocks;
	    b->name != NULL; b++)
		if (b->kind == HA_BLOCK_PART)
			draw_keys(rng, b->keys, out, ~0u);
	part_bits(rng, &out->sessions);
	draw_zones(rng, &out->local);
	draw_members(rng, out);
}

char *
print_conf(const struct ha_cluster_conf *conf)
{
	char *all = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&all, &len);

	if (out == NULL || ha_cluster_conf_print(conf, out) != HA_OK ||
	    fclose(out) != 0)
		abort();
	return all;
}
