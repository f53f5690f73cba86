/*
 * sniff: does a byte pattern travel over these interfaces?
 *
 *     sniff SECONDS INTERFACE[,INTERFACE...] ADDRESS...
 *
 * Listens to every frame of the interfaces for so long, or until SIGTERM, and
 * counts how often the bytes of each address (IPv4 or IPv6, as they stand in
 * a packet) occur in what TCP or UDP carries.  The headers around are skipped:
 * the frames' own addresses are not what is looked for.  Prints
 * "frames=N bytes=N found=N".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define INTERFACE_MAX 32
#define PATTERN_MAX   8

struct pattern {
	uint8_t bytes[16];
	size_t len;
};

struct sniffer {
	struct pollfd fds[INTERFACE_MAX];
	nfds_t n_fds;
	struct pattern patterns[PATTERN_MAX];
	size_t n_patterns;
	unsigned long long frames;
	unsigned long long bytes;
	unsigned long long found;
	uint8_t frame[65600];
};

static volatile sig_atomic_t stopped;

static void
on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

/* A frame that leaves is seen as one that arrives elsewhere: TCP's segments
 * may be larger than the link's, since veth hands them on whole. */
static int
listen_to(struct sniffer *s, const char *interface)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL) };
	int fd;

	addr.sll_ifindex = (int)if_nametoindex(interface);
	if (addr.sll_ifindex == 0 || s->n_fds == INTERFACE_MAX)
		return -1;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL));
	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		close(fd);
		return -1;
	}
	s->fds[s->n_fds++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	return 0;
}

static int
add_pattern(struct sniffer *s, const char *text)
{
	struct pattern *p = &s->patterns[s->n_patterns];

	if (s->n_patterns == PATTERN_MAX)
		return -1;
	if (inet_pton(AF_INET, text, p->bytes) == 1)
		p->len = 4;
	else if (inet_pton(AF_INET6, text, p->bytes) == 1)
		p->len = 16;
	else
		return -1;
	s->n_patterns++;
	return 0;
}

/* Where the payload of a TCP or UDP packet begins; 0: there is none. */
static size_t
payload_at(const uint8_t *f, size_t len)
{
	size_t at = 14;
	uint8_t protocol;

	if (len < 14 + 20 + 20)
		return 0;
	if (f[12] == 0x08 && f[13] == 0x00) {
		protocol = f[at + 9];
		at += (size_t)(f[at] & 15) * 4;
	} else if (f[12] == 0x86 && f[13] == 0xdd && len >= 14 + 40 + 20) {
		protocol = f[at + 6];
		at += 40;
	} else {
		return 0;
	}
	if (protocol == IPPROTO_UDP)
		at += 8;
	else if (protocol == IPPROTO_TCP && at + 13 <= len)
		at += (size_t)(f[at + 12] >> 4) * 4;
	else
		return 0;
	return at < len ? at : 0;
}

/* The two halves of an IPv6 address are two fields of a session's record: a
 * tag of one or two bytes may stand between them. */
static bool
is_there(const struct pattern *want, const uint8_t *p, size_t len)
{
	size_t half = want->len == 16 ? 8 : want->len;

	if (len < want->len || memcmp(p, want->bytes, half) != 0)
		return false;
	for (size_t gap = 0; gap <= 2 && want->len + gap <= len; gap++)
		if (memcmp(p + half + gap, want->bytes + half,
		    want->len - half) == 0)
			return true;
	return false;
}

static void
search(struct sniffer *s, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < s->n_patterns; i++)
		for (size_t at = 0; at < len; at++)
			if (is_there(&s->patterns[i], p + at, len - at))
				s->found++;
}

static void
drain(struct sniffer *s, int fd)
{
	for (int i = 0; i < 256; i++) {
		ssize_t n = recv(fd, s->frame, sizeof(s->frame), 0);
		size_t at;

		if (n <= 0)
			return;
		s->frames++;
		at = payload_at(s->frame, (size_t)n);
		if (at == 0)
			continue;
		s->bytes += (size_t)n - at;
		search(s, s->frame + at, (size_t)n - at);
	}
}

static int
set_up(struct sniffer *s, int argc, char **argv)
{
	char *rest = NULL;

	for (char *name = strtok_r(argv[2], ",", &rest); name != NULL;
	     name = strtok_r(NULL, ",", &rest)) {
		if (listen_to(s, name) < 0) {
			fprintf(stderr, "sniff: %s: %s\n", name,
			    strerror(errno));
			return -1;
		}
	}
	for (int i = 3; i < argc; i++) {
		if (add_pattern(s, argv[i]) < 0) {
			fprintf(stderr, "sniff: %s is no address\n", argv[i]);
			return -1;
		}
	}
	return 0;
}

int
main(int argc, char **argv)
{
	static struct sniffer s;
	struct sigaction act = { .sa_handler = on_signal };
	time_t end;

	if (argc < 4) {
		fputs("usage: sniff SECONDS INTERFACE,... ADDRESS...\n",
		    stderr);
		return 2;
	}
	end = time(NULL) + atoi(argv[1]);
	if (set_up(&s, argc, argv) < 0)
		return 2;
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	puts("listening");
	fflush(stdout);
	while (!stopped && time(NULL) < end) {
		if (poll(s.fds, s.n_fds, 200) <= 0)
			continue;
		for (nfds_t i = 0; i < s.n_fds; i++)
			drain(&s, s.fds[i].fd);
	}
	printf("frames=%llu bytes=%llu found=%llu\n", s.frames, s.bytes,
	    s.found);
	return 0;
}
