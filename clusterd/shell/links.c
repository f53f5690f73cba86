/*
 * A slot is one link to one peer, for the life of the process; a line is one
 * connection, from the first byte to the last.  Lines come and go:
 *
 *     slot->trying   being dialled or shaking hands; dialling slots only
 *     slot->up       the link; at most one
 *     guests         accepted lines whose handshake is not done: nobody
 *                    knows yet whose slot they are for
 *
 * Which of two lines of a slot is the newer: that of the peer's newer start;
 * of one start, that with the higher number, which the dialling end chooses.
 *
 * A slot that dials does so whenever it has neither line, after a wait that
 * doubles from a tenth of a second to three; a link that was well for a while
 * begins with the shortest again.
 */
#include "shell/links.h"

#include <event2/event.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/list.h"
#include "base/rng.h"
#include "proto/handshake.h"
#include "shell/backoff.h"
#include "shell/clock.h"
#include "shell/conn.h"
#include "shell/listener.h"
#include "shell/log.h"
#include "shell/loop.h"
#include "shell/sock.h"

#define GUESTS_MAX            64
#define GUESTS_MAX_OF_ADDRESS 4

static const struct ha_dur CONNECT_TIME = { INT64_C(2500) * 1000000 };
static const struct ha_dur WELL_AFTER = { INT64_C(5000) * 1000000 };
static const struct ha_dur WAIT_FIRST = { INT64_C(100) * 1000000 };
static const struct ha_dur WAIT_LONGEST = { INT64_C(3000) * 1000000 };

struct line;

struct slot {
	struct ha_links *links;
	uint8_t peer;
	uint8_t link;
	bool present;
	bool dials;
	struct ha_conf_address address;
	struct line *up;
	struct line *trying;
	struct event *timer; /* dialling slots: the next attempt */
	struct ha_backoff backoff;
	uint32_t attempts;
	struct ha_boot boot; /* of the peer when last up */
	uint64_t number;     /* of the newest line in that boot */
	struct ha_link_stats stats;
};

struct line {
	struct ha_list node; /* of guests */
	struct ha_links *links;
	struct ha_conn *conn;
	struct slot *slot; /* NULL: a guest */
	struct ha_conf_address from;
	uint8_t link;
	struct ha_boot boot;
	uint64_t number;
	uint64_t generation; /* once up */
	struct ha_greeting greeting;
};

struct ha_links {
	struct event_base *base;
	struct ha_log *log;
	struct ha_shell_counters *counters;
	struct ha_links_events events;
	const struct ha_cluster_conf *conf;
	uint8_t self;
	struct ha_conn_env *env;
	struct ha_listener *listeners[HA_LINK_MAX];
	struct ha_handshake_config *handshake; /* guarded; see prepare() */
	uint64_t boot_seen[HA_MEMBER_MAX];
	struct ha_rng rng;
	uint64_t generations; /* given out */
	struct ha_list guests;
	unsigned int n_guests;
	struct slot slots[HA_MEMBER_MAX][HA_LINK_MAX];
};

static void schedule(struct slot *s, struct ha_dur wait);
static void end_line(struct line *l, const struct ha_conn_close *why);

static struct slot *
find_slot(const struct ha_links *links, uint8_t peer, uint8_t link)
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
	struct slot *s = find_slot(links, name->peer, name->link);

	if (s == NULL || s->up == NULL ||
	    s->up->generation != name->generation)
		return NULL;
	return s->up;
}

static struct ha_links_name
name_of(const struct line *l)
{
	return (struct ha_links_name){ .peer = l->slot->peer,
		.link = l->slot->link, .generation = l->generation };
}

static void
set_phase(struct slot *s, enum ha_link_phase phase)
{
	s->stats.phase = phase;
	s->stats.since = ha_clock_now();
}

/* --- lines --- */

static struct line *
new_line(struct ha_links *links, uint8_t link,
    const struct ha_conf_address *from)
{
	struct line *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	ha_list_init(&l->node);
	l->links = links;
	l->link = link;
	l->from = *from;
	return l;
}

/* Take a line out of everything and forget it; its connection is closed. */
static void
forget_line(struct line *l)
{
	if (ha_list_linked(&l->node)) {
		ha_list_remove(&l->node);
		l->links->n_guests--;
	}
	if (l->slot != NULL) {
		if (l->slot->up == l)
			l->slot->up = NULL;
		if (l->slot->trying == l)
			l->slot->trying = NULL;
		l->slot->stats.queued_bytes = 0;
	}
	free(l);
}

static void
close_line(struct line *l)
{
	if (l == NULL)
		return;
	ha_conn_close(l->conn);
	forget_line(l);
}

/* The handshake of a connection to or from peer; 0: from anybody. */
static struct ha_handshake_config *
prepare(struct ha_links *links, uint8_t peer, uint8_t link)
{
	struct ha_handshake_config *h = links->handshake;

	h->link = link;
	h->peer = peer;
	h->attempt = 0;
	h->greeting.generation = 0;
	h->greeting.boot_seen = peer > 0 ? links->boot_seen[peer - 1] : 0;
	return h;
}

/* --- dialling --- */

static void
note_failure(struct slot *s, const char *why)
{
	enum ha_log_level level = HA_LOG_DEBUG;

	s->stats.failures++;
	if (strcmp(s->stats.last_error, why) != 0) {
		level = HA_LOG_NOTICE;
		snprintf(s->stats.last_error, sizeof(s->stats.last_error),
		    "%s", why);
	}
	ha_log(s->links->log, level, "link.failed",
	    "peer=%u link=%s why=\"%s\"", s->peer, ha_link_name(s->link),
	    why);
}

static int
dial(struct slot *s)
{
	struct ha_links *links = s->links;
	const struct ha_conf_member *self =
	    ha_cluster_conf_find_index(links->conf, links->self);
	struct ha_handshake_config *config = prepare(links, s->peer, s->link);
	struct line *l = new_line(links, s->link, &s->address);
	struct ha_handshake *h = NULL;
	int fd, rc;

	if (l == NULL)
		return HA_ERR_NOMEM;
	l->slot = s;
	l->number = ++s->number;
	config->attempt = s->attempts++;
	config->greeting.generation = l->number;
	rc = ha_handshake_new_initiator(config, &h);
	if (rc != HA_OK)
		goto fail;
	rc = ha_sock_dial(&self->address[s->link], &s->address,
	    links->conf->link[s->link].port, &fd);
	if (rc != HA_OK) {
		ha_handshake_free(h);
		goto fail;
	}
	ha_sock_tune(fd, ha_dur_ms(
	    links->conf->link[s->link].keepalive_threshold_ms));
	rc = ha_conn_dialled(links->env, fd, h, CONNECT_TIME, &l->conn);
	if (rc != HA_OK)
		goto fail;
	ha_conn_set_owner(l->conn, l);
	ha_conn_set_stats(l->conn, &s->stats);
	s->trying = l;
	return HA_OK;

fail:
	free(l);
	return rc;
}

static void
on_dial(evutil_socket_t fd, short what, void *arg)
{
	struct slot *s = arg;
	int rc;

	(void)fd;
	(void)what;
	if (s->up != NULL || s->trying != NULL)
		return;
	s->links->counters->link_dials++;
	rc = dial(s);
	if (rc == HA_OK) {
		set_phase(s, HA_LINK_PHASE_CONNECT);
		return;
	}
	s->links->counters->link_dial_failures++;
	note_failure(s, ha_err_text(rc));
	schedule(s, ha_backoff_next(&s->backoff, &s->links->rng));
}

static void
schedule(struct slot *s, struct ha_dur wait)
{
	struct timeval tv = ha_loop_timeval(wait);

	set_phase(s, HA_LINK_PHASE_WAIT);
	if (s->dials)
		event_add(s->timer, &tv);
}

/* --- accepting --- */

static unsigned int
guests_of(const struct ha_links *links, const struct ha_conf_address *from)
{
	const struct ha_list *node;
	unsigned int n = 0;

	HA_LIST_FOREACH(node, &links->guests) {
		const struct line *l = HA_LIST_ENTRY((uintptr_t)node,
		    struct line, node);

		n += ha_sock_same_host(&l->from, from);
	}
	return n;
}

/* The slot of the peer that may dial us from there; NULL: nobody may. */
static struct slot *
find_source(struct ha_links *links, uint8_t link,
    const struct ha_conf_address *from)
{
	for (uint8_t peer = 1; peer < links->self; peer++) {
		struct slot *s = find_slot(links, peer, link);

		if (s != NULL && ha_sock_same_host(&s->address, from))
			return s;
	}
	return NULL;
}

/* Why a connection from there is not let in; NULL: it is. */
static const char *
door(struct ha_links *links, const struct slot *source,
    const struct ha_conf_address *from)
{
	if (source == NULL) {
		links->counters->link_refused_source++;
		return "not-a-member";
	}
	if (links->n_guests >= GUESTS_MAX) {
		links->counters->link_refused_half_open++;
		return "too-many";
	}
	if (guests_of(links, from) >= GUESTS_MAX_OF_ADDRESS) {
		links->counters->link_refused_from_source++;
		return "too-many-from-there";
	}
	return NULL;
}

static int
let_in(struct ha_links *links, uint8_t link, const struct slot *source,
    int fd, const struct ha_conf_address *from)
{
	struct ha_handshake_config *config =
	    prepare(links, source->peer, link);
	struct line *l = new_line(links, link, from);
	struct ha_handshake *h = NULL;
	int rc = HA_ERR_NOMEM;

	if (l == NULL)
		goto fail;
	rc = ha_handshake_new_responder(config, &h);
	if (rc != HA_OK)
		goto fail;
	ha_sock_tune(fd, ha_dur_ms(
	    links->conf->link[link].keepalive_threshold_ms));
	rc = ha_conn_accepted(links->env, fd, h, &l->conn);
	if (rc != HA_OK) {
		free(l);
		return rc;
	}
	ha_conn_set_owner(l->conn, l);
	ha_list_append(&links->guests, &l->node);
	links->n_guests++;
	return HA_OK;

fail:
	free(l);
	close(fd);
	return rc;
}

/* A member is told; a stranger is not. */
static void
say_busy(int fd)
{
	uint8_t record[HA_REFUSAL_LEN];

	ha_refusal_encode(record, HA_REFUSE_BUSY);
	(void)send(fd, record, sizeof(record), MSG_NOSIGNAL);
}

static void
on_accepted(void *arg, uint8_t link, int fd,
    const struct ha_conf_address *from)
{
	struct ha_links *links = arg;
	const struct slot *source = find_source(links, link, from);
	const char *why = door(links, source, from);
	char text[HA_CONF_ADDRESS_LEN];

	links->counters->link_accepts++;
	if (why != NULL) {
		if (source != NULL)
			say_busy(fd);
		close(fd);
	} else {
		int rc = let_in(links, link, source, fd, from);

		if (rc == HA_OK)
			return;
		why = ha_err_text(rc);
	}
	ha_conf_address_text(from, false, text);
	ha_log_limited(links->log, HA_LOG_WARN, "link.refused",
	    source != NULL ? source->peer : 0,
	    "from=%s link=%s why=\"%s\"", text, ha_link_name(link), why);
}

static void
on_exhausted(void *arg, uint8_t link)
{
	struct ha_links *links = arg;

	links->counters->link_refused_descriptors++;
	ha_log_limited(links->log, HA_LOG_ERR, "link.no-descriptor", link,
	    "link=%s why=\"no file descriptor is left to accept with\"",
	    ha_link_name(link));
}

/* --- what connections tell --- */

/* A line of that start of the peer, with that number: is it one that was
 * replaced already? */
static bool
is_stale(struct slot *s, const struct ha_boot *boot, uint64_t number)
{
	uint64_t *seen = &s->links->boot_seen[s->peer - 1];

	if (boot->counter < *seen)
		return true;
	if (boot->counter != s->boot.counter)
		return false;
	if (boot->id != s->boot.id) {
		/* Two starts with one counter: a database was put back.  Ask
		 * the later one to step over it. */
		*seen = boot->counter + 1;
		return true;
	}
	return !s->dials && number <= s->number;
}

/* True: this start of ours is an old one, as the peer knows; the line is
 * refused and may be gone. */
static bool
check_behind(struct line *l, const struct ha_greeting *g)
{
	struct ha_links *links = l->links;
	uint8_t peer = l->slot->peer;

	if (g->boot_seen <= links->handshake->greeting.boot_counter)
		return false;
	ha_conn_refuse(l->conn, HA_REFUSE_STALE);
	links->events.behind(links->events.arg, peer, g->boot_seen);
	return true;
}

/* A peer that is behind itself is not refused when it was dialled: only by
 * our CONFIRM it learns of that. */
static void
on_greeted(void *arg, struct ha_conn *c)
{
	struct ha_links *links = arg;
	struct line *l = ha_conn_owner(c);
	const struct ha_handshake *h = ha_conn_handshake(c);
	const struct ha_greeting *g = ha_handshake_peer(h);
	bool dialled = l->slot != NULL;

	if (!dialled) {
		l->slot = find_slot(links, ha_handshake_peer_index(h),
		    l->link);
		if (l->slot == NULL ||
		    !ha_sock_same_host(&l->slot->address, &l->from)) {
			l->slot = NULL;
			ha_conn_refuse(c, HA_REFUSE_SERIAL);
			return;
		}
		l->number = g->generation;
	}
	l->greeting = *g;
	l->boot = ha_greeting_boot(g);
	if (check_behind(l, g))
		return;
	if (!dialled && is_stale(l->slot, &l->boot, l->number))
		ha_conn_refuse(c, HA_REFUSE_STALE);
	else
		ha_conn_accept(c);
}

/* Make room in the slot for a newer line. */
static void
replace_line(struct slot *s, struct line *newer)
{
	struct ha_links *links = s->links;

	if (s->trying != NULL && s->trying != newer)
		close_line(s->trying);
	if (s->up != NULL) {
		struct ha_links_name old = name_of(s->up);

		ha_log(links->log, HA_LOG_INFO, "link.replaced",
		    "peer=%u link=%s", s->peer, ha_link_name(s->link));
		close_line(s->up);
		links->events.down(links->events.arg, &old);
	}
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
	s->boot = l->boot;
	s->number = l->number;
	l->generation = ++links->generations;
	if (s->timer != NULL)
		event_del(s->timer);
	ha_links_raise_seen(links, s->peer, l->boot.counter);
	ha_conn_set_stats(l->conn, &s->stats);
	set_phase(s, HA_LINK_PHASE_UP);
	s->stats.generation = l->generation;
	s->stats.connections++;
	s->stats.last_error[0] = '\0';
	links->counters->link_handshakes++;
}

/* Was dialled, and the peer did not notice by itself that it is behind. */
static bool
is_stale_dialled(const struct line *l)
{
	return l->slot->dials && is_stale(l->slot, &l->boot, l->number);
}

static void
on_up(void *arg, struct ha_conn *c)
{
	struct ha_links *links = arg;
	struct line *l = ha_conn_owner(c);
	struct slot *s = l->slot;
	struct ha_links_name name;

	if (is_stale_dialled(l)) {
		end_line(l, &(struct ha_conn_close){ .end = HA_CONN_STALE });
		ha_conn_close(c);
		return;
	}
	replace_line(s, l);
	become_up(s, l);
	name = name_of(l);
	ha_log(links->log, HA_LOG_NOTICE, "link.up",
	    "peer=%u link=%s generation=%" PRIu64 " dialled=%s", s->peer,
	    ha_link_name(s->link), l->generation, s->dials ? "yes" : "no");
	links->events.up(links->events.arg, &name, &l->greeting);
}

static bool
on_frame(void *arg, struct ha_conn *c, const uint8_t *plain, size_t len)
{
	struct ha_links *links = arg;
	struct ha_links_name name = name_of(ha_conn_owner(c));

	return links->events.frame(links->events.arg, &name, plain, len);
}

static void
on_sent(void *arg, struct ha_conn *c, unsigned int n)
{
	struct ha_links *links = arg;
	struct ha_links_name name = name_of(ha_conn_owner(c));

	links->events.room(links->events.arg, &name, n);
}

/* --- what ended --- */

/* A guest's troubles are any stranger's to cause: limited. */
static void
report_guest(struct ha_links *links, const struct line *l,
    const struct ha_conn_close *why)
{
	uint32_t about = (uint32_t)why->failure.reason << 8 |
	    (uint32_t)why->end;
	char from[HA_CONF_ADDRESS_LEN];
	char text[HA_CONN_CLOSE_TEXT];

	ha_conf_address_text(&l->from, false, from);
	ha_log_limited(links->log, HA_LOG_WARN, "link.refused", about,
	    "from=%s link=%s reason=%s why=\"%s\"", from,
	    ha_link_name(l->link), ha_refusal_name(why->failure.reason),
	    ha_conn_close_text(why, text));
}

static void
report_down(struct slot *s, const struct ha_conn_close *why)
{
	char text[HA_CONN_CLOSE_TEXT];

	ha_conn_close_text(why, text);
	snprintf(s->stats.last_error, sizeof(s->stats.last_error), "%s",
	    text);
	ha_log(s->links->log, HA_LOG_WARN, "link.down",
	    "peer=%u link=%s why=\"%s\"", s->peer, ha_link_name(s->link),
	    text);
}

static void
redial(struct slot *s)
{
	if (!s->dials) {
		set_phase(s, HA_LINK_PHASE_WAIT);
		return;
	}
	schedule(s, ha_backoff_next(&s->backoff, &s->links->rng));
}

/* Was up: the owner must hear of it. */
static void
lose_line(struct line *l, const struct ha_conn_close *why)
{
	struct slot *s = l->slot;
	struct ha_links *links = l->links;
	struct ha_links_name name = name_of(l);
	struct ha_dur lasted = ha_time_since(ha_clock_now(), s->stats.since);

	if (!ha_dur_less(lasted, WELL_AFTER))
		ha_backoff_reset(&s->backoff);
	s->stats.frames_malformed += why->end == HA_CONN_BAD_FRAME ||
	    why->end == HA_CONN_BAD_MESSAGE;
	report_down(s, why);
	forget_line(l);
	redial(s);
	links->events.down(links->events.arg, &name);
}

static void
end_line(struct line *l, const struct ha_conn_close *why)
{
	struct ha_links *links = l->links;
	struct slot *s = l->slot;
	char text[HA_CONN_CLOSE_TEXT];

	ha_conn_close_count(why, links->counters);
	if (s != NULL && s->up == l) {
		lose_line(l, why);
	} else if (s != NULL && s->trying == l) {
		note_failure(s, ha_conn_close_text(why, text));
		forget_line(l);
		redial(s);
	} else {
		report_guest(links, l, why);
		forget_line(l);
	}
}

static void
on_closed(void *arg, struct ha_conn *c, const struct ha_conn_close *why)
{
	(void)arg;
	end_line(ha_conn_owner(c), why);
}

/* --- making and unmaking --- */

static const struct ha_conn_events CONN_EVENTS = {
	.greeted = on_greeted,
	.up = on_up,
	.frame = on_frame,
	.sent = on_sent,
	.closed = on_closed,
};

static int
copy_member(struct ha_handshake_member *out,
    const struct ha_conf_member *m)
{
	size_t len = strlen(m->serial);

	if (len >= sizeof(out->serial))
		return HA_ERR_CONFIG;
	memcpy(out->serial, m->serial, len + 1);
	memcpy(out->public_keys[0], m->public_key, HA_KEY_LEN);
	out->n_keys = 1;
	if (m->has_next_public_key) {
		memcpy(out->public_keys[1], m->next_public_key, HA_KEY_LEN);
		out->n_keys = 2;
	}
	return HA_OK;
}

static void
copy_secrets(struct ha_handshake_config *h, const struct ha_identity *id,
    const struct ha_secret *secret)
{
	memcpy(h->secrets[0], secret->current, HA_KEY_LEN);
	memcpy(h->secrets[1], secret->next, HA_KEY_LEN);
	h->n_secrets = secret->has_next ? 2 : 1;
	memcpy(h->keypairs[0].private_key, id->private_key, HA_KEY_LEN);
	memcpy(h->keypairs[0].public_key, id->public_key, HA_KEY_LEN);
	memcpy(h->keypairs[1].private_key, id->next_private_key, HA_KEY_LEN);
	memcpy(h->keypairs[1].public_key, id->next_public_key, HA_KEY_LEN);
	h->n_keypairs = id->has_next ? 2 : 1;
}

static int
make_handshake(struct ha_links *links, const struct ha_links_config *config)
{
	struct ha_handshake_config *h = sodium_malloc(sizeof(*h));
	int rc;

	if (h == NULL)
		return HA_ERR_NOMEM;
	memset(h, 0, sizeof(*h));
	links->handshake = h;
	h->cluster = config->conf->id;
	h->self = config->self;
	h->protocol_min = HA_PROTOCOL_MIN;
	h->protocol_max = HA_PROTOCOL_MAX;
	h->greeting = config->greeting;
	copy_secrets(h, config->identity, config->secret);
	for (size_t i = 0; i < config->conf->n_members; i++) {
		const struct ha_conf_member *m = &config->conf->members[i];

		if (!m->enabled)
			continue;
		rc = copy_member(&h->members[m->index - 1], m);
		if (rc != HA_OK)
			return rc;
	}
	return HA_OK;
}

static int
make_slot(struct ha_links *links, const struct ha_conf_member *m,
    uint8_t link)
{
	struct slot *s = &links->slots[m->index - 1][link];

	if (!m->enabled || m->index == links->self ||
	    m->address[link].family == 0)
		return HA_OK;
	s->links = links;
	s->peer = m->index;
	s->link = link;
	s->present = true;
	s->dials = links->self < m->index;
	s->address = m->address[link];
	s->stats.dials = s->dials;
	ha_backoff_init(&s->backoff, WAIT_FIRST, WAIT_LONGEST);
	set_phase(s, HA_LINK_PHASE_WAIT);
	if (!s->dials)
		return HA_OK;
	s->timer = evtimer_new(links->base, on_dial, s);
	if (s->timer == NULL)
		return HA_ERR_NOMEM;
	schedule(s, (struct ha_dur){ (int64_t)ha_rng_below(&links->rng,
	    (uint64_t)WAIT_FIRST.ns / 2) });
	return HA_OK;
}

static int
make_slots(struct ha_links *links)
{
	for (size_t i = 0; i < links->conf->n_members; i++) {
		for (uint8_t link = 0; link < HA_LINK_MAX; link++) {
			int rc = make_slot(links, &links->conf->members[i],
			    link);

			if (rc != HA_OK)
				return rc;
		}
	}
	return HA_OK;
}

static int
listen_on(struct ha_links *links, uint8_t link)
{
	const struct ha_conf_member *self =
	    ha_cluster_conf_find_index(links->conf, links->self);
	const struct ha_listener_events events = { .arg = links,
		.accepted = on_accepted, .exhausted = on_exhausted };
	uint16_t port = links->conf->link[link].port;
	char text[HA_CONF_ADDRESS_LEN];
	int fd, rc;

	if (self->address[link].family == 0)
		return HA_OK;
	rc = ha_sock_listen(&self->address[link], port, &fd);
	if (rc != HA_OK) {
		ha_conf_address_text(&self->address[link], false, text);
		ha_log(links->log, HA_LOG_ERR, "link.listen-failed",
		    "link=%s address=%s port=%u why=\"%s\"",
		    ha_link_name(link), text, port,
		    rc == HA_ERR_EXISTS ? "address and port are in use" :
		    ha_err_text(rc));
		return rc;
	}
	links->listeners[link] = ha_listener_new(links->base, link, fd,
	    &events);
	return links->listeners[link] != NULL ? HA_OK : HA_ERR_NOMEM;
}

static int
start(struct ha_links *links, const struct ha_links_config *config)
{
	int rc = make_handshake(links, config);

	if (rc != HA_OK)
		return rc;
	links->env = ha_conn_env_new(links->base, links->counters,
	    &CONN_EVENTS, links);
	if (links->env == NULL)
		return HA_ERR_NOMEM;
	for (uint8_t link = 0; link < HA_LINK_MAX; link++) {
		rc = listen_on(links, link);
		if (rc != HA_OK)
			return rc;
	}
	return make_slots(links);
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
	links->base = base;
	links->log = log;
	links->counters = counters;
	links->conf = config->conf;
	links->self = config->self;
	links->events = *events;
	links->rng.state = config->seed;
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

static void
close_all(struct ha_links *links)
{
	while (!ha_list_empty(&links->guests))
		close_line(HA_LIST_ENTRY(links->guests.next, struct line,
		    node));
	for (size_t i = 0; i < HA_MEMBER_MAX; i++) {
		for (size_t link = 0; link < HA_LINK_MAX; link++) {
			close_line(links->slots[i][link].up);
			close_line(links->slots[i][link].trying);
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
	for (size_t link = 0; link < HA_LINK_MAX; link++)
		ha_listener_free(links->listeners[link]);
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
	    "peer=%u link=%s why=\"%s\"", s->peer, ha_link_name(s->link),
	    why);
	close_line(l);
	redial(s);
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
	memcpy(g->boot_id, id, HA_BOOT_ID_LEN);
	g->boot_counter = counter;
	for (size_t i = 0; i < HA_MEMBER_MAX; i++) {
		for (size_t link = 0; link < HA_LINK_MAX; link++) {
			struct slot *s = &links->slots[i][link];

			if (!s->present)
				continue;
			ha_backoff_reset(&s->backoff);
			redial(s);
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
	const struct slot *s = find_slot(links, peer, link);

	if (s == NULL)
		return HA_ERR_ABSENT;
	*out = s->stats;
	return HA_OK;
}
