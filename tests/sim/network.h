/*
 * network: the links between simulated members.
 *
 * For each pair of members and each link there is at most one connection in
 * use at each end.  The lower index dials, with back-off; a handshake of six
 * legs takes its round trips, and both ends learn the other's boot by it.
 *
 * A connection is like TCP: what arrives, arrives whole and in order.  A
 * direction that is blocked holds back what was sent until it is opened
 * again or the connection ends.  A lost packet is a delay.  Cutting a
 * connection loses what is in flight.  An end that closes tells the other
 * one, if the way there is open and nothing on it swallows the reset; whoever
 * sends to an end that is gone is told again.  A host without power tells
 * nobody.
 *
 * What waits for a link leaves it in order of urgency; a bulk frame gives
 * room when it has left.
 *
 * Ownership  frames are copied.  Callbacks come out of the event queue only,
 *            never from inside a call.
 */
#ifndef HA_SIM_NETWORK_H
#define HA_SIM_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mono.h"
#include "core/types.h"
#include "tests/sim/event_queue.h"

/* One end of one connection. */
struct network_end {
	uint8_t self;
	uint8_t peer;
	uint8_t link;
	uint64_t generation;
};

struct network_calls {
	void (*up)(void *ctx, const struct network_end *e,
	    struct ha_boot boot, uint8_t state);
	void (*down)(void *ctx, const struct network_end *e);
	void (*room)(void *ctx, const struct network_end *e);
	void (*frame)(void *ctx, const struct network_end *e,
	    const void *data, size_t len);
	void *ctx;
};

struct network_settings {
	uint64_t seed;
	uint8_t n_members;
	bool links[HA_LINK_MAX]; /* configured */
	struct ha_dur delay_min; /* one way */
	struct ha_dur delay_max;
	uint32_t loss_permille;  /* packets that need a second try */
	uint64_t rate;           /* bytes a second */
	struct ha_dur backoff_first;
	struct ha_dur backoff_max;
	uint32_t lost_close_percent; /* ends that the other never hears of */
	bool generations_restart; /* at 1 with each boot of the dialler */
};

enum network_urgency {
	NETWORK_URGENT,
	NETWORK_BULK,
};

struct network;

struct network *network_new(struct event_queue *queue,
    const struct network_settings *settings,
    const struct network_calls *calls);
void network_free(struct network *n);

/* Time stands at now for all that follows. */
void network_now(struct network *n, struct ha_time now);

/* The daemon of a member begins and ends; its host is up. */
void network_start(struct network *n, uint8_t member, struct ha_boot boot);
void network_stop(struct network *n, uint8_t member);

/* Power of a host; off ends its daemon, too. */
void network_power(struct network *n, uint8_t member, bool on);

/* A daemon that does not run, but lives. */
void network_freeze(struct network *n, uint8_t member, bool frozen);

/* Members that this one shakes hands with; at first all. */
void network_admit(struct network *n, uint8_t member, ha_member_set who);

/* What a member says of itself in handshakes. */
void network_set_state(struct network *n, uint8_t member, uint8_t state);

/* On a connection that is gone: nothing happens. */
void network_send(struct network *n, const struct network_end *e,
    enum network_urgency urgency, const void *data, size_t len);
void network_close(struct network *n, const struct network_end *e);

/* ---- faults ---- */

void network_block(struct network *n, uint8_t from, uint8_t to, uint8_t link,
    bool blocked);
bool network_is_blocked(const struct network *n, uint8_t from, uint8_t to,
    uint8_t link);

/* When the direction was blocked or opened last; 0: never. */
struct ha_time network_changed(const struct network *n, uint8_t from,
    uint8_t to, uint8_t link);

/* Both ends lose their connection. */
void network_cut(struct network *n, uint8_t a, uint8_t b, uint8_t link);

/* 0: back to the usual rate. */
void network_slow(struct network *n, uint8_t from, uint8_t to, uint8_t link,
    uint64_t rate);

/* The next bulk frame in this direction never arrives: what no TCP does. */
void network_lose_one(struct network *n, uint8_t from, uint8_t to,
    uint8_t link);

/* This end has a connection whose handshake is done. */
bool network_is_up(const struct network *n, uint8_t self, uint8_t peer,
    uint8_t link);

#endif /* HA_SIM_NETWORK_H */
