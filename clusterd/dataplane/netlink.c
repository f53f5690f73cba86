#define _GNU_SOURCE
#include "dataplane/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define WAIT_MS 1000

int
ha_netlink_err(int err)
{
	switch (err) {
	case 0:
		return HA_OK;
	case EEXIST:
		return HA_ERR_EXISTS;
	case ENOENT:
		return HA_ERR_ABSENT;
	case ENOSPC:
		return HA_ERR_FULL;
	case ENOMEM:
		return HA_ERR_NOMEM;
	case EAGAIN:
	case EBUSY:
	case EINTR:
	case ENOBUFS:
	case ETIME:
		return HA_ERR_AGAIN;
	case EACCES:
	case EPERM:
		return HA_ERR_PERM;
	case EINVAL:
		return HA_ERR_INVAL;
	case EAFNOSUPPORT:
	case EOPNOTSUPP:
	case EPROTONOSUPPORT:
		return HA_ERR_UNSUPPORTED;
	default:
		return HA_ERR_IO;
	}
}

int
ha_netlink_open(struct mnl_socket **out)
{
	struct mnl_socket *nl;
	int rc;

	nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (nl == NULL)
		return ha_netlink_err(errno);
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		rc = ha_netlink_err(errno);
		mnl_socket_close(nl);
		return rc;
	}
	*out = nl;
	return HA_OK;
}

void
ha_netlink_close(struct mnl_socket *nl)
{
	if (nl != NULL)
		mnl_socket_close(nl);
}

/* The kernel doubles what it is given, and tells the double. */
bool
ha_netlink_receive_buffer(struct mnl_socket *nl, uint32_t bytes, uint32_t *got)
{
	int fd = mnl_socket_get_fd(nl);
	int want = bytes > INT32_MAX / 2 ? INT32_MAX / 2 : (int)bytes;
	int have = 0;
	socklen_t len = sizeof(have);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &want,
	    sizeof(want)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &want,
		    sizeof(want));
	(void)getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &have, &len);
	*got = (uint32_t)have / 2;
	return *got >= (uint32_t)want;
}

void
ha_netlink_short_acks(struct mnl_socket *nl)
{
	int on = 1;

	(void)mnl_socket_setsockopt(nl, NETLINK_CAP_ACK, &on, sizeof(on));
}

int
ha_netlink_send(struct mnl_socket *nl, const void *buf, size_t len)
{
	ssize_t n;

	do
		n = mnl_socket_sendto(nl, buf, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? ha_netlink_err(errno) : HA_OK;
}

int
ha_netlink_wait(struct mnl_socket *nl)
{
	struct pollfd p = { mnl_socket_get_fd(nl), POLLIN, 0 };
	int n;

	do
		n = poll(&p, 1, WAIT_MS);
	while (n < 0 && errno == EINTR);
	return n == 1 ? HA_OK : HA_ERR_IO;
}

int
ha_netlink_errno(const struct nlmsghdr *h)
{
	int32_t err;

	if (h->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(err))
		return EBADMSG;
	memcpy(&err, mnl_nlmsg_get_payload(h), sizeof(err));
	return err < 0 ? -err : 0;
}
