/*
 * views: the core's state, read-only, for people and programs.
 *
 * Ownership  results are copies.  Nothing here changes the core.
 */
#ifndef HA_CORE_VIEWS_H
#define HA_CORE_VIEWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mono.h"
#include "core/core.h"
#include "core/types.h"

struct ha_counters {
#define HA_COUNTER(name, unit, sentence) uint64_t name;
#include "core/counters.def"
#undef HA_COUNTER
};

struct ha_view_self {
	uint8_t index;
	enum ha_state state;
	struct ha_time since;
	enum ha_cause cause;
	char reason[HA_REASON_TEXT];
	bool gate_open;

	/* What it waits for, on its way to active. */
	bool collecting; /* still gets what was there when it started */
	ha_member_set waiting_for; /* to be synchronised with these */
	bool waiting_for_dump;     /* of the kernel's sessions */
	struct ha_time hold_until; /* NEVER: no hold runs */

	uint8_t flaps; /* failures that count */
	struct ha_boot boot;
	uint32_t table_capacity;
	uint32_t table_owned;  /* sessions owned here */
	uint32_t table_cached; /* sessions of other members held here */
	uint32_t limbo;
	uint32_t kernel_work; /* sessions whose kernel state is not as wanted */
};

enum ha_sync {
	HA_SYNC_OFF,      /* not synchronised by configuration */
	HA_SYNC_WAITING,  /* no link, or not begun */
	HA_SYNC_RUNNING,
	HA_SYNC_COMPLETE,
};

struct ha_view_link {
	bool configured;
	bool up;
	bool walks; /* a stream is walked on it, either way */
	uint64_t generation;
	struct ha_time since;       /* of up or down */
	struct ha_dur round_trip;   /* of the last echo; 0: none yet */
	uint64_t keepalives_sent;
	uint64_t keepalives_received;
	uint64_t keepalives_lost;
};

struct ha_view_peer {
	uint8_t index;
	bool present;
	bool up;
	bool lost;
	enum ha_state state; /* as last heard */
	struct ha_boot boot; /* id 0: never heard */
	struct ha_time heard; /* last sign of life; HA_TIME_NEVER: none */
	enum ha_sync sync;   /* of its current stream, here */
	uint8_t sync_percent; /* while running */
	uint32_t sessions_owned; /* as it says */
	struct ha_view_link links[HA_LINK_MAX];
};

/* One stream as one member has it. */
struct ha_view_stream {
	uint8_t member; /* who holds it so; self included */
	uint8_t source; /* self: from whom it is received; 0: none */
	uint64_t tail;  /* self: change of the confirmed tail */
	uint64_t count_held; /* self: sessions held, unconfirmed included */
	struct ha_stream_status status;
};

enum ha_role {
	HA_ROLE_OWNED,
	HA_ROLE_CACHED,
};

struct ha_view_session {
	struct ha_uid uid;
	struct ha_version version;
	struct ha_record record;
	struct ha_extra extra;
	struct ha_uid master; /* who announced it; number 0: not held here */
	uint16_t zone_number; /* of the kernel */
	bool zone_here;       /* this member has such a zone */
	enum ha_role role;
	bool published;   /* owned: in the stream */
	bool limbo;
	bool installed;   /* this member's kernel has it */
	bool traffic;     /* its packets were seen here */
	bool conflict;    /* another session has its addresses and ports */
	bool asymmetric;  /* packets at two members */
	bool bare; /* installed without its helper and its master */
	uint8_t copies;   /* members that hold this version, self included */
	ha_member_set owners; /* that it ever had, as far as known here */
	struct ha_time created; /* first seen by this member */
	struct ha_time changed;
};

struct ha_view_monitor {
	enum ha_verdict verdict;
	struct ha_time since;
	char name[HA_MONITOR_NAME];
};

void ha_view_self(const struct ha_core *c, struct ha_view_self *out);

/* HA_ERR_ABSENT: no such monitor; numbers are below HA_MONITOR_MAX. */
HA_MUST_USE int ha_view_monitor(const struct ha_core *c, unsigned int number,
    struct ha_view_monitor *out);

/* HA_ERR_ABSENT: no such member. */
HA_MUST_USE int ha_view_peer(const struct ha_core *c, uint8_t index,
    struct ha_view_peer *out);

const struct ha_counters *ha_view_counters(const struct ha_core *c);

/* Streams as this member and, from their keepalives, the others hold them.
 * Returns how many were written to out[]. */
size_t ha_view_streams(const struct ha_core *c, struct ha_view_stream *out,
    size_t max);

/* Walk the table: *cursor is 0 at first; false at the end.  Sessions that
 * come or go meanwhile may be missed, none is shown twice. */
bool ha_view_next_session(const struct ha_core *c, uint32_t *cursor,
    struct ha_view_session *out);

/* HA_ERR_ABSENT: not held here. */
HA_MUST_USE int ha_view_find_session(const struct ha_core *c,
    const struct ha_uid *uid, struct ha_view_session *out);

#endif /* HA_CORE_VIEWS_H */
