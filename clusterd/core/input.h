/*
 * input: everything that can happen to the core.
 *
 * One struct ha_input goes into one ha_core_step().  Every input carries the
 * time; the core has no clock of its own.
 *
 * Ownership  the caller keeps what it passes; the core copies.
 */
#ifndef HA_CORE_INPUT_H
#define HA_CORE_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mono.h"
#include "core/message.h"
#include "core/settings.h"
#include "core/types.h"

enum ha_input_kind {
	HA_IN_TICK,    /* the end of a turn of the loop, or the deadline */
	HA_IN_MESSAGE, /* a peer said something */
	HA_IN_LINK,    /* a link came up, went down, or has room again */
	HA_IN_SESSION, /* the kernel said something of one entry */
	HA_IN_DUMP,    /* a dump begins or ends, or events were lost */
	HA_IN_DONE,    /* an operation on the kernel has its result */
	HA_IN_STALL,   /* this process did not run for a while */
	HA_IN_MONITOR, /* something watched is well, or has failed */
	HA_IN_ADMIN,   /* the operator asks for something */
	HA_IN_SETTINGS, /* the operator has changed the cluster */
};

/* Authenticated and decoded; generation is the connection's. */
struct ha_in_message {
	uint8_t peer;
	uint8_t link;
	uint64_t generation;
	const struct ha_message *message;
};

enum ha_link_event {
	HA_LINK_UP,   /* handshake done; of one that is up: made anew */
	HA_LINK_DOWN, /* connection closed */
	HA_LINK_STRANGE, /* none: no protocol version in common */
	HA_LINK_ROOM, /* one batch has left for the network */
};

struct ha_in_link {
	enum ha_link_event event;
	uint8_t peer;
	uint8_t link;
	uint64_t generation;
	struct ha_boot boot; /* UP: of the peer */
	uint8_t state;       /* UP: enum ha_state of the peer */
};

enum ha_session_event {
	HA_SESSION_NEW,
	HA_SESSION_UPDATE,
	HA_SESSION_END,
	HA_SESSION_DUMPED, /* seen in a dump, or read by itself in between */
};

struct ha_in_session {
	enum ha_session_event event;
	struct ha_record record; /* flags: 0; a TCP session's tcp_state is
	                          * NONE where the event did not tell it */

	/* What is not told is zero here.  NEW and DUMPED tell all that there
	 * is, END nothing, UPDATE the helper and what it says that it told. */
	struct ha_extra extra;
	bool label_told;
	bool seq_told;
	bool synproxy_told;
	bool master_told;

	uint32_t entry;  /* the kernel's id of it; 0: not told */
	bool bits_known; /* the event told our two bits */
	bool owner_bit;
	bool replica_bit;
	bool has_timeout; /* END: the kernel removed a live entry */
	bool foreign;     /* another program did it */
	bool offloaded;   /* in a flowtable: counts as carrying traffic */
};

enum ha_dump_event {
	HA_DUMP_BEGIN,
	HA_DUMP_END,
	HA_DUMP_LOST, /* the kernel dropped events: ask for a dump */
};

struct ha_in_dump {
	enum ha_dump_event event;
};

/* What became of one struct ha_kernel_op.  Results come in the order in
 * which the operations were put out. */
struct ha_in_done {
	uint64_t ticket; /* of the operation */
	int result;      /* HA_OK, HA_ERR_EXISTS, HA_ERR_ABSENT, HA_ERR_FULL,
	                  * HA_ERR_AGAIN, HA_ERR_UNSUPPORTED, HA_ERR_IO */
};

/* name is told with every verdict, and copied up to HA_MONITOR_NAME. */
struct ha_in_monitor {
	uint8_t number; /* below HA_MONITOR_MAX; who makes inputs chooses it */
	enum ha_verdict verdict;
	const char *name; /* for people; NONE: unused */
};

enum ha_admin_verb {
	HA_ADMIN_SYNC_FROM, /* full synchronisation; member 0: from all */
	HA_ADMIN_SUSPEND,
	HA_ADMIN_FUNCTIONAL,
	/* End a session everywhere.  HA_ERR_ABSENT: not held here;
	 * HA_ERR_AGAIN: its owner can't be reached now, or this member begins
	 * only. */
	HA_ADMIN_END,
};

struct ha_in_admin {
	enum ha_admin_verb verb;
	uint8_t member;    /* SYNC_FROM */
	struct ha_uid uid; /* END */
};

/* Members, their synchronization, links, thresholds, times and flap_max are
 * taken over; all else must be as it was.  A member whose place another has taken under
 * its index is in replaced. */
struct ha_in_settings {
	const struct ha_settings *settings;
	ha_member_set replaced;
};

struct ha_input {
	enum ha_input_kind kind;
	struct ha_time now; /* never earlier than that of the input before */
	union {
		struct ha_in_message message;
		struct ha_in_link link;
		struct ha_in_session session;
		struct ha_in_dump dump;
		struct ha_in_done done;
		struct ha_in_monitor monitor;
		struct ha_in_admin admin;
		struct ha_in_settings settings;
	} u;
};

#endif /* HA_CORE_INPUT_H */
