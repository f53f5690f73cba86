/*
 * driver_priv: what the files of the driver share.
 */
#ifndef HA_SHELL_DRIVER_PRIV_H
#define HA_SHELL_DRIVER_PRIV_H

#include "base/bytes.h"
#include "dataplane/dataplane.h"
#include "proto/codec.h"
#include "shell/clock.h"
#include "shell/driver.h"
#include "shell/links.h"
#include "shell/log.h"
#include "shell/loop.h"
#include "shell/rest.h"
#include "storage/memberdb.h"
#include "storage/store.h"

struct event;

/* What outputs lead to at once, kept until the step that put them out is
 * over: outputs are borrowed until the next step. */
#define HA_DRIVER_DONE_MAX (2 * HA_KERNEL_OPS_MAX)
#define HA_DRIVER_DOWN_MAX (HA_MEMBER_MAX * HA_LINK_MAX)

struct ha_driver_after {
	size_t n_done;
	struct ha_in_done done[HA_DRIVER_DONE_MAX];
	size_t n_down;
	struct ha_links_name down[HA_DRIVER_DOWN_MAX];
};

struct ha_driver_fd {
	struct ha_driver *driver;
	enum ha_dataplane_fd which;
	struct event *readable;
	bool more; /* it has more to do, whatever there is to read */
};

struct ha_driver {
	struct ha_driver_parts parts;
	struct ha_settings settings;
	struct ha_core *core;
	struct ha_dataplane *dataplane;
	struct ha_links *links;
	struct ha_time started;
	uint64_t seed;
	bool stepping;

	/* turns of the loop */
	struct event *turn;  /* active: the turn's end is to come */
	struct event *timer; /* the core's deadline */
	struct ha_time turn_began;
	bool in_turn;
	bool busy; /* sessions or batches came in this turn */
	bool stalled;
	struct ha_stall stall;
	struct ha_rest rest;
	uint64_t behind; /* a peer has seen this boot counter of ours */
	struct ha_driver_fd fds[HA_DATAPLANE_FD_MAX];
	unsigned int kernel_ops; /* begun and not done */

	/* messages */
	struct ha_codec *codec;
	struct ha_codec_body *body;
	uint8_t *frame; /* HA_CODEC_FRAME_MAX */

	struct ha_driver_after after;

	/* for people */
	struct ha_peer_info peers[HA_MEMBER_MAX];
	size_t n_alarms;
	struct ha_alarm alarms[HA_ALARM_MAX];
	bool gate_open;
	struct ha_time flush_alarm_until;

	/* in the database, or to be there */
	struct ha_last_state last_state;
	struct ha_time store_retry; /* not before, while it is not well */
};

/* One input, and all its outputs; never from inside a step. */
void ha_driver_feed(struct ha_driver *d, struct ha_input *in);

/* Do what the core put out. */
void ha_driver_perform(struct ha_driver *d);

/* The state, and the highest boot counter heard of a member, as they are to
 * outlive this run. */
void ha_driver_recall_state(struct ha_driver *d);
void ha_driver_keep_state(struct ha_driver *d, const char *state,
    const char *reason);
void ha_driver_keep_boot(struct ha_driver *d, uint8_t member,
    uint64_t counter);

/* Once a turn: is the database well? */
void ha_driver_tend_store(struct ha_driver *d);

/* Those about other members end; a core that begins raises them again. */
void ha_driver_end_peer_alarms(struct ha_driver *d);

/* Those about one that is a member no more. */
void ha_driver_end_alarms_about(struct ha_driver *d, uint8_t member);

bool ha_driver_alarm_holds(struct ha_driver *d, const char *name,
    uint8_t member);

#endif /* HA_SHELL_DRIVER_PRIV_H */
