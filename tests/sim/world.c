#include "tests/sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/*
 * Everything happens out of the event queue.  A core is stepped from here
 * only (step()), never from inside the handling of its own outputs: what an
 * output causes is always one more event.
 *
 * Each start of a core is an incarnation; events that were meant for an
 * earlier one are dropped.
 */

#define STEPS_AT_ONCE 20000 /* more of them in one millisecond: it spins */
#define LINK_CHECK    ha_dur_ms(100)

static void pass_link_check(void *ctx, const struct sim_event *e);

/* ---- small helpers ---- */

struct ha_dur
world_between(struct world *w, struct ha_dur min, struct ha_dur max)
{
	return (struct ha_dur){ min.ns + (int64_t)ha_rng_below(&w->rng,
	    (uint64_t)(max.ns - min.ns) + 1) };
}

void
world_hash(struct world *w, uint64_t x)
{
	w->trace_hash = ha_hash_add(w->trace_hash, x);
}

void
world_note(struct world *w, uint8_t m, const char *format, ...)
{
	va_list args;

	if (!w->settings.trace)
		return;
	fprintf(stderr, "%10.4f %2d ", (double)w->now.ns / 1e9, m);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

struct world_input *
world_new_input(enum ha_input_kind kind, size_t frame_len)
{
	struct world_input *in = calloc(1, sizeof(*in) + frame_len);

	HA_CHECK(in != NULL);
	in->input.kind = kind;
	in->len = frame_len;
	return in;
}

/* ---- traces, for people ---- */

static const char *const TRACE_NAMES[] = {
	[HA_TRACE_LINK] = "link",
	[HA_TRACE_STATE] = "state",
	[HA_TRACE_LOST] = "lost",
	[HA_TRACE_WALK] = "walk",
	[HA_TRACE_CAUGHT_UP] = "caught-up",
	[HA_TRACE_CLAIM] = "claim",
	[HA_TRACE_YIELD] = "yield",
	[HA_TRACE_GRANT] = "grant",
	[HA_TRACE_LIMBO] = "limbo",
	[HA_TRACE_END] = "end",
	[HA_TRACE_DROP] = "drop",
};

static const char *const ENTRY_NAMES[] = { "full", "update", "end", "left" };

static void
note_batch(struct world *w, uint8_t m, uint8_t peer, const char *way,
    const struct ha_msg_batch *b)
{
	world_note(w, m,
	    "%s %d batch walk=%llx %d/%llx %llu..%llu flags=%d complete=%llu "
	    "count=%llu floor=%llu", way, peer, (unsigned long long)b->walk,
	    b->stream.owner, (unsigned long long)b->stream.boot & 0xffff,
	    (unsigned long long)b->from, (unsigned long long)b->to, b->flags,
	    (unsigned long long)b->complete, (unsigned long long)b->count,
	    (unsigned long long)b->floor);
	for (int i = 0; i < b->n_entries; i++) {
		const struct ha_entry *e = &b->entries[i];

		world_note(w, m,
		    "      %s @%llu %d/%llx/%llu e%u o%d r%llx port=%d s=%x "
		    "t=%d f=%d reason=%d", ENTRY_NAMES[e->kind],
		    (unsigned long long)e->change, e->uid.creator,
		    (unsigned long long)e->uid.boot & 0xffff,
		    (unsigned long long)e->uid.number, e->version.epoch,
		    e->version.owner, (unsigned long long)e->version.revision,
		    e->record.orig.src_port, e->record.status,
		    e->record.tcp_state, e->record.flags, e->end_reason);
	}
}

static void
note_message(struct world *w, uint8_t m, uint8_t peer, const char *way,
    const struct ha_message *msg)
{
	if (!w->settings.trace)
		return;
	switch (msg->kind) {
	case HA_MSG_KEEPALIVE:
		return;
	case HA_MSG_FEED_REQUEST:
		world_note(w, m, "%s %d request walk=%llx %d/%llx after=%llu",
		    way, peer, (unsigned long long)msg->u.feed_request.walk,
		    msg->u.feed_request.stream.owner,
		    (unsigned long long)msg->u.feed_request.stream.boot &
		    0xffff, (unsigned long long)msg->u.feed_request.after);
		return;
	case HA_MSG_WALK_VOID:
		world_note(w, m, "%s %d void walk=%llx", way, peer,
		    (unsigned long long)msg->u.walk_void.walk);
		return;
	case HA_MSG_TOUCH:
	case HA_MSG_GRANT:
		world_note(w, m, "%s %d %s %d/%llx/%llu e%u", way, peer,
		    msg->kind == HA_MSG_TOUCH ? "touch" : "grant",
		    msg->u.touch.uid.creator,
		    (unsigned long long)msg->u.touch.uid.boot & 0xffff,
		    (unsigned long long)msg->u.touch.uid.number,
		    msg->u.touch.version.epoch);
		return;
	case HA_MSG_END:
		world_note(w, m, "%s %d end %d/%llx/%llu", way, peer,
		    msg->u.end.uid.creator,
		    (unsigned long long)msg->u.end.uid.boot & 0xffff,
		    (unsigned long long)msg->u.end.uid.number);
		return;
	case HA_MSG_BATCH:
		note_batch(w, m, peer, way, &msg->u.batch);
		return;
	case HA_MSG_MAX:
		return;
	}
}

/* ---- outputs ---- */

static void step(struct world *w, uint8_t m, const struct ha_input *in);

static void
out_send(struct world *w, struct world_member *m,
    const struct ha_out_send *out)
{
	static const char TOO_BAD[] = "wire: a message that no codec takes";
	uint8_t frame[HA_CODEC_FRAME_MAX];
	const struct ha_message *msg = out->message;
	struct network_end end = { .self = m->index, .peer = out->peer,
		.link = out->link, .generation = out->generation };
	bool bulk = msg->kind == HA_MSG_BATCH;
	size_t len;
	int err = HA_OK;

	oracle_sent(w->oracle, m->index, out->peer, msg);
	note_message(w, m->index, out->peer, "to", msg);
	if (bulk && !ha_codec_body_fits(&w->body, &msg->u.batch))
		err = ha_codec_encode_body(&msg->u.batch, &w->body);
	if (err == HA_OK)
		err = ha_codec_encode(msg, bulk ? &w->body : NULL, frame,
		    sizeof(frame), &len);
	if (err != HA_OK) {
		oracle_broken(w->oracle, TOO_BAD);
		return;
	}
	w->messages++;
	w->trace_hash = ha_hash_bytes(w->trace_hash, frame, len);
	network_send(w->network, &end, bulk ? NETWORK_BULK : NETWORK_URGENT,
	    frame, len);
}

static void give_down(void *ctx, const struct network_end *e);

static void
tell_closed(void *ctx, const struct sim_event *e)
{
	const struct network_end end = { .self = (uint8_t)(e->a >> 16),
		.peer = (uint8_t)(e->a >> 8), .link = (uint8_t)e->a,
		.generation = e->b };
	struct world *w = ctx;

	if (w->members[end.self].incarnation == e->c)
		give_down(w, &end);
}

static void
out_close(struct world *w, struct world_member *m,
    const struct ha_out_close *out)
{
	struct network_end end = { .self = m->index, .peer = out->peer,
		.link = out->link, .generation = out->generation };

	world_note(w, m->index, "close %d link %d", out->peer, out->link);
	if (out->reason == HA_CLOSE_SILENT)
		oracle_silent(w->oracle, m->index, out->peer, out->link,
		    world_sound_for(w, m->index, out->peer, out->link));
	network_close(w->network, &end);
	if (!w->settings.tells_closed)
		return;
	event_queue_add(w->queue, (struct sim_event){
		.at = ha_time_add(w->now, ha_dur_ms(1)),
		.run = tell_closed,
		.ctx = w,
		.a = (uint64_t)end.self << 16 | (uint64_t)end.peer << 8 |
		    end.link,
		.b = end.generation,
		.c = m->incarnation,
	});
}

static void
note_trace(struct world *w, uint8_t m, const struct ha_out_trace *t)
{
	const char *name = TRACE_NAMES[t->what];

	if (t->what >= HA_TRACE_CLAIM && t->what <= HA_TRACE_END)
		world_note(w, m, "%s %u %u %d/%llx/%llu", name, t->a, t->b,
		    (int)(t->c >> 32 & 0xff),
		    (unsigned long long)t->c >> 40 & 0xffff,
		    (unsigned long long)t->c & 0xffffffff);
	else
		world_note(w, m, "%s %u %u %llu", name, t->a, t->b,
		    (unsigned long long)t->c);
}

static void
out_trace(struct world *w, struct world_member *m,
    const struct ha_out_trace *t)
{
	note_trace(w, m->index, t);
	oracle_traced(w->oracle, m->index, t);
	world_hash(w, (uint64_t)t->what << 48 ^ (uint64_t)t->a << 32 ^ t->b ^
	    t->c);
	switch (t->what) {
	case HA_TRACE_CLAIM:
	case HA_TRACE_YIELD:
	case HA_TRACE_LIMBO:
	case HA_TRACE_CAUGHT_UP:
		m->wants_sweep = true;
		return;
	case HA_TRACE_LINK:
	case HA_TRACE_STATE:
	case HA_TRACE_LOST:
	case HA_TRACE_WALK:
	case HA_TRACE_GRANT:
	case HA_TRACE_END:
	case HA_TRACE_DROP:
		return;
	}
}

static void
out_state(struct world *w, struct world_member *m,
    const struct ha_out_state *o)
{
	world_note(w, m->index, "is %s: %s",
	    ha_state_name((enum ha_state)o->to), o->reason);
	world_check_move(w, m, o);
	m->state = (enum ha_state)o->to;
	m->state_since = w->now;
	m->suspended = m->state == HA_STATE_SUSPENDED &&
	    o->cause == HA_CAUSE_OPERATOR;
}

static void
handle_output(struct world *w, struct world_member *m,
    const struct ha_output *o)
{
	world_hash(w, (uint64_t)o->kind << 56 ^ m->index);
	switch (o->kind) {
	case HA_OUT_SEND:
		out_send(w, m, &o->u.send);
		return;
	case HA_OUT_CLOSE:
		out_close(w, m, &o->u.close);
		return;
	case HA_OUT_KERNEL:
		world_kernel_ops(w, m->index, &o->u.kernel);
		return;
	case HA_OUT_DUMP:
		world_kernel_dump(w, m->index);
		return;
	case HA_OUT_STATE:
		out_state(w, m, &o->u.state);
		network_set_state(w->network, m->index, o->u.state.to);
		return;
	case HA_OUT_PEER:
		world_note(w, m->index, "peer %d event %d", o->u.peer.peer,
		    o->u.peer.event);
		return;
	case HA_OUT_GATE:
		world_note(w, m->index, "gate %s",
		    o->u.gate.open ? "opens" : "closes");
		m->gate_open = o->u.gate.open;
		return;
	case HA_OUT_SAVE:
		m->boot_seen[o->u.save.member] = o->u.save.boot_counter;
		return;
	case HA_OUT_ALARM:
		world_note(w, m->index, "alarm %s about %d %s",
		    o->u.alarm.name, o->u.alarm.member,
		    o->u.alarm.active ? "begins" : "ends");
		return;
	case HA_OUT_ENDED:
		oracle_ended(w->oracle, m->index, &o->u.ended.uid,
		    o->u.ended.reason);
		return;
	case HA_OUT_TRACE:
		out_trace(w, m, &o->u.trace);
		return;
	}
}

/* ---- steps ---- */

static void
tick(void *ctx, const struct sim_event *e)
{
	struct world *w = ctx;
	struct world_member *m = &w->members[e->a];
	struct ha_input in = { .kind = HA_IN_TICK, .now = w->now };

	if (m->incarnation != e->b || m->tick_at.ns != e->at.ns)
		return;
	m->tick_at = HA_TIME_NEVER;
	if (!m->paused)
		step(w, m->index, &in);
}

static void
tick_by(struct world *w, struct world_member *m, struct ha_time at)
{
	if (ha_time_before(at, w->now))
		at = w->now;
	if (!ha_time_before(at, m->tick_at))
		return;
	m->tick_at = at;
	event_queue_add(w->queue, (struct sim_event){
		.at = at,
		.run = tick,
		.ctx = w,
		.a = m->index,
		.b = m->incarnation,
	});
}

static void
watch_for_spinning(struct world *w, struct world_member *m)
{
	if (ha_time_since(w->now, m->steps_at).ns > 1000000) {
		m->steps_at = w->now;
		m->steps_now = 0;
	}
	if (++m->steps_now > STEPS_AT_ONCE)
		oracle_broken(w->oracle, "loop: a core spins");
}

/* A turn of the loop ends soon after something came. */
static void
plan_tick(struct world *w, struct world_member *m, bool was_tick)
{
	struct ha_time deadline = ha_core_deadline(m->core);
	struct ha_dur turn = world_between(w, ha_dur_ms(0),
	    w->settings.turn_max);

	if (!was_tick)
		tick_by(w, m, ha_time_add(w->now, turn));
	else if (ha_time_reached(w->now, deadline))
		deadline = ha_time_add(w->now, (struct ha_dur){ 20000 });
	tick_by(w, m, deadline);
}

static void
step(struct world *w, uint8_t index, const struct ha_input *in)
{
	struct world_member *m = &w->members[index];
	const struct ha_output *out;
	size_t n;

	w->steps++;
	w->body.id = 0;
	world_hash(w, (uint64_t)w->now.ns ^ (uint64_t)in->kind << 56 ^
	    (uint64_t)index << 48);
	if (ha_core_step(m->core, in) != HA_OK && in->kind != HA_IN_ADMIN)
		oracle_broken(w->oracle, "step: an input is refused");
	out = ha_core_outputs(m->core, &n);
	for (size_t i = 0; i < n; i++)
		handle_output(w, m, &out[i]);
	oracle_stepped(w->oracle, index, ha_view_counters(m->core));
	if (in->kind == HA_IN_TICK)
		world_check_state(w, m);
	watch_for_spinning(w, m);
	plan_tick(w, m, in->kind == HA_IN_TICK);
	if (m->wants_sweep || ha_rng_below(&w->rng,
	    w->settings.sweep_one_in) == 0)
		world_sweep(w, index);
}

/* ---- inputs ---- */

static void
step_message(struct world *w, struct world_member *m, struct world_input *in)
{
	const struct ha_message *msg;

	if (ha_codec_decode(w->codec, in->frame, in->len, &msg) != HA_OK) {
		oracle_broken(w->oracle,
		    "wire: a frame that its own codec refuses");
		return;
	}
	in->input.u.message.message = msg;
	oracle_delivered(w->oracle, m->index, in->input.u.message.peer, msg);
	note_message(w, m->index, in->input.u.message.peer, "from", msg);
	step(w, m->index, &in->input);
}

static void
note_session(struct world *w, const struct world_member *m,
    const struct ha_in_session *s)
{
	static const char *const NAMES[] = { "new", "update", "end",
		"dumped" };

	world_note(w, m->index,
	    "kernel %s port=%d proto=%d s=%x t=%d%s%s%s%s", NAMES[s->event],
	    s->record.orig.src_port, s->record.orig.protocol,
	    s->record.status, s->record.tcp_state,
	    s->bits_known ? s->owner_bit ? " owner" : " plain" : "",
	    s->replica_bit ? " replica" : "",
	    s->has_timeout ? " alive" : "", s->foreign ? " foreign" : "");
}

/* The data plane corrects what a dump tells late by the events that were told
 * meanwhile.  false: the entry is no more. */
static bool
correct_dumped(const struct fake_entry *e, struct ha_in_session *s)
{
	if (s->event != HA_SESSION_DUMPED)
		return true;
	if (e == NULL)
		return false;
	s->owner_bit |= e->told && e->owner_bit;
	return true;
}

static void
step_session(struct world *w, struct world_member *m, struct world_input *in)
{
	struct ha_in_session *s = &in->input.u.session;
	struct fake_entry *e = fake_conntrack_by_serial(m->kernel, in->entry);

	if (!correct_dumped(e, s))
		return;
	note_session(w, m, s);
	oracle_kernel_told(w->oracle, m->index, &s->record);
	if (e != NULL && s->bits_known && s->owner_bit && e->owner_bit) {
		e->told = true;
		e->told_at = w->now;
	}
	if (e != NULL && (s->record.status & HA_STATUS_SEEN_REPLY) != 0)
		e->answered_at = ha_time_min(e->answered_at, w->now);
	step(w, m->index, &in->input);
}

/* Takes in. */
static void
step_input(struct world *w, struct world_member *m, struct world_input *in)
{
	in->input.now = w->now;
	switch (in->input.kind) {
	case HA_IN_MESSAGE:
		step_message(w, m, in);
		break;
	case HA_IN_SESSION:
		step_session(w, m, in);
		break;
	case HA_IN_TICK:
	case HA_IN_LINK:
	case HA_IN_DUMP:
	case HA_IN_DONE:
	case HA_IN_STALL:
	case HA_IN_MONITOR:
	case HA_IN_ADMIN:
	case HA_IN_SETTINGS:
		step(w, m->index, &in->input);
		break;
	}
	free(in);
}

void
world_give(struct world *w, uint8_t index, struct world_input *in)
{
	struct world_member *m = &w->members[index];

	if (!m->running)
		free(in);
	else if (m->paused)
		ha_list_append(&m->backlog, &in->list);
	else
		step_input(w, m, in);
}

/* ---- what the network tells ---- */

static struct world_input *
link_input(const struct network_end *e, enum ha_link_event event)
{
	struct world_input *in = world_new_input(HA_IN_LINK, 0);

	in->input.u.link = (struct ha_in_link){ .event = event,
		.peer = e->peer, .link = e->link,
		.generation = e->generation };
	return in;
}

/* A peer has heard of a later start of ours: our disk is behind.  A daemon
 * takes a new start then. */
static bool
is_behind(struct world *w, const struct network_end *e)
{
	struct world_member *m = &w->members[e->self];
	uint64_t seen = w->members[e->peer].boot_seen[e->self];

	if (seen < m->boot.counter ||
	    (seen == m->boot.counter && !m->counter_again))
		return false;
	world_note(w, e->self, "learns that its boot counter is behind");
	world_kill(w, e->self);
	m->stored_counter = seen;
	world_start(w, e->self);
	return true;
}

static void
give_up(void *ctx, const struct network_end *e, struct ha_boot boot,
    uint8_t state)
{
	struct world *w = ctx;
	struct world_input *in;

	if (is_behind(w, e))
		return;
	in = link_input(e, HA_LINK_UP);
	in->input.u.link.boot = boot;
	in->input.u.link.state = state;
	world_give(w, e->self, in);
}

static void
give_down(void *ctx, const struct network_end *e)
{
	world_give(ctx, e->self, link_input(e, HA_LINK_DOWN));
}

static void
give_room(void *ctx, const struct network_end *e)
{
	world_give(ctx, e->self, link_input(e, HA_LINK_ROOM));
}

static void
give_frame(void *ctx, const struct network_end *e, const void *data,
    size_t len)
{
	struct world_input *in = world_new_input(HA_IN_MESSAGE, len);

	in->input.u.message = (struct ha_in_message){ .peer = e->peer,
		.link = e->link, .generation = e->generation };
	memcpy(in->frame, data, len);
	world_give(ctx, e->self, in);
}

/* ---- the world ---- */

static struct oracle *
new_oracle(const struct world_settings *s)
{
	struct oracle_settings os = { .n_members = s->n_members,
		.table_size = s->table_size, .timeouts = s->timeouts };

	for (int l = 0; l < HA_LINK_MAX; l++) {
		os.threshold[l] = s->threshold[l];
		os.interval[l].ns = s->threshold[l].ns / 5;
		if (os.interval[l].ns > ha_dur_s(1).ns)
			os.interval[l] = ha_dur_s(1);
	}
	return oracle_new(&os);
}

static void
add_link_check(struct world *w)
{
	event_queue_add(w->queue, (struct sim_event){
		.at = ha_time_add(w->now, LINK_CHECK),
		.run = pass_link_check,
		.ctx = w,
	});
}

static void
pass_link_check(void *ctx, const struct sim_event *e)
{
	struct world *w = ctx;

	(void)e;
	world_check_links(w);
	add_link_check(w);
}

struct world *
world_new(const struct world_settings *settings)
{
	const struct network_calls net_calls = { .up = give_up,
		.down = give_down, .room = give_room, .frame = give_frame };
	struct network_calls nc = net_calls;
	struct flow_calls fc = { .packet = world_packet,
		.dropped = world_dropped };
	struct world *w = calloc(1, sizeof(*w));

	HA_CHECK(w != NULL);
	w->settings = *settings;
	w->rng.state = settings->seed ^ UINT64_C(0x776f726c64);
	w->queue = event_queue_new();
	nc.ctx = w;
	fc.ctx = w;
	w->network = network_new(w->queue, &settings->network, &nc);
	w->flows = flows_new(w->queue, &settings->flows, &fc);
	w->oracle = new_oracle(settings);
	w->codec = ha_codec_new(HA_CODEC_ARENA);
	HA_CHECK(w->codec != NULL);
	w->now.ns = ha_dur_s(1).ns;
	w->next_boot = 1;
	for (uint8_t i = 1; i <= settings->n_members; i++) {
		struct world_member *m = &w->members[i];

		m->world = w;
		m->index = i;
		m->file = m->shares = (ha_member_set)((1u <<
		    settings->n_members) - 1);
		ha_list_init(&m->backlog);
		m->kernel = fake_conntrack_new(&settings->timeouts,
		    settings->kernel_max);
		world_kernel_init(w, i);
	}
	add_link_check(w);
	return w;
}

static void
drop_backlog(struct world_member *m)
{
	while (!ha_list_empty(&m->backlog)) {
		struct world_input *in = HA_LIST_ENTRY(m->backlog.next,
		    struct world_input, list);

		ha_list_remove(&in->list);
		free(in);
	}
}

void
world_free(struct world *w)
{
	if (w == NULL)
		return;
	for (uint8_t i = 1; i <= w->settings.n_members; i++) {
		drop_backlog(&w->members[i]);
		ha_core_free(w->members[i].core);
		fake_conntrack_free(w->members[i].kernel);
	}
	network_free(w->network);
	flows_free(w->flows);
	oracle_free(w->oracle);
	ha_codec_free(w->codec);
	event_queue_free(w->queue);
	free(w);
}

static void
set_now(struct world *w, struct ha_time now)
{
	w->now = now;
	network_now(w->network, now);
	flows_now(w->flows, now);
	oracle_now(w->oracle, now);
}

bool
world_run(struct world *w, struct ha_time until)
{
	struct sim_event e;

	while (oracle_violation(w->oracle) == NULL &&
	    event_queue_pop(w->queue, until, &e)) {
		set_now(w, e.at);
		e.run(e.ctx, &e);
	}
	if (oracle_violation(w->oracle) != NULL)
		return false;
	set_now(w, until);
	return true;
}

/* ---- members ---- */

static struct ha_settings
core_settings(struct world *w, const struct world_member *m)
{
	struct ha_settings s = {
		.self = m->index,
		.boot = m->boot,
		.synchronization_timeout = w->settings.synchronization_timeout,
		.monitor_fail_hold_down = w->settings.monitor_fail_hold_down,
		.tentative_hold = w->settings.tentative_hold,
		.flap_max = w->settings.flap_max,
		.suspended = m->suspended,
		.gate_open = m->gate_open,
		.handoff_idle = ha_dur_s(1),
		.table_size = w->settings.table_size,
		.kernel_max = w->settings.kernel_max,
		.timeouts = w->settings.timeouts,
	};

	s.start = !m->ran_before ? HA_START_FIRST :
	    m->kernel_known ? HA_START_RESTART : HA_START_BOOT;
	for (uint8_t i = 1; i <= w->settings.n_members; i++)
		s.members[i - 1] = (struct ha_member_settings){
			.present = (m->file & ha_member_bit(i)) != 0,
			.synchronization = (m->shares & ha_member_bit(i)) != 0,
			.boot_seen = m->boot_seen[i],
		};
	for (int l = 0; l < HA_LINK_MAX; l++) {
		s.threshold[l] = w->settings.threshold[l];
		s.link_configured[l] = w->settings.network.links[l];
	}
	return s;
}

static void
disturb(struct world_member *m)
{
	m->disturbed = m->world->now;
}

/* Whom its operator took out is lost to it from the start. */
static void
tell_lost(struct world *w, const struct world_member *m)
{
	struct ha_out_trace lost = { .what = HA_TRACE_LOST, .b = 1 };
	bool alone = (m->shares & ha_member_bit(m->index)) == 0;

	for (uint8_t i = 1; i <= w->settings.n_members; i++) {
		lost.a = i;
		if (i != m->index && (alone ||
		    (m->file & m->shares & ha_member_bit(i)) == 0))
			oracle_traced(w->oracle, m->index, &lost);
	}
}

static void
judge(struct world *w, uint8_t index, uint8_t monitor, enum ha_verdict verdict)
{
	static const char *const NAMES[WORLD_MONITORS] = { "data plane",
		"uplink", "path" };
	struct world_input *in = world_new_input(HA_IN_MONITOR, 0);

	in->input.u.monitor = (struct ha_in_monitor){ .number = monitor,
		.verdict = verdict, .name = NAMES[monitor] };
	world_give(w, index, in);
}

/* A run in which nothing ever fails has none that takes time to look. */
static void
begin_monitors(struct world *w, struct world_member *m)
{
	for (uint8_t i = 0; i < WORLD_MONITORS; i++)
		if (m->failed[i])
			judge(w, m->index, i, HA_VERDICT_FAILED);
}

void
world_start(struct world *w, uint8_t index)
{
	struct world_member *m = &w->members[index];

	if (m->running)
		return;
	disturb(m);
	if (!m->powered) {
		network_power(w->network, index, true);
		m->powered = true;
		m->gate_open = false;
	}
	m->running = true;
	m->incarnation++;
	m->boot.counter = ++m->stored_counter;
	m->counter_again = m->boot.counter <= m->highest_counter;
	if (m->highest_counter < m->boot.counter)
		m->highest_counter = m->boot.counter;
	m->boot.id = ha_hash_mix(w->settings.seed ^ w->next_boot++ << 32) | 1;
	m->settings = core_settings(w, m);
	m->core = ha_core_new(&m->settings, ha_rng_next(&w->rng), w->now);
	HA_CHECK(m->core != NULL);
#ifdef HA_PLANTED
	ha_core_plant(m->core, w->settings.plant);
#endif
	world_note(w, index, "start %d boot %llx counter %llu",
	    m->settings.start,
	    (unsigned long long)m->boot.id & 0xffff,
	    (unsigned long long)m->boot.counter);
	m->ran_before = true;
	m->kernel_known = true;
	m->state = HA_STATE_INITIAL;
	m->state_since = w->now;
	m->tick_at = HA_TIME_NEVER;
	m->dumping = false;
	m->blind = m->deaf;
	oracle_started(w->oracle, index, m->boot);
	tell_lost(w, m);
	network_start(w->network, index, m->boot);
	begin_monitors(w, m);
	tick_by(w, m, w->now);
}

static void
stop(struct world *w, struct world_member *m)
{
	world_sweep(w, m->index);
	oracle_stopped(w->oracle, m->index);
	drop_backlog(m);
	m->running = false;
	m->paused = false;
	m->incarnation++;
	ha_core_free(m->core);
	m->core = NULL;
	disturb(m);
}

void
world_kill(struct world *w, uint8_t index)
{
	struct world_member *m = &w->members[index];

	if (!m->running)
		return;
	world_note(w, index, "killed");
	stop(w, m);
	network_stop(w->network, index);
}

void
world_power_off(struct world *w, uint8_t index)
{
	struct world_member *m = &w->members[index];

	if (!m->powered)
		return;
	world_note(w, index, "power off");
	if (m->running)
		stop(w, m);
	m->powered = false;
	m->kernel_known = false;
	fake_conntrack_wipe(m->kernel);
	oracle_powered_off(w->oracle, index);
	network_power(w->network, index, false);
}

void
world_forget_boots(struct world *w, uint8_t index)
{
	struct world_member *m = &w->members[index];

	m->stored_counter = 0;
	memset(m->boot_seen, 0, sizeof(m->boot_seen));
}

void
world_pause(struct world *w, uint8_t index)
{
	struct world_member *m = &w->members[index];

	if (!m->running || m->paused)
		return;
	world_note(w, index, "paused");
	m->paused = true;
	network_freeze(w->network, index, true);
	disturb(m);
}

/* First it learns that it slept, then what came meanwhile, then it acts. */
void
world_resume(struct world *w, uint8_t index)
{
	struct world_member *m = &w->members[index];
	uint64_t incarnation = m->incarnation;
	struct ha_input stall = { .kind = HA_IN_STALL, .now = w->now };

	if (!m->running || !m->paused)
		return;
	world_note(w, index, "resumed");
	m->paused = false;
	m->unpaused = w->now;
	disturb(m);
	network_freeze(w->network, index, false);
	m->tick_at = HA_TIME_NEVER;
	step(w, index, &stall);
	while (m->incarnation == incarnation && !ha_list_empty(&m->backlog)) {
		struct world_input *in = HA_LIST_ENTRY(m->backlog.next,
		    struct world_input, list);

		ha_list_remove(&in->list);
		step_input(w, m, in);
	}
}

void
world_admin_sync(struct world *w, uint8_t m)
{
	struct world_input *in = world_new_input(HA_IN_ADMIN, 0);

	in->input.u.admin.verb = HA_ADMIN_SYNC_FROM;
	in->input.u.admin.member = (uint8_t)ha_rng_below(&w->rng,
	    w->settings.n_members + 1u);
	if (in->input.u.admin.member == m)
		in->input.u.admin.member = 0;
	world_note(w, m, "admin asks for everything from %d",
	    in->input.u.admin.member);
	world_give(w, m, in);
}

/* Any that m shows; false: it shows none. */
static bool
draw_session(struct world *w, uint8_t m, struct ha_view_session *v)
{
	const struct ha_core *core = w->members[m].core;
	struct ha_view_self self;
	uint32_t cursor = 0;
	uint64_t skip;

	ha_view_self(core, &self);
	skip = ha_rng_below(&w->rng, self.table_owned + self.table_cached +
	    1u);
	while (ha_view_next_session(core, &cursor, v))
		if (skip-- == 0)
			return true;
	return false;
}

void
world_admin_end(struct world *w, uint8_t m)
{
	struct world_input *in;
	struct ha_view_session v;

	if (!draw_session(w, m, &v))
		return;
	in = world_new_input(HA_IN_ADMIN, 0);
	in->input.u.admin.verb = HA_ADMIN_END;
	in->input.u.admin.uid = v.uid;
	flows_excuse(w->flows, &v.record.orig);
	world_note(w, m, "admin ends port=%d", v.record.orig.src_port);
	world_give(w, m, in);
}

static void
give_admin(struct world *w, uint8_t index, enum ha_admin_verb verb)
{
	struct world_input *in = world_new_input(HA_IN_ADMIN, 0);

	in->input.u.admin.verb = verb;
	world_give(w, index, in);
}

void
world_suspend(struct world *w, uint8_t index)
{
	world_note(w, index, "an operator suspends it");
	give_admin(w, index, HA_ADMIN_SUSPEND);
}

void
world_call_back(struct world *w, uint8_t index)
{
	world_note(w, index, "an operator calls it back");
	give_admin(w, index, HA_ADMIN_FUNCTIONAL);
}

void
world_fail(struct world *w, uint8_t index, uint8_t monitor, bool failed)
{
	struct world_member *m = &w->members[index];

	if (m->failed[monitor] == failed)
		return;
	world_note(w, index, "monitor %d %s", monitor,
	    failed ? "fails" : "is well");
	m->failed[monitor] = failed;
	judge(w, index, monitor, failed ? HA_VERDICT_FAILED :
	    HA_VERDICT_WELL);
}

static void
reload(struct world *w, uint8_t index, ha_member_set replaced)
{
	struct world_member *m = &w->members[index];
	enum ha_start start = m->settings.start;
	struct world_input *in;

	disturb(m);
	network_admit(w->network, index, m->file);
	if (!m->running)
		return;
	m->settings = core_settings(w, m);
	m->settings.start = start;
	in = world_new_input(HA_IN_SETTINGS, 0);
	in->input.u.settings = (struct ha_in_settings){ &m->settings,
		replaced };
	world_give(w, index, in);
}

void
world_set_file(struct world *w, uint8_t index, ha_member_set file,
    ha_member_set shares)
{
	struct world_member *m = &w->members[index];

	if (m->file == file && m->shares == shares)
		return;
	world_note(w, index, "has members %x in its file, %x share", file,
	    shares);
	m->file = file;
	m->shares = shares;
	reload(w, index, 0);
}

void
world_replace(struct world *w, uint8_t index, ha_member_set replaced)
{
	world_note(w, index, "has others as %x in its file", replaced);
	reload(w, index, replaced);
}

void
world_new_hardware(struct world *w, uint8_t index)
{
	struct world_member *m = &w->members[index];

	world_note(w, index, "is another machine");
	m->ran_before = false;
	m->stored_counter = 0;
	memset(m->boot_seen, 0, sizeof(m->boot_seen));
}

bool
world_belong(const struct world *w, uint8_t a, uint8_t b)
{
	return (w->members[a].file & ha_member_bit(b)) != 0 &&
	    (w->members[b].file & ha_member_bit(a)) != 0;
}

bool
world_forwards(const struct world *w, uint8_t m)
{
	const struct world_member *x = &w->members[m];

	return x->powered && x->gate_open;
}
