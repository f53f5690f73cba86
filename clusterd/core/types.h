/*
 * types: what a cluster is made of, as plain data.
 *
 * Members, links, boots, sessions and their versions.  Everything that
 * crosses a border of the core (a message, a kernel event, a view) is built
 * from these, so they depend on nothing but the C library.
 *
 * Ownership  plain values, copied freely.
 * Units      in the name where the type does not carry them.
 */
#ifndef HA_CORE_TYPES_H
#define HA_CORE_TYPES_H

#include <stdbool.h>
#include <stdint.h>

/* Limits: each is a promise about memory, and a test holds it. */
#define HA_MEMBER_MAX     16   /* members of a cluster; indexes 1 to 16 */
#define HA_BOOTS_MAX      4    /* streams kept of one member: boots of it */
#define HA_STREAM_MAX     (HA_MEMBER_MAX * HA_BOOTS_MAX)
#define HA_BATCH_MAX      256  /* entries of one batch, and their weight */
#define HA_KERNEL_OPS_MAX 512  /* operations handed to the kernel at once */
#define HA_HELPER_LEN     16   /* bytes of a helper's name, zeros included */
#define HA_MONITOR_MAX    24   /* things whose failure stops a member */
#define HA_FLAP_MAX       16   /* the highest flap-max */

/* Texts for people, in bytes with the terminator; longer ones are cut. */
#define HA_MONITOR_NAME 80
#define HA_REASON_TEXT  128

/* A set of members: bit (index - 1). */
typedef uint16_t ha_member_set;

static inline ha_member_set
ha_member_bit(unsigned int index)
{
	return (ha_member_set)(1u << (index - 1));
}

enum ha_link_id {
	HA_LINK_HA4,
	HA_LINK_HA4_BACKUP,
	HA_LINK_MAX,
};

enum ha_state {
	HA_STATE_INITIAL,
	HA_STATE_ACTIVE,
	HA_STATE_TENTATIVE,
	HA_STATE_NON_FUNCTIONAL,
	HA_STATE_SUSPENDED,
	HA_STATE_MAX,
};

/* What put a member into its state. */
enum ha_cause {
	HA_CAUSE_START,
	HA_CAUSE_SYNCHRONISED,
	HA_CAUSE_MONITOR,    /* one of them failed */
	HA_CAUSE_PROTOCOL,   /* it joins, and nobody speaks its version */
	HA_CAUSE_WELL,       /* nothing has failed for the hold-down */
	HA_CAUSE_HELD,       /* synchronised, and the tentative hold is over */
	HA_CAUSE_OPERATOR,   /* "suspend" */
	HA_CAUSE_FUNCTIONAL, /* "functional" */
	HA_CAUSE_FLAPS,      /* it failed too often */
	HA_CAUSE_MAX,
};

/* What a monitor says of what it watches. */
enum ha_verdict {
	HA_VERDICT_NONE,    /* there is no such monitor */
	HA_VERDICT_UNKNOWN, /* too early to say */
	HA_VERDICT_WELL,
	HA_VERDICT_FAILED,
};

/* One start of one member.  id is random and tells starts apart; counter is
 * stored, grows with each start and orders them. */
struct ha_boot {
	uint64_t id;
	uint64_t counter;
};

/* What one start of one member owns: the unit of replication. */
struct ha_stream_id {
	uint64_t boot; /* ha_boot.id of that start */
	uint8_t owner; /* member index */
};

/* The name of a session for its whole life, whoever owns it. */
struct ha_uid {
	uint64_t boot;   /* ha_boot.id of the creator */
	uint64_t number; /* counts from 1 in that boot */
	uint8_t creator; /* member index */
};

/* Which of two records of one session is newer: ha_version_cmp(). */
struct ha_version {
	uint64_t revision; /* upper half: boot counter of its writer */
	uint32_t epoch;    /* one more with each new owner */
	uint8_t owner;     /* member index of the writer */
};

enum ha_family {
	HA_IPV4 = 4,
	HA_IPV6 = 6,
};

/* One direction of a session as the kernel knows it. */
struct ha_tuple {
	uint8_t src[16]; /* network order; IPv4: the first 4, then zeros */
	uint8_t dst[16];
	uint16_t src_port; /* host order; ICMP: the identifier */
	uint16_t dst_port; /* host order; ICMP: type * 256 + code */
	uint32_t zone;     /* its key (core/zone.h) */
	uint8_t family;    /* enum ha_family */
	uint8_t protocol;  /* IPPROTO_* */
};

/* Bits of ha_record.status: the kernel's IPS_* that we replicate. */
enum {
	HA_STATUS_SEEN_REPLY = 1 << 1,
	HA_STATUS_ASSURED = 1 << 2,
	HA_STATUS_SRC_NAT = 1 << 4,
	HA_STATUS_DST_NAT = 1 << 5,
	HA_STATUS_SEQ_ADJUST = 1 << 6,
	HA_STATUS_MASK = 0x76,
};

/* ha_record.tcp_state: the kernel's TCP_CONNTRACK_* numbers. */
enum {
	HA_TCP_NONE = 0,
	HA_TCP_SYN_SENT = 1,
	HA_TCP_SYN_RECV = 2,
	HA_TCP_ESTABLISHED = 3,
	HA_TCP_FIN_WAIT = 4,
	HA_TCP_CLOSE_WAIT = 5,
	HA_TCP_LAST_ACK = 6,
	HA_TCP_TIME_WAIT = 7,
	HA_TCP_CLOSE = 8,
	HA_TCP_SYN_SENT2 = 9,
	HA_TCP_STATE_MAX = 10,
};

/* Bits of ha_record.flags. */
enum {
	/* Owned, but without traffic at its owner: whose kernel has it as a
	 * replica, for the protocol's own timeout. */
	HA_RECORD_UNTOUCHED = 1 << 0,
};

enum { HA_DIR_ORIGINAL, HA_DIR_REPLY, HA_DIR_MAX };

/* A session as it is replicated: enough to create it in another kernel. */
struct ha_record {
	struct ha_tuple orig;
	struct ha_tuple reply; /* as the kernel has it: after translation */
	uint32_t status;       /* HA_STATUS_* */
	uint32_t mark;         /* ct mark, without bits of ours */
	uint8_t tcp_state;
	uint8_t tcp_flags[HA_DIR_MAX];  /* the kernel's IP_CT_TCP_FLAG_* */
	uint8_t tcp_wscale[HA_DIR_MAX]; /* window scale */
	uint8_t flags;                  /* HA_RECORD_* */
};

/* By how much the kernel shifts the sequence numbers of one direction, since
 * a helper made packets longer or shorter. */
struct ha_seq_adjust {
	uint32_t position; /* of the last change, as its sender counts */
	int32_t before;    /* the shift up to there */
	int32_t after;     /* and behind it */
};

/* What the kernel keeps of a connection that it answered itself at first. */
struct ha_synproxy {
	uint32_t isn;   /* the sequence number that it answered with */
	uint32_t its;   /* and the time stamp */
	uint32_t tsoff; /* from there to the server's time stamps */
};

/* What only some sessions have; all zeros: nothing.  It belongs to the record
 * and goes where that goes, as a pointer that is NULL for nothing. */
struct ha_extra {
	uint64_t label[2]; /* ct label without bits of ours: bit n of it is
	                    * bit n % 64 of label[n / 64] */
	char helper[HA_HELPER_LEN]; /* zeros behind the name; "": none */
	struct ha_seq_adjust seq[HA_DIR_MAX];
	struct ha_synproxy synproxy;
	struct ha_tuple master; /* original one of the session that announced
	                         * it, with zone 0: in the same; family 0:
	                         * none */
};

/* Why a session ended.  The first two end it at once on every member; at
 * IDLE a member that carries its traffic may claim it back. */
enum ha_end_reason {
	HA_END_CLOSED,     /* TCP closed */
	HA_END_DELETED,    /* by a person or a program */
	HA_END_IDLE,       /* its timeout ran out at the owner */
	HA_END_REPLACED,   /* another session has its addresses and ports */
	HA_END_OWNER_LOST, /* aged out after its owner was lost */
	HA_END_MAX,
};

/* Negative, zero or positive as a is older, the same or newer: the higher
 * epoch, then the LOWER owner, then the higher revision is newer. */
int ha_version_cmp(const struct ha_version *a, const struct ha_version *b);

bool ha_uid_equal(const struct ha_uid *a, const struct ha_uid *b);

/* A total order, for ties that every member must break alike. */
int ha_uid_cmp(const struct ha_uid *a, const struct ha_uid *b);

bool ha_stream_equal(const struct ha_stream_id *a,
    const struct ha_stream_id *b);

bool ha_tuple_equal(const struct ha_tuple *a, const struct ha_tuple *b);

/* The tuple of packets in the other direction, without translation. */
struct ha_tuple ha_tuple_invert(const struct ha_tuple *t);

uint64_t ha_tuple_hash(uint64_t seed, const struct ha_tuple *t);

uint64_t ha_uid_hash(uint64_t seed, const struct ha_uid *u);

/* Over every field, the same on every machine. */
uint64_t ha_record_hash(const struct ha_record *r);

/* A value that some kernel and some member can have written. */
bool ha_record_valid(const struct ha_record *r);

/* The same for what belongs to it; each may be NULL. */
bool ha_extra_is_nothing(const struct ha_extra *x);
bool ha_extra_equal(const struct ha_extra *a, const struct ha_extra *b);
bool ha_extra_valid(const struct ha_extra *x);

/* Of nothing: 0. */
uint64_t ha_extra_hash(const struct ha_extra *x);

/* Lower-case words of the operator's contract; never NULL. */
const char *ha_state_name(enum ha_state s);
const char *ha_cause_name(enum ha_cause c);
const char *ha_end_reason_name(enum ha_end_reason r);
const char *ha_link_name(enum ha_link_id l);

#endif /* HA_CORE_TYPES_H */
