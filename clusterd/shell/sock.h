/*
 * sock: TCP sockets of the links, with the options that a link needs.
 *
 * Ownership  descriptors are the caller's to close.  All are close-on-exec
 *            and never block.
 * Errors     HA_ERR_EXISTS: address and port are in use; HA_ERR_ABSENT: no
 *            such address here; HA_ERR_PERM; HA_ERR_FULL: no descriptor
 *            left; HA_ERR_AGAIN: nothing to accept; HA_ERR_IO.
 */
#ifndef HA_SHELL_SOCK_H
#define HA_SHELL_SOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mono.h"
#include "conf/cluster_conf.h"

/* Bytes that may wait unsent in the kernel: what an urgent frame waits for. */
#define HA_SOCK_UNSENT_MAX (128 * 1024)

/* The address need not be there yet: it may still be on its way. */
HA_MUST_USE int ha_sock_listen(const struct ha_conf_address *address,
    uint16_t port, int *fd);

/* Does an interface of this machine have the address now? */
bool ha_sock_is_here(const struct ha_conf_address *address);

/* The next connection that waits, and where it came from. */
HA_MUST_USE int ha_sock_accept(int listen_fd, struct ha_conf_address *from,
    int *fd);

/* Begin to connect from address to peer; writable means done. */
HA_MUST_USE int ha_sock_dial(const struct ha_conf_address *address,
    const struct ha_conf_address *peer, uint16_t port, int *fd);

/* How the connection that became writable went: 0, or an errno. */
int ha_sock_error(int fd);

/* Small frames at once, little waiting unsent, and silence ends it.  Best
 * effort: a link works without. */
void ha_sock_tune(int fd, struct ha_dur threshold);

#endif /* HA_SHELL_SOCK_H */
