/*
 * The states of a member, and the moves between them.
 *
 *     initial         gets what the others have
 *     active          forwards
 *     tentative       is well again, and gives routing time to come back
 *     non-functional  something that it watches has failed
 *     suspended       taken out by an operator, or since it failed too often
 *
 * MOVES is all there is: each turn the first row of the present state whose
 * condition holds is done.  What happens in between sets facts only, so every
 * move has its place in the table, and its cause.
 *
 * What is told to the others in keepalives is the state; what decides where
 * packets go is the gate.  A monitor may well fail at every member at once,
 * since what it watches is dead: so the gate of a failed member is closed
 * only while another one that it reaches is active, and opens again when
 * there is none.  Nothing but a person closes the last gate.
 *
 * Sessions are another matter (lifecycle.c): a member owns and publishes what
 * its kernel carries in every state.
 */
#include <string.h>

#include "core/core_priv.h"

/* ---- what is so ---- */

static bool
another_is_active(const struct ha_core *c)
{
	for (uint8_t i = 1; i <= HA_MEMBER_MAX; i++) {
		const struct peer *p = peer_look(c, i);

		if (p->up && p->state == HA_STATE_ACTIVE)
			return true;
	}
	return false;
}

/* The first with this verdict; NULL: none. */
static const struct monitor *
find_monitor(const struct ha_core *c, enum ha_verdict verdict)
{
	for (int i = 0; i < HA_MONITOR_MAX; i++)
		if (c->monitors[i].verdict == verdict)
			return &c->monitors[i];
	return NULL;
}

/* Somebody is there, and nobody who can be talked to. */
static bool
is_stranger(const struct ha_core *c)
{
	if (peers_up(c) != 0)
		return false;
	for (uint8_t i = 1; i <= HA_MEMBER_MAX; i++) {
		const struct peer *p = peer_look(c, i);

		if (p->present && !ha_time_is_never(p->strange_at) &&
		    !ha_time_reached(c->now,
		        ha_time_add(p->strange_at, STRANGE_MEMORY)))
			return true;
	}
	return false;
}

static bool
is_well(const struct ha_core *c)
{
	return find_monitor(c, HA_VERDICT_FAILED) == NULL &&
	    find_monitor(c, HA_VERDICT_UNKNOWN) == NULL &&
	    !(c->cause == HA_CAUSE_PROTOCOL && is_stranger(c));
}

uint8_t
state_flaps(const struct ha_core *c)
{
	uint8_t n = 0;

	for (int i = 0; i < c->n_flaps; i++)
		if (!ha_time_reached(c->now,
		    ha_time_add(c->flaps[i], FLAP_WINDOW)))
			n++;
	return n;
}

struct ha_time
state_hold_until(const struct ha_core *c)
{
	if (c->state == HA_STATE_NON_FUNCTIONAL)
		return ha_time_add(c->well_since,
		    c->settings.monitor_fail_hold_down);
	if (c->state == HA_STATE_TENTATIVE)
		return ha_time_add(c->caught_up_at,
		    c->settings.tentative_hold);
	return HA_TIME_NEVER;
}

/* ---- when to move ---- */

static bool
suspended_by_operator(const struct ha_core *c)
{
	return c->suspension == SUSPENSION_OPERATOR;
}

static bool
operator_takes_over(const struct ha_core *c)
{
	return suspended_by_operator(c) && c->cause == HA_CAUSE_FLAPS;
}

static bool
called_back(const struct ha_core *c)
{
	return c->suspension == SUSPENSION_NONE;
}

static bool
monitor_failed(const struct ha_core *c)
{
	return find_monitor(c, HA_VERDICT_FAILED) != NULL;
}

static bool
failed_too_often(const struct ha_core *c)
{
	return monitor_failed(c) && c->settings.flap_max > 0 &&
	    state_flaps(c) >= c->settings.flap_max && another_is_active(c);
}

static bool
joins_as_stranger(const struct ha_core *c)
{
	return c->phase == PHASE_RUN && is_stranger(c);
}

static bool
synchronised(const struct ha_core *c)
{
	return c->phase == PHASE_RUN &&
	    find_monitor(c, HA_VERDICT_UNKNOWN) == NULL;
}

static bool
hold_is_over(const struct ha_core *c)
{
	return ha_time_reached(c->now, state_hold_until(c));
}

static const struct move {
	enum ha_state from;
	enum ha_state to;
	enum ha_cause cause;
	bool (*when)(const struct ha_core *c);
} MOVES[] = {
	{ HA_STATE_INITIAL, HA_STATE_SUSPENDED, HA_CAUSE_OPERATOR,
	    suspended_by_operator },
	{ HA_STATE_INITIAL, HA_STATE_NON_FUNCTIONAL, HA_CAUSE_MONITOR,
	    monitor_failed },
	{ HA_STATE_INITIAL, HA_STATE_NON_FUNCTIONAL, HA_CAUSE_PROTOCOL,
	    joins_as_stranger },
	{ HA_STATE_INITIAL, HA_STATE_ACTIVE, HA_CAUSE_SYNCHRONISED,
	    synchronised },

	{ HA_STATE_ACTIVE, HA_STATE_SUSPENDED, HA_CAUSE_OPERATOR,
	    suspended_by_operator },
	{ HA_STATE_ACTIVE, HA_STATE_SUSPENDED, HA_CAUSE_FLAPS,
	    failed_too_often },
	{ HA_STATE_ACTIVE, HA_STATE_NON_FUNCTIONAL, HA_CAUSE_MONITOR,
	    monitor_failed },

	{ HA_STATE_TENTATIVE, HA_STATE_SUSPENDED, HA_CAUSE_OPERATOR,
	    suspended_by_operator },
	{ HA_STATE_TENTATIVE, HA_STATE_SUSPENDED, HA_CAUSE_FLAPS,
	    failed_too_often },
	{ HA_STATE_TENTATIVE, HA_STATE_NON_FUNCTIONAL, HA_CAUSE_MONITOR,
	    monitor_failed },
	{ HA_STATE_TENTATIVE, HA_STATE_ACTIVE, HA_CAUSE_HELD, hold_is_over },

	{ HA_STATE_NON_FUNCTIONAL, HA_STATE_SUSPENDED, HA_CAUSE_OPERATOR,
	    suspended_by_operator },
	{ HA_STATE_NON_FUNCTIONAL, HA_STATE_TENTATIVE, HA_CAUSE_WELL,
	    hold_is_over },

	{ HA_STATE_SUSPENDED, HA_STATE_TENTATIVE, HA_CAUSE_FUNCTIONAL,
	    called_back },
	{ HA_STATE_SUSPENDED, HA_STATE_SUSPENDED, HA_CAUSE_OPERATOR,
	    operator_takes_over },
};

#define N_MOVES (sizeof(MOVES) / sizeof(MOVES[0]))

static const struct move *
find_move(const struct ha_core *c)
{
	for (size_t i = 0; i < N_MOVES; i++)
		if (MOVES[i].from == c->state && MOVES[i].when(c))
			return &MOVES[i];
	return NULL;
}

/* ---- moving ---- */

static void
add_text(char *to, size_t size, const char *text)
{
	size_t used = strlen(to), len = strlen(text);

	if (len > size - 1 - used)
		len = size - 1 - used;
	memcpy(to + used, text, len);
	to[used + len] = '\0';
}

static const char *
sentence(enum ha_cause cause)
{
	switch (cause) {
	case HA_CAUSE_START:
		return "start";
	case HA_CAUSE_SYNCHRONISED:
		return "synchronised with every reachable member";
	case HA_CAUSE_MONITOR:
		return "failed: ";
	case HA_CAUSE_PROTOCOL:
		return "no other member speaks a protocol version of this one";
	case HA_CAUSE_WELL:
		return "nothing has failed for the hold-down";
	case HA_CAUSE_HELD:
		return "synchronised, and the tentative hold is over";
	case HA_CAUSE_OPERATOR:
		return "suspended by an operator";
	case HA_CAUSE_FUNCTIONAL:
		return "called back by an operator";
	case HA_CAUSE_FLAPS:
		return "failed too often; the last: ";
	case HA_CAUSE_MAX:
		break;
	}
	return "unknown";
}

static void
set_reason(struct ha_core *c, enum ha_cause cause)
{
	const struct monitor *m = find_monitor(c, HA_VERDICT_FAILED);

	c->cause = cause;
	c->reason[0] = '\0';
	add_text(c->reason, sizeof(c->reason), sentence(cause));
	if (cause == HA_CAUSE_MONITOR || cause == HA_CAUSE_FLAPS)
		add_text(c->reason, sizeof(c->reason), m->name);
}

/* The oldest goes when there is no place: it counts no more. */
static void
count_flap(struct ha_core *c)
{
	if (c->n_flaps == HA_FLAP_MAX + 1) {
		c->n_flaps--;
		memmove(c->flaps, c->flaps + 1,
		    c->n_flaps * sizeof(c->flaps[0]));
	}
	c->flaps[c->n_flaps++] = c->now;
}

static void
enter(struct ha_core *c, const struct move *m)
{
	switch (m->cause) {
	case HA_CAUSE_MONITOR:
		count_flap(c);
		break;
	case HA_CAUSE_FLAPS:
		count_flap(c);
		c->suspension = SUSPENSION_FLAPS;
		break;
	case HA_CAUSE_WELL:
	case HA_CAUSE_FUNCTIONAL:
		c->caught_up_at = HA_TIME_NEVER;
		lifecycle_look(c);
		break;
	case HA_CAUSE_START:
	case HA_CAUSE_SYNCHRONISED:
	case HA_CAUSE_PROTOCOL:
	case HA_CAUSE_HELD:
	case HA_CAUSE_OPERATOR:
	case HA_CAUSE_MAX:
		break;
	}
}

static void
move(struct ha_core *c, const struct move *m)
{
	c->state = m->to;
	c->state_since = c->now;
	set_reason(c, m->cause);
	enter(c, m);
	if (m->from != HA_STATE_INITIAL) /* keepalives come often then */
		link_hurry(c);
}

static void
tell(struct ha_core *c, const struct move *m)
{
	struct ha_output *o = out_add(c, HA_OUT_STATE);

	o->u.state = (struct ha_out_state){ (uint8_t)m->from, (uint8_t)m->to,
		m->cause, c->reason };
	out_trace(c, HA_TRACE_STATE, m->from, m->to, m->cause);
}

/* ---- the gate ---- */

/* Before it has what the others have, and where others are that it can't
 * talk to, a member does not open what is closed. */
static bool
gate_wanted(const struct ha_core *c)
{
	switch (c->state) {
	case HA_STATE_INITIAL:
		return c->gate_open;
	case HA_STATE_ACTIVE:
		return true;
	case HA_STATE_TENTATIVE:
	case HA_STATE_NON_FUNCTIONAL:
		if (another_is_active(c) || HA_PLANT(c, HA_PLANT_LAST_GATE))
			return false;
		return c->gate_open ||
		    (c->phase == PHASE_RUN && !is_stranger(c));
	case HA_STATE_SUSPENDED:
	case HA_STATE_MAX:
		break;
	}
	return false;
}

static void
set_gate(struct ha_core *c)
{
	bool open = gate_wanted(c);
	bool alarm = open && c->state == HA_STATE_NON_FUNCTIONAL;

	if (open != c->gate_open)
		out_add(c, HA_OUT_GATE)->u.gate.open = open;
	c->gate_open = open;
	if (alarm != c->forwards_failed)
		out_alarm(c, "forwards-while-failed", 0, alarm);
	c->forwards_failed = alarm;
}

/* ---- each turn ---- */

static void
look(struct ha_core *c)
{
	if (!is_well(c))
		c->well_since = HA_TIME_NEVER;
	else if (ha_time_is_never(c->well_since))
		c->well_since = c->now;
	if (c->state == HA_STATE_TENTATIVE && c->phase == PHASE_RUN &&
	    c->waiting_for == 0 && ha_time_is_never(c->caught_up_at))
		c->caught_up_at = c->now;
}

/* One move a turn: the next one follows at once. */
void
state_tick(struct ha_core *c)
{
	const struct move *m;

	look(c);
	m = find_move(c);
	if (m != NULL)
		move(c, m);
	set_gate(c);
	if (m == NULL)
		return;
	tell(c, m);
	if (find_move(c) != NULL)
		c->more = true;
}

struct ha_time
state_deadline(const struct ha_core *c)
{
	return state_hold_until(c);
}

/* ---- what happens ---- */

void
state_init(struct ha_core *c)
{
	c->state_since = c->now;
	set_reason(c, HA_CAUSE_START);
	c->suspension = c->settings.suspended ? SUSPENSION_OPERATOR :
	    SUSPENSION_NONE;
	c->well_since = HA_TIME_NEVER;
	c->caught_up_at = HA_TIME_NEVER;
	c->gate_open = c->settings.gate_open;
}

/* That something was not well for a moment counts, too. */
void
state_monitor(struct ha_core *c, const struct ha_in_monitor *in)
{
	struct monitor *m = &c->monitors[in->number];

	if (in->verdict == HA_VERDICT_UNKNOWN ||
	    in->verdict == HA_VERDICT_FAILED)
		c->well_since = HA_TIME_NEVER;
	if (m->verdict != in->verdict)
		m->since = c->now;
	m->verdict = in->verdict;
	m->name[0] = '\0';
	if (in->verdict != HA_VERDICT_NONE)
		add_text(m->name, sizeof(m->name), in->name);
}

void
state_suspend(struct ha_core *c)
{
	c->suspension = SUSPENSION_OPERATOR;
	c->n_flaps = 0;
}

void
state_call_back(struct ha_core *c)
{
	c->suspension = SUSPENSION_NONE;
	c->n_flaps = 0;
}
