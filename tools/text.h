/*
 * text: words, numbers and lines as people read them.
 *
 * Ownership  texts are borrowed; buffers are the caller's.
 */
#ifndef HA_TOOLS_TEXT_H
#define HA_TOOLS_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define HA_TEXT_DURATION 24
#define HA_TEXT_SIZE     24

/* "-" for NULL and "". */
const char *ha_text_or_dash(const char *text);

/* "7s", "3m12s", "2h05m", "4d03h"; returns buf. */
const char *ha_text_duration(uint64_t s, char buf[static HA_TEXT_DURATION]);

/* "831 B", "1.2 MiB"; returns buf. */
const char *ha_text_size(uint64_t bytes, char buf[static HA_TEXT_SIZE]);

/* A line "what value", in columns. */
void ha_text_line(FILE *stream, const char *what, const char *value);

/* The same with a list, or "none". */
void ha_text_words(FILE *stream, const char *what, size_t n,
    char *const *words);

/* The same with a word that has a colour of its own. */
void ha_text_word(FILE *stream, const char *what, const char *word);

#endif /* HA_TOOLS_TEXT_H */
