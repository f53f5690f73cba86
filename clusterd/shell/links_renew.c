/*
 * Lines that take the place of one that is up: every hour, with fresh keys;
 * when the cluster file lists keys that come next, so that those of before can
 * be taken out without haste; and at once when the key of a peer was taken out.
 *
 * The new line is made beside the old one, so that nothing is ever down:
 *
 *     dialling end                        the other end
 *        | hello .. CONFIRM ---------------> |  its slot has the new line; the
 *        |                                   |  old one is leaving
 *        | <----------------------- READY    |
 *        |  its slot has the new line; it    |
 *        |  closes the old one ------------> |  and that is forgotten
 *
 * An hour is not for every line the same: one that carries no walk goes a
 * little earlier, so that there is a fresh line when it is the turn of the
 * other.  If new handshakes are refused for their keys, a line lasts for a
 * quarter longer and is closed then: a secret that was taken out is good for
 * nothing after that.  If there is just no way for them, it stays: it may be
 * the last.
 *
 * The end that does not dial can ask for it (RENEW).
 */
#include <string.h>

#include "proto/link_frame.h"
#include "shell/clock.h"
#include "shell/links_priv.h"
#include "shell/loop.h"

static const struct ha_dur LEAVE_TIME = { INT64_C(3000) * 1000000 };
static const struct ha_dur REVOKE_TIME = { INT64_C(700) * 1000000 };

static void
arm(struct line *l, struct ha_dur wait)
{
	struct timeval tv = ha_loop_timeval(wait);

	evtimer_add(l->timer, &tv);
}

/* --- every hour --- */

static struct ha_dur
longest_age(const struct ha_links *links)
{
	return (struct ha_dur){ links->handshake_every.ns / 4 * 5 };
}

static struct ha_dur
early_age(const struct ha_links *links)
{
	return (struct ha_dur){ links->handshake_every.ns / 20 * 19 };
}

void
links_watch(struct line *l)
{
	l->since = ha_clock_now();
	arm(l, l->slot->dials ? early_age(l->links) : longest_age(l->links));
}

static bool
has_walks(const struct line *l)
{
	const struct ha_links_name name = links_name(l);

	return l->links->events.has_walks(l->links->events.arg, &name);
}

/* Its time is over, and there is no other. */
static void
outlive(struct line *l)
{
	struct slot *s = l->slot;

	if (s->refused > 0) {
		links_end_line(l, HA_CONN_OLD);
		return;
	}
	ha_log_limited(l->links->log, HA_LOG_WARN, "link.not-renewed",
	    (uint32_t)s->peer << 8 | s->link, "peer=%s link=%s "
	    "why=\"no new connection comes about; the old one is kept\"",
	    links_peer(s), ha_link_name(s->link));
	arm(l, longest_age(l->links));
}

static void
grow_old(struct line *l)
{
	struct ha_dur every = l->links->handshake_every;
	struct ha_dur next = longest_age(l->links);
	struct ha_dur age = ha_time_since(ha_clock_now(), l->since);

	if (!ha_dur_less(age, next)) {
		outlive(l);
		return;
	}
	if (l->slot->dials && ha_dur_less(age, every) && has_walks(l))
		next = every;
	else if (l->slot->dials)
		links_renew(l->slot);
	arm(l, (struct ha_dur){ next.ns - age.ns });
}

/* A queue that has no room even for this ends the link anyway. */
static void
say(struct line *l, const uint8_t *frame, size_t len)
{
	if (ha_conn_send(l->conn, HA_URGENCY_CONTROL, frame, len) == HA_OK)
		ha_conn_flush(l->conn);
}

void
links_renew(struct slot *s)
{
	static const uint8_t RENEW[] = { HA_LINK_FRAME_RENEW };

	if (!s->dials) {
		say(s->up, RENEW, sizeof(RENEW));
	} else if (s->trying == NULL) {
		s->renewing = true;
		links_schedule(s, (struct ha_dur){ 0 });
	}
}

/* --- when a key was taken out --- */

void
links_revoke(struct line *l)
{
	struct slot *s = l->slot;

	l->revoked = true;
	arm(l, REVOKE_TIME);
	links_choose_newest(s);
	s->once = false;
	links_renew(s);
}

/* --- when there are keys that come next --- */

static bool
has_same_file(const struct line *l)
{
	return memcmp(l->greeting.cluster_digest,
	    l->links->handshake->greeting.cluster_digest,
	    sizeof(l->greeting.cluster_digest)) == 0;
}

void
links_go_over(struct line *l)
{
	struct slot *s = l->slot;

	if (!s->dials || s->renewing || links_has_newest_keys(l) ||
	    !has_same_file(l))
		return;
	links_choose_newest(s);
	s->once = true;
	links_renew(s);
}

/* --- the end of a line --- */

void
links_leave(struct line *l)
{
	l->stage = LINE_LEAVING;
	l->slot->up = NULL;
	l->slot = NULL;
	ha_conn_set_stats(l->conn, NULL);
	ha_list_append(&l->links->leaving, &l->node);
	arm(l, LEAVE_TIME);
}

void
links_on_line_timer(evutil_socket_t fd, short what, void *arg)
{
	struct line *l = arg;

	(void)fd;
	(void)what;
	if (l->stage == LINE_LEAVING)
		links_close_line(l);
	else if (l->revoked)
		links_end_line(l, HA_CONN_REVOKED);
	else
		grow_old(l);
}

/* --- what the two ends say of themselves --- */

static void
tell_greeting(struct line *l)
{
	const struct ha_links_name name = links_name(l);
	uint8_t frame[1 + HA_GREETING_MAX] = { HA_LINK_FRAME_GREETING };
	size_t len;

	if (ha_greeting_encode(frame + 1, &len,
	    &l->links->handshake->greeting) != HA_OK)
		return;
	l->links->events.greeting(l->links->events.arg, &name, &l->greeting);
	links_go_over(l);
	say(l, frame, 1 + len);
}

void
ha_links_set_greeting(struct ha_links *links,
    const struct ha_greeting *greeting)
{
	struct ha_greeting *g = &links->handshake->greeting;

	memcpy(g->version, greeting->version, sizeof(g->version));
	memcpy(g->zones, greeting->zones, sizeof(g->zones));
	g->n_zones = greeting->n_zones;
	memcpy(g->cluster_digest, greeting->cluster_digest,
	    sizeof(g->cluster_digest));
	for (size_t i = 0; i < HA_MEMBER_MAX; i++) {
		for (size_t link = 0; link < HA_LINK_MAX; link++) {
			if (links->slots[i][link].up != NULL)
				tell_greeting(links->slots[i][link].up);
		}
	}
}

static bool
take_greeting(struct line *l, const uint8_t *body, size_t len)
{
	const struct ha_links_name name = links_name(l);
	struct ha_greeting g;

	if (ha_greeting_decode(&g, body, len) != HA_OK ||
	    memcmp(g.boot_id, l->greeting.boot_id, sizeof(g.boot_id)) != 0)
		return false;
	l->greeting = g;
	l->links->events.greeting(l->links->events.arg, &name, &g);
	links_go_over(l);
	return true;
}

bool
links_take_frame(struct line *l, const uint8_t *plain, size_t len)
{
	switch (plain[0]) {
	case HA_LINK_FRAME_RENEW:
		if (!l->slot->dials)
			return false;
		links_choose_newest(l->slot);
		l->slot->once = false;
		links_renew(l->slot);
		return true;
	case HA_LINK_FRAME_GREETING:
		return take_greeting(l, plain + 1, len - 1);
	default:
		return true; /* of a later release: not for us */
	}
}
