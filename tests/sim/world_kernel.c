#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "tests/sim/world.h"

/*
 * Between a core and its kernel.
 *
 * Three ways lead out of a kernel: events, results of operations, dumps.
 * Each keeps its own order; between them only time decides.
 */

#define SLICE         32 /* entries of one slice of a dump */
#define SLICE_TIME    ha_dur_ms(1)
#define COLLECT_MIN   ha_dur_ms(100)
#define COLLECT_MAX   ha_dur_s(7)

/* ---- events ---- */

static void
give_late(void *ctx, const struct sim_event *e)
{
	struct world *w = ctx;
	struct world_input *in = e->data;
	uint8_t m = (uint8_t)e->a;

	if (w->members[m].incarnation == e->b)
		world_give(w, m, in);
	else
		free(in);
}

/* After a while, but not before what went the same way earlier. */
static void
give_after(struct world *w, uint8_t index, struct ha_time *last,
    struct ha_dur wait, struct world_input *in)
{
	struct world_member *m = &w->members[index];
	struct ha_time at = ha_time_add(w->now, wait);

	if (ha_time_before(at, *last))
		at = *last;
	*last = at;
	event_queue_add(w->queue, (struct sim_event){
		.at = at,
		.run = give_late,
		.ctx = w,
		.a = index,
		.b = m->incarnation,
		.data = in,
	});
}

static struct ha_dur
event_delay(struct world *w)
{
	return world_between(w, (struct ha_dur){ 20000 },
	    w->settings.event_delay_max);
}

static void
on_event(void *ctx, uint64_t serial, const struct ha_in_session *s)
{
	struct world_member *m = ctx;
	struct world *w = m->world;
	struct world_input *in;

	if (!m->running && s->event == HA_SESSION_END &&
	    fake_conntrack_by_serial(m->kernel, serial)->owner_bit)
		oracle_ended_unseen(w->oracle, m->index, &s->record);
	if (!m->running || m->deaf)
		return;
	in = world_new_input(HA_IN_SESSION, 0);
	in->input.u.session = *s;
	in->input.u.session.entry = (uint32_t)serial;
	in->entry = serial;
	give_after(w, m->index, &m->last_event, event_delay(w), in);
}

static void
give_dump(struct world *w, struct world_member *m, enum ha_dump_event event,
    struct ha_dur wait)
{
	struct world_input *in = world_new_input(HA_IN_DUMP, 0);

	in->input.u.dump.event = event;
	give_after(w, m->index, w->settings.dump_is_skewed &&
	    event != HA_DUMP_LOST ? &m->last_dump : &m->last_event, wait, in);
}

void
world_set_deaf(struct world *w, uint8_t index, bool deaf)
{
	struct world_member *m = &w->members[index];

	if (m->deaf == deaf)
		return;
	m->deaf = deaf;
	if (deaf) {
		m->blind = true;
		m->dump_is_whole = false;
	}
	m->disturbed = w->now;
	world_note(w, index, deaf ? "events are lost" : "events come again");
	if (!deaf && m->running)
		give_dump(w, m, HA_DUMP_LOST, event_delay(w));
}

void
world_set_refusals(struct world *w, uint8_t index, uint32_t percent)
{
	w->members[index].refusals = percent;
	w->members[index].disturbed = w->now;
}

/* The collector of expired entries comes by every now and then. */
static void
collect(void *ctx, const struct sim_event *e)
{
	struct world *w = ctx;
	uint8_t m = (uint8_t)e->a;

	fake_conntrack_collect(w->members[m].kernel, w->now);
	event_queue_add(w->queue, (struct sim_event){
		.at = ha_time_add(w->now,
		    world_between(w, COLLECT_MIN, COLLECT_MAX)),
		.run = collect,
		.ctx = w,
		.a = m,
	});
}

void
world_kernel_init(struct world *w, uint8_t index)
{
	struct world_member *m = &w->members[index];
	const struct fake_listener listener = { .event = on_event, .ctx = m };
	const struct sim_event first = { .a = index };

	fake_conntrack_listen(m->kernel, &listener);
	collect(w, &first);
}

/* ---- dumps ---- */

static void
end_dump(struct world *w, struct world_member *m)
{
	m->dumping = false;
	if (!m->blind || !m->dump_is_whole)
		return;
	m->blind = false;
	m->disturbed = w->now;
}

static void
dump_slice(void *ctx, const struct sim_event *e)
{
	struct world *w = ctx;
	struct world_member *m = &w->members[e->a];
	struct ha_time *last = w->settings.dump_is_skewed ? &m->last_dump :
	    &m->last_event;
	uint64_t next = e->c;
	int n = 0;

	if (m->incarnation != e->b)
		return;
	for (size_t i = 0; i < fake_conntrack_count(m->kernel); i++) {
		struct fake_entry *entry = fake_conntrack_at(m->kernel, i);
		struct world_input *in;

		if (entry->serial < next ||
		    ha_time_reached(w->now, entry->expires))
			continue;
		if (n++ == SLICE)
			break;
		in = world_new_input(HA_IN_SESSION, 0);
		in->input.u.session = fake_conntrack_describe(entry,
		    HA_SESSION_DUMPED);
		in->input.u.session.entry = (uint32_t)entry->serial;
		in->entry = entry->serial;
		next = entry->serial + 1;
		give_after(w, m->index, last, event_delay(w), in);
	}
	if (n <= SLICE) {
		end_dump(w, m);
		give_dump(w, m, HA_DUMP_END, ha_dur_ms(0));
		return;
	}
	event_queue_add(w->queue, (struct sim_event){
		.at = ha_time_add(w->now, SLICE_TIME),
		.run = dump_slice,
		.ctx = w,
		.a = e->a,
		.b = e->b,
		.c = next,
	});
}

void
world_kernel_dump(struct world *w, uint8_t index)
{
	struct world_member *m = &w->members[index];

	if (m->dumping) {
		oracle_broken(w->oracle, "dump: asked for while one runs");
		return;
	}
	world_note(w, index, "dump");
	m->dumping = true;
	m->dump_is_whole = !m->deaf;
	give_dump(w, m, HA_DUMP_BEGIN, event_delay(w));
	event_queue_add(w->queue, (struct sim_event){
		.at = ha_time_add(w->now, SLICE_TIME),
		.run = dump_slice,
		.ctx = w,
		.a = index,
		.b = m->incarnation,
	});
}

/* ---- operations ---- */

struct late_op {
	struct ha_kernel_op op;
	struct ha_record record;
	struct ha_time asked;
};

static void
note_op(struct world *w, uint8_t m, const struct ha_kernel_op *op, int result)
{
	static const char *const VERBS[] = { "install", "remove", "change",
		"end" };

	world_note(w, m, "op %s port=%d proto=%d change=%x%s result=%d",
	    VERBS[op->verb], op->record->orig.src_port,
	    op->record->orig.protocol, op->change,
	    op->liberal ? " liberal" : "", result);
}

/* Does this entry carry packets that its daemon knew of when it asked?  A
 * handshake that is not through carries nothing yet. */
static bool
carried(const struct fake_entry *e, struct ha_time asked)
{
	return e != NULL && e->owner_bit && e->told &&
	    ha_time_before(e->told_at, asked) &&
	    ha_time_before(e->answered_at, asked) &&
	    (e->record.orig.protocol != 6 ||
	        (e->record.tcp_state >= HA_TCP_ESTABLISHED &&
	            e->record.tcp_state < HA_TCP_TIME_WAIT));
}

static int
apply_op(struct world *w, struct world_member *m, const struct late_op *l)
{
	const struct fake_entry *e = fake_conntrack_find(m->kernel,
	    &l->record.orig);
	bool carries = carried(e, l->asked);
	struct ha_record gone = e == NULL ? l->record : e->record;
	int result;

	if (ha_rng_below(&w->rng, 100) < m->refusals)
		return ha_rng_below(&w->rng, 4) == 0 ? HA_ERR_IO :
		    HA_ERR_AGAIN;
	result = fake_conntrack_apply(m->kernel, w->now, &l->op);
	if (result == HA_OK && l->op.verb == HA_KERNEL_REMOVE)
		oracle_kernel_removed(w->oracle, m->index, &gone, carries);
	if (result == HA_OK && l->op.verb == HA_KERNEL_INSTALL)
		oracle_kernel_installed(w->oracle, m->index, &l->record);
	return result;
}

static void
run_op(void *ctx, const struct sim_event *e)
{
	struct world *w = ctx;
	struct world_member *m = &w->members[e->a];
	struct late_op *l = e->data;
	struct world_input *in;

	l->op.record = &l->record;
	if (m->incarnation == e->b) {
		in = world_new_input(HA_IN_DONE, 0);
		in->input.u.done.ticket = l->op.ticket;
		in->input.u.done.result = apply_op(w, m, l);
		note_op(w, m->index, &l->op, in->input.u.done.result);
		world_hash(w, ha_record_hash(&l->record) ^ l->op.ticket);
		give_after(w, m->index, &m->last_done, event_delay(w), in);
	}
	free(l);
}

/* The two of a replacement follow each other in one message. */
static bool
replaces(const struct ha_out_kernel *out, int i)
{
	return i > 0 && out->ops[i].verb == HA_KERNEL_INSTALL &&
	    out->ops[i - 1].verb == HA_KERNEL_REMOVE &&
	    ha_tuple_equal(&out->ops[i].record->orig,
	        &out->ops[i - 1].record->orig);
}

void
world_kernel_ops(struct world *w, uint8_t index,
    const struct ha_out_kernel *out)
{
	struct world_member *m = &w->members[index];

	for (int i = 0; i < out->n_ops; i++) {
		struct late_op *l = calloc(1, sizeof(*l));
		struct ha_time at = ha_time_add(w->now, world_between(w,
		    (struct ha_dur){ 10000 }, w->settings.op_delay_max));

		HA_CHECK(l != NULL);
		l->op = out->ops[i];
		l->record = *out->ops[i].record;
		l->asked = w->now;
		if (ha_time_before(at, m->last_op) || replaces(out, i))
			at = m->last_op;
		m->last_op = at;
		event_queue_add(w->queue, (struct sim_event){
			.at = at,
			.run = run_op,
			.ctx = w,
			.a = index,
			.b = m->incarnation,
			.data = l,
		});
	}
}

/* ---- faults ---- */

void
world_uplink_down(struct world *w, uint8_t index)
{
	struct world_member *m = &w->members[index];
	size_t n;

	if (!m->powered)
		return;
	n = fake_conntrack_uplink_down(m->kernel, w->now);
	m->disturbed = w->now;
	world_note(w, index, "uplink down: %zu entries", n);
}

void
world_delete_some(struct world *w, uint8_t index)
{
	struct world_member *m = &w->members[index];
	size_t n = fake_conntrack_count(m->kernel);
	struct ha_tuple t;

	if (!m->powered || n == 0)
		return;
	t = fake_conntrack_at(m->kernel,
	    ha_rng_below(&w->rng, n))->record.orig;
	if (fake_conntrack_delete(m->kernel, w->now, &t) != HA_OK)
		return;
	flows_excuse(w->flows, &t);
	world_note(w, index, "a person deletes port=%d", t.src_port);
}

/* ---- packets ---- */

enum flow_verdict
world_packet(void *ctx, uint8_t index, const struct fake_packet *p)
{
	struct world *w = ctx;
	struct world_member *m = &w->members[index];
	enum fake_verdict v;

	if (index == 0 || !m->powered || !m->gate_open)
		return FLOW_DARK;
	v = fake_conntrack_packet(m->kernel, w->now, p);
	world_hash(w, (uint64_t)v << 32 ^ p->tuple.src_port ^
	    (uint64_t)index << 40);
	switch (v) {
	case FAKE_FORWARDED:
		return FLOW_FORWARDED;
	case FAKE_INVALID:
		return FLOW_INVALID;
	case FAKE_NO_ENTRY:
		return FLOW_NO_ENTRY;
	}
	return FLOW_DARK;
}
