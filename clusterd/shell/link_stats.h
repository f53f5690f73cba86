/*
 * link_stats: what the shell counts, as plain data.
 *
 * Ownership  plain values.  The one struct ha_shell_counters of a process
 *            belongs to who starts the parts, and they add to it.
 */
#ifndef HA_SHELL_LINK_STATS_H
#define HA_SHELL_LINK_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mono.h"

struct ha_shell_counters {
#define HA_COUNTER(name, unit, sentence) uint64_t name;
#include "shell/counters.def"
#undef HA_COUNTER
};

#define HA_LINK_ERROR_LEN 208

enum ha_link_phase {
	HA_LINK_PHASE_NONE,      /* not configured */
	HA_LINK_PHASE_WAIT,      /* for the next dial, or for the peer's */
	HA_LINK_PHASE_CONNECT,
	HA_LINK_PHASE_HANDSHAKE,
	HA_LINK_PHASE_UP,
};

/* One link to one peer, since the start of this process. */
struct ha_link_stats {
	enum ha_link_phase phase;
	bool dials;              /* this member is the one that dials */
	uint64_t generation;     /* of the connection; 0: none yet */
	struct ha_time since;    /* of the phase */
	uint64_t connections;    /* that came up */
	uint64_t failures;       /* dials and handshakes that failed */
	uint64_t frames_sent;
	uint64_t frames_received;
	uint64_t bytes_sent;
	uint64_t bytes_received;
	uint64_t frames_malformed;
	uint32_t queued_bytes;   /* not yet given to the socket */
	char last_error[HA_LINK_ERROR_LEN]; /* a few words for people; "": none yet */
};

const char *ha_link_phase_name(enum ha_link_phase p);

#endif /* HA_SHELL_LINK_STATS_H */
