/*
 * likeness: what two members told each other, and where it differs.
 *
 * Differences that do no harm by themselves but that somebody should know of:
 * both ends find the same ones and say the same sentence.
 *
 * Ownership  plain data; alarms and sentences are literals.
 */
#ifndef HA_SHELL_LIKENESS_H
#define HA_SHELL_LIKENESS_H

#include <stdbool.h>

#include "proto/greeting.h"

enum ha_unlike {
	HA_UNLIKE_FILE,    /* the cluster file */
	HA_UNLIKE_VERSION, /* of the software */
	HA_UNLIKE_ZONES,
	HA_UNLIKE_MAX,
};

bool ha_unlike(const struct ha_greeting *a, const struct ha_greeting *b,
    enum ha_unlike what);

/* The name of the alarm. */
const char *ha_unlike_alarm(enum ha_unlike what);

#define HA_UNLIKE_DETAIL_LEN 80

/* What g has of it, in a word for the log.  Returns out. */
const char *ha_unlike_detail(const struct ha_greeting *g, enum ha_unlike what,
    char out[static HA_UNLIKE_DETAIL_LEN]);

/* The sentence of both ends. */
const char *ha_unlike_sentence(enum ha_unlike what);

#endif /* HA_SHELL_LIKENESS_H */
