/*
 * ftp: as much of FTP as a helper of connection tracking has to follow.
 *
 *     ftp server PORT SECONDS
 *     ftp client ADDRESS PORT
 *
 * The client opens one control connection and keeps it.  Each line on its
 * standard input asks for one transfer, "active BYTES RATE" or "passive BYTES
 * RATE", over a data connection that the server or the client opens; RATE is
 * in bytes a second.  It prints "ready" at first, and of the transfer number
 * N "begun N" with its first byte and "done N BYTES" at its end, or "failed N"
 * when it stood still for long, could not be opened, or brought wrong bytes.
 * The byte at each position follows from it.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 15
#define TICKS      50 /* writes a second */

static int
die(const char *what)
{
	perror(what);
	return EXIT_FAILURE;
}

static uint8_t
content(uint64_t position)
{
	return (uint8_t)(position * 7 + position / 251);
}

/* ---- addresses ---- */

union address {
	struct sockaddr any;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
};

static socklen_t
address_len(const union address *a)
{
	return a->any.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in4);
}

static bool
parse_address(const char *host, unsigned int port, union address *out)
{
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, host, &out->in4.sin_addr) == 1) {
		out->in4.sin_family = AF_INET;
		out->in4.sin_port = htons((uint16_t)port);
		return true;
	}
	out->in6.sin6_family = AF_INET6;
	out->in6.sin6_port = htons((uint16_t)port);
	return inet_pton(AF_INET6, host, &out->in6.sin6_addr) == 1;
}

/* The local end of a connection; IPv4 told as IPv6 is made IPv4. */
static union address
local_address(int fd)
{
	union address a = { .any.sa_family = AF_INET }, four = a;
	socklen_t len = sizeof(a);

	(void)getsockname(fd, &a.any, &len);
	if (a.any.sa_family != AF_INET6 ||
	    !IN6_IS_ADDR_V4MAPPED(&a.in6.sin6_addr))
		return a;
	four.in4.sin_port = a.in6.sin6_port;
	memcpy(&four.in4.sin_addr, a.in6.sin6_addr.s6_addr + 12, 4);
	return four;
}

static unsigned int
port_of(const union address *a)
{
	return ntohs(a->any.sa_family == AF_INET6 ? a->in6.sin6_port :
	    a->in4.sin_port);
}

static void
set_port(union address *a, unsigned int port)
{
	if (a->any.sa_family == AF_INET6)
		a->in6.sin6_port = htons((uint16_t)port);
	else
		a->in4.sin_port = htons((uint16_t)port);
}

static void
be_patient(int fd)
{
	const struct timeval t = { .tv_sec = PATIENCE_S };
	const int on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

/* On the local address of a connection, any port. */
static int
listen_beside(int control, union address *at)
{
	socklen_t len = sizeof(*at);
	int fd;

	*at = local_address(control);
	set_port(at, 0);
	fd = socket(at->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	be_patient(fd);
	if (bind(fd, &at->any, address_len(at)) < 0 || listen(fd, 1) < 0 ||
	    getsockname(fd, &at->any, &len) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
accept_one(int listener)
{
	int fd = listener < 0 ? -1 : accept(listener, NULL, NULL);

	if (listener >= 0)
		close(listener);
	if (fd >= 0)
		be_patient(fd);
	return fd;
}

static int
connect_to(const union address *to)
{
	int fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	be_patient(fd);
	if (connect(fd, &to->any, address_len(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* ---- lines ---- */

static bool
say(int fd, const char *line)
{
	size_t len = strlen(line);

	return send(fd, line, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* false: the end, or nothing for too long. */
static bool
hear(int fd, char *line, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && recv(fd, &line[n], 1, 0) == 1)
		if (line[n++] == '\n')
			break;
	line[n] = '\0';
	return n > 0 && line[n - 1] == '\n';
}

/* "h1,h2,h3,h4,p1,p2", as of old. */
static void
print_six(const union address *a, char out[static 32])
{
	const uint8_t *h = (const uint8_t *)&a->in4.sin_addr;

	(void)snprintf(out, 32, "%u,%u,%u,%u,%u,%u", h[0], h[1], h[2], h[3],
	    port_of(a) / 256, port_of(a) % 256);
}

static bool
parse_six(const char *text, union address *out)
{
	unsigned int n[6];
	char host[32];

	if (sscanf(text, "%3u,%3u,%3u,%3u,%3u,%3u", &n[0], &n[1], &n[2],
	    &n[3], &n[4], &n[5]) != 6)
		return false;
	(void)snprintf(host, sizeof(host), "%u.%u.%u.%u", n[0] & 255,
	    n[1] & 255, n[2] & 255, n[3] & 255);
	return parse_address(host, n[4] * 256 + n[5], out);
}

/* ---- data ---- */

static void
pause_a_tick(void)
{
	const struct timespec t = { .tv_nsec = 1000000000 / TICKS };

	(void)nanosleep(&t, NULL);
}

static bool
send_data(int fd, uint64_t bytes, uint64_t rate)
{
	uint64_t at = 0, step = rate / TICKS + 1;
	uint8_t buf[65536];

	while (at < bytes) {
		size_t n = 0;

		while (n < step && n < sizeof(buf) && at + n < bytes) {
			buf[n] = content(at + n);
			n++;
		}
		for (size_t sent = 0; sent < n;) {
			ssize_t m = send(fd, buf + sent, n - sent,
			    MSG_NOSIGNAL);

			if (m <= 0)
				return false;
			sent += (size_t)m;
		}
		at += n;
		pause_a_tick();
	}
	return true;
}

/* Up to the end; false: not the right bytes, or not so many. */
static bool
take_data(int fd, int number, uint64_t bytes)
{
	uint8_t buf[65536];
	uint64_t at = 0;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		if (at == 0)
			printf("begun %d\n", number);
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != content(at + (uint64_t)i))
				return false;
		at += (uint64_t)n;
	}
	return n == 0 && at == bytes;
}

/* ---- server ---- */

struct session {
	int control;
	int listener;       /* passive; -1: none */
	union address call; /* active */
};

static bool
begin_passive(struct session *s, bool extended)
{
	union address at;
	char six[32], line[128];

	s->listener = listen_beside(s->control, &at);
	if (s->listener < 0)
		return false;
	print_six(&at, six);
	if (extended)
		(void)snprintf(line, sizeof(line),
		    "229 Entering Extended Passive Mode (|||%u|)\r\n",
		    port_of(&at));
	else
		(void)snprintf(line, sizeof(line),
		    "227 Entering Passive Mode (%s)\r\n", six);
	return say(s->control, line);
}

static bool
begin_active(struct session *s, const char *args)
{
	char host[64];
	unsigned int port;
	bool good = sscanf(args, "|%*u|%63[^|]|%5u|", host, &port) == 2 ?
	    parse_address(host, port, &s->call) : parse_six(args, &s->call);

	return say(s->control, good ? "200 I shall call\r\n" : "501 what?\r\n");
}

static bool
transfer(struct session *s, const char *args)
{
	unsigned long long bytes, rate;
	bool good;
	int fd;

	if (sscanf(args, "%llu-%llu", &bytes, &rate) != 2)
		return say(s->control, "501 what?\r\n");
	(void)say(s->control, "150 here it comes\r\n");
	fd = s->listener >= 0 ? accept_one(s->listener) : connect_to(&s->call);
	s->listener = -1;
	if (fd < 0)
		return say(s->control, "425 no connection\r\n");
	good = send_data(fd, bytes, rate);
	close(fd);
	return say(s->control, good ? "226 done\r\n" : "426 broken\r\n");
}

static void
serve_one(int control)
{
	struct session s = { .control = control, .listener = -1 };
	char line[256];
	bool good = say(control, "220 at your service\r\n");

	while (good && recv(control, line, 1, MSG_PEEK) == 1 &&
	    hear(control, line, sizeof(line))) {
		if (strncmp(line, "PASV", 4) == 0)
			good = begin_passive(&s, false);
		else if (strncmp(line, "EPSV", 4) == 0)
			good = begin_passive(&s, true);
		else if (strncmp(line, "PORT ", 5) == 0 ||
		    strncmp(line, "EPRT ", 5) == 0)
			good = begin_active(&s, line + 5);
		else if (strncmp(line, "RETR ", 5) == 0)
			good = transfer(&s, line + 5);
		else
			good = say(control, "230 be welcome\r\n");
	}
}

static int
server(unsigned int port, unsigned int seconds)
{
	union address at;
	const int on = 1;
	int l = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)parse_address("::", port, &at);
	(void)signal(SIGCHLD, SIG_IGN);
	(void)alarm(seconds);
	if (l < 0 || setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &on,
	    sizeof(on)) < 0 || bind(l, &at.any, sizeof(at.in6)) < 0 ||
	    listen(l, 64) < 0)
		return die("server");
	printf("listening\n");
	for (;;) {
		int fd = accept(l, NULL, NULL);

		if (fd >= 0 && fork() == 0) {
			(void)alarm(seconds);
			serve_one(fd);
			_exit(0);
		}
		if (fd >= 0)
			close(fd);
	}
}

/* ---- client ---- */

/* true: the server said something that begins with this number. */
static bool
answered(int control, const char *number, char *line, size_t size)
{
	return hear(control, line, size) &&
	    strncmp(line, number, strlen(number)) == 0;
}

static int
ask_passive(int control, const union address *peer)
{
	const bool extended = peer->any.sa_family == AF_INET6;
	union address to = *peer;
	unsigned int port;
	char line[256];
	const char *open;

	if (!say(control, extended ? "EPSV\r\n" : "PASV\r\n") ||
	    !answered(control, "22", line, sizeof(line)))
		return -1;
	open = strchr(line, '(');
	if (open == NULL)
		return -1;
	if (!extended)
		return parse_six(open + 1, &to) ? connect_to(&to) : -1;
	if (sscanf(open, "(|||%5u|)", &port) != 1)
		return -1;
	set_port(&to, port);
	return connect_to(&to);
}

/* A listener that the server was told of. */
static int
ask_active(int control)
{
	char host[64], six[32], line[256];
	union address at;
	int l = listen_beside(control, &at);

	if (l < 0)
		return -1;
	if (at.any.sa_family == AF_INET6) {
		(void)inet_ntop(AF_INET6, &at.in6.sin6_addr, host,
		    sizeof(host));
		(void)snprintf(line, sizeof(line), "EPRT |2|%s|%u|\r\n", host,
		    port_of(&at));
	} else {
		print_six(&at, six);
		(void)snprintf(line, sizeof(line), "PORT %s\r\n", six);
	}
	if (say(control, line) && answered(control, "200", line, sizeof(line)))
		return l;
	close(l);
	return -1;
}

static bool
fetch(int control, const union address *peer, const char *command, int number)
{
	unsigned long long bytes, rate;
	bool passive = strncmp(command, "passive ", 8) == 0, good;
	char line[256];
	int fd;

	if (sscanf(command, "%*s %llu %llu", &bytes, &rate) != 2)
		return false;
	fd = passive ? ask_passive(control, peer) : ask_active(control);
	(void)snprintf(line, sizeof(line), "RETR %llu-%llu\r\n", bytes, rate);
	if (fd < 0 || !say(control, line) ||
	    !answered(control, "150", line, sizeof(line)))
		return false;
	if (!passive)
		fd = accept_one(fd);
	good = fd >= 0 && take_data(fd, number, bytes);
	if (fd >= 0)
		close(fd);
	if (good)
		printf("done %d %llu\n", number, bytes);
	return answered(control, "226", line, sizeof(line)) && good;
}

static int
client(const char *host, unsigned int port)
{
	union address peer;
	char line[256];
	int control;

	if (!parse_address(host, port, &peer))
		return EXIT_FAILURE;
	control = connect_to(&peer);
	if (control < 0)
		return die("client");
	if (!answered(control, "220", line, sizeof(line)) ||
	    !say(control, "USER somebody\r\n") ||
	    !answered(control, "230", line, sizeof(line)))
		return die("login");
	printf("ready\n");
	for (int n = 1; fgets(line, sizeof(line), stdin) != NULL; n++)
		if (!fetch(control, &peer, line, n))
			printf("failed %d\n", n);
	return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 4 && strcmp(argv[1], "server") == 0)
		return server((unsigned int)atoi(argv[2]),
		    (unsigned int)atoi(argv[3]));
	if (argc == 4 && strcmp(argv[1], "client") == 0)
		return client(argv[2], (unsigned int)atoi(argv[3]));
	fprintf(stderr, "usage: ftp server PORT SECONDS\n"
	    "       ftp client ADDRESS PORT\n");
	return EXIT_FAILURE;
}
