/*
 * core_rig: three cores, their messages and their kernels, moved by hand.
 *
 * Time stands still but for rig_run_ms().  A kernel is a set of entries by
 * original source port, so tests tell sessions apart by that port.
 *
 * Ownership  one rig at a time, static; rig_end() frees the cores.
 */
#ifndef HA_TESTS_UNIT_CORE_RIG_H
#define HA_TESTS_UNIT_CORE_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/core.h"
#include "core/views.h"

#define RIG_MEMBERS 3
#define RIG_PORTS   4096
#define RIG_MOVES   64

enum rig_entry {
	RIG_NONE,
	RIG_REPLICA, /* the replica bit alone */
	RIG_CARRIED, /* the owner bit */
	RIG_PLAIN,   /* neither: somebody else's */
};

struct rig_move {
	enum ha_state from;
	enum ha_state to;
	enum ha_cause cause;
};

struct rig_member {
	struct ha_core *core; /* NULL: dead */
	struct ha_settings settings;
	enum rig_entry kernel[RIG_PORTS]; /* by source port */
	uint32_t lifetime_s[RIG_PORTS];   /* as asked last */
	struct ha_extra extra[RIG_PORTS]; /* the same */
	uint16_t changes[RIG_PORTS];      /* all that were asked */
	unsigned int order[RIG_PORTS];    /* of its last installation */
	unsigned int installs;
	bool hold_done;         /* results of operations wait */
	unsigned int ended;     /* sessions told to the traffic log */
	struct ha_out_ended last_ended;
	unsigned int removals;  /* asked of the kernel */
	unsigned int peer_downs; /* peers that went down or were lost */
	bool gate_open; /* a start finds it as the last one left it */
	bool alarm;     /* it forwards though it has failed */
	uint8_t member_lost; /* alarms about members; 0: none */
	uint8_t link_down;
	unsigned int n_moves; /* of this start */
	struct rig_move moves[RIG_MOVES];
};

struct rig {
	struct ha_time now;
	struct rig_member m[RIG_MEMBERS + 1]; /* by index, from 1 */
	bool cut[RIG_MEMBERS + 1][RIG_MEMBERS + 1];
	bool (*drop)(uint8_t from, uint8_t to, const struct ha_message *m);
	/* What every kernel answers instead of obeying; HA_OK: it obeys. */
	int (*answer)(const struct ha_kernel_op *op);
};

extern struct rig rig;

/* Every member dead, its settings the usual ones. */
void rig_begin(void);
void rig_end(void);

/* The next start of a member: a new boot, the kernel as it is. */
void rig_start(uint8_t m, enum ha_start start);
void rig_kill(uint8_t m);

/* HA4 between two members; only if both live. */
void rig_connect(uint8_t a, uint8_t b);
void rig_disconnect(uint8_t a, uint8_t b);

void rig_feed(uint8_t m, const struct ha_input *in);
/* The same, when it may be refused: what the core says. */
int rig_admin(uint8_t m, const struct ha_in_admin *admin);
void rig_run_ms(int ms);
/* The results that were held back. */
void rig_release_done(uint8_t m);

/* An established TCP session as the kernel tells it, owner bit set. */
struct ha_input rig_event(enum ha_session_event event, uint16_t port);
/* The same, into the kernel and the core of m. */
void rig_flow(uint8_t m, uint16_t port);

enum ha_state rig_state(uint8_t m);
unsigned int rig_sessions(uint8_t m);
/* false: m has none with this port. */
bool rig_find(uint8_t m, uint16_t port, struct ha_view_session *out);

#endif /* HA_TESTS_UNIT_CORE_RIG_H */
