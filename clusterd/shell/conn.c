/*
 * A connection goes through four phases and never back:
 *
 *     CONNECT    the socket is not connected yet (dialled ones only)
 *     SHAKE      bytes go to and come from proto/handshake
 *     UP         frames, sealed
 *     CLOSED     the descriptor is closed; freed at the end of the turn
 *
 * What is hard here is that any call into the owner may close this very
 * connection.  So closing only marks and puts the connection on the list of
 * the dead, and whoever has called out looks at the phase afterwards; memory
 * goes when the loop has come back to its own level.
 *
 * Writing: frames are sealed at the moment of writing, most urgent first,
 * about 64 KiB at a time, and a sealed chunk is written whole before the next
 * is made.  So an urgent frame waits for that chunk and for what the kernel
 * holds unsent, and for nothing else.
 *
 * Reading: one buffer for all connections; only the record that is not whole
 * yet is kept per connection.
 */
#include "shell/conn.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "proto/frame.h"
#include "proto/seal.h"
#include "shell/loop.h"
#include "shell/sock.h"

#define IN_SIZE     (256 * 1024)
#define CHUNK       (64 * 1024) /* sealed before it is written */
#define WIRE_SIZE   (CHUNK + HA_SEAL_SIZE(HA_SEAL_PLAIN_MAX))
#define QUEUE_LIMIT (4 * 1024 * 1024)
#define DRAIN_LIMIT (64 * 1024 * 1024)

static const struct ha_dur SHAKE_TIME = { INT64_C(3) * 1000000000 };

enum phase { CONNECT, SHAKE, UP, CLOSED };

struct ha_conn_env {
	struct event_base *base;
	struct ha_shell_counters *counters;
	const struct ha_conn_events *events;
	void *arg;
	struct event *reaper;
	struct ha_list dead;
	uint8_t *in; /* IN_SIZE: what recv() gave */
};

struct ha_conn {
	struct ha_list node; /* of env->dead */
	struct ha_conn_env *env;
	void *owner;
	struct ha_link_stats *stats;
	enum phase phase;
	int fd;
	struct event *readable;
	struct event *writable;
	struct event *timer;

	struct ha_handshake *handshake; /* until UP */

	/* UP: */
	struct ha_seal *seal;
	uint64_t rekeys; /* counted so far */
	struct ha_frame_reader reader;
	uint8_t *record; /* HA_FRAME_MAX, of reader */
	struct ha_send_queue queue;
	uint8_t *wire; /* WIRE_SIZE: sealed, [wire_at, wire_len) is left */
	size_t wire_at;
	size_t wire_len;
	unsigned int wire_batches;
	bool blocked; /* the socket takes no more for now */
};

static void
free_conn(struct ha_conn *c)
{
	if (c->readable != NULL)
		event_free(c->readable);
	if (c->writable != NULL)
		event_free(c->writable);
	if (c->timer != NULL)
		event_free(c->timer);
	ha_handshake_free(c->handshake);
	ha_seal_free(c->seal);
	ha_send_queue_clear(&c->queue);
	free(c->record);
	free(c->wire);
	free(c);
}

static void
reap(struct ha_conn_env *env)
{
	while (!ha_list_empty(&env->dead)) {
		struct ha_conn *c = HA_LIST_ENTRY(env->dead.next,
		    struct ha_conn, node);

		ha_list_remove(&c->node);
		free_conn(c);
	}
}

static void
on_reap(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	reap(arg);
}

struct ha_conn_env *
ha_conn_env_new(struct event_base *base, struct ha_shell_counters *counters,
    const struct ha_conn_events *events, void *arg)
{
	struct ha_conn_env *env = calloc(1, sizeof(*env));

	if (env == NULL)
		return NULL;
	ha_list_init(&env->dead);
	env->base = base;
	env->counters = counters;
	env->events = events;
	env->arg = arg;
	env->in = malloc(IN_SIZE);
	env->reaper = evtimer_new(base, on_reap, env);
	if (env->in != NULL && env->reaper != NULL)
		return env;
	ha_conn_env_free(env);
	return NULL;
}

void
ha_conn_env_free(struct ha_conn_env *env)
{
	if (env == NULL)
		return;
	reap(env);
	if (env->reaper != NULL)
		event_free(env->reaper);
	free(env->in);
	free(env);
}

void
ha_conn_close(struct ha_conn *c)
{
	static const struct timeval NEXT_TURN;

	if (c->phase == CLOSED)
		return;
	c->phase = CLOSED;
	event_del(c->readable);
	event_del(c->writable);
	event_del(c->timer);
	close(c->fd);
	c->fd = -1;
	c->stats = NULL;
	ha_list_append(&c->env->dead, &c->node);
	event_add(c->env->reaper, &NEXT_TURN);
}

/* Close, and say so. */
static void
finish(struct ha_conn *c, const struct ha_conn_close *why)
{
	struct ha_conn_env *env = c->env;

	if (c->phase == CLOSED)
		return;
	ha_conn_close(c);
	env->events->closed(env->arg, c, why);
}

static void
end(struct ha_conn *c, enum ha_conn_end how, int error)
{
	finish(c, &(struct ha_conn_close){ .end = how, .error = error,
		.was_up = c->phase == UP });
}

static void
count_rekeys(struct ha_conn *c)
{
	uint64_t n = ha_seal_rekeys(c->seal);

	c->env->counters->link_rekeys += n - c->rekeys;
	c->rekeys = n;
}

/* --- writing --- */

static int
seal_next(struct ha_conn *c, const struct ha_send_item *item)
{
	int rc = ha_seal_seal(c->seal, c->wire + c->wire_len, item->bytes,
	    item->len);

	if (rc != HA_OK)
		return rc;
	count_rekeys(c);
	c->wire_len += HA_SEAL_SIZE(item->len);
	c->wire_batches += item->urgency == HA_URGENCY_BATCH;
	c->env->counters->frames_sent++;
	if (c->stats != NULL)
		c->stats->frames_sent++;
	return HA_OK;
}

/* Make the next chunk; nothing waits: it is empty. */
static int
fill_wire(struct ha_conn *c)
{
	struct ha_send_item *item;
	int rc = HA_OK;

	c->wire_at = 0;
	c->wire_len = 0;
	while (rc == HA_OK && c->wire_len < CHUNK &&
	    (item = ha_send_queue_pop(&c->queue)) != NULL) {
		rc = seal_next(c, item);
		free(item);
	}
	if (c->stats != NULL)
		c->stats->queued_bytes = (uint32_t)c->queue.bytes;
	return rc;
}

/* False: the socket takes no more, or is gone. */
static bool
write_wire(struct ha_conn *c)
{
	ssize_t n = send(c->fd, c->wire + c->wire_at,
	    c->wire_len - c->wire_at, MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		c->blocked = true;
		event_add(c->writable, NULL);
		return false;
	}
	if (n < 0) {
		end(c, HA_CONN_BROKEN, errno);
		return false;
	}
	c->wire_at += (size_t)n;
	c->env->counters->bytes_sent += (uint64_t)n;
	if (c->stats != NULL)
		c->stats->bytes_sent += (uint64_t)n;
	return true;
}

static void
tell_sent(struct ha_conn *c)
{
	unsigned int n = c->wire_batches;

	c->wire_batches = 0;
	if (n > 0)
		c->env->events->sent(c->env->arg, c, n);
}

void
ha_conn_flush(struct ha_conn *c)
{
	while (c->phase == UP && !c->blocked) {
		if (c->wire_at < c->wire_len) {
			if (!write_wire(c))
				return;
			continue;
		}
		tell_sent(c);
		if (c->phase != UP)
			return;
		if (fill_wire(c) != HA_OK) {
			end(c, HA_CONN_BROKEN, EPROTO);
			return;
		}
		if (c->wire_len == 0)
			return;
	}
}

int
ha_conn_send(struct ha_conn *c, enum ha_urgency urgency, const uint8_t *data,
    size_t len)
{
	int rc;

	HA_CHECK(c->phase == UP && len <= HA_SEAL_PLAIN_MAX);
	rc = ha_send_queue_push(&c->queue, urgency, data, len);
	if (rc == HA_OK && c->stats != NULL)
		c->stats->queued_bytes = (uint32_t)c->queue.bytes;
	return rc;
}

size_t
ha_conn_queued(const struct ha_conn *c)
{
	return c->queue.bytes;
}

/* --- reading, while up --- */

/* The record that is whole. */
static void
take_record(struct ha_conn *c)
{
	struct ha_conn_env *env = c->env;
	size_t body_len, len;
	uint8_t *body = ha_frame_body(&c->reader, &body_len);

	if (ha_seal_open(c->seal, body, body_len, &len) != HA_OK) {
		end(c, HA_CONN_BAD_FRAME, 0);
		return;
	}
	count_rekeys(c);
	env->counters->frames_received++;
	if (c->stats != NULL)
		c->stats->frames_received++;
	if (!env->events->frame(env->arg, c, body, len)) {
		end(c, HA_CONN_BAD_MESSAGE, 0);
		return;
	}
	if (c->phase == UP)
		ha_frame_next(&c->reader);
}

static void
take_frames(struct ha_conn *c, const uint8_t *data, size_t len)
{
	while (c->phase == UP) {
		size_t used;
		int rc = ha_frame_feed(&c->reader, data, len, &used);

		if (rc == HA_ERR_SHORT)
			return;
		if (rc != HA_OK) {
			end(c, HA_CONN_BAD_FRAME, 0);
			return;
		}
		data += used;
		len -= used;
		take_record(c);
	}
}

/* --- shaking hands --- */

static bool
become_up(struct ha_conn *c)
{
	c->record = malloc(HA_FRAME_MAX);
	c->wire = malloc(WIRE_SIZE);
	if (c->record == NULL || c->wire == NULL) {
		end(c, HA_CONN_BROKEN, ENOMEM);
		return false;
	}
	ha_frame_init(&c->reader, c->record, HA_FRAME_MAX);
	c->seal = ha_handshake_finish(c->handshake);
	ha_handshake_free(c->handshake);
	c->handshake = NULL;
	event_del(c->timer);
	c->phase = UP;
	c->env->events->up(c->env->arg, c);
	return c->phase == UP;
}

/* A fresh socket takes these few bytes, or it is of no use. */
static bool
write_handshake(struct ha_conn *c)
{
	size_t len;
	const uint8_t *data = ha_handshake_output(c->handshake, &len);

	if (len == 0)
		return true;
	c->env->counters->bytes_sent += len;
	return send(c->fd, data, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* Unread bytes at closing would turn the reason byte into a reset. */
static void
fail_handshake(struct ha_conn *c)
{
	(void)shutdown(c->fd, SHUT_WR);
	(void)recv(c->fd, c->env->in, IN_SIZE, 0);
	finish(c, &(struct ha_conn_close){ .end = HA_CONN_FAILED,
		.failure = ha_handshake_failure(c->handshake),
		.handshake = c->handshake });
}

/* One look at where the handshake is; true: there may be more to do. */
static bool
follow_handshake(struct ha_conn *c)
{
	if (!write_handshake(c) &&
	    ha_handshake_state(c->handshake) != HA_HANDSHAKE_FAILED) {
		end(c, HA_CONN_BROKEN, EPIPE);
		return false;
	}
	switch (ha_handshake_state(c->handshake)) {
	case HA_HANDSHAKE_RUNNING:
		return false;
	case HA_HANDSHAKE_GREETED:
		c->env->events->greeted(c->env->arg, c);
		HA_CHECK(c->phase == CLOSED ||
		    ha_handshake_state(c->handshake) != HA_HANDSHAKE_GREETED);
		return c->phase == SHAKE;
	case HA_HANDSHAKE_DONE:
		return become_up(c);
	case HA_HANDSHAKE_FAILED:
		fail_handshake(c);
		return false;
	}
	return false;
}

static void
take_handshake(struct ha_conn *c, const uint8_t *data, size_t len)
{
	size_t used;

	do {
		used = ha_handshake_input(c->handshake, data, len);
		data += used;
		len -= used;
		while (c->phase == SHAKE && follow_handshake(c))
			;
	} while (c->phase == SHAKE && used > 0 && len > 0);
	if (c->phase == UP)
		take_frames(c, data, len);
}

void
ha_conn_accept(struct ha_conn *c, uint64_t boot_seen)
{
	ha_handshake_set_seen(c->handshake, boot_seen);
	ha_handshake_accept(c->handshake);
}

void
ha_conn_refuse(struct ha_conn *c, enum ha_refusal reason)
{
	ha_handshake_refuse(c->handshake, reason);
}

/* --- what the loop says --- */

/* How much came; 0: nothing is there, or the connection is no more. */
static size_t
read_once(struct ha_conn *c)
{
	struct ha_conn_env *env = c->env;
	ssize_t n = recv(c->fd, env->in, IN_SIZE, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		end(c, n == 0 ? HA_CONN_LEFT : HA_CONN_BROKEN,
		    n == 0 ? 0 : errno);
		return 0;
	}
	env->counters->bytes_received += (uint64_t)n;
	if (c->stats != NULL)
		c->stats->bytes_received += (uint64_t)n;
	if (c->phase == SHAKE)
		take_handshake(c, env->in, (size_t)n);
	else
		take_frames(c, env->in, (size_t)n);
	return (size_t)n;
}

void
ha_conn_drain(struct ha_conn *c)
{
	size_t n, total = 0;

	while (c->phase == UP && total < DRAIN_LIMIT &&
	    (n = read_once(c)) > 0)
		total += n;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)read_once(arg);
}

static void
start_shaking(struct ha_conn *c)
{
	struct timeval tv = ha_loop_timeval(SHAKE_TIME);

	c->phase = SHAKE;
	if (c->stats != NULL)
		c->stats->phase = HA_LINK_PHASE_HANDSHAKE;
	event_add(c->timer, &tv);
	event_add(c->readable, NULL);
	while (c->phase == SHAKE && follow_handshake(c))
		;
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct ha_conn *c = arg;
	int error;

	(void)what;
	if (c->phase == UP) {
		c->blocked = false;
		ha_conn_flush(c);
		return;
	}
	error = ha_sock_error(fd);
	if (error != 0)
		end(c, HA_CONN_NOT_REACHED, error);
	else
		start_shaking(c);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct ha_conn *c = arg;

	(void)fd;
	(void)what;
	end(c, c->phase == CONNECT ? HA_CONN_NOT_ANSWERED : HA_CONN_SLOW, 0);
}

static struct ha_conn *
new_conn(struct ha_conn_env *env, int fd, struct ha_handshake *handshake)
{
	struct ha_conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	ha_list_init(&c->node);
	ha_send_queue_init(&c->queue, QUEUE_LIMIT);
	c->env = env;
	c->fd = fd;
	c->readable = event_new(env->base, fd, EV_READ | EV_PERSIST,
	    on_readable, c);
	c->writable = event_new(env->base, fd, EV_WRITE, on_writable, c);
	c->timer = evtimer_new(env->base, on_timer, c);
	if (c->readable == NULL || c->writable == NULL || c->timer == NULL) {
		free_conn(c);
		return NULL;
	}
	c->handshake = handshake;
	return c;
}

int
ha_conn_dialled(struct ha_conn_env *env, int fd,
    struct ha_handshake *handshake, struct ha_dur connect_time,
    struct ha_conn **out)
{
	struct timeval tv = ha_loop_timeval(connect_time);
	struct ha_conn *c = new_conn(env, fd, handshake);

	if (c == NULL) {
		ha_handshake_free(handshake);
		close(fd);
		return HA_ERR_NOMEM;
	}
	c->phase = CONNECT;
	event_add(c->writable, NULL);
	event_add(c->timer, &tv);
	*out = c;
	return HA_OK;
}

int
ha_conn_accepted(struct ha_conn_env *env, int fd,
    struct ha_handshake *handshake, struct ha_conn **out)
{
	struct ha_conn *c = new_conn(env, fd, handshake);

	if (c == NULL) {
		ha_handshake_free(handshake);
		close(fd);
		return HA_ERR_NOMEM;
	}
	c->phase = CONNECT;
	event_add(c->writable, NULL);
	*out = c;
	return HA_OK;
}

void
ha_conn_set_owner(struct ha_conn *c, void *owner)
{
	c->owner = owner;
}

void *
ha_conn_owner(const struct ha_conn *c)
{
	return c->owner;
}

void
ha_conn_set_stats(struct ha_conn *c, struct ha_link_stats *stats)
{
	c->stats = stats;
}

int
ha_conn_fd(const struct ha_conn *c)
{
	return c->fd;
}

const struct ha_handshake *
ha_conn_handshake(const struct ha_conn *c)
{
	return c->handshake;
}
