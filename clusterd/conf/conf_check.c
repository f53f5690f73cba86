/*
 * Conflicts are reported at the line of the later value and name the line of
 * the earlier one.  A value that is missing or wrong by itself has line 0 and
 * is in no conflict: one mistake makes one message.
 *
 * A member that is not enabled keeps its serial, index and keys to itself; its
 * addresses are free for the one that takes its place.
 */
#include "conf/conf_check.h"

#include <string.h>

#include "conf/conf_value.h"

static const char *const ADDRESS_KEYS[HA_LINK_MAX] = {
	[HA_LINK_HA4] = "ha4-address",
	[HA_LINK_HA4_BACKUP] = "ha4-backup-address",
};

struct pair {
	const struct ha_conf_draft *draft;
	struct ha_conf_report *report;
	size_t a; /* places of two members in the file, a before b */
	size_t b;
};

static const struct ha_conf_member *
member(const struct ha_conf_draft *d, size_t i)
{
	return &d->conf->members[i];
}

static unsigned int
line_of(const struct ha_conf_draft *d, size_t i, const char *key)
{
	const struct ha_block_rule *rule =
	    ha_block_rule_find(HA_CONF_RULES.blocks, "member");

	return ha_conf_line_of(&d->members[i], rule->keys, key);
}

static unsigned int
line_of_address(const struct ha_conf_draft *d, size_t i, enum ha_link_id link)
{
	return member(d, i)->address[link].family == 0 ? 0 :
	    line_of(d, i, ADDRESS_KEYS[link]);
}

static void
check_index(const struct pair *p)
{
	const struct ha_conf_member *a = member(p->draft, p->a);
	const struct ha_conf_member *b = member(p->draft, p->b);
	unsigned int first = line_of(p->draft, p->a, "index");
	unsigned int second = line_of(p->draft, p->b, "index");

	if (first == 0 || second == 0 || a->index != b->index)
		return;
	ha_conf_error(p->report, second, "index = %u belongs to member \"%s\" "
	    "already (line %u): give \"%s\" a free one", b->index, a->serial,
	    first, b->serial);
}

static void
check_one_address(const struct pair *p, enum ha_link_id la, enum ha_link_id lb)
{
	const struct ha_conf_member *a = member(p->draft, p->a);
	const struct ha_conf_member *b = member(p->draft, p->b);
	unsigned int first = line_of_address(p->draft, p->a, la);
	unsigned int second = line_of_address(p->draft, p->b, lb);
	char text[HA_CONF_ADDRESS_LEN];

	if (first == 0 || second == 0 || !a->enabled || !b->enabled ||
	    !ha_conf_same_host(&a->address[la], &b->address[lb]))
		return;
	ha_conf_address_text(&b->address[lb], false, text);
	ha_conf_error(p->report, second, "%s: %s belongs to member \"%s\" "
	    "already (line %u)", ADDRESS_KEYS[lb], text, a->serial, first);
}

static void
check_ha4_address(const struct pair *p)
{
	check_one_address(p, HA_LINK_HA4, HA_LINK_HA4);
	check_one_address(p, HA_LINK_HA4_BACKUP, HA_LINK_HA4);
}

static void
check_backup_address(const struct pair *p)
{
	check_one_address(p, HA_LINK_HA4, HA_LINK_HA4_BACKUP);
	check_one_address(p, HA_LINK_HA4_BACKUP, HA_LINK_HA4_BACKUP);
}

/* One link is one connection, and its two ends are of one family: that of
 * the first member that takes part. */
static void
check_families(const struct pair *p)
{
	for (int l = 0; l < HA_LINK_MAX; l++) {
		enum ha_link_id link = (enum ha_link_id)l;
		unsigned int first = line_of_address(p->draft, p->a, link);
		unsigned int second = line_of_address(p->draft, p->b, link);
		uint8_t fa = member(p->draft, p->a)->address[l].family;
		uint8_t fb = member(p->draft, p->b)->address[l].family;

		if (first == 0 || second == 0 || fa == fb)
			continue;
		ha_conf_error(p->report, second, "%s is IPv%d, and that of "
		    "member \"%s\" (line %u) is IPv%d: they can't reach each "
		    "other", ADDRESS_KEYS[l], fb, member(p->draft,
		    p->a)->serial, first, fa);
	}
}

static const uint8_t *
key_of(const struct ha_conf_member *m, int i)
{
	return i == 0 ? m->public_key : m->next_public_key;
}

static void
check_one_key(const struct pair *p, int ia, int ib)
{
	static const char *const NAMES[] = { "public-key", "next-public-key" };
	const struct ha_conf_member *a = member(p->draft, p->a);
	const struct ha_conf_member *b = member(p->draft, p->b);
	unsigned int first = line_of(p->draft, p->a, NAMES[ia]);
	unsigned int second = line_of(p->draft, p->b, NAMES[ib]);

	if (first == 0 || second == 0 ||
	    (ia == 1 && !a->has_next_public_key) ||
	    (ib == 1 && !b->has_next_public_key) ||
	    memcmp(key_of(a, ia), key_of(b, ib), HA_KEY_LEN) != 0)
		return;
	ha_conf_error(p->report, second, "%s is the %s of member \"%s\" "
	    "already (line %u): each member makes its own with clusterctl "
	    "identity init", NAMES[ib], NAMES[ia], a->serial, first);
}

static void
check_key(const struct pair *p)
{
	check_one_key(p, 0, 0);
	check_one_key(p, 1, 0);
}

static void
check_next_key(const struct pair *p)
{
	check_one_key(p, 0, 1);
	check_one_key(p, 1, 1);
}

bool
ha_conf_same_subnet(const struct ha_conf_address *a,
    const struct ha_conf_address *b)
{
	unsigned int bits = a->prefix < b->prefix ? a->prefix : b->prefix;

	if (a->family != b->family)
		return false;
	if (bits == HA_CONF_PREFIX_NONE)
		return ha_conf_same_host(a, b);
	return ha_conf_address_in_subnet(a, b, bits);
}

static void
check_subnets(const struct ha_conf_draft *d, size_t i,
    struct ha_conf_report *report)
{
	const struct ha_conf_member *m = member(d, i);
	unsigned int first = line_of_address(d, i, HA_LINK_HA4);
	unsigned int second = line_of_address(d, i, HA_LINK_HA4_BACKUP);

	if (first == 0 || second == 0 ||
	    !ha_conf_same_subnet(&m->address[HA_LINK_HA4],
	    &m->address[HA_LINK_HA4_BACKUP]))
		return;
	ha_conf_error(report, second, "ha4-backup-address is in the same "
	    "subnet as ha4-address (line %u): the links back each other up "
	    "only on different networks", first);
}

static void
check_own_keys(const struct ha_conf_draft *d, size_t i,
    struct ha_conf_report *report)
{
	const struct ha_conf_member *m = member(d, i);
	unsigned int first = line_of(d, i, "public-key");
	unsigned int second = line_of(d, i, "next-public-key");

	if (first != 0 && second != 0 && m->has_next_public_key &&
	    memcmp(m->public_key, m->next_public_key, HA_KEY_LEN) == 0)
		ha_conf_error(report, second, "next-public-key is the same as "
		    "public-key (line %u): leave it empty until clusterctl "
		    "identity rotate has made the next one", first);
}

static unsigned int
line_of_sessions(const struct ha_conf_draft *d, const char *key)
{
	const struct ha_block_rule *rule =
	    ha_block_rule_find(HA_CONF_RULES.blocks, "sessions");

	return ha_conf_line_of(&d->sessions, rule->keys, key);
}

static void
check_bits(const struct ha_conf_draft *d, struct ha_conf_report *report)
{
	const struct ha_conf_sessions *s = &d->conf->sessions;
	unsigned int signal = line_of_sessions(d, "signal");
	unsigned int owner = line_of_sessions(d, "owner-bit");
	unsigned int replica = line_of_sessions(d, "replica-bit");
	bool mark = s->signal == HA_CONF_SIGNAL_MARK;

	if (mark && s->owner_bit > 31)
		ha_conf_error(report, owner != 0 ? owner : signal,
		    "owner-bit = %u is out of range: a mark has the bits 0 to "
		    "31", s->owner_bit);
	if (mark && s->replica_bit > 31)
		ha_conf_error(report, replica != 0 ? replica : signal,
		    "replica-bit = %u is out of range: a mark has the bits 0 "
		    "to 31", s->replica_bit);
	if (s->owner_bit == s->replica_bit)
		ha_conf_error(report, replica != 0 ? replica : owner,
		    "owner-bit and replica-bit are both %u: they mean "
		    "different things, so they are different bits",
		    s->owner_bit);
}

static void
check_all_families(const struct ha_conf_draft *draft,
    struct ha_conf_report *report)
{
	size_t n = draft->conf->n_members;
	size_t a = 0;

	while (a < n && !member(draft, a)->enabled)
		a++;
	for (size_t b = a + 1; b < n; b++)
		if (member(draft, b)->enabled)
			check_families(
			    &(const struct pair){ draft, report, a, b });
}

void
ha_conf_check_zone(struct ha_conf_report *report, unsigned int line,
    const struct ha_conf_local *local, const struct ha_conf_zone *zone)
{
	for (int i = 0; i < local->n_zones; i++) {
		const char *name = local->zones[i].name;

		if (strcmp(name, zone->name) != 0 &&
		    ha_zone_key(name) == ha_zone_key(zone->name))
			ha_conf_error(report, line, "zone \"%s\" and zone "
			    "\"%s\" have the same key among members: give "
			    "one of them another name", name, zone->name);
	}
}

/* Those of the file itself were compared as they were read. */
static void
check_zones(const struct pair *p)
{
	const struct ha_conf_member *a = member(p->draft, p->a);
	const struct ha_conf_member *b = member(p->draft, p->b);

	if (((a->own | b->own) & HA_CONF_OWN_ZONES) == 0)
		return;
	for (int i = 0; i < b->local.n_zones; i++)
		ha_conf_check_zone(p->report, b->line, &a->local,
		    &b->local.zones[i]);
}

/* Compare a member with those before it, up to the first that it clashes with:
 * one value that many share is one mistake of each, not of each pair. */
static void
check_against(const struct ha_conf_draft *draft, size_t b,
    struct ha_conf_report *report, void (*check)(const struct pair *p))
{
	size_t errors = report->n_errors;

	for (size_t a = 0; a < b && report->n_errors == errors; a++) {
		const struct pair p = { draft, report, a, b };

		/* A member given twice has been reported. */
		if (strcmp(member(draft, a)->serial,
		    member(draft, b)->serial) != 0)
			check(&p);
	}
}

void
ha_conf_check(const struct ha_conf_draft *draft, struct ha_conf_report *report)
{
	for (size_t b = 0; b < draft->conf->n_members; b++) {
		check_subnets(draft, b, report);
		check_own_keys(draft, b, report);
		check_against(draft, b, report, check_index);
		check_against(draft, b, report, check_ha4_address);
		check_against(draft, b, report, check_backup_address);
		check_against(draft, b, report, check_key);
		check_against(draft, b, report, check_next_key);
		check_against(draft, b, report, check_zones);
	}
	check_all_families(draft, report);
	if (!draft->cut)
		check_bits(draft, report);
}
