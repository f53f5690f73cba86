/*
 * netlink: what all our netfilter sockets have in common.
 *
 * Ownership  the caller closes what is opened, by mnl_socket_close().
 * Errors     errno becomes HA_ERR_* here.
 */
#ifndef HA_DATAPLANE_NETLINK_H
#define HA_DATAPLANE_NETLINK_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Non-blocking, bound to a port id of its own. */
HA_MUST_USE int ha_netlink_open(struct mnl_socket **out);

/* NULL is allowed. */
void ha_netlink_close(struct mnl_socket *nl);

/* Ask for a receive buffer; true: it is as big as was asked.  *got is what
 * there is now. */
bool ha_netlink_receive_buffer(struct mnl_socket *nl, uint32_t bytes,
    uint32_t *got);

/* Let acknowledgements come without a copy of what they answer. */
void ha_netlink_short_acks(struct mnl_socket *nl);

/* Give it all to the kernel, which works on it before this returns. */
HA_MUST_USE int ha_netlink_send(struct mnl_socket *nl, const void *buf,
    size_t len);

/* Wait for something to read, at most a second: HA_ERR_IO if nothing came. */
HA_MUST_USE int ha_netlink_wait(struct mnl_socket *nl);

/* The error that an NLMSG_ERROR message carries, positive; 0: none. */
int ha_netlink_errno(const struct nlmsghdr *h);

/* errno of the kernel to HA_ERR_*. */
int ha_netlink_err(int err);

#endif /* HA_DATAPLANE_NETLINK_H */
