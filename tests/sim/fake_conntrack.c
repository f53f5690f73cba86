#include "tests/sim/fake_conntrack.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/*
 * A table of a few hundred entries in the order of their creation; a lookup
 * looks at all of them, hash first.
 *
 * Windows are told in positions: each side of a flow counts what it has
 * sent.  window[dir] is the last position that the entry saw in that
 * direction, or, as long as window_known[dir] is false, what the other side
 * acknowledged when the entry was new.
 */

struct slot {
	uint64_t hash[HA_DIR_MAX];
	struct fake_entry entry;
};

struct fake_conntrack {
	struct ha_timeouts timeouts;
	uint32_t max;
	struct fake_listener listener;
	uint64_t next_serial;
	struct slot **slots;
	size_t n;
	size_t room;
};

struct fake_conntrack *
fake_conntrack_new(const struct ha_timeouts *timeouts, uint32_t max)
{
	struct fake_conntrack *ct = calloc(1, sizeof(*ct));

	HA_CHECK(ct != NULL);
	ct->timeouts = *timeouts;
	ct->max = max;
	ct->next_serial = 1;
	return ct;
}

void
fake_conntrack_free(struct fake_conntrack *ct)
{
	if (ct == NULL)
		return;
	fake_conntrack_wipe(ct);
	free(ct->slots);
	free(ct);
}

void
fake_conntrack_listen(struct fake_conntrack *ct,
    const struct fake_listener *listener)
{
	ct->listener = listener != NULL ? *listener :
	    (struct fake_listener){ .event = NULL };
}

/* ---- entries ---- */

static struct slot *
find_slot(const struct fake_conntrack *ct, const struct ha_tuple *t)
{
	uint64_t hash = ha_tuple_hash(0, t);

	for (size_t i = 0; i < ct->n; i++) {
		struct slot *s = ct->slots[i];

		if (s->hash[HA_DIR_ORIGINAL] == hash &&
		    ha_tuple_equal(&s->entry.record.orig, t))
			return s;
		if (s->hash[HA_DIR_REPLY] == hash &&
		    ha_tuple_equal(&s->entry.record.reply, t))
			return s;
	}
	return NULL;
}

static struct fake_entry *
add_entry(struct fake_conntrack *ct, struct ha_time now,
    const struct ha_record *r)
{
	struct slot *s = calloc(1, sizeof(*s));

	HA_CHECK(s != NULL);
	if (ct->n == ct->room) {
		ct->room = ct->room == 0 ? 64 : ct->room * 2;
		ct->slots = realloc(ct->slots, ct->room * sizeof(*ct->slots));
		HA_CHECK(ct->slots != NULL);
	}
	s->hash[HA_DIR_ORIGINAL] = ha_tuple_hash(0, &r->orig);
	s->hash[HA_DIR_REPLY] = ha_tuple_hash(0, &r->reply);
	s->entry.serial = ct->next_serial++;
	s->entry.record = *r;
	s->entry.record.flags = 0;
	s->entry.created = now;
	s->entry.touched = HA_TIME_NEVER;
	s->entry.answered_at = HA_TIME_NEVER;
	ct->slots[ct->n++] = s;
	return &s->entry;
}

static void
remove_entry(struct fake_conntrack *ct, const struct fake_entry *e)
{
	size_t i = 0;

	while (&ct->slots[i]->entry != e)
		i++;
	free(ct->slots[i]);
	ct->n--;
	memmove(&ct->slots[i], &ct->slots[i + 1],
	    (ct->n - i) * sizeof(*ct->slots));
}

void
fake_conntrack_wipe(struct fake_conntrack *ct)
{
	for (size_t i = 0; i < ct->n; i++)
		free(ct->slots[i]);
	ct->n = 0;
}

struct fake_entry *
fake_conntrack_find(struct fake_conntrack *ct, const struct ha_tuple *t)
{
	struct slot *s = find_slot(ct, t);

	return s == NULL ? NULL : &s->entry;
}

struct fake_entry *
fake_conntrack_by_serial(struct fake_conntrack *ct, uint64_t serial)
{
	for (size_t i = 0; i < ct->n; i++)
		if (ct->slots[i]->entry.serial == serial)
			return &ct->slots[i]->entry;
	return NULL;
}

size_t
fake_conntrack_count(const struct fake_conntrack *ct)
{
	return ct->n;
}

struct fake_entry *
fake_conntrack_at(struct fake_conntrack *ct, size_t i)
{
	return &ct->slots[i]->entry;
}

static struct ha_dur
lifetime(const struct fake_conntrack *ct, const struct ha_record *r)
{
	const struct ha_timeouts *t = &ct->timeouts;

	switch (r->orig.protocol) {
	case 6:
		return ha_dur_s(t->tcp_s[r->tcp_state]);
	case 17:
		return ha_dur_s((r->status & HA_STATUS_ASSURED) != 0 ?
		    t->udp_stream_s : t->udp_s);
	case 1:
		return ha_dur_s(t->icmp_s);
	case 58:
		return ha_dur_s(t->icmpv6_s);
	default:
		return ha_dur_s(t->generic_s);
	}
}

/* ---- events ---- */

struct ha_in_session
fake_conntrack_describe(const struct fake_entry *e,
    enum ha_session_event event)
{
	return (struct ha_in_session){
		.event = event,
		.record = e->record,
		.bits_known = true,
		.owner_bit = e->owner_bit,
		.replica_bit = e->replica_bit,
	};
}

static void
tell(const struct fake_conntrack *ct, const struct fake_entry *e,
    const struct ha_in_session *event)
{
	if (ct->listener.event != NULL)
		ct->listener.event(ct->listener.ctx, e->serial, event);
}

static void
tell_new(const struct fake_conntrack *ct, const struct fake_entry *e)
{
	struct ha_in_session event =
	    fake_conntrack_describe(e, HA_SESSION_NEW);

	tell(ct, e, &event);
}

static void
tell_update(const struct fake_conntrack *ct, const struct fake_entry *e,
    bool tcp_changed, bool bits_changed)
{
	struct ha_in_session event =
	    fake_conntrack_describe(e, HA_SESSION_UPDATE);

	if (!tcp_changed) {
		event.record.tcp_state = HA_TCP_NONE;
		memset(event.record.tcp_flags, 0,
		    sizeof(event.record.tcp_flags));
		memset(event.record.tcp_wscale, 0,
		    sizeof(event.record.tcp_wscale));
	}
	if (!bits_changed) {
		event.bits_known = false;
		event.owner_bit = false;
		event.replica_bit = false;
	}
	tell(ct, e, &event);
}

enum end_cause {
	END_EXPIRED, /* no timeout is left */
	END_KILLED,  /* by the kernel, before its time */
	END_DELETED, /* by another program */
};

static void
end_entry(struct fake_conntrack *ct, struct fake_entry *e,
    enum end_cause cause)
{
	struct ha_in_session event = fake_conntrack_describe(e,
	    HA_SESSION_END);

	event.bits_known = false;
	event.owner_bit = false;
	event.replica_bit = false;
	memset(event.record.tcp_flags, 0, sizeof(event.record.tcp_flags));
	memset(event.record.tcp_wscale, 0, sizeof(event.record.tcp_wscale));
	event.has_timeout = cause != END_EXPIRED;
	event.foreign = cause == END_DELETED;
	tell(ct, e, &event);
	remove_entry(ct, e);
}

/* ---- packets ---- */

/* The entry of a tuple; one whose time is up is collected on sight. */
static struct fake_entry *
find_alive(struct fake_conntrack *ct, struct ha_time now,
    const struct ha_tuple *t)
{
	struct fake_entry *e = fake_conntrack_find(ct, t);

	if (e != NULL && ha_time_reached(now, e->expires)) {
		end_entry(ct, e, END_EXPIRED);
		return fake_conntrack_find(ct, t);
	}
	return e;
}

static uint32_t
distance(uint32_t x, uint32_t y)
{
	return x > y ? x - y : y - x;
}

/* Created for us without all that a connection needs: it gets stuck. */
static bool
is_crippled(const struct ha_record *r)
{
	return r->tcp_state >= HA_TCP_ESTABLISHED &&
	    ((r->status & HA_STATUS_SEEN_REPLY) == 0 ||
	        r->tcp_wscale[HA_DIR_ORIGINAL] == 0 ||
	        r->tcp_wscale[HA_DIR_REPLY] == 0);
}

static bool
fits_windows(const struct fake_entry *e, int dir, const struct fake_packet *p)
{
	int other = !dir;

	if (!e->window_known[dir])
		return true;
	return distance(p->seq, e->window[dir]) <= FAKE_WINDOW &&
	    distance(p->ack, e->window[other]) <= FAKE_WINDOW;
}

static void
learn_windows(struct fake_entry *e, int dir, const struct fake_packet *p)
{
	int other = !dir;

	if (!e->window_known[dir] && !e->window_known[other])
		e->window[other] = p->ack;
	if (!e->window_known[dir] || p->seq > e->window[dir])
		e->window[dir] = p->seq;
	e->window_known[dir] = true;
}

/* The state that a packet moves a connection to; HA_TCP_NONE: no such
 * packet is expected in this state. */
static uint8_t
next_tcp_state(const struct fake_entry *e, int dir, enum fake_packet_kind k)
{
	uint8_t s = e->record.tcp_state;

	switch (k) {
	case FAKE_SYN:
		return dir == HA_DIR_ORIGINAL && s <= HA_TCP_SYN_RECV ? s :
		    HA_TCP_NONE;
	case FAKE_SYN_ACK:
		return dir == HA_DIR_REPLY && s <= HA_TCP_SYN_RECV ?
		    HA_TCP_SYN_RECV : HA_TCP_NONE;
	case FAKE_DATA:
		if (s == HA_TCP_SYN_SENT)
			return HA_TCP_NONE;
		if (s == HA_TCP_SYN_RECV)
			return dir == HA_DIR_ORIGINAL ? HA_TCP_ESTABLISHED : s;
		if (s == HA_TCP_LAST_ACK)
			return HA_TCP_TIME_WAIT;
		return s;
	case FAKE_FIN:
		if (s == HA_TCP_ESTABLISHED)
			return HA_TCP_FIN_WAIT;
		return s == HA_TCP_FIN_WAIT ? HA_TCP_LAST_ACK : s;
	case FAKE_RST:
		return HA_TCP_CLOSE;
	}
	return HA_TCP_NONE;
}

/* What the packet changes of an entry's record; true: of its TCP state. */
static bool
move_tcp(struct fake_entry *e, int dir, uint8_t state)
{
	bool changed = state != e->record.tcp_state;

	if (dir == HA_DIR_REPLY)
		e->record.status |= HA_STATUS_SEEN_REPLY;
	if (state == HA_TCP_SYN_RECV)
		e->record.tcp_wscale[HA_DIR_REPLY] = FAKE_WSCALE;
	if (state == HA_TCP_ESTABLISHED)
		e->record.status |= HA_STATUS_ASSURED;
	e->record.tcp_state = state;
	return changed;
}

static void
move_other(struct fake_entry *e, struct ha_time now, int dir)
{
	struct ha_dur age = ha_time_since(now, e->created);
	bool replied = (e->record.status & HA_STATUS_SEEN_REPLY) != 0;

	if (e->record.orig.protocol == 17 && replied &&
	    (e->replica_bit || age.ns >= ha_dur_s(2).ns))
		e->record.status |= HA_STATUS_ASSURED;
	if (dir == HA_DIR_REPLY)
		e->record.status |= HA_STATUS_SEEN_REPLY;
}

static enum fake_verdict
pass_packet(struct fake_conntrack *ct, struct ha_time now,
    struct fake_entry *e, const struct fake_packet *p)
{
	int dir = ha_tuple_equal(&p->tuple, &e->record.orig) ?
	    HA_DIR_ORIGINAL : HA_DIR_REPLY;
	uint32_t status = e->record.status;
	bool tcp_changed = false;
	bool bits_changed = !e->owner_bit;

	if (p->tuple.protocol == 6) {
		uint8_t state = next_tcp_state(e, dir, p->kind);

		if (state == HA_TCP_NONE || is_crippled(&e->record))
			return FAKE_INVALID;
		if (fits_windows(e, dir, p))
			learn_windows(e, dir, p);
		else if (!e->liberal)
			return FAKE_INVALID;
		tcp_changed = move_tcp(e, dir, state);
	} else {
		move_other(e, now, dir);
	}
	e->owner_bit = true;
	e->touched = ha_time_min(e->touched, now);
	e->expires = ha_time_add(now, lifetime(ct, &e->record));
	if (tcp_changed || bits_changed || status != e->record.status)
		tell_update(ct, e, tcp_changed, bits_changed);
	return FAKE_FORWARDED;
}

static enum fake_verdict
open_session(struct fake_conntrack *ct, struct ha_time now,
    const struct fake_packet *p)
{
	struct ha_record r = {
		.orig = p->tuple,
		.reply = p->reply,
		.status = p->nat_status,
		.tcp_state = p->tuple.protocol == 6 ? HA_TCP_SYN_SENT :
		    HA_TCP_NONE,
	};
	struct fake_entry *e;

	if (!p->may_open || (p->tuple.protocol == 6 && p->kind != FAKE_SYN))
		return FAKE_NO_ENTRY;
	if (find_alive(ct, now, &p->reply) != NULL)
		return FAKE_NO_ENTRY;
	if (ct->max != 0 && ct->n >= ct->max &&
	    !fake_conntrack_early_drop(ct, now))
		return FAKE_NO_ENTRY;
	if (p->tuple.protocol == 6)
		r.tcp_wscale[HA_DIR_ORIGINAL] = FAKE_WSCALE;
	e = add_entry(ct, now, &r);
	e->owner_bit = true;
	e->touched = now;
	e->masqueraded = p->masquerade;
	e->expires = ha_time_add(now, lifetime(ct, &r));
	if (p->tuple.protocol == 6)
		learn_windows(e, HA_DIR_ORIGINAL, p);
	tell_new(ct, e);
	return FAKE_FORWARDED;
}

enum fake_verdict
fake_conntrack_packet(struct fake_conntrack *ct, struct ha_time now,
    const struct fake_packet *p)
{
	struct fake_entry *e = find_alive(ct, now, &p->tuple);

	if (e != NULL && p->kind == FAKE_SYN && p->tuple.protocol == 6 &&
	    e->record.tcp_state >= HA_TCP_TIME_WAIT) {
		end_entry(ct, e, END_KILLED);
		e = NULL;
	}
	if (e != NULL)
		return pass_packet(ct, now, e, p);
	return open_session(ct, now, p);
}

/* ---- what our own daemon asks ---- */

static int
install(struct fake_conntrack *ct, struct ha_time now,
    const struct ha_kernel_op *op)
{
	struct fake_entry *e;

	if (find_alive(ct, now, &op->record->orig) != NULL ||
	    find_alive(ct, now, &op->record->reply) != NULL)
		return HA_ERR_EXISTS;
	if (ct->max != 0 && ct->n >= ct->max)
		return HA_ERR_FULL;
	e = add_entry(ct, now, op->record);
	e->replica_bit = true;
	e->liberal = op->liberal;
	e->expires = ha_time_add(now, ha_dur_s(op->lifetime_s));
	return HA_OK;
}

static void
change(struct fake_entry *e, struct ha_time now, const struct ha_kernel_op *op)
{
	if ((op->change & HA_CHANGE_PROBE) != 0) {
		e->owner_bit = false;
		e->told = false;
	}
	if ((op->change & HA_CHANGE_LIBERAL) != 0)
		e->liberal = true;
	if ((op->change & HA_CHANGE_STRICT) != 0)
		e->liberal = false;
	if ((op->change & HA_CHANGE_LIFETIME) != 0)
		e->expires = ha_time_add(now, ha_dur_s(op->lifetime_s));
	if ((op->change & HA_CHANGE_STATUS) != 0)
		e->record.status |= op->record->status &
		    (HA_STATUS_SEEN_REPLY | HA_STATUS_ASSURED);
	if ((op->change & HA_CHANGE_MARK) != 0)
		e->record.mark = op->record->mark;
}

int
fake_conntrack_apply(struct fake_conntrack *ct, struct ha_time now,
    const struct ha_kernel_op *op)
{
	struct fake_entry *e;

	if (op->verb == HA_KERNEL_INSTALL)
		return install(ct, now, op);
	e = find_alive(ct, now, &op->record->orig);
	if (e == NULL || (op->verb != HA_KERNEL_CHANGE && op->entry != 0 &&
	    op->entry != (uint32_t)e->serial))
		return HA_ERR_ABSENT;
	if (op->verb == HA_KERNEL_REMOVE)
		remove_entry(ct, e);
	else if (op->verb == HA_KERNEL_END)
		end_entry(ct, e, END_DELETED);
	else
		change(e, now, op);
	return HA_OK;
}

/* ---- what happens to entries ---- */

void
fake_conntrack_collect(struct fake_conntrack *ct, struct ha_time now)
{
	for (size_t i = ct->n; i-- > 0;)
		if (ha_time_reached(now, ct->slots[i]->entry.expires))
			end_entry(ct, &ct->slots[i]->entry, END_EXPIRED);
}

size_t
fake_conntrack_uplink_down(struct fake_conntrack *ct, struct ha_time now)
{
	size_t gone = 0;

	for (size_t i = ct->n; i-- > 0;) {
		struct fake_entry *e = &ct->slots[i]->entry;

		if (!e->masqueraded)
			continue;
		end_entry(ct, e, ha_time_reached(now, e->expires) ?
		    END_EXPIRED : END_KILLED);
		gone++;
	}
	return gone;
}

int
fake_conntrack_delete(struct fake_conntrack *ct, struct ha_time now,
    const struct ha_tuple *t)
{
	struct fake_entry *e = find_alive(ct, now, t);

	if (e == NULL)
		return HA_ERR_ABSENT;
	end_entry(ct, e, END_DELETED);
	return HA_OK;
}

bool
fake_conntrack_early_drop(struct fake_conntrack *ct, struct ha_time now)
{
	for (size_t i = 0; i < ct->n; i++) {
		struct fake_entry *e = &ct->slots[i]->entry;

		if ((e->record.status & HA_STATUS_ASSURED) != 0)
			continue;
		end_entry(ct, e, ha_time_reached(now, e->expires) ?
		    END_EXPIRED : END_KILLED);
		return true;
	}
	return false;
}
