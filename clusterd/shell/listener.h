/*
 * listener: connections that other members begin.
 *
 * One listening socket per link.  It lets in whom the owner expects at that
 * address, and no more than a few at once whose handshake is not done.
 *
 * Ownership  ha_listener_new() takes fd.  Accepted descriptors are the
 *            owner's.
 * Threads    the loop's.
 */
#ifndef HA_SHELL_LISTENER_H
#define HA_SHELL_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mono.h"
#include "conf/cluster_conf.h"

struct event_base;
struct ha_listener;

struct ha_listener_events {
	void *arg;
	/* Takes fd. */
	void (*accepted)(void *arg, uint8_t link, int fd,
	    const struct ha_conf_address *from);
	/* No descriptor is left: accepting pauses for a while. */
	void (*exhausted)(void *arg, uint8_t link);
};

/* NULL: no memory; fd is closed then. */
struct ha_listener *ha_listener_new(struct event_base *base, uint8_t link,
    int take_fd, const struct ha_listener_events *events);

/* NULL is allowed. */
void ha_listener_free(struct ha_listener *l);

#endif /* HA_SHELL_LISTENER_H */
