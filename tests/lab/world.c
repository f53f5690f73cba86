#define _GNU_SOURCE
#include "world.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static bool
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

static bool
become_root(void)
{
	unsigned int uid = getuid(), gid = getgid();
	char map[32];

	if (unshare(CLONE_NEWUSER) < 0)
		return false;
	(void)write_file("/proc/self/setgroups", "deny");
	(void)snprintf(map, sizeof(map), "0 %u 1", uid);
	if (!write_file("/proc/self/uid_map", map))
		return false;
	(void)snprintf(map, sizeof(map), "0 %u 1", gid);
	return write_file("/proc/self/gid_map", map);
}

/* In a child: whoever unshares its network loses the one it had. */
static bool
can_unshare(void)
{
	int status = 1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWNET) < 0);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

bool
world_possible(const char **why)
{
	static const char *const TOOLS[] = { "ip", "nft", "conntrack" };

	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	for (size_t i = 0; i < sizeof(TOOLS) / sizeof(TOOLS[0]); i++) {
		char line[64];

		(void)snprintf(line, sizeof(line),
		    "command -v %s >/dev/null", TOOLS[i]);
		if (system(line) != 0) {
			*why = "ip, nft and conntrack are needed";
			return false;
		}
	}
	if (geteuid() != 0 && !become_root()) {
		*why = "not root, and user namespaces are not allowed";
		return false;
	}
	*why = "network namespaces are not allowed";
	return can_unshare();
}

void
world_go(struct world *w, enum place where)
{
	if (w->here != where)
		ck_assert_int_eq(setns(w->ns[where], CLONE_NEWNET), 0);
	w->here = where;
}

void
world_run(struct world *w, enum place where, const char *format, ...)
{
	enum place before = w->here;
	char line[512];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	world_go(w, where);
	ck_assert_msg(system(line) == 0, "failed: %s", line);
	world_go(w, before);
}

void
world_ruleset(struct world *w, const char *text)
{
	enum place before = w->here;
	FILE *f;

	world_go(w, FIREWALL);
	f = popen("nft -f -", "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(pclose(f), 0);
	world_go(w, before);
}

static void
lay_wire(struct world *w, enum place end, const char *near, int net)
{
	const int pid = getpid();

	world_run(w, FIREWALL, "ip link add %s type veth peer name eth0 "
	    "netns /proc/%d/fd/%d", near, pid, w->ns[end]);
	world_run(w, FIREWALL, "ip addr add 10.%d.0.1/24 dev %s", net, near);
	world_run(w, FIREWALL, "ip addr add fd0%d::1/64 dev %s nodad", net,
	    near);
	world_run(w, FIREWALL, "ip link set %s up", near);
	world_run(w, end, "ip addr add 10.%d.0.2/24 dev eth0", net);
	world_run(w, end, "ip addr add fd0%d::2/64 dev eth0 nodad", net);
	world_run(w, end, "ip link set eth0 up");
	world_run(w, end, "ip route add default via 10.%d.0.1", net);
	world_run(w, end, "ip -6 route add default via fd0%d::1", net);
}

void
world_make(struct world *w)
{
	w->here = PLACES;
	for (int i = 0; i < PLACES; i++) {
		ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
		w->ns[i] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
		ck_assert_int_ge(w->ns[i], 0);
		/* addresses are of use at once, link-local ones too */
		ck_assert(write_file("/proc/sys/net/ipv6/conf/default/"
		    "dad_transmits", "0"));
	}
	w->here = PLACES - 1;
	world_go(w, FIREWALL);
	world_run(w, FIREWALL, "ip link set lo up");
	ck_assert(write_file("/proc/sys/net/ipv4/ip_forward", "1"));
	ck_assert(write_file("/proc/sys/net/ipv6/conf/all/forwarding", "1"));
	lay_wire(w, CLIENT, "inside", 1);
	lay_wire(w, SERVER, "outside", 2);
}

static socklen_t
resolve(const char *address, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in *in4 = (void *)out;
	struct sockaddr_in6 *in6 = (void *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, address, &in4->sin_addr) == 1) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons(port);
		return sizeof(*in4);
	}
	ck_assert_int_eq(inet_pton(AF_INET6, address, &in6->sin6_addr), 1);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	return sizeof(*in6);
}

int
world_socket(struct world *w, enum place where, int type, const char *address,
    uint16_t port)
{
	enum place before = w->here;
	struct sockaddr_storage sa;
	socklen_t len = resolve(address, port, &sa);
	int on = 1;
	int fd;

	world_go(w, where);
	fd = socket(sa.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on,
	    sizeof(on)), 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, len), 0);
	world_go(w, before);
	return fd;
}

void
world_connect(int fd, const char *address, uint16_t port)
{
	struct sockaddr_storage sa;
	socklen_t len = resolve(address, port, &sa);

	ck_assert(connect(fd, (struct sockaddr *)&sa, len) == 0 ||
	    errno == EINPROGRESS);
}

void
world_send_to(int fd, const char *text, const char *address, uint16_t port)
{
	struct sockaddr_storage sa;
	socklen_t len = resolve(address, port, &sa);

	ck_assert_int_eq(sendto(fd, text, strlen(text), 0,
	    (struct sockaddr *)&sa, len), (ssize_t)strlen(text));
}

const char *
world_receive(int fd, int ms, char from[static 64], uint16_t *from_port)
{
	static char text[256];
	struct sockaddr_storage sa;
	struct sockaddr_in *in4 = (void *)&sa;
	struct sockaddr_in6 *in6 = (void *)&sa;
	socklen_t len = sizeof(sa);
	struct pollfd p = { fd, POLLIN, 0 };
	ssize_t n = -1;

	if (poll(&p, 1, ms) == 1)
		n = recvfrom(fd, text, sizeof(text) - 1, 0,
		    (struct sockaddr *)&sa, &len);
	text[n > 0 ? n : 0] = '\0';
	from[0] = '\0';
	*from_port = 0;
	if (n > 0 && sa.ss_family == AF_INET) {
		inet_ntop(AF_INET, &in4->sin_addr, from, 64);
		*from_port = ntohs(in4->sin_port);
	} else if (n > 0) {
		inet_ntop(AF_INET6, &in6->sin6_addr, from, 64);
		*from_port = ntohs(in6->sin6_port);
	}
	return text;
}

double
world_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
