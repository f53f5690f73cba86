/*
 * fake_conntrack: the connection tracking of one simulated kernel.
 *
 * It does what the real one was found to do, wherever that matters to us:
 *
 *   - The first forwarded packet of an entry sets the owner bit.  A session
 *     that begins here has it in its NEW event; an entry that was installed,
 *     or whose bit was cleared, gives exactly one UPDATE.  Refreshing a
 *     timeout gives no event.
 *   - An update tells TCP state, flags and scale only if the state changed
 *     (HA_TCP_NONE: not told), and our bits only if one of them changed.
 *   - What we do ourselves gives no event.
 *   - Windows.  An entry that was created for us takes whatever comes first;
 *     from then on a packet too far from what the entry saw is INVALID: it is
 *     dropped, sets no bit and gives no event.  A liberal entry lets it pass,
 *     but learns nothing from it.  An established connection that was
 *     created without window scale or SEEN_REPLY lets nothing pass.
 *   - Natural expiry comes late and ends without a timeout attribute; losing
 *     the uplink ends every masqueraded entry at once, with one.
 *   - A tuple finds an entry from either direction, also for removal.
 *
 * TCP is picked up by a SYN only, and only what may_open says opens a
 * session: the members run a stateful ruleset.
 *
 * Ownership  entries belong to the table; a found one is borrowed until the
 *            next call.
 */
#ifndef HA_SIM_FAKE_CONNTRACK_H
#define HA_SIM_FAKE_CONNTRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mono.h"
#include "core/input.h"
#include "core/output.h"
#include "core/settings.h"

/* How far a packet may be from what an entry saw, in positions. */
#define FAKE_WINDOW 16

/* The window scale that both ends of every connection use. */
#define FAKE_WSCALE 7

enum fake_packet_kind {
	FAKE_SYN,
	FAKE_SYN_ACK,
	FAKE_DATA, /* of TCP: with the acknowledgement; of others: any */
	FAKE_FIN,
	FAKE_RST,
};

struct fake_packet {
	enum fake_packet_kind kind;
	struct ha_tuple tuple; /* as the packet has it on arrival */
	uint32_t seq;          /* TCP: its sender stands here */
	uint32_t ack;          /* TCP: and has received up to here */

	/* Whether and how the ruleset lets it begin a session. */
	bool may_open;
	bool masquerade;
	uint32_t nat_status;   /* HA_STATUS_SRC_NAT or _DST_NAT */
	struct ha_tuple reply; /* of the entry, after translation */
};

enum fake_verdict {
	FAKE_FORWARDED,
	FAKE_INVALID,  /* the windows do not fit: dropped */
	FAKE_NO_ENTRY, /* nothing lets it in: dropped */
};

struct fake_entry {
	uint64_t serial; /* never used twice in one table */
	struct ha_record record;
	struct ha_time expires;
	struct ha_time created;
	bool owner_bit;
	bool replica_bit;
	bool liberal;
	bool masqueraded;
	bool window_known[HA_DIR_MAX];
	uint32_t window[HA_DIR_MAX];

	/* Notes of the simulator; the kernel does not use them. */
	struct ha_time touched; /* the first packet; NEVER: none */
	bool told; /* the daemon was told of the owner bit */
	struct ha_time told_at;
	struct ha_time answered_at; /* and of SEEN_REPLY; NEVER: not */
};

struct fake_conntrack;

/* Whom to tell; serial is that of the entry. */
struct fake_listener {
	void (*event)(void *ctx, uint64_t serial,
	    const struct ha_in_session *e);
	void *ctx;
};

/* max: entries that fit; 0: no limit. */
struct fake_conntrack *fake_conntrack_new(const struct ha_timeouts *timeouts,
    uint32_t max);
void fake_conntrack_free(struct fake_conntrack *ct);

/* NULL: nobody listens, events are lost. */
void fake_conntrack_listen(struct fake_conntrack *ct,
    const struct fake_listener *listener);

enum fake_verdict fake_conntrack_packet(struct fake_conntrack *ct,
    struct ha_time now, const struct fake_packet *p);

/* One operation of our own daemon: HA_OK, HA_ERR_EXISTS, HA_ERR_ABSENT,
 * HA_ERR_FULL. */
HA_MUST_USE int fake_conntrack_apply(struct fake_conntrack *ct,
    struct ha_time now, const struct ha_kernel_op *op);

/* The kernel's collector comes by: what has expired ends. */
void fake_conntrack_collect(struct fake_conntrack *ct, struct ha_time now);

/* Every masqueraded entry goes; returns how many. */
size_t fake_conntrack_uplink_down(struct fake_conntrack *ct,
    struct ha_time now);

/* A person deletes the entry with this tuple.  HA_ERR_ABSENT. */
HA_MUST_USE int fake_conntrack_delete(struct fake_conntrack *ct,
    struct ha_time now, const struct ha_tuple *t);

/* The kernel makes room: one entry that is not assured goes; false: none. */
bool fake_conntrack_early_drop(struct fake_conntrack *ct, struct ha_time now);

/* The host's power fails: everything goes, nobody is told. */
void fake_conntrack_wipe(struct fake_conntrack *ct);

/* By a tuple of either direction; NULL: absent. */
struct fake_entry *fake_conntrack_find(struct fake_conntrack *ct,
    const struct ha_tuple *t);

/* NULL: gone. */
struct fake_entry *fake_conntrack_by_serial(struct fake_conntrack *ct,
    uint64_t serial);

size_t fake_conntrack_count(const struct fake_conntrack *ct);

/* Entries in the order of their serials; i below the count. */
struct fake_entry *fake_conntrack_at(struct fake_conntrack *ct, size_t i);

/* What a dump tells of an entry. */
struct ha_in_session fake_conntrack_describe(const struct fake_entry *e,
    enum ha_session_event event);

#endif /* HA_SIM_FAKE_CONNTRACK_H */
