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

enum line_stage {
	LINE_SHAKING, /* dialled, or a guest */
	LINE_UP,
	LINE_LEAVING, /* replaced; the end that dialled closes it */
};

struct slot {
	struct ha_links *links;
	uint8_t peer;
	uint8_t link;
	bool present;
	bool dials;
	struct ha_conf_address address;
	struct line *up;
	struct line *trying;
	struct event *timer; /* of those that dial: the next attempt */
	bool renewing;       /* which is for a line beside that which is up */
	bool once;           /* and there will be no other */
	struct ha_backoff backoff;
	uint32_t choice;     /* of keys: the one that went well, or the next */
	unsigned int refused; /* handshakes for want of the right keys, since
	                       * the last that went well */
	uint32_t told;        /* reasons that the log has, since then */
	struct ha_boot boot; /* of the peer when last up */
	uint64_t number;     /* of the newest line in that boot */
	struct ha_link_stats stats;
};

struct line {
	struct ha_list node; /* of guests or of leaving */
	struct ha_links *links;
	struct ha_conn *conn;
	enum line_stage stage;
	struct slot *slot;   /* NULL: a guest, or leaving */
	struct ha_time begun; /* dialled or accepted */
	struct event *timer; /* from up on (links_renew.c) */
	struct ha_conf_address from;
	uint8_t link;
	struct ha_boot boot;
	uint64_t number;
	uint64_t generation; /* once up */
	struct ha_time since; /* up */
	uint8_t own_key[HA_KEY_ID_LEN];
	uint8_t peer_key[HA_KEY_ID_LEN];
	bool revoked; /* that key is not valid any more */
	struct ha_greeting greeting;
};

#define FORMER_STARTS 4

/* What is known of the starts of one member (links_start.c). */
struct starts {
	struct ha_boot now;   /* that had a link last; id 0: none yet */
	struct ha_time since; /* its first link */
	uint64_t former[FORMER_STARTS]; /* that had one before */
	size_t n_former;
	bool knows_us; /* it has spoken to this start of ours on a link */
	struct ha_time quarantine; /* until; HA_TIME_NEVER: there is none */
};

enum links_start {
	LINKS_START_GOOD,
	LINKS_START_STALE,    /* the peer has had a later one */
	LINKS_START_TWIN,     /* and is another machine */
	LINKS_START_BEHIND,   /* it is we who are stale */
	LINKS_START_OWN_TWIN, /* and another machine is later */
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
	struct ha_listener *next[HA_LINK_MAX]; /* from ha_links_prepare() on */
	bool moving[HA_LINK_MAX]; /* its address or port will be another */
	struct ha_handshake_config *handshake; /* guarded; see links_prepare() */
	char serials[HA_MEMBER_MAX][HA_CONF_SERIAL_LEN]; /* who had it last */
	uint64_t boot_seen[HA_MEMBER_MAX];
	struct starts starts[HA_MEMBER_MAX]; /* [index - 1] */
	struct ha_dur quarantine;
	struct event *quarantine_timer;
	struct ha_rng rng;
	uint64_t generations; /* given out */
	struct ha_dur handshake_every;
	struct ha_list guests;
	unsigned int n_guests;
	struct ha_list leaving;
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

/* ---- links_members.c: whom there are links to ---- */

/* Listen, and make the slots that the file asks for. */
HA_MUST_USE int links_open_members(struct ha_links *links);

/* ---- links_keys.c: what handshakes are made with ---- */

HA_MUST_USE int links_make_handshake(struct ha_links *links,
    const struct ha_links_config *config);

/* Is the key of its peer still one of those in the cluster file? */
bool links_has_valid_key(const struct line *l);

/* Are both its keys those that come next, as far as there are any? */
bool links_has_newest_keys(const struct line *l);

/* ---- links_line.c: from the first byte to the last ---- */

extern const struct ha_conn_events LINKS_CONN_EVENTS;

struct ha_links_name links_name(const struct line *l);

struct line *links_new_line(struct ha_links *links, uint8_t link,
    const struct ha_conf_address *from);

/* One that has no connection yet; NULL is allowed. */
void links_free_line(struct line *l);

/* NULL is allowed; nobody is told. */
void links_close_line(struct line *l);

void links_close_lines(struct ha_list *lines);

/* As if its connection had told so. */
void links_end_line(struct line *l, enum ha_conn_end end);

/* ---- links_renew.c: lines that take the place of one that is up ---- */

void links_on_line_timer(evutil_socket_t fd, short what, void *line);

/* A line has come up: have it made anew in time. */
void links_watch(struct line *l);

/* Want another line beside the one that is up. */
void links_renew(struct slot *s);

/* The key of its peer was taken out: away with it, as soon as there is another
 * and within a second in any case. */
void links_revoke(struct line *l);

/* It has come up where no other was, or one of the two cluster files has
 * changed: go over to the next keys, if there are any and both know them. */
void links_go_over(struct line *l);

/* Another line has its slot now. */
void links_leave(struct line *l);

/* A frame about the connection itself; false: it makes no sense. */
bool links_take_frame(struct line *l, const uint8_t *plain, size_t len);

/* ---- links_start.c: starts of members, and two of them at once ---- */

HA_MUST_USE int links_make_starts(struct ha_links *links);

/* Of the peer of a line that has been greeted. */
enum links_start links_judge_start(struct line *l);

/* It has come up. */
void links_note_start(struct line *l);

/* This member has another start than before. */
void links_begin_own_start(struct ha_links *links);

bool links_is_quarantined(const struct ha_links *links, uint8_t member);

/* Keep a member out for a while; spare is closed by its handshake.  It may be
 * this one: then it is known, and nothing is closed. */
void links_quarantine(struct ha_links *links, uint8_t member,
    const struct line *spare);

/* ---- links_dial.c: connections that this member begins ---- */

void links_on_dial(evutil_socket_t fd, short what, void *slot);

/* Dial after so long, if this end dials. */
void links_schedule(struct slot *s, struct ha_dur wait);

/* The same, after the wait whose turn it is. */
void links_redial(struct slot *s);

/* A handshake of this slot failed: count it if keys are to blame. */
bool links_note_keys(struct slot *s, const struct ha_conn_close *why);

/* The same; then dial, if that may mend it at once and with other keys. */
void links_redial_otherwise(struct slot *s, const struct ha_conn_close *why);

/* From now on: the keys that come next. */
void links_choose_newest(struct slot *s);

/* why NULL: it never came to a handshake. */
void links_note_failure(struct slot *s, const struct ha_conn_close *why,
    const char *text);

/* ---- links_door.c: connections that others begin ---- */

void links_on_accepted(void *links, uint8_t link, int fd,
    const struct ha_conf_address *from);
void links_on_exhausted(void *links, uint8_t link);

#endif /* HA_SHELL_LINKS_PRIV_H */
