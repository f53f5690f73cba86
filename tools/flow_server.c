/*
 * The far end: one listening socket and one for datagrams on the same port.
 *
 * A connection says in its first bytes what it wants and gets that until it
 * is closed.  A datagram that asks for a stream starts one; the same with no
 * seconds left ends it.  Everything is in two plain tables and one poll().
 */
#include "tools/flow.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONN_MAX   4608
#define STREAM_MAX 64
#define PACE_MS    5 /* how often a limited sender is looked at */

struct conn {
	int fd;
	uint8_t head[FLOW_REQUEST_LEN];
	size_t have; /* bytes of head that are there */
	struct flow_request req;
	int64_t start_us;
	uint64_t pos;   /* bytes of content sent or received */
	uint64_t wrong; /* of them, not what they should be */
	uint8_t out[4096];
	size_t out_len; /* an answer on its way, from out_at on */
	size_t out_at;
};

struct stream {
	bool used;
	struct sockaddr_storage peer;
	socklen_t peer_len;
	struct flow_request req;
	int64_t start_us;
	uint64_t next; /* number of the next datagram */
};

struct server {
	int listener;
	int datagrams;
	int64_t end_us;
	struct conn *conns[CONN_MAX];
	size_t n_conns;
	struct stream streams[STREAM_MAX];
	struct pollfd fds[CONN_MAX + 2];
	uint8_t chunk[FLOW_CHUNK];
};

static int
open_socket(int type, const struct sockaddr_storage *addr, socklen_t len)
{
	int one = 1;
	int fd = socket(addr->ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)addr, len) < 0)
		goto fail;
	if (type == SOCK_STREAM && listen(fd, 1024) < 0)
		goto fail;
	return fd;
fail:
	close(fd);
	return -1;
}

static void
accept_all(struct server *s)
{
	while (s->n_conns < CONN_MAX) {
		int fd = accept4(s->listener, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct conn *c;

		if (fd < 0)
			return;
		c = calloc(1, sizeof(*c));
		if (c == NULL) {
			close(fd);
			return;
		}
		c->fd = fd;
		s->conns[s->n_conns++] = c;
	}
}

/* True: go on; false: the connection is at its end. */
static bool
read_head(struct conn *c)
{
	ssize_t n = read(c->fd, c->head + c->have, sizeof(c->head) - c->have);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	c->have += (size_t)n;
	if (c->have < sizeof(c->head))
		return true;
	if (!flow_request_get(c->head, &c->req))
		return false;
	c->start_us = flow_now_us();
	return c->req.kind <= FLOW_ECHO;
}

static bool
flush_answer(struct conn *c)
{
	ssize_t n;

	if (c->out_at == c->out_len)
		return true;
	n = write(c->fd, c->out + c->out_at, c->out_len - c->out_at);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->out_at += (size_t)n;
	if (c->out_at == c->out_len)
		c->out_at = c->out_len = 0;
	return true;
}

static bool
send_content(struct server *s, struct conn *c, int64_t now_us)
{
	uint64_t len = flow_allowance(c->req.rate, now_us - c->start_us,
	    c->pos);
	ssize_t n;

	if (len == 0)
		return true;
	flow_fill(c->req.seed, c->pos, s->chunk, len);
	n = write(c->fd, s->chunk, len);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->pos += (uint64_t)n;
	return true;
}

/* Read what came, check it, and tell how far all is well; reports are
 * cumulative, so that one on its way makes another unnecessary. */
static bool
take_upload(struct server *s, struct conn *c)
{
	ssize_t n = read(c->fd, s->chunk, sizeof(s->chunk));

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	c->wrong += flow_wrong(c->req.seed, c->pos, s->chunk, (size_t)n);
	c->pos += (uint64_t)n;
	if (c->out_len != 0)
		return true;
	flow_put64(c->out, c->pos);
	flow_put64(c->out + 8, c->wrong);
	c->out_len = FLOW_REPORT_LEN;
	return flush_answer(c);
}

static bool
take_echo(struct conn *c)
{
	ssize_t n;

	if (c->out_len != 0)
		return true;
	n = read(c->fd, c->out, sizeof(c->out));
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	c->out_len = (size_t)n;
	return flush_answer(c);
}

/* A downloading client says nothing more: a read only tells that it left. */
static bool
still_there(struct conn *c)
{
	uint8_t byte;
	ssize_t n = read(c->fd, &byte, 1);

	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static bool
readable(struct server *s, struct conn *c)
{
	if (c->have < sizeof(c->head))
		return read_head(c);
	switch (c->req.kind) {
	case FLOW_DOWNLOAD:
		return still_there(c);
	case FLOW_UPLOAD:
		return take_upload(s, c);
	case FLOW_ECHO:
		return take_echo(c);
	case FLOW_STREAM:
	case FLOW_PING:
		break;
	}
	return false;
}

static bool
is_sender(const struct conn *c)
{
	return c->have == sizeof(c->head) && c->req.kind == FLOW_DOWNLOAD;
}

static bool
serve_conn(struct server *s, struct conn *c, short events, int64_t now_us)
{
	if ((events & (POLLIN | POLLHUP | POLLERR)) != 0 && !readable(s, c))
		return false;
	if (is_sender(c))
		return send_content(s, c, now_us);
	return flush_answer(c);
}

static struct stream *
find_stream(struct server *s, const struct sockaddr_storage *peer,
    socklen_t len)
{
	for (size_t i = 0; i < STREAM_MAX; i++) {
		struct stream *st = &s->streams[i];

		if (st->used && st->peer_len == len &&
		    memcmp(&st->peer, peer, len) == 0)
			return st;
	}
	return NULL;
}

static void
start_stream(struct server *s, const struct flow_request *req,
    const struct sockaddr_storage *peer, socklen_t len)
{
	struct stream *st = find_stream(s, peer, len);

	if (st != NULL) {
		st->used = req->seconds > 0;
		return;
	}
	for (size_t i = 0; i < STREAM_MAX && st == NULL; i++) {
		if (!s->streams[i].used)
			st = &s->streams[i];
	}
	if (st == NULL || req->seconds == 0)
		return;
	*st = (struct stream){ .used = true, .peer = *peer, .peer_len = len,
		.req = *req, .start_us = flow_now_us() };
}

static void
take_datagrams(struct server *s)
{
	for (int i = 0; i < 1024; i++) {
		uint8_t buf[FLOW_REQUEST_LEN];
		struct sockaddr_storage peer = { 0 };
		socklen_t len = sizeof(peer);
		struct flow_request req;
		ssize_t n = recvfrom(s->datagrams, buf, sizeof(buf), 0,
		    (struct sockaddr *)&peer, &len);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n != FLOW_REQUEST_LEN || !flow_request_get(buf, &req))
			continue;
		if (req.kind == FLOW_STREAM)
			start_stream(s, &req, &peer, len);
		else if (req.kind == FLOW_PING)
			sendto(s->datagrams, buf, sizeof(buf), 0,
			    (struct sockaddr *)&peer, len);
	}
}

static void
feed_stream(struct server *s, struct stream *st, int64_t now_us)
{
	int64_t age_us = now_us - st->start_us;

	if (age_us > (int64_t)st->req.seconds * 1000000) {
		st->used = false;
		return;
	}
	for (int i = 0; i < 64; i++) {
		uint8_t buf[FLOW_DATAGRAM_LEN];
		size_t len = sizeof(buf) - 8;

		if (flow_allowance(st->req.rate, age_us,
		    st->next * FLOW_DATAGRAM_LEN) == 0)
			return;
		flow_put64(buf, st->next);
		flow_fill(st->req.seed, st->next * len, buf + 8, len);
		sendto(s->datagrams, buf, sizeof(buf), 0,
		    (struct sockaddr *)&st->peer, st->peer_len);
		st->next++;
	}
}

/* Returns how long poll() may wait. */
static int
fill_poll_set(struct server *s)
{
	int wait_ms = 1000;

	s->fds[0] = (struct pollfd){ .fd = s->listener, .events = POLLIN };
	s->fds[1] = (struct pollfd){ .fd = s->datagrams, .events = POLLIN };
	for (size_t i = 0; i < s->n_conns; i++) {
		const struct conn *c = s->conns[i];
		short events = POLLIN;

		if (c->out_len != 0 || (is_sender(c) && c->req.rate == 0))
			events |= POLLOUT;
		if (is_sender(c) && c->req.rate != 0)
			wait_ms = PACE_MS;
		s->fds[i + 2] = (struct pollfd){ .fd = c->fd,
			.events = events };
	}
	for (size_t i = 0; i < STREAM_MAX; i++) {
		if (s->streams[i].used)
			wait_ms = PACE_MS;
	}
	return wait_ms;
}

static void
drop_conn(struct server *s, size_t i)
{
	close(s->conns[i]->fd);
	free(s->conns[i]);
	s->conns[i] = s->conns[--s->n_conns];
}

static void
turn(struct server *s)
{
	int wait_ms = fill_poll_set(s);
	int64_t now_us;

	if (poll(s->fds, s->n_conns + 2, wait_ms) < 0)
		return;
	now_us = flow_now_us();
	/* Backwards: a dropped one's place is taken by one already served. */
	for (size_t i = s->n_conns; i-- > 0;) {
		if (!serve_conn(s, s->conns[i], s->fds[i + 2].revents, now_us))
			drop_conn(s, i);
	}
	accept_all(s);
	take_datagrams(s);
	for (size_t i = 0; i < STREAM_MAX; i++) {
		if (s->streams[i].used)
			feed_stream(s, &s->streams[i], now_us);
	}
}

int
flow_serve(const struct sockaddr_storage *addr, socklen_t len, int seconds)
{
	struct server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return 2;
	s->listener = open_socket(SOCK_STREAM, addr, len);
	s->datagrams = open_socket(SOCK_DGRAM, addr, len);
	if (s->listener < 0 || s->datagrams < 0) {
		perror("flow: can't listen");
		return 2;
	}
	s->end_us = flow_now_us() + (int64_t)seconds * 1000000;
	puts("listening");
	fflush(stdout);
	while (!flow_stopped() && flow_now_us() < s->end_us)
		turn(s);
	while (s->n_conns > 0)
		drop_conn(s, s->n_conns - 1);
	close(s->listener);
	close(s->datagrams);
	free(s);
	return 0;
}
