#include "shell/listener.h"

#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#include "shell/loop.h"
#include "shell/sock.h"

#define ACCEPTS_MAX 16 /* in one turn of the loop */

static const struct ha_dur PAUSE = { INT64_C(1) * 1000000000 };

struct ha_listener {
	uint8_t link;
	int fd;
	struct event *readable;
	struct event *resume;
	struct ha_listener_events events;
};

/* With no descriptor left, the socket stays readable: don't look at it. */
static void
pause_accepting(struct ha_listener *l)
{
	struct timeval tv = ha_loop_timeval(PAUSE);

	event_del(l->readable);
	event_add(l->resume, &tv);
	l->events.exhausted(l->events.arg, l->link);
}

static void
on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct ha_listener *l = arg;

	(void)fd;
	(void)what;
	event_add(l->readable, NULL);
}

static void
on_readable(evutil_socket_t listen_fd, short what, void *arg)
{
	struct ha_listener *l = arg;

	(void)what;
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		struct ha_conf_address from;
		int fd;
		int rc = ha_sock_accept(listen_fd, &from, &fd);

		if (rc == HA_ERR_FULL)
			pause_accepting(l);
		if (rc != HA_OK)
			return;
		l->events.accepted(l->events.arg, l->link, fd, &from);
	}
}

struct ha_listener *
ha_listener_new(struct event_base *base, uint8_t link, int fd,
    const struct ha_listener_events *events)
{
	struct ha_listener *l = calloc(1, sizeof(*l));

	if (l == NULL) {
		close(fd);
		return NULL;
	}
	l->link = link;
	l->fd = fd;
	l->events = *events;
	l->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable,
	    l);
	l->resume = evtimer_new(base, on_resume, l);
	if (l->readable == NULL || l->resume == NULL) {
		ha_listener_free(l);
		return NULL;
	}
	event_add(l->readable, NULL);
	return l;
}

void
ha_listener_free(struct ha_listener *l)
{
	if (l == NULL)
		return;
	if (l->readable != NULL)
		event_free(l->readable);
	if (l->resume != NULL)
		event_free(l->resume);
	close(l->fd);
	free(l);
}
