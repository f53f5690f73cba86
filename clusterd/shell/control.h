/*
 * control: the control socket, where clusterctl asks and is told.
 *
 * A UNIX stream socket of mode 0660, for root, the daemon's own user and the
 * members of one group.  Each client sends a request at a time and gets its
 * answer in one frame or more (proto/control_codec.h).  Long answers are made
 * in slices, a slice in a turn of the loop, and only while the client reads
 * them, so that neither a big table nor a slow client holds up anybody.
 *
 * What is shown comes through look(), as plain data: the server knows nothing
 * of sockets, kernels and drivers, and runs in a test as it is.
 *
 * Ownership  everything in struct ha_control_parts is borrowed and outlives
 *            the server; path and group are copied.
 * Threads    the loop's.
 * Errors     HA_ERR_EXISTS  another process answers on the socket
 *            HA_ERR_INVAL   the path is too long for a socket
 *            HA_ERR_PERM, HA_ERR_ABSENT, HA_ERR_IO, HA_ERR_NOMEM
 */
#ifndef HA_SHELL_CONTROL_H
#define HA_SHELL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mono.h"
#include "conf/cluster_conf.h"
#include "core/views.h"
#include "shell/driver.h"
#include "shell/link_stats.h"
#include "shell/reload.h"

struct event_base;
struct ha_control;
struct ha_log;
struct ha_store;

/* One look at the daemon, good until the loop turns. */
struct ha_control_look {
	struct ha_time now;
	const struct ha_core *core;
	const struct ha_shell_counters *counters;
	struct ha_peer_info peers[HA_MEMBER_MAX]; /* [index - 1] */
	struct ha_link_stats links[HA_MEMBER_MAX][HA_LINK_MAX];
	size_t n_alarms;
	struct ha_alarm alarms[HA_ALARM_MAX];
};

struct ha_control_parts {
	struct event_base *base;
	const struct ha_cluster_conf *conf;
	struct ha_store *store; /* event history; NULL: there is none */
	struct ha_log *log;     /* NULL: nothing is logged */
	void (*look)(void *arg, struct ha_control_look *out);
	void *look_arg;
	const char *version; /* of this software */
	const uint64_t *table_version; /* of the membership; NULL: unknown */

	/* What operators may ask for; NULL: nothing can be done here.
	 * reload() fills in *out, which the server frees; forget() is false
	 * when it was refused, and says why, without a stop. */
	void (*reload)(void *arg, struct ha_reload *out);
	bool (*forget)(void *arg, const char *serial, char *why, size_t size);
	int (*admin)(void *arg, const struct ha_in_admin *admin);
	void *act_arg;
};

/* Listen on path; the socket gets to group when there is one of that name.
 * A socket file that nobody answers on is taken away first. */
HA_MUST_USE int ha_control_open(const struct ha_control_parts *parts,
    const char *path, const char *group, struct ha_control **out);

/* Close all clients, and remove the socket file.  NULL is allowed. */
void ha_control_close(struct ha_control *control);

/* look() of the real daemon; arg is its const struct ha_driver. */
void ha_control_look_at_driver(void *arg, struct ha_control_look *out);

#endif /* HA_SHELL_CONTROL_H */
