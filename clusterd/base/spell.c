#include "base/spell.h"

#include <string.h>

#define WORD_MAX 31

/* One row of the table of distances between the beginnings of both words is
 * enough: the one above it is overwritten from the left. */
unsigned int
ha_spell_distance(const char *a, const char *b)
{
	unsigned int row[WORD_MAX + 1];
	size_t n = strlen(b);

	if (strlen(a) > WORD_MAX || n > WORD_MAX)
		return WORD_MAX + 1;
	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 0; a[i] != '\0'; i++) {
		unsigned int diagonal = row[0];

		row[0] = (unsigned int)i + 1;
		for (size_t j = 1; j <= n; j++) {
			unsigned int up = row[j];
			unsigned int best = diagonal + (a[i] != b[j - 1]);

			if (up + 1 < best)
				best = up + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = up;
			row[j] = best;
		}
	}
	return row[n];
}

unsigned int
ha_spell_limit(const char *word)
{
	return strlen(word) < 5 ? 2 : 3;
}
