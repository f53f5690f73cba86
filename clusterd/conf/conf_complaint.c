/*
 * The library's complaints are told apart by their format strings, which are
 * what it hands out.  One that we do not know, perhaps of a later release, is
 * passed on as it is.
 */
#include "conf/conf_complaint.h"

#include <confuse.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/spell.h"

/* A list of words that grows until there is no room. */
struct words {
	char text[HA_CONF_TEXT_LEN];
	size_t at;
};

static void
add_word(struct words *w, const char *separator, const char *before,
    const char *word, const char *behind)
{
	int n = snprintf(w->text + w->at, sizeof(w->text) - w->at,
	    "%s%s%s%s", w->at == 0 ? "" : separator, before, word, behind);

	if (n > 0 && (size_t)n < sizeof(w->text) - w->at)
		w->at += (size_t)n;
	else
		w->text[w->at] = '\0';
}

/* --- a key that nobody knows --- */

static bool
is_root(const cfg_t *section)
{
	return strcmp(section->name, "root") == 0;
}

static bool
allows(const struct ha_block_rule *block, const char *name)
{
	return ha_block_rule_find(block->blocks, name) != NULL ||
	    (block->keys != NULL && ha_rule_find(block->keys, name) != NULL);
}

/* Two blocks have one name, and the one in a member has fewer keys. */
static void
add_place(const char *place, const cfg_t *section, struct words *places)
{
	if (*place == '\0')
		add_word(places, " or ", "to the top of the file", "", "");
	else if (strcmp(place, section->name) == 0)
		add_word(places, " or ", "into ", place,
		    " outside of a member");
	else if (strstr(places->text, place) == NULL)
		add_word(places, " or ", "into ", place, "");
}

static void
find_places(const struct ha_block_rule *block, const char *key,
    const cfg_t *section, struct words *places)
{
	if (allows(block, key))
		add_place(block->name, section, places);
	for (const struct ha_block_rule *b = block->blocks;
	    b != NULL && b->name != NULL; b++)
		find_places(b, key, section, places);
}

/* NULL: nothing here is like it. */
static const char *
find_nearest(const cfg_t *section, const char *key)
{
	unsigned int least = ha_spell_limit(key);
	const char *nearest = NULL;
	char small[HA_CONF_TEXT_LEN];
	size_t n = 0;

	for (; key[n] != '\0' && n < sizeof(small) - 1; n++)
		small[n] = (char)tolower((unsigned char)key[n]);
	small[n] = '\0';
	for (const cfg_opt_t *o = section->opts; o->name != NULL; o++) {
		unsigned int distance = ha_spell_distance(small, o->name);

		if (distance < least) {
			least = distance;
			nearest = o->name;
		}
	}
	return nearest;
}

static void
complain_of_key(struct ha_conf_report *report,
    const struct ha_block_rule *grammar, const cfg_t *section,
    const char *key)
{
	const char *nearest = find_nearest(section, key);
	const char *in = is_root(section) ? "outside of a block" : "in ";
	const char *block = is_root(section) ? "" : section->name;
	unsigned int line = (unsigned int)section->line;
	struct words places = { 0 };
	struct words known = { 0 };

	find_places(grammar, key, section, &places);
	if (places.at > 0) {
		ha_conf_error(report, line, "\"%s\" has no place %s%s: it "
		    "belongs %s", key, in, block, places.text);
		return;
	}
	if (nearest != NULL) {
		ha_conf_error(report, line, "unknown key \"%.64s\" %s%s: did "
		    "you mean %s?", key, in, block, nearest);
		return;
	}
	for (const cfg_opt_t *o = section->opts; o->name != NULL; o++)
		add_word(&known, ", ", "", o->name, "");
	ha_conf_error(report, line, "unknown key \"%.64s\" %s%s: one of %s",
	    key, in, block, known.text);
}

/* --- something out of place --- */

static void
complain_of_token(struct ha_conf_report *report, unsigned int line,
    const char *token)
{
	if (strcmp(token, "}") == 0)
		ha_conf_error(report, line, "a value is missing before }");
	else if (strcmp(token, "{") == 0)
		ha_conf_error(report, line, "{ has no place here: it follows "
		    "the name of a block, or the = of a key with a list");
	else if (strcmp(token, "=") == 0)
		ha_conf_error(report, line, "= has no place here: it stands "
		    "between a key and its value");
	else if (strcmp(token, ",") == 0)
		ha_conf_error(report, line, "a comma has no place here: it "
		    "stands between the values of a list in braces");
	else
		ha_conf_error(report, line, "a comma or } is missing before "
		    "%.64s", token);
}

/* Before a name of the grammar; NULL: no complaint of that kind. */
static const char *
before_name(const char *fmt)
{
	if (strcmp(fmt, "missing equal sign after option '%s'") == 0)
		return "= and a value are missing after";
	if (strcmp(fmt, "missing opening brace for section '%s'") == 0)
		return "{ is missing after";
	if (strcmp(fmt, "missing title for section '%s'") == 0)
		return "a name in quotes is missing after";
	return NULL;
}

void
ha_conf_complain(struct ha_conf_report *report,
    const struct ha_block_rule *grammar, const struct cfg_t *section,
    const char *fmt, va_list ap)
{
	unsigned int line = (unsigned int)section->line;
	const char *before = before_name(fmt);
	char words[HA_CONF_TEXT_LEN];

	if (before != NULL) {
		ha_conf_error(report, line, "%s %s", before,
		    va_arg(ap, const char *));
	} else if (strcmp(fmt, "no such option '%s'") == 0) {
		complain_of_key(report, grammar, section,
		    va_arg(ap, const char *));
	} else if (strcmp(fmt, "unexpected token '%s'") == 0) {
		complain_of_token(report, line, va_arg(ap, const char *));
	} else {
		vsnprintf(words, sizeof(words), fmt, ap);
		ha_conf_error(report, line, "syntax error: %s", words);
	}
}
