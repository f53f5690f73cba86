/*
 * The kernel as one more peer.
 *
 * Each session has a state that it should have in this kernel and one that it
 * has.  Where they differ it sits, once, in the work list, with a bit for each
 * thing to do; so a change of mind costs nothing and no queue can overflow.
 * Each turn hands out what fits; each result comes back by its ticket; what
 * the kernel refused is tried again a bounded number of times.
 *
 * One tuple has one holder: of several sessions with the same addresses and
 * ports the one with local traffic, else the higher epoch, else the larger
 * uid.  Only the holder is installed; the others wait, marked as a conflict,
 * until the holder goes.  Order in the work list is order in the kernel, so a
 * removal comes before the creation that was wanted after it.
 */
#include "core/core_priv.h"

/* ---- wishes ---- */

static void
list_work(struct ha_core *c, struct session *s)
{
	if (s->in_flight > 0 || ha_list_linked(&s->work_list))
		return;
	ha_list_append(&c->work, &s->work_list);
	c->n_work++;
}

static void
unlist_work(struct ha_core *c, struct session *s)
{
	if (!ha_list_linked(&s->work_list))
		return;
	ha_list_remove(&s->work_list);
	c->n_work--;
	s->waits = false;
}

/* What the kernel refused has changed: no more waiting. */
static void
try_anew(struct ha_core *c, struct session *s)
{
	s->tries = 0;
	if (!s->waits)
		return;
	unlist_work(c, s);
	if (s->work != 0)
		list_work(c, s);
}

void
kernel_want(struct ha_core *c, struct session *s, unsigned int work)
{
	if ((work & WORK_LIBERAL) != 0)
		s->work &= (uint16_t)~WORK_STRICT;
	if ((work & WORK_STRICT) != 0)
		s->work &= (uint16_t)~WORK_LIBERAL;
	s->work |= (uint16_t)work;
	list_work(c, s);
}

void
kernel_unwant(struct ha_core *c, struct session *s)
{
	s->work = 0;
	unlist_work(c, s);
}

void
kernel_present(struct ha_core *c, struct session *s)
{
	if (s->actual == ACTUAL_ABSENT)
		c->n_installed++;
	s->actual = ACTUAL_PRESENT;
	s->dump_seen = c->dump_number;
	if ((s->work & WORK_REMOVE) == 0)
		s->work &= (uint16_t)~WORK_INSTALL;
	try_anew(c, s);
}

void
kernel_absent(struct ha_core *c, struct session *s)
{
	if (s->actual == ACTUAL_PRESENT)
		c->n_installed--;
	s->actual = ACTUAL_ABSENT;
	s->entry = 0;
	s->stale = false;
	s->bit = false;
	s->liberal = false;
	s->offloaded = false;
	s->work &= (uint16_t)~(WORK_CHANGES | WORK_REMOVE);
	try_anew(c, s);
}

/* A copy of what another member, or nobody, carries.  What an earlier boot of
 * ours owned is none before it is known whether it has ended. */
static bool
is_replica(const struct ha_core *c, const struct session *s)
{
	if (s->place == PLACE_DEAD || s->place == PLACE_PRIVATE ||
	    s->place == PLACE_ORPHAN || s->bit || s->zoneless ||
	    stream_is_past(c, s->stream))
		return false;
	return !owner_is_self(c, s) ||
	    (s->record.flags & HA_RECORD_UNTOUCHED) != 0;
}

/* Delete what is there and begin again: no windows, no owner bit. */
void
kernel_fresh(struct ha_core *c, struct session *s)
{
	s->bit = false;
	if (HA_PLANT(c, HA_PLANT_NO_FRESH_REPLICA))
		return;
	owner_forget_local_view(c, s);
	s->liberal = false;
	s->offloaded = false;
	s->stale = true;
	s->work = WORK_FRESH;
	list_work(c, s);
}

/* The operator may have changed what zones there are. */
void
kernel_check_zone(struct ha_core *c, struct session *s)
{
	bool was = s->zoneless;

	if (table_check_zone(c, s) && was)
		kernel_hold(c, s);
	else if (s->zoneless && !was && !s->bit && !owner_is_self(c, s))
		kernel_want(c, s, WORK_REMOVE);
}

/* The entry is the torn half of a flow: the record's is better, unless an
 * answer comes before it is replaced. */
void
kernel_half(struct ha_core *c, struct session *s)
{
	s->bit = false;
	kernel_want(c, s, WORK_FRESH);
}

/* Our s ends by the operator's word.  Of what lives nothing else is removed
 * without being created anew. */
void
kernel_end(struct ha_core *c, struct session *s)
{
	if (s->actual == ACTUAL_ABSENT && s->in_flight == 0)
		owner_end(c, s, HA_END_DELETED);
	else
		kernel_want(c, s, WORK_REMOVE);
}

static bool
is_ending(const struct session *s)
{
	return s->place != PLACE_DEAD &&
	    (s->work & WORK_FRESH) == WORK_REMOVE;
}

/* Is its entry to be replaced, or asked to be?  Removing and creating are the
 * only two that are under way together. */
bool
kernel_replaces(const struct session *s)
{
	return (s->work & WORK_FRESH) == WORK_FRESH || s->in_flight == 2;
}

/* Packets go through the entry as it is.  false: it has to be replaced all
 * the same, and whether they go through the new one is to be seen then. */
bool
kernel_keep(struct ha_core *c, struct session *s)
{
	if (s->place == PLACE_DEAD)
		return false;
	if (s->stale && !owner_is_self(c, s)) {
		s->missed = true;
		return false;
	}
	s->stale = false;
	if (!is_ending(s))
		s->work &= (uint16_t)~WORK_FRESH;
	return true;
}

/* ---- one tuple, one holder ---- */

/* Until a probe has found silence, there is traffic; not without an entry. */
static bool
carries(const struct session *s)
{
	return s->bit ||
	    (s->hand == HAND_PROBING && s->actual == ACTUAL_PRESENT);
}

static bool
shakes_hands(const struct session *s)
{
	return s->record.orig.protocol == 6 && carries(s) &&
	    (s->record.tcp_state == HA_TCP_SYN_SENT ||
	    s->record.tcp_state == HA_TCP_SYN_RECV);
}

/* Not the second half of a flow that moved before its replica was here: it
 * was answered, or it begins. */
static bool
is_whole(const struct session *s)
{
	return (s->record.status & HA_STATUS_SEEN_REPLY) != 0 ||
	    shakes_hands(s);
}

/* All members see this alike; traffic each sees for itself. */
bool
kernel_ranks_above(const struct session *a, const struct session *b)
{
	if (a->version.epoch != b->version.epoch)
		return a->version.epoch > b->version.epoch;
	return ha_uid_cmp(&a->uid, &b->uid) > 0;
}

/* Should a rather than b have the tuple that both want? */
static bool
outranks(const struct session *a, const struct session *b)
{
	bool orphan_a = a->place == PLACE_ORPHAN;
	bool orphan_b = b->place == PLACE_ORPHAN;
	bool traffic_a = carries(a) && is_whole(a);
	bool traffic_b = carries(b) && is_whole(b);

	if (orphan_a != orphan_b)
		return orphan_b;
	if (traffic_a != traffic_b)
		return traffic_a;
	if (is_whole(a) != is_whole(b))
		return is_whole(a);
	if (carries(a) != carries(b))
		return carries(a);
	return kernel_ranks_above(a, b);
}

static struct session *
best_rival(const struct ha_core *c, const struct session *s,
    const struct ha_tuple *t, struct session *best)
{
	struct session *o = NULL;

	while ((o = table_next_with(c, t, o)) != NULL)
		if (o != s && o->place != PLACE_DEAD &&
		    (best == NULL || kernel_ranks_above(o, best)))
			best = o;
	return best;
}

/* The highest of the other sessions that have a tuple of s; NULL: none. */
const struct session *
kernel_rival(const struct ha_core *c, const struct session *s)
{
	struct session *r = best_rival(c, s, &s->record.orig, NULL);

	return best_rival(c, s, &s->record.reply, r);
}

/* What of the kernel's entry for a tuple becomes of when w takes it from l. */
static void
take_over_entry(struct ha_core *c, struct session *w, struct session *l)
{
	bool was_there = l->actual == ACTUAL_PRESENT || l->in_flight > 0;
	uint32_t entry = l->entry;

	l->conflict = true;
	c->counters.kernel_conflicts++;
	kernel_unwant(c, l);
	kernel_absent(c, l);
	if (!is_replica(c, w) || w->actual == ACTUAL_PRESENT)
		return;
	if (was_there) {
		kernel_present(c, w);
		w->entry = entry;
	}
	kernel_want(c, w, was_there ? WORK_FRESH : WORK_INSTALL);
}

static void
settle_pair(struct ha_core *c, struct session *s, struct session *t)
{
	struct session *w = outranks(s, t) ? s : t;
	struct session *l = w == s ? t : s;

	if (s->conflict || t->conflict)
		return; /* it waits for a holder already */
	take_over_entry(c, w, l);
	if (l->place == PLACE_ORPHAN) {
		kernel_bury(c, l);
	} else if (l->place == PLACE_PRIVATE) {
		c->n_private--;
		kernel_bury(c, l);
	} else if (owner_is_self(c, t) && t->hand == HAND_NONE) {
		t->rechecks = 0;
		handoff_probe(c, t, PROBE_REPLACED);
	}
}

static void
settle_tuple(struct ha_core *c, struct session *s, const struct ha_tuple *t)
{
	struct session *o = NULL, *next = table_next_with(c, t, NULL);

	while ((o = next) != NULL && s->place != PLACE_FREE &&
	    s->place != PLACE_DEAD) {
		next = table_next_with(c, t, o);
		if (o != s && o->place != PLACE_DEAD)
			settle_pair(c, s, o);
	}
}

/* s is new, or has new traffic: who holds its tuples now?  It gets into the
 * kernel if it is a replica and wins. */
void
kernel_hold(struct ha_core *c, struct session *s)
{
	settle_tuple(c, s, &s->record.orig);
	if (s->place != PLACE_FREE && s->place != PLACE_DEAD)
		settle_tuple(c, s, &s->record.reply);
	if (s->place != PLACE_FREE && !s->conflict && is_replica(c, s) &&
	    s->actual == ACTUAL_ABSENT && s->in_flight == 0)
		kernel_want(c, s, WORK_INSTALL);
}

/* Of those that waited for a tuple, the best gets it; NULL: none waited. */
static struct session *
best_waiting(const struct ha_core *c, const struct session *s,
    const struct ha_tuple *t)
{
	struct session *o = NULL, *best = NULL;

	while ((o = table_next_with(c, t, o)) != NULL)
		if (o != s && o->conflict && o->place != PLACE_DEAD &&
		    (best == NULL || outranks(o, best)))
			best = o;
	return best;
}

static void
hand_tuple_on(struct ha_core *c, struct session *s)
{
	struct session *w;

	if (s->conflict)
		return;
	w = best_waiting(c, s, &s->record.orig);
	if (w == NULL)
		w = best_waiting(c, s, &s->record.reply);
	if (w == NULL)
		return;
	w->conflict = false;
	w->tries = 0;
	if (is_replica(c, w))
		kernel_want(c, w, WORK_INSTALL);
}

/* s is no more: remove what the kernel has of it, then let go of its place.
 * It is on no stream's list already. */
void
kernel_bury(struct ha_core *c, struct session *s)
{
	HA_CHECK(s->stream == NULL);
	digest_forget(c, s);
	table_forget_uid(c, s);
	table_set_hand(c, s, HAND_NONE, HA_TIME_NEVER);
	table_set_life(c, s, HA_TIME_NEVER);
	kernel_unwant(c, s);
	if (s->place == PLACE_ORPHAN)
		c->n_orphans--;
	s->place = PLACE_DEAD;
	if (s->actual == ACTUAL_PRESENT || s->in_flight > 0) {
		c->n_dead++;
		s->tries = 0;
		kernel_want(c, s, WORK_REMOVE);
		hand_tuple_on(c, s);
		return;
	}
	hand_tuple_on(c, s);
	table_release(c, s);
}

/* An entry with the addresses of s has ended.  If one is on its way, that may
 * be it: setting its lifetime tells. */
void
kernel_doubt(struct ha_core *c, struct session *s)
{
	if (s->in_flight > 0 && s->place != PLACE_DEAD)
		kernel_want(c, s, WORK_LIFETIME);
}

/* The kernel refused s, and may take it now. */
void
kernel_retry_now(struct ha_core *c, struct session *s)
{
	if (s->tries == 0 || s->conflict || !is_replica(c, s))
		return;
	s->work |= WORK_INSTALL;
	try_anew(c, s);
}

/* ---- operations ---- */

static uint64_t
ticket_of(const struct ha_core *c, const struct session *s,
    enum ha_kernel_verb verb, unsigned int change)
{
	return (uint64_t)table_slot(c, s) |
	    (uint64_t)(s->generation & 0xffff) << 32 | (uint64_t)verb << 48 |
	    (uint64_t)change << 52;
}

static uint32_t
lifetime_of(const struct ha_core *c, const struct session *s)
{
	int64_t left;

	if ((s->record.flags & HA_RECORD_UNTOUCHED) != 0 ||
	    s->place == PLACE_ORPHAN)
		return (uint32_t)(ha_timeouts_of(&c->settings.timeouts,
		    &s->record).ns / 1000000000);
	if (!s->aging)
		return REPLICA_LIFETIME_S;
	/* Never gone before the session is. */
	left = (ha_time_since(s->life_due, c->now).ns + 999999999) / 1000000000;
	return left < 1 ? 1 : (uint32_t)left;
}

static bool
kernel_has_room(const struct ha_core *c)
{
	return c->settings.kernel_max == 0 ||
	    c->n_installed < c->settings.kernel_max / 5 * 4;
}

static struct ha_kernel_op *
add_op(struct ha_core *c, uint16_t *n, struct session *s,
    enum ha_kernel_verb verb, unsigned int change)
{
	struct ha_kernel_op *op = &c->ops[(*n)++];

	*op = (struct ha_kernel_op){ .verb = verb, .change = (uint16_t)change,
		.ticket = ticket_of(c, s, verb, change),
		.liberal = s->liberal, .bare = s->bare,
		.lifetime_s = lifetime_of(c, s),
		.entry = verb == HA_KERNEL_REMOVE || verb == HA_KERNEL_END ?
		    s->entry : 0,
		.record = &s->record, .extra = s->extra };
	s->in_flight++;
	c->in_flight++;
	return op;
}

static void
add_install(struct ha_core *c, uint16_t *n, struct session *s)
{
	if (s->conflict || !is_replica(c, s) || !kernel_has_room(c))
		return;
	if (s->tries == 0)
		s->bare = false;
	add_op(c, n, s, HA_KERNEL_INSTALL, 0);
}

static unsigned int
change_bits(unsigned int work)
{
	unsigned int change = 0;

	change |= (work & WORK_PROBE) != 0 ? HA_CHANGE_PROBE : 0;
	change |= (work & WORK_LIBERAL) != 0 ? HA_CHANGE_LIBERAL : 0;
	change |= (work & WORK_STRICT) != 0 ? HA_CHANGE_STRICT : 0;
	change |= (work & WORK_LIFETIME) != 0 ? HA_CHANGE_LIFETIME : 0;
	change |= (work & WORK_STATUS) != 0 ? HA_CHANGE_STATUS : 0;
	change |= (work & WORK_MARK) != 0 ? HA_CHANGE_MARK : 0;
	change |= (work & WORK_LABEL) != 0 ? HA_CHANGE_LABEL : 0;
	change |= (work & WORK_SEQUENCE) != 0 ? HA_CHANGE_SEQUENCE : 0;
	return change;
}

static void
issue_end(struct ha_core *c, struct session *s, uint16_t *n)
{
	s->work = 0;
	if (s->actual == ACTUAL_PRESENT)
		add_op(c, n, s, HA_KERNEL_END, 0);
	else if (owner_is_self(c, s))
		owner_end(c, s, HA_END_DELETED);
}

static void
issue(struct ha_core *c, struct session *s, uint16_t *n)
{
	unsigned int work = s->work;

	if (is_ending(s)) {
		issue_end(c, s, n);
		return;
	}
	s->work = 0;
	if ((work & WORK_REMOVE) != 0 &&
	    (s->actual == ACTUAL_PRESENT || s->place == PLACE_DEAD))
		add_op(c, n, s, HA_KERNEL_REMOVE, 0);
	if ((work & WORK_INSTALL) != 0) {
		add_install(c, n, s);
		return;
	}
	if ((work & WORK_CHANGES) == 0)
		return;
	if (s->actual == ACTUAL_PRESENT)
		add_op(c, n, s, HA_KERNEL_CHANGE, change_bits(work));
	else if ((work & WORK_PROBE) != 0)
		handoff_probed(c, s, HA_ERR_ABSENT);
}

static void
take_due_retries(struct ha_core *c, struct ha_list *retry)
{
	while (!ha_list_empty(retry)) {
		struct session *s = HA_LIST_ENTRY(retry->next,
		    struct session, work_list);

		if (ha_time_before(c->now, s->retry_at))
			return;
		ha_list_remove(&s->work_list);
		ha_list_append(&c->work, &s->work_list);
		s->waits = false;
	}
}

static struct ha_time
first_retry(const struct ha_list *retry)
{
	if (ha_list_empty(retry))
		return HA_TIME_NEVER;
	return HA_LIST_ENTRY(retry->next, struct session, work_list)->retry_at;
}

/* What has to be done next: a session, or first the one that announced it. */
static struct session *
next_work(const struct ha_core *c)
{
	struct session *s = HA_LIST_ENTRY(c->work.next, struct session,
	    work_list);
	struct session *m = NULL;

	if (s->extra == NULL || s->extra->master.family == 0)
		return s;
	while ((m = extra_next_master(c, s, m)) != NULL)
		if (m != s && ha_list_linked(&m->work_list) && !m->waits &&
		    (m->work & WORK_INSTALL) != 0)
			return m;
	return s;
}

void
kernel_tick(struct ha_core *c)
{
	struct ha_output *o;
	uint16_t n = 0;

	if (!c->dumped)
		return; /* what is there already is not known yet */
	take_due_retries(c, &c->retry[0]);
	take_due_retries(c, &c->retry[1]);
	while (!ha_list_empty(&c->work) && n + 2 <= HA_KERNEL_OPS_MAX &&
	    c->in_flight < OPS_IN_FLIGHT && out_has_room(c)) {
		struct session *s = next_work(c);

		unlist_work(c, s);
		issue(c, s, &n);
	}
	if (n == 0)
		return;
	if (!ha_list_empty(&c->work))
		c->more = true;
	o = out_add(c, HA_OUT_KERNEL);
	o->u.kernel.n_ops = n;
	o->u.kernel.ops = c->ops;
}

struct ha_time
kernel_deadline(const struct ha_core *c)
{
	if (!c->dumped)
		return HA_TIME_NEVER;
	if (!ha_list_empty(&c->work) && c->in_flight < OPS_IN_FLIGHT)
		return c->now;
	return ha_time_min(first_retry(&c->retry[0]),
	    first_retry(&c->retry[1]));
}

/* ---- results ---- */

/* Soon at first, then late: what the kernel refused may heal. */
static void
retry(struct ha_core *c, struct session *s, unsigned int work)
{
	bool late;

	c->counters.kernel_refused++;
	if (s->place == PLACE_DEAD && work != WORK_REMOVE)
		return;
	if (s->tries <= KERNEL_TRIES_MAX)
		s->tries++;
	late = s->tries > KERNEL_TRIES_MAX;
	if (late && s->place == PLACE_DEAD) {
		kernel_absent(c, s); /* it ages out by itself */
		return;
	}
	c->counters.kernel_retries++;
	s->work |= (uint16_t)work;
	s->retry_at = ha_time_add(c->now,
	    late ? KERNEL_RETRY_LATE : KERNEL_RETRY);
	if (ha_list_linked(&s->work_list))
		return;
	ha_list_append(&c->retry[late], &s->work_list);
	c->n_work++;
	s->waits = true;
}

static void
removed(struct ha_core *c, struct session *s, int result)
{
	if (result == HA_OK || result == HA_ERR_ABSENT) {
		c->counters.kernel_removed++;
		if (s->in_flight == 0 || s->place == PLACE_DEAD)
			kernel_absent(c, s);
		else if (s->actual == ACTUAL_PRESENT) {
			s->actual = ACTUAL_ABSENT;
			c->n_installed--;
		}
		return;
	}
	if (s->place == PLACE_DEAD)
		retry(c, s, WORK_REMOVE);
	else if (s->stale || !s->bit) /* else packets came: it may stay */
		retry(c, s, WORK_FRESH);
}

/* Its end, if there was an entry, was told before; whatever became of the
 * removal, the operator's word holds. */
static void
ended(struct ha_core *c, struct session *s, int result)
{
	if (result == HA_OK || result == HA_ERR_ABSENT)
		kernel_absent(c, s);
	if (s->place != PLACE_DEAD && owner_is_self(c, s))
		owner_end(c, s, HA_END_DELETED);
}

/* The kernel lacks what s came from: its helper, or, as long as that may still
 * come, its master.  true: s is to be tried without. */
static bool
goes_bare(const struct session *s, int result)
{
	if (s->extra == NULL || s->bare)
		return false;
	if (result == HA_ERR_UNSUPPORTED)
		return s->extra->helper[0] != '\0';
	return result == HA_ERR_ABSENT && s->tries + 1 >= MASTER_TRIES &&
	    (s->stream == NULL || s->stream->own || feed_caught_up(s->stream));
}

static void
installed(struct ha_core *c, struct session *s, int result)
{
	bool missed = s->missed;

	if (result == HA_OK)
		s->entry = 0; /* the kernel does not tell */
	s->stale = false;
	s->missed = false;
	if (result == HA_OK) {
		c->counters.kernel_installed++;
		if (s->conflict)
			return; /* the holder's work replaces it */
		if (s->place != PLACE_DEAD)
			s->work &= (uint16_t)~WORK_FRESH; /* the old one went */
		kernel_present(c, s);
		if (missed && !s->bit && s->hand != HAND_PROBING &&
		    s->place != PLACE_DEAD && !owner_is_self(c, s))
			handoff_probe(c, s, PROBE_REARM);
		return;
	}
	if (result == HA_ERR_EXISTS && s->tries == 2 &&
	    ha_time_is_never(c->dump_at))
		c->dump_at = c->now; /* our view of the kernel is wrong */
	if (goes_bare(s, result)) {
		s->bare = true;
	} else if (result == HA_ERR_UNSUPPORTED || result == HA_ERR_INVAL) {
		c->counters.kernel_refused++;
		return;
	}
	if ((s->work & WORK_FRESH) == WORK_FRESH)
		return; /* the removal was refused already, and waits */
	retry(c, s, WORK_INSTALL);
}

static void
changed(struct ha_core *c, struct session *s, unsigned int change, int result)
{
	if (result == HA_OK)
		c->counters.kernel_changed++;
	else if (result == HA_ERR_ABSENT && (!owner_is_self(c, s) ||
	    is_replica(c, s)))
		kernel_absent(c, s);
	else if (result != HA_ERR_ABSENT) /* else: the event of its end tells */
		c->counters.kernel_refused++;
	if ((change & HA_CHANGE_PROBE) != 0)
		handoff_probed(c, s, result);
	if (result != HA_ERR_ABSENT || s->place == PLACE_FREE ||
	    s->place == PLACE_DEAD)
		return;
	if (s->place == PLACE_ORPHAN)
		kernel_bury(c, s);
	else if (is_replica(c, s))
		kernel_want(c, s, WORK_INSTALL);
}

void
kernel_done(struct ha_core *c, const struct ha_in_done *in)
{
	struct session *s = table_at(c, (uint32_t)in->ticket);
	enum ha_kernel_verb verb = (enum ha_kernel_verb)(in->ticket >> 48 & 0xf);

	HA_CHECK(c->in_flight > 0 && s != NULL && s->in_flight > 0);
	HA_CHECK((s->generation & 0xffff) == (in->ticket >> 32 & 0xffff));
	c->in_flight--;
	s->in_flight--;
	switch (verb) {
	case HA_KERNEL_REMOVE:
		removed(c, s, in->result);
		break;
	case HA_KERNEL_INSTALL:
		installed(c, s, in->result);
		break;
	case HA_KERNEL_CHANGE:
		changed(c, s, (unsigned int)(in->ticket >> 52), in->result);
		break;
	case HA_KERNEL_END:
		ended(c, s, in->result);
		break;
	}
	if (s->in_flight > 0)
		return;
	if (s->place == PLACE_DEAD && s->actual == ACTUAL_ABSENT) {
		kernel_unwant(c, s);
		c->n_dead--;
		table_release(c, s);
		return;
	}
	if (s->place == PLACE_DEAD) /* created after it died */
		s->work |= WORK_REMOVE;
	if (s->work != 0)
		list_work(c, s);
}

/* ---- the slow round ---- */

static void
renew(struct ha_core *c, struct session *s)
{
	if (s->place != PLACE_CONFIRMED && s->place != PLACE_UNCONFIRMED &&
	    s->place != PLACE_LIMBO)
		return;
	if (!is_replica(c, s) || s->conflict || s->aging ||
	    (s->record.flags & HA_RECORD_UNTOUCHED) != 0)
		return;
	if (s->actual == ACTUAL_PRESENT) {
		kernel_want(c, s, WORK_LIFETIME);
	} else if (s->in_flight == 0) {
		kernel_want(c, s, WORK_INSTALL);
		try_anew(c, s);
	}
}

/* Every place is passed once in RENEWAL_ROUND. */
void
kernel_renew_tick(struct ha_core *c)
{
	int64_t step_ns = RENEWAL_ROUND.ns /
	    (c->high_water == 0 ? 1 : c->high_water);
	int n = 0;

	while (ha_time_reached(c->now, c->renew_at) && n++ < SLICE) {
		if (c->renew_pos >= c->high_water)
			c->renew_pos = 0;
		else
			renew(c, &c->table[c->renew_pos++]);
		c->renew_at.ns += step_ns;
	}
	if (ha_time_reached(c->now, c->renew_at))
		c->renew_at = c->now;
}
