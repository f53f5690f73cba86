#include "shell/sd_notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct ha_sd {
	int fd; /* -1: nobody listens */
	struct ha_dur watchdog;
};

/* "/path", or "@name" in the abstract namespace. */
static int
connect_to(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	int fd;

	if (len < 2 || len >= sizeof(to.sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return -1;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&to,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Half of what the manager waits for; 0: it waits for nothing from us. */
static struct ha_dur
read_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	long long us;
	char *end;

	if (usec == NULL || (pid != NULL && atol(pid) != (long)getpid()))
		return (struct ha_dur){ 0 };
	errno = 0;
	us = strtoll(usec, &end, 10);
	if (errno != 0 || *end != '\0' || us <= 0 || us > INT32_MAX * 1000LL)
		return (struct ha_dur){ 0 };
	return (struct ha_dur){ us * 1000 / 2 };
}

struct ha_sd *
ha_sd_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct ha_sd *sd = calloc(1, sizeof(*sd));

	if (sd == NULL)
		return NULL;
	sd->fd = path != NULL ? connect_to(path) : -1;
	sd->watchdog = read_watchdog();
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
	return sd;
}

void
ha_sd_close(struct ha_sd *sd)
{
	if (sd == NULL)
		return;
	if (sd->fd >= 0)
		close(sd->fd);
	free(sd);
}

void
ha_sd_say(struct ha_sd *sd, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int n;

	if (sd == NULL || sd->fd < 0)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof(text))
		(void)send(sd->fd, text, (size_t)n, MSG_NOSIGNAL);
}

struct ha_dur
ha_sd_watchdog(const struct ha_sd *sd)
{
	return sd != NULL ? sd->watchdog : (struct ha_dur){ 0 };
}
