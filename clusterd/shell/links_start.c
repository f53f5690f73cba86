/*
 * Which start of a peer speaks: the latest, an earlier one that does not know
 * of the later, or two that are alive at once.
 *
 * Two machines with one serial and key, say a disk that was cloned, take the
 * links from each other: A has them, B comes and replaces it, A comes back.
 * Every start has an id, and a start that ended does not speak again.  So an
 * id that had a link, and shakes hands on a connection that was begun after
 * another id had one, is proof: both live.  That is seen when A comes back for
 * the first time.  Nobody can tell which one is right, so both are kept out,
 * by every member that sees it, until the operator reloads or some minutes
 * have passed; if both are still there then, it begins anew.
 *
 * A itself has proof, too: a peer that spoke to this start of ours on a link
 * knows a later one.  Then A does not make itself a start that is later still, as it
 * does with a database that is behind; it goes on as it is, so that each of the
 * others sees it come back.
 */
#include <string.h>

#include "shell/clock.h"
#include "shell/links_priv.h"
#include "shell/loop.h"

static void
tell(struct ha_links *links, uint8_t member, bool holds)
{
	links->events.condition(links->events.arg, HA_LINKS_TWINS, member,
	    holds);
}

/* --- what is known of starts --- */

static bool
is_former(const struct starts *st, uint64_t id)
{
	for (size_t i = 0; i < FORMER_STARTS; i++) {
		if (st->former[i] == id)
			return true;
	}
	return false;
}

void
links_note_start(struct line *l)
{
	struct starts *st = &l->links->starts[l->slot->peer - 1];

	ha_links_raise_seen(l->links, l->slot->peer, l->boot.counter);
	if (st->now.id == l->boot.id)
		return;
	st->former[st->n_former++ % FORMER_STARTS] = st->now.id;
	st->now = l->boot;
	st->since = ha_clock_now();
}

/* A line of that start of the peer, with that number: is it one that was
 * replaced already? */
static bool
is_stale(struct line *l)
{
	const struct slot *s = l->slot;
	const struct ha_boot *now = &l->links->starts[s->peer - 1].now;
	uint64_t *seen = &l->links->boot_seen[s->peer - 1];

	if (l->boot.counter < *seen)
		return true;
	if (l->boot.counter == now->counter && l->boot.id != now->id) {
		/* Two starts with one counter: a database was put back.  Ask
		 * the later one to step over it. */
		*seen = l->boot.counter + 1;
		return true;
	}
	return l->boot.id == s->boot.id && !s->dials &&
	    l->number <= s->number;
}

static bool
is_twin(const struct line *l)
{
	const struct starts *st = &l->links->starts[l->slot->peer - 1];

	return l->boot.id != st->now.id && is_former(st, l->boot.id) &&
	    !ha_time_before(l->begun, st->since);
}

enum links_start
links_judge_start(struct line *l)
{
	const struct ha_links *links = l->links;

	if (links_is_quarantined(links, l->slot->peer) || is_twin(l))
		return LINKS_START_TWIN;
	if (l->greeting.boot_seen > links->handshake->greeting.boot_counter)
		return links->starts[l->slot->peer - 1].knows_us ||
		    links_is_quarantined(links, links->self) ?
		    LINKS_START_OWN_TWIN : LINKS_START_BEHIND;
	return is_stale(l) ? LINKS_START_STALE : LINKS_START_GOOD;
}

void
links_begin_own_start(struct ha_links *links)
{
	for (uint8_t i = 1; i <= HA_MEMBER_MAX; i++) {
		links->starts[i - 1].knows_us = false;
		if (links_is_quarantined(links, i))
			tell(links, i, true);
	}
}

/* --- quarantine --- */

bool
links_is_quarantined(const struct ha_links *links, uint8_t member)
{
	return !ha_time_is_never(links->starts[member - 1].quarantine);
}

static struct ha_time
next_end(const struct ha_links *links)
{
	struct ha_time t = HA_TIME_NEVER;

	for (size_t i = 0; i < HA_MEMBER_MAX; i++)
		t = ha_time_min(t, links->starts[i].quarantine);
	return t;
}

static void
arm(struct ha_links *links)
{
	struct ha_time t = next_end(links);
	struct timeval tv;

	if (ha_time_is_never(t)) {
		evtimer_del(links->quarantine_timer);
		return;
	}
	tv = ha_loop_timeval(ha_time_since(t, ha_clock_now()));
	evtimer_add(links->quarantine_timer, &tv);
}

/* The line that gave the proof is left to its handshake. */
static void
close_slot(struct slot *s, const struct line *spare)
{
	if (s->up != NULL)
		links_end_line(s->up, HA_CONN_TWIN);
	if (s->trying != spare)
		links_close_line(s->trying);
	if (s->timer != NULL)
		event_del(s->timer);
	s->renewing = false;
}

void
links_quarantine(struct ha_links *links, uint8_t member,
    const struct line *spare)
{
	struct starts *st = &links->starts[member - 1];

	if (links_is_quarantined(links, member))
		return;
	st->quarantine = ha_time_add(ha_clock_now(), links->quarantine);
	arm(links);
	links->counters->twins_found++;
	ha_log(links->log, HA_LOG_ERR, "member.duplicate",
	    "serial=%s why=\"two machines have its serial and its key: stop "
	    "one of them, then reload\"", ha_links_serial(links, member));
	tell(links, member, true);
	if (member == links->self)
		return;
	for (size_t link = 0; link < HA_LINK_MAX; link++) {
		if (links->slots[member - 1][link].present)
			close_slot(&links->slots[member - 1][link], spare);
	}
}

/* What was seen until now proves nothing any more: one of them may be gone. */
static void
let_back(struct ha_links *links, uint8_t member)
{
	struct starts *st = &links->starts[member - 1];

	*st = (struct starts){ .quarantine = HA_TIME_NEVER,
		.knows_us = st->knows_us };
	if (member == links->self) {
		for (size_t i = 0; i < HA_MEMBER_MAX; i++)
			links->starts[i].knows_us = false;
	}
	for (size_t link = 0; link < HA_LINK_MAX; link++) {
		struct slot *s = &links->slots[member - 1][link];

		if (!s->present)
			continue;
		ha_backoff_reset(&s->backoff);
		links_redial(s);
	}
	tell(links, member, false);
}

void
ha_links_end_quarantine(struct ha_links *links)
{
	for (uint8_t i = 1; i <= HA_MEMBER_MAX; i++) {
		if (links_is_quarantined(links, i))
			let_back(links, i);
	}
	arm(links);
}

static void
on_quarantine_end(evutil_socket_t fd, short what, void *arg)
{
	struct ha_links *links = arg;
	struct ha_time now = ha_clock_now();

	(void)fd;
	(void)what;
	for (uint8_t i = 1; i <= HA_MEMBER_MAX; i++) {
		if (links_is_quarantined(links, i) && ha_time_reached(now,
		    links->starts[i - 1].quarantine))
			let_back(links, i);
	}
	arm(links);
}

int
links_make_starts(struct ha_links *links)
{
	for (size_t i = 0; i < HA_MEMBER_MAX; i++)
		links->starts[i].quarantine = HA_TIME_NEVER;
	links->quarantine_timer = evtimer_new(links->base, on_quarantine_end,
	    links);
	return links->quarantine_timer != NULL ? HA_OK : HA_ERR_NOMEM;
}
