/*
 * core_priv: what the modules of the core share, and nobody else sees.
 *
 * The modules, from the inside out:
 *
 *   out        the outputs of one step
 *   table      sessions: places, indexes by name and by tuple, timers
 *   extra      what only some sessions have
 *   stream     one owner's sessions in the order of their changes; tombstones
 *   digest     what a list sums up to, and whether it is its owner's
 *   feed_send  walks that others make over streams held here
 *   feed_apply walks of our own: sources, batches, limbo
 *   kernel     what the kernel should have, has, and is asked to do
 *   owner      publish, end, claim, yield
 *   handoff    touch, probe, grant
 *   ending     the end of a session by the operator's word
 *   intake     what the kernel tells
 *   link       keepalives and their echoes
 *   peer       up, down, lost; who may serve what
 *   membership who belongs here, and with whom sessions are synchronised
 *   lifecycle  start, and take-over of what earlier boots owned
 *   state      the five states, the moves between them, the gate
 *
 * Ownership  everything lives in struct ha_core and dies with it.
 */
#ifndef HA_CORE_CORE_PRIV_H
#define HA_CORE_CORE_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/list.h"
#include "base/mono.h"
#include "base/rng.h"
#include "core/core.h"
#include "core/plant.h"
#include "core/views.h"

#define OUT_MAX          1024 /* outputs of one step */
#define OUT_RESERVE      256  /* of these kept for what can't wait */
#define MESSAGE_MAX      192  /* messages of one step */
#define BODY_MAX         4    /* different batches of one step */
#define LINK_CREDIT      4    /* batches on their way to one link */
#define OPS_IN_FLIGHT    1024 /* kernel operations without a result */
#define SLICE            1024 /* sessions looked at in one turn */
#define TOMBSTONES_MAX   8192 /* of one stream of another member */
#define FULL_WALKS_MAX   2    /* full walks received at a time */
#define EPOCH_JUMP_MAX   65536
#define CLAIMS_MAX       3
#define RECHECKS_MAX     3 /* probes after which traffic is no straggler */
#define KERNEL_TRIES_MAX 8 /* soon; then late */
#define MASTER_TRIES     3 /* then without its master */
#define ECHO_RING        64

/* Times of the protocol that are nobody's setting (doc/ownership.md). */
#define LIMBO_TIME         ha_dur_s(60)
#define CLAIM_WINDOW_S     60
#define REARM_FIRST        ha_dur_s(5)
#define REARM_LAST         ha_dur_s(60)
#define STRICT_AFTER       ha_dur_s(30)
#define TOUCH_MEMORY_S     120
#define END_GRACE          ha_dur_s(5)
#define CAUGHT_UP_EVERY    ha_dur_s(1)
#define LINK_TRUST         ha_dur_s(10)
#define SOURCE_TRUST       ha_dur_s(10)
#define STANDSTILL         ha_dur_s(30)
#define GAP_PAUSE          ha_dur_s(1)
#define SILENT_WALK        ha_dur_s(5) /* CAUGHT_UP comes every second */
#define DIGEST_QUIET       ha_dur_s(2)
#define REPLICA_LIFETIME_S 3600
#define RENEWAL_ROUND      ha_dur_s(1200)
#define FLAP_WINDOW        ha_dur_s(15 * 60)
#define STRANGE_MEMORY     ha_dur_s(60) /* who is dialled is so more often */
#define DUMP_PAUSE         ha_dur_s(30)
#define DUMP_QUIET         ha_dur_ms(200)
#define KERNEL_RETRY       ha_dur_s(1)
#define KERNEL_RETRY_LATE  ha_dur_s(30)

/* ---- feed ---- */

enum node_kind { NODE_SESSION, NODE_TOMBSTONE, NODE_CURSOR };

/* A place in a stream's list. */
struct node {
	struct ha_list list;
	uint64_t change; /* NODE_CURSOR: unused */
	enum node_kind kind;
};

struct tombstone {
	struct node node;
	struct stream *stream; /* NULL: the place in the ring is free */
	struct ha_uid uid;
	struct ha_version version;
	uint32_t uid_next; /* index in the chain, + 1 */
	uint8_t kind;      /* HA_ENTRY_END or HA_ENTRY_LEFT */
	uint8_t reason;    /* END */
};

/* A walk that a peer makes over a stream of ours. */
struct walk {
	struct ha_list active; /* in core->walks */
	struct node cursor;    /* in stream->confirmed */
	struct stream *stream;
	uint64_t id; /* 0: none */
	uint64_t newest; /* the highest id that this start of the peer used */
	uint64_t at; /* sent up to here */
	uint64_t whole; /* what last went out whole up to here, the peer has */
	uint64_t generation;
	struct ha_time caught_at; /* when CAUGHT_UP last went out */
	uint8_t peer;
	uint8_t link;
	bool full;    /* the next batch starts over */
	bool live;    /* reached the tail once */
	bool from_start;
};

/* How a peer says it is with a stream. */
struct announced {
	uint64_t complete;
	uint64_t count;
	uint64_t digest;
	bool known;
	bool caught_up;
};

/* Our own walk over a stream: whom we follow, and how far we are. */
struct follow {
	uint64_t walk; /* 0: none running */
	uint64_t cursor;
	uint64_t cursor_boot; /* of the source that the cursor belongs to */
	uint64_t after;       /* where the running walk began */
	uint64_t generation;
	struct ha_time asked_at;
	struct ha_time progress_at;
	struct ha_time caught_at; /* NEVER: not since this walk began */
	struct ha_time better_since;
	uint8_t source; /* 0: none */
	uint8_t link;
	uint8_t better; /* another source that would be better */
	bool below;     /* began below complete and is not through yet */
	bool kept;      /* what it did not mention stood, the source had less */
	bool anew;      /* everything is wanted again */
	bool whole;     /* the running walk brings it */
	bool stalled;   /* asked again for want of progress, in vain so far */
};

struct stream {
	struct ha_stream_id id; /* owner 0: free */
	uint64_t boot_counter;  /* 0: unknown */
	struct ha_list confirmed;
	struct ha_list unconfirmed;
	uint64_t n_confirmed;
	uint64_t n_unconfirmed;
	uint64_t digest;   /* of the confirmed sessions */
	uint64_t tail;     /* confirmed up to here */
	uint64_t complete; /* never goes down */
	uint64_t floor;    /* change of the last tombstone dropped */
	struct tombstone *ring;
	uint32_t ring_size;
	uint32_t ring_next; /* place for the next; the oldest when full */
	struct follow follow;
	struct announced announced[HA_MEMBER_MAX];
	struct walk walks[HA_MEMBER_MAX];
	uint64_t away_digest;       /* of what its owner still counts */
	uint64_t n_away;
	uint32_t away_serial;       /* in session.away; another for each walk */
	struct ha_time blurred_until; /* digests are not compared before */
	struct ha_time moved_until;   /* nor those of relays */
	struct ha_time lost_at;     /* NEVER: the owner is not lost */
	uint8_t mismatches;
	uint8_t n_took;
	struct ha_took took[HA_BOOTS_MAX]; /* earlier boots that it replaces */
	bool overflow; /* a session found no place */
	bool taken;    /* a later boot has replaced it */
	bool settled;  /* lost, and what nobody vouches for was claimed */
	bool aged;     /* some of it aged out, here or at a source */
	bool own;
	uint64_t taken_complete;
};

/* ---- sessions ---- */

enum place {
	PLACE_FREE,
	PLACE_PRIVATE,     /* ours, not worth publishing yet */
	PLACE_ORPHAN,      /* a replica in the kernel that no feed knows yet */
	PLACE_CONFIRMED,   /* in stream->confirmed */
	PLACE_UNCONFIRMED, /* in stream->unconfirmed */
	PLACE_LIMBO,
	PLACE_DEAD, /* only its kernel entry is left to remove */
};

enum actual {
	ACTUAL_ABSENT,
	ACTUAL_PRESENT,
};

/* What the kernel is still to be asked. */
enum {
	WORK_REMOVE = 1 << 0,
	WORK_INSTALL = 1 << 1,
	WORK_PROBE = 1 << 2,
	WORK_LIBERAL = 1 << 3,
	WORK_STRICT = 1 << 4,
	WORK_LIFETIME = 1 << 5,
	WORK_STATUS = 1 << 6,
	WORK_MARK = 1 << 7,
	WORK_LABEL = 1 << 8,
	WORK_SEQUENCE = 1 << 9,
	WORK_FRESH = WORK_REMOVE | WORK_INSTALL,
	WORK_CHANGES = WORK_PROBE | WORK_LIBERAL | WORK_STRICT |
	    WORK_LIFETIME | WORK_STATUS | WORK_MARK | WORK_LABEL |
	    WORK_SEQUENCE,
};

enum hand {
	HAND_NONE,
	HAND_TOUCHED,  /* not ours, has traffic: asks again when due */
	HAND_PROBING,  /* waits for the owner bit */
	HAND_RECHECK,  /* ours, seen once after a touch: probes again when due */
	HAND_GRANTED,  /* ours, given away, not claimed yet */
	HAND_ENDING,   /* ours, gone from the kernel, granted: END when due */
	HAND_SETTLING, /* ours since a while: strict windows when due */
};

enum probe {
	PROBE_TOUCHED,  /* owner, asked by a toucher */
	PROBE_REARM,    /* not the owner: is there still traffic? */
	PROBE_ENDED,    /* the owner ended it as idle */
	PROBE_REPLACED, /* owner: another session has its tuple */
};

/* What our own kernel knows better than the record, until we own it. */
struct local_view {
	uint32_t status;
	uint32_t mark;
	uint8_t tcp_state;
	uint8_t tcp_flags[HA_DIR_MAX];
	uint8_t tcp_wscale[HA_DIR_MAX];
	bool known;
	bool tcp_known;
	struct ha_extra *extra; /* NULL: that of the record */
};

struct session {
	struct node node; /* in a list of stream, by change */
	struct stream *stream;
	struct ha_uid uid;
	struct ha_version version;
	struct ha_version granted; /* epoch 0: none */
	struct ha_record record;
	struct ha_extra *extra; /* NULL: nothing */
	struct local_view local;
	uint64_t full_change; /* when its tuples last went out whole */
	uint64_t hash;        /* its part of the digest */
	uint64_t away_hash;   /* its part where it is away */
	struct ha_list work_list;
	struct ha_time retry_at;
	struct ha_time hand_due;
	struct ha_time life_due; /* limbo or age */
	struct ha_time limbo_at;
	struct ha_time created;
	struct ha_time changed;
	uint32_t entry;    /* the kernel's id of its entry; 0: not known */
	uint32_t heap_pos; /* + 1; 0: not in the heap */
	uint32_t away; /* the away_serial of a list; 0: of none */
	uint32_t uid_next;
	uint32_t tuple_next[HA_DIR_MAX];
	uint32_t generation;
	uint32_t claims_s[CLAIMS_MAX]; /* seconds since start, 0: none */
	uint32_t touched_s;            /* when somebody last asked for it */
	uint32_t ended_epoch; /* its owner ended it, and it may live on here */
	ha_member_set owners;
	uint16_t work;
	uint8_t place;
	uint8_t actual;
	uint8_t in_flight; /* kernel operations without a result */
	uint8_t hand;
	uint8_t probe;
	uint8_t asker;
	uint8_t rearms;
	uint8_t rechecks;
	uint8_t tries;
	uint8_t dump_seen;
	bool bit;       /* the owner bit is set: packets were seen here */
	bool stale;   /* its entry is of the past and has to be replaced */
	bool missed;  /* a packet came while that was under way */
	bool waits;   /* in a retry list, not in the work list */
	bool liberal;
	bool bare;      /* its entry does without helper and master */
	bool zoneless;  /* this member has no such zone */
	bool conflict;  /* another session holds its tuple */
	bool aging;     /* life_due is the protocol's own timeout */
	bool asymmetric;
	bool offloaded;
};

/* ---- peers ---- */

struct link {
	uint64_t generation;
	struct ha_time since;
	struct ha_time next_keepalive;
	struct ha_time echoed; /* when the newest echoed one was sent */
	struct ha_time sent_at[ECHO_RING];
	struct ha_time heard_at;
	struct ha_dur round_trip;
	uint64_t counter; /* of the last keepalive sent */
	uint64_t heard;   /* of the last one received */
	uint64_t echo;    /* our highest counter that came back */
	uint64_t sent_total;
	uint64_t received_total;
	uint64_t lost_total;
	uint8_t credit;
	bool up;
};

struct peer {
	uint8_t index;
	bool present;
	bool synchronization;
	bool up;
	bool lost;
	bool heard_once; /* a keepalive since it came up */
	bool lost_told;  /* alarms that hold */
	bool one_link_told;
	bool ever_up;
	uint8_t state;
	ha_member_set sees;
	uint32_t sessions_owned;
	struct ha_boot boot;
	uint64_t boot_seen;
	struct ha_time since; /* of up or down */
	struct ha_time heard_at;
	struct ha_time strange_at; /* no protocol in common; NEVER: not so */
	struct link links[HA_LINK_MAX];
};

/* ---- the core ---- */

enum phase {
	PHASE_COLLECT, /* get every stream, publish nothing */
	PHASE_MATCH,   /* go through the table once */
	PHASE_RUN,
};

struct monitor {
	enum ha_verdict verdict;
	struct ha_time since;
	char name[HA_MONITOR_NAME];
};

enum suspension {
	SUSPENSION_NONE,
	SUSPENSION_OPERATOR,
	SUSPENSION_FLAPS,
};

struct body {
	const struct stream *stream; /* NULL: free */
	uint64_t from;
	uint64_t to;
	uint64_t whole; /* of the walks that it is for */
	struct ha_list *last; /* the node behind which a cursor then stands */
	uint64_t id;
	bool tail;
	uint16_t n;
	struct ha_entry entries[HA_BATCH_MAX];
};

struct ha_core {
	uint32_t magic;
	struct ha_settings settings;
	struct ha_time now;
	struct ha_time started;
	struct ha_rng rng;
	uint64_t hash_seed;
	struct ha_counters counters;
#ifdef HA_PLANTED
	enum ha_plant plant;
#endif

	/* out */
	struct ha_output *out;
	size_t n_out;
	struct ha_message *messages;
	size_t n_messages;
	struct ha_kernel_op *ops;
	struct body *bodies;
	uint64_t next_body;
	bool more; /* a slice was not enough: step again at once */

	/* table */
	struct session *table;
	uint32_t table_size;
	uint32_t high_water;
	uint32_t n_used;
	uint32_t n_private;
	uint32_t n_limbo;
	uint32_t n_orphans;
	uint32_t n_dead; /* only a kernel entry to remove is left */
	uint32_t n_installed;
	uint32_t n_zoneless;
	bool zoneless_told; /* there is an alarm */
	struct ha_list free;
	uint32_t *by_uid;
	uint32_t *by_tuple;
	uint32_t index_mask;
	struct session **heap;
	uint32_t n_heap;
	union extra_place *extras;
	union extra_place *free_extras;
	uint32_t n_extras; /* places that were ever taken */
	uint64_t next_number;
	bool refused_local; /* a local session found no place */

	/* streams */
	struct stream *streams; /* HA_STREAM_MAX */
	struct stream *own;
	struct tombstone *tombstones;
	uint32_t n_tombstones;
	uint32_t *tombstone_by_uid;
	uint32_t tombstone_mask;
	struct ha_list walks;
	uint64_t next_walk;
	uint32_t next_away;

	/* kernel */
	struct ha_list work;
	struct ha_list retry[2]; /* soon and late; by retry_at, ascending */
	uint32_t n_work;
	uint32_t in_flight;
	struct ha_time dump_at; /* NEVER: none wanted */
	struct ha_time dump_began;
	struct ha_time dump_ended;
	uint32_t dump_pos; /* of the look for what a dump did not show */
	bool dump_check;
	bool dumping;
	bool dumped; /* once at least */
	uint8_t dump_number;
	uint32_t renew_pos;
	struct ha_time renew_at;

	/* sweep: every session is looked at once after somebody was lost */
	uint32_t sweep_pos;
	uint32_t sweep_left; /* places still to look at; it goes round */

	/* peers and self */
	struct peer peers[HA_MEMBER_MAX];
	struct ha_dur interval[HA_LINK_MAX]; /* of keepalives */
	struct ha_dur patience[HA_LINK_MAX]; /* with silence */
	struct ha_time thresholds_at; /* those of the settings count alone */
	struct ha_time housekeeping_at;
	struct ha_time judge_at; /* nobody is declared lost before */
	enum phase phase;
	uint32_t match_pos;
	ha_member_set waiting_for; /* to be synchronised with */

	/* state */
	enum ha_state state;
	struct ha_time state_since;
	enum ha_cause cause;
	char reason[HA_REASON_TEXT];
	enum suspension suspension;
	struct monitor monitors[HA_MONITOR_MAX];
	struct ha_time well_since;   /* NEVER: something is not */
	struct ha_time caught_up_at; /* in this tentative; NEVER: not yet */
	struct ha_time flaps[HA_FLAP_MAX + 1]; /* oldest first */
	uint8_t n_flaps;
	bool gate_open;
	bool forwards_failed; /* the alarm of that name holds */
};

/* out.c */
void out_begin(struct ha_core *c);
bool out_has_room(const struct ha_core *c);
struct ha_output *out_add(struct ha_core *c, enum ha_output_kind kind);
struct ha_message *out_send(struct ha_core *c, struct peer *p, int link,
    enum ha_message_kind kind);
void out_trace(struct ha_core *c, enum ha_trace what, uint32_t a, uint32_t b,
    uint64_t detail);
void out_alarm(struct ha_core *c, const char *name, uint8_t member, bool on);

/* table.c */
int table_init(struct ha_core *c);
void table_free(struct ha_core *c);
struct session *table_take(struct ha_core *c, const struct ha_uid *uid,
    const struct ha_record *r);
void table_rename(struct ha_core *c, struct session *s,
    const struct ha_uid *uid);
void table_release(struct ha_core *c, struct session *s);
void table_forget_uid(struct ha_core *c, struct session *s);
struct session *table_find(const struct ha_core *c, const struct ha_uid *uid);
struct session *table_at(const struct ha_core *c, uint32_t slot);
uint32_t table_slot(const struct ha_core *c, const struct session *s);
/* Sessions with t as either of their tuples, one by one; NULL at first. */
struct session *table_next_with(const struct ha_core *c,
    const struct ha_tuple *t, struct session *after);
/* Has this member the zone of s? */
bool table_check_zone(struct ha_core *c, struct session *s);
void table_set_hand(struct ha_core *c, struct session *s, enum hand hand,
    struct ha_time due);
void table_set_life(struct ha_core *c, struct session *s, struct ha_time due);
struct session *table_due(const struct ha_core *c);
struct ha_time table_deadline(const struct ha_core *c);
uint32_t seconds_now(const struct ha_core *c);

/* extra.c */
int extra_init(struct ha_core *c);
void extra_free(struct ha_core *c);
void extra_put(struct ha_core *c, struct ha_extra **at,
    const struct ha_extra *x);
void extra_take_record(struct ha_core *c, struct session *s,
    const struct ha_extra *x);
/* Sessions that may have announced s, one by one; NULL at first. */
struct session *extra_next_master(const struct ha_core *c,
    const struct session *s, struct session *after);
bool extra_told_own(struct ha_core *c, struct session *s,
    const struct ha_in_session *in);
void extra_told_other(struct ha_core *c, struct session *s,
    const struct ha_in_session *in);

/* stream.c */
int streams_init(struct ha_core *c);
void stream_begin_own(struct ha_core *c, const struct ha_stream_id *id);
void streams_free(struct ha_core *c);
struct stream *stream_find(struct ha_core *c, const struct ha_stream_id *id);
struct stream *stream_open(struct ha_core *c, const struct ha_stream_id *id,
    uint64_t boot_counter);
void stream_close(struct ha_core *c, struct stream *st);
bool stream_in_use(const struct stream *st);
void stream_confirm(struct stream *st, struct session *s, uint64_t change);
void stream_unconfirm_above(struct stream *st, uint64_t after);
void stream_reconfirm_upto(struct stream *st, uint64_t upto);
void stream_detach(struct ha_core *c, struct session *s);
void stream_raise_floor(struct ha_core *c, struct stream *st, uint64_t floor);
void stream_bury(struct ha_core *c, struct stream *st,
    const struct ha_entry *e);
bool stream_has_ended(const struct ha_core *c, const struct ha_uid *uid,
    const struct ha_version *v);
bool stream_is_current(const struct ha_core *c, const struct stream *st);
bool stream_took(const struct stream *st, uint64_t boot);
bool stream_is_past(const struct ha_core *c, const struct stream *st);
bool stream_is_left(const struct ha_core *c, const struct stream *st);
bool stream_owner_lost(const struct ha_core *c, const struct stream *st);
uint64_t stream_vouched(const struct ha_core *c, const struct stream *st);
uint64_t stream_best_complete(const struct ha_core *c,
    const struct stream *st);

/* digest.c */
uint64_t digest_of(const struct session *s);
void digest_blur(const struct ha_core *c, struct stream *st);
void digest_claimed(struct ha_core *c, struct session *s);
void digest_counted(struct ha_core *c, struct stream *st, struct session *s,
    const struct ha_entry *e);
void digest_left(struct stream *st, struct session *s);
void digest_forget(struct ha_core *c, struct session *s);
void digest_restart(struct ha_core *c, struct stream *st);
void digest_compare(struct ha_core *c, struct stream *st,
    const struct ha_msg_batch *b);

/* feed_send.c */
void feed_send_request(struct ha_core *c, const struct ha_in_message *in);
void feed_send_tick(struct ha_core *c);
void feed_send_new_boot(struct ha_core *c, uint8_t peer);
void feed_send_stop(struct ha_core *c, struct walk *w);
void feed_send_void(struct ha_core *c, struct stream *st);
void feed_send_link_down(struct ha_core *c, uint8_t peer, uint8_t link);
struct ha_time feed_send_deadline(const struct ha_core *c);

/* feed_apply.c */
void feed_apply_batch(struct ha_core *c, const struct ha_in_message *in);
void feed_apply_void(struct ha_core *c, const struct ha_in_message *in);
void feed_apply_tick(struct ha_core *c);
void feed_apply_link_down(struct ha_core *c, uint8_t peer, uint8_t link);
void feed_apply_restart(struct ha_core *c, struct stream *st);
void feed_limbo(struct ha_core *c, struct session *s);
void feed_limbo_due(struct ha_core *c, struct session *s);
bool feed_caught_up(const struct stream *st);

/* kernel.c */
void kernel_want(struct ha_core *c, struct session *s, unsigned int work);
void kernel_unwant(struct ha_core *c, struct session *s);
void kernel_present(struct ha_core *c, struct session *s);
void kernel_absent(struct ha_core *c, struct session *s);
void kernel_hold(struct ha_core *c, struct session *s);
bool kernel_ranks_above(const struct session *a, const struct session *b);
const struct session *kernel_rival(const struct ha_core *c,
    const struct session *s);
void kernel_doubt(struct ha_core *c, struct session *s);
void kernel_retry_now(struct ha_core *c, struct session *s);
void kernel_bury(struct ha_core *c, struct session *s);
void kernel_fresh(struct ha_core *c, struct session *s);
void kernel_check_zone(struct ha_core *c, struct session *s);
void kernel_half(struct ha_core *c, struct session *s);
void kernel_end(struct ha_core *c, struct session *s);
bool kernel_replaces(const struct session *s);
bool kernel_keep(struct ha_core *c, struct session *s);
void kernel_done(struct ha_core *c, const struct ha_in_done *in);
void kernel_tick(struct ha_core *c);
void kernel_renew_tick(struct ha_core *c);
struct ha_time kernel_deadline(const struct ha_core *c);

/* owner.c */
bool owner_is_self(const struct ha_core *c, const struct session *s);
bool owner_is_free(const struct ha_core *c, const struct session *s);
bool owner_worth_publishing(const struct session *s);
void owner_publish(struct ha_core *c, struct session *s);
void owner_end(struct ha_core *c, struct session *s,
    enum ha_end_reason reason);
void owner_end_old(struct ha_core *c, struct session *s);
bool owner_claim(struct ha_core *c, struct session *s);
void owner_keep(struct ha_core *c, struct session *s,
    const struct ha_version *above);
void owner_yield(struct ha_core *c, struct session *s,
    const struct ha_version *to);
void owner_release(struct ha_core *c, struct session *s);
void owner_sweep_tick(struct ha_core *c);
void owner_sweep_again(struct ha_core *c);
void owner_settle(struct ha_core *c, struct session *s);
void owner_take_local_view(struct ha_core *c, struct session *s);
void owner_forget_local_view(struct ha_core *c, struct session *s);
void owner_expired(struct ha_core *c, struct session *s);

/* handoff.c */
void handoff_touched(struct ha_core *c, struct session *s);
void handoff_bit(struct ha_core *c, struct session *s);
void handoff_probe(struct ha_core *c, struct session *s, enum probe why);
void handoff_probed(struct ha_core *c, struct session *s, int result);
void handoff_touch_received(struct ha_core *c,
    const struct ha_in_message *in);
void handoff_grant_received(struct ha_core *c,
    const struct ha_in_message *in);
void handoff_record_came(struct ha_core *c, struct session *s);
void handoff_due(struct ha_core *c, struct session *s);
bool handoff_was_asked(const struct ha_core *c, const struct session *s);
void handoff_grant(struct ha_core *c, struct session *s, uint8_t to);

/* ending.c */
int ending_asked(struct ha_core *c, const struct ha_uid *uid);
void ending_received(struct ha_core *c, const struct ha_in_message *in);

/* intake.c */
void intake_session(struct ha_core *c, const struct ha_in_session *in);
void intake_dump(struct ha_core *c, const struct ha_in_dump *in);
void intake_tick(struct ha_core *c);

/* link.c */
void link_up(struct ha_core *c, const struct ha_in_link *in);
void link_down(struct ha_core *c, const struct ha_in_link *in);
void link_room(struct ha_core *c, const struct ha_in_link *in);
void link_keepalive(struct ha_core *c, const struct ha_in_message *in);
void link_tick(struct ha_core *c);
void link_stall(struct ha_core *c);
void link_close_all(struct ha_core *c, struct peer *p,
    enum ha_close_reason reason);
/* Say now how this member is. */
void link_hurry(struct ha_core *c);
struct ha_time link_deadline(const struct ha_core *c);
struct link *link_of_message(struct ha_core *c,
    const struct ha_in_message *in);
/* The link that a peer's walks and requests should use; -1: none is up. */
int link_wanted(const struct ha_core *c, const struct peer *p);

/* peer.c */
struct stream *peer_new_stream(struct ha_core *c, struct peer *p,
    const struct ha_stream_status *s);
struct peer *peer_at(struct ha_core *c, uint8_t index);
const struct peer *peer_look(const struct ha_core *c, uint8_t index);
void peer_changed(struct ha_core *c, struct peer *p);
void peer_boot(struct ha_core *c, struct peer *p, const struct ha_boot *boot);
void peer_set_lost(struct ha_core *c, struct peer *p, bool lost);
void peer_tick(struct ha_core *c);
ha_member_set peers_up(const struct ha_core *c);

/* membership.c */
void membership_init(struct ha_core *c);
void membership_tick(struct ha_core *c);
void membership_change(struct ha_core *c, const struct ha_in_settings *in);
bool membership_accepts(const struct ha_core *c, uint8_t owner);

/* lifecycle.c */
void lifecycle_tick(struct ha_core *c);
/* Renew waiting_for. */
void lifecycle_look(struct ha_core *c);
/* Does this member publish yet? */
bool lifecycle_running(const struct ha_core *c);
/* s is of an earlier boot of ours: publish it again or end it. */
void lifecycle_match(struct ha_core *c, struct session *s);

/* state.c */
void state_init(struct ha_core *c);
void state_monitor(struct ha_core *c, const struct ha_in_monitor *in);
void state_suspend(struct ha_core *c);
void state_call_back(struct ha_core *c);
void state_tick(struct ha_core *c);
struct ha_time state_deadline(const struct ha_core *c);
/* When the hold that runs is over; NEVER: none runs. */
struct ha_time state_hold_until(const struct ha_core *c);
uint8_t state_flaps(const struct ha_core *c);

#endif /* HA_CORE_CORE_PRIV_H */
