/*
 * The library's scanner is one static object.  An unterminated string leaves
 * it inside that string for the next file of the same process, a comment in
 * C's style makes it count one line too many, a variable of the environment
 * is put into any string, and a word may hold a path into other blocks.  A
 * daemon that reads its file again and again can have none of that.  So the
 * text is walked once before: what is left for the library are words,
 * strings that end on their line, braces, commas and equal signs, on the
 * lines where the operator wrote them.
 */
#include "conf/conf_text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NESTING_MAX 16 /* the grammar needs 3 */

/* What the next word or string is. */
enum next {
	NEXT_KEY,   /* or the name of a block, or the end of one */
	NEXT_TITLE, /* or = or { */
	NEXT_VALUE, /* or the { of a list */
	NEXT_ITEM,  /* of a list, or its end */
	NEXT_ERROR, /* the library will not come so far */
};

struct walk {
	struct ha_conf_report *report;
	struct ha_conf_text *result;
	char *text;
	size_t len;
	size_t at;
	unsigned int line;
	enum next next;
	size_t depth;
	unsigned int open[NESTING_MAX]; /* lines of open braces; 0: a list */
};

static char
look(const struct walk *w, size_t ahead)
{
	return w->at + ahead < w->len ? w->text[w->at + ahead] : '\0';
}

/* Why a printable character has no place outside of strings. */
static const char *
why_unexpected(unsigned char c)
{
	switch (c) {
	case ';':
		return "nothing stands between a value and the next key";
	case '[':
	case ']':
		return "a list stands in { }";
	case '(':
	case ')':
		return "nothing is called or included here";
	case '$':
		return "variables are not replaced: write the value";
	default:
		return "a value with such characters stands in \"quotes\"";
	}
}

static int
refuse_character(struct walk *w)
{
	unsigned char c = (unsigned char)w->text[w->at];

	if (c == '\0')
		ha_conf_error(w->report, w->line,
		    "a zero byte: this is no text file");
	else if (c > ' ' && c < 0x7f)
		ha_conf_error(w->report, w->line, "unexpected '%c': %s", c,
		    why_unexpected(c));
	else if (w->at == 0 && w->len >= 3 &&
	    memcmp(w->text, "\xef\xbb\xbf", 3) == 0)
		ha_conf_error(w->report, w->line, "a byte order mark: save "
		    "the file as UTF-8 without one");
	else
		ha_conf_error(w->report, w->line, "unexpected byte 0x%02x: "
		    "outside of \"quotes\" and comments the file is plain "
		    "ASCII", c);
	return HA_ERR_CONFIG;
}

static void
blank_rest_of_line(struct walk *w)
{
	while (w->at < w->len && w->text[w->at] != '\n')
		w->text[w->at++] = ' ';
}

static int
blank_long_comment(struct walk *w)
{
	unsigned int begin = w->line;

	while (w->at < w->len) {
		if (look(w, 0) == '*' && look(w, 1) == '/') {
			w->text[w->at++] = ' ';
			w->text[w->at++] = ' ';
			return HA_OK;
		}
		if (w->text[w->at] == '\n')
			w->line++;
		else
			w->text[w->at] = ' ';
		w->at++;
	}
	ha_conf_error(w->report, begin,
	    "this comment has no end: close it with */");
	return HA_ERR_CONFIG;
}

static int
check_in_string(struct walk *w, char quote)
{
	unsigned char c = (unsigned char)w->text[w->at];

	if (c == '\\' && look(w, 1) != '\\' && look(w, 1) != quote) {
		ha_conf_error(w->report, w->line, "a backslash in a string "
		    "stands before %c or another backslash only", quote);
		return HA_ERR_CONFIG;
	}
	if (c == '$' && look(w, 1) == '{') {
		ha_conf_error(w->report, w->line, "${...} is not replaced "
		    "here: the file is the same on every member, so write the "
		    "value");
		return HA_ERR_CONFIG;
	}
	if (c < ' ' || c == 0x7f) {
		ha_conf_error(w->report, w->line, "control character 0x%02x "
		    "in a string", c);
		return HA_ERR_CONFIG;
	}
	w->at += c == '\\' ? 2 : 1;
	return HA_OK;
}

static int
pass_string(struct walk *w)
{
	char quote = w->text[w->at++];
	int rc = HA_OK;

	while (rc == HA_OK && w->at < w->len) {
		if (w->text[w->at] == quote) {
			w->at++;
			return HA_OK;
		}
		if (w->text[w->at] == '\n')
			break;
		rc = check_in_string(w, quote);
	}
	if (rc == HA_OK)
		ha_conf_error(w->report, w->line, "this string has no end: "
		    "close it with %c on the same line", quote);
	return HA_ERR_CONFIG;
}

static int
pass_open_brace(struct walk *w)
{
	bool list = w->next == NEXT_VALUE;

	if (w->depth == NESTING_MAX) {
		ha_conf_error(w->report, w->line, "too many open braces");
		return HA_ERR_CONFIG;
	}
	w->open[w->depth++] = list ? 0 : w->line;
	w->next = list ? NEXT_ITEM :
	    w->next == NEXT_TITLE ? NEXT_KEY : NEXT_ERROR;
	w->at++;
	return HA_OK;
}

static int
pass_close_brace(struct walk *w)
{
	struct ha_conf_text *r = w->result;

	if (w->depth == 0) {
		ha_conf_error(w->report, w->line,
		    "this closing brace has no opening one");
		return HA_ERR_CONFIG;
	}
	if (w->open[--w->depth] != 0)
		r->blocks[r->n_blocks++] = w->open[w->depth];
	w->next = w->next == NEXT_KEY || w->next == NEXT_ITEM ? NEXT_KEY :
	    NEXT_ERROR;
	w->at++;
	return HA_OK;
}

static bool
is_word(char c)
{
	return isalnum((unsigned char)c) || (c != '\0' &&
	    strchr("_.:%-", c) != NULL);
}

static void
pass_word(struct walk *w)
{
	while (is_word(look(w, 0)))
		w->at++;
}

static int
pass_text(struct walk *w, bool quoted)
{
	int rc = HA_OK;

	if (quoted && w->next == NEXT_KEY) {
		ha_conf_error(w->report, w->line, "a string where a key "
		    "belongs: keys and names of blocks have no quotes");
		return HA_ERR_CONFIG;
	}
	if (w->next == NEXT_KEY)
		w->next = NEXT_TITLE;
	else if (w->next == NEXT_VALUE)
		w->next = NEXT_KEY;
	if (quoted)
		rc = pass_string(w);
	else
		pass_word(w);
	return rc;
}

static int
pass_token(struct walk *w)
{
	char c = w->text[w->at];

	if (c == '"' || c == '\'' || is_word(c))
		return pass_text(w, !is_word(c));
	if (c == '{')
		return pass_open_brace(w);
	if (c == '}')
		return pass_close_brace(w);
	if (c != '=' && c != ',')
		return refuse_character(w);
	if (c == '=')
		w->next = w->next == NEXT_TITLE ? NEXT_VALUE : NEXT_ERROR;
	else if (w->next != NEXT_ITEM)
		w->next = NEXT_ERROR;
	w->at++;
	return HA_OK;
}

static int
pass_one(struct walk *w)
{
	char c = w->text[w->at];

	if (c == '\n') {
		w->line++;
		w->at++;
	} else if (c == ' ' || c == '\t' || c == '\r') {
		w->at++;
	} else if (c == '#' || (c == '/' && look(w, 1) == '/')) {
		blank_rest_of_line(w);
	} else if (c == '/' && look(w, 1) == '*') {
		w->text[w->at++] = ' ';
		w->text[w->at++] = ' ';
		return blank_long_comment(w);
	} else {
		return pass_token(w);
	}
	return HA_OK;
}

/* Blocks that are open where the text ends close there, the inner first. */
static void
close_all(struct walk *w)
{
	struct ha_conf_text *r = w->result;

	while (w->depth > 0)
		if (w->open[--w->depth] != 0)
			r->blocks[r->n_blocks++] = w->open[w->depth];
}

static int
check_closed(const struct walk *w)
{
	for (size_t i = w->depth; i > 0; i--) {
		if (w->open[i - 1] == 0)
			continue;
		ha_conf_error(w->report, w->open[i - 1],
		    "this block has no end: close it with }");
		return HA_ERR_CONFIG;
	}
	if (w->depth != 0) {
		ha_conf_error(w->report, w->line,
		    "a list has no end: close it with }");
		return HA_ERR_CONFIG;
	}
	return HA_OK;
}

static size_t
count_braces(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '{';
	return n;
}

int
ha_conf_text_clean(const char *text, size_t len,
    struct ha_conf_report *report, struct ha_conf_text *out)
{
	struct ha_conf_text r = { 0 };
	struct walk w = { .report = report, .result = &r, .len = len,
		.line = 1 };
	size_t begin = 0;
	int rc = HA_OK;

	r.text = malloc(len + 1);
	r.blocks = calloc(count_braces(text, len) + 1, sizeof(*r.blocks));
	if (r.text == NULL || r.blocks == NULL) {
		ha_conf_text_free(&r);
		return HA_ERR_NOMEM;
	}
	memcpy(r.text, text, len);
	r.text[len] = '\0';
	w.text = r.text;

	while (rc == HA_OK && w.at < w.len) {
		begin = w.at;
		rc = pass_one(&w);
	}
	if (rc != HA_OK)
		r.text[begin] = '\0';
	else
		rc = check_closed(&w);
	r.cut = rc != HA_OK;
	close_all(&w);
	*out = r;
	return HA_OK;
}

void
ha_conf_text_free(struct ha_conf_text *text)
{
	free(text->text);
	free(text->blocks);
	*text = (struct ha_conf_text){ 0 };
}
