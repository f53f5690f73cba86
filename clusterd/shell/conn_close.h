/*
 * conn_close: why a connection is no more, for counters and for people.
 *
 * Ownership  plain data.
 */
#ifndef HA_SHELL_CONN_CLOSE_H
#define HA_SHELL_CONN_CLOSE_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/handshake.h"
#include "shell/link_stats.h"

#define HA_CONN_CLOSE_TEXT HA_LINK_ERROR_LEN

/* Why a connection is no more. */
enum ha_conn_end {
	HA_CONN_NOT_REACHED,  /* connecting failed: error tells */
	HA_CONN_NOT_ANSWERED, /* connecting took too long */
	HA_CONN_SLOW,         /* the handshake took too long */
	HA_CONN_FAILED,       /* the handshake failed: failure tells */
	HA_CONN_LEFT,         /* the peer closed */
	HA_CONN_BROKEN,       /* the network: error tells */
	HA_CONN_BAD_FRAME,    /* what came does not open */
	HA_CONN_BAD_MESSAGE,  /* what came makes no sense */
	HA_CONN_STALE,        /* of an earlier start of the peer */
	HA_CONN_REVOKED,      /* the peer's key was taken out of the file */
	HA_CONN_TWIN,         /* two machines have the peer's serial */
	HA_CONN_OLD,          /* no new handshake for too long */
	HA_CONN_CHANGED,      /* the file has it otherwise, or not at all */
};

struct ha_conn_close {
	enum ha_conn_end end;
	bool was_up;
	int error; /* errno */
	struct ha_handshake_failure failure;
	const struct ha_handshake *handshake; /* FAILED: borrowed */
};

/* Add one to the counter of that reason. */
void ha_conn_close_count(const struct ha_conn_close *why,
    struct ha_shell_counters *counters);

/* A few words for people.  Returns out. */
const char *ha_conn_close_text(const struct ha_conn_close *why,
    char out[static HA_CONN_CLOSE_TEXT]);

#endif /* HA_SHELL_CONN_CLOSE_H */
