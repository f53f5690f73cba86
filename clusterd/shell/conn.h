/*
 * conn: one TCP connection between two members.
 *
 * First the handshake, then sealed frames, the most urgent first.  It knows
 * no members and no rules between connections: those are in shell/links.c,
 * which hears of everything through struct ha_conn_events.
 *
 * Ownership  ha_conn_dialled() and ha_conn_accepted() take the descriptor
 *            and the handshake.  A connection frees itself at the end of the
 *            turn in which it closed: after closed() nobody may use it.
 *            The environment outlives its connections.
 * Threads    the loop's.  Only ha_conn_flush() and the loop call back;
 *            ha_conn_send() and ha_conn_close() never do.
 * Errors     HA_ERR_*; what a peer does wrong is no error, it leads to
 *            closed().
 */
#ifndef HA_SHELL_CONN_H
#define HA_SHELL_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "base/mono.h"
#include "proto/handshake.h"
#include "shell/conn_close.h"
#include "shell/link_stats.h"
#include "shell/send_queue.h"

struct event;
struct event_base;
struct ha_conn;

struct ha_conn_events {
	/* The other end is who it says: ha_conn_accept() or _refuse(). */
	void (*greeted)(void *arg, struct ha_conn *c);
	void (*up)(void *arg, struct ha_conn *c);
	/* One frame; false: it makes no sense, close. */
	bool (*frame)(void *arg, struct ha_conn *c, const uint8_t *plain,
	    size_t len);
	/* So many batches have been given to the socket. */
	void (*sent)(void *arg, struct ha_conn *c, unsigned int n_batches);
	/* Not called after ha_conn_close(). */
	void (*closed)(void *arg, struct ha_conn *c,
	    const struct ha_conn_close *why);
};

/* What all connections of a process share. */
struct ha_conn_env;

/* NULL: no memory. */
struct ha_conn_env *ha_conn_env_new(struct event_base *base,
    struct ha_shell_counters *counters, const struct ha_conn_events *events,
    void *arg);

/* All its connections must be closed.  NULL is allowed. */
void ha_conn_env_free(struct ha_conn_env *env);

/* From ha_sock_dial(): wait for it to connect, then shake hands.  On error
 * fd and handshake are released as well. */
HA_MUST_USE int ha_conn_dialled(struct ha_conn_env *env, int fd,
    struct ha_handshake *take_handshake, struct ha_dur connect_time,
    struct ha_conn **out);

/* From ha_sock_accept(). */
HA_MUST_USE int ha_conn_accepted(struct ha_conn_env *env, int fd,
    struct ha_handshake *take_handshake, struct ha_conn **out);

/* Anything of the owner's. */
void ha_conn_set_owner(struct ha_conn *c, void *owner);
void *ha_conn_owner(const struct ha_conn *c);

/* Count bytes and frames there, too; NULL: nowhere. */
void ha_conn_set_stats(struct ha_conn *c, struct ha_link_stats *stats);

int ha_conn_fd(const struct ha_conn *c);

/* While shaking hands; NULL once it is up. */
const struct ha_handshake *ha_conn_handshake(const struct ha_conn *c);

/* Within greeted() only; boot_seen: ha_handshake_set_seen(). */
void ha_conn_accept(struct ha_conn *c, uint64_t boot_seen);
void ha_conn_refuse(struct ha_conn *c, enum ha_refusal reason);

/* Queue one frame; it leaves with the next ha_conn_flush().  HA_ERR_FULL:
 * the queue is; nothing was queued. */
HA_MUST_USE int ha_conn_send(struct ha_conn *c, enum ha_urgency urgency,
    const uint8_t *data, size_t len);

/* Bytes of plain text that wait in the queue. */
size_t ha_conn_queued(const struct ha_conn *c);

/* Seal and write what the socket takes. */
void ha_conn_flush(struct ha_conn *c);

/* Take all that has come, without waiting for the loop. */
void ha_conn_drain(struct ha_conn *c);

/* Close without a word; allowed at any time, also within an event. */
void ha_conn_close(struct ha_conn *c);

#endif /* HA_SHELL_CONN_H */
