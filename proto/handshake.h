/*
 * handshake: from a new connection to two members that know each other.
 *
 * Bytes in, bytes out; no socket, no clock.  The member that dialled is the
 * initiator, the other the responder:
 *
 *     responder                          initiator
 *        | banner ------------------------> |
 *        | <----- hello, mac1, message 1 -- |
 *        | message 2, with my greeting ---> |   initiator is GREETED
 *        | <---- CONFIRM, with my greeting  |   responder is GREETED
 *        | READY -------------------------> |   both are DONE
 *
 * How to drive it, at either end:
 *
 *     after _new and after each call     send what ha_handshake_output() has
 *     bytes came                         ha_handshake_input()
 *     GREETED                            look at ha_handshake_peer(), then
 *                                        ha_handshake_accept() or _refuse()
 *     DONE                               ha_handshake_finish() gives the seal
 *     FAILED                             send the output, close, log why
 *
 * Until GREETED nothing of what the other end says may change anything but
 * counters.  The caller keeps the time: 3 seconds from accept to DONE.
 *
 * Ownership  configuration is copied.  ha_handshake_free() takes the
 *            handshake back and wipes it.  What is returned by pointer is
 *            borrowed until the next call.
 * Errors     bytes of the other end never are an error of a call: they lead
 *            to FAILED.
 */
#ifndef HA_PROTO_HANDSHAKE_H
#define HA_PROTO_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/types.h"
#include "proto/greeting.h"
#include "proto/hello.h"
#include "proto/keys.h"
#include "proto/refusal.h"
#include "proto/seal.h"

/* Largest record taken before message 1 verified, and after it. */
#define HA_HANDSHAKE_FIRST_MAX 512
#define HA_HANDSHAKE_MAX       8192

#define HA_HANDSHAKE_TEXT_LEN 208

/* A member as the cluster file has it; n_keys 0: no such member. */
struct ha_handshake_member {
	char serial[HA_SERIAL_LEN];
	uint8_t n_keys;
	uint8_t public_keys[HA_KEYS_MAX][HA_KEY_LEN]; /* now, next */
};

/* Keep it in memory from sodium_malloc(): it holds secrets. */
struct ha_handshake_config {
	uint32_t cluster;
	uint8_t link; /* enum ha_link_id */
	uint8_t self; /* member index */
	uint8_t peer; /* initiator: whom to reach, above self
	               * responder: who is expected, below self; 0: any */
	uint8_t protocol_min; /* HA_PROTOCOL_MIN, but for tests */
	uint8_t protocol_max;

	/* Initiator: which of the valid secrets and keys to take, while there
	 * are several; see ha_handshake_choices(). */
	uint32_t choice;

	uint8_t n_secrets;
	uint8_t secrets[HA_KEYS_MAX][HA_KEY_LEN]; /* now, next */
	uint8_t n_keypairs;
	struct ha_keypair keypairs[HA_KEYS_MAX]; /* own; now, next */
	struct ha_handshake_member members[HA_MEMBER_MAX]; /* [index - 1] */

	struct ha_greeting greeting; /* what to tell the other end */
};

enum ha_handshake_state {
	HA_HANDSHAKE_RUNNING,
	HA_HANDSHAKE_GREETED, /* the other end is who it says: your turn */
	HA_HANDSHAKE_DONE,
	HA_HANDSHAKE_FAILED,
};

struct ha_handshake_failure {
	enum ha_refusal reason;
	bool by_peer; /* it refused, or says so: nobody vouches for it */
};

struct ha_handshake;

/* How many ways an initiator has to choose secret and keys for this peer.
 * Choice 0 is what is valid now, the last one what comes next. */
uint32_t ha_handshake_choices(const struct ha_handshake_config *config);

/* Is that the id of a key which m has? */
bool ha_handshake_has_key(const struct ha_handshake_member *m,
    const uint8_t id[static HA_KEY_ID_LEN]);

/* HA_ERR_INVAL: the configuration can't be right.  HA_ERR_NOMEM. */
HA_MUST_USE int ha_handshake_new_initiator(
    const struct ha_handshake_config *config, struct ha_handshake **out);
HA_MUST_USE int ha_handshake_new_responder(
    const struct ha_handshake_config *config, struct ha_handshake **out);

/* NULL is allowed. */
void ha_handshake_free(struct ha_handshake *h);

/* Take bytes from the connection; returns how many were taken.  Bytes that
 * are left over wait for accept, or, once DONE, belong to the seal. */
HA_MUST_USE size_t ha_handshake_input(struct ha_handshake *h,
    const uint8_t *data, size_t len);

/* Bytes to send, each once; *len 0: none. */
const uint8_t *ha_handshake_output(struct ha_handshake *h, size_t *len);

enum ha_handshake_state ha_handshake_state(const struct ha_handshake *h);

/* While GREETED: the highest boot counter known of this peer, in the light of
 * what it has just told. */
void ha_handshake_set_seen(struct ha_handshake *h, uint64_t boot_seen);

/* While GREETED: go on with this peer. */
void ha_handshake_accept(struct ha_handshake *h);

/* Before DONE: turn the other end away; FAILED from now on. */
void ha_handshake_refuse(struct ha_handshake *h, enum ha_refusal reason);

/* Who the other end is; 0: not known before GREETED. */
uint8_t ha_handshake_peer_index(const struct ha_handshake *h);

/* The ids of both keys; NULL: not known before GREETED. */
const uint8_t *ha_handshake_own_key(const struct ha_handshake *h);
const uint8_t *ha_handshake_peer_key(const struct ha_handshake *h);

/* Since GREETED: are secret and keys of this handshake in config, too?  While
 * it ran, others may have come into force. */
bool ha_handshake_agrees(const struct ha_handshake *h,
    const struct ha_handshake_config *config);

/* What the other end told; NULL: not before GREETED. */
const struct ha_greeting *ha_handshake_peer(const struct ha_handshake *h);

/* The hello, made here or by the other end.  What the other end claims in it
 * is for a log line only.  NULL: no hello yet. */
const struct ha_hello *ha_handshake_claim(const struct ha_handshake *h);

/* Once FAILED: why. */
struct ha_handshake_failure ha_handshake_failure(
    const struct ha_handshake *h);

/* The same for people, one sentence: what is wrong, here and there as far as
 * this end sees it.  HA_HANDSHAKE_TEXT_LEN bytes are enough. */
void ha_handshake_explain(const struct ha_handshake *h, char *out,
    size_t size);

/* Once DONE, and once only: the caller takes the seal. */
struct ha_seal *ha_handshake_finish(struct ha_handshake *h);

#endif /* HA_PROTO_HANDSHAKE_H */
