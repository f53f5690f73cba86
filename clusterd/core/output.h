/*
 * output: everything that the core asks the world to do.
 *
 * Ownership  an output and what it points to are borrowed until the next
 *            ha_core_step().
 */
#ifndef HA_CORE_OUTPUT_H
#define HA_CORE_OUTPUT_H

#include <stdint.h>

#include "core/message.h"
#include "core/types.h"

enum ha_output_kind {
	HA_OUT_SEND,   /* say this to a peer */
	HA_OUT_CLOSE,  /* close one connection */
	HA_OUT_KERNEL, /* do these operations, in this order */
	HA_OUT_DUMP,   /* dump the whole conntrack table */
	HA_OUT_STATE,  /* the own state has changed */
	HA_OUT_PEER,   /* a peer came up, went down or was lost */
	HA_OUT_GATE,   /* open or close the gate */
	HA_OUT_SAVE,   /* keep the highest boot counter heard of a member */
	HA_OUT_ALARM,  /* a named condition begins or ends */
	HA_OUT_ENDED,  /* a session ended here: for the traffic log */
	HA_OUT_TRACE,  /* what was decided, for tests and debugging */
};

struct ha_out_send {
	uint8_t peer;
	uint8_t link;
	uint64_t generation;
	const struct ha_message *message;
};

enum ha_close_reason {
	HA_CLOSE_SILENT,  /* no echo within the threshold */
	HA_CLOSE_REMOVED, /* the peer is no member any more */
	HA_CLOSE_OLD_BOOT, /* of an earlier start of the peer */
};

struct ha_out_close {
	uint8_t peer;
	uint8_t link;
	uint64_t generation;
	enum ha_close_reason reason;
};

enum ha_kernel_verb {
	HA_KERNEL_INSTALL, /* create, exclusively, with the replica bit */
	HA_KERNEL_REMOVE,  /* delete what has this original tuple */
	HA_KERNEL_CHANGE,  /* change what has this original tuple */
	HA_KERNEL_END,     /* REMOVE, told as if another program did it: as
	                    * HA_SESSION_END, before the HA_IN_DONE */
};

/* What a CHANGE changes. */
enum {
	HA_CHANGE_PROBE = 1 << 0,       /* clear the owner bit */
	HA_CHANGE_LIBERAL = 1 << 1,     /* accept any window, both ways */
	HA_CHANGE_STRICT = 1 << 2,      /* the opposite */
	HA_CHANGE_LIFETIME = 1 << 3,    /* to lifetime_s */
	HA_CHANGE_STATUS = 1 << 4,      /* add SEEN_REPLY, ASSURED of record */
	HA_CHANGE_MARK = 1 << 5,        /* to that of record */
	HA_CHANGE_LABEL = 1 << 6,       /* to that of extra, but our bits */
	HA_CHANGE_SEQUENCE = 1 << 7,    /* to shifts and synproxy of extra */
};

struct ha_kernel_op {
	uint64_t ticket; /* comes back with HA_IN_DONE */
	enum ha_kernel_verb verb;
	uint16_t change;     /* CHANGE: HA_CHANGE_* */
	bool liberal;        /* INSTALL: accept any window */
	uint32_t lifetime_s; /* INSTALL, CHANGE of LIFETIME */
	const struct ha_record *record;
	uint32_t entry; /* REMOVE, END: this one only; 0: whichever it is */
	const struct ha_extra *extra; /* of the record; NULL: nothing */
	bool bare; /* its entry has no helper and no master here */
};

struct ha_out_kernel {
	uint16_t n_ops; /* at most HA_KERNEL_OPS_MAX */
	const struct ha_kernel_op *ops;
};

struct ha_out_state {
	uint8_t from; /* enum ha_state */
	uint8_t to;
	enum ha_cause cause;
	const char *reason; /* a few words for people */
};

enum ha_peer_event {
	HA_PEER_UP,
	HA_PEER_DOWN, /* no link from here */
	HA_PEER_LOST, /* and nobody reachable reports it up */
};

struct ha_out_peer {
	uint8_t peer;
	enum ha_peer_event event;
};

struct ha_out_gate {
	bool open;
};

struct ha_out_save {
	uint8_t member;
	uint64_t boot_counter;
};

struct ha_out_alarm {
	const char *name; /* of the operator's contract */
	uint8_t member;   /* whom it is about; 0: this member */
	bool active;
};

struct ha_out_ended {
	struct ha_uid uid;
	enum ha_end_reason reason;
	ha_member_set owners;
	struct ha_record record;
};

/* A session's name in one number, for the eye: the boot and the creator above,
 * the count below. */
static inline uint64_t
ha_trace_uid(const struct ha_uid *u)
{
	return (u->boot & 0xffffff) << 40 | (uint64_t)u->creator << 32 |
	    (u->number & 0xffffffff);
}

/* What a trace line tells; its numbers mean what the name says. */
enum ha_trace {
	HA_TRACE_LINK,     /* a: peer, b: link, c: 1 up 0 down */
	HA_TRACE_STATE,    /* a: from, b: to */
	HA_TRACE_LOST,     /* a: member, b: 1 lost 0 found */
	HA_TRACE_WALK,     /* a: source, b: owner, c: after */
	HA_TRACE_CAUGHT_UP, /* a: source, b: owner, c: complete */
	HA_TRACE_CLAIM,    /* a: owner before, c: uid */
	HA_TRACE_YIELD,    /* a: owner after, c: uid */
	HA_TRACE_GRANT,    /* a: to whom, c: uid */
	HA_TRACE_LIMBO,    /* a: owner, c: uid */
	HA_TRACE_END,      /* a: owner, b: reason, c: uid */
	HA_TRACE_DROP,     /* a: peer, b: enum of the reason, c: detail */
};

struct ha_out_trace {
	enum ha_trace what;
	uint32_t a;
	uint32_t b;
	uint64_t c;
};

struct ha_output {
	enum ha_output_kind kind;
	union {
		struct ha_out_send send;
		struct ha_out_close close;
		struct ha_out_kernel kernel;
		struct ha_out_state state;
		struct ha_out_peer peer;
		struct ha_out_gate gate;
		struct ha_out_save save;
		struct ha_out_alarm alarm;
		struct ha_out_ended ended;
		struct ha_out_trace trace;
	} u;
};

#endif /* HA_CORE_OUTPUT_H */
