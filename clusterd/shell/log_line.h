/*
 * log_line: the text of one line of the log.
 *
 * Ownership  writes into the caller's buffer; always terminated.
 */
#ifndef HA_SHELL_LOG_LINE_H
#define HA_SHELL_LOG_LINE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* "event key=value ..." without an end of line; what is no printable
 * character becomes '?', what is too long is cut and ends in "...".
 * left_out above 0 is told.  Returns the length. */
size_t ha_log_line(char *out, size_t size, const char *event,
    uint64_t left_out, const char *fmt, va_list ap) HA_PRINTF(5, 0);

/* text between quotes; a quote or a backslash in it becomes a single quote, a
 * control character '?'.  Cut to fit.  Returns out. */
const char *ha_log_quote(char *out, size_t size, const char *text);

#endif /* HA_SHELL_LOG_LINE_H */
