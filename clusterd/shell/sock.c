#include "shell/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 64

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int
to_ha_err(int err)
{
	switch (err) {
	case EADDRINUSE:
		return HA_ERR_EXISTS;
	case EADDRNOTAVAIL:
		return HA_ERR_ABSENT;
	case EACCES:
	case EPERM:
		return HA_ERR_PERM;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return HA_ERR_FULL;
	case EAGAIN:
	case EINTR:
	case ECONNABORTED:
		return HA_ERR_AGAIN;
	default:
		return HA_ERR_IO;
	}
}

static socklen_t
to_sockaddr(const struct ha_conf_address *a, uint16_t port,
    union address *out)
{
	memset(out, 0, sizeof(*out));
	if (a->family == HA_IPV4) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons(port);
		memcpy(&out->v4.sin_addr, a->bytes, 4);
		return sizeof(out->v4);
	}
	out->v6.sin6_family = AF_INET6;
	out->v6.sin6_port = htons(port);
	memcpy(&out->v6.sin6_addr, a->bytes, 16);
	return sizeof(out->v6);
}

static void
from_sockaddr(const union address *in, struct ha_conf_address *out)
{
	memset(out, 0, sizeof(*out));
	out->prefix = HA_CONF_PREFIX_NONE;
	if (in->any.sa_family == AF_INET) {
		out->family = HA_IPV4;
		memcpy(out->bytes, &in->v4.sin_addr, 4);
	} else if (in->any.sa_family == AF_INET6) {
		out->family = HA_IPV6;
		memcpy(out->bytes, &in->v6.sin6_addr, 16);
	}
}

static int
new_socket(const struct ha_conf_address *a)
{
	int family = a->family == HA_IPV4 ? AF_INET : AF_INET6;

	return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int
ha_sock_listen(const struct ha_conf_address *address, uint16_t port, int *fd)
{
	static const int ON = 1;
	union address local;
	socklen_t len = to_sockaddr(address, port, &local);
	int s = new_socket(address);
	int err;

	if (s < 0)
		return to_ha_err(errno);
	(void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &ON, sizeof(ON));
	(void)setsockopt(s, IPPROTO_IP, IP_FREEBIND, &ON, sizeof(ON));
	if (address->family == HA_IPV6)
		(void)setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &ON,
		    sizeof(ON));
	if (bind(s, &local.any, len) != 0 || listen(s, BACKLOG) != 0)
		goto fail;
	*fd = s;
	return HA_OK;

fail:
	err = errno;
	close(s);
	return to_ha_err(err);
}

bool
ha_sock_is_here(const struct ha_conf_address *address)
{
	union address local;
	socklen_t len = to_sockaddr(address, 0, &local);
	int s = new_socket(address);
	bool here = s < 0 || bind(s, &local.any, len) == 0 ||
	    errno != EADDRNOTAVAIL;

	if (s >= 0)
		close(s);
	return here;
}

int
ha_sock_accept(int listen_fd, struct ha_conf_address *from, int *fd)
{
	union address peer;
	socklen_t len = sizeof(peer);
	int s = accept4(listen_fd, &peer.any, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (s < 0)
		return to_ha_err(errno);
	from_sockaddr(&peer, from);
	*fd = s;
	return HA_OK;
}

int
ha_sock_dial(const struct ha_conf_address *address,
    const struct ha_conf_address *peer, uint16_t port, int *fd)
{
	union address local, remote;
	socklen_t local_len = to_sockaddr(address, 0, &local);
	socklen_t remote_len = to_sockaddr(peer, port, &remote);
	int s = new_socket(peer);
	int err;

	if (s < 0)
		return to_ha_err(errno);
	if (bind(s, &local.any, local_len) != 0)
		goto fail;
	if (connect(s, &remote.any, remote_len) != 0 && errno != EINPROGRESS)
		goto fail;
	*fd = s;
	return HA_OK;

fail:
	err = errno;
	close(s);
	return to_ha_err(err);
}

int
ha_sock_error(int fd)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
		return errno;
	return err;
}

void
ha_sock_tune(int fd, struct ha_dur threshold)
{
	static const int ON = 1;
	static const int UNSENT = HA_SOCK_UNSENT_MAX;
	unsigned int silence_ms = (unsigned int)ha_dur_to_ms(threshold);

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &ON, sizeof(ON));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &UNSENT,
	    sizeof(UNSENT));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms,
	    sizeof(silence_ms));
}
