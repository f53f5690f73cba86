/*
 * Lines go out as one write each: to standard error while somebody watches,
 * to the system log when nobody does, and to both while it starts.  There it
 * is one datagram to /dev/log, in the form that every syslog daemon and the
 * systemd journal take.  The C library's syslog() would wait for a
 * receiver that hangs, and this process never waits.
 */
#include "shell/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "base/check.h"
#include "base/hash.h"
#include "shell/clock.h"
#include "shell/log_limit.h"

#define SYSLOG_PATH "/dev/log"

static const struct ha_dur LIMIT = { INT64_C(30) * 1000000000 };

struct ha_log {
	enum ha_log_target target;
	enum ha_log_level level;
	int syslog_fd; /* -1: not connected */
	uint64_t lost;
	struct ha_log_limit limit;
};

struct ha_log *
ha_log_new(enum ha_log_target target, enum ha_log_level level)
{
	struct ha_log *log = calloc(1, sizeof(*log));

	if (log == NULL)
		return NULL;
	log->target = target;
	log->level = level;
	log->syslog_fd = -1;
	return log;
}

static void
disconnect(struct ha_log *log)
{
	if (log->syslog_fd >= 0)
		close(log->syslog_fd);
	log->syslog_fd = -1;
}

void
ha_log_free(struct ha_log *log)
{
	if (log == NULL)
		return;
	disconnect(log);
	free(log);
}

void
ha_log_retarget(struct ha_log *log, enum ha_log_target target)
{
	disconnect(log);
	log->target = target;
}

void
ha_log_set_level(struct ha_log *log, enum ha_log_level level)
{
	log->level = level;
}

bool
ha_log_wants(const struct ha_log *log, enum ha_log_level level)
{
	return log != NULL && level <= log->level;
}

uint64_t
ha_log_lost(const struct ha_log *log)
{
	return log->lost;
}

const char *
ha_log_level_name(enum ha_log_level level)
{
	switch (level) {
	case HA_LOG_ERR:
		return "err";
	case HA_LOG_WARN:
		return "warn";
	case HA_LOG_NOTICE:
		return "notice";
	case HA_LOG_INFO:
		return "info";
	case HA_LOG_DEBUG:
		return "debug";
	}
	return "unknown";
}

static int
syslog_level(enum ha_log_level level)
{
	switch (level) {
	case HA_LOG_ERR:
		return LOG_ERR;
	case HA_LOG_WARN:
		return LOG_WARNING;
	case HA_LOG_NOTICE:
		return LOG_NOTICE;
	case HA_LOG_INFO:
		return LOG_INFO;
	case HA_LOG_DEBUG:
		return LOG_DEBUG;
	}
	return LOG_INFO;
}

static bool
connect_syslog(struct ha_log *log)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX,
		.sun_path = SYSLOG_PATH };
	int fd;

	if (log->syslog_fd >= 0)
		return true;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
		close(fd);
		return false;
	}
	log->syslog_fd = fd;
	return true;
}

/* Twice: a syslog daemon that was restarted has a new socket. */
static bool
put_syslog(struct ha_log *log, enum ha_log_level level, const char *line)
{
	char text[HA_LOG_LINE_MAX + 64];
	int n = snprintf(text, sizeof(text), "<%d>clusterd[%ld]: %s",
	    LOG_DAEMON | syslog_level(level), (long)getpid(), line);

	for (int i = 0; i < 2 && connect_syslog(log); i++) {
		if (send(log->syslog_fd, text, (size_t)n, MSG_NOSIGNAL) == n)
			return true;
		disconnect(log);
	}
	return false;
}

/* A pipe that polls writable takes a line of this length without waiting. */
static bool
put_stderr(enum ha_log_level level, const char *line)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	char text[HA_LOG_LINE_MAX + 64];
	int n = snprintf(text, sizeof(text), "clusterd: %s: %s\n",
	    ha_log_level_name(level), line);

	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0 &&
	    write(STDERR_FILENO, text, (size_t)n) == n;
}

static HA_PRINTF(5, 0) void
put(struct ha_log *log, enum ha_log_level level, const char *event,
    uint64_t left_out, const char *fmt, va_list ap)
{
	char line[HA_LOG_LINE_MAX];
	bool done = false;

	ha_log_line(line, sizeof(line), event, left_out, fmt, ap);
	if (log->target != HA_LOG_SYSLOG)
		done = put_stderr(level, line);
	if (log->target != HA_LOG_STDERR)
		done |= put_syslog(log, level, line);
	if (!done)
		log->lost++;
}

void
ha_log(struct ha_log *log, enum ha_log_level level, const char *event,
    const char *fmt, ...)
{
	va_list ap;

	if (!ha_log_wants(log, level))
		return;
	va_start(ap, fmt);
	put(log, level, event, 0, fmt, ap);
	va_end(ap);
}

void
ha_log_limited(struct ha_log *log, enum ha_log_level level,
    const char *event, uint32_t about, const char *fmt, ...)
{
	uint64_t reason = ha_hash_bytes(about, event, strlen(event));
	uint64_t left_out;
	va_list ap;

	if (!ha_log_wants(log, level))
		return;
	if (!ha_log_limit_pass(&log->limit, reason, ha_clock_now(), LIMIT,
	    &left_out))
		return;
	va_start(ap, fmt);
	put(log, level, event, left_out, fmt, ap);
	va_end(ap);
}
