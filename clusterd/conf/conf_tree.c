/*
 * libConfuse parses; its callbacks tell of each value and of the end of each
 * block, in the file's order.  A stack turns that into a tree: a value is
 * pushed, and a block that ends takes everything from the top that was told
 * of its own section and takes its place.  The library's own copy of the
 * values is not used: of a key given twice it keeps the last one only, of a
 * block with the same title too, and of no value the line.
 *
 * The callbacks have no argument of ours, hence the static pointer; the
 * library's scanner is a static object as well, so nothing is lost by it.
 */
#include "conf/conf_tree.h"

#include <confuse.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "conf/conf_complaint.h"
#include "conf/conf_text.h"

#define SECTION_SEEN (1 << 24) /* of cfg_t.flags: its end was told */

struct ha_conf_tree {
	struct ha_tree_node root;
	bool cut;
};

struct parse {
	const struct ha_block_rule *grammar;
	struct ha_conf_report *report;
	struct ha_conf_text text;
	struct ha_tree_node *stack; /* linked by next, the top first */
	size_t n_closed;
	bool refused; /* the report has the reason */
	bool nomem;
};

static struct parse *current;

static void
free_nodes(struct ha_tree_node *node)
{
	while (node != NULL) {
		struct ha_tree_node *next = node->next;

		free_nodes(node->children);
		free(node);
		node = next;
	}
}

/* The node and its two texts are one piece of memory. */
static struct ha_tree_node *
new_node(enum ha_tree_kind kind, const char *name, const char *text)
{
	size_t name_size = strlen(name) + 1;
	size_t text_size = text == NULL ? 0 : strlen(text) + 1;
	struct ha_tree_node *node =
	    calloc(1, sizeof(*node) + name_size + text_size);
	char *texts = (char *)(node + 1);

	if (node == NULL)
		return NULL;
	node->kind = kind;
	node->name = memcpy(texts, name, name_size);
	if (text != NULL)
		node->text = memcpy(texts + name_size, text, text_size);
	return node;
}

static void
push(struct parse *p, struct ha_tree_node *node)
{
	node->next = p->stack;
	p->stack = node;
}

/* Everything on top that belongs to section, in the file's order. */
static struct ha_tree_node *
pop_all_of(struct parse *p, const void *section)
{
	struct ha_tree_node *children = NULL;

	while (p->stack != NULL && p->stack->section == section) {
		struct ha_tree_node *node = p->stack;

		p->stack = node->next;
		node->next = children;
		children = node;
	}
	return children;
}

/* A list tells its values one by one; the first of them counts as the key.
 * The default of such an option is nowhere used, so it keeps the line. */
static int
on_value(cfg_t *section, cfg_opt_t *key, const char *value, void *result)
{
	struct ha_tree_node *node = new_node(HA_TREE_VALUE, key->name, value);

	*(void **)result = NULL;
	if (node == NULL) {
		current->nomem = true;
		return -1;
	}
	node->section = section;
	node->line = (unsigned int)section->line;
	if (key->nvalues == 1) {
		node->first_line = (unsigned int)key->def.number;
		if (node->first_line == 0)
			key->def.number = section->line;
	}
	push(current, node);
	return 0;
}

/* The section of that name whose end was not told; NULL: there is none. */
static cfg_t *
find_open(const cfg_opt_t *block)
{
	for (unsigned int i = block->nvalues; i > 0; i--) {
		cfg_t *section = block->values[i - 1]->section;

		if ((section->flags & SECTION_SEEN) == 0)
			return section;
	}
	return NULL;
}

static int
on_block_end(cfg_t *outer, cfg_opt_t *block)
{
	struct parse *p = current;
	cfg_t *section = find_open(block);
	struct ha_tree_node *node;

	HA_CHECK(section != NULL);
	HA_CHECK(p->n_closed < p->text.n_blocks);
	node = new_node(HA_TREE_BLOCK, block->name, section->title);
	if (node == NULL) {
		p->nomem = true;
		return -1;
	}
	section->flags |= SECTION_SEEN;
	node->children = pop_all_of(p, section);
	node->section = outer;
	node->line = p->text.blocks[p->n_closed++];
	push(p, node);
	return 0;
}

static void HA_PRINTF(2, 0)
on_error(cfg_t *section, const char *fmt, va_list ap)
{
	struct parse *p = current;

	if (!p->refused)
		ha_conf_complain(p->report, p->grammar, section, fmt, ap);
	p->refused = true;
}

/* End what is open where the library stopped, the inner block first. */
static int
end_open_blocks(cfg_t *section)
{
	for (cfg_opt_t *o = section->opts; o->name != NULL; o++) {
		cfg_t *open = o->type == CFGT_SEC ? find_open(o) : NULL;

		if (open == NULL)
			continue;
		if (end_open_blocks(open) != 0)
			return -1;
		return on_block_end(section, o);
	}
	return 0;
}

static size_t
count_options(const struct ha_block_rule *grammar)
{
	size_t n = 0;

	for (const struct ha_rule *k = grammar->keys;
	    k != NULL && k->name != NULL; k++)
		n++;
	for (const struct ha_block_rule *b = grammar->blocks;
	    b != NULL && b->name != NULL; b++)
		n++;
	return n;
}

static void
free_options(cfg_opt_t *options)
{
	if (options == NULL)
		return;
	for (cfg_opt_t *o = options; o->name != NULL; o++)
		free_options(o->subopts);
	free(options);
}

static bool
is_list(const struct ha_rule *rule)
{
	return rule->kind == HA_RULE_INTERFACES ||
	    rule->kind == HA_RULE_DESTINATIONS;
}

/* The grammar in the library's form; NULL: no memory. */
static cfg_opt_t *
make_options(const struct ha_block_rule *grammar)
{
	cfg_opt_t *options =
	    calloc(count_options(grammar) + 1, sizeof(*options));
	cfg_opt_t *o = options;

	if (options == NULL)
		return NULL;
	for (const struct ha_rule *k = grammar->keys;
	    k != NULL && k->name != NULL; k++, o++) {
		o->name = k->name;
		o->type = CFGT_PTR;
		o->flags = is_list(k) ? CFGF_LIST : CFGF_NONE;
		o->parsecb = on_value;
	}
	for (const struct ha_block_rule *b = grammar->blocks;
	    b != NULL && b->name != NULL; b++, o++) {
		o->name = b->name;
		o->type = CFGT_SEC;
		o->flags = CFGF_MULTI |
		    (b->kind == HA_BLOCK_PART ? 0 : CFGF_TITLE);
		o->validcb = on_block_end;
		o->subopts = make_options(b);
		if (o->subopts == NULL) {
			free_options(options);
			return NULL;
		}
	}
	return options;
}

static int
run(struct parse *p, struct ha_tree_node **children)
{
	cfg_opt_t *options = make_options(p->grammar);
	cfg_t *cfg = options == NULL ? NULL : cfg_init(options, CFGF_NONE);
	int rc = HA_ERR_NOMEM;

	if (cfg == NULL)
		goto done;
	current = p;
	cfg_set_error_function(cfg, on_error);
	if (cfg_parse_buf(cfg, p->text.text) == CFG_SUCCESS ||
	    (p->refused && !p->nomem && end_open_blocks(cfg) == 0))
		rc = HA_OK;
	current = NULL;
	*children = rc == HA_OK ? pop_all_of(p, cfg) : NULL;
done:
	if (cfg != NULL)
		cfg_free(cfg);
	free_options(options);
	return rc;
}

int
ha_conf_tree_parse(const char *text, size_t len,
    const struct ha_block_rule *grammar, struct ha_conf_report *report,
    struct ha_conf_tree **out)
{
	struct parse p = { .grammar = grammar, .report = report };
	struct ha_conf_tree *tree = calloc(1, sizeof(*tree));
	int rc;

	if (tree == NULL)
		return HA_ERR_NOMEM;
	rc = ha_conf_text_clean(text, len, report, &p.text);
	p.refused = p.text.cut;
	if (rc == HA_OK)
		rc = run(&p, &tree->root.children);
	free_nodes(p.stack);
	ha_conf_text_free(&p.text);
	if (rc != HA_OK) {
		free(tree);
		return rc;
	}
	tree->root.name = "";
	tree->cut = p.refused;
	*out = tree;
	return HA_OK;
}

void
ha_conf_tree_free(struct ha_conf_tree *tree)
{
	if (tree == NULL)
		return;
	free_nodes(tree->root.children);
	free(tree);
}

bool
ha_conf_tree_is_cut(const struct ha_conf_tree *tree)
{
	return tree->cut;
}

const struct ha_tree_node *
ha_conf_tree_root(const struct ha_conf_tree *tree)
{
	return &tree->root;
}
