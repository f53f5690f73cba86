#define _GNU_SOURCE
#include "rig.h"

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUIET 0.15 /* seconds in which an event would have come */

struct world w;
struct heard h;
struct ha_dataplane *dp;
struct ha_dataplane_config config;

static void
on_session(void *ctx, const struct ha_in_session *s)
{
	(void)ctx;
	if (h.n_sessions < SEEN)
		h.sessions[h.n_sessions++] = *s;
}

static void
on_dump(void *ctx, enum ha_dump_event e)
{
	(void)ctx;
	h.begins += e == HA_DUMP_BEGIN;
	h.ends += e == HA_DUMP_END;
	h.losses += e == HA_DUMP_LOST;
}

static void
on_done(void *ctx, uint64_t ticket, int result)
{
	(void)ctx;
	ck_assert_uint_lt(h.n_done, SEEN);
	h.done[h.n_done].ticket = ticket;
	h.done[h.n_done++].result = result;
}

static void
on_table(void *ctx, enum ha_table_event e)
{
	(void)ctx;
	h.reloads += e == HA_TABLE_RELOADED;
	h.table_losses += e == HA_TABLE_LOST;
}

void
rig_setup(void)
{
	memset(&h, 0, sizeof(h));
	world_make(&w);
	config = (struct ha_dataplane_config){
		.signal = HA_SIGNAL_LABEL,
		.owner_bit = OWNER,
		.replica_bit = REPLICA,
		.rule = true,
		.gate = true,
		.calls = { NULL, on_session, on_dump, on_done, on_table },
	};
}

void
rig_teardown(void)
{
	ha_dataplane_close(dp);
	dp = NULL;
}

void
start(void)
{
	struct ha_why why = { "" };
	int rc = ha_dataplane_open(&config, &why, &dp);

	ck_assert_msg(rc == HA_OK, "%s: %s", ha_err_text(rc), why.text);
}

void
stop(void)
{
	ha_dataplane_close(dp);
	dp = NULL;
}

/* One turn of a loop, at most ms long. */
static void
turn(int ms)
{
	struct pollfd p[HA_DATAPLANE_FD_MAX];

	for (int i = 0; i < HA_DATAPLANE_FD_MAX; i++)
		p[i] = (struct pollfd){ ha_dataplane_fd(dp,
		    (enum ha_dataplane_fd)i), POLLIN, 0 };
	if (poll(p, HA_DATAPLANE_FD_MAX, ms) <= 0)
		return;
	for (int i = 0; i < HA_DATAPLANE_FD_MAX; i++)
		if (p[i].revents != 0)
			(void)ha_dataplane_readable(dp,
			    (enum ha_dataplane_fd)i);
}

void
await(const size_t *counter, size_t n, const char *what)
{
	double end = world_clock() + PATIENCE;

	while (*counter < n && world_clock() < end)
		turn(20);
	ck_assert_msg(*counter >= n, "%s: %zu of %zu", what, *counter, n);
}

void
await_int(const int *counter, int n, const char *what)
{
	double end = world_clock() + PATIENCE;

	while (*counter < n && world_clock() < end)
		turn(20);
	ck_assert_msg(*counter >= n, "%s: %d of %d", what, *counter, n);
}

void
quiet(void)
{
	double end = world_clock() + QUIET;

	while (world_clock() < end)
		turn(10);
}

void
forget(void)
{
	h.n_sessions = 0;
	h.n_done = 0;
	h.begins = h.ends = h.losses = h.reloads = 0;
}

const struct ha_in_session *
find(enum ha_session_event event, uint16_t src_port)
{
	for (size_t i = 0; i < h.n_sessions; i++)
		if (h.sessions[i].event == event &&
		    h.sessions[i].record.orig.src_port == src_port)
			return &h.sessions[i];
	return NULL;
}

const struct ha_in_session *
await_event(enum ha_session_event event, uint16_t src_port)
{
	double end = world_clock() + PATIENCE;
	const struct ha_in_session *s;

	while ((s = find(event, src_port)) == NULL && world_clock() < end)
		turn(20);
	ck_assert_msg(s != NULL, "no event %d of port %u", event, src_port);
	return s;
}

size_t
count(enum ha_session_event event)
{
	size_t n = 0;

	for (size_t i = 0; i < h.n_sessions; i++)
		n += h.sessions[i].event == event;
	return n;
}

void
dump(void)
{
	int ends = h.ends;

	ck_assert_int_eq(ha_dataplane_dump(dp), HA_OK);
	await_int(&h.ends, ends + 1, "dump");
}

struct ha_in_session
shown(uint16_t src_port)
{
	forget();
	dump();
	ck_assert_ptr_nonnull(find(HA_SESSION_DUMPED, src_port));
	return *find(HA_SESSION_DUMPED, src_port);
}

/* ---- records ---- */

struct ha_tuple
tuple(const char *src, uint16_t src_port, const char *dst, uint16_t dst_port,
    uint8_t protocol)
{
	struct ha_tuple t = { .src_port = src_port, .dst_port = dst_port,
		.protocol = protocol };
	bool six = strchr(src, ':') != NULL;

	t.family = six ? HA_IPV6 : HA_IPV4;
	ck_assert_int_eq(inet_pton(six ? AF_INET6 : AF_INET, src, t.src), 1);
	ck_assert_int_eq(inet_pton(six ? AF_INET6 : AF_INET, dst, t.dst), 1);
	return t;
}

struct ha_record
plain(const struct ha_tuple *orig)
{
	return (struct ha_record){
		.orig = *orig,
		.reply = ha_tuple_invert(orig),
		.status = HA_STATUS_SEEN_REPLY | HA_STATUS_ASSURED,
	};
}

struct ha_record
udp(uint16_t port)
{
	struct ha_tuple t = tuple("10.1.0.2", port, "10.2.0.2", 5000,
	    IPPROTO_UDP);

	return plain(&t);
}

int
operate(const struct ha_kernel_op *op)
{
	size_t before = h.n_done;

	ck_assert_int_eq(ha_dataplane_do(dp, op, 1), HA_OK);
	ck_assert_uint_eq(h.n_done, before); /* never from inside the call */
	await(&h.n_done, before + 1, "result");
	ck_assert_uint_eq(h.done[before].ticket, op->ticket);
	return h.done[before].result;
}

int
install(const struct ha_record *r)
{
	const struct ha_kernel_op op = { 7, HA_KERNEL_INSTALL, 0, false, 3600,
		r };

	return operate(&op);
}

int
remove_entry(const struct ha_record *r)
{
	const struct ha_kernel_op op = { 8, HA_KERNEL_REMOVE, 0, false, 0, r };

	return operate(&op);
}

int
change(const struct ha_record *r, uint16_t what)
{
	const struct ha_kernel_op op = { 9, HA_KERNEL_CHANGE, what, false, 77,
		r };

	return operate(&op);
}

void
forward(uint16_t port)
{
	char from[64];
	uint16_t from_port;
	int c = world_socket(&w, CLIENT, SOCK_DGRAM, "10.1.0.2", port);
	int s = world_socket(&w, SERVER, SOCK_DGRAM, "10.2.0.2", 5000);

	world_send_to(c, "there", "10.2.0.2", 5000);
	ck_assert_str_eq(world_receive(s, 2000, from, &from_port), "there");
	close(c);
	close(s);
}

/* ---- connections ---- */

void
transfer(int from, int to, size_t len)
{
	static uint8_t out[65536], in[65536];
	size_t sent = 0, got = 0;
	double end = world_clock() + PATIENCE;

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7 + i / 251);
	while (got < len && world_clock() < end) {
		struct pollfd p[2] = { { to, POLLIN, 0 },
			{ from, sent < len ? POLLOUT : 0, 0 } };
		size_t at = sent % sizeof(out);
		size_t room = sizeof(out) - at;
		ssize_t n;

		(void)poll(p, 2, 20);
		if (room > len - sent)
			room = len - sent;
		if (room > 0 && (n = send(from, out + at, room,
		    MSG_NOSIGNAL)) > 0)
			sent += (size_t)n;
		room = sizeof(in) - got % sizeof(in);
		n = recv(to, in, room, 0);
		if (n > 0) {
			ck_assert_mem_eq(in, out + got % sizeof(in),
			    (size_t)n);
			got += (size_t)n;
		}
	}
	ck_assert_msg(got == len, "stuck after %zu of %zu bytes", got, len);
}

void
connect_through(uint16_t from, uint16_t to, int *client, int *server)
{
	int l = world_socket(&w, SERVER, SOCK_STREAM, "10.2.0.2", to);
	struct pollfd p = { l, POLLIN, 0 };

	ck_assert_int_eq(listen(l, 1), 0);
	*client = world_socket(&w, CLIENT, SOCK_STREAM, "10.1.0.2", from);
	world_connect(*client, "10.2.0.2", to);
	ck_assert_int_eq(poll(&p, 1, 2000), 1);
	*server = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ck_assert_int_ge(*server, 0);
	close(l);
}
