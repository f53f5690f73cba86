/*
 * links_priv: what the files of the links share (the essay is in links.c).
 */
#ifndef HA_SHELL_LINKS_PRIV_H
#define HA_SHELL_LINKS_PRIV_H

#include <event2/event.h>

#include "base/list.h"
#include "base/rng.h"
#include "proto/handshake.h"
#include "shell/backoff.h"
#include "shell/conn.h"
#include "shell/links.h"
#include "shell/listener.h"
#include "shell/log.h"

struct line;

struct slot {
	struct ha_links *links;
	uint8_t peer;
	uint8_t link;
	bool present;
	bool dials;
	struct ha_conf_address address;
	struct line *up;
	struct line *trying;
	struct event *timer; /* dialling slots: the next attempt */
	struct ha_backoff backoff;
	uint32_t attempts;
	struct ha_boot boot; /* of the peer when last up */
	uint64_t number;     /* of the newest line in that boot */
	struct ha_link_stats stats;
};

struct line {
	struct ha_list node; /* of guests */
	struct ha_links *links;
	struct ha_conn *conn;
	struct slot *slot; /* NULL: a guest */
	struct ha_conf_address from;
	uint8_t link;
	struct ha_boot boot;
	uint64_t number;
	uint64_t generation; /* once up */
	struct ha_greeting greeting;
};

struct ha_links {
	struct event_base *base;
	struct ha_log *log;
	struct ha_shell_counters *counters;
	struct ha_links_events events;
	const struct ha_cluster_conf *conf;
	uint8_t self;
	struct ha_conn_env *env;
	struct ha_listener *listeners[HA_LINK_MAX];
	struct ha_handshake_config *handshake; /* guarded; see links_prepare() */
	char serials[HA_MEMBER_MAX][HA_CONF_SERIAL_LEN]; /* who had it last */
	uint64_t boot_seen[HA_MEMBER_MAX];
	struct ha_rng rng;
	uint64_t generations; /* given out */
	struct ha_list guests;
	unsigned int n_guests;
	struct slot slots[HA_MEMBER_MAX][HA_LINK_MAX];
};

/* NULL: no such peer, or it has no such link. */
struct slot *links_find_slot(const struct ha_links *links, uint8_t peer,
    uint8_t link);

/* The slot of the peer that may dial us from there; NULL: nobody may. */
struct slot *links_find_source(struct ha_links *links, uint8_t link,
    const struct ha_conf_address *from);

/* The peer's serial, for the log. */
const char *links_peer(const struct slot *s);

void links_set_phase(struct slot *s, enum ha_link_phase phase);

/* The handshake of a connection to or from peer; borrowed until the next
 * call. */
struct ha_handshake_config *links_prepare(struct ha_links *links,
    uint8_t peer, uint8_t link);

/* ---- links_line.c: from the first byte to the last ---- */

extern const struct ha_conn_events LINKS_CONN_EVENTS;

struct line *links_new_line(struct ha_links *links, uint8_t link,
    const struct ha_conf_address *from);

/* NULL is allowed; nobody is told. */
void links_close_line(struct line *l);

/* ---- links_dial.c: connections that this member begins ---- */

void links_on_dial(evutil_socket_t fd, short what, void *slot);

/* Dial after so long, if this end dials. */
void links_schedule(struct slot *s, struct ha_dur wait);

/* The same, after the wait whose turn it is. */
void links_redial(struct slot *s);

void links_note_failure(struct slot *s, const char *why);

/* ---- links_door.c: connections that others begin ---- */

void links_on_accepted(void *links, uint8_t link, int fd,
    const struct ha_conf_address *from);
void links_on_exhausted(void *links, uint8_t link);

#endif /* HA_SHELL_LINKS_PRIV_H */
