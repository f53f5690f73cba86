/*
 * links: HA4 and HA4-backup to every other member.
 *
 * For each pair of members and each link there is one connection.  The lower
 * index dials and tries again as long as it takes; the other accepts, from
 * the addresses in the cluster file and within limits.  A newer connection,
 * or one of a newer start of the peer, replaces what is there; an older one
 * is refused.
 *
 * What a connection is called here is its generation: a number of this
 * process that grows with each connection that comes up, so that everything
 * about one that is gone is known to be stale.
 *
 * Every hour a connection is made anew beside the one that is up, with fresh
 * keys, and takes its place; at first on a link that carries no walk.
 *
 * Ownership  configuration is copied, but for conf, which is borrowed and
 *            outlives the links.
 * Threads    the loop's.  Events come from the loop, from ha_links_flush(),
 *            from ha_links_drain(), ha_links_set_members(),
 *            ha_links_set_keys() and ha_links_set_greeting(); never from
 *            ha_links_send() and ha_links_drop().
 * Errors     HA_ERR_EXISTS, HA_ERR_ABSENT, HA_ERR_PERM: of listening;
 *            HA_ERR_NOMEM, HA_ERR_IO.
 */
#ifndef HA_SHELL_LINKS_H
#define HA_SHELL_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mono.h"
#include "conf/cluster_conf.h"
#include "conf/identity.h"
#include "conf/secret.h"
#include "core/types.h"
#include "proto/greeting.h"
#include "shell/link_stats.h"
#include "shell/send_queue.h"

struct event_base;
struct ha_links;
struct ha_log;

struct ha_links_name {
	uint8_t peer;
	uint8_t link;
	uint64_t generation;
};

/* What should not be, about a member; twins may be of this one. */
enum ha_links_condition {
	HA_LINKS_NO_PROTOCOL, /* it speaks no protocol version of ours */
	HA_LINKS_TWINS,       /* two machines have its serial and key */
	HA_LINKS_CONDITIONS,
};

struct ha_links_events {
	void *arg;
	/* While an earlier one is up, it takes its place. */
	void (*up)(void *arg, const struct ha_links_name *name,
	    const struct ha_greeting *peer);
	void (*down)(void *arg, const struct ha_links_name *name);
	/* False: it makes no sense, and ends the connection. */
	bool (*frame)(void *arg, const struct ha_links_name *name,
	    const uint8_t *plain, size_t len);
	/* So many batches have left for the network. */
	void (*room)(void *arg, const struct ha_links_name *name,
	    unsigned int n_batches);
	/* The peer's greeting has changed. */
	void (*greeting)(void *arg, const struct ha_links_name *name,
	    const struct ha_greeting *peer);
	/* Is a stream walked on it? */
	bool (*has_walks)(void *arg, const struct ha_links_name *name);
	/* It begins or ends; told again as long as it holds. */
	void (*condition)(void *arg, enum ha_links_condition what,
	    uint8_t member, bool holds);
	/* A peer has heard of a later start of this member: this one needs a
	 * boot counter above seen before it may go on. */
	void (*behind)(void *arg, uint8_t peer, uint64_t seen);
};

struct ha_links_config {
	const struct ha_cluster_conf *conf;
	uint8_t self;
	const struct ha_identity *identity; /* copied */
	const struct ha_secret *secret;     /* copied */
	struct ha_greeting greeting; /* boot, state, zones, version, digest */
	uint64_t boot_seen[HA_MEMBER_MAX]; /* [index - 1]: highest, or 0 */
	uint64_t seed;                     /* of jitter */
	struct ha_dur handshake_every;     /* 0: every hour */
	struct ha_dur quarantine;          /* of twins; 0: ten minutes */
};

/* Listen, and begin to dial. */
HA_MUST_USE int ha_links_open(struct event_base *base, struct ha_log *log,
    struct ha_shell_counters *counters, const struct ha_links_config *config,
    const struct ha_links_events *events, struct ha_links **out);

/* No event comes from it or later.  NULL is allowed. */
void ha_links_close(struct ha_links *links);

/* Queue one frame; ha_links_flush() writes it.  HA_ERR_STALE: not this
 * connection any more.  HA_ERR_FULL: no room, nothing was queued. */
HA_MUST_USE int ha_links_send(struct ha_links *links,
    const struct ha_links_name *name, enum ha_urgency urgency,
    const uint8_t *data, size_t len);

/* Bytes that wait in the queue of that connection; 0 if it is stale. */
size_t ha_links_queued(const struct ha_links *links,
    const struct ha_links_name *name);

/* Close that connection, unless it is stale; no event follows. */
void ha_links_drop(struct ha_links *links, const struct ha_links_name *name,
    const char *why);

/* Write what is queued. */
void ha_links_flush(struct ha_links *links);

/* Read all that waits in the sockets, without waiting for the loop. */
void ha_links_drain(struct ha_links *links);

/* The cluster file will be conf: listen where that newly wants it, beside
 * where it is done already.  HA_ERR_*: *failed is the link for which it can't
 * be done, and nothing has changed. */
HA_MUST_USE int ha_links_prepare(struct ha_links *links,
    const struct ha_cluster_conf *conf, uint8_t *failed);

/* It will not. */
void ha_links_abandon(struct ha_links *links);

/* It is: what was borrowed says so now.  Links to who came begin, those to who
 * left or has other addresses end with an event, all others stay. */
void ha_links_set_members(struct ha_links *links);

/* The cluster file, the identity or the secret has changed: the keys of the
 * next handshakes.  What is up stays up, unless the key of its peer is not in
 * the file any more: then it is made anew with another that is, or closed
 * within a second.  What shakes hands with others is refused when it comes to
 * that.  Identity and secret are copied. */
void ha_links_set_keys(struct ha_links *links,
    const struct ha_cluster_conf *conf, const struct ha_identity *identity,
    const struct ha_secret *secret);

/* Whoever was kept out since two machines had one serial may come back; if
 * both do, it begins anew. */
void ha_links_end_quarantine(struct ha_links *links);

/* Version, zones and digest have changed: who is connected is told, and what
 * they told comes again as an event, to be compared. */
void ha_links_set_greeting(struct ha_links *links,
    const struct ha_greeting *greeting);

/* What the next handshakes tell: another state, or another start, which
 * also closes every connection without an event. */
void ha_links_set_state(struct ha_links *links, enum ha_state state);
void ha_links_set_boot(struct ha_links *links,
    const uint8_t id[static HA_BOOT_ID_LEN], uint64_t counter);

/* A start of that member was heard of. */
void ha_links_raise_seen(struct ha_links *links, uint8_t member,
    uint64_t counter);

/* What people call that member, of whatever index; also when it has left. */
const char *ha_links_serial(const struct ha_links *links, uint8_t member);

/* HA_ERR_ABSENT: no such peer. */
HA_MUST_USE int ha_links_stats(const struct ha_links *links, uint8_t peer,
    uint8_t link, struct ha_link_stats *out);

#endif /* HA_SHELL_LINKS_H */
