#include "tools/table.h"

#include <libsmartcols.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"

#define CELL_MAX    512
#define COLUMNS_MAX 16
#define WRAP_MIN    24 /* narrower than this is not worth it */

struct ha_table {
	struct libscols_table *table;
	struct libscols_line *line;
	const struct ha_table_column *columns;
	size_t n;
	size_t next; /* cell of the row */
	size_t widths[COLUMNS_MAX]; /* widest text so far */
	bool terminal;
	bool printed;
};

static void
no_memory(void)
{
	fputs("clusterctl: out of memory\n", stderr);
	exit(1);
}

const char *
ha_table_colour(const char *word)
{
	static const struct {
		const char *word;
		const char *colour;
	} COLOURS[] = {
		{ "green", "\033[32m" },
		{ "yellow", "\033[33m" },
		{ "red", "\033[31m" },
		{ "grey", "\033[90m" },
		{ "up", "\033[32m" },
		{ "down", "\033[31m" },
		{ "none", "\033[90m" },
		{ "unreachable", "\033[31m" },
		{ "active", "\033[32m" },
		{ "initial", "\033[33m" },
		{ "tentative", "\033[33m" },
		{ "suspended", "\033[33m" },
		{ "non-functional", "\033[31m" },
		{ "complete", "\033[32m" },
		{ "waiting", "\033[33m" },
		{ "equal", "\033[32m" },
		{ "different", "\033[31m" },
	};

	for (size_t i = 0; i < sizeof(COLOURS) / sizeof(COLOURS[0]); i++) {
		if (strcmp(COLOURS[i].word, word) == 0)
			return COLOURS[i].colour;
	}
	return NULL;
}

static bool
wants_colours(FILE *stream)
{
	return isatty(fileno(stream)) && getenv("NO_COLOR") == NULL;
}

static void
add_column(struct ha_table *t, const struct ha_table_column *c)
{
	bool wrap = (c->flags & TABLE_WRAP) != 0 && t->terminal;
	struct libscols_column *column;
	int flags = 0;

	if ((c->flags & TABLE_RIGHT) != 0)
		flags |= SCOLS_FL_RIGHT;
	if (wrap)
		flags |= SCOLS_FL_WRAP;
	column = scols_table_new_column(t->table, c->name, 0, flags);
	if (column == NULL)
		no_memory();
	if (wrap && (scols_column_set_safechars(column, "\n") != 0 ||
	    scols_column_set_wrapfunc(column, scols_wrapnl_chunksize,
	    scols_wrapnl_nextchunk, NULL) != 0))
		no_memory();
}

struct ha_table *
ha_table_new(FILE *stream, const struct ha_table_column *columns, size_t n)
{
	struct ha_table *t = calloc(1, sizeof(*t));

	HA_CHECK(n <= COLUMNS_MAX);
	if (t == NULL)
		no_memory();
	t->table = scols_new_table();
	if (t->table == NULL)
		no_memory();
	t->columns = columns;
	t->n = n;
	t->terminal = isatty(fileno(stream));
	scols_table_set_stream(t->table, stream);
	scols_table_enable_colors(t->table, wants_colours(stream));
	for (size_t i = 0; i < n; i++) {
		add_column(t, &columns[i]);
		t->widths[i] = strlen(columns[i].name);
	}
	return t;
}

void
ha_table_free(struct ha_table *table)
{
	if (table == NULL)
		return;
	scols_unref_table(table->table);
	free(table);
}

void
ha_table_row(struct ha_table *table)
{
	table->line = scols_table_new_line(table->table, NULL);
	if (table->line == NULL)
		no_memory();
	table->next = 0;
}

void
ha_table_cell(struct ha_table *table, const char *fmt, ...)
{
	const struct ha_table_column *column = &table->columns[table->next];
	struct libscols_cell *cell;
	const char *colour;
	char text[CELL_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (text[0] == '\0')
		strcpy(text, "-");
	cell = scols_line_get_cell(table->line, table->next);
	if (cell == NULL || scols_cell_set_data(cell, text) != 0)
		no_memory();
	colour = (column->flags & TABLE_WORD) == 0 ? NULL :
	    ha_table_colour(text);
	if (colour != NULL && scols_cell_set_color(cell, colour) != 0)
		no_memory();
	if (strlen(text) > table->widths[table->next])
		table->widths[table->next] = strlen(text);
	table->next++;
}

/* --- lines of whole words --- */

/* Break text between words, so that no line is longer than width, where words
 * allow it. */
static void
break_lines(char *text, size_t width)
{
	char *line = text, *space = NULL;

	for (char *p = text; *p != '\0'; p++) {
		if ((size_t)(p - line) >= width && space != NULL) {
			*space = '\n';
			line = space + 1;
			space = NULL;
		}
		if (*p == ' ')
			space = p;
	}
}

/* The library breaks a long cell anywhere; people read words. */
static void
wrap_column(struct ha_table *t, size_t column, size_t width)
{
	size_t n = scols_table_get_nlines(t->table);
	char text[CELL_MAX];

	for (size_t i = 0; i < n; i++) {
		struct libscols_line *line = scols_table_get_line(t->table,
		    i);
		struct libscols_cell *cell = scols_line_get_cell(line,
		    column);

		snprintf(text, sizeof(text), "%s", scols_cell_get_data(cell));
		break_lines(text, width);
		if (scols_cell_set_data(cell, text) != 0)
			no_memory();
	}
}

static void
wrap_lines(struct ha_table *t)
{
	size_t room = scols_table_get_termwidth(t->table), used = t->n - 1;
	size_t wrapped = t->n;

	for (size_t i = 0; i < t->n; i++) {
		if ((t->columns[i].flags & TABLE_WRAP) != 0)
			wrapped = i;
		else
			used += t->widths[i];
	}
	if (t->terminal && wrapped < t->n && room >= used + WRAP_MIN)
		wrap_column(t, wrapped, room - used);
}

/* What comes later lines up with what is on the screen. */
static void
keep_widths(struct ha_table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		struct libscols_column *c = scols_table_get_column(t->table,
		    i);

		scols_column_set_whint(c, (double)scols_column_get_width(c));
	}
}

void
ha_table_print(struct ha_table *table)
{
	wrap_lines(table);
	if (table->printed)
		scols_table_enable_noheadings(table->table, 1);
	if (scols_print_table(table->table) != 0)
		no_memory();
	keep_widths(table);
	scols_table_remove_lines(table->table);
	table->line = NULL;
	table->printed = true;
}
