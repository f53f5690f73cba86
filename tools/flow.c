#include "tools/flow.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const uint8_t MAGIC[4] = { 'f', 'l', 'o', 'w' };

static volatile sig_atomic_t stopped;
static volatile sig_atomic_t marks;

void
flow_put64(uint8_t *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

uint64_t
flow_get64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

void
flow_request_put(uint8_t buf[static FLOW_REQUEST_LEN],
    const struct flow_request *req)
{
	memcpy(buf, MAGIC, sizeof(MAGIC));
	flow_put64(buf + 4, (uint64_t)req->kind);
	flow_put64(buf + 12, req->seed);
	flow_put64(buf + 20, (uint64_t)req->rate << 32 | req->seconds);
}

bool
flow_request_get(const uint8_t buf[static FLOW_REQUEST_LEN],
    struct flow_request *req)
{
	uint64_t kind = flow_get64(buf + 4);
	uint64_t limits = flow_get64(buf + 20);

	if (memcmp(buf, MAGIC, sizeof(MAGIC)) != 0)
		return false;
	if (kind < FLOW_DOWNLOAD || kind > FLOW_PING)
		return false;
	req->kind = (enum flow_kind)kind;
	req->seed = flow_get64(buf + 12);
	req->rate = (uint32_t)(limits >> 32);
	req->seconds = (uint32_t)limits;
	return true;
}

/* Eight bytes of content at once: the mixer of splitmix64 over a counter. */
static uint64_t
word_at(uint64_t seed, uint64_t index)
{
	uint64_t z = seed + (index + 1) * 0x9e3779b97f4a7c15U;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

static uint8_t
byte_at(uint64_t seed, uint64_t pos)
{
	return (uint8_t)(word_at(seed, pos / 8) >> (8 * (pos % 8)));
}

void
flow_fill(uint64_t seed, uint64_t pos, uint8_t *buf, size_t len)
{
	size_t i = 0;

	while (i < len && (pos + i) % 8 != 0) {
		buf[i] = byte_at(seed, pos + i);
		i++;
	}
	for (; i + 8 <= len; i += 8) {
		uint64_t w = word_at(seed, (pos + i) / 8);

		for (size_t k = 0; k < 8; k++)
			buf[i + k] = (uint8_t)(w >> (8 * k));
	}
	for (; i < len; i++)
		buf[i] = byte_at(seed, pos + i);
}

size_t
flow_wrong(uint64_t seed, uint64_t pos, const uint8_t *buf, size_t len)
{
	uint8_t want[1024];
	size_t wrong = 0;

	for (size_t at = 0; at < len; at += sizeof(want)) {
		size_t n = len - at;

		if (n > sizeof(want))
			n = sizeof(want);
		flow_fill(seed, pos + at, want, n);
		if (memcmp(want, buf + at, n) == 0)
			continue;
		for (size_t i = 0; i < n; i++)
			wrong += want[i] != buf[at + i];
	}
	return wrong;
}

int64_t
flow_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

uint64_t
flow_allowance(uint32_t rate, int64_t elapsed_us, uint64_t sent)
{
	uint64_t due;

	if (rate == 0)
		return FLOW_CHUNK;
	if (elapsed_us <= 0)
		return 0;
	due = (uint64_t)elapsed_us * rate / 1000000;
	if (due <= sent)
		return 0;
	return due - sent < FLOW_CHUNK ? due - sent : FLOW_CHUNK;
}

int
flow_resolve(const char *host, const char *port,
    struct sockaddr_storage *addr, socklen_t *len)
{
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	};
	struct addrinfo *found;

	if (getaddrinfo(host, port, &hints, &found) != 0) {
		errno = EINVAL;
		return -1;
	}
	memcpy(addr, found->ai_addr, found->ai_addrlen);
	*len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

bool
flow_stopped(void)
{
	return stopped != 0;
}

unsigned
flow_marks(void)
{
	return (unsigned)marks;
}

static void
on_signal(int sig)
{
	if (sig == SIGUSR1)
		marks = marks + 1;
	else
		stopped = 1;
}

/* Without SA_RESTART: a signal ends the wait in poll(). */
static void
catch_signals(void)
{
	struct sigaction act = { .sa_handler = on_signal };

	sigemptyset(&act.sa_mask);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGUSR1, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int
usage(void)
{
	fputs("usage: flow server ADDRESS PORT [--for SECONDS]\n"
	      "       flow client ADDRESS PORT [--for SECONDS] [--idle N]\n"
	      "                   [--rate BYTES-A-SECOND, 0: full speed]\n"
	      "       flow client ADDRESS PORT --burst N\n"
	      "\n"
	      "A client runs a download, an upload, an echo and a UDP stream\n"
	      "at once, until SIGTERM.  SIGUSR1 sets a mark: it says\n"
	      "\"resumed\" when all flows have gone on for a while behind it.\n"
	      "It ends with a line for each flow, and with 0 if all live.\n",
	    stderr);
	return 2;
}

/* A number from 0 to max; -1: it is none. */
static long
number(const char *text, long max)
{
	char *end;
	long n;

	if (text == NULL || *text == '\0')
		return -1;
	errno = 0;
	n = strtol(text, &end, 10);
	if (errno != 0 || *end != '\0' || n < 0 || n > max)
		return -1;
	return n;
}

static bool
read_option(struct flow_plan *plan, const char *name, const char *value)
{
	long n = number(value, 1000000000);

	if (n < 0)
		return false;
	if (strcmp(name, "--rate") == 0)
		plan->rate = (uint32_t)n;
	else if (strcmp(name, "--for") == 0 && n <= 86400)
		plan->seconds = (int)n;
	else if (strcmp(name, "--idle") == 0 && n <= 4096)
		plan->idle = (int)n;
	else if (strcmp(name, "--burst") == 0 && n <= 30000)
		plan->burst = (int)n;
	else if (strcmp(name, "--from") == 0 && n > 0 && n <= 35000)
		plan->first_port = (int)n;
	else
		return false;
	return true;
}

int
main(int argc, char **argv)
{
	struct flow_plan plan = { .rate = 8000000, .seconds = 120,
		.first_port = 2000 };
	struct sockaddr_storage addr;
	socklen_t len;

	if (argc < 4 || argc % 2 != 0)
		return usage();
	for (int i = 4; i < argc; i += 2) {
		if (!read_option(&plan, argv[i], argv[i + 1]))
			return usage();
	}
	if (flow_resolve(argv[2], argv[3], &addr, &len) < 0) {
		fprintf(stderr, "flow: %s port %s is not an address\n",
		    argv[2], argv[3]);
		return 2;
	}
	catch_signals();
	if (strcmp(argv[1], "server") == 0)
		return flow_serve(&addr, len, plan.seconds);
	if (strcmp(argv[1], "client") == 0)
		return flow_run(&addr, len, &plan);
	return usage();
}
