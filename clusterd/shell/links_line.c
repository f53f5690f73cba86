/*
 * One connection, from the first byte to the last: which slot it is for,
 * whether it is newer than what is there, and what its end means.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/link_frame.h"
#include "shell/clock.h"
#include "shell/links_priv.h"
#include "shell/sock.h"

static const struct ha_dur WELL_AFTER = { INT64_C(5000) * 1000000 };

static void end_line(struct line *l, const struct ha_conn_close *why);

struct ha_links_name
links_name(const struct line *l)
{
	return (struct ha_links_name){ .peer = l->slot->peer,
		.link = l->slot->link, .generation = l->generation };
}

struct line *
links_new_line(struct ha_links *links, uint8_t link,
    const struct ha_conf_address *from)
{
	struct line *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->timer = evtimer_new(links->base, links_on_line_timer, l);
	if (l->timer == NULL) {
		free(l);
		return NULL;
	}
	ha_list_init(&l->node);
	l->begun = ha_clock_now();
	l->links = links;
	l->link = link;
	l->from = *from;
	return l;
}

void
links_free_line(struct line *l)
{
	if (l == NULL)
		return;
	event_free(l->timer);
	free(l);
}

/* Take a line out of everything and forget it; its connection is closed. */
static void
forget_line(struct line *l)
{
	if (ha_list_linked(&l->node)) {
		ha_list_remove(&l->node);
		l->links->n_guests -= l->stage == LINE_SHAKING;
	}
	if (l->slot != NULL) {
		if (l->slot->up == l)
			l->slot->up = NULL;
		if (l->slot->trying == l)
			l->slot->trying = NULL;
		if (l->slot->up == NULL)
			l->slot->stats.queued_bytes = 0;
	}
	links_free_line(l);
}

void
links_close_line(struct line *l)
{
	if (l == NULL)
		return;
	ha_conn_close(l->conn);
	forget_line(l);
}

/* --- what connections tell --- */

static void
tell_condition(const struct slot *s, enum ha_links_condition what, bool holds)
{
	s->links->events.condition(s->links->events.arg, what, s->peer,
	    holds);
}

/* Who dials goes on to CONFIRM even if one of the two is behind, and the other
 * end refuses: only so that one learns that it is behind, or that this start of
 * ours is alive. */
static void
accept_or_refuse(struct line *l, bool dialled)
{
	struct ha_links *links = l->links;
	enum links_start start = links_judge_start(l);

	if (start == LINKS_START_TWIN)
		ha_conn_refuse(l->conn, HA_REFUSE_DUPLICATE);
	else if (start == LINKS_START_GOOD || dialled)
		ha_conn_accept(l->conn, links->boot_seen[l->slot->peer - 1]);
	else
		ha_conn_refuse(l->conn, HA_REFUSE_STALE);
	switch (start) {
	case LINKS_START_GOOD:
	case LINKS_START_STALE:
		break;
	case LINKS_START_TWIN:
		links_quarantine(links, l->slot->peer, l);
		break;
	case LINKS_START_BEHIND:
		links->events.behind(links->events.arg, l->slot->peer,
		    l->greeting.boot_seen);
		break;
	case LINKS_START_OWN_TWIN:
		links_quarantine(links, links->self, l);
		break;
	}
}

static void
on_greeted(void *arg, struct ha_conn *c)
{
	struct ha_links *links = arg;
	struct line *l = ha_conn_owner(c);
	const struct ha_handshake *h = ha_conn_handshake(c);
	const struct ha_greeting *g = ha_handshake_peer(h);
	bool dialled = l->slot != NULL;

	if (!dialled) {
		l->slot = links_find_slot(links, ha_handshake_peer_index(h),
		    l->link);
		if (l->slot == NULL ||
		    !ha_conf_same_host(&l->slot->address, &l->from)) {
			l->slot = NULL;
			ha_conn_refuse(c, HA_REFUSE_SERIAL);
			return;
		}
		l->number = g->generation;
	}
	tell_condition(l->slot, HA_LINKS_NO_PROTOCOL, false);
	l->greeting = *g;
	l->boot = ha_greeting_boot(g);
	memcpy(l->own_key, ha_handshake_own_key(h), sizeof(l->own_key));
	memcpy(l->peer_key, ha_handshake_peer_key(h), sizeof(l->peer_key));
	if (ha_handshake_agrees(h, links->handshake))
		accept_or_refuse(l, dialled);
	else
		ha_conn_refuse(c, HA_REFUSE_KEY);
}

/* Make room in the slot for a newer line. */
static void
replace_line(struct slot *s, struct line *newer)
{
	if (s->trying != NULL && s->trying != newer)
		links_close_line(s->trying);
	if (s->up == NULL)
		return;
	if (s->up->boot.id == newer->boot.id && !s->dials)
		links_leave(s->up);
	else
		links_close_line(s->up);
}

static void
become_up(struct slot *s, struct line *l)
{
	struct ha_links *links = s->links;

	if (ha_list_linked(&l->node)) {
		ha_list_remove(&l->node);
		links->n_guests--;
	}
	s->trying = NULL;
	s->up = l;
	s->renewing = s->once = false;
	s->refused = 0;
	s->told = 0;
	s->boot = l->boot;
	s->number = l->number;
	l->stage = LINE_UP;
	l->generation = ++links->generations;
	if (s->timer != NULL)
		event_del(s->timer);
	links_note_start(l);
	ha_conn_set_stats(l->conn, &s->stats);
	if (s->stats.phase != HA_LINK_PHASE_UP)
		links_set_phase(s, HA_LINK_PHASE_UP);
	s->stats.generation = l->generation;
	s->stats.connections++;
	s->stats.last_error[0] = '\0';
	links->counters->link_handshakes++;
	links_watch(l);
}

static void
on_up(void *arg, struct ha_conn *c)
{
	struct ha_links *links = arg;
	struct line *l = ha_conn_owner(c);
	struct slot *s = l->slot;
	struct ha_links_name name;
	bool again;

	(void)c;
	/* Much may have come to pass since it was greeted. */
	if (s->dials && links_judge_start(l) != LINKS_START_GOOD) {
		links_end_line(l, HA_CONN_STALE);
		return;
	}
	if (!links_has_valid_key(l)) {
		links_end_line(l, HA_CONN_REVOKED);
		return;
	}
	again = s->up != NULL && s->up->boot.id == l->boot.id;
	replace_line(s, l);
	become_up(s, l);
	name = links_name(l);
	ha_log(links->log, again ? HA_LOG_INFO : HA_LOG_NOTICE,
	    again ? "link.renewed" : "link.up",
	    "peer=%s link=%s generation=%" PRIu64 " dialled=%s", links_peer(s),
	    ha_link_name(s->link), l->generation, s->dials ? "yes" : "no");
	links->events.up(links->events.arg, &name, &l->greeting);
	if (!again && s->up == l)
		links_go_over(l);
}

static bool
on_frame(void *arg, struct ha_conn *c, const uint8_t *plain, size_t len)
{
	struct ha_links *links = arg;
	struct line *l = ha_conn_owner(c);
	struct ha_links_name name;

	if (l->stage == LINE_LEAVING)
		return true; /* its peer says it again on the newer one */
	links->starts[l->slot->peer - 1].knows_us = true;
	if (len > 0 && plain[0] <= HA_LINK_FRAME_MAX)
		return links_take_frame(l, plain, len);
	name = links_name(l);
	return links->events.frame(links->events.arg, &name, plain, len);
}

static void
on_sent(void *arg, struct ha_conn *c, unsigned int n)
{
	struct ha_links *links = arg;
	const struct line *l = ha_conn_owner(c);
	struct ha_links_name name;

	if (l->stage == LINE_LEAVING)
		return;
	name = links_name(l);
	links->events.room(links->events.arg, &name, n);
}

/* --- what ended --- */

/* The other end's word for it would not do. */
static void
note_protocol(const struct slot *s, const struct ha_conn_close *why)
{
	if (why->end == HA_CONN_FAILED && !why->failure.by_peer &&
	    why->failure.reason == HA_REFUSE_PROTOCOL)
		tell_condition(s, HA_LINKS_NO_PROTOCOL, true);
}

/* "clusterctl links" asks the end that does not dial, too. */
static void
note_refusal(struct slot *s, const struct ha_conn_close *why,
    const char *text)
{
	note_protocol(s, why);
	(void)links_note_keys(s, why);
	if (s->up == NULL)
		snprintf(s->stats.last_error, sizeof(s->stats.last_error),
		    "%s", text);
}

/* A guest's troubles are any stranger's to cause: limited. */
static void
report_guest(const struct line *l, const struct ha_conn_close *why)
{
	uint32_t about = (uint32_t)why->failure.reason << 8 |
	    (uint32_t)why->end;
	struct slot *s = links_find_source(l->links, l->link, &l->from);
	char from[HA_CONF_ADDRESS_LEN];
	char text[HA_CONN_CLOSE_TEXT];

	ha_conf_address_text(&l->from, false, from);
	ha_conn_close_text(why, text);
	if (s != NULL)
		note_refusal(s, why, text);
	ha_log_limited(l->links->log, HA_LOG_WARN, "link.refused", about,
	    "from=%s peer=%s link=%s reason=%s why=\"%s\"", from,
	    s != NULL ? links_peer(s) : "none", ha_link_name(l->link),
	    ha_refusal_name(why->failure.reason), text);
}

static void
report_down(struct slot *s, const struct ha_conn_close *why)
{
	char text[HA_CONN_CLOSE_TEXT];

	ha_conn_close_text(why, text);
	snprintf(s->stats.last_error, sizeof(s->stats.last_error), "%s",
	    text);
	ha_log(s->links->log, HA_LOG_WARN, "link.down",
	    "peer=%s link=%s why=\"%s\"", links_peer(s),
	    ha_link_name(s->link), text);
}

/* Was up: the owner must hear of it. */
static void
lose_line(struct line *l, const struct ha_conn_close *why)
{
	struct slot *s = l->slot;
	struct ha_links *links = l->links;
	struct ha_links_name name = links_name(l);
	struct ha_dur lasted = ha_time_since(ha_clock_now(), l->since);

	if (!ha_dur_less(lasted, WELL_AFTER))
		ha_backoff_reset(&s->backoff);
	s->stats.frames_malformed += why->end == HA_CONN_BAD_FRAME ||
	    why->end == HA_CONN_BAD_MESSAGE;
	report_down(s, why);
	forget_line(l);
	links_redial(s);
	links->events.down(links->events.arg, &name);
}

static void
end_line(struct line *l, const struct ha_conn_close *why)
{
	struct ha_links *links = l->links;
	struct slot *s = l->slot;
	char text[HA_CONN_CLOSE_TEXT];

	if (l->stage == LINE_LEAVING) {
		forget_line(l);
		return;
	}
	ha_conn_close_count(why, links->counters);
	if (s != NULL && s->up == l) {
		lose_line(l, why);
	} else if (s != NULL && s->trying == l) {
		note_protocol(s, why);
		links_note_failure(s, why, ha_conn_close_text(why, text));
		forget_line(l);
		links_redial_otherwise(s, why);
	} else {
		report_guest(l, why);
		forget_line(l);
	}
}

void
links_end_line(struct line *l, enum ha_conn_end how)
{
	struct ha_conn *c = l->conn;
	const struct ha_conn_close why = { .end = how,
		.was_up = l->stage == LINE_UP };

	end_line(l, &why);
	ha_conn_close(c);
}

static void
on_closed(void *arg, struct ha_conn *c, const struct ha_conn_close *why)
{
	(void)arg;
	end_line(ha_conn_owner(c), why);
}

const struct ha_conn_events LINKS_CONN_EVENTS = {
	.greeted = on_greeted,
	.up = on_up,
	.frame = on_frame,
	.sent = on_sent,
	.closed = on_closed,
};
