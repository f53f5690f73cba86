/*
 * A slot is one link to one peer, there as long as the cluster file has both;
 * a line is one connection, from the first byte to the last.  Lines come and
 * go:
 *
 *     slot->trying   being dialled or shaking hands; dialling slots only
 *     slot->up       the link; at most one
 *     guests         accepted lines whose handshake is not done: nobody
 *                    knows yet whose slot they are for
 *     leaving        accepted lines that were replaced by one of the same
 *                    start: the dialling end closes them when it has the new
 *                    one, and nothing may look as if a link were lost
 *
 * Which of two lines of a slot is the newer: that of the peer's newer start;
 * of one start, that with the higher number, which the dialling end chooses.
 *
 * A slot that dials does so whenever it has neither line, after a wait that
 * doubles from a tenth of a second to three; a link that was well for a while
 * begins with the shortest again.
 *
 * links_dial.c begins connections, links_door.c lets them in, links_line.c
 * follows each to its end, links_start.c knows which start of a peer speaks,
 * links_renew.c has lines made anew, links_keys.c holds what they are made
 * with, links_members.c which slots there are.
 */
#include "shell/links.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "shell/clock.h"
#include "shell/links_priv.h"
#include "shell/sock.h"

#ifdef HA_FAST_REKEY
static const struct ha_dur HANDSHAKE_EVERY = { INT64_C(10) * 1000000000 };
#else
static const struct ha_dur HANDSHAKE_EVERY = { INT64_C(3600) * 1000000000 };
#endif
static const struct ha_dur QUARANTINE = { INT64_C(600) * 1000000000 };

struct slot *
links_find_slot(const struct ha_links *links, uint8_t peer, uint8_t link)
{
	struct slot *s;

	if (peer < 1 || peer > HA_MEMBER_MAX || link >= HA_LINK_MAX)
		return NULL;
	s = (struct slot *)(uintptr_t)&links->slots[peer - 1][link];
	return s->present ? s : NULL;
}

static struct line *
find_line(const struct ha_links *links, const struct ha_links_name *name)
{
	struct slot *s = links_find_slot(links, name->peer, name->link);

	if (s == NULL || s->up == NULL ||
	    s->up->generation != name->generation)
		return NULL;
	return s->up;
}

const char *
ha_links_serial(const struct ha_links *links, uint8_t member)
{
	if (member < 1 || member > HA_MEMBER_MAX ||
	    links->serials[member - 1][0] == '\0')
		return "unknown";
	return links->serials[member - 1];
}

const char *
links_peer(const struct slot *s)
{
	return ha_links_serial(s->links, s->peer);
}

void
links_set_phase(struct slot *s, enum ha_link_phase phase)
{
	s->stats.phase = phase;
	s->stats.since = ha_clock_now();
}

/* The handshake of a connection to or from peer; 0: from anybody. */
struct ha_handshake_config *
links_prepare(struct ha_links *links, uint8_t peer, uint8_t link)
{
	struct ha_handshake_config *h = links->handshake;

	h->link = link;
	h->peer = peer;
	h->choice = 0;
	h->greeting.generation = 0;
	h->greeting.boot_seen = peer > 0 ? links->boot_seen[peer - 1] : 0;
	return h;
}

/* --- making and unmaking --- */

static int
start(struct ha_links *links, const struct ha_links_config *config)
{
	int rc = links_make_handshake(links, config);

	if (rc == HA_OK)
		rc = links_make_starts(links);
	if (rc != HA_OK)
		return rc;
	links->env = ha_conn_env_new(links->base, links->counters,
	    &LINKS_CONN_EVENTS, links);
	if (links->env == NULL)
		return HA_ERR_NOMEM;
	return links_open_members(links);
}

int
ha_links_open(struct event_base *base, struct ha_log *log,
    struct ha_shell_counters *counters, const struct ha_links_config *config,
    const struct ha_links_events *events, struct ha_links **out)
{
	struct ha_links *links = calloc(1, sizeof(*links));
	int rc;

	if (links == NULL)
		return HA_ERR_NOMEM;
	ha_list_init(&links->guests);
	ha_list_init(&links->leaving);
	links->base = base;
	links->log = log;
	links->counters = counters;
	links->conf = config->conf;
	links->self = config->self;
	links->events = *events;
	links->rng.state = config->seed;
	links->handshake_every = config->handshake_every.ns > 0 ?
	    config->handshake_every : HANDSHAKE_EVERY;
	links->quarantine = config->quarantine.ns > 0 ? config->quarantine :
	    QUARANTINE;
	memcpy(links->boot_seen, config->boot_seen,
	    sizeof(links->boot_seen));
	rc = start(links, config);
	if (rc != HA_OK) {
		ha_links_close(links);
		return rc;
	}
	*out = links;
	return HA_OK;
}

void
links_close_lines(struct ha_list *lines)
{
	while (!ha_list_empty(lines))
		links_close_line(HA_LIST_ENTRY(lines->next, struct line,
		    node));
}

static void
close_all(struct ha_links *links)
{
	links_close_lines(&links->guests);
	links_close_lines(&links->leaving);
	for (size_t i = 0; i < HA_MEMBER_MAX; i++) {
		for (size_t link = 0; link < HA_LINK_MAX; link++) {
			links_close_line(links->slots[i][link].up);
			links_close_line(links->slots[i][link].trying);
		}
	}
}

void
ha_links_close(struct ha_links *links)
{
	if (links == NULL)
		return;
	close_all(links);
	for (size_t i = 0; i < HA_MEMBER_MAX; i++) {
		for (size_t link = 0; link < HA_LINK_MAX; link++) {
			if (links->slots[i][link].timer != NULL)
				event_free(links->slots[i][link].timer);
		}
	}
	ha_links_abandon(links);
	for (size_t link = 0; link < HA_LINK_MAX; link++)
		ha_listener_free(links->listeners[link]);
	if (links->quarantine_timer != NULL)
		event_free(links->quarantine_timer);
	ha_conn_env_free(links->env);
	sodium_free(links->handshake);
	free(links);
}

/* --- what the owner asks --- */

int
ha_links_send(struct ha_links *links, const struct ha_links_name *name,
    enum ha_urgency urgency, const uint8_t *data, size_t len)
{
	struct line *l = find_line(links, name);

	if (l == NULL)
		return HA_ERR_STALE;
	return ha_conn_send(l->conn, urgency, data, len);
}

size_t
ha_links_queued(const struct ha_links *links,
    const struct ha_links_name *name)
{
	const struct line *l = find_line(links, name);

	return l != NULL ? ha_conn_queued(l->conn) : 0;
}

void
ha_links_drop(struct ha_links *links, const struct ha_links_name *name,
    const char *why)
{
	struct line *l = find_line(links, name);
	struct slot *s;

	if (l == NULL)
		return;
	s = l->slot;
	snprintf(s->stats.last_error, sizeof(s->stats.last_error), "%s", why);
	ha_log(links->log, HA_LOG_WARN, "link.down",
	    "peer=%s link=%s why=\"%s\"", links_peer(s),
	    ha_link_name(s->link), why);
	links_close_line(l);
	links_redial(s);
}

void
ha_links_flush(struct ha_links *links)
{
	for (size_t i = 0; i < HA_MEMBER_MAX; i++) {
		for (size_t link = 0; link < HA_LINK_MAX; link++) {
			struct line *l = links->slots[i][link].up;

			if (l != NULL)
				ha_conn_flush(l->conn);
		}
	}
}

void
ha_links_drain(struct ha_links *links)
{
	for (size_t i = 0; i < HA_MEMBER_MAX; i++) {
		for (size_t link = 0; link < HA_LINK_MAX; link++) {
			struct line *l = links->slots[i][link].up;

			if (l != NULL)
				ha_conn_drain(l->conn);
		}
	}
}

void
ha_links_set_state(struct ha_links *links, enum ha_state state)
{
	links->handshake->greeting.state = (uint8_t)state;
}

void
ha_links_set_boot(struct ha_links *links,
    const uint8_t id[static HA_BOOT_ID_LEN], uint64_t counter)
{
	struct ha_greeting *g = &links->handshake->greeting;

	close_all(links);
	links_begin_own_start(links);
	memcpy(g->boot_id, id, HA_BOOT_ID_LEN);
	g->boot_counter = counter;
	for (size_t i = 0; i < HA_MEMBER_MAX; i++) {
		for (size_t link = 0; link < HA_LINK_MAX; link++) {
			struct slot *s = &links->slots[i][link];

			if (!s->present)
				continue;
			ha_backoff_reset(&s->backoff);
			links_redial(s);
		}
	}
}

void
ha_links_raise_seen(struct ha_links *links, uint8_t member, uint64_t counter)
{
	uint64_t *seen = &links->boot_seen[member - 1];

	if (counter > *seen)
		*seen = counter;
}

int
ha_links_stats(const struct ha_links *links, uint8_t peer, uint8_t link,
    struct ha_link_stats *out)
{
	const struct slot *s = links_find_slot(links, peer, link);

	if (s == NULL)
		return HA_ERR_ABSENT;
	*out = s->stats;
	return HA_OK;
}
