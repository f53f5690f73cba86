/*
 * The control server.
 *
 * A client is in one of three states: its request is awaited (reading is on),
 * a long answer is being made (reading is off, "turn" fires once per turn of
 * the loop and makes a slice), or it is closing (nothing is read, and it is
 * freed when its last answer has gone out).  Reading is off while a walk
 * lasts, so what a client sends meanwhile waits in the kernel's buffer, and
 * a client costs at most one frame of input, and of output WRITE_HIGH and a
 * slice.
 *
 * The process ignores SIGPIPE: a client may go away at any time.
 *
 * The turn is a timer of zero rather than an active event: libevent serves
 * sockets and other timers before it fires again.
 */
#include "shell/control.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "shell/control_priv.h"
#include "shell/log.h"

#define BACKLOG        16
#define WRITE_HIGH     (64 * 1024) /* no slice while so much is unsent */
#define WRITE_LOW      (16 * 1024)
#define READ_TIMEOUT_S  60 /* a client that asks nothing */
#define WRITE_TIMEOUT_S 30 /* a client that reads nothing */
#define ERROR_MAX       512

typedef void (*tell_fn)(struct ha_control_client *client,
    const Ha__Ctl__Request *request);

static const tell_fn TELL[] = {
	[HA__CTL__REQUEST__VERB_MEMBERS] = ha_control_tell_members,
	[HA__CTL__REQUEST__VERB_STATE] = ha_control_tell_state,
	[HA__CTL__REQUEST__VERB_LINKS] = ha_control_tell_links,
	[HA__CTL__REQUEST__VERB_STATISTICS] = ha_control_tell_statistics,
	[HA__CTL__REQUEST__VERB_COUNTERS] = ha_control_tell_counters,
	[HA__CTL__REQUEST__VERB_SESSIONS] = ha_control_tell_sessions,
	[HA__CTL__REQUEST__VERB_SESSION] = ha_control_tell_session,
	[HA__CTL__REQUEST__VERB_EVENTS] = ha_control_tell_events,
	[HA__CTL__REQUEST__VERB_STREAMS] = ha_control_tell_streams,
	[HA__CTL__REQUEST__VERB_VERSION] = ha_control_tell_version,
	[HA__CTL__REQUEST__VERB_RELOAD] = ha_control_reload,
	[HA__CTL__REQUEST__VERB_FORGET] = ha_control_forget,
	[HA__CTL__REQUEST__VERB_END] = ha_control_end_sessions,
};

/* --- what goes out --- */

void
ha_control_say(struct ha_control_client *client, const Ha__Ctl__Answer *answer)
{
	struct ha_control *control = client->control;
	size_t len = 0;

	/* Every answer is bounded by constants far below the limit. */
	HA_CHECK(ha_control_encode_answer(answer, control->frame,
	    sizeof(control->frame), &len) == HA_OK);
	if (bufferevent_write(client->bev, control->frame, len) != 0)
		client->closing = true;
}

static void
fill_error(Ha__Ctl__Answer *answer, Ha__Ctl__Error *error, const char *code,
    const char *message)
{
	ha__ctl__error__init(error);
	error->code = ha_control_text(code);
	error->message = ha_control_text(message);
	ha__ctl__answer__init(answer);
	answer->body_case = HA__CTL__ANSWER__BODY_ERROR;
	answer->error = error;
}

void
ha_control_refuse(struct ha_control_client *client, const char *code,
    const char *fmt, ...)
{
	Ha__Ctl__Answer answer;
	Ha__Ctl__Error error;
	char message[ERROR_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	fill_error(&answer, &error, code, message);
	ha_control_say(client, &answer);
}

/* One sentence to somebody who does not become a client.  The buffer of a
 * fresh socket has room for it. */
static void
turn_away(evutil_socket_t fd, const char *code, const char *message)
{
	Ha__Ctl__Answer answer;
	Ha__Ctl__Error error;
	uint8_t frame[HA_CONTROL_HEADER + ERROR_MAX];
	size_t len = 0;

	fill_error(&answer, &error, code, message);
	HA_CHECK(ha_control_encode_answer(&answer, frame, sizeof(frame),
	    &len) == HA_OK);
	(void)send(fd, frame, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	evutil_closesocket(fd);
}

/* --- clients --- */

static void
end_walk(struct ha_control_client *client)
{
	free(client->walk.events);
	client->walk = (struct ha_control_walk){ 0 };
}

static void
free_client(struct ha_control_client *client)
{
	end_walk(client);
	ha_list_remove(&client->node);
	client->control->n_clients--;
	if (client->turn != NULL)
		event_free(client->turn);
	if (client->bev != NULL)
		bufferevent_free(client->bev);
	free(client);
}

static size_t
unsent(const struct ha_control_client *client)
{
	return evbuffer_get_length(bufferevent_get_output(client->bev));
}

/* Answer nothing more; free when everything has gone out. */
static void
close_client(struct ha_control_client *client)
{
	if (unsent(client) == 0) {
		free_client(client);
		return;
	}
	client->closing = true;
	bufferevent_disable(client->bev, EV_READ);
	bufferevent_setwatermark(client->bev, EV_WRITE, 0, 0);
}

static void
answer_request(struct ha_control_client *client, const uint8_t *data,
    size_t len)
{
	struct ha_control *control = client->control;
	Ha__Ctl__Request *request = NULL;
	int err = ha_control_decode_request(data, len, &request);

	if (err == HA_ERR_UNSUPPORTED) {
		ha_control_refuse(client, "unsupported",
		    "This clusterd (%s) does not know that request: "
		    "clusterctl and clusterd are of different releases.",
		    control->parts.version);
		return;
	}
	if (err != HA_OK) {
		ha_control_refuse(client, "bad-request",
		    "The request can't be understood.");
		client->closing = true;
		return;
	}
	control->parts.look(control->parts.look_arg, &control->look);
	TELL[request->verb_case](client, request);
	ha_control_free_request(request);
}

/* One request off the input; false: there is none that is whole. */
static bool
take_request(struct ha_control_client *client)
{
	struct evbuffer *in = bufferevent_get_input(client->bev);
	uint8_t header[HA_CONTROL_HEADER];
	const uint8_t *data;
	size_t len = 0;

	if (evbuffer_copyout(in, header, sizeof(header)) !=
	    (ev_ssize_t)sizeof(header))
		return false;
	if (ha_control_frame_length(header, HA_CONTROL_REQUEST_MAX, &len) !=
	    HA_OK) {
		ha_control_refuse(client, "bad-request",
		    "The request is empty or too long.");
		client->closing = true;
		return true;
	}
	if (evbuffer_get_length(in) < sizeof(header) + len)
		return false;
	data = evbuffer_pullup(in, (ev_ssize_t)(sizeof(header) + len));
	if (data == NULL) {
		client->closing = true;
		return true;
	}
	answer_request(client, data + sizeof(header), len);
	evbuffer_drain(in, sizeof(header) + len);
	return true;
}

static void
walk_on(struct ha_control_client *client)
{
	struct ha_control *control = client->control;

	control->parts.look(control->parts.look_arg, &control->look);
	switch (client->walk.kind) {
	case HA_CONTROL_WALK_SESSIONS:
		ha_control_walk_sessions(client);
		break;
	case HA_CONTROL_WALK_ENDS:
		ha_control_walk_ends(client);
		break;
	case HA_CONTROL_WALK_EVENTS:
		ha_control_walk_events(client);
		break;
	case HA_CONTROL_WALK_NONE:
		break;
	}
	if (client->walk.kind == HA_CONTROL_WALK_NONE)
		end_walk(client);
}

/* Do one thing for the client, and see to it that the next comes. */
static void
serve(struct ha_control_client *client)
{
	static const struct timeval NOW = { 0, 0 };
	bool more = true;

	if (unsent(client) > WRITE_HIGH)
		return; /* until on_written() */
	if (client->walk.kind != HA_CONTROL_WALK_NONE)
		walk_on(client);
	else
		more = take_request(client);

	if (client->closing || (client->ended && !more)) {
		close_client(client);
		return;
	}
	if (client->walk.kind != HA_CONTROL_WALK_NONE || client->ended)
		bufferevent_disable(client->bev, EV_READ);
	else
		bufferevent_enable(client->bev, EV_READ);
	if (more && evtimer_add(client->turn, &NOW) != 0)
		close_client(client);
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	serve(arg);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct ha_control_client *client = arg;

	(void)bev;
	if (!evtimer_pending(client->turn, NULL))
		serve(client);
}

static void
on_written(struct bufferevent *bev, void *arg)
{
	struct ha_control_client *client = arg;

	(void)bev;
	if (client->closing) {
		if (unsent(client) == 0)
			free_client(client);
		return;
	}
	if (!evtimer_pending(client->turn, NULL))
		serve(client);
}

/* An error or a timeout ends a client at once.  At the end of its input it
 * still gets the answers to what it had asked. */
static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct ha_control_client *client = arg;

	(void)bev;
	if ((what & BEV_EVENT_EOF) == 0 || (what & BEV_EVENT_READING) == 0) {
		free_client(client);
		return;
	}
	client->ended = true;
	if (!client->closing && !evtimer_pending(client->turn, NULL))
		serve(client);
}

/* --- who may ask --- */

static void
log_refused(const struct ha_control *control, const struct ucred *peer)
{
	if (control->parts.log == NULL)
		return;
	ha_log_limited(control->parts.log, HA_LOG_WARN, "control.refused",
	    (uint32_t)peer->uid, "uid=%lu pid=%ld why=rights",
	    (unsigned long)peer->uid, (long)peer->pid);
}

static bool
start_client(struct ha_control_client *client, evutil_socket_t fd)
{
	static const struct timeval READ_TIMEOUT = { READ_TIMEOUT_S, 0 };
	static const struct timeval WRITE_TIMEOUT = { WRITE_TIMEOUT_S, 0 };
	struct event_base *base = client->control->parts.base;

	client->turn = evtimer_new(base, on_turn, client);
	if (client->turn == NULL)
		return false;
	client->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (client->bev == NULL)
		return false;
	bufferevent_setcb(client->bev, on_read, on_written, on_event, client);
	bufferevent_setwatermark(client->bev, EV_READ, 0,
	    HA_CONTROL_HEADER + HA_CONTROL_REQUEST_MAX);
	bufferevent_setwatermark(client->bev, EV_WRITE, WRITE_LOW, 0);
	bufferevent_set_timeouts(client->bev, &READ_TIMEOUT, &WRITE_TIMEOUT);
	return bufferevent_enable(client->bev, EV_READ | EV_WRITE) == 0;
}

static void
add_client(struct ha_control *control, evutil_socket_t fd, uid_t uid)
{
	struct ha_control_client *client = calloc(1, sizeof(*client));

	if (client == NULL) {
		turn_away(fd, "busy", "clusterd is out of memory.");
		return;
	}
	client->control = control;
	client->uid = uid;
	ha_list_init(&client->node);
	ha_list_append(&control->clients, &client->node);
	control->n_clients++;
	if (!start_client(client, fd)) {
		if (client->bev == NULL)
			evutil_closesocket(fd);
		free_client(client);
	}
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *addr, int addr_len, void *arg)
{
	struct ha_control *control = arg;
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);

	(void)listener;
	(void)addr;
	(void)addr_len;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
		evutil_closesocket(fd);
		return;
	}
	if (!ha_control_may_ask(control, fd, &peer)) {
		log_refused(control, &peer);
		turn_away(fd, "not-permitted", "Only root and the members of "
		    "the group " HA_CONTROL_GROUP " may ask clusterd.");
		return;
	}
	if (control->n_clients >= HA_CONTROL_CLIENTS_MAX) {
		turn_away(fd, "busy", "clusterd serves as many clients as it "
		    "can already; try again in a moment.");
		return;
	}
	add_client(control, fd, peer.uid);
}

/* --- the listener --- */

static void
on_rest_over(evutil_socket_t fd, short what, void *arg)
{
	struct ha_control *control = arg;

	(void)fd;
	(void)what;
	evconnlistener_enable(control->listener);
}

/* Out of descriptors, mostly.  The clients wait in the backlog; without a
 * rest the loop would turn for nothing else. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	static const struct timeval REST = { 1, 0 };
	struct ha_control *control = arg;
	int err = EVUTIL_SOCKET_ERROR();

	evconnlistener_disable(listener);
	evtimer_add(control->rest, &REST);
	if (control->parts.log != NULL)
		ha_log_limited(control->parts.log, HA_LOG_WARN,
		    "control.accept", 0, "why=\"%s\"", strerror(err));
}

int
ha_control_open(const struct ha_control_parts *parts, const char *path,
    const char *group, struct ha_control **out)
{
	struct ha_control *control;
	int fd = -1, err;

	if (strlen(path) >= sizeof(control->path))
		return HA_ERR_INVAL;
	control = calloc(1, sizeof(*control));
	if (control == NULL)
		return HA_ERR_NOMEM;
	control->parts = *parts;
	ha_list_init(&control->clients);
	memcpy(control->path, path, strlen(path) + 1);

	control->rest = evtimer_new(parts->base, on_rest_over, control);
	if (control->rest == NULL) {
		err = HA_ERR_NOMEM;
		goto fail;
	}
	err = ha_control_open_socket(control, group, &fd);
	if (err != HA_OK)
		goto fail;
	control->listener = evconnlistener_new(parts->base, on_accept, control,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, fd);
	if (control->listener == NULL) {
		close(fd);
		err = HA_ERR_NOMEM;
		goto fail;
	}
	evconnlistener_set_error_cb(control->listener, on_accept_error);
	*out = control;
	return HA_OK;

fail:
	ha_control_close(control);
	return err;
}

void
ha_control_close(struct ha_control *control)
{
	struct ha_list *node, *tmp;

	if (control == NULL)
		return;
	HA_LIST_FOREACH_SAFE (node, tmp, &control->clients)
		free_client(HA_LIST_ENTRY(node, struct ha_control_client,
		    node));
	if (control->listener != NULL)
		evconnlistener_free(control->listener);
	if (control->rest != NULL)
		event_free(control->rest);
	if (control->bound)
		unlink(control->path);
	free(control);
}
