/*
 * flows: the traffic that goes through a simulated cluster.
 *
 * Flows belong to prefixes; a prefix has one member that gets the packets of
 * the original direction and one that gets the replies (mostly the same).
 * The scenario moves prefixes, as routing would.
 *
 * TCP flows shake hands, talk, and close or fall silent; an answer is waited
 * for, so what is dropped is said again.  UDP flows ask and are answered, or
 * are asked once and served for long.  Flows are plain, behind a fixed
 * source translation, or masqueraded.
 *
 * Ownership  the world passed at creation is borrowed.
 */
#ifndef HA_SIM_FLOWS_H
#define HA_SIM_FLOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mono.h"
#include "core/types.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/fake_conntrack.h"

#define FLOW_PREFIXES 8

enum flow_verdict {
	FLOW_FORWARDED,
	FLOW_INVALID,
	FLOW_NO_ENTRY,
	FLOW_DARK, /* the host is down or its gate closed */
};

struct flow_settings {
	uint64_t seed;
	struct ha_timeouts timeouts;
	uint32_t most;      /* flows at a time */
	uint32_t tcp_percent;
	uint32_t nat_percent;
	struct ha_dur pause_min; /* between two packets of a flow */
	struct ha_dur pause_max;
	struct ha_dur life_min;
	struct ha_dur life_max;
};

struct flow_calls {
	/* One packet comes to member. */
	enum flow_verdict (*packet)(void *ctx, uint8_t member,
	    const struct fake_packet *p);
	/* A packet of an established, active flow was not forwarded. */
	void (*dropped)(void *ctx, uint8_t member,
	    const struct ha_tuple *orig, const struct ha_tuple *reply,
	    enum flow_verdict verdict);
	void *ctx;
};

struct flows;

struct flows *flows_new(struct event_queue *queue,
    const struct flow_settings *settings, const struct flow_calls *calls);
void flows_free(struct flows *f);

void flows_now(struct flows *f, struct ha_time now);

/* One more flow, if there are not too many. */
void flows_begin(struct flows *f);

/* From now on no flow comes to its end. */
void flows_keep(struct flows *f);

void flows_route(struct flows *f, unsigned int prefix, uint8_t original,
    uint8_t reply);
uint8_t flows_route_of(const struct flows *f, unsigned int prefix, int dir);

/* Somebody deleted the session with this original tuple: not our fault. */
void flows_excuse(struct flows *f, const struct ha_tuple *orig);

/* How a flow does. */
struct flow_report {
	struct ha_tuple orig;
	struct ha_tuple reply;
	uint8_t member[HA_DIR_MAX]; /* where its packets go */
	bool established;
	bool excused;           /* it may break */
	struct ha_time moved;   /* its route changed last */
	struct ha_time last_ok; /* an exchange went through */
	struct ha_dur pause;    /* of its packets */
};

size_t flows_count(const struct flows *f);
struct flow_report flows_report(const struct flows *f, size_t i);

#endif /* HA_SIM_FLOWS_H */
