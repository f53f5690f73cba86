/*
 * world: members, their kernels, the network between them, the traffic
 * through them, and the oracle that looks on.
 *
 * The world turns what cores put out into what happens, and what happens into
 * what cores get, all in virtual time: a kernel takes its time for an
 * operation and to tell of an event, a turn of the loop gathers what came,
 * messages go through the real codec.  What goes wrong is done to it by a
 * scenario, through the functions below.
 *
 * Ownership  the world owns everything in it.  Its fields are for reading,
 *            by its own files and the scenario.
 */
#ifndef HA_SIM_WORLD_H
#define HA_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/mono.h"
#include "base/rng.h"
#include "core/core.h"
#include "core/plant.h"
#include "proto/codec.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/fake_conntrack.h"
#include "tests/sim/flows.h"
#include "tests/sim/network.h"
#include "tests/sim/oracle.h"

struct world_settings {
	uint64_t seed;
	uint8_t n_members;
	enum ha_plant plant; /* in every core */
	bool trace;          /* to stderr */
	struct network_settings network;
	struct flow_settings flows;
	struct ha_timeouts timeouts;
	struct ha_dur threshold[HA_LINK_MAX];
	struct ha_dur synchronization_timeout;
	struct ha_dur monitor_fail_hold_down;
	struct ha_dur tentative_hold;
	uint8_t flap_max;
	uint32_t table_size;
	uint32_t kernel_max;
	struct ha_dur turn_max;         /* a turn of a loop */
	struct ha_dur event_delay_max;  /* of the kernel's events */
	struct ha_dur op_delay_max;     /* of operations on the kernel */
	bool dump_is_skewed; /* a dump is not in order with the events */
	bool tells_closed;   /* a link that the core closed is told down */
	uint32_t sweep_one_in; /* steps */
};

#define WORLD_MONITORS 3 /* of each member */

/* Something for a core, kept while its member is paused. */
struct world_input {
	struct ha_list list;
	struct ha_input input;
	uint64_t entry; /* SESSION: serial in the kernel */
	size_t len;     /* MESSAGE: the frame */
	uint8_t frame[];
};

struct world_member {
	struct world *world;
	uint8_t index;
	bool powered; /* the host, and its kernel, is up */
	bool running; /* the daemon */
	bool paused;
	bool gate_open;
	bool kernel_known; /* our table stands in this kernel */
	bool ran_before;
	struct ha_core *core;
	uint64_t incarnation; /* of the core */
	struct ha_boot boot;
	uint64_t stored_counter; /* what a disk would have */
	uint64_t boot_seen[HA_MEMBER_MAX + 1];
	struct fake_conntrack *kernel;
	struct ha_list backlog; /* of struct world_input */
	struct ha_time tick_at;
	bool counter_again; /* this start has the counter of an earlier one */
	uint64_t highest_counter; /* of any start, whatever the disk says */
	struct ha_time last_event;
	struct ha_time last_done; /* results come in the order of the work */
	struct ha_time last_op;
	struct ha_time last_dump;
	struct ha_time disturbed; /* last fault of any kind that hit it */
	struct ha_time unpaused;
	bool dumping;
	bool deaf;            /* its kernel loses events */
	bool blind;           /* it did, and no dump has told since */
	bool dump_is_whole;   /* the one that runs tells */
	uint32_t refusals;    /* percent of operations that are refused */
	bool wants_sweep;
	uint64_t steps_now;
	struct ha_time steps_at;
	enum ha_state state;
	struct ha_time state_since;
	bool suspended; /* as its disk has it */
	bool failed[WORLD_MONITORS]; /* what its monitors watch */
	ha_member_set file;   /* members that its cluster file has */
	ha_member_set shares; /* of those, who synchronises */
	struct ha_settings settings; /* of the core, as told last */
};

struct world {
	struct world_settings settings;
	struct ha_time now;
	struct event_queue *queue;
	struct network *network;
	struct flows *flows;
	struct oracle *oracle;
	struct ha_codec *codec;
	struct ha_codec_body body;
	struct ha_rng rng;
	uint64_t trace_hash;
	uint64_t steps;
	uint64_t messages;
	uint64_t next_boot;
	struct world_member members[HA_MEMBER_MAX + 1]; /* [1 ..] */
};

struct world *world_new(const struct world_settings *settings);
void world_free(struct world *w);

/* Let everything happen until then; false: an invariant is broken. */
bool world_run(struct world *w, struct ha_time until);

/* ---- members ---- */

/* Start the daemon, and its host if need be. */
void world_start(struct world *w, uint8_t m);
/* kill -9 of the daemon: its kernel goes on. */
void world_kill(struct world *w, uint8_t m);
/* The host loses power. */
void world_power_off(struct world *w, uint8_t m);
/* The database is put back to what it was long ago. */
void world_forget_boots(struct world *w, uint8_t m);
void world_pause(struct world *w, uint8_t m);
void world_resume(struct world *w, uint8_t m);
void world_admin_sync(struct world *w, uint8_t m);
/* An operator takes it out, or calls it back. */
void world_suspend(struct world *w, uint8_t m);
void world_call_back(struct world *w, uint8_t m);
/* Something that it watches fails, or is well again. */
void world_fail(struct world *w, uint8_t m, uint8_t monitor, bool failed);
/* One of the sessions that m shows. */
void world_admin_end(struct world *w, uint8_t m);

/* The cluster file of a member: who is in it, and who shares sessions. */
void world_set_file(struct world *w, uint8_t m, ha_member_set file,
    ha_member_set shares);
/* The same, where others have come in the place of members. */
void world_replace(struct world *w, uint8_t m, ha_member_set replaced);
/* Another machine, that never ran, in the place of one without power. */
void world_new_hardware(struct world *w, uint8_t m);
/* Both have the other in their files. */
bool world_belong(const struct world *w, uint8_t a, uint8_t b);

/* ---- kernels ---- */

void world_uplink_down(struct world *w, uint8_t m);
void world_delete_some(struct world *w, uint8_t m);
void world_set_deaf(struct world *w, uint8_t m, bool deaf);
void world_set_refusals(struct world *w, uint8_t m, uint32_t percent);

/* Its daemon forwards for others: up, past its start, gate open. */
bool world_forwards(const struct world *w, uint8_t m);

/* ---- checks ---- */

void world_sweep(struct world *w, uint8_t m);
void world_sweep_all(struct world *w);

/* All that members show, as notes. */
void world_note_all(struct world *w);

/* What must hold when all has settled; final: now or never. */
bool world_check_settled(struct world *w, bool final);

/* ---- for the world's own files ---- */

/* Give it to the core now, or later if its member is paused.  Takes in. */
void world_give(struct world *w, uint8_t m, struct world_input *in);
struct world_input *world_new_input(enum ha_input_kind kind, size_t frame_len);
void world_kernel_init(struct world *w, uint8_t m);
void world_kernel_ops(struct world *w, uint8_t m,
    const struct ha_out_kernel *out);
void world_kernel_dump(struct world *w, uint8_t m);
enum flow_verdict world_packet(void *ctx, uint8_t m,
    const struct fake_packet *p);
void world_dropped(void *ctx, uint8_t m, const struct ha_tuple *orig,
    const struct ha_tuple *reply, enum flow_verdict verdict);
void world_check_links(struct world *w);
/* Behind each turn of a member, and with each of its moves. */
void world_check_state(struct world *w, const struct world_member *m);
void world_check_move(struct world *w, const struct world_member *m,
    const struct ha_out_state *o);
struct ha_dur world_sound_for(const struct world *w, uint8_t a, uint8_t b,
    uint8_t link);
struct ha_dur world_between(struct world *w, struct ha_dur min,
    struct ha_dur max);
void world_hash(struct world *w, uint64_t x);
void world_note(struct world *w, uint8_t m, const char *format, ...)
    HA_PRINTF(3, 4);

#endif /* HA_SIM_WORLD_H */
