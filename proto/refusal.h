/*
 * refusal: why one end of a link turns the other away.
 *
 * Whoever refuses says so in a record of one byte and closes.  The byte is
 * not authenticated: it is for the other's log line and for nothing else.
 */
#ifndef HA_PROTO_REFUSAL_H
#define HA_PROTO_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>

#define HA_REFUSAL_LEN 3 /* bytes on the wire: a record of one byte */

/* Numbers on the wire: never change one. */
enum ha_refusal {
	HA_REFUSE_NONE = 0,
	HA_REFUSE_PROTOCOL = 1,   /* no protocol version in common */
	HA_REFUSE_CLUSTER = 2,    /* another cluster id */
	HA_REFUSE_NOT_ME = 3,     /* meant for another member */
	HA_REFUSE_SERIAL = 4,     /* its index and serial are not in my file */
	HA_REFUSE_DIRECTION = 5,  /* the lower index dials */
	HA_REFUSE_LINK = 6,       /* meant for the other link */
	HA_REFUSE_KEY = 7,        /* its public key is not in my file */
	HA_REFUSE_MY_KEY = 8,     /* it has another public key of mine */
	HA_REFUSE_SECRET = 9,     /* mac1: another secret, changed, replayed */
	HA_REFUSE_SEALED = 10,    /* a later message does not verify */
	HA_REFUSE_MALFORMED = 11, /* not what this protocol says */
	HA_REFUSE_BUSY = 12,      /* too many connections without a handshake */
	HA_REFUSE_STALE = 13,     /* there is a newer connection */
	HA_REFUSE_UNABLE = 14,    /* out of memory, or a key of no use */
	HA_REFUSE_DUPLICATE = 15, /* two machines have its serial and key */
	HA_REFUSE_MAX,
};

/* A word for counters and log keys, such as "wrong-cluster"; never NULL,
 * also for a byte that is not known. */
const char *ha_refusal_name(enum ha_refusal r);

/* Is it something that the two members' files must agree on, so that somebody
 * has to correct one of them? */
bool ha_refusal_is_mismatch(enum ha_refusal r);

/* The sentence of the end that refuses. */
const char *ha_refusal_sentence(enum ha_refusal r);

/* The sentence of the end that was refused: what to look at here. */
const char *ha_refusal_heard(enum ha_refusal r);

/* The record that says it: also for a connection that is turned away before
 * it gets a handshake. */
void ha_refusal_encode(uint8_t out[static HA_REFUSAL_LEN],
    enum ha_refusal reason);

#endif /* HA_PROTO_REFUSAL_H */
