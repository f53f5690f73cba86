/*
 * dataplane: the border between this member and its kernel's sessions.
 *
 * Whatever the kernel tells of its conntrack table comes out of here as
 * struct ha_in_session, whatever the core wants done there goes in as struct
 * ha_kernel_op.  Behind the border stand four sockets (events, dump, work,
 * nftables) and one nftables table, "inet clusterd", that holds the gate and
 * the rule by which the kernel signs what this member carries.
 *
 * What the core must know of the kernel's words:
 *   - A TCP state of HA_TCP_NONE in an event means "not told": the kernel
 *     tells state, flags and window scale in an update only if they changed,
 *     and at an end the state alone.  NEW and DUMPED tell everything.
 *   - bits_known is false in an update that is about something else, at an
 *     end, and in a dump for an entry that has no room for our bits: such an
 *     entry is older than the rule, never signals and can't be probed (a
 *     probe of it ends in HA_ERR_UNSUPPORTED).
 *   - tcp_flags never hold the kernel's "be liberal": that is a local matter.
 *   - What this daemon did itself raises no event, but for HA_KERNEL_END.
 *   - The kernel raises none when it shifts sequence numbers.  Where it may
 *     have, the entry is read, and told with HA_SESSION_DUMPED in between.
 *
 * Callbacks  only from inside ha_dataplane_readable(); never from the call
 *            that asked.  They may call everything but _readable() and
 *            _close().  What they are given is borrowed for the call.
 * Blocking   never longer than the kernel takes for one slice of work (about
 *            a millisecond), but ha_dataplane_open(), which may read the
 *            whole conntrack table once.
 * Ownership  ha_dataplane_open() copies the configuration; the handle is the
 *            caller's until ha_dataplane_close().
 * Errors     HA_OK or a negative HA_ERR_*; out-parameters only on success.
 */
#ifndef HA_DATAPLANE_DATAPLANE_H
#define HA_DATAPLANE_DATAPLANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/input.h"
#include "core/output.h"
#include "core/settings.h"
#include "core/zone.h"

#define HA_UNTRACKED_MAX 4

/* Where in an entry our two bits live. */
enum ha_signal {
	HA_SIGNAL_LABEL, /* bits 0 to 127 of the label */
	HA_SIGNAL_MARK,  /* bits 0 to 31 of the mark */
};

/* Our own links, which need no tracking: TCP at one address of this host
 * with this port at either end. */
struct ha_untracked {
	uint8_t family;      /* enum ha_family */
	uint8_t address[16]; /* network order; IPv4: the first 4 */
	uint16_t port;
};

enum ha_table_event {
	HA_TABLE_RELOADED, /* somebody removed it: it stands again */
	HA_TABLE_LOST,     /* and it could not be loaded again */
};

struct ha_dataplane_calls {
	void *ctx;
	void (*on_session)(void *ctx, const struct ha_in_session *session);
	void (*on_dump)(void *ctx, enum ha_dump_event event);
	void (*on_done)(void *ctx, uint64_t ticket, int result);

	/* HA_DUMP_LOST follows RELOADED by itself: sessions that began in
	 * between are found by the dump. */
	void (*on_table)(void *ctx, enum ha_table_event event);
};

struct ha_dataplane_config {
	enum ha_signal signal;
	uint8_t owner_bit;   /* this member carries it */
	uint8_t replica_bit; /* came from another member */
	struct ha_zones zones;
	bool rule;           /* load the rule that sets the owner bit */
	bool gate;           /* load the gate */

	/* Where the gate is put if it is new; one that stands stays as it
	 * is, and so does an open one that was flushed away. */
	bool gate_closed_at_boot;

	/* Never ask the kernel for a table that only we may change. */
	bool table_shared;

	uint32_t event_buffer_bytes; /* 0: big enough for most */
	uint8_t n_untracked;
	struct ha_untracked untracked[HA_UNTRACKED_MAX];
	struct ha_dataplane_calls calls;
};

/* What was found when the dataplane was opened. */
struct ha_dataplane_start {
	bool table_found;   /* our table stood: this kernel knows us */
	bool entries_found; /* entries carry our bits: the same */
	bool gate_closed;   /* position of the gate now */
	bool table_owned;   /* the kernel lets nobody else change our table */
	bool buffer_forced; /* the event buffer is as big as was wanted */
	bool events_forced; /* nf_conntrack_events is 1 now */
	uint32_t event_buffer_bytes;
};

/* One sentence for the operator: what is wrong, and what to do. */
struct ha_why {
	char text[256];
};

struct ha_dataplane_stats {
	uint64_t events;
	uint64_t events_lost; /* times that the kernel said it lost some */
	uint64_t dumps;
	uint64_t dumped;
	uint64_t malformed; /* not a message that a kernel can have sent */
	uint64_t skipped;   /* of no use: a zone of one direction only */
	uint64_t adopted;   /* older than the rule, taken as ours */
	uint64_t operations;
	uint64_t operations_failed;
	uint64_t table_reloads;
};

/* Packets that met the two rules of our table. */
struct ha_dataplane_traffic {
	uint64_t gate_dropped;
	uint64_t owner_signed;
};

struct ha_dataplane;

/* Listen, make the kernel raise events, load or adopt the table, in this
 * order; then remove "inet clusterd_boot".  On error *why says what to do.
 * HA_ERR_UNSUPPORTED: no conntrack or nftables; HA_ERR_PERM: no rights;
 * HA_ERR_EXISTS: another process holds the table. */
HA_MUST_USE int ha_dataplane_open(const struct ha_dataplane_config *config,
    struct ha_why *why, struct ha_dataplane **out);

/* Take zones, rule, gate and untracked from another configuration, all in one
 * transaction; a gate that stays stays where it is, and a new one is open.
 * On error nothing has changed, and *why says what to do. */
HA_MUST_USE int ha_dataplane_change(struct ha_dataplane *dp,
    const struct ha_dataplane_config *config, struct ha_why *why);

/* The table and every entry stay in the kernel; NULL is allowed. */
void ha_dataplane_close(struct ha_dataplane *dp);

const struct ha_dataplane_start *ha_dataplane_start(
    const struct ha_dataplane *dp);

const struct ha_dataplane_stats *ha_dataplane_stats(
    const struct ha_dataplane *dp);

enum ha_dataplane_fd {
	HA_DATAPLANE_FD_EVENTS,
	HA_DATAPLANE_FD_DUMP,
	HA_DATAPLANE_FD_WORK,
	HA_DATAPLANE_FD_TABLE,
	HA_DATAPLANE_FD_MAX,
};

/* To be watched for reading, level-triggered; -1: nothing to watch. */
int ha_dataplane_fd(const struct ha_dataplane *dp, enum ha_dataplane_fd which);

/* Take one slice of what is there and call back; true: there may be more.
 * Also without anything to read. */
bool ha_dataplane_readable(struct ha_dataplane *dp,
    enum ha_dataplane_fd which);

/* Dump the whole table: HA_DUMP_BEGIN, a HA_SESSION_DUMPED for each entry,
 * HA_DUMP_END come by and by, events in between.  An entry that is made after
 * BEGIN, by us or by others, may be left out.  A dump that breaks off begins
 * again, with another BEGIN; in the end it is HA_DUMP_LOST instead of END.
 * HA_ERR_AGAIN: one is running. */
HA_MUST_USE int ha_dataplane_dump(struct ha_dataplane *dp);

/* Do these in this order; each answers by on_done once, later.  The
 * operations and their records are borrowed for the call. */
HA_MUST_USE int ha_dataplane_do(struct ha_dataplane *dp,
    const struct ha_kernel_op *ops, size_t n);

/* Move the gate; at once, and no packet sees it in between. */
HA_MUST_USE int ha_dataplane_gate(struct ha_dataplane *dp, bool open);

/* Where the gate is, as the kernel has it. */
HA_MUST_USE int ha_dataplane_gate_read(struct ha_dataplane *dp, bool *open);

HA_MUST_USE int ha_dataplane_traffic(struct ha_dataplane *dp,
    struct ha_dataplane_traffic *out);

/* For clusterctl, while no daemon runs: open the gate of a table that was
 * left behind, or remove that table.  HA_ERR_ABSENT: there is none;
 * HA_ERR_EXISTS: a running daemon holds it. */
HA_MUST_USE int ha_dataplane_gate_open_alone(struct ha_why *why);
HA_MUST_USE int ha_dataplane_table_remove_alone(struct ha_why *why);

/* What this host's kernel is set to: /proc/sys/net/netfilter. */
struct ha_host {
	uint32_t conntrack_max; /* 0: no limit */
	uint32_t buckets;
	bool acct;       /* counters are kept: for the traffic log */
	bool timestamp;  /* start times are kept: the same */
	bool tcp_liberal; /* windows are not checked at all */
	bool tcp_loose;  /* connections are picked up in the middle */
	struct ha_timeouts timeouts;
};

/* HA_ERR_UNSUPPORTED: this kernel has no conntrack, or not yet. */
HA_MUST_USE int ha_host_read(struct ha_host *out, struct ha_why *why);

/* One thing about the host that would hurt, and the command that helps. */
struct ha_host_advice {
	const char *name; /* of the line in the log */
	char why[96];
	char run[80];
};

#define HA_HOST_ADVICE_MAX 3

/* What to change for a session table of that size; returns how many. */
size_t ha_host_advise(const struct ha_host *host, uint32_t table_size,
    struct ha_host_advice advice[static HA_HOST_ADVICE_MAX]);

/* Switch on counters and start times of entries.  HA_ERR_PERM: not allowed. */
HA_MUST_USE int ha_host_keep_accounts(struct ha_why *why);

#endif /* HA_DATAPLANE_DATAPLANE_H */
