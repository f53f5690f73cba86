/*
 * message: what members say to each other, decoded (doc/wire.md).
 *
 * Ownership  entries of a batch and their extras are borrowed: by the core
 *            until the step that takes the message returns, by the shell
 *            until its next step.
 */
#ifndef HA_CORE_MESSAGE_H
#define HA_CORE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/types.h"

/* In order of urgency on a link. */
enum ha_message_kind {
	HA_MSG_KEEPALIVE,
	HA_MSG_FEED_REQUEST,
	HA_MSG_WALK_VOID,
	HA_MSG_TOUCH,
	HA_MSG_GRANT,
	HA_MSG_END,
	HA_MSG_BATCH,
	HA_MSG_MAX,
};

/* How far a member is with one stream. */
struct ha_stream_status {
	struct ha_stream_id stream;
	uint64_t complete; /* nothing is missing up to here */
	uint64_t count;    /* confirmed sessions */
	uint64_t digest;   /* of the confirmed sessions */
	bool caught_up;    /* digest and count are those of complete */
};

struct ha_msg_keepalive {
	uint64_t counter;        /* of this sender on this link, from 1 */
	uint64_t heard;          /* the last counter heard on it; 0: none */
	uint32_t heard_age_ms;   /* how long ago that was */
	uint8_t state;           /* enum ha_state of the sender */
	ha_member_set up;        /* members that the sender sees up */
	uint16_t table_permille; /* how full its session table is */
	uint32_t sessions_owned;
	uint8_t n_streams;
	struct ha_stream_status streams[HA_STREAM_MAX];
};

/* "Send me this stream's changes above after"; voids the walk before. */
struct ha_msg_feed_request {
	uint64_t walk; /* chosen by the receiver, never 0, never reused */
	struct ha_stream_id stream;
	uint64_t after;
};

/* "What you asked for in this walk no longer stands: ask again." */
struct ha_msg_walk_void {
	uint64_t walk;
	struct ha_stream_id stream;
};

/* TOUCH: "its packets come here"; GRANT: "take it, from this version"; END:
 * "end it, the operator says so". */
struct ha_msg_session {
	struct ha_uid uid;
	struct ha_version version;
};

enum ha_entry_kind {
	HA_ENTRY_FULL,   /* the whole session */
	HA_ENTRY_UPDATE, /* all but tuples, of a session sent before */
	HA_ENTRY_END,    /* the session has ended */
	HA_ENTRY_LEFT,   /* another member owns it now */
};

/* One change of one stream. */
struct ha_entry {
	enum ha_entry_kind kind;
	uint8_t end_reason; /* END: enum ha_end_reason */
	uint64_t change;
	struct ha_uid uid;
	struct ha_version version;
	struct ha_record record; /* FULL: all; UPDATE: all but the tuples */
	const struct ha_extra *extra; /* FULL, UPDATE; NULL: nothing */
};

/* How much of a batch e takes: all entries of one weigh at most
 * HA_BATCH_MAX. */
static inline unsigned int
ha_entry_weight(const struct ha_entry *e)
{
	return e->extra != NULL ? 2 : 1;
}

enum {
	HA_BATCH_FULL = 1 << 0,      /* from the start: void what you have */
	HA_BATCH_CAUGHT_UP = 1 << 1, /* reached the sender's tail */
	HA_BATCH_AGED = 1 << 2,      /* without what aged out at the sender */
};

/* "This start has taken over what that earlier start of mine owned, as far
 * as complete." */
struct ha_took {
	uint64_t boot;
	uint64_t complete;
};

struct ha_msg_batch {
	uint64_t walk;
	struct ha_stream_id stream;
	uint64_t from; /* applied only where the receiver stands at this */
	uint64_t to;
	uint64_t floor; /* change of the last tombstone dropped */
	uint8_t flags;  /* HA_BATCH_* */

	/* With CAUGHT_UP: */
	uint64_t complete;
	uint64_t count;
	uint64_t digest;
	uint8_t n_took;
	struct ha_took took[HA_BOOTS_MAX];

	/* Batches put out by one step that have the same body carry the same
	 * entries: encode them once.  Not on the wire; 0 in what comes in. */
	uint64_t body;
	uint16_t n_entries;
	const struct ha_entry *entries;
};

struct ha_message {
	enum ha_message_kind kind;
	union {
		struct ha_msg_keepalive keepalive;
		struct ha_msg_feed_request feed_request;
		struct ha_msg_walk_void walk_void;
		struct ha_msg_session touch;
		struct ha_msg_session grant;
		struct ha_msg_session end;
		struct ha_msg_batch batch;
	} u;
};

#endif /* HA_CORE_MESSAGE_H */
