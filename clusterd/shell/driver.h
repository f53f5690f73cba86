/*
 * driver: between the core and the world.
 *
 * The only part of the product that calls ha_core_step().  It turns what
 * sockets, kernel and people say into inputs, and does the outputs: messages
 * to links, operations to the kernel, lines to the log, rows to the event
 * history.
 *
 * Ownership  the driver borrows everything in struct ha_driver_parts, which
 *            outlives it.  Views are borrowed until the loop turns.
 * Threads    the loop's.
 * Errors     HA_ERR_*.
 */
#ifndef HA_SHELL_DRIVER_H
#define HA_SHELL_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mono.h"
#include "core/core.h"
#include "core/views.h"
#include "shell/link_stats.h"

struct ha_driver;
struct ha_dataplane;
struct ha_dataplane_calls;
struct ha_greeting;
struct ha_links;
struct ha_links_events;
struct ha_log;
struct ha_loop;
struct ha_sd;
struct ha_store;

struct ha_driver_parts {
	struct ha_loop *loop;
	struct ha_log *log;
	struct ha_store *store; /* NULL: nothing is kept */
	struct ha_sd *sd;       /* NULL: nobody supervises */
	struct ha_shell_counters *counters;
	const struct ha_greeting *greeting; /* what this member tells peers */
	struct ha_dur coalesce; /* 0: never wait for more events */
};

/* A driver that does nothing yet. */
HA_MUST_USE int ha_driver_new(const struct ha_driver_parts *parts,
    struct ha_driver **out);

/* Stops the core; links and dataplane stay as they are, but must not call
 * any more.  NULL is allowed. */
void ha_driver_free(struct ha_driver *d);

/* What to open dataplane and links with. */
void ha_driver_dataplane_calls(struct ha_driver *d,
    struct ha_dataplane_calls *out);
void ha_driver_links_events(struct ha_driver *d,
    struct ha_links_events *out);

/* Make the core and go.  settings are copied; dataplane NULL: there is no
 * kernel, which is for tests. */
HA_MUST_USE int ha_driver_start(struct ha_driver *d,
    const struct ha_settings *settings, struct ha_dataplane *dataplane,
    struct ha_links *links);

/* The cluster file has changed (core/input.h); of the settings those that
 * the host, the boot and the peers made stay. */
void ha_driver_change(struct ha_driver *d, const struct ha_settings *settings,
    ha_member_set replaced, struct ha_dur coalesce);

/* A condition that the shell knows of; the core has its own. */
void ha_driver_alarm(struct ha_driver *d, const char *name, uint8_t member,
    bool active);

/* A line to the log and a row to the event history. */
void ha_driver_event(struct ha_driver *d, int level, const char *name,
    const char *fmt, ...) HA_PRINTF(4, 5);

/* --- for people and programs: control socket, web --- */

/* An alarm that holds. */
struct ha_alarm {
	const char *name;     /* of the operator's contract; a literal */
	uint8_t member;       /* whom it is about; 0: this member */
	struct ha_time since;
	int64_t since_wall_ms;
};

#define HA_ALARM_MAX 64

/* What a peer told of itself in its last handshake. */
struct ha_peer_info {
	bool known; /* at least one handshake since the start */
	char software[32];
	uint64_t conf_digest;
};

/* To be looked at by ha_view_*(); never to be stepped by others.  A new one
 * may take its place at any turn of the loop: ask again each time. */
const struct ha_core *ha_driver_core(const struct ha_driver *d);

struct ha_time ha_driver_now(const struct ha_driver *d);

/* When the daemon began, by both clocks. */
struct ha_time ha_driver_started(const struct ha_driver *d);

const struct ha_shell_counters *ha_driver_counters(const struct ha_driver *d);

/* HA_ERR_ABSENT: no such peer or link. */
HA_MUST_USE int ha_driver_link_stats(const struct ha_driver *d, uint8_t peer,
    enum ha_link_id link, struct ha_link_stats *out);

/* HA_ERR_ABSENT: no such peer. */
HA_MUST_USE int ha_driver_peer_info(const struct ha_driver *d, uint8_t peer,
    struct ha_peer_info *out);

/* Alarms that hold, oldest first. */
size_t ha_driver_alarms(const struct ha_driver *d,
    struct ha_alarm out[static HA_ALARM_MAX]);

/* Is the gate open?  *known false: no gate is configured. */
bool ha_driver_gate_open(const struct ha_driver *d, bool *known);

/* What the operator asks for; done at once, goes on in the background. */
HA_MUST_USE int ha_driver_admin(struct ha_driver *d,
    const struct ha_in_admin *admin);

#endif /* HA_SHELL_DRIVER_H */
