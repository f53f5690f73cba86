/*
 * log: one line per event for people and for programs that read logs.
 *
 *     member.state peer=3 from=initial to=active why="caught up"
 *
 * The stable name of the event comes first, then key=value.  What a stranger
 * on the network can cause as often as he likes goes through
 * ha_log_limited(): the first line of a reason at once, then at most one in
 * 30 seconds, with the number of those left out.
 *
 * Ownership  ha_log_new() and ha_log_free() pair; nothing passed in is kept.
 *            With NULL for a log nothing is logged.
 * Blocking   never: a line that the receiver of the log has no room for is
 *            dropped and counted.
 * Errors     none; a log that cannot be written is no reason to stop.
 */
#ifndef HA_SHELL_LOG_H
#define HA_SHELL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mono.h"
#include "shell/log_line.h"

enum ha_log_level {
	HA_LOG_ERR,    /* a person must act */
	HA_LOG_WARN,   /* degraded */
	HA_LOG_NOTICE, /* a state changed */
	HA_LOG_INFO,
	HA_LOG_DEBUG, /* single sessions too */
};

enum ha_log_target {
	HA_LOG_STDERR,
	HA_LOG_SYSLOG,
	HA_LOG_BOTH, /* while a daemon starts: somebody may watch */
};

#define HA_LOG_LINE_MAX 1024 /* bytes; what is longer is cut */

struct ha_log;

/* NULL: no memory. */
struct ha_log *ha_log_new(enum ha_log_target target, enum ha_log_level level);

/* NULL is allowed. */
void ha_log_free(struct ha_log *log);

/* "err" to "debug". */
const char *ha_log_level_name(enum ha_log_level level);

/* From now on elsewhere: a daemon leaves the terminal. */
void ha_log_retarget(struct ha_log *log, enum ha_log_target target);

void ha_log_set_level(struct ha_log *log, enum ha_log_level level);

bool ha_log_wants(const struct ha_log *log, enum ha_log_level level);

/* event is a literal like "link.up"; fmt gives the key=value pairs. */
void ha_log(struct ha_log *log, enum ha_log_level level, const char *event,
    const char *fmt, ...) HA_PRINTF(4, 5);

/* The same, limited per (event, about); about tells apart who caused it: a
 * member index, a reason, or 0. */
void ha_log_limited(struct ha_log *log, enum ha_log_level level,
    const char *event, uint32_t about, const char *fmt, ...) HA_PRINTF(5, 6);

/* Lines that found no room at the receiver. */
uint64_t ha_log_lost(const struct ha_log *log);

#endif /* HA_SHELL_LOG_H */
