/*
 * The core: one step at a time.
 *
 * This file hands each input to the module that it concerns and, at a TICK,
 * gives every module its turn: first what is due, then what must not wait
 * (keepalives), then what fits.
 */
#include "core/core.h"

#include <stdlib.h>

#include "core/core_priv.h"

#define CORE_MAGIC   0x68616331u
#define HOUSEKEEPING ha_dur_ms(50)

static int
take_memory(struct ha_core *c)
{
	int err;

	c->out = calloc(OUT_MAX, sizeof(*c->out));
	c->messages = calloc(MESSAGE_MAX, sizeof(*c->messages));
	c->ops = calloc(HA_KERNEL_OPS_MAX, sizeof(*c->ops));
	c->bodies = calloc(BODY_MAX, sizeof(*c->bodies));
	if (c->out == NULL || c->messages == NULL || c->ops == NULL ||
	    c->bodies == NULL)
		return HA_ERR_NOMEM;
	err = table_init(c);
	if (err == HA_OK)
		err = extra_init(c);
	return err != HA_OK ? err : streams_init(c);
}

struct ha_core *
ha_core_new(const struct ha_settings *settings, uint64_t seed,
    struct ha_time now)
{
	struct ha_core *c = calloc(1, sizeof(*c));
	struct ha_stream_id own = { settings->boot.id, settings->self };

	if (c == NULL)
		return NULL;
	c->magic = CORE_MAGIC;
	c->settings = *settings;
	c->now = now;
	c->started = now;
	c->rng.state = seed;
	c->hash_seed = ha_rng_next(&c->rng);
	c->next_number = 1;
	c->next_walk = ha_rng_next(&c->rng) >> 16;
	c->dump_at = now;
	c->renew_at = now;
	c->housekeeping_at = now;
	ha_list_init(&c->work);
	ha_list_init(&c->retry[0]);
	ha_list_init(&c->retry[1]);
	if (take_memory(c) != HA_OK) {
		ha_core_free(c);
		return NULL;
	}
	membership_init(c);
	state_init(c);
	stream_begin_own(c, &own);
	return c;
}

void
ha_core_free(struct ha_core *c)
{
	if (c == NULL)
		return;
	HA_CHECK(c->magic == CORE_MAGIC);
	free(c->out);
	free(c->messages);
	free(c->ops);
	free(c->bodies);
	table_free(c);
	extra_free(c);
	streams_free(c);
	free(c);
}

/* ---- inputs ---- */

static void
session_due(struct ha_core *c, struct session *s)
{
	if (ha_time_reached(c->now, s->hand_due)) {
		handoff_due(c, s);
	} else if (s->place == PLACE_LIMBO) {
		feed_limbo_due(c, s);
	} else if (s->aging) {
		owner_expired(c, s);
	} else {
		table_set_life(c, s, HA_TIME_NEVER);
	}
}

static void
run_timers(struct ha_core *c)
{
	struct session *s;

	for (int n = 0; n < SLICE && out_has_room(c); n++) {
		s = table_due(c);
		if (s == NULL)
			return;
		session_due(c, s);
	}
	c->more = true;
}

static void
tick(struct ha_core *c)
{
	bool housekeeping = ha_time_reached(c->now, c->housekeeping_at);

	run_timers(c);
	membership_tick(c);
	link_tick(c);
	if (housekeeping) {
		c->housekeeping_at = ha_time_add(c->now, HOUSEKEEPING);
		peer_tick(c);
		feed_apply_tick(c);
	}
	intake_tick(c);
	if (housekeeping || c->phase == PHASE_MATCH)
		lifecycle_tick(c);
	state_tick(c);
	owner_sweep_tick(c);
	kernel_renew_tick(c);
	kernel_tick(c);
	feed_send_tick(c);
}

/* Of a member that was taken out meanwhile. */
static void
link_of_stranger(struct ha_core *c, const struct ha_in_link *in)
{
	struct ha_output *o;

	c->counters.drop_not_member++;
	if (in->event != HA_LINK_UP)
		return;
	o = out_add(c, HA_OUT_CLOSE);
	o->u.close = (struct ha_out_close){ .peer = in->peer,
		.link = in->link, .generation = in->generation,
		.reason = HA_CLOSE_REMOVED };
}

static void
link_event(struct ha_core *c, const struct ha_in_link *in)
{
	if (!peer_look(c, in->peer)->present) {
		link_of_stranger(c, in);
		return;
	}
	switch (in->event) {
	case HA_LINK_UP:
		link_up(c, in);
		break;
	case HA_LINK_DOWN:
		link_down(c, in);
		break;
	case HA_LINK_STRANGE:
		peer_at(c, in->peer)->strange_at = c->now;
		break;
	case HA_LINK_ROOM:
		link_room(c, in);
		return;
	}
	c->housekeeping_at = c->now;
}

static void
session_message(struct ha_core *c, const struct ha_in_message *in)
{
	if (!peer_look(c, in->peer)->synchronization) {
		c->counters.drop_not_member++;
		return;
	}
	switch (in->message->kind) {
	case HA_MSG_FEED_REQUEST:
		feed_send_request(c, in);
		return;
	case HA_MSG_WALK_VOID:
		feed_apply_void(c, in);
		c->housekeeping_at = c->now;
		return;
	case HA_MSG_TOUCH:
		handoff_touch_received(c, in);
		return;
	case HA_MSG_GRANT:
		handoff_grant_received(c, in);
		return;
	case HA_MSG_END:
		ending_received(c, in);
		return;
	case HA_MSG_BATCH:
		feed_apply_batch(c, in);
		return;
	case HA_MSG_KEEPALIVE:
	case HA_MSG_MAX:
		c->counters.drop_invalid++;
		return;
	}
}

static void
message(struct ha_core *c, const struct ha_in_message *in)
{
	struct link *l = link_of_message(c, in);

	if (l == NULL) {
		c->counters.drop_stale_link++;
		return;
	}
	peer_at(c, in->peer)->heard_at = c->now;
	if (in->message->kind == HA_MSG_KEEPALIVE) {
		link_keepalive(c, in);
		c->housekeeping_at = c->now;
	} else {
		session_message(c, in);
	}
}

static void
sync_from(struct ha_core *c, uint8_t member)
{
	for (int i = 0; i < HA_STREAM_MAX; i++) {
		struct stream *st = &c->streams[i];

		if (stream_in_use(st) && !st->own && (member == 0 ||
		    st->follow.source == member))
			feed_apply_restart(c, st);
	}
	c->housekeeping_at = c->now;
}

static int
admin(struct ha_core *c, const struct ha_in_admin *in)
{
	switch (in->verb) {
	case HA_ADMIN_SYNC_FROM:
		sync_from(c, in->member);
		return HA_OK;
	case HA_ADMIN_SUSPEND:
		state_suspend(c);
		return HA_OK;
	case HA_ADMIN_FUNCTIONAL:
		state_call_back(c);
		return HA_OK;
	case HA_ADMIN_END:
		return ending_asked(c, &in->uid);
	}
	return HA_ERR_INVAL;
}

/* Only our own shell makes inputs: what it must not do is a bug. */
static bool
input_ok(const struct ha_core *c, const struct ha_input *in)
{
	if (ha_time_before(in->now, c->now))
		return false;
	if (in->kind == HA_IN_MONITOR)
		return in->u.monitor.number < HA_MONITOR_MAX;
	if (in->kind != HA_IN_LINK)
		return true;
	return in->u.link.peer >= 1 && in->u.link.peer <= HA_MEMBER_MAX &&
	    in->u.link.link < HA_LINK_MAX;
}

int
ha_core_step(struct ha_core *c, const struct ha_input *in)
{
	HA_CHECK(c->magic == CORE_MAGIC);
	out_begin(c);
	if (!input_ok(c, in))
		return HA_ERR_INVAL;
	c->now = in->now;

	switch (in->kind) {
	case HA_IN_TICK:
		tick(c);
		break;
	case HA_IN_MESSAGE:
		message(c, &in->u.message);
		break;
	case HA_IN_LINK:
		link_event(c, &in->u.link);
		break;
	case HA_IN_SESSION:
		intake_session(c, &in->u.session);
		break;
	case HA_IN_DUMP:
		intake_dump(c, &in->u.dump);
		break;
	case HA_IN_DONE:
		kernel_done(c, &in->u.done);
		break;
	case HA_IN_STALL:
		link_stall(c);
		break;
	case HA_IN_MONITOR:
		state_monitor(c, &in->u.monitor);
		break;
	case HA_IN_ADMIN:
		return admin(c, &in->u.admin);
	case HA_IN_SETTINGS:
		membership_change(c, &in->u.settings);
		break;
	}
	return HA_OK;
}

const struct ha_output *
ha_core_outputs(const struct ha_core *c, size_t *n)
{
	*n = c->n_out;
	return c->out;
}

struct ha_time
ha_core_deadline(const struct ha_core *c)
{
	struct ha_time t = ha_time_add(c->housekeeping_at, c->interval[0]);

	if (c->more)
		return c->now;
	t = ha_time_min(t, table_deadline(c));
	t = ha_time_min(t, link_deadline(c));
	t = ha_time_min(t, state_deadline(c));
	t = ha_time_min(t, feed_send_deadline(c));
	t = ha_time_min(t, kernel_deadline(c));
	return t;
}

#ifdef HA_PLANTED

void
ha_core_plant(struct ha_core *c, enum ha_plant plant)
{
	c->plant = plant;
}

const char *
ha_plant_name(enum ha_plant plant)
{
	static const char *const NAMES[HA_PLANT_MAX] = {
		[HA_PLANT_NONE] = "none",
		[HA_PLANT_CURSOR_AS_COMPLETE] = "cursor-as-complete",
		[HA_PLANT_RESUME_FROM_CURSOR] = "resume-from-cursor",
		[HA_PLANT_SWEEP_WITHOUT_LIMBO] = "sweep-without-limbo",
		[HA_PLANT_NO_FRESH_REPLICA] = "no-fresh-replica",
		[HA_PLANT_CLAIM_UNASKED] = "claim-unasked",
		[HA_PLANT_FLOOR_IGNORED] = "floor-ignored",
		[HA_PLANT_STALE_WALK] = "stale-walk",
		[HA_PLANT_ECHO_IGNORED] = "echo-ignored",
		[HA_PLANT_END_BY_ANYBODY] = "end-by-anybody",
		[HA_PLANT_TIE_REVERSED] = "tie-reversed",
		[HA_PLANT_LEFT_FORGOTTEN] = "left-forgotten",
		[HA_PLANT_GAP_IGNORED] = "gap-ignored",
		[HA_PLANT_RESURRECT] = "resurrect",
		[HA_PLANT_RESTART_PUBLISHES] = "restart-publishes",
		[HA_PLANT_LAST_GATE] = "last-gate",
	};

	return plant < HA_PLANT_MAX ? NAMES[plant] : "unknown";
}

#endif /* HA_PLANTED */
