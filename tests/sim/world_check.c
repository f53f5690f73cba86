#include <stdio.h>

#include "tests/sim/world.h"

/*
 * What the oracle can't see by itself is shown to it here: the tables of the
 * cores, the kernels, the links.
 */

/* Each stream as this member and as every member has it. */
#define STREAM_VIEWS (HA_STREAM_MAX * (HA_MEMBER_MAX + 1))

#define CALM        ha_dur_s(10) /* after a fault, before promises count */
#define STUCK_AFTER ha_dur_s(75)
#define MOVED_LONG  ha_dur_s(90)

/* ---- sweeps ---- */

void
world_sweep(struct world *w, uint8_t index)
{
	struct world_member *m = &w->members[index];
	struct ha_view_stream streams[STREAM_VIEWS];
	struct ha_view_session session;
	struct ha_view_peer peer;
	uint32_t cursor = 0;
	size_t n;

	m->wants_sweep = false;
	oracle_sweep_begin(w->oracle, index);
	for (uint8_t i = 1; i <= w->settings.n_members; i++) {
		if (ha_view_peer(m->core, i, &peer) != HA_OK)
			peer = (struct ha_view_peer){ .index = i };
		oracle_sees_peer(w->oracle, index, &peer);
	}
	n = ha_view_streams(m->core, streams,
	    sizeof(streams) / sizeof(streams[0]));
	for (size_t i = 0; i < n; i++)
		if (streams[i].member == index)
			oracle_sees_stream(w->oracle, index, &streams[i]);
	while (ha_view_next_session(m->core, &cursor, &session))
		oracle_sees_session(w->oracle, index, &session);
	oracle_sweep_end(w->oracle, index);
}

static void
note_streams(struct world *w, const struct world_member *m)
{
	struct ha_view_stream v[STREAM_VIEWS];
	size_t n = ha_view_streams(m->core, v, sizeof(v) / sizeof(v[0]));

	for (size_t i = 0; i < n; i++)
		world_note(w, m->index, "  stream %d/%llx at %d: source %d "
		    "complete %llu tail %llu confirmed %llu held %llu digest "
		    "%llx %s", v[i].status.stream.owner,
		    (unsigned long long)v[i].status.stream.boot & 0xffff,
		    v[i].member, v[i].source,
		    (unsigned long long)v[i].status.complete,
		    (unsigned long long)v[i].tail,
		    (unsigned long long)v[i].status.count,
		    (unsigned long long)v[i].count_held,
		    (unsigned long long)v[i].status.digest,
		    v[i].status.caught_up ? "caught up" : "");
}

static void
note_sessions(struct world *w, const struct world_member *m)
{
	struct ha_view_session v;
	uint32_t cursor = 0;

	while (ha_view_next_session(m->core, &cursor, &v))
		world_note(w, m->index, "  session %d/%llx/%llu e%u o%d r%llx "
		    "port=%d proto=%d s=%x t=%d f=%d%s%s%s%s%s%s%s",
		    v.uid.creator, (unsigned long long)v.uid.boot & 0xffff,
		    (unsigned long long)v.uid.number, v.version.epoch,
		    v.version.owner, (unsigned long long)v.version.revision,
		    v.record.orig.src_port, v.record.orig.protocol,
		    v.record.status, v.record.tcp_state, v.record.flags,
		    v.role == HA_ROLE_OWNED ? " owned" : "",
		    v.published ? " published" : "", v.limbo ? " limbo" : "",
		    v.installed ? " installed" : "",
		    v.traffic ? " traffic" : "",
		    v.conflict ? " conflict" : "",
		    v.asymmetric ? " asymmetric" : "");
}

static void
note_counters(struct world *w, const struct world_member *m)
{
	const struct ha_counters *c = ha_view_counters(m->core);

#define HA_COUNTER(name, unit, sentence)                                      \
	if (c->name != 0)                                                     \
		world_note(w, m->index, "  counter " #name " %llu",           \
		    (unsigned long long)c->name);
#include "core/counters.def"
#undef HA_COUNTER
}

void
world_note_all(struct world *w)
{
	for (uint8_t i = 1; i <= w->settings.n_members; i++) {
		const struct world_member *m = &w->members[i];

		if (!m->running)
			continue;
		note_counters(w, m);
		note_streams(w, m);
		note_sessions(w, m);
	}
}

/* Only TCP has windows that can be those of the past, and while it talks.  Of
 * what began while events were lost no daemon knows before its next dump. */
static bool
has_windows(const struct fake_entry *e)
{
	return e->record.orig.protocol == 6 &&
	    e->record.tcp_state == HA_TCP_ESTABLISHED &&
	    !ha_time_is_never(e->touched) &&
	    !ha_time_is_never(e->answered_at);
}

static void
check_entries(struct world *w, struct world_member *m)
{
	if (m->paused || m->blind ||
	    ha_dur_less(ha_time_since(w->now, m->disturbed), CALM))
		return;
	for (size_t i = 0; i < fake_conntrack_count(m->kernel); i++) {
		const struct fake_entry *e = fake_conntrack_at(m->kernel, i);

		if (has_windows(e))
			oracle_kernel_entry(w->oracle, m->index, &e->record,
			    e->touched);
	}
}

void
world_sweep_all(struct world *w)
{
	for (uint8_t i = 1; i <= w->settings.n_members; i++) {
		struct world_member *m = &w->members[i];

		if (!m->running)
			continue;
		world_sweep(w, i);
		check_entries(w, m);
	}
	oracle_check_owners(w->oracle);
}

/* ---- links ---- */

static struct ha_time
later(struct ha_time x, struct ha_time y)
{
	return ha_time_before(x, y) ? y : x;
}

static bool
is_awake(const struct world_member *m)
{
	return m->running && !m->paused;
}

/* Since when both ends run and both directions are as they are. */
static struct ha_time
unchanged_since(const struct world *w, uint8_t a, uint8_t b, uint8_t link)
{
	struct ha_time t = later(w->members[a].disturbed,
	    w->members[b].disturbed);

	t = later(t, network_changed(w->network, a, b, link));
	return later(t, network_changed(w->network, b, a, link));
}

static bool
is_broken(const struct world *w, uint8_t a, uint8_t b, uint8_t link)
{
	return !world_belong(w, a, b) ||
	    network_is_blocked(w->network, a, b, link) ||
	    network_is_blocked(w->network, b, a, link);
}

struct ha_dur
world_sound_for(const struct world *w, uint8_t a, uint8_t b, uint8_t link)
{
	if (!is_awake(&w->members[a]) || !is_awake(&w->members[b]) ||
	    is_broken(w, a, b, link))
		return ha_dur_ms(0);
	return ha_time_since(w->now, unchanged_since(w, a, b, link));
}

static void
check_link(struct world *w, uint8_t a, uint8_t b, uint8_t link)
{
	const struct ha_dur none = { 0 };
	struct ha_view_peer peer;
	struct ha_dur since;

	if (!is_awake(&w->members[a]) || !is_awake(&w->members[b]) ||
	    ha_view_peer(w->members[a].core, b, &peer) != HA_OK)
		return;
	since = ha_time_since(w->now, unchanged_since(w, a, b, link));
	if (is_broken(w, a, b, link))
		oracle_link(w->oracle, a, b, link, peer.links[link].up, since,
		    none);
	else
		oracle_link(w->oracle, a, b, link, peer.links[link].up, none,
		    since);
}

void
world_check_links(struct world *w)
{
	for (uint8_t a = 1; a <= w->settings.n_members; a++)
		for (uint8_t b = 1; b <= w->settings.n_members; b++)
			for (uint8_t l = 0; l < HA_LINK_MAX; l++)
				if (a != b && w->settings.network.links[l])
					check_link(w, a, b, l);
}

/* ---- states ---- */

/* The moves of the operator's table, once more. */
static bool
may_move(enum ha_state from, enum ha_state to, enum ha_cause cause)
{
	switch (cause) {
	case HA_CAUSE_SYNCHRONISED:
		return from == HA_STATE_INITIAL && to == HA_STATE_ACTIVE;
	case HA_CAUSE_MONITOR:
		return from <= HA_STATE_TENTATIVE &&
		    to == HA_STATE_NON_FUNCTIONAL;
	case HA_CAUSE_PROTOCOL:
		return from == HA_STATE_INITIAL &&
		    to == HA_STATE_NON_FUNCTIONAL;
	case HA_CAUSE_WELL:
		return from == HA_STATE_NON_FUNCTIONAL &&
		    to == HA_STATE_TENTATIVE;
	case HA_CAUSE_HELD:
		return from == HA_STATE_TENTATIVE && to == HA_STATE_ACTIVE;
	case HA_CAUSE_OPERATOR:
		return to == HA_STATE_SUSPENDED;
	case HA_CAUSE_FUNCTIONAL:
		return from == HA_STATE_SUSPENDED &&
		    to == HA_STATE_TENTATIVE;
	case HA_CAUSE_FLAPS:
		return (from == HA_STATE_ACTIVE ||
		    from == HA_STATE_TENTATIVE) && to == HA_STATE_SUSPENDED;
	case HA_CAUSE_START:
	case HA_CAUSE_MAX:
		break;
	}
	return false;
}

static bool
has_failed(const struct world_member *m)
{
	for (int i = 0; i < WORLD_MONITORS; i++)
		if (m->failed[i])
			return true;
	return false;
}

static bool
sees_active(const struct world *w, const struct world_member *m)
{
	struct ha_view_peer p;

	for (uint8_t i = 1; i <= w->settings.n_members; i++)
		if (ha_view_peer(m->core, i, &p) == HA_OK && p.up &&
		    p.state == HA_STATE_ACTIVE)
			return true;
	return false;
}

void
world_check_move(struct world *w, const struct world_member *m,
    const struct ha_out_state *o)
{
	struct ha_dur stood = ha_time_since(w->now, m->state_since);
	enum ha_cause cause = o->cause;
	bool good = (enum ha_state)o->from == m->state &&
	    may_move(m->state, (enum ha_state)o->to, cause);

	if (cause == HA_CAUSE_WELL)
		good = good && !ha_dur_less(stood,
		    w->settings.monitor_fail_hold_down);
	if (cause == HA_CAUSE_HELD)
		good = good && !ha_dur_less(stood, w->settings.tentative_hold);
	if (cause == HA_CAUSE_FLAPS)
		good = good && sees_active(w, m);
	if (!good)
		oracle_broken(w->oracle, "state: a move that may not be");
}

/* Where packets may go follows from the state. */
static const char *
wrong_gate(const struct world *w, const struct world_member *m)
{
	struct ha_view_self v;

	switch (m->state) {
	case HA_STATE_ACTIVE:
		return m->gate_open ? NULL : "its gate is closed";
	case HA_STATE_SUSPENDED:
		return m->gate_open ? "its gate is open" : NULL;
	case HA_STATE_NON_FUNCTIONAL:
	case HA_STATE_TENTATIVE:
		ha_view_self(m->core, &v);
		if (sees_active(w, m))
			return m->gate_open ? "its gate is open beside that "
			    "of an active one" : NULL;
		return m->gate_open || v.collecting ? NULL :
		    "its gate is closed, and nobody is active";
	case HA_STATE_INITIAL:
	case HA_STATE_MAX:
		break;
	}
	return NULL;
}

/* Failures are told before, but for one move that a turn may still owe. */
static const char *
wrong_state(const struct world *w, const struct world_member *m)
{
	if (!has_failed(m) || !ha_time_before(m->state_since, w->now))
		return NULL;
	return m->state == HA_STATE_ACTIVE || m->state == HA_STATE_TENTATIVE ?
	    "something has failed there" : NULL;
}

void
world_check_state(struct world *w, const struct world_member *m)
{
	const char *wrong = wrong_gate(w, m);
	char text[160];

	if (wrong == NULL)
		wrong = wrong_state(w, m);
	if (wrong == NULL)
		return;
	snprintf(text, sizeof(text), "state: member %d is %s: %s", m->index,
	    ha_state_name(m->state), wrong);
	oracle_broken(w->oracle, text);
}

static bool
check_all_active(struct world *w, bool final)
{
	char text[160];

	for (uint8_t i = 1; i <= w->settings.n_members; i++) {
		const struct world_member *m = &w->members[i];

		if (!m->running || m->state == HA_STATE_ACTIVE)
			continue;
		snprintf(text, sizeof(text), "state: member %d is %s still",
		    i, ha_state_name(m->state));
		if (final)
			oracle_broken(w->oracle, text);
		return false;
	}
	return true;
}

/* ---- packets ---- */

/* The session with these tuples, as a member shows it. */
static bool
find_session(const struct world_member *m, const struct ha_tuple *orig,
    const struct ha_tuple *reply, struct ha_view_session *out)
{
	uint32_t cursor = 0;

	while (ha_view_next_session(m->core, &cursor, out))
		if (ha_tuple_equal(&out->record.orig, orig) &&
		    ha_tuple_equal(&out->record.reply, reply))
			return true;
	return false;
}

/* A member that was left alone holds a session for as long: its kernel must
 * let the packets through. */
void
world_dropped(void *ctx, uint8_t index, const struct ha_tuple *orig,
    const struct ha_tuple *reply, enum flow_verdict verdict)
{
	struct world *w = ctx;
	struct world_member *m = &w->members[index];
	struct ha_view_session v;

	if (verdict != FLOW_NO_ENTRY || !is_awake(m) ||
	    m->state != HA_STATE_ACTIVE || m->deaf || m->refusals != 0 ||
	    ha_dur_less(ha_time_since(w->now, m->disturbed), CALM) ||
	    !find_session(m, orig, reply, &v))
		return;
	if (v.conflict || v.limbo || v.role == HA_ROLE_OWNED ||
	    (v.record.orig.protocol == 6 &&
	        v.record.tcp_state != HA_TCP_ESTABLISHED) ||
	    (v.record.status & HA_STATUS_SEEN_REPLY) == 0 ||
	    ha_dur_less(ha_time_since(w->now, v.created), CALM) ||
	    ha_dur_less(ha_time_since(w->now, v.changed), CALM))
		return;
	oracle_dropped(w->oracle, index, orig, "no entry");
}

/* A flow may go on in the closed entry of an earlier one. */
static bool
goes_on_by_luck(struct world *w, uint8_t m, const struct ha_tuple *orig)
{
	const struct fake_entry *e =
	    fake_conntrack_find(w->members[m].kernel, orig);

	return e == NULL || (orig->protocol == 6 &&
	    e->record.tcp_state > HA_TCP_ESTABLISHED);
}

static bool
check_flow(struct world *w, const struct flow_report *r, bool final)
{
	uint8_t m = r->member[HA_DIR_ORIGINAL];
	struct ha_dur silent = ha_time_since(w->now, r->last_ok);

	if (r->excused || !r->established || m == 0 ||
	    ha_dur_less(ha_time_since(w->now, r->moved), MOVED_LONG))
		return true;
	if (ha_dur_less(STUCK_AFTER, silent)) {
		if (final)
			oracle_stuck(w->oracle, m, &r->orig, &r->reply,
			    silent);
		return true;
	}
	if (r->member[HA_DIR_REPLY] != m || goes_on_by_luck(w, m, &r->orig))
		return true;
	return oracle_check_flow(w->oracle, m, &r->orig, final);
}

/* ---- kernels ---- */

/* An owner whose entry ran out may wait for a claim before it says so. */
static bool
is_ending(const struct ha_view_session *v)
{
	return v->role == HA_ROLE_OWNED && !v->installed &&
	    (v->record.flags & HA_RECORD_UNTOUCHED) == 0;
}

/* Every session that a member holds is in its kernel. */
static bool
check_kernel(struct world *w, struct world_member *m, bool final)
{
	struct ha_view_session v;
	uint32_t cursor = 0;
	char text[160];

	while (ha_view_next_session(m->core, &cursor, &v)) {
		if (v.conflict || v.limbo || is_ending(&v) ||
		    (v.role == HA_ROLE_OWNED && !v.published) ||
		    (v.record.orig.protocol == 6 &&
		        v.record.tcp_state >= HA_TCP_FIN_WAIT))
			continue;
		if (fake_conntrack_find(m->kernel, &v.record.orig) != NULL)
			continue;
		snprintf(text, sizeof(text), "kernel: member %d holds the "
		    "session of port %d, its kernel does not", m->index,
		    v.record.orig.src_port);
		if (final)
			oracle_broken(w->oracle, text);
		return false;
	}
	return true;
}

static bool
check_links_up(struct world *w, bool final)
{
	char text[160];

	for (uint8_t a = 1; a <= w->settings.n_members; a++) {
		for (uint8_t b = 1; b <= w->settings.n_members; b++) {
			for (uint8_t l = 0; l < HA_LINK_MAX; l++) {
				struct ha_view_peer p;

				if (a == b || !w->members[a].running ||
				    !w->members[b].running ||
				    !w->settings.network.links[l] ||
				    ha_view_peer(w->members[a].core, b, &p) !=
				    HA_OK || p.links[l].up)
					continue;
				snprintf(text, sizeof(text), "L2: at member "
				    "%d link %d to %d is down", a, l, b);
				if (final)
					oracle_broken(w->oracle, text);
				return false;
			}
		}
	}
	return true;
}

bool
world_check_settled(struct world *w, bool final)
{
	bool good = true;

	world_sweep_all(w);
	good = check_links_up(w, final) && good;
	good = check_all_active(w, final) && good;
	good = oracle_check_settled(w->oracle, final) && good;
	for (uint8_t i = 1; i <= w->settings.n_members; i++)
		if (w->members[i].running)
			good = check_kernel(w, &w->members[i], final) && good;
	for (size_t i = 0; i < flows_count(w->flows); i++) {
		struct flow_report r = flows_report(w->flows, i);

		good = check_flow(w, &r, final) && good;
	}
	return good;
}
