/*
 * conf_report: what is wrong with an operator's file, as a list.
 *
 * Readers add messages and go on, so that one run names every wrong value.
 * They print nothing: the caller has the file's name and knows whether a
 * terminal, a log or a control socket listens.
 *
 * Ownership  the caller owns the report; ha_conf_report_free() releases what
 *            the list took and leaves it empty, fit for use again.
 * Errors     running out of memory while adding sets nomem; the reader then
 *            returns HA_ERR_NOMEM.
 */
#ifndef HA_CONF_CONF_REPORT_H
#define HA_CONF_CONF_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

#define HA_CONF_TEXT_LEN 320 /* bytes of a message, terminator included */

enum ha_conf_level {
	HA_CONF_WARNING, /* accepted, but somebody should know */
	HA_CONF_ERROR,   /* refused */
};

struct ha_conf_message {
	enum ha_conf_level level;
	unsigned int line; /* counts from 1; 0: the file as a whole */
	char text[HA_CONF_TEXT_LEN];
};

struct ha_conf_report {
	struct ha_conf_message *messages; /* by line, once a reader is done */
	size_t n;
	size_t n_errors;
	size_t capacity;
	bool nomem;
};

/* An empty report; {0} is one too. */
void ha_conf_report_init(struct ha_conf_report *report);

void ha_conf_report_free(struct ha_conf_report *report);

void ha_conf_error(struct ha_conf_report *report, unsigned int line,
    const char *fmt, ...) HA_PRINTF(3, 4);

void ha_conf_warning(struct ha_conf_report *report, unsigned int line,
    const char *fmt, ...) HA_PRINTF(3, 4);

/* Order by line; messages of one line keep their order. */
void ha_conf_report_sort(struct ha_conf_report *report);

/* Write a line for each message in the form of compilers, which editors can
 * follow: "FILE:LINE: error: TEXT". */
void ha_conf_report_print(const struct ha_conf_report *report,
    const char *file, FILE *out);

/* HA_OK without errors, else HA_ERR_CONFIG or HA_ERR_NOMEM. */
HA_MUST_USE int ha_conf_report_result(const struct ha_conf_report *report);

#endif /* HA_CONF_CONF_REPORT_H */
