/*
 * The rules are walked once more, this time to write.  A block that is part
 * of the struct around it is written always, with all its values; a member
 * writes of its own parts only those that its block has set.
 */
#include <sodium.h>
#include <stdlib.h>

#include "conf/cluster_conf.h"
#include "conf/conf_rules.h"
#include "conf/conf_value.h"

struct printer {
	FILE *out;
	bool for_digest; /* only what the members have to agree on */
	unsigned int depth;
};

static void
indent(const struct printer *p)
{
	for (unsigned int i = 0; i < p->depth; i++)
		fputc('\t', p->out);
}

static void
open_block(struct printer *p, const char *name, const char *title)
{
	indent(p);
	fputs(name, p->out);
	if (title != NULL) {
		fputc(' ', p->out);
		ha_conf_string_print(title, p->out);
	}
	fputs(" {\n", p->out);
	p->depth++;
}

static void
close_block(struct printer *p)
{
	p->depth--;
	indent(p);
	fputs("}\n", p->out);
}

/* own: what the block around may say itself of what rule->own asks. */
static void
print_keys(const struct printer *p, const struct ha_rule *keys,
    const void *base, unsigned int own)
{
	for (const struct ha_rule *k = keys; k->name != NULL; k++) {
		if ((p->for_digest && k->one_member) ||
		    (k->own & own) != k->own)
			continue;
		indent(p);
		fprintf(p->out, "%s = ", k->name);
		ha_conf_value_print(k, base, p->out);
		fputc('\n', p->out);
	}
}

static void
print_block(struct printer *p, const struct ha_block_rule *rule,
    const char *title, const void *base)
{
	open_block(p, rule->name, title);
	print_keys(p, rule->keys, base, ~0u);
	close_block(p);
}

static void
print_zones(struct printer *p, const struct ha_block_rule *rule,
    const struct ha_conf_local *local)
{
	for (unsigned int i = 0; i < local->n_zones; i++)
		print_block(p, rule, local->zones[i].name, &local->zones[i]);
}

static void
print_member_block(struct printer *p, const struct ha_block_rule *rule,
    const struct ha_conf_member *m)
{
	switch (rule->kind) {
	case HA_BLOCK_PART:
		print_block(p, rule, NULL, m);
		break;
	case HA_BLOCK_ZONE:
		print_zones(p, rule, &m->local);
		break;
	case HA_BLOCK_LINK_GROUP:
		for (unsigned int i = 0; i < m->n_link_groups; i++)
			print_block(p, rule, m->link_groups[i].name,
			    &m->link_groups[i]);
		break;
	case HA_BLOCK_PATH_GROUP:
		for (unsigned int i = 0; i < m->n_path_groups; i++)
			print_block(p, rule, m->path_groups[i].name,
			    &m->path_groups[i]);
		break;
	case HA_BLOCK_MEMBER:
		break;
	}
}

static void
print_member(struct printer *p, const struct ha_block_rule *rule,
    const struct ha_conf_member *m)
{
	open_block(p, rule->name, m->serial);
	print_keys(p, rule->keys, m, m->own);
	for (const struct ha_block_rule *b = rule->blocks; b->name != NULL;
	    b++)
		if ((b->own & m->own) == b->own &&
		    !(p->for_digest && b->one_member))
			print_member_block(p, b, m);
	close_block(p);
}

static void
print_top_block(struct printer *p, const struct ha_block_rule *rule,
    const struct ha_cluster_conf *conf)
{
	if (rule->kind == HA_BLOCK_ZONE)
		print_zones(p, rule, &conf->local);
	else if (rule->kind == HA_BLOCK_MEMBER)
		for (size_t i = 0; i < conf->n_members; i++)
			print_member(p, rule, &conf->members[i]);
	else
		print_block(p, rule, NULL, conf);
}

static int
print_all(const struct ha_cluster_conf *conf, bool for_digest, FILE *out)
{
	struct printer p = { .out = out, .for_digest = for_digest };

	print_keys(&p, HA_CONF_RULES.keys, conf, ~0u);
	for (const struct ha_block_rule *b = HA_CONF_RULES.blocks;
	    b->name != NULL; b++)
		if (!for_digest || !b->one_member)
			print_top_block(&p, b, conf);
	return fflush(out) == 0 && !ferror(out) ? HA_OK : HA_ERR_IO;
}

int
ha_cluster_conf_print(const struct ha_cluster_conf *conf, FILE *out)
{
	return print_all(conf, false, out);
}

int
ha_cluster_conf_digest(const struct ha_cluster_conf *conf,
    uint8_t digest[static HA_CONF_DIGEST_LEN])
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int rc;

	if (out == NULL)
		return HA_ERR_NOMEM;
	rc = print_all(conf, true, out);
	if (fclose(out) != 0 || rc != HA_OK) {
		free(text);
		return HA_ERR_NOMEM;
	}
	crypto_generichash(digest, HA_CONF_DIGEST_LEN,
	    (const unsigned char *)text, len, NULL, 0);
	free(text);
	return HA_OK;
}
