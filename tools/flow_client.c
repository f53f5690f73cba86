/*
 * The near end: one flow of each kind, and connections that rest.
 *
 * A flow makes progress when content arrives that is right: at this end, or,
 * for the upload, at the far end, whose reports say so.  Its gap is the
 * longest time without progress since the first mark.  At the end a flow
 * lives when it was never closed, nothing in it was wrong and it made
 * progress until the end.
 */
#include "tools/flow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define TURN_MS          5
#define ECHO_PERIOD_US   20000
#define STREAM_RATE      25600 /* a hundred datagrams a second */
#define CONNECT_S        5
#define START_US         10000000 /* for all flows to make progress */
#define SETTLE_US        300000 /* what was on its way at a mark is in by then */
#define END_SILENCE_US   1500000
#define LAST_WORD_US     3000000 /* for resting connections to answer */
#define BURST_AT_ONCE    128
#define BURST_WAIT_MS    500
#define BURST_TRIES      4

struct flow;

struct flow_ops {
	const char *name;
	enum flow_kind kind;
	int type;
	void (*turn)(struct flow *f, int64_t now_us);
	void (*readable)(struct flow *f, int64_t now_us);
};

struct flow {
	const struct flow_ops *ops;
	int fd; /* -1: closed */
	unsigned port;
	struct flow_request req;
	int64_t start_us;
	uint64_t sent;
	uint64_t right; /* bytes, or datagrams' bytes, that came right */
	uint64_t wrong;
	uint64_t before; /* right, at the first mark */
	uint64_t lost;   /* datagrams that never came */
	uint64_t next;   /* number of the datagram that is due */
	bool waiting;    /* an echo is under way */
	uint8_t part[FLOW_REPORT_LEN];
	size_t part_len;
	int64_t last_us; /* of the last progress */
	int64_t gap_us;
	const char *end; /* why it was closed */
};

#define N_KINDS 4

struct client {
	struct flow flows[N_KINDS];
	int *idle;
	int n_idle;
	int idle_before;
	int idle_after;
	unsigned marks;
	int64_t mark_us;
	bool running;
	bool resumed;
};

/* One for the process: flow's callbacks have no other way to it. */
static uint8_t scratch[FLOW_CHUNK];

static void
progress(struct flow *f, uint64_t bytes, int64_t now_us)
{
	if (now_us - f->last_us > f->gap_us)
		f->gap_us = now_us - f->last_us;
	f->right += bytes;
	f->last_us = now_us;
}

static void
end_flow(struct flow *f, const char *why)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	f->end = why;
}

/* The bytes that a read brought; 0: nothing, and the flow may be closed. */
static size_t
receive(struct flow *f, uint8_t *buf, size_t len)
{
	ssize_t n = read(f->fd, buf, len);

	if (n > 0)
		return (size_t)n;
	if (n == 0)
		end_flow(f, "closed");
	else if (f->ops->type == SOCK_STREAM && errno != EAGAIN &&
	    errno != EINTR)
		end_flow(f, errno == ECONNRESET ? "reset" : strerror(errno));
	return 0;
}

static void
download_readable(struct flow *f, int64_t now_us)
{
	size_t n = receive(f, scratch, sizeof(scratch));

	if (n == 0)
		return;
	f->wrong += flow_wrong(f->req.seed, f->right, scratch, n);
	progress(f, n, now_us);
}

static void
upload_turn(struct flow *f, int64_t now_us)
{
	uint64_t len = flow_allowance(f->req.rate, now_us - f->start_us,
	    f->sent);
	ssize_t n;

	if (len == 0)
		return;
	flow_fill(f->req.seed, f->sent, scratch, len);
	n = write(f->fd, scratch, len);
	if (n > 0)
		f->sent += (uint64_t)n;
	else if (errno != EAGAIN && errno != EINTR)
		end_flow(f, errno == ECONNRESET ? "reset" : strerror(errno));
}

static void
upload_readable(struct flow *f, int64_t now_us)
{
	size_t n = receive(f, f->part + f->part_len,
	    sizeof(f->part) - f->part_len);
	uint64_t there;

	f->part_len += n;
	if (n == 0 || f->part_len < sizeof(f->part))
		return;
	f->part_len = 0;
	there = flow_get64(f->part);
	f->wrong = flow_get64(f->part + 8);
	if (there > f->right && there <= f->sent)
		progress(f, there - f->right, now_us);
	else
		f->wrong++;
}

static void
echo_turn(struct flow *f, int64_t now_us)
{
	uint8_t line[FLOW_ECHO_LEN];

	if (f->waiting || now_us - f->last_us < ECHO_PERIOD_US)
		return;
	flow_fill(f->req.seed, f->sent, line, sizeof(line));
	if (write(f->fd, line, sizeof(line)) != (ssize_t)sizeof(line)) {
		end_flow(f, strerror(errno));
		return;
	}
	f->sent += sizeof(line);
	f->waiting = true;
}

static void
echo_readable(struct flow *f, int64_t now_us)
{
	uint8_t line[FLOW_ECHO_LEN];
	size_t n = receive(f, line, sizeof(line));

	if (n == 0)
		return;
	if (f->right + n > f->sent) {
		f->wrong += n;
		return;
	}
	f->wrong += flow_wrong(f->req.seed, f->right, line, n);
	progress(f, n, now_us);
	f->waiting = f->right < f->sent;
}

/* UDP may lose and reorder; what it brings must still be what was sent. */
static void
stream_readable(struct flow *f, int64_t now_us)
{
	uint8_t buf[FLOW_DATAGRAM_LEN];
	size_t len = sizeof(buf) - 8;
	uint64_t number;

	if (receive(f, buf, sizeof(buf)) != sizeof(buf))
		return;
	number = flow_get64(buf);
	f->wrong += flow_wrong(f->req.seed, number * len, buf + 8, len);
	if (number >= f->next) {
		f->lost += number - f->next;
		f->next = number + 1;
	} else if (f->lost > 0) {
		f->lost--;
	}
	progress(f, sizeof(buf), now_us);
}

static const struct flow_ops KINDS[N_KINDS] = {
	{ "download", FLOW_DOWNLOAD, SOCK_STREAM, NULL, download_readable },
	{ "upload", FLOW_UPLOAD, SOCK_STREAM, upload_turn, upload_readable },
	{ "echo", FLOW_ECHO, SOCK_STREAM, echo_turn, echo_readable },
	{ "stream", FLOW_STREAM, SOCK_DGRAM, NULL, stream_readable },
};

static unsigned
local_port(int fd)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		return 0;
	if (a.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&a)->sin6_port);
	return ntohs(((struct sockaddr_in *)&a)->sin_port);
}

/* A connected socket that has sent its request; then it never blocks. */
static int
open_flow(int type, const struct sockaddr_storage *addr, socklen_t len,
    const struct flow_request *req)
{
	struct timeval limit = { .tv_sec = CONNECT_S };
	uint8_t head[FLOW_REQUEST_LEN];
	int one = 1;
	int fd = socket(addr->ss_family, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	flow_request_put(head, req);
	if (connect(fd, (const struct sockaddr *)addr, len) < 0 ||
	    write(fd, head, sizeof(head)) != (ssize_t)sizeof(head) ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
start_flow(struct flow *f, const struct sockaddr_storage *addr,
    socklen_t len, const struct flow_plan *plan)
{
	const struct flow_ops *ops = f->ops;

	f->req = (struct flow_request){
		.kind = ops->kind,
		.seed = (uint64_t)flow_now_us() * 2 + (uint64_t)ops->kind,
		.rate = ops->kind == FLOW_STREAM ? STREAM_RATE : plan->rate,
		.seconds = (uint32_t)plan->seconds,
	};
	f->fd = open_flow(ops->type, addr, len, &f->req);
	if (f->fd < 0) {
		fprintf(stderr, "flow: %s: %s\n", ops->name, strerror(errno));
		return -1;
	}
	f->port = local_port(f->fd);
	f->start_us = f->last_us = flow_now_us();
	return 0;
}

/* Resting connections: a line is sent and must come back, at the start and
 * once more at the end. */

static uint64_t
idle_seed(int i)
{
	return 0x1d1eU + (uint64_t)i;
}

static int
start_idle(struct client *c, const struct sockaddr_storage *addr,
    socklen_t len, int n)
{
	if (n == 0)
		return 0;
	c->idle = calloc((size_t)n, sizeof(*c->idle));
	if (c->idle == NULL)
		return -1;
	for (int i = 0; i < n; i++) {
		struct flow_request req = { .kind = FLOW_ECHO,
			.seed = idle_seed(i) };

		c->idle[i] = open_flow(SOCK_STREAM, addr, len, &req);
		if (c->idle[i] < 0)
			return -1;
		c->n_idle++;
	}
	return 0;
}

static bool
idle_answers(int fd, int i, uint64_t pos, int64_t until_us)
{
	uint8_t line[FLOW_ECHO_LEN];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t have = 0;

	while (have < sizeof(line) && flow_now_us() < until_us) {
		ssize_t n;

		if (poll(&p, 1, 50) <= 0)
			continue;
		n = read(fd, line + have, sizeof(line) - have);
		if (n <= 0)
			return false;
		have += (size_t)n;
	}
	return have == sizeof(line) &&
	    flow_wrong(idle_seed(i), pos, line, have) == 0;
}

/* Send the line of a round on each, then see how many come back. */
static int
wake_idle(struct client *c, int round)
{
	int64_t until_us = flow_now_us() + LAST_WORD_US;
	uint64_t pos = (uint64_t)round * FLOW_ECHO_LEN;
	int answered = 0;

	for (int i = 0; i < c->n_idle; i++) {
		uint8_t line[FLOW_ECHO_LEN];

		flow_fill(idle_seed(i), pos, line, sizeof(line));
		if (write(c->idle[i], line, sizeof(line)) < 0)
			continue;
	}
	for (int i = 0; i < c->n_idle; i++)
		answered += idle_answers(c->idle[i], i, pos, until_us);
	return answered;
}

static void
turn(struct client *c)
{
	struct pollfd fds[N_KINDS];
	int64_t now_us;

	for (int i = 0; i < N_KINDS; i++)
		fds[i] = (struct pollfd){ .fd = c->flows[i].fd,
			.events = POLLIN };
	if (poll(fds, N_KINDS, TURN_MS) < 0)
		return;
	now_us = flow_now_us();
	for (int i = 0; i < N_KINDS; i++) {
		struct flow *f = &c->flows[i];

		if (fds[i].revents != 0 && f->fd >= 0)
			f->ops->readable(f, now_us);
		if (f->ops->turn != NULL && f->fd >= 0)
			f->ops->turn(f, now_us);
	}
}

static bool
all_since(const struct client *c, int64_t when_us)
{
	for (int i = 0; i < N_KINDS; i++) {
		const struct flow *f = &c->flows[i];

		if (f->right == 0 || f->last_us <= when_us)
			return false;
	}
	return true;
}

static void
say_running(const struct client *c)
{
	printf("running");
	for (int i = 0; i < N_KINDS; i++)
		printf(" %s=%u", c->flows[i].ops->name, c->flows[i].port);
	printf("\n");
	fflush(stdout);
}

static void
set_mark(struct client *c, unsigned marks)
{
	c->mark_us = flow_now_us();
	c->resumed = false;
	for (int i = 0; i < N_KINDS && c->marks == 0; i++) {
		c->flows[i].before = c->flows[i].right;
		c->flows[i].gap_us = 0;
	}
	c->marks = marks;
	printf("mark %u\n", marks);
	fflush(stdout);
}

static void
say_resumed(struct client *c)
{
	int64_t worst_us = 0;

	for (int i = 0; i < N_KINDS; i++) {
		if (c->flows[i].gap_us > worst_us)
			worst_us = c->flows[i].gap_us;
	}
	c->resumed = true;
	printf("resumed %u gap_ms=%lld\n", c->marks,
	    (long long)(worst_us / 1000));
	fflush(stdout);
}

static void
watch(struct client *c)
{
	unsigned marks = flow_marks();

	if (!c->running && all_since(c, 0)) {
		c->running = true;
		say_running(c);
	}
	if (c->running && marks != c->marks)
		set_mark(c, marks);
	if (c->marks > 0 && !c->resumed &&
	    all_since(c, c->mark_us + SETTLE_US))
		say_resumed(c);
}

static bool
lives(struct flow *f, int64_t now_us)
{
	if (now_us - f->last_us > f->gap_us)
		f->gap_us = now_us - f->last_us;
	if (now_us - f->last_us > END_SILENCE_US && f->end == NULL)
		f->end = "silent";
	return f->end == NULL && f->wrong == 0;
}

static bool
report_flow(struct flow *f, unsigned marks, int64_t now_us)
{
	bool ok = lives(f, now_us);

	if (marks == 0)
		f->before = f->right;
	printf("flow %s port=%u before=%llu after=%llu gap_ms=%lld wrong=%llu "
	       "lost=%llu survived=%s end=%s\n", f->ops->name, f->port,
	    (unsigned long long)f->before,
	    (unsigned long long)(f->right - f->before),
	    (long long)(f->gap_us / 1000), (unsigned long long)f->wrong,
	    (unsigned long long)f->lost, ok ? "yes" : "no",
	    f->end != NULL ? f->end : "-");
	return ok;
}

static bool
report(struct client *c)
{
	int64_t now_us = flow_now_us();
	bool ok = true;

	for (int i = 0; i < N_KINDS; i++)
		ok &= report_flow(&c->flows[i], c->marks, now_us);
	if (c->n_idle == 0)
		return ok;
	c->idle_after = wake_idle(c, 1);
	printf("flow idle port=0 before=%d after=%d gap_ms=0 wrong=0 lost=0 "
	       "survived=%s end=-\n", c->idle_before, c->idle_after,
	    c->idle_after == c->n_idle ? "yes" : "no");
	return ok && c->idle_after == c->n_idle;
}

static void
close_all(struct client *c)
{
	uint8_t head[FLOW_REQUEST_LEN];

	for (int i = 0; i < N_KINDS; i++) {
		struct flow *f = &c->flows[i];

		if (f->fd < 0)
			continue;
		if (f->ops->kind == FLOW_STREAM) {
			f->req.seconds = 0;
			flow_request_put(head, &f->req);
			if (write(f->fd, head, sizeof(head)) < 0)
				f->end = "unsaid"; /* its time ends it */
		}
		close(f->fd);
	}
	for (int i = 0; i < c->n_idle; i++)
		close(c->idle[i]);
	free(c->idle);
}

static int
run_flows(struct client *c, const struct flow_plan *plan)
{
	int64_t start_us = flow_now_us();
	int64_t end_us = start_us + (int64_t)plan->seconds * 1000000;

	c->idle_before = wake_idle(c, 0);
	if (c->idle_before != c->n_idle) {
		fputs("flow: a resting connection got no answer\n", stderr);
		return 2;
	}
	while (!flow_stopped() && flow_now_us() < end_us) {
		turn(c);
		watch(c);
		if (!c->running && flow_now_us() > start_us + START_US) {
			fputs("flow: not every flow started\n", stderr);
			return 2;
		}
	}
	return report(c) ? 0 : 1;
}

/* A burst: many UDP sessions, each of one request and one answer. */

static int
burst_socket(const struct sockaddr_storage *addr, socklen_t len, int port)
{
	struct sockaddr_storage local = { .ss_family = addr->ss_family };
	int fd = socket(addr->ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (addr->ss_family == AF_INET6)
		((struct sockaddr_in6 *)&local)->sin6_port =
		    htons((uint16_t)port);
	else
		((struct sockaddr_in *)&local)->sin_port =
		    htons((uint16_t)port);
	if (bind(fd, (struct sockaddr *)&local, len) < 0 ||
	    connect(fd, (const struct sockaddr *)addr, len) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Ask on all that have no answer yet; wait a while; count the answers. */
static int
ask(struct pollfd *fds, int n, const uint8_t head[FLOW_REQUEST_LEN])
{
	int64_t until_us = flow_now_us() + BURST_WAIT_MS * 1000;
	int answered = 0;
	int asked = 0;

	for (int i = 0; i < n; i++) {
		if (fds[i].fd >= 0 && write(fds[i].fd, head,
		    FLOW_REQUEST_LEN) > 0)
			asked++;
	}
	while (answered < asked && flow_now_us() < until_us) {
		if (poll(fds, (nfds_t)n, 20) <= 0)
			continue;
		for (int i = 0; i < n; i++) {
			uint8_t buf[FLOW_REQUEST_LEN];

			if (fds[i].fd < 0 || fds[i].revents == 0 ||
			    read(fds[i].fd, buf, sizeof(buf)) <= 0)
				continue;
			close(fds[i].fd);
			fds[i].fd = -1;
			answered++;
		}
	}
	return answered;
}

static int
burst_part(const struct sockaddr_storage *addr, socklen_t len, int port,
    int n)
{
	struct flow_request req = { .kind = FLOW_PING };
	uint8_t head[FLOW_REQUEST_LEN];
	struct pollfd fds[BURST_AT_ONCE];
	int answered = 0;

	flow_request_put(head, &req);
	for (int i = 0; i < n; i++)
		fds[i] = (struct pollfd){ .events = POLLIN,
			.fd = burst_socket(addr, len, port + i) };
	for (int i = 0; i < BURST_TRIES && answered < n; i++)
		answered += ask(fds, n, head);
	for (int i = 0; i < n; i++) {
		if (fds[i].fd >= 0)
			close(fds[i].fd);
	}
	return answered;
}

static int
run_burst(const struct sockaddr_storage *addr, socklen_t len,
    const struct flow_plan *plan)
{
	int answered = 0;

	for (int i = 0; i < plan->burst && !flow_stopped();
	     i += BURST_AT_ONCE) {
		int n = plan->burst - i;

		answered += burst_part(addr, len, plan->first_port + i,
		    n < BURST_AT_ONCE ? n : BURST_AT_ONCE);
	}
	printf("burst asked=%d answered=%d\n", plan->burst, answered);
	return answered == plan->burst ? 0 : 1;
}

int
flow_run(const struct sockaddr_storage *addr, socklen_t len,
    const struct flow_plan *plan)
{
	struct client *c;
	int rc = 2;

	if (plan->burst > 0)
		return run_burst(addr, len, plan);
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return 2;
	for (int i = 0; i < N_KINDS; i++)
		c->flows[i] = (struct flow){ .ops = &KINDS[i], .fd = -1 };
	for (int i = 0; i < N_KINDS; i++) {
		if (start_flow(&c->flows[i], addr, len, plan) < 0)
			goto out;
	}
	if (start_idle(c, addr, len, plan->idle) == 0)
		rc = run_flows(c, plan);
out:
	close_all(c);
	free(c);
	return rc;
}
