#include "core_rig.h"

#include <check.h>
#include <string.h>

#include "tests/unit/kept_message.h"

#define QUEUE_MAX   256
#define TICKETS_MAX 4096

struct parcel {
	struct kept_message kept;
	uint8_t from;
	uint8_t to;
	uint8_t link;
	uint64_t generation;
};

struct result {
	uint64_t ticket;
	int result;
	uint16_t ended; /* port of what it ended; 0: nothing */
};

struct rig rig;

static struct parcel queue[QUEUE_MAX];
static size_t n_queue;
static struct result held[RIG_MEMBERS + 1][TICKETS_MAX];
static size_t n_held[RIG_MEMBERS + 1];
static uint64_t generation;

static struct ha_settings
settings_of(uint8_t self)
{
	struct ha_settings s = { .self = self, .boot = { self, 0 },
		.handoff_idle = ha_dur_ms(1000), .table_size = 2048,
		.timeouts = ha_timeouts_default() };

	for (int i = 0; i < RIG_MEMBERS; i++)
		s.members[i] = (struct ha_member_settings){ true, true, 0 };
	for (int k = 0; k < HA_LINK_MAX; k++) {
		s.threshold[k] = ha_dur_ms(1000);
		s.link_configured[k] = true;
	}
	return s;
}

void
rig_begin(void)
{
	rig = (struct rig){ .now = { 1000 } };
	n_queue = 0;
	generation = 0;
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++) {
		n_held[m] = 0;
		rig.m[m].settings = settings_of(m);
	}
}

void
rig_end(void)
{
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++)
		rig_kill(m);
}

void
rig_start(uint8_t m, enum ha_start start)
{
	struct rig_member *r = &rig.m[m];

	r->n_moves = 0;
	r->settings.start = start;
	r->settings.gate_open = r->gate_open;
	r->settings.boot.counter++;
	r->settings.boot.id = 0x1000u * r->settings.boot.counter + m;
	r->core = ha_core_new(&r->settings, m, rig.now);
	ck_assert_ptr_nonnull(r->core);
}

void
rig_kill(uint8_t m)
{
	ha_core_free(rig.m[m].core);
	rig.m[m].core = NULL;
	n_held[m] = 0;
	for (uint8_t o = 1; o <= RIG_MEMBERS; o++)
		rig.cut[m][o] = rig.cut[o][m] = true;
}

static void
link_event(uint8_t at, uint8_t peer, enum ha_link_event event)
{
	struct ha_input in = { .kind = HA_IN_LINK, .u.link = { .event = event,
		.peer = peer, .link = HA_LINK_HA4, .generation = generation,
		.boot = rig.m[peer].settings.boot } };

	if (rig.m[at].core != NULL)
		rig_feed(at, &in);
}

void
rig_connect(uint8_t a, uint8_t b)
{
	rig.cut[a][b] = rig.cut[b][a] = false;
	generation++;
	link_event(a, b, HA_LINK_UP);
	link_event(b, a, HA_LINK_UP);
}

/* Nobody is told: each finds out. */
void
rig_disconnect(uint8_t a, uint8_t b)
{
	rig.cut[a][b] = rig.cut[b][a] = true;
}

static void
post(uint8_t from, const struct ha_out_send *s)
{
	struct parcel *p;

	if (rig.drop != NULL && rig.drop(from, s->peer, s->message))
		return;
	ck_assert_uint_lt(n_queue, QUEUE_MAX);
	p = &queue[n_queue++];
	keep_message(&p->kept, s->message);
	p->from = from;
	p->to = s->peer;
	p->link = s->link;
	p->generation = s->generation;
}

static int
do_op(struct rig_member *r, const struct ha_kernel_op *op)
{
	uint16_t port = op->record->orig.src_port % RIG_PORTS;
	enum rig_entry *e = &r->kernel[port];
	bool was = *e != RIG_NONE;
	int answer = rig.answer == NULL ? HA_OK : rig.answer(op);

	if (answer != HA_OK)
		return answer;
	if (op->verb == HA_KERNEL_INSTALL)
		r->order[port] = ++r->installs;
	r->changes[port] |= op->change;
	r->extra[port] = (struct ha_extra){ .helper = "" };
	if (op->extra != NULL)
		r->extra[port] = *op->extra;
	if (op->verb == HA_KERNEL_INSTALL ||
	    (op->change & HA_CHANGE_LIFETIME) != 0)
		r->lifetime_s[port] = op->lifetime_s;
	switch (op->verb) {
	case HA_KERNEL_INSTALL:
		*e = was ? *e : RIG_REPLICA;
		return was ? HA_ERR_EXISTS : HA_OK;
	case HA_KERNEL_REMOVE:
		*e = RIG_NONE;
		r->removals++;
		return was ? HA_OK : HA_ERR_ABSENT;
	case HA_KERNEL_END:
		*e = RIG_NONE;
		return was ? HA_OK : HA_ERR_ABSENT;
	case HA_KERNEL_CHANGE:
		if (was && (op->change & HA_CHANGE_PROBE) != 0)
			*e = RIG_REPLICA;
		return was ? HA_OK : HA_ERR_ABSENT;
	}
	return HA_ERR_UNSUPPORTED;
}

static void
do_ops(uint8_t m, const struct ha_out_kernel *k)
{
	for (int i = 0; i < k->n_ops; i++) {
		const struct ha_kernel_op *op = &k->ops[i];
		struct result *r = &held[m][n_held[m]++];

		ck_assert_uint_le(n_held[m], TICKETS_MAX);
		*r = (struct result){ op->ticket, do_op(&rig.m[m], op), 0 };
		if (op->verb == HA_KERNEL_END && r->result == HA_OK)
			r->ended = op->record->orig.src_port;
	}
}

static void
dump(uint8_t m)
{
	struct ha_input in = { .kind = HA_IN_DUMP };

	in.u.dump.event = HA_DUMP_BEGIN;
	rig_feed(m, &in);
	for (uint16_t port = 0; port < RIG_PORTS; port++) {
		struct ha_input e = rig_event(HA_SESSION_DUMPED, port);

		e.u.session.owner_bit = rig.m[m].kernel[port] == RIG_CARRIED;
		e.u.session.replica_bit = rig.m[m].kernel[port] == RIG_REPLICA;
		if (rig.m[m].kernel[port] != RIG_NONE)
			rig_feed(m, &e);
	}
	in.u.dump.event = HA_DUMP_END;
	rig_feed(m, &in);
}

static void
moved(struct rig_member *r, const struct ha_out_state *o)
{
	ck_assert_uint_lt(r->n_moves, RIG_MOVES);
	r->moves[r->n_moves++] = (struct rig_move){ (enum ha_state)o->from,
		(enum ha_state)o->to, o->cause };
}

static void
alarmed(struct rig_member *r, const struct ha_out_alarm *o)
{
	if (strcmp(o->name, "forwards-while-failed") == 0)
		r->alarm = o->active;
	else if (strcmp(o->name, "member-lost") == 0)
		r->member_lost = o->active ? o->member : 0;
	else if (strcmp(o->name, "link-down") == 0)
		r->link_down = o->active ? o->member : 0;
}

static void
ended(struct rig_member *r, const struct ha_out_ended *e)
{
	r->ended++;
	r->last_ended = *e;
}

static void
perform(uint8_t m)
{
	size_t n;
	const struct ha_output *out = ha_core_outputs(rig.m[m].core, &n);
	bool wants_dump = false;

	for (size_t i = 0; i < n; i++) {
		if (out[i].kind == HA_OUT_SEND)
			post(m, &out[i].u.send);
		else if (out[i].kind == HA_OUT_KERNEL)
			do_ops(m, &out[i].u.kernel);
		else if (out[i].kind == HA_OUT_DUMP)
			wants_dump = true;
		else if (out[i].kind == HA_OUT_ENDED)
			ended(&rig.m[m], &out[i].u.ended);
		else if (out[i].kind == HA_OUT_STATE)
			moved(&rig.m[m], &out[i].u.state);
		else if (out[i].kind == HA_OUT_GATE)
			rig.m[m].gate_open = out[i].u.gate.open;
		else if (out[i].kind == HA_OUT_ALARM)
			alarmed(&rig.m[m], &out[i].u.alarm);
		else if (out[i].kind == HA_OUT_PEER)
			rig.m[m].peer_downs +=
			    out[i].u.peer.event != HA_PEER_UP;
	}
	if (!rig.m[m].hold_done)
		rig_release_done(m);
	if (wants_dump)
		dump(m);
}

void
rig_release_done(uint8_t m)
{
	struct result now[TICKETS_MAX];
	size_t n = n_held[m];

	memcpy(now, held[m], n * sizeof(now[0]));
	n_held[m] = 0;
	rig.m[m].hold_done = false;
	for (size_t i = 0; i < n; i++) {
		struct ha_input end = rig_event(HA_SESSION_END, now[i].ended);

		end.u.session.foreign = true;
		if (now[i].ended != 0)
			rig_feed(m, &end);
		rig_feed(m, &(struct ha_input){ .kind = HA_IN_DONE,
			.u.done = { now[i].ticket, now[i].result } });
	}
}

void
rig_feed(uint8_t m, const struct ha_input *in)
{
	struct ha_input timed = *in;

	timed.now = rig.now;
	ck_assert_int_eq(ha_core_step(rig.m[m].core, &timed), HA_OK);
	perform(m);
}

int
rig_admin(uint8_t m, const struct ha_in_admin *admin)
{
	struct ha_input in = { .kind = HA_IN_ADMIN, .now = rig.now,
		.u.admin = *admin };
	int rc = ha_core_step(rig.m[m].core, &in);

	perform(m);
	return rc;
}

static void
deliver(void)
{
	static struct parcel box;

	for (size_t i = 0; i < n_queue; i++) {
		box = queue[i];
		if (rig.m[box.from].core != NULL)
			rig_feed(box.from, &(struct ha_input){
				.kind = HA_IN_LINK,
				.u.link = { .event = HA_LINK_ROOM,
					.peer = box.to, .link = box.link,
					.generation = box.generation } });
		if (rig.cut[box.from][box.to] || rig.m[box.to].core == NULL)
			continue;
		rig_feed(box.to, &(struct ha_input){ .kind = HA_IN_MESSAGE,
			.u.message = { .peer = box.from, .link = box.link,
				.generation = box.generation,
				.message = kept_message(&box.kept) } });
	}
	n_queue = 0;
}

void
rig_run_ms(int ms)
{
	for (int i = 0; i < ms; i += 10) {
		rig.now = ha_time_add(rig.now, ha_dur_ms(10));
		for (uint8_t m = 1; m <= RIG_MEMBERS; m++)
			if (rig.m[m].core != NULL)
				rig_feed(m,
				    &(struct ha_input){ .kind = HA_IN_TICK });
		deliver();
	}
}

struct ha_input
rig_event(enum ha_session_event event, uint16_t port)
{
	struct ha_record r = { .status = HA_STATUS_SEEN_REPLY |
		HA_STATUS_ASSURED, .tcp_state = HA_TCP_ESTABLISHED };

	r.orig = (struct ha_tuple){ .src = { 10, 0, 0, 1 },
		.dst = { 10, 0, 1, 1 }, .src_port = port, .dst_port = 80,
		.family = HA_IPV4, .protocol = 6 };
	r.reply = ha_tuple_invert(&r.orig);
	return (struct ha_input){ .kind = HA_IN_SESSION,
		.u.session = { .event = event, .record = r,
			.bits_known = true, .owner_bit = true } };
}

void
rig_flow(uint8_t m, uint16_t port)
{
	struct ha_input in = rig_event(HA_SESSION_NEW, port);

	rig.m[m].kernel[port] = RIG_CARRIED;
	rig_feed(m, &in);
}

enum ha_state
rig_state(uint8_t m)
{
	struct ha_view_self v;

	ha_view_self(rig.m[m].core, &v);
	return v.state;
}

unsigned int
rig_sessions(uint8_t m)
{
	struct ha_view_session v;
	uint32_t cursor = 0;
	unsigned int n = 0;

	while (ha_view_next_session(rig.m[m].core, &cursor, &v))
		n++;
	return n;
}

bool
rig_find(uint8_t m, uint16_t port, struct ha_view_session *out)
{
	uint32_t cursor = 0;

	while (ha_view_next_session(rig.m[m].core, &cursor, out))
		if (out->record.orig.src_port == port)
			return true;
	return false;
}
